//! The whole array in one number, or a few: sum, mean, variance, extremes, histogram.

use ndarray::Dimension;

use super::layout::{dimension, refused, unfolded};
use super::number::{exact, moments};
use super::{DistArray, Number};
use crate::comm::{Call, Element, MaxWithPlace, MinWithPlace, Ordered, Placed, Reduction, Sum};
use crate::error::Result;
use crate::sum::{ExactSum, Moments};
use crate::sys::record::within;

impl<T: Number, D: Dimension> DistArray<'_, T, D> {
    /// The sum of all elements, on all ranks: of floats that of [`Comm::sum`](crate::Comm::sum), exact and rounded once, with
    /// its costs; integers wrap around. 0 if there is none.
    ///
    /// One all-reduce, of 568 bytes for floats.
    ///
    /// # Collective
    /// All ranks must call this.
    ///
    /// # Errors
    /// When MPI refuses.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// # use rankwise::array::{DistArray, Layout};
    /// let terms = [1e100, 1.0, -1e100];
    /// assert_eq!(DistArray::from_fn(&Layout::rows(world, 3)?, |i| terms[i])?.sum()?, 1.0);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn sum(&self) -> Result<T> {
        let _within = within();
        T::over_ranks(self.together(), self.elements())
    }

    /// The mean of all elements, on all ranks, rounded once: that of [`Comm::mean`](crate::Comm::mean), also of integers,
    /// where it is an `f64`. NaN if there is none. One all-reduce of 568 bytes.
    ///
    /// # Collective
    /// All ranks must call this.
    ///
    /// # Errors
    /// When MPI refuses.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// # use rankwise::array::{DistArray, Layout};
    /// assert_eq!(DistArray::from_fn(&Layout::rows(world, 10)?, |i| i as u8)?.mean()?, 4.5);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn mean(&self) -> Result<T::Mean> {
        let _within = within();
        let mut sum = exact(self.elements().into());
        let total = self.together().totals(Call::collective("mean"), sum.parts())?;
        Ok(ExactSum::from_parts(total).divided_by(self.len() as u64))
    }

    /// The variance of all elements, on all ranks, rounded once: that of [`Comm::var`](crate::Comm::var), also of integers,
    /// where it is an `f64`; `ddof` is 0 for all that there is, 1 for a sample. NaN if there are not more than `ddof`.
    /// One all-reduce of 1688 bytes.
    ///
    /// # Collective
    /// All ranks must call this, with the same `ddof`.
    ///
    /// # Errors
    /// When MPI refuses.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// # use rankwise::array::{DistArray, Layout};
    /// let far: [f64; 4] = [1e9 + 4.0, 1e9 + 7.0, 1e9 + 13.0, 1e9 + 16.0];
    /// assert_eq!(DistArray::from_fn(&Layout::rows(world, 4)?, |i| far[i])?.var(1)?, 30.0);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn var(&self, ddof: usize) -> Result<T::Mean> {
        let _within = within();
        let mut moments = moments(self.elements().into());
        let total = self.together().totals(Call::collective("var"), moments.parts())?;
        Ok(Moments::from_parts(total).var(ddof))
    }
}

impl<T: Ordered, D: Dimension> DistArray<'_, T, D> {
    /// The least element, on all ranks; `None` if there is none. A NaN beats every number, as in NumPy. One all-reduce.
    ///
    /// # Collective
    /// All ranks must call this.
    ///
    /// # Errors
    /// When MPI refuses.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// # use rankwise::array::{DistArray, Layout};
    /// let array = DistArray::from_fn(&Layout::rows(world, [4, 3])?, |(i, j)| i as f64 - j as f64)?;
    /// assert_eq!((array.min()?, array.max()?), (Some(-2.0), Some(3.0)));
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn min<K>(&self) -> Result<Option<T>>
    where
        T: Element<K>,
    {
        let _within = within();
        Ok(self.extreme(T::greatest(), T::beats_as_min, MinWithPlace)?.map(|(value, _)| value))
    }

    /// The greatest element, on all ranks; see [`min`](DistArray::min).
    ///
    /// # Collective
    /// All ranks must call this.
    ///
    /// # Errors
    /// When MPI refuses.
    #[track_caller]
    pub fn max<K>(&self) -> Result<Option<T>>
    where
        T: Element<K>,
    {
        let _within = within();
        Ok(self.extreme(T::least(), T::beats_as_max, MaxWithPlace)?.map(|(value, _)| value))
    }

    /// The least element and its index, on all ranks; of equal ones the first in row-major order. See
    /// [`min`](DistArray::min).
    ///
    /// # Collective
    /// All ranks must call this.
    ///
    /// # Errors
    /// When MPI refuses.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// # use rankwise::array::{DistArray, Layout};
    /// let array = DistArray::from_fn(&Layout::rows(world, [4, 3])?, |(i, j)| (i + j) % 5)?;
    /// assert_eq!(array.argmin()?, Some((0, (0, 0))));
    /// assert_eq!(array.argmax()?, Some((4, (2, 2))));
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn argmin<K>(&self) -> Result<Option<(T, D::Pattern)>>
    where
        T: Element<K>,
    {
        let _within = within();
        self.extreme(T::greatest(), T::beats_as_min, MinWithPlace)
    }

    /// The greatest element and its index, on all ranks; see [`argmin`](DistArray::argmin).
    ///
    /// # Collective
    /// All ranks must call this.
    ///
    /// # Errors
    /// When MPI refuses.
    #[track_caller]
    pub fn argmax<K>(&self) -> Result<Option<(T, D::Pattern)>>
    where
        T: Element<K>,
    {
        let _within = within();
        self.extreme(T::least(), T::beats_as_max, MaxWithPlace)
    }

    /// What beats all others; the first in row-major order of the whole array, which is also that of each block.
    #[track_caller]
    fn extreme<K, R: Reduction<Placed<T>>>(
        &self,
        beaten: T,
        beats: fn(T, T) -> bool,
        with: R,
    ) -> Result<Option<(T, D::Pattern)>>
    where
        T: Element<K>,
    {
        let mine = best(beaten, self.elements().iter().copied(), beats);
        let place = mine.1.map_or(u64::MAX, |local| self.place_in_whole(local));
        self.of_all(Placed { value: mine.0, place }, with)
    }

    /// The winner of those of all ranks; `None` if the array is empty, which all ranks know.
    #[track_caller]
    fn of_all<K, R: Reduction<Placed<T>>>(&self, mine: Placed<T>, with: R) -> Result<Option<(T, D::Pattern)>>
    where
        T: Element<K>,
    {
        if self.is_empty() {
            return Ok(None);
        }
        let Placed { value, place } = self.together().all_reduce_one(mine, with)?;
        Ok(Some((value, self.index_of(place))))
    }
}

/// What beats all others, the first of them, and which one it is; `beaten` if there is none.
pub(super) fn best<T: Copy>(
    beaten: T,
    all: impl Iterator<Item = T>,
    beats: impl Fn(T, T) -> bool,
) -> (T, Option<usize>) {
    all.enumerate().fold((beaten, None), |(best, place), (i, value)| {
        if place.is_none() || beats(value, best) { (value, Some(i)) } else { (best, place) }
    })
}

impl<T, D: Dimension> DistArray<'_, T, D> {
    /// The number in the whole array, in row-major order, of an element of this rank.
    pub(super) fn place_in_whole(&self, local: usize) -> u64 {
        let place = unfolded(local, self.local.shape());
        let index = place.iter().zip(self.layout.block()).map(|(along, range)| along + range.start);
        super::layout::folded(&index.collect::<Vec<_>>(), self.global_shape()) as u64
    }

    /// The index of an element from its number.
    pub(super) fn index_of(&self, place: u64) -> D::Pattern {
        let place = usize::try_from(place).expect("a number of an element of the array");
        dimension::<D>(unfolded(place, self.global_shape()).into_iter()).into_pattern()
    }

    /// How many elements lie in each of the bins between neighbouring edges, on all ranks. A bin has its lower edge and not
    /// its upper one, but for the last, which has both, as in NumPy; elements outside, and NaN, are not counted.
    ///
    /// One all-reduce of 8 bytes a bin.
    ///
    /// # Collective
    /// All ranks must call this, with the same edges.
    ///
    /// # Errors
    /// On all ranks, when there are fewer than two edges or they do not ascend; equal ones are allowed.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// # use rankwise::array::{DistArray, Layout};
    /// let array = DistArray::from_fn(&Layout::rows(world, 10)?, |i| i as f64)?;
    /// assert_eq!(array.histogram(&[0.0, 2.5, 5.0, 9.0])?, [3, 2, 5]);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn histogram(&self, edges: &[T]) -> Result<Vec<u64>>
    where
        T: PartialOrd,
    {
        let _within = within();
        let ascending = edges.windows(2).all(|pair| pair[0] <= pair[1]);
        if edges.len() < 2 || !ascending {
            let problem = format!("{} edges: a histogram needs two or more that ascend", edges.len());
            return Err(refused(self.comm(), Call::new("histogram"), problem));
        }
        let (first, last) = (&edges[0], &edges[edges.len() - 1]);
        let mut counts = vec![0u64; edges.len() - 1];
        for x in self.elements().iter().filter(|x| *x >= first && *x <= last) {
            let bin = edges.partition_point(|edge| edge <= x) - 1;
            // Behind the last edge only when it is on it.
            counts[bin.min(edges.len() - 2)] += 1;
        }
        self.together().all_reduce_in_place(&mut counts, Sum)?;
        Ok(counts)
    }
}
