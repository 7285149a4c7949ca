//! Farms in which something fails: no hang, nothing swallowed, the right exit code, and a journal that goes on.

use std::time::Duration;

use crate::common::{Folder, LIMIT, code, launch, ranks_of, run, run_disturbed, side_by_side, signal};
use rankwise::testing::{Ended, run_to_end};

const PROGRAM: &str = "farms";
const RANKS: usize = 3;
/// Who has the items, and how the results come.
const ITEMS: [&str; 7] = ["known", "static", "own", "root", "unordered", "submitted", "threads"];
/// Tasks of 60 on 3 ranks: the first, one in the middle and the last of each rank, where each has a block.
const TASKS: [usize; 9] = [0, 10, 19, 20, 30, 39, 40, 50, 59];
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

/// What goes wrong, what is said of it and the exit code; none of a rank that is killed, which says nothing any more.
const FAULTS: [(&str, &str, Option<i32>); 6] = [
    ("err", "no tea", Some(1)),
    ("panic", "panicked: the kettle is empty", Some(1)),
    ("exit", "called exit(3) in the middle of the program", Some(3)),
    ("kill", "", None),
    ("deadline", "may take 600.0ms", Some(1)),
    ("cancel", "cancelled after ", Some(1)),
];

/// One row of the matrix: where it goes wrong.
#[derive(Debug, Clone, Copy)]
enum Where {
    /// In this task, whoever has it.
    Task(usize),
    /// In the first task of this rank.
    Rank(usize),
}

/// All that can go wrong, everywhere.
fn matrix() -> Vec<(usize, &'static str, Where)> {
    let mut rows = Vec::new();
    for (fault, (how, ..)) in FAULTS.iter().enumerate() {
        for items in ITEMS {
            // Of each rank its first, middle and last task, where it is known which ones that are.
            let tasks = if items == "static" { &TASKS[..] } else { &[0, 30, 59] };
            // The first task of a rank with threads is that of each thread.
            let ranks = if items == "threads" { 0..0 } else { 0..RANKS };
            for place in tasks.iter().copied().map(Where::Task).chain(ranks.map(Where::Rank)) {
                let can = match (*how, items, place) {
                    // A pool is cancelled by its body, and an executor knows neither this nor deadlines.
                    ("cancel", "submitted", _) | ("cancel" | "deadline", "threads", _) => false,
                    // Where there is a master, it is the one that is asked.
                    ("cancel", "root" | "unordered", place) => matches!(place, Where::Rank(0)),
                    _ => true,
                };
                if can {
                    rows.push((fault, items, place));
                }
            }
        }
    }
    rows
}

#[test]
fn whatever_fails_wherever_ends_the_job_with_its_name_and_exit_code() {
    let rows = matrix();
    let wrong = side_by_side(&rows, |&(fault, items, place)| {
        let (how, says, with) = FAULTS[fault];
        let (name, number) = match place {
            Where::Task(task) => ("--task", task.to_string()),
            Where::Rank(rank) => ("--rank", rank.to_string()),
        };
        let ended = farm(RANKS, &[how, items, name, &number]);
        let said = ended.stderr.matches(says).count();
        // The task and the rank, where it is an error of a task.
        let names = matches!(how, "cancel" | "kill")
            || match place {
                Where::Task(_) if how == "exit" => true,
                Where::Task(task) => ended.stderr.contains(&format!("task {task} on rank ")),
                Where::Rank(rank) if how == "exit" => {
                    ended.stderr.contains(&format!("rank {rank} of {RANKS}"))
                }
                Where::Rank(rank) => ended.stderr.contains(&format!(" on rank {rank} (")),
            };
        let right = match (ended.status, with) {
            (None, _) => false,
            (_, Some(with)) => code(&ended) == Some(with) && said == 1 && names,
            (Some(status), None) => !status.success(),
        };
        let soon = ended.time < SOON;
        // Nothing of it is taken for a result.
        let silent = !ended.stdout.contains("results");
        let row =
            || format!("{how} {items} {place:?}: {:?} in {:?}\n{}", ended.status, ended.time, ended.stderr);
        (!(right && soon && silent)).then(row)
    });
    let wrong: Vec<String> = wrong.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{} of {} are wrong:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

#[test]
fn an_iterator_that_fails_ends_the_job() {
    for task in ["0", "30", "59"] {
        fails(&["iterator", "root", "--task", task], &format!("task {task} on rank 0"), 1);
        fails(&["iterator-panic", "root", "--task", task], "the iterator panicked: no more tea", 1);
    }
}

#[test]
fn an_error_that_nobody_looks_at_makes_the_exit_code_1() {
    for items in ITEMS {
        fails(&["swallow", items, "--task", "7"], "nobody has looked at the errors", 1);
    }
}

#[test]
fn a_journal_goes_on_after_the_job_was_killed_and_gives_the_same_bits() {
    let right = farm(2, &["none", "known", "--len", "1000"]);
    assert_eq!(code(&right), Some(0), "{}", right.stderr);
    assert!(right.stdout.starts_with("1000 results"), "{}", right.stdout);
    let folder = Folder::new("farm-journal");
    let journal = folder.file("journal");
    let args = ["none", "journal", "--len", "1000", "--takes", "3", "--journal", &journal];
    // How many ranks are left out, in the order in which they were started, and how many are killed.
    const ALL: (usize, usize) = (0, usize::MAX);
    const ROOT: (usize, usize) = (0, 1);
    const WORKER: (usize, usize) = (1, 1);
    // Killed at random moments, told by how far the journal has grown; one rank or all, each time on another number of ranks.
    let seed = std::time::UNIX_EPOCH.elapsed().expect("it is later").as_nanos() as u64;
    let mut state = seed | 1;
    let len_of = |path: &str| std::fs::metadata(path).map_or(0, |of| of.len());
    for (round, (ranks, (spared, killed))) in
        [(2, ALL), (3, ROOT), (1, ALL), (3, ALL), (2, ROOT), (3, WORKER)].into_iter().enumerate()
    {
        let (path, marker, before) = (journal.clone(), journal.clone(), len_of(&journal));
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let moment = before + (state >> 33) % 1500;
        let ended = run_disturbed(
            launch(ranks, PROGRAM, &args),
            move || std::fs::metadata(&path).is_ok_and(|of| of.len() > moment),
            move || {
                let mut ids = ranks_of(PROGRAM, &marker);
                ids.sort_unstable();
                ids.into_iter().skip(spared).take(killed).for_each(|id| signal(id, "KILL"));
            },
        );
        let what = format!("seed {seed}, round {round}");
        assert!(ended.status.is_some_and(|status| !status.success()), "{what}: {}", ended.stderr);
        assert!(len_of(&journal) > before, "{what}: it has grown");
    }
    // A task that fails leaves what is finished.
    let mut failing = args;
    failing[0] = "err";
    let ended = run_to_end(launch(2, PROGRAM, &[&failing[..], &["--task", "999"]].concat()), LIMIT);
    assert_eq!(code(&ended), Some(1), "{}", ended.stderr);
    let ended = farm(3, &args);
    assert_eq!((code(&ended), &ended.stdout), (Some(0), &right.stdout), "{}", ended.stderr);
    // All is there: nothing is computed any more.
    failing[0] = "exit";
    let ended = farm(1, &failing);
    assert_eq!((code(&ended), &ended.stdout), (Some(0), &right.stdout), "{}", ended.stderr);
    let mut other = args;
    other[3] = "1001";
    let ended = farm(2, &other);
    assert_eq!(code(&ended), Some(1));
    assert_eq!(ended.stderr.matches("no journal of a farm of 1001 items").count(), 1, "{}", ended.stderr);
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
