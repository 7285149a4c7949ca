//! Sums and dot products as fast as memory gives the numbers, whose last bits depend on their order.

use super::Real;
use crate::kernels::level::{Level, Task};

/// Sums kept apart: two wide registers.
const LANES: usize = 16;

/// The sum, in `f64`.
pub(crate) fn sum<T: Real>(terms: &[T]) -> f64 {
    let mut total = 0.0;
    Level::detect().run(SumOf { terms, total: &mut total });
    total
}

/// The dot product, in `f64`, as far as both slices go.
pub(crate) fn dot<T: Real>(a: &[T], b: &[T]) -> f64 {
    let mut total = 0.0;
    Level::detect().run(DotOf { a, b, total: &mut total });
    total
}

struct SumOf<'a, T> {
    terms: &'a [T],
    total: &'a mut f64,
}

impl<T: Real> Task for SumOf<'_, T> {
    #[inline(always)]
    fn run<const FMA: bool, const WIDE: bool>(self) {
        let mut lanes = [0.0; LANES];
        let (chunks, rest) = self.terms.as_chunks::<LANES>();
        for chunk in chunks {
            for k in 0..LANES {
                lanes[k] += chunk[k].into();
            }
        }
        for &term in rest {
            lanes[0] += term.into();
        }
        *self.total = lanes.iter().sum();
    }
}

struct DotOf<'a, T> {
    a: &'a [T],
    b: &'a [T],
    total: &'a mut f64,
}

impl<T: Real> Task for DotOf<'_, T> {
    #[inline(always)]
    fn run<const FMA: bool, const WIDE: bool>(self) {
        let mut lanes = [0.0; LANES];
        let ((a_chunks, a_rest), (b_chunks, b_rest)) =
            (self.a.as_chunks::<LANES>(), self.b.as_chunks::<LANES>());
        for (a, b) in a_chunks.iter().zip(b_chunks) {
            for k in 0..LANES {
                lanes[k] += a[k].into() * b[k].into();
            }
        }
        for (&a, &b) in a_rest.iter().zip(b_rest) {
            lanes[0] += a.into() * b.into();
        }
        *self.total = lanes.iter().sum();
    }
}
