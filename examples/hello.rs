//! Rank and size: who is there, and one number from all of them.
//!
//! Run: mpirun -n 4 target/openmpi/release/examples/hello
//!      with --verbose: the node, cores, memory and GPUs of each rank, too
//! Shows: `run`, `rank`, `size`, `host`, ordered output, and one all-reduce.
//! Next: parzen, a real program.

use rankwise::prelude::*;

fn main() -> ExitCode {
    rankwise::run(|world| {
        // 1. Every rank introduces itself; the lines come out in rank order.
        let mut line = format!("rank {} of {} on {}", world.rank(), world.size(), world.host());
        if std::env::args().any(|word| word == "--verbose") {
            line += &format!(": {}", rankwise::program::place(world)?);
        }
        world.print_in_order(line)?;

        // 2. One number from each rank, added up; every rank gets the sum.
        let sum = world.all_reduce_one(world.rank(), Sum)?;

        // 3. One rank speaks for all.
        root_println!(world, "the sum of all ranks is {sum}");
        Ok(())
    })
}
