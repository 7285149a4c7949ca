//! [`Comm`]: the ranks of a program and what they do together, one file per operation.

use std::panic::Location;

use mpi::ffi;
use mpi::raw::AsRaw;
use mpi::topology::{Communicator as _, SimpleCommunicator};

use crate::error::{Error, Result};
use crate::sys::{self, Failure};

mod agree;
mod broadcast;
mod gather;
mod print;
mod reduce;
mod scatter;

pub use reduce::{
    BitAnd, BitOr, BitXor, LogicalAnd, LogicalOr, LogicalXor, Max, Min, Ordered, Placed, Product, Reduction,
    Sum,
};

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
    host: String,
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

/// One call of an operation: what the narrow place of [`Comm::perform`] knows of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    operation: &'static str,
    at: &'static Location<'static>,
}

impl Call {
    #[track_caller]
    pub(crate) fn new(operation: &'static str) -> Self {
        Call { operation, at: Location::caller() }
    }

    /// What a failure below the fence means to the caller.
    pub(crate) fn error(self, failure: Failure) -> Error {
        let Call { operation, at } = self;
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
        let ours =
            sys::Communicator::duplicate(&world).map_err(|failure| Call::new("start").error(failure))?;
        Ok(Self::over(ours, world))
    }

    /// Takes any communicator of the `mpi` crate. Makes two duplicates of it: one for our messages, one for
    /// [`as_mpi`](Comm::as_mpi).
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
        let ours = sys::Communicator::duplicate(communicator).map_err(|failure| call.error(failure))?;
        Ok(Self::over(ours, communicator.duplicate()))
    }

    fn over(ours: sys::Communicator, users: SimpleCommunicator) -> Self {
        let host = mpi::environment::processor_name().unwrap_or_else(|_| "unknown host".into());
        let world_rank = usize::try_from(SimpleCommunicator::world().rank()).unwrap_or(ours.rank);
        Comm { ours, users: Users(Some(users)), host, world_rank }
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

    /// The name of the machine this rank runs on.
    pub fn host(&self) -> &str {
        &self.host
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
        self.perform(Call::new("barrier"), sys::collectives::barrier)
    }

    /// The one narrow place that every operation passes through.
    pub(crate) fn perform<R>(
        &self,
        call: Call,
        act: impl FnOnce(&sys::Communicator) -> sys::Outcome<R>,
    ) -> Result<R> {
        sys::process::alive().and_then(|()| act(&self.ours)).map_err(|failure| call.error(failure))
    }
}
