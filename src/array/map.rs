//! Element by element, and what each rank makes of its own: without messages, but for the last step of a fold.

use ndarray::Dimension;

use super::DistArray;
use crate::comm::{Call, Element};
use crate::error::Result;

impl<'c, T, D: Dimension> DistArray<'c, T, D> {
    /// The array of `f` of each element, which lies as this one does. No message.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// # use rankwise::array::{DistArray, Layout};
    /// let halves = DistArray::from_fn(&Layout::rows(world, 10)?, |i| i)?.map(|&i| i as f64 / 2.0);
    /// assert_eq!(halves.max()?, Some(4.5));
    /// # Ok(()) }) }
    /// ```
    pub fn map<U>(&self, f: impl FnMut(&T) -> U) -> DistArray<'c, U, D> {
        DistArray::with(self.layout.clone(), self.elements().iter().map(f).collect())
    }

    /// Changes each element. No message.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// # use rankwise::array::{DistArray, Layout};
    /// let mut array = DistArray::from_fn(&Layout::rows(world, 10)?, |i| i as f64)?;
    /// array.map_in_place(|x| *x *= 2.0);
    /// assert_eq!(array.sum()?, 90.0);
    /// # Ok(()) }) }
    /// ```
    pub fn map_in_place(&mut self, f: impl FnMut(&mut T)) {
        self.local.iter_mut().for_each(f);
    }

    /// The array of `f` of each pair of elements at the same index. No message.
    ///
    /// # Errors
    /// On all ranks, when the arrays lie differently: [`redistribute`](DistArray::redistribute) one of them first.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// # use rankwise::array::{DistArray, Layout};
    /// let rows = Layout::rows(world, [6, 6])?;
    /// let (a, b) = (DistArray::from_fn(&rows, |(i, _)| i)?, DistArray::from_fn(&rows, |(_, j)| j)?);
    /// let sums = a.zip_map(&b, |i, j| i + j)?;
    /// assert_eq!(sums.max()?, Some(10));
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn zip_map<U, V>(
        &self,
        other: &DistArray<'c, U, D>,
        mut f: impl FnMut(&T, &U) -> V,
    ) -> Result<DistArray<'c, V, D>> {
        self.layout.same_as(&other.layout, Call::new("zip_map"))?;
        let pairs = self.elements().iter().zip(other.elements());
        Ok(DistArray::with(self.layout.clone(), pairs.map(|(a, b)| f(a, b)).collect()))
    }

    /// Each rank folds its block, in row-major order, from `init` on; then the results are combined in rank order, on all
    /// ranks.
    ///
    /// The number of ranks and the layout do not show in the result if `init` changes nothing, and `combine` is exact and
    /// may be grouped in any way; on a grid that cuts more than the first axis it must not depend on the order either. That
    /// holds for extremes, counts, sets of bits and wrapping sums of integers; for a sum of floats take
    /// [`sum`](DistArray::sum).
    ///
    /// One small all-gather.
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
    /// let array = DistArray::from_fn(&Layout::rows(world, 10)?, |i| i)?;
    /// let odd = array.fold(0, |count, i| count + i % 2, |a, b| a + b)?;
    /// assert_eq!(odd, 5);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn fold<A: Element<K>, K>(
        &self,
        init: A,
        f: impl FnMut(A, &T) -> A,
        combine: impl FnMut(A, A) -> A,
    ) -> Result<A> {
        let mine = self.elements().iter().fold(init, f);
        Ok(self.together().all_gather_one(mine)?.into_iter().reduce(combine).unwrap_or(init))
    }
}
