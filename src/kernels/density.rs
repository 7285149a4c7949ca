//! Parzen-window density estimation, as its definition: the serial twin of everything that is faster.
//!
//! With samples x₁ … xₙ in d dimensions, a kernel K and a bandwidth hₖ for each axis, the density at x is
//!
//! ```text
//! p(x) = 1 / (n h₁ … h_d) · Σᵢ K((x − xᵢ) / h)
//! ```
//!
//! Sources: E. Parzen, *On estimation of a probability density function and mode*, Ann. Math. Stat. 33 (1962); Duda, Hart,
//! Stork, *Pattern Classification* (2001), section 4.3, for the hypercube; B. W. Silverman, *Density Estimation for Statistics
//! and Data Analysis* (1986), sections 3.4 and 4.2, for the others.

use std::f64::consts::PI;

/// The shape of the window around each sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kernel {
    /// The normal density; the bandwidth is its standard deviation.
    Gaussian,
    /// 1 in a cube of side 1 around the origin, edges included, and 0 outside: the classic Parzen window. The bandwidth is
    /// the whole width of the cube.
    Hypercube,
    /// 1 − |u|² inside the unit ball; the bandwidth is the ball's radius.
    Epanechnikov,
}

impl Kernel {
    /// The kernel at the scaled difference `u`, without its constant: 1 at the origin.
    ///
    /// ```
    /// use rankwise::kernels::density::Kernel;
    /// assert_eq!(Kernel::Epanechnikov.shape(&[0.5, 0.5]), 0.5);
    /// assert_eq!(Kernel::Hypercube.shape(&[0.5, -0.6]), 0.0);
    /// ```
    pub fn shape(self, u: &[f64]) -> f64 {
        let squared = u.iter().map(|u| u * u).sum::<f64>();
        match self {
            Kernel::Gaussian => (-0.5 * squared).exp(),
            Kernel::Hypercube => f64::from(u.iter().all(|u| u.abs() <= 0.5)),
            Kernel::Epanechnikov => (1.0 - squared).max(0.0),
        }
    }

    /// The factor that makes the kernel's integral over `dimensions` dimensions 1.
    ///
    /// ```
    /// use rankwise::kernels::density::Kernel;
    /// assert_eq!(Kernel::Epanechnikov.constant(1), 0.75);
    /// ```
    pub fn constant(self, dimensions: usize) -> f64 {
        let d = dimensions as f64;
        match self {
            Kernel::Gaussian => (2.0 * PI).powf(-0.5 * d),
            Kernel::Hypercube => 1.0,
            Kernel::Epanechnikov => (d + 2.0) / (2.0 * unit_ball(dimensions)),
        }
    }

    /// How far from a sample, in bandwidths, its window reaches: beyond it the kernel is 0, or for the Gaussian below 1e-31
    /// of its peak.
    pub fn reach(self) -> f64 {
        match self {
            Kernel::Gaussian => 12.0,
            Kernel::Hypercube => 0.5,
            Kernel::Epanechnikov => 1.0,
        }
    }

    /// The standard deviation, along each axis, of the kernel with bandwidth 1.
    pub fn deviation(self, dimensions: usize) -> f64 {
        match self {
            Kernel::Gaussian => 1.0,
            Kernel::Hypercube => (1.0f64 / 12.0).sqrt(),
            Kernel::Epanechnikov => 1.0 / (dimensions as f64 + 4.0).sqrt(),
        }
    }
}

/// The volume of the unit ball: 2, π, 4π/3, …
fn unit_ball(dimensions: usize) -> f64 {
    match dimensions {
        0 => 1.0,
        1 => 2.0,
        d => unit_ball(d - 2) * 2.0 * PI / d as f64,
    }
}

/// What the sums of kernel shapes over `samples` samples must be multiplied with to become a density.
pub fn normalisation(kernel: Kernel, bandwidth: &[f64], samples: usize) -> f64 {
    weighted_normalisation(kernel, bandwidth, samples as f64)
}

/// The same for sums of shapes times weights, which add up to `weight`.
pub fn weighted_normalisation(kernel: Kernel, bandwidth: &[f64], weight: f64) -> f64 {
    kernel.constant(bandwidth.len()) / (weight * bandwidth.iter().product::<f64>())
}

/// The density at each point of `at`. Samples and points are rows of as many coordinates as there are bandwidths, one
/// after the other. Takes time for every pair of sample and point.
///
/// ```
/// use rankwise::kernels::density::{Kernel, density};
///
/// let samples = [0.0, 1.0, 1.5];
/// assert_eq!(density(Kernel::Hypercube, &samples, &[1.0], &[1.2]), [2.0 / 3.0]);
/// ```
///
/// # Panics
/// If there is no axis, or the slices do not hold whole rows.
pub fn density(kernel: Kernel, samples: &[f64], bandwidth: &[f64], at: &[f64]) -> Vec<f64> {
    let d = bandwidth.len();
    assert!(
        d > 0 && samples.len().is_multiple_of(d) && at.len().is_multiple_of(d),
        "rows of {d} coordinates"
    );
    let factor = normalisation(kernel, bandwidth, samples.len() / d);
    let mut u = vec![0.0; d];
    at.chunks_exact(d)
        .map(|x| {
            let mut sum = 0.0;
            for sample in samples.chunks_exact(d) {
                for axis in 0..d {
                    u[axis] = (x[axis] - sample[axis]) / bandwidth[axis];
                }
                sum += kernel.shape(&u);
            }
            factor * sum
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    const KERNELS: [Kernel; 3] = [Kernel::Gaussian, Kernel::Hypercube, Kernel::Epanechnikov];

    /// The points in the middle of the cells of a regular grid over a cube, and the volume of a cell.
    fn cube(d: usize, half: f64, cells: usize) -> (Vec<f64>, f64) {
        let width = 2.0 * half / cells as f64;
        let mut points = Vec::new();
        for index in 0..cells.pow(d as u32) {
            points.extend(
                (0..d as u32).map(|k| -half + width * ((index / cells.pow(k)) % cells) as f64 + 0.5 * width),
            );
        }
        (points, width.powi(d as i32))
    }

    #[test]
    fn one_sample_gives_the_kernel_itself() {
        let at = [0.3, -0.2];
        let (h, x) = ([0.8, 2.0], [0.1, 0.4]);
        let u: Vec<f64> = (0..2).map(|k| (at[k] - x[k]) / h[k]).collect();
        for kernel in KERNELS {
            let expected = kernel.constant(2) * kernel.shape(&u) / (h[0] * h[1]);
            assert_relative_eq!(density(kernel, &x, &h, &at)[0], expected, max_relative = 1e-15);
        }
        let peak = density(Kernel::Gaussian, &[0.0], &[1.0], &[0.0])[0];
        assert_relative_eq!(peak, 0.398_942_280_401_432_7, max_relative = 1e-15);
    }

    #[test]
    fn integrates_to_one_with_the_stated_deviation() {
        for (d, cells, tolerance) in [(1, 4000, 1e-3), (2, 400, 5e-3), (3, 80, 4e-2)] {
            for kernel in KERNELS {
                let h = 0.9;
                let (points, volume) = cube(d, if kernel == Kernel::Gaussian { 6.0 } else { 1.0 }, cells);
                let p = density(kernel, &vec![0.0; d], &vec![h; d], &points);
                let total: f64 = p.iter().sum::<f64>() * volume;
                assert_relative_eq!(total, 1.0, epsilon = tolerance);
                let variance: f64 =
                    p.iter().zip(points.chunks_exact(d)).map(|(p, x)| p * x[0] * x[0]).sum::<f64>();
                let deviation = (variance * volume).sqrt();
                assert_relative_eq!(deviation, h * kernel.deviation(d), max_relative = tolerance);
            }
        }
    }
}
