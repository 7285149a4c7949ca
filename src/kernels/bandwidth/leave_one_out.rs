//! How well a density foretells each of its own samples from the others: the serial twin.

use crate::kernels::density::{Kernel, weighted_normalisation};

/// The mean logarithm of the density at each sample, made of all other samples: the greater, the better the bandwidth. −∞ where a sample
/// is out of reach of all others. Takes time for every pair of samples.
///
/// ```text
/// Σᵢ wᵢ ln p₋ᵢ(xᵢ) / Σᵢ wᵢ
/// ```
///
/// Source: R. P. W. Duin, *On the choice of smoothing parameters for Parzen estimators of probability density functions*, IEEE Trans.
/// Computers C-25 (1976).
///
/// ```
/// use rankwise::kernels::bandwidth::leave_one_out;
/// use rankwise::kernels::density::Kernel;
///
/// // Two samples a bandwidth apart: each has the density of the other's window.
/// let score = leave_one_out(Kernel::Gaussian, &[0.0, 2.0], &[1.0, 1.0], &[2.0]);
/// approx::assert_relative_eq!(score, -0.5 - (2.0 * std::f64::consts::TAU.sqrt()).ln(), max_relative = 1e-15);
/// ```
///
/// # Panics
/// If there is no axis, or not one weight for each row.
pub fn leave_one_out(kernel: Kernel, samples: &[f64], weights: &[f64], bandwidth: &[f64]) -> f64 {
    let d = bandwidth.len();
    assert!(d > 0 && samples.len() == weights.len() * d, "rows of {d} coordinates, and a weight for each");
    let total: f64 = weights.iter().sum();
    let mut score = 0.0;
    for (i, (x, own)) in samples.chunks_exact(d).zip(weights).enumerate().filter(|(_, (_, own))| **own > 0.0)
    {
        let mut logarithms = Vec::new();
        for (_, (y, weight)) in samples.chunks_exact(d).zip(weights).enumerate().filter(|(j, _)| *j != i) {
            let u: Vec<f64> = (0..d).map(|axis| (x[axis] - y[axis]) / bandwidth[axis]).collect();
            logarithms.push(weight.ln() + logarithm(kernel, &u));
        }
        let most = logarithms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if most == f64::NEG_INFINITY {
            return most;
        }
        let sum = most + logarithms.iter().map(|term| (term - most).exp()).sum::<f64>().ln();
        score += own * (sum + weighted_normalisation(kernel, bandwidth, total - own).ln());
    }
    score / total
}

/// Of a Gaussian also where it is too small for a number.
fn logarithm(kernel: Kernel, u: &[f64]) -> f64 {
    match kernel {
        Kernel::Gaussian => -0.5 * u.iter().map(|u| u * u).sum::<f64>(),
        _ => kernel.shape(u).ln(),
    }
}
