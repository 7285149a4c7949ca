//! Exact sums of products.

use super::fixed::{DOUBLE, SINGLE};
use super::products::{LIMBS, Products};
use super::total::{SEEN, Total};
use super::{Real, f64s};
use crate::kernels::level::Level;

/// A sum of products of two `f64` without rounding until [`value`](ExactDot::value): the same bits in any order. The
/// products are not rounded either, nor do they under- or overflow.
///
/// ```
/// use rankwise::sum::ExactDot;
///
/// let mut dot = ExactDot::new();
/// dot.add_products(&[1e200, 1.0, 1e200], &[1e200, 0.5, -1e200]);
/// assert_eq!(dot.value(), 0.5);
/// ```
#[derive(Debug, Clone)]
pub struct ExactDot(pub(super) Products);

/// Number of integers in [`ExactDot::parts`].
pub const DOT_PARTS: usize = LIMBS + SEEN;

impl Default for ExactDot {
    fn default() -> Self {
        ExactDot(Total::ZERO)
    }
}

impl ExactDot {
    /// The empty sum, 0.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a\[0\]·b\[0\], a\[1\]·b\[1\] and so on.
    ///
    /// # Panics
    /// When the lengths differ.
    pub fn add_products(&mut self, a: &[f64], b: &[f64]) {
        self.0.add_products(a, b, Level::detect());
    }

    /// Adds the products of `f32`, each of which is exact as an `f64`.
    ///
    /// # Panics
    /// When the lengths differ.
    pub fn add_f32_products(&mut self, a: &[f32], b: &[f32]) {
        assert_eq!(a.len(), b.len(), "factors");
        f64s(a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)), |products| {
            self.0.add_slice(products);
        });
    }

    /// Adds another sum, of other products.
    pub fn merge(&mut self, other: &ExactDot) {
        self.0.merge(&other.0);
    }

    /// The sum as integers, as [`ExactSum::parts`](super::ExactSum::parts) gives them.
    pub fn parts(&mut self) -> [i64; DOT_PARTS] {
        let mut parts = [0; DOT_PARTS];
        self.0.write(&mut parts);
        parts
    }

    /// The sum whose [`parts`](ExactDot::parts) these are.
    pub fn from_parts(parts: [i64; DOT_PARTS]) -> Self {
        ExactDot(Total::read(&parts))
    }

    /// The sum, rounded once to the nearest `f64`, ties to even. NaN and infinities as in
    /// [`ExactSum::value`](super::ExactSum::value), where ∞·0 is NaN.
    pub fn value(&self) -> f64 {
        self.0.quotient(1, DOUBLE)
    }

    /// The sum, rounded once to the nearest `f32`.
    pub fn value_f32(&self) -> f32 {
        self.0.quotient(1, SINGLE) as f32
    }

    pub(crate) fn rounded<T: Real>(&self) -> T {
        T::from_rounded(self.0.quotient(1, T::FORMAT))
    }
}
