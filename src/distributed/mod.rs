//! The kernels across ranks.

pub mod density;
pub mod permute;
