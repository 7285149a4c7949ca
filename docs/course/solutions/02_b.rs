//! A solution of exercise 2b: the captain comes first, so a captain who is alone is no cook.

use rankwise::prelude::*;

fn main() -> ExitCode {
    rankwise::run(|world| {
        let role = match world.rank() {
            0 => "the captain".to_owned(),
            rank if rank == world.size() - 1 => "the cook".to_owned(),
            rank => format!("sailor {rank}"),
        };
        world.print_in_order(format!("rank {} is {role}", world.rank()))?;
        Ok(())
    })
}
