//! Bandwidths that are chosen by a look at all samples.

use std::error::Error as StdError;

use super::Samples;
use super::check::{check_bandwidth, check_range};
use super::leave_one_out::Others;
use crate::comm::{Comm, Sum};
use crate::distributed::sort::sort;
use crate::error::Result;
use crate::kernels::bandwidth;
use crate::kernels::density::{Kernel, weighted_normalisation};
use crate::sum::ExactSum;
use crate::sys::record::within;

/// Cells of the grid, and where that is too coarse.
const CELLS: [usize; 2] = [1 << 14, 1 << 18];

/// What weights add up to when they are counted in integers, about.
const MASS: f64 = (1u64 << 60) as f64;

/// The bandwidth of Botev, Grotowski and Kroese (*improved Sheather–Jones*), for samples of one coordinate: right for several heaps, too,
/// where the rules of Scott and Silverman smooth too much. For another kernel than the Gaussian, the width at which it has the same
/// standard deviation.
///
/// The samples are counted on a grid of 2¹⁴ cells that is a tenth of their range longer at both ends (2¹⁸, where a bandwidth would be less
/// than four cells); the counts are integers, also of weights, so the result has the same bits for any number of ranks. The number of
/// samples in the equations is that of different ones, as in the authors' program; with weights not more than
/// [`effective_len`](Samples::effective_len). How it is solved: [`sheather_jones`](bandwidth::sheather_jones).
///
/// A sort of the samples across ranks, and an all-reduce of 128 KiB.
///
/// # Collective
/// All ranks must call this.
///
/// # Errors
/// On all ranks alike: when there is more than one coordinate; when the samples do not vary; when there are too few, or they are too
/// lumped, for the equation to have a solution.
///
/// ```
/// use rankwise::distributed::density::{Samples, sheather_jones};
/// use rankwise::kernels::density::Kernel;
///
/// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
/// // Two heaps of a hundred, far from each other: as wide as for one, not as the distance.
/// let all: Vec<f64> = (0..200).map(|i| f64::from(i % 100 * 37 % 100) * 0.01 + f64::from(i / 100) * (50.0 + 1e-9)).collect();
/// let mine = Samples::blocks(200, world.size()).range(world.rank());
/// let h = sheather_jones(world, Kernel::Gaussian, &Samples::new(world, 200, 1, &all[mine])?)?;
/// assert!(0.02 < h && h < 0.5, "{h}");
/// # Ok(()) }) }
/// ```
#[track_caller]
pub fn sheather_jones(comm: &Comm, kernel: Kernel, samples: &Samples) -> Result<f64> {
    let _within = within();
    let d = samples.dimensions;
    // Known alike on all ranks.
    comm.agree(samples.all_in_memory("the improved Sheather-Jones bandwidth"))?;
    comm.agree(match d {
        1 => Ok(()),
        _ => Err(format!(
            "the improved Sheather-Jones bandwidth is for one coordinate, and these have {d}: take cross-validation, or a rule"
        )),
    })?;
    let (low, high) = samples.extent(comm)?[0];
    let range = high - low;
    comm.agree(if range > 0.0 && (1.2 * range).is_finite() {
        Ok(())
    } else {
        Err("coordinate 0 of the points does not vary: give --bandwidth as a number")
    })?;
    let (start, length) = (low - 0.1 * range, 1.2 * range);
    let counted = (distinct(comm, samples)? as f64).min(samples.effective_len());
    let mut found = Err(String::new());
    for cells in CELLS {
        let mass = comm.all_reduce(&masses(samples, cells, start, length), Sum)?;
        // By one rank: other processors may have other exponentials.
        let of_root = comm.on_root(|| Ok(bandwidth::sheather_jones(&mass, counted)))?;
        found = comm.broadcast_value(0, of_root.as_ref())?;
        if found.is_ok() {
            break;
        }
    }
    let part = comm.agree(found)?;
    Ok(part * length / kernel.deviation(1))
}

/// What is in each cell, in integers.
fn masses(samples: &Samples, cells: usize, start: f64, length: f64) -> Vec<u64> {
    let mut mass = vec![0u64; cells];
    let unit = MASS / samples.weight();
    for (i, x) in samples.axis(0).enumerate() {
        let cell = ((x - start) / length * cells as f64) as usize;
        let weight = samples.weights.as_ref().map_or(1, |weights| (weights.mine[i] * unit).round() as u64);
        mass[cell.min(cells - 1)] += weight;
    }
    mass
}

/// How many different samples of one coordinate there are. Collective.
fn distinct(comm: &Comm, samples: &Samples) -> Result<u64> {
    let counts = |i: usize| samples.weights.as_ref().is_none_or(|weights| weights.mine[i] > 0.0);
    let mine: Vec<f64> = samples.axis(0).enumerate().filter(|(i, _)| counts(*i)).map(|(_, x)| x).collect();
    let sorted = sort(comm, mine)?;
    let own = sorted.chunk_by(|a, b| a == b).count() as u64;
    let ends: Vec<f64> = sorted.first().into_iter().chain(sorted.last()).copied().collect();
    let ends = comm.all_gather(&ends)?;
    // The last of one rank, and the first of the next that has any.
    let twice = ends.get(1..).unwrap_or_default().as_chunks::<2>().0.iter().filter(|[a, b]| a == b).count();
    Ok(comm.all_reduce_one(own, Sum)? - twice as u64)
}

/// What cross-validation found.
#[derive(Debug, Clone, PartialEq)]
pub struct CrossValidation {
    /// For each width that was tried, the mean logarithm of the density at each sample, made of the others. −∞ where a sample is out of reach
    /// of all others.
    pub scores: Vec<f64>,
    /// Which width has the greatest one. The first or the last: the true one is beyond, or there is none. Where many samples are
    /// equal, as rounded numbers are, the narrowest is the best, whatever it is.
    pub best: usize,
}

/// Tries windows of the bandwidths `widths[w] * bandwidth[axis]`: which of them foretells each sample best from all others (leave-one-out
/// likelihood cross-validation).
///
/// All widths are tried in one pass over the pairs of samples. A sample's own window is left out, not subtracted, and what is too
/// small for a number is taken as a logarithm: far samples have their true weight. The sums are in the order of the samples, and the
/// logarithms added exactly: the same bits for any number of ranks. The serial twin is
/// [`leave_one_out`](bandwidth::leave_one_out).
///
/// # Collective
/// All ranks must call this, with the same arguments.
///
/// # Errors
/// On all ranks alike: when there is no width, or not two samples that count; when a bandwidth is not a positive number, or densities are
/// out of the range of numbers; when with each of the windows a sample is out of reach of all others.
///
/// ```
/// use rankwise::distributed::density::{Samples, cross_validate};
/// use rankwise::kernels::density::Kernel;
///
/// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
/// let all: Vec<f64> = (0..200).map(|i| f64::from(i * 37 % 200) * 0.01).collect();
/// let mine = Samples::blocks(200, world.size()).range(world.rank());
/// let samples = Samples::new(world, 200, 1, &all[mine])?;
/// let tried = cross_validate(world, Kernel::Gaussian, &samples, &[1.0], &[0.001, 0.03, 1.0, 30.0], |_| {})?;
/// assert_eq!(tried.best, 1);
/// # Ok(()) }) }
/// ```
#[track_caller]
pub fn cross_validate(
    comm: &Comm,
    kernel: Kernel,
    samples: &Samples,
    bandwidth: &[f64],
    widths: &[f64],
    progress: impl FnMut(f64),
) -> Result<CrossValidation> {
    let _within = within();
    let weights = samples.weights.as_ref().map(|weights| &weights.mine[..]);
    let heaviest = samples.weights.as_ref().map_or(1.0, |weights| weights.most);
    let total = samples.weight();
    let check = || -> Result<(), Box<dyn StdError>> {
        samples.all_in_memory("cross-validation")?;
        if widths.is_empty() {
            return Err("no width to try".into());
        }
        if total - heaviest <= 0.0 {
            return Err("cross-validation needs two samples that count".into());
        }
        check_bandwidth(samples.dimensions, bandwidth, widths)?;
        check_range(kernel, samples, bandwidth, widths)
    };
    comm.agree(check())?;
    let logarithms = Others { comm, kernel, samples, bandwidth, widths }.logarithms(progress)?;
    let mut sums: Vec<ExactSum> = widths.iter().map(|_| ExactSum::new()).collect();
    let mut lost = vec![0u64; widths.len()];
    let mine = samples.blocks.count(comm.rank());
    for ((w, of_width), sum) in logarithms.chunks(mine.max(1)).enumerate().zip(&mut sums) {
        for (i, logarithm) in of_width.iter().enumerate() {
            let weight = weights.map_or(1.0, |weights| weights[i]);
            if weight > 0.0 {
                // The others' weight is less by this one's.
                let scaled = logarithm - ((total - weight) / total).ln();
                if scaled == f64::NEG_INFINITY {
                    lost[w] += 1;
                } else {
                    sum.add(weight * scaled);
                }
            }
        }
    }
    let (sums, lost) = (comm.exact_sums(&mut sums)?, comm.all_reduce(&lost, Sum)?);
    let scores: Vec<f64> = (0..widths.len())
        .map(|w| {
            let h: Vec<f64> = bandwidth.iter().map(|h| h * widths[w]).collect();
            match lost[w] {
                0 => sums[w].value() / total + weighted_normalisation(kernel, &h, total).ln(),
                _ => f64::NEG_INFINITY,
            }
        })
        .collect();
    let best = (0..scores.len()).rev().max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap_or(0);
    // Known alike on all ranks.
    comm.agree(match scores[best] {
        f64::NEG_INFINITY => {
            Err("with each of the windows tried a sample is out of reach of all others: try wider ones")
        }
        _ => Ok(()),
    })?;
    Ok(CrossValidation { scores, best })
}
