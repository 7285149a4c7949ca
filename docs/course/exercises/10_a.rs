//! Exercise 10a. Two halves of the ranks, the lower numbers and the higher ones; each sums the numbers of its ranks.
//!
//! On five ranks the lower half has three. A world of one rank has one half.
//!
//! Run:    mpirun -n 4 exercise_10_a
//! Check:  make exercise 10a

use rankwise::prelude::*;

fn main() -> ExitCode {
    rankwise::run(|world| {
        let number = 2 * world.rank() / world.size();
        // TODO: the part of the ranks with the same number, by split.
        let half = world;

        let sum = half.all_reduce_one(world.rank(), Sum)?;
        let place = format!("{} of {} in half {number}", half.rank(), half.size());
        world.print_in_order(format!("rank {} is rank {place}, whose sum is {sum}", world.rank()))?;
        Ok(())
    })
}
