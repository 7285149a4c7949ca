//! A farm that fails in the way that its arguments say; for the tests.
#![expect(unsafe_code, reason = "some faults cannot be made in safe code")]

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rankwise::prelude::*;
use rankwise::skeleton::{Executor, Future, Schedule, Threads, Unordered, mine, stream, try_stream};

#[derive(clap::Parser)]
struct Args {
    /// none, err, panic, exit, kill, deadline, cancel, swallow, iterator or iterator-panic.
    how: String,
    /// known, static, own, root, callback, unordered, submitted, threads or journal.
    items: String,
    /// The task that fails; without it, the first one of the rank.
    #[arg(long)]
    task: Option<usize>,
    /// The rank whose first task fails.
    #[arg(long)]
    rank: Option<usize>,
    #[arg(long, default_value_t = 60)]
    len: usize,
    /// Milliseconds that a task takes.
    #[arg(long, default_value_t = 1)]
    takes: u64,
    #[arg(long, default_value = "farm.journal")]
    journal: PathBuf,
}

fn main() -> ExitCode {
    rankwise::run_with::<Args>(|world, args| {
        let here = args.rank.is_none_or(|rank| rank == world.rank());
        let how = args.how.as_str();
        // Of this rank.
        let cancelled = AtomicBool::new(false);
        let cancels = || cancelled.load(Ordering::Relaxed);
        // Longer than no task takes that is not to be late.
        let limit = Duration::from_millis(if how == "deadline" { 600 } else { 60_000 });
        let task = |i: usize| -> Result<f64, String> {
            std::thread::sleep(Duration::from_millis(args.takes));
            if here && args.task.is_none_or(|task| task == i) {
                match how {
                    "deadline" => std::thread::sleep(limit + Duration::from_millis(50)),
                    "cancel" => cancelled.store(true, Ordering::Relaxed),
                    "err" | "swallow" => return Err("no tea".into()),
                    "panic" => panic!("the kettle is empty"),
                    "exit" => std::process::exit(3),
                    // SAFETY: kill has no memory preconditions.
                    "kill" => assert_eq!(unsafe { libc::kill(libc::getpid(), libc::SIGKILL) }, 0),
                    _ => {}
                }
            }
            Ok((i as f64).sqrt().sin())
        };
        let (len, bad) = (args.len, args.task);
        let mut came = vec![None; len];
        let results = match args.items.as_str() {
            "known" => world.farm(0..len).deadline(limit).cancel_when(cancels).try_run(task),
            "static" => {
                let farm = world.farm(0..len).schedule(Schedule::Static);
                farm.deadline(limit).cancel_when(cancels).try_run(task)
            }
            "own" => {
                let own = mine(Partition::even(len, world.size()).range(world.rank()).collect());
                world.farm(own).deadline(limit).cancel_when(cancels).try_run(task)
            }
            "journal" => {
                let farm = world.farm(0..len).deadline(limit).cancel_when(cancels);
                farm.journal(&args.journal).try_run(task)
            }
            "callback" => {
                let farm = world.farm(0..len).deadline(limit).cancel_when(cancels);
                let done = farm.run_unordered(task, |i, result| came[i] = Some(result));
                done.map(|()| world.is_root().then(|| came.into_iter().flatten().collect()))
            }
            "unordered" => {
                let farm = world.farm(0..len).deadline(limit).cancel_when(cancels);
                farm.unordered(task, |results: Unordered<'_, f64>| {
                    results.for_each(|(i, result)| came[i] = Some(result));
                    Ok::<_, String>(came.into_iter().flatten().collect())
                })
            }
            "threads" => Threads::new(world, 3).try_map(0..len, task),
            "submitted" => world.pool(task).deadline(limit).run(|pool| {
                let futures = (0..len).map(|i| pool.submit(i)).collect::<Result<Vec<_>>>()?;
                if how == "swallow" {
                    Ok(Vec::new())
                } else {
                    futures.into_iter().map(Future::wait).collect()
                }
            }),
            _ if how == "iterator" => {
                let items = (0..len).map(move |i| if Some(i) == bad { Err("no more tea") } else { Ok(i) });
                world.farm(try_stream(world.is_root().then_some(items))).try_run(task)
            }
            _ => {
                let broken = how == "iterator-panic";
                let items = (0..len).inspect(move |&i| assert!(!broken || Some(i) != bad, "no more tea"));
                let farm = world.farm(stream(world.is_root().then_some(items)));
                farm.deadline(limit).cancel_when(cancels).try_run(task)
            }
        };
        if how == "swallow" {
            drop(results);
            return Ok(());
        }
        if let Some(results) = results? {
            // All bits, so that runs can be compared.
            let bits = results.iter().fold(0u64, |all, result| all.rotate_left(7) ^ result.to_bits());
            println!("{} results, bits {bits:016x}", results.len());
        }
        Ok(())
    })
}
