//! The `mpi` crate's safe functions, as its users call them.

use mpi::collective::SystemOperation;
use mpi::point_to_point as p2p;
use mpi::topology::SimpleCommunicator;
use mpi::traits::*;

use crate::Outcome;
use crate::measure::{Buffers, repeat};
use crate::operation::Operation;

pub(crate) fn into(
    world: &SimpleCommunicator,
    operation: Operation,
    buffers: &mut Buffers,
    times: usize,
) -> Outcome {
    let (rank, ranks) = (world.rank(), world.size());
    let (given, received) = buffers.parts();
    let root = |i: usize| i as i32 % ranks;
    let sum = SystemOperation::sum();
    match operation {
        Operation::Broadcast => repeat(times, |i| {
            world.process_at_rank(root(i)).broadcast_into(received);
            Ok(())
        }),
        Operation::Scatter => repeat(times, |i| {
            let process = world.process_at_rank(root(i));
            if rank == root(i) {
                process.scatter_into_root(given, received);
            } else {
                process.scatter_into(received);
            }
            Ok(())
        }),
        Operation::Gather => repeat(times, |i| {
            let process = world.process_at_rank(root(i));
            if rank == root(i) {
                process.gather_into_root(given, received);
            } else {
                process.gather_into(given);
            }
            Ok(())
        }),
        Operation::AllGather => repeat(times, |_| {
            world.all_gather_into(given, received);
            Ok(())
        }),
        Operation::AllToAll => repeat(times, |_| {
            world.all_to_all_into(given, received);
            Ok(())
        }),
        Operation::Reduce => repeat(times, |i| {
            let process = world.process_at_rank(root(i));
            if rank == root(i) {
                process.reduce_into_root(given, received, sum);
            } else {
                process.reduce_into(given, sum);
            }
            Ok(())
        }),
        Operation::AllReduce => repeat(times, |_| {
            world.all_reduce_into(given, received, sum);
            Ok(())
        }),
        Operation::ReduceScatter => repeat(times, |_| {
            world.reduce_scatter_block_into(given, received, sum);
            Ok(())
        }),
        Operation::Scan => repeat(times, |_| {
            world.scan_into(given, received, sum);
            Ok(())
        }),
        Operation::ExclusiveScan => repeat(times, |_| {
            world.exclusive_scan_into(given, received, sum);
            Ok(())
        }),
        Operation::PingPong => {
            let partner = rank ^ 1;
            if partner >= ranks {
                return Ok(());
            }
            let partner = world.process_at_rank(partner);
            repeat(times, |_| {
                if rank % 2 == 0 {
                    partner.send(given);
                    partner.receive_into(received);
                } else {
                    partner.receive_into(received);
                    partner.send(given);
                }
                Ok(())
            })
        }
        Operation::SendRecv => {
            let to = world.process_at_rank((rank + 1) % ranks);
            let from = world.process_at_rank((rank + ranks - 1) % ranks);
            repeat(times, |_| {
                p2p::send_receive_into(given, &to, received, &from);
                Ok(())
            })
        }
    }
}
