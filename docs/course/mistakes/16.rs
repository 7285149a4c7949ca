//! Lesson 16, wrong: only rank 0 reads the input, so only rank 0 times that.
//!
//! Run: mpirun -n 3 mistake_16

use std::time::Duration;

use rankwise::prelude::*;
use rankwise::report::Phases;

fn main() -> ExitCode {
    rankwise::run(|world| {
        let mut phases = Phases::new();
        let numbers = world.is_root().then(|| {
            phases.time("read", || {
                std::thread::sleep(Duration::from_millis(50)); // as if from a file
                Vec::from_iter(0..1000u64)
            })
        });
        let mine = phases.time("scatter", || world.scatter(0, numbers.as_deref()))?;
        let sum = phases.time("add", || world.all_reduce_one(mine.iter().sum::<u64>(), Sum))?;
        root_println!(world, "the sum is {sum}");
        if let Some(report) = phases.report(world)? {
            println!("{}", report.text());
        }
        Ok(())
    })
}
