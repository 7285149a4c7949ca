//! Where the density is wanted, as users say it and as the kernels want it.

use std::borrow::Cow;

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

impl Places<'_> {
    /// Number of places with `d` coordinates.
    pub(super) fn len(&self, d: usize) -> usize {
        match self {
            Places::Points(rows) => rows.len() / d,
            Places::Grid(axes) => axes.iter().map(Vec::len).product(),
        }
    }

    /// The coordinates of one.
    pub(super) fn point(&self, place: usize, d: usize) -> Vec<f64> {
        match self {
            Places::Points(rows) => rows[place * d..][..d].to_vec(),
            Places::Grid(axes) => {
                let mut rest = place;
                let mut point: Vec<f64> = axes
                    .iter()
                    .rev()
                    .map(|axis| {
                        let x = axis[rest % axis.len()];
                        rest /= axis.len();
                        x
                    })
                    .collect();
                point.reverse();
                point
            }
        }
    }
}

/// The places as the kernels want them.
pub(super) enum Work<'a> {
    Cells(Cow<'a, [Vec<f64>]>),
    /// All first coordinates, then all second ones, and so on.
    Columns(Vec<f64>),
}

impl<'a> Work<'a> {
    /// A grid as such, where that is the fast way.
    pub(super) fn new(kernel: Kernel, d: usize, places: Places<'a>) -> Self {
        match places {
            Places::Grid(axes) if d > 1 && is_product(kernel) => Work::Cells(Cow::Borrowed(axes)),
            places => Work::points(d, places),
        }
    }

    /// A grid as its points.
    pub(super) fn points(d: usize, places: Places<'_>) -> Self {
        match places {
            Places::Grid(axes) => Work::Columns(columns_of(axes)),
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

/// The coordinates of all cells of a grid.
fn columns_of(axes: &[Vec<f64>]) -> Vec<f64> {
    let cells: usize = axes.iter().map(Vec::len).product();
    let mut columns = Vec::with_capacity(cells * axes.len());
    let mut inner = cells;
    for axis in axes {
        inner /= axis.len().max(1);
        columns.extend((0..cells).map(|cell| axis[cell / inner % axis.len()]));
    }
    columns
}
