//! Exercise 12b: the squares of the numbers below 1000 are added up, by whoever has time. To ask the counter for each number would
//! cost more than the work. Take sixteen numbers at a time; the last piece is shorter. Count the pieces.
//!
//! Run:    mpirun -n 4 exercise_12_b
//! Check:  make exercise 12b

use rankwise::prelude::*;

const NUMBERS: u64 = 1000;
const PIECE: u64 = 16;

fn main() -> ExitCode {
    rankwise::run(|world| {
        let next = world.counter()?;
        let (mut sum, mut pieces) = (0, 0);
        // TODO: this takes one number at a time.
        loop {
            let first = next.fetch_add(1)?;
            if first >= NUMBERS {
                break;
            }
            sum += first * first;
            pieces += 1;
        }
        let total = world.all_reduce(&[sum, pieces], Sum)?;
        root_println!(world, "the sum is {}, of {} pieces of up to {PIECE} numbers", total[0], total[1]);
        Ok(())
    })
}
