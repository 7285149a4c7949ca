//! All samples at all places: the samples go round in global order.

use std::error::Error as StdError;
use std::ops::Range;

use super::{Estimate, Precision, Samples, Work};
use crate::comm::{Comm, Element, Min};
use crate::error::Result;
use crate::kernels::grid_sums::add_weighted_tile_on_grid;
use crate::kernels::level::Level;
use crate::kernels::window_sums::{TILE, Windows, add_tile_f32, add_weighted_tile};

/// Tiles in one broadcast: enough to hide what a message costs, few enough to be no memory worth counting.
const ROUND: usize = 64;

/// Single precision takes coordinates of up to so many bandwidths: differences of larger ones have too few digits.
const FARTHEST: f64 = 1000.0;

/// The sums of the kernel's shapes at all of `work`, window by window. Collective.
pub(super) fn sums(
    comm: &Comm,
    estimate: Estimate<'_>,
    samples: &Samples,
    work: &Work<'_>,
    progress: impl FnMut(f64),
) -> Result<Vec<f64>> {
    let Estimate { kernel, bandwidth, widths, precision } = estimate;
    let d = samples.dimensions;
    let windows = Windows::new(kernel, bandwidth, widths);
    // Ranks on different machines compute alike, and all send the same kind of number.
    let single = precision == Precision::Single && !widths.is_empty() && matches!(work, Work::Columns(_));
    let common = comm.all_reduce(&[Level::detect() as u8, u8::from(single)], Min)?;
    let level = Level::at_most(common[0]);
    let mut sums = vec![0.0; work.len(d) * widths.len()];
    let weights = samples.weights.as_ref().map(|weights| &weights.mine[..]);
    match work {
        Work::Columns(points) if common[1] == 1 => {
            let middle: Vec<f64> =
                samples.extent(comm)?.iter().map(|(low, high)| 0.5 * low + 0.5 * high).collect();
            let tiles: Vec<f32> =
                samples.tiles.chunks(TILE * d).flat_map(|tile| windows.narrow(tile, &middle)).collect();
            let points = windows.narrow(points, &middle);
            comm.agree(is_near(widths, &[&tiles, &points]))?;
            let windows = windows.narrowed();
            // As parts of their mean: no weight that matters is too small or too large for single precision.
            let mean = samples.weight() / samples.len() as f64;
            let weights: Option<Vec<f32>> =
                weights.map(|weights| weights.iter().map(|w| (w / mean) as f32).collect());
            for_each_tile(comm, samples, &tiles, weights.as_deref(), progress, |tile, weights| {
                add_tile_f32(level, &windows, tile, weights, &points, &mut sums);
            })?;
            if weights.is_some() {
                sums.iter_mut().for_each(|sum| *sum *= mean);
            }
        }
        Work::Columns(points) => {
            for_each_tile(comm, samples, &samples.tiles, weights, progress, |tile, weights| {
                add_weighted_tile(level, &windows, tile, weights, points, &mut sums);
            })?;
        }
        Work::Cells(axes) => {
            for_each_tile(comm, samples, &samples.tiles, weights, progress, |tile, weights| {
                add_weighted_tile_on_grid(level, &windows, tile, weights, axes, &mut sums);
            })?;
        }
    }
    Ok(sums)
}

/// Shows this rank all tiles in global order, with their weights. `mine` and `weights` are those of its own samples.
pub(super) fn for_each_tile<N: Element<K> + Default, K>(
    comm: &Comm,
    samples: &Samples,
    mine: &[N],
    weights: Option<&[N]>,
    mut progress: impl FnMut(f64),
    mut add: impl FnMut(&[N], Option<&[N]>),
) -> Result<()> {
    let d = samples.dimensions;
    let (mut tiles, mut of_tiles) = (Vec::new(), Vec::new());
    let mut seen = 0;
    for source in 0..comm.size() {
        let count = samples.blocks.count(source);
        for first in (0..count).step_by(ROUND * TILE) {
            let round = first..count.min(first + ROUND * TILE);
            send_round(comm, source, mine, round.start * d..round.end * d, &mut tiles)?;
            if let Some(weights) = weights {
                send_round(comm, source, weights, round, &mut of_tiles)?;
            }
            let mut of_tiles = of_tiles.chunks(TILE);
            for tile in tiles.chunks(TILE * d) {
                add(tile, of_tiles.next());
                seen += tile.len() / d;
                progress(seen as f64 / samples.len() as f64);
            }
        }
    }
    Ok(())
}

/// What one rank has in this range, on all ranks.
fn send_round<N: Element<K> + Default, K>(
    comm: &Comm,
    source: usize,
    mine: &[N],
    range: Range<usize>,
    to: &mut Vec<N>,
) -> Result<()> {
    to.clear();
    if source == comm.rank() {
        to.extend_from_slice(&mine[range]);
    } else {
        to.resize(range.len(), N::default());
    }
    comm.broadcast_into(source, to)
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
