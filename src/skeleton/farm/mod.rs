//! A farm: one function on many items, by all ranks, as they have time.

use std::convert::Infallible;
use std::error::Error as StdError;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::task::{Policy, Runner};
use crate::comm::{Call, Comm, Element, Min};
#[cfg(doc)]
use crate::error::Error;
use crate::error::{Result, TaskError};
use crate::sys::record::{Within, within_at};
use crate::sys::{Failure, collectives};

mod carry;
mod items;
mod journal;
mod local;
mod master;
mod masterless;
mod outcomes;
mod pace;
mod reduce;
mod unordered;

use carry::{Carry, Elements, Values};
pub use items::{
    Everywhere, Items, Known, Mine, OnRoot, Place, everywhere, mine, on_root, stream, try_stream,
};
pub use journal::Journaled;
use local::Local;
pub use master::Unordered;
pub use outcomes::Outcomes;
pub(super) use reduce::Tiling;

/// Who gets how many items at once. The results never depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Schedule {
    /// Many at first, fewer towards the end, and never so few that handing them out takes longer than the tasks: that is
    /// measured.
    #[default]
    Guided,
    /// To each rank one block, all as long: for tasks that all take the same time. Nothing is handed out.
    Static,
    /// So many at a time.
    Dynamic(usize),
}

/// What is asked when a farm looks up from its work.
type Question<'c> = Box<dyn FnMut() -> bool + 'c>;
type Progress<'c> = Box<dyn FnMut(usize, Option<usize>) + 'c>;
type OnError<'c> = Box<dyn FnMut(&TaskError) + 'c>;

/// A farm that runs.
struct Job<'c> {
    comm: &'c Comm,
    call: Call,
    runner: Runner<'c>,
    schedule: Schedule,
    prefetch: usize,
    to_all: bool,
    cancel: Option<Question<'c>>,
    progress: Option<Progress<'c>>,
    on_error: Option<OnError<'c>>,
    /// Where a task is a tile of items.
    tiling: Option<Tiling>,
    /// Since it has begun.
    within: Option<Within>,
}

impl Job<'_> {
    /// All ranks have come, and run the same farm: or it is an error on all.
    fn begin(&mut self, place: &Place, consumed: bool) -> Result<()> {
        self.within = Some(within_at(self.call.at));
        let items = match place {
            Place::Everywhere(len) => format!("{len} items"),
            // How many they are, a rank may know alone.
            Place::Own(_) => "items of its own".to_owned(),
            Place::Root(_) => "items of the root".to_owned(),
        };
        let Job { schedule, to_all, .. } = self;
        let (policy, on_error) = (self.runner.policy, self.on_error.is_some());
        let what = format!(
            "{items}, {schedule:?}, to all {to_all}, unordered {consumed}, on_error {on_error}, collects errors {}",
            policy.go_on
        );
        self.comm.note(|| what.clone());
        self.comm.perform(self.call, collectives::barrier)?;
        let hash = crate::check::hashed(&what);
        let least = self.comm.all_reduce(&[hash, !hash], Min)?;
        if least[0] == !least[1] {
            return Ok(());
        }
        Err(self.call.error(Failure::Argument(format!("the ranks run different farms; this one has {what}"))))
    }

    /// As [`begin`](Job::begin); items that ranks have of their own are not for the root, and the others are as they may.
    fn come<I: Items>(&mut self, items: &I, consumed: bool) -> Result<()> {
        self.begin(&items.place(), consumed)?;
        if matches!(items.place(), Place::Own(_)) && (consumed || self.on_error.is_some()) {
            let problem = "items that ranks have of their own are not watched by the root".to_owned();
            return Err(self.call.error(Failure::Argument(problem)));
        }
        Ok(())
    }

    fn is_cancelled(&mut self) -> bool {
        self.cancel.as_mut().is_some_and(|asks| asks())
    }

    fn progress(&mut self, done: usize, of: Option<usize>) {
        if self.comm.is_root()
            && let Some(tell) = &mut self.progress
        {
            match self.tiling {
                None => tell(done, of),
                Some(tiling) => tell(tiling.items(done), of.map(|tiles| tiling.items(tiles))),
            }
        }
    }

    fn on_error(&mut self, error: &TaskError) {
        if let Some(tell) = &mut self.on_error {
            tell(error);
        }
    }
}

/// Items, and how they are to be worked on: see [`Comm::farm`].
#[must_use = "nothing happens before it runs"]
pub struct Farm<'c, I> {
    items: I,
    job: Job<'c>,
}

impl<I> std::fmt::Debug for Farm<'_, I> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Farm").field("schedule", &self.job.schedule).finish_non_exhaustive()
    }
}

/// A [`Farm`] that goes on after errors: see [`Farm::collect_errors`].
#[derive(Debug)]
#[must_use = "nothing happens before it runs"]
pub struct Collecting<'c, I>(Farm<'c, I>);

/// The task as a farm runs it: with its number, caught, and again if it may.
fn tried<I: Clone, R, E: Into<Box<dyn StdError>>>(
    runner: Runner<'_>,
    mut task: impl FnMut(I) -> Result<R, E>,
) -> impl FnMut(usize, I) -> Result<R, TaskError> {
    let retries = runner.policy.retries > 0;
    move |index, item| {
        if !retries {
            let mut item = Some(item);
            return runner.run(index, || match item.take() {
                Some(item) => task(item),
                None => unreachable!("it is tried once"),
            });
        }
        runner.run(index, || task(item.clone()))
    }
}

fn sure<R>(result: R) -> Result<R, Infallible> {
    Ok(result)
}

impl Comm {
    /// A [`Farm`]: a function that all ranks, this one too, run on `items`, each as it has time. It starts with
    /// [`run`](Farm::run) or one of its kin.
    ///
    /// `items` are a range of integers, or what [`everywhere`], [`on_root`], [`stream`] or [`mine`] make of a slice, a `Vec` or
    /// an iterator.
    ///
    /// Where all ranks know the items there is no master: each takes numbers from a [counter](Comm::counter) in the memory of
    /// rank 0, and nothing else is sent before the end. Items of the root are sent by it, while it runs tasks, too.
    ///
    /// # Collective
    /// All ranks must make and run the same farm. A task must not call what all ranks have to.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let squares = world.farm(0..1000).run(|i| f64::from(i).sqrt())?;
    /// assert!(squares.is_none_or(|squares| squares[81] == 9.0));
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn farm<I: Items>(&self, items: I) -> Farm<'_, I> {
        let call = Call::collective("farm");
        let runner =
            Runner { rank: self.world_rank(), host: self.host(), at: call.at, policy: Policy::default() };
        let job = Job {
            comm: self,
            call,
            runner,
            schedule: Schedule::default(),
            prefetch: 2,
            to_all: false,
            cancel: None,
            progress: None,
            on_error: None,
            tiling: None,
            within: None,
        };
        Farm { items, job }
    }
}

/// How it runs.
impl<'c, I: Items> Farm<'c, I> {
    /// Hands items out in this way.
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.job.schedule = schedule;
        self
    }

    /// The results go to all ranks, and not to the root alone.
    pub fn gather_to_all(mut self) -> Self {
        self.job.to_all = true;
        self
    }

    /// A task that fails is run again on the same rank, up to `n` times. It gets a clone of its item.
    pub fn retry(mut self, n: usize) -> Self {
        self.job.runner.policy.retries = n;
        self
    }

    /// A task that takes longer than this has failed. It is not interrupted, since nothing can do that: it is found when it
    /// ends, and its result is thrown away.
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.job.runner.policy.deadline = Some(limit);
        self
    }

    /// The first task that fails ends the farm: the others stop soon, and all errors until then are reported. This is the default.
    pub fn fail_fast(self) -> Self {
        self
    }

    /// Tasks that fail do not end the farm. What it gives has the errors, too.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let halves = world.farm(0..5).collect_errors();
    /// let halves = halves.try_run(|i| if i == 3 { Err("three cannot be halved") } else { Ok(i / 2) })?;
    /// if let Some(halves) = halves {
    ///     assert_eq!(halves.results(), [Some(0), Some(0), Some(1), None, Some(2)]);
    ///     assert_eq!(halves.errors().iter().next().map(|error| error.index), Some(3));
    /// }
    /// # Ok(()) }) }
    /// ```
    pub fn collect_errors(mut self) -> Collecting<'c, I> {
        self.job.runner.policy.go_on = true;
        Collecting(self)
    }

    /// The farm stops soon after this says `true` on a rank, where it is asked about once a millisecond between tasks; where
    /// there is a master, on the root. What it gives is [`Error::Cancelled`] on all ranks, or with
    /// [`collect_errors`](Farm::collect_errors) the results until then.
    pub fn cancel_when(mut self, asks: impl FnMut() -> bool + 'c) -> Self {
        self.job.cancel = Some(Box::new(asks));
        self
    }

    /// Is told now and then on the root about how many items are done or have been handed out, of how many.
    pub fn on_progress(mut self, tell: impl FnMut(usize, Option<usize>) + 'c) -> Self {
        self.job.progress = Some(Box::new(tell));
        self
    }

    /// Is told of each error of a task on the root, as soon as that knows of it; the farm then has a master. All ranks must say this.
    pub fn on_error(mut self, tell: impl FnMut(&TaskError) + 'c) -> Self {
        self.job.on_error = Some(Box::new(tell));
        self
    }

    /// Runs it, after all ranks have come. What is given as `consume` gets results on the root, where they are not kept.
    fn start<R, C: Carry<R>, E: Into<Box<dyn StdError>>>(
        self,
        consume: Option<master::Consume<'_, R>>,
        mut task: impl FnMut(I::Item) -> Result<R, E>,
    ) -> Result<(Job<'c>, Local<R>)> {
        let Farm { items, mut job } = self;
        job.come(&items, consume.is_some())?;
        let (consumed, runner) = (consume.is_some(), job.runner);
        let local = if matches!(items.place(), Place::Root(_)) || consumed || job.on_error.is_some() {
            let consume = consume.filter(|_| job.comm.is_root());
            master::run::<I, R, C>(&mut job, items, consume, consumed, tried(runner, task))?
        } else {
            masterless::run(&mut job, &items.place(), |numbers, first, local: &mut Local<R>| {
                // By the numbers of all.
                let all = first + numbers.start..first + numbers.end;
                let run = runner.run_all(
                    all,
                    |number| task(items.at(number - first)),
                    |number, result| local.push(number, result),
                );
                run.map_err(|(number, error)| (number - first, error))
            })?
        };
        Ok((job, local))
    }

    /// As [`start`](Farm::start), with a body on the root that asks for the results.
    fn start_with<R, E: Into<Box<dyn StdError>>, T>(
        self,
        task: impl FnMut(I::Item) -> Result<R, E>,
        body: impl FnOnce(Unordered<'_, R>) -> T,
    ) -> Result<(Job<'c>, Local<R>, Option<T>)>
    where
        R: Serialize + DeserializeOwned,
    {
        let Farm { items, mut job } = self;
        job.come(&items, true)?;
        let task = tried(job.runner, task);
        let (local, given) = master::run_with::<I, R, Values, T>(&mut job, items, task, body)?;
        Ok((job, local, given))
    }

    fn whole<R, C: Carry<R>, E: Into<Box<dyn StdError>>>(
        self,
        task: impl FnMut(I::Item) -> Result<R, E>,
    ) -> Result<Option<Vec<R>>> {
        let (job, local) = self.start::<R, C, E>(None, task)?;
        Ok(local::finish::<R, C>(&job, local)?.results)
    }

    /// What `task` gives for each item, in their order: `Some` on the root, `None` elsewhere. The results are
    /// [elements](Element), as numbers and tuples of them.
    ///
    /// Memory: the results of a rank's tasks on that rank, all on the root, and there once more while they are put in order.
    ///
    /// # Collective
    /// All ranks must call this, with tasks that do the same.
    ///
    /// # Errors
    /// On all ranks the same: [`Error::Tasks`] when a task panicked.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let products = world.farm(0..12u64).run(|i| (i, i * i))?;
    /// assert!(products.is_none_or(|products| products[11] == (11, 121)));
    /// # Ok(()) }) }
    /// ```
    pub fn run<R: Element<K>, K>(self, mut task: impl FnMut(I::Item) -> R) -> Result<Option<Vec<R>>> {
        self.whole::<R, Elements<K>, _>(|item| sure(task(item)))
    }

    /// As [`run`](Farm::run), of tasks that may return an `Err`.
    ///
    /// # Collective
    /// All ranks must call this, with tasks that do the same.
    ///
    /// # Errors
    /// On all ranks the same: [`Error::Tasks`] when a task failed.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let error = world.farm(0..9).try_run(|i| if i == 7 { Err("no seven here") } else { Ok(i) });
    /// assert!(error.unwrap_err().to_string().contains("task 7 on rank"));
    /// # Ok(()) }) }
    /// ```
    pub fn try_run<R: Element<K>, K, E: Into<Box<dyn StdError>>>(
        self,
        task: impl FnMut(I::Item) -> Result<R, E>,
    ) -> Result<Option<Vec<R>>> {
        self.whole::<R, Elements<K>, E>(task)
    }

    /// As [`run`](Farm::run), of results of any `serde` type; see [`Comm::send_value`] for their price.
    ///
    /// # Collective
    /// All ranks must call this, with tasks that do the same.
    ///
    /// # Errors
    /// As `run`; a result that cannot be encoded where it has to travel, as from any rank but the root, is an error of its task.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let words = world.farm(0..3usize).run_values(|i| "tea ".repeat(i))?;
    /// assert!(words.is_none_or(|words| words == ["", "tea ", "tea tea "]));
    /// # Ok(()) }) }
    /// ```
    pub fn run_values<R: Serialize + DeserializeOwned>(
        self,
        mut task: impl FnMut(I::Item) -> R,
    ) -> Result<Option<Vec<R>>> {
        self.whole::<R, Values, _>(|item| sure(task(item)))
    }

    /// As [`run_values`](Farm::run_values), of tasks that may return an `Err`.
    ///
    /// # Collective
    /// All ranks must call this, with tasks that do the same.
    ///
    /// # Errors
    /// As `run_values`, and when a task returned an `Err`.
    pub fn try_run_values<R: Serialize + DeserializeOwned, E: Into<Box<dyn StdError>>>(
        self,
        task: impl FnMut(I::Item) -> Result<R, E>,
    ) -> Result<Option<Vec<R>>> {
        self.whole::<R, Values, E>(task)
    }

    /// Runs a task that gives nothing on each item.
    ///
    /// # Collective
    /// All ranks must call this, with tasks that do the same.
    ///
    /// # Errors
    /// On all ranks the same: [`Error::Tasks`] when a task failed.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let mut mine = 0;
    /// world.farm(0..100).for_each(|_| {
    ///     mine += 1;
    ///     Ok::<_, String>(())
    /// })?;
    /// assert_eq!(world.all_reduce_one(mine, rankwise::comm::Sum)?, 100);
    /// # Ok(()) }) }
    /// ```
    pub fn for_each<E: Into<Box<dyn StdError>>>(
        self,
        task: impl FnMut(I::Item) -> Result<(), E>,
    ) -> Result<()> {
        let (job, local) = self.start::<(), Values, E>(None, task)?;
        local::finish_without_results(&job, local).map(drop)
    }

    /// What this rank's tasks gave, with the numbers of their items, in the order in which they ran: nothing is gathered, and the
    /// results may be of any type. Who runs which task depends on the schedule.
    ///
    /// # Collective
    /// All ranks must call this, with tasks that do the same.
    ///
    /// # Errors
    /// On all ranks the same: [`Error::Tasks`] when a task failed.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let mine = world.farm(0..100usize).run_here(|i| Ok::<_, String>(2 * i))?;
    /// assert!(mine.iter().all(|(index, twice)| *twice == 2 * index));
    /// # Ok(()) }) }
    /// ```
    pub fn run_here<R, E: Into<Box<dyn StdError>>>(
        self,
        task: impl FnMut(I::Item) -> Result<R, E>,
    ) -> Result<Vec<(usize, R)>> {
        let (job, local) = self.start::<R, Here, E>(None, task)?;
        Ok(local::finish_without_results(&job, local)?.0.numbered())
    }
}

impl<I: Items> Collecting<'_, I> {
    fn whole<R, C: Carry<R>, E: Into<Box<dyn StdError>>>(
        self,
        task: impl FnMut(I::Item) -> Result<R, E>,
    ) -> Result<Option<Outcomes<R>>> {
        let (job, local) = self.0.start::<R, C, E>(None, task)?;
        let whole = local::finish::<R, C>(&job, local)?;
        let (runs, total, errors) = (whole.runs, whole.total, whole.errors);
        Ok(whole.results.map(|results| Outcomes::new(results, &runs, total, errors)))
    }

    /// As [`Farm::try_run`].
    ///
    /// # Collective
    /// All ranks must call this, with tasks that do the same.
    ///
    /// # Errors
    /// When MPI refuses.
    pub fn try_run<R: Element<K>, K, E: Into<Box<dyn StdError>>>(
        self,
        task: impl FnMut(I::Item) -> Result<R, E>,
    ) -> Result<Option<Outcomes<R>>> {
        self.whole::<R, Elements<K>, E>(task)
    }

    /// As [`Farm::try_run_values`].
    ///
    /// # Collective
    /// All ranks must call this, with tasks that do the same.
    ///
    /// # Errors
    /// When MPI refuses. A result that cannot be encoded where it has to travel is among the errors of tasks.
    pub fn try_run_values<R: Serialize + DeserializeOwned, E: Into<Box<dyn StdError>>>(
        self,
        task: impl FnMut(I::Item) -> Result<R, E>,
    ) -> Result<Option<Outcomes<R>>> {
        self.whole::<R, Values, E>(task)
    }
}

/// Results that stay where they are.
struct Here;

impl<R> Carry<R> for Here {
    type Packed = ();
    fn pack(_: Vec<R>) -> Result<(), carry::Stuck<R>> {
        Ok(())
    }
    fn len((): &()) -> usize {
        0
    }
    fn send(_: &crate::sys::Communicator, _: usize, _: i32, (): &()) -> crate::sys::Outcome {
        Ok(())
    }
    fn receive(_: crate::sys::point_to_point::Found) -> crate::sys::Outcome<Vec<R>> {
        Ok(Vec::new())
    }
    fn gather(_: &Comm, _: &[usize], (): (), _: bool) -> Result<Option<Vec<R>>> {
        Ok(None)
    }
    fn in_order(first: Vec<R>, _: Vec<R>, _: &[(usize, usize)]) -> Vec<R> {
        first
    }
}
