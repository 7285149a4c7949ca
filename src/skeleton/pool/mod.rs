//! A pool: tasks that the root submits one by one, as it finds out what there is to do, and futures of their results.

use std::error::Error as StdError;
use std::time::{Duration, Instant};

use super::pipeline::Item;
use super::task::{Policy, Runner};
use crate::comm::{Call, Comm};
use crate::error::{Error, Result, TaskError, TaskErrors};
use crate::sys::Communicator;
use crate::sys::record::within_at;

mod root;
mod worker;

/// A function that ranks run on what the root submits: see [`Comm::pool`].
#[must_use = "nothing happens before it runs"]
pub struct Pool<'c, F> {
    comm: &'c Comm,
    call: Call,
    runner: Runner<'c>,
    task: F,
}

impl<F> std::fmt::Debug for Pool<'_, F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").finish_non_exhaustive()
    }
}

impl Comm {
    /// A [`Pool`]: `task` runs on whatever the root [submits](Submitter::submit) until its body ends, on whichever rank has time.
    /// For work that is not known at the start; what is known is faster in a [farm](Comm::farm).
    ///
    /// # Collective
    /// All ranks must make and [run](Pool::run) the same pool. A task must not call what all ranks have to.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// // The longest way to 1 of Collatz's numbers, looking only where it got longer.
    /// let steps = |n: u64| {
    ///     let next = |&n: &u64| (n > 1).then(|| if n % 2 == 0 { n / 2 } else { 3 * n + 1 });
    ///     Ok::<_, String>(std::iter::successors(Some(n), next).count() - 1)
    /// };
    /// let found = world.pool(steps).run(|pool| {
    ///     let (mut n, mut steps) = (1, 0);
    ///     while steps < 20 {
    ///         n += 1;
    ///         steps = pool.submit(n)?.wait()?;
    ///     }
    ///     Ok::<_, rankwise::Error>((n, steps))
    /// })?;
    /// assert_eq!(found, world.is_root().then_some((18, 20)));
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn pool<I, R, E, F: FnMut(I) -> Result<R, E>>(&self, task: F) -> Pool<'_, F> {
        let call = Call::collective("pool");
        let runner =
            Runner { rank: self.world_rank(), host: self.host(), at: call.at, policy: Policy::default() };
        Pool { comm: self, call, runner, task }
    }
}

impl<F> Pool<'_, F> {
    /// A task that fails is run again on the same rank, up to `n` times.
    pub fn retry(mut self, n: usize) -> Self {
        self.runner.policy.retries = n;
        self
    }

    /// A task that takes longer than this has failed. It is not interrupted, since nothing can do that: it is found when it
    /// ends, and its result is thrown away.
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.runner.policy.deadline = Some(limit);
        self
    }

    /// Runs `body` on the root, while all other ranks run what it submits; what it gives is `Some` on the root and `None` elsewhere. The
    /// root runs tasks, too, while it [waits](Future::wait) and the others have enough to do. What was submitted is finished before
    /// this returns, also if nobody waits for it; but if the body fails, tasks that have not begun are not run.
    ///
    /// Cost: one message to a worker and one back for each task.
    ///
    /// # Collective
    /// All ranks must call this, with tasks that do the same.
    ///
    /// # Errors
    /// On all ranks alike: what the body returned; [`Error::Tasks`] if that is the error of a task, as whoever waits for it gets it. If nobody
    /// does, the program ends with exit code 1.
    pub fn run<I, R, E, T, B>(
        mut self,
        body: impl FnOnce(Submitter<'_, I, R>) -> Result<T, B>,
    ) -> Result<Option<T>>
    where
        I: Item + Clone,
        R: Item,
        E: Into<Box<dyn StdError>>,
        F: FnMut(I) -> Result<R, E>,
        B: Into<Box<dyn StdError>>,
    {
        let (call, whole, runner) = (self.call, self.comm, self.runner);
        let _within = within_at(call.at);
        whole.note(|| format!("retries {}, deadline {:?}", runner.policy.retries, runner.policy.deadline));
        // Of its own: no other message can be taken for one of these.
        let comm = whole.perform(call, Communicator::again)?;
        let mut run = |id: usize, item: I| {
            let mut item = Some(item);
            runner.run(id, || {
                let item = if runner.policy.retries > 0 { item.clone() } else { item.take() };
                (self.task)(item.expect("there is one for each try"))
            })
        };
        if !whole.is_root() {
            let served = whole.quietly(call, |_| worker::serve::<I, R>(&comm, &runner, &mut run));
            whole.agree(served)?;
            return match whole.broadcast_value::<Option<Vec<TaskError>>>(0, None)? {
                Some(errors) => Err(tasks_failed(call, TaskErrors::new(errors, false))),
                None => Ok(None),
            };
        }
        let root = root::Root::new(whole, &comm, call, runner, run);
        let outcome = body(Submitter { engine: &root }).map_err(Into::into);
        let (ended, unseen) = root.end(outcome.is_err());
        // Nobody has waited for these, and the program is told so at its end.
        drop(TaskErrors::new(unseen, true));
        // The error of a task is one on all ranks, as that of a farm.
        let (outcome, errors) = match outcome.map_err(|error| error.downcast::<Error>()) {
            Ok(value) => (Ok(Some(value)), None),
            Err(Ok(error)) => match *error {
                Error::Tasks { errors, .. } => (Ok(None), Some(errors)),
                error => (Err(error.into()), None),
            },
            Err(Err(error)) => (Err(error), None),
        };
        let outcome: Result<_, Box<dyn StdError>> =
            outcome.and_then(|value| ended.map(|()| value).map_err(Into::into));
        let value = whole.agree(outcome)?;
        let told: Option<Vec<TaskError>> = errors.as_ref().map(|errors| errors.iter().cloned().collect());
        whole.broadcast_value(0, Some(&told))?;
        match errors {
            Some(_) => Err(tasks_failed(call, TaskErrors::new(told.unwrap_or_default(), true))),
            None => Ok(value),
        }
    }
}

fn tasks_failed(call: Call, errors: TaskErrors) -> Error {
    Error::Tasks { operation: call.operation, at: call.at, errors }
}

/// What runs the tasks, for a future.
trait Engine<R> {
    /// The result of a task, once.
    fn take(&self, id: usize) -> Option<Result<R, TaskError>>;
    fn is_ready(&self, id: usize) -> bool;
    /// Goes on a little: whether there was anything to do. If it is to `work`, it may run a task here, the one that is wanted first.
    fn advance(&self, work: bool, wanted: Option<usize>) -> Result<bool>;
    /// Lets others have the processor, after it could not go on; until it can again, or nobody waits any more.
    fn give_way(&self);
    fn end_wait(&self);
    /// Nobody wants the result any more.
    fn forget(&self, id: usize);
    fn failed(&self, error: TaskError) -> crate::Error;
    fn taken(&self, id: usize) -> crate::Error;
}

/// The same, for who submits.
trait Takes<I, R>: Engine<R> {
    fn submit(&self, item: I) -> Result<usize>;
}

/// Submits tasks to a [`Pool`]: what its body gets.
pub struct Submitter<'p, I, R> {
    engine: &'p dyn Takes<I, R>,
}

impl<I, R> Clone for Submitter<'_, I, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<I, R> Copy for Submitter<'_, I, R> {}

impl<I, R> std::fmt::Debug for Submitter<'_, I, R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Submitter").finish_non_exhaustive()
    }
}

impl<'p, I, R> Submitter<'p, I, R> {
    /// Submits a task: the pool's function on `item`. It goes to a rank that has nothing to do, or waits for one; this does not
    /// wait. Tasks begin in the order in which they were submitted, but for one that the root itself waits for.
    ///
    /// # Errors
    /// When MPI refuses. An item that cannot be encoded is an error of its task.
    pub fn submit(&self, item: I) -> Result<Future<'p, R>> {
        Ok(Future { engine: self.engine, id: self.engine.submit(item)? })
    }
}

/// The result of a task that was [submitted](Submitter::submit), now or later.
///
/// Dropping it does not cancel the task; if that fails then, the program ends with exit code 1.
#[must_use = "the result, or the error, of a task"]
pub struct Future<'p, R> {
    engine: &'p dyn Engine<R>,
    id: usize,
}

impl<R> std::fmt::Debug for Future<'_, R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Future").field("id", &self.id).field("ready", &self.engine.is_ready(self.id)).finish()
    }
}

impl<R> Drop for Future<'_, R> {
    fn drop(&mut self) {
        self.engine.forget(self.id);
    }
}

impl<R> Future<'_, R> {
    /// The number of its task among those that were submitted, from 0.
    pub fn id(&self) -> usize {
        self.id
    }

    /// Whether the result is there. Does not wait; on one rank alone it runs a task.
    ///
    /// # Errors
    /// When MPI refuses.
    pub fn is_ready(&self) -> Result<bool> {
        if !self.engine.is_ready(self.id) {
            self.engine.advance(false, Some(self.id))?;
        }
        Ok(self.engine.is_ready(self.id))
    }

    /// The result. While it is not there, the root runs tasks itself if no other rank is free for them, this one first.
    ///
    /// # Errors
    /// [`Error::Tasks`] with one error when the task failed; when MPI refuses.
    pub fn wait(self) -> Result<R> {
        loop {
            if let Some(result) = self.engine.take(self.id) {
                return result.map_err(|error| self.engine.failed(error));
            }
            self.go_on()?;
        }
    }

    /// The result if it is there, once: then there is none any more. Does not wait; on one rank alone it runs a task.
    ///
    /// # Errors
    /// As [`wait`](Future::wait).
    pub fn try_get(&mut self) -> Result<Option<R>> {
        self.wait_timeout(Duration::ZERO)
    }

    /// As [`wait`](Future::wait), for a while: `None` when the result is not there then. The root runs no tasks meanwhile, unless it is
    /// alone; such a one is not interrupted.
    ///
    /// # Errors
    /// As [`wait`](Future::wait).
    pub fn wait_timeout(&mut self, limit: Duration) -> Result<Option<R>> {
        let began = Instant::now();
        loop {
            if let Some(result) = self.engine.take(self.id) {
                return result.map(Some).map_err(|error| self.engine.failed(error));
            }
            let moved = self.engine.advance(false, Some(self.id))?;
            if began.elapsed() >= limit && !self.engine.is_ready(self.id) {
                self.engine.end_wait();
                // Whoever asks again and again lets others have the processor, too.
                std::thread::yield_now();
                return Ok(None);
            }
            if !moved {
                self.engine.give_way();
            }
        }
    }

    fn go_on(&self) -> Result<()> {
        if !self.engine.advance(true, Some(self.id))? {
            self.engine.give_way();
        }
        Ok(())
    }
}

/// Waits for whichever is ready first, and takes it out: its place and its result. `None` when there are none.
///
/// # Errors
/// When MPI refuses. That the task failed is in the inner result, as from [`Future::wait`].
///
/// ```
/// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
/// use rankwise::skeleton::wait_any;
///
/// let halves = world.pool(|n: u32| if n % 2 == 0 { Ok(n / 2) } else { Err("it is odd") });
/// let sum = halves.run(|pool| {
///     let mut futures = [6, 7, 8].map(|n| pool.submit(n)).into_iter().collect::<Result<Vec<_>, _>>()?;
///     let mut sum = 0;
///     while let Some((_, half)) = wait_any(&mut futures)? {
///         sum += half.unwrap_or_else(|error| {
///             assert!(error.to_string().contains("task 1 on rank") && error.to_string().contains("odd"));
///             0
///         });
///     }
///     Ok::<_, rankwise::Error>(sum)
/// })?;
/// assert_eq!(sum, world.is_root().then_some(7));
/// # Ok(()) }) }
/// ```
pub fn wait_any<R>(futures: &mut Vec<Future<'_, R>>) -> Result<Option<(usize, Result<R>)>> {
    while let Some(first) = futures.first() {
        if let Some(place) = futures.iter().position(|future| future.engine.is_ready(future.id)) {
            return Ok(Some((place, futures.remove(place).wait())));
        }
        first.go_on()?;
    }
    Ok(None)
}

/// The results in the order in which they are there, each with its place in `futures`. An error of MPI is one of a result.
///
/// ```
/// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
/// use rankwise::skeleton::as_completed;
///
/// world.pool(|n: u64| Ok::<_, String>(n * n)).run(|pool| {
///     let futures = (0..20).map(|n| pool.submit(n)).collect::<Result<Vec<_>, _>>()?;
///     for (place, square) in as_completed(futures) {
///         assert_eq!(square?, (place * place) as u64);
///     }
///     Ok::<_, rankwise::Error>(())
/// })?;
/// # Ok(()) }) }
/// ```
pub fn as_completed<'p, R>(
    futures: Vec<Future<'p, R>>,
) -> impl Iterator<Item = (usize, Result<R>)> + use<'p, R> {
    let mut places: Vec<usize> = (0..futures.len()).collect();
    let mut futures = futures;
    std::iter::from_fn(move || match wait_any(&mut futures) {
        Ok(first) => first.map(|(place, result)| (places.remove(place), result)),
        Err(error) => {
            let first = places.first().copied();
            futures.clear();
            first.map(|place| (place, Err(error)))
        }
    })
}
