//! The blocks of all ranks, put together in rank order, on one rank or on all.

use mpi::datatype::Equivalence;

use super::scatter::count_of;
use super::{Call, Comm};
use crate::error::Result;
use crate::partition::Partition;
use crate::sys;

impl Comm {
    /// Every rank's `mine`, in rank order, on the root: `Some` there, `None` elsewhere. The blocks may have any lengths.
    ///
    /// Sends the lengths first, to all ranks: one small all-gather more than [`gather_by`](Comm::gather_by).
    ///
    /// # Collective
    /// All ranks must call this, with the same `root`.
    ///
    /// # Errors
    /// On all ranks, when `root` is no rank.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let mine = vec![world.rank(); world.rank() + 1]; // 0, 1 1, 2 2 2, …
    /// if let Some(all) = world.gather(0, &mine)? {
    ///     assert_eq!(all.len(), world.size() * (world.size() + 1) / 2);
    /// }
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn gather<T: Equivalence + Copy>(&self, root: usize, mine: &[T]) -> Result<Option<Vec<T>>> {
        self.perform(Call::new("gather"), |comm| {
            let (counts, total) = counts_of_all(comm, mine.len())?;
            sys::collectives::gather(comm, root, mine, counts.into_iter(), total)
        })
    }

    /// Every rank's `mine`, in rank order, on the root, by a partition that all ranks know. No extra message.
    ///
    /// # Collective
    /// All ranks must call this, with the same `root` and the same partition.
    ///
    /// # Errors
    /// On all ranks when `root` is no rank or the partition is not for as many ranks; on one rank alone when its block is
    /// not as long as the partition says.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// use rankwise::Partition;
    ///
    /// let rows = Partition::even(10, world.size());
    /// let squares: Vec<usize> = rows.range(world.rank()).map(|i| i * i).collect();
    /// if let Some(all) = world.gather_by(&rows, 0, &squares)? {
    ///     assert_eq!(all[9], 81);
    /// }
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn gather_by<T: Equivalence + Copy>(
        &self,
        blocks: &Partition,
        root: usize,
        mine: &[T],
    ) -> Result<Option<Vec<T>>> {
        self.perform(Call::new("gather_by"), |comm| {
            same_count(blocks, comm, mine.len())?;
            sys::collectives::gather(comm, root, mine, blocks.counts(), blocks.len())
        })
    }

    /// Every rank's `mine`, in rank order, on all ranks. The blocks may have any lengths.
    ///
    /// Sends the lengths first: one small all-gather more than [`all_gather_by`](Comm::all_gather_by). Takes memory for
    /// the whole on every rank.
    ///
    /// # Collective
    /// All ranks must call this.
    ///
    /// # Errors
    /// When MPI refuses.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let all = world.all_gather(&[world.rank(); 2])?;
    /// assert_eq!(all.len(), 2 * world.size());
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn all_gather<T: Equivalence + Copy>(&self, mine: &[T]) -> Result<Vec<T>> {
        self.perform(Call::new("all_gather"), |comm| {
            let (counts, total) = counts_of_all(comm, mine.len())?;
            sys::collectives::all_gather(comm, mine, counts.into_iter(), total)
        })
    }

    /// Every rank's `mine`, in rank order, on all ranks, by a partition that all ranks know. No extra message.
    ///
    /// # Collective
    /// All ranks must call this, with the same partition.
    ///
    /// # Errors
    /// On all ranks when the partition is not for as many ranks; on one rank alone when its block is not as long as the
    /// partition says.
    #[track_caller]
    pub fn all_gather_by<T: Equivalence + Copy>(&self, blocks: &Partition, mine: &[T]) -> Result<Vec<T>> {
        self.perform(Call::new("all_gather_by"), |comm| {
            same_count(blocks, comm, mine.len())?;
            sys::collectives::all_gather(comm, mine, blocks.counts(), blocks.len())
        })
    }

    /// One element from each rank, in rank order, on all ranks. One small all-gather.
    ///
    /// # Collective
    /// All ranks must call this.
    ///
    /// # Errors
    /// When MPI refuses.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let ranks = world.all_gather_one(world.rank())?;
    /// assert!(ranks.into_iter().eq(0..world.size()));
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn all_gather_one<T: Equivalence + Copy>(&self, mine: T) -> Result<Vec<T>> {
        self.perform(Call::new("all_gather_one"), |comm| sys::collectives::all_gather_equal(comm, &[mine]))
    }
}

/// Every rank's number of elements, and their sum.
fn counts_of_all(comm: &sys::Communicator, mine: usize) -> sys::Outcome<(Vec<usize>, usize)> {
    let counts = sys::collectives::all_gather_equal(comm, &[mine])?;
    let total = counts.iter().fold(0, |total: usize, &count| total.saturating_add(count));
    // Where the whole is too long for MPI, all ranks must find out, not just the one that receives it.
    sys::failure::count(total)?;
    Ok((counts, total))
}

fn same_count(blocks: &Partition, comm: &sys::Communicator, mine: usize) -> sys::Outcome {
    let expected = count_of(blocks, comm)?;
    if mine == expected {
        return Ok(());
    }
    let problem = format!("rank {} has {mine} elements, by the partition {expected}", comm.rank);
    Err(sys::Failure::Argument(problem))
}
