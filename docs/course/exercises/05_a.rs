//! Exercise 5a. From a number, go to its half if it is even, else to three times it plus one, until 1 is reached. Which of the
//! numbers 1 to 9999 takes the most steps?
//!
//! All ranks are to find out together, by a farm. Rank 0 prints the number and its steps; of several, the smallest number.
//!
//! Run:    mpirun -n 4 exercise_05_a
//! Check:  make exercise 5a

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
        // TODO: a farm over the numbers 1 to 9999, `1..10_000u64`, instead of the number 1 alone.
        let counts = world.is_root().then(|| vec![steps(1)]);

        if let Some(counts) = counts {
            let most = counts.iter().max().copied().unwrap_or(0);
            let place = counts.iter().position(|&steps| steps == most).unwrap_or(0);
            println!("{} takes {most} steps", place + 1);
        }
        Ok(())
    })
}
