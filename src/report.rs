//! Where the time went: phases of a program, over all ranks.

use std::error::Error as StdError;
use std::fs;
use std::panic::Location;
use std::time::Instant;

use serde_json::{Map, Value, json};

use crate::comm::Comm;
use crate::error::Result;
use crate::file;
use crate::sys::record::{self, Kind};

/// A stopwatch of named phases.
///
/// ```
/// use rankwise::report::Phases;
///
/// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
/// let mut phases = Phases::new();
/// let sum: u64 = phases.time("compute", || (0..1000).sum());
/// phases.figure("sum", sum as f64, "");
/// if let Some(report) = phases.report(world)? {
///     println!("{}", report.text());
/// }
/// # Ok(()) }) }
/// ```
#[derive(Debug, Default)]
pub struct Phases {
    phases: Vec<(&'static str, f64)>,
    figures: Vec<(&'static str, f64, &'static str)>,
}

impl Phases {
    /// None so far.
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs `step` and adds its time to the phase of that name, which also shows in the picture of the run.
    #[track_caller]
    pub fn time<R>(&mut self, phase: &'static str, step: impl FnOnce() -> R) -> R {
        let _span = record::span(Kind::Phase, phase, Location::caller(), 0, 0);
        let start = Instant::now();
        let result = step();
        self.add(phase, start.elapsed().as_secs_f64());
        result
    }

    /// Adds a time that was measured elsewhere to the phase of that name.
    pub fn add(&mut self, phase: &'static str, seconds: f64) {
        match self.phases.iter_mut().find(|(name, _)| *name == phase) {
            Some((_, sum)) => *sum += seconds,
            None => self.phases.push((phase, seconds)),
        }
    }

    /// The seconds of the phase of that name so far, on this rank.
    pub fn seconds(&self, phase: &str) -> f64 {
        self.phases.iter().find(|(name, _)| *name == phase).map_or(0.0, |(_, seconds)| *seconds)
    }

    /// Adds a number that the report ends with: the root's.
    pub fn figure(&mut self, name: &'static str, value: f64, unit: &'static str) {
        self.figures.push((name, value, unit));
    }

    /// The report on all ranks, on the root: `Some` there, `None` elsewhere. It ends with what went to and came from HDF5 files so
    /// far, if anything did, and how many collective transfers HDF5 has made rank by rank. One gather, and an agreement.
    ///
    /// # Collective
    /// All ranks must call this, with the same phases in the same order.
    ///
    /// # Errors
    /// On all ranks, when some have measured other phases.
    #[track_caller]
    pub fn report(&self, comm: &Comm) -> Result<Option<Report>> {
        let mut mine: Vec<f64> = self.phases.iter().map(|(_, seconds)| *seconds).collect();
        mine.push(peak_memory().map_or(f64::NAN, |bytes| bytes as f64));
        let moved = file::totals();
        mine.extend(moved.numbers());
        let names = self.phases.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        let of_ranks = comm.gather_values(0, &(names, mine))?;
        let all = comm.on_root(|| same_phases(of_ranks.unwrap_or_default()))?;
        let Some(all) = all else { return Ok(None) };
        let over_ranks = |k: usize| Spread::of(all.iter().map(|numbers| numbers[k]));
        let phases = self.phases.iter().enumerate().map(|(k, (name, _))| (*name, over_ranks(k))).collect();
        Ok(Some(Report {
            ranks: comm.size(),
            phases,
            memory: over_ranks(self.phases.len()),
            files: FILES
                .into_iter()
                .enumerate()
                .map(|(k, (name, unit))| (name, unit, over_ranks(self.phases.len() + 1 + k)))
                .collect(),
            figures: self.figures.clone(),
        }))
    }
}

/// The numbers of all ranks, if they are about the same phases.
fn same_phases(of_ranks: Vec<(String, Vec<f64>)>) -> std::result::Result<Vec<Vec<f64>>, Box<dyn StdError>> {
    let listed = |names: &str| if names.is_empty() { "none".to_owned() } else { names.to_owned() };
    let first = of_ranks.first().map(|(names, _)| names.clone()).unwrap_or_default();
    match of_ranks.iter().position(|(names, _)| *names != first) {
        None => Ok(of_ranks.into_iter().map(|(_, numbers)| numbers).collect()),
        Some(rank) => {
            let (first, other) = (listed(&first), listed(&of_ranks[rank].0));
            Err(format!("the ranks have measured different phases: rank 0 {first}; rank {rank} {other}")
                .into())
        }
    }
}

/// A quantity over the ranks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The least.
    pub min: f64,
    /// The mean.
    pub mean: f64,
    /// The greatest.
    pub max: f64,
}

impl Spread {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let (mut min, mut sum, mut max, mut n) = (f64::INFINITY, 0.0, f64::NEG_INFINITY, 0);
        for value in values {
            (min, sum, max, n) = (min.min(value), sum + value, max.max(value), n + 1);
        }
        Spread { min, mean: sum / f64::from(n), max }
    }

    /// The greatest over the mean: 1 when all ranks do the same.
    pub fn imbalance(&self) -> f64 {
        if self.mean > 0.0 { self.max / self.mean } else { 1.0 }
    }
}

/// What is told of files, with its unit: [`file::Totals`].
const FILES: [(&str, &str); 8] = [
    ("written", "bytes"),
    ("read", "bytes"),
    ("writing", "s"),
    ("reading", "s"),
    ("transfers", ""),
    ("rank by rank", ""),
    ("checkpoints", ""),
    ("saving", "s"),
];

/// What [`Phases::report`] found.
#[derive(Debug, Clone)]
pub struct Report {
    ranks: usize,
    phases: Vec<(&'static str, Spread)>,
    memory: Spread,
    files: Vec<(&'static str, &'static str, Spread)>,
    figures: Vec<(&'static str, f64, &'static str)>,
}

impl Report {
    /// As a table for people.
    pub fn text(&self) -> String {
        let plural = if self.ranks == 1 { "" } else { "s" };
        let mut lines = vec![format!(
            "{:<16}{:>10}{:>10}{:>10}   imbalance   (over {} rank{plural})",
            "phase", "min", "mean", "max", self.ranks
        )];
        for (name, Spread { min, mean, max }) in &self.phases {
            let imbalance = Spread { min: *min, mean: *mean, max: *max }.imbalance();
            lines.push(format!("{name:<16}{min:>8.3} s{mean:>8.3} s{max:>8.3} s{imbalance:>10.2}"));
        }
        let [min, mean, max] = [self.memory.min, self.memory.mean, self.memory.max].map(|bytes| bytes / 1e6);
        lines.push(format!("{:<16}{min:>7.0} MB{mean:>7.0} MB{max:>7.0} MB", "peak memory"));
        for (name, unit, Spread { min, mean, max }) in self.moved() {
            let name = format!("files: {name}");
            lines.push(match *unit {
                "bytes" => {
                    format!("{name:<20}{:>6.0} MB{:>7.0} MB{:>7.0} MB", min / 1e6, mean / 1e6, max / 1e6)
                }
                "s" => format!("{name:<18}{min:>6.3} s{mean:>8.3} s{max:>8.3} s"),
                _ => format!("{name:<20}{min:>6.0}{mean:>10.0}{max:>10.0}"),
            });
        }
        for (name, value, unit) in &self.figures {
            lines.push(format!("{name:<16}{:>10} {unit}", short(*value)));
        }
        lines.join("\n")
    }

    /// What happened to files.
    fn moved(&self) -> impl Iterator<Item = &(&'static str, &'static str, Spread)> {
        self.files.iter().filter(|(_, _, spread)| spread.max > 0.0)
    }

    /// As JSON: `ranks`, `phases` in seconds, `peak_memory` in bytes, `files` if there were any, `figures`.
    pub fn json(&self) -> String {
        let spread =
            |s: &Spread| json!({"min": s.min, "mean": s.mean, "max": s.max, "imbalance": s.imbalance()});
        let phases: Map<String, Value> =
            self.phases.iter().map(|(name, s)| ((*name).into(), spread(s))).collect();
        let figures: Map<String, Value> = self
            .figures
            .iter()
            .map(|(name, value, unit)| ((*name).into(), json!({"value": value, "unit": unit})))
            .collect();
        let files: Map<String, Value> =
            self.moved().map(|(name, _, s)| (name.replace(' ', "_"), spread(s))).collect();
        let mut report = json!({
            "ranks": self.ranks,
            "phases": phases,
            "peak_memory": spread(&self.memory),
            "figures": figures,
        });
        if !files.is_empty() {
            report["files"] = files.into();
        }
        format!("{report:#}")
    }
}

/// A number with four digits, or all of a whole number: `234908`, `2.513`, `6.089e10`.
fn short(value: f64) -> String {
    let size = value.abs();
    if size.fract() == 0.0 && size < 1e7 {
        format!("{value}")
    } else if (1e-3..1e4).contains(&size) {
        let digits = (3.0 - size.log10().floor()).max(0.0) as usize;
        format!("{value:.digits$}")
    } else {
        format!("{value:.3e}")
    }
}

/// The most memory this process has had resident, in bytes, where the system tells (Linux).
fn peak_memory() -> Option<u64> {
    memory("VmHWM:")
}

/// The memory that this process has resident now.
pub(crate) fn resident_memory() -> Option<u64> {
    memory("VmRSS:")
}

fn memory(name: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_is_min_mean_max() {
        let spread = Spread::of([1.0, 2.0, 6.0].into_iter());
        assert_eq!(spread, Spread { min: 1.0, mean: 3.0, max: 6.0 });
        assert_eq!(spread.imbalance(), 2.0);
    }

    #[test]
    fn other_phases_on_a_rank_are_an_error() {
        let of_ranks =
            |names: [&str; 3]| same_phases(names.map(|names| (names.to_owned(), vec![1.0])).into());
        assert_eq!(of_ranks(["read, work"; 3]).unwrap(), [[1.0], [1.0], [1.0]]);
        let wrong = of_ranks(["read, work", "read, work", "work"]).unwrap_err().to_string();
        assert_eq!(wrong, "the ranks have measured different phases: rank 0 read, work; rank 2 work");
        let wrong = of_ranks(["", "work", ""]).unwrap_err().to_string();
        assert_eq!(wrong, "the ranks have measured different phases: rank 0 none; rank 1 work");
    }

    #[test]
    fn numbers_stay_short() {
        let cases = [
            (0.0, "0"),
            (234_908.0, "234908"),
            (6.0888e10, "6.089e10"),
            (2.513_26, "2.513"),
            (1e-9, "1.000e-9"),
        ];
        for (value, expected) in cases {
            assert_eq!(short(value), expected);
        }
    }

    #[test]
    fn peak_memory_is_known() {
        assert!(peak_memory().is_none_or(|bytes| bytes > 100_000));
    }
}
