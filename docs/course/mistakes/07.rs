//! Lesson 7, wrong in another way: all receive first, so that nobody ever sends, however short the messages are.
//!
//! Run: mpirun -n 4 mistake_07

use rankwise::prelude::*;

fn main() -> ExitCode {
    rankwise::run(|world| {
        let right = (world.rank() + 1) % world.size();
        let left = (world.rank() + world.size() - 1) % world.size();
        let came: Vec<usize> = world.recv(left)?;
        world.send(right, &[world.rank()])?;
        println!("rank {} has got {}", world.rank(), came[0]);
        Ok(())
    })
}
