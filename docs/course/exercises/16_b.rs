//! Exercise 16b: the table of primes is the part that the ranks of the lesson do not share. Share it: each rank makes a block of the
//! table, for which it needs the primes up to the square root of the limit, and `all_gather` puts the blocks together. `made` is how many
//! numbers of the table this rank has made itself.
//!
//! Run:    mpirun -n 4 exercise_16_b
//! Check:  make exercise 16b

use std::ops::Range;

use rankwise::prelude::*;

const LIMIT: usize = 300_000;

fn main() -> ExitCode {
    rankwise::run(|world| {
        let small = sieve(0..LIMIT.isqrt() + 1, &[]);
        // TODO: only this rank's block, and then the table of all blocks.
        let is_prime = sieve(0..LIMIT + 1, &small);
        let made = is_prime.len();

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
