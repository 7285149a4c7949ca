//! What `rankwise new` writes: a project that builds, passes its own tests, and runs on ranks.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::common::{Folder, code};
use rankwise::testing::{Ended, run_to_end, test_launcher};

fn new(folder: &Path, arguments: &[&str]) -> Ended {
    let mut command = Command::new(crate::common::tool());
    command.arg("new").args(arguments).current_dir(folder);
    run_to_end(command, crate::common::LIMIT)
}

/// All files below, with their texts.
fn files(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else {
            let text = fs::read_to_string(&path).unwrap();
            all.push((path, text));
        }
    }
    all
}

#[test]
fn nothing_of_the_pattern_is_left() {
    for with in [&[][..], &["--with", "hdf5"], &["--with", "farm"], &["--with", "hdf5,farm"]] {
        let folder = Folder::new("new-pattern");
        let ended = new(&folder.0, &[&["my-waves"], with].concat());
        assert_eq!(code(&ended), Some(0), "{}", ended.stderr);
        let all = files(&folder.0.join("my-waves"));
        assert_eq!(all.len(), 10);
        for (path, text) in all {
            let left = ["PROJECT", "CRATE::", "DEPENDENCY", "//[", "//]"]
                .into_iter()
                .find(|mark| text.contains(mark));
            // The scripts of this project are taken as they are.
            assert!(left.is_none() || path.ends_with("setup.sh"), "{left:?} in {}", path.display());
        }
    }
}

#[test]
fn nothing_is_overwritten_and_no_half_is_left() {
    let folder = Folder::new("new-twice");
    assert_eq!(code(&new(&folder.0, &["waves"])), Some(0));
    let before = files(&folder.0);
    let wrong = [
        (vec!["waves"], "waves is there already"),
        (vec!["Waves"], "cannot name a program"),
        (vec!["none/waves"], "none is no folder"),
        (vec!["other", "--rankwise", "/nowhere"], "no Cargo.toml in /nowhere"),
    ];
    for (arguments, words) in wrong {
        let ended = new(&folder.0, &arguments);
        assert_eq!(code(&ended), Some(1), "{arguments:?}");
        assert!(ended.stderr.contains(words), "{}", ended.stderr);
    }
    assert_eq!(files(&folder.0), before);
}

/// Slow: it compiles this crate as a dependency, with what is built already as far as it can.
#[test]
#[ignore = "takes a minute; make test-new"]
fn it_builds_passes_its_tests_and_runs() {
    let folder = Folder::new("new-builds");
    assert_eq!(code(&new(&folder.0, &["waves", "--with", "hdf5,farm"])), Some(0));
    let project = folder.0.join("waves");
    let mut cargo = Command::new("cargo");
    cargo.args(["test", "--offline"]).current_dir(&project);
    let ended = run_to_end(cargo, Duration::from_secs(900));
    assert_eq!(code(&ended), Some(0), "{}{}", ended.stdout, ended.stderr);
    for test in ["the_file_has_all_heights", "the_result_does_not_depend_on_the_ranks"] {
        assert!(ended.stdout.contains(&format!("test {test} ... ok")), "{}", ended.stdout);
    }
    let target = std::env::current_exe().unwrap();
    let target = target.ancestors().nth(2).expect("below target/debug/deps");
    let mut waves = test_launcher(3);
    waves
        .arg(target.join("waves"))
        .args(["--points", "1000", "-o", "h.h5", "--report", "text"])
        .current_dir(&folder.0);
    let ended = run_to_end(waves, crate::common::LIMIT);
    assert_eq!(code(&ended), Some(0), "{}", ended.stderr);
    assert!(
        ended.stdout.contains("π is about 3.1415927") && ended.stdout.contains("over 3 ranks"),
        "{}",
        ended.stdout
    );
    assert!(folder.0.join("h.h5").is_file());
}
