//! Messages that are looked at before they are received.

use std::ffi::c_int;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use mpi::ffi;

use super::communicator::{Channel, Communicator};
use super::counts::{items, piece};
use super::element::{Described, Element};
use super::envelope::{Arrived, From, arrived, elements, empty_status, no_space};
use super::failure::{Outcome, check};
use super::label::{self, Label};
use super::memory::{Elements, Received, filled};
use super::record;
use super::waiting::{Wait, patient};

/// A message that was found and is kept for whoever receives it here. Dropped without being received, it is received and
/// thrown away.
#[derive(Debug)]
pub(crate) struct Found {
    message: ffi::MPI_Message,
    status: ffi::MPI_Status,
    channel: ffi::MPI_Comm,
    /// Whether it begins with a label.
    labelled: bool,
}

impl Found {
    pub(crate) fn rank(&self) -> usize {
        usize::try_from(self.status.MPI_SOURCE).unwrap_or(usize::MAX)
    }

    pub(crate) fn tag(&self) -> i32 {
        self.status.MPI_TAG
    }

    /// Elements in it, if there is a whole number of them, or in the first piece of several.
    pub(crate) fn len<T: Element<K>, K>(&self) -> Outcome<usize> {
        elements(&self.status, &T::describe()?, self.labelled)
    }

    /// Receives it.
    pub(crate) fn receive<T: Element<K>, K>(mut self) -> Outcome<Vec<T>> {
        let of = T::describe()?;
        let (mut all, piece) = (Vec::new(), piece(&of));
        loop {
            let got = self.elements(&of)?;
            let (part, ()) = filled(got, |room| self.receive_piece(room))?;
            // Nearly always the only one, which is not copied.
            if all.is_empty() {
                all = part;
            } else {
                all.extend_from_slice(&part);
            }
            if got < piece {
                return Ok(all);
            }
            self.next_piece()?;
        }
    }

    /// Receives it into `room`, which may be longer. What is too long is thrown away.
    pub(crate) fn receive_into(mut self, mut room: Received) -> Outcome<Arrived> {
        let (of, mut len, mut fits) = (*room.of(), 0, true);
        loop {
            let got = self.elements(&of)?;
            fits &= got <= room.len() - len;
            if fits {
                self.receive_piece(room.part(len..len + got))?;
                len += got;
            } else {
                self.receive_piece(Elements::room(got, &of)?.all())?;
            }
            if got == piece(&of) {
                self.next_piece()?;
            } else if fits {
                return Ok(arrived(&self.status, len));
            } else {
                return Err(no_space(Some(room.len())));
            }
        }
    }

    /// How many elements it has. If there is no whole number of them, its label says what it has.
    fn elements(&mut self, of: &Described) -> Outcome<usize> {
        let got = elements(&self.status, of, self.labelled);
        if got.is_ok() || !self.labelled {
            return got;
        }
        let bytes = <u8 as super::element::Describe<super::element::kind::Plain>>::describe()?;
        let mut all = Elements::room(elements(&self.status, &bytes, true)?, &bytes)?;
        let label = self.receive_labelled(&mut all.all())?;
        label.check(of)?;
        got
    }

    /// Waits for what follows a piece of the greatest length.
    fn next_piece(&mut self) -> Outcome {
        self.labelled = false;
        let (rank, tag) = (self.status.MPI_SOURCE, self.status.MPI_TAG);
        // SAFETY: the communicator lives, since whoever holds this borrows it; the pointers are to live fields.
        check(unsafe { matched(rank, tag, self.channel, &mut self.message, &mut self.status) })
    }

    fn receive_piece(&mut self, mut room: Received) -> Outcome {
        if self.labelled {
            let label = self.receive_labelled(&mut room)?;
            let valid = room.check();
            // Nothing is of any type.
            let right = if room.len() == 0 { Ok(()) } else { label.check(room.of()) };
            return right.and(valid);
        }
        let (of, count) = (*room.of(), items(room.len(), room.of())?);
        // SAFETY: there is room for that many items, which are all of the message; the message is live, and not after this.
        check(unsafe {
            ffi::MPI_Mrecv(room.start(), count, of.raw, &mut self.message, ffi::RSMPI_STATUS_IGNORE)
        })?;
        room.check()
    }
}

impl Found {
    /// Receives a label and, into `room`, what is behind it.
    fn receive_labelled(&mut self, room: &mut Received) -> Outcome<Label> {
        let (of, count, mut label) = (*room.of(), items(room.len(), room.of())?, Label::blank());
        let start = label.start();
        let made = label::in_front(start.cast_const(), &[(room.start().cast_const(), count)], &of)?;
        // SAFETY: there is room for the label and that many items, which are all of the message; the message is live, and not
        // after this.
        check(unsafe { ffi::MPI_Mrecv(start, 1, made.0, &mut self.message, ffi::RSMPI_STATUS_IGNORE) })?;
        Ok(label)
    }
}

impl Drop for Found {
    fn drop(&mut self) {
        // SAFETY: a constant of the library, read only.
        let received = self.message == unsafe { ffi::RSMPI_MESSAGE_NULL };
        if received || super::process::alive().is_err() || std::thread::panicking() {
            return;
        }
        let mut bytes: c_int = 0;
        // SAFETY: the message is live and not used again. Bytes receive a message of any type; one of more than 2^31 of them
        // does not exist. Errors cannot be reported from here.
        unsafe {
            ffi::MPI_Get_count(&self.status, ffi::RSMPI_UINT8_T, &mut bytes);
            let mut room = vec![0u64; usize::try_from(bytes).unwrap_or(0) / 8 + 1];
            let ignore = ffi::RSMPI_STATUS_IGNORE;
            ffi::MPI_Mrecv(room.as_mut_ptr().cast(), bytes, ffi::RSMPI_UINT8_T, &mut self.message, ignore);
        }
    }
}

/// As MPI_Mprobe.
///
/// # Safety
/// The communicator is live, and the last two may be written.
unsafe fn matched(
    rank: c_int,
    tag: c_int,
    comm: ffi::MPI_Comm,
    message: *mut ffi::MPI_Message,
    status: *mut ffi::MPI_Status,
) -> c_int {
    if !patient() {
        // SAFETY: by this function's contract.
        return unsafe { ffi::MPI_Mprobe(rank, tag, comm, message, status) };
    }
    let mut wait = Wait::new();
    loop {
        let mut there = 0;
        // SAFETY: by this function's contract; the pointer is to a live local.
        let code = unsafe { ffi::MPI_Improbe(rank, tag, comm, &mut there, message, status) };
        if there != 0 || code != ffi::MPI_SUCCESS as c_int {
            return code;
        }
        wait.give_way();
    }
}

/// Waits for a message and keeps it.
pub(crate) fn find(comm: &Communicator, channel: Channel, from: From) -> Outcome<Found> {
    if from_last(channel, from) {
        return find_last(comm, channel, from);
    }
    let (rank, tag) = from.raw(comm)?;
    // SAFETY: the pointers are to live locals, one of them a constant's copy; they are used only after the call succeeded.
    unsafe {
        let (mut message, mut status) = (ffi::RSMPI_MESSAGE_NULL, empty_status());
        check(matched(rank, tag, comm.channel(channel), &mut message, &mut status))?;
        note(comm, channel, &status);
        Ok(Found { message, status, channel: comm.channel(channel), labelled: label::on(channel) })
    }
}

/// It has come.
#[inline]
fn note(comm: &Communicator, channel: Channel, status: &ffi::MPI_Status) {
    let from = usize::try_from(status.MPI_SOURCE).unwrap_or(usize::MAX);
    record::got(comm, channel, (from, status.MPI_TAG), record::posted());
}

/// Waits for a message, and a little longer for others; keeps that of the highest rank.
fn find_last(comm: &Communicator, channel: Channel, from: From) -> Outcome<Found> {
    const LONGER: Duration = Duration::from_millis(20);
    let (mut last, mut until) = (None::<usize>, None);
    let mut wait = Wait::new();
    loop {
        for rank in (last.map_or(0, |last| last + 1)..comm.size).rev() {
            let (one, tag) = From { rank: Some(rank), ..from }.raw(comm)?;
            let mut there = 0;
            // SAFETY: the pointers are to a live local, and to nothing where MPI allows that.
            check(unsafe {
                ffi::MPI_Iprobe(one, tag, comm.channel(channel), &mut there, ffi::RSMPI_STATUS_IGNORE)
            })?;
            if there != 0 {
                last = Some(rank);
                break;
            }
        }
        if let Some(last) = last
            && (last + 1 == comm.size
                || Instant::now() > *until.get_or_insert_with(|| Instant::now() + LONGER))
        {
            return find(comm, channel, From { rank: Some(last), ..from });
        }
        wait.give_way();
    }
}

/// Keeps a message that is there already.
pub(crate) fn find_now(comm: &Communicator, channel: Channel, from: From) -> Outcome<Option<Found>> {
    let (rank, tag) = from.raw(comm)?;
    // SAFETY: as in `find`.
    unsafe {
        let (mut message, mut status, mut there) = (ffi::RSMPI_MESSAGE_NULL, empty_status(), 0);
        check(ffi::MPI_Improbe(rank, tag, comm.channel(channel), &mut there, &mut message, &mut status))?;
        if there != 0 {
            note(comm, channel, &status);
        }
        let (labelled, channel) = (label::on(channel), comm.channel(channel));
        Ok((there != 0).then_some(Found { message, status, channel, labelled }))
    }
}

/// Whether a receive from any rank takes the message of the highest rank instead of the first one: which shows whose result
/// depends on that.
#[inline]
pub(super) fn from_last(channel: Channel, from: From) -> bool {
    static LAST: OnceLock<bool> = OnceLock::new();
    let last = || std::env::var_os("RANKWISE_RECEIVE").is_some_and(|how| how == "last");
    from.rank.is_none() && channel == Channel::Program && *LAST.get_or_init(last)
}
