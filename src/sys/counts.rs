//! Numbers of elements as MPI's `int`, and where a message becomes too long for one call.
//!
//! MPI 3 counts in `int`: a call moves at most 2³¹ − 1 items. Longer transfers go in pieces. How many pieces follows from
//! what all ranks know without asking, so that they agree.

use std::cell::Cell;
use std::ffi::c_int;

use super::element::Described;
use super::failure::{Failure, Outcome};

/// Bytes in one call of those that can go in pieces without any cost: large enough that the number of calls does not
/// matter, and well inside what MPI libraries are used with.
pub(super) const PIECE_BYTES: usize = 1 << 30;

thread_local! {
    /// For tests: elements in one call, if not 0. Of this thread, so that it stays the same within a call.
    static TEST_LIMIT: Cell<usize> = const { Cell::new(0) };
}

pub(crate) fn set_test_limit(elements: usize) {
    TEST_LIMIT.set(elements);
}

/// What a test has set, if it is not 0.
#[cfg(feature = "h5")]
pub(crate) fn test_limit() -> usize {
    TEST_LIMIT.get()
}

/// A number that is known to be small, as MPI's `int`.
pub(crate) fn int(n: usize) -> Outcome<c_int> {
    c_int::try_from(n)
        .map_err(|_| Failure::Argument(format!("{n} is more than {}, the limit of MPI's int", c_int::MAX)))
}

/// Elements that go in one call of a transfer that can go in pieces. Depends on the size of an element only.
#[inline]
pub(super) fn piece(of: &Described) -> usize {
    match TEST_LIMIT.get() {
        0 => (PIECE_BYTES / of.bytes()).max(1),
        limit => limit,
    }
}

/// Whether so many elements are not more than a [`piece`], found without a division, which takes longer than all else that a
/// short call needs.
#[inline]
pub(super) fn in_one_piece(len: usize, of: &Described) -> bool {
    match TEST_LIMIT.get() {
        0 => len.saturating_mul(of.bytes()) <= PIECE_BYTES,
        limit => len <= limit,
    }
}

/// Whether so many elements are less than a [`piece`].
#[inline]
pub(super) fn below_a_piece(len: usize, of: &Described) -> bool {
    in_one_piece(len.saturating_add(1), of)
}

/// Whether so many elements go in one call with counts and places of blocks: as many as an `int` can count.
#[inline]
pub(super) fn in_one_whole(len: usize, of: &Described) -> bool {
    match TEST_LIMIT.get() {
        0 => len.saturating_mul(of.repeat) <= c_int::MAX as usize,
        limit => len <= limit,
    }
}

/// Elements of one call as items in an `int`; they fit [`in_one_whole`].
#[inline]
pub(super) fn items(elements: usize, of: &Described) -> Outcome<c_int> {
    match elements.checked_mul(of.repeat).and_then(|items| c_int::try_from(items).ok()) {
        Some(items) => Ok(items),
        None => int(elements.saturating_mul(of.repeat)),
    }
}

/// A rank of a communicator of `size`, as MPI's `int`.
#[inline]
pub(crate) fn rank(rank: usize, size: usize) -> Outcome<c_int> {
    if rank < size {
        return Ok(rank as c_int);
    }
    Err(Failure::Argument(format!("rank {rank} of {size}: ranks are 0 to {}", size - 1)))
}
