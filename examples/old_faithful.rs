//! How long the geyser Old Faithful erupts, short or long: a rule that is made for one heap fills the valley between the two, and
//! the improved Sheather-Jones bandwidth does not.
//!
//! Run:    $MPIEXEC -n 2 target/openmpi/release/examples/old_faithful examples/data/faithful.csv old_faithful.png
//! Shows:  samples dealt out over ranks, a bandwidth selected, a density fitted and asked, a picture by the root
//! Next:   parzen_windows.rs, docs/density.md

#[allow(dead_code, unused_imports, reason = "one kind of picture is enough here")]
#[path = "parzen/plot/mod.rs"]
mod plot;

use rankwise::distributed::density::{Bandwidth, Density, Places, Samples, sheather_jones};
use rankwise::file::write_whole;
use rankwise::kernels::bandwidth::Rule;
use rankwise::kernels::density::Kernel;
use rankwise::prelude::*;

fn main() -> ExitCode {
    rankwise::run(|world| {
        // 1. The file is small: every rank reads it, and takes its samples.
        let path = std::env::args().nth(1).unwrap_or("examples/data/faithful.csv".into());
        let picture = std::env::args().nth(2).unwrap_or("old_faithful.png".into());
        let text = world.agree(std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}")))?;
        let minutes = text.lines().skip(1).map_while(|line| line.split(',').next()?.parse().ok());
        let minutes: Vec<f64> = minutes.collect();
        let n = minutes.len();
        let mine = Samples::blocks(n, world.size()).range(world.rank());
        let samples = Samples::new(world, n, 1, &minutes[mine])?;

        // 2. Two bandwidths, and their densities along the axis: each rank has some of the places.
        let silverman = Rule::Silverman.bandwidth(Kernel::Gaussian, n, &samples.deviations(world)?)[0];
        let selected = sheather_jones(world, Kernel::Gaussian, &samples)?;
        let x: Vec<f64> = (0..400).map(|i| 1.0 + f64::from(i) * 5.0 / 399.0).collect();
        let places = &x[Partition::even(x.len(), world.size()).range(world.rank())];
        let mut curves = Vec::new();
        for (name, h) in [("isj", selected), ("silverman", silverman)] {
            let density =
                Density::builder().bandwidth(Bandwidth::Axes(vec![h])).fit(world, samples.clone())?;
            let all = world.gather(0, &density.evaluate(Places::Points(places))?)?;
            curves.push((format!("{name}: {h:.3} minutes"), all.unwrap_or_default()));
        }

        // 3. What the root has to show.
        world.on_root(|| {
            for (name, values) in &curves {
                let hills = values.windows(3).filter(|p| p[0] < p[1] && p[1] >= p[2]).count();
                let valley = x.iter().zip(values).filter(|(x, _)| (2.2..4.0).contains(*x));
                let valley = valley.map(|(_, p)| *p).fold(f64::INFINITY, f64::min);
                println!("{name}: {hills} hills, {valley:.3} per minute between them");
            }
            let labels = ["length of an eruption, minutes", "density (per minute)"];
            let title = format!("{n} eruptions of Old Faithful");
            Ok(write_whole(&picture, &plot::curves(&title, "Gaussian windows", labels, &x, &curves)?)?)
        })?;
        Ok(())
    })
}
