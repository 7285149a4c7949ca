//! Lesson 6. Send and receive: a number goes round the ring of all ranks, and each adds its own.
//!
//! Run:    mpirun -n 4 06_ring --rounds 2
//!         mpirun -n 4 06_ring --work 10 --trace ring.html
//! Shows:  send, recv, neighbours in a ring, a program with arguments
//! Next:   07_deadlock

use std::time::Duration;

use rankwise::prelude::*;

/// A number goes round the ring of all ranks.
#[derive(clap::Parser)]
struct Args {
    /// How often it goes round.
    #[arg(long, default_value_t = 1)]
    rounds: u32,
    /// Milliseconds that each rank works before it sends the number on.
    #[arg(long, default_value_t = 0)]
    work: u64,
}

fn main() -> ExitCode {
    rankwise::run_with::<Args>(|world, args| {
        // 1. The ranks stand in a ring: the one after the last is the first.
        let right = (world.rank() + 1) % world.size();
        let left = (world.rank() + world.size() - 1) % world.size();

        for round in 1..=args.rounds {
            if world.is_root() {
                // 2. Rank 0 sends a number to its right, and receives it at the end from its left.
                world.send(right, &[0usize])?;
                let sum: Vec<usize> = world.recv(left)?;
                println!("round {round}: the sum of all ranks is {}", sum[0]);
            } else {
                // 3. All others receive first, work, add their rank, and send the number on.
                let sum: Vec<usize> = world.recv(left)?;
                std::thread::sleep(Duration::from_millis(args.work));
                world.send(right, &[sum[0] + world.rank()])?;
            }
        }
        Ok(())
    })
}
