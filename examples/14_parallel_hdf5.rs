//! Lesson 14. Parallel HDF5: one file from all ranks, written by rows, read by columns.
//!
//! Run:    mpirun -n 4 14_parallel_hdf5 table.h5        then: h5dump table.h5
//! Shows:  a file, a dataset, an attribute; each rank writes its block, and reads another
//! Next:   15_threads; docs/files.md has the rest: compression, checkpoints, file systems

use rankwise::file::{File, Storage};
use rankwise::ndarray::Array2;
use rankwise::prelude::*;

const SHAPE: [usize; 2] = [10, 6];

fn main() -> ExitCode {
    rankwise::run(|world| {
        let path = std::env::args().nth(1).ok_or("name a file: 14_parallel_hdf5 table.h5")?;

        // 1. Each rank has a block of the rows. With more ranks than rows, some have none.
        let rows = Partition::even(SHAPE[0], world.size()).range(world.rank());
        let mine =
            Array2::from_shape_fn((rows.len(), SHAPE[1]), |(i, j)| ((rows.start + i) * 100 + j) as f64);

        // 2. All create the file, all write; it appears under its name when all have closed it.
        let file = File::create(world, &path)?;
        let table = file.create_dataset::<f64>("table", &SHAPE, &Storage::default())?;
        table.set_attribute("unit", "K")?;
        table.write_rows(rows.start, &mine)?;
        file.close()?;

        // 3. The file knows nothing of ranks: it can be read in any other way, by any number of them.
        let file = File::open(world, &path)?;
        let table = file.dataset("table")?;
        let unit = table.text("unit").ok_or("the table has no unit")?;
        let columns = Partition::even(SHAPE[1], world.size()).range(world.rank());
        let block = table.read_block::<f64>(&[0, columns.start], &[SHAPE[0], columns.len()])?;
        let sums: Vec<f64> = block.columns().into_iter().map(|column| column.sum()).collect();
        if let Some(sums) = world.gather(0, &sums)? {
            println!("the columns sum to {sums:?} {unit}");
        }
        Ok(())
    })
}
