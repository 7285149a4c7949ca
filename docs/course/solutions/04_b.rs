//! A solution of exercise 4b: sums of blocks add up to the sum of the whole; means do not.

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
        let block = Partition::even(args.len, world.size()).range(world.rank());
        let mine: Vec<f64> = block.map(|place| 10.0 * (place + 1) as f64).collect();
        let sum: f64 = mine.iter().sum();
        let words = match mine.len() {
            0 => "nothing".to_owned(),
            len => format!("mean {}", sum / len as f64),
        };
        world.print_in_order(format!("rank {}: {words}", world.rank()))?;
        let total = world.all_reduce_one(sum, Sum)?;
        root_println!(world, "all: mean {}", total / args.len as f64);
        Ok(())
    })
}
