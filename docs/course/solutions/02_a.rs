//! A solution of exercise 2a.

use rankwise::prelude::*;

fn main() -> ExitCode {
    rankwise::run(|world| {
        let mine: Vec<usize> = (1..=12).skip(world.rank()).step_by(world.size()).collect();
        let sum: usize = mine.iter().sum();
        world.print_in_order(format!("rank {}: {mine:?}, together {sum}", world.rank()))?;
        Ok(())
    })
}
