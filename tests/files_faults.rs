//! No hang, no half file: each thing that can go wrong, on each rank alone and on all; the same error everywhere, in seconds.
#![cfg(feature = "h5")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::{Folder, LIMIT, code, launch, ranks_of, run, run_disturbed, shared, signal};
use ndarray::{Array1, Array2};
use rand::RngExt as _;
use rankwise::checkpoint::Checkpoint;
use rankwise::file::{File, Options, Storage, write_whole};
use rankwise::prelude::*;
use rankwise::testing::{on_ranks, run_to_end};

/// The error that all ranks have, word for word.
fn same<T>(world: &Comm, result: Result<T>) -> String {
    let text = result.err().map_or("no error".into(), |error| error.to_string());
    let all = world.all_gather(text.as_bytes()).expect("the world is well");
    assert_eq!(all, text.as_bytes().repeat(world.size()), "not the same on all ranks");
    text
}

#[test]
fn what_one_rank_does_wrong_is_everyones_error() {
    on_ranks([2, 3], |world| {
        let (_folder, folder) = shared(world, "one-wrong")?;
        let began = Instant::now();
        let path = folder.join("x.h5");
        for wrong in 0..world.size() {
            let this = world.rank() == wrong;
            let pick = |right: &'static str, wrong: &'static str| if this { wrong } else { right };
            let file = File::create(world, &path)?;
            let mut data = file.create_dataset::<f64>("x", &[10, 2], &Storage::default().unlimited())?;
            let packed = file.create_dataset::<f64>("p", &[10, 2], &Storage::default().deflate(1))?;
            let on_wrong = |text: &str, words: &str| {
                assert!(text.contains(words), "{text}");
                assert!(text.starts_with(&format!("on rank {wrong} (")), "{text}");
            };
            for data in [&data, &packed] {
                // Rows that are not there, of another width; a block that reaches beyond the shape.
                let rows = Array2::<f64>::zeros((1, 2));
                on_wrong(&same(world, data.write_rows(if this { 10 } else { 0 }, &rows)), "is not inside");
                let rows = Array2::<f64>::zeros((1, if this { 3 } else { 2 }));
                on_wrong(&same(world, data.write_rows(0, &rows)), "are not whole");
                on_wrong(
                    &same(world, data.read_block::<f64>(&[0, 0], if this { &[11, 1] } else { &[1, 1] })),
                    "is not inside",
                );
                on_wrong(
                    &same(world, data.read_block::<f64>(&[0, usize::from(this) * usize::MAX], &[1, 1])),
                    "is not inside",
                );
                on_wrong(
                    &same(
                        world,
                        data.read_into(&[0, 0], &mut Array2::<f64>::zeros((1, if this { 5 } else { 1 }))),
                    ),
                    "is not inside",
                );
                let wrong_kind = if this {
                    data.write_rows(0, &Array2::<f32>::zeros((1, 2)))
                } else {
                    data.write_rows(0, &Array2::<f64>::zeros((1, 2)))
                };
                on_wrong(&same(world, wrong_kind), "holds f64, not f32");
            }
            on_wrong(
                &same(world, data.append(&Array2::<f64>::zeros((1, if this { 1 } else { 2 })))),
                "are not whole",
            );
            // What must be the same on all.
            let different = "the ranks gave different values";
            for text in [
                same(world, data.resize(&[if this { 11 } else { 12 }, 2])),
                same(world, data.set_attribute("a", pick("m", "km"))),
                same(world, file.set_attribute(pick("a", "b"), 1)),
                same(world, file.attribute(pick("a", "b"))),
                same(world, file.create_group(pick("g", "h"))),
                same(world, file.group(pick("g", "h"))),
                same(world, file.remove(pick("x", "p"))),
                same(world, file.dataset(pick("x", "p"))),
                same(world, file.create_dataset::<f64>(pick("u", "v"), &[4], &Storage::default())),
                same(
                    world,
                    file.create_dataset::<f64>("u", &[if this { 4 } else { 5 }], &Storage::default()),
                ),
                same(
                    world,
                    file.create_dataset::<f64>(
                        "u",
                        &[4],
                        &if this { Storage::chunked() } else { Storage::default() },
                    ),
                ),
                same(
                    world,
                    if this {
                        file.create_dataset::<f32>("u", &[4], &Storage::default())
                    } else {
                        file.create_dataset::<f64>("u", &[4], &Storage::default())
                    },
                ),
                same(world, File::create(world, folder.join(pick("y.h5", "z.h5")))),
                same(world, File::open(world, folder.join(pick("y.h5", "z.h5")))),
                same(world, File::create_with(world, folder.join("y.h5"), &Options::default().sync(this))),
                same(world, Checkpoint::every(world, 1, folder.join(pick("y", "z")))),
            ] {
                assert!(text.contains(different), "{text}");
            }
            // And still all is well.
            data.write_rows(0, &Array2::<f64>::zeros((if this { 10 } else { 0 }, 2)))?;
            packed.write_rows(0, &Array2::<f64>::zeros((if this { 10 } else { 0 }, 2)))?;
            file.close()?;
            assert_eq!(File::open(world, &path)?.names("/")?, ["p", "x"]);
        }
        assert!(began.elapsed() < Duration::from_secs(40), "{:?}", began.elapsed());
        Ok(())
    });
}

/// Each rank is somewhere else, so that a path that is not absolute is another folder for each.
#[test]
fn a_folder_that_one_of_two_ranks_does_not_see_is_an_error() {
    on_ranks([2], some_see);
}

#[test]
fn a_folder_that_one_of_three_ranks_does_not_see_is_an_error() {
    on_ranks([3], some_see);
}

/// Each time it takes some seconds, in which the file might still come.
fn some_see(world: &Comm) -> std::result::Result<(), Box<dyn std::error::Error>> {
    let (_folder, folder) = shared(world, "sight")?;
    for odd in 0..world.size() {
        let mine = folder.join(format!("{odd}-{}", usize::from(world.rank() == odd)));
        world.agree(std::fs::create_dir_all(&mine))?;
        std::env::set_current_dir(&mine)?;
        world.barrier()?;
        // One that another run has left there must not be taken for this one.
        std::fs::write(".a.h5.partial", "left")?;
        world.barrier()?;
        let began = Instant::now();
        let text = same(world, File::create(world, "a.h5"));
        assert!(text.contains("this rank does not see the folder in which rank 0 creates it"), "{text}");
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
        // Only some ranks have the file; or each has one, and they are not the same.
        let whole = world.rank() == odd;
        if whole {
            drop(hdf5::File::create("some.h5")?);
        }
        world.barrier()?;
        assert!(same(world, File::open(world, "some.h5")).contains("No such file"));
        if whole || world.rank() == (odd + 1) % world.size() {
            let file = hdf5::File::create("each.h5")?;
            file.new_dataset::<u8>().shape(if whole { 3 } else { 4 }).create("x")?;
        }
        world.barrier()?;
        let text = same(world, File::open(world, "each.h5"));
        assert!(text.contains("it is not the same file on all ranks"), "{text}");
        let text = same(world, File::open_rw(world, "each.h5", &Options::default()));
        assert!(text.contains("it is not the same file on all ranks"), "{text}");
        std::env::set_current_dir(&folder)?;
        world.barrier()?;
    }
    Ok(())
}

#[test]
fn what_others_have_locked_is_left_alone() {
    on_ranks([1, 3], |world| {
        let (_folder, folder) = shared(world, "locked")?;
        let path = folder.join("x.h5");
        File::create(world, &path)?.close()?;
        let rw = Options::default();
        // As HDF5 locks a file in another process: alone to write, shared to read.
        let lock = world.on_root(|| {
            let file = std::fs::File::open(&path)?;
            file.lock()?;
            Ok(file)
        })?;
        let words = "another process has it open for writing, and has locked it";
        assert!(same(world, File::open(world, &path)).contains(words));
        assert!(same(world, File::create(world, &path)).contains(words));
        assert!(same(world, File::open_rw(world, &path, &rw)).contains("another process has it open, and"));
        world.on_root(|| Ok(lock.as_ref().expect("the root has it").lock_shared()?))?;
        assert!(same(world, File::open_rw(world, &path, &rw)).contains("another process has it open, and"));
        File::open(world, &path)?.close()?;
        world.barrier()?;
        drop(lock);
        world.barrier()?;
        File::open_rw(world, &path, &rw)?.close()?;
        // The same file, created twice at a time: the later one is whole, the earlier one has an error.
        let first = File::create(world, &path)?;
        let second = File::create(world, &path)?;
        second.set_attribute("which", 2)?;
        let text = same(world, first.close());
        assert!(text.contains("another program creates the same file at the same time"), "{text}");
        second.close()?;
        assert_eq!(File::open(world, &path)?.attribute("which")?, Some(2.into()));
        // One that must be new.
        let new = folder.join("new.h5");
        let file = File::create_new(world, &new, &rw)?;
        assert!(!new.exists());
        world.barrier()?;
        world.on_root(|| Ok(std::fs::write(&new, "meanwhile")?))?;
        assert!(same(world, file.close()).contains("File exists"));
        assert!(same(world, File::create_new(world, &new, &rw)).contains("it is there already"));
        world.barrier()?;
        world.on_root(|| Ok(std::fs::remove_file(&new)?))?;
        File::create_new(world, &new, &rw)?.close()?;
        File::open(world, &new)?.close()?;
        // One that is thrown away.
        let file = File::create(world, &new)?;
        file.create_group("g")?;
        file.discard()?;
        assert!(File::open(world, &new)?.names("/")?.is_empty());
        world.barrier()?;
        let names: Vec<String> = folder_names(&folder);
        assert_eq!(names, ["new.h5", "x.h5"]);
        world.barrier()?;
        Ok(())
    });
}

fn folder_names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("it is there");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn places_where_nothing_can_be_written_are_an_error() {
    on_ranks([1, 3], |world| {
        let (_folder, folder) = shared(world, "places")?;
        for (path, words) in [
            ("/sys/x.h5", "cannot create: in folder /sys"),
            ("/no/such/folder/x.h5", "there is no folder /no/such/folder"),
            ("/", "it is a folder"),
            ("a\0b.h5", "cannot create"),
            ("/dev/null", "not a regular file"),
        ] {
            let text = same(world, File::create(world, path));
            assert!(text.contains(words), "{path}: {text}");
        }
        assert!(same(world, File::open(world, "/dev/null")).contains("not a regular file"));
        // Garbage where HDF5's own structure should be: an error, or, if it does not matter, none; the same on all ranks.
        let path = folder.join("x.h5");
        let file = File::create(world, &path)?;
        let data = file.create_dataset::<u64>("x", &[1000], &Storage::chunks([100]).fletcher32())?;
        data.write_rows(0, &Array1::from_elem(if world.is_root() { 1000 } else { 0 }, 1u64))?;
        file.close()?;
        let whole = std::fs::read(&path)?;
        world.barrier()?;
        for place in [20, 40, 50, 60, 100, 200, 400, whole.len() / 2, whole.len() - 300] {
            let mut bytes = whole.clone();
            bytes[place..place + 8].copy_from_slice(&[0x5a; 8]);
            world.on_root(|| Ok(std::fs::write(&path, &bytes)?))?;
            let mine = Partition::even(1000, world.size()).range(world.rank());
            let read = || -> Result<f64> {
                let file = File::open(world, &path)?;
                let found = file.dataset("x")?.read_rows::<u64>(mine.clone())?;
                file.close()?;
                Ok(found.sum() as f64)
            };
            match read() {
                Ok(sum) => assert_eq!(sum, mine.len() as f64, "garbage at {place}"),
                failed => assert_ne!(same(world, failed), "no error"),
            }
            world.barrier()?;
        }
        // The folder goes away while the file is open.
        let gone = folder.join("gone");
        world.on_root(|| Ok(std::fs::create_dir(&gone)?))?;
        let file = File::create(world, gone.join("x.h5"))?;
        world.on_root(|| Ok(std::fs::remove_dir_all(&gone)?))?;
        assert!(same(world, file.close()).contains("cannot finish"));
        Ok(())
    });
}

/// A small file system in `folder`, which goes when the root has ended, however it ends.
fn small_disk(world: &Comm, folder: &Path, mib: usize) -> Result<bool> {
    let mounted = world.on_root(|| {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={mib}m"), "rankwise-test"]).arg(folder);
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        if mounted {
            let this = std::process::id();
            // Not by kill -0: a launcher may wait for this one, which has inherited its pipes, before it takes notice of the end.
            let wait = format!(
                "while sed -n 's/^State:[[:space:]]*//p' /proc/{this}/status 2>/dev/null | grep -q '^[^Z]'; do sleep 0.2; done; \
                 umount -l \"$1\"; rmdir \"$1\""
            );
            Command::new("setsid")
                .args(["sh", "-c", &wait, "sh"])
                .arg(folder)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()?;
        } else {
            eprintln!("SKIPPED: a full disk, since this user may not mount a small one");
        }
        Ok(mounted)
    })?;
    Ok(world.broadcast(0, mounted.as_ref().map(std::slice::from_ref))?[0])
}

#[test]
fn a_full_disk_is_an_error_on_all_ranks_and_nothing_is_lost() {
    on_ranks([1, 2, 3], |world| {
        let (_folder, folder) = shared(world, "full")?;
        if !small_disk(world, &folder, 24)? {
            return Ok(());
        }
        let began = Instant::now();
        let path = folder.join("x.h5");
        // What was there before.
        let file = File::create(world, &path)?;
        file.set_attribute("which", "the old one")?;
        file.close()?;
        let mut checkpoint = Checkpoint::every(world, 1, folder.join("saved"))?;
        checkpoint.save(1, |to| to.value("x", &1))?;
        // More than there is: told before anything is written.
        let file = File::create(world, &path)?;
        let text = same(world, file.create_dataset::<u64>("x", &[4 << 20], &Storage::default()));
        assert!(
            text.contains("the disk is full: 33554432 bytes are to be written, and there are only"),
            "{text}"
        );
        file.discard()?;
        // From here on 3 MiB are free, and a file of 6 MiB is written.
        world.on_root(|| {
            let free = 24 - 3;
            Ok(std::fs::write(folder.join("filler"), vec![1u8; free << 20])?)
        })?;
        let rows = Partition::even(768, world.size()).range(world.rank());
        let noise = Array2::from_shape_fn((rows.len(), 1024), |(i, k)| {
            ((i * 1024 + k + rows.start) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17)
        });
        for (name, storage) in [
            ("contiguous", Storage::default()),
            ("chunked", Storage::chunks([32, 1024])),
            ("deflate", Storage::chunks([32, 1024]).deflate(1)),
            ("growing", Storage::chunks([32, 1024]).unlimited()),
        ] {
            for independent in [false, true] {
                if independent && name == "deflate" {
                    continue;
                }
                let one = Instant::now();
                let file = File::create(world, &path)?;
                let written = (|| {
                    let shape = if name == "growing" { [0, 1024] } else { [768, 1024] };
                    let mut data = file.create_dataset::<u64>("x", &shape, &storage)?;
                    if name == "growing" {
                        return data.append(&noise).map(|_| ());
                    }
                    if independent {
                        return world.agree(data.independent().write_rows(rows.start, &noise));
                    }
                    data.write_rows(rows.start, &noise)
                })();
                let what = format!("{name}, independent: {independent}");
                match written {
                    Ok(()) => {
                        let text = same(world, file.close());
                        assert!(text.contains("cannot finish"), "{what}: {text}");
                    }
                    Err(error) => {
                        assert!(same::<()>(world, Err(error)).contains("x.h5: "), "{what}");
                        let _ = file.discard();
                    }
                }
                assert!(one.elapsed() < Duration::from_secs(15), "{what}: {:?}", one.elapsed());
                let file = File::open(world, &path)?;
                assert_eq!(file.text("which").as_deref(), Some("the old one"), "{what}");
                file.close()?;
            }
        }
        let big = vec![0u8; 6 << 20];
        world.on_root(|| {
            assert!(
                write_whole(folder.join("whole"), &big).unwrap_err().to_string().contains("No space left")
            );
            assert!(!folder.join("whole").exists() && !folder.join(".whole.partial").exists());
            Ok(())
        })?;
        let text = same(world, checkpoint.save(2, |to| to.value("x", &big)));
        assert!(text.contains("step-000000000002.h5: "), "{text}");
        assert_eq!(checkpoint.latest()?.expect("the first").step(), 1);
        // Not a byte.
        world.on_root(|| {
            let _ = std::fs::write(folder.join("filler2"), vec![1u8; 8 << 20]);
            Ok(())
        })?;
        let text = same(world, File::create(world, &path).and_then(File::close));
        assert!(text.contains("No space left") || text.contains("cannot"), "{text}");
        assert_eq!(File::open(world, &path)?.text("which").as_deref(), Some("the old one"));
        assert!(began.elapsed() < Duration::from_secs(50), "{:?}", began.elapsed());
        world.barrier()?;
        Ok(())
    });
}

/// Whatever MPI makes of a disk that fills up while it writes: the program does not hang, does not succeed, and loses nothing.
#[test]
fn a_disk_that_others_fill_meanwhile_ends_the_program() {
    struct Disk(Folder);
    impl Drop for Disk {
        fn drop(&mut self) {
            let _ = Command::new("umount").arg("-l").arg(&self.0.0).status();
        }
    }
    for ranks in [1, 2, 3] {
        let disk = Disk(Folder::new("filled"));
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=120m", "rankwise-test"]).arg(&disk.0.0);
        if !mount.output().is_ok_and(|output| output.status.success()) {
            eprintln!("SKIPPED: a disk that fills up, since this user may not mount a small one");
            return;
        }
        std::fs::write(disk.0.0.join("x.h5"), "the old one").expect("there is room");
        let ended = run(ranks, "files", &["others", disk.0.0.to_str().expect("our names are UTF-8")]);
        assert_eq!(code(&ended), Some(1), "{ranks} ranks, {:?}: {}", ended.time, ended.stderr);
        assert!(ended.stderr.contains("x.h5: "), "{}", ended.stderr);
        assert!(ended.time < Duration::from_secs(30), "{:?}", ended.time);
        assert_eq!(std::fs::read(disk.0.0.join("x.h5")).expect("there"), b"the old one");
    }
}

/// The launcher tells the others; each time another moment of creating a file, and another rank.
#[test]
fn a_kill_at_any_moment_leaves_the_old_file_or_the_new_one() {
    let folder = Folder::new("killed");
    let mut random = rankwise::random::stream(u64::from(std::process::id()), 0);
    let (began, mut moments, mut replaced) = (Instant::now(), 0, 0);
    while moments < 50 {
        let place = folder.0.join(format!("{moments}"));
        std::fs::create_dir(&place).expect("the folder can be written");
        let marker = place.to_str().expect("our names are UTF-8").to_owned();
        let (wait, which) = (random.random_range(0..40_000), random.random_range(0..2usize));
        let ready = place.join("ready");
        let command = launch(2, "files", &["versions", &marker]);
        let ended = run_disturbed(
            command,
            move || ready.exists(),
            move || {
                let ranks = ranks_of("files", &marker);
                std::thread::sleep(Duration::from_micros(wait));
                ranks.get(which).into_iter().for_each(|&id| signal(id, "KILL"));
            },
        );
        assert!(ended.status.is_some_and(|status| !status.success()), "{}", ended.stderr);
        let file = hdf5::File::open(place.join("versions.h5")).expect("it is whole");
        let version: u64 = file.attr("version").and_then(|it| it.read_scalar()).expect("it is whole");
        for name in ["plain", "packed"] {
            let data = file.dataset(name).and_then(|it| it.read_raw::<u64>()).expect("it is whole");
            assert!(data.len() == 64 * 500 && data.iter().all(|&value| value == version), "{name} {version}");
        }
        let _ = file.close();
        replaced += usize::from(version > 0);
        std::fs::remove_dir_all(&place).expect("ours");
        moments += 1;
    }
    eprintln!("{moments} moments in {:?}; in {replaced} the file had been replaced before", began.elapsed());
}

#[test]
fn what_is_forgotten_or_skipped_is_named() {
    let folder = Folder::new("forgotten");
    let place = folder.0.to_str().expect("our names are UTF-8");
    let ended = run(2, "files", &["changed", place]);
    assert_eq!(code(&ended), Some(1), "{}", ended.stderr);
    let words = "changed.h5: changed but never closed, so what was written may be lost: call File::close";
    assert_eq!(ended.stderr.matches(words).count(), 1, "{}", ended.stderr);
    let ended = run(2, "files", &["forgotten", place]);
    assert_eq!(code(&ended), Some(1), "{}", ended.stderr);
    let words = "forgotten.h5: created but never closed, so it was not kept: call File::close";
    assert_eq!(ended.stderr.matches(words).count(), 1, "{}", ended.stderr);
    // Who skips a write is found out, with and without the checks.
    for checks in ["off", "full"] {
        let mut command = launch(3, "files", &["skip", place]);
        let ended = run_to_end(
            {
                command.env("RANKWISE_CHECK", checks);
                command
            },
            LIMIT,
        );
        assert_eq!(code(&ended), Some(1), "{}", ended.stderr);
        let words = "the ranks make different calls on the file, or none; this rank calls (\"write\", \"x\")";
        assert!(ended.stderr.contains(words), "{}", ended.stderr);
    }
    // Who is alone in a call is told where: in the program, not in this crate.
    let ended = run(2, "files", &["on-root", place]);
    assert_eq!(code(&ended), Some(3), "{}", ended.stderr);
    assert!(ended.stderr.contains("tests/programs/files.rs:"), "{}", ended.stderr);
}

/// An error inside HDF5 on one rank: the limit on the length of a file.
#[test]
fn an_error_of_the_system_on_one_rank_ends_for_all() {
    let folder = Folder::new("quota");
    let place = folder.0.to_str().expect("our names are UTF-8");
    std::fs::write(folder.0.join("quota.h5"), "the old one").expect("writable");
    let mut command = rankwise::testing::test_launcher(3);
    // The signal that comes with the limit is ignored, so that the error is told.
    command.args(["sh", "-c", "trap '' XFSZ; exec \"$@\"", "sh"]).arg(crate::common::program("files"));
    command.args(["quota", place]).env_remove("RUST_BACKTRACE");
    let ended = run_to_end(command, LIMIT);
    assert_eq!(code(&ended), Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("error on rank 1 ("), "{}", ended.stderr);
    assert!(ended.time < Duration::from_secs(25), "{:?}", ended.time);
    assert_eq!(std::fs::read(folder.0.join("quota.h5")).expect("there"), b"the old one");
}
