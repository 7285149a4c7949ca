//! The kernels across ranks.

pub mod density;
pub mod permute;
pub mod sort;

pub use sort::sort;
