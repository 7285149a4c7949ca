//! [`Comm`]: the ranks of a program and what they do together, one file per operation.
//!
//! # All operations
//!
//! | | returns | into the caller's buffer | counts known | any `serde` value, or a closure | non-blocking |
//! |---|---|---|---|---|---|
//! | broadcast | [`broadcast`](Comm::broadcast) | [`broadcast_into`](Comm::broadcast_into) | [`broadcast_known`](Comm::broadcast_known) | [`broadcast_value`](Comm::broadcast_value) | [`ibroadcast`](Comm::ibroadcast) |
//! | scatter | [`scatter`](Comm::scatter) | [`scatter_into`](Comm::scatter_into) | [`scatter_by`](Comm::scatter_by) | [`scatter_values`](Comm::scatter_values) | [`iscatter`](Comm::iscatter) |
//! | gather | [`gather`](Comm::gather) | [`gather_into`](Comm::gather_into) | [`gather_by`](Comm::gather_by) | [`gather_values`](Comm::gather_values) | [`igather`](Comm::igather) |
//! | all_gather | [`all_gather`](Comm::all_gather), [`all_gather_one`](Comm::all_gather_one) | [`all_gather_into`](Comm::all_gather_into) | [`all_gather_by`](Comm::all_gather_by) | [`all_gather_values`](Comm::all_gather_values) | [`iall_gather`](Comm::iall_gather) |
//! | all_to_all | [`all_to_all`](Comm::all_to_all) | [`all_to_all_into`](Comm::all_to_all_into), [`all_to_all_equal_into`](Comm::all_to_all_equal_into) | [`all_to_all_by`](Comm::all_to_all_by), [`all_to_all_equal`](Comm::all_to_all_equal) | [`all_to_all_values`](Comm::all_to_all_values) | – |
//! | sparse all_to_all | [`sparse_all_to_all`](Comm::sparse_all_to_all) | [`sparse_all_to_all_into`](Comm::sparse_all_to_all_into) | [`sparse_all_to_all_by`](Comm::sparse_all_to_all_by) | [`sparse_all_to_all_values`](Comm::sparse_all_to_all_values) | – |
//! | reduce | [`reduce`](Comm::reduce) | [`reduce_into`](Comm::reduce_into), [`reduce_in_place`](Comm::reduce_in_place) | – | [`reduce_with`](Comm::reduce_with), [`reduce_value`](Comm::reduce_value) | [`ireduce`](Comm::ireduce) |
//! | all_reduce | [`all_reduce`](Comm::all_reduce), [`all_reduce_one`](Comm::all_reduce_one) | [`all_reduce_into`](Comm::all_reduce_into), [`all_reduce_in_place`](Comm::all_reduce_in_place) | – | [`all_reduce_with`](Comm::all_reduce_with), [`all_reduce_value`](Comm::all_reduce_value) | [`iall_reduce`](Comm::iall_reduce) |
//! | reduce_scatter | [`reduce_scatter`](Comm::reduce_scatter), [`reduce_scatter_by`](Comm::reduce_scatter_by) | [`reduce_scatter_into`](Comm::reduce_scatter_into), [`reduce_scatter_in_place`](Comm::reduce_scatter_in_place) | – | [`reduce_scatter_with`](Comm::reduce_scatter_with), [`reduce_scatter_values`](Comm::reduce_scatter_values) | – |
//! | scan | [`scan`](Comm::scan) | [`scan_into`](Comm::scan_into), [`scan_in_place`](Comm::scan_in_place) | – | [`scan_with`](Comm::scan_with), [`scan_value`](Comm::scan_value) | – |
//! | exclusive_scan | [`exclusive_scan`](Comm::exclusive_scan) | [`exclusive_scan_into`](Comm::exclusive_scan_into), [`exclusive_scan_in_place`](Comm::exclusive_scan_in_place) | – | [`exclusive_scan_with`](Comm::exclusive_scan_with), [`exclusive_scan_value`](Comm::exclusive_scan_value) | – |
//! | send | [`send`](Comm::send) | [`send`](Comm::send) | – | [`send_value`](Comm::send_value) | [`isend`](Comm::isend), [`isend_value`](Comm::isend_value) |
//! | recv | [`recv`](Comm::recv) | [`recv_into`](Comm::recv_into) | – | [`recv_value`](Comm::recv_value) | [`irecv`](Comm::irecv), [`irecv_into`](Comm::irecv_into), [`irecv_value`](Comm::irecv_value) |
//! | send and recv at once | [`send_recv`](Comm::send_recv) | [`send_recv_into`](Comm::send_recv_into) | – | [`send_recv_value`](Comm::send_recv_value) | [`isend`](Comm::isend), [`irecv_into`](Comm::irecv_into) |
//! | shift along a ring | [`shift`](Comm::shift) | [`shift_into`](Comm::shift_into) | – | [`shift_value`](Comm::shift_value) | [`isend`](Comm::isend), [`irecv_into`](Comm::irecv_into) |
//! | probe | [`probe`](Comm::probe), [`Message::recv`] | [`Message::recv_into`] | – | [`Message::recv_value`] | [`probe_now`](Comm::probe_now) |
//! | wait | [`Request::wait`], [`wait_all`], [`wait_any`], [`wait_some`] | – | – | – | [`Request::test`] |
//!
//! - *Returns* allocates the result. Where the lengths are not known it sends them first, and says so.
//! - *Into the caller's buffer* allocates nothing and sends what C would send.
//! - *Counts known*: by a [`Partition`] that all ranks have, nothing is sent for the lengths.
//! - *Values* are encoded and decoded: another price, so another name. Closures need not be commutative; a panic in one is an
//!   error with its rank.
//! - *Non-blocking* calls keep their buffers, or borrow them in a [`scope`](Comm::scope), until the [`Request`] is complete.
//!
//! Elements are all fixed-size numbers, complex ones, `bool`, arrays and tuples of those, and structs that derive
//! `Equivalence`: see [`Element`]. Operations are [`Sum`], [`Product`], [`Min`], [`Max`], [`MinWithPlace`], [`MaxWithPlace`],
//! [`LogicalAnd`], [`LogicalOr`], [`LogicalXor`], [`BitAnd`], [`BitOr`], [`BitXor`], and any closure. Lengths have no limit:
//! what is longer than MPI's `int` can count goes in pieces.
//!
//! Sums of floats whose bits do not depend on the number of ranks: [`sum`](Comm::sum), [`mean`](Comm::mean),
//! [`var`](Comm::var), [`dot`](Comm::dot). Parts of the ranks: [`split`](Comm::split), [`node`](Comm::node),
//! [`split_by_node`](Comm::split_by_node), [`grid`](Comm::grid). Shared by ranks: [`counter`](Comm::counter),
//! [`node_shared`](Comm::node_shared). Whether to stop: [`should_stop`](Comm::should_stop). What may fail on some ranks: [`agree`](Comm::agree), [`on_root`](Comm::on_root).

use std::sync::Arc;

use mpi::ffi;
use mpi::raw::AsRaw;
use mpi::topology::{Communicator as _, SimpleCommunicator};

pub(crate) use crate::check::Call;
use crate::check::{self, Group};
use crate::error::{Error, Result};
use crate::partition::Partition;
use crate::sys::{self, Failure};
use crate::trace;

mod agree;
mod all_to_all;
mod broadcast;
mod closures;
mod counter;
mod gather;
mod grid;
mod message;
mod node_shared;
mod parts;
mod phase;
mod print;
mod reduce;
mod request;
mod scan;
mod scatter;
mod stop;
mod sums;
mod value;

pub use all_to_all::Messages;
pub(crate) use all_to_all::UnderWay;
pub use counter::Counter;
pub use grid::{Grid, dims_for};
pub use message::{Any, Destination, Message, Source, Status};
pub use node_shared::NodeShared;
pub use parts::Nodes;
pub use phase::Phase;
pub use reduce::{
    BitAnd, BitOr, BitXor, LogicalAnd, LogicalOr, LogicalXor, Max, MaxWithPlace, Min, MinWithPlace, Ordered,
    Product, Reduction, Sum,
};
pub use request::{Request, Scope, wait_all, wait_any, wait_some};
pub(crate) use request::{complete_dropped, nothing_forgotten};
pub use value::bulk;
pub(crate) use value::{decode, encode};

pub use crate::sys::element::{Element, Placed, kind};
pub use crate::sys::pending::{Buffer, BufferMut};

/// A group of ranks that work together: who is there, and every operation among them.
///
/// It owns a private duplicate of the communicator it was made from, so its messages never meet those that are sent with
/// the `mpi` crate through [`as_mpi`](Comm::as_mpi), and its errors come back as [`Error`] instead of ending the program.
///
/// An operation that all ranks must call has the heading *Collective*. It is like a meeting: every rank comes, in the same
/// order, or the others wait.
///
/// Not `Send`: MPI is asked for `MPI_THREAD_FUNNELED`, so only the thread that started it may communicate.
///
/// ```compile_fail,E0277
/// rankwise::run(|world| {
///     std::thread::scope(|s| s.spawn(|| world.barrier()));
///     Ok(())
/// });
/// ```
#[derive(Debug)]
pub struct Comm {
    ours: sys::Communicator,
    users: Users,
    /// For the checks: who makes collective calls together.
    group: Arc<Group>,
    host: String,
    /// `world`, `world/node 0`: shown in messages.
    name: String,
    /// By this number messages name the rank, also in a part of the world.
    world_rank: usize,
}

/// The communicator that [`Comm::as_mpi`] gives back: it keeps the error handler that the `mpi` crate relies on.
struct Users(Option<SimpleCommunicator>);

impl Drop for Users {
    fn drop(&mut self) {
        if sys::process::alive().is_err() || std::thread::panicking() {
            // MPI has ended and taken it along, and to free it again would end the program; or the others are elsewhere.
            std::mem::forget(self.0.take());
        }
    }
}

impl std::fmt::Debug for Users {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SimpleCommunicator")
    }
}

impl Call {
    pub(crate) fn started(self) -> crate::sys::pending::Started {
        (self.operation, self.at)
    }

    /// What a failure below the fence means to the caller.
    pub(crate) fn error(self, failure: Failure) -> Error {
        let Call { operation, at, .. } = self;
        match failure {
            Failure::Argument(problem) => Error::Argument { operation, at, problem },
            Failure::Mpi { class, text } => Error::Mpi { operation, at, class, text },
        }
    }
}

impl Comm {
    /// The world: all ranks that were started together.
    pub(crate) fn world() -> Result<Self> {
        let world = SimpleCommunicator::world();
        sys::waiting::look_around().map_err(|failure| Call::new("start").error(failure))?;
        let ours =
            sys::Communicator::duplicate(&world).map_err(|failure| Call::new("start").error(failure))?;
        let group = Group::world(ours.size);
        Ok(Self::over(ours, world, group, "world".into()))
    }

    /// A file in memory for the ranks of each node; see [`sys::node_file`]. Collective.
    pub(crate) fn node_file(&self) -> Result<Option<std::fs::File>> {
        self.quietly(Call::new("start"), sys::node_file::open)
    }

    /// The greatest of every rank's numbers, place by place. Collective.
    pub(crate) fn greatest(&self, mine: [u64; 2]) -> Result<[u64; 2]> {
        self.quietly(Call::new("start"), |comm| sys::collectives::greatest(comm, mine))
    }

    /// From now on calls are checked, as the environment asks for. Collective.
    pub(crate) fn start_checks(&self, ways: check::Ways) -> Result<()> {
        self.quietly(Call::new("start"), |comm| check::start(comm, &self.host, ways))
    }

    /// From now on calls are recorded, as the environment or `file` asks for. Collective.
    pub(crate) fn start_trace(&self, file: Option<&std::path::Path>) -> Result<()> {
        self.quietly(Call::new("start"), |comm| trace::start(comm, &self.host, file))
    }

    /// Writes what was recorded, if that was asked for; on the root, what went wrong. Collective.
    pub(crate) fn finish_trace(&self) -> Result<Option<String>> {
        self.quietly(Call::new("run"), trace::finish)
    }

    /// Takes any communicator of the `mpi` crate. Makes three duplicates of it: one for our collective calls, one for our
    /// messages, one for [`as_mpi`](Comm::as_mpi).
    ///
    /// # Collective
    /// All ranks of `communicator` must call this.
    ///
    /// # Errors
    /// When MPI has no room for another communicator.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// use mpi::topology::Communicator;
    /// use rankwise::Comm;
    ///
    /// let evens_and_odds = world.as_mpi().split_by_color(mpi::topology::Color::with_value(world.rank() as i32 % 2));
    /// let mine = Comm::wrap(&evens_and_odds.expect("every rank has a colour"))?;
    /// assert_eq!(mine.size(), world.size().div_ceil(2));
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn wrap<C: mpi::topology::Communicator + AsRaw<Raw = ffi::MPI_Comm>>(
        communicator: &C,
    ) -> Result<Self> {
        let call = Call::new("wrap");
        let name = "wrapped".to_owned();
        let made = sys::Communicator::duplicate(communicator)
            .and_then(|ours| Ok((Group::over(&ours, name.clone())?, ours)));
        let (group, ours) = made.map_err(|failure| call.error(failure))?;
        Ok(Self::over(ours, communicator.duplicate(), group, name))
    }

    /// A part of these ranks. Collective over the part.
    fn part(&self, ours: sys::Communicator, name: &str) -> sys::Outcome<Self> {
        let users = sys::communicator::for_the_mpi_crate(&ours)?;
        let name = format!("{}/{name}", self.name);
        let group = Group::over(&ours, name.clone())?;
        Ok(Self::over(ours, users, group, name))
    }

    fn over(ours: sys::Communicator, users: SimpleCommunicator, group: Arc<Group>, name: String) -> Self {
        let host = mpi::environment::processor_name().unwrap_or_else(|_| "unknown host".into());
        let world_rank = usize::try_from(SimpleCommunicator::world().rank()).unwrap_or(ours.rank);
        ours.set_name(&name);
        Comm { ours, users: Users(Some(users)), group, host, name, world_rank }
    }

    /// The same ranks as a communicator of the `mpi` crate, for any call that is not here. Its errors end the program, as
    /// that crate expects.
    pub fn as_mpi(&self) -> &SimpleCommunicator {
        self.users.0.as_ref().expect("taken away only by the drop")
    }

    /// This rank's number: 0 to `size() - 1`.
    pub fn rank(&self) -> usize {
        self.ours.rank
    }

    /// Number of ranks.
    pub fn size(&self) -> usize {
        self.ours.size
    }

    /// Whether this is rank 0, which speaks for all.
    pub fn is_root(&self) -> bool {
        self.rank() == 0
    }

    /// This rank's number in the world.
    pub(crate) fn world_rank(&self) -> usize {
        self.world_rank
    }

    /// By this number records and checks know these ranks.
    pub(crate) fn id(&self) -> u64 {
        self.ours.id.get()
    }

    /// The name of the machine this rank runs on.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// What messages call these ranks: `world`, `world/node 0`, `world/grid 2x3`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns when every rank has come here. Sends about log₂ size small messages a rank.
    ///
    /// # Collective
    /// All ranks must call this.
    ///
    /// # Errors
    /// When MPI refuses.
    #[track_caller]
    pub fn barrier(&self) -> Result<()> {
        self.perform(Call::collective("barrier"), sys::collectives::barrier)
    }

    /// The one narrow place that every operation passes through.
    #[inline]
    pub(crate) fn perform<R>(
        &self,
        call: Call,
        act: impl FnOnce(&sys::Communicator) -> sys::Outcome<R>,
    ) -> Result<R> {
        self.quietly(call, |comm| {
            let _here = self.group.enter(&call);
            self.group.compare(comm, &call)?;
            act(comm)
        })
    }

    /// Records that this rank waits in `call` until all others have come, until what comes back is dropped. It may take as long as the
    /// work of the others does: nobody is told of a rank that stays away. Collective.
    pub(crate) fn waits_for_all(&self, call: Call) -> sys::record::Inside {
        self.group.waits_for_all(call)
    }

    /// Something that must be the same on all ranks in the next collective call: compared with it, in full mode.
    #[inline]
    pub(crate) fn note(&self, words: impl FnOnce() -> String) {
        self.group.note(words);
    }

    /// As [`note`](Comm::note), of a partition that all ranks give.
    #[inline]
    fn note_blocks(&self, blocks: &Partition) {
        self.note(|| {
            const SHOWN: usize = 12;
            let mut words: Vec<_> = blocks.counts().take(SHOWN).map(|count| count.to_string()).collect();
            if blocks.parts() > SHOWN {
                let all = check::hashed(blocks.counts().collect::<Vec<_>>());
                words.push(format!("… ({} blocks, in all {all:08x})", blocks.parts()));
            }
            format!("in blocks of {}", words.join(", "))
        });
    }

    /// As [`perform`](Comm::perform), for a part of a call, or one that was started before: nothing is noted or compared.
    #[inline]
    pub(crate) fn quietly<R>(
        &self,
        call: Call,
        act: impl FnOnce(&sys::Communicator) -> sys::Outcome<R>,
    ) -> Result<R> {
        let outcome = sys::process::alive().and_then(|()| act(&self.ours));
        outcome.map_err(|failure| call.error(self.named(failure)))
    }

    /// Says in which part of the world a failure was, if it was in one.
    #[cold]
    fn named(&self, failure: Failure) -> Failure {
        let within = |text| if self.name == "world" { text } else { format!("in {}: {text}", self.name) };
        match failure {
            Failure::Argument(problem) => Failure::Argument(within(problem)),
            Failure::Mpi { class, text } => Failure::Mpi { class, text: within(text) },
        }
    }
}
