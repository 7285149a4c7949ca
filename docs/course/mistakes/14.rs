//! Lesson 14, wrong: a rank that has no rows thinks that it has nothing to write.
//!
//! Run: mpirun -n 4 mistake_14 table.h5

use rankwise::file::{File, Storage};
use rankwise::ndarray::Array1;
use rankwise::prelude::*;

const ROWS: usize = 3;

fn main() -> ExitCode {
    rankwise::run(|world| {
        let path = std::env::args().nth(1).ok_or("name a file: mistake_14 table.h5")?;
        let rows = Partition::even(ROWS, world.size()).range(world.rank());
        let mine: Array1<f64> = rows.clone().map(|i| i as f64).collect();

        let file = File::create(world, &path)?;
        let table = file.create_dataset::<f64>("table", &[ROWS], &Storage::default())?;
        if !mine.is_empty() {
            table.write_rows(rows.start, &mine)?;
        }
        file.close()?;
        root_println!(world, "written");
        Ok(())
    })
}
