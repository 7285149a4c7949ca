//! Programs that would hang, or go on with wrong numbers: what is said of them, and when.

mod common;

use std::time::Duration;

use common::{code, program};
use rankwise::testing::{Ended, launcher, run_to_end};

/// The code of a job that was ended because of a mistake.
const MISTAKE: i32 = 3;

/// A mistake is found after a second, on a loaded machine later; a hang would end here.
const LIMIT: Duration = Duration::from_secs(40);

fn make(what: &str, ranks: usize, settings: &[(&str, &str)]) -> Ended {
    let mut command = launcher(ranks);
    command.arg(program("mistakes")).arg(what).envs(settings.iter().copied());
    command.env("OMPI_MCA_odls_base_sigkill_timeout", "0");
    run_to_end(command, LIMIT)
}

/// Words that come once, each in the line of a rank.
fn says(ended: &Ended, head: &str, lines: &[&str]) {
    let what = format!("{:?}, {:?}\n{}\n{}", ended.status, ended.time, ended.stdout, ended.stderr);
    assert_eq!(code(ended), Some(MISTAKE), "{what}");
    assert_eq!(ended.stderr.matches(head).count(), 1, "{head}: {what}");
    for line in lines {
        let squeezed = ended.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(squeezed.matches(line).count(), 1, "{line}: {what}");
    }
    let one_ended = lines.iter().any(|line| line.contains("which has ended"));
    assert!(one_ended || !ended.stdout.contains("is done"), "{what}");
}

#[test]
fn different_collective_calls_are_named_before_data_moves() {
    for (what, lines) in [
        (
            "operation",
            [
                "ranks 0-1 are in reduce<f64, Sum>[3] root 0 at",
                "rank 2 is in broadcast_into<f64>[3] root 0 at",
            ],
        ),
        (
            "element",
            ["ranks 0-1 are in all_reduce<i32, Sum>[2] at", "rank 2 is in all_reduce<f32, Sum>[2] at"],
        ),
        (
            "reduction",
            ["ranks 0-1 are in all_reduce<i32, Sum>[1] at", "rank 2 is in all_reduce<i32, Max>[1] at"],
        ),
        ("root", ["ranks 0-1 are in gather<usize> root 0 at", "rank 2 is in gather<usize> root 2 at"]),
        (
            "length",
            [
                "ranks 0-1 are in broadcast_into<f64>[4] root 0 at",
                "rank 2 is in broadcast_into<f64>[5] root 0 at",
            ],
        ),
        ("skipped", ["ranks 0-1 are in barrier at", "rank 2 is in all_reduce<i32, Sum>[1] at"]),
        (
            "started",
            [
                "after it has started iall_reduce<i32, Sum> at",
                "after it has started ibroadcast<i32> root 0 at",
            ],
        ),
    ] {
        let ended = make(what, 3, &[("RANKWISE_CHECK", "full")]);
        says(&ended, "COLLECTIVE MISMATCH on 'world' (its call #", &lines);
        assert!(ended.stderr.contains("at tests/programs/mistakes.rs:"), "{}", ended.stderr);
    }
    let ended = make("part", 3, &[("RANKWISE_CHECK", "full")]);
    // By the ranks of the part.
    says(
        &ended,
        "COLLECTIVE MISMATCH on 'world/part 0' (its call #1, 3 ranks)",
        &["rank 0 is in barrier at"],
    );
}

#[test]
fn ranks_that_wait_for_ever_are_named() {
    for (what, ranks, why, line) in [
        ("skipped-at-the-end", 3, "rank 0 waits for rank 2, which has ended", "ranks 0-1 are in barrier at"),
        ("left-alone", 3, "rank 0 waits for rank 2, which has ended", "ranks 0-1 are in recv from rank 2 at"),
        ("no-sender", 3, "in a circle: 0 -> 2 -> 1 -> 0", "rank 1 is in recv from rank 0 at"),
        ("no-sender", 1, "rank 0 waits for itself", "rank 0 is in recv from rank 0 at"),
        ("no-sender-at-all", 3, "every rank that could help waits", "ranks 0-2 are in recv from any rank"),
        ("to-itself", 2, "rank 0 waits for itself", "rank 1 is in recv from rank 1 tag 3 at"),
        ("head-to-head", 2, "in a circle: 0 -> 1 -> 0", "rank 1 is in send to rank 0 at"),
        ("head-to-head", 4, "in a circle: 0 -> 1 -> 2 -> 3 -> 0", "rank 3 is in send to rank 0 at"),
        ("never-answered", 4, "in a circle: 0 -> 3 -> 0", "rank 0 is in irecv_into from rank 3 at"),
        ("none-of-them", 2, "every rank that could help waits", "ranks 0-1 are in wait_any at"),
        ("crossed", 3, "in a circle: 0 -> 2 -> 0", "rank 2 is in barrier on 'world/part 0' at"),
    ] {
        for level in ["light", "full"] {
            let ended = make(what, ranks, &[("RANKWISE_CHECK", level)]);
            says(&ended, "DEADLOCK: ", &[why, line]);
        }
    }
}

#[test]
fn ranks_of_other_nodes_are_seen() {
    for (what, line) in [
        ("no-sender", "rank 1 is in recv from rank 0 at"),
        ("skipped-at-the-end", "ranks 0-2 are in barrier at"),
    ] {
        for nodes in ["2", "4"] {
            let ended = make(what, 4, &[("RANKWISE_CHECK", "light"), ("RANKWISE_TEST_NODES", nodes)]);
            says(
                &ended,
                "DEADLOCK: ",
                &[line, if what == "no-sender" { "circle" } else { "which has ended" }],
            );
        }
    }
    let ended = make("slow", 4, &[("RANKWISE_TEST_NODES", "2")]);
    assert_eq!(code(&ended), Some(0), "{}", ended.stderr);
    assert!(!ended.stderr.contains("DEADLOCK"), "{}", ended.stderr);
}

#[test]
fn a_process_that_is_stopped_is_named() {
    // The first rank's watchdog stops with it: then the next one's looks.
    for (what, line) in [("first-stopped", "rank 0 is silent for"), ("last-stopped", "rank 2 is silent for")]
    {
        let ended = make(what, 3, &[("RANKWISE_STALL", "4s,end")]);
        says(&ended, "STALL: a rank has waited for", &[line]);
    }
}

#[test]
fn a_message_that_nobody_takes_hides_no_deadlock() {
    let ended = make("other-tag", 2, &[]);
    says(&ended, "DEADLOCK: ", &["in a circle: 0 -> 1 -> 0", "rank 0 is in recv from rank 1 tag 2 at"]);
}

#[test]
fn a_slow_rank_is_no_deadlock() {
    for level in ["light", "full"] {
        for what in ["none", "slow"] {
            let ended = make(what, 3, &[("RANKWISE_CHECK", level)]);
            assert_eq!(code(&ended), Some(0), "{}", ended.stderr);
            assert_eq!(ended.stdout.matches("is done").count(), 3, "{}", ended.stderr);
            assert!(
                !ended.stderr.contains("DEADLOCK") && !ended.stderr.contains("STALL"),
                "{}",
                ended.stderr
            );
        }
    }
}

#[test]
fn a_long_wait_is_reported_and_ends_the_job_when_asked() {
    let settings = |stall| [("RANKWISE_STALL", stall)];
    let ended = make("slow", 3, &settings("1s"));
    assert_eq!(code(&ended), Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("STALL: a rank has waited for"), "{}", ended.stderr);
    assert!(ended.stderr.contains("outside of any call"), "{}", ended.stderr);
    let ended = make("slow", 3, &settings("1s,end"));
    says(&ended, "STALL: a rank has waited for", &["rank 2 is outside of any call after barrier at"]);
}

#[test]
fn settings_that_make_no_sense_are_refused_once() {
    for (name, value) in [("RANKWISE_CHECK", "a lot"), ("RANKWISE_STALL", "soon")] {
        let ended = make("none", 3, &[(name, value)]);
        assert_eq!(ended.stderr.matches(&format!("{name}={value}")).count(), 1, "{}", ended.stderr);
        assert_eq!(code(&ended), Some(1), "{}", ended.stderr);
    }
}
