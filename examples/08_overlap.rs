//! Lesson 8. Start to send and to receive, work, and wait only then: no deadlock, and less waiting.
//!
//! Run:    mpirun -n 4 08_overlap
//!         mpirun -n 4 08_overlap --wait-first
//! Shows:  isend, irecv, wait; work while messages are on their way
//! Next:   09_own_types

use std::time::Duration;

use rankwise::prelude::*;

/// The ring of lesson 7, with some work at each step.
#[derive(clap::Parser)]
struct Args {
    /// Wait for the message before the work, not after it.
    #[arg(long)]
    wait_first: bool,
}

fn main() -> ExitCode {
    rankwise::run_with::<Args>(|world, args| {
        let right = (world.rank() + 1) % world.size();
        let left = (world.rank() + world.size() - 1) % world.size();
        let (mut travelling, mut sum) = (vec![world.rank()], 0);
        for step in 0..world.size() {
            // 1. Start both. The message belongs to MPI until the sending is complete.
            let sending = world.isend(right, travelling)?;
            let coming = world.irecv::<usize, _>(left)?;
            // 2. Work: at each step it is another rank's turn to have more of it.
            let work = || {
                let _in_the_picture = world.phase("work");
                std::thread::sleep(Duration::from_millis(if step == world.rank() { 30 } else { 10 }));
            };
            let came = if args.wait_first {
                let came = coming.wait()?;
                work();
                came
            } else {
                work();
                coming.wait()?
            };
            // 3. `wait` gives back what was sent.
            sum += sending.wait()?[0];
            travelling = came;
        }
        world.print_in_order(format!("rank {}: the sum of all ranks is {sum}", world.rank()))?;
        Ok(())
    })
}
