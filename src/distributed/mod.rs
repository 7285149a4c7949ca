//! The kernels across ranks.

pub mod density;
pub mod sort;

pub use sort::sort;
pub mod permute;
