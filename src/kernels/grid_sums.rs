//! Sums of windows over a tile of samples on all cells of a grid, when the window is a product over the axes.
//!
//! A Gaussian with its own bandwidth for each axis, and a hypercube, are products of one factor an axis:
//! K(x, y) = f(x) g(y). On a grid each f and each g serves a whole row or column of cells, so instead of an exponential for
//! every pair of sample and cell there is one for every pair of sample and *row*, and one for every pair of sample and
//! *column*; what is left for the pairs is a multiplication and an addition: a product of two matrices, at the processor's
//! full speed. Nothing is left out or approximated.
//!
//! Every cell's sum is taken sample by sample in the order given, whatever the width of a register and whichever cells are
//! computed with it: see [`Level`].

use super::density::Kernel;
use super::level::{Level, Task};
use super::window_sums::{Gaussian, Hypercube, Shape, Windows, multiply_add};

/// Rows of cells whose factors are kept while the columns go by: 2 MB with a tile of 1024 samples.
const PANEL: usize = 256;
/// Rows whose sums are in registers together.
const ROWS: usize = 4;

/// Whether a kernel is a product over the axes.
pub fn is_product(kernel: Kernel) -> bool {
    match kernel {
        Kernel::Gaussian | Kernel::Hypercube => true,
        Kernel::Epanechnikov => false,
    }
}

/// Adds, for each window w and each cell, the kernel's shapes of one tile of samples to `sums[w][cell]`.
///
/// `tile` holds all first coordinates of the tile, then all second ones, and so on. The cells are all combinations of one
/// centre from each of `axes`; the last axis goes fastest. `sums` is window by window.
///
/// # Panics
/// If the kernel is not a product over the axes, or the slices do not fit together.
pub fn add_tile_on_grid(level: Level, windows: &Windows, tile: &[f64], axes: &[Vec<f64>], sums: &mut [f64]) {
    add_weighted_tile_on_grid(level, windows, tile, None, axes, sums);
}

/// As [`add_tile_on_grid`], with a weight for each sample of the tile. Weights of 1 give the same bits as none.
///
/// # Panics
/// If the kernel is not a product over the axes, or the slices do not fit together.
pub fn add_weighted_tile_on_grid(
    level: Level,
    windows: &Windows,
    tile: &[f64],
    weights: Option<&[f64]>,
    axes: &[Vec<f64>],
    sums: &mut [f64],
) {
    let d = windows.dimensions();
    assert!(is_product(windows.kernel), "{:?} is not a product over the axes", windows.kernel);
    assert!(windows.by_axis(), "correlated axes are not a product");
    assert!(weights.is_none_or(|weights| weights.len() == tile.len() / d), "one weight for each sample");
    assert!(d > 0 && axes.len() == d && tile.len().is_multiple_of(d), "{d} coordinates each");
    let cells: usize = axes.iter().map(Vec::len).product();
    assert_eq!(sums.len(), cells * windows.count(), "one sum for each window and cell");
    if cells > 0 {
        level.run(AddTile { windows, tile, weights, axes, sums });
    }
}

struct AddTile<'a> {
    windows: &'a Windows,
    tile: &'a [f64],
    weights: Option<&'a [f64]>,
    axes: &'a [Vec<f64>],
    sums: &'a mut [f64],
}

impl Task for AddTile<'_> {
    #[inline(always)]
    fn run<const FMA: bool, const WIDE: bool>(self) {
        match (self.windows.kernel, WIDE) {
            // As many columns as leave the sums in registers.
            (Kernel::Hypercube, true) => self.product::<FMA, 32, Hypercube>(),
            (Kernel::Hypercube, false) => self.product::<FMA, 8, Hypercube>(),
            (_, true) => self.product::<FMA, 32, Gaussian>(),
            (_, false) => self.product::<FMA, 8, Gaussian>(),
        }
    }
}

impl AddTile<'_> {
    #[inline(always)]
    fn product<const FMA: bool, const COLUMNS: usize, S: Shape<FMA>>(self) {
        let d = self.axes.len();
        let n = self.tile.len() / d;
        let (columns, outer) = self.axes.split_last().expect("there is an axis");
        let rows: usize = outer.iter().map(Vec::len).product();
        let sample = |axis: usize| &self.tile[axis * n..][..n];

        // Row after row the factors of all samples; and sample after sample those of some columns.
        let mut of_rows = vec![0.0; PANEL.min(rows.next_multiple_of(ROWS)) * n];
        let mut of_columns = vec![[0.0; COLUMNS]; n];
        for (&width, sums) in self.windows.widths.iter().zip(self.sums.chunks_mut(rows * columns.len())) {
            let factor = S::factor(width);
            for first in (0..rows).step_by(PANEL) {
                let panel = PANEL.min(rows - first);
                for row in 0..panel {
                    let of_row = &mut of_rows[row * n..][..n];
                    match self.weights {
                        Some(weights) => of_row.copy_from_slice(weights),
                        None => of_row.fill(1.0),
                    }
                    let mut below = first + row;
                    for (axis, centres) in outer.iter().enumerate().rev() {
                        let centre = centres[below % centres.len()];
                        below /= centres.len();
                        let (products, last) = of_row.as_chunks_mut::<COLUMNS>();
                        let (samples, last_samples) = sample(axis).as_chunks::<COLUMNS>();
                        for (products, x) in products.iter_mut().zip(samples) {
                            let factors = factors::<FMA, COLUMNS, S>(
                                |k| centre - x[k],
                                self.windows.inverse(axis),
                                factor,
                            );
                            for k in 0..COLUMNS {
                                products[k] *= factors[k];
                            }
                        }
                        for (product, x) in last.iter_mut().zip(last_samples) {
                            *product *=
                                factors::<FMA, 1, S>(|_| centre - x, self.windows.inverse(axis), factor)[0];
                        }
                    }
                }
                for (block, centres) in columns.chunks(COLUMNS).enumerate() {
                    let mut padded = [0.0; COLUMNS];
                    padded[..centres.len()].copy_from_slice(centres);
                    for (of_sample, x) in of_columns.iter_mut().zip(sample(d - 1)) {
                        *of_sample = factors::<FMA, COLUMNS, S>(
                            |column| padded[column] - x,
                            self.windows.inverse(d - 1),
                            factor,
                        );
                    }
                    for row in (0..panel).step_by(ROWS) {
                        let totals = corner::<FMA, COLUMNS>(&of_rows[row * n..], &of_columns);
                        for (row, totals) in (first + row..first + panel).zip(&totals) {
                            let place = row * columns.len() + block * COLUMNS;
                            for (sum, total) in sums[place..][..centres.len()].iter_mut().zip(totals) {
                                *sum += total;
                            }
                        }
                    }
                }
            }
        }
    }
}

/// One axis' factors for some differences together.
#[inline(always)]
fn factors<const FMA: bool, const N: usize, S: Shape<FMA>>(
    difference: impl Fn(usize) -> f64,
    inverse: f64,
    factor: f64,
) -> [f64; N] {
    let mut factors = [0.0; N];
    for (k, factor_of) in factors.iter_mut().enumerate() {
        *factor_of = S::value(S::axis(0.0, difference(k) * inverse), factor);
    }
    factors
}

/// The sums over all samples for a few rows and columns, in registers.
#[inline(always)]
fn corner<const FMA: bool, const COLUMNS: usize>(
    of_rows: &[f64],
    of_columns: &[[f64; COLUMNS]],
) -> [[f64; COLUMNS]; ROWS] {
    let n = of_columns.len();
    let (a, rest) = of_rows.split_at(n);
    let (b, rest) = rest.split_at(n);
    let (c, rest) = rest.split_at(n);
    let d = &rest[..n];
    let mut totals = [[0.0; COLUMNS]; ROWS];
    for k in 0..n {
        let factors = [a[k], b[k], c[k], d[k]];
        for (totals, factor) in totals.iter_mut().zip(factors) {
            for column in 0..COLUMNS {
                totals[column] = multiply_add::<FMA>(factor, of_columns[k][column], totals[column]);
            }
        }
    }
    totals
}
