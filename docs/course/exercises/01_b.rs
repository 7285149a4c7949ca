//! Exercise 1b: one line for all ranks together. It is `alone` when there is one rank, else for instance `3 ranks`.
//!
//! Run:    mpirun -n 4 exercise_01_b
//! Check:  make exercise 1b

use rankwise::prelude::*;

fn main() -> ExitCode {
    rankwise::run(|world| {
        // TODO: only one rank may print, or the line is there as many times as there are ranks.
        println!("TODO: rank {} has something to say", world.rank());
        Ok(())
    })
}
