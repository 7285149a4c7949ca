//! The fence: checked calls into MPI and HDF5. All `unsafe` code of the crate is here or in a kernel's vector code.
//!
//! The safe collectives of the `mpi` crate do not compare lengths and drop return codes, so the calls are made here,
//! through [`mpi::ffi`], after checks that make them sound: a function of this module may be called with any arguments.
#![expect(unsafe_code, reason = "this is the fence")]

pub(crate) mod clock;
pub(crate) mod collectives;
pub(crate) mod communicator;
pub(crate) mod counts;
pub(crate) mod disk;
pub(crate) mod element;
mod envelope;
pub(crate) mod failure;
mod found;
#[cfg(feature = "h5")]
pub(crate) mod hdf5;
pub(crate) mod label;
mod landing;
pub(crate) mod memory;
pub(crate) mod mpi_errors;
pub(crate) mod node_file;
pub(crate) mod number;
pub(crate) mod operations;
pub(crate) mod pending;
pub(crate) mod point_to_point;
pub(crate) mod process;
pub(crate) mod progress;
pub(crate) mod record;
mod requests;
pub(crate) mod signals;
pub(crate) mod slate;
pub(crate) mod start_and_end;
#[cfg(feature = "h5")]
pub(crate) mod stored;
pub(crate) mod voice;
pub(crate) mod waiting;
pub(crate) mod windows;
pub(crate) mod words;

pub(crate) use communicator::{Channel, Communicator};
pub(crate) use failure::{Failure, Outcome};
pub(crate) use memory::{Received, Sent};
