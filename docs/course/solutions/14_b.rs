//! A solution of exercise 14b. The lines of a step stand in the order of the ranks, whoever comes first.

use rankwise::file::{File, Storage};
use rankwise::ndarray::array;
use rankwise::prelude::*;

fn main() -> ExitCode {
    rankwise::run(|world| {
        let path = "log.h5";

        let file = File::create(world, path)?;
        let mut log = file.create_dataset::<usize>("log", &[0, 2], &Storage::default().unlimited())?;
        for step in 0..3 {
            log.append(&array![[step, world.rank()]])?;
        }
        root_println!(world, "{} lines", log.shape()[0]);
        file.close()?;

        let file = File::open(world, path)?;
        let log = file.dataset("log")?;
        let all = log.read_rows::<usize>(0..log.shape()[0])?;
        root_println!(world, "{:?}", all.outer_iter().map(|line| (line[0], line[1])).collect::<Vec<_>>());
        Ok(())
    })
}
