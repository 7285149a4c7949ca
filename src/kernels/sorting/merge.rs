//! Two sorted runs become one.

use std::cmp::Ordering;

/// Both runs in order, into `to`; of equal elements those of `low` come first. As many comparisons as elements, at most.
///
/// ```
/// use rankwise::kernels::sorting::merge;
///
/// let mut all = [0; 5];
/// merge(&[1, 4], &[2, 3, 9], &mut all, i32::cmp);
/// assert_eq!(all, [1, 2, 3, 4, 9]);
/// ```
///
/// # Panics
/// When `to` is not as long as both together.
pub fn merge<T: Copy>(low: &[T], high: &[T], to: &mut [T], mut order: impl FnMut(&T, &T) -> Ordering) {
    assert_eq!(to.len(), low.len() + high.len(), "two runs are merged into as many elements");
    let apart = match (low.last(), high.first()) {
        (Some(last), Some(first)) => order(last, first) != Ordering::Greater,
        _ => true,
    };
    let (mut a, mut b, mut done) = (0, 0, 0);
    while !apart && a < low.len() && b < high.len() {
        // So many steps at least until one of the runs is used up.
        for place in &mut to[done..][..(low.len() - a).min(high.len() - b)] {
            let take_high = order(&high[b], &low[a]) == Ordering::Less;
            *place = if take_high { high[b] } else { low[a] };
            b += usize::from(take_high);
            a += usize::from(!take_high);
        }
        done = a + b;
    }
    let (from_low, from_high) = to[done..].split_at_mut(low.len() - a);
    from_low.copy_from_slice(&low[a..]);
    from_high.copy_from_slice(&high[b..]);
}

/// The first `low` elements of `block` are a run, `high` is another: merged from the end, so that nothing is in the way.
pub(crate) fn merge_onto_low<T: Copy>(
    block: &mut [T],
    low: usize,
    high: &[T],
    mut order: impl FnMut(&T, &T) -> Ordering,
) {
    assert_eq!(block.len(), low + high.len(), "two runs are merged into as many elements");
    if low == 0 || high.first().is_none_or(|first| order(&block[low - 1], first) != Ordering::Greater) {
        block[low..].copy_from_slice(high);
        return;
    }
    let (mut a, mut b) = (low, high.len());
    while b > 0 {
        if a == 0 {
            block[..b].copy_from_slice(&high[..b]);
            return;
        }
        for _ in 0..a.min(b) {
            let take_low = order(&high[b - 1], &block[a - 1]) == Ordering::Less;
            block[a + b - 1] = if take_low { block[a - 1] } else { high[b - 1] };
            a -= usize::from(take_low);
            b -= usize::from(!take_low);
        }
    }
}

/// The last `high` elements of `block` are a run, `low` is another: merged from the start.
pub(crate) fn merge_onto_high<T: Copy>(
    low: &[T],
    block: &mut [T],
    high: usize,
    mut order: impl FnMut(&T, &T) -> Ordering,
) {
    assert_eq!(block.len(), low.len() + high, "two runs are merged into as many elements");
    if high == 0 || low.last().is_none_or(|last| order(last, &block[low.len()]) != Ordering::Greater) {
        block[..low.len()].copy_from_slice(low);
        return;
    }
    let (mut a, mut b) = (0, low.len());
    while a < low.len() {
        if b == block.len() {
            block[b - (low.len() - a)..].copy_from_slice(&low[a..]);
            return;
        }
        for _ in 0..(low.len() - a).min(block.len() - b) {
            let take_high = order(&block[b], &low[a]) == Ordering::Less;
            block[b - (low.len() - a)] = if take_high { block[b] } else { low[a] };
            b += usize::from(take_high);
            a += usize::from(!take_high);
        }
    }
}

/// How many keys cross between two sorted blocks when the left one gets the smaller keys of both and the right one the
/// larger ones: that many of the greatest on the left change places with as many of the smallest on the right.
///
/// `wrong(k)` says whether the k-th greatest key on the left is greater than the k-th smallest on the right. If so, it is for all
/// smaller k, too, and the answer is the greatest such k, found by halving.
///
/// ```
/// use rankwise::kernels::sorting::crossing;
///
/// let (left, right) = ([1, 5, 9], [2, 6, 7]);
/// assert_eq!(crossing(3, 3, |k| left[3 - k] > right[k - 1]), 1); // 9 and 2
/// ```
pub fn crossing(left: usize, right: usize, mut wrong: impl FnMut(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, left.min(right));
    // Most often nothing crosses.
    if high == 0 || !wrong(1) {
        return 0;
    }
    low += 1;
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if wrong(middle) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    low
}
