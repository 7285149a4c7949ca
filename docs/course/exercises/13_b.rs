//! Exercise 13b: a sum in two steps. First the ranks of each node add up their numbers, which costs no network; then the first ranks of
//! the nodes, the leaders, add up those sums. `world.split_by_node()?` has both communicators: `node()`, and `leaders()`, which is None
//! on a rank that leads nothing.
//!
//! Run:    mpirun -n 4 exercise_13_b
//! Check:  make exercise 13b

use rankwise::prelude::*;

fn main() -> ExitCode {
    rankwise::run(|world| {
        let mine = 10 + world.rank();
        let nodes = world.split_by_node()?;
        // TODO: the sum of this node, on its first rank; then the sum of those.
        if nodes.leaders().is_some() {
            println!("node {} of {} has TODO", nodes.index(), nodes.count());
        }
        root_println!(world, "all have TODO, and rank 0 has {mine}");
        Ok(())
    })
}
