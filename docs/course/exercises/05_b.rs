//! Exercise 5b. Some readings of a thermometer are no numbers. The farm ends at the first of them, with an error.
//!
//! Let it go on. Rank 0 prints the mean of the good readings, and a line for each of the others: its number and what is wrong.
//!
//! Run:    mpirun -n 4 exercise_05_b
//! Check:  make exercise 5b

use rankwise::prelude::*;

const READINGS: [&str; 6] = ["20.5", "19.0", "n/a", "21.5", "?", "18.0"];

fn read(i: usize) -> std::result::Result<f64, String> {
    READINGS[i].parse().map_err(|_| format!("{} is no number", READINGS[i]))
}

fn main() -> ExitCode {
    rankwise::run(|world| {
        // TODO: collect the errors. What comes back then has `results()`, an Option for each reading, and `errors()`.
        let readings = world.farm(0..READINGS.len()).try_run(read)?;

        if let Some(good) = readings {
            println!("mean {} of {} readings", good.iter().sum::<f64>() / good.len() as f64, good.len());
            // TODO: for each error its `index` and its `message`, as: reading 2: n/a is no number
        }
        Ok(())
    })
}
