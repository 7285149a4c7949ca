//! Lesson 9. A struct goes round the ring: several values of several types in one message.
//!
//! Run:    mpirun -n 4 09_own_types
//! Shows:  a struct that MPI knows, by one line of derive
//! Next:   10_parts_and_grids

use mpi::traits::Equivalence;
use rankwise::prelude::*;

/// What goes round the ring.
#[derive(Clone, Copy, Debug, Equivalence)]
struct Summary {
    sum: f64,
    hottest: f64,
    at: u32,
}

fn main() -> ExitCode {
    rankwise::run(|world| {
        let right = (world.rank() + 1) % world.size();
        let left = (world.rank() + world.size() - 1) % world.size();

        // 1. A thermometer on each rank.
        let temperature = 20.0 + (3 * world.rank() % 5) as f64;
        let mine = Summary { sum: temperature, hottest: temperature, at: world.rank() as u32 };

        // 2. The ring of lesson 6, with a struct instead of a number.
        if world.is_root() {
            world.send(right, &[mine])?;
            let all = world.recv::<Summary, _>(left)?[0];
            println!("mean {:.2}, hottest {} at rank {}", all.sum / world.size() as f64, all.hottest, all.at);
        } else {
            let before = world.recv::<Summary, _>(left)?[0];
            let sum = before.sum + mine.sum;
            let hotter = if mine.hottest > before.hottest { mine } else { before };
            world.send(right, &[Summary { sum, ..hotter }])?;
        }
        Ok(())
    })
}
