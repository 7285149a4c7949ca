//! A solution of exercise 4a: before this block there are `rank` blocks, and as many elements more as there are longer ones among them.

use std::ops::Range;

use rankwise::prelude::*;

/// The block of `rank`.
fn block(len: usize, parts: usize, rank: usize) -> Range<usize> {
    let (each, more) = (len / parts, len % parts);
    let start = |rank: usize| rank * each + rank.min(more);
    start(rank)..start(rank + 1)
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
