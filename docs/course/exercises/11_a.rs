//! Exercise 11a: the rod of the lesson goes on until it is at rest: until in one step no point, on any rank, has moved by 0.05 or more.
//! All ranks must stop after the same step, and it must be the same step on any number of ranks.
//!
//! Run:    mpirun -n 4 exercise_11_a
//! Check:  make exercise 11a

use rankwise::prelude::*;

const POINTS: usize = 60;

fn main() -> ExitCode {
    rankwise::run(|world| {
        let rod = world.grid(&[world.size()], &[false])?;
        let places = Partition::even(POINTS, world.size()).range(world.rank());
        let mut mine: Vec<f64> = places.map(|i| if (10..30).contains(&i) { 100.0 } else { 0.0 }).collect();
        let mut steps = 0;
        for _ in 0..5000 {
            let left = rod.shift(0, 1, &mine[mine.len() - 1..])?.unwrap_or(vec![mine[0]]);
            let right = rod.shift(0, -1, &mine[..1])?.unwrap_or(vec![mine[mine.len() - 1]]);
            let around = [left, mine, right].concat();
            mine = around.windows(3).map(|at| at[1] + 0.4 * (at[0] - 2.0 * at[1] + at[2])).collect();
            steps += 1;
            // TODO: how much has the point moved that has moved most, of all ranks? If that is less than 0.05: break.
        }
        root_println!(world, "at rest after {steps} steps");
        Ok(())
    })
}
