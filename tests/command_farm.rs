//! The command farm: each command once, failures told, and a log by which a killed job goes on.

use std::fs;
use std::time::{Duration, Instant};

use crate::common::{Folder, LIMIT, code, launch, run};
use rankwise::testing::run_to_end;

const PROGRAM: &str = "command_farm";

/// A file with these lines.
fn list(folder: &Folder, lines: &[&str]) -> String {
    let path = folder.file("list.txt");
    fs::write(&path, lines.join("\n")).expect("the temporary folder can be written");
    path
}

fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}

#[test]
fn each_command_runs_once_whatever_is_in_it() {
    let folder = Folder::new("commands-once");
    let inputs = ["plain", "two words", "it's", "$HOME; ls", "ärger", "a\\b", "", "  ", "* \"q\""];
    let path = list(&folder, &inputs);
    let mut right: Vec<&str> = inputs.iter().copied().filter(|line| !line.trim().is_empty()).collect();
    right.sort_unstable();
    for ranks in [1, 2, 3, 9] {
        let ended = run(ranks, PROGRAM, &[&path, "--command", "printf '%s\\n' {}"]);
        assert_eq!(code(&ended), Some(0), "{}", ended.stderr);
        assert_eq!(sorted(&ended.stdout), right, "{ranks}");
    }
    // In the order of the list, and without {}.
    let ended = run(3, PROGRAM, &[&path, "-k", "-c", "echo {#}:"]);
    let first: Vec<&str> = ended.stdout.lines().take(2).collect();
    assert_eq!(first, ["1: plain", "2: two words"], "{}", ended.stderr);
    assert_eq!(ended.stdout.lines().count(), right.len());
}

#[test]
fn commands_are_programs_like_any_other() {
    let folder = Folder::new("commands-env");
    let path = list(&folder, &["env; cat; echo $RANKWISE_TASK >&2"]);
    let ended = run(2, PROGRAM, &[&path]);
    assert_eq!(code(&ended), Some(0), "{}", ended.stderr);
    let launchers = ended.stdout.lines().filter(|line| line.starts_with("OMPI_") || line.starts_with("PMI"));
    assert_eq!(launchers.count(), 0, "{}", ended.stdout);
    assert_eq!(ended.stderr.trim(), "1");
}

#[test]
fn what_fails_is_told_once_and_the_others_go_on() {
    let folder = Folder::new("commands-fail");
    let path = list(&folder, &["echo one", "exit 3", "echo three", "kill -9 $$", "echo five"]);
    let log = folder.file("log.tsv");
    for ranks in [1, 3] {
        let _ = fs::remove_file(&log);
        let ended = run(ranks, PROGRAM, &[&path, "--joblog", &log]);
        assert_eq!(code(&ended), Some(1), "{}", ended.stderr);
        assert_eq!(sorted(&ended.stdout), ["five", "one", "three"], "{}", ended.stderr);
        let says = "2 of 5 commands failed: exit code 3: exit 3; ended by signal 9: kill -9 $$";
        assert_eq!(ended.stderr.matches(says).count(), 1, "{}", ended.stderr);
        let text = fs::read_to_string(&log).expect("the log is there");
        assert!(text.starts_with("Seq\tHost\tStarttime"), "{text}");
        assert_eq!(text.lines().count(), 6, "{text}");
        let ends = |command: &str| {
            let line = text.lines().find(|line| line.ends_with(&format!("\t{command}"))).expect(command);
            line.split('\t').skip(6).take(2).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(
            [ends("echo one"), ends("exit 3"), ends("kill -9 $$")].concat(),
            ["0", "0", "3", "0", "0", "9"]
        );
    }
}

#[test]
fn a_command_may_be_ended_tried_again_or_the_last() {
    let folder = Folder::new("commands-end");
    let path = list(&folder, &["sleep 60"]);
    let start = Instant::now();
    let ended = run(2, PROGRAM, &[&path, "--timeout", "1"]);
    assert_eq!(code(&ended), Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("timed out (exit code 124): sleep 60"), "{}", ended.stderr);
    assert!(start.elapsed() < Duration::from_secs(30));

    let tried = folder.file("tried");
    let command = format!("echo x >> {tried}; test $(wc -l < {tried}) -ge 3");
    let path = list(&folder, &[&command]);
    let ended = run(2, PROGRAM, &[&path, "--retries", "2"]);
    assert_eq!(code(&ended), Some(0), "{}", ended.stderr);
    assert_eq!(fs::read_to_string(&tried).expect("it ran"), "x\nx\nx\n");

    let many: Vec<String> =
        (0..200).map(|i| if i == 0 { "exit 7".into() } else { format!("echo {i}") }).collect();
    let path = list(&folder, &many.iter().map(String::as_str).collect::<Vec<_>>());
    let ended = run(2, PROGRAM, &[&path, "--halt"]);
    assert_eq!(code(&ended), Some(1), "{}", ended.stderr);
    assert_eq!(ended.stderr.matches("exit code 7: exit 7").count(), 1, "{}", ended.stderr);
    assert!(ended.stdout.lines().count() < 199, "it stops");
}

#[test]
fn another_job_goes_on_where_one_was_killed() {
    let folder = Folder::new("commands-resume");
    let (ran, log) = (folder.file("ran"), folder.file("log.tsv"));
    let numbers: Vec<String> = (1..=60).map(|number| number.to_string()).collect();
    let path = list(&folder, &numbers.iter().map(String::as_str).collect::<Vec<_>>());
    let command = format!("sleep 0.02; echo {{}} >> {ran}");
    let args = [&path, "-c", &command, "--joblog", &log, "--resume"].map(String::from);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut job = launch(2, PROGRAM, &args).spawn().expect("the launcher starts");
    let deadline = Instant::now() + LIMIT;
    while fs::read_to_string(&log).unwrap_or_default().lines().count() < 11 {
        assert!(Instant::now() < deadline, "nothing is done");
        std::thread::sleep(Duration::from_millis(5));
    }
    // The launcher ends its ranks, as when a batch job is cancelled.
    let _ = std::process::Command::new("kill").args(["-TERM", &job.id().to_string()]).status();
    let _ = job.wait();
    let before = fs::read_to_string(&log).expect("the log is there");
    // What was ended with the job is in the log as such.
    let done = |log: &str| {
        let done = log.lines().skip(1).filter(|line| line.contains("\t0\t0\tsleep"));
        done.map(|line| line.split('\t').next().expect("a number").to_owned()).collect::<Vec<_>>()
    };
    let first = done(&before);
    assert!((10..60).contains(&first.len()), "{before}");
    // And half a line, as a kill at the wrong moment leaves it.
    fs::write(&log, format!("{before}61\tnode")).expect("the log can be written");
    let ended = run_to_end(launch(3, PROGRAM, &args), LIMIT);
    assert_eq!(code(&ended), Some(0), "{}", ended.stderr);
    let after = fs::read_to_string(&log).expect("the log is there");
    let mut all = done(&after);
    all.sort_by_key(|number| number.parse::<u32>().unwrap_or(0));
    assert_eq!(all, numbers, "{after}");
    let ran = fs::read_to_string(&ran).expect("commands ran");
    let times = |number: &String| ran.lines().filter(|line| line == number).count();
    for number in &numbers {
        // One that had run but was not yet in the log runs again.
        assert!((1..=2).contains(&times(number)), "{number}: {ran}");
    }
    for number in &first {
        assert_eq!(times(number), 1, "{number} was done");
    }
    // All is done: nothing runs.
    let ended = run(2, PROGRAM, &args);
    assert_eq!((code(&ended), ended.stdout.as_str()), (Some(0), ""), "{}", ended.stderr);
}

#[test]
fn a_wrong_call_is_told_once() {
    let folder = Folder::new("commands-wrong");
    let path = list(&folder, &["echo 1"]);
    let log = folder.file("log.tsv");
    fs::write(&log, "what somebody needs\n").expect("the folder can be written");
    for (args, says, with) in [
        (vec!["missing.txt"], "missing.txt: No such file", 1),
        (vec![path.as_str(), "--resume"], "required arguments were not provided", 2),
        (vec![&path, "--timeout", "0"], "'0' for '--timeout <SECONDS>'", 2),
        (vec![&path, "--joblog", &log], "log.tsv: is there already: --resume goes on with it", 1),
        (vec![&path, "--joblog", "/proc/none/log"], "/proc/none/log: No such file", 1),
    ] {
        let ended = run(3, PROGRAM, &args);
        assert_eq!(code(&ended), Some(with), "{args:?}: {}", ended.stderr);
        assert_eq!(ended.stderr.matches(says).count(), 1, "{args:?}: {}", ended.stderr);
        assert_eq!(ended.stdout, "", "{args:?}");
    }
    assert_eq!(fs::read_to_string(&log).expect("it is there"), "what somebody needs\n");
}
