//! Few partners of many: messages to ranks that do not know how many will come.
//!
//! Hoefler, Siebert, Lumsdaine, "Scalable communication protocols for dynamic sparse data exchange" (PPoPP 2010): every send
//! is synchronous, so a rank knows when its messages are received, and then enters a barrier that does not block. When the
//! barrier is over, all messages of all ranks are received. Its cost is the messages and one barrier.

use std::ffi::c_int;

use mpi::ffi;

use crate::sys::communicator::{Channel, Communicator};
use crate::sys::failure::Outcome;
use crate::sys::memory::Sent;
use crate::sys::point_to_point::{self, Found, From};
use crate::sys::requests::Open;
use crate::sys::waiting::Wait;

/// The tags of two rounds that follow each other. A rank may still be in the barrier when the next has begun the next round;
/// it cannot be there when that one begins the round after.
const ROUNDS: [c_int; 2] = [2, 3];

/// Sends each of `messages` to its rank and hands every message that comes to `receive`.
pub(crate) fn sparse_all_to_all(
    comm: &Communicator,
    messages: &[(usize, Sent)],
    mut receive: impl FnMut(Found) -> Outcome,
) -> Outcome {
    let tag = ROUNDS[comm.rounds.get() as usize % 2];
    comm.rounds.set(comm.rounds.get().wrapping_add(1));
    let ranks = messages.iter().map(|(to, _)| crate::sys::counts::rank(*to, comm.size));
    ranks.collect::<Outcome<Vec<_>>>()?;
    let mut open = messages
        .iter()
        // SAFETY: waited for below or when dropped, while the slices are borrowed.
        .map(|&(to, data)| unsafe { point_to_point::start_send(comm, Channel::Ours, to, tag, data, true) })
        .collect::<Outcome<Vec<_>>>()?;
    let mut barrier: Option<Open> = None;
    let mut outcome = Ok(());
    let mut wait = Wait::new();
    loop {
        wait.give_way();
        if let Some(found) =
            point_to_point::find_now(comm, Channel::Ours, From { rank: None, tag: Some(tag) })?
        {
            // A message that cannot be received does not keep the others from ending their round.
            outcome = outcome.and(receive(found));
            wait = Wait::new();
            continue;
        }
        match &mut barrier {
            Some(barrier) => {
                if barrier.test()? {
                    return outcome;
                }
            }
            None => {
                let mut all = true;
                for open in &mut open {
                    all &= open.test()?;
                }
                if all {
                    let mut started = Open::new();
                    // SAFETY: the communicator is live.
                    started.add(|request| unsafe { ffi::MPI_Ibarrier(comm.raw(), request) })?;
                    barrier = Some(started);
                }
            }
        }
    }
}
