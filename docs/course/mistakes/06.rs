//! Lesson 6, wrong: the ring is not closed, because `% world.size()` was forgotten.
//!
//! Run: mpirun -n 4 mistake_06

use rankwise::prelude::*;

fn main() -> ExitCode {
    rankwise::run(|world| {
        let right = world.rank() + 1;
        let left = (world.rank() + world.size() - 1) % world.size();
        if world.is_root() {
            world.send(right, &[0usize])?;
            let sum: Vec<usize> = world.recv(left)?;
            println!("the sum of all ranks is {}", sum[0]);
        } else {
            let sum: Vec<usize> = world.recv(left)?;
            world.send(right, &[sum[0] + world.rank()])?;
        }
        Ok(())
    })
}
