//! Quicksort in vector registers: for keys of 32 and 64 bits, with AVX-512 or AVX2, whichever the processor has.
//!
//! A pass compares as many keys at once as a register has lanes, and writes those below the pivot to the left and the others to the
//! right end of the room that reading has freed. Up to sixteen registers of keys are sorted without a branch: each lane by a network
//! of comparisons, then neighbouring lanes by bitonic merges, and a transpose at the end. The pivot is the median of a sample; whoever
//! knows which keys are sampled can make passes useless, so after too many of them the standard library takes over, which
//! needs O(n log n) comparisons whatever the keys are.
//!
//! Sources: S. Gueron, V. Krasnov, *Fast quicksort implementation using AVX instructions* (2016); B. Bramas, *A novel hybrid quicksort
//! algorithm vectorized using AVX-512* (2017); M. Blacher et al., *Vectorized and performance-portable quicksort* (2022);
//! M. W. Green's network of 60 comparisons for 16 keys (1969).
#![expect(
    unsafe_code,
    reason = "vector instructions, called after asking for them, on pointers into one slice"
)]

use std::any::TypeId;

use self::merge::{Merged, Task};
use crate::kernels::level::Level;

mod avx2;
mod avx512;
mod merge;
mod quicksort;

/// A vector code: what the bits of a key stand for. All below it is compiled once, not again for each type of keys.
#[derive(Clone, Copy)]
enum Code {
    U64,
    I64,
    F64,
    U32,
    I32,
    F32,
}

impl Code {
    /// The one for keys of this type, which has the size and alignment of the code's and takes any bits.
    fn of<T: 'static>() -> Option<Self> {
        macro_rules! among {
            ($($key:ty => $code:ident as $like:ty;)*) => {$(
                const { assert!(size_of::<$key>() == size_of::<$like>() && align_of::<$key>() == align_of::<$like>()) };
                if TypeId::of::<T>() == TypeId::of::<$key>() {
                    return Some(Code::$code);
                }
            )*};
        }
        among! {
            u64 => U64 as u64;
            usize => U64 as u64;
            i64 => I64 as i64;
            isize => I64 as i64;
            f64 => F64 as i64;
            u32 => U32 as u32;
            i32 => I32 as i32;
            f32 => F32 as i32;
        }
        None
    }
}

/// Whether there is a vector code for keys of this type.
pub(super) fn sorts<T: 'static>() -> bool {
    Code::of::<T>().is_some()
}

/// The level that is asked for, or the highest one below it that the processor has. `None` if it has no registers for keys.
fn usable(level: Level) -> Option<Level> {
    Some(level.min(Level::detect())).filter(|level| *level != Level::Portable)
}

/// Sorts keys of a type that has a vector code, if the processor has one, too: in their order, floats in their total order. Equal keys
/// of these types have the same bits. `None` when nothing was done, else how many keys the passes have gone over.
pub(super) fn sort<T: 'static>(level: Level, keys: &mut [T]) -> Option<u64> {
    // Twice as many as good pivots need.
    sort_within(level, keys, 2 * keys.len().max(1).ilog2() + 4)
}

/// As [`sort`], with at most so many passes over any key.
pub(super) fn sort_within<T: 'static>(level: Level, keys: &mut [T], depth: u32) -> Option<u64> {
    let (code, level) = (Code::of::<T>()?, usable(level)?);
    // SAFETY: the keys are of a type of this code, and the processor has these instructions.
    Some(unsafe { sort_as(code, level, keys.as_mut_ptr().cast(), keys.len(), depth) })
}

/// Sorts `len` keys from `start` on.
///
/// # Safety
/// They may be written, and are of a type of this code; the processor has the instructions of this level.
unsafe fn sort_as(code: Code, level: Level, start: *mut (), len: usize, depth: u32) -> u64 {
    macro_rules! with {
        ($sort:ident, $like:ty $(, $image:ident)?) => {{
            // SAFETY: the keys have the size and alignment of `like`, which takes any bits; by the caller's promise they are there.
            let keys = unsafe { std::slice::from_raw_parts_mut(start.cast::<$like>(), len) };
            $($image(keys);)?
            let work = match level {
                // SAFETY: the processor has these instructions, by the caller's promise.
                Level::Avx512 => unsafe { avx512::$sort(keys, depth) },
                // SAFETY: as above.
                _ => unsafe { avx2::$sort(keys, depth) },
            };
            $($image(keys);)?
            work
        }};
    }
    match code {
        Code::U64 => with!(sort_u64, u64),
        Code::I64 => with!(sort_i64, i64),
        Code::F64 => with!(sort_i64, i64, image_64),
        Code::U32 => with!(sort_u32, u32),
        Code::I32 => with!(sort_i32, i32),
        Code::F32 => with!(sort_i32, i32, image_32),
    }
}

/// What is left of a merge that was begun in registers, in the order in which the keys are to be merged.
pub(super) struct Rest<T> {
    /// So many keys of both runs have been read.
    pub(super) a: usize,
    pub(super) b: usize,
    /// Those of them that were not written.
    pub(super) pending: Vec<T>,
}

/// Where a merge goes.
pub(super) enum Room<'a, T> {
    /// To other memory, from its start.
    Apart(&'a [T], &'a [T], &'a mut [T]),
    /// The block's last keys are a run; from its start.
    OntoHigh(&'a [T], &'a mut [T]),
    /// The block's first keys are a run; from its end.
    OntoLow(&'a mut [T], &'a [T]),
}

/// Begins to merge two runs of numbers of 32 or 64 bits, until less than a register is left of one of them. In `Rest`, `a` is the run on
/// the left. `None` when nothing was done.
pub(super) fn merge<T: Copy + 'static>(level: Level, room: Room<T>) -> Option<Rest<T>> {
    let (task, back) = match room {
        Room::Apart(low, high, to) => (apart(low, high, to), false),
        Room::OntoHigh(low, block) => {
            let (high, start) = (block.len().checked_sub(low.len())?, block.as_mut_ptr());
            let runs = [low.as_ptr(), start.wrapping_add(low.len()).cast_const()];
            (Task { runs, lens: [low.len(), high], to: start }, false)
        }
        Room::OntoLow(block, high) => {
            let (low, start) = (block.len().checked_sub(high.len())?, block.as_mut_ptr());
            let runs = [start.cast_const(), high.as_ptr()];
            (Task { runs, lens: [low, high.len()], to: start.wrapping_add(block.len()) }, true)
        }
    };
    let (code, level) = (Code::of::<T>()?, usable(level)?);
    // SAFETY: the keys are of a type of this code, and the processor has these instructions. The room is as long as both runs, and apart
    // from them, or one run is the room's end, and goes forwards, or its start, and goes backwards.
    let merged = unsafe { merge_as(code, level, task.typed(), back) };
    // SAFETY: what is pending are keys of that type.
    Some(unsafe { Rest::of(&merged) })
}

/// As [`merge`], of two pairs of runs, each into other memory: in little more than the time of one.
pub(super) fn merge_both<T: Copy + 'static>(
    level: Level,
    tasks: [(&[T], &[T], &mut [T]); 2],
) -> Option<[Rest<T>; 2]> {
    let (code, level) = (Code::of::<T>()?, usable(level)?);
    let tasks = tasks.map(|(low, high, to)| apart(low, high, to).typed());
    // SAFETY: the keys are of a type of this code, and the processor has these instructions. The rooms are as long as their runs, and apart
    // from all.
    let [one, other] = unsafe { merge_both_as(code, level, tasks) };
    // SAFETY: what is pending are keys of that type.
    Some(unsafe { [Rest::of(&one), Rest::of(&other)] })
}

/// Into other memory.
fn apart<T>(low: &[T], high: &[T], to: &mut [T]) -> Task<T> {
    assert_eq!(to.len(), low.len() + high.len(), "two runs are merged into as many elements");
    Task { runs: [low.as_ptr(), high.as_ptr()], lens: [low.len(), high.len()], to: to.as_mut_ptr() }
}

impl<T: Copy> Rest<T> {
    /// # Safety
    /// The keys that were merged are of type `T`.
    unsafe fn of(merged: &Merged) -> Self {
        // SAFETY: so many keys were written there, which is aligned for the largest of them.
        let pending = unsafe { std::slice::from_raw_parts(merged.pending.as_ptr().cast::<T>(), merged.len) };
        Rest { a: merged.a, b: merged.b, pending: pending.to_vec() }
    }
}

/// Begins a merge, with `back` from the end.
///
/// # Safety
/// As for [`merge::merge`]; the keys are of a type of this code, and the processor has the instructions of this level.
unsafe fn merge_as(code: Code, level: Level, task: Task<()>, back: bool) -> Merged {
    macro_rules! with {
        ($merge:ident, $float:literal) => {
            // SAFETY: by the caller's promise; keys of this code have the size and alignment of those of the function, which takes any bits.
            unsafe {
                match (level, back) {
                    (Level::Avx512, false) => avx512::$merge::<false, $float>(task.typed()),
                    (Level::Avx512, true) => avx512::$merge::<true, $float>(task.typed()),
                    (_, false) => avx2::$merge::<false, $float>(task.typed()),
                    (_, true) => avx2::$merge::<true, $float>(task.typed()),
                }
            }
        };
    }
    match code {
        Code::U64 => with!(merge_u64, false),
        Code::I64 => with!(merge_i64, false),
        Code::F64 => with!(merge_i64, true),
        Code::U32 => with!(merge_u32, false),
        Code::I32 => with!(merge_i32, false),
        Code::F32 => with!(merge_i32, true),
    }
}

/// Begins two, forwards.
///
/// # Safety
/// As for [`merge_as`]; neither's room has anything of the other.
unsafe fn merge_both_as(code: Code, level: Level, tasks: [Task<()>; 2]) -> [Merged; 2] {
    macro_rules! with {
        ($merge:ident, $float:literal) => {
            // SAFETY: as for `merge_as`.
            unsafe {
                match level {
                    Level::Avx512 => avx512::$merge::<$float>(tasks.map(Task::typed)),
                    _ => avx2::$merge::<$float>(tasks.map(Task::typed)),
                }
            }
        };
    }
    match code {
        Code::U64 => with!(merge_both_u64, false),
        Code::I64 => with!(merge_both_i64, false),
        Code::F64 => with!(merge_both_i64, true),
        Code::U32 => with!(merge_both_u32, false),
        Code::I32 => with!(merge_both_i32, false),
        Code::F32 => with!(merge_both_i32, true),
    }
}

/// Bits of floats become integers in the same order, and the other way round.
fn image_64(keys: &mut [i64]) {
    keys.iter_mut().for_each(|key| *key ^= ((*key >> 63) as u64 >> 1) as i64);
}

/// The same for 32 bits.
fn image_32(keys: &mut [i32]) {
    keys.iter_mut().for_each(|key| *key ^= ((*key >> 31) as u32 >> 1) as i32);
}
