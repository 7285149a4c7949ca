//! A solution of exercise 12b: the counter goes on by sixteen, and the piece ends where the numbers do.

use rankwise::prelude::*;

const NUMBERS: u64 = 1000;
const PIECE: u64 = 16;

fn main() -> ExitCode {
    rankwise::run(|world| {
        let next = world.counter()?;
        let (mut sum, mut pieces) = (0, 0);
        loop {
            let first = next.fetch_add(PIECE)?;
            if first >= NUMBERS {
                break;
            }
            sum += (first..NUMBERS.min(first + PIECE)).map(|n| n * n).sum::<u64>();
            pieces += 1;
        }
        let total = world.all_reduce(&[sum, pieces], Sum)?;
        root_println!(world, "the sum is {}, of {} pieces of up to {PIECE} numbers", total[0], total[1]);
        Ok(())
    })
}
