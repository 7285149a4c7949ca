//! Runs that are made up: what is known of them has to be found.

use super::part::{Part, Site};
use super::run::{Run, What};
use super::words::Words;
use super::{html, json, svg, text};
use crate::sys::record::{Compared, EVENT, Kind};

/// Steps of ranks in a row: each computes, a slow one longer, sends to the right, receives from the left, and all add up. Every
/// rank's clock is off and drifts, but for the root's.
fn steps(ranks: usize, steps: u64, slow: usize) -> Vec<Part> {
    const SITES: [(&str, u32); 4] = [("step", 10), ("send", 14), ("recv", 16), ("all_reduce", 20)];
    let clock = |rank: usize, root: i64| {
        let rank = rank as i64;
        (root + rank * 3_000_000_000 + root / 1_000_000 * rank) as u64
    };
    let compared = |rank: usize, root: i64| {
        let at = clock(rank, root);
        Compared { at, offset: root - at as i64, error: 500 }
    };
    let mut parts: Vec<Part> = (0..ranks)
        .map(|rank| Part {
            rank: rank as u32,
            host: "made up".into(),
            until: 0,
            lost: 0,
            events: Vec::new(),
            sites: SITES
                .iter()
                .enumerate()
                .map(|(i, &(what, line))| {
                    (i as u32 + 1, Site { what: what.into(), file: "src/steps.rs".into(), line })
                })
                .collect(),
            groups: Vec::new(),
            start: Some(compared(rank, 1_000_000_000)),
            end: None,
        })
        .collect();
    let event = |rank: usize, kind: Kind, site: u64, from: i64, to: i64, rest: [u64; 5]| -> [u64; EVENT] {
        let (begin, end) = (clock(rank, from), clock(rank, to));
        [kind as u64 | site << 32, begin, end, rest[0], rest[1], rest[2], rest[3], rest[4]]
    };
    let mut now = 1_000_010_000i64;
    for step in 0..steps {
        let works = |rank: usize| {
            let noise = (rank as i64 * 7919 + step as i64 * 104_729) % 41;
            if rank == slow { 180_000 } else { 60_000 + 1_000 * noise }
        };
        let sends = |rank: usize| now + works(rank);
        let got = |rank: usize| {
            let left = if rank == 0 { i64::MIN } else { sends(rank - 1) + 2_000 };
            left.max(sends(rank) + 3_000)
        };
        let adds = |rank: usize| got(rank) + 1_000;
        let last = (0..ranks).map(adds).max().unwrap_or(now) + 4_000;
        for (rank, part) in parts.iter_mut().enumerate() {
            let mut push = |event| part.events.push(event);
            push(event(rank, Kind::Phase, 1, now, last, [0, 0, 0, 0, 0]));
            if rank + 1 < ranks {
                let to = rank as u64 + 1;
                push(event(
                    rank,
                    Kind::Call,
                    2,
                    sends(rank),
                    sends(rank) + 2_000,
                    [8000, 0, 0, 0, (to + 1) << 32],
                ));
                push([Kind::Sent as u64 | 1 << 8, 0, 8000, 0, to, 0, 0, 0]);
            }
            if rank > 0 {
                let from = rank as u64 - 1;
                push(event(rank, Kind::Call, 3, sends(rank) + 2_000, got(rank), [0, 0, 0, 8000, from + 1]));
                push([Kind::Got as u64 | 1 << 8, 0, 0, 0, from, step, 0, 0]);
            }
            push(event(rank, Kind::Collective, 4, adds(rank), last, [8, 0, step + 1, 8, 0]));
        }
        now = last;
    }
    for (rank, part) in parts.iter_mut().enumerate() {
        part.until = clock(rank, now + 10_000);
        part.end = Some(compared(rank, now + 10_000));
    }
    parts
}

#[test]
fn clocks_that_are_off_and_drift_make_no_arrow_run_backwards() {
    for ranks in [1, 2, 3, 4, 7] {
        let run = Run::of(&steps(ranks, 20, 0), ranks);
        assert!(run.notes.is_empty(), "{:?}", run.notes);
        assert_eq!(run.messages.len(), 20 * (ranks - 1));
        for message in &run.messages {
            assert_eq!(message.from + 1, message.to);
            assert!(message.sent < message.got, "{message:?}");
        }
        let calls =
            run.lanes.iter().flat_map(|lane| &lane.blocks).filter(|block| block.what.is_call()).count();
        assert_eq!(calls, 20 * (2 * (ranks - 1) + ranks));
    }
}

#[test]
fn the_slow_rank_is_found_by_all_that_looks_for_it() {
    let (ranks, slow) = (5, 2);
    let run = Run::of(&steps(ranks, 30, slow), ranks);
    for lane in &run.lanes {
        for block in lane.blocks.iter().filter(|block| block.what == What::Collective) {
            assert_eq!(block.on, Some(slow as u32).filter(|slow| lane.rank != *slow), "rank {}", lane.rank);
        }
    }
    let words = Words::of(&run);
    assert!(words.imbalance > 1.3, "{}", words.imbalance);
    let most = words.spent.iter().enumerate().max_by_key(|(_, spent)| spent.computing).map(|(rank, _)| rank);
    assert_eq!(most, Some(slow));
    let on_path: i64 =
        words.path.iter().filter(|part| part.rank == slow as u32).map(|part| part.to - part.from).sum();
    assert!(on_path as f64 > 0.8 * run.end as f64, "{on_path} of {}", run.end);
    assert!(words.sentence.contains("waiting"), "{}", words.sentence);
    assert_eq!(words.matrix[&(0, 1)], (30, 240_000));
    let path: i64 = words.path.iter().map(|part| part.to - part.from).sum();
    assert_eq!(path, run.end, "it has no holes");
}

#[test]
fn an_arrow_that_would_run_backwards_is_upright_and_said() {
    let mut parts = steps(2, 10, 0);
    // Its clock is wrong by more than anybody knows.
    let Part { start, end, .. } = &mut parts[1];
    for compared in [start, end].into_iter().flatten() {
        compared.offset -= 1_000_000;
    }
    let run = Run::of(&parts, 2);
    assert!(run.messages.iter().all(|message| message.sent <= message.got));
    assert!(run.notes.iter().any(|note| note.contains("run backwards")), "{:?}", run.notes);
}

#[test]
fn all_forms_are_written_at_2_8_64_and_512_ranks() {
    for ranks in [2, 8, 64, 512] {
        let run = Run::of(&steps(ranks, 3000 / ranks as u64, ranks / 3), ranks);
        let words = Words::of(&run);
        let forms = [
            ("html", html::html(&run, &words)),
            ("svg", svg::svg(&run, &words)),
            ("txt", text::text(&run, &words)),
            ("json", json::json(&run)),
        ];
        for (ending, form) in forms {
            assert!(form.len() > 1000 && form.len() < 20_000_000, "{ending} at {ranks}: {}", form.len());
            if let Some(folder) = std::env::var_os("RANKWISE_WRITE_PAGES") {
                let path = std::path::Path::new(&folder).join(format!("steps{ranks}.{ending}"));
                std::fs::write(path, form).expect("the folder is there");
            }
        }
    }
}
