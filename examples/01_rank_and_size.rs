//! Lesson 1 of the course: many copies of one program, each with a number of its own.
//!
//! Run:   mpirun -n 4 01_rank_and_size
//! Shows: `run`, `rank`, `size`
//! Next:  02_ordered_printing

use rankwise::prelude::*;

fn main() -> ExitCode {
    rankwise::run(|world| {
        println!("I am rank {} of {}", world.rank(), world.size());
        Ok(())
    })
}
