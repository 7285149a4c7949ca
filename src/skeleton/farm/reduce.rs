//! One value from the results of all tasks, with bits that do not depend on who computed what.

use std::error::Error as StdError;
use std::ops::Range;

use super::carry::Elements;
use super::items::{Known, Place};
use super::local::Local;
use super::{Farm, local, master, masterless};
use crate::comm::Element;
#[cfg(doc)]
use crate::error::Error;
use crate::error::{Result, TaskError};
use crate::skeleton::task::Runner;

/// Of more tiles than this, the root would have too much to put together.
const TILES: usize = 4096;

/// Items in tiles whose length follows from their number alone.
#[derive(Debug, Clone, Copy)]
pub(in crate::skeleton) struct Tiling {
    len: usize,
    tile: usize,
}

impl Tiling {
    pub(in crate::skeleton) fn new(len: usize) -> Self {
        Tiling { len, tile: len.div_ceil(TILES).max(1) }
    }

    /// How many there are; none is empty.
    pub(in crate::skeleton) fn tiles(self) -> usize {
        self.len.div_ceil(self.tile)
    }

    /// How many items the first tiles have.
    pub(super) fn items(self, tiles: usize) -> usize {
        tiles.saturating_mul(self.tile).min(self.len)
    }

    fn range(self, number: usize) -> Range<usize> {
        number * self.tile..(number * self.tile + self.tile).min(self.len)
    }

    /// One value from the tasks of a tile. Errors are those of the items, and not of the tiles.
    pub(in crate::skeleton) fn reduce<R: Copy, E: Into<Box<dyn StdError>>>(
        self,
        number: usize,
        runner: &Runner<'_>,
        mut task: impl FnMut(usize) -> Result<R, E>,
        combine: impl Fn(R, R) -> R,
    ) -> Result<R, TaskError> {
        let mut all = None;
        let range = self.range(number);
        let one_more = |_, result| {
            all = Some(match all {
                None => result,
                Some(before) => combine(before, result),
            });
        };
        runner.run_all(range, &mut task, one_more).map_err(|(_, error)| error)?;
        match all {
            Some(all) => Ok(all),
            None => unreachable!("no tile is empty"),
        }
    }
}

impl<I: Known> Farm<'_, I> {
    /// What `combine` makes of the results of all tasks: `Some` on the root, and with [`gather_to_all`](Farm::gather_to_all) on all
    /// ranks; `None` also when there are no items. The bits do not depend on the number of ranks or the schedule: items are put
    /// together in their order, in tiles whose length follows from their number alone. `combine` must be associative as far as the
    /// meaning goes, and need not be commutative.
    ///
    /// Memory: one result a tile, of which there are up to 4096.
    ///
    /// # Collective
    /// All ranks must call this, with tasks that do the same.
    ///
    /// # Errors
    /// On all ranks the same: [`Error::Tasks`] when a task failed, or `combine` panicked in a tile.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let sum = world.farm(1..100_001).map_reduce(|k| Ok::<_, String>(1.0 / f64::from(k).powi(2)), |a, b| a + b)?;
    /// assert!(sum.is_none_or(|sum| (sum - std::f64::consts::PI.powi(2) / 6.0).abs() < 1e-4));
    /// # Ok(()) }) }
    /// ```
    pub fn map_reduce<R: Element<K>, K, E: Into<Box<dyn StdError>>>(
        self,
        mut task: impl FnMut(I::Item) -> Result<R, E>,
        combine: impl Fn(R, R) -> R,
    ) -> Result<Option<R>> {
        let Farm { items, mut job } = self;
        let Place::Everywhere(len) = items.place() else { unreachable!("known items are everywhere") };
        let (runner, tiling) = (job.runner, Tiling::new(len));
        job.tiling = Some(tiling);
        job.begin(&items.place(), false)?;
        let place = Place::Everywhere(tiling.tiles());
        let mut reduce = |number| tiling.reduce(number, &runner, |index| task(items.at(index)), &combine);
        let local = if job.on_error.is_some() {
            master::run::<_, R, Elements<K>>(&mut job, 0..tiling.tiles(), None, false, |tile, _| {
                reduce(tile)
            })?
        } else {
            masterless::run(&mut job, &place, |tiles, _, local: &mut Local<R>| {
                for tile in tiles {
                    local.push(tile, reduce(tile).map_err(|error| (tile, error))?);
                }
                Ok(())
            })?
        };
        let results = local::finish::<R, Elements<K>>(&job, local)?.results;
        Ok(results.and_then(|results| results.into_iter().reduce(combine)))
    }
}
