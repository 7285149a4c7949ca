//! The run in words and numbers: where the time went, at which line, who was late, and what matters most.

use std::collections::HashMap;

use super::run::{Block, Run, What};
use super::units;

/// Where the time of a rank went, in nanoseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Spent {
    pub(super) computing: i64,
    /// In calls, without waiting.
    pub(super) calls: i64,
    /// Waiting for a rank that was late.
    pub(super) waiting: i64,
    pub(super) files: i64,
}

/// All calls from one place.
#[derive(Debug, Clone, Default)]
pub(super) struct AtSite {
    pub(super) name: String,
    pub(super) place: String,
    pub(super) calls: u64,
    pub(super) bytes: u64,
    pub(super) time: i64,
    pub(super) blocked: i64,
    /// Who was waited for, and how long in all.
    pub(super) late: Vec<(u32, i64)>,
}

/// Ranks that wait for each other one after the other.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chain {
    pub(super) ranks: Vec<u32>,
    pub(super) place: String,
    pub(super) times: u64,
    pub(super) blocked: i64,
}

/// A stretch of the critical path: what, had it been shorter, would have made the run shorter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stretch {
    pub(super) rank: u32,
    pub(super) from: i64,
    pub(super) to: i64,
}

/// All of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Words {
    /// By lane.
    pub(super) spent: Vec<Spent>,
    /// Most time first.
    pub(super) sites: Vec<AtSite>,
    /// Messages and bytes from rank to rank.
    pub(super) matrix: HashMap<(u32, u32), (u64, u64)>,
    pub(super) chains: Vec<Chain>,
    /// Backwards in time.
    pub(super) path: Vec<Stretch>,
    /// The greatest computing time over the mean.
    pub(super) imbalance: f64,
    pub(super) sentence: String,
}

impl Words {
    pub(super) fn of(run: &Run) -> Self {
        let spent: Vec<Spent> = run.lanes.iter().map(|lane| spent(&lane.blocks, run.end)).collect();
        let mut words = Words { sites: sites(run), chains: chains(run), path: path(run), ..Words::default() };
        for message in &run.messages {
            let cell = words.matrix.entry((message.from, message.to)).or_default();
            *cell = (cell.0 + 1, cell.1 + message.bytes);
        }
        let computing = spent.iter().map(|spent| spent.computing as f64);
        let (sum, most) = computing.fold((0.0, 0.0f64), |(sum, most), one| (sum + one, most.max(one)));
        words.imbalance = if sum > 0.0 { most / (sum / spent.len() as f64) } else { 1.0 };
        words.spent = spent;
        words.sentence = words.what_matters(run);
        words
    }

    /// The one sentence.
    fn what_matters(&self, run: &Run) -> String {
        if let Some(sentence) = never_came(run) {
            return sentence;
        }
        let whole = run.end as f64 * run.lanes.len().max(1) as f64;
        let all = |of: fn(&Spent) -> i64| self.spent.iter().map(of).sum::<i64>() as f64;
        let (waiting, files, calls) =
            (all(|spent| spent.waiting), all(|spent| spent.files), all(|spent| spent.calls));
        let share = |part: f64| units::percent(part, whole);
        const WORTH: f64 = 0.05;
        if let Some(chain) = self.chains.first().filter(|chain| chain.blocked as f64 > WORTH * whole) {
            return format!("Ranks work one after the other: {}.", chain.words());
        }
        if waiting > WORTH * whole && waiting >= files.max(calls) {
            let Some(site) = self.sites.iter().max_by_key(|site| site.blocked) else { return String::new() };
            let late = site.late.first().map_or(String::new(), |(rank, time)| {
                let part = units::percent(*time as f64, site.blocked as f64);
                format!(", {part} of that for rank {rank}")
            });
            return format!(
                "{} of all time is spent waiting, most of it in {} at {} ({}{late}).",
                share(waiting),
                site.name,
                site.place,
                units::time(site.blocked),
            );
        }
        if files > WORTH * whole && files >= calls {
            return format!("{} of all time is spent in files.", share(files));
        }
        if calls > WORTH * whole {
            let Some(site) = self.sites.iter().max_by_key(|site| site.time - site.blocked) else {
                return String::new();
            };
            let each = (site.time - site.blocked) / (site.calls.max(1) as i64);
            return format!(
                "{} of all time is spent in messages that nobody was late for, most of it in {} at {}: {} calls of {} each.",
                share(calls),
                site.name,
                site.place,
                site.calls,
                units::time(each),
            );
        }
        format!(
            "The ranks computed {} of the time; nothing stands in their way.",
            share(all(|spent| spent.computing))
        )
    }
}

fn spent(blocks: &[Block], end: i64) -> Spent {
    let mut spent = Spent::default();
    for block in blocks.iter().filter(|block| block.what.is_call()) {
        let time = block.end - block.begin;
        if block.what == What::File {
            spent.files += time;
        } else {
            spent.waiting += block.blocked;
            spent.calls += time - block.blocked;
        }
    }
    spent.computing = (end - spent.files - spent.waiting - spent.calls).max(0);
    spent
}

fn sites(run: &Run) -> Vec<AtSite> {
    let mut sites: HashMap<(u32, bool), (AtSite, HashMap<u32, i64>)> = HashMap::new();
    for lane in &run.lanes {
        for block in lane.blocks.iter().filter(|block| block.what.is_call()) {
            let (site, late) = sites.entry((block.site, block.what == What::Wait)).or_insert_with(|| {
                let (name, place) = (run.name(block), run.place(block.site));
                (AtSite { name, place, ..AtSite::default() }, HashMap::new())
            });
            site.calls += 1;
            site.bytes += block.bytes;
            site.time += block.end - block.begin;
            site.blocked += block.blocked;
            if let Some(on) = block.on {
                *late.entry(on).or_default() += block.blocked;
            }
        }
    }
    let mut sites: Vec<AtSite> = sites
        .into_values()
        .map(|(mut site, late)| {
            site.late = late.into_iter().collect();
            site.late.sort_by_key(|&(rank, time)| (-time, rank));
            site
        })
        .collect();
    sites.sort_by(|a, b| (b.time, &a.place, &a.name).cmp(&(a.time, &b.place, &b.name)));
    sites
}

impl Chain {
    /// `ranks 0→1→2→3 send one after the other at ring.rs:31`.
    pub(super) fn words(&self) -> String {
        const SHOWN: usize = 6;
        let name = |rank: &u32| rank.to_string();
        let mut ranks: Vec<String> = self.ranks.iter().map(name).collect();
        if ranks.len() > SHOWN + 1 {
            ranks.splice(SHOWN - 1..ranks.len() - 1, ["…".into()]);
        }
        let times = if self.times > 1 { format!(", {} times", self.times) } else { String::new() };
        format!(
            "ranks {} send one after the other at {}{times} ({} waited)",
            ranks.join("→"),
            self.place,
            units::time(self.blocked)
        )
    }
}

/// A message that was waited for, after which its receiver sends one that is waited for from the same line, and so on.
fn chains(run: &Run) -> Vec<Chain> {
    let late = |m: usize| {
        let message = &run.messages[m];
        let sends = run.lane(message.from)?.blocks.get(message.sends? as usize)?;
        let gets = run.lane(message.to)?.blocks.get(message.gets? as usize)?;
        (gets.blocked > 0 && gets.on == Some(message.from)).then_some((sends.site, gets.blocked))
    };
    // The messages that were waited for, by receiver, in the order of their coming.
    let mut came: HashMap<u32, Vec<(i64, usize)>> = HashMap::new();
    let waited: Vec<(usize, (u32, i64))> =
        (0..run.messages.len()).filter_map(|m| Some((m, late(m)?))).collect();
    for &(m, _) in &waited {
        came.entry(run.messages[m].to).or_default().push((run.messages[m].got, m));
    }
    came.values_mut().for_each(|all| all.sort_unstable());
    let site: HashMap<usize, (u32, i64)> = waited.iter().copied().collect();
    let mut before: HashMap<usize, usize> = HashMap::new();
    let mut followed: HashMap<usize, usize> = HashMap::new();
    for &(m, (line, _)) in &waited {
        let message = &run.messages[m];
        let Some(all) = came.get(&message.from) else { continue };
        let at = all.partition_point(|&(got, _)| got <= message.sent);
        if let Some(&(_, earlier)) = at.checked_sub(1).and_then(|at| all.get(at))
            && site[&earlier].0 == line
            && run.messages[earlier].from != message.to
            && !followed.contains_key(&earlier)
        {
            before.insert(m, earlier);
            followed.insert(earlier, m);
        }
    }
    let mut found: HashMap<(Vec<u32>, u32), (u64, i64)> = HashMap::new();
    for &(m, (line, _)) in waited.iter().filter(|(m, _)| !before.contains_key(m)) {
        let (mut ranks, mut blocked, mut at) = (vec![run.messages[m].from], 0, Some(m));
        while let Some(m) = at {
            ranks.push(run.messages[m].to);
            blocked += site[&m].1;
            at = followed.get(&m).copied();
        }
        if ranks.len() > 3 {
            let entry = found.entry((ranks, line)).or_default();
            *entry = (entry.0 + 1, entry.1 + blocked);
        }
    }
    let mut chains: Vec<Chain> = found
        .into_iter()
        .map(|((ranks, line), (times, blocked))| Chain { ranks, place: run.place(line), times, blocked })
        .collect();
    chains.sort_by(|a, b| (b.blocked, &a.ranks).cmp(&(a.blocked, &b.ranks)));
    chains
}

/// From the end back to the beginning: over to whom was waited for, whenever someone waited.
fn path(run: &Run) -> Vec<Stretch> {
    const MOST: usize = 1_000_000;
    let waits: HashMap<u32, Vec<&Block>> = run
        .lanes
        .iter()
        .map(|lane| {
            let waits = |block: &&Block| block.what.is_call() && block.blocked > 0 && block.on.is_some();
            (lane.rank, lane.blocks.iter().filter(waits).collect())
        })
        .collect();
    let last =
        |blocks: &[Block]| blocks.iter().filter(|block| block.what.is_call()).map(|block| block.end).max();
    let Some(lane) = run.lanes.iter().max_by_key(|lane| last(&lane.blocks)) else { return Vec::new() };
    let (mut rank, mut to, mut path) = (lane.rank, run.end, Vec::new());
    while path.len() < MOST {
        let all: &[&Block] = waits.get(&rank).map_or(&[], |all| all);
        let before = all.partition_point(|block| block.begin + block.blocked < to);
        match before.checked_sub(1).map(|at| all[at]) {
            Some(block) if waits.contains_key(&block.on.unwrap_or(rank)) => {
                let from = block.begin + block.blocked;
                path.push(Stretch { rank, from, to });
                (rank, to) = (block.on.unwrap_or(rank), from);
            }
            _ => {
                path.push(Stretch { rank, from: 0, to });
                break;
            }
        }
    }
    path
}

/// Calls that had not ended, and who is missing.
fn never_came(run: &Run) -> Option<String> {
    let open = |block: &&Block| block.open && block.what.is_call() && block.what != What::File;
    let waiting: Vec<(usize, &Block)> = run
        .lanes
        .iter()
        .filter_map(|lane| Some((lane.rank as usize, lane.blocks.iter().rev().find(open)?)))
        .collect();
    let (_, first) = waiting.first()?;
    let there = || waiting.iter().filter(|(_, block)| block.site == first.site);
    let same: Vec<usize> = there().map(|(rank, _)| *rank).collect();
    let on = match first.on {
        Some(on) if there().all(|(_, block)| block.on == first.on) => format!(" for rank {on}"),
        Some(_) => " for other ranks".to_owned(),
        None => String::new(),
    };
    let verb = if same.len() == 1 { "waits" } else { "wait" };
    let name = run.name(first);
    // What is a wait by its name, is one.
    let what = match name.strip_prefix("wait for ") {
        Some(what) => format!("for {what}"),
        None => format!("in {name}"),
    };
    Some(format!(
        "The run was ended while {} {verb} {what} at {}{on}.",
        units::ranks(&same),
        run.place(first.site),
    ))
}
