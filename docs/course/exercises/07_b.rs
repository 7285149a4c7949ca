//! Exercise 7b. The first rank and the last exchange a long message, the second and the last but one, and so on: a deadlock.
//!
//! Mend it with one call, which sends and receives at once.
//!
//! Run:    mpirun -n 4 exercise_07_b
//! Check:  make exercise 7b

use rankwise::prelude::*;

fn main() -> ExitCode {
    rankwise::run(|world| {
        let partner = world.size() - 1 - world.rank();
        let mine = vec![world.rank(); 1_000_000];

        // TODO: send_recv instead of these two lines.
        world.send(partner, &mine)?;
        let came: Vec<usize> = world.recv(partner)?;

        world.print_in_order(format!("rank {} has got {}", world.rank(), came[0]))?;
        Ok(())
    })
}
