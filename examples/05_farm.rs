//! Lesson 5. One function, many items: each rank takes the next items when it has time.
//!
//! Run:    mpirun -n 4 05_farm
//!         mpirun -n 4 05_farm --equal    as many items for each rank, decided beforehand
//! Shows:  a farm, its task, the results on rank 0 in the order of the items, a schedule
//! Next:   06_ring

use rankwise::prelude::*;
use rankwise::skeleton::Schedule;

const BLOCKS: u64 = 40;
const LEN: u64 = 5000;

/// How many numbers of a block are prime. Later blocks take longer: more divisors are tried for larger numbers.
fn primes(block: u64) -> u64 {
    let is_prime = |n: &u64| *n > 1 && (2..).take_while(|d| d * d <= *n).all(|d| !n.is_multiple_of(d));
    (block * LEN..(block + 1) * LEN).filter(is_prime).count() as u64
}

fn main() -> ExitCode {
    rankwise::run(|world| {
        // 1. The items are the numbers of the blocks.
        let equal = std::env::args().any(|word| word == "--equal");
        let farm = world.farm(0..BLOCKS).schedule(if equal { Schedule::Static } else { Schedule::Guided });

        // 2. All ranks run the task. The results are on rank 0, in the order of the blocks.
        if let Some(counts) = farm.run(primes)? {
            println!("primes in the first blocks: {:?}", &counts[..4]);
            println!("primes below {}: {}", BLOCKS * LEN, counts.iter().sum::<u64>());
        }
        Ok(())
    })
}
