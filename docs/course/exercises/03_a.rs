//! Exercise 3a: rank r has the number r * r. Every rank must know the mean of all numbers, and the root prints how many of them are
//! above the mean:
//!     the mean is 3.5, and 2 of 4 are above it
//!
//! Run:    mpirun -n 4 exercise_03_a
//! Check:  make exercise 3a

use rankwise::prelude::*;

fn main() -> ExitCode {
    rankwise::run(|world| {
        let mine = (world.rank() * world.rank()) as f64;
        // TODO: this is the mean of one number only
        let mean = mine;
        let above = usize::from(mine > mean);
        root_println!(world, "the mean is {mean}, and {above} of {} are above it: TODO", world.size());
        Ok(())
    })
}
