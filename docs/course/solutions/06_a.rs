//! Solution of exercise 6a.
//!
//! Run:    mpirun -n 4 solution_06_a

use rankwise::prelude::*;

fn main() -> ExitCode {
    rankwise::run(|world| {
        let right = (world.rank() + 1) % world.size();
        let left = (world.rank() + world.size() - 1) % world.size();
        let mut way = vec![world.rank()];
        if world.is_root() {
            world.send(left, &way)?;
            way = world.recv(right)?;
        } else {
            way = world.recv(right)?;
            way.push(world.rank());
            world.send(left, &way)?;
        }
        root_println!(world, "the way was {way:?}");
        Ok(())
    })
}
