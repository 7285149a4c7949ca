//! Lesson 15. Threads in ranks: n becomes n/2 if it is even, else 3n + 1. Which start below a million takes longest to 1?
//!
//! Run:    OMP_NUM_THREADS=2 mpirun -n 2 15_threads
//! Shows:  threads of a rank, which share its memory; only the first one communicates
//! Next:   16_scaling; hybrid.rs, and slurm/hybrid.sbatch, where Slurm gives each rank its cores

use rankwise::comm::{MaxWithPlace, Placed};
use rankwise::prelude::*;

const LIMIT: usize = 1_000_000;

fn main() -> ExitCode {
    rankwise::run(|world| {
        // 1. How many threads: as OMP_NUM_THREADS or Slurm says, else one. All ranks of a node share its cores.
        let threads = rankwise::program::threads();
        root_println!(world, "ranks: {}, threads of each: {threads}", world.size());

        // 2. This rank's block of the starts, and of that a part for each thread. The scope ends when its threads have.
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

        // 3. The longest of this rank, then of all. Here only the first thread is left, and it may communicate.
        let most = steps.iter().copied().max().unwrap_or(0);
        let place = steps.iter().position(|steps| *steps == most).map_or(0, |i| 1 + mine.start + i);
        let longest = world.all_reduce_one(Placed { value: most, place: place as u64 }, MaxWithPlace)?;
        root_println!(world, "{} takes {} steps", longest.place, longest.value);
        Ok(())
    })
}

fn steps_from(mut n: usize) -> u32 {
    let mut steps = 0;
    while n > 1 {
        n = if n.is_multiple_of(2) { n / 2 } else { 3 * n + 1 };
        steps += 1;
    }
    steps
}
