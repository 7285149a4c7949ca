//! The classic picture of Parzen windows in two dimensions: a hundred samples of a normal density, seen through windows of
//! three widths. Wide ones blur it, narrow ones show the samples instead.
//!
//! Run:    $MPIEXEC -n 2 target/openmpi/release/examples/parzen_windows parzen_windows.png
//! Shows:  random samples that do not depend on the ranks, several windows in one pass, a grid dealt out by rows
//! Next:   parzen/main.rs, docs/density.md

#[allow(dead_code, unused_imports, reason = "one kind of picture is enough here")]
#[path = "parzen/plot/mod.rs"]
mod plot;

use ndarray::Array2;
use rand::RngExt;
use rankwise::distributed::density::{Bandwidth, Density, Places, Samples};
use rankwise::file::write_whole;
use rankwise::prelude::*;

const SAMPLES: usize = 100;
const CELLS: usize = 120;
/// Window widths for one sample; with n samples they are 1/√n as wide.
const WIDTHS: [f64; 3] = [8.0, 4.0, 1.5];

fn main() -> ExitCode {
    rankwise::run(|world| {
        let picture = std::env::args().nth(1).unwrap_or("parzen_windows.png".into());
        // 1. Sample i has a random stream of its own, whichever rank draws it.
        let mine = Samples::blocks(SAMPLES, world.size()).range(world.rank());
        let draw = |i: usize| {
            let mut numbers = rankwise::random::stream(1962, i as u64);
            let (a, b): (f64, f64) = (numbers.random(), numbers.random());
            let (radius, angle) = ((-2.0 * (1.0 - a).ln()).sqrt(), std::f64::consts::TAU * b);
            [radius * angle.cos(), radius * angle.sin()]
        };
        let rows: Vec<f64> = mine.flat_map(draw).collect();

        // 2. All windows in one pass, on this rank's rows of the grid.
        let widths = WIDTHS.map(|h| h / (SAMPLES as f64).sqrt());
        let density = Density::builder()
            .bandwidth(Bandwidth::Axes(vec![1.0]))
            .widths(&widths)
            .fit(world, Samples::new(world, SAMPLES, 2, &rows)?)?;
        let x: Vec<f64> = (0..CELLS).map(|i| -3.5 + (i as f64 + 0.5) * 7.0 / CELLS as f64).collect();
        let grid = [x[Partition::even(CELLS, world.size()).range(world.rank())].to_vec(), x.clone()];
        let values = density.evaluate(Places::Grid(&grid))?;

        // 3. Window by window to the root.
        let mut panels = Vec::new();
        for (w, h) in widths.iter().enumerate() {
            let each = grid[0].len() * CELLS;
            if let Some(whole) = world.gather(0, &values[w * each..(w + 1) * each])? {
                let peak = whole.iter().copied().fold(0.0, f64::max);
                println!("windows of {h:.2}: the peak is {peak:.3}, of the true density 0.159");
                let values = Array2::from_shape_vec((CELLS, CELLS), whole)?;
                panels.push(plot::Panel { title: format!("h = {h:.2}"), values });
            }
        }
        let frame = plot::Frame {
            title: "Parzen windows of three widths".into(),
            subtitle: format!("{SAMPLES} samples of a normal density"),
            labels: ["x".into(), "y".into()],
            limits: [(-3.5, 3.5); 2],
            value_label: "density (per unit area)".into(),
        };
        world.on_root(|| Ok(write_whole(&picture, &plot::heat_maps(&frame, &panels)?)?))?;
        Ok(())
    })
}
