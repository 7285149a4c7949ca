//! A slice of one rank, cut into blocks, one for each rank.

use super::broadcast::length_from_root;
use super::{Call, Comm, Element};
use crate::error::Result;
use crate::partition::Partition;
use crate::sys::{self, Failure, Received, Sent, collectives, memory};

impl Comm {
    /// This rank's block of the root's `data`, the blocks as equal as can be: [`Partition::even`]. Nothing is lost when
    /// the length does not divide, and a rank may get nothing. Only the root's `data` is read; the others give `None`.
    ///
    /// Sends the length first: one message more than [`scatter_by`](Comm::scatter_by).
    ///
    /// # Collective
    /// All ranks must call this, with the same `root`.
    ///
    /// # Errors
    /// On all ranks, when the root gives `None` or `root` is no rank.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let all: Option<Vec<u64>> = world.is_root().then(|| (0..10).collect());
    /// let mine = world.scatter(0, all.as_deref())?;
    /// let back = world.gather(0, &mine)?;
    /// assert_eq!(back, all);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    #[must_use = "each rank's share is lost unless it is used"]
    pub fn scatter<T: Element<K>, K>(&self, root: usize, data: Option<&[T]>) -> Result<Vec<T>> {
        self.perform(Call::collective("scatter").of::<T>().root(root), |comm| {
            let len = length_from_root(comm, root, data.map(<[T]>::len))?;
            new(comm, &Partition::even(len, comm.size), root, data)
        })
    }

    /// This rank's block of the root's `data`, by a partition that all ranks know. No extra message.
    ///
    /// # Collective
    /// All ranks must call this, with the same `root` and the same partition.
    ///
    /// # Errors
    /// On all ranks when `root` is no rank or the partition is not for as many ranks; on the root alone when its data is
    /// not as long as the partition says.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// use rankwise::Partition;
    ///
    /// let rows = Partition::even(10, world.size());
    /// let all: Vec<f32> = (0..10).map(|i| i as f32).collect();
    /// let mine = world.scatter_by(&rows, 0, world.is_root().then_some(&all[..]))?;
    /// assert_eq!(mine, all[rows.range(world.rank())]);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    #[must_use = "each rank's share is lost unless it is used"]
    pub fn scatter_by<T: Element<K>, K>(
        &self,
        blocks: &Partition,
        root: usize,
        data: Option<&[T]>,
    ) -> Result<Vec<T>> {
        self.note_blocks(blocks);
        self.perform(Call::collective("scatter_by").of::<T>().root(root).len(blocks.len()), |comm| {
            new(comm, blocks, root, data)
        })
    }

    /// As [`scatter_by`](Comm::scatter_by), into the caller's `mine`: no allocation.
    ///
    /// # Collective
    /// All ranks must call this, with the same `root` and the same partition.
    ///
    /// # Errors
    /// As `scatter_by`, and on one rank alone when its `mine` is not as long as the partition says.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// use rankwise::Partition;
    ///
    /// let pairs = Partition::even(2 * world.size(), world.size());
    /// let all: Vec<usize> = (0..pairs.len()).collect();
    /// let mut mine = [0; 2];
    /// world.scatter_into(&pairs, 0, world.is_root().then_some(&all[..]), &mut mine)?;
    /// assert_eq!(mine, [2 * world.rank(), 2 * world.rank() + 1]);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn scatter_into<T: Element<K>, K>(
        &self,
        blocks: &Partition,
        root: usize,
        data: Option<&[T]>,
        mine: &mut [T],
    ) -> Result<()> {
        self.note_blocks(blocks);
        self.perform(Call::collective("scatter_into").of::<T>().root(root).len(blocks.len()), |comm| {
            let data = data.map(Sent::new).transpose()?;
            collectives::scatter(comm, root, blocks, data, Received::new(mine)?)
        })
    }
}

fn new<T: Element<K>, K>(
    comm: &sys::Communicator,
    blocks: &Partition,
    root: usize,
    data: Option<&[T]>,
) -> sys::Outcome<Vec<T>> {
    let (len, data) = (count_of(blocks, comm)?, data.map(Sent::new).transpose()?);
    let (mine, ()) = memory::filled(len, |room| collectives::scatter(comm, root, blocks, data, room))?;
    Ok(mine)
}

/// This rank's number of elements; an error unless the partition is for just these ranks.
pub(super) fn count_of(blocks: &Partition, comm: &sys::Communicator) -> sys::Outcome<usize> {
    if blocks.parts() != comm.size {
        return Err(Failure::Argument(format!(
            "a partition into {} parts for {} ranks: it needs one for each",
            blocks.parts(),
            comm.size
        )));
    }
    Ok(blocks.count(comm.rank))
}
