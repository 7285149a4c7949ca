//! How long does a density by way of a grid take? Ours at several rank counts, and finufft on one thread.
//!
//! Run: make bench-density_spectral PYTHON=a Python that has finufft
//!
//! It starts itself under the launcher, and Python (finufft_peer.py). Samples and points are normally distributed, as many of the one as of
//! the other; windows are as wide as Scott's rule says.

use std::error::Error;
use std::fmt::Write;
use std::process::{Command, ExitCode};
use std::time::Instant;

use clap::Parser;
use rankwise::distributed::density::{Estimate, Places, Precision, Samples, evaluate, spectral};
use rankwise::kernels::density::{Kernel, normalisation};
use rankwise::prelude::*;
use rankwise::testing::launcher;
use serde_json::json;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

const PEER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/density/finufft_peer.py");
/// Samples, coordinates, tolerance.
const CASES: [(usize, usize, f64); 6] = [
    (100_000, 1, 1e-9),
    (100_000, 2, 1e-6),
    (100_000, 2, 1e-9),
    (100_000, 2, 1e-12),
    (100_000, 3, 1e-6),
    (100_000, 3, 1e-9),
];
/// At so many points the values are compared with those of the direct engine.
const SHOWN: usize = 500;

/// Measures densities by way of a grid. A time is that of the slowest rank, from a barrier on, everything included; the median counts.
#[derive(Debug, Parser)]
#[command(name = "density_spectral")]
struct Args {
    /// Numbers of ranks
    #[arg(long, value_delimiter = ',', default_value = "1,2")]
    ranks: Vec<usize>,
    /// How often
    #[arg(long, default_value_t = 15)]
    repeats: usize,

    /// For the copies.
    #[arg(long, hide = true)]
    copy: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    if args.copy {
        return rankwise::run(|world| on_ranks(world, &args));
    }
    match drive(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("density_spectral: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// Numbers of a standard normal distribution, the same each time.
fn normal(n: usize, seed: u64) -> Vec<f64> {
    let mut state = seed;
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    };
    (0..n).map(|_| (-2.0 * uniform().ln()).sqrt() * (std::f64::consts::TAU * uniform()).cos()).collect()
}

/// Prints a line for each case: median and least time, and errors in units of a window's peak and of the density's.
fn on_ranks(world: &Comm, args: &Args) -> Outcome {
    for (n, d, atol) in CASES {
        let (all, points) = (normal(n * d, 1), normal(n * d, 2));
        let h = vec![(n as f64).powf(-1.0 / (d as f64 + 4.0)); d];
        let mine = Samples::blocks(n, world.size()).range(world.rank());
        let samples = Samples::new(world, n, d, &all[mine.start * d..mine.end * d])?;
        let mine = Partition::even(n, world.size()).range(world.rank());
        let places = &points[mine.start * d..mine.end * d];
        let estimate = Estimate {
            kernel: Kernel::Gaussian,
            bandwidth: &h,
            widths: &[1.0],
            precision: Precision::Double,
        };
        let (mut times, mut values) = (vec![], vec![]);
        for _ in 0..=args.repeats {
            world.barrier()?;
            let start = Instant::now();
            values = spectral::evaluate(world, estimate, &samples, Places::Points(places), atol, |_| {})?;
            times.push(world.all_reduce_one(start.elapsed().as_secs_f64(), Max)?);
        }
        // The first time is not counted.
        times.remove(0);
        times.sort_by(f64::total_cmp);
        let shown = if world.is_root() { SHOWN } else { 0 };
        let exact = evaluate(world, estimate, &samples, Places::Points(&places[..shown * d]), |_| {})?;
        let errors = values.iter().zip(&exact).map(|(value, exact)| (value - exact).abs());
        let (error, peak) = (errors.fold(0.0, f64::max), exact.iter().copied().fold(0.0, f64::max));
        let of_window = error / normalisation(Kernel::Gaussian, &h, 1);
        root_println!(
            world,
            "CASE {n} {d} {atol:e} {} {} {of_window:.1e} {:.1e}",
            times[times.len() / 2],
            times[0],
            error / peak
        );
    }
    Ok(())
}

fn drive(args: &Args) -> Outcome {
    let itself = std::env::current_exe()?;
    let mut lines: Vec<(String, String)> = Vec::new();
    for ranks in &args.ranks {
        let mut ours = launcher(*ranks);
        ours.arg(&itself).args(["--copy", "--repeats", &args.repeats.to_string()]);
        lines.extend(
            printed(&mut ours)?.lines().map(|line| (format!("ours, {ranks} ranks"), line.to_owned())),
        );
    }
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".into());
    let mut skipped = None;
    match printed(Command::new(python).arg(PEER).args(CASES.map(|(n, d, atol)| format!("{n},{d},{atol:e}"))))
    {
        Ok(text) => lines.extend(text.lines().map(|line| ("finufft, 1 thread".into(), line.to_owned()))),
        Err(problem) => skipped = Some(problem.to_string()),
    }
    let mut table = String::from(
        "| | samples, points | d | tolerance | median ms | least ms | error: of a window's peak | of the density's |\n",
    );
    table.push_str("|---|---|---|---|---|---|---|---|\n");
    let mut figures = Vec::new();
    for (name, line) in &lines {
        let words: Vec<&str> = line.split(' ').collect();
        let ["CASE", n, d, atol, median, least, rest @ ..] = &words[..] else { continue };
        let (median, least): (f64, f64) = (median.parse()?, least.parse()?);
        let (median, least) = (1e3 * median, 1e3 * least);
        let errors = rest.join(" | ");
        writeln!(table, "| {name} | {n} | {d} | {atol} | {median:.1} | {least:.1} | {errors} |")?;
        let is_aim = (*n, *d, *atol, &name[..]) == ("100000", "2", "1e-9", "ours, 2 ranks");
        figures.push(json!({
            "case": format!("{name}: n = {n}, d = {d}, {atol}"), "ours": median, "peer": 20.0, "peer_name": "the aim",
            "unit": "ms", "ratio": 20.0 / median, "aim": is_aim.then_some(1.0), "met": is_aim.then_some(median <= 20.0),
        }));
    }
    println!("{table}");
    if let Some(problem) = skipped {
        println!("skipped: finufft ({})", problem.lines().last().unwrap_or_default());
        figures
            .push(json!({"case": "all", "peer_name": "finufft", "skipped": true, "aim": null, "met": null}));
    }
    let target = std::env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| "target".into());
    let folder = std::path::Path::new(&target).with_file_name("bench");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("density_spectral.json"), serde_json::to_string_pretty(&figures)?)?;
    Ok(())
}

/// What a program prints.
fn printed(command: &mut Command) -> Outcome<String> {
    let ended = command.output()?;
    if !ended.status.success() {
        return Err(
            format!("{command:?}: {}\n{}", ended.status, String::from_utf8_lossy(&ended.stderr)).into()
        );
    }
    Ok(String::from_utf8(ended.stdout)?)
}
