//! Exercise 15a: how often is each digit the last one of i² + i/7, for i below 100000? Each rank has a block of the numbers. Let its
//! threads share that block, each with counts of its own, and add these up when all have ended. How many threads were there, on all ranks?
//!
//! Run:    mpirun -n 4 exercise_15_a
//! Check:  make exercise 15a

use std::ops::Range;

use rankwise::prelude::*;

fn main() -> ExitCode {
    rankwise::run(|world| {
        let mine = Partition::even(100_000, world.size()).range(world.rank());
        let threads = rankwise::program::threads();
        // TODO: Partition::even(mine.len(), threads) has a part for each thread. `scope.spawn(…)` starts one, `.join()` gives its result.
        let started = 0;
        let counts = count(mine);

        let counts = world.all_reduce(&counts, Sum)?;
        let started = world.all_reduce_one(started, Sum)?;
        root_println!(world, "{started} threads, {threads} on each rank: {counts:?}");
        Ok(())
    })
}

fn count(numbers: Range<usize>) -> [u32; 10] {
    let mut counts = [0; 10];
    for i in numbers {
        counts[(i * i + i / 7) % 10] += 1;
    }
    counts
}
