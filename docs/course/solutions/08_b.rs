//! Solution of exercise 8b.
//!
//! Run:    mpirun -n 3 solution_08_b

use rankwise::comm::wait_all;
use rankwise::prelude::*;

fn main() -> ExitCode {
    rankwise::run(|world| {
        let right = (world.rank() + 1) % world.size();
        let left = (world.rank() + world.size() - 1) % world.size();
        let cells: [usize; 4] = std::array::from_fn(|i| 4 * world.rank() + i);
        let mut sums = [0; 4];

        // What goes to the right has tag 1, what goes to the left has tag 2.
        let going = [world.isend((right, 1), vec![cells[3]])?, world.isend((left, 2), vec![cells[0]])?];
        let before = world.irecv::<usize, _>((left, 1))?;
        let after = world.irecv::<usize, _>((right, 2))?;

        sums[1] = cells[0] + cells[2];
        sums[2] = cells[1] + cells[3];

        sums[0] = before.wait()?[0] + cells[1];
        sums[3] = cells[2] + after.wait()?[0];
        wait_all(going)?;
        world.print_in_order(format!("rank {}: {sums:?}", world.rank()))?;
        Ok(())
    })
}
