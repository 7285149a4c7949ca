//! All samples at all places: the samples go round in global order.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::ops::Range;

use super::threads::{self, as_they_are, joined, of_stretch, stretches};
use super::{Estimate, Precision, Samples, Work};
use crate::comm::{Comm, Element, Min, Request};
use crate::error::Result;
use crate::kernels::grid_sums::add_weighted_tile_on_grid;
use crate::kernels::level::Level;
use crate::kernels::window_sums::{TILE, Windows, add_tile_f32, add_weighted_tile};
use crate::partition::Partition;

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
    let (m, w) = (work.len(d), widths.len());
    let parts = match work {
        Work::Columns(points) if common[1] == 1 => {
            let middle: Vec<f64> =
                samples.extent(comm)?.iter().map(|(low, high)| 0.5 * low + 0.5 * high).collect();
            let points = windows.narrow(points, &middle);
            comm.agree(is_near(widths, &[&points]))?;
            let narrowed = windows.narrowed();
            // As parts of their mean: no weight that matters is too small or too large for single precision.
            let mean = samples.weight() / samples.len() as f64;
            let parts = stretches(m, samples.threads)
                .into_iter()
                .map(|stretch| (of_stretch(&points, m, &stretch), stretch.len() * w, 0.0))
                .collect();
            let mut parts = threads::sums(
                comm,
                samples,
                |piece| {
                    let tiles: Vec<f32> =
                        piece.tiles.chunks(TILE * d).flat_map(|tile| windows.narrow(tile, &middle)).collect();
                    comm.agree(is_near(widths, &[&tiles]))?;
                    let weights = piece.weights.as_ref();
                    let weights =
                        weights.map(|weights| weights.mine.iter().map(|w| (w / mean) as f32).collect());
                    Ok((Cow::Owned(tiles), weights.map(Cow::Owned)))
                },
                parts,
                progress,
                |points, tile, weights, sums| {
                    add_tile_f32(level, &narrowed, tile, weights, points, sums);
                },
            )?;
            if samples.weights.is_some() {
                parts.iter_mut().flatten().for_each(|sum| *sum *= mean);
            }
            parts
        }
        Work::Columns(points) => {
            let parts = stretches(m, samples.threads)
                .into_iter()
                .map(|stretch| (of_stretch(points, m, &stretch), stretch.len() * w, 0.0))
                .collect();
            threads::sums(comm, samples, as_they_are, parts, progress, |points, tile, weights, sums| {
                add_weighted_tile(level, &windows, tile, weights, points, sums);
            })?
        }
        Work::Cells(axes) => {
            // Some planes each: the cells of a thread follow one another.
            let plane: usize = axes[1..].iter().map(Vec::len).product();
            let planes = Partition::even(axes[0].len(), samples.threads.clamp(1, axes[0].len().max(1)));
            let parts = (0..planes.parts())
                .map(|part| {
                    let mut own = axes.to_vec();
                    own[0] = axes[0][planes.range(part)].to_vec();
                    (own, planes.count(part) * plane * w, 0.0)
                })
                .collect();
            threads::sums(
                comm,
                samples,
                as_they_are,
                parts,
                progress,
                |axes: &Vec<Vec<f64>>, tile, weights, sums| {
                    add_weighted_tile_on_grid(level, &windows, tile, weights, axes, sums);
                },
            )?
        }
    };
    Ok(joined(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>(), w))
}

/// Some tiles that follow one another, and their weights.
#[derive(Clone, Copy)]
pub(super) struct Stretch<'a, N> {
    tiles: &'a [N],
    weights: Option<&'a [N]>,
    dimensions: usize,
}

impl<'a, N> Stretch<'a, N> {
    pub(super) fn tiles(self) -> impl Iterator<Item = (&'a [N], Option<&'a [N]>)> {
        let mut weights = self.weights.map(|weights| weights.chunks(TILE));
        let tiles = self.tiles.chunks(TILE * self.dimensions);
        tiles.map(move |tile| (tile, weights.as_mut().and_then(Iterator::next)))
    }

    /// Number of samples.
    pub(super) fn len(self) -> usize {
        self.tiles.len() / self.dimensions
    }
}

/// Shows this rank all tiles in global order, so many together, with their weights. `mine` and `weights` are those of its own samples.
/// While it looks at some, the next ones are on their way.
pub(super) fn for_each_stretch<N: Element<K> + Default + 'static, K>(
    comm: &Comm,
    samples: &Samples,
    mine: &[N],
    weights: Option<&[N]>,
    together: usize,
    mut progress: impl FnMut(f64),
    mut add: impl FnMut(Stretch<'_, N>),
) -> Result<()> {
    let d = samples.dimensions;
    let together = TILE * together.clamp(1, ROUND);
    let mut rounds = (0..comm.size()).flat_map(|source| {
        let count = samples.blocks.count(source);
        let firsts = (0..count).step_by(ROUND * TILE);
        firsts.map(move |first| (source, first..count.min(first + ROUND * TILE)))
    });
    let mut begin = |memory| {
        let next = rounds.next();
        next.map(|round| Round::begin(comm, round, (mine, weights), d, memory)).transpose()
    };
    let (mut coming, mut free) = (begin(Default::default())?, Default::default());
    let mut seen = 0;
    while let Some(round) = coming {
        let (tiles, of_tiles) = round.wait()?;
        coming = begin(std::mem::take(&mut free))?;
        let mut all_weights = weights.map(|_| of_tiles.chunks(together));
        for tiles in tiles.chunks(together * d) {
            let weights = all_weights.as_mut().and_then(Iterator::next);
            let stretch = Stretch { tiles, weights, dimensions: d };
            add(stretch);
            seen += stretch.len();
            progress(seen as f64 / samples.len() as f64);
            if let Some(coming) = &mut coming {
                coming.go_on()?;
            }
        }
        free = (tiles, of_tiles);
    }
    Ok(())
}

/// Tiles and weights on their way from one rank to all.
struct Round<'c, N> {
    tiles: Request<'c, Vec<N>>,
    weights: Option<Request<'c, Vec<N>>>,
}

impl<'c, N: Default + Clone + 'static> Round<'c, N> {
    /// Those of one rank's samples in this range, into this memory. Collective.
    fn begin<K>(
        comm: &'c Comm,
        (source, range): (usize, Range<usize>),
        (mine, weights): (&[N], Option<&[N]>),
        d: usize,
        memory: (Vec<N>, Vec<N>),
    ) -> Result<Self>
    where
        N: Element<K>,
    {
        let send = |mine: &[N], range: Range<usize>, mut to: Vec<N>| {
            to.clear();
            if source == comm.rank() {
                to.extend_from_slice(&mine[range]);
            } else {
                to.resize(range.len(), N::default());
            }
            comm.ibroadcast(source, to)
        };
        let tiles = send(mine, range.start * d..range.end * d, memory.0)?;
        let weights = weights.map(|weights| send(weights, range, memory.1)).transpose()?;
        Ok(Round { tiles, weights })
    }

    /// MPI goes on with it only when it is called.
    fn go_on(&mut self) -> Result<()> {
        self.tiles.test()?;
        self.weights.as_mut().map(Request::test).transpose()?;
        Ok(())
    }

    fn wait(self) -> Result<(Vec<N>, Vec<N>)> {
        let tiles = self.tiles.wait()?;
        Ok((tiles, self.weights.map(Request::wait).transpose()?.unwrap_or_default()))
    }
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
