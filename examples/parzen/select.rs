//! How wide the windows are: as given, by a rule, or selected by a look at all samples.

use std::error::Error;

use rankwise::distributed::density::{self, Samples, cross_validate, sheather_jones};
use rankwise::kernels::bandwidth::Rule;
use rankwise::kernels::covariance::Cholesky;
use rankwise::kernels::density::Kernel;
use rankwise::prelude::*;

use crate::arguments::{Args, Bandwidth, Covariance};

/// What cross-validation tries, in parts of Scott's bandwidth: powers of two in eighths, from a sixteenth to four times.
const TRIED: std::ops::RangeInclusive<i32> = -32..=16;

/// The windows that were chosen.
pub(crate) struct Selected {
    /// The bandwidth along each axis.
    pub(crate) axes: Vec<f64>,
    /// The matrix of windows that are turned.
    pub(crate) matrix: Option<Vec<f64>>,
}

impl Selected {
    /// For the library.
    pub(crate) fn bandwidth(&self) -> density::Bandwidth {
        match &self.matrix {
            Some(matrix) => density::Bandwidth::Matrix(matrix.clone()),
            None => density::Bandwidth::Axes(self.axes.clone()),
        }
    }
}

/// What the command line asks for. Collective.
pub(crate) fn select(
    world: &Comm,
    args: &Args,
    kernel: Kernel,
    samples: &Samples,
) -> Result<Selected, Box<dyn Error>> {
    let d = samples.dimensions();
    if let Some(covariance) = &args.covariance {
        return turned(world, covariance, kernel, samples);
    }
    let axes = match &args.bandwidth {
        Bandwidth::Given(given) if given.len() == 1 => vec![given[0]; d],
        Bandwidth::Given(given) if given.len() == d => given.clone(),
        Bandwidth::Given(given) => {
            let problem = format!("--bandwidth has {} numbers, the points have {d} coordinates", given.len());
            return Err(problem.into());
        }
        Bandwidth::Rule(rule) => by_rule(world, *rule, kernel, samples)?,
        Bandwidth::SheatherJones => vec![sheather_jones(world, kernel, samples)?],
        Bandwidth::CrossValidation => validated(world, args, kernel, samples)?,
    };
    Ok(Selected { axes, matrix: None })
}

fn by_rule(world: &Comm, rule: Rule, kernel: Kernel, samples: &Samples) -> Result<Vec<f64>, Box<dyn Error>> {
    let deviations = samples.deviations(world)?;
    match deviations.iter().position(|s| s.is_nan() || *s <= 0.0) {
        Some(axis) => {
            Err(format!("coordinate {axis} of the points does not vary: give --bandwidth as a number").into())
        }
        None => Ok(rule.effective_bandwidth(kernel, samples.effective_len(), &deviations)),
    }
}

/// Windows as the covariance of the points has them, or as given.
fn turned(
    world: &Comm,
    covariance: &Covariance,
    kernel: Kernel,
    samples: &Samples,
) -> Result<Selected, Box<dyn Error>> {
    let d = samples.dimensions();
    let (matrix, what) = match covariance {
        Covariance::Given(entries) => (entries.clone(), "--covariance"),
        Covariance::Rule(rule) => {
            by_rule(world, *rule, kernel, samples)?;
            let factor = rule.effective_factor(samples.effective_len(), d) / kernel.deviation(d);
            let of_points = samples.covariance(world)?;
            (of_points.iter().map(|entry| entry * factor * factor).collect(), "the covariance of the points")
        }
    };
    let axes = Cholesky::new(&matrix, d).map_err(|problem| format!("{what}: {problem}"))?.deviations();
    Ok(Selected { axes, matrix: Some(matrix) })
}

/// The multiple of Scott's bandwidth that foretells the points best.
fn validated(
    world: &Comm,
    args: &Args,
    kernel: Kernel,
    samples: &Samples,
) -> Result<Vec<f64>, Box<dyn Error>> {
    let scott = by_rule(world, Rule::Scott, kernel, samples)?;
    let widths: Vec<f64> = TRIED.map(|k| (f64::from(k) / 8.0).exp2()).collect();
    let tried = cross_validate(world, kernel, samples, &scott, &widths, |_| {})?;
    let (best, last) = (tried.best, widths.len() - 1);
    if args.explain && world.is_root() {
        for (width, score) in widths.iter().zip(&tried.scores) {
            eprintln!("{width:8.4} times Scott's bandwidth: mean logarithm {score:.6}");
        }
    }
    if (best == 0 || best == last) && world.is_root() {
        let which = if best == 0 { "least" } else { "greatest" };
        eprintln!(
            "parzen: of the bandwidths tried, {} to {} times Scott's, the {which} is the best: \
             the true one is beyond, or there is none, as when many points are equal",
            widths[0], widths[last]
        );
    }
    Ok(scott.iter().map(|h| h * widths[best]).collect())
}
