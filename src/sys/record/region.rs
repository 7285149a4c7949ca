//! Where a rank records what it does: a few numbers, then names, then a ring of events. Nothing moves and nothing is freed, so
//! that another thread, or another rank of the node, can read it when this one no longer can.

use std::sync::atomic::{AtomicU64, Ordering};

use super::super::clock::{Line, Moment};
use super::super::words::PAGE;
use super::Kind;

/// Numbers of an event.
pub(crate) const EVENT: usize = 8;
/// Numbers before the names.
const HEAD: usize = 64;
/// Numbers for names of calls and groups.
const NAMES: usize = 1 << 14;

const USED: usize = 0;
const PUSHED: usize = 1;
const NAMED: usize = 2;
/// When it was begun, in ticks and in nanoseconds.
const BEGUN: usize = 4;
/// The clock, told against the root's: three numbers at the start, three at the end.
const CLOCK: usize = 8;

/// One rank's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Region {
    head: &'static [AtomicU64],
    names: &'static [AtomicU64],
    events: &'static [AtomicU64],
    /// A power of two, less one.
    mask: u64,
}

/// How this rank's clock was compared with the root's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Compared {
    /// When, on this rank's clock, in nanoseconds.
    pub(crate) at: u64,
    /// What has to be added to this rank's clock to have the root's.
    pub(crate) offset: i64,
    /// By so much this may be wrong.
    pub(crate) error: u64,
}

/// What a rank has recorded.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recorded {
    /// The last ones, oldest first. Times are in nanoseconds.
    pub(crate) events: Vec<[u64; EVENT]>,
    /// How many there were before them.
    pub(crate) lost: u64,
    /// What was named, with its kind, its number and its bytes.
    pub(crate) names: Vec<(u8, u32, Vec<u8>)>,
    pub(crate) start: Option<Compared>,
    pub(crate) end: Option<Compared>,
}

impl Region {
    /// How many numbers a region with so many events takes: whole pages.
    pub(crate) const fn len(events: usize) -> usize {
        (HEAD + NAMES + events * EVENT).next_multiple_of(PAGE)
    }

    /// Over numbers that are 0, or that another rank records to. `events` is a power of two.
    pub(crate) fn over(numbers: &'static [AtomicU64], events: usize) -> Self {
        assert!(events.is_power_of_two() && numbers.len() >= Self::len(events));
        let (head, rest) = numbers.split_at(HEAD);
        let (names, rest) = rest.split_at(NAMES);
        Region { head, names, events: &rest[..events * EVENT], mask: events as u64 - 1 }
    }

    /// From now on it is in use.
    pub(super) fn begin(&self, now: Moment) {
        self.head[BEGUN].store(now.ticks, Ordering::Relaxed);
        self.head[BEGUN + 1].store(now.nanoseconds, Ordering::Relaxed);
        self.head[USED].store(1, Ordering::Release);
    }

    /// The number of the next event.
    #[inline]
    pub(super) fn pushed(&self) -> u64 {
        self.head[PUSHED].load(Ordering::Relaxed)
    }

    #[inline]
    fn slot(&self, number: u64) -> &[AtomicU64] {
        let start = (number & self.mask) as usize * EVENT;
        &self.events[start..start + EVENT]
    }

    /// Adds an event; gives its number.
    #[inline]
    pub(super) fn push(&self, event: [u64; EVENT]) -> u64 {
        let number = self.pushed();
        for (place, value) in self.slot(number).iter().zip(event) {
            place.store(value, Ordering::Relaxed);
        }
        // One thread writes, so this needs no locked addition.
        self.head[PUSHED].store(number + 1, Ordering::Release);
        number
    }

    /// Changes some of an event, if it is still there.
    #[inline]
    pub(super) fn change(&self, number: u64, values: [(usize, u64); 3]) -> bool {
        if self.pushed() - number > self.mask + 1 {
            return false;
        }
        let slot = self.slot(number);
        for (place, value) in values {
            slot[place].store(value, Ordering::Relaxed);
        }
        true
    }

    /// Adds a name; says whether there was room.
    pub(super) fn name(&self, kind: u8, number: u32, bytes: &[u8]) -> bool {
        let at = self.head[NAMED].load(Ordering::Relaxed) as usize;
        let end = at + 1 + bytes.len().div_ceil(8);
        if end > self.names.len() || bytes.len() >= 1 << 24 {
            return false;
        }
        let first = u64::from(kind) << 56 | (bytes.len() as u64) << 32 | u64::from(number);
        self.names[at].store(first, Ordering::Relaxed);
        for (place, part) in self.names[at + 1..end].iter().zip(bytes.chunks(8)) {
            let mut word = [0; 8];
            word[..part.len()].copy_from_slice(part);
            place.store(u64::from_le_bytes(word), Ordering::Relaxed);
        }
        self.head[NAMED].store(end as u64, Ordering::Release);
        true
    }

    pub(super) fn compared(&self, at_end: bool, how: Compared) {
        let place = &self.head[CLOCK + if at_end { 4 } else { 0 }..];
        for (place, value) in place.iter().zip([how.at, how.offset as u64, how.error, 1]) {
            place.store(value, Ordering::Release);
        }
    }

    fn comparison(&self, at_end: bool) -> Option<Compared> {
        let place = &self.head[CLOCK + if at_end { 4 } else { 0 }..];
        let number = |i: usize| place[i].load(Ordering::Acquire);
        (number(3) == 1).then(|| Compared { at: number(0), offset: number(1) as i64, error: number(2) })
    }

    /// When it was begun.
    pub(super) fn begun(&self) -> Moment {
        let number = |i: usize| self.head[i].load(Ordering::Relaxed);
        Moment { ticks: number(BEGUN), nanoseconds: number(BEGUN + 1) }
    }

    /// What is there; `None` while it is not in use. Whoever writes to it meanwhile goes on.
    pub(crate) fn read(&self) -> Option<Recorded> {
        if self.head[USED].load(Ordering::Acquire) != 1 {
            return None;
        }
        let room = self.mask + 1;
        let pushed = self.head[PUSHED].load(Ordering::Acquire);
        let first = pushed.saturating_sub(room);
        let read = |number| std::array::from_fn(|i| self.slot(number)[i].load(Ordering::Relaxed));
        let mut events: Vec<[u64; EVENT]> = (first..pushed).map(read).collect();
        // What was pushed meanwhile has taken the place of the oldest.
        let overwritten =
            self.head[PUSHED].load(Ordering::Acquire).saturating_sub(room).saturating_sub(first);
        let overwritten = (overwritten + u64::from(overwritten > 0)).min(events.len() as u64);
        events.drain(..overwritten as usize);
        let clock = Line::through(self.begun(), Moment::now());
        for event in &mut events {
            // 0 is no time.
            let times = Kind::times(event[0]);
            for time in event[times].iter_mut().filter(|time| **time != 0) {
                *time = clock.nanoseconds(*time);
            }
        }
        Some(Recorded {
            events,
            lost: first + overwritten,
            names: self.all_names(),
            start: self.comparison(false),
            end: self.comparison(true),
        })
    }

    fn all_names(&self) -> Vec<(u8, u32, Vec<u8>)> {
        let used = (self.head[NAMED].load(Ordering::Acquire) as usize).min(self.names.len());
        let (mut at, mut names) = (0, Vec::new());
        while at < used {
            let first = self.names[at].load(Ordering::Relaxed);
            let len = (first >> 32) as usize & 0xff_ffff;
            let end = (at + 1 + len.div_ceil(8)).min(used);
            let words = self.names[at + 1..end].iter();
            let mut bytes: Vec<u8> =
                words.flat_map(|word| word.load(Ordering::Relaxed).to_le_bytes()).collect();
            bytes.truncate(len);
            names.push(((first >> 56) as u8, first as u32, bytes));
            at = end;
        }
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::words;

    #[test]
    fn a_ring_keeps_the_last_events_in_order() {
        let region = Region::over(words::own(Region::len(8)), 8);
        assert!(region.read().is_none());
        region.begin(Moment { ticks: 0, nanoseconds: 0 });
        for i in 0..21 {
            assert_eq!(region.push([i; EVENT]), i);
        }
        let recorded = region.read().expect("begun");
        assert_eq!(recorded.lost, 13);
        assert!(recorded.events.iter().map(|event| event[0]).eq(13..21), "{recorded:?}");
        assert!(!region.change(12, [(3, 99); 3]), "gone");
        assert!(region.change(13, [(3, 99); 3]), "still there");
        assert_eq!(region.read().expect("begun").events[0][3], 99);
    }

    #[test]
    fn names_come_back() {
        let region = Region::over(words::own(Region::len(2)), 2);
        region.begin(Moment { ticks: 0, nanoseconds: 0 });
        let names: Vec<(u8, u32, Vec<u8>)> =
            (0..40).map(|i| ((i % 3) as u8, i, vec![b'a' + (i % 26) as u8; i as usize])).collect();
        for (kind, number, bytes) in &names {
            assert!(region.name(*kind, *number, bytes));
        }
        assert_eq!(region.read().expect("begun").names, names);
        assert!(!region.name(1, 1, &vec![0; 8 * NAMES]), "there is no room");
        assert_eq!(region.read().expect("begun").names.len(), names.len());
    }
}
