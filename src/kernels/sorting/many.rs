//! Many sorted runs become one, by pairs: neighbours are merged, then neighbours of what that gives, each time from one block of memory
//! to the other.
//!
//! A heap or a tree of losers would move each key once and not log₂ p times. But it goes key by key, each time waiting for a comparison,
//! where pairs are merged in registers and memory is read and written in order: `make bench-merge` has the figures.

use super::Key;
use super::order::{Natural, Order};

/// `keys` are sorted runs of these lengths, one after the other; they are given back as one. Of equal keys those of the first run come
/// first. About n log₂ p comparisons for p runs of n keys in all. It needs room for n keys more, and takes the memory of `room` for it,
/// whatever is in there.
///
/// ```
/// use rankwise::kernels::sorting::merge_runs;
///
/// assert_eq!(merge_runs(vec![1, 4, 2, 3, 9, 3], Vec::new(), &[2, 3, 1]), [1, 2, 3, 3, 4, 9]);
/// ```
///
/// # Panics
/// When there are not as many keys as the lengths say.
pub fn merge_runs<T: Key<K>, K>(keys: Vec<T>, room: Vec<T>, lengths: &[usize]) -> Vec<T> {
    merge_runs_by(keys, room, lengths, &Natural::new())
}

/// As [`merge_runs`], by any order.
pub(crate) fn merge_runs_by<T: Copy>(
    mut keys: Vec<T>,
    mut other: Vec<T>,
    lengths: &[usize],
    order: &impl Order<T>,
) -> Vec<T> {
    assert_eq!(keys.len(), lengths.iter().sum::<usize>(), "the runs are as long as is said");
    let lengths: Vec<usize> = lengths.iter().copied().filter(|len| *len > 0).collect();
    if lengths.len() < 2 {
        return keys;
    }
    other.truncate(keys.len());
    other.reserve_exact(keys.len() - other.len());
    other.resize(keys.len(), keys[0]);
    // So often to and fro.
    let odd = lengths.len().next_power_of_two().ilog2() % 2 == 1;
    merge_tree(&lengths, &mut keys, &mut other, odd, order);
    if odd { other } else { keys }
}

/// The runs in `keys` become one, there or in `other`.
fn merge_tree<T: Copy>(
    lengths: &[usize],
    keys: &mut [T],
    other: &mut [T],
    into_other: bool,
    order: &impl Order<T>,
) {
    if lengths.len() < 2 {
        if into_other {
            other.copy_from_slice(keys);
        }
        return;
    }
    let (lower, higher) = lengths.split_at(lengths.len() / 2);
    let middle = lower.iter().sum();
    let (low, high) = keys.split_at_mut(middle);
    let (other_low, other_high) = other.split_at_mut(middle);
    merge_tree(lower, low, other_low, !into_other, order);
    merge_tree(higher, high, other_high, !into_other, order);
    if into_other {
        order.merge(low, high, other);
    } else {
        order.merge(other_low, other_high, keys);
    }
}
