//! Two sorted runs become one, a register at a time: the pending register and the next one of the run whose next key is smaller
//! give the smallest keys of both, sorted by a bitonic merge.
//!
//! Each step needs what the one before has left, and the processor could do several at once. So long runs are cut in the middle of
//! their merge, and the two halves take turns.
//!
//! Sources: H. Inoue, T. Moriyama, H. Komatsu, T. Nakatani, *AA-sort*, PACT 2007; for the cut O. Green, R. McColl, D. A. Bader, *GPU merge
//! path*, ICS 2012.

use super::quicksort::Register;

/// How far a merge in registers has come.
pub(super) struct Merged {
    /// So many keys of both runs have been read, from the start, or backwards from the end.
    pub(super) a: usize,
    pub(super) b: usize,
    /// Those that were read and not written, `len` keys from the start on: room for the widest register.
    pub(super) pending: [u64; 8],
    pub(super) len: usize,
}

/// Two runs to be merged: where they are, how long, and where the first key goes, or for a merge from the end, behind the last one.
pub(super) struct Task<K> {
    pub(super) runs: [*const K; 2],
    pub(super) lens: [usize; 2],
    pub(super) to: *mut K,
}

impl<K> Task<K> {
    /// With another type of keys, or none, for what is not compiled for each.
    pub(super) fn typed<Other>(self) -> Task<Other> {
        Task { runs: self.runs.map(|run| run.cast()), lens: self.lens, to: self.to.cast() }
    }
}

impl Merged {
    /// Nothing was done.
    const NOTHING: Merged = Merged { a: 0, b: 0, pending: [0; 8], len: 0 };
}

/// Merges until less than a register is left of a run, from the start or `BACK`wards. With `FLOAT`, the keys are the bits of floats.
///
/// # Safety
/// The processor has the instructions of `R`. The runs are as long as is said, and there is room for both at `to`. This may be where one of
/// the runs is: forwards if that run's end is the end of the room, backwards if its start is the start of the room.
#[inline(always)]
pub(super) unsafe fn merge<R: Register, const BACK: bool, const FLOAT: bool>(task: Task<R::Key>) -> Merged {
    // SAFETY: by the caller's promise.
    unsafe {
        match Walk::<R, BACK, FLOAT>::new(task) {
            None => Merged::NOTHING,
            Some(mut walk) => {
                while walk.step() {}
                walk.end()
            }
        }
    }
}

/// As two calls of [`merge`], forwards, in the time of little more than one.
///
/// # Safety
/// As for [`merge`], of both; neither's room has anything of the other.
#[inline(always)]
pub(super) unsafe fn merge_both<R: Register, const FLOAT: bool>(
    [one, other]: [Task<R::Key>; 2],
) -> [Merged; 2] {
    // SAFETY: by the caller's promise.
    unsafe {
        let (mut one, mut other) = (Walk::<R, false, FLOAT>::new(one), Walk::<R, false, FLOAT>::new(other));
        if let (Some(one), Some(other)) = (&mut one, &mut other) {
            while one.step() && other.step() {}
        }
        [one, other].map(|walk| {
            walk.map_or(Merged::NOTHING, |mut walk| {
                while walk.step() {}
                walk.end()
            })
        })
    }
}

/// A merge that is under way.
struct Walk<R: Register, const BACK: bool, const FLOAT: bool> {
    task: Task<R::Key>,
    used: [usize; 2],
    pending: R,
    next: R,
}

impl<R: Register, const BACK: bool, const FLOAT: bool> Walk<R, BACK, FLOAT> {
    /// `None` if a run is shorter than a register.
    #[inline(always)]
    unsafe fn new(task: Task<R::Key>) -> Option<Self> {
        if task.lens[0] < R::LANES || task.lens[1] < R::LANES {
            return None;
        }
        // SAFETY: both runs have a register of keys.
        unsafe {
            let (pending, next) = (Self::load(&task, 0, 0), Self::load(&task, 1, 0));
            Some(Walk { task, used: [R::LANES; 2], pending, next })
        }
    }

    /// The register behind `used` keys of a run.
    #[inline(always)]
    unsafe fn load(task: &Task<R::Key>, run: usize, used: usize) -> R {
        let at = if BACK { task.lens[run] - used - R::LANES } else { used };
        // SAFETY: so much is left of the run, by the caller's promise.
        let row = unsafe { R::load(task.runs[run].add(at)) };
        // SAFETY: the instructions are there, by the caller's promise.
        if FLOAT { unsafe { row.image() } } else { row }
    }

    /// The key behind `used` keys of a run.
    #[inline(always)]
    unsafe fn key(&self, run: usize) -> R::Key {
        let (len, used) = (self.task.lens[run], self.used[run]);
        // SAFETY: so much is left of the run, by the caller's promise.
        unsafe { *self.task.runs[run].add(if BACK { len - used - 1 } else { used }) }
    }

    /// Writes a register, and reads one, unless less than one is left: false, and nothing is done. What is written is one register less
    /// than what has been read, so it is behind the reading in whichever run lies in the room.
    #[inline(always)]
    unsafe fn step(&mut self) -> bool {
        let lanes = R::LANES;
        let [a, b] = self.used;
        if self.task.lens[0] - a < lanes || self.task.lens[1] - b < lanes {
            return false;
        }
        // SAFETY: a register is left of each run, and what is written has been read.
        unsafe {
            self.write();
            let (from_a, from_b) = (self.key(0), self.key(1));
            let (first, second) = if BACK { (from_b, from_a) } else { (from_a, from_b) };
            let take_a = if FLOAT { R::float_before(first, second) } else { first < second };
            let run = usize::from(!take_a);
            self.next = Self::load(&self.task, run, if take_a { a } else { b });
            self.used = if take_a { [a + lanes, b] } else { [a, b + lanes] };
        }
        true
    }

    /// The keys that come first of the two registers; the others stay pending.
    #[inline(always)]
    unsafe fn write(&mut self) {
        let lanes = R::LANES;
        let done = self.used[0] + self.used[1] - 2 * lanes;
        // SAFETY: so much has been read beyond what was written.
        unsafe {
            let mirrored = self.next.mirrored();
            let (low, high) = (self.pending.min(mirrored).halved(), self.pending.max(mirrored).halved());
            let (ready, pending) = if BACK { (high, low) } else { (low, high) };
            let ready = if FLOAT { ready.image() } else { ready };
            ready.store(if BACK { self.task.to.sub(done + lanes) } else { self.task.to.add(done) });
            self.pending = pending;
        }
    }

    /// The last register that can be written, and what is left.
    #[inline(always)]
    unsafe fn end(mut self) -> Merged {
        let [a, b] = self.used;
        const { assert!(R::LANES * size_of::<R::Key>() <= size_of::<[u64; 8]>()) };
        let mut merged = Merged { a, b, len: R::LANES, ..Merged::NOTHING };
        // SAFETY: as for a step; there is room for a register.
        unsafe {
            self.write();
            let pending = if FLOAT { self.pending.image() } else { self.pending };
            pending.store(merged.pending.as_mut_ptr().cast());
        }
        merged
    }
}
