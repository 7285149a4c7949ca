//! The blocks of all ranks, put together in rank order, on one rank or on all.

use super::scatter::count_of;
use super::{Call, Comm, Element};
use crate::error::Result;
use crate::partition::Partition;
use crate::sys::{self, Received, Sent, collectives, memory};

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
    pub fn gather<T: Element<K>, K>(&self, root: usize, mine: &[T]) -> Result<Option<Vec<T>>> {
        self.perform(Call::collective("gather").of::<T>().root(root), |comm| {
            let blocks = lengths_of_all(comm, mine.len())?;
            to_root(comm, &blocks, root, mine)
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
    pub fn gather_by<T: Element<K>, K>(
        &self,
        blocks: &Partition,
        root: usize,
        mine: &[T],
    ) -> Result<Option<Vec<T>>> {
        self.note_blocks(blocks);
        self.perform(Call::collective("gather_by").of::<T>().root(root).len(blocks.len()), |comm| {
            to_root(comm, blocks, root, mine)
        })
    }

    /// As [`gather_by`](Comm::gather_by), into the root's `all`, which is looked at there only: no allocation.
    ///
    /// # Collective
    /// All ranks must call this, with the same `root` and the same partition.
    ///
    /// # Errors
    /// As `gather_by`, and on the root alone when it gives no `all` or one that is not as long as the partition says.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// use rankwise::Partition;
    ///
    /// let blocks = Partition::even(world.size(), world.size());
    /// let mut all = vec![0; world.size()];
    /// world.gather_into(&blocks, 0, &[world.rank() + 1], Some(&mut all))?;
    /// assert!(!world.is_root() || all.into_iter().eq(1..=world.size()));
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn gather_into<T: Element<K>, K>(
        &self,
        blocks: &Partition,
        root: usize,
        mine: &[T],
        all: Option<&mut [T]>,
    ) -> Result<()> {
        self.note_blocks(blocks);
        self.perform(Call::collective("gather_into").of::<T>().root(root).len(blocks.len()), |comm| {
            let all = all.map(Received::new).transpose()?;
            collectives::gather(comm, root, blocks, Sent::new(mine)?, all)
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
    pub fn all_gather<T: Element<K>, K>(&self, mine: &[T]) -> Result<Vec<T>> {
        self.perform(Call::collective("all_gather").of::<T>(), |comm| {
            let blocks = lengths_of_all(comm, mine.len())?;
            to_all(comm, &blocks, mine)
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
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// use rankwise::Partition;
    ///
    /// let rows = Partition::even(10, world.size());
    /// let mine: Vec<usize> = rows.range(world.rank()).collect();
    /// assert!(world.all_gather_by(&rows, &mine)?.into_iter().eq(0..10));
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn all_gather_by<T: Element<K>, K>(&self, blocks: &Partition, mine: &[T]) -> Result<Vec<T>> {
        self.note_blocks(blocks);
        self.perform(Call::collective("all_gather_by").of::<T>().len(blocks.len()), |comm| {
            to_all(comm, blocks, mine)
        })
    }

    /// As [`all_gather_by`](Comm::all_gather_by), into the caller's `all`: no allocation.
    ///
    /// # Collective
    /// All ranks must call this, with the same partition.
    ///
    /// # Errors
    /// As `all_gather_by`, and on one rank alone when its `all` is not as long as the partition says.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// use rankwise::Partition;
    ///
    /// let mut all = vec![0; 2 * world.size()];
    /// world.all_gather_into(&Partition::even(all.len(), world.size()), &[world.rank(); 2], &mut all)?;
    /// assert_eq!(all[1], 0);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn all_gather_into<T: Element<K>, K>(
        &self,
        blocks: &Partition,
        mine: &[T],
        all: &mut [T],
    ) -> Result<()> {
        self.note_blocks(blocks);
        self.perform(Call::collective("all_gather_into").of::<T>().len(blocks.len()), |comm| {
            collectives::all_gather(comm, blocks, Sent::new(mine)?, Received::new(all)?)
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
    pub fn all_gather_one<T: Element<K>, K>(&self, mine: T) -> Result<Vec<T>> {
        self.perform(Call::collective("all_gather_one").of::<T>(), |comm| one_of_all(comm, mine))
    }
}

fn to_root<T: Element<K>, K>(
    comm: &sys::Communicator,
    blocks: &Partition,
    root: usize,
    mine: &[T],
) -> sys::Outcome<Option<Vec<T>>> {
    // Before anything is allocated: the number may be of another program.
    count_of(blocks, comm)?;
    let mine = Sent::new(mine)?;
    if comm.rank != root {
        collectives::gather(comm, root, blocks, mine, None)?;
        return Ok(None);
    }
    let (all, ()) =
        memory::filled(blocks.len(), |room| collectives::gather(comm, root, blocks, mine, Some(room)))?;
    Ok(Some(all))
}

fn to_all<T: Element<K>, K>(
    comm: &sys::Communicator,
    blocks: &Partition,
    mine: &[T],
) -> sys::Outcome<Vec<T>> {
    count_of(blocks, comm)?;
    let mine = Sent::new(mine)?;
    let (all, ()) = memory::filled(blocks.len(), |room| collectives::all_gather(comm, blocks, mine, room))?;
    Ok(all)
}

pub(super) fn one_of_all<T: Element<K>, K>(comm: &sys::Communicator, mine: T) -> sys::Outcome<Vec<T>> {
    to_all(comm, &Partition::even(comm.size, comm.size), &[mine])
}

/// The blocks that every rank's number of elements makes.
pub(super) fn lengths_of_all(comm: &sys::Communicator, mine: usize) -> sys::Outcome<Partition> {
    let lengths = one_of_all(comm, mine)?;
    match lengths.iter().try_fold(0usize, |sum, &len| sum.checked_add(len)) {
        Some(_) => Ok(Partition::from_counts(&lengths)),
        None => {
            Err(sys::Failure::Argument("the lengths of all ranks sum to more than memory can have".into()))
        }
    }
}
