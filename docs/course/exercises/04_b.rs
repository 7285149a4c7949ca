//! Exercise 4b: the mean of each block, also where there are more ranks than elements. The elements are 10, 20, 30, ...
//! Each rank prints, in the order of the ranks, its mean or that it has nothing; then the root prints the mean of all:
//!     rank 0: mean 15
//!     rank 3: nothing
//!     all: mean 25
//!
//! Run:    mpirun -n 4 exercise_04_b
//! Check:  make exercise 4b

use clap::Parser;
use rankwise::prelude::*;

#[derive(Parser)]
struct Args {
    /// How many elements there are, one at least.
    #[arg(long, default_value_t = 4)]
    len: usize,
}

fn main() -> ExitCode {
    rankwise::run_with::<Args>(|world, args| {
        // TODO: this rank's block, instead of all
        let mine: Vec<f64> = (0..args.len).map(|place| 10.0 * (place + 1) as f64).collect();
        // TODO: for the mean of all, what has to be known of each rank? The mean of means is wrong when blocks differ.
        let mean = mine.iter().sum::<f64>() / mine.len() as f64;
        world.print_in_order(format!("rank {}: mean {mean}, TODO", world.rank()))?;
        Ok(())
    })
}
