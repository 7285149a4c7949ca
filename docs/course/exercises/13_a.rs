//! Exercise 13a: which numbers up to 40000 are a sum of two cubes in two ways? The table of how often each number is such a sum is made
//! by every rank. Make it once on each node.
//!
//! Run:    mpirun -n 4 exercise_13_a
//! Check:  make exercise 13a

use rankwise::prelude::*;

const LIMIT: usize = 40_000;

fn main() -> ExitCode {
    rankwise::run(|world| {
        let mut made = 0;
        // TODO: only one rank of each node makes the table: world.node_shared(LIMIT + 1, |ways: &mut [u8]| …)?
        let mut ways = vec![0u8; LIMIT + 1];
        count(&mut ways);
        made += 1;

        let mine = Partition::even(LIMIT + 1, world.size()).range(world.rank());
        let found: Vec<usize> = mine.filter(|&n| ways[n] > 1).collect();
        let made = world.all_reduce_one(made, Sum)?;
        if let Some(found) = world.gather(0, &found)? {
            println!("made {made} times: {found:?}");
        }
        Ok(())
    })
}

/// In how many ways each number is a³ + b³, with 0 < a <= b.
fn count(ways: &mut [u8]) {
    let len = ways.len();
    for a in (1..).take_while(|a| 2 * a * a * a < len) {
        for sum in (a..).map(|b| a * a * a + b * b * b).take_while(|&sum| sum < len) {
            ways[sum] += 1;
        }
    }
}
