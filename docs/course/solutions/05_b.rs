//! Solution of exercise 5b.
//!
//! Run:    mpirun -n 4 solution_05_b

use rankwise::prelude::*;

const READINGS: [&str; 6] = ["20.5", "19.0", "n/a", "21.5", "?", "18.0"];

fn read(i: usize) -> std::result::Result<f64, String> {
    READINGS[i].parse().map_err(|_| format!("{} is no number", READINGS[i]))
}

fn main() -> ExitCode {
    rankwise::run(|world| {
        let readings = world.farm(0..READINGS.len()).collect_errors().try_run(read)?;

        if let Some(readings) = readings {
            let good: Vec<f64> = readings.results().iter().flatten().copied().collect();
            println!("mean {} of {} readings", good.iter().sum::<f64>() / good.len() as f64, good.len());
            for error in readings.errors().iter() {
                println!("reading {}: {}", error.index, error.message);
            }
        }
        Ok(())
    })
}
