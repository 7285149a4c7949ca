//! A solution of exercise 11a: the greatest of all ranks is the same on all of them, so all decide alike.

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
            let around = [left, mine.clone(), right].concat();
            let next: Vec<f64> =
                around.windows(3).map(|at| at[1] + 0.4 * (at[0] - 2.0 * at[1] + at[2])).collect();
            steps += 1;
            let moved = next.iter().zip(&mine).map(|(new, old)| (new - old).abs()).fold(0.0, f64::max);
            mine = next;
            if world.all_reduce_one(moved, Max)? < 0.05 {
                break;
            }
        }
        root_println!(world, "at rest after {steps} steps");
        Ok(())
    })
}
