//! What `rankwise scaling` makes of programs that scale, that report nothing, that fail and that hang.
#![cfg(feature = "h5")]

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::{Folder, code, program};
use rankwise::testing::{Ended, run_to_end};

fn scaling(folder: &Path, arguments: &[&str], program: &[&str]) -> Ended {
    let mut command = Command::new(crate::common::tool());
    command.arg("scaling").args(arguments).arg("-o").arg(folder.join("study.1")).arg("--").args(program);
    run_to_end(command, crate::common::LIMIT)
}

fn path(name: &str) -> String {
    program(name).to_str().expect("plain").to_owned()
}

/// The numbers of a column of the table.
fn column(folder: &Path, name: &str) -> Vec<f64> {
    let table = fs::read_to_string(folder.join("study.1.csv")).unwrap();
    let place = table.lines().next().unwrap().split(',').position(|title| title == name);
    let place = place.unwrap_or_else(|| panic!("no {name}: {table}"));
    table.lines().skip(1).map(|line| line.split(',').nth(place).unwrap().parse().unwrap()).collect()
}

#[test]
fn the_table_and_the_picture_have_what_was_run() {
    let folder = Folder::new("scaling-table");
    let sort = path("bubble_sort");
    let ended = scaling(&folder.0, &["--ranks", "3,1,2", "--repeat", "2"], &[&sort, "--random", "200000"]);
    assert_eq!(code(&ended), Some(0), "{}{}", ended.stdout, ended.stderr);
    assert_eq!(column(&folder.0, "ranks"), [1.0, 2.0, 3.0]);
    assert_eq!(column(&folder.0, "runs"), [2.0; 3]);
    let (seconds, speedup) = (column(&folder.0, "seconds"), column(&folder.0, "speedup"));
    let phases = [column(&folder.0, "read_max"), column(&folder.0, "sort_max")];
    for k in 0..3 {
        assert!((speedup[k] - seconds[0] / seconds[k]).abs() < 1e-2, "{speedup:?}, {seconds:?}");
        assert!(phases[0][k] > 0.0 && phases[1][k] > 0.0 && phases[0][k] < seconds[k]);
    }
    let picture = fs::read_to_string(folder.0.join("study.1.svg")).unwrap();
    assert!(picture.ends_with("</svg>\n") && picture.contains("sort on 3 ranks: "), "{picture}");
    // Two ranks have a core each, or there is nothing to measure: that is said.
    let several = std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1);
    assert!(several != ended.stderr.contains("no messages in the predictions"), "{}", ended.stderr);
    if several {
        // They are in the prediction; there is none where more ranks were no faster, as on a machine with much else to do.
        let predicted = !ended.stdout.contains("more ranks make it no faster");
        assert_eq!(ended.stdout.matches("messages: ").count(), usize::from(predicted), "{}", ended.stdout);
        let table = fs::read_to_string(folder.0.join("study.1.csv")).unwrap();
        let counted: Vec<Option<f64>> =
            table.lines().map(|line| line.split(',').nth(9).unwrap().parse().ok()).collect();
        // The title, one rank, two, three: most of the numbers change their rank, 8 bytes each.
        assert_eq!(counted[..2], [None, None], "{table}");
        assert!(counted[2..].iter().all(|bytes| bytes.is_some_and(|bytes| bytes > 4e5)), "{table}");
    }
    assert!(ended.stdout.contains("Amdahl: ") && ended.stdout.starts_with("bubble_sort --random 200000\n"));
}

#[test]
fn work_grows_with_the_ranks_where_the_arguments_say_so() {
    let folder = Folder::new("scaling-weak");
    let sort = path("bubble_sort");
    let weak = ["--weak", "--ranks", "1,2", "--repeat", "2", "--phase", "sort"];
    let ended = scaling(&folder.0, &weak, &[&sort, "--random", "{ranks*100000}"]);
    assert_eq!(code(&ended), Some(0), "{}{}", ended.stdout, ended.stderr);
    let (seconds, speedup) = (column(&folder.0, "seconds"), column(&folder.0, "speedup"));
    assert!((speedup[1] - 2.0 * seconds[0] / seconds[1]).abs() < 1e-2, "{speedup:?}, {seconds:?}");
    assert!(!fs::read_to_string(folder.0.join("study.1.csv")).unwrap().contains("read_max"));
    let ended = scaling(&folder.0, &weak, &[&sort, "--random", "100000"]);
    assert_eq!(code(&ended), Some(1));
    assert!(ended.stderr.contains("the work is to grow: say where"), "{}", ended.stderr);
}

#[test]
fn a_program_without_a_report_is_timed_as_a_whole() {
    let folder = Folder::new("scaling-whole");
    let ended = scaling(&folder.0, &["--ranks", "1,2", "--repeat", "1"], &[&path("pi")]);
    assert_eq!(code(&ended), Some(0), "{}{}", ended.stdout, ended.stderr);
    assert_eq!(ended.stderr.matches("whole runs are timed").count(), 1, "{}", ended.stderr);
    assert!(column(&folder.0, "seconds").iter().all(|&seconds| seconds > 0.0));
    assert_eq!(column(&folder.0, "seconds"), column(&folder.0, "whole_run_max"));
}

#[test]
fn what_fails_or_hangs_is_said_with_the_ranks_and_leaves_no_table() {
    let folder = Folder::new("scaling-wrong");
    let sort = path("bubble_sort");
    let cases: [(&[&str], &[&str], &str); 5] = [
        (
            &["--ranks", "2"],
            &[&sort, "no-such-file.txt"],
            "on 2 ranks the program failed, exit status: 1:\nerror",
        ),
        (
            &["--ranks", "1", "--limit", "1", "--whole"],
            &["sleep", "30"],
            "on 1 rank the program did not end within 1 s",
        ),
        (&["--ranks", "1"], &["no-such-program"], "no-such-program is not on the PATH"),
        (&["--ranks", "1"], &["./no-such-program"], "there is no ./no-such-program: build it first"),
        (
            &["--ranks", "1", "--phase", "srot"],
            &[&sort, "--random", "10"],
            "no phase srot: it has read, sort",
        ),
    ];
    for (arguments, program, words) in cases {
        let ended = scaling(&folder.0, arguments, program);
        assert_eq!(code(&ended), Some(1), "{words}: {}{}", ended.stdout, ended.stderr);
        assert_eq!(ended.stderr.matches(words).count(), 1, "{words}: {}", ended.stderr);
    }
    // Before anything is run: the program would have left its mark.
    let mark = folder.file("mark");
    let ended = scaling(&folder.0.join("none"), &["--ranks", "1"], &["touch", &mark]);
    assert_eq!(code(&ended), Some(1));
    assert!(ended.stderr.contains("none/"), "{}", ended.stderr);
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 0);
}
