//! This crate's two forms: into the caller's buffers, and returning what was received.

use std::hint::black_box;

use rankwise::prelude::*;

use crate::Outcome;
use crate::measure::{Buffers, repeat};
use crate::operation::Operation;

pub(crate) fn into(world: &Comm, operation: Operation, buffers: &mut Buffers, times: usize) -> Outcome {
    let (rank, ranks) = (world.rank(), world.size());
    let blocks = Partition::even(buffers.count * ranks, ranks);
    let (given, received) = buffers.parts();
    match operation {
        Operation::Broadcast => repeat(times, |i| Ok(world.broadcast_into(i % ranks, received)?)),
        Operation::Scatter => repeat(times, |i| {
            let root = i % ranks;
            Ok(world.scatter_into(&blocks, root, (rank == root).then_some(given), received)?)
        }),
        Operation::Gather => repeat(times, |i| {
            let root = i % ranks;
            Ok(world.gather_into(&blocks, root, given, (rank == root).then_some(&mut *received))?)
        }),
        Operation::AllGather => repeat(times, |_| Ok(world.all_gather_into(&blocks, given, received)?)),
        Operation::AllToAll => repeat(times, |_| Ok(world.all_to_all_equal_into(given, received)?)),
        Operation::Reduce => repeat(times, |i| {
            let root = i % ranks;
            Ok(world.reduce_into(root, given, (rank == root).then_some(&mut *received), Sum)?)
        }),
        Operation::AllReduce => repeat(times, |_| Ok(world.all_reduce_into(given, received, Sum)?)),
        Operation::ReduceScatter => {
            repeat(times, |_| Ok(world.reduce_scatter_into(&blocks, given, received, Sum)?))
        }
        Operation::Scan => repeat(times, |_| Ok(world.scan_into(given, received, Sum)?)),
        Operation::ExclusiveScan => repeat(times, |_| Ok(world.exclusive_scan_into(given, received, Sum)?)),
        Operation::PingPong => {
            let partner = rank ^ 1;
            if partner >= ranks {
                return Ok(());
            }
            repeat(times, |_| {
                if rank < partner {
                    world.send(partner, given)?;
                    world.recv_into(partner, received)?;
                } else {
                    world.recv_into(partner, received)?;
                    world.send(partner, given)?;
                }
                Ok(())
            })
        }
        Operation::SendRecv => {
            let (to, from) = ((rank + 1) % ranks, (rank + ranks - 1) % ranks);
            repeat(times, |_| {
                world.send_recv_into(to, given, from, received)?;
                Ok(())
            })
        }
    }
}

/// With `keep` the results are copied to `buffers`, to be checked.
pub(crate) fn returning(
    world: &Comm,
    operation: Operation,
    buffers: &mut Buffers,
    times: usize,
    keep: bool,
) -> Outcome {
    let (rank, ranks) = (world.rank(), world.size());
    let blocks = Partition::even(buffers.count * ranks, ranks);
    let (given, received) = buffers.parts();
    let mut take = |result: Option<Vec<f64>>| {
        if let (true, Some(result)) = (keep, black_box(result)) {
            received.copy_from_slice(&result);
        }
        Ok(())
    };
    match operation {
        Operation::Broadcast => repeat(times, |i| {
            let root = i % ranks;
            take(Some(world.broadcast(root, (rank == root).then_some(given))?))
        }),
        Operation::Scatter => repeat(times, |i| {
            let root = i % ranks;
            take(Some(world.scatter_by(&blocks, root, (rank == root).then_some(given))?))
        }),
        Operation::Gather => repeat(times, |i| take(world.gather_by(&blocks, i % ranks, given)?)),
        Operation::AllGather => repeat(times, |_| take(Some(world.all_gather_by(&blocks, given)?))),
        Operation::AllToAll => repeat(times, |_| take(Some(world.all_to_all_equal(given)?))),
        Operation::Reduce => repeat(times, |i| take(world.reduce(i % ranks, given, Sum)?)),
        Operation::AllReduce => repeat(times, |_| take(Some(world.all_reduce(given, Sum)?))),
        Operation::ReduceScatter => {
            repeat(times, |_| take(Some(world.reduce_scatter_by(&blocks, given, Sum)?)))
        }
        Operation::Scan => repeat(times, |_| take(Some(world.scan(given, Sum)?))),
        Operation::ExclusiveScan => repeat(times, |_| take(Some(world.exclusive_scan(given, Sum)?))),
        Operation::PingPong => {
            let partner = rank ^ 1;
            if partner >= ranks {
                return Ok(());
            }
            repeat(times, |_| {
                if rank < partner {
                    world.send(partner, given)?;
                    take(Some(world.recv(partner)?))
                } else {
                    take(Some(world.recv(partner)?))?;
                    Ok(world.send(partner, given)?)
                }
            })
        }
        Operation::SendRecv => {
            let (to, from) = ((rank + 1) % ranks, (rank + ranks - 1) % ranks);
            repeat(times, |_| take(Some(world.send_recv(to, given, from)?)))
        }
    }
}
