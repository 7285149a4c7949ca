//! Sums of windows over a tile of samples: what all densities are made of.
//!
//! The points are taken in blocks, whose sums stay in vector registers while the samples of the tile go by. Every point's sum
//! is taken sample by sample in the order given, whatever the width of a register: see [`Level`].
//!
//! In double precision one Gaussian window is right to 1.1e-14 of itself, and to r² · (d + 3) · 6e-17 more at r bandwidths from its
//! sample: what rounding the differences and their squares does. It is 0 below 2^−1021 of its peak. In single precision
//! ([`add_tile_f32`]) it is right to 7e-7, and to r² · (d + 3) · 3e-8 + 1.2e-7 · r R more, with coordinates of up to R bandwidths;
//! it is 0 below 2^−125.

use super::covariance::Cholesky;
use super::density::Kernel;
use super::level::Level;

mod shape;
mod vector;

pub(super) use shape::{Epanechnikov, Gaussian, Hypercube, Shape, multiply_add};
use vector::Job;

/// Samples that are summed before their sum joins the total: short sums round less. Sums over tiles in global order do not
/// depend on the ranks.
pub const TILE: usize = 1024;

/// Windows of different bandwidth that share one look at the distances.
const GROUP: usize = 4;

/// How differences of coordinates become those of the kernel.
#[derive(Debug, Clone)]
enum Form {
    /// Not at all: the widths say it.
    Common,
    /// Times a number for each axis.
    Scaled(Vec<f64>),
    /// Times a lower triangular matrix, row by row.
    Mixed(Vec<f64>),
}

/// Windows of one kernel: a bandwidth for each axis, or a matrix of them, and several widths at once as multiples of it.
#[derive(Debug, Clone)]
pub struct Windows {
    pub(super) kernel: Kernel,
    form: Form,
    d: usize,
    pub(super) widths: Vec<f64>,
}

impl Windows {
    /// Windows with the bandwidths `widths[w] * bandwidth[axis]`.
    pub fn new(kernel: Kernel, bandwidth: &[f64], widths: &[f64]) -> Self {
        let d = bandwidth.len();
        if let [h, ..] = *bandwidth
            && bandwidth.iter().all(|&other| other == h)
        {
            // One bandwidth for all axes joins the widths: differences are then not scaled and not rounded once more, which
            // decides whether a sample on the very edge of a hypercube is inside.
            let widths = widths.iter().map(|width| width * h).collect();
            return Windows { kernel, form: Form::Common, d, widths };
        }
        let form = Form::Scaled(bandwidth.iter().map(|h| 1.0 / h).collect());
        Windows { kernel, form, d, widths: widths.to_vec() }
    }

    /// Windows as wide as the matrix says whose Cholesky factor this is: differences are multiplied with the inverse of the factor,
    /// and with 1 / `widths[w]`.
    pub fn mixed(kernel: Kernel, factor: &Cholesky, widths: &[f64]) -> Self {
        Windows {
            kernel,
            form: Form::Mixed(factor.inverse()),
            d: factor.dimensions(),
            widths: widths.to_vec(),
        }
    }

    /// Number of axes.
    pub fn dimensions(&self) -> usize {
        self.d
    }

    /// Number of windows.
    pub fn count(&self) -> usize {
        self.widths.len()
    }

    /// Whether each axis is scaled by itself.
    pub(super) fn by_axis(&self) -> bool {
        !matches!(self.form, Form::Mixed(_))
    }

    /// What the differences along an axis are multiplied with, when each axis is scaled by itself.
    pub(super) fn inverse(&self, axis: usize) -> f64 {
        match &self.form {
            Form::Common => 1.0,
            Form::Scaled(scale) => scale[axis],
            Form::Mixed(_) => unreachable!("asked only by_axis"),
        }
    }

    /// The differences of the kernel, from those of the coordinates, for windows of width 1.
    fn scaled(&self, difference: impl Fn(usize) -> f64, scaled: &mut [f64]) {
        for (axis, u) in scaled.iter_mut().enumerate() {
            *u = match &self.form {
                Form::Common => difference(axis),
                Form::Scaled(scale) => difference(axis) * scale[axis],
                Form::Mixed(rows) => {
                    let row = &rows[axis * self.d..][..=axis];
                    row.iter().enumerate().map(|(other, factor)| factor * difference(other)).sum()
                }
            };
        }
    }

    /// The same windows for coordinates in units of the first one's bandwidth, as [`narrow`](Windows::narrow) makes them.
    pub fn narrowed(&self) -> Self {
        let widths = self.widths.iter().map(|width| width / self.widths[0]).collect();
        Windows { kernel: self.kernel, form: Form::Common, d: self.d, widths }
    }

    /// Columns of coordinates in single precision: as differences from `centre`, in units of the first window's bandwidth.
    pub fn narrow(&self, columns: &[f64], centre: &[f64]) -> Vec<f32> {
        let n = columns.len() / self.d;
        let (mut narrow, mut scaled) = (vec![0.0; columns.len()], vec![0.0; self.d]);
        for i in 0..n {
            self.scaled(|axis| columns[axis * n + i] - centre[axis], &mut scaled);
            for (axis, u) in scaled.iter().enumerate() {
                narrow[axis * n + i] = (u / self.widths[0]) as f32;
            }
        }
        narrow
    }
}

/// Adds, for each window w and each point, the kernel's shapes of one tile of samples to `sums[w][point]`.
///
/// `tile` holds all first coordinates of the tile, then all second ones, and so on; `points` likewise. `sums` is window by
/// window, with as many places each as there are points.
///
/// # Panics
/// If the slices do not fit together.
pub fn add_tile(level: Level, windows: &Windows, tile: &[f64], points: &[f64], sums: &mut [f64]) {
    add_weighted_tile(level, windows, tile, None, points, sums);
}

/// As [`add_tile`], with a weight for each sample of the tile. Weights of 1 give the same bits as none.
///
/// # Panics
/// If the slices do not fit together.
pub fn add_weighted_tile(
    level: Level,
    windows: &Windows,
    tile: &[f64],
    weights: Option<&[f64]>,
    points: &[f64],
    sums: &mut [f64],
) {
    for job in jobs(windows, tile, weights, points, sums) {
        vector::add_tile(level, job);
    }
}

/// As [`add_weighted_tile`] in single precision, for coordinates and windows that were [narrowed](Windows::narrowed). Runs of 64
/// terms are added in single precision, the rest in double.
///
/// # Panics
/// If the slices do not fit together, or the windows were not narrowed.
pub fn add_tile_f32(
    level: Level,
    windows: &Windows,
    tile: &[f32],
    weights: Option<&[f32]>,
    points: &[f32],
    sums: &mut [f64],
) {
    for job in jobs(windows, tile, weights, points, sums) {
        vector::add_tile_f32(level, job);
    }
}

/// The work in groups of windows that share the distances.
fn jobs<'a, N>(
    windows: &'a Windows,
    tile: &'a [N],
    weights: Option<&'a [N]>,
    points: &'a [N],
    sums: &'a mut [f64],
) -> impl Iterator<Item = Job<'a, N>> {
    let d = windows.d;
    assert!(d > 0 && tile.len().is_multiple_of(d) && points.len().is_multiple_of(d), "{d} coordinates each");
    let m = points.len() / d;
    assert_eq!(sums.len(), m * windows.widths.len(), "one sum for each window and point");
    assert!(weights.is_none_or(|weights| weights.len() == tile.len() / d), "one weight for each sample");
    let groups = windows.widths.chunks(GROUP).zip(sums.chunks_mut((GROUP * m).max(1)));
    groups.map(move |(widths, sums)| Job {
        kernel: windows.kernel,
        form: &windows.form,
        widths,
        d,
        tile,
        weights,
        points,
        sums,
    })
}
