//! Operations that go on while the program does something else.

use std::time::Duration;

use super::{Buffer, BufferMut, Call, Comm, Destination, Element, Reduction, Source, Status};
use crate::check::Here;
use crate::error::Result;
use crate::partition::Partition;
use crate::sys::pending::{self, Guard, Pending};
use crate::sys::waiting::Wait;

/// Something that comes later: [`wait`](Request::wait) gives it.
///
/// The buffers of the operation are inside, so nobody can touch them before it is complete, and `wait` gives them back:
///
/// ```compile_fail,E0382
/// rankwise::run(|world| {
///     let data = vec![1.5; 1000];
///     let sending = world.isend(0, data)?;
///     println!("{}", data[0]); // MPI may be reading it: borrow of moved value
///     sending.wait()?;
///     Ok(())
/// });
/// ```
///
/// A slice that is only borrowed may not live long enough. [`Comm::scope`] is for those:
///
/// ```compile_fail,E0597
/// rankwise::run(|world| {
///     let data = vec![1.5; 1000];
///     let sending = world.isend(0, &data[..])?; // borrowed value does not live long enough
///     sending.wait()?;
///     Ok(())
/// });
/// ```
///
/// One that is dropped goes on with its buffers until it is complete, at the latest when all ranks have ended; if it receives, it
/// is cancelled. One that is forgotten (`mem::forget`) keeps its buffers
/// for ever, and [`run`](crate::run) reports it.
#[must_use = "wait for it, to know that it is complete"]
pub struct Request<'a, R> {
    comm: &'a Comm,
    call: Call,
    /// Its number among the collective calls, if it is one.
    number: u64,
    pending: Pending<'a, R>,
}

impl<R> std::fmt::Debug for Request<'_, R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Request({:?})", self.call)
    }
}

impl<R> Request<'_, R> {
    /// Returns when the operation is complete, with what it gives.
    ///
    /// # Errors
    /// Those of the operation, as it would have them without waiting.
    pub fn wait(self) -> Result<R> {
        let _here = self.comm.group.wait(self.call, self.number);
        self.comm.quietly(self.call, |_| self.pending.wait())
    }

    /// Whether the operation is complete, so that [`wait`](Request::wait) takes no time. Also lets MPI go on with it.
    ///
    /// # Errors
    /// When MPI refuses.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// # use rankwise::prelude::*;
    /// let mut total = world.iall_reduce(vec![1], Sum)?;
    /// let mut steps = 0;
    /// while !total.test()? {
    ///     steps += 1; // some work that can be cut into steps
    /// }
    /// assert_eq!(total.wait()?, [world.size()]);
    /// # Ok(()) }) }
    /// ```
    pub fn test(&mut self) -> Result<bool> {
        let Request { comm, call, pending, .. } = self;
        comm.quietly(*call, |_| pending.test())
    }
}

/// Waits for all; what they give, in their order.
///
/// # Errors
/// The first one's; all are waited for.
///
/// ```
/// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
/// use rankwise::comm::wait_all;
///
/// let receives = (0..3).map(|tag| world.irecv::<i32, _>((world.rank(), tag))).collect::<rankwise::Result<Vec<_>>>()?;
/// let sends = (0..3).map(|tag| world.isend((world.rank(), tag), vec![tag])).collect::<rankwise::Result<Vec<_>>>()?;
/// assert_eq!(wait_all(receives)?, [[0], [1], [2]]);
/// wait_all(sends)?;
/// # Ok(()) }) }
/// ```
pub fn wait_all<'a, R>(requests: impl IntoIterator<Item = Request<'a, R>>) -> Result<Vec<R>> {
    let outcomes: Vec<Result<R>> = requests.into_iter().map(Request::wait).collect();
    outcomes.into_iter().collect()
}

/// Waits until one is complete, and takes it out: its place, and what it gives. `None` when there are none.
///
/// The others keep their order. Use it in a loop: `while let Some((place, value)) = wait_any(&mut requests)?`.
///
/// # Errors
/// That of the one that was taken out.
///
/// ```
/// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
/// use rankwise::comm::wait_any;
///
/// let mut receives = vec![world.irecv::<u8, _>((world.rank(), 1))?, world.irecv((world.rank(), 2))?];
/// let sent = world.isend((world.rank(), 2), vec![7u8])?;
/// assert_eq!(wait_any(&mut receives)?, Some((1, vec![7])));
/// # sent.wait()?;
/// # Ok(()) }) }
/// ```
#[track_caller]
pub fn wait_any<R>(requests: &mut Vec<Request<'_, R>>) -> Result<Option<(usize, R)>> {
    let (call, mut here, mut wait) = (Call::any("wait_any"), None, Wait::new());
    while !requests.is_empty() {
        for place in 0..requests.len() {
            if requests[place].test()? {
                return Ok(Some((place, requests.remove(place).wait()?)));
            }
        }
        here.get_or_insert_with(|| waiting_for_any(call, requests));
        wait.let_others();
    }
    Ok(None)
}

/// Notes that this rank waits for any of them; not if there is more to wait for than messages of one communicator.
fn waiting_for_any<R>(call: Call, requests: &[Request<'_, R>]) -> Option<Here> {
    let comm = requests.first()?.comm;
    let halves =
        requests.iter().map(|request| request.call.half().filter(|_| std::ptr::eq(request.comm, comm)));
    Some(comm.group.wait_any(call, halves.collect::<Option<_>>()?))
}

/// Waits until one at least is complete, and takes out all that are: their places, as they were, and what they give. Empty
/// when there are none.
///
/// # Errors
/// The first one's of those that were taken out.
///
/// ```
/// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
/// use rankwise::comm::wait_some;
///
/// let mut sends = vec![world.isend(world.rank(), vec![1])?, world.isend(world.rank(), vec![2])?];
/// let came: [Vec<i32>; 2] = [world.recv(world.rank())?, world.recv(world.rank())?];
/// let mut back = Vec::new();
/// while !sends.is_empty() {
///     back.extend(wait_some(&mut sends)?.into_iter().map(|(_, data)| data));
/// }
/// assert_eq!(back.concat(), came.concat());
/// # Ok(()) }) }
/// ```
#[track_caller]
pub fn wait_some<R>(requests: &mut Vec<Request<'_, R>>) -> Result<Vec<(usize, R)>> {
    let (call, mut here, mut wait) = (Call::any("wait_some"), None, Wait::new());
    loop {
        let mut complete = Vec::new();
        for (place, request) in requests.iter_mut().enumerate() {
            if request.test()? {
                complete.push(place);
            }
        }
        if !complete.is_empty() || requests.is_empty() {
            let mut outcomes = Vec::with_capacity(complete.len());
            for &place in complete.iter().rev() {
                outcomes.push((place, requests.remove(place).wait()));
            }
            return outcomes.into_iter().rev().map(|(place, outcome)| Ok((place, outcome?))).collect();
        }
        here.get_or_insert_with(|| waiting_for_any(call, requests));
        wait.let_others();
    }
}

/// Completes what was dropped without being waited for, and frees what all ranks shared. Collective over all ranks, when none
/// of them receives any more: then what is received at all, is soon.
pub(crate) fn complete_dropped() -> Result<()> {
    const SOON: Duration = Duration::from_secs(1);
    let late = pending::complete_dropped(SOON);
    crate::sys::windows::free_dropped();
    let Some((operation, at)) = late.map_err(|failure| Call::new("run").error(failure))? else {
        return Ok(());
    };
    let problem = "its message was never received".into();
    Err(crate::error::Error::Argument { operation, at, problem })
}

/// An error when something was started and neither waited for nor dropped, or memory of MPI's would outlive it.
pub(crate) fn nothing_forgotten() -> Result<()> {
    let under_way = pending::under_way();
    if let Some((operation, at)) = crate::sys::windows::held() {
        let problem = "what it has made was kept or forgotten: it must be dropped in the body".into();
        return Err(crate::error::Error::Argument { operation, at, problem });
    }
    let Some(&(operation, at)) = under_way.first() else { return Ok(()) };
    let others = match under_way.len() {
        1 => String::new(),
        n => format!(", and {} more", n - 1),
    };
    let problem = format!("it was started and never waited for: its request was forgotten{others}");
    Err(crate::error::Error::Argument { operation, at, problem })
}

/// Where operations are started on buffers that are borrowed: see [`Comm::scope`].
pub struct Scope<'scope, 'env: 'scope> {
    comm: &'scope Comm,
    guard: &'scope Guard<'env>,
}

impl std::fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scope")
    }
}

impl Comm {
    /// Runs `body`, in which operations may be started on slices that are borrowed from outside of it. When the scope ends,
    /// all of them are complete: what was not waited for is, also what was forgotten.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let (right, left) = ((world.rank() + 1) % world.size(), (world.rank() + world.size() - 1) % world.size());
    /// let (edge, mut ghost) = ([world.rank(); 3], [0; 3]);
    /// world.scope(|scope| -> rankwise::Result<()> {
    ///     let coming = scope.irecv_into(left, &mut ghost[..])?;
    ///     let going = scope.isend(right, &edge[..])?;
    ///     // … what does not need the ghost cells is computed here …
    ///     coming.wait()?;
    ///     going.wait()?;
    ///     Ok(())
    /// })?;
    /// assert_eq!(ghost, [left; 3]);
    /// # Ok(()) }) }
    /// ```
    ///
    /// Until then the slices are borrowed:
    ///
    /// ```compile_fail,E0502
    /// rankwise::run(|world| {
    ///     let mut ghost = [0; 3];
    ///     world.scope(|scope| -> rankwise::Result<()> {
    ///         let coming = scope.irecv_into(0, &mut ghost[..])?;
    ///         println!("{}", ghost[0]); // MPI may be writing it: already borrowed
    ///         coming.wait()?;
    ///         Ok(())
    ///     })?;
    ///     Ok(())
    /// });
    /// ```
    ///
    /// and nothing of the body's own can be lent, because it goes before the scope ends:
    ///
    /// ```compile_fail,E0373
    /// rankwise::run(|world| {
    ///     world.scope(|scope| {
    ///         let data = vec![1.5; 1000];
    ///         std::mem::forget(scope.isend(0, &data[..]));
    ///     });
    ///     Ok(())
    /// });
    /// ```
    pub fn scope<'env, R>(&'env self, body: impl for<'scope> FnOnce(Scope<'scope, 'env>) -> R) -> R {
        pending::scope(|guard| body(Scope { comm: self, guard }))
    }
}

/// Non-blocking operations. Buffers are given away, and come back from [`Request::wait`]; [`Comm::scope`] is for those that
/// are only borrowed. All return at once, and go on when MPI is called: in `wait`, `test`, or any other call.
impl Comm {
    /// Starts to send `data`, which [`Request::wait`] gives back. See [`send`](Comm::send).
    ///
    /// # Errors
    /// When there is no such rank, or the tag is not in 0 to 32767.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let sending = world.isend(world.rank(), vec![1.5; 3])?;
    /// let came: Vec<f64> = world.recv(world.rank())?;
    /// assert_eq!(sending.wait()?, came);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn isend<B: Buffer<Item: Element<K>> + 'static, K>(
        &self,
        to: impl Into<Destination>,
        data: B,
    ) -> Result<Request<'_, B>> {
        let to = to.into();
        self.start(Call::new("isend").to(to.rank, to.tag), |call, comm| {
            pending::send(&Guard::for_ever(), call.started(), comm, (to.rank, to.tag), data)
        })
    }

    /// Starts to receive into `room`, which may be longer than the message; [`Request::wait`] gives it back, with what is
    /// known of the message. See [`recv_into`](Comm::recv_into). Into a room of 1 GiB and more it is received while
    /// waiting, so a blocking send to a rank that does the same must not come in between.
    ///
    /// # Errors
    /// When there is no such rank. When waiting: as `recv_into`.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let coming = world.irecv_into(world.rank(), vec![0; 8])?;
    /// world.send(world.rank(), &[1, 2, 3])?;
    /// let (room, status) = coming.wait()?;
    /// assert_eq!(room[..status.len], [1, 2, 3]);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn irecv_into<B: BufferMut<Item: Element<K>> + 'static, K: 'static>(
        &self,
        from: impl Into<Source>,
        room: B,
    ) -> Result<Request<'_, (B, Status)>> {
        let from = from.into().0;
        self.start(Call::new("irecv_into").from(from), |call, comm| {
            let pending = pending::receive_into(&Guard::for_ever(), call.started(), comm, from, room)?;
            Ok(pending.map(|(room, arrived)| (room, Status::from(arrived))))
        })
    }

    /// Starts to fill `buffer` with the root's; [`Request::wait`] gives it back. See [`broadcast_into`](Comm::broadcast_into).
    ///
    /// # Collective
    /// All ranks must call this, with the same `root` and buffers of the same length.
    ///
    /// # Errors
    /// When `root` is no rank.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let coming = world.ibroadcast(0, vec![world.rank() + 7; 2])?;
    /// assert_eq!(coming.wait()?, [7, 7]);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn ibroadcast<B: BufferMut<Item: Element<K>> + 'static, K>(
        &self,
        root: usize,
        buffer: B,
    ) -> Result<Request<'_, B>> {
        self.start(Call::collective("ibroadcast").of::<B::Item>().root(root), |call, comm| {
            pending::broadcast(&Guard::for_ever(), call.started(), comm, root, buffer)
        })
    }

    /// Starts to deal out the root's `data`, by a partition that all ranks know; [`Request::wait`] gives this rank's block.
    /// See [`scatter_by`](Comm::scatter_by).
    ///
    /// # Collective
    /// All ranks must call this, with the same `root` and the same partition.
    ///
    /// # Errors
    /// As `scatter_by`.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// # use rankwise::Partition;
    /// let blocks = Partition::even(10, world.size());
    /// let data = world.is_root().then(|| (0..10).collect::<Vec<usize>>());
    /// let mine = world.iscatter(&blocks, 0, data)?.wait()?;
    /// assert!(mine.into_iter().eq(blocks.range(world.rank())));
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn iscatter<B: Buffer<Item: Element<K>> + 'static, K>(
        &self,
        blocks: &Partition,
        root: usize,
        data: Option<B>,
    ) -> Result<Request<'_, Vec<B::Item>>> {
        self.note_blocks(blocks);
        self.start(Call::collective("iscatter").of::<B::Item>().root(root).len(blocks.len()), |call, comm| {
            pending::scatter(&Guard::for_ever(), call.started(), comm, blocks, root, data)
        })
    }

    /// Starts to put together every rank's `mine`, by a partition that all ranks know; on the root [`Request::wait`] gives
    /// the whole. See [`gather_by`](Comm::gather_by).
    ///
    /// # Collective
    /// All ranks must call this, with the same `root` and the same partition.
    ///
    /// # Errors
    /// As `gather_by`.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// # use rankwise::Partition;
    /// let blocks = Partition::even(10, world.size());
    /// let mine: Vec<usize> = blocks.range(world.rank()).collect();
    /// let all = world.igather(&blocks, 0, mine)?.wait()?;
    /// assert_eq!(all, world.is_root().then(|| (0..10).collect()));
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn igather<B: Buffer<Item: Element<K>> + 'static, K>(
        &self,
        blocks: &Partition,
        root: usize,
        mine: B,
    ) -> Result<Request<'_, Option<Vec<B::Item>>>> {
        self.note_blocks(blocks);
        self.start(Call::collective("igather").of::<B::Item>().root(root).len(blocks.len()), |call, comm| {
            pending::gather(&Guard::for_ever(), call.started(), comm, blocks, Some(root), mine)
        })
    }

    /// Starts to put together every rank's `mine` on all ranks, by a partition that all ranks know; [`Request::wait`] gives
    /// the whole. See [`all_gather_by`](Comm::all_gather_by).
    ///
    /// # Collective
    /// All ranks must call this, with the same partition.
    ///
    /// # Errors
    /// As `all_gather_by`.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// # use rankwise::Partition;
    /// let blocks = Partition::even(world.size(), world.size());
    /// assert!(world.iall_gather(&blocks, vec![world.rank()])?.wait()?.into_iter().eq(0..world.size()));
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn iall_gather<B: Buffer<Item: Element<K>> + 'static, K>(
        &self,
        blocks: &Partition,
        mine: B,
    ) -> Result<Request<'_, Vec<B::Item>>> {
        self.note_blocks(blocks);
        self.start(Call::collective("iall_gather").of::<B::Item>().len(blocks.len()), |call, comm| {
            let pending = pending::gather(&Guard::for_ever(), call.started(), comm, blocks, None, mine)?;
            Ok(pending.map(Option::unwrap_or_default))
        })
    }

    /// Starts to combine the buffers of all ranks place by place; on the root [`Request::wait`] gives the result, in its own
    /// buffer. See [`reduce_in_place`](Comm::reduce_in_place).
    ///
    /// # Collective
    /// All ranks must call this, with the same `root` and buffers of the same length.
    ///
    /// # Errors
    /// When `root` is no rank.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// # use rankwise::prelude::*;
    /// let counting = world.ireduce(0, vec![1], Sum)?;
    /// assert_eq!(counting.wait()?, world.is_root().then(|| vec![world.size()]));
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn ireduce<B: BufferMut<Item: Element<K>> + 'static, K, R: Reduction<B::Item>>(
        &self,
        root: usize,
        buffer: B,
        with: R,
    ) -> Result<Request<'_, Option<B>>> {
        self.start(Call::collective("ireduce").of::<B::Item>().with::<R>().root(root), |call, comm| {
            let operation = with.operation().get()?;
            let pending = pending::reduce(&Guard::for_ever(), call.started(), comm, root, operation, buffer)?;
            Ok(pending.map(move |buffer| (comm.rank == root).then_some(buffer)))
        })
    }

    /// Starts to combine the buffers of all ranks place by place, in place; [`Request::wait`] gives the buffer back. See
    /// [`all_reduce_in_place`](Comm::all_reduce_in_place).
    ///
    /// # Collective
    /// All ranks must call this, with buffers of the same length.
    ///
    /// # Errors
    /// When MPI refuses.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// # use rankwise::prelude::*;
    /// let counting = world.iall_reduce(vec![1, 10], Sum)?;
    /// // … compute something else …
    /// assert_eq!(counting.wait()?, [world.size(), 10 * world.size()]);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn iall_reduce<B: BufferMut<Item: Element<K>> + 'static, K, R: Reduction<B::Item>>(
        &self,
        buffer: B,
        with: R,
    ) -> Result<Request<'_, B>> {
        self.start(Call::collective("iall_reduce").of::<B::Item>().with::<R>(), |call, comm| {
            pending::all_reduce(&Guard::for_ever(), call.started(), comm, with.operation().get()?, buffer)
        })
    }

    /// Starts to receive a message of any length; [`Request::wait`] gives it. See [`recv`](Comm::recv). It is received while
    /// waiting, so it does not keep a place: another receive that comes before the wait may take the message first. Give it a tag
    /// of its own. To have a message come meanwhile, its length must be known, and [`irecv_into`](Comm::irecv_into) takes it.
    ///
    /// # Errors
    /// When waiting: as `recv`.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let coming = world.irecv::<i32, _>(world.rank())?;
    /// world.send(world.rank(), &[1, 2, 3])?;
    /// assert_eq!(coming.wait()?, [1, 2, 3]);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn irecv<T: Element<K>, K: 'static>(&self, from: impl Into<Source>) -> Result<Request<'_, Vec<T>>> {
        let from = from.into().0;
        self.start(Call::new("irecv").from(from), |_, comm| Ok(pending::receive(comm, from)))
    }

    /// Starts to send a value of any `serde` type. See [`send_value`](Comm::send_value).
    ///
    /// # Errors
    /// As `send_value`.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let sending = world.isend_value(world.rank(), "hello")?;
    /// assert_eq!(world.irecv_value::<String>(world.rank())?.wait()?, "hello");
    /// sending.wait()?;
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn isend_value<V: serde::Serialize + ?Sized>(
        &self,
        to: impl Into<Destination>,
        value: &V,
    ) -> Result<Request<'_, ()>> {
        let to = to.into();
        self.start(Call::new("isend_value").to(to.rank, to.tag), |call, comm| {
            let bytes = super::value::encode(value)?;
            let pending = pending::send(&Guard::for_ever(), call.started(), comm, (to.rank, to.tag), bytes)?;
            Ok(pending.map(drop))
        })
    }

    /// Starts to receive a value that was sent by [`send_value`](Comm::send_value). It is received while waiting.
    ///
    /// # Errors
    /// When waiting: as [`recv_value`](Comm::recv_value).
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let coming = world.irecv_value::<(String, f64)>(world.rank())?;
    /// world.send_value(world.rank(), &("bandwidth", 1.5))?;
    /// assert_eq!(coming.wait()?, ("bandwidth".into(), 1.5));
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn irecv_value<V: serde::de::DeserializeOwned + 'static>(
        &self,
        from: impl Into<Source>,
    ) -> Result<Request<'_, V>> {
        let from = from.into().0;
        self.start(Call::new("irecv_value").from(from), |_, comm| {
            Ok(pending::receive::<u8, _>(comm, from).and_then(|bytes| super::value::decode(&bytes)))
        })
    }

    fn start<'a, R>(
        &'a self,
        call: Call,
        start: impl FnOnce(Call, &'a crate::sys::Communicator) -> crate::sys::Outcome<Pending<'a, R>>,
    ) -> Result<Request<'a, R>> {
        let (number, _here) = self.group.start(call);
        let pending = self.quietly(call, |_| start(call, &self.ours))?;
        Ok(Request { comm: self, call, number, pending })
    }
}

/// The non-blocking operations of [`Comm`], also on slices that are borrowed for `'env`.
impl<'scope, 'env: 'scope> Scope<'scope, 'env> {
    /// Starts to send `data`; see [`Comm::isend`].
    ///
    /// # Errors
    /// As there.
    #[track_caller]
    pub fn isend<B: Buffer<Item: Element<K>> + 'env, K>(
        &self,
        to: impl Into<Destination>,
        data: B,
    ) -> Result<Request<'scope, B>> {
        let to = to.into();
        self.comm.start(Call::new("isend").to(to.rank, to.tag), |call, comm| {
            pending::send(self.guard, call.started(), comm, (to.rank, to.tag), data)
        })
    }

    /// Starts to receive into `room`; see [`Comm::irecv_into`].
    ///
    /// # Errors
    /// As there.
    #[track_caller]
    pub fn irecv_into<B: BufferMut<Item: Element<K>> + 'env, K: 'static>(
        &self,
        from: impl Into<Source>,
        room: B,
    ) -> Result<Request<'scope, (B, Status)>> {
        let from = from.into().0;
        self.comm.start(Call::new("irecv_into").from(from), |call, comm| {
            let pending = pending::receive_into(self.guard, call.started(), comm, from, room)?;
            Ok(pending.map(|(room, arrived)| (room, Status::from(arrived))))
        })
    }

    /// Starts to fill `buffer` with the root's; see [`Comm::ibroadcast`].
    ///
    /// # Errors
    /// As there.
    #[track_caller]
    pub fn ibroadcast<B: BufferMut<Item: Element<K>> + 'env, K>(
        &self,
        root: usize,
        buffer: B,
    ) -> Result<Request<'scope, B>> {
        self.comm.start(Call::collective("ibroadcast").of::<B::Item>().root(root), |call, comm| {
            pending::broadcast(self.guard, call.started(), comm, root, buffer)
        })
    }

    /// Starts to deal out the root's `data`; see [`Comm::iscatter`].
    ///
    /// # Errors
    /// As there.
    #[track_caller]
    pub fn iscatter<B: Buffer<Item: Element<K>> + 'env, K>(
        &self,
        blocks: &Partition,
        root: usize,
        data: Option<B>,
    ) -> Result<Request<'scope, Vec<B::Item>>> {
        self.comm.note_blocks(blocks);
        self.comm
            .start(Call::collective("iscatter").of::<B::Item>().root(root).len(blocks.len()), |call, comm| {
                pending::scatter(self.guard, call.started(), comm, blocks, root, data)
            })
    }

    /// Starts to put together every rank's `mine`; see [`Comm::igather`].
    ///
    /// # Errors
    /// As there.
    #[track_caller]
    pub fn igather<B: Buffer<Item: Element<K>> + 'env, K>(
        &self,
        blocks: &Partition,
        root: usize,
        mine: B,
    ) -> Result<Request<'scope, Option<Vec<B::Item>>>> {
        self.comm.note_blocks(blocks);
        self.comm
            .start(Call::collective("igather").of::<B::Item>().root(root).len(blocks.len()), |call, comm| {
                pending::gather(self.guard, call.started(), comm, blocks, Some(root), mine)
            })
    }

    /// Starts to put together every rank's `mine` on all ranks; see [`Comm::iall_gather`].
    ///
    /// # Errors
    /// As there.
    #[track_caller]
    pub fn iall_gather<B: Buffer<Item: Element<K>> + 'env, K>(
        &self,
        blocks: &Partition,
        mine: B,
    ) -> Result<Request<'scope, Vec<B::Item>>> {
        self.comm.note_blocks(blocks);
        self.comm.start(Call::collective("iall_gather").of::<B::Item>().len(blocks.len()), |call, comm| {
            let pending = pending::gather(self.guard, call.started(), comm, blocks, None, mine)?;
            Ok(pending.map(Option::unwrap_or_default))
        })
    }

    /// Starts to combine the buffers of all ranks on the root; see [`Comm::ireduce`].
    ///
    /// # Errors
    /// As there.
    #[track_caller]
    pub fn ireduce<B: BufferMut<Item: Element<K>> + 'env, K, R: Reduction<B::Item>>(
        &self,
        root: usize,
        buffer: B,
        with: R,
    ) -> Result<Request<'scope, Option<B>>> {
        self.comm.start(Call::collective("ireduce").of::<B::Item>().with::<R>().root(root), |call, comm| {
            let operation = with.operation().get()?;
            let pending = pending::reduce(self.guard, call.started(), comm, root, operation, buffer)?;
            Ok(pending.map(move |buffer| (comm.rank == root).then_some(buffer)))
        })
    }

    /// Starts to combine the buffers of all ranks; see [`Comm::iall_reduce`].
    ///
    /// # Errors
    /// As there.
    #[track_caller]
    pub fn iall_reduce<B: BufferMut<Item: Element<K>> + 'env, K, R: Reduction<B::Item>>(
        &self,
        buffer: B,
        with: R,
    ) -> Result<Request<'scope, B>> {
        self.comm.start(Call::collective("iall_reduce").of::<B::Item>().with::<R>(), |call, comm| {
            pending::all_reduce(self.guard, call.started(), comm, with.operation().get()?, buffer)
        })
    }
}
