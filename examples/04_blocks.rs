//! Lesson 4 of the course: any number of elements on any number of ranks.
//!
//! Run:   mpirun -n 4 04_blocks --len 10
//! Shows: `Partition`, arguments, elements that each rank makes for itself
//! Next:  05_farm

use clap::Parser;
use rankwise::prelude::*;

#[derive(Parser)]
struct Args {
    /// How many elements there are.
    #[arg(long, default_value_t = 10)]
    len: usize,
}

fn main() -> ExitCode {
    rankwise::run_with::<Args>(|world, args| {
        // 1. Who owns what: contiguous blocks, of which the first few have one element more. Every rank can work it out for all.
        let blocks = Partition::even(args.len, world.size());
        let mine = blocks.range(world.rank());
        world.print_in_order(format!("rank {}: {mine:?}, length {}", world.rank(), mine.len()))?;

        // 2. Each makes its own elements: the squares of their places. Nothing is sent.
        let squares: Vec<u64> = mine.map(|place| (place * place) as u64).collect();

        // 3. An empty block sums up to 0, so it needs no case of its own.
        let sum = world.all_reduce_one(squares.iter().sum::<u64>(), Sum)?;
        root_println!(world, "the sum of all squares is {sum}");

        // 4. All elements together again, in their order.
        if let Some(all) = world.gather_by(&blocks, 0, &squares)? {
            println!("{all:?}");
        }
        if args.len > 0 {
            root_println!(world, "the last one is on rank {}", blocks.owner(args.len - 1));
        }
        Ok(())
    })
}
