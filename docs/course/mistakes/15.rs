//! Lesson 15, wrong: numbers of 32 bits are too small for the way from some starts, in one thread of one rank.
//!
//! Run: OMP_NUM_THREADS=2 mpirun -n 2 mistake_15

use rankwise::prelude::*;

const LIMIT: usize = 1_000_000;

fn main() -> ExitCode {
    rankwise::run(|world| {
        let threads = rankwise::program::threads();
        let mine = Partition::even(LIMIT - 1, world.size()).range(world.rank());
        let mut steps = vec![0; mine.len()];
        let part = mine.len().div_ceil(threads).max(1);
        std::thread::scope(|scope| {
            for (k, steps) in steps.chunks_mut(part).enumerate() {
                let first = 1 + mine.start + k * part;
                scope.spawn(move || {
                    steps.iter_mut().zip(first..).for_each(|(steps, n)| *steps = steps_from(n))
                });
            }
        });
        let most = steps.iter().copied().max().unwrap_or(0);
        let most = world.all_reduce_one(most, Max)?;
        root_println!(world, "the longest takes {most} steps");
        Ok(())
    })
}

fn steps_from(start: usize) -> u32 {
    let mut n = start as u32;
    let mut steps = 0;
    while n > 1 {
        n = if n.is_multiple_of(2) { n / 2 } else { 3 * n + 1 };
        steps += 1;
    }
    steps
}
