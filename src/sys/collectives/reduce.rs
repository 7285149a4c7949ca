//! Elements of all ranks, combined place by place.

use std::ffi::c_void;
use std::time::{Duration, Instant};

use mpi::ffi;

use super::{check_blocks, check_whole, pieces, with_blocks};
use crate::partition::Partition;
use crate::sys::communicator::Communicator;
use crate::sys::counts::{in_one_piece, in_one_whole, items, rank};
use crate::sys::element::Described;
use crate::sys::failure::{Failure, Outcome, check};
use crate::sys::memory::{Elements, Received, Sent, same_length, same_type};
use crate::sys::operations::Operation;
use crate::sys::process::OPEN_MPI;
use crate::sys::waiting::{complete, crowded, patiently, until_complete};

/// What a rank contributes to a reduction.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Input<'a> {
    Slice(Sent<'a>),
    /// What the buffer of the result holds.
    InPlace,
}

impl Input<'_> {
    #[inline]
    fn check(&self, result: &Received) -> Outcome {
        match self {
            Input::InPlace => Ok(()),
            Input::Slice(mine) => {
                same_length(mine.len(), result.len())?;
                same_type(mine.of(), result.of())
            }
        }
    }

    #[inline]
    fn start(&self, part: std::ops::Range<usize>) -> *const c_void {
        match self {
            Input::Slice(mine) => mine.part(part).start(),
            Input::InPlace => in_place(),
        }
    }
}

/// MPI_IN_PLACE, which no binding has since it is a macro: 1 in Open MPI's family, −1 in MPICH's.
#[inline]
pub(in crate::sys) fn in_place() -> *mut c_void {
    std::ptr::without_provenance_mut(if OPEN_MPI { 1 } else { usize::MAX })
}

/// Over the ranks, into `result` on the root, which is looked at there only. In place, the others give their elements there.
pub(crate) fn reduce(
    comm: &Communicator,
    root: usize,
    mine: Input,
    result: Option<Received>,
    operation: Operation,
) -> Outcome {
    let root_int = rank(root, comm.size)?;
    let no_room = || Failure::Argument(format!("rank {root}, the root, has no room for the result"));
    if comm.rank != root {
        let sent = match (mine, &result) {
            (Input::Slice(sent), _) => sent,
            (Input::InPlace, Some(own)) => own.as_sent(),
            (Input::InPlace, None) => return Err(no_room()),
        };
        for part in pieces(sent.len(), sent.of()) {
            let len = part.len();
            let (from, to) = (sent.part(part).start(), std::ptr::null_mut());
            reduce_piece(comm, root_int, from, to, len, operation, sent.of())?;
        }
        return Ok(());
    }
    let mut result = result.ok_or_else(no_room)?;
    mine.check(&result)?;
    let of = *result.of();
    // MPICH (seen with 4.0.2) takes MPI_IN_PLACE for an address on a root that is not rank 0, from 2 KiB on.
    let copy = match mine {
        Input::InPlace if !OPEN_MPI && root != 0 => Some(Elements::copy(result.as_sent())?),
        _ => None,
    };
    let mine = copy.as_ref().map_or(mine, |copy| Input::Slice(copy.as_sent()));
    for part in pieces(result.len(), &of) {
        let (from, len) = (mine.start(part.clone()), part.len());
        reduce_piece(comm, root_int, from, result.part(part).start(), len, operation, &of)?;
    }
    result.check()
}

fn reduce_piece(
    comm: &Communicator,
    root: i32,
    from: *const c_void,
    to: *mut c_void,
    len: usize,
    operation: Operation,
    of: &Described,
) -> Outcome {
    let count = items(len, of)?;
    // SAFETY: callers give `len` elements to read, or MPI_IN_PLACE, and on the root as much room; elsewhere MPI does not look
    // at the room.
    check(unsafe {
        patiently!(MPI_Reduce or MPI_Ireduce(from, to, count, of.raw, operation.raw(), root, comm.raw()))
    })
}

macro_rules! over_ranks {
    ($(#[$doc:meta])* $name:ident calls $mpi:ident or $starting:ident) => {
        $(#[$doc])*
        #[inline]
        pub(crate) fn $name(comm: &Communicator, mine: Input, mut result: Received, operation: Operation) -> Outcome {
            mine.check(&result)?;
            let of = *result.of();
            for part in pieces(result.len(), &of) {
                let (from, count) = (mine.start(part.clone()), items(part.len(), &of)?);
                let mut to = result.part(part);
                // SAFETY: that many elements can be read and written, of one type; or it is MPI_IN_PLACE.
                check(unsafe {
                    let start = to.start();
                    patiently!($mpi or $starting(from, start, count, of.raw, operation.raw(), comm.raw()))
                })?;
            }
            result.check()
        }
    };
}

over_ranks! {
    /// Over all ranks, into `result` on all.
    all_reduce calls MPI_Allreduce or MPI_Iallreduce
}
over_ranks! {
    /// Over the ranks up to this one.
    scan calls MPI_Scan or MPI_Iscan
}
over_ranks! {
    /// Over the ranks before this one. On rank 0 the result is whatever MPI leaves there: the caller writes it.
    exclusive_scan calls MPI_Exscan or MPI_Iexscan
}

/// Over all ranks, block `r` of it into `result` on rank `r`. In place, `result` has all blocks, and this rank's block of the
/// outcome at its start; what is behind is unspecified.
pub(crate) fn reduce_scatter(
    comm: &Communicator,
    blocks: &Partition,
    mine: Input,
    mut result: Received,
    operation: Operation,
) -> Outcome {
    let of = *result.of();
    match mine {
        Input::InPlace => {
            check_blocks(comm, blocks, None)?;
            check_whole(blocks, result.len())?;
        }
        Input::Slice(mine) => {
            check_blocks(comm, blocks, Some(result.len()))?;
            check_whole(blocks, mine.len())?;
            same_type(mine.of(), &of)?;
        }
    }
    if !in_one_whole(blocks.len(), &of) || !in_one_piece(blocks.len(), &of) {
        for root in 0..comm.size {
            let (block, at_root) = (blocks.range(root), root == comm.rank);
            match mine {
                Input::Slice(mine) => {
                    let to = at_root.then(|| result.part(0..block.len()));
                    reduce(comm, root, Input::Slice(mine.part(block)), to, operation)?;
                }
                Input::InPlace => reduce(comm, root, mine, Some(result.part(block)), operation)?,
            }
        }
        if let Input::InPlace = mine {
            result.move_to_start(blocks.range(comm.rank));
        }
        return result.check();
    }
    let from = match mine {
        Input::Slice(mine) => mine.start(),
        Input::InPlace => in_place(),
    };
    let to = result.start();
    if let Some(each) = blocks.equal() {
        let each = items(each, &of)?;
        // SAFETY: there are `each` items for each rank to read, and room for as many, or, in place, all in one.
        check(unsafe {
            patiently!(MPI_Reduce_scatter_block or MPI_Ireduce_scatter_block(from, to, each, of.raw, operation.raw(), comm.raw()))
        })?;
    } else {
        with_blocks(0, blocks, &of, |counts, _| {
            // SAFETY: the counts have one entry a rank; their sum is what there is to read, and this rank's fits in the room.
            check(unsafe {
                patiently!(MPI_Reduce_scatter or MPI_Ireduce_scatter(from, to, counts, of.raw, operation.raw(), comm.raw()))
            })
        })?;
    }
    result.check()
}

/// The minimum of every rank's pair, place by place, if all ranks arrive before `patience` runs out; it never does when
/// `None`. Only for the end of a program: after `Ok(None)` the communicator must not be used again.
pub(crate) fn minimum_within(
    comm: &Communicator,
    mine: [i64; 2],
    patience: Option<Duration>,
) -> Outcome<Option<[i64; 2]>> {
    // Never freed, since MPI may still write there when this returns; it is 32 bytes, once.
    let buffers = Box::leak(Box::new((mine, [0i64; 2])));
    // SAFETY: the buffers stay where they are for ever.
    unsafe {
        let mut request = ffi::RSMPI_REQUEST_NULL;
        let (from, to) = ((&raw const buffers.0).cast(), (&raw mut buffers.1).cast());
        let (of, min) = (ffi::RSMPI_INT64_T, ffi::RSMPI_MIN);
        check(ffi::MPI_Iallreduce(from, to, 2, of, min, comm.raw(), &mut request))?;
        let Some(patience) = patience else {
            check(complete(&mut request, ffi::RSMPI_STATUS_IGNORE))?;
            return Ok(Some(buffers.1));
        };
        let start = Instant::now();
        loop {
            let mut done = 0;
            check(ffi::MPI_Test(&mut request, &mut done, ffi::RSMPI_STATUS_IGNORE))?;
            if done != 0 {
                return Ok(Some(buffers.1));
            }
            if start.elapsed() > patience {
                return Ok(None);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// The greatest of two numbers over all ranks. It waits for those that are late before a call that is compared: so it gives way with either
/// MPI.
pub(crate) fn greatest(comm: &Communicator, mine: [u64; 2]) -> Outcome<[u64; 2]> {
    let mut all = [0u64; 2];
    let (from, to, comm) = ((&raw const mine).cast(), (&raw mut all).cast(), comm.raw());
    // SAFETY: both buffers hold two numbers, and stay until the call is complete: after an error MPI has ended it.
    check(unsafe {
        let (of, max) = (ffi::RSMPI_UINT64_T, ffi::RSMPI_MAX);
        if crowded() {
            until_complete(|request| ffi::MPI_Iallreduce(from, to, 2, of, max, comm, request))
        } else {
            ffi::MPI_Allreduce(from, to, 2, of, max, comm)
        }
    })?;
    Ok(all)
}
