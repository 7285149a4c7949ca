//! A solution of exercise 13a: `node_shared` gives the closure a table of zeros, on the first rank of each node.

use rankwise::prelude::*;

const LIMIT: usize = 40_000;

fn main() -> ExitCode {
    rankwise::run(|world| {
        let mut made = 0;
        let ways = world.node_shared(LIMIT + 1, |ways: &mut [u8]| {
            count(ways);
            made += 1;
            Ok(())
        })?;

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
