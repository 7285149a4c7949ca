//! Sorting on one rank, as fast as the processor can.

use super::order::Key;

/// Whether no key is smaller than the one before it. One scan.
///
/// ```
/// use rankwise::kernels::sorting::is_sorted;
/// assert!(is_sorted(&[-1.0, -0.0, 0.0, f64::NAN]));
/// ```
pub fn is_sorted<T: Key<K>, K>(keys: &[T]) -> bool {
    // In pieces, so that the processor can take several keys at once.
    let in_order = |pair: &[T]| pair[0].order(&pair[1]).is_le();
    let mut start = 0;
    while start + 1 < keys.len() {
        let piece = &keys[start..keys.len().min(start + 257)];
        if !piece.windows(2).fold(true, |all, pair| all & in_order(pair)) {
            return false;
        }
        start += piece.len() - 1;
    }
    true
}

/// Sorts; equal elements stay in their order. What is sorted, or sorted backwards, takes one scan.
///
/// ```
/// use rankwise::kernels::sorting::sort;
///
/// let mut keys = [3, 1, 2];
/// sort(&mut keys);
/// assert_eq!(keys, [1, 2, 3]);
/// ```
pub fn sort<T: Key<K>, K>(keys: &mut [T]) {
    keys.sort_by(T::order);
}
