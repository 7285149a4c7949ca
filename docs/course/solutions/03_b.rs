//! A solution of exercise 3b: a scan counts the parcels up to and with this rank; `exclusive_scan` leaves its own out.

use rankwise::prelude::*;

fn main() -> ExitCode {
    rankwise::run(|world| {
        let parcels = world.rank() + 1;
        let last = world.scan(&[parcels], Sum)?[0];
        let first = last - parcels + 1;
        world.print_in_order(format!("rank {} has parcels {first} to {last}", world.rank()))?;
        Ok(())
    })
}
