//! The kernels across ranks.

pub mod density;
