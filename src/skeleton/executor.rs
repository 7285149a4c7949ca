//! One program for ranks, threads or neither: what does the work is chosen where the program starts.

use std::convert::Infallible;
use std::error::Error as StdError;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::farm::{Known, Place, Tiling};
use super::task::{Policy, Runner};
use crate::comm::{Call, Comm, Element};
use crate::error::{Error, Result, TaskError, TaskErrors};
use crate::sys::Failure;
use crate::sys::record::within_at;

/// What runs tasks: [`Mpi`], [`Threads`], [`Serial`], or the one of them that a name says, [`Backend`]. A program that is written
/// for any of them gives the same on each, to the bit, reductions too.
///
/// Items are those that all ranks have: a range, or [`everywhere`](super::everywhere). A task is a `Fn` that threads may share; the
/// compiler refuses one that uses the communicator.
///
/// # Collective
/// All ranks must call each of these, whatever does the work: results are on the root, errors are everyone's.
///
/// ```
/// use rankwise::prelude::*;
/// use rankwise::skeleton::{Executor, Mpi, Serial, Threads};
///
/// /// Written once.
/// fn sum_of_roots(on: &impl Executor) -> Result<Option<f64>> {
///     on.map_reduce(0..1000u32, |i| Ok::<_, String>(f64::from(i).sqrt()), |a, b| a + b)
/// }
///
/// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
/// let sum = sum_of_roots(&Serial::new(world))?;
/// assert_eq!(sum_of_roots(&Threads::new(world, 2))?, sum);
/// assert_eq!(sum_of_roots(&Mpi::new(world))?, sum);
/// # Ok(()) }) }
/// ```
pub trait Executor {
    /// How many tasks may run at the same time.
    fn workers(&self) -> usize;

    /// What `task` gives for each item, in their order: `Some` on the root, `None` elsewhere. The results are [elements](Element).
    ///
    /// # Errors
    /// On all ranks the same: [`Error::Tasks`] when a task panicked.
    #[track_caller]
    fn map<I: Known + Sync, R: Element<K> + Send, K>(
        &self,
        items: I,
        task: impl Fn(I::Item) -> R + Sync,
    ) -> Result<Option<Vec<R>>> {
        self.try_map(items, |item| Ok::<_, Infallible>(task(item)))
    }

    /// As [`map`](Executor::map), of tasks that may return an `Err`: the first one that fails ends the work soon.
    ///
    /// # Errors
    /// On all ranks the same: [`Error::Tasks`] when a task failed.
    #[track_caller]
    fn try_map<I: Known + Sync, R: Element<K> + Send, K, E: Into<Box<dyn StdError>>>(
        &self,
        items: I,
        task: impl Fn(I::Item) -> Result<R, E> + Sync,
    ) -> Result<Option<Vec<R>>>;

    /// As [`try_map`](Executor::try_map), of results of any `serde` type. Only between ranks they are encoded.
    ///
    /// # Errors
    /// On all ranks the same: [`Error::Tasks`] when a task failed; and between ranks, when a result cannot be encoded.
    #[track_caller]
    fn try_map_values<I, R, E>(
        &self,
        items: I,
        task: impl Fn(I::Item) -> Result<R, E> + Sync,
    ) -> Result<Option<Vec<R>>>
    where
        I: Known + Sync,
        R: Serialize + DeserializeOwned + Send,
        E: Into<Box<dyn StdError>>;

    /// What `combine` makes of all results, in the order of the items and in the tiles of [`Farm::map_reduce`](super::Farm::map_reduce):
    /// the same bits whatever does the work. `Some` on the root, if there are items.
    ///
    /// # Errors
    /// On all ranks the same: [`Error::Tasks`] when a task failed, or `combine` panicked in a tile.
    #[track_caller]
    fn map_reduce<I: Known + Sync, R: Element<K> + Send, K, E: Into<Box<dyn StdError>>>(
        &self,
        items: I,
        task: impl Fn(I::Item) -> Result<R, E> + Sync,
        combine: impl Fn(R, R) -> R + Sync,
    ) -> Result<Option<R>>;
}

/// The ranks of a communicator, by its [`farm`](Comm::farm).
#[derive(Debug, Clone, Copy)]
pub struct Mpi<'c>(&'c Comm);

/// Threads of the root; the other ranks wait.
#[derive(Debug, Clone, Copy)]
pub struct Threads<'c> {
    comm: &'c Comm,
    threads: usize,
}

/// The root alone, one task after the other; the other ranks wait.
#[derive(Debug, Clone, Copy)]
pub struct Serial<'c>(Threads<'c>);

/// One of the three, chosen while the program runs, as by an argument of it.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Backend<'c> {
    /// The ranks.
    Mpi(Mpi<'c>),
    /// Threads of the root.
    Threads(Threads<'c>),
    /// The root alone.
    Serial(Serial<'c>),
}

impl<'c> Mpi<'c> {
    /// All ranks of this communicator.
    pub fn new(comm: &'c Comm) -> Self {
        Mpi(comm)
    }
}

impl<'c> Threads<'c> {
    /// So many threads on the root of this communicator, the one that calls among them; 0 stands for as many as it has processors.
    /// For threads on each rank, give each a communicator of its own.
    pub fn new(comm: &'c Comm, threads: usize) -> Self {
        let all = || thread::available_parallelism().map_or(1, NonZero::get);
        Threads { comm, threads: if threads == 0 { all() } else { threads } }
    }

    /// What `run` gives for each number below `len`, on the root, unless one is an error.
    fn numbers<R: Send>(
        &self,
        call: Call,
        len: usize,
        run: impl Fn(&Runner<'_>, usize) -> Result<R, TaskError> + Sync,
    ) -> Result<Option<Vec<R>>> {
        let (comm, _within) = (self.comm, within_at(call.at));
        comm.note(|| format!("{len} items, {} threads", self.threads));
        let runner =
            Runner { rank: comm.world_rank(), host: comm.host(), at: call.at, policy: Policy::default() };
        let (mut results, mut errors) = (None, Vec::new());
        if comm.is_root() {
            match in_threads(self.threads, len, |number| run(&runner, number)) {
                Ok(all) => results = Some(all),
                Err(some) => errors = some,
            }
        }
        let errors = comm.broadcast_value(0, comm.is_root().then_some(&errors))?;
        if errors.is_empty() {
            return Ok(results);
        }
        let errors = TaskErrors::new(errors, comm.is_root());
        Err(Error::Tasks { operation: call.operation, at: call.at, errors })
    }
}

/// The results in order; or what has failed, after which no more is begun.
fn in_threads<R: Send>(
    threads: usize,
    len: usize,
    run: impl Fn(usize) -> Result<R, TaskError> + Sync,
) -> Result<Vec<R>, Vec<TaskError>> {
    let threads = threads.clamp(1, len.max(1));
    // Beyond all numbers: nothing is begun any more. Each thread adds no more than `len` to it.
    let (next, end) = (AtomicUsize::new(0), usize::MAX / 2);
    let stretches = || {
        let (mut done, mut seen) = (Vec::new(), 0);
        while seen < len {
            // Many at first, fewer towards the end.
            let count = ((len - seen) / (4 * threads)).max(1);
            let start = next.fetch_add(count, Ordering::Relaxed);
            seen = start.saturating_add(count);
            let numbers = start.min(len)..seen.min(len);
            let mut results = Vec::with_capacity(numbers.len());
            for number in numbers {
                match run(number) {
                    Ok(result) => results.push(result),
                    Err(error) => {
                        next.fetch_max(end, Ordering::Relaxed);
                        return Err(error);
                    }
                }
                // A stretch may be long.
                if next.load(Ordering::Relaxed) >= end {
                    return Ok(done);
                }
            }
            if !results.is_empty() {
                done.push((start, results));
            }
        }
        Ok(done)
    };
    let parts = thread::scope(|scope| {
        // Where the machine gives fewer threads, those that there are do the work.
        let others: Vec<_> =
            (1..threads).map_while(|_| thread::Builder::new().spawn_scoped(scope, stretches).ok()).collect();
        let mut parts = vec![stretches()];
        parts.extend(others.into_iter().map(|one| one.join().expect("tasks that panic are caught")));
        parts
    });
    let (mut all, mut errors) = (Vec::new(), Vec::new());
    for part in parts {
        match part {
            Ok(stretches) => all.extend(stretches),
            Err(error) => errors.push(error),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    if let [(_, one)] = &mut all[..] {
        return Ok(std::mem::take(one));
    }
    all.sort_unstable_by_key(|(start, _)| *start);
    let mut results = Vec::with_capacity(len);
    all.into_iter().for_each(|(_, stretch)| results.extend(stretch));
    Ok(results)
}

fn len_of(items: &impl Known) -> usize {
    let Place::Everywhere(len) = items.place() else { unreachable!("known items are everywhere") };
    len
}

impl Executor for Mpi<'_> {
    fn workers(&self) -> usize {
        self.0.size()
    }

    #[track_caller]
    fn try_map<I: Known + Sync, R: Element<K> + Send, K, E: Into<Box<dyn StdError>>>(
        &self,
        items: I,
        task: impl Fn(I::Item) -> Result<R, E> + Sync,
    ) -> Result<Option<Vec<R>>> {
        self.0.farm(items).try_run(task)
    }

    #[track_caller]
    fn try_map_values<I, R, E>(
        &self,
        items: I,
        task: impl Fn(I::Item) -> Result<R, E> + Sync,
    ) -> Result<Option<Vec<R>>>
    where
        I: Known + Sync,
        R: Serialize + DeserializeOwned + Send,
        E: Into<Box<dyn StdError>>,
    {
        self.0.farm(items).try_run_values(task)
    }

    #[track_caller]
    fn map_reduce<I: Known + Sync, R: Element<K> + Send, K, E: Into<Box<dyn StdError>>>(
        &self,
        items: I,
        task: impl Fn(I::Item) -> Result<R, E> + Sync,
        combine: impl Fn(R, R) -> R + Sync,
    ) -> Result<Option<R>> {
        self.0.farm(items).map_reduce(task, combine)
    }
}

impl Executor for Threads<'_> {
    fn workers(&self) -> usize {
        self.threads
    }

    #[track_caller]
    fn try_map<I: Known + Sync, R: Element<K> + Send, K, E: Into<Box<dyn StdError>>>(
        &self,
        items: I,
        task: impl Fn(I::Item) -> Result<R, E> + Sync,
    ) -> Result<Option<Vec<R>>> {
        let call = Call::collective("map");
        self.numbers(call, len_of(&items), |runner, number| runner.run(number, || task(items.at(number))))
    }

    #[track_caller]
    fn try_map_values<I, R, E>(
        &self,
        items: I,
        task: impl Fn(I::Item) -> Result<R, E> + Sync,
    ) -> Result<Option<Vec<R>>>
    where
        I: Known + Sync,
        R: Serialize + DeserializeOwned + Send,
        E: Into<Box<dyn StdError>>,
    {
        let call = Call::collective("map");
        self.numbers(call, len_of(&items), |runner, number| runner.run(number, || task(items.at(number))))
    }

    #[track_caller]
    fn map_reduce<I: Known + Sync, R: Element<K> + Send, K, E: Into<Box<dyn StdError>>>(
        &self,
        items: I,
        task: impl Fn(I::Item) -> Result<R, E> + Sync,
        combine: impl Fn(R, R) -> R + Sync,
    ) -> Result<Option<R>> {
        let (call, tiling) = (Call::collective("map_reduce"), Tiling::new(len_of(&items)));
        let tiles = self.numbers(call, tiling.tiles(), |runner, number| {
            tiling.reduce(number, runner, |index| task(items.at(index)), &combine)
        })?;
        Ok(tiles.and_then(|tiles| tiles.into_iter().reduce(combine)))
    }
}

impl<'c> Serial<'c> {
    /// The root of this communicator alone.
    pub fn new(comm: &'c Comm) -> Self {
        Serial(Threads::new(comm, 1))
    }
}

impl<'c> Backend<'c> {
    /// `mpi`, `serial`, `threads`, or `threads:4`.
    ///
    /// # Errors
    /// When it is another word. Not collective.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// use rankwise::skeleton::{Backend, Executor};
    ///
    /// for name in ["mpi", "threads:2", "serial"] {
    ///     let squares = Backend::named(world, name)?.map(0..4u64, |i| i * i)?;
    ///     assert!(squares.is_none_or(|squares| squares == [0, 1, 4, 9]));
    /// }
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn named(comm: &'c Comm, name: &str) -> Result<Self> {
        let threads = name.strip_prefix("threads:").and_then(|threads| threads.parse().ok());
        match (name, threads) {
            ("mpi", _) => Ok(Backend::Mpi(Mpi::new(comm))),
            ("serial", _) => Ok(Backend::Serial(Serial::new(comm))),
            ("threads", _) => Ok(Backend::Threads(Threads::new(comm, 0))),
            (_, Some(threads)) => Ok(Backend::Threads(Threads::new(comm, threads))),
            _ => {
                let problem = format!("{name:?} runs no tasks: it is mpi, serial, threads or threads:4");
                Err(Call::new("named").error(Failure::Argument(problem)))
            }
        }
    }
}

/// What hands everything on to what is in it.
macro_rules! hands_on {
    ($this:ty: $($variant:path),+) => {
        impl Executor for $this {
            fn workers(&self) -> usize {
                match self {
                    $($variant(on) => on.workers(),)+
                }
            }

            #[track_caller]
            fn try_map<I: Known + Sync, R: Element<K> + Send, K, E: Into<Box<dyn StdError>>>(
                &self,
                items: I,
                task: impl Fn(I::Item) -> Result<R, E> + Sync,
            ) -> Result<Option<Vec<R>>> {
                match self {
                    $($variant(on) => on.try_map(items, task),)+
                }
            }

            #[track_caller]
            fn try_map_values<I, R, E>(
                &self,
                items: I,
                task: impl Fn(I::Item) -> Result<R, E> + Sync,
            ) -> Result<Option<Vec<R>>>
            where
                I: Known + Sync,
                R: Serialize + DeserializeOwned + Send,
                E: Into<Box<dyn StdError>>,
            {
                match self {
                    $($variant(on) => on.try_map_values(items, task),)+
                }
            }

            #[track_caller]
            fn map_reduce<I: Known + Sync, R: Element<K> + Send, K, E: Into<Box<dyn StdError>>>(
                &self,
                items: I,
                task: impl Fn(I::Item) -> Result<R, E> + Sync,
                combine: impl Fn(R, R) -> R + Sync,
            ) -> Result<Option<R>> {
                match self {
                    $($variant(on) => on.map_reduce(items, task, combine),)+
                }
            }
        }
    };
}

hands_on!(Serial<'_>: Serial);
hands_on!(Backend<'_>: Backend::Mpi, Backend::Threads, Backend::Serial);
