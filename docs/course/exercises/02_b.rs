//! Exercise 2b: a crew. Rank 0 is the captain, the last rank is the cook, all between are sailors, numbered from 1. A captain who
//! is alone does not cook. Each prints its line, in the order of the ranks:
//!     rank 0 is the captain
//!     rank 1 is sailor 1
//!     rank 2 is the cook
//!
//! Run:    mpirun -n 4 exercise_02_b
//! Check:  make exercise 2b

use rankwise::prelude::*;

fn main() -> ExitCode {
    rankwise::run(|world| {
        // TODO: what each rank is
        let role = "TODO".to_owned();
        world.print_in_order(format!("rank {} is {role}", world.rank()))?;
        Ok(())
    })
}
