//! Lesson 3 of the course: calls that all ranks make together.
//!
//! Run:   mpirun -n 4 03_collectives
//! Shows: `broadcast_value`, `scatter`, `all_reduce_one`, `reduce`, `gather`, `scan`
//! Next:  04_blocks

use rankwise::prelude::*;

/// Rain in each month of a year, in millimetres. A real program would read it from a file, on one rank.
const RAIN: [u32; 12] = [62, 48, 55, 40, 58, 71, 80, 77, 60, 54, 59, 66];

fn main() -> ExitCode {
    rankwise::run(|world| {
        // 1. Broadcast: what the root knows, all know. From how much on is a month a wet one?
        let limit: u32 = world.broadcast_value(0, world.is_root().then_some(&60))?;

        // 2. Scatter: each rank gets its share of what the root has.
        let mine: Vec<u32> = world.scatter(0, world.is_root().then_some(&RAIN[..]))?;
        let rain: u32 = mine.iter().sum();
        let wet = mine.iter().filter(|month| **month >= limit).count();
        world.print_in_order(format!("rank {} has {mine:?}: {rain} mm, {wet} wet", world.rank()))?;

        // 3. Reduce: the numbers of all ranks become one. On the root only, or, with all_reduce, on every rank.
        if let Some(total) = world.reduce(0, &[rain], Sum)? {
            println!("reduce: {total:?} mm in the year");
        }
        let most = world.all_reduce_one(rain, Max)?;
        let has_most = if rain == most { "the most" } else { "less than the most" };

        // 4. Scan: as a sum, but of the ranks up to this one.
        let until = world.scan(&[rain], Sum)?[0];
        world.print_in_order(format!("rank {}: {has_most}; {until} mm so far", world.rank()))?;

        // 5. Gather: one thing from each rank, side by side on the root.
        if let Some(all) = world.gather(0, &[wet])? {
            println!("gather: wet months of each rank {all:?}");
        }
        Ok(())
    })
}
