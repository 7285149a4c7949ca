//! Messages from one rank to another.

use super::{Call, Comm, Element};
use crate::error::Result;
use crate::sys::pending;
use crate::sys::point_to_point::{self, Arrived, Found, SHIFTED};
use crate::sys::{Channel, Received, Sent};

/// Where a message goes: a rank, or a rank and a tag. Without one the tag is 0.
///
/// ```
/// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
/// let to_itself = world.isend((world.rank(), 7), vec![1.5])?; // tag 7
/// let came: Vec<f64> = world.recv((world.rank(), 7))?;
/// to_itself.wait()?;
/// # assert_eq!(came, [1.5]);
/// # Ok(()) }) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Destination {
    pub(super) rank: usize,
    pub(super) tag: i32,
}

/// Where a message may come from: a rank with tag 0, a rank and a tag, or [`Any`] for either or both.
///
/// | written | rank | tag |
/// |---|---|---|
/// | `3` | 3 | 0 |
/// | `(3, 7)` | 3 | 7 |
/// | `(3, Any)` | 3 | any |
/// | `(Any, 7)` | any | 7 |
/// | `Any` | any | any |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source(pub(super) point_to_point::From);

/// Any rank, or any tag: see [`Source`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Any;

impl From<usize> for Destination {
    fn from(rank: usize) -> Self {
        Destination { rank, tag: 0 }
    }
}

impl From<(usize, i32)> for Destination {
    fn from((rank, tag): (usize, i32)) -> Self {
        Destination { rank, tag }
    }
}

macro_rules! sources {
    ($($from:ty, $pattern:pat => $rank:expr, $tag:expr;)*) => {$(
        impl From<$from> for Source {
            fn from($pattern: $from) -> Self {
                Source(point_to_point::From { rank: $rank, tag: $tag })
            }
        }
    )*};
}
sources! {
    usize, rank => Some(rank), Some(0);
    (usize, i32), (rank, tag) => Some(rank), Some(tag);
    (usize, Any), (rank, Any) => Some(rank), None;
    (Any, i32), (Any, tag) => None, Some(tag);
    (Any, Any), (Any, Any) => None, None;
    Any, Any => None, None;
}

/// What is known of a message that has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// The rank that has sent it.
    pub source: usize,
    /// Its tag.
    pub tag: i32,
    /// How many elements it had.
    pub len: usize,
}

impl From<Arrived> for Status {
    #[inline]
    fn from(arrived: Arrived) -> Self {
        Status { source: arrived.rank(), tag: arrived.tag, len: arrived.len }
    }
}

/// A message that is there and can be received by whoever holds this, by nobody else. See [`Comm::probe`]. Dropped, it is thrown
/// away; one of more than 1 GiB must be received.
#[derive(Debug)]
#[must_use = "the message is thrown away unless it is received"]
pub struct Message<'a> {
    comm: &'a Comm,
    found: Found,
}

impl Message<'_> {
    /// The rank that has sent it.
    pub fn source(&self) -> usize {
        self.found.rank()
    }

    /// Its tag.
    pub fn tag(&self) -> i32 {
        self.found.tag()
    }

    /// How many elements it has. Of a message of more than 1 GiB, as many as come first.
    ///
    /// # Errors
    /// When it is not a whole number of elements of this type.
    #[track_caller]
    pub fn count<T: Element<K>, K>(&self) -> Result<usize> {
        self.comm.perform(Call::new("count"), |_| self.found.len::<T, K>())
    }

    /// Receives it. The result is allocated.
    ///
    /// # Errors
    /// When it is not a whole number of elements of this type.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// use rankwise::comm::Any;
    ///
    /// let me = world.rank();
    /// world.send((me, 1), &[1.5, 2.5])?;
    /// world.send_value((me, 2), "the end")?;
    /// let mut room = [0.0; 8];
    /// loop {
    ///     // Whatever comes; its tag says what it is.
    ///     let message = world.probe(Any)?;
    ///     match message.tag() {
    ///         1 => assert_eq!(message.recv_into(&mut room)?.len, 2),
    ///         _ => break assert_eq!(message.recv_value::<String>()?, "the end"),
    ///     }
    /// }
    /// assert_eq!(room[..2], [1.5, 2.5]);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn recv<T: Element<K>, K>(self) -> Result<Vec<T>> {
        self.comm.perform(Call::new("recv"), |_| self.found.receive())
    }

    /// Receives it into `room`, which may be longer.
    ///
    /// # Errors
    /// When it is longer than `room`, or not a whole number of elements of this type.
    #[track_caller]
    pub fn recv_into<T: Element<K>, K>(self, room: &mut [T]) -> Result<Status> {
        self.comm
            .perform(Call::new("recv_into"), |_| Ok(self.found.receive_into(Received::new(room)?)?.into()))
    }

    /// Receives a value that was sent by [`send_value`](Comm::send_value).
    ///
    /// # Errors
    /// When it is no such value.
    #[track_caller]
    pub fn recv_value<V: serde::de::DeserializeOwned>(self) -> Result<V> {
        self.comm.perform(Call::new("recv_value"), |_| super::value::decode(&self.found.receive::<u8, _>()?))
    }
}

impl Comm {
    /// Words about a message that has come and that nobody has received. Not all are there already when the last rank has sent
    /// them.
    pub(crate) fn unreceived(&self) -> Result<Option<String>> {
        let any = point_to_point::From { rank: None, tag: None };
        let found =
            self.quietly(Call::new("run"), |comm| point_to_point::find_now(comm, Channel::Program, any))?;
        Ok(found.map(|found| {
            let (from, to, tag) = (found.rank(), self.rank(), found.tag());
            format!("a message from rank {from} to rank {to} with tag {tag} was never received")
        }))
    }

    /// Sends `data` to a rank, which receives it with [`recv`](Comm::recv) or [`recv_into`](Comm::recv_into). Returns when
    /// `data` may be used again; the receiver may not be there yet, or may have to be: MPI keeps short messages only. A message
    /// to this rank itself is always kept, as a copy.
    ///
    /// One message, up to 1 GiB; what is longer goes in pieces of that size.
    ///
    /// # Errors
    /// When there is no such rank, or the tag is not in 0 to 32767.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// if world.size() > 1 {
    ///     match world.rank() {
    ///         0 => world.send(1, &[1.5, 2.5])?,
    ///         1 => assert_eq!(world.recv::<f64, _>(0)?, [1.5, 2.5]),
    ///         _ => {}
    ///     }
    /// }
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn send<T: Element<K>, K>(&self, to: impl Into<Destination>, data: &[T]) -> Result<()> {
        let to = to.into();
        let call = Call::new("send").to(to.rank, to.tag);
        self.perform(call, |comm| {
            if to.rank == comm.rank {
                return pending::send_to_itself(call.started(), comm, to.tag, data);
            }
            point_to_point::send(comm, Channel::Program, to.rank, to.tag, Sent::new(data)?)
        })
    }

    /// The next message from a rank with tag 0, or with another tag or from [`Any`] (see [`Source`]), however long it is. The
    /// result is allocated.
    ///
    /// Looks for the message first, to know its length; it takes about 0.1 µs.
    ///
    /// # Errors
    /// When there is no such rank, or what comes is not a whole number of elements of this type.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let sent = world.isend(world.rank(), vec![1, 2, 3])?;
    /// let came: Vec<i32> = world.recv(world.rank())?;
    /// assert_eq!(came, sent.wait()?);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn recv<T: Element<K>, K>(&self, from: impl Into<Source>) -> Result<Vec<T>> {
        let from = from.into().0;
        self.perform(Call::new("recv").from(from), |comm| {
            point_to_point::find(comm, Channel::Program, from)?.receive()
        })
    }

    /// Receives the next message from a rank with tag 0, or with another tag or from [`Any`] (see [`Source`]), into `room`,
    /// which may be longer. No allocation.
    ///
    /// # Errors
    /// When there is no such rank, the message is longer than `room`, or it is not a whole number of elements of this type.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// use rankwise::comm::Any;
    ///
    /// let sent = world.isend((world.rank(), 5), vec![1.5; 3])?;
    /// let mut room = [0.0; 8];
    /// let status = world.recv_into(Any, &mut room)?;
    /// assert_eq!((status.source, status.tag, status.len), (world.rank(), 5, 3));
    /// # sent.wait()?;
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn recv_into<T: Element<K>, K>(&self, from: impl Into<Source>, room: &mut [T]) -> Result<Status> {
        let from = from.into().0;
        self.perform(Call::new("recv_into").from(from), |comm| {
            let room = Received::new(room)?;
            Ok(point_to_point::receive(comm, Channel::Program, from, room)?.into())
        })
    }

    /// Sends `data` to one rank and receives from another, or the same, at once: two ranks that do this never wait for each
    /// other's receive. The result is allocated.
    ///
    /// # Errors
    /// As [`send`](Comm::send) and [`recv`](Comm::recv).
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let partner = world.size() - 1 - world.rank();
    /// assert_eq!(world.send_recv(partner, &[world.rank()], partner)?, [partner]);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn send_recv<T: Element<K>, K>(
        &self,
        to: impl Into<Destination>,
        data: &[T],
        from: impl Into<Source>,
    ) -> Result<Vec<T>> {
        let (to, from) = (to.into(), from.into().0);
        let call = Call::new("send_recv").to(to.rank, to.tag).from(from).bytes(size_of_val(data));
        self.perform(call, |comm| {
            let (to, data) = ((to.rank, to.tag), Sent::new(data)?);
            point_to_point::send_receive_new(comm, Channel::Program, to, data, from)
        })
    }

    /// As [`send_recv`](Comm::send_recv), into the caller's `room`, which may be longer than the message. No allocation.
    ///
    /// # Errors
    /// As [`send`](Comm::send) and [`recv_into`](Comm::recv_into).
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let (partner, mut room) = (world.size() - 1 - world.rank(), [0]);
    /// world.send_recv_into(partner, &[world.rank()], partner, &mut room)?;
    /// assert_eq!(room, [partner]);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn send_recv_into<T: Element<K>, K>(
        &self,
        to: impl Into<Destination>,
        data: &[T],
        from: impl Into<Source>,
        room: &mut [T],
    ) -> Result<Status> {
        let (to, from) = (to.into(), from.into().0);
        let call = Call::new("send_recv_into").to(to.rank, to.tag).from(from).bytes(size_of_val(data));
        self.perform(call, |comm| {
            let (to, data, room) = ((to.rank, to.tag), Sent::new(data)?, Received::new(room)?);
            Ok(point_to_point::send_receive(comm, Channel::Program, to, data, from, room)?.into())
        })
    }

    /// Around a ring: sends `data` to the rank that is `by` further, and gives what the rank as far before has sent. The
    /// result is allocated.
    ///
    /// # Collective
    /// All ranks must call this, with the same `by`, in which the ring is closed: the rank after the last is the first.
    ///
    /// # Errors
    /// When MPI refuses.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let left = (world.rank() + world.size() - 1) % world.size();
    /// assert_eq!(world.shift(1, &[world.rank()])?, [left]);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn shift<T: Element<K>, K>(&self, by: isize, data: &[T]) -> Result<Vec<T>> {
        let (to, from) = self.ring(by);
        self.perform(shifts(Call::new("shift"), to, from).bytes(size_of_val(data)), |comm| {
            point_to_point::send_receive_new(
                comm,
                Channel::Ours,
                (to, SHIFTED),
                Sent::new(data)?,
                shifted_from(from),
            )
        })
    }

    /// As [`shift`](Comm::shift), into the caller's `room`, which may be longer than the message. No allocation.
    ///
    /// # Collective
    /// As `shift`.
    ///
    /// # Errors
    /// When the message is longer than `room`.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let mut right = [0];
    /// world.shift_into(-1, &[world.rank()], &mut right)?;
    /// assert_eq!(right, [(world.rank() + 1) % world.size()]);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn shift_into<T: Element<K>, K>(&self, by: isize, data: &[T], room: &mut [T]) -> Result<Status> {
        let (to, from) = self.ring(by);
        self.perform(shifts(Call::new("shift_into"), to, from).bytes(size_of_val(data)), |comm| {
            let (data, room) = (Sent::new(data)?, Received::new(room)?);
            Ok(Status {
                tag: 0,
                ..point_to_point::send_receive(
                    comm,
                    Channel::Ours,
                    (to, SHIFTED),
                    data,
                    shifted_from(from),
                    room,
                )?
                .into()
            })
        })
    }

    /// The ranks `by` further and as far before, in a ring.
    pub(super) fn ring(&self, by: isize) -> (usize, usize) {
        let (rank, size) = (self.rank() as i128, self.size() as i128);
        let at = |place: i128| place.rem_euclid(size) as usize;
        (at(rank + by as i128), at(rank - by as i128))
    }

    /// Waits for a message from a rank with tag 0, or with another tag or from [`Any`] (see [`Source`]), and keeps it, to look at it before it is received.
    ///
    /// # Errors
    /// When there is no such rank.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// use rankwise::comm::Any;
    ///
    /// let sent = world.isend(world.rank(), vec![0.5; 4])?;
    /// let message = world.probe(Any)?;
    /// assert_eq!((message.source(), message.count::<f64, _>()?), (world.rank(), 4));
    /// assert_eq!(message.recv::<f64, _>()?, [0.5; 4]);
    /// # sent.wait()?;
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn probe(&self, from: impl Into<Source>) -> Result<Message<'_>> {
        let from = from.into().0;
        let found = self.perform(Call::new("probe").from(from), |comm| {
            point_to_point::find(comm, Channel::Program, from)
        })?;
        Ok(Message { comm: self, found })
    }

    /// A message from a rank, or from [`Any`], if one is there already. Does not wait.
    ///
    /// # Errors
    /// When there is no such rank.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// assert!(world.probe_now(0)?.is_none()); // nobody has sent anything
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn probe_now(&self, from: impl Into<Source>) -> Result<Option<Message<'_>>> {
        let found = self.perform(Call::new("probe_now"), |comm| {
            point_to_point::find_now(comm, Channel::Program, from.into().0)
        })?;
        Ok(found.map(|found| Message { comm: self, found }))
    }
}

/// A call that sends along a ring and receives.
pub(super) fn shifts(call: Call, to: usize, from: usize) -> Call {
    call.to(to, SHIFTED).from(shifted_from(from))
}

/// What comes along a ring: on our own channel, so that no receive of the program's takes it.
pub(super) fn shifted_from(rank: usize) -> point_to_point::From {
    point_to_point::From { rank: Some(rank), tag: Some(SHIFTED) }
}
