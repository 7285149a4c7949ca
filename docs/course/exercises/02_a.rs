//! Exercise 2a: deal out the numbers 1 to 12 like cards. Each rank prints, in the order of the ranks, its numbers and their sum:
//!     rank 0: [1, 4, 7, 10], together 22
//!
//! Run:    mpirun -n 4 exercise_02_a
//! Check:  make exercise 2a

use rankwise::prelude::*;

fn main() -> ExitCode {
    rankwise::run(|world| {
        // TODO: only the numbers of this rank
        let mine: Vec<usize> = (1..=12).collect();
        println!("rank {}: {mine:?}, together TODO", world.rank());
        Ok(())
    })
}
