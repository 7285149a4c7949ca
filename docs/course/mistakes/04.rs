//! A mistake: every rank is given len / size elements, and the remainder is forgotten.

use rankwise::prelude::*;

fn main() -> ExitCode {
    rankwise::run(|world| {
        let squares: Vec<u64> = (0..10).map(|place| place * place).collect();
        let each = squares.len() / world.size();

        // 1. By hand: nobody sees it, and the sum is wrong.
        let mine = &squares[world.rank() * each..(world.rank() + 1) * each];
        let sum = world.all_reduce_one(mine.iter().sum::<u64>(), Sum)?;
        root_println!(world, "the sum of all squares is {sum}");

        // 2. By a call that is told about the blocks: it sees that they are not the whole.
        let blocks = Partition::from_counts(&vec![each; world.size()]);
        let mine = world.scatter_by(&blocks, 0, world.is_root().then_some(&squares[..]))?;
        root_println!(world, "rank 0 has {mine:?}");
        Ok(())
    })
}
