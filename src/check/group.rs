//! Ranks that make their collective calls together: who they are, and how many calls they have made.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::call::{Call, Waits};
use super::compare::compare;
use super::level::{Level, level};
use super::now::{self, Here};
use crate::sys::collectives::broadcast;
use crate::sys::pending::Half;
use crate::sys::point_to_point::From;
use crate::sys::record::{self, Inside, Kind, Made};
use crate::sys::{Communicator, Outcome, Received};

/// The number of the world's group.
const WORLD: u64 = 0;

/// What is known of the ranks of a communicator.
#[derive(Debug)]
pub(crate) struct Group {
    /// The same on all of its ranks, and no other group's.
    pub(super) id: u64,
    pub(super) name: String,
    /// Their ranks in the world.
    pub(super) members: Vec<u32>,
    /// Collective calls that this rank has begun.
    pub(super) calls: AtomicU64,
    /// What goes into the next comparison.
    before: Mutex<Before>,
}

/// What a rank has done since the last comparison of its group that the others must have done, too.
#[derive(Debug, Default)]
pub(super) struct Before {
    pub(super) hash: u64,
    /// The last call that it has started.
    pub(super) started: Option<Call>,
    /// What else it has said of the call that begins.
    pub(super) words: String,
}

/// The groups that there are, for the watchdog.
static GROUPS: Mutex<Vec<Weak<Group>>> = Mutex::new(Vec::new());

/// All groups of this rank.
pub(super) fn groups() -> Vec<Arc<Group>> {
    let groups = GROUPS.lock().unwrap_or_else(PoisonError::into_inner);
    groups.iter().filter_map(Weak::upgrade).collect()
}

impl Group {
    /// That of all ranks.
    pub(crate) fn world(size: usize) -> Arc<Self> {
        Self::new(WORLD, "world".into(), (0..size as u32).collect())
    }

    /// That of a communicator. Collective over it, when anything is checked.
    pub(crate) fn over(comm: &Communicator, name: String) -> Outcome<Arc<Self>> {
        static MADE: AtomicU64 = AtomicU64::new(1);
        if level() == Level::Off && !record::is_asked_for() {
            return Ok(Self::new(WORLD, name, Vec::new()));
        }
        let members = comm.world_ranks()?;
        // Its first rank gives it a number that no other rank gives.
        let first = u64::from(members.first().copied().unwrap_or(0));
        let mut id = [first << 32 | MADE.fetch_add(1, Ordering::Relaxed)];
        broadcast(comm, 0, Received::new(&mut id)?)?;
        comm.id.set(id[0]);
        record::name_group(id[0], &name, &members);
        Ok(Self::new(id[0], name, members))
    }

    /// The number in the world of one of its ranks; no rank's, if there is none.
    #[inline]
    pub(super) fn in_world(&self, rank: usize) -> u32 {
        self.members.get(rank).copied().unwrap_or(u32::MAX)
    }

    /// As [`in_world`](Group::in_world), of the one that sends.
    #[inline]
    pub(super) fn sender(&self, from: From) -> u32 {
        from.rank.map_or(u32::MAX, |rank| self.in_world(rank))
    }

    fn new(id: u64, name: String, members: Vec<u32>) -> Arc<Self> {
        let group = Arc::new(Group { id, name, members, calls: AtomicU64::new(0), before: Mutex::default() });
        let mut groups = GROUPS.lock().unwrap_or_else(PoisonError::into_inner);
        groups.retain(|group| group.strong_count() > 0);
        groups.push(Arc::downgrade(&group));
        group
    }

    /// Notes that this rank is in `call` until what comes back is dropped.
    #[inline]
    pub(crate) fn enter(&self, call: &Call) -> Here {
        let level = level();
        if level == Level::Off && !record::is_asked_for() {
            return Here::nowhere(Inside::NOWHERE);
        }
        let number = if call.is_collective() { self.count() } else { 0 };
        let recorded = Inside::enter(|| call.made(self.id, number));
        if level == Level::Off || matches!(call.waits, Waits::Nobody) {
            return Here::nowhere(recorded);
        }
        Here::enter(call, self, number, recorded)
    }

    /// Compares the call that this rank has entered with the others', where that is asked for: then an error is everyone's.
    #[inline]
    pub(crate) fn compare(&self, comm: &Communicator, call: &Call) -> Outcome {
        if level() == Level::Full { self.compare_all(comm, call) } else { Ok(()) }
    }

    fn compare_all(&self, comm: &Communicator, call: &Call) -> Outcome {
        if comm.size == 1 || !matches!(call.waits, Waits::All) {
            return Ok(());
        }
        let number = self.calls.load(Ordering::Relaxed);
        compare(comm, &self.name, *call, number, std::mem::take(&mut *self.before()))
    }

    /// Notes that this rank starts `call`, which goes on: its number among the collective calls, and what lasts as long as its
    /// start does.
    pub(crate) fn start(&self, call: Call) -> (u64, Inside) {
        let number = match (level(), call.waits) {
            (_, Waits::Nobody) => 0,
            (Level::Off, _) if call.is_collective() && record::is_asked_for() => self.count(),
            (Level::Off, _) => 0,
            (_, Waits::Any) => 0,
            (_, Waits::Peers { to, .. }) => {
                if let Some((rank, _)) = to {
                    now::sent(self.in_world(rank));
                }
                0
            }
            // All the others are calls of all ranks.
            _ => {
                let number = self.count();
                let mut before = self.before();
                (before.hash, before.started) = (call.hash(number, before.hash), Some(call));
                number
            }
        };
        (number, Inside::enter(|| Made { kind: Kind::Call, ..call.made(self.id, number) }))
    }

    /// Notes that this rank waits for what it has started as `call`.
    pub(crate) fn wait(&self, call: Call, number: u64) -> Here {
        let recorded = Inside::enter(|| Made { kind: Kind::Wait, ..call.made(self.id, number) });
        if level() == Level::Off || matches!(call.waits, Waits::Nobody) {
            return Here::nowhere(recorded);
        }
        Here::waiting(&call, self, number, recorded)
    }

    /// Notes that this rank waits for any of these messages, as `call`.
    pub(crate) fn wait_any(&self, call: Call, of: Vec<Half>) -> Here {
        let recorded = Inside::enter(|| call.made(self.id, 0));
        if level() == Level::Off {
            return Here::nowhere(recorded);
        }
        Here::any(&call, self.id, of, recorded)
    }

    /// Records that this rank waits for all others, and notes nothing of it.
    pub(crate) fn waits_for_all(&self, call: Call) -> Inside {
        let counts = level() != Level::Off || record::is_asked_for();
        let number = if counts { self.count() } else { 0 };
        Inside::enter(|| call.made(self.id, number))
    }

    /// The number of the collective call that begins now.
    #[inline]
    fn count(&self) -> u64 {
        // One thread writes, so this needs no locked addition.
        let number = self.calls.load(Ordering::Relaxed) + 1;
        self.calls.store(number, Ordering::Relaxed);
        number
    }

    /// In full mode, something that must be the same on all ranks in the call that comes next, in words.
    #[inline]
    pub(crate) fn note(&self, words: impl FnOnce() -> String) {
        /// Calls that turn out to need no other rank leave theirs to the next one.
        const AT_MOST: usize = 400;
        if level() == Level::Full && self.members.len() > 1 {
            let (words, mut before) = (words(), self.before());
            before.hash = super::call::hashed((before.hash, &words));
            if before.words.len() + words.len() > AT_MOST {
                before.words.clear();
            }
            before.words = [std::mem::take(&mut before.words), words].join(", ");
        }
    }

    fn before(&self) -> MutexGuard<'_, Before> {
        self.before.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
