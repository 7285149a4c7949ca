//! Exercise 14a: a file has twelve measurements, in rows of a number and its error. Read it on all ranks, each its block of the rows, and
//! find the weighted mean: the sum of x/e² by the sum of 1/e².
//!
//! Run:    mpirun -n 4 exercise_14_a
//! Check:  make exercise 14a

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

        // TODO: open the file and its dataset "measured", read this rank's block by `read_rows`, and let the sums meet.
        let (above, below) = (0.0, 1.0);

        root_println!(world, "the mean is {:.6}", above / below);
        Ok(())
    })
}
