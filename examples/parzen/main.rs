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
mod select;

use std::error::Error;

use arguments::{Args, Way};
use input::Source;
use place::Place;
use rankwise::distributed::density::{Boundary, Density, Engine, Places, Precision, Samples, window_counts};
use rankwise::kernels::density::{Kernel, normalisation};
use rankwise::kernels::grid_sums::is_product;
use rankwise::prelude::*;
use rankwise::progress::Line;
use rankwise::report::Phases;
use select::{Selected, select};

fn main() -> ExitCode {
    rankwise::run_with::<Args>(|world, args| {
        let mut phases = Phases::new();
        world.on_root(|| args.check())?;

        // 1. Every rank reads its own samples.
        let source = Source::of_points(world, &args)?;
        let n = source.rows();
        let samples = source.samples(world, &args, &mut phases)?;

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
        let total =
            phases.time("reduce", || if args.log { Ok(None) } else { place.total(world, &values) })?;
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
    kernel: Kernel,
    /// One for each axis.
    bandwidth: Vec<f64>,
    /// That of windows that are turned.
    matrix: Option<Vec<f64>>,
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
        let product = args.at.is_none() && d > 1 && is_product(kernel) && args.covariance.is_none();
        let precision = if product { Precision::Double } else { args.precision.into() };
        let boundaries = match args.boundary.len() {
            0 => vec![Boundary::Open; d],
            given if given == d => args.boundary.clone(),
            given => {
                return Err(format!("--boundary has {given} ends, the points have {d} coordinates").into());
            }
        };
        let widths = args.widths();
        let sweep = !widths.is_empty();
        let Selected { axes: bandwidth, matrix } = match sweep {
            true => Selected { axes: vec![1.0; d], matrix: None },
            false => select(world, args, kernel, samples)?,
        };
        let widths = if sweep { widths } else { vec![1.0] };
        Ok(Settings { kernel, bandwidth, matrix, widths, precision, boundaries })
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
        let Settings { kernel, bandwidth, matrix, widths, precision, boundaries } = self;
        if args.is_counted(samples.dimensions()) {
            return self.counted(world, &samples, places, progress);
        }
        let engine = match args.engine {
            Way::Auto => Engine::Auto,
            Way::Direct => Engine::Direct,
            Way::Tree => Engine::Tree,
            Way::Spectral => Engine::Spectral,
        };
        let windows = Selected { axes: bandwidth.clone(), matrix: matrix.clone() };
        let density = Density::builder()
            .kernel(*kernel)
            .bandwidth(windows.bandwidth())
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
        let (values, plan) = if args.log {
            density.log_evaluate_with(places, progress)?
        } else {
            density.evaluate_with(places, progress)?
        };
        Ok((values, plan.engine.to_string()))
    }

    /// The density by counting, for all widths in one pass. Collective.
    fn counted(
        &self,
        world: &Comm,
        samples: &Samples,
        places: Places<'_>,
        progress: impl FnMut(f64),
    ) -> Result<(Vec<f64>, String)> {
        let counts = window_counts(world, samples, places, &self.widths, progress)?;
        let m = (counts.len() / self.widths.len()).max(1);
        let of_width = |(counts, width): (&[u64], &f64)| {
            let bandwidth = vec![*width; samples.dimensions()];
            let factor = normalisation(self.kernel, &bandwidth, samples.len());
            counts.iter().map(|count| *count as f64 * factor).collect::<Vec<_>>()
        };
        Ok((counts.chunks(m).zip(&self.widths).flat_map(of_width).collect(), "counts".into()))
    }
}
