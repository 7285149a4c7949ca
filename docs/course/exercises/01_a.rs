//! Exercise 1a: the ranks stand in a circle. Each prints its neighbour on the right, as in
//!     rank 0 -> rank 1
//! The right neighbour of the last rank is rank 0.
//!
//! Run:    mpirun -n 4 exercise_01_a
//! Check:  make exercise 1a

use rankwise::prelude::*;

fn main() -> ExitCode {
    rankwise::run(|world| {
        println!("rank {} -> rank TODO", world.rank());
        Ok(())
    })
}
