//! Numbers that can be summed over ranks so that the ranks do not show: floats exactly, integers wrapping.

use ndarray::{ArrayView1, Axis};

use crate::comm::{Comm, Element, Ordered, Sum, kind};
use crate::error::Result;
use crate::sum::{ExactSum, Moments, PARTS, Real};

/// The numbers that arrays can be summed of: all fixed-size integers up to 64 bits, `f32` and `f64`.
pub trait Number: sealed::Sums + Ordered {}

/// What others may not implement: what travels between ranks while sums are taken.
pub(super) mod sealed {
    use super::{ArrayView1, Comm, Element, ExactSum, Moments, Real, Result, kind};

    pub trait Sums: Copy + PartialOrd + Element<kind::Plain> {
        /// What means are: this type for floats, `f64` for integers.
        type Mean: Real + Element<kind::Plain>;
        /// The sum of some, as it travels; of any order and grouping the same.
        type Partial: Element<Self::PartialKind>;
        type PartialKind;
        fn partial(terms: ArrayView1<Self>) -> Self::Partial;
        fn merge(sum: &mut Self::Partial, other: &Self::Partial);
        fn finish(sum: Self::Partial) -> Self;
        /// The sum over the terms of all ranks.
        fn over_ranks(comm: &Comm, mine: &[Self]) -> Result<Self>;
        /// Adds these, as they are, to an exact sum.
        fn add_to(sum: &mut ExactSum, terms: &[Self]);
        fn add_to_moments(moments: &mut Moments, numbers: &[Self]);
        fn distance(self, other: Self) -> f64;
    }
}

/// Elements that are copied at a time.
const BLOCK: usize = 4096;

/// Hands on the elements of a lane: all at once if they are neighbours in memory, else copies, a block at a time.
fn slices<T: Copy>(lane: ArrayView1<T>, mut take: impl FnMut(&[T])) {
    if let Some(all) = lane.as_slice() {
        return take(all);
    }
    let mut copies = Vec::with_capacity(lane.len().min(BLOCK));
    for block in lane.axis_chunks_iter(Axis(0), BLOCK) {
        copies.clear();
        copies.extend(block);
        take(&copies);
    }
}

/// The exact sum of a lane.
pub(super) fn exact<T: Number>(lane: ArrayView1<T>) -> ExactSum {
    let mut sum = ExactSum::new();
    slices(lane, |terms| T::add_to(&mut sum, terms));
    sum
}

/// The exact moments of a lane.
pub(super) fn moments<T: Number>(lane: ArrayView1<T>) -> Moments {
    let mut moments = Moments::new();
    slices(lane, |numbers| T::add_to_moments(&mut moments, numbers));
    moments
}

/// Adds the parts of a sum to another's. Each carries less than 2^32 a part, so 2^31 ranks may.
pub(super) fn merge_parts<const N: usize>(sum: &mut [i64; N], other: &[i64; N]) {
    sum.iter_mut().zip(other).for_each(|(sum, part)| *sum += part);
}

macro_rules! floats {
    ($($float:ty)*) => {$(
        impl Number for $float {}
        impl sealed::Sums for $float {
            type Mean = $float;
            type Partial = [i64; PARTS];
            type PartialKind = kind::Array<kind::Plain>;
            fn partial(terms: ArrayView1<Self>) -> [i64; PARTS] {
                exact(terms).parts()
            }
            fn merge(sum: &mut [i64; PARTS], other: &[i64; PARTS]) {
                merge_parts(sum, other);
            }
            fn finish(sum: [i64; PARTS]) -> Self {
                ExactSum::from_parts(sum).divided_by(1)
            }
            #[track_caller]
            fn over_ranks(comm: &Comm, mine: &[Self]) -> Result<Self> {
                comm.sum(mine)
            }
            fn add_to(sum: &mut ExactSum, terms: &[Self]) {
                sum.add_reals(terms);
            }
            fn add_to_moments(moments: &mut Moments, numbers: &[Self]) {
                moments.add_slice(numbers);
            }
            fn distance(self, other: Self) -> f64 {
                // Infinities that are equal are not apart.
                if self == other { 0.0 } else { (f64::from(self) - f64::from(other)).abs() }
            }
        }
    )*};
}
floats!(f32 f64);

macro_rules! integers {
    ($($int:ty)*) => {$(
        impl Number for $int {}
        impl sealed::Sums for $int {
            type Mean = f64;
            type Partial = $int;
            type PartialKind = kind::Plain;
            fn partial(terms: ArrayView1<Self>) -> $int {
                terms.iter().fold(0, |sum, term| sum.wrapping_add(*term))
            }
            fn merge(sum: &mut $int, other: &$int) {
                *sum = sum.wrapping_add(*other);
            }
            fn finish(sum: $int) -> $int {
                sum
            }
            #[track_caller]
            fn over_ranks(comm: &Comm, mine: &[Self]) -> Result<Self> {
                comm.all_reduce_one(Self::partial(mine.into()), Sum)
            }
            fn add_to(sum: &mut ExactSum, terms: &[Self]) {
                let total: i128 = terms.iter().map(|&term| term as i128).sum();
                // Four pieces of 32 bits, since a float has 53; the highest has the sign.
                for bits in [0, 32, 64] {
                    sum.add(((total >> bits & 0xffff_ffff) << bits) as f64);
                }
                sum.add((total >> 96 << 96) as f64);
            }
            fn add_to_moments(moments: &mut Moments, numbers: &[Self]) {
                for block in numbers.chunks(BLOCK) {
                    let rounded: Vec<f64> = block.iter().map(|&number| number as f64).collect();
                    if <$int>::BITS <= f64::MANTISSA_DIGITS {
                        moments.add_slice(&rounded);
                    } else {
                        let rest = |(&number, &rounded): (&$int, &f64)| (number as i128 - rounded as i128) as f64;
                        let rests: Vec<f64> = block.iter().zip(&rounded).map(rest).collect();
                        moments.add_pairs(&rounded, &rests);
                    }
                }
            }
            fn distance(self, other: Self) -> f64 {
                self.abs_diff(other) as f64
            }
        }
    )*};
}
integers!(u8 u16 u32 u64 usize i8 i16 i32 i64 isize);
