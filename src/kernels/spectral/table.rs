//! Windows and cells that go well together, and the error of each pair: see [`super::design`] for what it bounds.
//!
//! For each width of the window and of the cells, the shape is the one with the least error, and the taps are as few as leave it. The tests
//! compute every error again.

use super::design::Shape;

/// One axis with this shape of the window, this number of taps, and cells of this width.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Row {
    pub(super) shape: Shape,
    /// Of the polynomials that are its window's parts: the least that adds little to the error.
    pub(super) degree: usize,
    /// Width of a cell, in bandwidths.
    pub(super) cell: f64,
    /// Taps on either side of the middle one.
    pub(super) reach: usize,
    /// Bound on the error at any sample and any place, in units of the Gaussian's peak.
    pub(super) error: f64,
}

const fn row(width: usize, beta: f64, degree: usize, cell: f64, reach: usize, error: f64) -> Row {
    Row { shape: Shape { width, beta }, degree, cell, reach, error }
}

/// By width, and then by cell.
#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    row(4, 11.8, 8, 0.16, 25, 3.9e-04), row(4, 10.7, 7, 0.44, 8, 6.3e-04), row(4, 10.3, 7, 0.54, 6, 9.9e-04),
    row(4, 9.9, 7, 0.64, 5, 1.6e-03), row(4, 9.5, 6, 0.72, 4, 2.7e-03), row(4, 9.1, 5, 0.8, 4, 4.6e-03),
    row(4, 8.5, 5, 0.88, 3, 7.4e-03), row(4, 8.2, 5, 0.98, 3, 1.2e-02), row(8, 23.5, 12, 0.16, 38, 2.9e-09),
    row(8, 22.7, 11, 0.22, 27, 4.7e-09), row(8, 22.2, 11, 0.26, 22, 7.4e-09),
    row(8, 21.7, 11, 0.3, 19, 1.2e-08), row(8, 21.2, 10, 0.34, 16, 2.2e-08), row(8, 20.6, 9, 0.38, 14, 4.1e-08),
    row(8, 20.0, 9, 0.42, 12, 8.2e-08), row(8, 19.4, 9, 0.46, 11, 1.7e-07), row(8, 18.6, 9, 0.5, 9, 3.5e-07),
    row(8, 18.1, 9, 0.52, 9, 5.3e-07), row(8, 17.7, 8, 0.54, 8, 8.4e-07), row(8, 17.2, 8, 0.56, 8, 1.4e-06),
    row(8, 16.6, 8, 0.58, 7, 2.2e-06), row(8, 16.5, 7, 0.62, 6, 4.9e-06), row(8, 17.0, 7, 0.64, 6, 9.6e-06),
    row(8, 17.4, 7, 0.66, 6, 1.9e-05), row(12, 32.6, 15, 0.24, 29, 2.2e-13),
    row(12, 32.1, 15, 0.26, 27, 3.6e-13), row(12, 31.6, 15, 0.28, 24, 6.4e-13),
    row(12, 31.1, 13, 0.3, 22, 1.1e-12), row(12, 30.4, 13, 0.32, 20, 2.1e-12),
    row(12, 29.8, 13, 0.34, 19, 3.8e-12), row(12, 29.1, 12, 0.36, 17, 7.1e-12),
    row(12, 28.4, 12, 0.38, 16, 1.4e-11), row(12, 27.8, 11, 0.4, 15, 3.1e-11),
    row(12, 27.1, 11, 0.42, 14, 7.3e-11), row(12, 26.4, 11, 0.44, 13, 2.0e-10),
    row(12, 25.5, 10, 0.46, 12, 6.2e-10), row(12, 24.2, 10, 0.48, 11, 1.4e-09),
    row(12, 25.1, 9, 0.5, 10, 4.5e-09), row(12, 26.1, 9, 0.52, 9, 2.0e-08), row(12, 27.1, 9, 0.54, 8, 7.7e-08),
    row(12, 28.3, 8, 0.56, 8, 2.6e-07), row(12, 29.5, 8, 0.58, 7, 7.7e-07), row(12, 30.8, 8, 0.6, 7, 2.0e-06),
    row(16, 33.0, 16, 0.4, 16, 3.3e-13), row(16, 32.8, 12, 0.42, 14, 1.4e-12),
    row(16, 34.3, 11, 0.44, 13, 1.5e-11), row(16, 35.9, 10, 0.46, 12, 1.3e-10),
    row(16, 37.7, 10, 0.48, 10, 9.2e-10), row(16, 39.6, 9, 0.5, 9, 5.0e-09), row(16, 41.6, 9, 0.52, 8, 2.3e-08),
];
