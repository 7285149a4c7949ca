//! A solution of exercise 16b. What is left to each rank alone are the 548 numbers up to the square root.

use std::ops::Range;

use rankwise::prelude::*;

const LIMIT: usize = 300_000;

fn main() -> ExitCode {
    rankwise::run(|world| {
        let small = sieve(0..LIMIT.isqrt() + 1, &[]);
        let mine = sieve(Partition::even(LIMIT + 1, world.size()).range(world.rank()), &small);
        let is_prime = world.all_gather(&mine)?;
        let made = mine.len();

        let count = is_prime.iter().filter(|&&prime| prime).count();
        let most = world.all_reduce_one(made, Max)?;
        root_println!(
            world,
            "{count} primes; no rank has made more than {most} of {} numbers",
            is_prime.len()
        );
        Ok(())
    })
}

/// Which of these numbers are prime. `small` says it of those up to their square root; if it is empty, that is found out here.
fn sieve(numbers: Range<usize>, small: &[bool]) -> Vec<bool> {
    let mut table: Vec<bool> = numbers.clone().map(|n| n > 1).collect();
    for p in (2..).take_while(|p| p * p < numbers.end) {
        if small.get(p).copied().unwrap_or_else(|| table[p]) {
            let first = (p * p).max(numbers.start.next_multiple_of(p));
            (first..numbers.end).step_by(p).for_each(|multiple| table[multiple - numbers.start] = false);
        }
    }
    table
}
