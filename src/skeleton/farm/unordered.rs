//! Results in the order in which they are ready: on the root, one by one.

use std::error::Error as StdError;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::carry::Values;
use super::items::Items;
use super::{Collecting, Farm, Unordered, local};
#[cfg(doc)]
use crate::error::Error;
use crate::error::{Result, TaskErrors};

impl<I: Items> Farm<'_, I> {
    /// Hands each result to `consume` on the root, with the number of its item, as soon as it is there, in whatever order. Nothing
    /// is kept: memory is bounded whatever the number of items.
    ///
    /// # Collective
    /// All ranks must call this, with tasks that do the same.
    ///
    /// # Errors
    /// On all ranks the same: [`Error::Tasks`] when a task failed. On all ranks when the items are [`mine`](super::mine).
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let mut sum = 0;
    /// world.farm(0..100).run_unordered(|i| Ok::<_, String>(i * i), |_, square| sum += square)?;
    /// assert_eq!(sum, if world.is_root() { 328_350 } else { 0 });
    /// # Ok(()) }) }
    /// ```
    pub fn run_unordered<R: Serialize + DeserializeOwned, E: Into<Box<dyn StdError>>>(
        self,
        task: impl FnMut(I::Item) -> Result<R, E>,
        mut consume: impl FnMut(usize, R),
    ) -> Result<()> {
        let (job, local) = self.start::<R, Values, E>(Some(&mut consume), task)?;
        local::finish_without_results(&job, local).map(drop)
    }

    /// Runs `body` on the root with an iterator over the results, each with the number of its item, as soon as it is there. What it gives
    /// is `Some` on the root and `None` elsewhere. While the iterator waits for the others, the root runs tasks, too. A body that
    /// leaves the iterator before its end has enough: what is not begun is not run, and that is no error.
    ///
    /// It is a body, and not an iterator that is returned, because all ranks must take part until the end, which a program could forget
    /// on one of them.
    ///
    /// Memory: while the body looks at a result the others go on, but not far: each rank has no more than two stretches of work,
    /// and a stretch is what takes 0.3 ms, or as long as [`Schedule::Dynamic`](super::Schedule::Dynamic) says.
    ///
    /// # Collective
    /// All ranks must call this, with tasks that do the same.
    ///
    /// # Errors
    /// On all ranks the same: [`Error::Tasks`] when a task failed, after which the iterator ends; what the body returned; when the
    /// items are [`mine`](super::mine).
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let found = world.farm(2..1_000_000u64).unordered(
    ///     |n| Ok::<_, String>((2..n).take_while(|d| d * d <= n).all(|d| n % d != 0)),
    ///     |mut results| Ok::<_, String>(results.find(|&(index, prime)| prime && index > 100).is_some()),
    /// )?;
    /// assert!(found.unwrap_or(true));
    /// # Ok(()) }) }
    /// ```
    pub fn unordered<
        R: Serialize + DeserializeOwned,
        E: Into<Box<dyn StdError>>,
        T,
        B: Into<Box<dyn StdError>>,
    >(
        self,
        task: impl FnMut(I::Item) -> Result<R, E>,
        body: impl FnOnce(Unordered<'_, R>) -> Result<T, B>,
    ) -> Result<Option<T>> {
        let (job, local, given) = self.start_with(task, body)?;
        local::finish_without_results(&job, local)?;
        job.comm.agree(given.transpose())
    }
}

impl<I: Items> Collecting<'_, I> {
    /// As [`Farm::unordered`]; tasks that fail have no result, and are in the errors.
    ///
    /// # Collective
    /// All ranks must call this, with tasks that do the same.
    ///
    /// # Errors
    /// What the body returned, on all ranks; when the items are [`mine`](super::mine).
    pub fn unordered<
        R: Serialize + DeserializeOwned,
        E: Into<Box<dyn StdError>>,
        T,
        B: Into<Box<dyn StdError>>,
    >(
        self,
        task: impl FnMut(I::Item) -> Result<R, E>,
        body: impl FnOnce(Unordered<'_, R>) -> Result<T, B>,
    ) -> Result<(Option<T>, TaskErrors)> {
        let (job, local, given) = self.0.start_with(task, body)?;
        let (_, errors) = local::finish_without_results(&job, local)?;
        Ok((job.comm.agree(given.transpose())?, errors))
    }
}
