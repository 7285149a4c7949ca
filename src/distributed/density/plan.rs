//! Which way to the sums is the cheapest, and what each would cost.
//!
//! The choice decides over the last bits, so it must not depend on the number of ranks: what is compared is the time of all ranks together, from the
//! numbers of samples and places, and from a probe: how many of up to 1024 samples, picked evenly, matter at each of up to 64 places,
//! picked evenly. The times of a single step are those of one core with AVX-512 (see docs/density.md); of another processor
//! all change alike, more or less, and the choice stays.

use std::fmt;

use super::{Estimate, Places, Samples};
use crate::comm::{Comm, Sum};
use crate::error::Result;
use crate::kernels::density::Kernel;
use crate::kernels::tree::{Tolerance, is_compact};

/// A way to the sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Engine {
    /// The cheapest that keeps the tolerance.
    #[default]
    Auto,
    /// Every sample at every place: exact up to rounding.
    Direct,
    /// Skips what cannot matter, and proves it: any tolerance, also none.
    Tree,
}

impl Engine {
    fn name(self) -> &'static str {
        match self {
            Engine::Auto => "auto",
            Engine::Direct => "direct",
            Engine::Tree => "tree",
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// What was chosen, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Never [`Engine::Auto`].
    pub engine: Engine,
    /// What each would cost, in seconds of one core; or why it cannot be.
    pub costs: Vec<(Engine, Result<f64, String>)>,
    /// How many pairs of sample and place there are, and the part of them that matters, as far as it is known.
    pub pairs: f64,
    /// See `pairs`.
    pub part: f64,
}

impl fmt::Display for Plan {
    /// A line for each engine.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:.2e} pairs, of which about {:.2} % matter", self.pairs, 100.0 * self.part)?;
        for (engine, cost) in &self.costs {
            let chosen = if *engine == self.engine { "  <- chosen" } else { "" };
            match cost {
                Ok(seconds) => write!(out, "\n  {engine:<9}about {seconds:.1e} s of one core{chosen}")?,
                Err(why) => write!(out, "\n  {engine:<9}no: {why}{chosen}")?,
            }
        }
        Ok(())
    }
}

/// Places and samples that are looked at.
const PLACES: usize = 64;
const SAMPLES: usize = 1024;

// Seconds of one core.
/// A pair of sample and point, and what each axis adds.
const PAIR: (f64, f64) = (0.14e-9, 0.03e-9);
/// A pair of sample and cell, where the window is a product.
const CELL: f64 = 0.021e-9;
/// Putting a sample into the tree, for each time the samples are halved.
const PLANT: f64 = 8e-9;
/// Coming to a point, to a leaf, and to a sample of it; the last with what each axis adds.
const POINT: f64 = 0.2e-6;
const LEAF: f64 = 30e-9;
const LEAF_PAIR: (f64, f64) = (0.2e-9, 0.17e-9);

/// What there is to do.
pub(super) struct Task<'a> {
    pub(super) estimate: Estimate<'a>,
    pub(super) samples: &'a Samples,
    /// Where the density is wanted, in the coordinates of the samples.
    pub(super) places: Places<'a>,
    /// Whether the places are a grid on which the windows are products.
    pub(super) product: bool,
    /// Whether there is a tree already.
    pub(super) planted: bool,
    pub(super) tolerance: Tolerance,
}

impl Task<'_> {
    /// Looks at some samples and places, and compares. Collective; the same on all ranks.
    pub(super) fn plan(&self, comm: &Comm, wanted: Engine) -> Result<Plan> {
        let (n, d) = (self.samples.len() as f64, self.samples.dimensions);
        let mine = self.places.len(d);
        let before = comm.exclusive_scan(&[mine], Sum)?[0];
        let m = comm.all_reduce_one(mine, Sum)?;
        let parts = self.parts(comm, before, m)?;
        let windows = self.estimate.widths.len() as f64;
        let pairs = n * m as f64 * windows;
        let axes = d as f64;
        let pair = if self.product { CELL } else { PAIR.0 + PAIR.1 * axes };
        let halvings = (n / 64.0).log2().max(0.0);
        let plant = if self.planted { 0.0 } else { n * (halvings + 2.0) * PLANT };
        let leaf = LEAF + 64.0 * (LEAF_PAIR.0 + LEAF_PAIR.1 * axes);
        let leaves = |part: f64| {
            let inside = ((part * n / 64.0).powf(1.0 / axes) + 1.0).powf(axes);
            // Of a hypercube only the surface is looked at.
            let core = if self.estimate.kernel == Kernel::Hypercube {
                ((part * n / 64.0).powf(1.0 / axes) - 1.0).max(0.0).powf(axes)
            } else {
                0.0
            };
            (inside - core).min((n / 64.0).max(1.0))
        };
        let mean = |of: &dyn Fn(f64) -> f64| {
            parts.iter().map(|&part| of(part)).sum::<f64>() / (parts.len() as f64).max(1.0)
        };
        let walk = m as f64 * windows * (POINT + mean(&leaves) * leaf);
        let single = self.estimate.precision == super::Precision::Single;
        let tree = if single {
            Err("it computes in double precision".to_owned())
        } else if self.samples.len() > u32::MAX as usize {
            Err(format!("more than {} samples", u32::MAX))
        } else {
            Ok(plant + walk)
        };
        let direct = pairs * if single && !self.product { 0.4 * pair } else { pair };
        let costs = vec![(Engine::Direct, Ok(direct)), (Engine::Tree, tree)];
        let engine = match wanted {
            Engine::Auto => {
                let cost = |cost: &Result<f64, String>| *cost.as_ref().unwrap_or(&f64::INFINITY);
                let least = costs.iter().min_by(|a, b| cost(&a.1).total_cmp(&cost(&b.1)));
                least.map_or(Engine::Direct, |least| least.0)
            }
            engine => engine,
        };
        // Known alike on all ranks.
        comm.agree(match costs.iter().find(|cost| cost.0 == engine) {
            Some((engine, Err(why))) => Err(format!("the {engine} engine cannot do this: {why}; direct can")),
            _ => Ok(()),
        })?;
        Ok(Plan { engine, costs, pairs, part: mean(&|part| part) })
    }

    /// For each of some places, the part of the samples that matters there. Collective.
    fn parts(&self, comm: &Comm, before: usize, m: usize) -> Result<Vec<f64>> {
        let (n, d) = (self.samples.len(), self.samples.dimensions);
        let picked = |from: usize, len: usize, of: usize, most: usize| {
            let count = of.min(most);
            (0..count)
                .map(move |k| (k as u128 * of as u128 / count as u128) as usize)
                .filter_map(move |index| index.checked_sub(from).filter(|&index| index < len))
        };
        let mine = self.samples.blocks.range(comm.rank());
        let axes: Vec<Vec<f64>> = (0..d).map(|axis| self.samples.axis(axis).collect()).collect();
        let axes = &axes;
        let rows: Vec<f64> = picked(mine.start, mine.len(), n, SAMPLES)
            .flat_map(|i| axes.iter().map(move |axis| axis[i]))
            .collect();
        let at: Vec<f64> = picked(before, self.places.len(d), m, PLACES)
            .flat_map(|place| self.places.point(place, d))
            .collect();
        let (rows, at) = (comm.all_gather(&rows)?, comm.all_gather(&at)?);
        let Estimate { kernel, bandwidth, widths, .. } = self.estimate;
        let width = widths.iter().copied().fold(0.0, f64::max);
        let some = rows.len() / d;
        Ok(at
            .chunks_exact(d)
            .map(|x| {
                let shapes: Vec<f64> = rows
                    .chunks_exact(d)
                    .map(|row| {
                        let u: Vec<f64> =
                            (0..d).map(|axis| (x[axis] - row[axis]) / (bandwidth[axis] * width)).collect();
                        kernel.shape(&u)
                    })
                    .collect();
                let mean = shapes.iter().sum::<f64>() / some as f64;
                let Tolerance { rtol, atol } = self.tolerance;
                let floor = if is_compact(kernel) { 0.0 } else { 2.0 * (rtol * mean + atol) };
                shapes.iter().filter(|&&shape| shape > floor).count() as f64 / some as f64
            })
            .collect())
    }
}
