//! Count, sum and sum of squares, all exact, and what is a quotient of them: mean and variance.

use super::fixed::{LIMB, quotient};
use super::products::{LIMBS, LOWEST};
use super::{DOT_PARTS, ExactDot, ExactSum, PARTS, Real};

/// Mean and variance of numbers that come in any order and grouping, rounded once: the nearest `f64` or `f32` to the true
/// value, however close together or far from zero the numbers are.
///
/// The textbook's n·Σx² − (Σx)² loses all digits in floating-point numbers. In exact integers it loses none, and one pass
/// over the numbers is enough.
///
/// ```
/// use rankwise::sum::Moments;
///
/// let mut moments = Moments::new();
/// moments.add_slice(&[1e9 + 4.0, 1e9 + 7.0, 1e9 + 13.0, 1e9 + 16.0]);
/// assert_eq!(moments.mean::<f64>(), 1e9 + 10.0);
/// assert_eq!(moments.var::<f64>(1), 30.0);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Moments {
    count: u64,
    sum: ExactSum,
    squares: ExactDot,
}

/// Number of integers in [`Moments::parts`].
pub const MOMENT_PARTS: usize = 1 + PARTS + DOT_PARTS;

impl Moments {
    /// Of nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes all numbers of a slice.
    pub fn add_slice<T: Real>(&mut self, numbers: &[T]) {
        self.count += numbers.len() as u64;
        T::add_slice(&mut self.sum, numbers);
        T::add_products(&mut self.squares, numbers, numbers);
    }

    /// Takes the numbers `rounded[i] + rests[i]`, integers for which an `f64` is too short.
    pub(crate) fn add_pairs(&mut self, rounded: &[f64], rests: &[f64]) {
        self.add_slice(rounded);
        if rests.iter().any(|&rest| rest != 0.0) {
            self.sum.add_slice(rests);
            self.squares.add_products(rests, rests);
            // (a + b)² = a² + b² + ab + ab.
            self.squares.add_products(rounded, rests);
            self.squares.add_products(rounded, rests);
        }
    }

    /// Adds the moments of other numbers.
    pub fn merge(&mut self, other: Moments) {
        self.count += other.count;
        self.sum.merge(other.sum);
        self.squares.merge(&other.squares);
    }

    /// As integers, as [`ExactSum::parts`] gives them.
    pub fn parts(&mut self) -> [i64; MOMENT_PARTS] {
        let mut parts = [0; MOMENT_PARTS];
        parts[0] = self.count as i64;
        parts[1..][..PARTS].copy_from_slice(&self.sum.parts());
        parts[1 + PARTS..].copy_from_slice(&self.squares.parts());
        parts
    }

    /// The moments whose [`parts`](Moments::parts) these are.
    pub fn from_parts(parts: [i64; MOMENT_PARTS]) -> Self {
        let (sum, squares) = parts[1..].split_at(PARTS);
        Moments {
            count: parts[0] as u64,
            sum: ExactSum::from_parts(sum.try_into().expect("split there")),
            squares: ExactDot::from_parts(squares.try_into().expect("the rest")),
        }
    }

    /// How many numbers there were.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their mean, rounded once; no sum overflows on the way. NaN of nothing.
    pub fn mean<T: Real>(&self) -> T {
        self.sum.divided_by(self.count)
    }

    /// Their variance: the squared distances from the mean, summed, over count − `ddof`; 0 for all that there is, 1 for a
    /// sample. Rounded once. NaN if there are not more than `ddof` numbers, or if one is NaN or infinite.
    pub fn var<T: Real>(&self, ddof: usize) -> T {
        let n = u128::from(self.count);
        let Some(freedom) = n.checked_sub(ddof as u128).filter(|&freedom| freedom > 0) else {
            return T::from_rounded(f64::NAN);
        };
        if self.squares.0.special().is_some() {
            return T::from_rounded(f64::NAN);
        }
        T::from_rounded(quotient(&self.spread(), LOWEST, n * freedom, T::FORMAT))
    }

    /// n·Σx² − (Σx)², never negative, in limbs of 32 bits from 2^LOWEST on.
    fn spread(&self) -> Vec<i64> {
        let (_, sum) = self.sum.0.finite.magnitude();
        let (_, squares) = self.squares.0.finite.magnitude();
        let mut square_of_sum = vec![0u64; LIMBS + 1];
        let used = sum.iter().rposition(|&limb| limb != 0).map_or(0, |top| top + 1);
        for i in 0..used {
            let mut carry = 0;
            for j in 0..used {
                let place = &mut square_of_sum[i + j];
                let wide = sum[i] as u64 * sum[j] as u64 + *place + carry;
                (*place, carry) = (wide & u64::from(u32::MAX), wide >> LIMB);
            }
            square_of_sum[i + used] = carry;
        }
        let mut carry = 0i128;
        let difference = |(&square, &less): (&i64, &u64)| {
            let wide = i128::from(self.count) * i128::from(square) - i128::from(less) + carry;
            carry = wide >> LIMB;
            i64::from(wide as u32)
        };
        squares.iter().zip(&square_of_sum).map(difference).collect()
    }
}
