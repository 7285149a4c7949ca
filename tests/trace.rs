//! Laws of the picture of a run.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::common::{Folder, LIMIT, code, launch, side_by_side};
use rankwise::testing::run_to_end;
use serde_json::Value;

/// Runs `traced WHAT` with a trace of that name; the exit code, what was written, and what was said.
fn traced(ranks: usize, what: &str, file: &str, settings: &[(&str, &str)]) -> (Option<i32>, String, String) {
    // Several tests look at the same program at once.
    static TAKEN: AtomicUsize = AtomicUsize::new(0);
    let folder = Folder::new(&format!("trace-{}-{what}-{ranks}", TAKEN.fetch_add(1, Ordering::Relaxed)));
    let path = folder.file(file);
    let mut command = launch(ranks, "traced", &[what, "--trace", &path]);
    command.envs(settings.iter().copied());
    let ended = run_to_end(command, LIMIT);
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(folder.names().len() <= 1, "nothing else is left: {:?}", folder.names());
    (code(&ended), text, format!("{}{}", ended.stdout, ended.stderr))
}

/// The events of a trace that was written at the end.
fn events(ranks: usize, what: &str, settings: &[(&str, &str)]) -> (Vec<Value>, Vec<String>) {
    let (code, text, said) = traced(ranks, what, "run.json", settings);
    assert_eq!(code, Some(0), "{what} on {ranks}: {said}");
    parsed(&text)
}

fn parsed(text: &str) -> (Vec<Value>, Vec<String>) {
    let run: Value = serde_json::from_str(text).expect("it is JSON");
    let notes = run["notes"].as_array().expect("a list").iter().map(|note| note.to_string()).collect();
    (run["traceEvents"].as_array().expect("a list").clone(), notes)
}

fn is(event: &Value, key: &str, value: &str) -> bool {
    event[key] == value
}

/// Pairs of beginnings and ends of arrows.
fn arrows(events: &[Value]) -> Vec<(Value, Value)> {
    let of = |ph: &str| {
        let mut all: Vec<Value> = events.iter().filter(|event| is(event, "ph", ph)).cloned().collect();
        all.sort_by_key(|event| event["id"].as_u64());
        all
    };
    let (starts, ends) = (of("s"), of("f"));
    assert!(starts.iter().map(|event| &event["id"]).eq(ends.iter().map(|event| &event["id"])), "both ends");
    starts.into_iter().zip(ends).collect()
}

#[test]
fn every_arrow_has_both_ends_and_none_runs_backwards() {
    for ranks in [1, 2, 3, 4, 7] {
        let (events, notes) = events(ranks, "mixed", &[]);
        assert!(notes.is_empty(), "on {ranks}: {notes:?}");
        let arrows = arrows(&events);
        // 12 of isend, one more, one along a ring, one of values: of every rank.
        assert!(arrows.len() >= 15 * ranks, "on {ranks}: {}", arrows.len());
        for (from, to) in arrows {
            assert!(from["ts"].as_f64() <= to["ts"].as_f64(), "on {ranks}: {from} {to}");
            assert_eq!(from["pid"], from["args"]["from"]);
            assert_eq!(to["pid"], to["args"]["to"]);
        }
    }
}

#[test]
fn clocks_that_are_asked_agree_with_the_one_that_all_have() {
    // All ranks have one clock here; asked as if each had its own, no message may take less than nothing by more than that is
    // uncertain: then it is drawn upright, and the notes say so.
    let (events, _) = events(3, "ring", &[("RANKWISE_TRACE_CLOCKS", "ask")]);
    let arrows = arrows(&events);
    assert_eq!(arrows.len(), 9);
    for (from, to) in arrows {
        let (sent, got) = (from["ts"].as_f64(), to["ts"].as_f64());
        assert!(sent <= got, "{from} {to}");
    }
}

#[test]
fn events_are_the_calls_that_were_made() {
    for ranks in [1, 2, 3, 4, 7] {
        let (events, notes) = events(ranks, "ring", &[]);
        assert!(notes.is_empty(), "on {ranks}: {notes:?}");
        for rank in 0..ranks {
            let count = |name: &str| {
                let of_it =
                    |event: &&Value| is(event, "ph", "X") && is(event, "name", name) && event["pid"] == rank;
                events.iter().filter(of_it).count()
            };
            let counts = [count("send_recv"), count("all_reduce_one"), count("round")];
            assert_eq!(counts, [3, 3, 3], "rank {rank} of {ranks}");
        }
        let all = events.iter().filter(|event| is(event, "ph", "X")).count();
        assert_eq!(all, 9 * ranks, "and no others");
        let arrows = arrows(&events);
        assert_eq!(arrows.len(), 3 * ranks);
        let right = |(from, _): &(Value, Value)| {
            let args = &from["args"];
            args["bytes"] == 24
                && args["to"].as_u64() == args["from"].as_u64().map(|from| (from + 1) % ranks as u64)
        };
        assert!(arrows.iter().all(right), "on {ranks}: {arrows:?}");
    }
}

#[test]
fn a_ring_that_is_too_short_keeps_the_last_events_and_says_so() {
    let (events, notes) = events(2, "many", &[("RANKWISE_TRACE_EVENTS", "100")]);
    // 128 of each rank, and nothing else is in them.
    assert_eq!(events.iter().filter(|event| is(event, "ph", "X")).count(), 2 * 128);
    assert!(notes.iter().any(|note| note.contains("1744 events are gone")), "{notes:?}");
}

#[test]
fn who_is_late_is_named() {
    for ranks in [2, 3, 4] {
        let (events, _) = events(ranks, "late", &[]);
        let waited = |name: &str, rank: usize| {
            let mine = |event: &&Value| is(event, "name", name) && event["pid"] == rank;
            let longest = events.iter().filter(mine).map(|event| &event["args"]).max_by(|a, b| {
                a["blocked_us"].as_f64().partial_cmp(&b["blocked_us"].as_f64()).expect("a time")
            });
            let args = longest.expect("it was called");
            (args["blocked_us"].as_f64().unwrap_or(0.0), args["waited_for"].as_u64())
        };
        for (name, rank) in [("recv", 0), ("all_reduce_one", 0)] {
            let (time, on) = waited(name, rank);
            // It is late by 300 ms; on a busy machine the other may have been, by less.
            assert!(time > 0.0, "{name} on {ranks}: nobody waited");
            assert_eq!(on, Some(ranks as u64 - 1), "{name} on {ranks}");
        }
    }
}

#[test]
fn a_rank_that_waits_for_tasks_is_not_computing() {
    let cases = ["farm", "rooted", "pool", "graph", "pipeline"].map(|what| [2, 3].map(|ranks| (what, ranks)));
    side_by_side(cases.as_flattened(), |&(what, ranks)| {
        let (events, notes) = events(ranks, what, &[]);
        assert!(notes.is_empty(), "{what} on {ranks}: {notes:?}");
        let sum = |rank: usize, of: &dyn Fn(&Value) -> Option<f64>| {
            let mine = |event: &&Value| is(event, "ph", "X") && event["pid"] == rank;
            events.iter().filter(mine).filter_map(of).sum::<f64>() / 1000.0
        };
        let tasks = |event: &Value| is(event, "cat", "task").then(|| event["dur"].as_f64()).flatten();
        let worked: Vec<f64> = (0..ranks).map(|rank| sum(rank, &tasks)).collect();
        assert_eq!(worked.iter().filter(|ms| **ms >= 300.0).count(), 1, "{what} on {ranks}: {worked:?}");
        for rank in (0..ranks).filter(|&rank| worked[rank] < 300.0) {
            // The one task takes 300 ms; how late a rank is on a busy machine is its own affair.
            let waited = sum(rank, &|event| event["args"]["blocked_us"].as_f64());
            assert!(waited > 200.0, "{what} on {ranks}: rank {rank} waited {waited} ms, {worked:?}");
        }
    });
}

#[test]
fn calls_are_named_by_the_lines_of_the_program() {
    let mut all = vec!["mixed", "farm", "rooted", "pool", "graph", "pipeline", "kernels"];
    all.extend(cfg!(feature = "h5").then_some("files"));
    for what in all {
        let (events, _) = events(3, what, &[]);
        let mut places: Vec<&str> = events.iter().filter_map(|event| event["args"]["at"].as_str()).collect();
        places.sort_unstable();
        places.dedup();
        let others: Vec<_> = places.iter().filter(|place| !place.starts_with("traced.rs:")).collect();
        assert!(!places.is_empty() && others.is_empty(), "{what}: {others:?}");
    }
}

#[test]
fn ranks_that_work_one_after_the_other_are_named() {
    for (ranks, words) in
        [(4, "ranks 0→1→2→3 send one after the other at traced.rs:"), (7, "ranks 0→1→2→3→4→5→6 send")]
    {
        let (code, text, said) = traced(ranks, "chain", "run.txt", &[]);
        assert_eq!(code, Some(0), "{said}");
        assert!(text.contains(words), "on {ranks}: {text}");
        let rows: Vec<&str> = text.lines().filter(|line| line.contains('|')).collect();
        assert_eq!(rows.len(), ranks, "a row a rank: {text}");
    }
}

#[test]
fn what_fails_leaves_a_picture() {
    let cases = [("panics", 101), ("errs", 1), ("stalls", 3), ("dies", 134)];
    let cases = cases.map(|case| [1, 2, 4].map(|ranks| (case, ranks)));
    side_by_side(cases.as_flattened(), |&((what, expected), ranks)| {
        let (code, text, said) = traced(ranks, what, "run.json", &[]);
        assert!(code != Some(0), "{what} on {ranks}: {said}");
        if what == "dies" && ranks == 1 {
            // Nobody is left.
            return;
        }
        assert!(!text.is_empty(), "{what} on {ranks} ({code:?}, not {expected}): {said}");
        let (events, _) = parsed(&text);
        let sums = |rank: usize| {
            let mine = |event: &&Value| event["pid"] == rank && is(event, "name", "all_reduce_one");
            events.iter().filter(mine).count()
        };
        // Those that wait have begun a fourth one.
        let open = events.iter().filter(|event| event["args"]["ended"] == false).count();
        for rank in 0..ranks {
            assert!(sums(rank) >= 3, "{what} on {ranks}: rank {rank} has {}", sums(rank));
        }
        assert!(open >= 1 || ranks == 1, "{what} on {ranks}: somebody waits");
    });
}

#[test]
fn ranks_that_wait_for_each_other_are_not_said_to_wait_for_one() {
    let folder = Folder::new("trace-deadlock");
    let path = folder.file("run.txt");
    let ended = run_to_end(launch(3, "07_deadlock", &["--numbers", "1000000", "--trace", &path]), LIMIT);
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(text.contains("wait in send at 07_deadlock.rs:29 for other ranks"), "{text} {}", ended.stderr);
}

#[test]
fn a_page_and_a_drawing_are_whole_and_need_nothing_else() {
    let (code, page, said) = traced(3, "mixed", "run.html", &[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(page.contains("const RUN = {") && page.trim_end().ends_with("</html>"), "{}", page.len());
    for outside in ["http:", "https:", "src=", "href=", "@import", "<!--"] {
        assert!(!page.contains(outside), "{outside}");
    }
    let (code, drawing, said) = traced(3, "ring", "run.svg", &[]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(
        drawing.matches("<line x1").count() - drawing.matches("stroke=\"#dfe4ea\"").count(),
        9,
        "arrows"
    );
    assert!(drawing.starts_with("<svg") && drawing.trim_end().ends_with("</svg>"));
}

#[test]
fn the_environment_asks_too_and_wrong_names_are_refused_at_the_start() {
    let folder = Folder::new("trace-names");
    let path = folder.file("run.txt");
    let mut command = launch(2, "hello", &[]);
    command.env("RANKWISE_TRACE", &path);
    assert_eq!(code(&run_to_end(command, LIMIT)), Some(0));
    assert!(std::fs::read_to_string(&path).expect("it is there").contains("2 ranks"));
    for (name, words) in [("run.pdf", "ends in .html"), ("none/run.txt", "no folder")] {
        let ended = run_to_end(launch(2, "traced", &["ring", "--trace", &folder.file(name)]), LIMIT);
        assert_ne!(code(&ended), Some(0), "{name}");
        assert!(ended.stderr.contains(words), "{name}: {}", ended.stderr);
    }
}
