//! Exact sums of slices in plain floating-point arithmetic, nearly as fast as the processor adds.
//!
//! Adding a power of two σ, great against x, and taking it off again leaves the upper bits of x, a multiple of 2⁻⁵³σ. The
//! difference to x is exact, too, and where σ is great against the whole block, the upper parts add up without rounding
//! (Rump, Ogita, Oishi: *Accurate floating-point summation I*, 2008). Two such cuts, one below the other, take the 84 bits
//! below σ of all numbers of a block in two sums. What has bits below that is added in integers.

use super::fixed::power;
use super::total::{Seen, Total};
use crate::kernels::level::{Level, Task};

/// Numbers that are cut together.
pub(super) const BLOCK: usize = 1024;
/// Sums kept apart, for wide registers and because one addition takes longer than the next one can wait.
pub(super) const LANES: usize = 8;
/// 2^ROOM numbers are room enough in σ: two for each of a block.
const ROOM: i32 = 11;
const _: () = assert!(2 * BLOCK <= 1 << ROOM);
/// Shorter slices are added one by one.
const FEW: usize = 16;

/// Powers of two at which the numbers of a block are cut, from high to low.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cuts([f64; 3]);

impl Cuts {
    /// For numbers up to `max` in magnitude; `None` when they are too large, infinities for one.
    #[inline(always)]
    pub(super) fn for_numbers_up_to(max: f64) -> Option<Self> {
        let above = (max.to_bits() >> 52) as i32 - 1022;
        // Very small numbers are cut with larger powers: right as well, and all are in range.
        let first = (above + ROOM).max(-800);
        (first <= 1023).then(|| Cuts(std::array::from_fn(|k| power(first - (53 - ROOM) * k as i32))))
    }

    /// The part of `x` above cut `k`, and the rest.
    #[inline(always)]
    pub(super) fn cut(&self, k: usize, x: f64) -> (f64, f64) {
        let upper = (self.0[k] + x) - self.0[k];
        (upper, x - upper)
    }
}

#[inline(always)]
fn greater(a: f64, b: f64) -> f64 {
    if b.abs() > a { b.abs() } else { a }
}

/// The largest magnitude; NaN is passed over.
#[inline(always)]
pub(super) fn magnitude(terms: &[f64]) -> f64 {
    let mut lanes = [0.0; LANES];
    let (chunks, rest) = terms.as_chunks::<LANES>();
    for chunk in chunks {
        for k in 0..LANES {
            lanes[k] = greater(lanes[k], chunk[k]);
        }
    }
    let mut max = 0.0;
    for &x in lanes.iter().chain(rest) {
        max = greater(max, x);
    }
    max
}

/// The sums of what is above the cuts, lane by lane, and the bits of what is below.
pub(super) struct Lanes<const CUTS: usize> {
    pub(super) sums: [[f64; LANES]; CUTS],
    pub(super) below: [u64; LANES],
}

impl<const CUTS: usize> Lanes<CUTS> {
    pub(super) const ZERO: Self = Lanes { sums: [[0.0; LANES]; CUTS], below: [0; LANES] };

    #[inline(always)]
    pub(super) fn totals(&self) -> [f64; CUTS] {
        self.sums.map(|lanes| lanes.iter().sum())
    }

    /// Whether there is anything below. A rest of -0 is none.
    #[inline(always)]
    pub(super) fn more(&self) -> bool {
        self.below.iter().fold(0, |all, bits| all | bits) << 1 != 0
    }
}

impl Lanes<2> {
    #[inline(always)]
    fn add(&mut self, chunk: &[f64; LANES], cuts: &Cuts) {
        for (k, &x) in chunk.iter().enumerate() {
            let (first, rest) = cuts.cut(0, x);
            let (second, rest) = cuts.cut(1, rest);
            self.sums[0][k] += first;
            self.sums[1][k] += second;
            self.below[k] |= rest.to_bits();
        }
    }

    #[inline(always)]
    fn of(terms: &[f64], cuts: &Cuts) -> Self {
        let mut lanes = Self::ZERO;
        let (chunks, rest) = terms.as_chunks::<LANES>();
        for chunk in chunks {
            lanes.add(chunk, cuts);
        }
        if !rest.is_empty() {
            let mut padded = [0.0; LANES];
            padded[..rest.len()].copy_from_slice(rest);
            lanes.add(&padded, cuts);
        }
        lanes
    }
}

struct AddSlice<'a, const LIMBS: usize, const LOWEST: i32> {
    total: &'a mut Total<LIMBS, LOWEST>,
    terms: &'a [f64],
}

impl<const LIMBS: usize, const LOWEST: i32> Task for AddSlice<'_, LIMBS, LOWEST> {
    #[inline(always)]
    fn run<const FMA: bool, const WIDE: bool>(self) {
        let mut blocks = self.terms.chunks(BLOCK);
        while let Some(block) = blocks.next() {
            if add_block(self.total, block) > block.len() / 2 {
                // Wild numbers: to cut the next ones would be in vain, too.
                for block in blocks.by_ref().take(7) {
                    one_by_one(self.total, block);
                }
            }
        }
    }
}

/// Adds a block, and says how many of its numbers went the slow way.
#[inline(always)]
fn add_block<const LIMBS: usize, const LOWEST: i32>(
    total: &mut Total<LIMBS, LOWEST>,
    block: &[f64],
) -> usize {
    let max = magnitude(block);
    let Some(cuts) = Cuts::for_numbers_up_to(max).filter(|_| max > 0.0) else {
        return one_by_one(total, block);
    };
    let lanes = Lanes::of(block, &cuts);
    let sums = lanes.totals();
    if sums[0].is_nan() {
        return one_by_one(total, block);
    }
    total.seen.mark(Seen::OTHER);
    sums.iter().for_each(|&sum| total.finite.add(sum));
    if lanes.more() { rests(total, block, &cuts) } else { 0 }
}

#[inline(never)]
fn one_by_one<const LIMBS: usize, const LOWEST: i32>(
    total: &mut Total<LIMBS, LOWEST>,
    terms: &[f64],
) -> usize {
    terms.iter().for_each(|&term| total.add(term));
    terms.len()
}

/// Adds what is below both cuts.
#[inline(never)]
fn rests<const LIMBS: usize, const LOWEST: i32>(
    total: &mut Total<LIMBS, LOWEST>,
    block: &[f64],
    cuts: &Cuts,
) -> usize {
    let mut added = 0;
    for &x in block {
        let rest = cuts.cut(1, cuts.cut(0, x).1).1;
        if rest != 0.0 {
            total.finite.add(rest);
            added += 1;
        }
    }
    added
}

pub(super) fn add_slice<const LIMBS: usize, const LOWEST: i32>(
    total: &mut Total<LIMBS, LOWEST>,
    terms: &[f64],
    level: Level,
) {
    if terms.len() < FEW {
        one_by_one(total, terms);
    } else {
        level.run(AddSlice { total, terms });
    }
}
