//! The samples of two variants against each other, and against what is asked for.

use crate::operation::Operation;
use crate::record::{Record, Variant};

/// From this size on, time in proportion counts; below, time per call.
const LARGE: usize = 4096;
const FACTOR: f64 = 1.02;
const MICROS: f64 = 0.030;

/// What is asked for, in words.
pub(crate) const AIM: &str = "at most 1.02 times C's time from 4 KiB on, at most 30 ns more a call below";

/// Whether times mean anything: where ranks wait for a core, they are the scheduler's.
pub(crate) fn enough_cores(ranks: usize) -> bool {
    std::thread::available_parallelism().is_ok_and(|cores| ranks <= cores.get())
}

/// A variant and the one it is measured by.
pub(crate) struct Comparison {
    /// Medians in microseconds.
    pub(crate) ours: f64,
    pub(crate) peer: f64,
    /// Ours by the peer's: below 1 is faster.
    pub(crate) ratio: f64,
    /// Quartiles of the ratios of samples that were taken together.
    pub(crate) quartiles: [f64; 2],
    /// The ratio that is asked for.
    pub(crate) limit: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Met,
    /// Missed, by less than the samples differ.
    Unclear,
    Missed,
}

impl Verdict {
    pub(crate) fn mark(self) -> char {
        match self {
            Self::Met => ' ',
            Self::Unclear => '~',
            Self::Missed => '!',
        }
    }
}

impl Comparison {
    /// `None` when one of them was not measured.
    pub(crate) fn of(
        record: &Record,
        operation: Operation,
        bytes: usize,
        ours: Variant,
        peer: Variant,
    ) -> Option<Self> {
        let (mine, theirs) = (record.get(operation, bytes, ours)?, record.get(operation, bytes, peer)?);
        let (ours, peer) = (quantile(mine, 0.5), quantile(theirs, 0.5));
        // What ran in another process was not taken together with anything.
        let together = mine.len() == theirs.len();
        let ratios: Vec<f64> = if together {
            mine.iter().zip(theirs).map(|(mine, theirs)| mine / theirs).collect()
        } else {
            mine.iter().map(|mine| mine / peer).collect()
        };
        let limit = if bytes >= LARGE { FACTOR } else { 1.0 + MICROS * operation.calls() / peer };
        let quartiles = [quantile(&ratios, 0.25), quantile(&ratios, 0.75)];
        Some(Comparison { ours, peer, ratio: ours / peer, quartiles, limit })
    }

    pub(crate) fn verdict(&self) -> Verdict {
        if self.ratio <= self.limit {
            Verdict::Met
        } else if self.quartiles[0] <= self.limit {
            Verdict::Unclear
        } else {
            Verdict::Missed
        }
    }

    /// Half the distance of the quartiles.
    pub(crate) fn spread(&self) -> f64 {
        (self.quartiles[1] - self.quartiles[0]) / 2.0
    }
}

/// Between samples, in proportion.
pub(crate) fn quantile(samples: &[f64], part: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = part * (sorted.len() - 1) as f64;
    let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    low + (high - low) * place.fract()
}
