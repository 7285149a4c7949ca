//! Farms in which something fails: no hang, nothing swallowed, the right exit code, and a journal that goes on.

mod common;

use std::time::Duration;

use common::{Folder, LIMIT, code, launch, ranks_of, run, run_disturbed, signal};
use rankwise::testing::{Ended, run_to_end};

const PROGRAM: &str = "farms";
const RANKS: usize = 3;
const ITEMS: [&str; 4] = ["known", "root", "unordered", "submitted"];
/// A hang is what it tells apart, on a loaded machine.
const SOON: Duration = Duration::from_secs(30);

fn farm(ranks: usize, args: &[&str]) -> Ended {
    run_to_end(launch(ranks, PROGRAM, args), LIMIT)
}

/// One message of ours with these words, this code, and soon.
fn fails(args: &[&str], says: &str, with: i32) {
    let ended = farm(RANKS, args);
    let stderr = &ended.stderr;
    assert!(ended.status.is_some() && ended.time < SOON, "{args:?} hangs: {stderr}");
    assert_eq!(code(&ended), Some(with), "{args:?}: {stderr}");
    assert_eq!(stderr.matches(says).count(), 1, "{args:?}: {stderr}");
    assert!(!ended.stdout.contains("results"), "{args:?}");
}

#[test]
fn a_task_that_fails_is_named_wherever_it_stands() {
    for items in ITEMS {
        for task in ["0", "30", "59"] {
            fails(&["err", items, "--task", task], &format!("task {task} on rank "), 1);
        }
        fails(&["panic", items, "--task", "30"], "panicked: the kettle is empty", 1);
        fails(&["exit", items, "--task", "30"], "called exit(3) in the middle of the program", 3);
    }
}

#[test]
fn the_rank_that_fails_is_named() {
    for items in ITEMS {
        for rank in ["0", "1", "2"] {
            fails(&["err", items, "--rank", rank], &format!(" on rank {rank} ("), 1);
        }
    }
    for rank in ["0", "1", "2"] {
        fails(&["panic", "known", "--rank", rank], "panicked: the kettle is empty", 1);
        fails(&["exit", "root", "--rank", rank], &format!("rank {rank} of {RANKS}"), 3);
    }
}

#[test]
fn a_rank_that_is_killed_ends_the_job() {
    for items in ITEMS {
        for rank in ["0", "1", "2"] {
            let ended = farm(RANKS, &["kill", items, "--rank", rank]);
            assert!(ended.status.is_some() && ended.time < SOON, "{items}, {rank} hangs: {}", ended.stderr);
            assert!(
                ended.status.is_some_and(|status| !status.success()),
                "{items}, {rank}: {}",
                ended.stderr
            );
            assert!(!ended.stdout.contains("results"), "{items}, {rank}");
        }
    }
}

#[test]
fn an_iterator_that_fails_ends_the_job() {
    for task in ["0", "30", "59"] {
        fails(&["iterator", "root", "--task", task], &format!("task {task} on rank 0"), 1);
    }
    fails(&["iterator-panic", "root", "--task", "30"], "the iterator panicked: no more tea", 1);
}

#[test]
fn an_error_that_nobody_looks_at_makes_the_exit_code_1() {
    for items in ITEMS {
        fails(&["swallow", items, "--task", "7"], "nobody has looked at the errors", 1);
    }
}

#[test]
fn a_journal_goes_on_after_the_job_was_killed_and_gives_the_same_bits() {
    let right = farm(2, &["none", "known", "--len", "300"]);
    assert_eq!(code(&right), Some(0), "{}", right.stderr);
    assert!(right.stdout.starts_with("300 results"), "{}", right.stdout);
    let folder = Folder::new("farm-journal");
    let journal = folder.file("journal");
    let args = ["none", "journal", "--len", "300", "--takes", "3", "--journal", &journal];
    let mut before = 0;
    // Killed when the journal has grown so far, by bytes; each time on another number of ranks.
    for (ranks, grown) in [(2, 400), (3, 1500), (1, 3000)] {
        let (path, marker) = (journal.clone(), journal.clone());
        let len = move || std::fs::metadata(&path).map_or(0, |of| of.len());
        let ended = run_disturbed(
            launch(ranks, PROGRAM, &args),
            move || len() > grown,
            move || ranks_of(PROGRAM, &marker).into_iter().for_each(|id| signal(id, "KILL")),
        );
        assert!(ended.status.is_some_and(|status| !status.success()), "{}", ended.stderr);
        let now = std::fs::metadata(&journal).expect("it is kept").len();
        assert!(now > before, "it has grown");
        before = now;
    }
    // A task that fails leaves what is finished.
    let mut failing = args;
    failing[0] = "err";
    let ended = run_to_end(launch(2, PROGRAM, &[&failing[..], &["--task", "299"]].concat()), LIMIT);
    assert_eq!(code(&ended), Some(1), "{}", ended.stderr);
    let ended = farm(3, &args);
    assert_eq!((code(&ended), &ended.stdout), (Some(0), &right.stdout), "{}", ended.stderr);
    // All is there: nothing is computed any more.
    failing[0] = "exit";
    let ended = farm(1, &failing);
    assert_eq!((code(&ended), &ended.stdout), (Some(0), &right.stdout), "{}", ended.stderr);
    let mut other = args;
    other[3] = "301";
    let ended = farm(2, &other);
    assert_eq!(code(&ended), Some(1));
    assert_eq!(ended.stderr.matches("no journal of a farm of 301 items").count(), 1, "{}", ended.stderr);
}

#[test]
fn the_examples_print_the_same_on_any_ranks() {
    let (folder, mut pictures) = (Folder::new("mandelbrot"), Vec::new());
    for ranks in [1, 2, 3] {
        let picture = folder.file("set.png");
        let drawn = run(ranks, "mandelbrot", &["--width", "90", "-o", &picture]);
        assert_eq!(code(&drawn), Some(0), "{}", drawn.stderr);
        pictures.push(std::fs::read(picture).expect("it is written"));
        assert_eq!(folder.names(), ["set.png"]);
        let pi = run(ranks, "pi", &[]);
        assert_eq!((code(&pi), &*pi.stdout), (Some(0), "π is about 3.141592653590\n"), "{}", pi.stderr);
        let pool = run(ranks, "pool", &[]);
        let right = "map: [0, 1, 4, 9, 16, 25, 36, 49, 64, 81]\n\
                     starmap: [32, 9, 1000]\n\
                     imap_unordered: 12 letters\n\
                     initializer: [0.0, 1.0, 2.0, 3.0]\n\
                     errors: [Some(0), None, None, Some(1), None], and 3 failed\n\
                     apply_async: 111 steps from 27 to 1\n";
        assert_eq!((code(&pool), &*pool.stdout), (Some(0), right), "{}", pool.stderr);
    }
    assert!(pictures[0].starts_with(b"\x89PNG") && pictures.iter().all(|picture| *picture == pictures[0]));
}
