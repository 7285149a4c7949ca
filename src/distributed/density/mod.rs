//! Parzen-window density across ranks: every rank has some of the samples and some of the points, and holds no more.
//!
//! The samples go round: in turn, each rank broadcasts its own, and all ranks add them to the sums at their points. The
//! samples are dealt out in whole tiles and taken in global order, so that each sum is the same additions in the same order
//! for any number of ranks: the same bits.
//!
//! | | |
//! |---|---|
//! | [`Samples`] | samples, weights, and what they are like as a whole |
//! | [`Density`] | a density that is fitted and asked: all settings, and the cheapest engine |
//! | [`sheather_jones`], [`cross_validate`] | bandwidths that are chosen by a look at all samples |
//! | [`window_counts`] | how many samples are in the cubes of many widths, in one pass |
//! | [`density`], [`evaluate`] | all pairs, in one call |
//!
//! The mathematics, the bounds and the sources are in `docs/density.md`.

use crate::comm::Comm;
use crate::error::Result;
use crate::kernels::density::{Kernel, weighted_normalisation};
use crate::sys::record::within;

mod boundary;
mod builder;
mod check;
mod counts;
mod direct;
mod engines;
mod leave_one_out;
mod log;
mod pieces;
mod places;
mod plan;
mod samples;
mod select;
pub mod spectral;
mod threads;
mod tree;

pub use boundary::Boundary;
pub use builder::{Bandwidth, Builder, Density};
pub use counts::window_counts;
pub use pieces::Rows;
pub use places::Places;
use places::Work;
pub use plan::{Engine, Plan};
pub use samples::Samples;
pub use select::{CrossValidation, cross_validate, sheather_jones};

/// What the terms are computed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// `f64`, with the error that [`density`] states.
    #[default]
    Double,
    /// `f32`, two to three times as fast. R being the greatest distance from the middle of the samples, in bandwidths (at most 1000 along
    /// an axis), a Gaussian at r bandwidths from its sample is right to 7e-7 and r² · (d + 3) · 3e-8 and r · R · 1.2e-7 of itself, and is
    /// 0 below 2^−125 of its peak; a window of Epanechnikov is right to as much of its peak; a hypercube is right but for samples
    /// within R · 1.2e-7 bandwidths of its edge. Adding the terms rounds to 4e-6 at most, and in practice to 5e-7.
    ///
    /// On a grid a Gaussian or a hypercube in two or more dimensions has no terms, and is computed as in double precision.
    Single,
}

/// Which density is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Estimate<'a> {
    /// The shape of the windows.
    pub kernel: Kernel,
    /// One for each axis.
    pub bandwidth: &'a [f64],
    /// The windows, as multiples of it.
    pub widths: &'a [f64],
    /// What the terms are computed in.
    pub precision: Precision,
}

/// The density at this rank's `places`, for each of several windows of one kernel, whose bandwidths are `widths[w]` times
/// `bandwidth[axis]`. The result holds all places for the first window, then for the second, and so on.
///
/// Every sum is taken over the samples in their global order, tile by tile: bit-identical for any number of ranks. Its terms
/// are positive, so its relative error is at most about (1024 + n/1024) · 1.1e-16, and in practice near the square root of
/// that many roundings, plus the error of a term: for a Gaussian at r bandwidths from its sample 1.1e-14 and r² · (d + 3) · 6e-17.
///
/// Each rank sends its samples to all others once, in rounds of 64 tiles, and holds its own samples and its places.
/// `progress` is called now and then with the part that is done, between 0 and 1.
///
/// # Collective
/// All ranks must call this, with the same kernel and bandwidths; a rank may have no places. Either all give points or all
/// give a grid, if the bits are to be the same at any rank count.
///
/// # Errors
/// On all ranks alike: when a bandwidth is not a positive number, or so small or large that densities are out of the range of
/// `f64`; when the places are not whole rows of finite numbers.
///
/// ```
/// use rankwise::distributed::density::{Places, Samples, density};
/// use rankwise::kernels::density::Kernel;
///
/// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
/// let blocks = Samples::blocks(3, world.size());
/// let mine = &[0.0, 1.0, 1.5][blocks.range(world.rank())];
/// let samples = Samples::new(world, 3, 1, mine)?;
/// let p = density(world, Kernel::Hypercube, &samples, &[1.0], &[1.0, 4.0], Places::Points(&[1.2]), |_| {})?;
/// assert_eq!(p, [2.0 / 3.0, 1.0 / 4.0]);
/// # Ok(()) }) }
/// ```
#[track_caller]
pub fn density(
    comm: &Comm,
    kernel: Kernel,
    samples: &Samples,
    bandwidth: &[f64],
    widths: &[f64],
    places: Places<'_>,
    progress: impl FnMut(f64),
) -> Result<Vec<f64>> {
    let _within = within();
    evaluate(
        comm,
        Estimate { kernel, bandwidth, widths, precision: Precision::Double },
        samples,
        places,
        progress,
    )
}

/// As [`density`], with a choice of the precision. In single precision there are two more all-reduces, and messages are half as
/// long; each rank also holds its samples and its points in single precision.
///
/// # Collective
/// All ranks must call this, with the same estimate; a rank may have no places.
///
/// # Errors
/// On all ranks alike: as [`density`]; when single precision is asked for, and samples or places are more than 1000 bandwidths away from
/// the middle of the samples.
///
/// ```
/// use rankwise::distributed::density::{Estimate, Places, Precision, Samples, evaluate};
/// use rankwise::kernels::density::Kernel;
///
/// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
/// let blocks = Samples::blocks(3, world.size());
/// let mine = &[0.0, 1.0, 1.5][blocks.range(world.rank())];
/// let samples = Samples::new(world, 3, 1, mine)?;
/// let estimate =
///     Estimate { kernel: Kernel::Gaussian, bandwidth: &[0.5], widths: &[1.0], precision: Precision::Single };
/// let p = evaluate(world, estimate, &samples, Places::Points(&[1.2]), |_| {})?;
/// approx::assert_relative_eq!(p[0], 0.482_593, max_relative = 1e-5);
/// # Ok(()) }) }
/// ```
#[track_caller]
pub fn evaluate(
    comm: &Comm,
    estimate: Estimate<'_>,
    samples: &Samples,
    places: Places<'_>,
    progress: impl FnMut(f64),
) -> Result<Vec<f64>> {
    let _within = within();
    let Estimate { kernel, bandwidth, widths, .. } = estimate;
    let d = samples.dimensions;
    comm.agree(check::check(estimate, samples, places))?;
    let work = Work::new(kernel, d, places);
    let mut sums = direct::sums(comm, estimate, samples, &work, progress)?;
    for (sums, width) in sums.chunks_mut(work.len(d).max(1)).zip(widths) {
        let bandwidth: Vec<f64> = bandwidth.iter().map(|h| h * width).collect();
        let factor = weighted_normalisation(kernel, &bandwidth, samples.weight());
        sums.iter_mut().for_each(|sum| *sum *= factor);
    }
    Ok(sums)
}
