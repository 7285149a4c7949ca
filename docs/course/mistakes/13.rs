//! Lesson 13, wrong: the closure that fills the table asks all ranks, but only one rank of each node runs it.
//!
//! Run: mpirun -n 4 mistake_13

use rankwise::prelude::*;

fn main() -> ExitCode {
    rankwise::run(|world| {
        let table = world.node_shared(100, |table: &mut [u64]| {
            let size = world.all_reduce_one(1, Sum)?;
            table.fill(size);
            Ok(())
        })?;
        root_println!(world, "{}", table[0]);
        Ok(())
    })
}
