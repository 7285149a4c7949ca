//! What one rank has, all ranks get.

use mpi::datatype::Equivalence;

use super::{Call, Comm};
use crate::error::Result;
use crate::sys::{self, Failure};

/// Sent instead of a length by a root that has nothing to send, so that every rank learns of it.
const NOTHING: u64 = u64::MAX;

impl Comm {
    /// The root's `data`, on all ranks. Only the root's `data` is read; the others give `None`.
    ///
    /// Sends the length first: one message more than [`broadcast_into`](Comm::broadcast_into). The result is allocated.
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
    pub fn broadcast<T: Equivalence + Copy>(&self, root: usize, data: Option<&[T]>) -> Result<Vec<T>> {
        self.perform(Call::new("broadcast"), |comm| {
            let len = length_from_root(comm, root, data.map(<[T]>::len))?;
            sys::collectives::broadcast_new(comm, root, len, data)
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
    pub fn broadcast_into<T: Equivalence + Copy>(&self, root: usize, buffer: &mut [T]) -> Result<()> {
        self.perform(Call::new("broadcast_into"), |comm| sys::collectives::broadcast(comm, root, buffer))
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
    sys::collectives::broadcast(comm, root, &mut length)?;
    match length {
        [NOTHING] => Err(Failure::Argument(format!("rank {root}, the root, has no data"))),
        [len] => usize::try_from(len)
            .map_err(|_| Failure::Argument(format!("{len} elements do not fit in memory"))),
    }
}
