//! A solution of exercise 16a. With one fifth that cannot be shared, no number of ranks makes it more than five times as fast.

use rankwise::prelude::*;

fn main() -> ExitCode {
    rankwise::run(|world| {
        let serial = 0.2;
        let ranks = 1 << world.rank();
        let p = f64::from(ranks);
        let (amdahl, gustafson) = (1.0 / (serial + (1.0 - serial) / p), serial + (1.0 - serial) * p);
        world.print_in_order(format!("{ranks:2} ranks: Amdahl {amdahl:.2}, Gustafson {gustafson:.2}"))?;
        Ok(())
    })
}
