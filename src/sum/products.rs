//! Exact sums of products, as [`blocks`](super::blocks) does it.
//!
//! A product of two 53-bit numbers has up to 106 bits: the rounded product, and the error of that rounding, which a fused
//! multiply-add gives exactly, unless it is too small for an `f64`. Products that are too small, or too large, are added in
//! integers.

use super::blocks::{BLOCK, Cuts, LANES, Lanes};
use super::fixed::{parts, power};
use super::total::{Seen, Total};
use crate::kernels::level::{Level, Task};

/// 2^-1074 times 2^-1074 … 2^1024 times 2^1024, and room for the carries of 2^63 products.
pub(super) const LIMBS: usize = 136;
pub(super) const LOWEST: i32 = 2 * -1074;
pub(super) type Products = Total<LIMBS, LOWEST>;

/// The error of a product that is not smaller has no bits below 2^-1074.
const EXACT: i32 = -1022 + 54;
/// Fewer are added one by one.
const FEW: usize = 16;

impl Products {
    /// Adds the products of two slices of the same length.
    pub(super) fn add_products(&mut self, a: &[f64], b: &[f64], level: Level) {
        assert_eq!(a.len(), b.len(), "factors");
        if a.len() < FEW {
            one_by_one(self, a, b);
        } else {
            level.run(AddProducts { total: self, a, b });
        }
    }

    /// Adds one product, in integers.
    pub(super) fn add_product(&mut self, a: f64, b: f64) {
        let negative = a.is_sign_negative() != b.is_sign_negative();
        if !a.is_finite() || !b.is_finite() {
            self.seen.special(a * b);
        } else if a == 0.0 || b == 0.0 {
            self.seen.zero(negative);
        } else {
            let ((a, above_a), (b, above_b)) = (parts(a), parts(b));
            let (product, place) = (u128::from(a) * u128::from(b), above_a + above_b);
            self.seen.mark(Seen::OTHER);
            self.finite.add_integer(product as u64, place, negative);
            self.finite.add_integer((product >> 64) as u64, place + 64, negative);
        }
    }
}

struct AddProducts<'a> {
    total: &'a mut Products,
    a: &'a [f64],
    b: &'a [f64],
}

impl Task for AddProducts<'_> {
    #[inline(always)]
    fn run<const FMA: bool, const WIDE: bool>(self) {
        if !FMA {
            // Without the instruction it would be a call for each product; integers are faster.
            one_by_one(self.total, self.a, self.b);
            return;
        }
        let mut blocks = self.a.chunks(BLOCK).zip(self.b.chunks(BLOCK));
        while let Some((a, b)) = blocks.next() {
            if add_block(self.total, a, b) > a.len() / 2 {
                // Wild numbers: to cut the next ones would be in vain, too.
                for (a, b) in blocks.by_ref().take(7) {
                    one_by_one(self.total, a, b);
                }
            }
        }
    }
}

/// Adds a block, and says how many of its products went the slow way.
#[inline(always)]
fn add_block(total: &mut Products, a: &[f64], b: &[f64]) -> usize {
    let (max, exact) = magnitude(a, b);
    let Some(cuts) = Cuts::for_numbers_up_to(max).filter(|_| max > 0.0 && (exact || all_exact(a, b))) else {
        return one_by_one(total, a, b);
    };
    let mut lanes = Lanes::<3>::ZERO;
    let ((a_chunks, a_rest), (b_chunks, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in a_chunks.iter().zip(b_chunks) {
        lanes.add(a, b, &cuts);
    }
    if !a_rest.is_empty() {
        let mut padded = [[0.0; LANES]; 2];
        padded[0][..a_rest.len()].copy_from_slice(a_rest);
        padded[1][..a_rest.len()].copy_from_slice(b_rest);
        lanes.add(&padded[0], &padded[1], &cuts);
    }
    let sums = lanes.totals();
    if sums[0].is_nan() {
        return one_by_one(total, a, b);
    }
    total.seen.mark(Seen::OTHER);
    sums.iter().for_each(|&sum| total.finite.add(sum));
    if lanes.more() { rests(total, a, b, &cuts) } else { 0 }
}

/// The largest magnitude of a product, NaN passed over; and whether all products are so large that their errors are exact.
#[inline(always)]
fn magnitude(a: &[f64], b: &[f64]) -> (f64, bool) {
    let (mut max, mut min) = ([0.0; LANES], [f64::INFINITY; LANES]);
    let ((a_chunks, a_rest), (b_chunks, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in a_chunks.iter().zip(b_chunks) {
        for k in 0..LANES {
            let product = (a[k] * b[k]).abs();
            max[k] = if product > max[k] { product } else { max[k] };
            min[k] = if product < min[k] { product } else { min[k] };
        }
    }
    for (k, (a, b)) in a_rest.iter().zip(b_rest).enumerate() {
        let product = (a * b).abs();
        (max[k], min[k]) = (max[k].max(product), min[k].min(product));
    }
    (max.into_iter().fold(0.0, f64::max), min.iter().all(|&min| min >= power(EXACT)))
}

/// Whether products whose error may be too small for an `f64` are all true zeros.
#[inline(always)]
fn all_exact(a: &[f64], b: &[f64]) -> bool {
    let least = power(EXACT);
    let mut inexact = 0;
    for (a, b) in a.iter().zip(b) {
        inexact |= u64::from((a * b).abs() < least) & u64::from(*a != 0.0) & u64::from(*b != 0.0);
    }
    inexact == 0
}

/// A product above the first two cuts, its error above the last two, and what of both is below.
#[inline(always)]
fn cut_product(a: f64, b: f64, cuts: &Cuts) -> ([f64; 4], [f64; 2]) {
    let product = a * b;
    let error = a.mul_add(b, -product);
    let (first, rest) = cuts.cut(0, product);
    let (second, rest) = cuts.cut(1, rest);
    let (errors_first, errors_rest) = cuts.cut(1, error);
    let (errors_second, errors_rest) = cuts.cut(2, errors_rest);
    ([first, second, errors_first, errors_second], [rest, errors_rest])
}

impl Lanes<3> {
    #[inline(always)]
    fn add(&mut self, a: &[f64; LANES], b: &[f64; LANES], cuts: &Cuts) {
        for k in 0..LANES {
            let (above, below) = cut_product(a[k], b[k], cuts);
            self.sums[0][k] += above[0];
            self.sums[1][k] += above[1];
            self.sums[1][k] += above[2];
            self.sums[2][k] += above[3];
            self.below[k] |= below[0].to_bits() | below[1].to_bits();
        }
    }
}

#[inline(never)]
fn one_by_one(total: &mut Products, a: &[f64], b: &[f64]) -> usize {
    a.iter().zip(b).for_each(|(&a, &b)| total.add_product(a, b));
    a.len()
}

/// Adds what is below the cuts.
#[inline(never)]
fn rests(total: &mut Products, a: &[f64], b: &[f64], cuts: &Cuts) -> usize {
    let mut added = 0;
    for (&a, &b) in a.iter().zip(b) {
        let below = cut_product(a, b, cuts).1;
        if below != [0.0; 2] {
            below.iter().for_each(|&rest| total.finite.add(rest));
            added += 1;
        }
    }
    added
}
