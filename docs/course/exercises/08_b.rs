//! Exercise 8b. A ring of cells, four on each rank. Each cell wants the sum of the cell before it and the one after it, and those
//! of the first and the last cell lie on other ranks.
//!
//! Get these two numbers, and compute the two sums in the middle while they are on their way. On two ranks left and right are
//! the same rank: tags tell the two messages apart.
//!
//! Run:    mpirun -n 4 exercise_08_b
//! Check:  make exercise 8b

use rankwise::prelude::*;

fn main() -> ExitCode {
    rankwise::run(|world| {
        let cells: [usize; 4] = std::array::from_fn(|i| 4 * world.rank() + i);
        let mut sums = [0; 4];

        // TODO: isend((right, 1), …) the last cell, and isend((left, 2), …) the first one; irecv to match.
        let (before, after) = (0, 0);

        sums[1] = cells[0] + cells[2];
        sums[2] = cells[1] + cells[3];

        // TODO: wait for both numbers here.
        sums[0] = before + cells[1];
        sums[3] = cells[2] + after;
        world.print_in_order(format!("rank {}: {sums:?}", world.rank()))?;
        Ok(())
    })
}
