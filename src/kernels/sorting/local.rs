//! Sorting on one rank, as fast as the processor can.

use super::merge::{merge, merge_onto_high, merge_onto_low};
use super::order::Key;
#[cfg(target_arch = "x86_64")]
use super::vector;
#[cfg(target_arch = "x86_64")]
use crate::kernels::level::Level;

/// So many runs, and the standard library's merge sort is faster than anything.
const FEW_RUNS: usize = 32;
/// Fewer keys than this are sorted before vectors have started.
#[cfg(target_arch = "x86_64")]
const FEW_KEYS: usize = 48;
/// From so many keys on a merge is worth cutting into two.
#[cfg(target_arch = "x86_64")]
const LONG: usize = 512;

/// Whether no key is smaller than the one before it. One scan.
///
/// ```
/// use rankwise::kernels::sorting::is_sorted;
/// assert!(is_sorted(&[-1.0, -0.0, 0.0, f64::NAN]));
/// ```
pub fn is_sorted<T: Key<K>, K>(keys: &[T]) -> bool {
    runs(keys, 1) == 1
}

/// Sorts; equal elements stay in their order. What is sorted takes one scan, what is sorted backwards or a few sorted runs little
/// more. Numbers of 32 and 64 bits are sorted in vector registers (AVX-512 or AVX2, if the processor has them), everything else by the
/// standard library.
///
/// ```
/// use rankwise::kernels::sorting::sort;
///
/// let mut keys = [3, 1, 2];
/// sort(&mut keys);
/// assert_eq!(keys, [1, 2, 3]);
/// ```
pub fn sort<T: Key<K>, K>(keys: &mut [T]) {
    if runs(keys, FEW_RUNS) <= FEW_RUNS {
        // It finds them.
        keys.sort_by(T::order);
        return;
    }
    // Strictly, or equal keys would change places.
    if keys.windows(2).all(|pair| pair[0].order(&pair[1]).is_gt()) {
        keys.reverse();
        return;
    }
    #[cfg(target_arch = "x86_64")]
    if keys.len() > FEW_KEYS && vector::sort(Level::detect(), keys).is_some() {
        return;
    }
    keys.sort_by(T::order);
}

/// Sorts from the greatest on; equal elements stay in their order.
pub(super) fn sort_backwards<T: Key<K>, K>(keys: &mut [T]) {
    #[cfg(target_arch = "x86_64")]
    if vector::sorts::<T>() {
        // Equal ones are the same bits.
        sort(keys);
        keys.reverse();
        return;
    }
    keys.sort_by(|a, b| b.order(a));
}

/// As [`merge()`], in registers as far as they go.
pub(super) fn merge_natural<T: Key<K>, K>(low: &[T], high: &[T], to: &mut [T]) {
    #[cfg(target_arch = "x86_64")]
    if overlap(low, high) {
        let level = Level::detect();
        if to.len() >= LONG {
            let (a, b) = middle(low, high);
            let (low, high, to) = (low.split_at(a), high.split_at(b), to.split_at_mut(a + b));
            let tasks = [(low.0, high.0, &mut *to.0), (low.1, high.1, &mut *to.1)];
            if let Some([first, second]) = vector::merge_both(level, tasks) {
                merge_rest(&first, low.0, high.0, to.0);
                return merge_rest(&second, low.1, high.1, to.1);
            }
        } else if let Some(rest) = vector::merge(level, vector::Room::Apart(low, high, to)) {
            return merge_rest(&rest, low, high, to);
        }
    }
    merge(low, high, to, T::order);
}

/// What is left of a merge in registers.
#[cfg(target_arch = "x86_64")]
fn merge_rest<T: Key<K>, K>(rest: &vector::Rest<T>, low: &[T], high: &[T], to: &mut [T]) {
    let done = rest.a + rest.b - rest.pending.len();
    let (low, high) = (&low[rest.a..], &high[rest.b..]);
    let (shorter, longer) = if low.len() < high.len() { (low, high) } else { (high, low) };
    merge(&rest.with(shorter), longer, &mut to[done..], T::order);
}

/// How many keys of each run are in the first half of both.
#[cfg(target_arch = "x86_64")]
fn middle<T: Key<K>, K>(low: &[T], high: &[T]) -> (usize, usize) {
    let half = (low.len() + high.len()) / 2;
    let (mut a, mut most) = (half.saturating_sub(high.len()), half.min(low.len()));
    while a < most {
        let guess = a.midpoint(most);
        if low[guess].order(&high[half - guess - 1]).is_gt() {
            most = guess;
        } else {
            a = guess + 1;
        }
    }
    (a, half - a)
}

/// As [`merge_onto_low`], in registers as far as they go.
pub(super) fn merge_natural_onto_low<T: Key<K>, K>(block: &mut [T], low: usize, high: &[T]) {
    #[cfg(target_arch = "x86_64")]
    if overlap(&block[..low], high)
        && let Some(rest) = vector::merge(Level::detect(), vector::Room::OntoLow(block, high))
    {
        let left = block.len() - (rest.a + rest.b - rest.pending.len());
        let (own, others) = (low - rest.a, &high[..high.len() - rest.b]);
        let block = &mut block[..left];
        if own < others.len() {
            return merge(&rest.with(&block[..own]), others, block, T::order);
        }
        return merge_onto_low(block, own, &rest.with(others), T::order);
    }
    merge_onto_low(block, low, high, T::order);
}

/// As [`merge_onto_high`], in registers as far as they go.
pub(super) fn merge_natural_onto_high<T: Key<K>, K>(low: &[T], block: &mut [T], high: usize) {
    #[cfg(target_arch = "x86_64")]
    if overlap(low, &block[block.len() - high..])
        && let Some(rest) = vector::merge(Level::detect(), vector::Room::OntoHigh(low, block))
    {
        let done = rest.a + rest.b - rest.pending.len();
        let (others, own) = (&low[rest.a..], high - rest.b);
        let block = &mut block[done..];
        let start = block.len() - own;
        if own < others.len() {
            return merge(&rest.with(&block[start..]), others, block, T::order);
        }
        return merge_onto_high(&rest.with(others), block, own, T::order);
    }
    merge_onto_high(low, block, high, T::order);
}

/// Whether there is anything to merge.
#[cfg(target_arch = "x86_64")]
fn overlap<T: Key<K>, K>(low: &[T], high: &[T]) -> bool {
    low.last().zip(high.first()).is_some_and(|(last, first)| last.order(first).is_gt())
}

#[cfg(target_arch = "x86_64")]
impl<T: Copy> vector::Rest<T> {
    /// What is pending, and a run that is shorter than a register. Of the keys that are merged so, nobody can tell which of two equal
    /// ones comes first.
    fn with<K>(&self, shorter: &[T]) -> Vec<T>
    where
        T: Key<K>,
    {
        let mut both = [&self.pending[..], shorter].concat();
        both.sort_by(T::order);
        both
    }
}

/// The number of sorted runs, at least 1; one more than `most` when there are more.
fn runs<T: Key<K>, K>(keys: &[T], most: usize) -> usize {
    let mut runs = 1;
    let mut start = 0;
    // In pieces, so that the processor can take several keys at once.
    while start + 1 < keys.len() && runs <= most {
        let piece = &keys[start..keys.len().min(start + 257)];
        runs += piece.windows(2).map(|pair| usize::from(pair[0].order(&pair[1]).is_gt())).sum::<usize>();
        start += piece.len() - 1;
    }
    runs.min(most + 1)
}
