//! Which way to the sums is the cheapest, and what each would cost.
//!
//! The choice decides over the last bits, so it must not depend on the number of ranks: what is compared is the time of all ranks together, from the
//! numbers of samples and places, and from a probe: how many of up to 1024 samples, picked evenly, matter at each of up to 64 places,
//! picked evenly. The times of a single step are those of one core with AVX-512 (see docs/density.md); of another processor
//! all change alike, more or less, and the choice stays. The times of the grid are in [`Spectral::seconds`].

use std::fmt;

use super::samples::{evenly, picks};
use super::spectral::{At, extent_of_places, weight};
use super::{Estimate, Places, Precision, Samples};
use crate::comm::{Comm, Sum};
use crate::error::Result;
use crate::kernels::density::Kernel;
use crate::kernels::spectral::{Refusal, Request, Spectral};
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
    /// By way of a grid, in the time of the samples and of the places: for Gaussians in one to three dimensions, with a tolerance. It is
    /// absolute; where a relative one asks for more, places are taken anew by the tree.
    Spectral,
}

impl Engine {
    fn name(self) -> &'static str {
        match self {
            Engine::Auto => "auto",
            Engine::Direct => "direct",
            Engine::Tree => "tree",
            Engine::Spectral => "spectral",
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
    /// To which part of the greatest value that can be the grid is right, if there is to be one; else 0.
    pub grid_tolerance: f64,
}

impl fmt::Display for Plan {
    /// A line for each engine.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:.2e} pairs, of which about {:.2} % matter", self.pairs, 100.0 * self.part)?;
        for (engine, cost) in &self.costs {
            let chosen = if *engine == self.engine { "  <- chosen" } else { "" };
            match cost {
                Ok(seconds) => {
                    write!(out, "\n  {engine:<9}about {seconds:.1e} s of one core")?;
                    if *engine == Engine::Spectral {
                        write!(out, ", by way of a grid to {:.1e}", self.grid_tolerance)?;
                    }
                    out.write_str(chosen)?;
                }
                Err(why) => write!(out, "\n  {engine:<9}no: {why}{chosen}")?,
            }
        }
        Ok(())
    }
}

/// Places that are looked at.
const PLACES: usize = 64;

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
    /// Whether no axis ends.
    pub(super) open: bool,
    /// How many images a place has at most.
    pub(super) images: f64,
}

/// What was seen of a place.
struct Seen {
    /// The part of the samples that matters.
    part: f64,
    /// About the mean of the widest windows' shapes.
    mean: f64,
}

impl Task<'_> {
    /// Looks at some samples and places, and compares. Collective; the same on all ranks.
    pub(super) fn plan(&self, comm: &Comm, wanted: Engine) -> Result<Plan> {
        let (n, d) = (self.samples.len() as f64, self.samples.dimensions);
        let mine = self.places.len(d);
        let before = comm.exclusive_scan(&[mine], Sum)?[0];
        let m = comm.all_reduce_one(mine, Sum)?;
        let seen = self.seen(comm, before, m)?;
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
            seen.iter().map(|seen| of(seen.part)).sum::<f64>() / (seen.len() as f64).max(1.0)
        };
        let visit = |part: f64| POINT + leaves(part) * leaf;
        let walk = m as f64 * windows * mean(&visit);
        let single = self.estimate.precision == Precision::Single;
        let tree = if single {
            Err("it computes in double precision".to_owned())
        } else if let Err(why) = self.samples.all_in_memory("it") {
            Err(why)
        } else if self.samples.len() > u32::MAX as usize {
            Err(format!("more than {} samples", u32::MAX))
        } else {
            Ok(plant + walk)
        };
        let direct = pairs * if single && !self.product { 0.4 * pair } else { pair };
        // What the tree does where the grid is not right enough.
        let anew = |error: f64| {
            let again = |seen: &&Seen| !self.is_right(seen.mean, error);
            let visits = seen.iter().filter(again).map(|seen| visit(seen.part)).sum::<f64>();
            plant + m as f64 * windows * visits / (seen.len() as f64).max(1.0)
        };
        let (spectral, grid_tolerance) = match self.spectral(comm, m, tree.is_ok(), &anew)? {
            Ok((seconds, tolerance)) => (Ok(seconds), tolerance),
            Err(why) => (Err(why), 0.0),
        };
        let costs = vec![(Engine::Direct, Ok(direct)), (Engine::Tree, tree), (Engine::Spectral, spectral)];
        let engine = match wanted {
            Engine::Auto => {
                let cost = |cost: &Result<f64, String>| *cost.as_ref().unwrap_or(&f64::INFINITY);
                let least = costs.iter().min_by(|a, b| cost(&a.1).total_cmp(&cost(&b.1)));
                least.map_or(Engine::Direct, |least| least.0)
            }
            engine => engine,
        };
        // That of one rank, since logarithms and powers of different machines may differ in their last bits.
        let mut choice = [f64::from(engine as u8), grid_tolerance];
        comm.broadcast_into(0, &mut choice)?;
        let known = [Engine::Direct, Engine::Tree, Engine::Spectral];
        let engine = known.into_iter().find(|&known| f64::from(known as u8) == choice[0]).unwrap_or(engine);
        let grid_tolerance = choice[1];
        // Known alike on all ranks.
        comm.agree(match costs.iter().find(|cost| cost.0 == engine) {
            Some((engine, Err(why))) => Err(format!("the {engine} engine cannot do this: {why}; direct can")),
            _ => Ok(()),
        })?;
        Ok(Plan { engine, costs, pairs, part: mean(&|part| part), grid_tolerance })
    }

    /// Whether a sum that is found to be this part of the greatest one, and may be wrong by `error`, is right enough.
    fn is_right(&self, found: f64, error: f64) -> bool {
        let Tolerance { rtol, atol } = self.tolerance;
        error <= rtol * (found - error) + atol
    }

    /// How long it takes by way of a grid, and how right the grid then is; or why there is none. `anew` says how long the tree takes where an
    /// error is too great. Collective.
    fn spectral(
        &self,
        comm: &Comm,
        m: usize,
        tree: bool,
        anew: &dyn Fn(f64) -> f64,
    ) -> Result<Result<(f64, f64), String>> {
        let Estimate { kernel, bandwidth, widths, precision } = self.estimate;
        let Tolerance { rtol, atol } = self.tolerance;
        let problem = match () {
            () if kernel != Kernel::Gaussian => "it takes Gaussian windows only",
            () if precision == Precision::Single && !self.product => "it computes in double precision",
            () if rtol == 0.0 && atol == 0.0 => "it needs a tolerance",
            () if rtol > 0.0 && !tree => "it needs the tree for a relative tolerance",
            () => "",
        };
        if !problem.is_empty() {
            return Ok(Err(problem.to_owned()));
        }
        let of_samples = self.samples.extent(comm)?;
        let (weight, _) = weight(self.samples);
        // Images can be wherever a window reaches.
        let of_places = if self.open {
            extent_of_places(comm, self.samples.dimensions, &At::Places(self.places))?
        } else {
            let widest = 40.0 * widths.iter().copied().fold(0.0, f64::max);
            of_samples.iter().zip(bandwidth).map(|(of, h)| (of.0 - widest * h, of.1 + widest * h)).collect()
        };
        let seconds = |tolerance: f64| -> Result<f64, Refusal> {
            let mut sum = 0.0;
            for width in widths {
                let bandwidth: Vec<f64> = bandwidth.iter().map(|h| h * width).collect();
                let request = Request {
                    bandwidth: &bandwidth,
                    samples: self.samples.len(),
                    of_samples: &of_samples,
                    weight,
                    places: m,
                    of_places: &of_places,
                    tolerance,
                };
                sum += Spectral::seconds(&request, 1)?;
            }
            Ok(sum)
        };
        // The finer the grid, the fewer places are taken anew.
        let least = atol / self.images;
        let finer =
            (1..=12).map(|digits| 10f64.powi(-digits)).filter(|&tolerance| rtol > 0.0 && tolerance > least);
        let mut best = Err(String::new());
        for tolerance in (least > 0.0).then_some(least).into_iter().chain(finer) {
            match (seconds(tolerance), &best) {
                (Ok(of_grid), best_so_far) => {
                    let cost = of_grid + if rtol > 0.0 { anew(tolerance * self.images) } else { 0.0 };
                    if best_so_far.as_ref().is_ok_and(|(least, _)| *least <= cost) {
                        continue;
                    }
                    best = Ok((cost, tolerance));
                }
                (Err(refusal), Err(_)) => best = Err(refusal.reason()),
                _ => {}
            }
        }
        Ok(best)
    }

    /// What is seen of some places. Collective.
    fn seen(&self, comm: &Comm, before: usize, m: usize) -> Result<Vec<Seen>> {
        let (n, d) = (self.samples.len(), self.samples.dimensions);
        let inside = |from: usize, len: usize| {
            move |index: usize| index.checked_sub(from).filter(|&index| index < len)
        };
        let mine = self.samples.blocks.range(comm.rank());
        let rows: Vec<f64> = match &self.samples.pieces {
            Some(pieces) => pieces.picked.clone(),
            None => {
                let axes: Vec<Vec<f64>> = (0..d).map(|axis| self.samples.axis(axis).collect()).collect();
                let axes = &axes;
                let rows: Vec<f64> = picks(n)
                    .filter_map(inside(mine.start, mine.len()))
                    .flat_map(|i| axes.iter().map(move |axis| axis[i]))
                    .collect();
                comm.all_gather(&rows)?
            }
        };
        let at: Vec<f64> = evenly(m, PLACES)
            .filter_map(inside(before, self.places.len(d)))
            .flat_map(|place| self.places.point(place, d))
            .collect();
        let at = comm.all_gather(&at)?;
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
                let part = shapes.iter().filter(|&&shape| shape > floor).count() as f64 / some as f64;
                Seen { part, mean }
            })
            .collect())
    }
}
