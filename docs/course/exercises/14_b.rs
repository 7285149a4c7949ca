//! Exercise 14b: a log that grows. In each of three steps every rank has one line, a step and a rank, and all append theirs. The dataset
//! begins with no rows, and must be made so that it can grow.
//!
//! Run:    mpirun -n 4 exercise_14_b
//! Check:  make exercise 14b

use rankwise::file::{File, Storage};
use rankwise::prelude::*;

fn main() -> ExitCode {
    rankwise::run(|world| {
        let path = "log.h5";

        let file = File::create(world, path)?;
        // TODO: Storage::default() is for a size that stays. And in each of three steps: log.append(&array![[step, world.rank()]])?
        let log = file.create_dataset::<usize>("log", &[0, 2], &Storage::default())?;
        root_println!(world, "{} lines", log.shape()[0]);
        file.close()?;

        let file = File::open(world, path)?;
        let log = file.dataset("log")?;
        let all = log.read_rows::<usize>(0..log.shape()[0])?;
        root_println!(world, "{:?}", all.outer_iter().map(|line| (line[0], line[1])).collect::<Vec<_>>());
        Ok(())
    })
}
