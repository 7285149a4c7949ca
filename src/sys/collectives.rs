//! Collective calls, each after the checks that make it sound: lengths against counts, counts against the communicator,
//! everything against MPI's `int`.
//!
//! What one rank cannot check is whether the others make the same call. If they do not, MPI may leave a receive buffer
//! unwritten; it is zeroed beforehand, so that nothing uninitialised can be read. And if they send another type of the same
//! size, its bytes arrive as this one's: harmless for numbers; a `bool` may then hold neither true nor false.

use std::ffi::{c_int, c_void};
use std::time::{Duration, Instant};

use mpi::datatype::Equivalence;
use mpi::ffi;

use super::communicator::Communicator;
use super::datatypes::{Bytes, TypeOf, filled, from, into, room};
use super::failure::{Failure, Outcome, check, count, rank};

/// MPI's own reductions. Which of them fit which element type is said, and checked, where they have names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Sum,
    Product,
    Min,
    Max,
    LogicalAnd,
    LogicalOr,
    LogicalXor,
    BitAnd,
    BitOr,
    BitXor,
}

impl Operation {
    fn raw(self) -> ffi::MPI_Op {
        // SAFETY: constants of the library, read only.
        unsafe {
            match self {
                Operation::Sum => ffi::RSMPI_SUM,
                Operation::Product => ffi::RSMPI_PROD,
                Operation::Min => ffi::RSMPI_MIN,
                Operation::Max => ffi::RSMPI_MAX,
                Operation::LogicalAnd => ffi::RSMPI_LAND,
                Operation::LogicalOr => ffi::RSMPI_LOR,
                Operation::LogicalXor => ffi::RSMPI_LXOR,
                Operation::BitAnd => ffi::RSMPI_BAND,
                Operation::BitOr => ffi::RSMPI_BOR,
                Operation::BitXor => ffi::RSMPI_BXOR,
            }
        }
    }
}

/// Counts and places of blocks that lie one after the other, as MPI wants them.
struct Blocks {
    counts: Vec<c_int>,
    starts: Vec<c_int>,
}

impl Blocks {
    /// One block for each rank, together `len` elements.
    fn new(counts: impl ExactSizeIterator<Item = usize>, size: usize, len: usize) -> Outcome<Self> {
        if counts.len() != size {
            return Err(Failure::Argument(format!(
                "a partition into {} parts for {size} ranks",
                counts.len()
            )));
        }
        let mut blocks = Blocks { counts: Vec::with_capacity(size), starts: Vec::with_capacity(size) };
        let mut end = 0usize;
        for block in counts {
            blocks.starts.push(count(end)?);
            blocks.counts.push(count(block)?);
            end = end.saturating_add(block);
        }
        if end != len {
            return Err(Failure::Argument(format!("a partition of {end} elements for a slice of {len}")));
        }
        Ok(blocks)
    }
}

fn same_length(operation_on: usize, result: usize) -> Outcome {
    if operation_on == result {
        return Ok(());
    }
    Err(Failure::Argument(format!("the result has {result} elements, the input {operation_on}")))
}

pub(crate) fn barrier(comm: &Communicator) -> Outcome {
    // SAFETY: the communicator is live.
    check(unsafe { ffi::MPI_Barrier(comm.raw()) })
}

pub(crate) fn broadcast<T: Equivalence>(comm: &Communicator, root: usize, buffer: &mut [T]) -> Outcome {
    let (root, len, of) = (rank(root, comm.size)?, count(buffer.len())?, TypeOf::<T>::new());
    // SAFETY: the buffer is exclusively ours and holds `len` elements of that type.
    check(unsafe { ffi::MPI_Bcast(into(buffer), len, of.raw(), root, comm.raw()) })
}

/// A broadcast of `len` elements, known on all ranks, to ranks that have no buffer yet.
pub(crate) fn broadcast_new<T: Equivalence + Copy>(
    comm: &Communicator,
    root: usize,
    len: usize,
    data: Option<&[T]>,
) -> Outcome<Vec<T>> {
    if comm.rank != root {
        let (root, ints, of) = (rank(root, comm.size)?, count(len)?, TypeOf::<T>::new());
        let mut buffer = room::<T>(len)?;
        // SAFETY: the buffer has room for `len` elements.
        check(unsafe { ffi::MPI_Bcast(into(&mut buffer), ints, of.raw(), root, comm.raw()) })?;
        // SAFETY: MPI has written all `len` of them; the root sends as many.
        return Ok(unsafe { filled(buffer) });
    }
    let data = data.ok_or_else(|| Failure::Argument("the root has no data".into()))?;
    same_length(data.len(), len)?;
    let mut copy = data.to_vec();
    broadcast(comm, root, &mut copy)?;
    Ok(copy)
}

/// Block `r` of the root's `data` to rank `r`. `counts` are read on the root only; `mine` is the length of this rank's.
pub(crate) fn scatter<T: Equivalence + Copy>(
    comm: &Communicator,
    root: usize,
    data: Option<&[T]>,
    counts: impl ExactSizeIterator<Item = usize>,
    mine: usize,
) -> Outcome<Vec<T>> {
    let (root_int, mine_int, of) = (rank(root, comm.size)?, count(mine)?, TypeOf::<T>::new());
    let sent = match data.filter(|_| comm.rank == root) {
        None if comm.rank == root => return Err(Failure::Argument("the root has no data".into())),
        None => None,
        Some(data) => {
            let blocks = Blocks::new(counts, comm.size, data.len())?;
            same_length(usize::try_from(blocks.counts[root]).unwrap_or(0), mine)?;
            Some((data, blocks))
        }
    };
    let mut received = room::<T>(mine)?;
    let (data, counts, starts): (*const c_void, _, _) = match &sent {
        Some((data, blocks)) => (from(data), blocks.counts.as_ptr(), blocks.starts.as_ptr()),
        None => (std::ptr::null(), std::ptr::null(), std::ptr::null()),
    };
    // SAFETY: on the root, counts and starts have one entry a rank and stay inside `data`; elsewhere MPI does not look at
    // them. There is room for `mine` elements, which is what the root sends to this rank.
    check(unsafe {
        let to = into(&mut received);
        ffi::MPI_Scatterv(data, counts, starts, of.raw(), to, mine_int, of.raw(), root_int, comm.raw())
    })?;
    // SAFETY: written by MPI, all of it.
    Ok(unsafe { filled(received) })
}

/// Every rank's `mine`, in rank order, on the root. `counts` are read on the root only.
pub(crate) fn gather<T: Equivalence + Copy>(
    comm: &Communicator,
    root: usize,
    mine: &[T],
    counts: impl ExactSizeIterator<Item = usize>,
    total: usize,
) -> Outcome<Option<Vec<T>>> {
    let (root_int, mine_int, of) = (rank(root, comm.size)?, count(mine.len())?, TypeOf::<T>::new());
    let mut received = if comm.rank == root {
        let blocks = Blocks::new(counts, comm.size, total)?;
        same_length(mine.len(), usize::try_from(blocks.counts[root]).unwrap_or(0))?;
        Some((room::<T>(total)?, blocks))
    } else {
        None
    };
    let (to, counts, starts): (*mut c_void, _, _) = match &mut received {
        Some((to, blocks)) => (into(to), blocks.counts.as_ptr(), blocks.starts.as_ptr()),
        None => (std::ptr::null_mut(), std::ptr::null(), std::ptr::null()),
    };
    // SAFETY: on the root, counts and starts have one entry a rank and stay inside the room for `total`; elsewhere MPI
    // does not look at them.
    check(unsafe {
        ffi::MPI_Gatherv(from(mine), mine_int, of.raw(), to, counts, starts, of.raw(), root_int, comm.raw())
    })?;
    // SAFETY: written by MPI, all of it: the blocks fill the room.
    Ok(received.map(|(room, _)| unsafe { filled(room) }))
}

/// Every rank's `mine`, in rank order, on all ranks.
pub(crate) fn all_gather<T: Equivalence + Copy>(
    comm: &Communicator,
    mine: &[T],
    counts: impl ExactSizeIterator<Item = usize>,
    total: usize,
) -> Outcome<Vec<T>> {
    let (mine_int, of) = (count(mine.len())?, TypeOf::<T>::new());
    let blocks = Blocks::new(counts, comm.size, total)?;
    same_length(mine.len(), usize::try_from(blocks.counts[comm.rank]).unwrap_or(0))?;
    let mut received = room::<T>(total)?;
    // SAFETY: counts and starts have one entry a rank and stay inside the room for `total`.
    check(unsafe {
        let (sent, to) = (from(mine), into(&mut received));
        let (counts, starts) = (blocks.counts.as_ptr(), blocks.starts.as_ptr());
        ffi::MPI_Allgatherv(sent, mine_int, of.raw(), to, counts, starts, of.raw(), comm.raw())
    })?;
    // SAFETY: written by MPI, all of it: the blocks fill the room.
    Ok(unsafe { filled(received) })
}

/// `each` elements of every rank, the same number everywhere, in rank order on all ranks.
pub(crate) fn all_gather_equal<T: Equivalence + Copy>(comm: &Communicator, mine: &[T]) -> Outcome<Vec<T>> {
    let (each, of) = (count(mine.len())?, TypeOf::<T>::new());
    let total = mine.len().saturating_mul(comm.size);
    let mut received = room::<T>(total)?;
    // SAFETY: there is room for `each` elements of every rank.
    check(unsafe {
        let (sent, to) = (from(mine), into(&mut received));
        ffi::MPI_Allgather(sent, each, of.raw(), to, each, of.raw(), comm.raw())
    })?;
    // SAFETY: written by MPI, all of it.
    Ok(unsafe { filled(received) })
}

/// Place by place over the ranks, on the root.
pub(crate) fn reduce<T: Equivalence + Copy>(
    comm: &Communicator,
    root: usize,
    mine: &[T],
    operation: Operation,
) -> Outcome<Option<Vec<T>>> {
    let (root_int, len, of) = (rank(root, comm.size)?, count(mine.len())?, TypeOf::<T>::new());
    let mut result = if comm.rank == root { Some(room::<T>(mine.len())?) } else { None };
    let to = result.as_mut().map_or(std::ptr::null_mut(), |room| into(room));
    // SAFETY: on the root there is room for `len` elements; elsewhere MPI does not look at it.
    check(unsafe { ffi::MPI_Reduce(from(mine), to, len, of.raw(), operation.raw(), root_int, comm.raw()) })?;
    // SAFETY: written by MPI, all of it.
    Ok(result.map(|room| unsafe { filled(room) }))
}

/// Place by place over the ranks, on all ranks.
pub(crate) fn all_reduce<T: Equivalence + Copy>(
    comm: &Communicator,
    mine: &[T],
    operation: Operation,
) -> Outcome<Vec<T>> {
    let (len, of) = (count(mine.len())?, TypeOf::<T>::new());
    let mut result = room::<T>(mine.len())?;
    // SAFETY: there is room for as many elements as are sent.
    check(unsafe {
        let (sent, to) = (from(mine), into(&mut result));
        ffi::MPI_Allreduce(sent, to, len, of.raw(), operation.raw(), comm.raw())
    })?;
    // SAFETY: written by MPI, all of it.
    Ok(unsafe { filled(result) })
}

/// As [`all_reduce`], into the caller's memory, with no allocation.
pub(crate) fn all_reduce_into<T: Equivalence + Copy>(
    comm: &Communicator,
    mine: &[T],
    result: &mut [T],
    operation: Operation,
) -> Outcome {
    same_length(mine.len(), result.len())?;
    let (len, of) = (count(mine.len())?, TypeOf::<T>::new());
    // SAFETY: both slices have `len` elements and cannot overlap.
    check(unsafe {
        let (sent, to) = (from(mine), into(result));
        ffi::MPI_Allreduce(sent, to, len, of.raw(), operation.raw(), comm.raw())
    })
}

/// A reduction of our own: `combine` writes into its second argument, is associative and commutative, and never panics.
/// Implemented in this crate only, for values without pointers: they are copied to other processes as they lie in memory.
pub(crate) trait Combine: Copy {
    fn combine(theirs: &Self, ours: &mut Self);
}

/// Place by place with [`Combine`], on all ranks; the values travel as they lie in memory.
pub(crate) fn all_combine<T: Combine>(comm: &Communicator, values: &mut [T]) -> Outcome {
    unsafe extern "C" fn call<T: Combine>(
        theirs: *mut c_void,
        ours: *mut c_void,
        len: *mut c_int,
        _of: *mut ffi::MPI_Datatype,
    ) {
        // SAFETY: MPI hands over `len` elements of the datatype below, that is, of `T`, which need not be aligned in its
        // buffers: hence the unaligned reads and writes. They were copied from valid values of `T` on some rank.
        unsafe {
            let (theirs, ours) = (theirs.cast::<T>(), ours.cast::<T>());
            for i in 0..usize::try_from(*len).unwrap_or(0) {
                let mut mine = ours.add(i).read_unaligned();
                T::combine(&theirs.add(i).read_unaligned(), &mut mine);
                ours.add(i).write_unaligned(mine);
            }
        }
    }
    let (len, of) = (count(values.len())?, Bytes::of::<T>()?);
    let mine = values.to_vec();
    // SAFETY: both slices have `len` elements of that datatype. The operation lives until the call is over, and a `Combine`
    // does not unwind into C.
    unsafe {
        let mut operation: ffi::MPI_Op = std::mem::zeroed();
        check(ffi::MPI_Op_create(Some(call::<T>), 1, &mut operation))?;
        let (sent, to) = (from(&mine), into(values));
        let outcome = check(ffi::MPI_Allreduce(sent, to, len, of.raw(), operation, comm.raw()));
        check(ffi::MPI_Op_free(&mut operation))?;
        outcome
    }
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
    let of = TypeOf::<i64>::new();
    // SAFETY: the buffers stay where they are for ever.
    unsafe {
        let mut request = ffi::RSMPI_REQUEST_NULL;
        let (from, to) = ((&raw const buffers.0).cast(), (&raw mut buffers.1).cast());
        check(ffi::MPI_Iallreduce(from, to, 2, of.raw(), ffi::RSMPI_MIN, comm.raw(), &mut request))?;
        let Some(patience) = patience else {
            check(ffi::MPI_Wait(&mut request, ffi::RSMPI_STATUS_IGNORE))?;
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
