//! Programs that must fail: with one message of ours, the right exit code, and soon.

use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::common::{ROOT, code, program, run};
use rankwise::testing::{Ended, on_ranks, run_to_end, test_launcher};

/// From the start of the launcher to the end of all ranks, on a loaded machine, or one on which a launch alone takes ten seconds
/// because its own name is not in /etc/hosts. A hang is what it tells apart.
const SOON: Duration = Duration::from_secs(30);

/// From the failure to the end of all ranks. A loaded machine may need a second or a third try.
const AT_ONCE: Duration = Duration::from_secs(2);
const TRIES: usize = 3;

/// One failing program: how, and what is expected.
struct Case {
    how: &'static str,
    /// In the words of docs/failures.md.
    failure: &'static str,
    /// Parts of the one message.
    says: &'static [&'static str],
    /// Whether the message names the rank that failed.
    names_rank: bool,
    code: i32,
}

const fn case(how: &'static str, failure: &'static str, says: &'static [&'static str], code: i32) -> Case {
    Case { how, failure, says, names_rank: true, code }
}

/// Of several that fail at once, any may speak.
const fn of_several(
    how: &'static str,
    failure: &'static str,
    says: &'static [&'static str],
    code: i32,
) -> Case {
    Case { how, failure, says, names_rank: false, code }
}

const FULL: &str = "has overflowed its stack (SIGSEGV)";

/// The rows of the table in docs/failures.md.
const CASES: &[Case] = &[
    case("panic", "a panic", &["panicked at tests/programs/faults.rs:", "the kettle is empty"], 101),
    of_several("panic-everywhere", "a panic on all ranks", &["panicked at", "every kettle is empty"], 101),
    case("panic-in-thread", "a panic in another thread", &["panicked at", "the thread has snapped"], 101),
    case("panic-in-drop", "a panic in a destructor", &["panicked at", "the lid fell off"], 101),
    case("panic-in-agree", "a panic in a step that ranks agree on", &["panicked at", "nobody agrees"], 101),
    case(
        "panic-with-open-file",
        "a panic with an HDF5 file open",
        &["panicked at", "no kettle, file open"],
        101,
    ),
    of_several(
        "panic-in-closure",
        "a panic in the closure of a reduction: an error of the operation, on all ranks",
        &["error on rank", "panicked at tests/programs/faults.rs:", "the sum has boiled over"],
        1,
    ),
    case("error", "an `Err` while the others wait", &["error on rank", "no tea on this rank"], 1),
    case(
        "error-with-cause",
        "an `Err` with a cause",
        &["error on rank", "cannot fill the cup: the pot is empty"],
        1,
    ),
    of_several("error-everywhere", "an `Err` on all ranks", &["error: no tea anywhere"], 1),
    case(
        "error-at-the-end",
        "an `Err` when all others have ended well",
        &["error on rank", "the last drop"],
        1,
    ),
    case("agree", "an `Err` that ranks agree on", &["error on rank", "no tea, all agree"], 1),
    case(
        "error-with-open-file",
        "an `Err` with an HDF5 file open",
        &["error on rank", "no tea, file open"],
        1,
    ),
    case(
        "wrong-argument",
        "arguments that do not fit",
        &[
            "error on rank",
            "all_reduce_into at tests/programs/faults.rs:",
            "the result has 1 elements, the input 2",
        ],
        1,
    ),
    case(
        "truncation",
        "a message that is longer than the room for it",
        &["error on rank", "recv_into at tests/programs/faults.rs:", "longer than the room for 1 elements"],
        1,
    ),
    case(
        "no-such-rank",
        "a message to a rank that does not exist",
        &["error on rank", "send at tests/programs/faults.rs:", "rank 99 of"],
        1,
    ),
    case(
        "mpi-crate",
        "an error of MPI in a call of the `mpi` crate (here: a message too long)",
        &["has an error of MPI: M"],
        102,
    ),
    case(
        "exit-3",
        "`std::process::exit(3)` in the body",
        &["called exit(3) in the middle of the program"],
        3,
    ),
    case(
        "exit-0",
        "`std::process::exit(0)` in the body",
        &["called exit(0) in the middle of the program"],
        70,
    ),
    case(
        "exit-in-thread",
        "`exit(4)` in another thread",
        &["called exit(4) in the middle of the program"],
        4,
    ),
    of_several(
        "exit-everywhere",
        "`exit(5)` on all ranks",
        &["called exit(5) in the middle of the program"],
        5,
    ),
    case("exit-with-open-file", "`exit(3)` with an HDF5 file open", &["called exit(3) in the middle"], 3),
    case("abort", "`std::process::abort`", &["aborted (SIGABRT)"], 134),
    case(
        "large-allocation",
        "memory that the system refuses (after a line of Rust's: `memory allocation of … bytes failed`)",
        &["memory allocation of 1125899906842624 bytes failed", "aborted (SIGABRT)"],
        134,
    ),
    case(
        "memory-limit",
        "memory that a limit refuses (`ulimit -v`)",
        &["bytes failed", "aborted (SIGABRT)"],
        134,
    ),
    case("segfault", "a segmentation fault", &["used memory that is not its own (SIGSEGV), at 0x40"], 139),
    case("segfault-in-thread", "one in another thread", &["used memory that is not its own (SIGSEGV)"], 139),
    of_several(
        "segfault-everywhere",
        "one on all ranks",
        &["used memory that is not its own (SIGSEGV)"],
        139,
    ),
    case("overflow", "recursion without an end", &["the main thread has overflowed", FULL], 139),
    case("overflow-in-thread", "the same in a thread¹", &["thread recursion has overflowed", FULL], 139),
    case("sent-signal", "another deadly signal, sent by a process", &["was sent SIGFPE by process"], 136),
    case("terminate", "SIGTERM, sent to one rank", &["was told to end (SIGTERM), by itself"], 143),
    case("interrupt", "SIGINT, sent to one rank", &["was told to end (SIGINT), by itself"], 130),
];

/// What this program prints, once it has ended; tried again if it took long.
fn fail(ranks: usize, case: &Case, rank: usize) -> Ended {
    let mut left = TRIES;
    loop {
        let mut command = crate::common::launch(ranks, "faults", &[case.how, &rank.to_string()]);
        if ranks == 1 {
            // A world of one, as without a launcher.
            command = Command::new(program("faults"));
            command.args([case.how, "0"]).env_remove("RUST_BACKTRACE");
        }
        if case.how == "overflow-in-thread" {
            // Else this library takes Rust's place, and threads have no stack on which to tell that theirs is full.
            command.env("UCX_HANDLE_ERRORS", "none");
        }
        let ended = run_to_end(command, crate::common::LIMIT);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than that").as_millis();
        let failed =
            ended.stdout.lines().find_map(|line| line.strip_prefix("failing at ")?.parse::<u128>().ok());
        let Some(failed) = failed else { panic!("{} on {ranks} ranks: {ended:?}", case.how) };
        let time = now.saturating_sub(failed);
        if time < AT_ONCE.as_millis() {
            return ended;
        }
        left -= 1;
        assert!(left > 0, "{} on rank {rank} of {ranks} took {time} ms\n{}", case.how, ended.stderr);
    }
}

/// The lines with which our messages begin, each with the next one if it ends in a colon.
fn ours(stderr: &str) -> Vec<String> {
    let lines: Vec<&str> = stderr.lines().map(str::trim_end).collect();
    let begins = |line: &str| {
        line.starts_with("error: ")
            || line.starts_with("error on rank ")
            || line
                .strip_prefix("rank ")
                .is_some_and(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()).starts_with(" of "))
    };
    let all = lines.iter().enumerate().filter(|(_, line)| begins(line));
    all.map(|(at, line)| match lines.get(at + 1) {
        Some(next) if line.ends_with(':') => format!("{line} {next}"),
        _ => (*line).to_owned(),
    })
    .collect()
}

#[test]
fn a_failing_rank_ends_the_job_with_one_message() {
    let rows = crate::common::side_by_side(CASES, one_message);
    crate::common::compare_with_docs(
        "failures.md",
        "| failure | what is printed | exit code |\n|---|---|---|\n",
        &rows.concat(),
    );
}

/// On each of 1, 2 and 4 ranks; gives the row for docs/failures.md.
fn one_message(case: &Case) -> String {
    let mut row = String::new();
    for (ranks, rank) in [(1, 0), (2, 0), (2, 1), (4, 0), (4, 1), (4, 2), (4, 3)] {
        if ranks == 1 && case.how == "panic-in-closure" {
            // One value is its own sum.
            continue;
        }
        let ended = fail(ranks, case, rank);
        let what = format!("{} on rank {rank} of {ranks}:\n{}\n{}", case.how, ended.stdout, ended.stderr);
        // With all ranks failing alike there is no rank to name.
        let alone = ranks == 1 && case.code == 1 && case.how != "agree";
        for words in case.says {
            let words = if alone { words.replace("error on rank", "error: ") } else { (*words).to_owned() };
            assert_eq!(ended.stderr.matches(words.trim_end()).count(), 1, "{words:?}, {what}");
        }
        let ours = ours(&ended.stderr);
        assert_eq!(ours.len(), 1, "{ours:?}, {what}");
        if case.names_rank && !alone {
            let names = [format!("error on rank {rank} ("), format!("rank {rank} of {ranks} (")];
            assert!(names.iter().any(|name| ours[0].starts_with(name)), "{what}");
        }
        assert_eq!(code(&ended), Some(case.code), "{what}");
        assert!(!ended.stdout.contains("is done"), "{what}");
        if (ranks, rank) == (4, 2) {
            row = format!("| {} | `{}` | {} |\n", case.failure, as_in_docs(&ours[0]), case.code);
        }
    }
    row
}

/// Without what differs from machine to machine, from MPI to MPI and from edit to edit.
fn as_in_docs(message: &str) -> String {
    let mut text = message.to_owned();
    if let (Some(start), Some(end)) = (text.find('('), text.find(')'))
        && text[..start].contains("rank")
    {
        text.replace_range(start + 1..end, "node17");
    }
    // Of several ranks any may speak; process ids and the lines of the test program change.
    for (before, number) in [("rank ", "2"), ("process ", "4711"), ("tests/programs/faults.rs:", "12:9:")] {
        if let Some(start) = text.find(before).map(|at| at + before.len()) {
            let end = text[start..].find(|c: char| !c.is_ascii_digit() && c != ':');
            text.replace_range(start..end.map_or(text.len(), |end| start + end), number);
        }
    }
    // Each MPI has its own words.
    if let Some(at) = text.find("error of MPI: ") {
        text.replace_range(at.., "error of MPI: Message truncated");
    }
    text.replace("tests/programs/faults.rs", "src/main.rs")
}

#[test]
fn of_two_failures_at_once_one_is_told() {
    for ranks in [2, 3] {
        let case = case("panic-and-segfault", "", &[], 0);
        let ended = fail(ranks, &case, ranks - 1);
        let ours = ours(&ended.stderr);
        let known = match code(&ended) {
            Some(101) => "a kettle is empty, too",
            Some(139) => "(SIGSEGV)",
            _ => panic!("{ended:?}"),
        };
        assert!(ours.len() == 1 && ours[0].contains(known), "{ours:?}, {}", ended.stderr);
    }
}

/// The launcher names it; where it asks the others to end, they may say that.
#[test]
fn a_killed_rank_ends_the_job() {
    for (ranks, rank) in [(1, 0), (3, 0), (3, 2)] {
        let ended = fail(ranks, &case("kill", "", &[], 0), rank);
        assert!(!ended.status.is_some_and(|status| status.success()), "{ended:?}");
        assert!(ranks == 1 || (ended.stdout.clone() + &ended.stderr).contains("signal 9"), "{ended:?}");
        assert!(ours(&ended.stderr).len() <= 1, "{}", ended.stderr);
        assert!(!ended.stdout.contains("is done"), "{}", ended.stdout);
    }
}

/// As Ctrl-C and a cancelled job do.
#[test]
fn a_signal_to_the_launcher_is_told_once() {
    for how in ["end-the-launcher", "interrupt-the-launcher"] {
        let mut command = test_launcher(3);
        command.arg(program("faults")).args([how, "1"]);
        // Open MPI leaves its ranks a second; where other tests run, too, that can be short for a word.
        command.env("OMPI_MCA_odls_base_sigkill_timeout", "4");
        let ended = run_to_end(command, crate::common::LIMIT);
        assert!(!ended.status.is_some_and(|status| status.success()), "{ended:?}");
        let ours = ours(&ended.stderr);
        assert_eq!(ours.len(), 1, "{}", ended.stderr);
        assert!(ours[0].starts_with("rank 0 of 3 (") && ours[0].contains("was told to end (SIG"), "{ours:?}");
    }
}

#[test]
fn handlers_and_children_of_the_program_are_left_alone() {
    for how in ["own-handler", "child-exits"] {
        let ended = run(2, "faults", &[how, "0"]);
        assert_eq!(code(&ended), Some(0), "{how}: {}", ended.stderr);
        assert_eq!(ended.stdout.matches("is done").count(), 2, "{how}: {}", ended.stdout);
        assert_eq!(ours(&ended.stderr), [""; 0], "{how}: {}", ended.stderr);
    }
}

#[test]
fn a_failure_of_the_root_is_everyones() {
    for ranks in [1, 3] {
        let ended = run(ranks, "faults", &["on-root", "0"]);
        assert_eq!(ended.stderr.matches("error on rank 0 (").count(), 1, "{}", ended.stderr);
        assert_eq!(ended.stderr.matches("the root is out of tea").count(), 1, "{}", ended.stderr);
        assert_eq!(code(&ended), Some(1));
    }
}

#[test]
fn a_file_that_was_not_closed_is_an_error() {
    let ended = run(2, "faults", &["forgotten-file", "0"]);
    assert_eq!(ended.stderr.matches("created but never closed").count(), 1, "{}", ended.stderr);
    assert_eq!(code(&ended), Some(1));
    for name in ["rankwise-forgotten.h5", ".rankwise-forgotten.h5.partial"] {
        assert!(!program("faults").with_file_name(name).exists(), "{name}");
    }
}

#[test]
fn synchronous_sends_show_who_relies_on_buffers() {
    for (how, expected) in [("", 0), ("sync", 3)] {
        let mut command = rankwise::testing::test_launcher(2);
        command.arg(crate::common::program("faults")).args(["both-send-first", "0"]);
        command.env("RANKWISE_SEND", how);
        let ended = rankwise::testing::run_to_end(command, crate::common::LIMIT);
        assert_eq!(code(&ended), Some(expected), "{}", ended.stderr);
        assert_eq!(ended.stderr.contains("DEADLOCK: ranks wait for each other"), expected == 3);
    }
}

#[test]
fn an_error_is_told_while_something_is_held() {
    for (how, words) in
        [("error-with-counter", "no tea, counter held"), ("error-with-requests", "no tea, requests held")]
    {
        let ended = run(2, "faults", &[how, "1"]);
        assert_eq!(ended.stderr.matches(words).count(), 1, "{how}: {}", ended.stderr);
        assert_eq!(code(&ended), Some(1), "{how}: {}", ended.stderr);
        assert!(ended.time < SOON, "{how}: {:?}", ended.time);
    }
}

#[test]
fn what_is_forgotten_is_reported() {
    for (how, words) in [
        ("forgotten-request", "error on rank 1 (HOST): isend at tests/programs/faults.rs:"),
        ("unreceived-message", "error on rank 1 (HOST): send at tests/programs/faults.rs:"),
        ("short-unreceived-message", "a message from rank 1 to rank 0 with tag 5 was never received"),
        ("forgotten-window", "node_shared at tests/programs/faults.rs:"),
    ] {
        let ended = run(2, "faults", &[how, "1"]);
        let words = words.split("HOST").collect::<Vec<_>>();
        assert!(words.iter().all(|part| ended.stderr.contains(part)), "{how}: {}", ended.stderr);
        assert_eq!(ended.stderr.matches(words.last().unwrap()).count(), 1, "{how}: {}", ended.stderr);
        assert_eq!(ended.status.and_then(|status| status.code()), Some(1), "{how}: {}", ended.stderr);
    }
}

#[test]
fn a_good_program_ends_well() {
    for ranks in [1, 2, 3] {
        let ended = run(ranks, "faults", &["none", "0"]);
        assert_eq!(code(&ended), Some(0), "{}", ended.stderr);
        assert_eq!(ended.stdout.matches("is done").count(), ranks);
        assert_eq!(ours(&ended.stderr), [""; 0], "{}", ended.stderr);
    }
    let ended = run_to_end(
        {
            let mut alone = Command::new(program("faults"));
            alone.args(["none", "0"]);
            alone
        },
        SOON,
    );
    assert_eq!((code(&ended), ended.stdout.as_str()), (Some(0), "rank 0 is done\n"), "without a launcher");
}

#[test]
fn a_launcher_that_stands_still_makes_no_failure_of_a_success() {
    if !rankwise::program::mpi_version().starts_with("Open MPI") {
        return; // The goodbye that is late here is that of PMIx.
    }
    let folder = crate::common::Folder::new("late");
    let late = folder.file("late_launcher.so");
    let mpicc = std::env::var("MPICC").unwrap_or_else(|_| "mpicc".into());
    let source = format!("{ROOT}/tests/programs/late_launcher.c");
    let mut compile = Command::new(mpicc);
    let compiled = compile.args(["-shared", "-fPIC", "-o", &late, &source, "-ldl"]).status();
    assert!(compiled.is_ok_and(|status| status.success()), "{compile:?}");
    let mut hello = test_launcher(3);
    hello.arg("-x").arg(format!("LD_PRELOAD={late}")).arg(program("hello"));
    let ended = run_to_end(hello, SOON);
    assert_eq!(code(&ended), Some(0), "{}", ended.stderr);
    assert!(ended.time > Duration::from_secs(3), "nothing stood still: {:?}", ended.time);
}

#[test]
fn usage_errors_and_help_are_printed_once() {
    for ranks in [1, 3] {
        let ended = run(ranks, "faults", &["none"]);
        assert_eq!(code(&ended), Some(2), "{}", ended.stderr);
        assert_eq!(ended.stderr.matches("Usage: faults <HOW> <RANK>").count(), 1, "{}", ended.stderr);
        let ended = run(ranks, "faults", &["--help"]);
        assert_eq!((code(&ended), ended.stdout.matches("Usage:").count()), (Some(0), 1), "{}", ended.stdout);
        let ended = run(ranks, "faults", &["--version"]);
        assert_eq!((code(&ended), ended.stdout.as_str()), (Some(0), "faults 0.1.0\n"));
    }
}

#[test]
fn arguments_that_one_rank_refuses_end_all() {
    let ended = run(3, "faults", &["none", "7"]);
    assert_eq!(code(&ended), Some(2), "{}", ended.stderr);
    assert_eq!(ended.stderr.matches("no seven here").count(), 1, "{}", ended.stderr);
    assert!(!ended.stdout.contains("is done"), "{}", ended.stdout);
}

#[test]
fn hello_is_said_in_rank_order() {
    for ranks in [1, 2, 4] {
        let ended = run(ranks, "hello", &[]);
        assert_eq!(code(&ended), Some(0), "{}", ended.stderr);
        let lines: Vec<&str> = ended.stdout.lines().collect();
        assert_eq!(lines.len(), ranks + 1, "{}", ended.stdout);
        for (rank, line) in lines[..ranks].iter().enumerate() {
            assert!(line.starts_with(&format!("rank {rank} of {ranks} on ")), "{line}");
        }
        assert_eq!(lines[ranks], format!("the sum of all ranks is {}", ranks * (ranks - 1) / 2));
    }
}

#[test]
fn a_second_run_is_refused() {
    let ended = run(1, "faults", &["run-twice"]);
    assert_eq!(code(&ended), Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("rankwise::run was called a second time"), "{}", ended.stderr);
}

#[test]
fn a_backtrace_comes_when_asked_for() {
    let mut command = test_launcher(2);
    command.arg(program("faults")).args(["panic", "1"]).env("RUST_BACKTRACE", "1");
    let ended = run_to_end(command, SOON);
    assert!(ended.stderr.contains("faults::main"), "{}", ended.stderr);
}

/// Both launchers start several programs as one world, with a colon between them.
#[test]
fn ranks_that_do_not_run_the_same_are_refused_once() {
    let folder = crate::common::Folder::new("mixed");
    let changed = folder.file("faults");
    std::fs::copy(program("faults"), &changed).expect("it can be copied");
    let mut file = std::fs::OpenOptions::new().append(true).open(&changed).expect("it is there");
    std::io::Write::write_all(&mut file, b"another build").expect("it can be written");
    drop(file);
    let (faults, hello) = (program("faults"), program("hello"));
    let words = |text: &[&str]| text.iter().map(|word| (*word).to_owned()).collect::<Vec<String>>();
    let path = |path: &std::path::Path| path.to_str().expect("our names are UTF-8").to_owned();
    for (what, other, expected) in [
        ("arguments", [vec![path(&faults)], words(&["none", "1"])].concat(), "running faults none 1"),
        ("program", vec![path(&hello)], "running hello"),
        (
            "build",
            [vec![changed.clone()], words(&["none", "0"])].concat(),
            "rank 2 is     running faults none 0",
        ),
    ] {
        for meant in [false, true] {
            let mut command = test_launcher(2);
            command.arg(&faults).args(["none", "0"]).args([":", "-n", "1"]).args(&other);
            command.env("RANKWISE_MIXED", if meant { "yes" } else { "" }).env("RANKWISE_CHECK", "off");
            if meant && what == "program" {
                // They would really have to be meant for each other.
                continue;
            }
            let ended = run_to_end(command, SOON);
            if meant {
                assert_eq!(code(&ended), Some(0), "{what}: {}", ended.stderr);
                continue;
            }
            assert_eq!(code(&ended), Some(2), "{what}: {}", ended.stderr);
            for words in [
                "error: the ranks do not run the same program:",
                "ranks 0-1 are running faults none 0",
                expected,
            ] {
                assert_eq!(ended.stderr.matches(words).count(), 1, "{what}: {words}: {}", ended.stderr);
            }
            assert!(!ended.stdout.contains("is done"), "{what}: {}", ended.stdout);
        }
    }
}

/// The launcher of one MPI starts programs of the other as worlds of one.
#[test]
fn the_other_launcher_is_named_once() {
    let theirs = ["mpirun.openmpi", "mpirun.mpich"].into_iter().filter(|name| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
    });
    for name in theirs {
        let mut command = Command::new(name);
        command.args(["-n", "3"]).arg(program("faults")).args(["none", "0"]);
        // What env.sh sets for Open MPI only.
        command.env("OMPI_ALLOW_RUN_AS_ROOT", "1").env("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1");
        command.env("OMPI_MCA_rmaps_base_oversubscribe", "1");
        command.env("PRTE_MCA_rmaps_default_mapping_policy", ":oversubscribe");
        let ended = run_to_end(command, SOON);
        if code(&ended) == Some(0) {
            // Our own: three ranks of one world.
            assert_eq!(ended.stdout.matches("is done").count(), 3, "{name}: {}", ended.stderr);
            continue;
        }
        assert_eq!(code(&ended), Some(2), "{name}: {}", ended.stderr);
        assert_eq!(ended.stderr.matches("error: this program uses").count(), 1, "{name}: {}", ended.stderr);
        assert!(ended.stderr.contains("3 processes, each of which sees a world of 1"), "{}", ended.stderr);
        assert!(ended.stderr.contains("Start it with"), "{}", ended.stderr);
        assert!(!ended.stdout.contains("is done"), "{name}: {}", ended.stdout);
    }
}

// The harness itself: each way in which a test on ranks can fail is seen to fail.

#[test]
#[should_panic(expected = "two and two")]
fn a_panic_on_a_rank_fails_the_test() {
    on_ranks([3], |world| {
        assert!(world.rank() != 1, "two and two");
        world.barrier()?;
        Ok(())
    });
}

#[test]
#[should_panic(expected = "an error on rank two")]
fn an_error_on_a_rank_fails_the_test() {
    on_ranks([3], |world| {
        if world.rank() == 2 {
            return Err("an error on rank two".into());
        }
        world.barrier()?;
        Ok(())
    });
}

#[test]
fn leaving_early_fails_the_test() {
    let outcome = std::panic::catch_unwind(|| {
        on_ranks([2], |world| if world.is_root() { std::process::exit(0) } else { Ok(world.barrier()?) });
    });
    let said = outcome.unwrap_err().downcast::<String>().expect("on_ranks says why");
    // Open MPI fails, MPICH does not; the ranks that have not finished are missed.
    let known = said.starts_with("on 2 ranks: exit status") || said.starts_with("on 2 ranks: 0 of them ran");
    assert!(known, "{said}");
}

#[test]
fn a_test_may_use_ranks_twice_and_what_is_around() {
    let expected = 7;
    on_ranks([1, 2], move |world| {
        assert_eq!(world.all_gather_one(expected)?, vec![7; world.size()]);
        Ok(())
    });
    on_ranks([3], |world| {
        assert_eq!(world.size(), 3);
        Ok(())
    });
}

#[test]
fn a_hang_is_ended_and_leaves_no_process() {
    let mut command = test_launcher(3);
    command.arg(program("faults")).args(["hang", "0"]);
    let ended = run_to_end(command, Duration::from_secs(12));
    assert!(ended.status.is_none(), "{:?}: {}", ended.status, ended.stderr);
    let ids: Vec<u32> =
        ended.stdout.lines().filter_map(|line| line.strip_prefix("pid ")?.parse().ok()).collect();
    assert_eq!(ids.len(), 3, "{}", ended.stdout);
    let deadline = Instant::now() + SOON;
    for id in ids {
        let ours =
            || std::fs::read_to_string(format!("/proc/{id}/comm")).is_ok_and(|name| name.trim() == "faults");
        while ours() {
            assert!(Instant::now() < deadline, "process {id} is still there");
            std::thread::yield_now();
        }
    }
}

/// MPICH complains of a datatype that is left when it ends.
#[test]
fn the_datatype_of_a_derived_struct_is_freed() {
    let ended = crate::common::run(2, "09_own_types", &[]);
    assert_eq!(crate::common::code(&ended), Some(0), "{}", ended.stderr);
    assert_eq!((ended.stdout.lines().count(), ended.stderr.as_str()), (1, ""), "{}", ended.stdout);
}
