//! A solution of exercise 14a. `read_rows` is collective: a rank with no rows reads none.

use rankwise::file::{File, Storage};
use rankwise::ndarray::Array2;
use rankwise::prelude::*;

fn main() -> ExitCode {
    rankwise::run(|world| {
        // The file. Rank 0 writes all of it, the others nothing.
        let path = "measured.h5";
        let all = Array2::from_shape_fn((if world.is_root() { 12 } else { 0 }, 2), |(i, j)| {
            if j == 0 { 20.0 + i as f64 } else { 1.0 + i as f64 / 4.0 }
        });
        let file = File::create(world, path)?;
        file.create_dataset::<f64>("measured", &[12, 2], &Storage::default())?.write_rows(0, &all)?;
        file.close()?;

        let file = File::open(world, path)?;
        let measured = file.dataset("measured")?;
        let rows = Partition::even(measured.shape()[0], world.size()).range(world.rank());
        let mine = measured.read_rows::<f64>(rows)?;
        let weight = |e: f64| 1.0 / (e * e);
        let above: f64 = mine.outer_iter().map(|row| row[0] * weight(row[1])).sum();
        let below: f64 = mine.outer_iter().map(|row| weight(row[1])).sum();
        let (above, below) = (world.all_reduce_one(above, Sum)?, world.all_reduce_one(below, Sum)?);

        root_println!(world, "the mean is {:.6}", above / below);
        Ok(())
    })
}
