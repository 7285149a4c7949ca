//! Exercise 16a: what do the two laws promise to a program of which one fifth cannot be shared? Rank r computes it for 2 to the power r
//! ranks, and all print in order. Amdahl: the work stays, and the speed-up is 1 / (s + (1 - s) / p). Gustafson: the part that can be
//! shared grows with the ranks, and in the same time p ranks do s + (1 - s) p times as much.
//!
//! Run:    mpirun -n 4 exercise_16_a
//! Check:  make exercise 16a

use rankwise::prelude::*;

fn main() -> ExitCode {
    rankwise::run(|world| {
        let serial = 0.2;
        let ranks = 1 << world.rank();
        // TODO: the two laws.
        let (amdahl, gustafson) = (serial, serial);
        world.print_in_order(format!("{ranks:2} ranks: Amdahl {amdahl:.2}, Gustafson {gustafson:.2}"))?;
        Ok(())
    })
}
