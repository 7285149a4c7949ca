//! Laws of the kernels, as plain functions: no ranks.

mod grid_sums;
mod log_sums;
mod spectral;
mod tree;
mod window_sums;

use rankwise::kernels::density::Kernel;

const KERNELS: [Kernel; 3] = [Kernel::Gaussian, Kernel::Hypercube, Kernel::Epanechnikov];

/// Numbers in [0, 1), the same each time.
fn numbers(n: usize, mut state: u64) -> Vec<f64> {
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    (0..n).map(|_| next()).collect()
}

/// From rows to columns, one behind the other.
fn columns(rows: &[f64], d: usize) -> Vec<f64> {
    (0..d).flat_map(|axis| rows.iter().skip(axis).step_by(d).copied()).collect()
}
