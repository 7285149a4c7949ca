//! Exercise 12a: a machine hands out tickets. Each rank draws three, and no number may be drawn twice. But some are: between its `get`
//! and its `fetch_add` another rank does the same. Repair it.
//!
//! Run:    mpirun -n 4 exercise_12_a
//! Check:  make exercise 12a

use std::time::Duration;

use rankwise::prelude::*;

fn main() -> ExitCode {
    rankwise::run(|world| {
        let machine = world.counter()?;
        let mut mine = Vec::new();
        for _ in 0..3 {
            // TODO: two calls are one too many.
            let ticket = machine.get()?;
            std::thread::sleep(Duration::from_millis(20)); // so that it goes wrong every time, and not once a year
            machine.fetch_add(1)?;
            mine.push(ticket);
        }
        if let Some(mut all) = world.gather(0, &mine)? {
            all.sort();
            println!("tickets {all:?}");
        }
        Ok(())
    })
}
