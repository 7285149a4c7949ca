//! A solution of exercise 15b. Atomics are for the threads of one rank; ranks share no memory, so their counter is that of lesson 12.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU64, AtomicUsize};

use rankwise::prelude::*;

const STARTS: usize = 30_000;
const PIECE: usize = 100;

fn main() -> ExitCode {
    rankwise::run(|world| {
        let mine = Partition::even(STARTS, world.size()).range(world.rank());
        let threads = rankwise::program::threads();
        let (steps, pieces) = (AtomicU64::new(0), AtomicU64::new(0));
        let next = AtomicUsize::new(mine.start);
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    loop {
                        let first = next.fetch_add(PIECE, Relaxed);
                        if first >= mine.end {
                            break;
                        }
                        let piece = first + 1..mine.end.min(first + PIECE) + 1;
                        steps.fetch_add(piece.map(steps_from).sum::<u64>(), Relaxed);
                        pieces.fetch_add(1, Relaxed);
                    }
                });
            }
        });

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
