//! Programs that would hang, or go on with wrong numbers: what is said of them, and when. docs/mistakes.md is written by these tests.

use std::time::Duration;

use crate::common::{code, program, side_by_side};
use rankwise::testing::{Ended, run_to_end, test_launcher};

/// The code of a job that was ended because of a mistake.
const MISTAKE: i32 = 3;

/// A mistake is found after a second, on a loaded machine later; a hang would end here.
const LIMIT: Duration = Duration::from_secs(40);

fn make(what: &str, ranks: usize, settings: &[(&str, &str)]) -> Ended {
    let mut command = test_launcher(ranks);
    command.arg(program("mistakes")).arg(what).envs(settings.iter().copied());
    command.env("OMPI_MCA_odls_base_sigkill_timeout", "0");
    run_to_end(command, LIMIT)
}

/// One row of the table in docs/mistakes.md: 3 ranks, of which the last makes the mistake, or all.
struct Row {
    mistake: &'static str,
    /// The argument of the program that makes it; or the error of the compiler, with which an example below the table is refused.
    what: What,
    /// What must be in the message.
    says: &'static [&'static str],
}

enum What {
    /// It compiles, and is an error or a report at a level, with an exit code.
    Runs(&'static str, Level, i32),
    /// It is refused by the compiler, with this error.
    Refused(&'static str),
    /// It cannot even be written down.
    Nothing,
}

/// From which level on it is found.
enum Level {
    Always,
    Light,
    Full,
    /// When this variable is set.
    With(&'static str, &'static str),
}

use Level::{Always, Full, Light, With};
use What::{Nothing, Refused, Runs};

const fn row(mistake: &'static str, what: What, says: &'static [&'static str]) -> Row {
    Row { mistake, what, says }
}

/// The classes are those of the MPI Bugs Initiative and of MPI-BugBench.
const CLASSES: &[(&str, &[Row])] = &[
    (
        "Invalid parameter",
        &[
            row(
                "a rank that does not exist",
                Runs("no-such-rank", Always, 1),
                &["send at", "rank 3 of 3: ranks are 0 to 2"],
            ),
            row(
                "a root that does not exist",
                Runs("no-such-root", Always, 1),
                &["broadcast_into at", "rank 3 of 3"],
            ),
            row(
                "a tag that does not exist",
                Runs("no-such-tag", Always, 1),
                &["send at", "tag -1: tags are 0 to 32767"],
            ),
            row(
                "a result that is too short",
                Runs("short-result", Always, 1),
                &["all_reduce_into at", "the result has 1 elements, the input 2"],
            ),
            row("input and result in the same place", Refused("E0502"), &[]),
            row("a type that cannot travel as it lies in memory", Refused("E0277"), &[]),
            row("an operation that the type does not have", Refused("E0277"), &[]),
            row("a call from another thread", Refused("E0277"), &[]),
            row("a negative length, a null pointer, a freed communicator", Nothing, &[]),
        ],
    ),
    (
        "Parameters that do not match",
        &[
            row(
                "another element type",
                Runs("element", Full, 3),
                &[
                    "COLLECTIVE MISMATCH",
                    "ranks 0-1 are in all_reduce<i32, Sum>[2]",
                    "rank 2 is in all_reduce<f32, Sum>[2]",
                ],
            ),
            row(
                "another operation of a reduction",
                Runs("reduction", Full, 3),
                &[
                    "COLLECTIVE MISMATCH",
                    "ranks 0-1 are in all_reduce<i32, Sum>[1]",
                    "rank 2 is in all_reduce<i32, Max>[1]",
                ],
            ),
            row(
                "another root",
                Runs("root", Full, 3),
                &[
                    "COLLECTIVE MISMATCH",
                    "ranks 0-1 are in gather<usize> root 0",
                    "rank 2 is in gather<usize> root 2",
                ],
            ),
            row(
                "another length, where all must give the same",
                Runs("length", Full, 3),
                &["COLLECTIVE MISMATCH", "broadcast_into<f64>[4] root 0", "broadcast_into<f64>[5] root 0"],
            ),
            row(
                "blocks that are cut elsewhere",
                Runs("blocks", Full, 3),
                &[
                    "COLLECTIVE MISMATCH",
                    "all_gather_by<usize>[7], in blocks of 3, 2, 2",
                    "in blocks of 2, 3, 2",
                ],
            ),
            row(
                "a pair that does not agree on how much goes from one to the other",
                Runs("pairs", Full, 1),
                &["all_to_all_by at", "rank 2 sends 2 elements to rank 0, which expects 1"],
            ),
            row(
                "arrays that are laid out differently",
                Runs("arrays", Full, 3),
                &[
                    "COLLECTIVE MISMATCH",
                    "on an array of shape [4, 6] over",
                    "on an array of shape [6, 4] over",
                ],
            ),
            row("a dataset of another shape", Runs("file-shapes", Always, 1), &["dataset"]),
            row(
                "a message of another type",
                Runs("message-type", Full, 1),
                &["recv at", "the message that came holds elements of type i32, and i64 are to be received"],
            ),
            row(
                "a message that is longer than the room for it",
                Runs("long-message", Always, 1),
                &["recv_into at", "the message that came is longer than the room for 2 elements"],
            ),
            row(
                "a message with another tag",
                Runs("other-tag", Light, 3),
                &["DEADLOCK: ranks wait for each other in a circle", "recv from rank 2 tag 2"],
            ),
        ],
    ),
    (
        "Calls in another order",
        &[
            row(
                "a broadcast on one rank, a reduction on the others",
                Runs("operation", Full, 3),
                &[
                    "COLLECTIVE MISMATCH",
                    "ranks 0-1 are in reduce<f64, Sum>[3] root 0",
                    "rank 2 is in broadcast_into<f64>[3] root 0",
                ],
            ),
            row(
                "in the closure that fills what a node shares, which one rank runs, a call of all",
                Runs("in-fill", Full, 3),
                &[
                    "COLLECTIVE MISMATCH",
                    "rank 0 is in all_reduce_into<i32, Sum>[1]",
                    "ranks 1-2 are in node_shared",
                ],
            ),
            row(
                "different operations started without waiting",
                Runs("started", Full, 3),
                &[
                    "COLLECTIVE MISMATCH",
                    "after it has started iall_reduce",
                    "after it has started ibroadcast",
                ],
            ),
            row(
                "two communicators in opposite order",
                Runs("crossed", Light, 3),
                &[
                    "DEADLOCK: ranks wait for each other in a circle: 0 -> 2 -> 0",
                    "rank 2 is in barrier on 'world/part 0'",
                ],
            ),
        ],
    ),
    (
        "A call that is missing",
        &[
            row(
                "a rank leaves out a collective call",
                Runs("skipped", Full, 3),
                &["COLLECTIVE MISMATCH", "ranks 0-1 are in barrier", "rank 2 is in all_reduce<i32, Sum>[1]"],
            ),
            row(
                "a rank leaves out the last one, or returns early",
                Runs("early-return", Light, 3),
                &["DEADLOCK: rank 0 waits for rank 2, which has ended its program"],
            ),
            row(
                "a rank leaves out a shift along a ring",
                Runs("long-unshifted", Light, 3),
                &[
                    "DEADLOCK: rank 0 waits for rank 2, which has ended its program",
                    "rank 1 is in shift to rank 2 tag 8 from rank 0 tag 8",
                ],
            ),
            row(
                "a receive without a send",
                Runs("left-alone", Light, 3),
                &["DEADLOCK: rank 0 waits for rank 2, which has ended its program", "recv from rank 2"],
            ),
            row(
                "a long send without a receive",
                Runs("no-receiver", Light, 3),
                &[
                    "DEADLOCK: rank 2 waits for rank 0, which has ended its program",
                    "rank 2 is in send to rank 0",
                ],
            ),
            row(
                "a short send without a receive",
                Runs("unreceived", Always, 1),
                &["a message from rank 2 to rank 0 with tag 5 was never received"],
            ),
            row("a start or an end of MPI", Nothing, &[]),
        ],
    ),
    (
        "Deadlock",
        &[
            row(
                "by calls: all receive first",
                Runs("no-sender", Light, 3),
                &[
                    "DEADLOCK: ranks wait for each other in a circle: 0 -> 2 -> 1 -> 0",
                    "rank 1 is in recv from rank 0",
                ],
            ),
            row(
                "by calls: all send long messages first",
                Runs("head-to-head", Light, 3),
                &[
                    "DEADLOCK: ranks wait for each other in a circle: 0 -> 1 -> 2 -> 0",
                    "rank 2 is in send to rank 0",
                ],
            ),
            row(
                "by buffering: all send short messages first, which only works as long as MPI keeps them",
                Runs("short-head-to-head", With("RANKWISE_SEND", "sync"), 3),
                &["DEADLOCK: ranks wait for each other in a circle: 0 -> 1 -> 2 -> 0"],
            ),
            row(
                "by a message that nobody sends, started before",
                Runs("never-answered", Light, 3),
                &[
                    "DEADLOCK: ranks wait for each other in a circle: 0 -> 2 -> 0",
                    "rank 0 is in irecv_into from rank 2",
                ],
            ),
            row(
                "by calls that wait for any of several",
                Runs("none-of-them", Light, 3),
                &["DEADLOCK: ", "every rank that could help waits", "ranks 0-2 are in wait_any"],
            ),
        ],
    ),
    (
        "Message race",
        &[row(
            "a result that depends on whose message comes first",
            Runs("race", With("RANKWISE_RECEIVE", "last"), 0),
            &["took from ranks [2, 1]"],
        )],
    ),
    (
        "Requests and other resources",
        &[
            row(
                "a request that nobody waits for",
                Runs("no-wait", Always, 1),
                &["isend at", "never waited for"],
            ),
            row("a request that is waited for twice", Refused("E0382"), &[]),
            row("a file that is not closed", Runs("unclosed", Always, 1), &["created but never closed"]),
            row(
                "a window that is not freed",
                Runs("kept-window", Always, 1),
                &["counter at", "it must be dropped in the body"],
            ),
            row("a communicator, a group, a datatype or an operation that is not freed", Nothing, &[]),
        ],
    ),
    (
        "Local concurrency",
        &[
            row("a buffer that is written while it is sent", Refused("E0506"), &[]),
            row("a buffer that is read while it is received", Refused("E0382"), &[]),
            row("a buffer that is gone before its message has left", Refused("E0597"), &[]),
        ],
    ),
    (
        "Global concurrency",
        &[
            row("memory that all ranks of a node share, written while others read", Refused("E0596"), &[]),
            row("two ranks that count at the same time, an epoch that is missing or twice", Nothing, &[]),
        ],
    ),
    (
        "The program's own operations",
        &[row(
            "a panic in the closure of a reduction",
            Runs("closure", Always, 1),
            &["panicked at", "no sum for rank 2"],
        )],
    ),
];

#[test]
fn every_class_of_mistakes_is_named_or_refused() {
    let all: Vec<_> = CLASSES.iter().flat_map(|(_, rows)| *rows).collect();
    let mut found = side_by_side(&all, |row| named_or_refused(row)).into_iter();
    let mut table = String::new();
    for (class, rows) in CLASSES {
        table += &format!("| **{class}** | | | |\n");
        table.extend(found.by_ref().take(rows.len()));
    }
    crate::common::compare_with_docs(
        "mistakes.md",
        "| mistake | found | what you see | exit code |\n|---|---|---|---|\n",
        &table,
    );
}

/// Sees it happen; gives its row for docs/mistakes.md.
fn named_or_refused(Row { mistake, what, says }: &Row) -> String {
    let (found, seen, code) = match what {
        Runs(what, level, expected) => {
            let (found, setting) = match level {
                Always => ("always".to_owned(), ("RANKWISE_CHECK", "off")),
                Light => ("light".to_owned(), ("RANKWISE_CHECK", "light")),
                Full => ("full".to_owned(), ("RANKWISE_CHECK", "full")),
                With(name, value) => (format!("`{name}={value}`"), (*name, *value)),
            };
            let ended = make(what, 3, &[setting]);
            let all = format!("{what}: {:?}\n{}\n{}", ended.status, ended.stdout, ended.stderr);
            let seen = if *expected == 0 { ended.stdout.clone() } else { ended.stderr.clone() };
            let lines = report(&seen);
            let text = squeezed(&lines.join("\n"));
            for words in *says {
                assert_eq!(text.matches(words).count(), 1, "{words}: {all}");
            }
            assert_eq!(code(&ended), Some(*expected), "{all}");
            let messages = seen.lines().filter(|line| begins(line)).count();
            assert_eq!(messages, 1, "one message: {all}");
            let cell: Vec<_> = lines.iter().map(|line| format!("`{}`", as_in_docs(line))).collect();
            (found, cell.join("<br>"), expected.to_string())
        }
        Refused(error) => {
            // The example, of which cargo test --doc sees that it is refused with this error.
            let page = include_str!("../../docs/mistakes.md");
            let heading = format!("### {}{}\n", mistake[..1].to_uppercase(), &mistake[1..]);
            let example = page.split_once(&heading).map(|(_, rest)| rest.split("\n#").next().unwrap_or(""));
            let fence = format!("```rust,compile_fail,{error}\n");
            assert!(
                example.is_some_and(|text| text.contains(&fence)),
                "docs/mistakes.md has no {heading}{fence}"
            );
            ("compiler".into(), format!("`error[{error}]`, see below"), "–".into())
        }
        Nothing => ("–".into(), "there is no way to write it down".into(), "–".into()),
    };
    format!("| {mistake} | {found} | {seen} | {code} |\n")
}

/// Whether a message of ours begins with this line.
fn begins(line: &str) -> bool {
    ["COLLECTIVE MISMATCH", "DEADLOCK: ", "error: ", "error on rank", "took from"]
        .iter()
        .any(|head| line.starts_with(head))
}

/// The lines of the one message: a report with its rows, or an error.
fn report(text: &str) -> Vec<String> {
    let mut lines = text.lines().skip_while(|line| !begins(line));
    let first = lines.next().map(squeezed);
    let rows = lines.take_while(|line| line.starts_with("  ")).map(squeezed);
    first.into_iter().chain(rows).collect()
}

fn squeezed(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Without what differs from machine to machine and from edit to edit.
fn as_in_docs(line: &str) -> String {
    let mut text = line.to_owned();
    if let (Some(start), Some(end)) = (text.find(" ("), text.find("): "))
        && text.starts_with("error on rank")
    {
        text.replace_range(start + 2..end, "node17");
    }
    if let Some((before, _)) = text.split_once(" (nothing has moved for") {
        text = format!("{before} (nothing has moved for 1.0 s)");
    }
    let folder = program("mistakes").with_file_name("").to_string_lossy().into_owned();
    let text = text.replace(&folder, "");
    let mut rest = text.as_str();
    let mut plain = String::new();
    while let Some((before, after)) = rest.split_once("tests/mistakes/program.rs:") {
        plain += before;
        plain += "src/main.rs:12:9";
        rest = after.trim_start_matches(|c: char| c.is_ascii_digit() || c == ':');
        if after.starts_with(|c: char| c.is_ascii_digit()) && after[..after.len() - rest.len()].ends_with(':')
        {
            plain += ":";
        }
    }
    plain + rest
}

/// Words that come once, each in the line of a rank.
fn says(ended: &Ended, head: &str, lines: &[&str]) {
    let what = format!("{:?}, {:?}\n{}\n{}", ended.status, ended.time, ended.stdout, ended.stderr);
    assert_eq!(code(ended), Some(MISTAKE), "{what}");
    assert_eq!(ended.stderr.matches(head).count(), 1, "{head}: {what}");
    for line in lines {
        assert_eq!(squeezed(&ended.stderr).matches(line).count(), 1, "{line}: {what}");
    }
    let one_ended = lines.iter().any(|line| line.contains("which has ended"));
    assert!(one_ended || !ended.stdout.contains("is done"), "{what}");
}

#[test]
fn a_mismatch_in_a_part_names_the_part_and_its_ranks() {
    let ended = make("part", 3, &[("RANKWISE_CHECK", "full")]);
    says(
        &ended,
        "COLLECTIVE MISMATCH on 'world/part 0' (its call #1, 3 ranks)",
        &["rank 0 is in barrier at"],
    );
}

#[test]
fn ranks_that_wait_for_ever_are_named() {
    let cases = [
        (
            "skipped-at-the-end",
            3,
            "light",
            "rank 0 waits for rank 2, which has ended",
            "ranks 0-1 are in barrier at",
        ),
        (
            "left-alone",
            4,
            "full",
            "rank 0 waits for rank 3, which has ended",
            "ranks 0-2 are in recv from rank 3 at",
        ),
        ("no-sender", 4, "full", "in a circle: 0 -> 3 -> 2 -> 1 -> 0", "rank 1 is in recv from rank 0 at"),
        ("no-sender", 1, "light", "rank 0 waits for itself", "rank 0 is in recv from rank 0 at"),
        (
            "no-sender-at-all",
            3,
            "light",
            "every rank that could help waits",
            "ranks 0-2 are in recv from any rank",
        ),
        ("to-itself", 2, "full", "rank 0 waits for itself", "rank 1 is in recv from rank 1 tag 3 at"),
        ("head-to-head", 2, "full", "in a circle: 0 -> 1 -> 0", "rank 1 is in send to rank 0 at"),
        ("never-answered", 4, "full", "in a circle: 0 -> 3 -> 0", "rank 0 is in irecv_into from rank 3 at"),
        ("none-of-them", 2, "full", "every rank that could help waits", "ranks 0-1 are in wait_any at"),
        ("crossed", 3, "full", "in a circle: 0 -> 2 -> 0", "rank 2 is in barrier on 'world/part 0' at"),
    ];
    side_by_side(&cases, |&(what, ranks, level, why, line)| {
        let ended = make(what, ranks, &[("RANKWISE_CHECK", level)]);
        says(&ended, "DEADLOCK: ", &[why, line]);
    });
}

#[test]
fn an_exchange_that_a_rank_leaves_out_is_found_as_soon_as_any_other_deadlock() {
    let cases = [
        (
            "unshifted",
            3,
            "rank 0 waits for rank 2, which has ended",
            "rank 0 is in shift to rank 1 tag 8 from rank 2",
        ),
        (
            "long-unshifted",
            3,
            "rank 0 waits for rank 2, which has ended",
            "rank 1 is in shift to rank 2 tag 8 from rank 0",
        ),
        (
            "long-unshifted",
            5,
            "rank 0 waits for rank 4, which has ended",
            "rank 3 is in shift to rank 4 tag 8 from rank 2",
        ),
    ];
    side_by_side(&cases, |&(what, ranks, why, line)| {
        let ended = make(what, ranks, &[("RANKWISE_CHECK", "light")]);
        says(&ended, "DEADLOCK: ", &[why, line]);
        // Where a message may be under way that has not been counted, it takes 10 s.
        let time =
            ended.stderr.split_once("(nothing has moved for ").and_then(|(_, rest)| rest.split_once(" s)"));
        let time: f64 = time.and_then(|(time, _)| time.parse().ok()).expect("a time");
        assert!(time < 8.0, "{what} on {ranks}: {time} s");
    });
}

#[test]
fn what_many_more_ranks_than_cores_do_is_found_soon() {
    // By the comparison, or by the watchdog while the ranks have not all come to it.
    let ended = make("operation", 64, &[("RANKWISE_CHECK", "full")]);
    says(
        &ended,
        "COLLECTIVE MISMATCH on 'world' (its call #2, 64 ranks)",
        &["rank 63 is in broadcast_into<f64>[3] root 0 at"],
    );
    assert!(ended.stderr.lines().count() < 30, "ranks of the same kind are one line: {}", ended.stderr);
    println!("64 ranks: {:?}", ended.time);
}

#[test]
fn ranks_of_other_nodes_are_seen() {
    let cases = [
        ("no-sender", "rank 1 is in recv from rank 0 at", "circle"),
        ("skipped-at-the-end", "ranks 0-2 are in barrier at", "which has ended"),
    ];
    let cases = cases.map(|case| ["2", "4"].map(|nodes| (case, nodes)));
    side_by_side(cases.as_flattened(), |&((what, line, why), nodes)| {
        let ended = make(what, 4, &[("RANKWISE_CHECK", "light"), ("RANKWISE_TEST_NODES", nodes)]);
        says(&ended, "DEADLOCK: ", &[line, why]);
    });
    let ended = make("slow", 4, &[("RANKWISE_TEST_NODES", "2")]);
    assert_eq!(code(&ended), Some(0), "{}", ended.stderr);
    assert!(!ended.stderr.contains("DEADLOCK"), "{}", ended.stderr);
}

#[test]
fn a_process_that_is_stopped_is_named() {
    // The first rank's watchdog stops with it: then the next one's looks.
    let cases = [("first-stopped", "rank 0 is silent for"), ("last-stopped", "rank 2 is silent for")];
    side_by_side(&cases, |&(what, line)| {
        let ended = make(what, 3, &[("RANKWISE_STALL", "4s,end")]);
        says(&ended, "STALL: a rank has waited for", &[line]);
    });
}

#[test]
fn a_slow_rank_is_no_deadlock() {
    let cases = ["light", "full"].map(|level| ["none", "slow", "slow-shift"].map(|what| (what, level)));
    side_by_side(cases.as_flattened(), |(what, level)| {
        let ended = make(what, 3, &[("RANKWISE_CHECK", level)]);
        assert_eq!(code(&ended), Some(0), "{}", ended.stderr);
        assert_eq!(ended.stdout.matches("is done").count(), 3, "{}", ended.stderr);
        assert!(!ended.stderr.contains("DEADLOCK") && !ended.stderr.contains("STALL"), "{}", ended.stderr);
    });
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
