//! Running combinations: over the ranks up to this one, or before it.

use super::{Call, Comm, Element, Reduction};
use crate::error::Result;
use crate::sys::collectives::Input;
use crate::sys::{Received, Sent, collectives, memory};

impl Comm {
    /// The slices of ranks 0 to this one, combined place by place.
    ///
    /// # Collective
    /// All ranks must call this, with slices of the same length.
    ///
    /// # Errors
    /// When MPI refuses.
    ///
    /// ```
    /// # use rankwise::prelude::*;
    /// # fn main() -> ExitCode { rankwise::run(|world| {
    /// assert_eq!(world.scan(&[1, 10], Sum)?, [world.rank() + 1, 10 * (world.rank() + 1)]);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn scan<T: Element<K>, K, R: Reduction<T>>(&self, mine: &[T], with: R) -> Result<Vec<T>> {
        self.perform(Call::collective("scan").of::<T>().with::<R>().len(mine.len()), |comm| {
            let (sent, operation) = (Input::Slice(Sent::new(mine)?), with.operation().get()?);
            let act = |room: Received| collectives::scan(comm, sent, room, operation);
            Ok(memory::filled(mine.len(), act)?.0)
        })
    }

    /// As [`scan`](Comm::scan), into the caller's `result`: no allocation.
    ///
    /// # Collective
    /// As `scan`.
    ///
    /// # Errors
    /// When the two slices differ in length, or MPI refuses.
    ///
    /// ```
    /// # use rankwise::prelude::*;
    /// # fn main() -> ExitCode { rankwise::run(|world| {
    /// let mut most = [0];
    /// world.scan_into(&[world.rank()], &mut most, Max)?;
    /// assert_eq!(most, [world.rank()]);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn scan_into<T: Element<K>, K, R: Reduction<T>>(
        &self,
        mine: &[T],
        result: &mut [T],
        with: R,
    ) -> Result<()> {
        self.perform(Call::collective("scan_into").of::<T>().with::<R>().len(mine.len()), |comm| {
            let mine = Input::Slice(Sent::new(mine)?);
            collectives::scan(comm, mine, Received::new(result)?, with.operation().get()?)
        })
    }

    /// As [`scan`](Comm::scan), in place.
    ///
    /// # Collective
    /// As `scan`.
    ///
    /// # Errors
    /// When MPI refuses.
    ///
    /// ```
    /// # use rankwise::prelude::*;
    /// # fn main() -> ExitCode { rankwise::run(|world| {
    /// let mut count = [1];
    /// world.scan_in_place(&mut count, Sum)?;
    /// assert_eq!(count, [world.rank() + 1]);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn scan_in_place<T: Element<K>, K, R: Reduction<T>>(&self, buffer: &mut [T], with: R) -> Result<()> {
        self.perform(Call::collective("scan_in_place").of::<T>().with::<R>().len(buffer.len()), |comm| {
            collectives::scan(comm, Input::InPlace, Received::new(buffer)?, with.operation().get()?)
        })
    }

    /// The slices of the ranks before this one, combined place by place. On rank 0 it is what changes nothing: 0 for a sum,
    /// the greatest number for a minimum. The way to find where one's elements begin among all.
    ///
    /// # Collective
    /// All ranks must call this, with slices of the same length.
    ///
    /// # Errors
    /// When MPI refuses.
    ///
    /// ```
    /// # use rankwise::prelude::*;
    /// # fn main() -> ExitCode { rankwise::run(|world| {
    /// let mine = vec![0.5; 3 + world.rank()];
    /// let start = world.exclusive_scan(&[mine.len()], Sum)?[0];
    /// assert_eq!(start, (0..world.rank()).map(|rank| 3 + rank).sum::<usize>());
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn exclusive_scan<T: Element<K>, K, R: Reduction<T>>(&self, mine: &[T], with: R) -> Result<Vec<T>> {
        self.perform(Call::collective("exclusive_scan").of::<T>().with::<R>().len(mine.len()), |comm| {
            let (sent, operation) = (Input::Slice(Sent::new(mine)?), with.operation().get()?);
            let act = |room: Received| collectives::exclusive_scan(comm, sent, room, operation);
            let (mut result, ()) = memory::filled(mine.len(), act)?;
            neutral_on_first(comm.rank, &mut result, with);
            Ok(result)
        })
    }

    /// As [`exclusive_scan`](Comm::exclusive_scan), into the caller's `result`: no allocation.
    ///
    /// # Collective
    /// As `exclusive_scan`.
    ///
    /// # Errors
    /// When the two slices differ in length, or MPI refuses.
    ///
    /// ```
    /// # use rankwise::prelude::*;
    /// # fn main() -> ExitCode { rankwise::run(|world| {
    /// let mut before = [7];
    /// world.exclusive_scan_into(&[1], &mut before, Sum)?;
    /// assert_eq!(before, [world.rank()]);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn exclusive_scan_into<T: Element<K>, K, R: Reduction<T>>(
        &self,
        mine: &[T],
        result: &mut [T],
        with: R,
    ) -> Result<()> {
        self.perform(Call::collective("exclusive_scan_into").of::<T>().with::<R>().len(mine.len()), |comm| {
            let mine = Input::Slice(Sent::new(mine)?);
            collectives::exclusive_scan(comm, mine, Received::new(result)?, with.operation().get()?)?;
            neutral_on_first(comm.rank, result, with);
            Ok(())
        })
    }

    /// As [`exclusive_scan`](Comm::exclusive_scan), in place.
    ///
    /// # Collective
    /// As `exclusive_scan`.
    ///
    /// # Errors
    /// When MPI refuses.
    ///
    /// ```
    /// # use rankwise::prelude::*;
    /// # fn main() -> ExitCode { rankwise::run(|world| {
    /// let mut start = [4];
    /// world.exclusive_scan_in_place(&mut start, Sum)?;
    /// assert_eq!(start, [4 * world.rank()]);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn exclusive_scan_in_place<T: Element<K>, K, R: Reduction<T>>(
        &self,
        buffer: &mut [T],
        with: R,
    ) -> Result<()> {
        self.perform(
            Call::collective("exclusive_scan_in_place").of::<T>().with::<R>().len(buffer.len()),
            |comm| {
                collectives::exclusive_scan(
                    comm,
                    Input::InPlace,
                    Received::new(buffer)?,
                    with.operation().get()?,
                )?;
                neutral_on_first(comm.rank, buffer, with);
                Ok(())
            },
        )
    }
}

/// MPI leaves the result of rank 0 undefined.
fn neutral_on_first<T: Copy, R: Reduction<T>>(rank: usize, result: &mut [T], _with: R) {
    if rank == 0 {
        result.fill(R::neutral());
    }
}
