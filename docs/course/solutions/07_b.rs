//! Solution of exercise 7b.
//!
//! Run:    mpirun -n 4 solution_07_b

use rankwise::prelude::*;

fn main() -> ExitCode {
    rankwise::run(|world| {
        let partner = world.size() - 1 - world.rank();
        let mine = vec![world.rank(); 1_000_000];

        let came = world.send_recv(partner, &mine, partner)?;

        world.print_in_order(format!("rank {} has got {}", world.rank(), came[0]))?;
        Ok(())
    })
}
