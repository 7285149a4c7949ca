//! Lesson 5, wrong: only rank 0 runs the farm, as in a program with a pool of processes.
//!
//! Run: mpirun -n 4 mistake_05

use rankwise::prelude::*;

fn main() -> ExitCode {
    rankwise::run(|world| {
        if world.is_root() {
            let squares = world.farm(0..1000u64).run(|i| i * i)?;
            println!("{:?}", squares.map(|squares| squares.len()));
        }
        Ok(())
    })
}
