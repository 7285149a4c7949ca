//! Exercise 7a. The program of the lesson, with long messages: it ends with a deadlock.
//!
//! Mend it with `send` and `recv` alone: not all ranks may send first. It has to work with an odd number of ranks, too.
//!
//! Run:    mpirun -n 4 exercise_07_a
//! Check:  make exercise 7a

use rankwise::prelude::*;

fn main() -> ExitCode {
    rankwise::run(|world| {
        let right = (world.rank() + 1) % world.size();
        let left = (world.rank() + world.size() - 1) % world.size();
        let mut travelling = vec![world.rank(); 1_000_000];
        let mut sum = world.rank();
        for _ in 1..world.size() {
            // TODO: another order on every second rank.
            world.send(right, &travelling)?;
            travelling = world.recv(left)?;
            sum += travelling[0];
        }
        world.print_in_order(format!("rank {}: the sum of all ranks is {sum}", world.rank()))?;
        Ok(())
    })
}
