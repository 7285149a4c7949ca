//! Collective calls, each after the checks that make it sound: lengths against counts, counts against the communicator,
//! everything against MPI's `int`, in pieces where that is too small.
//!
//! What one rank cannot check is whether the others make the same call. If they do not, MPI may leave a receive buffer
//! unwritten: it was initialised beforehand, so nothing uninitialised can be read. Or other bytes arrive in it: they are a
//! valid number, and a `bool` is looked at.

mod all_to_all;
mod blocks;
mod reduce;
mod sparse;

pub(crate) use all_to_all::{all_to_all, all_to_all_equal};
pub(crate) use blocks::{all_gather, gather, scatter};
pub(super) use reduce::in_place;
pub(crate) use reduce::{
    Input, all_reduce, exclusive_scan, greatest, minimum_within, reduce, reduce_scatter, scan,
};
pub(crate) use sparse::sparse_all_to_all;

use std::cell::RefCell;
use std::ffi::c_int;
use std::ops::Range;

use mpi::ffi;

use super::communicator::Communicator;
use super::counts::{below_a_piece, in_one_piece, items, piece, rank};
use super::element::Described;
use super::failure::{Failure, Outcome, check};
use super::memory::Received;
use super::waiting::patiently;
use crate::partition::Partition;

/// The tag of pieces that a collective call sends from rank to rank, over a communicator where only such calls are made.
pub(super) const PIECES: c_int = 1;

pub(crate) fn barrier(comm: &Communicator) -> Outcome {
    // SAFETY: the communicator is live.
    check(unsafe { patiently!(MPI_Barrier or MPI_Ibarrier(comm.raw())) })
}

/// Fills `buffer` with the root's, which has the same length.
pub(crate) fn broadcast(comm: &Communicator, root: usize, mut buffer: Received) -> Outcome {
    let root = rank(root, comm.size)?;
    for part in pieces(buffer.len(), buffer.of()) {
        let of = *buffer.of();
        let mut part = buffer.part(part);
        let count = items(part.len(), &of)?;
        // SAFETY: the buffer is borrowed exclusively and holds that many items of that type.
        check(unsafe { patiently!(MPI_Bcast or MPI_Ibcast(part.start(), count, of.raw, root, comm.raw())) })?;
    }
    buffer.check()
}

/// The pieces that a transfer of `len` elements goes in: one, and also one of no elements, unless it is long.
#[inline]
pub(super) fn pieces(len: usize, of: &Described) -> impl Iterator<Item = Range<usize>> + use<> {
    let (piece, count) = if in_one_piece(len, of) {
        (len, 1)
    } else {
        let piece = piece(of);
        (piece, len.div_ceil(piece))
    };
    (0..count).map(move |i| i * piece..len.min((i + 1) * piece))
}

/// As [`pieces`], with an empty one at the end unless the last is shorter than the greatest length.
#[inline]
pub(super) fn pieces_and_end(len: usize, of: &Described) -> impl Iterator<Item = Range<usize>> + use<> {
    let (piece, count) = if below_a_piece(len, of) {
        (len, 1)
    } else {
        let piece = piece(of);
        (piece, len / piece + 1)
    };
    (0..count).map(move |i| i * piece..len.min((i + 1) * piece))
}

thread_local! {
    /// Counts and places of blocks, as MPI wants them; kept, so that a call allocates nothing.
    static TABLES: [RefCell<Vec<c_int>>; 2] = const { [const { RefCell::new(Vec::new()) }; 2] };
}

/// Runs `act` with the counts and starts of all blocks, in items, in table 0 or 1. Their sum fits in an `int`.
fn with_blocks<R>(
    table: usize,
    blocks: &Partition,
    of: &Described,
    act: impl FnOnce(*const c_int, *const c_int) -> Outcome<R>,
) -> Outcome<R> {
    TABLES.with(|tables| {
        let mut numbers = tables[table].borrow_mut();
        numbers.clear();
        for block in blocks.counts() {
            numbers.push(items(block, of)?);
        }
        for rank in 0..blocks.parts() {
            numbers.push(items(blocks.range(rank).start, of)?);
        }
        act(numbers.as_ptr(), numbers[blocks.parts()..].as_ptr())
    })
}

/// An error unless there is one block for each rank, and `mine` elements in this rank's.
pub(super) fn check_blocks(comm: &Communicator, blocks: &Partition, mine: Option<usize>) -> Outcome {
    let (parts, size) = (blocks.parts(), comm.size);
    if parts != size {
        return Err(Failure::Argument(format!(
            "a partition into {parts} parts for {size} ranks: it needs one for each"
        )));
    }
    let expected = blocks.count(comm.rank);
    match mine {
        Some(mine) if mine != expected => Err(Failure::Argument(format!(
            "rank {} has {mine} elements, by the partition {expected}",
            comm.rank
        ))),
        _ => Ok(()),
    }
}

/// An error unless the whole has as many elements as the partition says.
fn check_whole(blocks: &Partition, len: usize) -> Outcome {
    if blocks.len() == len {
        return Ok(());
    }
    Err(Failure::Argument(format!("a partition of {} elements for a slice of {len}", blocks.len())))
}
