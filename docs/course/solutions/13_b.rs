//! A solution of exercise 13b. A sum is `Some` on the root of its communicator, and that of a node leads it.

use rankwise::prelude::*;

fn main() -> ExitCode {
    rankwise::run(|world| {
        let mine = 10 + world.rank();
        let nodes = world.split_by_node()?;
        let of_node = nodes.node().reduce(0, &[mine], Sum)?;
        if let (Some(leaders), Some(of_node)) = (nodes.leaders(), of_node) {
            println!("node {} of {} has {}", nodes.index(), nodes.count(), of_node[0]);
            if let Some(of_all) = leaders.reduce(0, &of_node, Sum)? {
                println!("all have {}, and rank 0 has {mine}", of_all[0]);
            }
        }
        Ok(())
    })
}
