//! Items that need no master: every rank takes numbers from a shared counter, or has its own.

use std::ops::Range;
use std::time::{Duration, Instant};

use super::items::Place;
use super::local::Local;
use super::pace::Pace;
use super::{Job, Schedule};
use crate::Partition;
use crate::comm::Counter;
use crate::error::{Result, TaskError};

/// A counter that is beyond this tells all to stop: each rank that says so adds it once.
const STOP: u64 = 1 << 48;
/// How often a rank looks whether it is to stop.
const LOOK: Duration = Duration::from_millis(1);
/// A rank that asks for work is to spend this much of its time on asking, at most: one part of it.
const ASKING: f64 = 100.0;

/// Hands out stretches of numbers.
struct Draw<'a, 'c> {
    counter: Option<&'a Counter<'c>>,
    schedule: Schedule,
    len: usize,
    ranks: usize,
    /// The block of this rank, where blocks are fixed.
    block: Range<usize>,
    /// Numbers below this have been handed out.
    seen: usize,
    /// The seconds that it takes to ask.
    asking: f64,
}

impl Draw<'_, '_> {
    fn next(&mut self, pace: &Pace) -> Result<Option<Range<usize>>> {
        let rest = self.len.saturating_sub(self.seen);
        let (Some(counter), false) = (self.counter, self.schedule == Schedule::Static) else {
            let mine = std::mem::replace(&mut self.block, 0..0);
            return Ok((!mine.is_empty()).then_some(mine));
        };
        let count = match self.schedule {
            // No more than there are, or the counter would go beyond all numbers.
            Schedule::Dynamic(count) => count.clamp(1, self.len.max(1)),
            _ => {
                let grain = pace.tasks_in(ASKING * self.asking);
                (rest / (4 * self.ranks)).max(grain.min(rest / self.ranks)).max(1)
            }
        };
        let before = Instant::now();
        let start = usize::try_from(counter.fetch_add(count as u64)?).unwrap_or(usize::MAX);
        self.asking = 0.5 * (self.asking + before.elapsed().as_secs_f64());
        self.seen = start.saturating_add(count);
        Ok((start < self.len).then(|| start..self.seen.min(self.len)))
    }
}

/// Runs this rank's share. `act` runs the tasks of numbers that follow each other, of items whose first has the number that comes
/// next, and keeps their results; where one fails, its number here and its error.
pub(super) fn run<R>(
    job: &mut Job,
    place: &Place,
    mut act: impl FnMut(Range<usize>, usize, &mut Local<R>) -> Result<(), (usize, TaskError)>,
) -> Result<Local<R>> {
    let (rank, ranks) = (job.comm.rank(), job.comm.size());
    // The numbers of this rank's own items begin here.
    let (first, len, own) = match *place {
        Place::Own(len) => (job.comm.exclusive_scan(&[len], crate::comm::Sum)?[0], len, true),
        Place::Everywhere(len) => (0, len, false),
        Place::Root(_) => (0, 0, true),
    };
    let schedule = if own || ranks == 1 { Schedule::Static } else { job.schedule };
    let counter = if ranks > 1 { Some(job.comm.counter()?) } else { None };
    let block = if own { 0..len } else { Partition::even(len, ranks).range(rank) };
    let mut draw = Draw { counter: counter.as_ref(), schedule, len, ranks, block, seen: 0, asking: 1e-6 };
    let (mut local, mut pace, mut looked) = (Local::new(), Pace::default(), Instant::now());
    local.total = if own { first + len } else { len };
    let mut stops = false;
    'all: while let Some(range) = draw.next(&pace)? {
        let mut next = range.start;
        while next < range.end {
            let tasks = pace.block().min(range.end - next);
            let began = Instant::now();
            let (mut rest, end) = (next, next + tasks);
            while let Err((number, error)) = act(rest..end, first, &mut local) {
                local.errors.push(error);
                if !job.runner.policy.go_on {
                    stops = true;
                    break 'all;
                }
                rest = number + 1;
            }
            let now = Instant::now();
            pace.record(tasks, now - began);
            job.runner.ran((began, now), (first + next, tasks));
            next += tasks;
            if now - looked < LOOK {
                continue;
            }
            looked = now;
            if job.is_cancelled() {
                (stops, local.cancelled) = (true, true);
                break 'all;
            }
            // It also lets MPI hand out numbers meanwhile, where that takes this rank's help.
            let taken = match &counter {
                Some(counter) => counter.get()?,
                None => 0,
            };
            if taken >= STOP {
                break 'all;
            }
            let done =
                if schedule == Schedule::Static { local.results.len() * ranks } else { taken as usize };
            job.progress(done.min(len), Some(len));
        }
    }
    if let Some(counter) = counter {
        if stops {
            counter.fetch_add(STOP)?;
        }
        // All come here at their end, so that nobody asks for work any more.
        counter.free_in(job.call.named("wait for the others"));
    }
    Ok(local)
}
