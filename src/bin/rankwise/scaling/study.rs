//! What the runs say: medians, speed-ups, the laws of Amdahl and Gustafson.

use std::error::Error;

use super::fit::{Line, median, quantile, slope_from_origin};
use super::messages::Messages;
use super::runs::{Phase, Run};

/// All that is known of a program on some numbers of ranks.
pub(super) struct Study {
    pub(super) weak: bool,
    /// From the fewest ranks to the most.
    pub(super) points: Vec<Point>,
    /// How many ranks have a core of their own.
    pub(super) cores: usize,
    pub(super) law: Option<Law>,
    /// What is known of messages; then predictions are of what is left without them, and of them.
    pub(super) messages: Option<Messages>,
    rest: Option<Law>,
}

/// What was measured on one number of ranks.
#[derive(Debug, Clone)]
pub(super) struct Point {
    pub(super) ranks: usize,
    /// Seconds of each run.
    pub(super) times: Vec<f64>,
    pub(super) median: f64,
    pub(super) least: f64,
    pub(super) most: f64,
    /// How far the middle half of the runs is apart.
    pub(super) spread: f64,
    /// How many times the work of one rank is done in the same time; of the fewest ranks each counts as one.
    pub(super) speedup: f64,
    pub(super) efficiency: f64,
    /// The serial fraction that explains the speed-up (Karp and Flatt 1990). `None` on one rank.
    pub(super) serial: Option<f64>,
    /// Medians over the runs.
    pub(super) phases: Vec<Phase>,
    pub(super) files: f64,
}

/// What one line through all runs says.
pub(super) struct Law {
    /// The most ranks that it has seen.
    pub(super) ranks: usize,
    /// The part of the work that no further rank makes shorter, and its standard error.
    pub(super) serial: (f64, f64),
    /// Of strong scaling: seconds over one over the ranks.
    line: Option<Line>,
}

/// A number, and the least and the greatest it may be: two standard errors.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) low: f64,
    pub(super) value: f64,
    pub(super) high: f64,
}

impl Study {
    /// Takes the runs, of the phases with these names (all, if there are none), and how many ranks have a core of their own.
    pub(super) fn of(
        runs: &[Run],
        only: &[String],
        weak: bool,
        cores: usize,
    ) -> Result<Study, Box<dyn Error>> {
        let known: Vec<&str> = runs[0].phases.iter().map(|phase| phase.name.as_str()).collect();
        if let Some(wrong) = only.iter().find(|name| !known.contains(&name.as_str())) {
            return Err(format!("the report has no phase {wrong}: it has {}", known.join(", ")).into());
        }
        let wanted = |phase: &Phase| only.is_empty() || only.contains(&phase.name);
        let mut counts: Vec<usize> = runs.iter().map(|run| run.ranks).collect();
        counts.sort_unstable();
        counts.dedup();
        let mut points: Vec<Point> = Vec::new();
        for ranks in counts {
            let of_these: Vec<&Run> = runs.iter().filter(|run| run.ranks == ranks).collect();
            let times: Vec<f64> = of_these
                .iter()
                .map(|run| run.phases.iter().filter(|phase| wanted(phase)).map(|phase| phase.max).sum())
                .collect();
            let over_runs = |pick: &dyn Fn(&Run) -> f64| {
                median(&mut of_these.iter().map(|run| pick(run)).collect::<Vec<_>>())
            };
            let phases = (0..known.len())
                .filter(|&k| wanted(&runs[0].phases[k]))
                .map(|k| Phase {
                    name: known[k].to_owned(),
                    mean: over_runs(&|run| run.phases[k].mean),
                    max: over_runs(&|run| run.phases[k].max),
                })
                .collect();
            let mut sorted = times.clone();
            let middle = median(&mut sorted);
            if middle <= 0.0 {
                return Err("the runs took no time: take more work".into());
            }
            let first = points.first().map_or((ranks, middle), |first| (first.ranks, first.median));
            let speedup = speedup(weak, first, ranks, middle);
            points.push(Point {
                ranks,
                median: middle,
                least: sorted[0],
                most: sorted[sorted.len() - 1],
                spread: quantile(&mut sorted, 0.75) - quantile(&mut sorted, 0.25),
                speedup,
                efficiency: speedup / ranks as f64,
                serial: (ranks > 1).then(|| karp_flatt(speedup, ranks)),
                phases,
                files: over_runs(&|run| run.files),
                times,
            });
        }
        let law = Law::of(&points, weak, cores, |_| 0.0);
        Ok(Study { weak, points, cores, law, messages: None, rest: None })
    }

    /// With the messages that the ranks send.
    pub(super) fn with(self, messages: Messages) -> Study {
        let rest = Law::of(&self.points, self.weak, self.cores, |ranks| messages.seconds(ranks)[1]);
        Study { messages: Some(messages), rest, ..self }
    }

    /// The speed-up on that many ranks, if it goes on like that.
    pub(super) fn predicted(&self, ranks: usize) -> Option<Bounds> {
        let law = self.rest.as_ref().or(self.law.as_ref())?;
        let p = ranks as f64;
        let first = &self.points[0];
        let messages = self.messages.as_ref().filter(|_| self.rest.is_some());
        let messages = messages.map_or([0.0; 3], |messages| messages.seconds(ranks));
        let speedup = |seconds: f64| match self.weak {
            true => (p * first.median / seconds).min(p),
            false => (first.median * first.ranks as f64 / seconds).min(p),
        };
        // Seconds: the least, the likely, the most.
        let [least, likely, most] = match &law.line {
            Some(line) => {
                let (seconds, error) = line.at(1.0 / p);
                [seconds - 2.0 * error, seconds, seconds + 2.0 * error]
            }
            None => {
                let (serial, error) = law.serial;
                [serial - 2.0 * error, serial, serial + 2.0 * error]
                    .map(|serial| p * first.median / (p - serial.max(0.0) * (p - 1.0)).max(1.0))
            }
        };
        // No less than nothing: the best is as many times as fast as there are ranks.
        let best = first.median * if self.weak { 1.0 } else { first.ranks as f64 / p };
        Some(Bounds {
            low: speedup(most.max(best) + messages[2]),
            value: speedup(likely.max(best) + messages[1]),
            high: speedup(least.max(best) + messages[0]),
        })
    }

    /// The most ranks that each have a core, or the most there are if none have.
    pub(super) fn widest(&self) -> &Point {
        let fits = self.points.iter().rev().find(|point| point.ranks <= self.cores);
        fits.unwrap_or(&self.points[self.points.len() - 1])
    }
}

fn speedup(weak: bool, first: (usize, f64), ranks: usize, seconds: f64) -> f64 {
    let times = if weak { ranks } else { first.0 };
    times as f64 * first.1 / seconds
}

fn karp_flatt(speedup: f64, ranks: usize) -> f64 {
    let part = 1.0 / ranks as f64;
    (1.0 / speedup - part) / (1.0 - part)
}

impl Law {
    /// From the numbers of ranks that each have a core, if there are two of them; else from all. `None` from a single number. Without
    /// the seconds on some ranks that have a law of their own.
    fn of(points: &[Point], weak: bool, cores: usize, without: impl Fn(usize) -> f64) -> Option<Law> {
        let fitting = points.iter().filter(|point| point.ranks <= cores).count();
        let points = if fitting >= 2 { &points[..fitting] } else { points };
        let first = (points[0].ranks, points[0].median);
        let runs = points.iter().flat_map(|point| {
            let less = without(point.ranks);
            point.times.iter().map(move |&seconds| (point.ranks, (seconds - less).max(0.0)))
        });
        let ranks = points[points.len() - 1].ranks;
        if weak {
            // Gustafson: the speed-up is p − s (p − 1).
            let lost = |(ranks, seconds): (usize, f64)| {
                (ranks as f64 - 1.0, ranks as f64 - speedup(true, first, ranks, seconds))
            };
            let serial = slope_from_origin(&runs.map(lost).filter(|lost| lost.0 > 0.0).collect::<Vec<_>>())?;
            return Some(Law { ranks, serial, line: None });
        }
        // Amdahl: the time is T (s + (1 − s) / p).
        let line =
            Line::through(&runs.map(|(ranks, seconds)| (1.0 / ranks as f64, seconds)).collect::<Vec<_>>())?;
        Some(Law { ranks, serial: line.share(), line: Some(line) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    fn run(ranks: usize, seconds: f64) -> Run {
        Run { ranks, phases: vec![Phase { name: "work".into(), mean: seconds, max: seconds }], files: 0.0 }
    }

    /// Three runs each, one of them disturbed.
    fn runs(seconds: impl Fn(f64) -> f64) -> Vec<Run> {
        let counts = [1, 2, 4, 8];
        counts
            .iter()
            .flat_map(|&p| [1.0, 1.0, 1.001].map(|noise| run(p, noise * seconds(p as f64))))
            .collect()
    }

    #[test]
    fn amdahl_is_found_again() {
        let study = Study::of(&runs(|p| 10.0 * (0.1 + 0.9 / p)), &[], false, 8).unwrap();
        let law = study.law.as_ref().unwrap();
        assert_relative_eq!(law.serial.0, 0.1, epsilon = 1e-3);
        for point in &study.points[1..] {
            assert_relative_eq!(point.serial.unwrap(), 0.1, epsilon = 1e-6);
        }
        let predicted = study.predicted(64).unwrap();
        assert_relative_eq!(predicted.value, 1.0 / (0.1 + 0.9 / 64.0), epsilon = 0.05);
        assert!(predicted.low <= predicted.value && predicted.value <= predicted.high);
    }

    #[test]
    fn gustafson_is_found_again() {
        // p times the work; a tenth of the time is not shared.
        let study = Study::of(&runs(|p| 10.0 * p / (p - 0.1 * (p - 1.0))), &[], true, 8).unwrap();
        assert_relative_eq!(study.law.as_ref().unwrap().serial.0, 0.1, epsilon = 5e-3);
        assert_relative_eq!(study.predicted(64).unwrap().value, 64.0 - 6.3, epsilon = 0.5);
    }

    #[test]
    fn messages_that_grow_are_a_part_of_what_is_predicted() {
        use super::super::messages::{Counted, Speed};
        // A second a message, and one more for each rank.
        let speed = Speed { latency: [0.9e-3, 1e-3, 1.2e-3], byte: [0.0; 3] };
        let on = |ranks: usize| Counted {
            ranks,
            calls: 10.0 * ranks as f64,
            collective: 0.0,
            bytes: 0.0,
            moving: 0.0,
            waiting: 0.0,
        };
        let messages = Messages { speed, counted: [2, 4, 8].map(on).to_vec() };
        let seconds = |p: f64| 10.0 * (0.1 + 0.9 / p) + if p > 1.0 { 0.01 * p } else { 0.0 };
        let plain = Study::of(&runs(seconds), &[], false, 8).unwrap();
        let wrong = plain.predicted(64).unwrap();
        let study = plain.with(messages);
        let right = study.predicted(64).unwrap();
        let expected = seconds(1.0) / seconds(64.0);
        assert_relative_eq!(right.value, expected, max_relative = 0.02);
        assert!((wrong.value - expected).abs() > 0.1 * expected, "{wrong:?}, {expected}");
        assert!(right.low < right.value && right.value < right.high, "{right:?}");
    }

    #[test]
    fn ranks_without_a_core_are_no_part_of_the_law() {
        let slow = |p: f64| if p <= 4.0 { 8.0 / p } else { 20.0 };
        let law = Study::of(&runs(slow), &[], false, 4).unwrap().law.unwrap();
        assert_eq!(law.ranks, 4);
        assert_relative_eq!(law.serial.0, 0.0, epsilon = 1e-3);
    }

    #[test]
    fn a_phase_that_is_not_there_is_an_error_with_those_that_are() {
        let wrong = Study::of(&runs(|p| p), &["wrk".into()], false, 8).err().unwrap().to_string();
        assert!(wrong.contains("no phase wrk") && wrong.contains("work"), "{wrong}");
    }

    #[test]
    fn one_number_of_ranks_has_no_law() {
        assert!(Study::of(&[run(2, 1.0), run(2, 1.1), run(2, 1.2)], &[], false, 8).unwrap().law.is_none());
    }
}
