//! Laws of checkpoints: what some ranks save others restore, what is damaged is passed over, and a run that is stopped or killed
//! ends with the same file.
#![cfg(feature = "h5")]

use std::path::PathBuf;
use std::time::Duration;

use crate::common::{LIMIT, code, launch, ranks_of, run_disturbed, shared, signal};
use rankwise::array::{DistArray, Layout};
use rankwise::checkpoint::{Checkpoint, Every};
use rankwise::prelude::*;
use rankwise::testing::{on_ranks, run_to_end};

fn value((i, j): (usize, usize), step: u64) -> f64 {
    (i * 7 + j) as f64 / 3.0 + step as f64
}

#[test]
fn what_some_ranks_save_others_restore() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("checkpoints");
    for (writers, readers) in [([4], [1, 3]), ([1], [2, 4])] {
        on_ranks(writers, |world| {
            // Of an earlier run of this test.
            world.on_root(|| {
                let _ = std::fs::remove_dir_all(&folder);
                Ok(())
            })?;
            let array = DistArray::from_fn(&Layout::grid_auto(world, [9, 7])?, |at| value(at, 5))?;
            let flags = DistArray::from_fn(&Layout::rows(world, 3)?, |i| i == 1)?;
            let mut checkpoint = Checkpoint::every(world, 5, &folder)?;
            assert!(checkpoint.latest()?.is_none());
            assert!(!checkpoint.save_if_due(4, |_| unreachable!("not due"))?);
            assert!(checkpoint.save_if_due(5, |to| {
                to.array("deep/plane", &array)?;
                to.array("flags", &flags)?;
                to.value("history", &(vec![0.1, f64::NAN], "text"))?;
                to.value("nothing", &())
            })?);
            Ok(())
        });
        on_ranks(readers, |world| {
            let saved = Checkpoint::every(world, 5, &folder)?.latest()?.expect("there is one");
            assert_eq!((saved.step(), saved.damaged().len()), (5, 0));
            for layout in [Layout::rows(world, [9, 7])?, Layout::grid(world, [9, 7], [1, world.size()])?] {
                let found: DistArray<f64, _> = saved.array(&layout, "deep/plane")?;
                assert_eq!(found.local(), DistArray::from_fn(&layout, |at| value(at, 5))?.local());
            }
            let flags: DistArray<bool, _> = saved.array(&Layout::rows(world, 3)?, "flags")?;
            assert_eq!(flags.all_gather()?, ndarray::array![false, true, false]);
            let (means, text): (Vec<f64>, String) = saved.value("history")?;
            assert_eq!((means[0], means[1].is_nan(), text.as_str()), (0.1, true, "text"));
            saved.value::<()>("nothing")?;
            assert!(saved.value::<u8>("none").unwrap_err().to_string().contains("no dataset values/none"));
            assert!(saved.value::<[u64; 9]>("history").is_err());
            assert!(saved.array::<f32, _>(&Layout::rows(world, [9, 7])?, "deep/plane").is_err());
            Ok(())
        });
    }
}

#[test]
fn the_last_ones_are_kept_and_what_fails_leaves_them() {
    on_ranks([1, 3], |world| {
        let (own, folder) = shared(world, "keep")?;
        // What a killed run has left.
        world.on_root(|| Ok(std::fs::write(folder.join(".step-000000000003.h5.partial"), "half")?))?;
        world.on_root(|| Ok(std::fs::write(folder.join("notes.txt"), "mine")?))?;
        let mut checkpoint = Checkpoint::every(world, Every::Steps(1), &folder)?.keep(3);
        for step in 0..6 {
            checkpoint.save(step, |to| to.value("step", &step))?;
        }
        // A value that is another on one rank, a closure that fails on one rank, a name that is taken.
        if world.size() > 1 {
            let error = checkpoint.save(6, |to| to.value("rank", &world.rank())).unwrap_err().to_string();
            assert!(error.contains("the ranks gave different values for the value rank"), "{error}");
        }
        let last = world.rank() == world.size() - 1;
        let wrong = |_: &rankwise::checkpoint::Saving<'_, '_>| -> Result<()> {
            world.agree(if last { Err("out of paper") } else { Ok(()) })
        };
        assert!(checkpoint.save(6, wrong).unwrap_err().to_string().contains("out of paper"));
        assert!(checkpoint.save(6, |to| to.value("x", &1).and_then(|()| to.value("x", &1))).is_err());
        assert_eq!(
            checkpoint.restore(|saved| {
                assert_eq!(saved.value::<u64>("step")?, 5);
                Ok(())
            })?,
            6
        );
        world.barrier()?;
        if let Some(own) = own {
            let names = ["notes.txt", "step-000000000003.h5", "step-000000000004.h5", "step-000000000005.h5"];
            assert_eq!(own.names(), names);
        }
        world.barrier()?;
        // By time: rank 0's clock.
        let checkpoint = Checkpoint::every(world, Duration::from_millis(200), &folder)?;
        assert!(!checkpoint.is_due(1)?);
        std::thread::sleep(Duration::from_millis(if world.is_root() { 250 } else { 0 }));
        assert!(checkpoint.is_due(1)?);
        assert!(Checkpoint::every(world, 0, &folder).is_err());
        Ok(())
    });
}

#[test]
fn what_is_damaged_is_passed_over() {
    on_ranks([1, 3], |world| {
        let (_own, folder) = shared(world, "damaged")?;
        let layout = Layout::rows(world, [40, 7])?;
        let mut checkpoint = Checkpoint::every(world, 1, &folder)?;
        for step in [1, 2] {
            let array = DistArray::from_fn(&layout, |at| value(at, step))?;
            checkpoint.save(step, |to| to.array("plane", &array))?;
        }
        let path = folder.join("step-000000000002.h5");
        let whole = std::fs::read(&path)?;
        world.barrier()?;
        let damage = |bytes: &[u8]| -> Result<()> {
            world.on_root(|| Ok(std::fs::write(&path, bytes)?))?;
            Ok(())
        };
        let mut cases: Vec<Vec<u8>> = vec![
            vec![],
            whole[..whole.len() - 1].to_vec(),
            whole[..600].to_vec(),
            whole[..100].to_vec(),
            [&whole[..], b"x"].concat(),
            b"not at all a checkpoint".to_vec(),
            std::fs::read(folder.join("step-000000000001.h5"))?,
        ];
        // One bit, anywhere: the same places on all ranks.
        let mut random = rankwise::random::stream(1, 2);
        use rand::RngExt as _;
        for k in 0..12 {
            let place = if k < 2 { k * 30 } else { random.random_range(512..whole.len()) };
            let mut bytes = whole.clone();
            bytes[place] ^= 1 << random.random_range(0..8);
            cases.push(bytes);
        }
        for (k, case) in cases.iter().enumerate() {
            damage(case)?;
            let saved = checkpoint.latest()?.expect("the one before");
            assert_eq!((saved.step(), saved.damaged().len()), (1, 1), "case {k}");
            let found: DistArray<f64, _> = saved.array(&layout, "plane")?;
            assert_eq!(found.local(), DistArray::from_fn(&layout, |at| value(at, 1))?.local());
        }
        world.on_root(|| Ok(std::fs::write(folder.join("step-000000000001.h5"), "gone, too")?))?;
        let error = checkpoint.latest().unwrap_err().to_string();
        assert!(error.contains("and no other of 2 checkpoints is whole"), "{error}");
        damage(&whole)?;
        assert_eq!(checkpoint.latest()?.expect("it is whole again").step(), 2);
        Ok(())
    });
}

#[test]
fn all_ranks_stop_at_the_same_step() {
    for name in ["TERM", "USR1"] {
        on_ranks([1, 3], |world| {
            assert!(!world.should_stop()?);
            let mut last = 0;
            for step in 0..1000 {
                // One rank alone is told, at a moment that the others do not know; twice, as under Slurm.
                if world.rank() == world.size() - 1 && step == 7 {
                    signal(std::process::id(), name);
                    signal(std::process::id(), name);
                }
                last = step;
                if world.should_stop()? {
                    break;
                }
            }
            assert!((7..20).contains(&last), "stopped after step {last}");
            assert_eq!(world.all_gather_one(last)?, vec![last; world.size()]);
            assert!(world.should_stop()?, "it stays so");
            Ok(())
        });
    }
}

/// An undisturbed run; one that is killed half-way, and goes on on other ranks; one that is told to stop, and does.
#[test]
fn heat_that_was_killed_ends_with_the_same_file() {
    let folder = crate::common::Folder::new("heat");
    let args = |name: &str, rest: &str| -> Vec<String> {
        let (output, checkpoints) =
            (folder.file(&format!("{name}.h5")), folder.file(&format!("{name}-saved")));
        [
            "--size",
            "70x50",
            "--steps",
            "120",
            "--every",
            "10",
            "--rest",
            rest,
            "-o",
            &output,
            "--checkpoints",
            &checkpoints,
        ]
        .map(str::to_owned)
        .into()
    };
    let command = |ranks: usize, args: &[String]| {
        launch(ranks, "heat", &args.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let start = |ranks: usize, args: &[String]| run_to_end(command(ranks, args), LIMIT);
    let undisturbed = start(2, &args("undisturbed", "0"));
    assert_eq!(code(&undisturbed), Some(0), "{}", undisturbed.stderr);
    let expected = std::fs::read(folder.file("undisturbed.h5")).expect("written");

    for (name, how, ranks) in [("killed", "KILL", 3), ("told", "USR1", 3), ("asked", "TERM", 2)] {
        let saved = folder.file(&format!("{name}-saved"));
        let marker = folder.file(&format!("{name}.h5"));
        let (half, ours) = (PathBuf::from(format!("{saved}/step-000000000060.h5")), marker.clone());
        let ended = run_disturbed(
            command(ranks, &args(name, "20")),
            // When half of the steps are done.
            move || half.exists(),
            move || {
                let ranks = ranks_of("heat", &ours);
                // One is killed; a batch system tells all.
                let count = if how == "KILL" { 1 } else { ranks.len() };
                ranks[..count].iter().for_each(|&id| signal(id, how));
            },
        );
        assert!(!std::path::Path::new(&marker).exists(), "{name}: not disturbed");
        if how == "KILL" {
            assert_ne!(code(&ended), Some(0), "{}", ended.stderr);
        } else {
            assert_eq!(code(&ended), Some(75), "{name}: {}", ended.stderr);
            assert!(ended.stdout.contains("told to stop: saved after step"), "{}", ended.stdout);
        }
        let again = start(ranks + 1, &args(name, "0"));
        assert_eq!(code(&again), Some(0), "{}", again.stderr);
        assert!(again.stdout.contains("goes on after step "), "{}", again.stdout);
        assert!(std::fs::read(&marker).expect("written") == expected, "{name}: not the same file");
    }
}
