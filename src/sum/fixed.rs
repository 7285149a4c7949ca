//! One wide fixed-point number (Kulisch's accumulator): integers in, one rounding out.

/// Bits of a limb that the number uses; the upper half of each `i64` takes the carries.
pub(super) const LIMB: usize = 32;
/// Additions after which a limb might overflow: each adds less than 2^32.
const BEFORE_CARRY: u32 = 1 << 30;

/// Σ limbs[i]·2^(32 i + LOWEST), of either sign.
#[derive(Debug, Clone)]
pub(super) struct Fixed<const LIMBS: usize, const LOWEST: i32> {
    limbs: [i64; LIMBS],
    added: u32,
}

/// What a result is rounded to.
#[derive(Debug, Clone, Copy)]
pub struct Format {
    /// Bits of a normal number's mantissa.
    precision: i32,
    /// The least number is 2^least.
    least: i32,
}

pub(super) const DOUBLE: Format = Format { precision: 53, least: -1074 };
/// A number rounded to this is an `f32`, or else beyond the greatest one, which makes it infinite.
pub(super) const SINGLE: Format = Format { precision: 24, least: -149 };

/// The parts of a finite number: |x| = mantissa·2^(place − 1074).
#[inline(always)]
pub(super) fn parts(x: f64) -> (u64, usize) {
    let bits = x.to_bits();
    let exponent = (bits >> 52) as usize & 0x7ff;
    // A subnormal has the scale of exponent 1.
    ((bits & ((1 << 52) - 1)) | (u64::from(exponent != 0) << 52), exponent.saturating_sub(1))
}

impl<const LIMBS: usize, const LOWEST: i32> Fixed<LIMBS, LOWEST> {
    pub(super) const ZERO: Self = Fixed { limbs: [0; LIMBS], added: 0 };

    pub(super) fn from_limbs(limbs: &[i64]) -> Self {
        let mut this = Self::ZERO;
        this.limbs.copy_from_slice(limbs);
        this.carry();
        this
    }

    /// After a carry: all but the last are in 0..2^32, so 2^31 such numbers can be added limb by limb.
    pub(super) fn limbs(&mut self) -> &[i64; LIMBS] {
        self.carry();
        &self.limbs
    }

    /// Adds a finite number.
    #[inline]
    pub(super) fn add(&mut self, x: f64) {
        let (mantissa, place) = parts(x);
        self.add_integer(mantissa, place + (-1074 - LOWEST) as usize, x.is_sign_negative());
    }

    /// Adds ±integer·2^(place + LOWEST).
    #[inline]
    pub(super) fn add_integer(&mut self, integer: u64, place: usize, negative: bool) {
        // All ones for a negative number: (n ^ mask) - mask is -n, without a jump that depends on the sign.
        let mask = -i128::from(negative);
        let (limb, wide) = (place / LIMB, ((i128::from(integer) ^ mask) - mask) << (place % LIMB));
        let limbs = &mut self.limbs[limb..limb + 3];
        limbs[0] += i64::from(wide as u32);
        limbs[1] += i64::from((wide >> LIMB) as u32);
        limbs[2] += (wide >> (2 * LIMB)) as i64;
        self.added += 1;
        if self.added == BEFORE_CARRY {
            self.carry();
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        let mut other = other.clone();
        other.carry();
        self.carry();
        self.limbs.iter_mut().zip(other.limbs).for_each(|(ours, theirs)| *ours += theirs);
        self.carry();
    }

    /// Brings every limb but the last into 0..2^32.
    fn carry(&mut self) {
        for i in 0..LIMBS - 1 {
            let carry = self.limbs[i] >> LIMB;
            self.limbs[i] -= carry << LIMB;
            self.limbs[i + 1] += carry;
        }
        self.added = 0;
    }

    /// Whether it is below zero, and its magnitude in limbs of 32 bits, the last one wider.
    pub(super) fn magnitude(&self) -> (bool, [i64; LIMBS]) {
        let mut this = self.clone();
        this.carry();
        let negative = this.limbs[LIMBS - 1] < 0;
        if negative {
            this.limbs.iter_mut().for_each(|limb| *limb = -*limb);
            this.carry();
        }
        (negative, this.limbs)
    }

    /// The number divided by `divisor` < 2^127, rounded once, to the nearest, ties to even.
    pub(super) fn quotient(&self, divisor: u128, format: Format) -> f64 {
        let (negative, limbs) = self.magnitude();
        let value = quotient(&limbs, LOWEST, divisor, format);
        if negative { -value } else { value }
    }
}

/// Σ limbs[i]·2^(32 i + lowest) / divisor, rounded once; the limbs are from a [`magnitude`](Fixed::magnitude).
pub(super) fn quotient(limbs: &[i64], lowest: i32, divisor: u128, format: Format) -> f64 {
    let Some(top) = limbs.iter().rposition(|&limb| limb != 0) else { return 0.0 };
    // Long division, bit by bit, until 64 bits of the quotient are known; what is below only breaks ties.
    let (mut quotient, mut rest) = (0u64, 0u128);
    // The last limb may use all 63.
    let mut place = (LIMB * top + 64) as i32;
    while quotient >> 63 == 0 {
        place -= 1;
        let bit = match usize::try_from(place) {
            Ok(place) if place >= LIMB * top => limbs[top] >> (place - LIMB * top) & 1,
            Ok(place) => limbs[place / LIMB] >> (place % LIMB) & 1,
            Err(_) => 0,
        };
        rest = rest << 1 | bit as u128;
        quotient <<= 1;
        if rest >= divisor {
            rest -= divisor;
            quotient |= 1;
        }
    }
    let below = usize::try_from(place).unwrap_or(0);
    let more = rest != 0
        || limbs[..below / LIMB].iter().any(|&limb| limb != 0)
        || limbs[below / LIMB] & ((1 << (below % LIMB)) - 1) != 0;
    // |value| = (quotient + something if more)·2^scale.
    let scale = place + lowest;
    let drop = (64 - format.precision).max(format.least - scale);
    if drop > 64 {
        return 0.0; // less than half of the least number
    }
    let (wide, half) = (u128::from(quotient), 1u128 << (drop - 1));
    let (kept, dropped) = (wide >> drop, wide & (2 * half - 1));
    let up = dropped > half || dropped == half && (more || kept & 1 == 1);
    let kept = (kept + u128::from(up)) as f64;
    // In two steps, since 2^scale alone may be out of range. Beyond the range is infinity anyway.
    let scale = (scale + drop).min(1100);
    kept * power(scale / 2) * power(scale - scale / 2)
}

/// 2^exponent, if that is a normal number.
pub(super) fn power(exponent: i32) -> f64 {
    f64::from_bits(((exponent + 1023) as u64) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carries_before_a_limb_is_full() {
        // As after 2^30 - 1 terms of the worst kind.
        for (full, x) in [(1, -2f64.powi(-1074)), (-1, 2f64.powi(-1074))] {
            let full = full * ((1 << 62) - (1 << 32));
            let mut sum = Fixed::<68, -1074> { limbs: [full; 68], added: BEFORE_CARRY - 1 };
            sum.add(x);
            assert!(sum.limbs[..67].iter().all(|limb| (0..1 << LIMB).contains(limb)));
            assert_eq!(sum.added, 0);
        }
    }
}
