//! How batches go from stage to stage.
//!
//! The source has a number of tokens, one for each batch that may be under way, and draws a batch when it has one. The token comes
//! back when the last stage is done with the batch, or it was dropped after an error. So what is under way is bounded, whatever
//! the stages do, and whoever has a batch may send it on at once: the receiver has room. To a stage on several ranks it goes to the one
//! that has least to do, and waits at the sender while all have two. Nobody waits for a single message, so nobody waits in a circle.

use std::any::Any;
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::stage::{Begin, Head, Load, Ways, Work};
use crate::comm::{Any as AnyRank, Call, Comm, Request};
use crate::error::{Result, TaskError};
use crate::skeleton::idle::Idle;
use crate::skeleton::task::Runner;
use crate::sys::Failure;
use crate::sys::record::{self, Kind};

const TAG: i32 = 0;
/// What stages are called in the picture of a run; those behind the last one as that.
const STAGES: [&str; 8] =
    ["stage 0", "stage 1", "stage 2", "stage 3", "stage 4", "stage 5", "stage 6", "stage 7"];
/// Batches that a rank of a stage on several ranks has from one sender: one that it works on, and the next.
const DEPTH: usize = 2;
/// What the slowest stage should take for a batch, in nanoseconds: long beside a message, short beside the whole.
const BATCH_TIME: f64 = 50_000.0;
/// How often a rank asks whether it is enough.
const LOOK: Duration = Duration::from_millis(1);
/// What a batch should be at most, in bytes and in items.
const BATCH_BYTES: usize = 64 << 10;
const BATCH_ITEMS: usize = 8192;

/// What goes from rank to rank.
#[derive(Debug, Serialize, Deserialize)]
enum Word {
    /// Items for this stage follow.
    Batch(usize, Head),
    /// A batch of this stage was taken in hand.
    Taken(usize),
    /// To the source: tasks have failed.
    Failed(Vec<TaskError>),
    /// To the source: a batch is done.
    Done(Head),
    /// No further task is to run.
    Stop,
    /// All is done, with these errors, or it was cancelled.
    End(Vec<TaskError>, bool),
}

/// A stage, on the ranks that have it.
pub(super) enum Acts<'a> {
    Begins(Box<dyn Begin + 'a>),
    Works(Box<dyn Work + 'a>),
}

/// What the whole is to do.
pub(super) struct Plan {
    pub(super) names: Vec<String>,
    /// The ranks of each stage.
    pub(super) ranks: Vec<Vec<usize>>,
    pub(super) ordered: bool,
    /// Items under way, at most.
    pub(super) in_flight: usize,
}

impl Plan {
    fn last(&self) -> usize {
        self.names.len() - 1
    }

    /// Whether the stage sees its items in the order of the source: batch `n` is for its rank `n` modulo their number.
    fn in_order(&self, stage: usize) -> bool {
        self.ordered && (self.ranks[stage].len() == 1 || stage == self.last())
    }

    /// Whether its senders ask whether there is room: for the balance among its ranks.
    fn asks(&self, stage: usize) -> bool {
        self.ranks[stage].len() > 1 && !self.in_order(stage)
    }

    /// Batches that may be under way.
    fn tokens(&self) -> usize {
        4 * self.ranks.iter().map(Vec::len).sum::<usize>()
    }
}

/// What one rank has done.
#[derive(Debug, Clone, Default)]
pub(super) struct Done {
    /// Of each stage, the items and the seconds.
    pub(super) stages: Vec<(u64, f64)>,
    /// Seconds in which there was nothing to do.
    pub(super) waiting: f64,
    /// All errors, in the order of items.
    pub(super) errors: Vec<TaskError>,
    pub(super) cancelled: bool,
}

/// A batch that waits to be worked on, and the rank that wants to know when that begins.
struct Waiting {
    head: Head,
    load: Load,
    from: usize,
}

/// What only the rank of the source has.
struct Tokens {
    batches: usize,
    items: usize,
    /// How long the next batch is.
    length: usize,
    next: u64,
    drawn: usize,
    dry: bool,
    errors: Vec<TaskError>,
    /// How many errors there are, by what came back; they come by themselves, and perhaps later.
    failures: usize,
    cancelled: bool,
}

/// What is asked on a rank whether it is enough.
pub(super) type Question<'a> = Box<dyn FnMut() -> bool + 'a>;

pub(super) struct Engine<'a, 'c> {
    /// Of this pipeline alone.
    comm: &'c Comm,
    call: Call,
    plan: &'a Plan,
    acts: Vec<Acts<'a>>,
    runner: Runner<'a>,
    cancel: Option<Question<'a>>,
    asked: Instant,
    enough: bool,
    /// For each stage, what waits here to be worked on: in the order in which it came, or by number.
    queues: Vec<VecDeque<Waiting>>,
    sorted: Vec<BTreeMap<u64, Waiting>>,
    expected: Vec<u64>,
    /// For each stage, what waits here for room at one of its ranks.
    held: Vec<VecDeque<(Head, Box<dyn Any>)>>,
    /// What each of its ranks has of this one's and has not begun.
    unbegun: Vec<Vec<usize>>,
    tokens: Tokens,
    sends: VecDeque<Request<'c, Vec<u8>>>,
    stopping: bool,
    ended: bool,
    done: Done,
}

impl<'a, 'c> Engine<'a, 'c> {
    pub(super) fn new(
        comm: &'c Comm,
        call: Call,
        plan: &'a Plan,
        acts: Vec<Acts<'a>>,
        runner: Runner<'a>,
        cancel: Option<Question<'a>>,
    ) -> Self {
        let stages = plan.names.len();
        let place =
            |ranks: &Vec<usize>| ranks.iter().position(|&rank| rank == comm.rank()).unwrap_or(0) as u64;
        Engine {
            comm,
            call,
            plan,
            acts,
            runner,
            cancel,
            asked: Instant::now(),
            enough: false,
            queues: (0..stages).map(|_| VecDeque::new()).collect(),
            sorted: (0..stages).map(|_| BTreeMap::new()).collect(),
            expected: plan.ranks.iter().map(place).collect(),
            held: (0..stages).map(|_| VecDeque::new()).collect(),
            unbegun: plan.ranks.iter().map(|ranks| vec![0; ranks.len()]).collect(),
            tokens: Tokens {
                batches: 0,
                items: 0,
                length: 1,
                next: 0,
                drawn: 0,
                dry: false,
                errors: Vec::new(),
                failures: 0,
                cancelled: false,
            },
            sends: VecDeque::new(),
            stopping: false,
            ended: false,
            done: Done { stages: vec![(0, 0.0); stages], ..Done::default() },
        }
    }

    fn source(&self) -> usize {
        self.plan.ranks[0][0]
    }

    fn begins(&self) -> bool {
        self.comm.rank() == self.source()
    }

    /// Until all is done on all ranks.
    pub(super) fn run(mut self) -> Result<Done> {
        let (mut idle, runner, group) = (Idle::default(), self.runner, self.comm.id());
        loop {
            let mut moved = false;
            while let Some(message) = self.comm.probe_now((AnyRank, TAG))? {
                let (from, letter) = (message.source(), message.recv()?);
                self.done.waiting += idle.end().as_secs_f64();
                self.hear(from, letter)?;
                moved = true;
            }
            self.ask()?;
            moved |= self.work()? || self.draw()?;
            self.tidy()?;
            let over = self.over()?;
            if over || moved {
                self.done.waiting += idle.end().as_secs_f64();
            }
            if over {
                return Ok(self.done);
            }
            if !moved {
                idle.give_way(|| runner.waits("wait for items", group, None));
            }
        }
    }

    /// Whether this rank has nothing more to do, and nobody will send it anything.
    fn over(&mut self) -> Result<bool> {
        let Tokens { batches, dry, ref errors, failures, .. } = self.tokens;
        let back = batches == 0 && errors.len() >= failures;
        if self.begins() && !self.ended && back && (dry || self.stopping) {
            self.tokens.errors.sort_by_key(|error| error.index);
            self.done.errors = std::mem::take(&mut self.tokens.errors);
            self.done.cancelled = self.tokens.cancelled;
            self.tell_all(&Word::End(self.done.errors.clone(), self.done.cancelled))?;
            self.ended = true;
        }
        Ok(self.ended && self.sends.is_empty() && self.unbegun.iter().flatten().all(|&n| n == 0))
    }

    fn tell_all(&mut self, word: &Word) -> Result<()> {
        let mine = self.comm.rank();
        (0..self.comm.size()).filter(|&rank| rank != mine).try_for_each(|rank| self.send(rank, word))
    }

    fn failed(&self, problem: String) -> crate::Error {
        self.call.error(Failure::Argument(problem))
    }

    fn send(&mut self, to: usize, word: &Word) -> Result<()> {
        let bytes = self.coded(word)?;
        self.sends.push_back(self.comm.isend((to, TAG), bytes)?);
        Ok(())
    }

    fn coded(&self, word: &Word) -> Result<Vec<u8>> {
        postcard::to_extend(word, Vec::new()).map_err(|error| self.failed(error.to_string()))
    }

    /// Forgets the messages that have gone.
    fn tidy(&mut self) -> Result<()> {
        while let Some(first) = self.sends.front_mut() {
            if !first.test()? {
                break;
            }
            if let Some(gone) = self.sends.pop_front() {
                gone.wait()?;
            }
        }
        Ok(())
    }

    fn hear(&mut self, from: usize, message: Vec<u8>) -> Result<()> {
        let heard: std::result::Result<(Word, &[u8]), _> = postcard::take_from_bytes(&message);
        let (word, rest) = heard.map_err(|error| self.failed(format!("what came is no message: {error}")))?;
        let start = message.len() - rest.len();
        match word {
            Word::Batch(stage, mut head) => {
                head.widest = head.widest.max((message.len() - start).div_ceil(head.items.max(1)));
                self.queue(stage, Waiting { head, load: Load::Coded(message, start), from });
            }
            Word::Taken(stage) => self.begun(stage, from)?,
            Word::Failed(errors) => self.fail(errors)?,
            Word::Done(head) => self.token(&head)?,
            Word::Stop => self.stop()?,
            Word::End(errors, cancelled) => {
                (self.done.errors, self.done.cancelled, self.ended) = (errors, cancelled, true);
            }
        }
        Ok(())
    }

    fn queue(&mut self, stage: usize, waiting: Waiting) {
        if self.plan.in_order(stage) {
            self.sorted[stage].insert(waiting.head.number, waiting);
        } else {
            self.queues[stage].push_back(waiting);
        }
    }

    /// A rank of a stage has begun what this one has given it, so that it has room.
    fn begun(&mut self, stage: usize, rank: usize) -> Result<()> {
        if let Some(place) = self.plan.ranks[stage].iter().position(|&other| other == rank) {
            self.unbegun[stage][place] = self.unbegun[stage][place].saturating_sub(1);
        }
        if let Some((head, made)) = self.held[stage].pop_front() {
            self.give(stage, head, made)?;
        }
        Ok(())
    }

    /// Gives a batch to one of the ranks of a stage.
    fn give(&mut self, stage: usize, head: Head, made: Box<dyn Any>) -> Result<()> {
        let ranks = &self.plan.ranks[stage];
        let place = if self.plan.asks(stage) {
            let turn = head.number as usize;
            let places = (0..ranks.len()).map(|place| (turn + place) % ranks.len());
            let least = places.min_by_key(|&place| self.unbegun[stage][place]).unwrap_or(0);
            if self.unbegun[stage][least] == DEPTH {
                self.held[stage].push_back((head, made));
                return Ok(());
            }
            self.unbegun[stage][least] += 1;
            least
        } else {
            (head.number % ranks.len() as u64) as usize
        };
        let (to, mine) = (ranks[place], self.comm.rank());
        if to == mine {
            self.queue(stage, Waiting { head, load: Load::Here(made), from: mine });
            return Ok(());
        }
        let message = self.coded(&Word::Batch(stage, head))?;
        let message = match &self.acts[stage - 1] {
            Acts::Begins(source) => source.encode(made.as_ref(), message),
            Acts::Works(work) => work.encode(made.as_ref(), message),
        };
        let message = message.map_err(|problem| self.failed(problem))?;
        self.sends.push_back(self.comm.isend((to, TAG), message)?);
        Ok(())
    }

    /// The batch that is worked on next: of the latest stage, so that what is under way becomes less.
    fn next(&mut self) -> Option<(usize, Waiting)> {
        for stage in (1..self.plan.names.len()).rev() {
            if self.plan.in_order(stage) {
                let expected = self.expected[stage];
                // After an error there are gaps.
                let number =
                    if self.stopping { self.sorted[stage].keys().next().copied() } else { Some(expected) };
                if let Some(waiting) = number.and_then(|number| self.sorted[stage].remove(&number)) {
                    self.expected[stage] += self.plan.ranks[stage].len() as u64;
                    return Some((stage, waiting));
                }
            } else if let Some(waiting) = self.queues[stage].pop_front() {
                return Some((stage, waiting));
            }
        }
        None
    }

    /// Works on one batch, if there is one.
    fn work(&mut self) -> Result<bool> {
        let Some((stage, Waiting { mut head, load, from })) = self.next() else { return Ok(false) };
        head.enough |= self.enough;
        if self.plan.asks(stage) {
            if from == self.comm.rank() {
                self.begun(stage, from)?;
            } else {
                self.send(from, &Word::Taken(stage))?;
            }
        }
        if self.stopping {
            return self.finish(head).map(|()| true);
        }
        let (began, mut ways) = (Instant::now(), self.ways(stage));
        let Acts::Works(work) = &mut self.acts[stage] else { return Ok(true) };
        let made = work.work(&mut head, load, &mut ways);
        let errors = ways.errors;
        let made = made.map_err(|problem| self.failed(problem))?;
        self.count(stage, &head, began);
        self.report(errors)?;
        if stage == self.plan.last() || self.stopping {
            self.finish(head)?;
        } else {
            self.give(stage + 1, head, made)?;
        }
        Ok(true)
    }

    fn ways(&self, stage: usize) -> Ways<'a> {
        Ways { runner: self.runner, name: &self.plan.names[stage], errors: Vec::new(), copy: Vec::new() }
    }

    fn count(&mut self, stage: usize, head: &Head, began: Instant) {
        let (items, seconds) = &mut self.done.stages[stage];
        *items += (head.items - head.gone.len()) as u64;
        let now = Instant::now();
        *seconds += (now - began).as_secs_f64();
        let (first, count) = (head.first as u64, head.items as u64);
        record::took(
            Kind::Stage,
            STAGES[stage.min(STAGES.len() - 1)],
            self.runner.at,
            (began, now),
            (first, count),
        );
    }

    /// Draws a batch from the source, if it is here and there may be one more.
    fn draw(&mut self) -> Result<bool> {
        let room = self.plan.in_flight.saturating_sub(self.tokens.items);
        let may = self.begins() && !self.tokens.dry && !self.stopping;
        if !may || room == 0 || self.tokens.batches >= self.plan.tokens() {
            return Ok(false);
        }
        // All tokens can have one.
        let share = (self.plan.in_flight / self.plan.tokens()).max(1);
        let at_most = self.tokens.length.min(room).min(share);
        let (began, mut ways) = (Instant::now(), self.ways(0));
        let mut head = Head { number: self.tokens.next, first: self.tokens.drawn, ..Head::default() };
        let Acts::Begins(source) = &mut self.acts[0] else { return Ok(false) };
        let (items, last) = source.draw(&mut head, at_most, &mut ways);
        let errors = ways.errors;
        self.tokens.dry = last;
        self.tokens.drawn += head.items;
        // That the source could not be opened, or panicked, is an error of no item.
        self.tokens.failures += errors.len() - head.gone.len();
        self.count(0, &head, began);
        self.report(errors)?;
        if head.items > 0 && !self.stopping {
            self.tokens.next += 1;
            self.tokens.batches += 1;
            self.tokens.items += head.items;
            if self.plan.last() == 0 {
                self.finish(head)?;
            } else {
                self.give(1, head, items)?;
            }
        }
        Ok(true)
    }

    /// A batch is done with, and its token goes back.
    fn finish(&mut self, head: Head) -> Result<()> {
        if self.begins() {
            return self.token(&head);
        }
        self.send(self.source(), &Word::Done(head))
    }

    /// A token is back. The batches to come are longer or shorter by what this one has met.
    fn token(&mut self, head: &Head) -> Result<()> {
        let Tokens { batches, items, length, failures, .. } = &mut self.tokens;
        (*batches, *items) = (*batches - 1, *items - head.items);
        *failures += head.gone.len();
        let by_time = (BATCH_TIME / head.slowest.max(1.0)) as usize;
        let by_bytes = BATCH_BYTES / head.widest.max(1);
        // No more than twice as long as one that was measured.
        *length = by_time.min(by_bytes).min(BATCH_ITEMS).min(2 * head.items.max(*length / 2)).max(1);
        if head.enough { self.cancel() } else { Ok(()) }
    }

    /// Tells the source of errors.
    fn report(&mut self, errors: Vec<TaskError>) -> Result<()> {
        if errors.is_empty() {
            return Ok(());
        }
        if self.begins() {
            return self.fail(errors);
        }
        self.send(self.source(), &Word::Failed(errors))?;
        if self.runner.policy.go_on { Ok(()) } else { self.stop() }
    }

    /// On the source: tasks have failed.
    fn fail(&mut self, errors: Vec<TaskError>) -> Result<()> {
        let first = self.tokens.errors.is_empty();
        self.tokens.errors.extend(errors);
        if first && !self.runner.policy.go_on {
            self.tell_all(&Word::Stop)?;
            self.stop()?;
        }
        Ok(())
    }

    /// Asks now and then whether it is enough, until it is.
    fn ask(&mut self) -> Result<()> {
        let Some(asks) = &mut self.cancel else { return Ok(()) };
        if self.stopping || self.ended || self.asked.elapsed() < LOOK {
            return Ok(());
        }
        self.asked = Instant::now();
        if !asks() {
            return Ok(());
        }
        self.cancel = None;
        // Others tell the source with the next batch, since it waits for that, and for nothing else.
        self.enough = true;
        if self.begins() { self.cancel() } else { Ok(()) }
    }

    /// On the source: somebody wants no more.
    fn cancel(&mut self) -> Result<()> {
        // When all is done, or ends already, there is nothing to cancel.
        if self.ended || self.stopping {
            return Ok(());
        }
        self.tokens.cancelled = true;
        self.tell_all(&Word::Stop)?;
        self.stop()
    }

    /// From now on batches are dropped.
    fn stop(&mut self) -> Result<()> {
        self.stopping = true;
        for stage in 0..self.held.len() {
            while let Some((head, _)) = self.held[stage].pop_front() {
                self.finish(head)?;
            }
        }
        Ok(())
    }
}
