//! Samples dealt out over ranks, in whole tiles, and what they are like as a whole.

use std::error::Error as StdError;

use crate::comm::{Comm, Min};
use crate::error::Result;
use crate::kernels::covariance::Cholesky;
use crate::kernels::window_sums::TILE;
use crate::partition::Partition;
use crate::program::threads;
use crate::sum::ExactSum;
use crate::sys::record::within;

/// Samples dealt out over ranks, in whole tiles; see [`Samples::blocks`].
#[derive(Debug, Clone)]
pub struct Samples {
    pub(super) blocks: Partition,
    pub(super) dimensions: usize,
    /// Tile after tile; of each tile all first coordinates, then all second ones, and so on.
    pub(super) tiles: Vec<f64>,
    pub(super) weights: Option<Weights>,
    /// How many threads of this rank look at them.
    pub(super) threads: usize,
}

/// How much each sample counts.
#[derive(Debug, Clone)]
pub(super) struct Weights {
    /// Those of this rank's samples.
    pub(super) mine: Vec<f64>,
    /// The sums, over all ranks, of the weights and of their squares.
    sums: [f64; 2],
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
    #[track_caller]
    pub fn new(comm: &Comm, n: usize, dimensions: usize, rows: &[f64]) -> Result<Self> {
        let _within = within();
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
        Ok(Samples { blocks, dimensions, tiles, weights: None, threads: threads() })
    }

    /// The same samples, with weights for this rank's: a sample of weight 2 counts as two. They need not add up to 1. One all-reduce of
    /// 1.1 KiB.
    ///
    /// # Collective
    /// All ranks must call this.
    ///
    /// # Errors
    /// On all ranks alike: when a rank has not one weight for each of its samples; when a weight is negative or not finite, with
    /// its row; when all are 0, or their sum is out of the range of numbers.
    ///
    /// ```
    /// use rankwise::distributed::density::{Places, Samples, density};
    /// use rankwise::kernels::density::Kernel;
    ///
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let mine = Samples::blocks(3, world.size()).range(world.rank());
    /// let samples = Samples::new(world, 3, 1, &[0.0, 1.0, 1.5][mine.clone()])?;
    /// let samples = samples.weighted(world, &[2.0, 1.0, 1.0][mine])?;
    /// let p = density(world, Kernel::Hypercube, &samples, &[1.0], &[1.0], Places::Points(&[1.2]), |_| {})?;
    /// assert_eq!(p, [2.0 / 4.0]);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn weighted(mut self, comm: &Comm, weights: &[f64]) -> Result<Self> {
        let _within = within();
        let range = self.blocks.range(comm.rank());
        let check = || -> Result<(), Box<dyn StdError>> {
            if weights.len() != range.len() {
                return Err(format!("{} weights for {} samples", weights.len(), range.len()).into());
            }
            if let Some(place) = weights.iter().position(|w| !w.is_finite() || *w < 0.0) {
                let (row, weight) = (range.start + place, weights[place]);
                return Err(format!(
                    "the weight of row {row} is {weight}: it must be 0 or a positive number"
                )
                .into());
            }
            Ok(())
        };
        comm.agree(check())?;
        let squares = weights.iter().map(|w| w * w);
        let mut sums = [weights.iter().copied().collect(), squares.collect::<ExactSum>()];
        let sums = comm.exact_sums(&mut sums)?;
        let sums = [sums[0].value(), sums[1].value()];
        // Known alike on all ranks.
        comm.agree(match sums {
            [0.0, _] => Err("all weights are 0: no density without any"),
            sums if !sums.iter().all(|sum| sum.is_normal()) => {
                Err("the weights, or their squares, add up to a number out of range")
            }
            _ => Ok(()),
        })?;
        self.weights = Some(Weights { mine: weights.to_vec(), sums });
        Ok(self)
    }

    /// The same samples, at which so many threads of this rank look: they share its places. If not told, as many as
    /// [`threads`](crate::program::threads) says. Results have the same bits with any number; ranks may have different ones. A core that is
    /// free gains as much by a thread as by a rank, without another copy of the samples and without its messages.
    ///
    /// # Panics
    /// If there are to be none.
    ///
    /// ```
    /// use rankwise::distributed::density::{Density, Places, Samples};
    ///
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let all: Vec<f64> = (0..3000).map(|i| f64::from(i * 37 % 1000)).collect();
    /// let mine = &all[Samples::blocks(3000, world.size()).range(world.rank())];
    /// let density = |threads| {
    ///     let samples = Samples::new(world, 3000, 1, mine)?.threads(threads);
    ///     Density::builder().fit(world, samples)?.evaluate(Places::Points(&all))
    /// };
    /// assert_eq!(density(1)?, density(3)?);
    /// # Ok(()) }) }
    /// ```
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        assert!(threads > 0, "a rank has a thread");
        self.threads = threads;
        self
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

    /// What the weights add up to; without weights the number of samples.
    pub fn weight(&self) -> f64 {
        self.weights.as_ref().map_or(self.len() as f64, |weights| weights.sums[0])
    }

    /// As how many samples without weights these count for the rules for bandwidths: (Σ w)² / Σ w².
    pub fn effective_len(&self) -> f64 {
        self.weights.as_ref().map_or(self.len() as f64, |weights| {
            let [sum, squares] = weights.sums;
            sum * (sum / squares)
        })
    }

    /// One coordinate of this rank's samples.
    pub(super) fn axis(&self, axis: usize) -> impl Iterator<Item = f64> + '_ {
        let d = self.dimensions;
        self.tiles
            .chunks(TILE * d)
            .flat_map(move |tile| tile[axis * (tile.len() / d)..][..tile.len() / d].iter().copied())
    }

    /// The weighted sums of products over all samples: exact, but for the rounding of each product.
    fn sums(&self, comm: &Comm, terms: &[&dyn Fn(usize) -> f64]) -> Result<Vec<f64>> {
        let mine = self.blocks.count(comm.rank());
        let weight = |i: usize| self.weights.as_ref().map_or(1.0, |weights| weights.mine[i]);
        let mut sums: Vec<ExactSum> =
            terms.iter().map(|term| (0..mine).map(|i| weight(i) * term(i)).collect()).collect();
        Ok(comm.exact_sums(&mut sums)?.iter().map(ExactSum::value).collect())
    }

    /// The standard deviation along each axis: the square roots of the variances that [`covariance`](Samples::covariance) has. The same
    /// bits for any number of ranks: the sums are exact. Two all-reduces of 568 bytes an axis.
    ///
    /// # Collective
    /// All ranks must call this.
    ///
    /// # Errors
    /// When MPI refuses.
    #[track_caller]
    pub fn deviations(&self, comm: &Comm) -> Result<Vec<f64>> {
        let _within = within();
        let pairs: Vec<(usize, usize)> = (0..self.dimensions).map(|axis| (axis, axis)).collect();
        Ok(self.moments(comm, &pairs)?.into_iter().map(f64::sqrt).collect())
    }

    /// The covariance matrix, row by row: of n − 1 degrees of freedom; with weights w of Σ w − Σ w² / Σ w, as numpy's `cov(aweights=w)`
    /// and scipy's `gaussian_kde`. The same bits for any number of ranks. Two all-reduces, of 568 bytes for each axis and for each two axes.
    ///
    /// # Collective
    /// All ranks must call this.
    ///
    /// # Errors
    /// When MPI refuses.
    #[track_caller]
    pub fn covariance(&self, comm: &Comm) -> Result<Vec<f64>> {
        let _within = within();
        let d = self.dimensions;
        let pairs: Vec<(usize, usize)> = (0..d).flat_map(|a| (0..=a).map(move |b| (a, b))).collect();
        let moments = self.moments(comm, &pairs)?;
        let mut matrix = vec![0.0; d * d];
        for ((a, b), moment) in pairs.into_iter().zip(moments) {
            matrix[a * d + b] = moment;
            matrix[b * d + a] = moment;
        }
        Ok(matrix)
    }

    fn moments(&self, comm: &Comm, pairs: &[(usize, usize)]) -> Result<Vec<f64>> {
        let columns: Vec<Vec<f64>> = (0..self.dimensions).map(|axis| self.axis(axis).collect()).collect();
        let (weight, effective) = (self.weight(), self.effective_len());
        let firsts: Vec<_> = columns.iter().map(|x| |i: usize| x[i]).collect();
        let firsts: Vec<&dyn Fn(usize) -> f64> =
            firsts.iter().map(|term| term as &dyn Fn(usize) -> f64).collect();
        let means: Vec<f64> = self.sums(comm, &firsts)?.iter().map(|sum| sum / weight).collect();
        let apart = |axis: usize, i: usize| columns[axis][i] - means[axis];
        let apart = &apart;
        let seconds: Vec<_> = pairs.iter().map(|&(a, b)| move |i: usize| apart(a, i) * apart(b, i)).collect();
        let seconds: Vec<&dyn Fn(usize) -> f64> =
            seconds.iter().map(|term| term as &dyn Fn(usize) -> f64).collect();
        let freedom = weight - weight / effective;
        Ok(self.sums(comm, &seconds)?.iter().map(|sum| sum / freedom).collect())
    }

    /// The least and the greatest coordinate along each axis. One all-reduce.
    ///
    /// # Collective
    /// All ranks must call this.
    ///
    /// # Errors
    /// When MPI refuses.
    #[track_caller]
    pub fn extent(&self, comm: &Comm) -> Result<Vec<(f64, f64)>> {
        let _within = within();
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

    /// The samples in the coordinates u = L⁻¹ (x − centre), in which windows with the covariance L Lᵀ are round.
    pub(super) fn turned(&self, factor: &Cholesky, centre: &[f64]) -> Self {
        let d = self.dimensions;
        let tiles = self.tiles.chunks(TILE * d).flat_map(|tile| turn(factor, centre, tile)).collect();
        Samples { tiles, ..self.clone() }
    }
}

/// The columns of coordinates `x` as columns of L⁻¹ (x − centre).
pub(super) fn turn(factor: &Cholesky, centre: &[f64], x: &[f64]) -> Vec<f64> {
    let (d, inverse) = (centre.len(), factor.inverse());
    let n = x.len() / d;
    let mut turned = vec![0.0; x.len()];
    for (row, turned) in turned.chunks_exact_mut(n.max(1)).enumerate() {
        for column in 0..=row {
            for (u, x) in turned.iter_mut().zip(&x[column * n..]) {
                *u += inverse[row * d + column] * (x - centre[column]);
            }
        }
    }
    turned
}
