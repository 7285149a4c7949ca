//! Exercise 15b: parts of the same length are not the same work. So let the threads of a rank take pieces of 100 starts from its block
//! until none is left, as the ranks of lesson 12 take tasks: an `AtomicUsize` is a counter that the threads of a rank share. Add up the
//! steps of all starts below 30001, and count the pieces.
//!
//! Run:    mpirun -n 4 exercise_15_b
//! Check:  make exercise 15b

use std::sync::atomic::AtomicU64;

use rankwise::prelude::*;

const STARTS: usize = 30_000;
const PIECE: usize = 100;

fn main() -> ExitCode {
    rankwise::run(|world| {
        let mine = Partition::even(STARTS, world.size()).range(world.rank());
        let threads = rankwise::program::threads();
        let (steps, pieces) = (AtomicU64::new(0), AtomicU64::new(0));
        // TODO: start the threads; each takes pieces with fetch_add, as long as there are any.
        let _ = (mine, threads, PIECE, steps_from);

        let sums = world.all_reduce(&[steps.into_inner(), pieces.into_inner()], Sum)?;
        root_println!(world, "{} steps in {} pieces", sums[0], sums[1]);
        Ok(())
    })
}

fn steps_from(mut n: usize) -> u64 {
    let mut steps = 0;
    while n > 1 {
        n = if n.is_multiple_of(2) { n / 2 } else { 3 * n + 1 };
        steps += 1;
    }
    steps
}
