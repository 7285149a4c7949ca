//! What this rank does, in a ring of events, if anybody wants to see it: calls, messages, phases, tasks.
//!
//! An event costs two looks at a clock and eight stores. Nothing is allocated after the start but the name of a new place in the
//! program, once, and nothing is sent to anybody. Only the thread that has started MPI records.

mod place;
mod region;
mod sites;

use std::cell::Cell;
use std::panic::Location;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

pub(crate) use place::{Within, place, within, within_at};
pub(crate) use region::{Compared, EVENT, Recorded, Region};
use sites::{NOWHERE, Sites};

pub(crate) use super::clock::nanoseconds as now;
use super::clock::{self, Line, Moment, ticks};
use super::communicator::{Channel, Communicator};

/// What an event is: its first number's lowest byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// A call that waits for nobody: `[kind | site, begin, end, out, group, number, in, peers]`.
    Call = 1,
    /// One that all ranks make.
    Collective,
    /// One that goes to a file.
    File,
    /// The end of a call that was started before.
    Wait,
    /// A message on its way: `[kind | channel | lane | tag, time, bytes, group, to]`.
    Sent,
    /// One that has come: `[…, group, from, number of its receive]`.
    Got,
    /// A phase of the program: `[kind | site, begin, end, 0, first, count]`.
    Phase,
    /// Tasks of a skeleton.
    Tasks,
    /// Items in a stage of a pipeline.
    Stage,
    /// A checkpoint.
    Checkpoint,
}

impl Kind {
    /// Which numbers of an event are times, by its first.
    fn times(first: u64) -> std::ops::RangeInclusive<usize> {
        let is = |kind| first as u8 == kind as u8;
        1..=if is(Kind::Sent) || is(Kind::Got) { 1 } else { 2 }
    }
}

/// Names that a region keeps.
pub(crate) const SITE: u8 = 1;
pub(crate) const GROUP: u8 = 2;

struct Recorder {
    region: Cell<Option<&'static Region>>,
    sites: Cell<Option<&'static Sites>>,
    /// Calls that are made in calls are parts of these.
    depth: Cell<u32>,
    /// Whether messages of this call have times of their own.
    timed: Cell<bool>,
    out: Cell<u64>,
    into: Cell<u64>,
    posted: Cell<u64>,
}

thread_local! {
    static HERE: Recorder = const {
        Recorder {
            region: Cell::new(None),
            sites: Cell::new(None),
            depth: Cell::new(0),
            timed: Cell::new(true),
            out: Cell::new(0),
            into: Cell::new(0),
            posted: Cell::new(0),
        }
    };
}

/// That of this process, for any thread.
static REGION: OnceLock<Region> = OnceLock::new();
static ASKED: AtomicBool = AtomicBool::new(false);

/// From now on this thread records, into this region. Once.
pub(crate) fn begin(region: Region) {
    if REGION.set(region).is_err() {
        return;
    }
    clock::choose();
    region.begin(Moment::now());
    HERE.with(|here| here.sites.set(Some(Box::leak(Box::new(Sites::new())))));
    ASKED.store(true, Ordering::Relaxed);
    set(true);
}

/// From now on this thread records, or does not. Not within a call.
pub(crate) fn set(on: bool) {
    HERE.with(|here| here.region.set(REGION.get().filter(|_| on && here.sites.get().is_some())));
}

/// Whether anybody wants to see it.
#[inline]
pub(crate) fn is_asked_for() -> bool {
    ASKED.load(Ordering::Relaxed)
}

/// Notes how the clock of this rank was compared with the root's.
pub(crate) fn compared(at_end: bool, how: Compared) {
    if let Some(region) = REGION.get() {
        region.compared(at_end, how);
    }
}

/// What this rank has recorded; for any thread.
pub(crate) fn recorded() -> Option<Recorded> {
    REGION.get()?.read()
}

/// A group of ranks gets its name.
pub(crate) fn name_group(id: u64, name: &str, members: &[u32]) {
    HERE.with(|here| {
        let Some(region) = here.region.get() else { return };
        let mut bytes = id.to_le_bytes().to_vec();
        bytes.extend((members.len() as u32).to_le_bytes());
        bytes.extend(members.iter().flat_map(|member| member.to_le_bytes()));
        bytes.extend(name.as_bytes());
        region.name(GROUP, 0, &bytes);
    });
}

impl Recorder {
    #[inline]
    fn site(&self, region: &Region, at: &'static Location<'static>, what: &'static str) -> u32 {
        let Some(sites) = self.sites.get() else { return NOWHERE };
        let at = place(at);
        sites.number(at, what, |number| {
            let text = format!("{what}\0{}\0{}", at.file(), at.line());
            region.name(SITE, number, text.as_bytes());
        })
    }
}

/// Who and where a call is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Made {
    pub(crate) kind: Kind,
    pub(crate) operation: &'static str,
    pub(crate) at: &'static Location<'static>,
    pub(crate) group: u64,
    /// Among the collective calls of its group.
    pub(crate) number: u64,
    /// The ranks of the group to which and from which it waits for a message.
    pub(crate) peers: (Option<usize>, Option<usize>),
    /// The root's rank, or none.
    pub(crate) root: Option<usize>,
}

/// For as long as it lives, this rank is in a call. One word, which stays in a register on its way up to the call.
#[derive(Debug)]
pub(crate) struct Inside(u64);

impl Inside {
    /// Where nothing is recorded.
    pub(crate) const NOWHERE: Inside = Inside(Self::NOTHING);
    const NOTHING: u64 = u64::MAX;
    /// Where it is a part of another call; every other number is that of an event.
    const PART: u64 = u64::MAX - 1;

    #[inline]
    pub(crate) fn enter(made: impl FnOnce() -> Made) -> Self {
        match HERE.with(|here| here.region.get()) {
            Some(region) => Inside(Self::record(region, made)),
            None => Inside::NOWHERE,
        }
    }

    fn record(region: &Region, made: impl FnOnce() -> Made) -> u64 {
        HERE.with(|here| {
            let depth = here.depth.get();
            here.depth.set(depth + 1);
            if depth > 0 {
                return Inside::PART;
            }
            let made = made();
            here.timed.set(made.kind == Kind::Collective);
            here.out.set(0);
            here.into.set(0);
            let site = here.site(region, made.at, made.operation);
            let rank = |rank: Option<usize>| rank.map_or(0, |rank| rank as u64 + 1);
            let peers = match made.root {
                Some(root) => root as u64 + 1,
                None => rank(made.peers.0) << 32 | rank(made.peers.1),
            };
            let first = made.kind as u64 | u64::from(made.root.is_some()) << 8 | u64::from(site) << 32;
            region.push([first, ticks(), 0, 0, made.group, made.number, 0, peers])
        })
    }

    fn leave(&self) {
        HERE.with(|here| {
            here.depth.set(here.depth.get().saturating_sub(1));
            let Some(region) = here.region.get().filter(|_| self.0 != Inside::PART) else { return };
            here.timed.set(true);
            region.change(self.0, [(2, ticks()), (3, here.out.get()), (6, here.into.get())]);
        });
    }
}

impl Drop for Inside {
    #[inline]
    fn drop(&mut self) {
        if self.0 != Inside::NOTHING {
            self.leave();
        }
    }
}

/// So many bytes are handed to MPI to be sent.
#[inline]
pub(crate) fn out(bytes: usize) {
    HERE.with(|here| here.out.set(here.out.get().wrapping_add(bytes as u64)));
}

/// There is room for so many bytes to be received.
#[inline]
pub(crate) fn into(bytes: usize) {
    HERE.with(|here| here.into.set(here.into.get().wrapping_add(bytes as u64)));
}

/// The number of a receive: messages from one rank come in the order of the receives, whichever is completed first.
#[inline]
pub(crate) fn posted() -> u64 {
    HERE.with(|here| here.posted.replace(here.posted.get() + 1))
}

#[inline]
fn message(kind: Kind, comm: &Communicator, channel: Channel, (rank, tag): (usize, i32), rest: [u64; 2]) {
    let Some(region) = HERE.with(|here| here.region.get()) else { return };
    // In a simple call a message goes when it begins, and has come when it ends.
    let time = if HERE.with(|here| here.timed.get()) { ticks() } else { 0 };
    let lane = u64::from(comm.lane & 0xffff) << 16 | u64::from(channel == Channel::Program) << 8;
    let first = kind as u64 | lane | (tag as u64) << 32;
    region.push([first, time, rest[0], comm.id.get(), rank as u64, rest[1], 0, 0]);
}

/// A message begins to go.
#[inline]
pub(crate) fn sent(comm: &Communicator, channel: Channel, to: (usize, i32), bytes: usize) {
    message(Kind::Sent, comm, channel, to, [bytes as u64, 0]);
}

/// A message has come, for the receive of that number.
#[inline]
pub(crate) fn got(comm: &Communicator, channel: Channel, from: (usize, i32), posted: u64) {
    message(Kind::Got, comm, channel, from, [0, posted]);
}

/// Something that takes time and is no call: it ends with its drop.
#[derive(Debug)]
#[must_use = "it lasts as long as this"]
pub(crate) struct Span(Option<(u64, [u64; EVENT])>);

/// Begins one, of a number of things from the first on.
pub(crate) fn span(
    kind: Kind,
    name: &'static str,
    at: &'static Location<'static>,
    first: u64,
    count: u64,
) -> Span {
    Span(HERE.with(|here| {
        let region = here.region.get()?;
        let site = here.site(region, at, name);
        let event = [kind as u64 | u64::from(site) << 32, ticks(), 0, 0, first, count, 0, 0];
        Some((region.push(event), event))
    }))
}

impl Drop for Span {
    fn drop(&mut self) {
        let Some((number, mut event)) = self.0.take() else { return };
        HERE.with(|here| {
            let Some(region) = here.region.get() else { return };
            event[2] = ticks();
            if !region.change(number, [(2, event[2]); 3]) {
                // It took so long that its beginning is gone.
                region.push(event);
            }
        });
    }
}

/// Something that took this time, which was measured already.
#[inline]
pub(crate) fn took(
    kind: Kind,
    name: &'static str,
    at: &'static Location<'static>,
    (began, ended): (Instant, Instant),
    (first, count): (u64, u64),
) {
    HERE.with(|here| {
        let Some(region) = here.region.get() else { return };
        let clock = Line::through(region.begun(), Moment::now());
        let [began, ended] = [began, ended].map(|instant| clock.ticks_at(instant));
        let site = here.site(region, at, name);
        let first_word = kind as u64 | u64::from(site) << 32;
        region.push([first_word, began, ended.max(1), 0, first, count, 0, 0]);
    });
}
