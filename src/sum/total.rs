//! A fixed-point number and what it cannot hold: NaN, infinities, the sign of zero.

use super::blocks;
use super::fixed::{Fixed, Format};
use crate::kernels::level::Level;

/// What has been among the terms. Across ranks, each flag is a count of ranks; two of them share an integer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Seen(u8);

impl Seen {
    const NAN: u8 = 1;
    const POSITIVE_INFINITY: u8 = 2;
    const NEGATIVE_INFINITY: u8 = 4;
    const NEGATIVE_ZERO: u8 = 8;
    /// Anything but −0.
    pub(super) const OTHER: u8 = 16;

    #[inline(always)]
    pub(super) fn mark(&mut self, flag: u8) {
        self.0 |= flag;
    }

    /// Notes a zero of that sign.
    #[inline]
    pub(super) fn zero(&mut self, negative: bool) {
        self.mark(if negative { Seen::NEGATIVE_ZERO } else { Seen::OTHER });
    }

    /// Notes a NaN or an infinity.
    pub(super) fn special(&mut self, term: f64) {
        self.mark(match term {
            f64::INFINITY => Seen::POSITIVE_INFINITY,
            f64::NEG_INFINITY => Seen::NEGATIVE_INFINITY,
            _ => Seen::NAN,
        });
    }

    /// The sum, if these alone decide it.
    fn decides(self) -> Option<f64> {
        const BOTH: u8 = Seen::POSITIVE_INFINITY | Seen::NEGATIVE_INFINITY;
        match (self.0 & Seen::NAN, self.0 & BOTH) {
            (0, 0) => (self.0 == Seen::NEGATIVE_ZERO).then_some(-0.0),
            (0, Seen::POSITIVE_INFINITY) => Some(f64::INFINITY),
            (0, Seen::NEGATIVE_INFINITY) => Some(f64::NEG_INFINITY),
            _ => Some(f64::NAN),
        }
    }

    fn to_integers(self) -> [i64; SEEN] {
        // Beside other terms, a zero's sign does not matter; and blocks do not look for it.
        let this = if self.0 & Seen::OTHER == 0 { self } else { Seen(self.0 & !Seen::NEGATIVE_ZERO) };
        std::array::from_fn(|k| i64::from(this.0 >> (2 * k) & 1) | i64::from(this.0 >> (2 * k + 1) & 1) << 32)
    }

    fn from_integers(counts: &[i64]) -> Self {
        let flag = |count: i64, place: usize| u8::from(count != 0) << place;
        Seen(
            counts
                .iter()
                .enumerate()
                .fold(0, |seen, (k, &c)| seen | flag(c & 0xffff_ffff, 2 * k) | flag(c >> 32, 2 * k + 1)),
        )
    }
}

/// Integers that hold a [`Seen`].
pub(super) const SEEN: usize = 3;

/// The exact sum of any terms, special ones too.
#[derive(Debug, Clone)]
pub(super) struct Total<const LIMBS: usize, const LOWEST: i32> {
    pub(super) finite: Fixed<LIMBS, LOWEST>,
    pub(super) seen: Seen,
}

impl<const LIMBS: usize, const LOWEST: i32> Total<LIMBS, LOWEST> {
    pub(super) const ZERO: Self = Total { finite: Fixed::ZERO, seen: Seen(0) };

    #[inline]
    pub(super) fn add(&mut self, term: f64) {
        if term == 0.0 {
            self.seen.zero(term.is_sign_negative());
        } else if term.is_finite() {
            self.seen.mark(Seen::OTHER);
            self.finite.add(term);
        } else {
            self.seen.special(term);
        }
    }

    pub(super) fn add_slice(&mut self, terms: &[f64]) {
        blocks::add_slice(self, terms, Level::detect());
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.finite.merge(&other.finite);
        self.seen.mark(other.seen.0);
    }

    /// As integers that may be added place by place with those of up to 2^31 − 1 others.
    pub(super) fn write(&mut self, to: &mut [i64]) {
        let (limbs, seen) = to.split_at_mut(LIMBS);
        limbs.copy_from_slice(self.finite.limbs());
        seen.copy_from_slice(&self.seen.to_integers());
    }

    pub(super) fn read(from: &[i64]) -> Self {
        let (limbs, seen) = from.split_at(LIMBS);
        Total { finite: Fixed::from_limbs(limbs), seen: Seen::from_integers(seen) }
    }

    /// The special value that the sum has, if it has one.
    pub(super) fn special(&self) -> Option<f64> {
        self.seen.decides()
    }

    /// The sum divided by `divisor`, rounded once.
    pub(super) fn quotient(&self, divisor: u128, format: Format) -> f64 {
        self.special().unwrap_or_else(|| self.finite.quotient(divisor, format))
    }
}
