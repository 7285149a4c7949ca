//! A mistake: a collective call in a branch that only the root takes.

use rankwise::prelude::*;

fn main() -> ExitCode {
    rankwise::run(|world| {
        let rain = 100 + world.rank() as u32;
        if world.is_root() {
            let total = world.all_reduce_one(rain, Sum)?;
            println!("{total} mm in the year");
        }
        let most = world.all_reduce_one(rain, Max)?;
        root_println!(world, "{most} mm at most");
        Ok(())
    })
}
