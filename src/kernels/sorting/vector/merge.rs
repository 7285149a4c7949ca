//! Two sorted runs become one, a register at a time: the pending register and the next one of the run whose next key is smaller
//! give the smallest keys of both, sorted by a bitonic merge.
//!
//! Source: H. Inoue, T. Moriyama, H. Komatsu, T. Nakatani, *AA-sort*, PACT 2007.

use super::quicksort::Register;

/// The most lanes of any register.
pub(super) const MOST_LANES: usize = 16;

/// How far a merge in registers has come.
pub(super) struct Merged<K> {
    /// So many keys of both runs have been read, from the start, or backwards from the end.
    pub(super) a: usize,
    pub(super) b: usize,
    /// Those that were read and not written, the first `len` of them.
    pub(super) pending: [K; MOST_LANES],
    pub(super) len: usize,
}

/// Merges until less than a register is left of a run. Forwards, `to` is where the first key goes, `BACK`wards behind the last one.
///
/// # Safety
/// The processor has the instructions of `R`. The runs are as long as is said, and there is room for both at `to`. This may be where one of
/// the runs is: forwards if that run's end is the end of the room, backwards if its start is the start of the room.
#[inline(always)]
pub(super) unsafe fn merge<R: Register, const BACK: bool>(
    [a, b]: [*const R::Key; 2],
    [a_len, b_len]: [usize; 2],
    to: *mut R::Key,
) -> Merged<R::Key> {
    let lanes = R::LANES;
    let mut merged = Merged { a: 0, b: 0, pending: [R::GREATEST; MOST_LANES], len: 0 };
    if a_len < lanes || b_len < lanes {
        return merged;
    }
    // SAFETY: reads are of whole registers that are left in a run. What is written is one register less than what has been read, so it is
    // behind the reading in whichever run lies in the room.
    unsafe {
        // The k-th register's place, and that of the key that comes next after `used` ones.
        let register = |run: *const R::Key, len: usize, used: usize| {
            if BACK { run.add(len - used - lanes) } else { run.add(used) }
        };
        let key = |run: *const R::Key, len: usize, used: usize| {
            *if BACK { run.add(len - used - 1) } else { run.add(used) }
        };
        let mut pending = R::load(register(a, a_len, 0));
        let mut next = R::load(register(b, b_len, 0));
        let (mut a_used, mut b_used) = (lanes, lanes);
        loop {
            let mirrored = next.mirrored();
            let (low, high) = (pending.min(mirrored).halved(), pending.max(mirrored).halved());
            let done = a_used + b_used - 2 * lanes;
            if BACK {
                high.store(to.sub(done + lanes));
                pending = low;
            } else {
                low.store(to.add(done));
                pending = high;
            }
            if a_len - a_used < lanes || b_len - b_used < lanes {
                break;
            }
            let (from_a, from_b) = (key(a, a_len, a_used), key(b, b_len, b_used));
            let take_a = if BACK { from_a > from_b } else { from_a < from_b };
            let place = if take_a { register(a, a_len, a_used) } else { register(b, b_len, b_used) };
            next = R::load(place);
            a_used += if take_a { lanes } else { 0 };
            b_used += if take_a { 0 } else { lanes };
        }
        pending.store(merged.pending.as_mut_ptr());
        (merged.a, merged.b, merged.len) = (a_used, b_used, lanes);
    }
    merged
}
