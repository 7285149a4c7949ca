//! Lesson 11, wrong: each rank stops as soon as its own piece of the rod is at rest.
//!
//! Run: mpirun -n 4 mistake_11

use rankwise::prelude::*;

const POINTS: usize = 60;

fn main() -> ExitCode {
    rankwise::run(|world| {
        let rod = world.grid(&[world.size()], &[false])?;
        let places = Partition::even(POINTS, world.size()).range(world.rank());
        let mut mine: Vec<f64> = places.map(|i| if (10..30).contains(&i) { 100.0 } else { 0.0 }).collect();
        for step in 1.. {
            let left = rod.shift(0, 1, &mine[mine.len() - 1..])?.unwrap_or(vec![mine[0]]);
            let right = rod.shift(0, -1, &mine[..1])?.unwrap_or(vec![mine[mine.len() - 1]]);
            let around = [left, mine.clone(), right].concat();
            let next: Vec<f64> =
                around.windows(3).map(|at| at[1] + 0.4 * (at[0] - 2.0 * at[1] + at[2])).collect();
            let moved = next.iter().zip(&mine).map(|(new, old)| (new - old).abs()).fold(0.0, f64::max);
            mine = next;
            if moved < 0.01 {
                println!("rank {} is at rest after {step} steps", world.rank());
                break;
            }
        }
        Ok(())
    })
}
