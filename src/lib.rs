//! Rank-aware programs on MPI: message passing for people.

pub mod kernels;
pub mod partition;
pub mod sum;

pub use partition::Partition;
