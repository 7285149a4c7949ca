//! Exercise 11b: a plate of 24 x 16 points, with a hot spot. In each of 50 steps a point becomes the mean of its four neighbours,
//! and what is beyond an edge is as warm as the edge. `DistArray::stencil` exchanges the halos of a block with all its neighbours.
//!
//! Run:    mpirun -n 4 exercise_11_b
//! Check:  make exercise 11b

use rankwise::array::{DistArray, Layout};
use rankwise::prelude::*;

fn main() -> ExitCode {
    rankwise::run(|world| {
        let layout = Layout::grid_auto(world, [24, 16])?;
        let spot = |(y, x)| if (8..16).contains(&y) && (4..8).contains(&x) { 100.0 } else { 0.0 };
        let plate: DistArray<f64, _> = DistArray::from_fn(&layout, spot)?;
        // TODO: 50 steps: plate = plate.stencil(1, Boundary::Nearest, |at| …)?, where at[[-1, 0]] is the point above.
        let (hottest, mean) = (plate.max()?.unwrap_or(0.0), plate.mean()?);
        root_println!(world, "hottest {hottest:.4}, mean {mean:.4}");
        Ok(())
    })
}
