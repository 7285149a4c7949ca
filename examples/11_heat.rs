//! Lesson 11. Halos: a hot rod cools, and each rank with a piece of it borrows one point from each neighbour in every step.
//!
//! Run:    mpirun -n 4 11_heat
//! Shows:  a halo, exchanged by `shift` along a grid that has ends; the same numbers on any number of ranks
//! Next:   12_counter; heat.rs is the same in two dimensions, with files and a restart

use rankwise::prelude::*;

const POINTS: usize = 60;

fn main() -> ExitCode {
    rankwise::run(|world| {
        if world.size() > POINTS {
            return Err(format!("{POINTS} points are too few for {} ranks", world.size()).into());
        }
        // 1. Each rank's piece of the rod: hot in one third, cold elsewhere.
        let rod = world.grid(&[world.size()], &[false])?;
        let places = Partition::even(POINTS, world.size()).range(world.rank());
        let mut mine: Vec<f64> = places.map(|i| if (10..30).contains(&i) { 100.0 } else { 0.0 }).collect();
        draw(world, 0, &mine)?;

        let steps = std::env::args().nth(1).map_or(Ok(400), |word| word.parse())?;
        for step in 1..=steps {
            // 2. The halo: the last point of the rank before, and the first of the rank after. `None` is an end of the rod.
            let left = rod.shift(0, 1, &mine[mine.len() - 1..])?.unwrap_or(vec![mine[0]]);
            let right = rod.shift(0, -1, &mine[..1])?.unwrap_or(vec![mine[mine.len() - 1]]);
            // 3. Each point moves towards the mean of its neighbours.
            let around = [left, mine, right].concat();
            mine = around.windows(3).map(|at| at[1] + 0.4 * (at[0] - 2.0 * at[1] + at[2])).collect();
            if step % 80 == 0 {
                draw(world, step, &mine)?;
            }
        }
        Ok(())
    })
}

/// The whole rod in one line, cold to hot, and its hottest point.
fn draw(world: &Comm, step: usize, mine: &[f64]) -> rankwise::Result<()> {
    if let Some(rod) = world.gather(0, mine)? {
        let line: String =
            rod.iter().map(|t| ['.', ':', '-', '=', '+', '*', '#', '%', '@'][(t / 12.0) as usize]).collect();
        println!("step {step:3} |{line}| {:.3}", rod.iter().copied().fold(0.0, f64::max));
    }
    Ok(())
}
