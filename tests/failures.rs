//! Programs that must fail: with one message of ours, the right exit code, and soon.

mod common;

use std::time::{Duration, Instant};

use common::{code, program, run};
use rankwise::testing::{launcher, on_ranks, run_to_end};

/// From the start of the launcher to the end of all ranks, on a loaded machine, or one on which a launch alone takes ten seconds
/// because its own name is not in /etc/hosts. A hang is what it tells apart.
const SOON: Duration = Duration::from_secs(30);

/// One failing program: how, and what is expected.
struct Case {
    how: &'static str,
    /// Parts of the one message.
    says: &'static [&'static str],
    /// Whether the message names the rank that failed.
    names_rank: bool,
    code: i32,
}

const CASES: &[Case] = &[
    Case {
        how: "panic",
        says: &["panicked at tests/programs/faults.rs:", "the kettle is empty"],
        names_rank: true,
        code: 101,
    },
    Case {
        how: "panic-everywhere",
        says: &["panicked at", "every kettle is empty"],
        names_rank: false,
        code: 101,
    },
    Case {
        how: "panic-in-thread",
        says: &["panicked at", "the thread has snapped"],
        names_rank: true,
        code: 101,
    },
    Case { how: "panic-in-drop", says: &["panicked at", "the lid fell off"], names_rank: true, code: 101 },
    Case { how: "error", says: &["error on rank", "no tea on this rank"], names_rank: true, code: 1 },
    Case {
        how: "error-with-cause",
        says: &["error on rank", "cannot fill the cup: the pot is empty"],
        names_rank: true,
        code: 1,
    },
    Case { how: "error-everywhere", says: &["error: no tea anywhere"], names_rank: false, code: 1 },
    Case { how: "error-at-the-end", says: &["error on rank", "the last drop"], names_rank: true, code: 1 },
    Case { how: "agree", says: &["error on rank", "no tea, all agree"], names_rank: true, code: 1 },
    Case {
        how: "wrong-argument",
        says: &[
            "error on rank",
            "all_reduce_into at tests/programs/faults.rs:",
            "the result has 1 elements, the input 2",
        ],
        names_rank: true,
        code: 1,
    },
    Case {
        how: "error-with-open-file",
        says: &["error on rank", "no tea, file open"],
        names_rank: true,
        code: 1,
    },
    Case {
        how: "panic-with-open-file",
        says: &["panicked at", "no kettle, file open"],
        names_rank: true,
        code: 101,
    },
];

#[test]
fn a_failing_rank_ends_the_job_with_one_message() {
    for ranks in [1, 3] {
        for case in CASES {
            for rank in [0, ranks - 1] {
                let ended = run(ranks, "faults", &[case.how, &rank.to_string()]);
                let what =
                    format!("{} on rank {rank} of {ranks}:\n{}\n{}", case.how, ended.stdout, ended.stderr);
                assert!(ended.time < SOON, "{:?}, {what}", ended.time);
                // With all ranks failing alike there is no rank to name.
                let alone = ranks == 1 && case.code == 1 && case.how != "agree";
                for words in case.says {
                    let words =
                        if alone { words.replace("error on rank", "error: ") } else { (*words).to_owned() };
                    assert_eq!(ended.stderr.matches(words.trim_end()).count(), 1, "{words:?}, {what}");
                }
                if case.names_rank && !alone {
                    // In our words: launchers name ranks, too.
                    let names = [format!("error on rank {rank} ("), format!("rank {rank} of {ranks} (")];
                    assert!(names.iter().any(|name| ended.stderr.contains(name)), "{what}");
                }
                assert_eq!(code(&ended), Some(case.code), "{what}");
                assert!(!ended.stdout.contains("is done"), "{what}");
                if ranks == 1 {
                    break;
                }
            }
        }
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
        let mut command = rankwise::testing::launcher(2);
        command.arg(common::program("faults")).args(["both-send-first", "0"]);
        command.env("RANKWISE_SEND", how);
        let ended = rankwise::testing::run_to_end(command, common::LIMIT);
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
        ("forgotten-window", "a Counter or a NodeShared was kept or forgotten"),
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
    }
    let ended = run_to_end(
        {
            let mut alone = std::process::Command::new(program("faults"));
            alone.args(["none", "0"]);
            alone
        },
        SOON,
    );
    assert_eq!((code(&ended), ended.stdout.as_str()), (Some(0), "rank 0 is done\n"), "without a launcher");
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
    let mut command = launcher(2);
    command.arg(program("faults")).args(["panic", "1"]).env("RUST_BACKTRACE", "1");
    let ended = run_to_end(command, SOON);
    assert!(ended.stderr.contains("faults::main"), "{}", ended.stderr);
}

/// The launcher of one MPI starts programs of the other as worlds of one.
#[test]
fn the_other_launcher_is_named_once() {
    let theirs = ["mpirun.openmpi", "mpirun.mpich"].into_iter().filter(|name| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
    });
    for name in theirs {
        let mut command = std::process::Command::new(name);
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
    let mut command = launcher(3);
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
