//! The cells of one axis.

use serde::{Deserialize, Serialize};

/// The cells in which samples, or places, may be along one axis, and those under their windows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Span {
    /// The coordinate where cell 0 begins: the least one of the samples.
    low: f64,
    /// Cells in a unit of the coordinate.
    density: f64,
    /// The first cell.
    pub(super) first: f64,
    /// Number of cells, from the first on.
    pub(super) cells: usize,
    /// Cells a window covers.
    width: usize,
}

/// The cells from one to another, both included.
type Cells = (f64, f64);

/// The spans of the samples and of the places, from the least to the greatest of their coordinates, without those cells that nothing of
/// the others can reach, and the cells that they would have in all; `None` when nothing reaches anything.
pub(super) fn spans(
    (width, reach): (usize, usize),
    cell: f64,
    of_samples: (f64, f64),
    of_places: (f64, f64),
) -> Option<[Option<Span>; 2]> {
    let (low, density) = (of_samples.0, 1.0 / cell);
    let cells = |(from, to): (f64, f64)| (((from - low) * density).floor(), ((to - low) * density).floor());
    let (samples, places) = (cells(of_samples), cells(of_places));
    let near = |own: Cells, others: Cells| -> Cells {
        (own.0.max(others.0 - reach as f64), own.1.min(others.1 + reach as f64))
    };
    let span = |(first, last): Cells| {
        let cells = last - first + 1.0;
        // More than this is too much memory anyway.
        (cells <= 1e9).then_some(Span { low, density, first, cells: cells as usize, width })
    };
    let (samples, places) = (near(samples, places), near(places, samples));
    let nothing = !(samples.0 <= samples.1 && places.0 <= places.1);
    (!nothing).then(|| [span(samples), span(places)])
}

impl Span {
    /// Where a coordinate is, in cells from the first one on.
    #[inline(always)]
    pub(super) fn at(&self, x: f64) -> f64 {
        (x - self.low) * self.density - self.first
    }

    /// Number of cells under windows.
    pub(super) fn len(&self) -> usize {
        self.cells + self.width - 1
    }
}
