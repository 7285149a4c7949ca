//! Exercise 4a: write your own rule for blocks. `len` elements are cut into `parts` blocks; if they cannot be equal, the first
//! few have one more. For 10 elements and 4 parts: 0..3, 3..6, 6..8, 8..10. An `if` is as good as a formula.
//!
//! Run:    mpirun -n 4 exercise_04_a
//! Check:  make exercise 4a

use std::ops::Range;

use rankwise::prelude::*;

/// The block of `rank`.
fn block(len: usize, parts: usize, rank: usize) -> Range<usize> {
    // TODO: what becomes of the remainder?
    let each = len / parts;
    rank * each..(rank + 1) * each
}

fn main() -> ExitCode {
    rankwise::run(|world| {
        for len in [10, 8, 3] {
            let mine = block(len, world.size(), world.rank());
            world.print_in_order(format!("rank {} of {len}: {mine:?}", world.rank()))?;
        }
        Ok(())
    })
}
