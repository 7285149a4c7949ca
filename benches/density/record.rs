//! What was measured, and the lines in which it goes from the copies and from Python to the driver.

use std::process::Command;

use crate::processors::Processors;
use crate::{Outcome, POINTS, SHOWN};

/// The sums in extended precision.
pub(crate) const EXTENDED: &str = "extended";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) d: usize,
    pub(crate) n: usize,
    /// Ranks, or threads.
    pub(crate) ranks: usize,
    /// As many points for each rank as otherwise for all.
    pub(crate) weak: bool,
}

/// One way to one density.
pub(crate) struct Measured {
    pub(crate) case: Case,
    pub(crate) name: String,
    /// Points, and the seconds for what is done once and for those points.
    times: Vec<(f64, f64, f64)>,
    values: Vec<f64>,
}

impl Measured {
    /// Seconds for a hundred thousand points, or as many a rank.
    pub(crate) fn seconds(&self) -> f64 {
        let points = (POINTS * if self.case.weak { self.case.ranks } else { 1 }) as f64;
        let mut all: Vec<f64> =
            self.times.iter().map(|(m, before, after)| before + after * points / m).collect();
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
    }

    /// Pairs of sample and point a second, in thousand millions, as if all were looked at.
    pub(crate) fn rate(&self) -> f64 {
        (POINTS * if self.case.weak { self.case.ranks } else { 1 }) as f64 * self.case.n as f64
            / self.seconds()
            / 1e9
    }

    pub(crate) fn is_ours(&self) -> bool {
        self.name.starts_with("ours")
    }
}

/// The greatest errors of some values.
#[derive(Clone, Copy)]
pub(crate) struct Errors {
    /// Of each density itself.
    pub(crate) relative: f64,
    /// Of the greatest density.
    pub(crate) of_peak: f64,
}

pub(crate) struct Record {
    pub(crate) measured: Vec<Measured>,
    pub(crate) skipped: Vec<String>,
    pub(crate) versions: Option<String>,
    /// Multiply-adds a second in vectors on one core, in thousand millions, once for each case.
    multiply_adds: Vec<f64>,
    /// What the processors had done when all began.
    began: Option<Processors>,
}

impl Record {
    pub(crate) fn new() -> Self {
        Record {
            measured: vec![],
            skipped: vec![],
            versions: None,
            multiply_adds: vec![],
            began: Processors::now(),
        }
    }

    /// Runs a copy or a peer, and takes what it prints.
    pub(crate) fn take(&mut self, case: Case, command: &mut Command) -> Outcome {
        let ended = command.output().map_err(|problem| format!("cannot start {command:?}: {problem}"))?;
        let printed = String::from_utf8_lossy(&ended.stdout);
        for line in printed.lines() {
            let (kind, rest) = line.split_once(' ').unwrap_or((line, ""));
            match kind {
                "TIME" => {
                    let mut words = rest.splitn(4, ' ');
                    let mut number = || words.next().unwrap_or_default().parse::<f64>();
                    let times = (number()?, number()?, number()?);
                    self.of(case, words.next().unwrap_or_default()).times.push(times);
                }
                "VALUES" => {
                    let (values, name) = rest.split_once(' ').unwrap_or_default();
                    let values: Result<Vec<f64>, _> = values.split(',').map(str::parse).collect();
                    self.of(case, name).values = values?;
                }
                "MULTIPLY_ADDS" => self.multiply_adds.push(rest.parse()?),
                "VERSIONS" => self.versions = Some(rest.to_owned()),
                "SKIP" => self.skip(rest),
                _ => {}
            }
        }
        if ended.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&ended.stderr);
        Err(format!("{command:?} ended with {}:\n{printed}{said}", ended.status).into())
    }

    /// What a core did at most while all this was measured: neighbours of a virtual machine take their part of it.
    pub(crate) fn multiply_adds(&self) -> Option<String> {
        let least = self.multiply_adds.iter().copied().reduce(f64::min)?;
        let most = self.multiply_adds.iter().copied().fold(least, f64::max);
        Some(format!(
            "a core did {least:.1} to {most:.1} thousand million multiply-adds of f64 a second, in C++"
        ))
    }

    /// How many cores others have used since all began.
    pub(crate) fn others(&self) -> Option<f64> {
        Some(Processors::now()?.used_by_others_since(self.began.as_ref()?))
    }

    pub(crate) fn skip(&mut self, what: &str) {
        if !self.skipped.iter().any(|skipped| skipped == what) {
            self.skipped.push(what.into());
        }
    }

    fn of(&mut self, case: Case, name: &str) -> &mut Measured {
        let same = |one: &Measured| one.case == case && one.name == name;
        let place = self.measured.iter().position(same).unwrap_or_else(|| {
            self.measured.push(Measured { case, name: name.into(), times: vec![], values: vec![] });
            self.measured.len() - 1
        });
        &mut self.measured[place]
    }

    pub(crate) fn find(&self, case: Case, name: &str) -> Option<&Measured> {
        self.timed().find(|one| one.case == case && one.name == name)
    }

    pub(crate) fn timed(&self) -> impl Iterator<Item = &Measured> {
        self.measured.iter().filter(|one| !one.times.is_empty())
    }

    /// The names, in the order in which they came.
    pub(crate) fn names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for one in self.timed() {
            if !names.contains(&&*one.name) {
                names.push(&*one.name);
            }
        }
        names
    }

    /// Where there is something to compare with.
    pub(crate) fn errors(&self, one: &Measured) -> Option<Errors> {
        let exact = self.measured.iter().find(|exact| exact.case == one.case && exact.name == EXTENDED)?;
        let peak = exact.values.iter().copied().fold(0.0, f64::max);
        let pairs = || one.values.iter().zip(&exact.values).map(|(value, exact)| (value - exact, exact));
        Some(Errors {
            relative: pairs().map(|(off, exact)| (off / exact).abs()).reduce(f64::max)?,
            of_peak: pairs().map(|(off, _)| off.abs() / peak).reduce(f64::max)?,
        })
    }
}

/// One measurement, as a copy prints it. The first time is not counted, but its values are looked at.
pub(crate) fn say(name: &str, repeat: usize, m: usize, (before, after): (f64, f64), values: &[f64]) {
    if repeat > 0 {
        println!("TIME {m} {before} {after} {name}");
    } else {
        let shown: Vec<String> = values.iter().take(SHOWN).map(|value| format!("{value:e}")).collect();
        println!("VALUES {} {name}", shown.join(","));
    }
}
