//! Rank-aware programs on MPI: message passing for people.
//!
//! A program is a closure over a communicator. [`run`] starts MPI, hands the body its [`Comm`], reports what went
//! wrong, once and by name, and stops. Started without a launcher, it is a world of one rank, so this runs as it is:
//!
//! ```
//! use rankwise::prelude::*;
//!
//! fn main() -> ExitCode {
//!     rankwise::run(|world| {
//!         let sum = world.all_reduce_one(world.rank(), Sum)?;
//!         root_println!(world, "{} ranks, whose numbers sum to {sum}", world.size());
//!         Ok(())
//!     })
//! }
//! ```
//!
//! # The floors, from the ground up
//!
//! | floor | module | what it knows |
//! |---|---|---|
//! | 0 | [`error`], [`partition`], [`random`], [`sum`], [`kernels`] | plain functions of slices: what failed, who owns what, random numbers, exact sums, the serial twins |
//! | 1 | `sys` | the fence: checked calls into MPI and HDF5, and the only `unsafe` beside a kernel's vector code |
//! | 2 | `check`, `trace`, then [`comm`] | who is in which call, and who waits for ever; what every rank did when, as a picture; [`Comm`]: rank, size, and one file per operation |
//! | 3 | [`mod@file`], then [`mod@array`], then `checkpoint` | one HDF5 file, written and read by all ranks; an `ndarray` spread over the ranks; a run that goes on later |
//! | 3 | [`skeleton`] | work that is dealt out to ranks as they have time: a farm of tasks, a pipeline, a graph |
//! | 4 | [`distributed`] | the kernels across ranks |
//! | 5 | [`program`], [`progress`], [`report`], [`testing`] | start, arguments, progress, report, stop; tests on several ranks |
//!
//! A module uses only what stands below it.

pub mod array;
mod check;
#[cfg(feature = "h5")]
pub mod checkpoint;
pub mod comm;
pub mod distributed;
pub mod error;
pub mod file;
pub mod kernels;
mod panics;
pub mod partition;
pub mod program;
pub mod progress;
pub mod random;
pub mod report;
pub mod skeleton;
pub mod sum;
mod sys;
pub mod testing;
mod trace;

/// The crates whose types are part of this one's interface, in the versions that fit.
#[cfg(feature = "h5")]
pub use hdf5;
pub use {approx, clap, mpi, ndarray, num_complex, rand_core, serde};

pub use comm::Comm;
pub use error::{Error, Result};
pub use partition::Partition;
pub use program::{run, run_with};

/// What a program needs in scope: `use rankwise::prelude::*;`.
pub mod prelude {
    pub use crate::comm::{
        BitAnd, BitOr, BitXor, Comm, LogicalAnd, LogicalOr, LogicalXor, Max, Min, Product, Sum,
    };
    pub use crate::error::{Error, Result};
    pub use crate::partition::Partition;
    pub use crate::{rank_println, root_println};
    pub use std::process::ExitCode;
}

/// The README's examples are compiled and run with the others.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(doctest)]
#[doc = include_str!("../docs/mistakes.md")]
struct Mistakes;

/// So are those of docs/sorting.md.
#[cfg(doctest)]
#[doc = include_str!("../docs/sorting.md")]
struct Sorting;

/// So are those of docs/pools.md.
#[cfg(doctest)]
#[doc = include_str!("../docs/pools.md")]
struct Pools;

/// So are those of docs/flow.md.
#[cfg(doctest)]
#[doc = include_str!("../docs/flow.md")]
struct Flow;

/// So are those of the guide to files.
#[cfg(all(doctest, feature = "h5"))]
#[doc = include_str!("../docs/files.md")]
struct Files;
