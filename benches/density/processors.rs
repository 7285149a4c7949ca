//! What the processors have done, so that somebody else's work beside a measurement does not go unseen: Linux's own count.

use std::fs::read_to_string;

/// In ticks of the clock.
pub(crate) struct Processors {
    /// All, on all cores; with what a virtual machine was not given although it had something to do.
    all: u64,
    /// This process, and those that it has started and seen end.
    ours: u64,
    /// How long the machine has run.
    time: u64,
}

impl Processors {
    /// `None` where the system does not tell.
    pub(crate) fn now() -> Option<Self> {
        let all = read_to_string("/proc/stat").ok()?;
        let cores =
            all.lines().filter(|line| line.starts_with("cpu")).count().saturating_sub(1).max(1) as u64;
        // proc(5): user, nice, system, idle, waiting for disks, two kinds of interrupts, stolen; the first line is of all cores.
        let words = all.lines().next()?.split_whitespace().skip(1).take(8);
        let ticks: Vec<u64> = words.map(|word| word.parse().ok()).collect::<Option<_>>()?;
        let total: u64 = ticks.iter().sum();
        // User, system, and both of those that have ended: after the name, which may hold spaces, the 12th word.
        let mine = read_to_string("/proc/self/stat").ok()?;
        let words = mine.rsplit_once(") ")?.1.split_whitespace().skip(11).take(4);
        let ours = words.map(|word| word.parse::<u64>().ok()).sum::<Option<u64>>()?;
        Some(Processors { all: total - ticks[3] - ticks[4], ours, time: total / cores })
    }

    /// How many cores others have used since then, in the mean.
    pub(crate) fn used_by_others_since(&self, then: &Processors) -> f64 {
        let others = (self.all - then.all) as f64 - (self.ours - then.ours) as f64;
        (others / (self.time - then.time).max(1) as f64).max(0.0)
    }
}
