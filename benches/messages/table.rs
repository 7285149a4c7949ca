//! The table for people.

use crate::compare::{AIM, Comparison, enough_cores, quantile};
use crate::operation::Operation;
use crate::record::{Record, Variant};

pub(crate) const BYTES: &str = "bytes: one rank's block where the data is cut into one block a rank (scatter, gather, \
    all_gather, all_to_all, reduce_scatter), otherwise a rank's whole buffer, as in the OSU benchmarks";

/// What was measured with one number of ranks.
pub(crate) fn table(ranks: usize, record: &Record) -> String {
    let mut text = format!(
        "{ranks} ranks, f64, time of the slowest rank, medians; {BYTES}.\n\
         Columns in proportion: time by C's time, ± half the distance of the quartiles; less is faster.\n\
         Asked for: into, {AIM}; returning, the same by C that allocates its result in the call.\n\
         ! missed   ~ missed, by less than the samples differ\n\n"
    );
    if !enough_cores(ranks) {
        text += "More ranks than cores: these are the times of the scheduler, and nothing is marked.\n\n";
    }
    text += &format!(
        "{:<15}{:>8}{:>11}{:>6}{:>14}{:>14} {:>9} {:>14}{:>14} {:>9}{:>9}\n",
        "operation",
        "bytes",
        "C µs",
        "±",
        "mpi crate",
        "into",
        "into-C ns",
        "returning",
        "by C alloc",
        "mpi4py",
        "pickle"
    );
    let judged = enough_cores(ranks);
    let mut last = None;
    for (operation, bytes) in record.cases() {
        if last.is_some_and(|last| last != operation) {
            text.push('\n');
        }
        last = Some(operation);
        text += &line(record, operation, bytes, judged);
    }
    text + &below(record)
}

fn line(record: &Record, operation: Operation, bytes: usize, judged: bool) -> String {
    let by = |ours, peer| Comparison::of(record, operation, bytes, ours, peer);
    let plain =
        |ours| by(ours, Variant::C).map_or("-".into(), |c| format!("{:.2}±{:.2}", c.ratio, c.spread()));
    let short = |ours| by(ours, Variant::C).map_or("-".into(), |c| format!("{:.2}", c.ratio));
    let marked = |ours, peer| {
        by(ours, peer).map_or("- ".into(), |c| {
            let mark = if judged { c.verdict().mark() } else { ' ' };
            format!("{:.2}±{:.2}{mark}", c.ratio, c.spread())
        })
    };
    let c = record.get(operation, bytes, Variant::C).unwrap_or(&[f64::NAN]);
    let median = quantile(c, 0.5);
    let spread = 50.0 * (quantile(c, 0.75) - quantile(c, 0.25)) / median;
    let more =
        by(Variant::Into, Variant::C).map_or("-".into(), |c| format!("{:+.0}", (c.ours - c.peer) * 1000.0));
    format!(
        "{:<15}{:>8}{median:>11.2}{spread:>5.0}%{:>14}{:>15}{more:>9} {:>14}{:>15}{:>9}{:>9}\n",
        operation.name(),
        size(bytes),
        plain(Variant::Raw),
        marked(Variant::Into, Variant::C),
        plain(Variant::Returning),
        marked(Variant::Returning, Variant::CNew),
        short(Variant::Upper),
        short(Variant::Lower),
    )
}

/// Allocations, and what is not in the table.
fn below(record: &Record) -> String {
    let mut text = String::from("\nallocations per call at 4 KiB (asked for: into 0, returning 1)\n");
    for variant in [Variant::Into, Variant::Returning, Variant::Raw] {
        let counted: Vec<String> = record
            .allocations
            .iter()
            .filter(|entry| entry.1 == variant)
            .map(|(operation, _, number)| format!("{} {number}", operation.name()))
            .collect();
        if !counted.is_empty() {
            text += &format!("  {:<20}{}\n", variant.title(), counted.join(", "));
        }
    }
    if !record.skipped.is_empty() {
        text += "\nnot measured\n";
    }
    // Those with the same reason on one line.
    let mut seen = Vec::new();
    for (_, variant, reason) in &record.skipped {
        if seen.contains(&(*variant, reason)) {
            continue;
        }
        seen.push((*variant, reason));
        let alike = record.skipped.iter().filter(|other| (other.1, &other.2) == (*variant, reason));
        let alike: Vec<String> = alike.map(|other| other.0.name()).collect();
        text += &format!("  {:<20}{}: {reason}\n", variant.title(), alike.join(", "));
    }
    text
}

/// A number of bytes for people.
pub(crate) fn size(bytes: usize) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..0x10_0000 => format!("{} KiB", bytes >> 10),
        _ => format!("{} MiB", bytes >> 20),
    }
}
