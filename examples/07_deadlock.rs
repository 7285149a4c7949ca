//! Lesson 7. All ranks of the ring send at once. It is wrong, and it works, as long as the messages are short.
//!
//! Run:    mpirun -n 4 07_deadlock
//!         mpirun -n 4 07_deadlock --numbers 1000000
//!         RANKWISE_SEND=sync mpirun -n 4 07_deadlock
//! Shows:  sends that wait for receives, a deadlock, the switch that makes it certain
//! Next:   08_overlap

use rankwise::prelude::*;

/// Every rank's number goes round the ring, all at the same time.
#[derive(clap::Parser)]
struct Args {
    /// How long the messages are.
    #[arg(long, default_value_t = 1)]
    numbers: usize,
}

fn main() -> ExitCode {
    rankwise::run_with::<Args>(|world, args| {
        let right = (world.rank() + 1) % world.size();
        let left = (world.rank() + world.size() - 1) % world.size();

        // 1. Every rank has a number that travels, and a sum of all that came by.
        let mut travelling = vec![world.rank(); args.numbers.max(1)];
        let mut sum = world.rank();
        for _ in 1..world.size() {
            // 2. All send. Who receives?
            world.send(right, &travelling)?;
            travelling = world.recv(left)?;
            sum += travelling[0];
        }
        // 3. The sum of lesson 6, and now each rank has it.
        world.print_in_order(format!("rank {}: the sum of all ranks is {sum}", world.rank()))?;
        Ok(())
    })
}
