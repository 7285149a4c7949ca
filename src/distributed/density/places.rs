//! Where the density is wanted, as users say it and as the kernels want it.

use crate::kernels::density::Kernel;
use crate::kernels::grid_sums::is_product;

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

/// The places as the kernels want them.
pub(super) enum Work<'a> {
    Cells(&'a [Vec<f64>]),
    /// All first coordinates, then all second ones, and so on.
    Columns(Vec<f64>),
}

impl<'a> Work<'a> {
    pub(super) fn new(kernel: Kernel, d: usize, places: Places<'a>) -> Self {
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
    pub(super) fn len(&self, d: usize) -> usize {
        match self {
            Work::Cells(axes) => axes.iter().map(Vec::len).product(),
            Work::Columns(points) => points.len() / d,
        }
    }
}
