//! Work that is dealt out to the ranks as they have time for it.
//!
//! A skeleton takes a closure, which every rank has, and runs it on items. Only items and results travel. What is computed
//! does not depend on who computed it, or when: results come in the order of the items.
//!
//! A task that returns an `Err` or panics is a [`TaskError`], which says its number, rank, host and place. None is lost: see
//! [`TaskErrors`].

mod executor;
mod farm;
mod graph;
mod idle;
mod pipeline;
mod pool;
mod state;
mod task;

pub use executor::{Backend, Executor, Mpi, Serial, Threads};
pub use farm::{
    Collecting, Everywhere, Farm, Items, Journaled, Known, Mine, OnRoot, Outcomes, Place, Schedule,
    Unordered, everywhere, mine, on_root, stream, try_stream,
};
pub use graph::{Graph, GraphReport, Inputs, Task, Times};
pub use pipeline::{Item, Pipeline, PipelineReport, Ranks, StageReport, Staged};
pub use pool::{Future, Pool, Submitter, as_completed, wait_any};
pub use state::State;

pub use crate::error::{TaskError, TaskErrors};
