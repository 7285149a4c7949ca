//! How wide the windows should be: rules that look at the number of samples and their spread, and selectors that look at the samples.
//!
//! Sources: D. W. Scott, *Multivariate Density Estimation* (1992), equation 6.42; B. W. Silverman (1986), equation 4.14.

use super::density::Kernel;

mod cosine;
mod leave_one_out;
mod sheather_jones;

pub use leave_one_out::leave_one_out;
pub use sheather_jones::sheather_jones;

/// A rule for the bandwidth. Both aim at normally distributed samples; of several heaps they smooth too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// n^(−1/(d+4)) standard deviations.
    Scott,
    /// (n (d+2)/4)^(−1/(d+4)) standard deviations.
    Silverman,
}

impl Rule {
    /// The bandwidth for one axis, in units of the standard deviation of the samples along it, for a Gaussian kernel.
    ///
    /// ```
    /// use rankwise::kernels::bandwidth::Rule;
    /// assert_eq!(Rule::Scott.factor(32, 1), 0.5);
    /// ```
    pub fn factor(self, samples: usize, dimensions: usize) -> f64 {
        self.effective_factor(samples as f64, dimensions)
    }

    /// The same for samples with weights w, which count as (Σ w)² / Σ w² samples (Kish's effective size; so does scipy).
    pub fn effective_factor(self, samples: f64, dimensions: usize) -> f64 {
        let (n, d) = (samples, dimensions as f64);
        let base = match self {
            Rule::Scott => n,
            Rule::Silverman => n * (d + 2.0) / 4.0,
        };
        base.powf(-1.0 / (d + 4.0))
    }

    /// The bandwidth of each axis for samples with these standard deviations. For another kernel than the Gaussian: the
    /// width at which the kernel has the same standard deviation.
    pub fn bandwidth(self, kernel: Kernel, samples: usize, deviations: &[f64]) -> Vec<f64> {
        self.effective_bandwidth(kernel, samples as f64, deviations)
    }

    /// The same for samples with weights, which count as so many: see [`effective_factor`](Rule::effective_factor).
    pub fn effective_bandwidth(self, kernel: Kernel, samples: f64, deviations: &[f64]) -> Vec<f64> {
        let d = deviations.len();
        let factor = self.effective_factor(samples, d) / kernel.deviation(d);
        deviations.iter().map(|deviation| deviation * factor).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn rules_match_their_formulas() {
        // scipy.stats.gaussian_kde(...).factor for n = 1000, d = 2
        assert_relative_eq!(Rule::Scott.factor(1000, 2), 0.316_227_766_016_837_94, max_relative = 1e-15);
        assert_relative_eq!(Rule::Silverman.factor(1000, 2), 0.316_227_766_016_837_94, max_relative = 1e-15);
        assert_relative_eq!(Rule::Silverman.factor(1000, 1), 750f64.powf(-0.2), max_relative = 1e-15);
        let [h] = Rule::Scott.bandwidth(Kernel::Hypercube, 32, &[2.0])[..] else { panic!("one axis") };
        assert_relative_eq!(h * Kernel::Hypercube.deviation(1), 1.0, max_relative = 1e-15);
    }
}
