//! What this rank does now, for whoever wants to know: the watchdog's thread looks at it while the rank waits in MPI.
//!
//! The rank writes on every call, the watchdog reads a few times a second: so writing is what has to be quick. The call goes to a
//! slate; what is rare, as transfers that were started, is behind a lock.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::call::{Call, NAMES, NUMBERS, Waits};
use super::group::Group;
use super::state::Counted;
use crate::sys::pending::{self, Half};
use crate::sys::record::Inside;
use crate::sys::slate::{Pen, Slate};

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

#[inline]
fn sent_one(to: u32) {
    SENT_TO.add(to);
    add(&SENT, 1);
}

/// What is written seldom.
struct Rare {
    any: Vec<Half>,
    open: Open,
    ended: bool,
}

static RARE: Mutex<Rare> = Mutex::new(Rare { any: Vec::new(), open: Open::NONE, ended: false });
/// The call that it is in, or was in last.
static DOING: Slate<NAMES, NUMBERS> = Slate::blank();
/// Odd inside of a call. The rank's thread alone writes to these three.
static MOVED: AtomicU64 = AtomicU64::new(0);
static SENT: AtomicU64 = AtomicU64::new(0);
static RECEIVED: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// Of the rank's thread.
    static PEN: Cell<Option<Pen<NAMES, NUMBERS>>> = const { Cell::new(None) };
    /// Whether anything is noted as open.
    static OPEN: Cell<bool> = const { Cell::new(false) };
}

/// From now on calls of this thread are noted.
pub(super) fn start() {
    if let Some(pen) = DOING.pen() {
        PEN.set(Some(pen));
    }
}

fn rare() -> MutexGuard<'static, Rare> {
    RARE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[inline]
fn add(number: &AtomicU64, n: u64) {
    // One thread writes, so this needs no locked addition.
    number.store(number.load(Ordering::Relaxed) + n, Ordering::Release);
}

/// What this rank does; for any thread.
pub(super) fn now() -> Now {
    /// A rank that goes from call to call all the time may never be caught in one.
    const TRIES: usize = 100;
    let look = || {
        let moved = MOVED.load(Ordering::Acquire);
        let doing = DOING.read().map(|written| Call::read(&written));
        let rare = rare();
        let now = Now {
            moved,
            doing: doing.map(|(call, group, number)| Doing { call, group, number }),
            inside: moved % 2 == 1,
            any: rare.any.clone(),
            open: rare.open,
            sent: SENT.load(Ordering::Acquire),
            received: RECEIVED.load(Ordering::Acquire),
            sent_to: SENT_TO.counted(),
            received_from: RECEIVED_FROM.counted(),
            ended: rare.ended,
        };
        // Inside of a call nothing of this changes but by leaving it.
        (now, MOVED.load(Ordering::Acquire) == moved)
    };
    let mut seen = look();
    for _ in 1..TRIES {
        if seen.1 {
            break;
        }
        seen = look();
    }
    // If it has moved: that is all that counts.
    seen.0
}

/// What leaving a call adds to the messages, in one word, which stays in a register: in the lower half the rank of the world to
/// which one goes, in the upper half the one from which one comes, and in the highest bit whether the call was noted.
#[derive(Debug, Clone, Copy)]
struct Moves(u64);

impl Moves {
    const NOTED: u64 = 1 << 63;
    /// Ranks are numbers of MPI's `int`, so they have 31 bits.
    const NOBODY: u32 = u32::MAX >> 1;
    const UNKNOWN: u32 = Self::NOBODY - 1;
    const NONE: Moves = Moves((Self::NOBODY as u64) << 32 | Self::NOBODY as u64);

    #[inline]
    fn new(to: Option<u32>, from: Option<u32>) -> Self {
        let half = |rank: Option<u32>| rank.map_or(Self::NOBODY, |rank| rank.min(Self::UNKNOWN));
        Moves(u64::from(half(from)) << 32 | u64::from(half(to)))
    }

    #[inline]
    fn noted(self) -> Self {
        Moves(self.0 | Self::NOTED)
    }

    /// Adds them; an unknown rank is `u32::MAX`.
    #[inline]
    fn happen(self) {
        let whole = |half: u32| if half == Self::UNKNOWN { u32::MAX } else { half };
        if self.0 & !Self::NOTED != Self::NONE.0 {
            let (to, from) = (self.0 as u32, (self.0 >> 32) as u32 & Self::NOBODY);
            if to != Self::NOBODY {
                sent_one(whole(to));
            }
            if from != Self::NOBODY {
                RECEIVED_FROM.add(whole(from));
                add(&RECEIVED, 1);
            }
        }
        if self.0 & Self::NOTED != 0 {
            add(&MOVED, 1);
        }
    }
}

/// For as long as it lives, this rank is in a call.
#[derive(Debug)]
pub(crate) struct Here {
    moves: Moves,
    /// The call's event in the record of this rank.
    _recorded: Inside,
}

impl Here {
    /// Where nothing is noted.
    #[inline]
    pub(super) const fn nowhere(recorded: Inside) -> Self {
        Here { moves: Moves::NONE, _recorded: recorded }
    }

    #[inline]
    pub(super) fn enter(call: &Call, group: &Group, number: u64, recorded: Inside) -> Self {
        let moves = match call.waits {
            Waits::Peers { to, from } => {
                Moves::new(to.map(|(rank, _)| group.in_world(rank)), from.map(|from| group.sender(from)))
            }
            _ => Moves::NONE,
        };
        Self::noted(call, group.id, number, moves, recorded)
    }

    /// In a call that was started before.
    pub(super) fn waiting(call: &Call, group: &Group, number: u64, recorded: Inside) -> Self {
        let receives = match call.waits {
            Waits::Peers { from: Some(from), .. } => Some(group.sender(from)),
            _ => None,
        };
        Self::noted(call, group.id, number, Moves::new(None, receives), recorded)
    }

    /// In a call that waits for any of these messages.
    pub(super) fn any(call: &Call, group: u64, of: Vec<Half>, recorded: Inside) -> Self {
        if MOVED.load(Ordering::Relaxed).is_multiple_of(2) {
            rare().any = of;
        }
        Self::noted(call, group, 0, Moves::NONE, recorded)
    }

    #[inline]
    fn noted(call: &Call, group: u64, number: u64, moves: Moves, recorded: Inside) -> Self {
        if MOVED.load(Ordering::Relaxed) % 2 == 1 {
            // A part of another call, which is the one that the program has made.
            return Here { moves, _recorded: recorded };
        }
        if let Some(pen) = PEN.get() {
            pen.write(&call.written(group, number));
        }
        if OPEN.get() || pending::any_under_way() {
            let open = Open::now();
            OPEN.set(open.some[0].is_some());
            rare().open = open;
        }
        add(&MOVED, 1);
        Here { moves: moves.noted(), _recorded: recorded }
    }
}

impl Drop for Here {
    #[inline]
    fn drop(&mut self) {
        self.moves.happen();
    }
}

/// A message to this rank of the world was handed to MPI, which goes on with it.
pub(super) fn sent(to: u32) {
    sent_one(to);
}

/// This rank's body has ended well.
pub(super) fn ended() {
    let mut rare = rare();
    rare.open = Open::now();
    rare.ended = true;
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
