//! Samples dealt out over ranks, in whole tiles.

use std::error::Error as StdError;

use crate::comm::{Comm, Min};
use crate::error::Result;
use crate::kernels::window_sums::TILE;
use crate::partition::Partition;
use crate::sum::ExactSum;

/// Samples dealt out over ranks, in whole tiles; see [`Samples::blocks`].
#[derive(Debug, Clone)]
pub struct Samples {
    pub(super) blocks: Partition,
    pub(super) dimensions: usize,
    /// Tile after tile; of each tile all first coordinates, then all second ones, and so on.
    pub(super) tiles: Vec<f64>,
}

impl Samples {
    /// Which of `n` samples belong to which rank.
    pub fn blocks(n: usize, ranks: usize) -> Partition {
        Partition::of_tiles(n, TILE, ranks)
    }

    /// Takes this rank's samples, `rows` of `dimensions` coordinates, of `n` in all.
    ///
    /// # Collective
    /// All ranks must call this.
    ///
    /// # Errors
    /// On all ranks alike: when there is no sample at all; when a coordinate is not finite, with its row and column; when a
    /// rank has not the rows that [`blocks`](Samples::blocks) give it.
    pub fn new(comm: &Comm, n: usize, dimensions: usize, rows: &[f64]) -> Result<Self> {
        let blocks = Self::blocks(n, comm.size());
        let range = blocks.range(comm.rank());
        let check = || -> Result<(), Box<dyn StdError>> {
            if n == 0 || dimensions == 0 {
                return Err(format!(
                    "there are {n} points of {dimensions} coordinates: no density without any"
                )
                .into());
            }
            if rows.len() / dimensions != range.len() || !rows.len().is_multiple_of(dimensions) {
                return Err(
                    format!("{} coordinates for {} rows of {dimensions}", rows.len(), range.len()).into()
                );
            }
            if let Some(place) = rows.iter().position(|x| !x.is_finite()) {
                let (row, column) = (range.start + place / dimensions, place % dimensions);
                return Err(format!("row {row}, column {column} of the points is {}", rows[place]).into());
            }
            Ok(())
        };
        comm.agree(check())?;
        let mut tiles = Vec::with_capacity(rows.len());
        for tile in rows.chunks(TILE * dimensions) {
            tiles.extend((0..dimensions).flat_map(|axis| tile.iter().skip(axis).step_by(dimensions)));
        }
        Ok(Samples { blocks, dimensions, tiles })
    }

    /// Number of samples in all.
    pub fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Whether there are none; never so once made.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of coordinates.
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// One coordinate of this rank's samples.
    pub(super) fn axis(&self, axis: usize) -> impl Iterator<Item = f64> + '_ {
        let d = self.dimensions;
        self.tiles
            .chunks(TILE * d)
            .flat_map(move |tile| tile[axis * (tile.len() / d)..][..tile.len() / d].iter().copied())
    }

    /// The standard deviation along each axis, of n − 1 degrees of freedom. The same bits for any number of ranks: the sums
    /// are exact. Two all-reduces of 568 bytes an axis.
    ///
    /// # Collective
    /// All ranks must call this.
    ///
    /// # Errors
    /// When MPI refuses.
    pub fn deviations(&self, comm: &Comm) -> Result<Vec<f64>> {
        let n = self.len() as f64;
        let over_ranks = |term: &dyn Fn(usize, f64) -> f64| -> Result<Vec<f64>> {
            let mut sums: Vec<ExactSum> =
                (0..self.dimensions).map(|axis| self.axis(axis).map(|x| term(axis, x)).collect()).collect();
            Ok(comm.exact_sums(&mut sums)?.iter().map(ExactSum::value).collect())
        };
        let means: Vec<f64> = over_ranks(&|_, x| x)?.iter().map(|sum| sum / n).collect();
        let squares = over_ranks(&|axis, x| (x - means[axis]) * (x - means[axis]))?;
        Ok(squares.iter().map(|sum| (sum / (n - 1.0)).sqrt()).collect())
    }

    /// The least and the greatest coordinate along each axis. One all-reduce.
    ///
    /// # Collective
    /// All ranks must call this.
    ///
    /// # Errors
    /// When MPI refuses.
    pub fn extent(&self, comm: &Comm) -> Result<Vec<(f64, f64)>> {
        let mine: Vec<f64> = (0..self.dimensions)
            .flat_map(|axis| {
                [
                    self.axis(axis).fold(f64::INFINITY, f64::min),
                    self.axis(axis).map(|x| -x).fold(f64::INFINITY, f64::min),
                ]
            })
            .collect();
        let all = comm.all_reduce(&mine, Min)?;
        Ok(all.as_chunks::<2>().0.iter().map(|[low, minus_high]| (*low, -minus_high)).collect())
    }
}
