//! Random permutations across ranks: of items, of rows in HDF5 files, and of text that need not fit into memory.
//!
//! All of them are the permutation that [`kernels::permutation`](crate::kernels::permutation) defines by a seed and the numbers of
//! the items: the same on any number of ranks. What is shuffled here is what the serial twin
//! [`permuted`](crate::kernels::permutation::permuted) gives.
//!
//! ```
//! use rankwise::distributed::permute::{sample, shuffle};
//! use rankwise::prelude::*;
//!
//! # fn main() -> ExitCode { rankwise::run(|world| {
//! let blocks = Partition::even(1000, world.size());
//! let mine: Vec<usize> = blocks.range(world.rank()).collect();
//! let shuffled = shuffle(world, 42, &mine)?; // as many here as before
//! let ten = sample(world, 42, &mine, 10)?; // the first ten of them
//! # let all = world.all_gather(&shuffled)?;
//! # assert_eq!(world.all_gather(&ten)?, all[..10]);
//! # assert_eq!(all, rankwise::kernels::permutation::order(42, 0, 1000));
//! # Ok(()) }) }
//! ```

mod corpus;
mod external;
mod items;
mod job;
mod mapped;
mod permutation;
#[cfg(feature = "h5")]
mod rows;
mod sampling;
mod target;
mod within;

pub use corpus::{Corpus, Fingerprint};
pub use items::{sample, shuffle, shuffle_array};
pub use job::{Job, Seconds, Summary, Written};
pub use permutation::Permutation;
#[cfg(feature = "h5")]
pub use rows::shuffle_rows;
pub use target::Plan;
