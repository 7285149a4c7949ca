//! Lesson 12, wrong: how far all are is added up after every task, but not all ranks do as many tasks.
//!
//! Run: mpirun -n 3 mistake_12

use std::time::Duration;

use rankwise::prelude::*;

fn main() -> ExitCode {
    rankwise::run(|world| {
        let next = world.counter()?;
        let mut done = 0;
        while next.fetch_add(1)? < 10 {
            std::thread::sleep(Duration::from_millis(2));
            done += 1;
            let of_all = world.all_reduce_one(done, Sum)?;
            root_println!(world, "{of_all} tasks are done");
        }
        Ok(())
    })
}
