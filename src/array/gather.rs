//! The whole array, or one element of it, where it is wanted.

use ndarray::{Array, ArrayView, Dimension, IntoDimension};

use super::layout::{refused, slice};
use super::{DistArray, Layout};
use crate::comm::{Call, Element};
use crate::error::Result;
use crate::sys::record::within;

impl<T, D: Dimension> DistArray<'_, T, D> {
    /// The whole array, on the root: `Some` there, `None` elsewhere. One gather, by counts that all ranks know; the root
    /// takes memory for the whole, and twice that unless the layout is of rows.
    ///
    /// # Collective
    /// All ranks must call this, with the same `root`.
    ///
    /// # Errors
    /// On all ranks, when `root` is no rank.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// # use rankwise::array::{DistArray, Layout};
    /// let spread = DistArray::from_fn(&Layout::grid_auto(world, [5, 3])?, |(i, j)| 3 * i + j)?;
    /// if let Some(whole) = spread.gather(0)? {
    ///     assert!(whole.into_iter().eq(0..15));
    /// }
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn gather<K>(&self, root: usize) -> Result<Option<Array<T, D>>>
    where
        T: Element<K>,
    {
        let _within = within();
        self.layout.check_root(Call::new("gather"), root)?;
        let all = self.together().gather_by(&self.layout.end_to_end(), root, self.elements())?;
        Ok(all.map(|all| self.layout.put_together(all)))
    }

    /// The whole array, on all ranks, each of which takes the memory. See [`gather`](DistArray::gather).
    ///
    /// # Collective
    /// All ranks must call this.
    ///
    /// # Errors
    /// When MPI refuses, or a rank has no memory for the whole.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// # use rankwise::array::{DistArray, Layout};
    /// let spread = DistArray::from_fn(&Layout::rows(world, 5)?, |i| i * i)?;
    /// assert_eq!(spread.all_gather()?.to_vec(), [0, 1, 4, 9, 16]);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn all_gather<K>(&self) -> Result<Array<T, D>>
    where
        T: Element<K>,
    {
        let _within = within();
        let all = self.together().all_gather_by(&self.layout.end_to_end(), self.elements())?;
        Ok(self.layout.put_together(all))
    }

    /// The element at an index of the whole array, on all ranks: one small broadcast. Without a message, for the rank that
    /// has it, there is [`get`](DistArray::get).
    ///
    /// # Collective
    /// All ranks must call this, with the same index.
    ///
    /// # Errors
    /// On all ranks, when there is no such index.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// # use rankwise::array::{DistArray, Layout};
    /// let array = DistArray::from_fn(&Layout::rows(world, [10, 4])?, |(i, j)| 4 * i + j)?;
    /// assert_eq!(array.get_everywhere((9, 1))?, 37);
    /// assert!(array.get_everywhere((1, 9)).is_err());
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn get_everywhere<K>(&self, index: impl IntoDimension<Dim = D>) -> Result<T>
    where
        T: Element<K>,
    {
        let _within = within();
        let (call, index) = (Call::new("get_everywhere"), index.into_dimension());
        let Some(owner) = self.layout.owner(index.clone()) else {
            let problem = format!("index {:?} of an array of shape {:?}", slice(&index), self.global_shape());
            return Err(refused(self.comm(), call, problem));
        };
        let mine = self.get(index).map(std::slice::from_ref);
        Ok(self.together().broadcast_known(owner, 1, mine)?[0])
    }
}

impl<D: Dimension> Layout<'_, D> {
    /// The array whose blocks, laid end to end in rank order, these elements are.
    fn put_together<T: Copy>(&self, all: Vec<T>) -> Array<T, D> {
        let shape: D = super::layout::dimension(self.shape().iter().copied());
        if self.is_of_rows() {
            return Array::from_shape_vec(shape, all).expect("as many elements as the shape says");
        }
        // A copy as first content: what is in it does not matter, every block is put over it.
        let mut whole =
            Array::from_shape_vec(shape, all.clone()).expect("as many elements as the shape says");
        let mut rest = &all[..];
        for rank in 0..self.comm().size() {
            let (block, dim) = (self.block_of(rank), self.block_dim(rank));
            let (part, behind) = rest.split_at(dim.size());
            let part = ArrayView::from_shape(dim, part).expect("as many elements as the block has");
            whole.slice_each_axis_mut(|axis| block[axis.axis.index()].clone().into()).assign(&part);
            rest = behind;
        }
        whole
    }
}
