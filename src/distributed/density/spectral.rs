//! Gaussian densities by way of a grid: each rank spreads its own samples and reads its own places, and what goes over the ranks is
//! the grid.

use super::check::check;
use super::{Estimate, Places, Samples};
use crate::comm::{Comm, Min, Sum};
use crate::error::Result;
use crate::kernels::density::{Kernel, normalisation};
use crate::kernels::level::Level;
use crate::kernels::spectral::{Request, Spectral};
use crate::kernels::window_sums::TILE;
use crate::partition::Partition;

/// Samples that are spread, and places that are read, at a time.
const ROUND: usize = 32 * TILE;

/// As [`evaluate`](super::evaluate), for a Gaussian in one to three dimensions, and in the time of the samples and of the places, not of
/// their pairs. Wrong by no more than `atol` times the greatest density that there can be with this bandwidth, 1 / ∏ (√(2π) h): that of
/// samples which are all at one place. Where the density is lower than that by far, all of it may be error.
/// [`kernels::spectral`](crate::kernels::spectral) says how it works and why the bound holds. Terms are in double precision, whatever the
/// estimate says.
///
/// The same bits for any number of ranks and however samples and places are dealt out, if there are the same places in all, on processors
/// with AVX2 and with AVX-512 alike.
///
/// For each window, three all-reduces and a broadcast of a few hundred numbers, and one sum of the grid over ranks, with as many bytes in
/// return: 8 bytes a cell, where a cell is 0.2 to 0.6 bandwidths wide. It does not grow with the number of samples. Each rank holds the grid
/// twice, up to 3 × 256 MiB, and a copy of 2¹⁵ samples and of its places. `progress` is called with the part that is done.
///
/// # Collective
/// All ranks must call this, with the same estimate and `atol`; a rank may have no places.
///
/// # Errors
/// On all ranks alike: as `evaluate`; for another kernel, for weighted samples, for four dimensions or more, for an `atol` that is too small for so many samples
/// (below 1e-12, or a few times that of a million), and when the grid would have more than 2²⁵ cells. The message says which engine to take.
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
pub fn evaluate(
    comm: &Comm,
    estimate: Estimate<'_>,
    samples: &Samples,
    places: Places<'_>,
    atol: f64,
    mut progress: impl FnMut(f64),
) -> Result<Vec<f64>> {
    let Estimate { kernel, bandwidth, widths, .. } = estimate;
    let d = samples.dimensions;
    let possible = || match kernel {
        _ if samples.weights.is_some() => {
            Err("the spectral engine takes samples without weights only; take the engine tree or direct"
                .into())
        }
        Kernel::Gaussian => Ok(()),
        _ => Err("the spectral engine takes Gaussian windows only; take the engine tree or direct".into()),
    };
    comm.agree(check(estimate, samples, places).and_then(|()| possible()))?;
    // Ranks on different machines compute alike.
    let level = Level::at_most(comm.all_reduce_one(Level::detect() as u8, Min)?);
    let of_samples = samples.extent(comm)?;
    let of_places = extent_of_places(comm, d, places)?;
    let places_in_all = comm.all_reduce_one(count(d, places), Sum)?;
    let mut values = vec![0.0; count(d, places) * widths.len()];
    for (window, width) in widths.iter().enumerate() {
        let bandwidth: Vec<f64> = bandwidth.iter().map(|h| h * width).collect();
        let made = comm.on_root(|| {
            let request = Request {
                bandwidth: &bandwidth,
                samples: samples.len(),
                of_samples: &of_samples,
                places: places_in_all,
                of_places: &of_places,
                tolerance: atol,
            };
            Ok(Spectral::new(&request)?)
        })?;
        // From one rank, since sines and exponentials of different machines may differ in their last bits.
        let spectral: Spectral = comm.broadcast_value(0, made.as_ref())?;
        let mut done = |part: f64| progress((window as f64 + part) / widths.len() as f64);
        let grid = spread(level, &spectral, samples);
        done(0.4);
        let field = field(comm, level, &spectral, grid)?;
        done(0.6);
        let factor = normalisation(kernel, &bandwidth, samples.len());
        let values = &mut values[window * count(d, places)..][..count(d, places)];
        read(level, &spectral, d, places, &field, values);
        values.iter_mut().for_each(|value| *value *= factor);
        done(1.0);
    }
    Ok(values)
}

/// This rank's samples on a grid of its own.
fn spread(level: Level, spectral: &Spectral, samples: &Samples) -> Vec<i64> {
    let d = samples.dimensions;
    let mut grid = vec![0; spectral.cells()];
    let mut columns = vec![Vec::with_capacity(ROUND.min(samples.tiles.len())); d];
    for round in samples.tiles.chunks(ROUND * d) {
        columns.iter_mut().for_each(Vec::clear);
        for tile in round.chunks(TILE * d) {
            for (column, coordinates) in columns.iter_mut().zip(tile.chunks(tile.len() / d)) {
                column.extend_from_slice(coordinates);
            }
        }
        spectral.spread(level, &slices(&columns), &mut grid);
    }
    grid
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
fn read(level: Level, spectral: &Spectral, d: usize, places: Places<'_>, field: &[f64], values: &mut [f64]) {
    let mut columns = vec![Vec::with_capacity(ROUND.min(values.len())); d];
    for (round, values) in values.chunks_mut(ROUND).enumerate() {
        columns.iter_mut().for_each(Vec::clear);
        let cells = round * ROUND..round * ROUND + values.len();
        match places {
            Places::Points(rows) => {
                for row in rows[cells.start * d..cells.end * d].chunks_exact(d) {
                    columns.iter_mut().zip(row).for_each(|(column, x)| column.push(*x));
                }
            }
            Places::Grid(axes) => {
                let mut inner: usize = axes.iter().map(Vec::len).product();
                for (column, axis) in columns.iter_mut().zip(axes) {
                    inner /= axis.len();
                    column.extend(cells.clone().map(|cell| axis[cell / inner % axis.len()]));
                }
            }
        }
        spectral.read(level, &slices(&columns), field, values);
    }
}

fn slices(columns: &[Vec<f64>]) -> Vec<&[f64]> {
    columns.iter().map(Vec::as_slice).collect()
}

/// Number of this rank's places.
fn count(d: usize, places: Places<'_>) -> usize {
    match places {
        Places::Points(rows) => rows.len() / d,
        Places::Grid(axes) => axes.iter().map(Vec::len).product(),
    }
}

/// The least and the greatest coordinate of the places of all ranks along each axis.
fn extent_of_places(comm: &Comm, d: usize, places: Places<'_>) -> Result<Vec<(f64, f64)>> {
    let mut mine = vec![f64::INFINITY; 2 * d];
    let mut take = |axis: usize, x: f64| {
        mine[2 * axis] = mine[2 * axis].min(x);
        mine[2 * axis + 1] = mine[2 * axis + 1].min(-x);
    };
    match places {
        Places::Points(rows) => {
            rows.chunks_exact(d).for_each(|row| (0..d).for_each(|axis| take(axis, row[axis])));
        }
        Places::Grid(_) if count(d, places) == 0 => {}
        Places::Grid(axes) => {
            axes.iter().enumerate().for_each(|(axis, all)| all.iter().for_each(|x| take(axis, *x)));
        }
    }
    let all = comm.all_reduce(&mine, Min)?;
    Ok(all.as_chunks::<2>().0.iter().map(|[low, minus_high]| (*low, -minus_high)).collect())
}
