//! A solution of exercise 1a: the remainder of a division leads from the last rank back to the first.

use rankwise::prelude::*;

fn main() -> ExitCode {
    rankwise::run(|world| {
        let right = (world.rank() + 1) % world.size();
        println!("rank {} -> rank {right}", world.rank());
        Ok(())
    })
}
