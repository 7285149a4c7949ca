//! The kernels as plain functions of slices: no ranks, no files. What runs across ranks is tested against these.

pub mod bandwidth;
pub mod covariance;
pub mod density;
pub mod grid_sums;
pub mod level;
pub mod log_sums;
pub mod permutation;
pub mod sorting;
pub mod spectral;
pub mod tree;
pub mod window_counts;
pub mod window_sums;
