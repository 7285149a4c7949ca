//! The table, the page around it, and the figures against what was aimed at.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::Args;
use crate::record::{Case, Errors, Measured, Record};

/// Others may use so many cores.
const BUSY: f64 = 0.1;

/// As people write it.
pub(crate) fn duration(seconds: f64) -> String {
    let (number, unit) = if seconds < 1.0 { (1e3 * seconds, "ms") } else { (seconds, "s") };
    let digits = match number {
        number if number >= 100.0 => 0,
        number if number >= 10.0 => 1,
        _ => 2,
    };
    format!("{number:.digits$} {unit}")
}

/// Digits in groups of three.
pub(crate) fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let first = (digits.len() - 1) % 3 + 1;
    let mut text = digits[..first].to_owned();
    for group in digits.as_bytes()[first..].chunks(3) {
        let _ = write!(text, " {}", String::from_utf8_lossy(group));
    }
    text
}

/// A row for each number of coordinates and way.
pub(crate) fn table(args: &Args, record: &Record) -> String {
    let mut table = String::from("| d | |");
    args.samples.iter().for_each(|&n| _ = write!(table, " {} samples |", grouped(n)));
    table.push_str(" Gpairs/s | error | of the peak |");
    args.ranks.iter().for_each(|ranks| _ = write!(table, " {ranks} ranks: strong | weak |"));
    table.push_str("\n|---|---|");
    let columns = args.samples.len() + 3 + 2 * args.ranks.len();
    table.push_str(&"--:|".repeat(columns));
    for &d in &args.dimensions {
        for name in record.names() {
            let of_n: Vec<Option<&Measured>> = args
                .samples
                .iter()
                .map(|&n| record.find(Case { d, n, ranks: 1, weak: false }, name))
                .collect();
            let Some(last) = of_n.iter().flatten().next_back() else { continue };
            let _ = write!(table, "\n| {d} | {name} |");
            for one in &of_n {
                let cell = one.map_or("–".into(), |one| duration(one.seconds()));
                let _ = write!(table, " {cell} |");
            }
            let errors = of_n.iter().flatten().filter_map(|one| record.errors(one)).reduce(|a, b| Errors {
                relative: a.relative.max(b.relative),
                of_peak: a.of_peak.max(b.of_peak),
            });
            let rate = last.rate();
            let digits = if rate >= 100.0 { 0 } else { 3 };
            let _ = write!(table, " {rate:.digits$} |");
            let _ = match errors {
                Some(Errors { relative, of_peak }) => write!(table, " {relative:.0e} | {of_peak:.0e} |"),
                None => write!(table, " ? | ? |"),
            };
            for &ranks in &args.ranks {
                for weak in [false, true] {
                    let found = efficiency(record, d, ranks, weak, name);
                    let cell = found.map_or("–".into(), |(_, efficiency)| format!("{efficiency:.2}"));
                    let _ = write!(table, " {cell} |");
                }
            }
        }
    }
    table
}

/// What so many ranks did, and that by as many times what one did.
fn efficiency<'r>(
    record: &'r Record,
    d: usize,
    ranks: usize,
    weak: bool,
    name: &str,
) -> Option<(&'r Measured, f64)> {
    let is =
        |one: &&Measured| (one.case.d, one.case.ranks, one.case.weak, &*one.name) == (d, ranks, weak, name);
    let many = record.timed().find(is)?;
    let one = record.find(Case { ranks: 1, weak: false, ..many.case }, name)?;
    let gain = one.seconds() / many.seconds();
    Some((many, if weak { gain } else { gain / ranks as f64 }))
}

/// Ours against each peer, and against what was aimed at.
pub(crate) fn figures(args: &Args, record: &Record) -> Vec<Value> {
    let mut figures = Vec::new();
    let mut figure = |case: String, unit: &str, ours: f64, peer: f64, peer_name: &str, aim: Option<f64>| {
        let ratio = ours / peer;
        figures.push(json!({
            "case": case, "ours": ours, "peer": peer, "peer_name": peer_name, "unit": unit, "ratio": ratio,
            "aim": aim, "met": aim.map(|aim| ratio >= aim),
        }));
    };
    for ours in record.timed().filter(|one| one.is_ours() && one.case.ranks == 1) {
        let case = format!("{}, d = {}, n = {}", ours.name, ours.case.d, ours.case.n);
        for peer in record.timed().filter(|peer| !peer.is_ours() && peer.case == ours.case) {
            figure(case.clone(), "Gpairs/s", ours.rate(), peer.rate(), &peer.name, None);
        }
    }
    for name in record.names().into_iter().filter(|name| name.starts_with("ours")) {
        for &d in &args.dimensions {
            for &ranks in &args.ranks {
                for weak in [false, true] {
                    let Some((many, efficiency)) = efficiency(record, d, ranks, weak, name) else { continue };
                    let what = if weak { "weak" } else { "strong" };
                    let case = format!("{name}, d = {d}, {ranks} ranks");
                    // A tree is planted by one rank, and a grid is summed up over all.
                    let aim = name.contains("direct").then_some(0.95);
                    figure(format!("{case}: {what} scaling"), "of 1 rank's", efficiency, 1.0, "1 rank", aim);
                    let aim = match name {
                        "ours, direct, f64" => 6.0,
                        "ours, direct, f32" => 16.0,
                        _ => continue,
                    };
                    if (d, ranks, weak) == (2, 2, false) {
                        figure(case, "Gpairs/s", many.rate(), aim, "the aim", Some(1.0));
                    }
                }
            }
        }
    }
    for skipped in &record.skipped {
        figures.push(json!({"case": "all", "peer_name": skipped, "skipped": true, "aim": null, "met": null}));
    }
    figures
}

pub(crate) fn page(
    record: &Record,
    conditions: &[String],
    others: Option<f64>,
    short: &str,
    table: &str,
) -> String {
    let mut page = format!(
        "# Densities\n\nBy `make bench-density MPI={short}`; `--help` says how it is measured. The times are those for 100 000 points, on one \
         core, the rate that with the most samples, as if all pairs were looked at; the errors are the greatest at 40 points, over the density \
         there and over the greatest one. Then what more ranks (C++: threads) are worth, as a part of that many times one rank.\n\n"
    );
    for condition in conditions {
        let _ = writeln!(page, "- {condition}");
    }
    if others.is_some_and(|others| others > BUSY) {
        page.push_str("\nThat is much: but for the errors, these figures are not to be relied on.\n");
    }
    let _ = writeln!(
        page,
        "\n![time for 100 000 points over the number of samples](density-{short}.svg)\n\n{table}"
    );
    if !record.skipped.is_empty() {
        let _ = writeln!(page, "\nSkipped: {}.", record.skipped.join("; "));
    }
    page
}
