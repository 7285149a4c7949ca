//! Our engines, under the launcher.

use std::path::Path;
use std::time::Instant;

use rankwise::distributed::density::{
    Bandwidth, Density, Engine, Estimate, Places, Precision, Samples, evaluate, spectral,
};
use rankwise::kernels::density::Kernel;
use rankwise::prelude::*;

use crate::data::Data;
use crate::record::say;
use crate::{Args, FEW, Outcome};

/// How each is called, what it is, and how many pairs take about half a second.
const WAYS: [(&str, Way, f64); 5] = [
    ("ours, direct, f64", Way::Direct(Precision::Double), 1.5e9),
    ("ours, direct, f32", Way::Direct(Precision::Single), 4e9),
    ("ours, tree, rtol 0", Way::Tree(0.0), 5e8),
    ("ours, tree, rtol 1e-4", Way::Tree(1e-4), 5e8),
    ("ours, spectral, atol 1e-9", Way::Spectral(1e-9), f64::INFINITY),
];

#[derive(Clone, Copy)]
enum Way {
    Direct(Precision),
    Tree(f64),
    Spectral(f64),
}

pub(crate) fn run(world: &Comm, args: &Args, data: &Path) -> Outcome {
    let data = world.agree(Data::read(args, data))?;
    let (d, n) = (data.d, args.samples[0]);
    let mine = Samples::blocks(n, world.size()).range(world.rank());
    let samples = Samples::new(world, n, d, &data.samples[mine.start * d..mine.end * d])?;
    for repeat in 0..=args.repeats {
        for (name, way, pairs) in WAYS {
            let leaves_out = match way {
                Way::Direct(_) => false,
                // To plant one takes long.
                Way::Tree(_) => repeat > FEW,
                // A grid has as many cells as its axes have to the power of d.
                Way::Spectral(_) => d > 3,
            };
            if leaves_out {
                continue;
            }
            let m = args.points(pairs, world.size());
            let mine = Partition::even(m, world.size()).range(world.rank());
            let points = &data.points[mine.start * d..mine.end * d];
            let (before, after, values) = timed(world, &data, &samples, points, way)?;
            let before = world.all_reduce_one(before, Max)?;
            let after = world.all_reduce_one(after, Max)?;
            if world.is_root() {
                say(name, repeat, m, (before, after), &values);
            }
        }
    }
    Ok(())
}

/// The seconds for what is done once, those for the points, and the densities there.
fn timed(
    world: &Comm,
    data: &Data,
    samples: &Samples,
    points: &[f64],
    way: Way,
) -> Outcome<(f64, f64, Vec<f64>)> {
    let (d, h) = (data.d, vec![data.h; data.d]);
    let estimate =
        |precision| Estimate { kernel: Kernel::Gaussian, bandwidth: &h, widths: &[1.0], precision };
    world.barrier()?;
    let start = Instant::now();
    if let Way::Tree(rtol) = way {
        let density = Density::builder()
            .bandwidth(Bandwidth::Axes(h.clone()))
            .engine(Engine::Tree)
            .tolerance(rtol, 0.0)
            .fit(world, samples.clone())?;
        // It is planted when it is asked for the first time.
        density.evaluate(Places::Points(&points[..d]))?;
        let planted = start.elapsed();
        world.barrier()?;
        let start = Instant::now();
        let values = density.evaluate(Places::Points(points))?;
        return Ok((planted.as_secs_f64(), start.elapsed().as_secs_f64(), values));
    }
    let values = match way {
        Way::Spectral(atol) => {
            let estimate = estimate(Precision::Double);
            spectral::evaluate(world, estimate, samples, Places::Points(points), atol, |_| {})?
        }
        Way::Direct(precision) => {
            evaluate(world, estimate(precision), samples, Places::Points(points), |_| {})?
        }
        Way::Tree(_) => unreachable!("see above"),
    };
    Ok((0.0, start.elapsed().as_secs_f64(), values))
}
