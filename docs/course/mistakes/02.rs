//! A mistake: only those who have something to say come to a call that all must make.

use rankwise::prelude::*;

fn is_prime(n: usize) -> bool {
    n > 1 && (2..n).all(|divisor| !n.is_multiple_of(divisor))
}

fn main() -> ExitCode {
    rankwise::run(|world| {
        let primes: Vec<usize> = (world.rank()..30).step_by(world.size()).filter(|n| is_prime(*n)).collect();
        if !primes.is_empty() {
            world.print_in_order(format!("rank {}: {primes:?}", world.rank()))?;
        }
        Ok(())
    })
}
