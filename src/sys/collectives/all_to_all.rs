//! Every rank to every rank.

use mpi::ffi;

use super::{PIECES, check_blocks, check_whole, with_blocks};
use crate::partition::Partition;
use crate::sys::communicator::{Channel, Communicator};
use crate::sys::counts::{in_one_whole, items};
use crate::sys::element::Described;
use crate::sys::failure::{Failure, Outcome, check};
use crate::sys::memory::{Elements, Received, Sent, same_length, same_type};
use crate::sys::point_to_point;
use crate::sys::waiting::patiently;

/// Block `r` of `mine` to rank `r`, and from each rank its block for this one, in rank order, into `to`: all blocks of all
/// ranks have the same length.
pub(crate) fn all_to_all_equal(comm: &Communicator, mine: Sent, mut to: Received) -> Outcome {
    same_length(mine.len(), to.len())?;
    same_type(mine.of(), to.of())?;
    if !mine.len().is_multiple_of(comm.size) {
        return Err(Failure::Argument(format!(
            "{} elements cannot be cut into {} blocks of the same length",
            mine.len(),
            comm.size
        )));
    }
    let of = *mine.of();
    if !in_one_whole(mine.len(), &of) {
        // The same length on all ranks, so that all come here.
        let blocks = Partition::even(mine.len(), comm.size);
        return all_to_all(comm, &blocks, mine, &blocks, to);
    }
    let (each, from, start) = (items(mine.len() / comm.size, &of)?, mine.start(), to.start());
    // SAFETY: both have one block of `each` items for each rank.
    check(unsafe {
        patiently!(MPI_Alltoall or MPI_Ialltoall(from, each, of.raw, start, each, of.raw, comm.raw()))
    })?;
    to.check()
}

/// Block `r` of `mine` to rank `r`, and from each rank its block for this one, in rank order, into `to`.
pub(crate) fn all_to_all(
    comm: &Communicator,
    sends: &Partition,
    mine: Sent,
    receives: &Partition,
    mut to: Received,
) -> Outcome {
    for (blocks, len) in [(sends, mine.len()), (receives, to.len())] {
        check_blocks(comm, blocks, None)?;
        check_whole(blocks, len)?;
    }
    same_type(mine.of(), to.of())?;
    let of = *mine.of();
    // What a pair exchanges both of them know, and nobody else. So a rank joins the collective call with its short blocks,
    // whose sum surely fits in an `int`, and the long ones go from rank to rank.
    let is_short = |n: usize| in_one_whole(n.saturating_mul(comm.size), &of);
    let of_short = |blocks: &Partition| {
        Partition::from_counts(&blocks.counts().map(|n| if is_short(n) { n } else { 0 }).collect::<Vec<_>>())
    };
    let fits = |blocks: &Partition| is_short(blocks.len()) || blocks.counts().all(is_short);
    if fits(sends) && fits(receives) {
        return in_one_call(comm, &of, sends, mine, receives, to);
    }
    let (short_sends, short_receives) = (of_short(sends), of_short(receives));
    let (mut packed, mut unpacked) =
        (Elements::room(short_sends.len(), &of)?, Elements::room(short_receives.len(), &of)?);
    for rank in 0..comm.size {
        let block = short_sends.range(rank);
        let from = sends.range(rank).start;
        packed.all().part(block.clone()).copy_from(mine.part(from..from + block.len()))?;
    }
    let received = unpacked.all();
    in_one_call(comm, &of, &short_sends, packed.all().as_sent(), &short_receives, received)?;
    for rank in 0..comm.size {
        let block = short_receives.range(rank);
        let start = receives.range(rank).start;
        to.part(start..start + block.len()).copy_from(unpacked.all().as_sent().part(block))?;
    }
    // In rounds: to the rank that is `step` after this one, from the one as far before.
    for step in 0..comm.size {
        let (next, before) = ((comm.rank + step) % comm.size, (comm.rank + comm.size - step) % comm.size);
        let (sent, received) = (mine.part(sends.range(next)), receives.range(before));
        let sent = (!is_short(sent.len())).then_some(sent);
        let room = (!is_short(received.len())).then(|| to.part(received));
        if step == 0 {
            if let (Some(sent), Some(mut room)) = (sent, room) {
                room.copy_from(sent)?;
            }
            continue;
        }
        point_to_point::exchange(
            comm,
            Channel::Ours,
            PIECES,
            sent.map(|s| (next, s)),
            room.map(|r| (before, r)),
        )?;
    }
    Ok(())
}

fn in_one_call(
    comm: &Communicator,
    of: &Described,
    sends: &Partition,
    mine: Sent,
    receives: &Partition,
    mut to: Received,
) -> Outcome {
    let (from, start) = (mine.start(), to.start());
    with_blocks(0, sends, of, |send_counts, send_starts| {
        with_blocks(1, receives, of, |counts, starts| {
            // SAFETY: all four lists have one entry a rank; they stay inside `mine` and `to`.
            check(unsafe {
                patiently!(MPI_Alltoallv or MPI_Ialltoallv(
                    from,
                    send_counts,
                    send_starts,
                    of.raw,
                    start,
                    counts,
                    starts,
                    of.raw,
                    comm.raw(),
                ))
            })
        })
    })?;
    to.check()
}
