//! Solution of exercise 10b.
//!
//! Run:    mpirun -n 4 solution_10_b

use rankwise::comm::dims_for;
use rankwise::prelude::*;

fn main() -> ExitCode {
    rankwise::run(|world| {
        let grid = world.grid(&dims_for(world.size(), 2), &[false, false])?;
        let mine = world.rank() * world.rank();

        let mut sum = 0;
        for axis in [0, 1] {
            for by in [-1, 1] {
                if let Some(came) = grid.shift(axis, by, &[mine])? {
                    sum += came[0];
                }
            }
        }
        let at = grid.coordinates();
        world.print_in_order(format!("rank {} at {at:?}: its neighbours sum to {sum}", world.rank()))?;
        Ok(())
    })
}
