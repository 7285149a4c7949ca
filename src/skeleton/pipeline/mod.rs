//! A pipeline: items go from stage to stage, each of which is on ranks of its own.

use std::cell::RefCell;
use std::convert::Infallible;
use std::error::Error as StdError;
use std::marker::PhantomData;
use std::rc::Rc;
use std::time::{Duration, Instant};

use mpi::topology::{Communicator as _, SimpleCommunicator};

use crate::comm::{Call, Comm, Max, Sum};
use crate::error::{Error, Result, TaskErrors};
use crate::skeleton::task::{Policy, Runner};
use crate::sys::Failure;
use crate::sys::record::within_at;

mod engine;
mod layout;
mod report;
mod stage;

pub use layout::Ranks;
pub use report::{PipelineReport, StageReport};
pub use stage::Item;

use engine::{Acts, Engine, Plan, Question};
use layout::{Asked, lay_out};
use stage::{Source, Step};

/// Items between the source and the last stage, unless [`Staged::in_flight`] says otherwise.
const IN_FLIGHT: usize = 1 << 16;

impl Comm {
    /// A pipeline without stages; [`Pipeline::stage`] adds the first.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// use rankwise::skeleton::Ranks;
    ///
    /// let mut lines = Vec::new();
    /// let report = world
    ///     .pipeline()
    ///     .stage("read", 1, || (1..=3).map(|n| "ab".repeat(n)))
    ///     .stage("work", Ranks::Rest, |text| text.to_uppercase())
    ///     .stage("write", 1, |line| lines.push(line))
    ///     .run()?;
    /// // On the rank of the last stage; the others have none.
    /// if report.stages[2].ranks == [world.rank()] {
    ///     assert_eq!(lines, ["AB", "ABAB", "ABABAB"]);
    /// }
    /// # Ok(()) }) }
    /// ```
    pub fn pipeline(&self) -> Pipeline<'_> {
        Pipeline { comm: self }
    }
}

/// A pipeline that has no stage yet: see [`Comm::pipeline`].
#[derive(Debug)]
#[must_use = "nothing happens until it runs"]
pub struct Pipeline<'a> {
    comm: &'a Comm,
}

/// A pipeline whose last stage so far gives `T`s.
///
/// The types of neighbours have to fit:
///
/// ```compile_fail,E0631
/// rankwise::run(|world| {
///     world.pipeline().stage("read", 1, || 0..9).stage("write", 1, |text: String| ()).run()?;
///     Ok(())
/// });
/// ```
#[must_use = "nothing happens until it runs"]
pub struct Staged<'a, T> {
    comm: &'a Comm,
    names: Vec<String>,
    asked: Vec<Asked>,
    acts: Vec<Acts<'a>>,
    ordered: bool,
    in_flight: usize,
    policy: Policy,
    cancel: Option<Question<'a>>,
    gives: PhantomData<fn() -> T>,
}

impl<T> std::fmt::Debug for Staged<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Staged({:?})", self.names)
    }
}

impl<'a> Pipeline<'a> {
    /// The stage that begins: the items of an iterator, which is made on the first rank only and drawn from as needed, so it need
    /// not end soon, or fit into memory. It is on one rank.
    pub fn stage<T: Item, I: IntoIterator<Item = T>>(
        self,
        name: &str,
        ranks: impl Into<Ranks>,
        source: impl FnOnce() -> I + 'a,
    ) -> Staged<'a, T>
    where
        I::IntoIter: 'a,
    {
        self.try_stage(name, ranks, || Ok::<_, Infallible>(source().into_iter().map(Ok::<T, Infallible>)))
    }

    /// As [`stage`](Pipeline::stage), where the source or an item may fail. An item that is an `Err` has failed as if it had done
    /// so in a stage; a source that cannot be opened, or panics, has ended. An iterator that gives an `Err` for ever, as `lines` may of
    /// a file that cannot be read, is for the program to end when errors are [collected](Staged::collect_errors).
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// use std::fs::File;
    /// use std::io::{BufRead, BufReader};
    ///
    /// let lines = || Ok::<_, std::io::Error>(BufReader::new(File::open("Cargo.toml")?).lines());
    /// let (lengths, _) = world.pipeline().try_stage("read", 1, lines).stage("work", 2, |line| line.len()).collect()?;
    /// assert_eq!(lengths.is_some(), world.is_root());
    /// # Ok(()) }) }
    /// ```
    pub fn try_stage<T: Item, E, D, I>(
        self,
        name: &str,
        ranks: impl Into<Ranks>,
        source: impl FnOnce() -> Result<I, D> + 'a,
    ) -> Staged<'a, T>
    where
        E: Into<Box<dyn StdError>> + 'a,
        D: Into<Box<dyn StdError>> + 'a,
        I: IntoIterator<Item = Result<T, E>>,
        I::IntoIter: 'a,
    {
        let source = Source::Closed(Some(|| source().map(IntoIterator::into_iter)));
        Staged {
            comm: self.comm,
            names: vec![name.to_owned()],
            asked: vec![Asked::Of(ranks.into())],
            acts: vec![Acts::Begins(Box::new(source))],
            ordered: true,
            in_flight: IN_FLIGHT,
            policy: Policy::default(),
            cancel: None,
            gives: PhantomData,
        }
    }
}

impl<'a, T: Item> Staged<'a, T> {
    /// Adds a stage that makes something of every item, on so many ranks. Each of these has its own copy of what the closure holds.
    ///
    /// Where there are fewer ranks than all stages ask for, some have several stages, and a rank alone has all of them.
    pub fn stage<U: Item>(
        self,
        name: &str,
        ranks: impl Into<Ranks>,
        mut work: impl FnMut(T) -> U + 'a,
    ) -> Staged<'a, U> {
        self.try_stage(name, ranks, move |item| Ok::<_, Infallible>(work(item)))
    }

    /// As [`stage`](Staged::stage), where an item may fail.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// use rankwise::Error;
    ///
    /// let words = || ["1", "2", "three"].map(String::from);
    /// let parsed = world.pipeline().stage("read", 1, words).try_stage("parse", 1, |text| text.parse::<i32>()).collect();
    /// let Err(Error::Tasks { errors, .. }) = parsed else { panic!("the third is no number") };
    /// let error = errors.iter().next().expect("it failed");
    /// assert_eq!((error.index, &*error.message), (2, "stage \"parse\": invalid digit found in string"));
    /// # Ok(()) }) }
    /// ```
    pub fn try_stage<U: Item, E: Into<Box<dyn StdError>> + 'a>(
        self,
        name: &str,
        ranks: impl Into<Ranks>,
        work: impl FnMut(T) -> Result<U, E> + 'a,
    ) -> Staged<'a, U> {
        self.then(name, Asked::Of(ranks.into()), work)
    }

    fn then<U: Item, E: Into<Box<dyn StdError>> + 'a>(
        mut self,
        name: &str,
        asked: Asked,
        work: impl FnMut(T) -> Result<U, E> + 'a,
    ) -> Staged<'a, U> {
        self.names.push(name.to_owned());
        self.asked.push(asked);
        self.acts.push(Acts::Works(Box::new(Step(work, PhantomData))));
        let Staged { comm, names, asked, acts, ordered, in_flight, policy, cancel, .. } = self;
        Staged { comm, names, asked, acts, ordered, in_flight, policy, cancel, gives: PhantomData }
    }

    /// Every stage takes items as they come. Otherwise the last stage, and every one that is on a single rank, sees them in the order of
    /// the source; the last stage on several ranks, on each of them.
    pub fn unordered(mut self) -> Self {
        self.ordered = false;
        self
    }

    /// At most so many items are between the source and the end of the last stage, whatever the stages' speeds: 65 536 without this.
    pub fn in_flight(mut self, items: usize) -> Self {
        self.in_flight = items;
        self
    }

    /// Goes on after an item has failed, without it; the report has all errors. Otherwise the others are dropped soon, and `run`
    /// is an error.
    pub fn collect_errors(mut self) -> Self {
        self.policy.go_on = true;
        self
    }

    /// An item that fails in a stage is given to it again on the same rank, up to `n` times. For that every stage keeps a copy of the item that
    /// it works on, encoded: which takes about as long as to send it. The source is not asked again.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let mut tries = 0;
    /// let moody = |n: u32| {
    ///     tries += 1;
    ///     if tries % 2 == 1 { Err("not today") } else { Ok(n) }
    /// };
    /// let pipeline = world.pipeline().stage("read", 1, || 0..5).try_stage("work", 1, moody);
    /// let (all, _) = pipeline.retry(1).collect()?;
    /// assert!(all.is_none_or(|all| all == [0, 1, 2, 3, 4]));
    /// # Ok(()) }) }
    /// ```
    pub fn retry(mut self, n: usize) -> Self {
        self.policy.retries = n;
        self
    }

    /// An item on which a stage works longer than this has failed there. The stage is not interrupted, since nothing can do that: it is
    /// found when it has ended, and what it gave is thrown away. The source has any time.
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.policy.deadline = Some(limit);
        self
    }

    /// The pipeline stops soon after this says `true` on a rank that has a stage, where it is asked about once a millisecond between batches. Then
    /// `run` is [`Error::Cancelled`] on all ranks, with the number of items that have been through the last stage; or with
    /// [`collect_errors`](Staged::collect_errors) the report says so.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// use std::time::{Duration, Instant};
    ///
    /// let until = Instant::now() + Duration::from_millis(20);
    /// let endless = world.pipeline().stage("count", 1, || 0u64..).stage("work", 1, drop);
    /// let report = endless.cancel_when(|| Instant::now() > until).collect_errors().run()?;
    /// assert!(report.cancelled);
    /// # Ok(()) }) }
    /// ```
    pub fn cancel_when(mut self, asks: impl FnMut() -> bool + 'a) -> Self {
        self.cancel = Some(Box::new(asks));
        self
    }

    /// Runs it; what the last stage has given, on the root: `Some` there, `None` elsewhere; and the report. All of it has to fit into
    /// the root's memory. As [`run`](Staged::run), with one stage more, on the root.
    ///
    /// # Collective
    /// All ranks must call this, with the same stages.
    ///
    /// # Errors
    /// As `run`.
    #[track_caller]
    pub fn collect(self) -> Result<(Option<Vec<T>>, PipelineReport)>
    where
        T: 'a,
    {
        let (all, comm) = (Rc::new(RefCell::new(Vec::new())), self.comm);
        let into = Rc::clone(&all);
        let collects = move |item| {
            into.borrow_mut().push(item);
            Ok::<_, Infallible>(())
        };
        let report = self.then("collect", Asked::Root, collects).run()?;
        Ok((comm.is_root().then(|| all.take()), report))
    }
}

impl Staged<'_, ()> {
    /// Runs it, until the last stage has seen every item; what was done, on all ranks.
    ///
    /// Items go in batches, as many as the slowest stage can do in about 50 µs, and no more than fit into 64 KiB: a batch is one
    /// message a stage, and two short ones for it come back. Memory is that of the items in flight.
    ///
    /// # Collective
    /// All ranks must call this, with the same stages.
    ///
    /// # Errors
    /// On all ranks: [`Error::Tasks`] when an item has failed or panicked, unless errors are
    /// [collected](Staged::collect_errors); then the last stage may have seen any number of items. [`Error::Cancelled`] after
    /// [`cancel_when`](Staged::cancel_when). When a stage is to have no rank, or the first
    /// one more than one, or no item may be in flight.
    #[track_caller]
    pub fn run(self) -> Result<PipelineReport> {
        let Staged { comm, names, asked, acts, ordered, in_flight, policy, cancel, .. } = self;
        let call = Call::collective("pipeline");
        let _within = within_at(call.at);
        if let Some(problem) = wrong(&names, &asked, in_flight) {
            return Err(call.error(Failure::Argument(problem)));
        }
        comm.note(|| format!("stages {names:?} on {asked:?}, ordered {ordered}, {in_flight} in flight"));
        // Its messages meet no others.
        let own = comm.split(Some(0), 0)?.expect("all ranks have the same colour");
        let plan = Plan { ranks: lay_out(&asked, comm.size()), names, ordered, in_flight };
        let rank = usize::try_from(SimpleCommunicator::world().rank()).unwrap_or(0);
        let runner = Runner { rank, host: comm.host(), at: call.at, policy };
        let began = Instant::now();
        let done = Engine::new(&own, call, &plan, acts, runner, cancel).run()?;

        let mut sums = Vec::new();
        for ((items, busy), ranks) in done.stages.iter().zip(&plan.ranks) {
            let waiting = if ranks.contains(&comm.rank()) { done.waiting } else { 0.0 };
            sums.extend([*items as f64, *busy, waiting]);
        }
        let sums = own.all_reduce(&sums, Sum)?;
        let seconds = own.all_reduce_one(began.elapsed().as_secs_f64(), Max)?;
        let errors = TaskErrors::new(done.errors, comm.is_root());
        if !errors.is_empty() && !policy.go_on {
            return Err(Error::Tasks { operation: call.operation, at: call.at, errors });
        }
        if done.cancelled && !policy.go_on {
            let done = sums.rchunks_exact(3).next().map_or(0, |last| last[0] as usize);
            return Err(Error::Cancelled { operation: call.operation, at: call.at, done });
        }
        let stages = plan.names.into_iter().zip(plan.ranks).zip(sums.chunks_exact(3));
        let stages = stages.map(|((name, ranks), sums)| StageReport {
            name,
            ranks,
            items: sums[0] as u64,
            busy: sums[1],
            waiting: sums[2],
        });
        Ok(PipelineReport { stages: stages.collect(), seconds, errors, cancelled: done.cancelled })
    }
}

/// What is wrong with what was asked for.
fn wrong(names: &[String], asked: &[Asked], in_flight: usize) -> Option<String> {
    if in_flight == 0 {
        return Some("no item may be in flight".into());
    }
    let none = asked.iter().position(|asked| *asked == Asked::Of(Ranks::Number(0)));
    if let Some(none) = none {
        return Some(format!("stage {:?} is to have no rank", names[none]));
    }
    match asked.first() {
        Some(Asked::Of(Ranks::Number(1))) => None,
        _ => Some(format!("stage {:?}, which begins, must be on 1 rank", names[0])),
    }
}
