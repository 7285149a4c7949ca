//! Laws of staged files: one copy a node, which all of its ranks see, and none when the program has ended.

use std::fs;
use std::path::Path;

use crate::common::shared;
use rankwise::prelude::*;
use rankwise::testing::on_ranks;

/// From here on this process, and what it starts, has a temporary folder of its own. All ranks get the same one.
fn with_tmpdir(world: &Comm, name: &str) -> Result<(Option<crate::common::Folder>, std::path::PathBuf)> {
    let (own, folder) = shared(world, name)?;
    rankwise_tmpdir(&folder);
    world.barrier()?;
    Ok((own, folder))
}

#[expect(unsafe_code, reason = "one thread at this point: the ranks have just started")]
fn rankwise_tmpdir(folder: &Path) {
    // SAFETY: the test's copies run this test alone, on one thread that reads the environment.
    unsafe { std::env::set_var("TMPDIR", folder) };
}

fn folders(tmp: &Path) -> Vec<String> {
    let names = fs::read_dir(tmp).expect("it is there").map(|entry| entry.expect("readable").file_name());
    names
        .map(|name| name.to_string_lossy().into_owned())
        .filter(|name| name.starts_with("rankwise-stage-"))
        .collect()
}

#[test]
fn each_node_has_one_copy_that_all_its_ranks_read() {
    on_ranks([1, 2, 3, 4, 7], |world| {
        let (_own, tmp) = with_tmpdir(world, "stage")?;
        let input = tmp.join("input of the run.dat");
        for bytes in [0, 1, 70_000] {
            let text: Vec<u8> = (0..bytes).map(|i| (i % 251) as u8).collect();
            world.on_root(|| Ok(fs::write(&input, &text)?))?;
            let staged = world.stage(&input)?;
            assert_eq!(fs::read(&staged)?, text);
            assert!(
                staged.starts_with(&tmp) && staged.ends_with("input of the run.dat") && *staged != *input
            );
            assert_eq!(folders(&tmp).len(), 1, "one node, one copy");
            world.barrier()?;
            // What happens to the original later is not seen.
            world.on_root(|| Ok(fs::write(&input, "changed")?))?;
            assert_eq!(fs::read(&staged)?, text);
            let again = world.stage(&input)?;
            assert_eq!(fs::read(&again)?, b"changed");
            assert_ne!(again, staged);
            again.remove(world)?;
            staged.remove(world)?;
            world.barrier()?;
            assert_eq!(folders(&tmp), [""; 0]);
            world.barrier()?;
        }
        Ok(())
    });
}

#[test]
fn what_cannot_be_staged_is_the_same_error_on_all_ranks() {
    on_ranks([1, 2, 3, 4, 7], |world| {
        let (_own, tmp) = with_tmpdir(world, "stage-errors")?;
        let all_say = |error: Error| -> Result<String> {
            let text = error.to_string();
            assert_eq!(world.all_gather_values(&text)?, vec![text.clone(); world.size()]);
            Ok(text)
        };
        let text = all_say(world.stage(tmp.join("missing.dat")).unwrap_err())?;
        assert!(
            text.starts_with("on rank 0 (") && text.contains("missing.dat: cannot be staged: No such file"),
            "{text}"
        );
        let text = all_say(world.stage(&tmp).unwrap_err())?;
        assert!(text.contains("is a directory"), "{text}");
        if world.size() > 1 {
            let mine = if world.rank() == world.size() - 1 { "other.dat" } else { "one.dat" };
            let text = all_say(world.stage(tmp.join(mine)).unwrap_err())?;
            assert!(
                text.contains("other.dat: is to be staged, but ") && text.contains("one.dat on rank 0"),
                "{text}"
            );
        }
        world.on_root(|| Ok(fs::write(tmp.join("one.dat"), "1")?))?;
        rankwise_tmpdir(&tmp.join("no such folder"));
        let text = all_say(world.stage(tmp.join("one.dat")).unwrap_err())?;
        assert!(text.contains("cannot be staged: ") && text.contains("no such folder"), "{text}");
        assert_eq!(folders(&tmp), [""; 0]);
        world.barrier()?;
        Ok(())
    });
}

/// At the end of each program, also of one that fails, nothing is left; and what a killed one has left the next one removes.
#[test]
fn nothing_is_left_behind() {
    let tmp = crate::common::Folder::new("stage-end");
    fs::write(tmp.file("input"), "some input").expect("it can be written");
    let staging = |how: &str, ranks: usize| {
        let mut command = crate::common::launch(ranks, "faults", &[how, "1"]);
        command.env("TMPDIR", &tmp.0).env("RANKWISE_FAULTS_STAGE", tmp.file("input"));
        rankwise::testing::run_to_end(command, crate::common::LIMIT)
    };
    for (how, code) in [("none", 0), ("error", 1), ("panic", 101), ("exit-3", 3)] {
        let ended = staging(how, 3);
        assert_eq!(crate::common::code(&ended), Some(code), "{how}: {}", ended.stderr);
        assert_eq!(folders(&tmp.0), [""; 0], "{how}");
    }
    let left = tmp.0.join("rankwise-stage-1-0");
    fs::create_dir(&left).expect("it can be made");
    fs::write(left.join("in-use"), "").expect("it can be written");
    let hour = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
    fs::File::open(&left).and_then(|folder| folder.set_modified(hour)).expect("it is ours");
    let held = tmp.0.join("rankwise-stage-2-0");
    fs::create_dir(&held).expect("it can be made");
    let lock = fs::File::create(held.join("in-use")).expect("it can be written");
    lock.lock().expect("nobody else has it");
    fs::File::open(&held).and_then(|folder| folder.set_modified(hour)).expect("it is ours");
    let ended = staging("none", 2);
    assert_eq!(crate::common::code(&ended), Some(0), "{}", ended.stderr);
    assert_eq!(folders(&tmp.0), ["rankwise-stage-2-0"], "that of a program that runs stays");
}
