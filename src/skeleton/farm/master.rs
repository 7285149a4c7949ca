//! Items that the root hands out, while it runs tasks, too; results that it gets as they are ready.
//!
//! Each worker has the next stretch of work before it has finished this one, so that it never waits for the root. What it
//! sends, the root is always ready to receive; what the root sends is on its way while it goes on, so that nobody waits for
//! somebody who waits for him.

use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

use super::carry::Carry;
use super::items::{Items, Place};
use super::local::Local;
use super::pace::Pace;
use super::{Job, Schedule};
use crate::comm::{decode, encode};
use crate::error::{Result, TaskError};
use crate::panics::caught_apart;
use crate::sys::pending::{self, Guard, Pending};
use crate::sys::point_to_point::{self, Found, From};
use crate::sys::record::Inside;
use crate::sys::{Channel, Communicator, Failure, Outcome, Sent};

/// From the root: work, the wish that nothing more is done, and the end.
const WORK: i32 = 1;
const STOP: i32 = 2;
const END: i32 = 3;
/// To the root: what was done, and its results.
const DONE: i32 = 4;
const RESULTS: i32 = 5;

/// How often a worker looks whether it is to stop.
const LOOK: Duration = Duration::from_millis(1);
/// A root that has nothing to do but to ask sleeps so long between.
const NAP: Duration = Duration::from_micros(50);
/// The time that one stretch of work takes, at least, if that is not the greatest part of all.
const STRETCH: f64 = 300e-6;
/// No more than this many items are sent at once.
const MOST: usize = 1 << 14;

/// The head of work: first number, and how many.
type Work = [u64; 2];

/// The head of what was done: tasks that were run, nanoseconds.
type Done = [u64; 2];

fn message<const N: usize>(head: [u64; N], mut rest: Vec<u8>) -> Vec<u8> {
    rest.extend(head.iter().flat_map(|number| number.to_le_bytes()));
    rest
}

/// Head and rest; the head is at the end.
fn taken_apart<const N: usize>(mut message: Vec<u8>) -> ([u64; N], Vec<u8>) {
    let head = message.split_off(message.len().saturating_sub(8 * N));
    let mut numbers = [0; N];
    for (number, bytes) in numbers.iter_mut().zip(head.chunks_exact(8)) {
        *number = u64::from_le_bytes(bytes.try_into().unwrap_or_default());
    }
    (numbers, message)
}

/// What the root does with a result as soon as it has it.
pub(super) type Consume<'a, R> = &'a mut dyn FnMut(usize, R);

/// Results as they come, in whatever order, each with the number of its item: see [`Farm::unordered`](super::Farm::unordered).
#[must_use = "the farm ends when nobody asks for more"]
pub struct Unordered<'u, R> {
    next: &'u mut dyn FnMut() -> Option<(usize, R)>,
}

impl<R> std::fmt::Debug for Unordered<'_, R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Unordered")
    }
}

impl<R> Iterator for Unordered<'_, R> {
    type Item = (usize, R);

    fn next(&mut self) -> Option<(usize, R)> {
        (self.next)()
    }
}

struct Root<'a, 'm, 'c, I: Items, R> {
    job: &'a mut Job<'c>,
    comm: &'m Communicator,
    items: I,
    /// Results that somebody wants soon.
    ready: Option<VecDeque<(usize, R)>>,
    local: Local<R>,
    /// The next number.
    next: usize,
    len: Option<usize>,
    exhausted: bool,
    stopped: bool,
    /// Whether the others know that it is stopped.
    told: bool,
    looked: Instant,
    /// Whether results were handed out instead of a task of its own.
    owes: bool,
    /// While it waits for the others.
    idle: Option<Inside>,
    /// Of each rank: what it has and has not done, in order; what is on its way to it.
    open: Vec<VecDeque<Work>>,
    sends: Vec<VecDeque<Pending<'m, Vec<u8>>>>,
    pace: Pace,
    finished: usize,
}

impl<I: Items, R> Root<'_, '_, '_, I, R> {
    /// The next items: their first number, how many, and where they are not known everywhere they themselves.
    fn draw(&mut self, most: usize) -> (usize, usize, Vec<I::Item>) {
        let start = self.next;
        if let Place::Everywhere(len) = self.items.place() {
            let count = most.min(len - start);
            self.next += count;
            self.exhausted |= self.next == len;
            return (start, count, Vec::new());
        }
        let mut drawn = Vec::with_capacity(most.min(self.len.map_or(MOST, |len| len - start)));
        while drawn.len() < most {
            let (message, place) = match caught_apart(|| self.items.draw()) {
                Ok(Some(Ok(item))) => {
                    drawn.push(item);
                    continue;
                }
                Ok(None) => {
                    self.exhausted = true;
                    break;
                }
                Ok(Some(Err(message))) => (message, None),
                Err(panic) => (format!("the iterator panicked: {}", panic.message), panic.place),
            };
            // There is nothing behind it, whatever is done about errors of tasks.
            self.exhausted = true;
            let error = self.job.runner.error(start + drawn.len(), 0, message, place);
            self.failed(vec![error]);
            break;
        }
        self.next += drawn.len();
        (start, drawn.len(), drawn)
    }

    fn failed(&mut self, errors: Vec<TaskError>) {
        for error in &errors {
            self.job.on_error(error);
        }
        self.stopped |= !errors.is_empty() && !self.job.runner.policy.go_on;
        self.local.errors.extend(errors);
    }

    fn stretch(&self) -> usize {
        let ranks = self.comm.size;
        let grain = self.pace.tasks_in(STRETCH);
        let left = self.len.map(|len| len - self.next);
        let count = match (self.job.schedule, self.len, left) {
            (Schedule::Dynamic(count), ..) => return count.max(1),
            (Schedule::Static, Some(len), _) => return len.div_ceil(ranks).max(1),
            // Results are wanted soon.
            (_, _, Some(left)) if self.ready.is_none() => {
                (left / (4 * ranks * self.job.prefetch)).max(grain.min(left / ranks))
            }
            _ => grain,
        };
        count.clamp(1, MOST)
    }

    /// Whether each rank gets one block, and nothing after it.
    fn in_blocks(&self) -> bool {
        self.job.schedule == Schedule::Static && self.len.is_some()
    }

    /// Sends a worker its next stretch; the one after it where none of its items can travel, or the worker would get nothing more.
    fn deal(&mut self, to: usize) -> Outcome {
        let mut sent = false;
        while !sent && !self.stopped && !self.exhausted {
            let (start, count, drawn) = self.draw(self.stretch());
            sent = self.hand(to, (start, count), &drawn)?;
        }
        Ok(())
    }

    /// Sends a worker these items, and says whether it has. One that cannot travel is an error of its task; those between are stretches of
    /// their own then.
    fn hand(&mut self, to: usize, (start, count): (usize, usize), drawn: &[I::Item]) -> Outcome<bool> {
        if count == 0 {
            return Ok(false);
        }
        let blamed = match I::pack(drawn) {
            Ok(packed) => {
                let work = [start as u64, count as u64];
                self.open[to].push_back(work);
                self.send(to, WORK, message(work, packed))?;
                return Ok(true);
            }
            Err(blamed) if blamed.is_empty() => {
                return Err(Failure::Argument("items cannot be encoded together".into()));
            }
            Err(blamed) => blamed,
        };
        let ends: Vec<usize> = blamed.iter().map(|(place, _)| *place).chain([count]).collect();
        let runner = self.job.runner;
        let error = |(place, problem)| runner.error(self.items.shown(start + place), 0, problem, None);
        let errors: Vec<TaskError> = blamed.into_iter().map(error).collect();
        self.finished += errors.len();
        self.failed(errors);
        let (mut sent, mut from) = (false, 0);
        for end in ends {
            if !self.stopped {
                sent |= self.hand(to, (start + from, end - from), &drawn[from..end])?;
            }
            from = end + 1;
        }
        Ok(sent)
    }

    fn send(&mut self, to: usize, tag: i32, bytes: Vec<u8>) -> Outcome {
        let sent = pending::send(&Guard::for_ever(), self.job.call.started(), self.comm, (to, tag), bytes)?;
        self.sends[to].push_back(sent);
        while self.sends[to].front_mut().map_or(Ok(false), Pending::test)? {
            if let Some(sent) = self.sends[to].pop_front() {
                sent.wait()?;
            }
        }
        Ok(())
    }

    /// Takes what a worker has done, and sends it more.
    fn receive<C: Carry<R>>(&mut self, found: Found) -> Outcome {
        let from = found.rank();
        let ([ran, nanoseconds], errors) = taken_apart::<2>(found.receive::<u8, _>()?);
        self.idle = None;
        let [start, _] = self.open[from].pop_front().unwrap_or_default();
        // It may have more than others, where a stretch was sent in parts.
        if !self.in_blocks() && self.open[from].len() < self.job.prefetch {
            self.deal(from)?;
        }
        // With the numbers of their tasks, which are those of the items here, and not always those that people see.
        let errors: Vec<(usize, TaskError)> = if errors.is_empty() { Vec::new() } else { decode(&errors)? };
        self.pace.record(ran as usize, Duration::from_nanos(nanoseconds));
        self.finished += ran as usize;
        if let Some(ready) = &mut self.ready
            && ran as usize > errors.len()
        {
            let from = From { rank: Some(from), tag: Some(RESULTS) };
            let results = C::receive(point_to_point::find(self.comm, Channel::Program, from)?)?;
            let failed: HashSet<usize> = errors.iter().map(|(number, _)| *number).collect();
            let succeeded = |number: &usize| !failed.contains(number);
            let numbers = (start as usize..(start + ran) as usize).filter(succeeded);
            ready.extend(numbers.zip(results));
        }
        self.failed(errors.into_iter().map(|(_, error)| error).collect());
        Ok(())
    }

    /// Some tasks of the root's own.
    fn work(&mut self, task: &mut impl FnMut(usize, I::Item) -> Result<R, TaskError>) {
        let most = match self.job.schedule {
            Schedule::Dynamic(count) => count.max(1),
            _ => self.pace.block(),
        };
        let (start, count, drawn) = self.draw(most);
        let mut drawn = drawn.into_iter();
        let began = Instant::now();
        for number in start..start + count {
            let item = drawn.next().unwrap_or_else(|| self.items.at(number));
            match (task(number, item), &mut self.ready) {
                (Ok(result), Some(ready)) => ready.push_back((number, result)),
                (Ok(result), None) => self.local.push(number, result),
                (Err(error), _) => self.failed(vec![error]),
            }
            if self.stopped {
                break;
            }
        }
        let now = Instant::now();
        self.pace.record(count, now - began);
        self.job.runner.ran((began, now), (start, count));
        self.finished += count;
    }

    /// The first stretches of all.
    fn begin(&mut self) -> Outcome {
        for round in 0..self.job.prefetch {
            // The last ones are for those who are ready first, the root among them.
            let few = self.len.is_some_and(|len| len - self.next < self.comm.size);
            if round > 0 && (few || self.in_blocks()) {
                break;
            }
            for to in 1..self.comm.size {
                self.deal(to)?;
            }
        }
        Ok(())
    }

    /// No more than one message of each, or a root that is asked faster than it answers would do nothing else.
    fn take_what_is_there<C: Carry<R>>(&mut self, done: From) -> Outcome {
        for _ in 1..self.comm.size {
            let Some(found) = point_to_point::find_now(self.comm, Channel::Program, done)? else { break };
            self.receive::<C>(found)?;
        }
        Ok(())
    }

    /// Goes on a little: whether there is more to do.
    fn step<C: Carry<R>>(
        &mut self,
        task: &mut impl FnMut(usize, I::Item) -> Result<R, TaskError>,
    ) -> Outcome<bool> {
        let done = From { rank: None, tag: Some(DONE) };
        if !self.owes {
            self.take_what_is_there::<C>(done)?;
            if self.ready.as_ref().is_some_and(|ready| !ready.is_empty()) {
                // They do not wait for a task of the root, and it does not wait for more of them.
                self.owes = true;
                return Ok(true);
            }
        }
        self.owes = false;
        if self.looked.elapsed() > LOOK {
            self.looked = Instant::now();
            self.job.progress(self.finished, self.len);
            if !self.stopped && self.job.is_cancelled() {
                (self.stopped, self.local.cancelled) = (true, true);
            }
        }
        if self.stopped && !self.told {
            (self.told, self.idle) = (true, None);
            (1..self.comm.size).try_for_each(|to| self.send(to, STOP, Vec::new()))?;
        }
        if !self.stopped && !self.exhausted {
            self.work(task);
        } else if self.open.iter().any(|open| !open.is_empty()) {
            let (runner, group) = (self.job.runner, self.comm.id.get());
            self.idle.get_or_insert_with(|| runner.waits("wait for results", group, None));
            // Whoever asks to be asked is, also while there is nothing else to do.
            if self.job.cancel.is_none() && self.job.progress.is_none() {
                let found = point_to_point::find(self.comm, Channel::Program, done)?;
                self.receive::<C>(found)?;
            } else if let Some(found) = point_to_point::find_now(self.comm, Channel::Program, done)? {
                self.receive::<C>(found)?;
            } else {
                std::thread::sleep(NAP);
            }
        } else if self.told || !self.stopped {
            return Ok(false);
        }
        Ok(true)
    }

    /// All is done, and the others may go.
    fn end(&mut self) -> Outcome {
        (1..self.comm.size).try_for_each(|to| self.send(to, END, Vec::new()))?;
        self.local.total = self.len.unwrap_or(self.next);
        std::mem::take(&mut self.sends).into_iter().flatten().try_for_each(|sent| sent.wait().map(drop))
    }

    /// Until all is done; results that are wanted go to `consume` after each step.
    fn run<C: Carry<R>>(
        &mut self,
        task: &mut impl FnMut(usize, I::Item) -> Result<R, TaskError>,
        consume: Option<Consume<'_, R>>,
    ) -> Outcome {
        self.begin()?;
        let mut nobody = |_, _| {};
        let consume = consume.unwrap_or(&mut nobody);
        loop {
            let more = self.step::<C>(task)?;
            let ready = self.ready.iter_mut().flat_map(|ready| ready.drain(..));
            ready.for_each(|(number, result)| consume(number, result));
            if !more {
                return self.end();
            }
        }
    }

    /// Until all is done, or whoever gets the results asks for no more.
    fn run_with<C: Carry<R>, T>(
        &mut self,
        task: &mut impl FnMut(usize, I::Item) -> Result<R, TaskError>,
        body: impl FnOnce(Unordered<'_, R>) -> T,
    ) -> Outcome<T> {
        let (mut outcome, mut more) = (self.begin(), true);
        let mut next = || loop {
            if let Some(one) = self.ready.as_mut().and_then(VecDeque::pop_front) {
                return Some(one);
            }
            if !more || outcome.is_err() {
                return None;
            }
            match self.step::<C>(task) {
                Ok(there_is_more) => more = there_is_more,
                Err(failure) => outcome = Err(failure),
            }
        };
        let given = body(Unordered { next: &mut next });
        outcome?;
        self.stopped |= more;
        while more {
            self.ready.iter_mut().for_each(VecDeque::clear);
            more = self.step::<C>(task)?;
        }
        self.end().map(|()| given)
    }
}

/// Works for the root until it says that this is the end.
fn serve<I: Items, R, C: Carry<R>>(
    job: &Job,
    comm: &Communicator,
    items: &I,
    consumed: bool,
    task: &mut impl FnMut(usize, I::Item) -> Result<R, TaskError>,
) -> Outcome<Local<R>> {
    let mut local = Local::new();
    let (mut stopped, mut looked) = (false, Instant::now());
    loop {
        let waiting = job.runner.waits("wait for work", comm.id.get(), Some(0));
        let found = point_to_point::find(comm, Channel::Program, From { rank: Some(0), tag: None })?;
        let tag = found.tag();
        let ([start, count], packed) = taken_apart::<2>(found.receive::<u8, _>()?);
        drop(waiting);
        match tag {
            END => return Ok(local),
            STOP => stopped = true,
            _ => {
                let (began, mut ran, mut errors) = (Instant::now(), 0, Vec::new());
                let mut unpacked =
                    if packed.is_empty() { Vec::new() } else { I::unpack(&packed)? }.into_iter();
                let mut results = Vec::new();
                let mut pace = Pace::default();
                while !stopped && ran < count {
                    let (tasks, since) = ((pace.block() as u64).min(count - ran), Instant::now());
                    let before = ran;
                    for number in (start + before) as usize..(start + before + tasks) as usize {
                        let item = unpacked.next().unwrap_or_else(|| items.at(number));
                        ran += 1;
                        match task(number, item) {
                            Ok(result) if consumed => results.push(result),
                            Ok(result) => local.push(number, result),
                            Err(error) => {
                                errors.push((number, error));
                                stopped |= !job.runner.policy.go_on;
                            }
                        }
                        if stopped {
                            break;
                        }
                    }
                    let now = Instant::now();
                    // Fewer than meant, if one of them has failed.
                    let tasks = (ran - before) as usize;
                    pace.record(tasks, now - since);
                    job.runner.ran((since, now), ((start + before) as usize, tasks));
                    if now - looked > LOOK {
                        looked = now;
                        let stop = From { rank: Some(0), tag: Some(STOP) };
                        if let Some(found) = point_to_point::find_now(comm, Channel::Program, stop)? {
                            found.receive::<u8, _>()?;
                            stopped = true;
                        }
                    }
                }
                // What cannot travel is known before the root is told how many results come.
                let mut packed = C::pack(results);
                if let Err((results, blamed)) = packed {
                    let failed: HashSet<usize> = errors.iter().map(|(number, _)| *number).collect();
                    let numbers = (start as usize..(start + ran) as usize).filter(|n| !failed.contains(n));
                    let (mut blamed, mut left) = (blamed.into_iter().peekable(), Vec::new());
                    for (place, (number, result)) in numbers.zip(results).enumerate() {
                        match blamed.next_if(|(at, _)| *at == place) {
                            Some((_, problem)) => {
                                errors
                                    .push((number, job.runner.error(items.shown(number), 0, problem, None)));
                                stopped |= !job.runner.policy.go_on;
                            }
                            None => left.push(result),
                        }
                    }
                    packed = C::pack(left);
                }
                let packed =
                    packed.map_err(|_| Failure::Argument("results cannot be encoded together".into()))?;
                let failed = if errors.is_empty() { Vec::new() } else { encode(&errors)? };
                let head: Done = [ran, began.elapsed().as_nanos() as u64];
                let done = message(head, failed);
                point_to_point::send(comm, Channel::Program, 0, DONE, Sent::new(&done)?)?;
                if consumed && ran as usize > errors.len() {
                    C::send(comm, 0, RESULTS, &packed)?;
                }
            }
        }
    }
}

impl<'a, 'm, 'c, I: Items, R> Root<'a, 'm, 'c, I, R> {
    fn new(job: &'a mut Job<'c>, comm: &'m Communicator, items: I, consumed: bool) -> Self {
        let len = match items.place() {
            Place::Everywhere(len) => Some(len),
            Place::Own(_) => None,
            Place::Root(len) => len,
        };
        Root {
            job,
            comm,
            items,
            ready: consumed.then(VecDeque::new),
            local: Local::new(),
            next: 0,
            len,
            exhausted: len == Some(0),
            stopped: false,
            told: false,
            looked: Instant::now(),
            owes: false,
            idle: None,
            open: vec![VecDeque::new(); comm.size],
            sends: (0..comm.size).map(|_| VecDeque::new()).collect(),
            pace: Pace::default(),
            finished: 0,
        }
    }
}

/// Runs this rank's part: the root's with `consume`, if results are wanted there at once, as `consumed` says on all ranks.
pub(super) fn run<I: Items, R, C: Carry<R>>(
    job: &mut Job,
    items: I,
    consume: Option<Consume<'_, R>>,
    consumed: bool,
    mut task: impl FnMut(usize, I::Item) -> Result<R, TaskError>,
) -> Result<Local<R>> {
    let (call, whole) = (job.call, job.comm);
    // Of its own: no other message can be taken for one of these.
    let comm = whole.quietly(call, Communicator::again)?;
    if !whole.is_root() {
        return whole.quietly(call, |_| serve::<I, R, C>(job, &comm, &items, consumed, &mut task));
    }
    let mut root = Root::new(job, &comm, items, consumed);
    let outcome = whole.quietly(call, |_| root.run::<C>(&mut task, consume));
    outcome.map(|()| root.local)
}

/// As [`run`], where `body` asks for the results on the root: what it gave is `Some` there.
pub(super) fn run_with<I: Items, R, C: Carry<R>, T>(
    job: &mut Job,
    items: I,
    mut task: impl FnMut(usize, I::Item) -> Result<R, TaskError>,
    body: impl FnOnce(Unordered<'_, R>) -> T,
) -> Result<(Local<R>, Option<T>)> {
    let (call, whole) = (job.call, job.comm);
    let comm = whole.quietly(call, Communicator::again)?;
    if !whole.is_root() {
        let served = whole.quietly(call, |_| serve::<I, R, C>(job, &comm, &items, true, &mut task));
        return served.map(|local| (local, None));
    }
    let mut root = Root::new(job, &comm, items, true);
    let given = whole.quietly(call, |_| root.run_with::<C, T>(&mut task, body));
    given.map(|given| (root.local, Some(given)))
}
