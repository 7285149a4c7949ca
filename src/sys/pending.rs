//! What is under way, with its buffers: nobody can use or free them before MPI is done with them.
//!
//! A transfer whose buffers are owned, or borrowed for ever, keeps them: if it is forgotten, they are lost, and nothing worse
//! happens. One that borrows its buffers is started within a [`scope`], which ends only when the transfer is complete,
//! forgotten or not. Every transfer is in a list until it is completed, so that a forgotten one is found, and one that was
//! dropped can go on.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::panic::Location;
use std::time::{Duration, Instant};

use super::communicator::{Channel, Communicator};
use super::element::Element;
use super::failure::{Failure, Outcome};
use super::memory::{Received, Sent, assume_filled, room};
use super::operations::Operation;
use super::point_to_point::{self, Arrived, Found, From};
use super::record;
use super::requests::{self, Blocks, Open};
use crate::partition::Partition;

/// Elements that stay where they are while MPI reads them: `Vec<T>`, `Box<[T]>`, `&[T]` and `&mut [T]`.
pub trait Buffer: sealed::Sealed {
    /// What it holds.
    type Item;
    #[doc(hidden)]
    fn elements(&self) -> &[Self::Item];
}

/// Elements that stay where they are while MPI writes them: `Vec<T>`, `Box<[T]>` and `&mut [T]`.
pub trait BufferMut: Buffer {
    #[doc(hidden)]
    fn elements_mut(&mut self) -> &mut [Self::Item];
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! buffers {
    ($($buffer:ty),*) => {$(
        impl<T> sealed::Sealed for $buffer {}
        impl<T> Buffer for $buffer {
            type Item = T;
            fn elements(&self) -> &[T] {
                self
            }
        }
    )*};
    (mut $($buffer:ty),*) => {
        buffers!($($buffer),*);
        $(impl<T> BufferMut for $buffer {
            fn elements_mut(&mut self) -> &mut [T] {
                self
            }
        })*
    };
}
buffers!(&[T]);
buffers!(mut Vec<T>, Box<[T]>, &mut [T]);

/// Something that MPI uses, put where the compiler assumes nothing about it.
struct Held<B>(MaybeUninit<B>);

impl<B> Held<B> {
    fn new(buffer: B) -> Self {
        Held(MaybeUninit::new(buffer))
    }

    fn get(&mut self) -> &mut B {
        // SAFETY: written by `new`, and taken out only by `into_inner`, which consumes it.
        unsafe { self.0.assume_init_mut() }
    }

    fn into_inner(self) -> B {
        // SAFETY: as in `get`.
        unsafe { self.0.assume_init() }
    }
}

/// The right to start transfers on buffers that live for `'env`: see [`scope`].
pub(crate) struct Guard<'env> {
    /// What was started, in a scope that has to see it completed.
    started: Option<RefCell<Vec<u64>>>,
    /// Invariant, so that a scope cannot be taken for one of shorter-lived buffers.
    env: PhantomData<Cell<&'env mut ()>>,
}

impl Guard<'static> {
    /// For buffers that are owned, or borrowed for ever: no end has to be waited for.
    pub(crate) const fn for_ever() -> Self {
        Guard { started: None, env: PhantomData }
    }
}

/// Runs `body`, and completes what was started with its guard and not completed.
pub(crate) fn scope<'env, R>(body: impl FnOnce(&Guard<'env>) -> R) -> R {
    /// Also on the way out of a panic, after which the borrows of the buffers end.
    struct End<'env>(Guard<'env>);
    impl Drop for End<'_> {
        fn drop(&mut self) {
            for id in self.0.started.take().into_iter().flat_map(RefCell::into_inner) {
                if let Some(entry) = take(id) {
                    // Its drop waits.
                    drop(entry.open);
                }
            }
        }
    }
    let end = End(Guard { started: Some(RefCell::new(Vec::new())), env: PhantomData });
    body(&end.0)
}

/// Where a transfer was started: the operation, and the line of the program.
pub(crate) type Started = (&'static str, &'static Location<'static>);

/// One half of a message: to a rank with a tag, or from one.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Half {
    To(usize, i32),
    From(From),
}

struct Entry {
    open: Open,
    started: Started,
    /// If it is a message: of which communicator, to or from whom.
    half: Option<(u64, Half)>,
    /// The buffers, when the request was dropped before it was complete. After `open`, whose drop waits: fields are dropped in
    /// this order.
    dropped: Option<Box<dyn Kept>>,
}

/// Something that is only to be dropped.
trait Kept {}
impl<T> Kept for T {}

thread_local! {
    /// All transfers that are under way, by number.
    static UNDER_WAY: RefCell<HashMap<u64, Entry>> = RefCell::new(HashMap::new());
    static LAST: Cell<u64> = const { Cell::new(0) };
    /// Those whose requests were dropped.
    static DROPPED: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

fn take(id: u64) -> Option<Entry> {
    UNDER_WAY.with_borrow_mut(|all| all.remove(&id))
}

/// Where the transfers were started that are still under way, and that nobody holds any more.
pub(crate) fn under_way() -> Vec<Started> {
    let mut all: Vec<_> = UNDER_WAY.with_borrow(|all| {
        let forgotten = all.iter().filter(|(_, entry)| entry.dropped.is_none());
        forgotten.map(|(id, entry)| (*id, entry.started)).collect()
    });
    all.sort_by_key(|(id, _)| *id);
    all.into_iter().map(|(_, started)| started).collect()
}

/// Whether anything is under way.
#[inline]
pub(crate) fn any_under_way() -> bool {
    UNDER_WAY.with_borrow(|all| !all.is_empty())
}

/// The messages that are under way, with their communicators.
pub(crate) fn messages_under_way(mut each: impl FnMut(u64, Half)) {
    UNDER_WAY.with_borrow(|all| {
        for (of, half) in all.values().filter_map(|entry| entry.half) {
            each(of, half);
        }
    });
}

/// A transfer that is under way, and what it will give.
pub(crate) struct Pending<'a, R> {
    state: State<'a>,
    /// Holds the buffers, and takes them out when the transfer is complete.
    finish: Option<Finish<'a, R>>,
    /// A receive may never be complete, and can be cancelled.
    receives: bool,
    /// Whether the buffers are there for as long as anybody wants.
    lasting: bool,
}

enum State<'a> {
    UnderWay(u64),
    /// To be received once it is there: its length is not known, or it may come in pieces.
    Later(&'a Communicator, Channel, From),
    Here(Found),
    Over,
}

enum Done {
    Open(Open),
    Found(Found),
}

type Finish<'a, R> = Box<dyn FnOnce(Done) -> Outcome<R> + 'a>;

impl<'a, R> Pending<'a, R> {
    fn start(
        guard: &Guard<'_>,
        started: Started,
        half: Option<(u64, Half)>,
        open: Open,
        finish: impl FnOnce(Done) -> Outcome<R> + 'a,
    ) -> Self {
        look_after_dropped();
        let id = LAST.replace(LAST.get() + 1);
        UNDER_WAY.with_borrow_mut(|all| all.insert(id, Entry { open, started, half, dropped: None }));
        if let Some(of_scope) = &guard.started {
            of_scope.borrow_mut().push(id);
        }
        let lasting = guard.started.is_none();
        Pending { state: State::UnderWay(id), finish: Some(Box::new(finish)), receives: false, lasting }
    }

    /// The same transfer, that gives what `change` makes of it.
    pub(crate) fn map<S: 'a>(self, change: impl FnOnce(R) -> S + 'a) -> Pending<'a, S>
    where
        R: 'a,
    {
        self.and_then(|result| Ok(change(result)))
    }

    /// As [`map`](Pending::map), where `change` may fail.
    pub(crate) fn and_then<S: 'a>(mut self, change: impl FnOnce(R) -> Outcome<S> + 'a) -> Pending<'a, S>
    where
        R: 'a,
    {
        let state = std::mem::replace(&mut self.state, State::Over);
        let finish = self.finish.take();
        let finish: Option<Finish<'a, S>> =
            finish.map(|finish| Box::new(move |done| finish(done).and_then(change)) as Finish<'a, S>);
        Pending { state, finish, receives: self.receives, lasting: self.lasting }
    }

    /// Returns what it gives when it is complete.
    pub(crate) fn wait(mut self) -> Outcome<R> {
        let done = match std::mem::replace(&mut self.state, State::Over) {
            State::UnderWay(id) => match take(id) {
                Some(mut entry) => {
                    entry.open.wait().map_err(|failure| point_to_point::too_long(failure, None))?;
                    Done::Open(entry.open)
                }
                None => return Err(over()),
            },
            State::Later(comm, channel, from) => Done::Found(point_to_point::find(comm, channel, from)?),
            State::Here(found) => Done::Found(found),
            State::Over => return Err(over()),
        };
        match self.finish.take() {
            Some(finish) => finish(done),
            None => Err(over()),
        }
    }

    /// Whether it is complete, so that waiting takes no time.
    pub(crate) fn test(&mut self) -> Outcome<bool> {
        match &self.state {
            State::UnderWay(id) => UNDER_WAY.with_borrow_mut(|all| match all.get_mut(id) {
                Some(entry) => entry.open.test().map_err(|failure| point_to_point::too_long(failure, None)),
                None => Ok(true),
            }),
            State::Later(comm, channel, from) => match point_to_point::find_now(comm, *channel, *from)? {
                Some(found) => {
                    self.state = State::Here(found);
                    Ok(true)
                }
                None => Ok(false),
            },
            State::Here(_) | State::Over => Ok(true),
        }
    }
}

fn over() -> Failure {
    Failure::Argument("the scope in which this was started has ended".into())
}

impl<R> Drop for Pending<'_, R> {
    fn drop(&mut self) {
        let State::UnderWay(id) = self.state else { return };
        let Some(mut entry) = take(id) else { return };
        if super::process::alive().is_err() {
            // MPI has ended with the transfer under way. Whatever it might still do to the buffers, nobody else uses them.
            std::mem::forget((entry, self.finish.take()));
        } else if self.receives {
            // An error cannot be reported from here; after one, the drop of the request waits.
            let _ = entry.open.cancel();
        } else if self.lasting && !entry.open.test().unwrap_or(true) {
            // It goes on. To wait here might be for ever: the others may not come any more, after an error on this rank.
            if let Some(finish) = self.finish.take() {
                let kept: Box<dyn Kept + '_> = Box::new(finish);
                // SAFETY: only the lifetime changes. It is never called again, only dropped: and what it holds are buffers that
                // are owned or borrowed for ever, which is what `lasting` says, and shared references, whose drop does nothing.
                entry.dropped =
                    Some(unsafe { std::mem::transmute::<Box<dyn Kept + '_>, Box<dyn Kept>>(kept) });
                UNDER_WAY.with_borrow_mut(|all| all.insert(id, entry));
                DROPPED.with_borrow_mut(|dropped| dropped.push(id));
            }
        }
        // Else the drop of the entry waits; the buffers go after it.
    }
}

/// Looks after some of the transfers that were dropped, so that their buffers do not pile up.
fn look_after_dropped() {
    const AT_MOST: usize = 4;
    DROPPED.with_borrow_mut(|dropped| {
        for _ in 0..dropped.len().min(AT_MOST) {
            let id = dropped.remove(0);
            let done = UNDER_WAY.with_borrow_mut(|all| {
                all.get_mut(&id).is_none_or(|entry| entry.open.test().unwrap_or(true))
            });
            if done { drop(take(id)) } else { dropped.push(id) }
        }
    });
}

/// Completes the transfers that were dropped before; gives one that was not complete in time, if there is one.
pub(crate) fn complete_dropped(within: Duration) -> Outcome<Option<Started>> {
    let until = Instant::now() + within;
    for id in DROPPED.take() {
        while !UNDER_WAY
            .with_borrow_mut(|all| all.get_mut(&id).map_or(Ok(true), |entry| entry.open.test()))?
        {
            if Instant::now() > until {
                return Ok(UNDER_WAY.with_borrow(|all| all.get(&id).map(|entry| entry.started)));
            }
        }
        if let Some(mut entry) = take(id) {
            entry.open.wait()?;
        }
    }
    Ok(None)
}

/// Sends `data` to this rank itself, which cannot receive while it waits: a copy of it goes, and is kept until it is received.
pub(crate) fn send_to_itself<T: Element<K>, K>(
    started: Started,
    comm: &Communicator,
    tag: i32,
    data: &[T],
) -> Outcome {
    // What is dropped goes on.
    send(&Guard::for_ever(), started, comm, (comm.rank, tag), data.to_vec()).map(drop)
}

/// Starts to send `data`, which comes back.
pub(crate) fn send<'a, 'env: 'a, B: Buffer<Item: Element<K>> + 'env, K>(
    guard: &Guard<'env>,
    started: Started,
    comm: &'a Communicator,
    to: (usize, i32),
    data: B,
) -> Outcome<Pending<'a, B>> {
    send_over(Channel::Program, guard, started, comm, to, data)
}

/// As [`send`], over that channel.
pub(crate) fn send_over<'a, 'env: 'a, B: Buffer<Item: Element<K>> + 'env, K>(
    channel: Channel,
    guard: &Guard<'env>,
    started: Started,
    comm: &'a Communicator,
    (to, tag): (usize, i32),
    data: B,
) -> Outcome<Pending<'a, B>> {
    let mut data = Held::new(data);
    // SAFETY: the buffer stays with the request, and outlives it: it is owned, or borrowed for the guard's `'env`.
    let open = unsafe { requests::send(comm, channel, (to, tag), Sent::new(data.get().elements())?)? };
    let half = (channel == Channel::Program).then(|| (comm.id.get(), Half::To(to, tag)));
    Ok(Pending::start(guard, started, half, open, move |_| Ok(data.into_inner())))
}

/// Starts to receive into `room`, which comes back.
pub(crate) fn receive_into<'a, 'env: 'a, B: BufferMut<Item: Element<K>> + 'env, K: 'a>(
    guard: &Guard<'env>,
    started: Started,
    comm: &'a Communicator,
    from: From,
    room: B,
) -> Outcome<Pending<'a, (B, Arrived)>> {
    receive_over(Channel::Program, guard, started, comm, from, room)
}

/// As [`receive_into`], over that channel.
pub(crate) fn receive_over<'a, 'env: 'a, B: BufferMut<Item: Element<K>> + 'env, K: 'a>(
    channel: Channel,
    guard: &Guard<'env>,
    started: Started,
    comm: &'a Communicator,
    from: From,
    room: B,
) -> Outcome<Pending<'a, (B, Arrived)>> {
    let mut room = Held::new(room);
    // SAFETY: as in `send`.
    let open =
        unsafe { requests::receive(comm, channel, from, &mut Received::new(room.get().elements_mut())?)? };
    let posted = record::posted();
    let finish = move |done| {
        let arrived = {
            let mut into = Received::new(room.get().elements_mut())?;
            match done {
                Done::Found(found) => found.receive_into(into)?,
                Done::Open(open) => {
                    // Also after an error the room is the caller's again: all in it has to be valid.
                    let (arrived, valid) = (open.arrived(&into), into.check());
                    let arrived = arrived?;
                    valid?;
                    record::got(comm, channel, (arrived.rank(), arrived.tag), posted);
                    arrived
                }
            }
        };
        Ok((room.into_inner(), arrived))
    };
    Ok(match open {
        Some(open) => {
            let half = (channel == Channel::Program).then(|| (comm.id.get(), Half::From(from)));
            let mut pending = Pending::start(guard, started, half, open, finish);
            pending.receives = true;
            pending
        }
        None => Pending {
            state: State::Later(comm, channel, from),
            finish: Some(Box::new(finish)),
            receives: true,
            lasting: false,
        },
    })
}

/// Receives a message of any length, once it is there.
pub(crate) fn receive<'a, T: Element<K>, K>(comm: &'a Communicator, from: From) -> Pending<'a, Vec<T>> {
    let finish = |done| match done {
        Done::Found(found) => found.receive(),
        Done::Open(_) => Err(over()),
    };
    Pending {
        state: State::Later(comm, Channel::Program, from),
        finish: Some(Box::new(finish)),
        receives: true,
        lasting: false,
    }
}

macro_rules! in_place {
    ($(#[$doc:meta])* $name:ident($($argument:ident: $of:ty),*) $(gives $some:ident)?) => {
        $(#[$doc])*
        pub(crate) fn $name<'a, 'env: 'a, B: BufferMut<Item: Element<K>> + 'env, K>(
            guard: &Guard<'env>,
            started: Started,
            comm: &'a Communicator,
            $($argument: $of,)*
            buffer: B,
        ) -> Outcome<Pending<'a, B>> {
            let mut buffer = Held::new(buffer);
            let mut into = Received::new(buffer.get().elements_mut())?;
            // SAFETY: as in `send`.
            let open = unsafe { requests::$name(comm, $($argument,)* &mut into)? };
            Ok(Pending::start(guard, started, None, open, move |_| {
                Received::new(buffer.get().elements_mut())?.check()?;
                Ok(buffer.into_inner())
            }))
        }
    };
}

in_place! {
    /// Starts to fill `buffer` with the root's.
    broadcast(root: usize)
}
in_place! {
    /// Starts to combine `buffer` with those of all ranks, in place.
    all_reduce(operation: Operation)
}
in_place! {
    /// Starts to combine `buffer` with those of all ranks, in place on the root.
    reduce(root: usize, operation: Operation)
}

/// Starts to deal out the root's `data`; gives this rank's block.
pub(crate) fn scatter<'a, 'env: 'a, B: Buffer<Item: Element<K>> + 'env, K>(
    guard: &Guard<'env>,
    started: Started,
    comm: &'a Communicator,
    blocks: &Partition,
    root: usize,
    data: Option<B>,
) -> Outcome<Pending<'a, Vec<B::Item>>> {
    requests::check_blocks(comm, blocks)?;
    let mut data = Held::new(data);
    let mut mine = Held::new(room::<B::Item>(blocks.count(comm.rank))?);
    let mut into = Received::over_room(mine.get())?;
    let numbers = Blocks::new(blocks, &into)?;
    let sent = data.get().as_ref().map(|data| Sent::new(data.elements())).transpose()?;
    // SAFETY: as in `send`, for both buffers and for the numbers.
    let open = unsafe { requests::scatter(comm, root, blocks, &numbers, sent, &mut into)? };
    Ok(Pending::start(guard, started, None, open, move |_| {
        drop((data.into_inner(), numbers));
        finished(mine)
    }))
}

/// Starts to put together every rank's `mine`: on the root, or on all ranks when there is none.
pub(crate) fn gather<'a, 'env: 'a, B: Buffer<Item: Element<K>> + 'env, K>(
    guard: &Guard<'env>,
    started: Started,
    comm: &'a Communicator,
    blocks: &Partition,
    root: Option<usize>,
    mine: B,
) -> Outcome<Pending<'a, Option<Vec<B::Item>>>> {
    let here = root.is_none_or(|root| root == comm.rank);
    let mut mine = Held::new(mine);
    let mut all = Held::new(room::<B::Item>(if here { blocks.len() } else { 0 })?);
    let mut into = Received::over_room(all.get())?;
    let numbers = Blocks::new(blocks, &into)?;
    // SAFETY: as in `send`, for both buffers and for the numbers.
    let open = unsafe {
        requests::gather(comm, root, blocks, &numbers, Sent::new(mine.get().elements())?, &mut into)?
    };
    Ok(Pending::start(guard, started, None, open, move |_| {
        drop((mine.into_inner(), numbers));
        here.then(|| finished(all)).transpose()
    }))
}

/// The elements of a room that MPI has filled.
fn finished<T: Element<K>, K>(mut room: Held<Vec<MaybeUninit<T>>>) -> Outcome<Vec<T>> {
    Received::over_room(room.get())?.check()?;
    // SAFETY: zeroed when made, written by MPI as elements of `T`, and checked.
    Ok(unsafe { assume_filled(room.into_inner()) })
}
