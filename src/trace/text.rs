//! The run as plain text: a line a rank, what it did from left to right, and the messages.

use std::fmt::Write;

use super::run::{Block, Lane, Run, What};
use super::words::Words;
use super::{table, units};

/// Columns of the diagram.
const WIDTH: usize = 96;
/// Lanes and messages that are shown.
const LANES: usize = 64;
const MESSAGES: usize = 60;

/// The text of a file.
pub(super) fn text(run: &Run, words: &Words) -> String {
    let mut out = format!("{}\n\n", words.sentence);
    let plural = if run.ranks == 1 { "" } else { "s" };
    let _ = writeln!(
        out,
        "{} rank{plural}, {}, {} calls, {} messages, {}",
        run.ranks,
        units::time(run.end),
        run.lanes.iter().flat_map(|lane| &lane.blocks).filter(|block| block.what.is_call()).count(),
        run.messages.len(),
        units::bytes(run.messages.iter().map(|message| message.bytes).sum()),
    );
    diagram(run, &mut out);
    for sentence in table::sentences(run, words) {
        let _ = writeln!(out, "\n{sentence}");
    }
    table::tables(run, words, &mut out);
    messages(run, &mut out);
    for note in &run.notes {
        let _ = writeln!(out, "\nnote: {note}");
    }
    out
}

fn diagram(run: &Run, out: &mut String) {
    let _ = writeln!(out, "\n= computing   : in a call   # waiting for a late rank   % in a file\n");
    for lane in run.lanes.iter().take(LANES) {
        let _ = writeln!(out, "{:>9} |{}|", format!("rank {}", lane.rank), row(lane, run.end));
    }
    if run.lanes.len() > LANES {
        let _ = writeln!(out, "{:>9}", format!("… {} more", run.lanes.len() - LANES));
    }
    let end = units::time(run.end);
    let _ = writeln!(out, "{:>9} 0{:>width$}", "", end, width = WIDTH);
}

/// What takes most of each column.
fn row(lane: &Lane, end: i64) -> String {
    let mut columns = vec![[0.0f64; 3]; WIDTH];
    let scale = WIDTH as f64 / end.max(1) as f64;
    let mut add = |from: i64, to: i64, kind: usize| {
        let (from, to) = (from as f64 * scale, to as f64 * scale);
        let last = (to as usize).min(WIDTH - 1);
        for (column, parts) in columns.iter_mut().enumerate().take(last + 1).skip((from as usize).min(last)) {
            parts[kind] += to.min(column as f64 + 1.0) - from.max(column as f64);
        }
    };
    for block in lane.blocks.iter().filter(|block| block.what.is_call()) {
        add(block.begin, block.begin + block.blocked, 1);
        add(block.begin + block.blocked, block.end, if block.what == What::File { 2 } else { 0 });
    }
    let sign = |parts: &[f64; 3]| {
        let (kind, most) =
            (0..3).map(|kind| (kind, parts[kind])).fold((0, 0.0), |a, b| if b.1 > a.1 { b } else { a });
        if most * 2.0 < 1.0 && parts.iter().sum::<f64>() < 0.5 { '=' } else { [':', '#', '%'][kind] }
    };
    columns.iter().map(sign).collect()
}

fn messages(run: &Run, out: &mut String) {
    if run.messages.is_empty() {
        return;
    }
    let shown = run.messages.len().min(MESSAGES);
    let of = if shown < run.messages.len() { format!(" (the first {shown})") } else { String::new() };
    let _ = writeln!(out, "\nmessages{of}");
    let place = |rank: u32, block: Option<u32>| {
        let block: Option<&Block> =
            run.lane(rank).zip(block).map(|(lane, block)| &lane.blocks[block as usize]);
        block.map_or(String::from("?"), |block| format!("{} {}", run.name(block), run.place(block.site)))
    };
    for message in &run.messages[..shown] {
        let _ = writeln!(
            out,
            "  {:>10}  {:>3} → {:<3} {:>8}  took {:>9}  {} → {}",
            units::time(message.sent),
            message.from,
            message.to,
            units::bytes(message.bytes),
            units::time(message.got - message.sent),
            place(message.from, message.sends),
            place(message.to, message.gets),
        );
    }
}
