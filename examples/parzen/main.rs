//! Parzen-window density of points in a file, on a grid or at points of another file.
//!
//! Run: mpirun -n 4 target/openmpi/release/examples/parzen examples/data/cities.h5 --dataset /points \
//!          --grid 720x360 --bandwidth 1.5 -o density.h5 --plot density.png
//! Shows: command lines by `run_with`, blocks of a file for each rank, work shared without a trace in the result, progress,
//!        a file that appears only when it is whole, a report.
//! Next: docs/density.md, and src/distributed/density/direct.rs, the few lines that do the work.

mod arguments;
mod input;
mod output;
mod place;
mod plot;

use std::error::Error;

use arguments::{Args, Bandwidth, Way};
use input::Source;
use place::Place;
use rankwise::distributed::density::{self, Boundary, Density, Engine, Places, Precision, Samples};
use rankwise::kernels::bandwidth::Rule;
use rankwise::kernels::grid_sums::is_product;
use rankwise::prelude::*;
use rankwise::progress::Line;
use rankwise::report::Phases;

fn main() -> ExitCode {
    rankwise::run_with::<Args>(|world, args| {
        let mut phases = Phases::new();
        world.on_root(|| args.check())?;

        // 1. Every rank reads its own samples: whole tiles, so that sums do not depend on the number of ranks.
        let source = Source::of_points(world, &args)?;
        let n = source.rows();
        let mine = Samples::blocks(n, world.size()).range(world.rank());
        let rows = phases.time("read", || source.read(world, mine))?;
        let samples = phases.time("scatter", || Samples::new(world, n, source.columns(), &rows));
        let samples = samples.map_err(|error| source.named(error))?;
        drop(rows);

        // 2. How wide the windows are, and where the density is wanted: the same on all ranks.
        let settings = Settings::new(world, &args, &samples)?;
        let place = phases.time("read", || Place::new(world, &args, &samples, &settings))?;
        let axes = place.axes_of(world.rank());
        let places = match &place {
            Place::Grid { .. } => Places::Grid(&axes),
            Place::Points { mine, .. } => Places::Points(mine),
        };

        // 3. The density at this rank's points, from the samples of all.
        let mut progress = Line::new(world, "parzen", args.progress);
        let pairs = n as f64 * place.len() as f64;
        let mut show = |part: f64| {
            progress.part(part, |seconds| format!("{:.2} Gpairs/s", pairs * part / seconds / 1e9));
        };
        let (values, engine) =
            phases.time("compute", || settings.evaluate(world, &args, samples, places, &mut show))?;
        progress.finish();

        // 4. What it adds up to, exactly; then the file and the picture.
        let total = phases.time("reduce", || place.total(world, &values))?;
        let result = output::Density {
            args: &args,
            source: &source,
            settings: &settings,
            place: &place,
            values: &values,
            engine,
        };
        phases.time("write", || result.write(world))?;
        if let Some(path) = &args.plot {
            phases.time("plot", || result.draw(world, path))?;
        }

        // 5. What happened.
        let pairs = n as f64 * place.len() as f64 * settings.widths.len() as f64;
        phases.figure("samples", n as f64, "");
        phases.figure("points", place.len() as f64, "");
        phases.figure("windows", settings.widths.len() as f64, "");
        if let Some(total) = total {
            phases.figure("integral", total, "(of the first window, over the grid)");
        }
        phases.figure("pairs", pairs, "");
        phases.figure("rate", pairs / phases.seconds("compute") / 1e9, "Gpairs/s over all ranks");
        let report = phases.report(world)?;
        world.on_root(|| report.map_or(Ok(()), |report| args.say(&report)))?;
        Ok(())
    })
}

/// How to look at the samples.
struct Settings {
    kernel: rankwise::kernels::density::Kernel,
    /// One for each axis.
    bandwidth: Vec<f64>,
    /// The windows, as multiples of it.
    widths: Vec<f64>,
    precision: Precision,
    /// How each axis ends.
    boundaries: Vec<Boundary>,
}

impl Settings {
    fn new(world: &Comm, args: &Args, samples: &Samples) -> Result<Self, Box<dyn Error>> {
        let (kernel, d) = (args.kernel.into(), samples.dimensions());
        // Where the kernel is a product of the axes, a grid has only the one way.
        let product = args.at.is_none() && d > 1 && is_product(kernel);
        let precision = if product { Precision::Double } else { args.precision.into() };
        let boundaries = match args.boundary.len() {
            0 => vec![Boundary::Open; d],
            given if given == d => args.boundary.clone(),
            given => {
                return Err(format!("--boundary has {given} ends, the points have {d} coordinates").into());
            }
        };
        let settings = |bandwidth, widths| Ok(Settings { kernel, bandwidth, widths, precision, boundaries });
        if !args.window_sweep.is_empty() {
            return settings(vec![1.0; d], args.window_sweep.clone());
        }
        let rule = match &args.bandwidth {
            Bandwidth::Given(given) if given.len() == 1 => {
                return settings(vec![given[0]; d], vec![1.0]);
            }
            Bandwidth::Given(given) if given.len() == d => {
                return settings(given.clone(), vec![1.0]);
            }
            Bandwidth::Given(given) => {
                return Err(format!(
                    "--bandwidth has {} numbers, the points have {d} coordinates",
                    given.len()
                )
                .into());
            }
            Bandwidth::Scott => Rule::Scott,
            Bandwidth::Silverman => Rule::Silverman,
        };
        let deviations = samples.deviations(world)?;
        if let Some(axis) = deviations.iter().position(|s| s.is_nan() || *s <= 0.0) {
            let problem =
                format!("coordinate {axis} of the points does not vary: give --bandwidth as a number");
            return Err(problem.into());
        }
        settings(rule.bandwidth(kernel, samples.len(), &deviations), vec![1.0])
    }

    /// The density at this rank's places, and in which way it was found. Collective.
    fn evaluate(
        &self,
        world: &Comm,
        args: &Args,
        samples: Samples,
        places: Places<'_>,
        progress: impl FnMut(f64),
    ) -> Result<(Vec<f64>, String)> {
        let Settings { kernel, bandwidth, widths, precision, boundaries } = self;
        let engine = match args.engine {
            Way::Auto => Engine::Auto,
            Way::Direct => Engine::Direct,
            Way::Tree => Engine::Tree,
            Way::Spectral => Engine::Spectral,
        };
        let density = Density::builder()
            .kernel(*kernel)
            .bandwidth(density::Bandwidth::Axes(bandwidth.clone()))
            .widths(widths)
            .boundaries(boundaries)
            .engine(engine)
            .tolerance(args.rtol, args.atol)
            .precision(*precision)
            .fit(world, samples)?;
        if args.explain {
            let plan = density.plan(places)?;
            if world.is_root() {
                eprintln!("{plan}");
            }
        }
        let (values, plan) = density.evaluate_with(places, progress)?;
        Ok((values, plan.engine.to_string()))
    }
}
