//! Exercise 3b: rank r has r + 1 parcels. They get numbers, from 1 on, without a gap: rank 0 has parcels 1 to 1, rank 1 has parcels 2 to 3,
//! rank 2 has parcels 4 to 6. Each prints its line, in the order of the ranks, with one collective call to find its numbers:
//!     rank 1 has parcels 2 to 3
//!
//! Run:    mpirun -n 4 exercise_03_b
//! Check:  make exercise 3b

use rankwise::prelude::*;

fn main() -> ExitCode {
    rankwise::run(|world| {
        let parcels = world.rank() + 1;
        // TODO: how many parcels do the ranks before this one have?
        let before = 0;
        world.print_in_order(format!(
            "rank {} has parcels {} to {}, TODO",
            world.rank(),
            before + 1,
            before + parcels
        ))?;
        Ok(())
    })
}
