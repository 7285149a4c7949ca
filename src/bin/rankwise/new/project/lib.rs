//! What PROJECT computes; the program and its tests both call it.

//[hdf5
use std::path::Path;

use rankwise::array::{DistArray, Layout};
use rankwise::file::File;
//]
use rankwise::prelude::*;

/// π, as the mean height of the arch 4 / (1 + x²) over the middles of `points` equal steps from 0 to 1.
///
/// # Collective
/// All ranks must call this, with the same number of points.
//[farm
pub fn pi(world: &Comm, points: usize) -> Result<f64> {
    // 1. One task a point, to whoever is free; the root has their sum, in the order of the points.
    let task = |i| Ok::<_, String>(height(i, points));
    let sum = world.farm(0..points).map_reduce(task, |a, b| a + b)?;
    // 2. Everyone has it; the bits do not depend on the ranks.
    let mut sum = [sum.unwrap_or(0.0)];
    world.broadcast_into(0, &mut sum)?;
    Ok(sum[0] / points as f64)
}
//]
//[!farm
pub fn pi(world: &Comm, points: usize) -> Result<f64> {
    // 1. This rank's share of the points: the shares differ by one at most, and may be empty.
    let mine = Partition::even(points, world.size()).range(world.rank());
    let heights: Vec<f64> = mine.map(|i| height(i, points)).collect();
    // 2. All ranks have the sum; its bits do not depend on their number.
    Ok(world.sum(&heights)? / points as f64)
}
//]
//[hdf5

/// Writes all heights into the dataset `heights` of a new file, each rank its part.
///
/// # Collective
/// All ranks must call this, with the same arguments.
pub fn save(world: &Comm, points: usize, path: &Path) -> Result<()> {
    let heights = DistArray::from_fn(&Layout::rows(world, [points])?, |i| height(i, points))?;
    let file = File::create(world, path)?;
    heights.save(&file, "heights")?;
    file.close()
}
//]

/// The height of the arch at point `i` of `points`.
fn height(i: usize, points: usize) -> f64 {
    let x = (i as f64 + 0.5) / points as f64;
    4.0 / (1.0 + x * x)
}
