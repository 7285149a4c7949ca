//! Gaussian densities by way of a grid: each rank spreads its own samples and reads its own places, and what goes over the ranks is
//! the grid.

use std::ops::Range;

use super::check::check;
use super::threads::each;
use super::{Estimate, Places, Samples};
use crate::comm::{Comm, Min, Sum};
use crate::error::Result;
use crate::kernels::density::{Kernel, weighted_normalisation};
use crate::kernels::level::Level;
use crate::kernels::spectral::{Request, Spectral};
use crate::kernels::window_sums::TILE;
use crate::partition::Partition;
use crate::sys::record::within;

/// Samples that are spread, and places that are read, at a time.
const ROUND: usize = 32 * TILE;

/// As [`evaluate`](super::evaluate), for a Gaussian in one to three dimensions, and in the time of the samples and of the places, not of
/// their pairs. Wrong by no more than `atol` times the greatest density that there can be with this bandwidth, 1 / ∏ (√(2π) h): that of
/// samples which are all at one place. Where the density is lower than that by far, all of it may be error.
/// [`kernels::spectral`](crate::kernels::spectral) says how it works and why the bound holds. Terms are in double precision, whatever the
/// estimate says. Samples may have weights.
///
/// The same bits for any number of ranks and however samples and places are dealt out, if there are the same places in all, on processors
/// with AVX2 and with AVX-512 alike.
///
/// For each window, three all-reduces and a broadcast of a few hundred numbers, and one sum of the grid over ranks, with as many bytes in
/// return: 8 bytes a cell, where a cell is 0.2 to 0.6 bandwidths wide. It does not grow with the number of samples. Each rank holds the grid
/// twice, up to 3 × 256 MiB, once more for each further thread where it is smaller than the thread's samples, and a copy of 2¹⁵ samples and places for each thread. `progress` is called with the part that is done.
///
/// # Collective
/// All ranks must call this, with the same estimate and `atol`; a rank may have no places.
///
/// # Errors
/// On all ranks alike: as `evaluate`; for another kernel, for four dimensions or more, for an `atol` that is too small for so many samples
/// (below 1e-12, or a few times that of a million; and some digits more when a few of many samples have nearly all the weight), and when the grid would have more than 2²⁵ cells. The message says which engine to take.
///
/// ```
/// use rankwise::distributed::density::{Estimate, Places, Precision, Samples, spectral};
/// use rankwise::kernels::density::Kernel;
///
/// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
/// let blocks = Samples::blocks(3, world.size());
/// let mine = &[0.0, 1.0, 1.5][blocks.range(world.rank())];
/// let samples = Samples::new(world, 3, 1, mine)?;
/// let estimate =
///     Estimate { kernel: Kernel::Gaussian, bandwidth: &[0.5], widths: &[1.0], precision: Precision::Double };
/// let p = spectral::evaluate(world, estimate, &samples, Places::Points(&[1.2]), 1e-9, |_| {})?;
/// approx::assert_abs_diff_eq!(p[0], 0.482_592_849, epsilon = 1e-9);
/// # Ok(()) }) }
/// ```
#[track_caller]
pub fn evaluate(
    comm: &Comm,
    estimate: Estimate<'_>,
    samples: &Samples,
    places: Places<'_>,
    atol: f64,
    progress: impl FnMut(f64),
) -> Result<Vec<f64>> {
    let _within = within();
    let Estimate { kernel, bandwidth, widths, .. } = estimate;
    let possible = || match kernel {
        Kernel::Gaussian => Ok(()),
        _ => Err("the spectral engine takes Gaussian windows only; take the engine tree or direct".into()),
    };
    comm.agree(check(estimate, samples, places).and_then(|()| possible()))?;
    let mut values = sums(comm, estimate, samples, &At::Places(places), atol, progress)?;
    for (values, width) in values.chunks_mut(places.len(samples.dimensions).max(1)).zip(widths) {
        let bandwidth: Vec<f64> = bandwidth.iter().map(|h| h * width).collect();
        let factor = weighted_normalisation(kernel, &bandwidth, samples.weight());
        values.iter_mut().for_each(|value| *value *= factor);
    }
    Ok(values)
}

/// Where the sums are wanted.
pub(super) enum At<'a> {
    Places(Places<'a>),
    /// All first coordinates, then all second ones, and so on.
    Columns(&'a [f64]),
}

impl At<'_> {
    fn len(&self, d: usize) -> usize {
        match self {
            At::Places(places) => places.len(d),
            At::Columns(columns) => columns.len() / d,
        }
    }

    /// The coordinates of some of `m` places, axis by axis.
    fn columns(&self, d: usize, m: usize, some: Range<usize>) -> Vec<Vec<f64>> {
        match self {
            At::Columns(all) => all.chunks_exact(m).map(|column| column[some.clone()].to_vec()).collect(),
            At::Places(Places::Points(rows)) => {
                let rows = &rows[some.start * d..some.end * d];
                (0..d).map(|axis| rows.iter().skip(axis).step_by(d).copied().collect()).collect()
            }
            At::Places(Places::Grid(axes)) => {
                let mut inner: usize = axes.iter().map(Vec::len).product();
                let column = |axis: &Vec<f64>| {
                    inner /= axis.len();
                    some.clone().map(|cell| axis[cell / inner % axis.len()]).collect()
                };
                axes.iter().map(column).collect()
            }
        }
    }
}

/// What the samples count together, in weights of the heaviest one, and its weight.
pub(super) fn weight(samples: &Samples) -> (f64, f64) {
    match &samples.weights {
        None => (samples.len() as f64, 1.0),
        Some(weights) => (samples.weight() / weights.most, weights.most),
    }
}

/// The weighted sums of Gaussians, each of which is 1 at its peak, window by window: wrong by no more than `tolerance` times the weight of
/// all samples. Collective.
pub(super) fn sums(
    comm: &Comm,
    estimate: Estimate<'_>,
    samples: &Samples,
    at: &At<'_>,
    tolerance: f64,
    mut progress: impl FnMut(f64),
) -> Result<Vec<f64>> {
    let Estimate { bandwidth, widths, .. } = estimate;
    let d = samples.dimensions;
    // Ranks on different machines compute alike.
    let level = Level::at_most(comm.all_reduce_one(Level::detect() as u8, Min)?);
    let of_samples = samples.extent(comm)?;
    let (weight, most) = weight(samples);
    let of_places = extent_of_places(comm, d, at)?;
    let m = at.len(d);
    let places_in_all = comm.all_reduce_one(m, Sum)?;
    let mut values = vec![0.0; m * widths.len()];
    for (window, width) in widths.iter().enumerate() {
        let bandwidth: Vec<f64> = bandwidth.iter().map(|h| h * width).collect();
        let made = comm.on_root(|| {
            let request = Request {
                bandwidth: &bandwidth,
                samples: samples.len(),
                of_samples: &of_samples,
                weight,
                places: places_in_all,
                of_places: &of_places,
                tolerance,
            };
            Ok(Spectral::new(&request)?)
        })?;
        // From one rank, since sines and exponentials of different machines may differ in their last bits.
        let spectral: Spectral = comm.broadcast_value(0, made.as_ref())?;
        let mut done = |part: f64| progress((window as f64 + part) / widths.len() as f64);
        let mut grid = vec![0; spectral.cells()];
        samples.each_piece(comm, |piece, _| {
            spread(level, &spectral, piece, most, &mut grid);
            Ok(())
        })?;
        done(0.4);
        let field = field(comm, level, &spectral, grid)?;
        done(0.6);
        let values = &mut values[window * m..][..m];
        read(level, &spectral, (d, samples.threads), at, &field, values);
        values.iter_mut().for_each(|value| *value *= most);
        done(1.0);
    }
    Ok(values)
}

/// Adds this rank's samples to its grid, with their weights in units of `most`.
fn spread(level: Level, spectral: &Spectral, samples: &Samples, most: f64, grid: &mut [i64]) {
    // Each further thread has a grid of its own: worth it where that is smaller than its samples.
    let (mine, cells) = (samples.tiles.len() / samples.dimensions, grid.len());
    let threads = samples.threads.clamp(1, (mine / cells.max(ROUND)).max(1));
    let rounds = Partition::even(mine.div_ceil(ROUND), threads);
    let (tiles, weights) = (&samples.tiles[..], samples.weights.as_ref().map(|weights| &weights.mine[..]));
    let d = samples.dimensions;
    let mut own: Vec<Vec<i64>> = vec![vec![0; cells]; threads - 1];
    let grids = std::iter::once(&mut *grid).chain(own.iter_mut().map(Vec::as_mut_slice));
    let mut parts: Vec<_> = (0..threads).map(|part| rounds.range(part)).zip(grids).collect();
    each(&mut parts, |(rounds, grid)| {
        rounds
            .clone()
            .for_each(|round| spread_round(level, spectral, (d, tiles, weights), most, round, grid));
    });
    // Integers: the same in any order.
    for other in own {
        grid.iter_mut().zip(other).for_each(|(sum, cell)| *sum += cell);
    }
}

/// Some of this rank's samples.
fn spread_round(
    level: Level,
    spectral: &Spectral,
    (d, tiles, weights): (usize, &[f64], Option<&[f64]>),
    most: f64,
    round: usize,
    grid: &mut [i64],
) {
    let from = round * ROUND * d;
    let tiles = &tiles[from..tiles.len().min(from + ROUND * d)];
    let mut columns = vec![Vec::with_capacity(tiles.len() / d); d];
    for tile in tiles.chunks(TILE * d) {
        for (column, coordinates) in columns.iter_mut().zip(tile.chunks(tile.len() / d)) {
            column.extend_from_slice(coordinates);
        }
    }
    let weights: Option<Vec<f64>> = weights.map(|weights| {
        weights[round * ROUND..][..tiles.len() / d].iter().map(|weight| weight / most).collect()
    });
    spectral.spread(level, &slices(&columns), weights.as_deref(), grid);
}

/// The grids of all ranks, summed up and convolved. Each rank takes its planes of the sum along all axes but the first.
fn field(comm: &Comm, level: Level, spectral: &Spectral, mut grid: Vec<i64>) -> Result<Vec<f64>> {
    let [planes, others @ ..] = &spectral.grid()[..] else { return Ok(vec![]) };
    if comm.size() == 1 || others.is_empty() {
        comm.all_reduce_in_place(&mut grid, Sum)?;
        return Ok(spectral.outer(level, &spectral.inner(level, &grid)));
    }
    let planes = Partition::even(*planes, comm.size());
    let of = |cells: usize| Partition::from_counts(&planes.counts().map(|n| n * cells).collect::<Vec<_>>());
    let mine = comm.reduce_scatter_by(&of(others.iter().product()), &grid, Sum)?;
    drop(grid);
    let all = comm.all_gather_by(&of(spectral.plane()), &spectral.inner(level, &mine))?;
    Ok(spectral.outer(level, &all))
}

/// The sums of shapes at this rank's places.
fn read(
    level: Level,
    spectral: &Spectral,
    (d, threads): (usize, usize),
    at: &At<'_>,
    field: &[f64],
    values: &mut [f64],
) {
    let m = values.len();
    let each_thread = m.div_ceil(threads).next_multiple_of(ROUND);
    let mut parts: Vec<_> = values.chunks_mut(each_thread.max(1)).enumerate().collect();
    each(&mut parts, |(part, values)| {
        for (round, values) in values.chunks_mut(ROUND).enumerate() {
            let first = *part * each_thread + round * ROUND;
            let columns = at.columns(d, m, first..first + values.len());
            spectral.read(level, &slices(&columns), field, values);
        }
    });
}

fn slices(columns: &[Vec<f64>]) -> Vec<&[f64]> {
    columns.iter().map(Vec::as_slice).collect()
}

/// The least and the greatest coordinate of the places of all ranks along each axis.
pub(super) fn extent_of_places(comm: &Comm, d: usize, at: &At<'_>) -> Result<Vec<(f64, f64)>> {
    let mut mine = vec![f64::INFINITY; 2 * d];
    let mut take = |axis: usize, x: f64| {
        mine[2 * axis] = mine[2 * axis].min(x);
        mine[2 * axis + 1] = mine[2 * axis + 1].min(-x);
    };
    match at {
        At::Columns(all) => {
            let columns = all.chunks((all.len() / d).max(1)).enumerate();
            columns.for_each(|(axis, column)| column.iter().for_each(|x| take(axis, *x)));
        }
        At::Places(Places::Points(rows)) => {
            rows.chunks_exact(d).for_each(|row| (0..d).for_each(|axis| take(axis, row[axis])));
        }
        At::Places(Places::Grid(_)) if at.len(d) == 0 => {}
        At::Places(Places::Grid(axes)) => {
            axes.iter().enumerate().for_each(|(axis, all)| all.iter().for_each(|x| take(axis, *x)));
        }
    }
    let all = comm.all_reduce(&mine, Min)?;
    Ok(all.as_chunks::<2>().0.iter().map(|[low, minus_high]| (*low, -minus_high)).collect())
}
