//! Random permutations as a definition: any item's key can be computed anywhere, and the permutation is the order of the keys.
//!
//! **The definition, which stays the same in all versions.** The key of item `i` in copy `c` is number `c` of
//! [`random::stream(seed, i)`](crate::random::stream). Copy `c` has the items in the order of their keys. Two items with the same
//! key stay in the order of their places if the key is even, and come in the reverse order if it is odd.
//!
//! So it takes neither the number of items nor a state to know a key, and whoever has a part of the items can put it in order.
//! The keys are independent, so each permutation is equally likely, and so is each combination of permutations of several copies.
//! How far that is from exact: a pair of equal keys is ordered by a fair coin, the key's last bit; only where three of `n` items
//! meet in one of 2⁶³ pairs of keys is there a bias, and that happens with a probability below n³/2¹²⁸.
//!
//! In NumPy: `Philox(key=seed, counter=i << 64).random_raw(c + 1)[c]`.
//!
//! ```
//! use rankwise::kernels::permutation::{order, permuted};
//!
//! assert_eq!(permuted(7, 0, &["a", "b", "c", "d"]), ["d", "c", "a", "b"]); // for ever
//! assert_eq!(order(7, 0, 4), [3, 2, 0, 1]); // item 3 comes first
//! ```

use crate::random::philox;

mod sort;
mod units;
mod words;

pub use sort::sort;
pub use units::Unit;
pub use words::{permute_words, words};

/// How many copies share one mixing of the generator.
pub const COPIES_AT_ONCE: usize = 4;

/// The key of item `index` in copy `copy`.
///
/// ```
/// use rand::Rng;
/// use rankwise::{kernels::permutation::key, random::stream};
///
/// let mut numbers = stream(42, 7);
/// assert_eq!(key(42, 0, 7), numbers.next_u64());
/// assert_eq!(key(42, 1, 7), numbers.next_u64());
/// ```
#[inline]
pub fn key(seed: u64, copy: u64, index: u64) -> u64 {
    keys(seed, copy / 4, index)[(copy % 4) as usize]
}

/// The keys of item `index` in copies `4 * block` to `4 * block + 3`: the generator makes four at a time.
#[inline]
pub fn keys(seed: u64, block: u64, index: u64) -> [u64; COPIES_AT_ONCE] {
    philox([block.wrapping_add(1), index, 0, 0], [seed, 0])
}

/// What decides between items of the same key: the lesser goes first.
#[inline]
pub fn tie(key: u64, place: u64) -> u64 {
    if key & 1 == 1 { !place } else { place }
}

/// The items of `0..n` in the order of copy `copy`: the first is the one that comes first.
pub fn order(seed: u64, copy: u64, n: usize) -> Vec<usize> {
    let mut items: Vec<usize> = (0..n).collect();
    items.sort_by_cached_key(|&item| {
        let key = key(seed, copy, item as u64);
        (key, tie(key, item as u64))
    });
    items
}

/// The items in the order of copy `copy`.
pub fn permuted<T: Clone>(seed: u64, copy: u64, items: &[T]) -> Vec<T> {
    order(seed, copy, items.len()).into_iter().map(|item| items[item].clone()).collect()
}

#[cfg(test)]
mod tests {
    use rand::Rng;

    use super::*;
    use crate::random::stream;

    #[test]
    fn a_key_is_a_number_of_the_items_stream() {
        for (seed, index) in [(0, 0), (42, 7), (u64::MAX, u64::MAX), (3, 1 << 40)] {
            let mut numbers = stream(seed, index);
            for copy in 0..11 {
                assert_eq!(
                    key(seed, copy, index),
                    numbers.next_u64(),
                    "seed {seed}, item {index}, copy {copy}"
                );
            }
        }
    }

    /// Made by NumPy 2.4.6: `np.argsort([Philox(key=s, counter=i << 64).random_raw(c + 1)[c] for i in range(n)])`.
    #[test]
    fn orders_are_numpys_for_ever() {
        assert_eq!(order(0, 0, 10), NUMPY_0_0);
        assert_eq!(order(42, 5, 12), NUMPY_42_5);
    }
    const NUMPY_0_0: [usize; 10] = [0, 7, 1, 6, 5, 3, 4, 2, 8, 9];
    const NUMPY_42_5: [usize; 12] = [9, 3, 10, 1, 6, 4, 0, 2, 11, 7, 8, 5];

    #[test]
    fn equal_keys_are_ordered_by_the_keys_last_bit() {
        assert!(tie(4, 1) < tie(4, 2));
        assert!(tie(5, 1) > tie(5, 2));
    }

    #[test]
    fn nothing_and_one_are_permuted() {
        assert!(order(1, 0, 0).is_empty());
        assert_eq!(permuted(1, 3, &["only"]), ["only"]);
    }
}
