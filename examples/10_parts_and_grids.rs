//! Lesson 10. Parts of the ranks that work by themselves, and ranks on a grid.
//!
//! Run:    mpirun -n 4 10_parts_and_grids
//! Shows:  split, grid, shift, line
//! Next:   11_heat

use rankwise::comm::dims_for;
use rankwise::prelude::*;

fn main() -> ExitCode {
    rankwise::run(|world| {
        // 1. Two parts: even ranks and odd ones. In its part a rank has another number.
        let part = world.split(Some(world.rank() % 2), 0)?.expect("every rank has a color");
        let place = format!("{} of {}", part.rank(), part.size());

        // 2. The same ranks on a grid, whose rows are rings.
        let grid = world.grid(&dims_for(world.size(), 2), &[false, true])?;

        // 3. The ring of lesson 7, along each row: shift sends and receives at once.
        let (mut travelling, mut sum) = (vec![world.rank()], world.rank());
        for _ in 1..grid.dims()[1] {
            travelling = grid.shift(1, 1, &travelling)?.expect("in a ring there is always a neighbour");
            sum += travelling[0];
        }
        // 4. A row is a part as well, and has all the collective calls.
        let row = grid.line(1)?;
        assert_eq!(row.all_reduce_one(world.rank(), Sum)?, sum);

        let at = grid.coordinates();
        world.print_in_order(format!(
            "rank {}: {place} in its part, at {at:?} on the grid, sum of its row {sum}",
            world.rank()
        ))?;
        Ok(())
    })
}
