//! Gaussian densities in up to three dimensions by way of a grid: the time of the samples and of the places, not of their pairs.
//!
//! 1. Each sample is spread over the cells of a grid that lie under a small window around it.
//! 2. The grid is convolved along each axis with the few numbers, the taps, whose transform is the Gaussian's over the window's squared.
//! 3. At each place, the cells under the same window are summed up.
//!
//! What comes out differs from the sum of Gaussians by an error with a bound, chosen beforehand: see [`design`]. It is absolute: a part of
//! what one Gaussian is at its peak, for each sample. Where the density is much lower than its peak, it may be all of it.
//!
//! **Weights.** A sample is spread with its weight over the greatest one, which is at most 1, so that nothing above grows: the error of each
//! Gaussian is in proportion to its weight, and that of their weighted mean the same part of the peak as without weights.
//!
//! **The same bits, whoever has which samples.** The grid holds integers, in units of 2^−b, b = min(50, 62 − ⌈log₂ N⌉), where N is the sum of
//! all weights over the greatest one, and n for n samples without weights: sums
//! of them do not depend on their order. Each sample is rounded to that unit where it is spread, whatever its weight, which adds to the error of the
//! density, in units of the peak, n/N · 2^−(b+1) · Λ^d, where Λ, about 2.5/(w' · c) with c the width of a cell in bandwidths and w' the integral of the
//! window, is how much a column of cells counts at a place. That is part of the tolerance. Not part of it is the rounding of `f64` in the
//! windows, the taps and the sums, for which the tests allow 2e-15 of the peak; and coordinates are right to 2^−53 of the extent of the
//! samples, as if they had been given with that many digits.

mod convolve;
pub mod design;
mod items;
mod span;
mod spread;
mod table;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::density::{Kernel, normalisation};
use super::level::Level;
use convolve::{Form, convolve};
use design::{Design, candidates};
use items::{BATCH, Items};
use span::{Span, spans};
use spread::{Read, Spread};
use table::Row;

/// The greatest number of axes.
pub const MOST_AXES: usize = 3;
/// The greatest number of cells that a field may have: 2^25, of 8 bytes each.
pub const MOST_CELLS: usize = 1 << 25;

/// What is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The standard deviation of the Gaussian along each axis.
    pub bandwidth: &'a [f64],
    /// Number of samples, and their least and greatest coordinate along each axis.
    pub samples: usize,
    /// See `samples`.
    pub of_samples: &'a [(f64, f64)],
    /// What the samples count together, if the one that counts most counts 1: without weights their number, and never more than that.
    pub weight: f64,
    /// Number of places, and their least and greatest coordinate along each axis.
    pub places: usize,
    /// See `places`.
    pub of_places: &'a [(f64, f64)],
    /// How much the mean of the Gaussians may be wrong, each of which is 1 at its peak.
    pub tolerance: f64,
}

/// Why there is no density to be had in this way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Refusal {
    /// Four axes or more, or none.
    Axes(usize),
    /// A tolerance that is not a positive number.
    Tolerance(f64),
    /// A tolerance below what so many samples allow.
    Fine {
        /// The tolerance asked for.
        tolerance: f64,
        /// The number of samples.
        samples: usize,
    },
    /// The grid would have so many cells.
    Cells(f64),
}

impl Refusal {
    /// The reason, without what to do about it.
    pub fn reason(&self) -> String {
        match self {
            Refusal::Axes(d) => format!("{d} axes: the spectral engine takes 1 to {MOST_AXES}"),
            Refusal::Tolerance(tolerance) => {
                format!("a tolerance of {tolerance}: the spectral engine takes a positive one")
            }
            Refusal::Fine { tolerance, samples } => {
                format!(
                    "a tolerance of {tolerance:e} is too small for the spectral engine with {samples} samples"
                )
            }
            Refusal::Cells(cells) => format!(
                "the spectral engine would take a grid of {cells:.1e} cells, more than {MOST_CELLS}: the bandwidth is small for so wide a range"
            ),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason())?;
        match self {
            Refusal::Tolerance(_) => Ok(()),
            _ => write!(f, "; take the engine tree or direct"),
        }
    }
}

impl std::error::Error for Refusal {}

/// A grid, a window and taps for some samples and places.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spectral {
    design: Design,
    /// Of the samples and of the places, for each axis; none where nothing reaches anything.
    spans: Option<Vec<[Span; 2]>>,
    /// The unit of the grid is 2^−bits.
    bits: i32,
    /// Samples for each that counts 1: 1 without weights.
    skew: f64,
}

/// A row of the table and the grid it takes.
struct Candidate {
    row: &'static Row,
    spans: Option<Vec<[Span; 2]>>,
}

impl Candidate {
    fn new(request: &Request<'_>, row: &'static Row) -> Result<Self, Refusal> {
        let reach = row.shape.width + row.reach;
        let mut all = Vec::new();
        for axis in 0..request.bandwidth.len() {
            let cell = row.cell * request.bandwidth[axis];
            let of = (request.of_samples[axis], request.of_places[axis]);
            match spans((row.shape.width, reach), cell, of.0, of.1) {
                None => return Ok(Candidate { row, spans: None }),
                Some([Some(samples), Some(places)]) => all.push([samples, places]),
                Some(_) => {
                    return Err(Refusal::Cells((of.0.1 - of.0.0).max(of.1.1 - of.1.0) / cell));
                }
            }
        }
        let candidate = Candidate { row, spans: Some(all) };
        let cells = candidate.fields().fold(0.0, f64::max);
        if cells > MOST_CELLS as f64 { Err(Refusal::Cells(cells)) } else { Ok(candidate) }
    }

    /// The numbers of cells before each axis is convolved, the last one first, and in the end.
    fn fields(&self) -> impl Iterator<Item = f64> + '_ {
        let spans = self.spans.as_deref().unwrap_or_default();
        (0..=spans.len()).rev().map(move |convolved| {
            let before = spans[..convolved].iter().map(|[samples, _]| samples.len() as f64);
            let after = spans[convolved..].iter().map(|[_, places]| places.len() as f64);
            before.chain(after).product()
        })
    }

    /// About how long it takes on so many ranks, in nanoseconds.
    fn nanoseconds(&self, request: &Request<'_>, ranks: usize) -> f64 {
        let (d, w) = (request.bandwidth.len() as i32, self.row.shape.width as f64);
        if self.spans.is_none() {
            return 0.0;
        }
        let items = (request.samples + request.places) as f64 / ranks as f64;
        // In three dimensions the cells under a window are not in the nearest cache.
        let of_cell = if d == 3 { 0.18 } else { 0.06 };
        let of_item = 20.0 + 0.8 * w * f64::from(d) + of_cell * w.powi(d);
        let taps = self.row.reach as f64;
        let fields: f64 = self.fields().sum();
        items * of_item + fields * (4.0 + 0.25 * taps)
    }
}

/// The unit of the grid. Cells under a window are 1 at most, so the sum of all stays below 2^62, and what rounding adds below n/2.
fn bits(weight: f64) -> i32 {
    (62 - (weight.ceil() as usize).next_power_of_two().ilog2() as i32).min(50)
}

/// How many samples there are for each that counts 1.
fn skew(request: &Request<'_>) -> f64 {
    (request.samples as f64 / request.weight).max(1.0)
}

impl Spectral {
    /// The fastest one that keeps the tolerance.
    ///
    /// # Errors
    /// When there is none, for four axes or more, for a tolerance below about 1e-12 (3e-12 with 10⁶ samples), or for a grid of more
    /// than [`MOST_CELLS`].
    pub fn new(request: &Request<'_>) -> Result<Self, Refusal> {
        let bits = bits(request.weight);
        let Candidate { row, spans } = Self::best(request)?;
        Ok(Spectral { design: Design::new(row), spans, bits, skew: skew(request) })
    }

    /// About how many seconds it would take on so many ranks.
    ///
    /// # Errors
    /// As [`new`](Spectral::new).
    pub fn seconds(request: &Request<'_>, ranks: usize) -> Result<f64, Refusal> {
        Ok(1e-9 * Self::best(request)?.nanoseconds(request, ranks))
    }

    /// The choice does not depend on the ranks, lest the result did.
    fn best(request: &Request<'_>) -> Result<Candidate, Refusal> {
        let (d, tolerance) = (request.bandwidth.len(), request.tolerance);
        if !(1..=MOST_AXES).contains(&d) {
            return Err(Refusal::Axes(d));
        }
        if tolerance.is_nan() || tolerance <= 0.0 {
            return Err(Refusal::Tolerance(tolerance));
        }
        let unit = 2f64.powi(-bits(request.weight) - 1) * skew(request);
        let mut refusal = Refusal::Fine { tolerance, samples: request.samples };
        let made = candidates(d, tolerance, unit)
            .filter_map(|row| Candidate::new(request, row).map_err(|reason| refusal = reason).ok());
        let time = |candidate: &Candidate| candidate.nanoseconds(request, 1);
        made.min_by(|a, b| time(a).total_cmp(&time(b))).ok_or(refusal)
    }

    /// Bound on how much the mean of the Gaussians, each of which is 1 at its peak, can be wrong but for the rounding of `f64`.
    pub fn error(&self) -> f64 {
        let d = self.spans.as_ref().map_or(MOST_AXES, Vec::len);
        self.design.error(d) + self.design.growth(d) * self.skew * 2f64.powi(-self.bits - 1)
    }

    /// Cells of the grid along each axis.
    pub fn grid(&self) -> Vec<usize> {
        self.spans().iter().map(|[samples, _]| samples.len()).collect()
    }

    /// Number of cells of the grid; 0 where no sample reaches a place.
    pub fn cells(&self) -> usize {
        if self.spans.is_none() { 0 } else { self.grid().iter().product() }
    }

    fn spans(&self) -> &[[Span; 2]] {
        self.spans.as_deref().unwrap_or_default()
    }

    /// Adds samples to the grid: of each axis the coordinates of all. In groups of 2¹⁵, of which it holds a copy. `weights` are over the
    /// greatest of all: from 0 to 1. Weights of 1 give the same bits as none.
    ///
    /// # Panics
    /// If the grid has not as many cells as [`cells`](Spectral::cells), or the axes not as many coordinates, or there are not as many weights.
    pub fn spread(&self, level: Level, columns: &[&[f64]], weights: Option<&[f64]>, grid: &mut [i64]) {
        assert_eq!(grid.len(), self.cells(), "the whole grid");
        assert!(weights.is_none_or(|weights| weights.len() == columns[0].len()), "a weight for each sample");
        match columns {
            _ if grid.is_empty() => {}
            [x] => self.spread_by::<1>(level, [x], weights, grid),
            [x, y] => self.spread_by::<2>(level, [x, y], weights, grid),
            [x, y, z] => self.spread_by::<3>(level, [x, y, z], weights, grid),
            _ => unreachable!("it was made for one to three axes"),
        }
    }

    fn spread_by<const D: usize>(
        &self,
        level: Level,
        columns: [&[f64]; D],
        weights: Option<&[f64]>,
        grid: &mut [i64],
    ) {
        let spans = self.of_all::<D>(0);
        let rows = self.rows(&spans);
        let mut items = Items::new();
        for from in (0..columns[0].len()).step_by(BATCH) {
            let to = columns[0].len().min(from + BATCH);
            let items = items.sort(level, &spans, &columns.map(|column| &column[from..to]));
            let Design { width, ref pieces, .. } = self.design;
            let weights = weights.map(|weights| &weights[from..to]);
            level.run(Spread { width, pieces, items, weights, rows: &rows, bits: self.bits, grid });
        }
    }

    /// The values at places: of each axis the coordinates of all. In groups of 2¹⁵, of which it holds a copy. `field` is from
    /// [`outer`](Spectral::outer).
    ///
    /// # Panics
    /// If the axes have not as many coordinates as there are values.
    pub fn read(&self, level: Level, columns: &[&[f64]], field: &[f64], values: &mut [f64]) {
        values.fill(0.0);
        match columns {
            _ if self.cells() == 0 => {}
            [x] => self.read_by::<1>(level, [x], field, values),
            [x, y] => self.read_by::<2>(level, [x, y], field, values),
            [x, y, z] => self.read_by::<3>(level, [x, y, z], field, values),
            _ => unreachable!("it was made for one to three axes"),
        }
    }

    fn read_by<const D: usize>(&self, level: Level, columns: [&[f64]; D], field: &[f64], values: &mut [f64]) {
        let spans = self.of_all::<D>(1);
        let rows = self.rows(&spans);
        let mut items = Items::new();
        for (some, values) in values.chunks_mut(BATCH).enumerate() {
            let (from, to) = (some * BATCH, some * BATCH + values.len());
            let items = items.sort(level, &spans, &columns.map(|column| &column[from..to]));
            let Design { width, ref pieces, .. } = self.design;
            level.run(Read { width, pieces, items, rows: &rows, field, values });
        }
    }

    /// The spans of samples or of places.
    fn of_all<const D: usize>(&self, which: usize) -> [Span; D] {
        std::array::from_fn(|axis| self.spans()[axis][which])
    }

    /// Where the rows of cells under a window begin.
    fn rows<const D: usize>(&self, spans: &[Span; D]) -> Vec<usize> {
        let width = self.design.width;
        match D {
            1 => vec![0],
            2 => (0..width).map(|i| i * spans[1].len()).collect(),
            _ => (0..width * width)
                .map(|i| (i / width * spans[1].len() + i % width) * spans[2].len())
                .collect(),
        }
    }

    /// Some planes of the grid, that is cells which share a place along the first axis, convolved along all axes but that. A plane then has
    /// [`plane`](Spectral::plane) cells.
    pub fn inner(&self, level: Level, planes: &[i64]) -> Vec<f64> {
        let unit = 2f64.powi(-self.bits);
        let mut field: Vec<f64> = planes.iter().map(|&sum| sum as f64 * unit).collect();
        for axis in (1..self.spans().len()).rev() {
            field = self.along(level, axis, &field);
        }
        field
    }

    /// Cells of a plane as [`inner`](Spectral::inner) leaves it.
    pub fn plane(&self) -> usize {
        self.spans().iter().skip(1).map(|[_, places]| places.len()).product()
    }

    /// All planes, convolved along the first axis.
    pub fn outer(&self, level: Level, planes: &[f64]) -> Vec<f64> {
        if self.cells() == 0 { vec![] } else { self.along(level, 0, planes) }
    }

    /// Some planes, or all, convolved along one axis, after those that come later.
    fn along(&self, level: Level, axis: usize, field: &[f64]) -> Vec<f64> {
        let [samples, places] = self.spans()[axis];
        let len = samples.len();
        let inner: usize = self.spans()[axis + 1..].iter().map(|[_, places]| places.len()).product();
        let outer = field.len() / (len * inner);
        let shift = (places.first - samples.first) as isize;
        convolve(level, &self.design.taps, field, Form { outer, len, inner, new_len: places.len(), shift })
    }
}

/// The density of a Gaussian kernel at each point of `at`, wrong by no more than `tolerance` times the greatest that there can be with this
/// bandwidth, 1 / ∏ (√(2π) h): that of samples which are all at one place. Samples and points are rows of as many coordinates as there are
/// bandwidths.
///
/// # Errors
/// As [`Spectral::new`].
///
/// # Panics
/// If the slices do not hold whole rows.
///
/// ```
/// use rankwise::kernels::{density, spectral};
///
/// let (samples, h, at) = ([0.0, 1.0, 1.5], [0.5], [0.2, 1.1, 40.0]);
/// let exact = density::density(density::Kernel::Gaussian, &samples, &h, &at);
/// for (near, exact) in spectral::density(&samples, &h, 1e-9, &at)?.iter().zip(exact) {
///     assert!((near - exact).abs() < 1e-9 * 0.8);
/// }
/// # Ok::<(), spectral::Refusal>(())
/// ```
pub fn density(samples: &[f64], bandwidth: &[f64], tolerance: f64, at: &[f64]) -> Result<Vec<f64>, Refusal> {
    let d = bandwidth.len();
    if !(1..=MOST_AXES).contains(&d) {
        return Err(Refusal::Axes(d));
    }
    assert!(samples.len().is_multiple_of(d) && at.len().is_multiple_of(d), "rows of {d} coordinates");
    let (samples, at) = (columns(samples, d), columns(at, d));
    let request = Request {
        bandwidth,
        samples: samples[0].len(),
        of_samples: &extents(&samples),
        weight: samples[0].len() as f64,
        places: at[0].len(),
        of_places: &extents(&at),
        tolerance,
    };
    let spectral = Spectral::new(&request)?;
    let level = Level::detect();
    let mut grid = vec![0; spectral.cells()];
    spectral.spread(level, &samples.iter().map(Vec::as_slice).collect::<Vec<_>>(), None, &mut grid);
    let field = spectral.outer(level, &spectral.inner(level, &grid));
    let mut values = vec![0.0; at[0].len()];
    spectral.read(level, &at.iter().map(Vec::as_slice).collect::<Vec<_>>(), &field, &mut values);
    let factor = normalisation(Kernel::Gaussian, bandwidth, samples[0].len());
    values.iter_mut().for_each(|value| *value *= factor);
    Ok(values)
}

/// Rows of `d` numbers as `d` columns.
fn columns(rows: &[f64], d: usize) -> Vec<Vec<f64>> {
    (0..d).map(|axis| rows.iter().skip(axis).step_by(d).copied().collect()).collect()
}

/// The least and the greatest number of each column.
fn extents(columns: &[Vec<f64>]) -> Vec<(f64, f64)> {
    let extent = |column: &Vec<f64>| {
        column.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &x| (low.min(x), high.max(x)))
    };
    columns.iter().map(extent).collect()
}

#[cfg(test)]
mod tests {
    use super::bits;

    /// 2^62 is room for all samples in one cell.
    #[test]
    fn the_grid_does_not_overflow() {
        for samples in [1usize, 2, 4096, 4097, 100_000, 1 << 40] {
            let unit = bits(samples as f64);
            assert!(unit <= 50 && (samples as f64) * 2f64.powi(unit) <= 2f64.powi(62), "{samples}: {unit}");
        }
    }
}
