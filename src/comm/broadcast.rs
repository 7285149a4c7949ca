//! What one rank has, all ranks get.

use super::{Call, Comm, Element};
use crate::error::Result;
use crate::sys::{self, Failure, Received, collectives, memory};

/// Sent instead of a length by a root that has nothing to send, so that every rank learns of it.
pub(super) const NOTHING: u64 = u64::MAX;

impl Comm {
    /// The root's `data`, on all ranks. Only the root's `data` is read; the others give `None`.
    ///
    /// Sends the length first: one message more than [`broadcast_known`](Comm::broadcast_known). The result is allocated.
    ///
    /// # Collective
    /// All ranks must call this, with the same `root`.
    ///
    /// # Errors
    /// On all ranks, when the root gives `None` or `root` is no rank.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let settings = world.is_root().then_some([0.1, 0.2]);
    /// let settings = world.broadcast(0, settings.as_ref().map(|s| &s[..]))?;
    /// assert_eq!(settings, [0.1, 0.2]);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn broadcast<T: Element<K>, K>(&self, root: usize, data: Option<&[T]>) -> Result<Vec<T>> {
        self.perform(Call::collective("broadcast").of::<T>().root(root), |comm| {
            let len = length_from_root(comm, root, data.map(<[T]>::len))?;
            new(comm, root, len, data)
        })
    }

    /// The root's `data`, on all ranks, which all know that there are `len` elements: no message for the length. The result
    /// is allocated.
    ///
    /// # Collective
    /// All ranks must call this, with the same `root` and `len`.
    ///
    /// # Errors
    /// When `root` is no rank; on the root alone when its data is not as long.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let origin = world.is_root().then_some(&[1.5, 2.5][..]);
    /// assert_eq!(world.broadcast_known(0, 2, origin)?, [1.5, 2.5]);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn broadcast_known<T: Element<K>, K>(
        &self,
        root: usize,
        len: usize,
        data: Option<&[T]>,
    ) -> Result<Vec<T>> {
        self.perform(Call::collective("broadcast_known").of::<T>().root(root).len(len), |comm| {
            new(comm, root, len, data)
        })
    }

    /// Fills `buffer` with the root's. No allocation, no message for the length.
    ///
    /// # Collective
    /// All ranks must call this, with the same `root` and buffers of the same length.
    ///
    /// # Errors
    /// When `root` is no rank, or MPI refuses.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let mut grid = [world.rank() as f64 + 1.0; 4];
    /// world.broadcast_into(0, &mut grid)?;
    /// assert_eq!(grid, [1.0; 4]);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn broadcast_into<T: Element<K>, K>(&self, root: usize, buffer: &mut [T]) -> Result<()> {
        self.perform(Call::collective("broadcast_into").of::<T>().root(root).len(buffer.len()), |comm| {
            collectives::broadcast(comm, root, Received::new(buffer)?)
        })
    }
}

/// The root's `data`, of `len` elements, on all ranks.
fn new<T: Element<K>, K>(
    comm: &sys::Communicator,
    root: usize,
    len: usize,
    data: Option<&[T]>,
) -> sys::Outcome<Vec<T>> {
    if comm.rank != root {
        let (buffer, ()) = memory::filled(len, |room| collectives::broadcast(comm, root, room))?;
        return Ok(buffer);
    }
    match data {
        Some(data) if data.len() == len => {
            let mut copy = data.to_vec();
            collectives::broadcast(comm, root, Received::new(&mut copy)?)?;
            Ok(copy)
        }
        Some(data) => Err(Failure::Argument(format!("{} elements instead of {len}", data.len()))),
        None => Err(Failure::Argument(format!("rank {root}, the root, has no data"))),
    }
}

/// The length that the root gave, on all ranks; an error on all ranks when it gave none.
pub(super) fn length_from_root(
    comm: &sys::Communicator,
    root: usize,
    len: Option<usize>,
) -> sys::Outcome<usize> {
    let mut length = [match len {
        Some(len) if comm.rank == root => len as u64,
        _ => NOTHING,
    }];
    collectives::broadcast(comm, root, Received::new(&mut length)?)?;
    match length {
        [NOTHING] => Err(Failure::Argument(format!("rank {root}, the root, has no data"))),
        [len] => usize::try_from(len)
            .map_err(|_| Failure::Argument(format!("{len} elements do not fit in memory"))),
    }
}
