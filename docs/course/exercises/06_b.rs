//! Exercise 6b. Rank r sends r messages to rank 0. Rank 0 knows how many come in all, but not from whom the next one is.
//!
//! Let it take them as they come, and count them: on four ranks it prints `messages from each rank: [0, 1, 2, 3]`.
//!
//! Run:    mpirun -n 4 exercise_06_b
//! Check:  make exercise 6b

use rankwise::prelude::*;

fn main() -> ExitCode {
    rankwise::run(|world| {
        if world.is_root() {
            let counts = vec![0; world.size()];
            let total = world.size() * (world.size() - 1) / 2;
            for _ in 0..total {
                // TODO: world.probe(Any) waits for the next message, whoever sent it (use rankwise::comm::Any). It has a
                // source(); recv() takes it.
            }
            println!("messages from each rank: {counts:?}");
        } else {
            for i in 0..world.rank() {
                world.send(0, &[i])?;
            }
        }
        Ok(())
    })
}
