//! Sorting, as it is taught: the serial twins of everything that is faster, and what runs on one rank.
//!
//! *Bubble sort* swaps neighbours that are in the wrong order until none is left. *Odd-even transposition* is bubble sort for
//! many workers: in even phases the pairs (0, 1), (2, 3), … put themselves in order, in odd phases (1, 2), (3, 4), …; after as
//! many phases as there are workers all is sorted. With a sorted block for each worker instead of one key, a pair of workers
//! *merges and splits*: the left one keeps the smaller half of both blocks, the right one the larger half.
//!
//! Sources: N. Habermann, *Parallel neighbor-sort* (1972); G. Baudet, D. Stevenson, *Optimal sorting algorithms for parallel
//! computers*, IEEE Trans. Comput. C-27 (1978); D. E. Knuth, *The Art of Computer Programming*, vol. 3, 5.2.2 and 5.3.4 (the 0-1
//! principle: a network of comparisons that sorts all sequences of zeros and ones sorts everything).

use std::cmp::Ordering;

mod local;
mod many;
mod merge;
mod order;
#[cfg(target_arch = "x86_64")]
mod vector;

pub use local::{is_sorted, sort};
pub use many::merge_runs;
pub(crate) use many::merge_runs_by;
pub use merge::{crossing, merge};
pub(crate) use order::{Backwards, By, Natural, Order};
pub use order::{Key, kind};

/// What a sort has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Work {
    /// Passes over the keys, or phases of all workers.
    pub passes: usize,
    /// Pairs of keys that were compared.
    pub comparisons: u64,
    /// Neighbours that were swapped, or keys that went from one worker to another.
    pub moves: u64,
}

/// Sorts by swapping neighbours, pass after pass over the keys that are not yet in place, and stops after a pass without a swap:
/// n (n − 1) / 2 comparisons at most, n − 1 for what is sorted already. As many swaps as there are inversions. Stable.
///
/// ```
/// use rankwise::kernels::sorting::bubble_sort;
///
/// let mut keys = [3, 1, 2];
/// let work = bubble_sort(&mut keys, i32::cmp);
/// assert_eq!((keys, work.passes, work.comparisons, work.moves), ([1, 2, 3], 2, 3, 2));
/// ```
pub fn bubble_sort<T>(keys: &mut [T], mut order: impl FnMut(&T, &T) -> Ordering) -> Work {
    let mut work = Work::default();
    // What lies behind the last swap of a pass is in place.
    let mut unsorted = keys.len();
    while unsorted > 1 {
        let mut last = 0;
        for place in 1..unsorted {
            work.comparisons += 1;
            if order(&keys[place - 1], &keys[place]) == Ordering::Greater {
                keys.swap(place - 1, place);
                work.moves += 1;
                last = place;
            }
        }
        work.passes += 1;
        unsorted = last;
    }
    work
}

/// Odd-even transposition of blocks that are sorted already: afterwards they are, end to end, sorted, and as long as before.
/// Stops after two phases in which nothing has moved. Stable. For blocks of equal length at most as many phases as there are
/// blocks; where they differ by one, some more may be needed: 11|1|0|0 takes five.
///
/// ```
/// use rankwise::kernels::sorting::odd_even_blocks;
///
/// let mut blocks = [vec![5, 6], vec![3, 4], vec![1, 2]];
/// let work = odd_even_blocks(&mut blocks, i32::cmp);
/// assert_eq!(blocks, [[1, 2], [3, 4], [5, 6]]);
/// assert_eq!((work.passes, work.moves), (3, 12));
/// ```
pub fn odd_even_blocks<T: Copy>(blocks: &mut [Vec<T>], mut order: impl FnMut(&T, &T) -> Ordering) -> Work {
    let mut work = Work::default();
    let mut quiet = 0;
    let equal = blocks.windows(2).all(|pair| pair[0].len() == pair[1].len());
    while quiet < 2 && !(equal && work.passes == blocks.len()) {
        let mut moved = 0;
        for pair in blocks[work.passes % 2..].chunks_exact_mut(2) {
            let [left, right] = pair else { continue };
            let crosses = crossing(left.len(), right.len(), |k| {
                work.comparisons += 1;
                order(&left[left.len() - k], &right[k - 1]) == Ordering::Greater
            });
            moved += 2 * crosses as u64;
            let mut merged = [&left[..], &right[..]].concat();
            merge(left, right, &mut merged, |a, b| {
                work.comparisons += 1;
                order(a, b)
            });
            let (low, high) = merged.split_at(left.len());
            left.copy_from_slice(low);
            right.copy_from_slice(high);
        }
        work.moves += moved;
        work.passes += 1;
        quiet = if moved == 0 { quiet + 1 } else { 0 };
    }
    work
}

#[cfg(test)]
mod tests;
