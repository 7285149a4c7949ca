//! Lesson 12. One-sided: a number that every rank changes, without the rank that has it: the ring's sum, and work to be taken.
//!
//! Run:    mpirun -n 4 12_counter
//! Shows:  a one-sided counter: `fetch_add`, `get`, and the barrier between them
//! Next:   13_node_shared

use std::time::Duration;

use rankwise::prelude::*;

const TASKS: u64 = 24;

fn main() -> ExitCode {
    rankwise::run(|world| {
        // 1. The ring's sum once more. Nobody passes anything on: each rank adds itself to a number on rank 0.
        let sum = world.counter()?;
        sum.fetch_add(world.rank() as u64)?;
        // All have added, and only then is there a sum to read.
        world.barrier()?;
        if world.is_root() {
            println!("the sum of all ranks is {}", sum.get()?);
        }

        // 2. Work: who is free takes the next number. Every third task is long.
        let next = world.counter()?;
        let mut done = Vec::new();
        loop {
            let task = next.fetch_add(1)?;
            if task >= TASKS {
                break;
            }
            let _task = world.phase("task");
            std::thread::sleep(Duration::from_millis(if task % 3 == 0 { 12 } else { 2 }));
            done.push(task);
        }

        // 3. No task was left out, and none was done twice.
        world.print_in_order(format!("rank {} did {} tasks", world.rank(), done.len()))?;
        if let Some(mut all) = world.gather(0, &done)? {
            all.sort();
            println!("{} tasks, each done once: {}", all.len(), all == Vec::from_iter(0..TASKS));
        }
        Ok(())
    })
}
