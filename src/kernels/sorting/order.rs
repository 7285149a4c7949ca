//! How keys are ordered, and what is known of an order that makes sorting by it faster.

use std::cmp::Ordering;
use std::marker::PhantomData;

use super::local;
use super::merge::{merge, merge_onto_high, merge_onto_low};

/// What can be sorted: everything that is [`Ord`], and floats by [`total_cmp`](f64::total_cmp), in which −0 < +0 and NaN is
/// beyond the infinities, on the side of its sign.
///
/// `Kind` tells the compiler which of the two it is. It is always inferred: leave it out, or write `_`. What has no order of its
/// own is sorted by a key of it, or by a closure that compares.
///
/// ```
/// use rankwise::kernels::sorting::sort;
///
/// let mut keys = vec![0.0, f64::NAN, -0.0, f64::NEG_INFINITY];
/// sort(&mut keys);
/// assert!(keys[0] == f64::NEG_INFINITY && keys[1].is_sign_negative() && keys[3].is_nan());
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no order",
    note = "derive `Ord`, or sort by a key of it with `sort_by_key`, or by a comparison with `sort_by`"
)]
pub trait Key<Kind>: Copy + 'static {
    /// Which comes first.
    fn order(&self, other: &Self) -> Ordering;
}

/// The kinds of [`Key`].
pub mod kind {
    /// Everything with an order of its own.
    #[derive(Debug)]
    pub struct Ordered;
    /// A float, by its total order.
    #[derive(Debug)]
    pub struct Float;
}

impl<T: Ord + Copy + 'static> Key<kind::Ordered> for T {
    #[inline(always)]
    fn order(&self, other: &Self) -> Ordering {
        self.cmp(other)
    }
}

macro_rules! floats {
    ($($float:ty)*) => {$(
        impl Key<kind::Float> for $float {
            #[inline(always)]
            fn order(&self, other: &Self) -> Ordering {
                self.total_cmp(other)
            }
        }
    )*};
}
floats!(f32 f64);

/// An order of `T`, and the ways to sort and to merge by it. All are stable, or nobody can tell.
pub(crate) trait Order<T: Copy> {
    fn compare(&self, a: &T, b: &T) -> Ordering;

    #[inline(always)]
    fn less(&self, a: &T, b: &T) -> bool {
        self.compare(a, b) == Ordering::Less
    }

    fn sort(&self, block: &mut Vec<T>) {
        block.sort_by(|a, b| self.compare(a, b));
    }

    /// Both, `low` first where they are equal.
    fn merge(&self, low: &[T], high: &[T], to: &mut [T]) {
        merge(low, high, to, |a, b| self.compare(a, b));
    }

    /// The first `low` elements of `block` are a run, and `high` is another: afterwards the block is both.
    fn merge_onto_low(&self, block: &mut [T], low: usize, high: &[T]) {
        merge_onto_low(block, low, high, |a, b| self.compare(a, b));
    }

    /// The last `high` elements of `block` are a run, and `low` is another: afterwards the block is both.
    fn merge_onto_high(&self, low: &[T], block: &mut [T], high: usize) {
        merge_onto_high(low, block, high, |a, b| self.compare(a, b));
    }
}

/// A key's own order.
pub(crate) struct Natural<Kind>(PhantomData<Kind>);

impl<Kind> Natural<Kind> {
    pub(crate) fn new() -> Self {
        Natural(PhantomData)
    }
}

impl<T: Key<Kind>, Kind> Order<T> for Natural<Kind> {
    #[inline(always)]
    fn compare(&self, a: &T, b: &T) -> Ordering {
        a.order(b)
    }

    fn sort(&self, block: &mut Vec<T>) {
        local::sort(block);
    }

    fn merge(&self, low: &[T], high: &[T], to: &mut [T]) {
        local::merge_natural(low, high, to);
    }

    fn merge_onto_low(&self, block: &mut [T], low: usize, high: &[T]) {
        local::merge_natural_onto_low(block, low, high);
    }

    fn merge_onto_high(&self, low: &[T], block: &mut [T], high: usize) {
        local::merge_natural_onto_high(low, block, high);
    }
}

/// A key's own order, from the greatest on.
pub(crate) struct Backwards<Kind>(PhantomData<Kind>);

impl<Kind> Backwards<Kind> {
    pub(crate) fn new() -> Self {
        Backwards(PhantomData)
    }
}

impl<T: Key<Kind>, Kind> Order<T> for Backwards<Kind> {
    #[inline(always)]
    fn compare(&self, a: &T, b: &T) -> Ordering {
        b.order(a)
    }

    fn sort(&self, block: &mut Vec<T>) {
        local::sort_backwards(block);
    }
}

/// The order of a closure.
pub(crate) struct By<F>(pub(crate) F);

impl<T: Copy, F: Fn(&T, &T) -> Ordering> Order<T> for By<F> {
    #[inline(always)]
    fn compare(&self, a: &T, b: &T) -> Ordering {
        (self.0)(a, b)
    }
}
