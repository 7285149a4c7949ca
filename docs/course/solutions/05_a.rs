//! Solution of exercise 5a.
//!
//! Run:    mpirun -n 4 solution_05_a

use rankwise::prelude::*;

/// Steps from `number` to 1.
fn steps(mut number: u64) -> u64 {
    let mut steps = 0;
    while number > 1 {
        number = if number.is_multiple_of(2) { number / 2 } else { 3 * number + 1 };
        steps += 1;
    }
    steps
}

fn main() -> ExitCode {
    rankwise::run(|world| {
        let counts = world.farm(1..10_000u64).run(steps)?;

        if let Some(counts) = counts {
            let most = counts.iter().max().copied().unwrap_or(0);
            let place = counts.iter().position(|&steps| steps == most).unwrap_or(0);
            println!("{} takes {most} steps", place + 1);
        }
        Ok(())
    })
}
