//! The words as plain text, and the sentences that are the same in every form.

use std::fmt::Write;

use super::run::Run;
use super::units;
use super::words::Words;

/// Rows of a table.
const ROWS: usize = 20;

/// All sentences but the first one.
pub(super) fn sentences(run: &Run, words: &Words) -> Vec<String> {
    let mut all = Vec::new();
    if run.ranks > 1 {
        let most = run.lanes.iter().zip(&words.spent).max_by_key(|(_, spent)| spent.computing);
        if let Some((lane, _)) = most.filter(|_| words.imbalance > 1.0) {
            all.push(format!(
                "Load: rank {} computes most, {:.2} times the mean; with an even load the run would take up to {} less.",
                lane.rank,
                words.imbalance,
                units::percent(words.imbalance - 1.0, words.imbalance),
            ));
        }
        let mut ranks: std::collections::BTreeMap<u32, i64> = Default::default();
        words.path.iter().for_each(|part| *ranks.entry(part.rank).or_default() += part.to - part.from);
        let mut ranks: Vec<_> = ranks.into_iter().collect();
        ranks.sort_by_key(|&(rank, time)| (-time, rank));
        let shares: Vec<String> = ranks
            .iter()
            .take(4)
            .map(|&(rank, time)| format!("rank {rank} {}", units::percent(time as f64, run.end as f64)))
            .collect();
        all.push(format!(
            "Critical path: {}, with {} changes of rank.",
            shares.join(", "),
            words.path.len().saturating_sub(1)
        ));
    }
    for chain in words.chains.iter().take(3) {
        all.push(format!("Serial: {}.", chain.words()));
    }
    let late = |waits_to_send: bool| {
        let mut late: std::collections::HashMap<u32, (u64, i64)> = Default::default();
        for block in run.lanes.iter().flat_map(|lane| &lane.blocks) {
            let sends = block.to.is_some() && block.from.is_none();
            if let Some(on) = block.on
                && block.what != super::run::What::Collective
                && sends == waits_to_send
            {
                let entry = late.entry(on).or_default();
                *entry = (entry.0 + 1, entry.1 + block.blocked);
            }
        }
        late.into_iter().max_by_key(|&(rank, (_, time))| (time, std::cmp::Reverse(rank)))
    };
    for (name, found) in [("senders", late(false)), ("receivers", late(true))] {
        if let Some((rank, (times, time))) = found {
            all.push(format!(
                "Late {name}: rank {rank} most, {}, for which others waited {}.",
                if times == 1 { "once".into() } else { format!("{times} times") },
                units::time(time)
            ));
        }
    }
    all
}

pub(super) fn tables(run: &Run, words: &Words, out: &mut String) {
    let _ = writeln!(out, "\n{:>9}  computing   messages    waiting      files", "");
    for (lane, spent) in run.lanes.iter().zip(&words.spent).take(64) {
        let share = |time: i64| units::percent(time as f64, run.end as f64);
        let _ = writeln!(
            out,
            "{:>9}  {:>9}  {:>9}  {:>9}  {:>9}",
            format!("rank {}", lane.rank),
            share(spent.computing),
            share(spent.calls),
            share(spent.waiting),
            share(spent.files)
        );
    }
    let _ = writeln!(
        out,
        "\n{:<28} {:<24} {:>8} {:>10} {:>10} {:>10}",
        "call", "at", "calls", "bytes", "time", "blocked"
    );
    for site in words.sites.iter().take(ROWS) {
        let late = site.late.first().map_or(String::new(), |(rank, _)| format!("  most for rank {rank}"));
        let _ = writeln!(
            out,
            "{:<28} {:<24} {:>8} {:>10} {:>10} {:>10}{late}",
            site.name,
            site.place,
            site.calls,
            units::bytes(site.bytes),
            units::time(site.time),
            units::time(site.blocked),
        );
    }
    matrix(run, words, out);
}

/// Bytes from rank (row) to rank (column), as shades.
fn matrix(run: &Run, words: &Words, out: &mut String) {
    const MOST: usize = 32;
    if words.matrix.is_empty() || run.ranks > MOST {
        return;
    }
    let most = words.matrix.values().map(|cell| cell.1).max().unwrap_or(0).max(1);
    let _ = writeln!(out, "\nbytes from (row) to (column): █ {}", units::bytes(most));
    let heads: Vec<String> = (0..run.ranks).map(|rank| format!("{:>2}", rank % 100)).collect();
    let _ = writeln!(out, "{:>9}  {}", "", heads.join(""));
    for from in 0..run.ranks as u32 {
        let cell = |to: u32| match words.matrix.get(&(from, to)) {
            None => " ·".into(),
            Some((_, bytes)) => {
                let shade = (*bytes as f64 / most as f64 * 3.999) as usize;
                format!(" {}", ['░', '▒', '▓', '█'][shade.min(3)])
            }
        };
        let row: String = (0..run.ranks as u32).map(cell).collect();
        let _ = writeln!(out, "{:>9}  {row}", format!("rank {from}"));
    }
}
