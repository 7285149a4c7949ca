//! Exercise 10b. Ranks on a grid that is open on all sides. Each has a number, its rank times itself, and wants the sum of its
//! neighbours' numbers; it has two to four of them, or fewer on small grids.
//!
//! Run:    mpirun -n 4 exercise_10_b
//! Check:  make exercise 10b

use rankwise::comm::dims_for;
use rankwise::prelude::*;

fn main() -> ExitCode {
    rankwise::run(|world| {
        let grid = world.grid(&dims_for(world.size(), 2), &[false, false])?;
        let mine = world.rank() * world.rank();

        // TODO: shift `mine` along both axes, in both directions. Where nobody is, None comes.
        let sum = mine;

        let at = grid.coordinates();
        world.print_in_order(format!("rank {} at {at:?}: its neighbours sum to {sum}", world.rank()))?;
        Ok(())
    })
}
