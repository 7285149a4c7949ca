//! `f64` and `f32`: what the sums are of.

use super::fixed::{DOUBLE, Format, SINGLE};
use super::{ExactDot, ExactSum};

/// The numbers that can be summed exactly: `f64` and `f32`.
pub trait Real: sealed::Real {}

impl Real for f64 {}
impl Real for f32 {}

mod sealed {
    use super::{ExactDot, ExactSum, Format};

    pub trait Real: Copy + Into<f64> + 'static {
        const FORMAT: Format;
        /// Of a value that has been rounded to `FORMAT`.
        fn from_rounded(value: f64) -> Self;
        fn add_slice(sum: &mut ExactSum, terms: &[Self]);
        fn add_products(sum: &mut ExactDot, a: &[Self], b: &[Self]);
    }
}

impl sealed::Real for f64 {
    const FORMAT: Format = DOUBLE;
    fn from_rounded(value: f64) -> Self {
        value
    }
    fn add_slice(sum: &mut ExactSum, terms: &[Self]) {
        sum.add_slice(terms);
    }
    fn add_products(sum: &mut ExactDot, a: &[Self], b: &[Self]) {
        sum.add_products(a, b);
    }
}

impl sealed::Real for f32 {
    const FORMAT: Format = SINGLE;
    fn from_rounded(value: f64) -> Self {
        value as f32
    }
    fn add_slice(sum: &mut ExactSum, terms: &[Self]) {
        sum.add_f32_slice(terms);
    }
    fn add_products(sum: &mut ExactDot, a: &[Self], b: &[Self]) {
        sum.add_f32_products(a, b);
    }
}
