//! Solution of exercise 7a.
//!
//! Run:    mpirun -n 4 solution_07_a

use rankwise::prelude::*;

fn main() -> ExitCode {
    rankwise::run(|world| {
        let right = (world.rank() + 1) % world.size();
        let left = (world.rank() + world.size() - 1) % world.size();
        let mut travelling = vec![world.rank(); 1_000_000];
        let mut sum = world.rank();
        for _ in 1..world.size() {
            // Even ranks send first, odd ones receive first. If their number is odd, two even ranks stand side by side: the last
            // one waits until rank 0 has sent, and no circle is closed.
            if world.rank() % 2 == 0 {
                world.send(right, &travelling)?;
                travelling = world.recv(left)?;
            } else {
                let came = world.recv(left)?;
                world.send(right, &travelling)?;
                travelling = came;
            }
            sum += travelling[0];
        }
        world.print_in_order(format!("rank {}: the sum of all ranks is {sum}", world.rank()))?;
        Ok(())
    })
}
