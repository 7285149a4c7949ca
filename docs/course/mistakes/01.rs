//! A mistake: the program takes for granted that it runs on four ranks at most.

use rankwise::prelude::*;

const SEASONS: [&str; 4] = ["spring", "summer", "autumn", "winter"];

fn main() -> ExitCode {
    rankwise::run(|world| {
        println!("rank {} takes care of {}", world.rank(), SEASONS[world.rank()]);
        Ok(())
    })
}
