//! The batch scripts in slurm/, submitted as they are, and what becomes of programs under Slurm: killed, preempted, out of time.
//!
//! `make test-slurm` starts a cluster of our own (up.sh), runs these, and ends it; by themselves they are ignored.

#[path = "../common/mod.rs"]
mod common;

mod across;
mod cluster;
mod faults;
mod requeue;
mod same;
mod scripts;
