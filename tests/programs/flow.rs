//! A pipeline or a graph that fails, or goes on until somebody ends it, as its argument says; for the tests.

use std::time::Duration;

use rankwise::prelude::*;
use rankwise::skeleton::Ranks;

#[derive(clap::Parser)]
#[command(name = "flow")]
struct Args {
    how: String,
    /// A file that appears when work is under way; by its name the tests find these processes, too.
    marker: Option<String>,
}

fn main() -> ExitCode {
    rankwise::run_with::<Args>(|world, Args { how, marker }| {
        let under_way = || {
            if let Some(marker) = &marker {
                std::fs::write(marker, "").expect("it can be written");
            }
        };
        match &*how {
            "graph-unseen" => {
                let graph = world.graph();
                let one = graph.task(|| 1);
                graph.try_task_after(&one, |_| Err::<u8, _>("as asked"));
                // Nobody looks at it.
                let _ = graph.run();
            }
            "graph-more-tasks" | "graph-other-needs" | "graph-fails-here" => {
                let (graph, last) = (world.graph(), world.rank() + 1 == world.size());
                let one = graph.task(|| 1);
                for _ in 0..world.size() {
                    let how = &how;
                    graph.subgraph_after(&one, move |graph, _| {
                        let (a, b) = (graph.task(|| 1), graph.task(|| 2));
                        match &**how {
                            "graph-more-tasks" if last => drop(graph.task(|| 3)),
                            "graph-fails-here" if last => panic!("as asked"),
                            _ => {}
                        }
                        let (a, b) = if how == "graph-other-needs" && last { (b, a) } else { (a, b) };
                        graph.task_after((&a, &b), |(a, b)| a - b)
                    });
                }
                graph.run()?;
            }
            "graph-endless" => {
                let graph = world.graph();
                let mut last: Vec<_> = (0..4).map(|n| graph.task(move || n)).collect();
                for n in 0..40_000 {
                    let needs = (&last[n % 4], &last[(n + 1) % 4]);
                    last[n % 4] = graph.task_after(needs, move |(a, b)| {
                        if n == 20 {
                            under_way();
                        }
                        std::thread::sleep(Duration::from_millis(10));
                        a ^ b
                    });
                }
                graph.run()?;
            }
            _ => pipeline(world, &how, under_way)?,
        }
        Ok(())
    })
}

fn pipeline(world: &Comm, how: &str, under_way: impl Fn()) -> Result<()> {
    let until = if matches!(how, "endless" | "cancelled") { u64::MAX } else { 3 };
    let limit = Duration::from_millis(300);
    let fails = |n: u64| match how {
        "endless" | "cancelled" => Ok(n),
        _ if n != 1 => Ok(n),
        "panic" => panic!("as asked"),
        "exit" => std::process::exit(3),
        "late" => {
            std::thread::sleep(limit + Duration::from_millis(20));
            Ok(n)
        }
        _ => Err("as asked"),
    };
    let pipeline = world.pipeline().stage("read", 1, || 0..until).try_stage("work", Ranks::Rest, fails);
    let pipeline = pipeline.stage("write", 1, |n| {
        if n == 0 {
            under_way();
        }
    });
    match how {
        "collected" => drop(pipeline.collect_errors().run()?),
        "retried" => drop(pipeline.retry(2).run()?),
        "late" => drop(pipeline.deadline(limit).run()?),
        "cancelled" => drop(pipeline.cancel_when(|| world.rank() + 1 == world.size()).run()?),
        "panic" | "exit" => drop(pipeline.run()?),
        // Nobody looks at it.
        _ => drop(pipeline.run()),
    }
    Ok(())
}
