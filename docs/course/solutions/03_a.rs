//! A solution of exercise 3a: two reductions to all, for each rank needs the first before it can take part in the second.

use rankwise::prelude::*;

fn main() -> ExitCode {
    rankwise::run(|world| {
        let mine = (world.rank() * world.rank()) as f64;
        let mean = world.all_reduce_one(mine, Sum)? / world.size() as f64;
        let above = world.all_reduce_one(usize::from(mine > mean), Sum)?;
        root_println!(world, "the mean is {mean}, and {above} of {} are above it", world.size());
        Ok(())
    })
}
