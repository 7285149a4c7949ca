//! A solution of exercise 11b. The ranks form a grid, and a halo has four sides; that is the business of `stencil`.

use rankwise::array::{Boundary, DistArray, Layout};
use rankwise::prelude::*;

fn main() -> ExitCode {
    rankwise::run(|world| {
        let layout = Layout::grid_auto(world, [24, 16])?;
        let spot = |(y, x)| if (8..16).contains(&y) && (4..8).contains(&x) { 100.0 } else { 0.0 };
        let mut plate: DistArray<f64, _> = DistArray::from_fn(&layout, spot)?;
        for _ in 0..50 {
            plate = plate.stencil(1, Boundary::Nearest, |at| {
                (at[[-1, 0]] + at[[1, 0]] + at[[0, -1]] + at[[0, 1]]) / 4.0
            })?;
        }
        let (hottest, mean) = (plate.max()?.unwrap_or(0.0), plate.mean()?);
        root_println!(world, "hottest {hottest:.4}, mean {mean:.4}");
        Ok(())
    })
}
