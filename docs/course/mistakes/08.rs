//! Lesson 8, wrong: the receive is started, but waited for before anything is sent.
//!
//! Run: mpirun -n 4 mistake_08

use rankwise::prelude::*;

fn main() -> ExitCode {
    rankwise::run(|world| {
        let right = (world.rank() + 1) % world.size();
        let left = (world.rank() + world.size() - 1) % world.size();
        let coming = world.irecv::<usize, _>(left)?;
        let came = coming.wait()?;
        let sending = world.isend(right, vec![world.rank()])?;
        sending.wait()?;
        println!("rank {} has got {}", world.rank(), came[0]);
        Ok(())
    })
}
