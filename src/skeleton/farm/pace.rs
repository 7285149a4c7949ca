//! How long tasks take, measured while they run: so that nobody has to say how many go together.

use std::time::Duration;

/// The time that tasks without a break take: between two of these, others are looked after.
const BLOCK: f64 = 100e-6;
/// More than this is not dealt out together before it is known how long tasks take.
const GROWTH: usize = 8;
const MOST: usize = 1 << 16;

/// The seconds that a task takes, as far as they are known.
#[derive(Debug, Default)]
pub(super) struct Pace {
    seconds: Option<f64>,
    most_at_once: usize,
}

impl Pace {
    /// So many tasks took so long.
    pub(super) fn record(&mut self, tasks: usize, took: Duration) {
        if tasks == 0 {
            return;
        }
        let new = took.as_secs_f64() / tasks as f64;
        self.seconds = Some(self.seconds.map_or(new, |old| 0.75 * old + 0.25 * new).max(1e-10));
        self.most_at_once = self.most_at_once.max(tasks);
    }

    /// How many tasks take about so long: 1 while nothing is known, and then not too many more than there were before.
    pub(super) fn tasks_in(&self, seconds: f64) -> usize {
        let most = self.most_at_once.saturating_mul(GROWTH).clamp(1, MOST);
        self.seconds.map_or(1, |each| ((seconds / each) as usize).clamp(1, most))
    }

    /// How many to run without a break.
    pub(super) fn block(&self) -> usize {
        self.tasks_in(BLOCK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_tasks_go_together_and_long_ones_alone() {
        let mut pace = Pace::default();
        assert_eq!(pace.block(), 1);
        for _ in 0..30 {
            let tasks = pace.block();
            pace.record(tasks, Duration::from_nanos(10 * tasks as u64));
        }
        assert!((5_000..20_000).contains(&pace.block()), "{}", pace.block());
        for _ in 0..60 {
            pace.record(1, Duration::from_millis(1));
        }
        assert_eq!(pace.block(), 1);
    }
}
