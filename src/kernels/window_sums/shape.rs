//! One kernel's shape in plain numbers: for grids, where each axis has its own factors, and for logarithms of what is too small
//! for a number.
//!
//! The exponential is 2^(−s) by rounding s to an integer and a polynomial of degree 11 on the rest (interpolation at
//! Chebyshev nodes on [−½, ½], error 4e-18), with a relative error below 1e-15 in all. It is 0 below 2^−1021, so that no
//! subnormal number slows it down.

/// One kernel's shape: from the scaled differences of the axes to a number, and from there to the value in each window.
pub(in crate::kernels) trait Shape<const FMA: bool> {
    /// Takes one more axis into the number, which starts at 0.
    fn axis(so_far: f64, u: f64) -> f64;
    /// What turns the number into the value for a window of this width.
    fn factor(width: f64) -> f64;
    /// The shape, from the number and that factor.
    fn value(number: f64, factor: f64) -> f64;
}

pub(in crate::kernels) struct Gaussian;
pub(in crate::kernels) struct Hypercube;
pub(in crate::kernels) struct Epanechnikov;

#[inline(always)]
pub(in crate::kernels) fn multiply_add<const FMA: bool>(a: f64, b: f64, c: f64) -> f64 {
    if FMA { a.mul_add(b, c) } else { a * b + c }
}

impl<const FMA: bool> Shape<FMA> for Gaussian {
    #[inline(always)]
    fn axis(so_far: f64, u: f64) -> f64 {
        multiply_add::<FMA>(u, u, so_far)
    }
    fn factor(width: f64) -> f64 {
        0.5 * std::f64::consts::LOG2_E / (width * width)
    }
    #[inline(always)]
    fn value(number: f64, factor: f64) -> f64 {
        exp2_of_minus::<FMA>(number * factor)
    }
}

impl<const FMA: bool> Shape<FMA> for Hypercube {
    #[inline(always)]
    fn axis(so_far: f64, u: f64) -> f64 {
        let u = u.abs();
        if u > so_far { u } else { so_far }
    }
    fn factor(width: f64) -> f64 {
        0.5 * width
    }
    #[inline(always)]
    fn value(number: f64, factor: f64) -> f64 {
        if number <= factor { 1.0 } else { 0.0 }
    }
}

impl<const FMA: bool> Shape<FMA> for Epanechnikov {
    #[inline(always)]
    fn axis(so_far: f64, u: f64) -> f64 {
        multiply_add::<FMA>(u, u, so_far)
    }
    fn factor(width: f64) -> f64 {
        1.0 / (width * width)
    }
    #[inline(always)]
    fn value(number: f64, factor: f64) -> f64 {
        let shape = 1.0 - number * factor;
        if shape > 0.0 { shape } else { 0.0 }
    }
}

/// 2^(−s) for s ≥ 0.
#[inline(always)]
pub(super) fn exp2_of_minus<const FMA: bool>(s: f64) -> f64 {
    /// Adding it leaves the nearest integer in the low bits.
    const ROUND: f64 = 1.5 * (1u64 << 52) as f64;
    const COEFFICIENTS: [f64; 12] = [
        4.455_817_908_336_064_5e-10,
        7.074_194_297_288_521e-9,
        1.017_805_708_773_394_1e-7,
        1.321_543_253_591_237_5e-6,
        1.525_273_384_155_677_3e-5,
        1.540_353_046_372_435e-4,
        1.333_355_814_640_647e-3,
        9.618_129_107_587_256e-3,
        5.550_410_866_482_162_5e-2,
        2.402_265_069_591_015_8e-1,
        std::f64::consts::LN_2,
        1.0,
    ];
    let rounded = s + ROUND;
    let rest = (rounded - ROUND) - s;
    let mut power = COEFFICIENTS[0];
    for coefficient in &COEFFICIENTS[1..] {
        power = multiply_add::<FMA>(power, rest, *coefficient);
    }
    // 2^(−n): n is in the low bits; the shift leaves nothing but the biased exponent.
    let scale = f64::from_bits(1023u64.wrapping_sub(rounded.to_bits()) << 52);
    if s <= 1021.0 { power * scale } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn exponential_is_accurate_and_ends_at_zero() {
        for i in 0..200_000 {
            let s = i as f64 * 0.005_1;
            let (ours, exact) = (exp2_of_minus::<true>(s), (-s).exp2());
            if s <= 1021.0 {
                assert_relative_eq!(ours, exact, max_relative = 1e-15);
                assert_relative_eq!(exp2_of_minus::<false>(s), exact, max_relative = 1e-15);
            } else {
                assert_eq!(ours, 0.0);
            }
        }
        assert_eq!(exp2_of_minus::<true>(0.0), 1.0);
        for far in [1e10, 1e300, f64::INFINITY] {
            assert_eq!(exp2_of_minus::<true>(far), 0.0, "{far}");
        }
    }
}
