//! Whether the run is to stop: what a batch system's warning becomes.

use super::{Comm, LogicalOr};
use crate::error::Result;
use crate::sys;

impl Comm {
    /// Whether some rank has been told to stop, by SIGTERM or SIGUSR1, as Slurm sends them before the time is up: the same
    /// answer on all ranks at the same call, though the signal arrives at each at another moment. Once it is so, it stays so.
    ///
    /// From the first call on, or from that of `Checkpoint::every`, these two signals do not
    /// end the program any more: it is to ask here, once a step, save its work and leave. SIGINT (Ctrl-C) still ends it at
    /// once. A signal that comes before ends the program as always.
    ///
    /// One all-reduce of one byte.
    ///
    /// # Collective
    /// All ranks must call this.
    ///
    /// # Errors
    /// When MPI refuses.
    ///
    /// ```
    /// use rankwise::prelude::*;
    ///
    /// fn main() -> ExitCode {
    ///     // What the batch script takes as the wish to be queued again: EX_TEMPFAIL.
    ///     let mut code = ExitCode::SUCCESS;
    ///     let ended = rankwise::run(|world| {
    ///         for step in 0..10 {
    ///             // … one step of the work …
    ///             if world.should_stop()? {
    ///                 // … save it …
    ///                 code = ExitCode::from(75);
    ///                 break;
    ///             }
    ///         }
    ///         Ok(())
    ///     });
    ///     if ended == ExitCode::SUCCESS { code } else { ended }
    /// }
    /// ```
    #[track_caller]
    pub fn should_stop(&self) -> Result<bool> {
        sys::signals::raise_a_flag();
        self.all_reduce_one(sys::signals::flag_is_up(), LogicalOr)
    }
}
