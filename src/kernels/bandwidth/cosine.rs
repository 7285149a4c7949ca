//! The cosine transform of counts on a grid.

use std::f64::consts::{PI, TAU};

use num_complex::Complex64;

/// aₖ = Σⱼ xⱼ cos(π k (j + ½) / n) for k = 0 … n − 1. Takes time n log n.
///
/// By one Fourier transform: the even places, then the odd ones backwards (Makhoul, *A fast cosine transform in one and two
/// dimensions*, IEEE Trans. ASSP 28, 1980).
///
/// # Panics
/// If n is not a power of 2.
pub(super) fn cosine_transform(x: &[f64]) -> Vec<f64> {
    let n = x.len();
    assert!(n.is_power_of_two(), "a power of 2, not {n}");
    let even = x.iter().step_by(2);
    let odd = x.iter().skip(1).step_by(2).rev();
    let mut z: Vec<Complex64> = even.chain(odd).map(|&x| Complex64::new(x, 0.0)).collect();
    fourier_transform(&mut z);
    z.iter()
        .enumerate()
        .map(|(k, z)| (z * Complex64::from_polar(1.0, -PI * k as f64 / (2.0 * n as f64))).re)
        .collect()
}

/// zₖ = Σⱼ zⱼ exp(−2πi jk / n), n being a power of 2 (Cooley and Tukey).
fn fourier_transform(z: &mut [Complex64]) {
    let n = z.len();
    if n < 2 {
        return;
    }
    let bits = n.trailing_zeros();
    for place in 0..n {
        let other = place.reverse_bits() >> (usize::BITS - bits);
        if place < other {
            z.swap(place, other);
        }
    }
    let turns: Vec<Complex64> =
        (0..n / 2).map(|k| Complex64::from_polar(1.0, -TAU * k as f64 / n as f64)).collect();
    let mut half = 1;
    while half < n {
        for block in z.chunks_exact_mut(2 * half) {
            let (low, high) = block.split_at_mut(half);
            for (k, (low, high)) in low.iter_mut().zip(high).enumerate() {
                let turned = *high * turns[k * (n / (2 * half))];
                (*low, *high) = (*low + turned, *low - turned);
            }
        }
        half *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn it_is_the_sum_of_its_definition() {
        for n in [1, 2, 4, 64, 256] {
            let x: Vec<f64> = (0..n).map(|j| ((j * j + 3 * j) % 17) as f64 - 4.0).collect();
            for (k, ours) in cosine_transform(&x).into_iter().enumerate() {
                let term = |(j, x): (usize, &f64)| x * (PI * k as f64 * (j as f64 + 0.5) / n as f64).cos();
                let exact: f64 = x.iter().enumerate().map(term).sum();
                assert_relative_eq!(ours, exact, epsilon = 1e-11);
            }
        }
    }
}
