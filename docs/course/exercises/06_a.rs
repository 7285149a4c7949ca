//! Exercise 6a. A list goes round the ring the other way, to the left, and every rank writes its number at the end.
//!
//! Rank 0 begins with its own number, and prints the list when it is back: on four ranks `the way was [0, 3, 2, 1]`.
//!
//! Run:    mpirun -n 4 exercise_06_a
//! Check:  make exercise 6a

use rankwise::prelude::*;

fn main() -> ExitCode {
    rankwise::run(|world| {
        let way = vec![world.rank()];
        // TODO: rank 0 sends the list to its left, and receives it from its right.
        // TODO: all others receive it, push their rank, and send it on.
        root_println!(world, "the way was {way:?}");
        Ok(())
    })
}
