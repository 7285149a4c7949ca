//! The same elements, lying elsewhere: in another layout, or with their axes reversed.

use ndarray::{ArrayView, Dimension};

use super::blocks::{Boxes, exchange, overlap};
use super::layout::refused;
use super::{DistArray, Layout};
use crate::comm::{Call, Element};
use crate::error::Result;
use crate::partition::Partition;
use crate::sys::memory;
use crate::sys::record::within;

impl<'c, T, D: Dimension> DistArray<'c, T, D> {
    /// The same array in another layout. Each rank sends at most one message to each other, of just what that one needs;
    /// nothing when the layouts are the same. Takes memory for the new block and for what is on its way.
    ///
    /// # Collective
    /// All ranks must call this, with the same layout.
    ///
    /// # Errors
    /// On all ranks, when the layout is for another shape or another communicator.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// # use rankwise::array::{DistArray, Layout};
    /// // From blocks of rows to blocks of columns, so that every rank has whole columns.
    /// let rows = DistArray::from_fn(&Layout::rows(world, [5, 4])?, |(i, j)| i + j)?;
    /// let columns = rows.redistribute(&Layout::grid(world, [5, 4], [1, world.size()])?)?;
    /// assert_eq!(columns.local_range(0), 0..5);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn redistribute<K>(&self, layout: &Layout<'c, D>) -> Result<Self>
    where
        T: Element<K>,
    {
        let _within = within();
        let call = Call::new("redistribute");
        if self.layout == *layout {
            return Ok(DistArray { layout: layout.clone(), local: self.local.clone() });
        }
        let why = self.layout.other_comm(layout);
        let why = why.or((self.global_shape() != layout.shape()).then_some("the shapes must be the same"));
        if let Some(why) = why {
            let problem = format!("{:?} cannot be laid out as {layout:?}: {why}", self.layout);
            return Err(refused(self.comm(), call, problem));
        }
        Self::moved(call, layout.clone(), &self.local.view(), |giver, taker| {
            overlap(&self.layout.block_of(giver), &layout.block_of(taker))
        })
    }

    /// The array with its axes reversed: element `(i, j)` becomes `(j, i)`. So are the axes of its grid and their partitions:
    /// blocks of rows become blocks of columns, and then nothing is sent, as for every grid that cuts one axis only. To
    /// go on with rows, [`redistribute`](DistArray::redistribute) the result. Otherwise each rank sends its block to one
    /// other.
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
    /// let array = DistArray::from_fn(&Layout::rows(world, [5, 4])?, |(i, j)| 10 * i + j)?;
    /// let transposed = array.transpose()?;
    /// assert_eq!(transposed.global_shape(), [4, 5]);
    /// assert_eq!(transposed.get_everywhere((3, 4))?, 43);
    /// assert_eq!(transposed.layout().grid_dims(), [1, world.size()]);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn transpose<K>(&self) -> Result<Self>
    where
        T: Element<K>,
    {
        let _within = within();
        let axes = self.global_shape().len();
        let parts: Vec<Partition> = (0..axes).rev().map(|axis| self.layout.partition(axis).clone()).collect();
        let layout = Layout::of(self.comm(), parts);
        Self::moved(Call::new("transpose"), layout.clone(), &self.local.t(), |giver, taker| {
            let mut block = self.layout.block_of(giver);
            block.reverse();
            overlap(&block, &layout.block_of(taker))
        })
    }

    #[track_caller]
    fn moved<K>(
        call: Call,
        layout: Layout<'c, D>,
        source: &ArrayView<T, D>,
        boxes: impl Fn(usize, usize) -> Option<Boxes>,
    ) -> Result<Self>
    where
        T: Element<K>,
    {
        let comm = layout.comm();
        let len = layout.block_dim(comm.rank()).size();
        let data = comm.perform(call, |_| Ok(memory::filled(len, |_| Ok(()))?.0))?;
        let mut made = Self::with(layout, data);
        made.together();
        exchange(comm, source, &mut made.local.view_mut(), boxes)?;
        Ok(made)
    }
}
