//! How many pairs of sample and point a second? Ours at several rank counts, C++ with libmvec, scipy, scikit-learn and KDEpy.
//!
//! Run: make bench-density ARGS=--quick
//!
//! It starts itself: under the launcher for ours, alone for C++ (twin.cpp); and Python (peers.py).
#![expect(unsafe_code, reason = "a library is loaded and its functions are called")]

use std::error::Error;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use clap::Parser;
use libloading::Library;
use rankwise::distributed::density::{
    Bandwidth, Density, Engine, Estimate, Places, Precision, Samples, evaluate,
};
use rankwise::kernels::density::{Kernel, normalisation};
use rankwise::kernels::level::Level;
use rankwise::prelude::*;
use rankwise::testing::launcher;
use serde_json::{Value, json};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/density/");
/// So many values are compared with those of extended precision.
const SHOWN: usize = 40;

/// Measures densities at points, with Gaussian windows as wide as Scott's rule says for a normal distribution, which the samples and the
/// points are of.
///
/// A time is that of the slowest rank, from a barrier on, everything but reading included; the median of all repeats counts. Values are
/// compared with sums in extended precision. Python is $PYTHON or python3; what it has not installed is skipped.
#[derive(Debug, Parser)]
#[command(name = "density")]
struct Args {
    /// Number of samples
    #[arg(long, default_value_t = 20_000)]
    samples: usize,
    /// Number of points
    #[arg(long, default_value_t = 10_000)]
    points: usize,
    /// Numbers of coordinates: 1, 2, 3 or 6
    #[arg(long, value_delimiter = ',', default_value = "1,2,3,6")]
    dimensions: Vec<usize>,
    /// Numbers of ranks, and of C++'s threads
    #[arg(long, value_delimiter = ',', default_value = "1,2")]
    ranks: Vec<usize>,
    /// How often; C++ at most three times, Python once, at 1000 points
    #[arg(long, default_value_t = 15)]
    repeats: usize,
    /// Two coordinates, without Python
    #[arg(long)]
    quick: bool,

    /// What cargo bench adds.
    #[arg(long, hide = true)]
    bench: bool,
    /// For the copies: where the numbers are.
    #[arg(long, hide = true)]
    data: Option<PathBuf>,
    /// For the copy that runs C++: the library, and how many threads.
    #[arg(long, hide = true)]
    library: Option<PathBuf>,
    #[arg(long, hide = true, default_value_t = 1)]
    threads: usize,
}

fn main() -> ExitCode {
    let args = Args::parse();
    match (&args.data, &args.library) {
        (Some(data), None) => rankwise::run(|world| on_ranks(world, &args, data)),
        (Some(data), Some(library)) => ended(alone(&args, data, library)),
        _ => ended(drive(&args)),
    }
}

fn ended(outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("density: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// The samples and the points of a case.
struct Data {
    d: usize,
    samples: Vec<f64>,
    points: Vec<f64>,
    h: f64,
}

impl Data {
    fn read(args: &Args, path: &Path) -> Outcome<Self> {
        let (d, n) = (args.dimensions[0], args.samples);
        let bytes = std::fs::read(path)?;
        let mut samples: Vec<f64> =
            bytes.as_chunks::<8>().0.iter().map(|number| f64::from_ne_bytes(*number)).collect();
        let points = samples.split_off(n * d);
        Ok(Data { d, samples, points, h: bandwidth(n, d) })
    }
}

fn bandwidth(n: usize, d: usize) -> f64 {
    (n as f64).powf(-1.0 / (d as f64 + 4.0))
}

/// Numbers of a standard normal distribution, the same each time.
fn normal(n: usize) -> Vec<f64> {
    let mut state = 1u64;
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    };
    (0..n).map(|_| (-2.0 * uniform().ln()).sqrt() * (std::f64::consts::TAU * uniform()).cos()).collect()
}

/// Ours, in turns.
fn on_ranks(world: &Comm, args: &Args, data: &Path) -> Outcome {
    let data = world.agree(Data::read(args, data))?;
    let (d, n, m) = (data.d, args.samples, args.points);
    let mine = Samples::blocks(n, world.size()).range(world.rank());
    let samples = Samples::new(world, n, d, &data.samples[mine.start * d..mine.end * d])?;
    let mine = Partition::even(m, world.size()).range(world.rank());
    let points = &data.points[mine.start * d..mine.end * d];
    for repeat in 0..=args.repeats {
        for (name, precision) in [("ours, f64", Precision::Double), ("ours, f32", Precision::Single)] {
            let estimate =
                Estimate { kernel: Kernel::Gaussian, bandwidth: &vec![data.h; d], widths: &[1.0], precision };
            world.barrier()?;
            let start = Instant::now();
            let values = evaluate(world, estimate, &samples, Places::Points(points), |_| {})?;
            let seconds = world.all_reduce_one(start.elapsed().as_secs_f64(), Max)?;
            if world.is_root() {
                say(name, repeat, m, seconds, &values);
            }
        }
        // The tree is planted anew each time.
        for (name, rtol) in [("ours, tree, rtol=1e-4", 1e-4), ("ours, tree, rtol=1e-2", 1e-2)] {
            world.barrier()?;
            let start = Instant::now();
            let density = Density::builder()
                .bandwidth(Bandwidth::Axes(vec![data.h]))
                .engine(Engine::Tree)
                .tolerance(rtol, 0.0)
                .fit(world, samples.clone())?;
            let values = density.evaluate(Places::Points(points))?;
            let seconds = world.all_reduce_one(start.elapsed().as_secs_f64(), Max)?;
            if world.is_root() {
                say(name, repeat, m, seconds, &values);
            }
        }
    }
    Ok(())
}

/// The first time is not counted, but its values are looked at.
fn say(name: &str, repeat: usize, m: usize, seconds: f64, values: &[f64]) {
    if repeat > 0 {
        println!("TIME {m} {seconds} {name}");
    } else {
        let shown: Vec<String> = values.iter().take(SHOWN).map(|value| format!("{value:e}")).collect();
        println!("VALUES {} {name}", shown.join(","));
    }
}

type Twin = unsafe extern "C" fn(
    *const f64,
    std::ffi::c_long,
    *const f64,
    std::ffi::c_long,
    std::ffi::c_int,
    f64,
    f64,
    *mut f64,
    std::ffi::c_int,
) -> std::ffi::c_int;

/// C++ in turns with itself.
fn alone(args: &Args, data: &Path, library: &Path) -> Outcome {
    let data = Data::read(args, data)?;
    let (d, n, m) = (data.d, args.samples, args.points);
    let factor = normalisation(Kernel::Gaussian, &vec![data.h; d], n);
    let mut values = vec![0.0; m];
    // SAFETY: nothing runs when it is loaded; it was compiled from twin.cpp by this program.
    let library = unsafe { Library::new(library)? };
    let mut call = |function: &str, m: usize| -> Outcome<Vec<f64>> {
        // SAFETY: its functions have this type; there are as many samples, points and places for values as it is told.
        let problem = unsafe {
            library.get::<Twin>(function.as_bytes())?(
                data.samples.as_ptr(),
                n as std::ffi::c_long,
                data.points.as_ptr(),
                m as std::ffi::c_long,
                d as std::ffi::c_int,
                data.h,
                factor,
                values.as_mut_ptr(),
                args.threads as std::ffi::c_int,
            )
        };
        if problem != 0 {
            return Err(format!("twin.cpp takes 1, 2, 3 or 6 coordinates, not {d}").into());
        }
        Ok(values[..m.min(SHOWN)].to_vec())
    };
    for repeat in 0..=args.repeats.min(3) {
        for (name, function) in
            [("C++ -Ofast, libmvec, f64", "density_f64\0"), ("C++ -Ofast, libmvec, f32", "density_f32\0")]
        {
            let start = Instant::now();
            let values = call(function, m)?;
            say(name, repeat, m, start.elapsed().as_secs_f64(), &values);
        }
    }
    say("extended", 0, SHOWN, 0.0, &call("density_extended\0", m.min(SHOWN))?);
    Ok(())
}

/// One way to one density.
struct Measured {
    d: usize,
    /// Ranks, or threads.
    ranks: usize,
    name: String,
    /// Pairs a second, in thousand millions.
    rates: Vec<f64>,
    values: Vec<f64>,
}

impl Measured {
    fn rate(&self) -> f64 {
        let mut rates = self.rates.clone();
        rates.sort_by(f64::total_cmp);
        rates.get(rates.len() / 2).copied().unwrap_or(f64::NAN)
    }

    fn fastest(&self) -> f64 {
        self.rates.iter().copied().fold(0.0, f64::max)
    }
}

#[derive(Default)]
struct Results {
    measured: Vec<Measured>,
    skipped: Vec<String>,
}

impl Results {
    /// Runs a copy or a peer, and takes what it prints.
    fn add(&mut self, args: &Args, d: usize, ranks: usize, command: &mut Command) -> Outcome {
        let ended = command.output().map_err(|problem| format!("cannot start {command:?}: {problem}"))?;
        let printed = String::from_utf8_lossy(&ended.stdout);
        if !ended.status.success() {
            let said = String::from_utf8_lossy(&ended.stderr);
            return Err(format!("{command:?} ended with {}:\n{said}{printed}", ended.status).into());
        }
        for line in printed.lines() {
            let words: Vec<&str> = line.splitn(4, ' ').collect();
            match words.as_slice() {
                ["TIME", m, seconds, name] => {
                    let (m, seconds): (f64, f64) = (m.parse()?, seconds.parse()?);
                    self.of(d, ranks, name).rates.push(args.samples as f64 * m / seconds / 1e9);
                }
                ["VALUES", values, ..] => {
                    let name = words[2..].join(" ");
                    let values: Result<Vec<f64>, _> = values.split(',').map(str::parse).collect();
                    self.of(d, ranks, &name).values = values?;
                }
                ["SKIP", ..] => self.skip(line.trim_start_matches("SKIP ")),
                _ => {}
            }
        }
        Ok(())
    }

    fn skip(&mut self, what: &str) {
        if !self.skipped.iter().any(|skipped| skipped == what) {
            self.skipped.push(what.into());
        }
    }

    fn of(&mut self, d: usize, ranks: usize, name: &str) -> &mut Measured {
        let same = |one: &Measured| one.d == d && one.ranks == ranks && one.name == name;
        let place = self.measured.iter().position(same).unwrap_or_else(|| {
            let (rates, values) = (vec![], vec![]);
            self.measured.push(Measured { d, ranks, name: name.into(), rates, values });
            self.measured.len() - 1
        });
        &mut self.measured[place]
    }

    fn find(&self, d: usize, ranks: usize, name: &str) -> Option<&Measured> {
        self.measured.iter().find(|one| one.d == d && one.ranks == ranks && one.name == name)
    }

    /// The greatest relative error, where there is something to compare with.
    fn error(&self, one: &Measured) -> Option<f64> {
        let exact = self.measured.iter().find(|exact| exact.d == one.d && exact.name == "extended")?;
        let errors = one.values.iter().zip(&exact.values).map(|(value, exact)| (value / exact - 1.0).abs());
        errors.reduce(f64::max)
    }

    fn timed(&self) -> impl Iterator<Item = &Measured> {
        self.measured.iter().filter(|one| !one.rates.is_empty())
    }

    /// A row for each way, a column for each number of coordinates.
    fn table(&self, args: &Args) -> String {
        let mut rows: Vec<(&str, usize)> = Vec::new();
        for one in self.timed() {
            if !rows.contains(&(&one.name, one.ranks)) {
                rows.push((&one.name, one.ranks));
            }
        }
        let mut table = format!(
            "Gpairs/s, {} samples and {} points; medians, and in parentheses the fastest and the greatest relative error\n\n| |",
            args.samples, args.points
        );
        args.dimensions.iter().for_each(|d| _ = write!(table, " d = {d} |"));
        table.push_str("\n|---|");
        args.dimensions.iter().for_each(|_| table.push_str("---|"));
        for (name, ranks) in rows {
            let of = if name.starts_with("C++") { "thread" } else { "rank" };
            let of = if name.starts_with("ours") || name.starts_with("C++") {
                format!(", {ranks} {of}{}", if ranks == 1 { "" } else { "s" })
            } else {
                String::new()
            };
            let _ = write!(table, "\n| {name}{of} |");
            for &d in &args.dimensions {
                match self.find(d, ranks, name).filter(|one| !one.rates.is_empty()) {
                    Some(one) => {
                        let error = self.error(one).map_or("?".into(), |error| format!("{error:.0e}"));
                        let _ = write!(table, " {:.3} ({:.3}; {error}) |", one.rate(), one.fastest());
                    }
                    None => table.push_str(" |"),
                }
            }
        }
        table
    }

    /// Ours against each peer, and against what was aimed at.
    fn figures(&self) -> Vec<Value> {
        let mut figures = Vec::new();
        let mut figure = |case: String,
                          unit: &str,
                          ours: f64,
                          peer: f64,
                          peer_name: &str,
                          aim: Option<f64>| {
            let ratio = ours / peer;
            figures.push(json!({
                "case": case, "ours": ours, "peer": peer, "peer_name": peer_name, "unit": unit, "ratio": ratio,
                "aim": aim, "met": aim.map(|aim| ratio >= aim),
            }));
        };
        for ours in self.timed().filter(|one| one.name.starts_with("ours")) {
            let bits = &ours.name["ours, ".len()..];
            let case = format!("d = {}, {bits}, {} ranks", ours.d, ours.ranks);
            for peer in self.timed().filter(|peer| peer.d == ours.d && !peer.name.starts_with("ours")) {
                if peer.name.starts_with("C++") && !(peer.name.ends_with(bits) && peer.ranks == ours.ranks) {
                    continue;
                }
                figure(case.clone(), "Gpairs/s", ours.rate(), peer.rate(), &peer.name, None);
            }
            if ours.d == 2 && ours.ranks == 2 && !bits.starts_with("tree") {
                let aim = if bits == "f64" { 6.0 } else { 16.0 };
                figure(case.clone(), "Gpairs/s", ours.rate(), aim, "the aim", Some(1.0));
            }
            if let Some(alone) = self.find(ours.d, 1, &ours.name).filter(|_| ours.ranks > 1) {
                let efficiency = ours.rate() / alone.rate() / ours.ranks as f64;
                figure(
                    format!("{case}: efficiency"),
                    "of 1 rank's",
                    efficiency,
                    1.0,
                    "ours, 1 rank",
                    Some(0.95),
                );
            }
        }
        for skipped in &self.skipped {
            figures.push(
                json!({"case": "all", "peer_name": skipped, "skipped": true, "aim": null, "met": null}),
            );
        }
        figures
    }
}

fn drive(args: &Args) -> Outcome {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    let of_mpi = target.ends_with("openmpi") || target.ends_with("mpich");
    let folder = if of_mpi { target.with_file_name("bench") } else { target.join("bench") };
    std::fs::create_dir_all(&folder)?;
    let args = Args {
        dimensions: if args.quick { vec![2] } else { args.dimensions.clone() },
        repeats: if args.quick { 3 } else { args.repeats },
        ranks: args.ranks.clone(),
        data: None,
        library: None,
        ..*args
    };
    let mut results = Results::default();
    let library = folder.join("density-twin.so");
    let compiled = Command::new("g++")
        .args(["-Ofast", "-march=native", "-fopenmp", "-shared", "-fPIC", "-o"])
        .arg(&library)
        .arg(format!("{FOLDER}twin.cpp"))
        .status();
    let cpp = compiled.is_ok_and(|status| status.success());
    if !cpp {
        results.skip("C++ - g++ cannot compile twin.cpp");
    }
    let itself = std::env::current_exe()?;
    let data = folder.join("density.data");
    for &d in &args.dimensions {
        let numbers = normal((args.samples + args.points) * d);
        std::fs::write(&data, numbers.iter().flat_map(|x| x.to_ne_bytes()).collect::<Vec<u8>>())?;
        let mut common: Vec<String> = Vec::new();
        for (name, value) in
            [("samples", args.samples), ("points", args.points), ("dimensions", d), ("repeats", args.repeats)]
        {
            common.extend([format!("--{name}"), value.to_string()]);
        }
        for &ranks in &args.ranks {
            let mut ours = launcher(ranks);
            results.add(&args, d, ranks, ours.arg(&itself).args(&common).arg("--data").arg(&data))?;
            if cpp {
                let mut twin = Command::new(&itself);
                twin.args(&common).arg("--data").arg(&data).arg("--library").arg(&library);
                results.add(&args, d, ranks, twin.args(["--threads", &ranks.to_string()]))?;
            }
        }
        if !args.quick {
            let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".into());
            let m = args.points.min(1000);
            let mut peers = Command::new(python);
            peers.arg(format!("{FOLDER}peers.py")).arg(&data);
            peers.args([args.samples, m, d].map(|number| number.to_string()));
            peers.args([bandwidth(args.samples, d).to_string(), SHOWN.to_string()]);
            if let Err(problem) = results.add(&args, d, 1, &mut peers) {
                let problem = problem.to_string();
                results.skip(&format!("Python - {}", problem.lines().last().unwrap_or_default()));
            }
        }
    }
    let _ = std::fs::remove_file(data);
    println!("{:?}\n{}\n", Level::detect(), results.table(&args));
    let figures = results.figures();
    for figure in figures.iter().filter(|figure| !figure["aim"].is_null()) {
        let words = if figure["met"] == true { "met" } else { "NOT met" };
        println!(
            "{}: {:.3} {} against {} {}, aim a ratio of {}: {words}",
            figure["case"].as_str().unwrap_or_default(),
            figure["ours"].as_f64().unwrap_or(f64::NAN),
            figure["unit"].as_str().unwrap_or_default(),
            figure["peer_name"].as_str().unwrap_or_default(),
            figure["peer"],
            figure["aim"],
        );
    }
    results.skipped.iter().for_each(|skipped| println!("skipped: {skipped}"));
    std::fs::write(folder.join("density.json"), format!("{:#}\n", Value::from(figures)))?;
    println!("wrote {}/density.json", folder.display());
    Ok(())
}
