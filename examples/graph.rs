//! A graph of tasks: each runs when the results that it needs are there.
//!
//! Run: mpirun -n 2 target/openmpi/release/examples/graph --picture graph.svg
//! Shows: `graph`, tasks after other tasks, a tree that adds up, the critical path, a picture.
//! Next: word_count, in which items go from stage to stage.

use std::path::PathBuf;

use rankwise::prelude::*;

/// Adds up the squares of 1 to 100.
#[derive(clap::Parser)]
struct Args {
    /// Draws the graph.
    #[arg(long)]
    picture: Option<PathBuf>,
    /// Prints what took long, to standard error.
    #[arg(long)]
    report: bool,
}

fn main() -> ExitCode {
    rankwise::run_with::<Args>(|world, args| {
        // 1. Every rank describes the same graph; each runs a part of it.
        let graph = world.graph().timed();
        let numbers: Vec<_> = (1..=100u64).map(|n| graph.task(move || n)).collect();
        let squares: Vec<_> = numbers.iter().map(|number| graph.task_after(number, |n| n * n)).collect();

        // 2. Neighbours are added up as soon as both are there.
        let sum = graph.reduce_as_completed(&squares, |a, b| a + b).ok_or("there are no squares")?;
        graph.keep(&sum);

        // 3. The picture, in the colours of the ranks.
        let picture = args.picture.filter(|_| world.is_root()).map(|path| std::fs::write(path, graph.svg()));
        world.agree(picture.transpose())?;

        // 4. It runs; the root has what was kept.
        let done = graph.run()?;
        if let Some(sum) = done.get(&sum) {
            println!("{sum}");
        }
        if args.report && world.is_root() {
            eprintln!("{done}");
        }
        Ok(())
    })
}
