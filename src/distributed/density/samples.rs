//! Samples dealt out over ranks, in whole tiles, and what they are like as a whole.

use std::error::Error as StdError;
use std::ops::Range;
use std::rc::Rc;

use super::pieces::Pieces;
use crate::comm::{Comm, Max, Min};
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
    /// How they are read, if they are not in memory: then there are no tiles, and no weights of single ones.
    pub(super) pieces: Option<Rc<Pieces>>,
}

/// How much each sample counts.
#[derive(Debug, Clone)]
pub(super) struct Weights {
    /// Those of this rank's samples.
    pub(super) mine: Vec<f64>,
    /// The sums, over all ranks, of the weights and of their squares.
    sums: [f64; 2],
    /// The greatest of all.
    pub(super) most: f64,
}

impl Weights {
    /// These are the weights of this rank; `sums` and `most` are of them. Collective.
    pub(super) fn of(comm: &Comm, mine: Vec<f64>, sums: &mut [ExactSum; 2], most: f64) -> Result<Self> {
        let sums = comm.exact_sums(sums)?;
        let sums = [sums[0].value(), sums[1].value()];
        // Known alike on all ranks.
        comm.agree(match sums {
            [0.0, _] => Err("all weights are 0: no density without any"),
            sums if !sums.iter().all(|sum| sum.is_normal()) => {
                Err("the weights, or their squares, add up to a number out of range")
            }
            _ => Ok(()),
        })?;
        Ok(Weights { mine, sums, most })
    }

    /// Those of some of the samples.
    pub(super) fn with(&self, mine: Vec<f64>) -> Self {
        Weights { mine, ..*self }
    }
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
            check_rows(rows, dimensions, &range)
        };
        comm.agree(check())?;
        Ok(Samples { tiles: tiles_of(rows, dimensions), ..Self::none(blocks, dimensions) })
    }

    /// None of them yet.
    pub(super) fn none(blocks: Partition, dimensions: usize) -> Self {
        Samples { blocks, dimensions, tiles: vec![], weights: None, threads: threads(), pieces: None }
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
        comm.agree(match &self.pieces {
            Some(_) => Err("samples that are read in pieces have their weights from there".into()),
            None => check_weights(weights, &range),
        })?;
        let squares = weights.iter().map(|w| w * w);
        let mut sums = [weights.iter().copied().collect(), squares.collect::<ExactSum>()];
        let most = comm.all_reduce_one(weights.iter().copied().fold(0.0, f64::max), Max)?;
        self.weights = Some(Weights::of(comm, weights.to_vec(), &mut sums, most)?);
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

    /// The weighted sums of some terms over all samples: exact, but for the rounding of each product. `terms` gives those of a piece, one after the
    /// other. Collective.
    fn sums(
        &self,
        comm: &Comm,
        count: usize,
        terms: impl Fn(&[Vec<f64>], usize) -> Vec<f64>,
    ) -> Result<Vec<f64>> {
        let mut sums = vec![ExactSum::new(); count];
        self.each_piece(comm, |piece, _| {
            let columns: Vec<Vec<f64>> =
                (0..self.dimensions).map(|axis| piece.axis(axis).collect()).collect();
            for (k, sum) in sums.iter_mut().enumerate() {
                let mut terms = terms(&columns, k);
                if let Some(weights) = &piece.weights {
                    terms.iter_mut().zip(&weights.mine).for_each(|(term, weight)| *term *= weight);
                }
                sum.add_slice(&terms);
            }
            Ok(())
        })?;
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
        let (weight, effective) = (self.weight(), self.effective_len());
        let firsts = self.sums(comm, self.dimensions, |columns, axis| columns[axis].clone())?;
        let means: Vec<f64> = firsts.iter().map(|sum| sum / weight).collect();
        let seconds = self.sums(comm, pairs.len(), |columns, k| {
            let (a, b) = pairs[k];
            let both = columns[a].iter().zip(&columns[b]);
            both.map(|(x, y)| (x - means[a]) * (y - means[b])).collect()
        })?;
        let freedom = weight - weight / effective;
        Ok(seconds.iter().map(|sum| sum / freedom).collect())
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
        if let Some(known) = self.pieces.as_ref().and_then(|pieces| pieces.extent.get()) {
            return Ok(known.clone());
        }
        let mut mine = vec![f64::INFINITY; 2 * self.dimensions];
        self.each_piece(comm, |piece, _| {
            for (axis, ends) in mine.as_chunks_mut::<2>().0.iter_mut().enumerate() {
                ends[0] = piece.axis(axis).fold(ends[0], f64::min);
                ends[1] = piece.axis(axis).map(|x| -x).fold(ends[1], f64::min);
            }
            Ok(())
        })?;
        let all = comm.all_reduce(&mine, Min)?;
        let all: Vec<(f64, f64)> =
            all.as_chunks::<2>().0.iter().map(|[low, minus_high]| (*low, -minus_high)).collect();
        if let Some(pieces) = &self.pieces {
            let _ = pieces.extent.set(all.clone());
        }
        Ok(all)
    }

    /// What has to see all samples at once says so, on all ranks.
    pub(super) fn all_in_memory(&self, what: &str) -> Result<(), String> {
        match self.pieces {
            None => Ok(()),
            Some(_) => Err(format!("{what} needs all samples in memory, and these are read in pieces")),
        }
    }

    /// The samples in the coordinates u = L⁻¹ (x − centre), in which windows with the covariance L Lᵀ are round.
    pub(super) fn turned(&self, factor: &Cholesky, centre: &[f64]) -> Self {
        let d = self.dimensions;
        let tiles = self.tiles.chunks(TILE * d).flat_map(|tile| turn(factor, centre, tile)).collect();
        let pieces = self.pieces.as_ref().map(|pieces| Rc::new(pieces.turned(factor, centre)));
        Samples { tiles, pieces, ..self.clone() }
    }
}

/// Rows that a plan looks at, of each `n`.
const LOOKED_AT: usize = 1024;

/// Which samples a plan looks at, of `n`: some, evenly.
pub(super) fn picks(n: usize) -> impl Iterator<Item = usize> {
    evenly(n, LOOKED_AT)
}

/// Numbers below `of`, `most` of them or all, evenly.
pub(super) fn evenly(of: usize, most: usize) -> impl Iterator<Item = usize> {
    let count = of.min(most);
    (0..count).map(move |k| (k as u128 * of as u128 / count as u128) as usize)
}

/// Whether these are the rows of that range, of finite numbers.
pub(super) fn check_rows(
    rows: &[f64],
    dimensions: usize,
    range: &Range<usize>,
) -> Result<(), Box<dyn StdError>> {
    if rows.len() / dimensions != range.len() || !rows.len().is_multiple_of(dimensions) {
        return Err(format!("{} coordinates for {} rows of {dimensions}", rows.len(), range.len()).into());
    }
    if let Some(place) = rows.iter().position(|x| !x.is_finite()) {
        let (row, column) = (range.start + place / dimensions, place % dimensions);
        return Err(format!("row {row}, column {column} of the points is {}", rows[place]).into());
    }
    Ok(())
}

/// Whether these are weights of the rows of that range.
pub(super) fn check_weights(weights: &[f64], range: &Range<usize>) -> Result<(), Box<dyn StdError>> {
    if weights.len() != range.len() {
        return Err(format!("{} weights for {} samples", weights.len(), range.len()).into());
    }
    if let Some(place) = weights.iter().position(|w| !w.is_finite() || *w < 0.0) {
        let (row, weight) = (range.start + place, weights[place]);
        return Err(format!("the weight of row {row} is {weight}: it must be 0 or a positive number").into());
    }
    Ok(())
}

/// Rows as tiles.
pub(super) fn tiles_of(rows: &[f64], dimensions: usize) -> Vec<f64> {
    let mut tiles = Vec::with_capacity(rows.len());
    for tile in rows.chunks(TILE * dimensions) {
        tiles.extend((0..dimensions).flat_map(|axis| tile.iter().skip(axis).step_by(dimensions)));
    }
    tiles
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
