//! Solution of exercise 6b.
//!
//! Run:    mpirun -n 4 solution_06_b

use rankwise::comm::Any;
use rankwise::prelude::*;

fn main() -> ExitCode {
    rankwise::run(|world| {
        if world.is_root() {
            let mut counts = vec![0; world.size()];
            let total = world.size() * (world.size() - 1) / 2;
            for _ in 0..total {
                let message = world.probe(Any)?;
                counts[message.source()] += 1;
                message.recv::<usize, _>()?;
            }
            println!("messages from each rank: {counts:?}");
        } else {
            for i in 0..world.rank() {
                world.send(0, &[i])?;
            }
        }
        Ok(())
    })
}
