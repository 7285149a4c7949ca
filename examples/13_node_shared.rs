//! Lesson 13. Memory that the ranks of a node share: which even number is the hardest to write as a sum of two primes?
//!
//! Run:    mpirun -n 4 13_node_shared
//! Shows:  a table once on each node, filled by one rank of it, read by all
//! Next:   14_parallel_hdf5

use rankwise::comm::{MaxWithPlace, Placed};
use rankwise::prelude::*;

const LIMIT: usize = 1_000_000;

fn main() -> ExitCode {
    rankwise::run(|world| {
        // 1. Which numbers are prime: a byte each, once on each node. The first rank of a node fills it, the others wait.
        let is_prime = world.node_shared(LIMIT + 1, |table: &mut [bool]| {
            table[2..].fill(true);
            for n in 2..=LIMIT.isqrt() {
                if table[n] {
                    table[n * n..].iter_mut().step_by(n).for_each(|multiple| *multiple = false);
                }
            }
            Ok(())
        })?;
        let nodes = world.split_by_node()?.count();
        root_println!(world, "ranks: {}, tables: {nodes}, bytes of each: {}", world.size(), is_prime.len());

        // 2. Each rank has a block of the even numbers, and reads all over the table: the smallest prime that helps.
        let mine = Partition::even(LIMIT / 2 - 1, world.size()).range(world.rank());
        let mut hardest = Placed { value: 0, place: 0 };
        for even in mine.map(|i| 2 * i + 4) {
            let smallest = (2..=even / 2).find(|&p| is_prime[p] && is_prime[even - p]);
            let value = smallest.ok_or_else(|| format!("{even} is not a sum of two primes"))?;
            if value > hardest.value {
                hardest = Placed { value, place: even as u64 };
            }
        }

        // 3. The hardest of all.
        let Placed { value, place } = world.all_reduce_one(hardest, MaxWithPlace)?;
        root_println!(world, "the hardest to {LIMIT}: {place} = {value} + {}", place as usize - value);
        Ok(())
    })
}
