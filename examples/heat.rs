//! Heat spreads on a plate, for a long time, in a job that may be stopped and goes on later, on any number of ranks.
//!
//! Run:    $MPIEXEC -n 4 target/openmpi/release/examples/heat --steps 2000 -o heat.h5
//!         once more after Ctrl-C, kill -9 or the end of the job's time: it goes on where it was
//! Shows:  halos, checkpoints, stopping when the batch system says so, one file from all ranks, a report
//! Next:   docs/files.md

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Parser;
use rankwise::array::{Boundary, DistArray, Layout};
use rankwise::checkpoint::{Checkpoint, Every};
use rankwise::file::{File, Hints, Options, Storage};
use rankwise::prelude::*;
use rankwise::report::Phases;

/// Solves the two-dimensional heat equation with the simplest of all schemes.
#[derive(Parser)]
#[command(
    after_help = "Exit code 75 means that it was told to stop, has saved its state, and wants to be started again."
)]
struct Args {
    /// Points of the plate, as 400x300.
    #[arg(long, default_value = "400x300", value_parser = size)]
    size: (usize, usize),
    /// Time steps in all.
    #[arg(long, default_value_t = 1000)]
    steps: u64,
    /// Where the temperatures go at the end.
    #[arg(short, long, default_value = "heat.h5")]
    output: PathBuf,
    /// The folder of the checkpoints.
    #[arg(long, default_value = "heat-checkpoints")]
    checkpoints: PathBuf,
    /// Steps between two checkpoints; without it, ten minutes.
    #[arg(long)]
    every: Option<u64>,
    /// Hints for MPI-IO, as striping_factor=8,cb_nodes=4.
    #[arg(long, default_value_t)]
    hints: Hints,
    /// Milliseconds to rest after each step, to watch it.
    #[arg(long, default_value_t = 0)]
    rest: u64,
    /// Where the time went: text or json.
    #[arg(long)]
    report: Option<String>,
}

fn size(text: &str) -> Result<(usize, usize), String> {
    let parts = text.split_once('x').and_then(|(y, x)| Some((y.parse().ok()?, x.parse().ok()?)));
    parts.ok_or_else(|| format!("{text} is no size: two numbers with an x between are meant"))
}

/// What is not part of the plate, and yet of the state.
#[derive(serde::Serialize, serde::Deserialize)]
struct History {
    /// The mean temperature, every 100 steps.
    means: Vec<f64>,
}

fn main() -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    let ended = rankwise::run_with::<Args>(|world, args| {
        let mut phases = Phases::new();
        let options = Options::default().hints(&args.hints);

        // 1. A cold plate with one hot edge, cut into blocks over a grid of ranks.
        let layout = Layout::grid_auto(world, args.size)?;
        let mut heat = DistArray::from_fn(&layout, |(y, x)| if y == 0 { (x % 7) as f64 } else { 0.0 })?;
        let mut history = History { means: vec![] };

        // 2. Or the state that an earlier run has saved, on however many ranks.
        let every = args.every.map_or(Every::Time(Duration::from_secs(600)), Every::Steps);
        let mut checkpoint = Checkpoint::every(world, every, &args.checkpoints)?.options(&options);
        let first = checkpoint.restore(|saved| {
            root_println!(world, "goes on after step {} on {} ranks", saved.step(), world.size());
            heat = saved.array(&layout, "heat")?;
            history = saved.value("history")?;
            Ok(())
        })?;

        let began = Instant::now();
        for step in first..args.steps {
            // 3. Each point becomes the mean of its neighbours; at a block's edge these are another rank's.
            heat = phases.time("compute", || {
                heat.stencil(1, Boundary::Nearest, |at| {
                    0.25 * (at[[-1, 0]] + at[[1, 0]] + at[[0, -1]] + at[[0, 1]])
                })
            })?;
            if step % 100 == 0 {
                history.means.push(heat.mean()?);
            }
            std::thread::sleep(Duration::from_millis(args.rest));

            // 4. Save every so often, and before leaving when there is no more time.
            let stop = world.should_stop()?;
            if stop || checkpoint.is_due(step)? {
                checkpoint.save(step, |to| {
                    to.array("heat", &heat)?;
                    to.value("history", &history)
                })?;
            }
            if stop {
                root_println!(world, "told to stop: saved after step {step}");
                code = ExitCode::from(75);
                return Ok(());
            }
        }
        phases.figure("steps", (args.steps.saturating_sub(first)) as f64, "");
        phases.figure("seconds", began.elapsed().as_secs_f64(), "s");

        // 5. The result: one file, compressed, the same bytes on any number of ranks.
        let file = File::create_with(world, &args.output, &options)?;
        let storage = Storage::chunks([64, 64]).shuffle().deflate(4);
        let plate = file.create_dataset::<f64>("temperature", heat.global_shape(), &storage)?;
        heat.write_to(&plate)?;
        plate.set_attribute("steps", args.steps)?;
        plate.set_attribute("means", history.means)?;
        root_println!(world, "wrote {}: {}", args.output.display(), plate.last_transfer().ok_or("nothing")?);
        file.close()?;

        if let Some(report) = phases.report(world)? {
            match args.report.as_deref() {
                Some("json") => println!("{}", report.json()),
                Some(_) => println!("{}", report.text()),
                None => {}
            }
        }
        Ok(())
    });
    if ended == ExitCode::SUCCESS { code } else { ended }
}
