//! What stays: target/bench/messages.json for programs, messages-MPI.md and its picture for people.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::compare::{Comparison, Verdict, enough_cores};
use crate::record::{Record, Variant};
use crate::{Outcome, machine, plot, table};

/// All comparisons: `ratio` is the peer's time by ours, more than 1 meaning that ours is better.
pub(crate) fn json(records: &[(usize, Record)]) -> Value {
    let mut list = Vec::new();
    for (ranks, record) in records {
        let place = format!("{ranks} ranks, {}", machine::mpi_name());
        for (operation, bytes) in record.cases() {
            let case = format!("{} {}, {place}", operation.name(), table::size(bytes));
            for (ours, peer, asked) in [
                (Variant::Into, Variant::C, true),
                (Variant::Into, Variant::Raw, false),
                (Variant::Into, Variant::Upper, false),
                (Variant::Returning, Variant::CNew, true),
                (Variant::Returning, Variant::Lower, false),
            ] {
                let asked = asked && enough_cores(*ranks);
                let Some(compared) = Comparison::of(record, operation, bytes, ours, peer) else { continue };
                list.push(json!({
                    "case": format!("{case}, {}", ours.key()),
                    "ours": compared.ours,
                    "peer": compared.peer,
                    "peer_name": peer.title(),
                    "unit": "µs",
                    "ratio": 1.0 / compared.ratio,
                    "aim": asked.then_some(1.0 / compared.limit),
                    "met": asked.then_some(compared.verdict() == Verdict::Met),
                }));
            }
        }
        for (operation, variant, number) in &record.allocations {
            let asked = match variant {
                Variant::Into => 0.0,
                Variant::Returning => 1.0,
                _ => continue,
            };
            list.push(json!({
                "case": format!("{} 4 KiB, {place}, {}: allocations", operation.name(), variant.key()),
                "ours": number,
                "peer": asked,
                "peer_name": "what is asked for",
                "unit": "allocations per call",
                "ratio": null,
                "aim": asked,
                "met": *number <= asked,
            }));
        }
        for (operation, variant, reason) in &record.skipped {
            // One of ours, or a peer of ours.
            let (ours, peer) = match variant {
                Variant::Into => (Variant::Into, Variant::C),
                Variant::Returning => (Variant::Returning, Variant::CNew),
                Variant::Lower => (Variant::Returning, Variant::Lower),
                _ => (Variant::Into, *variant),
            };
            list.push(json!({
                "case": format!("{}, {place}, {}", operation.name(), ours.key()),
                "ours": null,
                "peer": null,
                "peer_name": peer.title(),
                "unit": "µs",
                "ratio": null,
                "aim": null,
                "met": null,
                "skipped": reason,
            }));
        }
    }
    Value::Array(list)
}

/// The page and its picture.
pub(crate) fn page(folder: &Path, conditions: &[String], records: &[(usize, Record)]) -> Outcome {
    let name = format!("messages-{}", machine::mpi_name());
    let mut text = format!(
        "# Messages with {}\n\nMade by `make bench-messages MPI={}`; `--help` says how it is measured.\n\n",
        machine::mpi_line(),
        machine::mpi_name()
    );
    for line in conditions {
        text += &format!("- {line}\n");
    }
    text += &format!("\n![time by C's time, for each operation, over the size]({name}.svg)\n");
    for (ranks, record) in records {
        text += &format!("\n## {ranks} ranks\n\n```text\n{}```\n", table::table(*ranks, record));
    }
    fs::create_dir_all(folder)?;
    fs::write(folder.join(format!("{name}.md")), text)?;
    fs::write(folder.join(format!("{name}.svg")), plot::svg(conditions, records))?;
    eprintln!("results: {}", folder.join(name).with_extension("{md,svg}").display());
    Ok(())
}
