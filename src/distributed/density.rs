//! Parzen-window density across ranks: every rank has some of the samples and some of the points, and holds no more.
//!
//! The samples go round: in turn, each rank broadcasts its own, and all ranks add them to the sums at their points. The
//! samples are dealt out in whole tiles and taken in global order, so that each sum is the same additions in the same order
//! for any number of ranks: the same bits.

use std::error::Error as StdError;

use crate::comm::{Comm, Element, Min};
use crate::error::Result;
use crate::kernels::density::{Kernel, normalisation};
use crate::kernels::grid_sums::{add_tile_on_grid, is_product};
use crate::kernels::level::Level;
use crate::kernels::window_sums::{TILE, Windows, add_tile, add_tile_f32};
use crate::partition::Partition;
use crate::sum::ExactSum;

/// Tiles in one broadcast: enough to hide what a message costs, few enough to be no memory worth counting.
const ROUND: usize = 64;

/// Single precision takes coordinates of up to so many bandwidths: differences of larger ones have too few digits.
const FARTHEST: f64 = 1000.0;

/// Samples dealt out over ranks, in whole tiles; see [`Samples::blocks`].
#[derive(Debug, Clone)]
pub struct Samples {
    blocks: Partition,
    dimensions: usize,
    /// Tile after tile; of each tile all first coordinates, then all second ones, and so on.
    tiles: Vec<f64>,
}

impl Samples {
    /// Which of `n` samples belong to which rank.
    pub fn blocks(n: usize, ranks: usize) -> Partition {
        Partition::of_tiles(n, TILE, ranks)
    }

    /// Takes this rank's samples, `rows` of `dimensions` coordinates, of `n` in all.
    ///
    /// # Collective
    /// All ranks must call this.
    ///
    /// # Errors
    /// On all ranks alike: when there is no sample at all; when a coordinate is not finite, with its row and column; when a
    /// rank has not the rows that [`blocks`](Samples::blocks) give it.
    pub fn new(comm: &Comm, n: usize, dimensions: usize, rows: &[f64]) -> Result<Self> {
        let blocks = Self::blocks(n, comm.size());
        let range = blocks.range(comm.rank());
        let check = || -> Result<(), Box<dyn StdError>> {
            if n == 0 || dimensions == 0 {
                return Err(format!(
                    "there are {n} points of {dimensions} coordinates: no density without any"
                )
                .into());
            }
            if rows.len() / dimensions != range.len() || !rows.len().is_multiple_of(dimensions) {
                return Err(
                    format!("{} coordinates for {} rows of {dimensions}", rows.len(), range.len()).into()
                );
            }
            if let Some(place) = rows.iter().position(|x| !x.is_finite()) {
                let (row, column) = (range.start + place / dimensions, place % dimensions);
                return Err(format!("row {row}, column {column} of the points is {}", rows[place]).into());
            }
            Ok(())
        };
        comm.agree(check())?;
        let mut tiles = Vec::with_capacity(rows.len());
        for tile in rows.chunks(TILE * dimensions) {
            tiles.extend((0..dimensions).flat_map(|axis| tile.iter().skip(axis).step_by(dimensions)));
        }
        Ok(Samples { blocks, dimensions, tiles })
    }

    /// Number of samples in all.
    pub fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Whether there are none; never so once made.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of coordinates.
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// One coordinate of this rank's samples.
    fn axis(&self, axis: usize) -> impl Iterator<Item = f64> + '_ {
        let d = self.dimensions;
        self.tiles
            .chunks(TILE * d)
            .flat_map(move |tile| tile[axis * (tile.len() / d)..][..tile.len() / d].iter().copied())
    }

    /// The standard deviation along each axis, of n − 1 degrees of freedom. The same bits for any number of ranks: the sums
    /// are exact. Two all-reduces of 568 bytes an axis.
    ///
    /// # Collective
    /// All ranks must call this.
    ///
    /// # Errors
    /// When MPI refuses.
    pub fn deviations(&self, comm: &Comm) -> Result<Vec<f64>> {
        let n = self.len() as f64;
        let over_ranks = |term: &dyn Fn(usize, f64) -> f64| -> Result<Vec<f64>> {
            let mut sums: Vec<ExactSum> =
                (0..self.dimensions).map(|axis| self.axis(axis).map(|x| term(axis, x)).collect()).collect();
            Ok(comm.exact_sums(&mut sums)?.iter().map(ExactSum::value).collect())
        };
        let means: Vec<f64> = over_ranks(&|_, x| x)?.iter().map(|sum| sum / n).collect();
        let squares = over_ranks(&|axis, x| (x - means[axis]) * (x - means[axis]))?;
        Ok(squares.iter().map(|sum| (sum / (n - 1.0)).sqrt()).collect())
    }

    /// The least and the greatest coordinate along each axis. One all-reduce.
    ///
    /// # Collective
    /// All ranks must call this.
    ///
    /// # Errors
    /// When MPI refuses.
    pub fn extent(&self, comm: &Comm) -> Result<Vec<(f64, f64)>> {
        let mine: Vec<f64> = (0..self.dimensions)
            .flat_map(|axis| {
                [
                    self.axis(axis).fold(f64::INFINITY, f64::min),
                    self.axis(axis).map(|x| -x).fold(f64::INFINITY, f64::min),
                ]
            })
            .collect();
        let all = comm.all_reduce(&mine, Min)?;
        Ok(all.as_chunks::<2>().0.iter().map(|[low, minus_high]| (*low, -minus_high)).collect())
    }
}

/// Where one rank wants the density.
#[derive(Debug, Clone, Copy)]
pub enum Places<'a> {
    /// At points: rows of coordinates, one after the other.
    Points(&'a [f64]),
    /// At all combinations of one number from each axis; the last axis goes fastest. With a Gaussian or a hypercube in two or
    /// more dimensions this is the fast way, many times faster than the same places as points; the result may differ from
    /// theirs in the last bits.
    Grid(&'a [Vec<f64>]),
}

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
pub fn density(
    comm: &Comm,
    kernel: Kernel,
    samples: &Samples,
    bandwidth: &[f64],
    widths: &[f64],
    places: Places<'_>,
    progress: impl FnMut(f64),
) -> Result<Vec<f64>> {
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
pub fn evaluate(
    comm: &Comm,
    estimate: Estimate<'_>,
    samples: &Samples,
    places: Places<'_>,
    progress: impl FnMut(f64),
) -> Result<Vec<f64>> {
    let Estimate { kernel, bandwidth, widths, precision } = estimate;
    let d = samples.dimensions;
    comm.agree(check(kernel, samples, bandwidth, widths, places))?;
    let windows = Windows::new(kernel, bandwidth, widths);
    let work = Work::new(kernel, d, places);
    // Ranks on different machines compute alike, and all send the same kind of number.
    let single = precision == Precision::Single && !widths.is_empty() && matches!(work, Work::Columns(_));
    let common = comm.all_reduce(&[Level::detect() as u8, u8::from(single)], Min)?;
    let level = Level::at_most(common[0]);
    let mut sums = vec![0.0; work.len(d) * widths.len()];
    match &work {
        Work::Columns(points) if common[1] == 1 => {
            let middle: Vec<f64> =
                samples.extent(comm)?.iter().map(|(low, high)| 0.5 * low + 0.5 * high).collect();
            let tiles: Vec<f32> =
                samples.tiles.chunks(TILE * d).flat_map(|tile| windows.narrow(tile, &middle)).collect();
            let points = windows.narrow(points, &middle);
            comm.agree(is_near(widths, &[&tiles, &points]))?;
            let windows = windows.narrowed();
            for_each_tile(comm, samples, &tiles, progress, |tile| {
                add_tile_f32(level, &windows, tile, None, &points, &mut sums);
            })?;
        }
        Work::Columns(points) => for_each_tile(comm, samples, &samples.tiles, progress, |tile| {
            add_tile(level, &windows, tile, points, &mut sums);
        })?,
        Work::Cells(axes) => for_each_tile(comm, samples, &samples.tiles, progress, |tile| {
            add_tile_on_grid(level, &windows, tile, axes, &mut sums);
        })?,
    }
    for (sums, width) in sums.chunks_mut(work.len(d).max(1)).zip(widths) {
        let bandwidth: Vec<f64> = bandwidth.iter().map(|h| h * width).collect();
        let factor = normalisation(kernel, &bandwidth, samples.len());
        sums.iter_mut().for_each(|sum| *sum *= factor);
    }
    Ok(sums)
}

/// Shows this rank all tiles in global order. `mine` are its own ones.
fn for_each_tile<N: Element<K> + Default, K>(
    comm: &Comm,
    samples: &Samples,
    mine: &[N],
    mut progress: impl FnMut(f64),
    mut add: impl FnMut(&[N]),
) -> Result<()> {
    let d = samples.dimensions;
    let mut tiles = Vec::new();
    let mut seen = 0;
    for source in 0..comm.size() {
        let count = samples.blocks.count(source) * d;
        for first in (0..count).step_by(ROUND * TILE * d) {
            let round = first..count.min(first + ROUND * TILE * d);
            tiles.clear();
            if source == comm.rank() {
                tiles.extend_from_slice(&mine[round]);
            } else {
                tiles.resize(round.len(), N::default());
            }
            comm.broadcast_into(source, &mut tiles)?;
            for tile in tiles.chunks(TILE * d) {
                add(tile);
                seen += tile.len() / d;
                progress(seen as f64 / samples.len() as f64);
            }
        }
    }
    Ok(())
}

/// Whether coordinates in units of the first window's bandwidth have digits enough in single precision.
fn is_near(widths: &[f64], coordinates: &[&[f32]]) -> Result<(), Box<dyn StdError>> {
    let least = widths.iter().copied().fold(f64::INFINITY, f64::min);
    let farthest = coordinates.iter().copied().flatten().fold(0.0f32, |most, x| most.max(x.abs()));
    let bandwidths = f64::from(farthest) * widths.first().map_or(1.0, |first| first / least);
    if bandwidths > FARTHEST {
        return Err(format!(
            "a coordinate {bandwidths:.0} bandwidths from the middle of the samples: single precision takes {FARTHEST} at most"
        )
        .into());
    }
    Ok(())
}

/// The places as the kernels want them.
enum Work<'a> {
    Cells(&'a [Vec<f64>]),
    /// All first coordinates, then all second ones, and so on.
    Columns(Vec<f64>),
}

impl<'a> Work<'a> {
    fn new(kernel: Kernel, d: usize, places: Places<'a>) -> Self {
        match places {
            Places::Grid(axes) if d > 1 && is_product(kernel) => Work::Cells(axes),
            Places::Grid(axes) => {
                let cells: usize = axes.iter().map(Vec::len).product();
                let mut columns = Vec::with_capacity(cells * d);
                let mut inner = cells;
                for axis in axes {
                    inner /= axis.len().max(1);
                    columns.extend((0..cells).map(|cell| axis[cell / inner % axis.len()]));
                }
                Work::Columns(columns)
            }
            Places::Points(rows) => {
                Work::Columns((0..d).flat_map(|axis| rows.iter().skip(axis).step_by(d).copied()).collect())
            }
        }
    }

    /// Number of places.
    fn len(&self, d: usize) -> usize {
        match self {
            Work::Cells(axes) => axes.iter().map(Vec::len).product(),
            Work::Columns(points) => points.len() / d,
        }
    }
}

fn check(
    kernel: Kernel,
    samples: &Samples,
    bandwidth: &[f64],
    widths: &[f64],
    places: Places<'_>,
) -> Result<(), Box<dyn StdError>> {
    let d = samples.dimensions;
    if bandwidth.len() != d {
        return Err(format!("{} bandwidths for points of {d} coordinates", bandwidth.len()).into());
    }
    if let Some(h) = bandwidth.iter().chain(widths).find(|h| !h.is_finite() || **h <= 0.0) {
        return Err(format!("a bandwidth of {h}: it must be a positive number").into());
    }
    for width in widths {
        let bandwidth: Vec<f64> = bandwidth.iter().map(|h| h * width).collect();
        let squares = bandwidth.iter().map(|h| h * h);
        if !normalisation(kernel, &bandwidth, samples.len()).is_normal()
            || squares.clone().any(|s| !s.is_normal())
        {
            let h =
                if d > 3 { format!("{} in {d} dimensions", bandwidth[0]) } else { format!("{bandwidth:?}") };
            return Err(format!("with a bandwidth of {h} densities are out of the range of numbers").into());
        }
    }
    match places {
        Places::Points(rows) if !rows.len().is_multiple_of(d) => {
            Err(format!("{} coordinates are not whole rows of {d}", rows.len()).into())
        }
        Places::Points(rows) => match rows.iter().position(|x| !x.is_finite()) {
            Some(place) => {
                Err(format!("point {}, column {} of this rank is {}", place / d, place % d, rows[place])
                    .into())
            }
            None => Ok(()),
        },
        Places::Grid(axes) if axes.len() != d => {
            Err(format!("a grid of {} axes for points of {d} coordinates", axes.len()).into())
        }
        Places::Grid(axes) => match axes.iter().flatten().find(|x| !x.is_finite()) {
            Some(x) => Err(format!("a cell of the grid at {x}").into()),
            None => Ok(()),
        },
    }
}
