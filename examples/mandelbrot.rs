//! The Mandelbrot set as a picture: rows that take very different times, dealt out to ranks as they have time for them.
//!
//! Run:    $MPIEXEC -n 4 target/openmpi/release/examples/mandelbrot -o mandelbrot.png
//! Shows:  a farm of uneven tasks, results that are not single numbers, progress
//! Next:   docs/pools.md

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use clap::Parser;
use rankwise::prelude::*;

/// Draws the Mandelbrot set.
#[derive(Parser)]
#[command(after_help = "Example: mpirun -n 4 mandelbrot --width 1800 -o large.png")]
struct Args {
    /// Points from left to right; two thirds as many from top to bottom
    #[arg(long, default_value_t = 600)]
    width: u32,
    /// Steps after which a point counts as one of the set
    #[arg(long, default_value_t = 1000)]
    steps: u32,
    /// Where the picture goes
    #[arg(short, long, default_value = "mandelbrot.png")]
    output: PathBuf,
}

/// The steps after which z² + c has left the circle of radius 2, beginning at 0.
fn steps_to_leave(re: f64, im: f64, most: u32) -> u32 {
    let (mut x, mut y) = (0.0, 0.0);
    for step in 0..most {
        if x * x + y * y > 4.0 {
            return step;
        }
        (x, y) = (x * x - y * y + re, 2.0 * x * y + im);
    }
    most
}

fn main() -> ExitCode {
    rankwise::run_with::<Args>(|world, args| {
        let (width, height) = (args.width.max(3), args.width.max(3) / 3 * 2);
        let scale = 3.0 / f64::from(width);
        // 1. One task a row. Those through the middle of the set take a hundred times as long as others.
        let row = |y: u32| -> Vec<u8> {
            let im = (f64::from(y) - f64::from(height) / 2.0) * scale;
            let gray = |x| match steps_to_leave(f64::from(x) * scale - 2.2, im, args.steps) {
                steps if steps == args.steps => 0,
                steps => 255 - (40.0 * f64::from(steps + 1).ln()).min(230.0) as u8,
            };
            (0..width).map(gray).collect()
        };
        // 2. A progress line where somebody watches.
        let farm = world.farm(0..height).on_progress(|done, of| {
            if std::io::stderr().is_terminal() {
                eprint!("\r{done} of {} rows ", of.unwrap_or(0));
            }
        });
        // 3. The rows come to the root in their order, which writes them when the picture is whole.
        let rows = farm.run_values(row)?;
        world.on_root(|| {
            let mut bytes = Vec::new();
            let mut png = png::Encoder::new(&mut bytes, width, height);
            png.set_color(png::ColorType::Grayscale);
            png.write_header()?.write_image_data(&rows.unwrap_or_default().concat())?;
            let beside = args.output.with_extension("png.partial");
            let mut file = std::fs::File::create(&beside)?;
            file.write_all(&bytes).and_then(|()| file.sync_all())?;
            Ok(std::fs::rename(beside, &args.output)?)
        })?;
        Ok(())
    })
}
