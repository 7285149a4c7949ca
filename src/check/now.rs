//! What this rank does now, for whoever wants to know: the watchdog's thread looks at it while the rank waits in MPI.
//!
//! The rank writes on every call, the watchdog reads a few times a second: so writing is what has to be quick.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::call::{Call, Waits};
use super::group::Group;
use super::state::Counted;
use crate::sys::pending::{self, Half};
use crate::sys::record::Inside;

/// What a rank does, and how far it is.
#[derive(Debug, Clone)]
pub(super) struct Now {
    /// Counts up whenever it enters or leaves a call: two equal numbers say that nothing has happened between.
    pub(super) moved: u64,
    /// The call that it is in, or was in last.
    pub(super) doing: Option<Doing>,
    pub(super) inside: bool,
    /// If it waits for any of several messages: these.
    pub(super) any: Vec<Half>,
    /// Messages that were started and go on meanwhile.
    pub(super) open: Open,
    /// Messages of the program that it has sent and received.
    pub(super) sent: u64,
    pub(super) received: u64,
    /// Those by their ranks in the world.
    pub(super) sent_to: Counted,
    pub(super) received_from: Counted,
    /// Its body has ended well.
    pub(super) ended: bool,
}

/// A call that waits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Doing {
    pub(super) call: Call,
    pub(super) group: u64,
    /// The how manieth collective call of its group it is.
    pub(super) number: u64,
}

/// Messages that were started.
#[derive(Debug, Clone, Copy)]
pub(super) struct Open {
    pub(super) some: [Option<(u64, Half)>; 4],
    /// More than these.
    pub(super) many: bool,
}

impl Open {
    const NONE: Open = Open { some: [None; 4], many: false };

    fn now() -> Self {
        let (mut open, mut n) = (Open::NONE, 0);
        pending::messages_under_way(|group, half| {
            match open.some.get_mut(n) {
                Some(place) => *place = Some((group, half)),
                None => open.many = true,
            }
            n += 1;
        });
        open
    }
}

/// Messages by the rank that they go to or come from, found by its number. The rank's thread alone writes to it.
struct ByRank {
    /// A rank of the world, and one more; and how many.
    some: [(AtomicU32, AtomicU64); ByRank::MOST],
    others: AtomicBool,
}

static SENT_TO: ByRank = ByRank::new();
static RECEIVED_FROM: ByRank = ByRank::new();

impl ByRank {
    /// Of more ranks than these nobody knows how many messages there were.
    const MOST: usize = 64;
    /// Where a rank can be: from the place of its number on.
    const TRIES: usize = 8;

    const fn new() -> Self {
        ByRank {
            some: [const { (AtomicU32::new(0), AtomicU64::new(0)) }; ByRank::MOST],
            others: AtomicBool::new(false),
        }
    }

    /// One more; `u32::MAX` stands for a rank that is not known.
    fn add(&self, rank: u32) {
        if let Some(key) = rank.checked_add(1) {
            for at in (rank as usize..).take(ByRank::TRIES) {
                let (other, count) = &self.some[at % ByRank::MOST];
                match other.load(Ordering::Relaxed) {
                    0 => other.store(key, Ordering::Relaxed),
                    other if other == key => {}
                    _ => continue,
                }
                add(count, 1);
                return;
            }
        }
        self.others.store(true, Ordering::Release);
    }

    fn counted(&self) -> Counted {
        let some = self.some.iter().filter_map(|(rank, count)| {
            let count = count.load(Ordering::Acquire);
            Some((rank.load(Ordering::Relaxed).checked_sub(1)?, count))
        });
        Counted { some: some.collect(), others: self.others.load(Ordering::Acquire) }
    }
}

fn sent_one(to: u32) {
    SENT_TO.add(to);
    add(&SENT, 1);
}

/// What is written on entering a call.
struct Noted {
    doing: Option<Doing>,
    any: Vec<Half>,
    open: Open,
    ended: bool,
}

static NOTED: Mutex<Noted> =
    Mutex::new(Noted { doing: None, any: Vec::new(), open: Open::NONE, ended: false });
/// Odd inside of a call. The rank's thread alone writes to these three.
static MOVED: AtomicU64 = AtomicU64::new(0);
static SENT: AtomicU64 = AtomicU64::new(0);
static RECEIVED: AtomicU64 = AtomicU64::new(0);

fn add(number: &AtomicU64, n: u64) {
    // One thread writes, so this needs no locked addition.
    number.store(number.load(Ordering::Relaxed) + n, Ordering::Release);
}

/// What this rank does; for any thread.
pub(super) fn now() -> Now {
    let noted = NOTED.lock().unwrap_or_else(PoisonError::into_inner);
    // Nothing is entered meanwhile; the call may be left, and then it is taken for one that goes on once more.
    let moved = MOVED.load(Ordering::Acquire);
    Now {
        moved,
        doing: noted.doing,
        inside: moved % 2 == 1,
        any: noted.any.clone(),
        open: noted.open,
        sent: SENT.load(Ordering::Acquire),
        received: RECEIVED.load(Ordering::Acquire),
        sent_to: SENT_TO.counted(),
        received_from: RECEIVED_FROM.counted(),
        ended: noted.ended,
    }
}

/// For as long as it lives, this rank is in a call.
#[derive(Debug)]
pub(crate) struct Here {
    noted: bool,
    /// What leaving it adds to the messages: one to this rank of the world, and one from that.
    sends: Option<u32>,
    receives: Option<u32>,
    /// The call's event in the record of this rank.
    _recorded: Inside,
}

impl Here {
    /// Where nothing is noted.
    #[inline]
    pub(super) const fn nowhere(recorded: Inside) -> Self {
        Here { noted: false, sends: None, receives: None, _recorded: recorded }
    }

    #[inline]
    pub(super) fn enter(call: &Call, group: &Group, number: u64, recorded: Inside) -> Self {
        match call.waits {
            Waits::Peers { to, from } => {
                let sends = to.map(|(rank, _)| group.in_world(rank));
                let receives = from.map(|from| group.sender(from));
                Self::noted(call, group.id, number, (sends, receives), recorded)
            }
            _ => Self::noted(call, group.id, number, (None, None), recorded),
        }
    }

    /// In a call that was started before.
    pub(super) fn waiting(call: &Call, group: &Group, number: u64, recorded: Inside) -> Self {
        let receives = match call.waits {
            Waits::Peers { from: Some(from), .. } => Some(group.sender(from)),
            _ => None,
        };
        Self::noted(call, group.id, number, (None, receives), recorded)
    }

    /// In a call that waits for any of these messages.
    pub(super) fn any(call: &Call, group: u64, of: Vec<Half>, recorded: Inside) -> Self {
        if MOVED.load(Ordering::Relaxed).is_multiple_of(2) {
            NOTED.lock().unwrap_or_else(PoisonError::into_inner).any = of;
        }
        Self::noted(call, group, 0, (None, None), recorded)
    }

    fn noted(
        call: &Call,
        group: u64,
        number: u64,
        (sends, receives): (Option<u32>, Option<u32>),
        recorded: Inside,
    ) -> Self {
        if MOVED.load(Ordering::Relaxed) % 2 == 1 {
            // A part of another call, which is the one that the program has made.
            return Here { noted: false, sends, receives, _recorded: recorded };
        }
        let mut noted = NOTED.lock().unwrap_or_else(PoisonError::into_inner);
        noted.doing = Some(Doing { call: *call, group, number });
        if pending::any_under_way() || noted.open.some[0].is_some() {
            noted.open = Open::now();
        }
        add(&MOVED, 1);
        Here { noted: true, sends, receives, _recorded: recorded }
    }
}

impl Drop for Here {
    #[inline]
    fn drop(&mut self) {
        if let Some(to) = self.sends {
            sent_one(to);
        }
        if let Some(from) = self.receives {
            RECEIVED_FROM.add(from);
            add(&RECEIVED, 1);
        }
        if self.noted {
            add(&MOVED, 1);
        }
    }
}

/// A message to this rank of the world was handed to MPI, which goes on with it.
pub(super) fn sent(to: u32) {
    sent_one(to);
}

/// This rank's body has ended well.
pub(super) fn ended() {
    let mut noted = NOTED.lock().unwrap_or_else(PoisonError::into_inner);
    noted.open = Open::now();
    noted.ended = true;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_counted_by_rank_as_far_as_there_is_room() {
        static COUNTS: ByRank = ByRank::new();
        // The second has the place of the first, and goes on to the next.
        let ranks = [5, 5 + ByRank::MOST as u32, 6, 1_000_000];
        for (times, rank) in (1..).zip(ranks) {
            (0..times).for_each(|_| COUNTS.add(rank));
        }
        let counted = COUNTS.counted();
        assert_eq!(ranks.map(|rank| counted.of(rank as usize)), [1, 2, 3, 4].map(Some));
        assert_eq!(counted.of(7), Some(0), "all are known");
        (0..10 * ByRank::MOST as u32).for_each(|rank| COUNTS.add(rank));
        assert_eq!(COUNTS.counted().of(9 * ByRank::MOST), None, "there was no room");
        assert_eq!(COUNTS.counted().of(5), Some(2));
    }

    #[test]
    fn a_rank_that_is_not_known_makes_all_others_unknown() {
        static COUNTS: ByRank = ByRank::new();
        COUNTS.add(3);
        COUNTS.add(u32::MAX);
        assert_eq!([3, 4].map(|rank| COUNTS.counted().of(rank)), [Some(1), None]);
    }
}
