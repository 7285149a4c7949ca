//! Lesson 9, wrong: what is sent is a struct, and what is received are plain numbers.
//!
//! Run: mpirun -n 2 mistake_09

use mpi::traits::Equivalence;
use rankwise::prelude::*;

#[derive(Clone, Copy, Equivalence)]
struct Summary {
    sum: f64,
    hottest: f64,
    at: u32,
}

fn main() -> ExitCode {
    rankwise::run(|world| {
        match world.rank() {
            0 => world.send(1, &[Summary { sum: 20.5, hottest: 20.5, at: 0 }])?,
            1 => println!("came: {:?}", world.recv::<f64, _>(0)?),
            _ => {}
        }
        Ok(())
    })
}
