//! Transfers that were started: MPI's requests, and the calls that make them.
//!
//! MPI reads and writes the buffers until a request is complete, so whoever starts one promises that they stay: see
//! `pending.rs`.

use std::ffi::c_int;

use mpi::ffi;

use super::collectives::{PIECES, pieces};
use super::communicator::{Channel, Communicator};
use super::counts::{below_a_piece, in_one_whole, items, rank};
use super::element::Described;
use super::failure::{Failure, Outcome, check};
use super::label::{self, Label};
use super::memory::{Received, Sent, no_bool, same_length, same_type};
use super::operations::Operation;
use super::point_to_point::{self, Arrived, From};
use super::waiting::complete;
use crate::partition::Partition;

/// The MPI requests of one transfer: one, or one a piece.
#[derive(Debug)]
pub(crate) struct Open {
    first: Option<ffi::MPI_Request>,
    others: Vec<ffi::MPI_Request>,
    /// What the last receive among them has said.
    status: ffi::MPI_Status,
    /// Where a receive puts what comes after the room, so that it is not one block of memory.
    spare: Vec<u64>,
    /// What goes, or comes, in front of the elements.
    pub(super) label: Vec<Label>,
    /// What is to be received, if something has to be looked at when it has come.
    expected: Option<Box<Expected>>,
    receives: bool,
    /// Why a part of it has failed.
    failed: Option<Failure>,
}

/// Elements with a label in front, or with `bool`s in them, which have to be valid when the receive is complete, whatever came.
#[derive(Debug)]
struct Expected {
    of: Described,
    room: *mut u8,
    len: usize,
}

impl Open {
    pub(super) fn new() -> Self {
        Open {
            first: None,
            others: Vec::new(),
            status: point_to_point::empty_status(),
            spare: Vec::new(),
            label: Vec::new(),
            expected: None,
            receives: false,
            failed: None,
        }
    }

    /// Adds what `start` starts.
    pub(super) fn add(&mut self, start: impl FnOnce(*mut ffi::MPI_Request) -> c_int) -> Outcome {
        // SAFETY: a constant of the library, read only.
        let mut request = unsafe { ffi::RSMPI_REQUEST_NULL };
        check(start(&mut request))?;
        match self.first {
            None => self.first = Some(request),
            Some(_) => self.others.push(request),
        }
        Ok(())
    }

    fn all(&mut self) -> impl Iterator<Item = &mut ffi::MPI_Request> {
        self.first.iter_mut().chain(&mut self.others)
    }

    /// Returns when all are complete.
    pub(super) fn wait(&mut self) -> Outcome {
        let _returning = ReturningErrors::of(self);
        let mut status = self.status;
        let mut outcome = self.failed.take().map_or(Ok(()), Err);
        for request in self.all().filter(|request| is_open(request)) {
            // SAFETY: the request is live; the status is a live local. All are waited for, also after one has failed: their
            // buffers are free only then.
            outcome = outcome.and(check(unsafe { complete(request, &mut status) }));
        }
        self.status = status;
        // MPI may find that something does not fit, and the label says why.
        let outcome = outcome.or_else(|failure| self.check_label().and(Err(failure)));
        match &self.expected {
            // SAFETY: the room stays until the request is complete, which it is just now, and only then is anybody else's.
            Some(into) if into.of.has_bools() && !unsafe { into.of.mend(into.room, into.len) } => {
                outcome.and(Err(no_bool()))
            }
            _ => outcome,
        }
    }

    /// An error when what has come says that it is something else.
    fn check_label(&self) -> Outcome {
        match (self.label.first(), &self.expected) {
            (Some(label), Some(expected)) if label.is_filled() => label.check(&expected.of),
            _ => Ok(()),
        }
    }

    /// Whether all are complete.
    pub(super) fn test(&mut self) -> Outcome<bool> {
        let _returning = ReturningErrors::of(self);
        let (mut status, mut failed, mut complete) = (self.status, self.failed.take(), true);
        for request in self.all().filter(|request| is_open(request)) {
            let mut done = 0;
            // SAFETY: the request is live; the pointers are to live locals.
            if let Err(failure) = check(unsafe { ffi::MPI_Test(request, &mut done, &mut status) }) {
                // It is complete; `wait` says how.
                failed.get_or_insert(failure);
            } else if done == 0 {
                complete = false;
                break;
            }
        }
        self.status = status;
        self.failed = failed;
        Ok(complete)
    }

    /// Completes receives that nobody wants any more.
    pub(super) fn cancel(&mut self) -> Outcome {
        for request in self.all().filter(|request| is_open(request)) {
            // SAFETY: the request is live.
            check(unsafe { ffi::MPI_Cancel(request) })?;
        }
        self.wait()
    }

    /// Who has sent what was received into a buffer of `of`.
    pub(super) fn arrived(&self, into: &Received) -> Outcome<Arrived> {
        let len = point_to_point::elements(&self.status, into.of(), !self.label.is_empty());
        if len.as_ref().ok() != Some(&0) {
            // Nothing is of any type.
            self.check_label()?;
        }
        let len = len?;
        if len > into.len() {
            return Err(point_to_point::no_space(Some(into.len())));
        }
        Ok(point_to_point::arrived(&self.status, len))
    }
}

/// For as long as it lives, errors of receives come back. MPICH asks the error handler of the world for them, whatever their
/// communicator (seen with 4.0.2); that handler is the program's.
pub(super) struct ReturningErrors(Option<ffi::MPI_Errhandler>);

impl ReturningErrors {
    fn of(open: &Open) -> Self {
        if open.receives { Self::here() } else { ReturningErrors(None) }
    }

    /// For a request that was just started.
    pub(super) fn here() -> Self {
        if super::process::OPEN_MPI {
            return ReturningErrors(None);
        }
        // SAFETY: MPI runs, since there is a request; the pointer is to a live local, which is used only after the call that
        // makes it. If that fails, errors end the program as before.
        unsafe {
            let mut before = std::mem::zeroed::<ffi::MPI_Errhandler>();
            if check(ffi::MPI_Comm_get_errhandler(ffi::RSMPI_COMM_WORLD, &mut before)).is_err() {
                return ReturningErrors(None);
            }
            ffi::MPI_Comm_set_errhandler(ffi::RSMPI_COMM_WORLD, ffi::RSMPI_ERRORS_RETURN);
            ReturningErrors(Some(before))
        }
    }
}

impl Drop for ReturningErrors {
    fn drop(&mut self) {
        if let Some(mut before) = self.0.take() {
            // SAFETY: the handler that was there before, given back once.
            unsafe {
                ffi::MPI_Comm_set_errhandler(ffi::RSMPI_COMM_WORLD, before);
                ffi::MPI_Errhandler_free(&mut before);
            }
        }
    }
}

/// Whether MPI has not yet completed it.
fn is_open(request: &ffi::MPI_Request) -> bool {
    // SAFETY: a constant of the library, read only.
    *request != unsafe { ffi::RSMPI_REQUEST_NULL }
}

impl Drop for Open {
    fn drop(&mut self) {
        // Only after a failure: the buffers go next, and MPI must not use them any more.
        if super::process::alive().is_ok() {
            let _ = self.wait();
        }
    }
}

/// Starts to send.
///
/// # Safety
/// `data` stays as it is until the request is complete.
pub(super) unsafe fn send(
    comm: &Communicator,
    channel: Channel,
    (to, tag): (usize, i32),
    data: Sent,
) -> Outcome<Open> {
    // SAFETY: by this function's contract.
    unsafe { point_to_point::start_send(comm, channel, to, tag, data, point_to_point::synchronous()) }
}

/// Starts to receive, into `room`, which may be longer than the message; `None` if it is so long that the message might come
/// in pieces, which are received when they have come.
///
/// # Safety
/// Nobody else uses `room` until the request is complete.
pub(super) unsafe fn receive(
    comm: &Communicator,
    channel: Channel,
    from: From,
    room: &mut Received,
) -> Outcome<Option<Open>> {
    let of = *room.of();
    if !below_a_piece(room.len(), &of) {
        return Ok(None);
    }
    let ((rank, tag), count) = (from.raw(comm)?, items(room.len(), &of)?);
    let (start, raw, mut open) = (room.start(), comm.channel(channel), Open::new());
    let labels = label::on(channel);
    open.receives = true;
    if labels || of.has_bools() {
        open.expected = Some(Box::new(Expected { of, room: start.cast(), len: room.len() }));
    }
    if !point_to_point::WRITES_BEYOND && !labels {
        // SAFETY: there is room for that many items until the end, by this function's contract.
        open.add(|request| unsafe { ffi::MPI_Irecv(start, count, of.raw, rank, tag, raw, request) })?;
        return Ok(Some(open));
    }
    // Into the room and one item more somewhere else: what is not one block of memory Open MPI fills piece by piece, and stops
    // at its end.
    open.spare = vec![0; of.bytes().div_ceil(size_of::<u64>())];
    let blocks = [(start.cast_const(), count), (open.spare.as_mut_ptr().cast_const().cast(), 1)];
    let (start, made) = if labels {
        open.label = vec![Label::blank()];
        let label = open.label[0].start();
        (label, label::in_front(label.cast_const(), &blocks, &of)?)
    } else {
        (start, label::scattered(&blocks, &of)?)
    };
    // SAFETY: there is room for the label, for that many items, and for one in the spare memory, until the end: by this
    // function's contract, and because the request keeps the label and the spare.
    open.add(|request| unsafe { ffi::MPI_Irecv(start, 1, made.0, rank, tag, raw, request) })?;
    Ok(Some(open))
}

/// Starts to fill `buffer` with the root's.
///
/// # Safety
/// Nobody else uses `buffer` until the request is complete.
pub(super) unsafe fn broadcast(comm: &Communicator, root: usize, buffer: &mut Received) -> Outcome<Open> {
    let (root, of) = (rank(root, comm.size)?, *buffer.of());
    let mut open = Open::new();
    for part in pieces(buffer.len(), &of) {
        let count = items(part.len(), &of)?;
        let start = buffer.part(part).start();
        // SAFETY: the buffer holds that many items of that type until the end, by this function's contract.
        open.add(|request| unsafe { ffi::MPI_Ibcast(start, count, of.raw, root, comm.raw(), request) })?;
    }
    Ok(open)
}

/// Starts to combine `buffer` with those of all ranks, in place.
///
/// # Safety
/// Nobody else uses `buffer` until the request is complete.
pub(super) unsafe fn all_reduce(
    comm: &Communicator,
    operation: Operation,
    buffer: &mut Received,
) -> Outcome<Open> {
    let of = *buffer.of();
    let mut open = Open::new();
    for part in pieces(buffer.len(), &of) {
        let count = items(part.len(), &of)?;
        let start = buffer.part(part).start();
        let operation = operation.raw();
        // SAFETY: the buffer holds that many items of that type until the end, by this function's contract.
        open.add(|request| unsafe {
            let in_place = super::collectives::in_place();
            ffi::MPI_Iallreduce(in_place, start, count, of.raw, operation, comm.raw(), request)
        })?;
    }
    Ok(open)
}

/// Starts to combine `buffer` with those of all ranks, in place on the root; elsewhere it is only read.
///
/// # Safety
/// Nobody else uses `buffer` until the request is complete.
pub(super) unsafe fn reduce(
    comm: &Communicator,
    root: usize,
    operation: Operation,
    buffer: &mut Received,
) -> Outcome<Open> {
    let (root_int, of) = (rank(root, comm.size)?, *buffer.of());
    let mut open = Open::new();
    for part in pieces(buffer.len(), &of) {
        let count = items(part.len(), &of)?;
        let start = buffer.part(part).start();
        let operation = operation.raw();
        let (from, to) = if comm.rank == root {
            (super::collectives::in_place().cast_const(), start)
        } else {
            (start.cast_const(), std::ptr::null_mut())
        };
        // SAFETY: the buffer holds that many items of that type until the end, by this function's contract.
        open.add(|request| unsafe {
            ffi::MPI_Ireduce(from, to, count, of.raw, operation, root_int, comm.raw(), request)
        })?;
    }
    Ok(open)
}

/// An error unless there is one block for each rank.
pub(super) fn check_blocks(comm: &Communicator, blocks: &Partition) -> Outcome {
    super::collectives::check_blocks(comm, blocks, None)
}

/// Counts and places of blocks, which MPI reads until the end, so they are kept with the buffers.
#[derive(Debug)]
pub(crate) struct Blocks(Vec<c_int>);

impl Blocks {
    /// Empty when the whole is too long for one call.
    pub(super) fn new(blocks: &Partition, of: &Received) -> Outcome<Self> {
        let of = of.of();
        if !in_one_whole(blocks.len(), of) {
            return Ok(Blocks(Vec::new()));
        }
        let mut numbers = blocks.counts().map(|n| items(n, of)).collect::<Outcome<Vec<_>>>()?;
        for rank in 0..blocks.parts() {
            numbers.push(items(blocks.range(rank).start, of)?);
        }
        Ok(Blocks(numbers))
    }

    fn counts(&self) -> *const c_int {
        self.0.as_ptr()
    }

    fn starts(&self) -> *const c_int {
        self.0[self.0.len() / 2..].as_ptr()
    }
}

/// Starts to deal out the root's `data`, which is looked at there only.
///
/// # Safety
/// `data` and the blocks stay, and nobody else uses `mine`, until the request is complete.
pub(super) unsafe fn scatter(
    comm: &Communicator,
    root: usize,
    blocks: &Partition,
    numbers: &Blocks,
    data: Option<Sent>,
    mine: &mut Received,
) -> Outcome<Open> {
    let (root_int, of) = (rank(root, comm.size)?, *mine.of());
    super::collectives::check_blocks(comm, blocks, Some(mine.len()))?;
    let data = data.filter(|_| comm.rank == root);
    if comm.rank == root && data.is_none() {
        return Err(Failure::Argument(format!("rank {root}, the root, has no data")));
    }
    if let Some(data) = data {
        same_length(data.len(), blocks.len())?;
        same_type(data.of(), &of)?;
    }
    if !in_one_whole(blocks.len(), &of) {
        let mut open = Open::new();
        match data {
            // SAFETY: by this function's contract.
            None => unsafe { receive_pieces(comm, root, mine, &mut open)? },
            Some(data) => {
                for to in (0..comm.size).filter(|&to| to != root) {
                    // SAFETY: by this function's contract.
                    unsafe { send_pieces(comm, to, data.part(blocks.range(to)), &mut open)? };
                }
                mine.part(0..blocks.count(root)).copy_from(data.part(blocks.range(root)))?;
            }
        }
        return Ok(open);
    }
    let from = data.map_or(std::ptr::null(), |data| data.start());
    let (count, to, mut open) = (items(mine.len(), &of)?, mine.start(), Open::new());
    // SAFETY: counts and starts have one entry a rank and stay inside `data`; there is room for this rank's block.
    open.add(|request| unsafe {
        let (counts, starts) = (numbers.counts(), numbers.starts());
        ffi::MPI_Iscatterv(from, counts, starts, of.raw, to, count, of.raw, root_int, comm.raw(), request)
    })?;
    Ok(open)
}

/// Starts to put together every rank's `mine`, in `to`: on the root, or on all ranks when there is none.
///
/// # Safety
/// `mine` and the blocks stay, and nobody else uses `to`, until the request is complete.
pub(super) unsafe fn gather(
    comm: &Communicator,
    root: Option<usize>,
    blocks: &Partition,
    numbers: &Blocks,
    mine: Sent,
    to: &mut Received,
) -> Outcome<Open> {
    let of = *mine.of();
    super::collectives::check_blocks(comm, blocks, Some(mine.len()))?;
    same_type(&of, to.of())?;
    if root.is_none_or(|root| root == comm.rank) {
        same_length(blocks.len(), to.len())?;
    }
    if !in_one_whole(blocks.len(), &of) {
        let mut open = Open::new();
        if root.is_some_and(|root| root != comm.rank) {
            // SAFETY: by this function's contract.
            unsafe { send_pieces(comm, root.unwrap_or(0), mine, &mut open)? };
            return Ok(open);
        }
        to.part(blocks.range(comm.rank)).copy_from(mine)?;
        for other in (0..comm.size).filter(|&other| other != comm.rank) {
            // SAFETY: by this function's contract.
            unsafe { receive_pieces(comm, other, &mut to.part(blocks.range(other)), &mut open)? };
            if root.is_none() {
                // SAFETY: by this function's contract.
                unsafe { send_pieces(comm, other, mine, &mut open)? };
            }
        }
        return Ok(open);
    }
    let (count, from, to, mut open) = (items(mine.len(), &of)?, mine.start(), to.start(), Open::new());
    let (counts, starts) = (numbers.counts(), numbers.starts());
    match root {
        Some(root) => {
            let root = rank(root, comm.size)?;
            // SAFETY: counts and starts have one entry a rank and stay inside the room, which is looked at on the root only.
            open.add(|request| unsafe {
                ffi::MPI_Igatherv(from, count, of.raw, to, counts, starts, of.raw, root, comm.raw(), request)
            })?;
        }
        // SAFETY: counts and starts have one entry a rank and stay inside the room.
        None => open.add(|request| unsafe {
            ffi::MPI_Iallgatherv(from, count, of.raw, to, counts, starts, of.raw, comm.raw(), request)
        })?,
    }
    Ok(open)
}

/// # Safety
/// `data` stays as it is until the request is complete.
unsafe fn send_pieces(comm: &Communicator, to: usize, data: Sent, open: &mut Open) -> Outcome {
    let (to, of) = (rank(to, comm.size)?, *data.of());
    for part in pieces(data.len(), &of) {
        let (count, start) = (items(part.len(), &of)?, data.part(part).start());
        // SAFETY: that many items can be read, and can be until the end, by this function's contract.
        open.add(|request| unsafe { ffi::MPI_Isend(start, count, of.raw, to, PIECES, comm.raw(), request) })?;
    }
    Ok(())
}

/// # Safety
/// Nobody else uses `room` until the request is complete.
unsafe fn receive_pieces(comm: &Communicator, from: usize, room: &mut Received, open: &mut Open) -> Outcome {
    let (from, of) = (rank(from, comm.size)?, *room.of());
    for part in pieces(room.len(), &of) {
        let count = items(part.len(), &of)?;
        let start = room.part(part).start();
        // SAFETY: there is room for that many items until the end, by this function's contract.
        open.add(|request| unsafe {
            ffi::MPI_Irecv(start, count, of.raw, from, PIECES, comm.raw(), request)
        })?;
    }
    Ok(())
}
