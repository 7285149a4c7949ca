//! Solution of exercise 8a.
//!
//! Run:    mpirun -n 4 solution_08_a

use rankwise::comm::wait_all;
use rankwise::prelude::*;

fn main() -> ExitCode {
    rankwise::run(|world| {
        let others = (0..world.size()).filter(|&other| other != world.rank());

        let mut sends = Vec::new();
        for other in others.clone() {
            sends.push(world.isend(other, vec![world.rank(); 1_000_000])?);
        }
        let mut sum = 0;
        for other in others {
            sum += world.recv::<usize, _>(other)?[0];
        }
        wait_all(sends)?;

        world.print_in_order(format!("rank {}: the others sum to {sum}", world.rank()))?;
        Ok(())
    })
}
