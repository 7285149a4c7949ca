//! Lesson 10, wrong: the first row wants the sum of its ranks, and asks the whole world for it.
//!
//! Run: mpirun -n 4 mistake_10

use rankwise::comm::dims_for;
use rankwise::prelude::*;

fn main() -> ExitCode {
    rankwise::run(|world| {
        let grid = world.grid(&dims_for(world.size(), 2), &[false, true])?;
        let row = grid.line(1)?;
        let mut sum = 0;
        if grid.coordinates()[0] == 0 {
            sum = world.all_reduce_one(world.rank(), Sum)?; // what is meant is row.all_reduce_one
        }
        world.print_in_order(format!("rank {} of {} in its row: {sum}", row.rank(), row.size()))?;
        Ok(())
    })
}
