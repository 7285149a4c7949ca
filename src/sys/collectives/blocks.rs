//! Blocks of a whole: dealt out by the root, put together on the root, put together on all ranks.

use mpi::ffi;

use super::{PIECES, broadcast, check_blocks, check_whole, pieces, with_blocks};
use crate::partition::Partition;
use crate::sys::communicator::{Channel, Communicator};
use crate::sys::counts::{in_one_whole, items, rank};
use crate::sys::failure::{Failure, Outcome, check};
use crate::sys::memory::{Received, Sent, same_type};
use crate::sys::point_to_point;
use crate::sys::waiting::patiently;

/// This rank's block of the root's `data`, into `mine`. `data` is read on the root only.
pub(crate) fn scatter(
    comm: &Communicator,
    root: usize,
    blocks: &Partition,
    data: Option<Sent>,
    mut mine: Received,
) -> Outcome {
    let root_int = rank(root, comm.size)?;
    check_blocks(comm, blocks, Some(mine.len()))?;
    let data = match data.filter(|_| comm.rank == root) {
        None if comm.rank == root => {
            return Err(Failure::Argument(format!("rank {root}, the root, has no data")));
        }
        None => None,
        Some(data) => {
            check_whole(blocks, data.len())?;
            same_type(data.of(), mine.of())?;
            Some(data)
        }
    };
    let of = *mine.of();
    if !in_one_whole(blocks.len(), &of) {
        return scatter_in_pieces(comm, root, blocks, data, mine);
    }
    let (mine_int, to) = (items(mine.len(), &of)?, mine.start());
    if blocks.equal().is_some() {
        let from = data.map_or(std::ptr::null(), |data| data.start());
        // SAFETY: on the root `data` holds one block of `mine_int` items for each rank; there is room for one block.
        check(unsafe {
            patiently!(MPI_Scatter or MPI_Iscatter(from, mine_int, of.raw, to, mine_int, of.raw, root_int, comm.raw()))
        })?;
    } else if let Some(data) = data {
        with_blocks(0, blocks, &of, |counts, starts| {
            // SAFETY: counts and starts have one entry a rank and stay inside `data`; there is room for this rank's block.
            check(unsafe {
                let from = data.start();
                patiently!(MPI_Scatterv or MPI_Iscatterv(from, counts, starts, of.raw, to, mine_int, of.raw, root_int, comm.raw()))
            })
        })?;
    } else {
        let none = std::ptr::null();
        // SAFETY: the first arguments are read on the root only; there is room for what the root sends to this rank.
        check(unsafe {
            let null = std::ptr::null();
            patiently!(MPI_Scatterv or MPI_Iscatterv(null, none, none, of.raw, to, mine_int, of.raw, root_int, comm.raw()))
        })?;
    }
    mine.check()
}

fn scatter_in_pieces(
    comm: &Communicator,
    root: usize,
    blocks: &Partition,
    data: Option<Sent>,
    mut mine: Received,
) -> Outcome {
    match data {
        None => point_to_point::receive_exactly(comm, Channel::Ours, root, PIECES, mine),
        Some(data) => {
            for to in (0..comm.size).filter(|&to| to != root) {
                point_to_point::send(comm, Channel::Ours, to, PIECES, data.part(blocks.range(to)))?;
            }
            mine.copy_from(data.part(blocks.range(root)))
        }
    }
}

/// Every rank's `mine`, in rank order, into `to` on the root, which is looked at there only.
pub(crate) fn gather(
    comm: &Communicator,
    root: usize,
    blocks: &Partition,
    mine: Sent,
    to: Option<Received>,
) -> Outcome {
    let root_int = rank(root, comm.size)?;
    check_blocks(comm, blocks, Some(mine.len()))?;
    let mut to = match to.filter(|_| comm.rank == root) {
        None if comm.rank == root => {
            return Err(Failure::Argument(format!("rank {root}, the root, has no room for the result")));
        }
        None => None,
        Some(to) => {
            check_whole(blocks, to.len())?;
            same_type(mine.of(), to.of())?;
            Some(to)
        }
    };
    let of = *mine.of();
    if !in_one_whole(blocks.len(), &of) {
        return gather_in_pieces(comm, root, blocks, mine, to);
    }
    let (mine_int, from) = (items(mine.len(), &of)?, mine.start());
    if blocks.equal().is_some() {
        let to = to.as_mut().map_or(std::ptr::null_mut(), |to| to.start());
        // SAFETY: on the root there is room for one block of `mine_int` items of each rank.
        check(unsafe {
            patiently!(MPI_Gather or MPI_Igather(from, mine_int, of.raw, to, mine_int, of.raw, root_int, comm.raw()))
        })?;
    } else if let Some(to) = &mut to {
        with_blocks(0, blocks, &of, |counts, starts| {
            // SAFETY: counts and starts have one entry a rank and stay inside the room.
            check(unsafe {
                let to = to.start();
                patiently!(MPI_Gatherv or MPI_Igatherv(from, mine_int, of.raw, to, counts, starts, of.raw, root_int, comm.raw()))
            })
        })?;
    } else {
        let (null, none) = (std::ptr::null_mut(), std::ptr::null());
        // SAFETY: what describes the room is looked at on the root only.
        check(unsafe {
            patiently!(MPI_Gatherv or MPI_Igatherv(from, mine_int, of.raw, null, none, none, of.raw, root_int, comm.raw()))
        })?;
    }
    to.as_mut().map_or(Ok(()), Received::check)
}

fn gather_in_pieces(
    comm: &Communicator,
    root: usize,
    blocks: &Partition,
    mine: Sent,
    to: Option<Received>,
) -> Outcome {
    let Some(mut to) = to else { return point_to_point::send(comm, Channel::Ours, root, PIECES, mine) };
    to.part(blocks.range(root)).copy_from(mine)?;
    for from in (0..comm.size).filter(|&from| from != root) {
        point_to_point::receive_exactly(comm, Channel::Ours, from, PIECES, to.part(blocks.range(from)))?;
    }
    Ok(())
}

/// Every rank's `mine`, in rank order, into `to` on all ranks.
pub(crate) fn all_gather(comm: &Communicator, blocks: &Partition, mine: Sent, mut to: Received) -> Outcome {
    check_blocks(comm, blocks, Some(mine.len()))?;
    check_whole(blocks, to.len())?;
    same_type(mine.of(), to.of())?;
    let of = *mine.of();
    if !in_one_whole(blocks.len(), &of) {
        to.part(blocks.range(comm.rank)).copy_from(mine)?;
        for root in 0..comm.size {
            let mut block = to.part(blocks.range(root));
            for piece in pieces(block.len(), &of) {
                broadcast(comm, root, block.part(piece))?;
            }
        }
        return Ok(());
    }
    let (mine_int, from, start) = (items(mine.len(), &of)?, mine.start(), to.start());
    if blocks.equal().is_some() {
        // SAFETY: there is room for one block of `mine_int` items of each rank.
        check(unsafe {
            patiently!(MPI_Allgather or MPI_Iallgather(from, mine_int, of.raw, start, mine_int, of.raw, comm.raw()))
        })?;
    } else {
        with_blocks(0, blocks, &of, |counts, starts| {
            // SAFETY: counts and starts have one entry a rank and stay inside the room.
            check(unsafe {
                patiently!(MPI_Allgatherv or MPI_Iallgatherv(from, mine_int, of.raw, start, counts, starts, of.raw, comm.raw()))
            })
        })?;
    }
    to.check()
}
