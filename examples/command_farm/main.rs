//! Shell commands from a list, run by all ranks as they have time: GNU parallel on as many nodes as a job has.
//!
//! Run:    $MPIEXEC -n 4 target/openmpi/release/examples/command_farm commands.txt --joblog log.tsv
//! Shows:  a farm over a list that all ranks have, tasks that fail while others go on, a log by which a killed job goes on
//! Next:   src/skeleton/farm/mod.rs

mod arguments;
mod command;
mod joblog;

use std::error::Error;
use std::io::Write;

use arguments::Args;
use command::{Ended, Job};
use joblog::Log;
use rankwise::prelude::*;
use rankwise::progress::Line;
use rankwise::skeleton::{Schedule, everywhere};

fn main() -> ExitCode {
    rankwise::run_with::<Args>(|world, args| {
        // 1. The root reads the list, and leaves out what an earlier job has done; then all have it.
        let jobs = world.on_root(|| jobs_left(&args))?;
        let jobs: Vec<Job> = world.broadcast_value(0, jobs.as_ref())?;
        let log = world.agree(args.joblog.as_deref().map(Log::open).transpose())?;

        // 2. One command a task. Each rank writes what its command has written, in one piece, unless order is asked for.
        let mut line = Line::new(world, "command_farm", args.progress);
        let farm = world.farm(everywhere(&jobs)).schedule(Schedule::Dynamic(1)).retry(args.retries);
        let farm = farm.on_progress(|done, of| {
            let of = of.unwrap_or(1).max(1);
            line.part(done as f64 / of as f64, |_| format!("{done} of {of} commands started"));
        });
        let task = |job: &Job| -> Result<Option<Ended>, Box<dyn Error>> {
            let ended = job.run(&args)?;
            if let Some(log) = &log {
                log.write(world.host(), job, &ended)?;
            }
            if !args.keep_order {
                ended.show()?;
            }
            let failed = ended.failure();
            let kept = args.keep_order.then_some(ended);
            failed.map_or(Ok(kept), |failed| Err(format!("{failed}: {}", job.command).into()))
        };
        if args.halt {
            let all = farm.try_run_values(task)?;
            return show(all.unwrap_or_default().into_iter().flatten());
        }
        let outcomes = farm.collect_errors().try_run_values(task)?;

        // 3. What has failed, told once; the exit code is 1 then.
        let failed = world.on_root(|| {
            let Some(outcomes) = outcomes else { return Ok(()) };
            let errors: Vec<String> = outcomes.errors().iter().map(|error| error.message.clone()).collect();
            let commands = outcomes.results().len();
            show(outcomes.into_results().into_iter().flatten().flatten())?;
            match errors.len() {
                0 => Ok(()),
                failed => {
                    Err(format!("{failed} of {commands} commands failed: {}", first_of(&errors)).into())
                }
            }
        });
        Ok(failed.map(drop)?)
    })
}

/// The commands that are to be run, on the root.
fn jobs_left(args: &Args) -> Result<Vec<Job>, Box<dyn Error>> {
    let mut jobs = args.jobs()?;
    let Some(path) = &args.joblog else { return Ok(jobs) };
    if args.resume {
        let done = joblog::succeeded(path)?;
        jobs.retain(|job| !done.contains(&(job.number, job.command.clone())));
    } else if std::fs::metadata(path).is_ok_and(|log| log.len() > 0) {
        let path = path.display();
        return Err(format!("{path}: is there already: --resume goes on with it, or take it away").into());
    }
    Ok(jobs)
}

fn show(all: impl Iterator<Item = Ended>) -> Result<(), Box<dyn Error>> {
    for ended in all {
        ended.show()?;
    }
    Ok(std::io::stdout().flush()?)
}

/// A few of many messages.
fn first_of(errors: &[String]) -> String {
    const FEW: usize = 3;
    let more = errors.len().saturating_sub(FEW);
    let few = errors.iter().take(FEW).cloned().collect::<Vec<_>>().join("; ");
    if more == 0 { few } else { format!("{few}; and {more} more: --joblog keeps all") }
}
