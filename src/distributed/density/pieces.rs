//! Samples that are not all in memory: they are read in pieces of whole tiles, again for each pass over them.

use std::cell::OnceCell;
use std::fmt;
use std::ops::Range;
use std::rc::Rc;

use super::Samples;
use super::samples::{Weights, check_rows, check_weights, picks, tiles_of, turn};
use crate::comm::{Comm, Max, Min};
use crate::error::Result;
use crate::kernels::covariance::Cholesky;
use crate::kernels::window_sums::TILE;
use crate::sum::ExactSum;
use crate::sys::record::within;

/// Samples as a file has them.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    /// Coordinates, row by row.
    pub coordinates: Vec<f64>,
    /// How much each row counts, if that is not the same for all.
    pub weights: Option<Vec<f64>>,
}

/// Reads some of the rows. All ranks call it together, each with rows of its own.
type Read = dyn Fn(&Comm, Range<usize>) -> Result<Rows>;

/// How samples are read.
#[derive(Clone)]
pub(super) struct Pieces {
    /// Samples of a piece, on all ranks together.
    each: usize,
    read: Rc<Read>,
    /// How their coordinates are turned.
    turn: Option<(Cholesky, Vec<f64>)>,
    pub(super) extent: OnceCell<Vec<(f64, f64)>>,
    /// The rows that a plan looks at.
    pub(super) picked: Vec<f64>,
}

impl fmt::Debug for Pieces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pieces").field("each", &self.each).finish_non_exhaustive()
    }
}

impl Samples {
    /// `n` samples of `dimensions` coordinates, of which a rank has never more in memory than fit into `memory` bytes, or than 1024. `read`
    /// reads rows: all ranks call it together, each with rows of its own, for one piece after the other, and again for each pass.
    ///
    /// The first pass is here: it checks all of them. A rule for bandwidths takes two more, a density one, logarithms of Gaussians that are
    /// too small for a number two. The tree and bandwidths that look at all samples need them in memory, and say so. Results have the same
    /// bits as with all in memory, if these are found by the same engine; and with any limit.
    ///
    /// # Collective
    /// All ranks must call this.
    ///
    /// # Errors
    /// On all ranks alike: as [`new`](Samples::new), [`weighted`](Samples::weighted), and `read`.
    ///
    /// ```
    /// use rankwise::distributed::density::{Density, Places, Rows, Samples};
    ///
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// // As from a file of 100 000 numbers, of which 64 KiB are in memory.
    /// let read = |_: &rankwise::Comm, rows: std::ops::Range<usize>| {
    ///     Ok(Rows { coordinates: rows.map(|i| (i * 37 % 100_000) as f64 * 1e-5).collect(), weights: None })
    /// };
    /// let samples = Samples::in_pieces(world, 100_000, 1, 1 << 16, read)?;
    /// let p = Density::builder().fit(world, samples)?.evaluate(Places::Points(&[0.5]))?;
    /// assert!((p[0] - 1.0).abs() < 0.01);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn in_pieces(
        comm: &Comm,
        n: usize,
        dimensions: usize,
        memory: usize,
        read: impl Fn(&Comm, Range<usize>) -> Result<Rows> + 'static,
    ) -> Result<Self> {
        let _within = within();
        comm.agree(if n > 0 && dimensions > 0 {
            Ok(())
        } else {
            Err(format!("there are {n} points of {dimensions} coordinates: no density without any"))
        })?;
        // As rows, as tiles, and their weights twice.
        let bytes = size_of::<f64>() * 2 * (dimensions + 1);
        let tiles = comm.all_reduce_one(memory / bytes / TILE, Min)?.max(1);
        let mut pieces = Pieces {
            each: (tiles * TILE).saturating_mul(comm.size()),
            read: Rc::new(read),
            turn: None,
            extent: OnceCell::new(),
            picked: Vec::new(),
        };
        let mut samples = Samples::none(Self::blocks(n, comm.size()), dimensions);
        let (mut sums, mut most) = ([ExactSum::new(), ExactSum::new()], 0.0f64);
        let mut picked = (Vec::new(), Vec::new());
        let mut weighted = None;
        pieces.each(comm, &samples, |rows, range| {
            let Rows { coordinates, weights } = &rows;
            let check = || {
                check_rows(coordinates, dimensions, &range)?;
                match (weighted, weights) {
                    (Some(before), _) if before != weights.is_some() => {
                        Err("some pieces have weights, others have none".into())
                    }
                    (_, Some(weights)) => check_weights(weights, &range),
                    (_, None) => Ok(()),
                }
            };
            comm.agree(check())?;
            weighted = Some(weights.is_some());
            if let Some(weights) = weights {
                sums[0].add_slice(weights);
                sums[1].add_slice(&weights.iter().map(|w| w * w).collect::<Vec<_>>());
                most = weights.iter().copied().fold(most, f64::max);
            }
            for pick in picks(n).filter(|pick| range.contains(pick)) {
                picked.0.push(pick);
                picked.1.extend_from_slice(&coordinates[(pick - range.start) * dimensions..][..dimensions]);
            }
            Ok(())
        })?;
        if weighted == Some(true) {
            let most = comm.all_reduce_one(most, Max)?;
            samples.weights = Some(Weights::of(comm, vec![], &mut sums, most)?);
        }
        pieces.picked = in_order(comm, dimensions, &picked)?;
        samples.pieces = Some(Rc::new(pieces));
        Ok(samples)
    }

    /// Shows all samples, piece by piece, with the number of those before. Collective, unless all are in memory.
    pub(super) fn each_piece(
        &self,
        comm: &Comm,
        mut show: impl FnMut(&Samples, usize) -> Result<()>,
    ) -> Result<()> {
        let Some(pieces) = &self.pieces else { return show(self, 0) };
        let d = self.dimensions;
        let mut before = 0;
        pieces.each(comm, self, |Rows { coordinates, weights }, range| {
            // It was checked before; but a file may change.
            comm.agree(check_rows(&coordinates, d, &range))?;
            let len = pieces.each.min(self.len() - before);
            let mut piece = Samples::none(Self::blocks(len, comm.size()), d);
            piece.threads = self.threads;
            piece.tiles = tiles_of(&coordinates, d);
            drop(coordinates);
            if let Some((factor, centre)) = &pieces.turn {
                piece.tiles =
                    piece.tiles.chunks(TILE * d).flat_map(|tile| turn(factor, centre, tile)).collect();
            }
            piece.weights = match (&self.weights, weights) {
                (Some(all), Some(mine)) => Some(all.with(mine)),
                _ => None,
            };
            show(&piece, before)?;
            before += len;
            Ok(())
        })
    }
}

impl Pieces {
    /// Reads this rank's part of each piece, and shows it. Collective.
    fn each(
        &self,
        comm: &Comm,
        samples: &Samples,
        mut show: impl FnMut(Rows, Range<usize>) -> Result<()>,
    ) -> Result<()> {
        let n = samples.len();
        for start in (0..n).step_by(self.each) {
            let mine = Samples::blocks(self.each.min(n - start), comm.size()).range(comm.rank());
            let range = start + mine.start..start + mine.end;
            show((self.read)(comm, range.clone())?, range)?;
        }
        Ok(())
    }

    /// In the coordinates u = L⁻¹ (x − centre).
    pub(super) fn turned(&self, factor: &Cholesky, centre: &[f64]) -> Self {
        let d = centre.len();
        let turned = |row: &[f64]| turn(factor, centre, row);
        Pieces {
            turn: Some((factor.clone(), centre.to_vec())),
            extent: OnceCell::new(),
            picked: self.picked.chunks(d).flat_map(turned).collect(),
            ..self.clone()
        }
    }
}

/// The rows that ranks have picked, in the order of the samples. Collective.
fn in_order(comm: &Comm, d: usize, (numbers, rows): &(Vec<usize>, Vec<f64>)) -> Result<Vec<f64>> {
    let (numbers, rows) = (comm.all_gather(numbers)?, comm.all_gather(rows)?);
    let mut all: Vec<_> = numbers.into_iter().zip(rows.chunks(d)).collect();
    all.sort_unstable_by_key(|(number, _)| *number);
    Ok(all.into_iter().flat_map(|(_, row)| row).copied().collect())
}
