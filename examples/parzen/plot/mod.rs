//! Pictures of densities, as heat maps or curves, in PNG bytes and with no need of any system font.
//!
//! Callers give finite values of at least zero, and finite limits in ascending order.

mod axes;
mod canvas;
mod curve;
mod heat;
mod scale;
mod text;

pub(crate) use curve::curves;
pub(crate) use heat::heat_maps;

use ndarray::Array2;
use std::error::Error;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// One density on a two-dimensional grid of cells.
pub(crate) struct Panel {
    pub(crate) title: String,
    /// Densities at the cell centres, indexed by [x cell, y cell].
    pub(crate) values: Array2<f64>,
}

/// What the panels of one picture have in common.
pub(crate) struct Frame {
    pub(crate) title: String,
    pub(crate) subtitle: String,
    /// Names of the x and y axes, with units.
    pub(crate) labels: [String; 2],
    /// Outer edges of the grid along x and y.
    pub(crate) limits: [(f64, f64); 2],
    /// Name of the colour bar, for example "density (per degree²)".
    pub(crate) value_label: String,
}
