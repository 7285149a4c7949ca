//! π, as the mean height of an arch over ten million points: a sum over many tasks, with the same digits on any number of ranks.
//!
//! Run:    $MPIEXEC -n 4 target/openmpi/release/examples/pi
//! Shows:  a farm over a range, a reduction whose bits do not depend on the ranks
//! Next:   mandelbrot.rs, pool.rs

use rankwise::prelude::*;

const POINTS: u32 = 10_000_000;

fn main() -> ExitCode {
    rankwise::run(|world| {
        // 1. One task a point. Every rank knows the points, so nothing is sent for them.
        let height = |i: u32| {
            let x = (f64::from(i) + 0.5) / f64::from(POINTS);
            Ok::<_, String>(4.0 / (1.0 + x * x))
        };
        // 2. All heights together, in the order of the points, on the root.
        if let Some(sum) = world.farm(0..POINTS).map_reduce(height, |a, b| a + b)? {
            println!("π is about {:.12}", sum / f64::from(POINTS));
        }
        Ok(())
    })
}
