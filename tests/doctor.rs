//! What `rankwise doctor` says of machines that are as they should be, and of others.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::common::{code, program, tool};
use rankwise::testing::{Ended, run_to_end, test_launcher};

fn doctor(arguments: &[&str]) -> Ended {
    let mut command = Command::new(tool());
    command.arg("doctor").args(arguments);
    run_to_end(command, crate::common::LIMIT)
}

fn doctor_with(mpiexec: &str) -> Ended {
    let mut command = Command::new(tool());
    command.arg("doctor").env("MPIEXEC", mpiexec);
    run_to_end(command, crate::common::LIMIT)
}

#[track_caller]
fn says(ended: &Ended, words: &[&str], expected: i32) {
    for words in words {
        assert_eq!(ended.stdout.matches(words).count(), 1, "{words}: {}\n{}", ended.stdout, ended.stderr);
    }
    assert_eq!(code(ended), Some(expected), "{}\n{}", ended.stdout, ended.stderr);
}

#[test]
fn this_machine_is_well() {
    let version = rankwise::program::mpi_version();
    let ended = doctor(&[]);
    says(
        &ended,
        &[&format!("✓ MPI: {version}, from /"), "✓ HDF5 1.", "starts ranks (", "✓ 2 ranks on 1 node,"],
        0,
    );
    assert!(ended.stdout.contains("µs") && ended.stdout.contains("GB/s"), "{}", ended.stdout);
}

#[test]
fn ranks_are_looked_at_as_they_were_started() {
    for ranks in [1, 2, 3] {
        let mut command = test_launcher(ranks);
        command.arg(tool()).arg("doctor");
        let ended = run_to_end(command, crate::common::LIMIT);
        let counted = if ranks == 1 {
            "✓ 1 rank on 1 node,".to_owned()
        } else {
            format!("✓ {ranks} ranks on 1 node,")
        };
        says(&ended, &[&counted, "this was started by the mpirun of"], 0);
        assert_eq!(ended.stdout.matches("from rank 0 to rank 1:").count(), usize::from(ranks > 1));
    }
}

#[test]
fn the_list_is_json_when_asked_for() {
    let ended = doctor(&["--json"]);
    let list: serde_json::Value = serde_json::from_str(&ended.stdout).expect("it is JSON");
    assert_eq!(code(&ended), Some(0), "{list}");
    let list = list.as_array().expect("a list");
    let ranks =
        list.iter().find(|finding| finding["section"].as_str().is_some_and(|name| name.starts_with("Ranks")));
    assert_eq!(ranks.and_then(|finding| finding["mark"].as_str()), Some("good"), "{list:?}");
}

/// A launcher of the other MPI, by what it says of itself, that starts each rank alone; and one that starts nothing.
#[test]
fn launchers_that_do_not_fit_are_named() {
    let folder = crate::common::Folder::new("launchers");
    let other = if rankwise::program::mpi_version().starts_with("Open MPI") {
        ("HYDRA build details", "MPICH")
    } else {
        ("mpirun (Open MPI) 4.1.4", "Open MPI")
    };
    let script = |name: &str, text: &str| {
        let path = folder.file(name);
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("it can be written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("it is ours");
        path
    };
    let foreign =
        script("foreign", &format!("[ \"$1\" = --version ] && echo '{}'; shift 2; exec \"$@\"", other.0));
    let ended = doctor_with(&foreign);
    says(
        &ended,
        &[&format!("✗ {foreign} is the launcher of {}", other.1), "✗ what the launcher starts is alone"],
        1,
    );
    let broken = script("broken", "echo 'no ranks today' >&2; exit 9");
    let ended = doctor_with(&broken);
    says(&ended, &["exit status: 9: no ranks today", "try it by hand"], 1);
    let ended = doctor_with("no-such-launcher");
    says(&ended, &["✗ no-such-launcher is not on the PATH\n      → install it or"], 1);
}

#[test]
fn a_program_without_its_libraries_is_named() {
    let hello = program("hello");
    let ended = doctor(&[hello.to_str().expect("our names are UTF-8")]);
    says(&ended, &["hello finds all its libraries; MPI ("], 0);
    // The same program, with another name where the loader looks for its MPI.
    let folder = crate::common::Folder::new("libraries");
    let mut bytes = std::fs::read(&hello).expect("it is there");
    let places: Vec<usize> = (0..bytes.len() - 6).filter(|&i| bytes[i..].starts_with(b"libmpi")).collect();
    for place in places {
        bytes[place..place + 6].copy_from_slice(b"lib-no");
    }
    let lame = folder.file("lame");
    std::fs::write(&lame, bytes).expect("it can be written");
    std::fs::set_permissions(&lame, std::fs::Permissions::from_mode(0o755)).expect("it is ours");
    let ended = doctor(&[&lame]);
    says(&ended, &["lame does not find lib-no", "add the folder of the library to LD_LIBRARY_PATH"], 1);
    let ended = doctor(&["/no/such/program"]);
    says(&ended, &["✗ /no/such/program: No such file"], 1);
}
