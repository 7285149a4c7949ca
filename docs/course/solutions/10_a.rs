//! Solution of exercise 10a.
//!
//! Run:    mpirun -n 5 solution_10_a

use rankwise::prelude::*;

fn main() -> ExitCode {
    rankwise::run(|world| {
        let number = 2 * world.rank() / world.size();
        let half = world.split(Some(number), 0)?.expect("every rank has a color");

        let sum = half.all_reduce_one(world.rank(), Sum)?;
        let place = format!("{} of {} in half {number}", half.rank(), half.size());
        world.print_in_order(format!("rank {} is rank {place}, whose sum is {sum}", world.rank()))?;
        Ok(())
    })
}
