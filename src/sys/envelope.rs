//! What is around a message: who it comes from, its tag, how much is in it, and what is wrong with it.

use std::ffi::c_int;

use mpi::ffi;

use super::communicator::Communicator;
use super::counts::rank;
use super::element::Described;
use super::failure::{Failure, Outcome, check};
use super::label;

/// Greatest tag that every MPI has (MPI 3.1, section 8.1.2).
pub(super) const GREATEST_TAG: i32 = 32_767;

/// Where a message may come from: a rank, or any; a tag, or any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct From {
    pub(crate) rank: Option<usize>,
    pub(crate) tag: Option<i32>,
}

impl From {
    #[inline]
    pub(super) fn raw(self, comm: &Communicator) -> Outcome<(c_int, c_int)> {
        // SAFETY: constants of the library, read only.
        let (any_rank, any_tag) = unsafe { (ffi::RSMPI_ANY_SOURCE, ffi::RSMPI_ANY_TAG) };
        let rank = self.rank.map_or(Ok(any_rank), |from| rank(from, comm.size))?;
        Ok((rank, self.tag.map_or(Ok(any_tag), checked)?))
    }
}

/// Who has sent a message, with which tag, and how many elements arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arrived {
    /// As MPI has it: to copy two words of 8 bytes just after they were written one by one takes longer than a short call.
    source: c_int,
    pub(crate) tag: i32,
    pub(crate) len: usize,
}

impl Arrived {
    #[inline]
    pub(crate) fn rank(&self) -> usize {
        usize::try_from(self.source).unwrap_or(usize::MAX)
    }
}

#[inline]
pub(super) fn checked(tag: i32) -> Outcome<c_int> {
    if (0..=GREATEST_TAG).contains(&tag) {
        return Ok(tag);
    }
    Err(Failure::Argument(format!("tag {tag}: tags are 0 to {GREATEST_TAG}")))
}

/// A status for MPI to write.
#[inline]
pub(super) fn empty_status() -> ffi::MPI_Status {
    // SAFETY: a struct of plain integers, for which zero is a value.
    unsafe { std::mem::zeroed() }
}

/// The number of elements that arrived, perhaps behind a label.
pub(super) fn elements(status: &ffi::MPI_Status, of: &Described, labelled: bool) -> Outcome<usize> {
    let count = |raw: ffi::MPI_Datatype| {
        let mut count: c_int = 0;
        // SAFETY: the status was written by a receive or a probe, the pointer is to a live local.
        check(unsafe { ffi::MPI_Get_count(status, raw, &mut count) }).map(|()| usize::try_from(count).ok())
    };
    let (got, each) = if labelled {
        // SAFETY: a constant of the library, read only.
        let bytes = count(unsafe { ffi::RSMPI_UINT8_T })?;
        (bytes.and_then(|bytes| bytes.checked_sub(label::BYTES)), of.packed())
    } else {
        (count(of.raw)?, of.repeat)
    };
    match got {
        // The same as the next, without a division.
        Some(got) if each == 1 => Ok(got),
        Some(got) if got.is_multiple_of(each) => Ok(got / each),
        _ => Err(Failure::Argument(format!(
            "the message that came is not a whole number of elements of {} bytes: the sender has sent another type",
            of.bytes()
        ))),
    }
}

#[inline]
pub(super) fn arrived(status: &ffi::MPI_Status, len: usize) -> Arrived {
    Arrived { source: status.MPI_SOURCE, tag: status.MPI_TAG, len }
}

#[cold]
pub(super) fn no_space(room: Option<usize>) -> Failure {
    let room = room.map_or(String::new(), |room| format!(" for {room} elements"));
    Failure::Argument(format!("the message that came is longer than the room{room}: recv takes any length"))
}

/// A truncated message in words.
#[cold]
pub(super) fn too_long(failure: Failure, room: Option<usize>) -> Failure {
    match failure {
        Failure::Mpi { class, .. } if class == ffi::MPI_ERR_TRUNCATE as i32 => no_space(room),
        other => other,
    }
}
