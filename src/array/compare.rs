//! Two arrays compared across ranks: every rank has the same answer.

use approx::{AbsDiffEq, RelativeEq};
use ndarray::Dimension;

use super::reduce::best;
use super::{DistArray, Number};
use crate::comm::{Call, LogicalAnd, MaxWithPlace, Ordered, Placed};
use crate::error::Result;
use crate::sys::record::within;

impl<'c, T, D: Dimension> DistArray<'c, T, D> {
    /// Whether all pairs of elements are equal within `epsilon`, as [`approx::AbsDiffEq`] says; the same answer on all ranks.
    /// One all-reduce of a byte.
    ///
    /// Not the trait itself: its function cannot say that MPI refuses, and does not look as if all ranks must call it.
    ///
    /// # Collective
    /// All ranks must call this, with the same `epsilon`.
    ///
    /// # Errors
    /// On all ranks, when the arrays lie differently or have different shapes.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// # use rankwise::array::{DistArray, Layout};
    /// let tenths = DistArray::from_fn(&Layout::rows(world, 10)?, |i| 0.1 * i as f64)?;
    /// let others = tenths.map(|x| x + 1e-12);
    /// assert!(tenths.abs_diff_eq(&others, 1e-9)?);
    /// assert!(!tenths.abs_diff_eq(&others, 1e-15)?);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn abs_diff_eq<U>(&self, other: &DistArray<'c, U, D>, epsilon: T::Epsilon) -> Result<bool>
    where
        T: AbsDiffEq<U, Epsilon: Clone>,
    {
        let _within = within();
        self.layout.same_as(&other.layout, Call::new("abs_diff_eq"))?;
        let mut pairs = self.elements().iter().zip(other.elements());
        let mine = pairs.all(|(a, b)| a.abs_diff_eq(b, epsilon.clone()));
        self.together().all_reduce_one(mine, LogicalAnd)
    }

    /// Whether all pairs of elements are equal within `epsilon`, or within `max_relative` of the larger one, as
    /// [`approx::RelativeEq`] says; the same answer on all ranks. One all-reduce of a byte.
    ///
    /// # Collective
    /// All ranks must call this, with the same bounds.
    ///
    /// # Errors
    /// As [`abs_diff_eq`](DistArray::abs_diff_eq).
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// # use rankwise::array::{DistArray, Layout};
    /// let large = DistArray::from_fn(&Layout::rows(world, 10)?, |i| 1e9 * i as f64)?;
    /// assert!(large.relative_eq(&large.map(|x| x * (1.0 + 1e-12)), 0.0, 1e-9)?);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn relative_eq<U>(
        &self,
        other: &DistArray<'c, U, D>,
        epsilon: T::Epsilon,
        max_relative: T::Epsilon,
    ) -> Result<bool>
    where
        T: RelativeEq<U, Epsilon: Clone>,
    {
        let _within = within();
        self.layout.same_as(&other.layout, Call::new("relative_eq"))?;
        let mut pairs = self.elements().iter().zip(other.elements());
        let mine = pairs.all(|(a, b)| a.relative_eq(b, epsilon.clone(), max_relative.clone()));
        self.together().all_reduce_one(mine, LogicalAnd)
    }

    /// The greatest distance between two elements at the same index, as an `f64`, and the index, the first in row-major order;
    /// `None` if the arrays are empty. Where one is NaN, or both are, the distance is NaN, which is greater than any other.
    /// One all-reduce of 16 bytes.
    ///
    /// # Collective
    /// All ranks must call this.
    ///
    /// # Errors
    /// As [`abs_diff_eq`](DistArray::abs_diff_eq).
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// # use rankwise::array::{DistArray, Layout};
    /// let a = DistArray::from_fn(&Layout::rows(world, [5, 4])?, |(i, j)| (i * j) as f32)?;
    /// let mut b = a.clone();
    /// b.set((3, 2), 6.5);
    /// assert_eq!(a.max_abs_diff(&b)?, Some((0.5, (3, 2))));
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn max_abs_diff(&self, other: &Self) -> Result<Option<(f64, D::Pattern)>>
    where
        T: Number,
    {
        let _within = within();
        self.layout.same_as(&other.layout, Call::new("max_abs_diff"))?;
        let distances = self.elements().iter().zip(other.elements()).map(|(&a, &b)| a.distance(b));
        let (value, place) = best(f64::NEG_INFINITY, distances, f64::beats_as_max);
        let place = place.map_or(u64::MAX, |local| self.place_in_whole(local));
        if self.is_empty() {
            return Ok(None);
        }
        let Placed { value, place } =
            self.together().all_reduce_one(Placed { value, place }, MaxWithPlace)?;
        Ok(Some((value, self.index_of(place))))
    }
}
