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

/// Whether there is a vector code for keys of this type.
pub(super) fn sorts<T: 'static>() -> bool {
    macro_rules! any_of {
        ($($key:ty)*) => { $(TypeId::of::<T>() == TypeId::of::<$key>())||* };
    }
    any_of!(u64 usize i64 isize f64 u32 i32 f32)
}

/// Sorts keys of a type that has a vector code, if the processor has one, too: in their order, floats in their total order. Equal keys
/// of these types have the same bits. `None` when nothing was done, else how many keys the passes have gone over.
pub(super) fn sort<T: 'static>(level: Level, keys: &mut [T]) -> Option<u64> {
    // Twice as many as good pivots need.
    sort_within(level, keys, 2 * keys.len().max(1).ilog2() + 4)
}

/// As [`sort`], with at most so many passes over any key.
pub(super) fn sort_within<T: 'static>(level: Level, keys: &mut [T], depth: u32) -> Option<u64> {
    let level = level.min(Level::detect());
    if level == Level::Portable {
        return None;
    }
    macro_rules! of {
        ($($key:ty as $like:ty => $sort:ident $(, $image:ident)?;)*) => {$(
            if let Some(keys) = same::<T, $key, $like>(keys) {
                $($image(keys);)?
                let work = match level {
                    // SAFETY: the processor has these instructions, as `detect` found out.
                    Level::Avx512 => unsafe { avx512::$sort(keys, depth) },
                    // SAFETY: as above.
                    _ => unsafe { avx2::$sort(keys, depth) },
                };
                $($image(keys);)?
                return Some(work);
            }
        )*};
    }
    of! {
        u64 as u64 => sort_u64;
        usize as u64 => sort_u64;
        i64 as i64 => sort_i64;
        isize as i64 => sort_i64;
        f64 as i64 => sort_i64, image_64;
        u32 as u32 => sort_u32;
        i32 as i32 => sort_i32;
        f32 as i32 => sort_i32, image_32;
    }
    None
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
    // SAFETY: the room is as long as both runs, and apart from them, or one run is the room's end, and goes forwards, or its start, and goes
    // backwards.
    let [rest] = unsafe { begin(level, [task], back) }?;
    Some(rest)
}

/// As [`merge`], of two pairs of runs, each into other memory: in little more than the time of one.
pub(super) fn merge_both<T: Copy + 'static>(
    level: Level,
    tasks: [(&[T], &[T], &mut [T]); 2],
) -> Option<[Rest<T>; 2]> {
    // SAFETY: the rooms are as long as their runs, and apart from all.
    unsafe { begin(level, tasks.map(|(low, high, to)| apart(low, high, to)), false) }
}

/// Into other memory.
fn apart<T>(low: &[T], high: &[T], to: &mut [T]) -> Task<T> {
    assert_eq!(to.len(), low.len() + high.len(), "two runs are merged into as many elements");
    Task { runs: [low.as_ptr(), high.as_ptr()], lens: [low.len(), high.len()], to: to.as_mut_ptr() }
}

/// Begins one merge or two.
///
/// # Safety
/// As for [`merge::merge`]; of two, forwards, neither's room has anything of the other.
unsafe fn begin<T: Copy + 'static, const N: usize>(
    level: Level,
    tasks: [Task<T>; N],
    back: bool,
) -> Option<[Rest<T>; N]> {
    let level = level.min(Level::detect());
    if level == Level::Portable {
        return None;
    }
    macro_rules! of {
        ($($key:ty as $like:ty => $merge:ident $merge_both:ident $float:literal;)*) => {$(
            if TypeId::of::<T>() == TypeId::of::<$key>() {
                let tasks = tasks.map(|Task { runs, lens, to }| {
                    Task::<$like> { runs: runs.map(|run| run.cast()), lens, to: to.cast() }
                });
                let merged: Vec<Merged<$like>> = match <[Task<$like>; 2]>::try_from(Vec::from(tasks)) {
                    Ok(both) => match level {
                        // SAFETY: the processor has these instructions, as `detect` found out. T is the key's type, which has the size and alignment
                        // of `like`, and so have all bits. The rest is the caller's promise.
                        Level::Avx512 => unsafe { avx512::$merge_both::<$float>(both) }.into(),
                        // SAFETY: as above.
                        _ => unsafe { avx2::$merge_both::<$float>(both) }.into(),
                    },
                    Err(one) => one
                        .into_iter()
                        .map(|task| match (level, back) {
                            // SAFETY: as above.
                            (Level::Avx512, false) => unsafe { avx512::$merge::<false, $float>(task) },
                            // SAFETY: as above.
                            (Level::Avx512, true) => unsafe { avx512::$merge::<true, $float>(task) },
                            // SAFETY: as above.
                            (_, false) => unsafe { avx2::$merge::<false, $float>(task) },
                            // SAFETY: as above.
                            (_, true) => unsafe { avx2::$merge::<true, $float>(task) },
                        })
                        .collect(),
                };
                // SAFETY: T is the key's type, which has the size of `like` and takes any bits.
                let as_key = |key: &$like| unsafe { std::mem::transmute_copy::<$like, T>(key) };
                let rests: Vec<Rest<T>> = merged
                    .iter()
                    .map(|merged| Rest {
                        a: merged.a,
                        b: merged.b,
                        pending: merged.pending[..merged.len].iter().map(as_key).collect(),
                    })
                    .collect();
                return rests.try_into().ok();
            }
        )*};
    }
    of! {
        u64 as u64 => merge_u64 merge_both_u64 false;
        usize as u64 => merge_u64 merge_both_u64 false;
        i64 as i64 => merge_i64 merge_both_i64 false;
        isize as i64 => merge_i64 merge_both_i64 false;
        f64 as i64 => merge_i64 merge_both_i64 true;
        u32 as u32 => merge_u32 merge_both_u32 false;
        i32 as i32 => merge_i32 merge_both_i32 false;
        f32 as i32 => merge_i32 merge_both_i32 true;
    }
    None
}

/// The keys as numbers of the type `Like`, if they are of the type `Key`, which has the same size and takes any bits.
fn same<T: 'static, Key: 'static, Like>(keys: &mut [T]) -> Option<&mut [Like]> {
    const { assert!(size_of::<Key>() == size_of::<Like>() && align_of::<Key>() == align_of::<Like>()) };
    // SAFETY: T is Key, a number, and so is Like, of the same size and alignment; any bits are a value of both.
    (TypeId::of::<T>() == TypeId::of::<Key>())
        .then(|| unsafe { std::slice::from_raw_parts_mut(keys.as_mut_ptr().cast(), keys.len()) })
}

/// Bits of floats become integers in the same order, and the other way round.
fn image_64(keys: &mut [i64]) {
    keys.iter_mut().for_each(|key| *key ^= ((*key >> 63) as u64 >> 1) as i64);
}

/// The same for 32 bits.
fn image_32(keys: &mut [i32]) {
    keys.iter_mut().for_each(|key| *key ^= ((*key >> 31) as u32 >> 1) as i32);
}
