//! Messages from one rank to another.
//!
//! A message that is too long for one call goes as several, over the same channel with the same tag. MPI keeps their order.
//! A piece of exactly the greatest length is always followed by another, perhaps an empty one; so no length has to be sent,
//! and what is shorter is one message, as it would be in C.

use std::ffi::{c_int, c_void};
use std::marker::PhantomData;
use std::sync::OnceLock;

use mpi::ffi;

use super::collectives::pieces_and_end;
use super::communicator::{Channel, Communicator};
use super::counts::{below_a_piece, items, piece, rank};
use super::element::Element;
use super::envelope::checked;
use super::failure::{Failure, Outcome, check};
use super::found::from_last;
use super::label::{self, Label, Made};
use super::landing;
use super::memory::{Received, Sent};
use super::record;
use super::requests::Open;
use super::waiting::{patient, patiently};

pub(crate) use super::envelope::{Arrived, From};
pub(super) use super::envelope::{arrived, elements, empty_status, no_space, too_long};
pub(crate) use super::found::{Found, find, find_now};

/// The tag of messages among partners that know of each other.
pub(crate) const KNOWN: i32 = 6;
/// The tag of messages along a ring or an axis.
pub(crate) const SHIFTED: i32 = 8;

/// Whether every standard send is to be a synchronous one, which shows who relies on MPI to keep messages.
#[inline]
pub(crate) fn synchronous() -> bool {
    static SYNCHRONOUS: OnceLock<bool> = OnceLock::new();
    *SYNCHRONOUS.get_or_init(|| std::env::var_os("RANKWISE_SEND").is_some_and(|how| how == "sync"))
}

/// Returns when `data` may be used again: the message is on its way, or received.
pub(crate) fn send(comm: &Communicator, channel: Channel, to: usize, tag: i32, data: Sent) -> Outcome {
    let whom = to;
    let (to, tag, of) = (rank(whom, comm.size)?, checked(tag)?, *data.of());
    record::sent(comm, channel, (whom, tag), data.bytes());
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
    #[inline]
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
    if WRITES_BEYOND && landing.is_none() || label::on(channel) || from_last(channel, from) || patient() {
        return find(comm, channel, from)?.receive_into(room);
    }
    let (mut rank, mut tag) = from.raw(comm)?;
    if let Some(landing) = landing
        && below_a_piece(room.len(), room.of())
    {
        let (of, count, mut status) = (*room.of(), items(room.len(), room.of())?, empty_status());
        // SAFETY: every message has room there; the status is a live local.
        let code =
            unsafe { ffi::MPI_Recv(landing, count, of.raw, rank, tag, comm.channel(channel), &mut status) };
        let arrived = landed(landing, code, &status, room)?;
        record::got(comm, channel, (arrived.rank(), arrived.tag), record::posted());
        return Ok(arrived);
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
            record::got(comm, channel, (from.rank(), from.tag), record::posted());
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
    let apart = label::on(channel) || patient();
    let landing = landing::place_for(&room);
    let apart = apart || WRITES_BEYOND && landing.is_none();
    if apart || !below_a_piece(data.len(), &send_of) || !below_a_piece(room.len(), &of) || synchronous() {
        // SAFETY: waited for below or when dropped, while the slice is borrowed.
        let mut open = unsafe { start_send(comm, channel, to, send_tag, data, synchronous())? };
        let arrived = receive(comm, channel, from, room);
        open.wait()?;
        return arrived;
    }
    let whom = to;
    let (to, send_tag) = (rank(whom, comm.size)?, checked(send_tag)?);
    record::sent(comm, channel, (whom, send_tag), data.bytes());
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
    let arrived = if let Some(landing) = landing {
        landed(landing, code, &status, room)?
    } else {
        let valid = room.check();
        check(code).map_err(|failure| too_long(failure, Some(room.len())))?;
        valid?;
        arrived(&status, elements(&status, &of, false)?)
    };
    record::got(comm, channel, (arrived.rank(), arrived.tag), record::posted());
    Ok(arrived)
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
    let whom = to;
    let (to, tag, of) = (rank(whom, comm.size)?, checked(tag)?, *data.of());
    record::sent(comm, channel, (whom, tag), data.bytes());
    let mut open = Open::new();
    open.label.extend(label::on(channel).then(|| Label::of(&of)));
    for (i, part) in pieces_and_end(data.len(), &of).enumerate() {
        let label = if i == 0 { open.label.first_mut() } else { None };
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
