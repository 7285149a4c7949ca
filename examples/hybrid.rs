//! Ranks with threads: each rank deals its block out to threads of its own, and the digits do not depend on how many there are.
//!
//! Run:    OMP_NUM_THREADS=2 $MPIEXEC -n 2 target/openmpi/release/examples/hybrid
//! Shows:  `program::threads`, scoped threads beside MPI, a sum that is the same for any ranks and threads
//! Next:   slurm/hybrid.sbatch, where Slurm gives each rank its cores

use clap::Parser;
use rankwise::prelude::*;

/// π, as the mean height of an arch.
#[derive(Parser)]
#[command(after_help = "Example: mpirun -n 2 hybrid --points 100000000 --threads 4")]
struct Args {
    /// Points under the arch.
    #[arg(long, default_value_t = 10_000_000)]
    points: usize,
    /// Threads of each rank; without it OMP_NUM_THREADS, or what Slurm gives to a task.
    #[arg(long)]
    threads: Option<usize>,
}

fn main() -> ExitCode {
    rankwise::run_with::<Args>(|world, args| {
        let threads = args.threads.unwrap_or_else(rankwise::program::threads).max(1);

        // 1. This rank's block of the points, and of that a piece for each thread. Only the first thread may communicate.
        let mine = Partition::even(args.points, world.size()).range(world.rank());
        let mut heights = vec![0.0; mine.len()];
        let piece = mine.len().div_ceil(threads).max(1);
        std::thread::scope(|scope| {
            for (k, heights) in heights.chunks_mut(piece).enumerate() {
                let first = mine.start + k * piece;
                scope.spawn(move || {
                    for (i, height) in heights.iter_mut().enumerate() {
                        let x = ((first + i) as f64 + 0.5) / args.points as f64;
                        *height = 4.0 / (1.0 + x * x);
                    }
                });
            }
        });

        // 2. All ranks together: an exact sum, so it does not matter who has added what.
        let pi = world.mean(&heights)?;
        root_println!(world, "{} ranks with {threads} threads each", world.size());
        root_println!(world, "π is about {pi:.14}");
        Ok(())
    })
}
