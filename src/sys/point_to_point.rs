//! Messages from one rank to another.
//!
//! A message that is too long for one call goes as several, over the same channel with the same tag. MPI keeps their order.
//! A piece of exactly the greatest length is always followed by another, perhaps an empty one; so no length has to be sent,
//! and what is shorter is one message, as it would be in C.

use std::ffi::{c_int, c_void};
use std::marker::PhantomData;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use mpi::ffi;

use super::collectives::pieces_and_end;
use super::communicator::{Channel, Communicator};
use super::counts::{items, piece, rank};
use super::element::{Described, Element};
use super::failure::{Failure, Outcome, check};
use super::label::{self, Label, Made};
use super::landing;
use super::memory::{Elements, Received, Sent, filled};
use super::requests::Open;
use super::waiting::{crowded, give_way, patiently};

/// Greatest tag that every MPI has (MPI 3.1, section 8.1.2).
pub(crate) const GREATEST_TAG: i32 = 32_767;

/// The tag of messages among partners that know of each other.
const KNOWN: i32 = 6;
/// The tag of messages along a ring or an axis.
pub(crate) const SHIFTED: i32 = 8;

/// Where a message may come from: a rank, or any; a tag, or any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct From {
    pub(crate) rank: Option<usize>,
    pub(crate) tag: Option<i32>,
}

impl From {
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
    pub(crate) rank: usize,
    pub(crate) tag: i32,
    pub(crate) len: usize,
}

pub(super) fn checked(tag: i32) -> Outcome<c_int> {
    if (0..=GREATEST_TAG).contains(&tag) {
        return Ok(tag);
    }
    Err(Failure::Argument(format!("tag {tag}: tags are 0 to {GREATEST_TAG}")))
}

/// Whether every standard send is to be a synchronous one, which shows who relies on MPI to keep messages.
pub(super) fn synchronous() -> bool {
    static SYNCHRONOUS: OnceLock<bool> = OnceLock::new();
    *SYNCHRONOUS.get_or_init(|| std::env::var_os("RANKWISE_SEND").is_some_and(|how| how == "sync"))
}

/// Whether a receive from any rank takes the message of the highest rank instead of the first one: which shows whose result
/// depends on that.
fn from_last(channel: Channel, from: From) -> bool {
    static LAST: OnceLock<bool> = OnceLock::new();
    let last = || std::env::var_os("RANKWISE_RECEIVE").is_some_and(|how| how == "last");
    from.rank.is_none() && channel == Channel::Program && *LAST.get_or_init(last)
}

/// Returns when `data` may be used again: the message is on its way, or received.
pub(crate) fn send(comm: &Communicator, channel: Channel, to: usize, tag: i32, data: Sent) -> Outcome {
    let (to, tag, of) = (rank(to, comm.size)?, checked(tag)?, *data.of());
    let mut label = label::on(channel).then(|| Label::of(&of));
    for (i, part) in pieces_and_end(data.len(), &of).enumerate() {
        let piece = Piece::new(label.as_mut().filter(|_| i == 0), data.part(part))?;
        // SAFETY: that many items can be read, and the label if there is one.
        check(unsafe {
            let Piece { start, count, raw, .. } = piece;
            if synchronous() {
                patiently!(MPI_Ssend or MPI_Issend(start, count, raw, to, tag, comm.channel(channel)))
            } else {
                patiently!(MPI_Send or MPI_Isend(start, count, raw, to, tag, comm.channel(channel)))
            }
        })?;
    }
    Ok(())
}

/// What one call sends.
struct Piece<'a> {
    start: *const c_void,
    count: c_int,
    raw: ffi::MPI_Datatype,
    /// The datatype, if it is one of its own.
    _made: Option<Made>,
    borrowed: PhantomData<&'a ()>,
}

impl<'a> Piece<'a> {
    /// Some elements, and in front of them a label.
    fn new(label: Option<&'a mut Label>, data: Sent<'a>) -> Outcome<Self> {
        let (start, count, of) = (data.start(), items(data.len(), data.of())?, *data.of());
        let Some(label) = label else {
            return Ok(Piece { start, count, raw: of.raw, _made: None, borrowed: PhantomData });
        };
        let label = label.start().cast_const();
        let made = label::in_front(label, &[(start, count)], &of)?;
        Ok(Piece { start: label, count: 1, raw: made.0, _made: Some(made), borrowed: PhantomData })
    }
}

/// Whether MPI writes beyond the room when a message is longer. Open MPI does when it takes the message out of the sender's
/// memory, and reports the error afterwards (seen with 4.1.4, between ranks of a node, from 4 KiB on). So there a message is
/// looked at before it is received, which costs about 0.15 µs, or lands elsewhere if it is short.
pub(super) const WRITES_BEYOND: bool = super::process::OPEN_MPI;

/// Receives one message into `room`, which may be longer than it.
pub(crate) fn receive(
    comm: &Communicator,
    channel: Channel,
    from: From,
    mut room: Received,
) -> Outcome<Arrived> {
    let landing = landing::place_for(&room);
    if WRITES_BEYOND && landing.is_none() || label::on(channel) || from_last(channel, from) || crowded() {
        return find(comm, channel, from)?.receive_into(room);
    }
    let (mut rank, mut tag) = from.raw(comm)?;
    if let Some(landing) = landing
        && room.len() < piece(room.of())
    {
        let (of, count, mut status) = (*room.of(), items(room.len(), room.of())?, empty_status());
        // SAFETY: every message has room there; the status is a live local.
        let code =
            unsafe { ffi::MPI_Recv(landing, count, of.raw, rank, tag, comm.channel(channel), &mut status) };
        return landed(landing, code, &status, room);
    }
    let (of, piece) = (*room.of(), piece(room.of()));
    let mut len = 0;
    loop {
        let mut part = room.part(len..room.len().min(len + piece));
        let count = items(part.len(), &of)?;
        let mut status = empty_status();
        // SAFETY: there is room for that many items; the status is a live local.
        let code = unsafe {
            ffi::MPI_Recv(part.start(), count, of.raw, rank, tag, comm.channel(channel), &mut status)
        };
        // Also after an error the room is the caller's.
        let valid = part.check();
        check(code).map_err(|failure| too_long(failure, Some(room.len())))?;
        valid?;
        let got = elements(&status, &of, false)?;
        len += got;
        let from = arrived(&status, len);
        if got < piece {
            return Ok(from);
        }
        (rank, tag) = (status.MPI_SOURCE, status.MPI_TAG);
    }
}

/// What has come to a landing place goes into its room.
#[inline]
fn landed(
    landing: *const c_void,
    code: c_int,
    status: &ffi::MPI_Status,
    mut room: Received,
) -> Outcome<Arrived> {
    check(code).map_err(|failure| {
        landing::clear();
        too_long(failure, Some(room.len()))
    })?;
    let len = elements(status, room.of(), false)?;
    if len > room.len() {
        return Err(no_space(Some(room.len())));
    }
    // SAFETY: MPI has put that many elements of this type there, and the landing place is no memory of anybody's.
    unsafe { room.take(landing, len) };
    room.part(0..len).check()?;
    Ok(arrived(status, len))
}

/// Receives as many elements as there is room for; fewer are an error.
pub(crate) fn receive_exactly(
    comm: &Communicator,
    channel: Channel,
    from: usize,
    tag: i32,
    room: Received,
) -> Outcome {
    let expected = room.len();
    let got = receive(comm, channel, From { rank: Some(from), tag: Some(tag) }, room)?.len;
    if got == expected {
        return Ok(());
    }
    Err(Failure::Argument(format!("{got} elements came from rank {from} instead of {expected}")))
}

/// Sends to one rank while receiving from another, which may be the same; either may be left out.
pub(crate) fn exchange(
    comm: &Communicator,
    channel: Channel,
    tag: i32,
    sent: Option<(usize, Sent)>,
    room: Option<(usize, Received)>,
) -> Outcome {
    let open = match sent {
        // SAFETY: waited for below or when dropped, while the slice is borrowed.
        Some((to, data)) => Some(unsafe { start_send(comm, channel, to, tag, data, synchronous())? }),
        None => None,
    };
    let received = match room {
        Some((from, room)) => receive_exactly(comm, channel, from, tag, room),
        None => Ok(()),
    };
    if let Some(mut open) = open {
        open.wait()?;
    }
    received
}

/// Sends to `to` and receives from `from` at once, into `room`, which may be longer than the message.
pub(crate) fn send_receive(
    comm: &Communicator,
    channel: Channel,
    (to, send_tag): (usize, i32),
    data: Sent,
    from: From,
    mut room: Received,
) -> Outcome<Arrived> {
    let (send_of, of) = (*data.of(), *room.of());
    let source = from.raw(comm)?;
    let apart = label::on(channel) || crowded();
    let landing = landing::place_for(&room);
    let apart = apart || WRITES_BEYOND && landing.is_none();
    if apart || data.len() >= piece(&send_of) || room.len() >= piece(&of) || synchronous() {
        // SAFETY: waited for below or when dropped, while the slice is borrowed.
        let mut open = unsafe { start_send(comm, channel, to, send_tag, data, synchronous())? };
        let arrived = receive(comm, channel, from, room);
        open.wait()?;
        return arrived;
    }
    let (to, send_tag) = (rank(to, comm.size)?, checked(send_tag)?);
    let (sent, count) = (items(data.len(), &send_of)?, items(room.len(), &of)?);
    let mut status = empty_status();
    // SAFETY: that many items can be read, and there is room for that many, or for whatever comes; the status is a live local.
    let code = unsafe {
        let (start, raw) = (data.start(), comm.channel(channel));
        let into = landing.unwrap_or_else(|| room.start());
        let (rank, tag) = source;
        ffi::MPI_Sendrecv(
            start,
            sent,
            send_of.raw,
            to,
            send_tag,
            into,
            count,
            of.raw,
            rank,
            tag,
            raw,
            &mut status,
        )
    };
    if let Some(landing) = landing {
        return landed(landing, code, &status, room);
    }
    let valid = room.check();
    check(code).map_err(|failure| too_long(failure, Some(room.len())))?;
    valid?;
    Ok(arrived(&status, elements(&status, &of, false)?))
}

/// Starts to send.
///
/// # Safety
/// `data` stays as it is until the request has been waited for or tested to be complete.
pub(super) unsafe fn start_send(
    comm: &Communicator,
    channel: Channel,
    to: usize,
    tag: i32,
    data: Sent,
    synchronous: bool,
) -> Outcome<Open> {
    let (to, tag, of) = (rank(to, comm.size)?, checked(tag)?, *data.of());
    let mut open = Open::new();
    open.label = label::on(channel).then(|| Box::new(Label::of(&of)));
    for (i, part) in pieces_and_end(data.len(), &of).enumerate() {
        let label = if i == 0 { open.label.as_deref_mut() } else { None };
        let Piece { start, count, raw, _made, .. } = Piece::new(label, data.part(part))?;
        // SAFETY: that many items can be read, and can be until the end, by this function's contract; the label is kept with
        // the request.
        open.add(|request| unsafe {
            // The first piece says whether the receiver is there.
            if synchronous && i == 0 {
                ffi::MPI_Issend(start, count, raw, to, tag, comm.channel(channel), request)
            } else {
                ffi::MPI_Isend(start, count, raw, to, tag, comm.channel(channel), request)
            }
        })?;
    }
    Ok(open)
}

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
    if !crowded() {
        // SAFETY: by this function's contract.
        return unsafe { ffi::MPI_Mprobe(rank, tag, comm, message, status) };
    }
    loop {
        let mut there = 0;
        // SAFETY: by this function's contract; the pointer is to a live local.
        let code = unsafe { ffi::MPI_Improbe(rank, tag, comm, &mut there, message, status) };
        if there != 0 || code != ffi::MPI_SUCCESS as c_int {
            return code;
        }
        give_way();
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
        Ok(Found { message, status, channel: comm.channel(channel), labelled: label::on(channel) })
    }
}

/// Waits for a message, and a little longer for others; keeps that of the highest rank.
fn find_last(comm: &Communicator, channel: Channel, from: From) -> Outcome<Found> {
    const LONGER: Duration = Duration::from_millis(20);
    let (mut last, mut until) = (None::<usize>, None);
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
        give_way();
    }
}

/// Keeps a message that is there already.
pub(crate) fn find_now(comm: &Communicator, channel: Channel, from: From) -> Outcome<Option<Found>> {
    let (rank, tag) = from.raw(comm)?;
    // SAFETY: as in `find`.
    unsafe {
        let (mut message, mut status, mut there) = (ffi::RSMPI_MESSAGE_NULL, empty_status(), 0);
        check(ffi::MPI_Improbe(rank, tag, comm.channel(channel), &mut there, &mut message, &mut status))?;
        let (labelled, channel) = (label::on(channel), comm.channel(channel));
        Ok((there != 0).then_some(Found { message, status, channel, labelled }))
    }
}

/// A status for MPI to write.
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
        Some(got) if got.is_multiple_of(each) => Ok(got / each),
        _ => Err(Failure::Argument(format!(
            "the message that came is not a whole number of elements of {} bytes: the sender has sent another type",
            of.bytes()
        ))),
    }
}

pub(super) fn arrived(status: &ffi::MPI_Status, len: usize) -> Arrived {
    Arrived { rank: usize::try_from(status.MPI_SOURCE).unwrap_or(usize::MAX), tag: status.MPI_TAG, len }
}

pub(super) fn no_space(room: Option<usize>) -> Failure {
    let room = room.map_or(String::new(), |room| format!(" for {room} elements"));
    Failure::Argument(format!("the message that came is longer than the room{room}: recv takes any length"))
}

/// A truncated message in words.
pub(super) fn too_long(failure: Failure, room: Option<usize>) -> Failure {
    match failure {
        Failure::Mpi { class, .. } if class == ffi::MPI_ERR_TRUNCATE as i32 => no_space(room),
        other => other,
    }
}

/// Sends all messages while receiving into all rooms, each from its rank and exactly as long as the message.
pub(crate) fn exchange_all(
    comm: &Communicator,
    messages: &[(usize, Sent)],
    rooms: Vec<(usize, Received)>,
) -> Outcome {
    for rank_of in messages.iter().map(|(to, _)| *to).chain(rooms.iter().map(|(from, _)| *from)) {
        rank(rank_of, comm.size)?;
    }
    let open = messages
        .iter()
        // SAFETY: waited for below or when dropped, while the slices are borrowed.
        .map(|&(to, data)| unsafe { start_send(comm, Channel::Ours, to, KNOWN, data, synchronous()) })
        .collect::<Outcome<Vec<_>>>()?;
    // All are received before the first failure is told, or the next call would find the others.
    let mut outcome = Ok(());
    for (from, room) in rooms {
        outcome = outcome.and(receive_exactly(comm, Channel::Ours, from, KNOWN, room));
    }
    open.into_iter().try_for_each(|mut open| open.wait())?;
    outcome
}

/// Sends to `to` and receives a message of any length from `from`, at once.
pub(crate) fn send_receive_new<T: Element<K>, K>(
    comm: &Communicator,
    channel: Channel,
    (to, tag): (usize, i32),
    data: Sent,
    from: From,
) -> Outcome<Vec<T>> {
    from.raw(comm)?;
    // SAFETY: waited for below or when dropped, while the slice is borrowed.
    let mut open = unsafe { start_send(comm, channel, to, tag, data, synchronous())? };
    let received = find(comm, channel, from)?.receive();
    open.wait()?;
    received
}

/// Runs `receive` while all messages, each with its rank and tag, are on their way, over our own channel.
pub(crate) fn sending<R>(
    comm: &Communicator,
    messages: &[(usize, i32, Sent)],
    receive: impl FnOnce() -> Outcome<R>,
) -> Outcome<R> {
    let open = messages
        .iter()
        // SAFETY: waited for below or when dropped, while the slices are borrowed.
        .map(|&(to, tag, data)| unsafe { start_send(comm, Channel::Ours, to, tag, data, synchronous()) })
        .collect::<Outcome<Vec<_>>>()?;
    let received = receive();
    open.into_iter().try_for_each(|mut open| open.wait())?;
    received
}
