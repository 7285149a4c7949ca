//! Lesson 2 of the course: each rank does its own part of the work, and the lines come out in order.
//!
//! Run:   mpirun -n 4 02_ordered_printing
//! Shows: work that depends on the rank, `rank_println!`, `print_in_order`, `root_println!`
//! Next:  03_collectives

use rankwise::prelude::*;

fn is_prime(n: usize) -> bool {
    n > 1 && (2..n).all(|divisor| !n.is_multiple_of(divisor))
}

fn main() -> ExitCode {
    rankwise::run(|world| {
        // 1. The numbers 0 to 29 are dealt out like cards: this rank takes every size-th, beginning with its own.
        let mine = (world.rank()..30).step_by(world.size());
        let primes: Vec<usize> = mine.filter(|n| is_prime(*n)).collect();

        // 2. A line from each rank, as soon as it has one: in any order.
        rank_println!(world, "has found {} primes", primes.len());

        // 3. A line from each rank, in the order of the ranks: all must call this.
        world.print_in_order(format!("rank {} of {}: {primes:?}", world.rank(), world.size()))?;

        // 4. One line for all.
        root_println!(world, "these are the primes below 30");
        Ok(())
    })
}
