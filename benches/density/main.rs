//! How long does a density take? Each of our engines at several rank counts, C++ with libmvec, scipy, scikit-learn, KDEpy and finufft.
//!
//! Run: make bench-density PYTHON=target/peers/bin/python
//!
//! It starts itself: under the launcher for ours (ours.rs), alone for C++ (twin.rs, twin.cpp); and Python (peers.py). What they print is
//! read (record.rs), and shown as one table (table.rs) and one picture (plot.rs).

mod data;
mod ours;
mod plot;
mod processors;
mod record;
mod table;
mod twin;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::Parser;
use rankwise::kernels::level::Level;
use rankwise::testing::launcher;
use serde_json::Value;

use data::{Data, bandwidth};
use record::{Case, Record};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/density/");
/// So many values are compared with those of extended precision.
const SHOWN: usize = 40;
/// A time is that for so many points.
const POINTS: usize = 100_000;
/// What takes long is repeated no more often than this.
const FEW: usize = 3;
/// What the peers in Python need, as pip calls it.
const PACKAGES: &str = "scipy scikit-learn KDEpy finufft";

/// Measures densities with Gaussian windows as wide as Scott's rule says for a normal distribution, which samples and points are of.
///
/// A time is that for a hundred thousand points. Ways whose time is that of the pairs get fewer points and the rest in proportion, so that
/// each measurement takes about half a second; what is done once, as planting a tree, counts once. Ours is the slowest rank's, from a
/// barrier on, everything but reading included; medians. Values are compared with sums in extended precision at the first forty points.
///
/// Strong scaling: as many points on all ranks together as on one. Weak scaling: as many on each. Python is $PYTHON or python3; what it has
/// not installed is skipped, and said.
#[derive(Debug, Parser)]
#[command(name = "density")]
struct Args {
    /// Numbers of samples
    #[arg(long, value_delimiter = ',', default_value = "20000,100000,1000000")]
    samples: Vec<usize>,
    /// Numbers of coordinates: 1, 2, 3 or 6
    #[arg(long, value_delimiter = ',', default_value = "1,2,3,6")]
    dimensions: Vec<usize>,
    /// Numbers of ranks, and of C++'s threads, that are compared with one [default: powers of two, up to the cores]
    #[arg(long, value_delimiter = ',')]
    ranks: Vec<usize>,
    /// Of so many samples, or the greatest number below, when ranks are compared
    #[arg(long, default_value_t = 100_000)]
    scaling: usize,
    /// How often; trees, C++ and finufft at most three times, others once
    #[arg(long, default_value_t = 5)]
    repeats: usize,
    /// A minute instead of ten: two coordinates, fewer samples and points, no page of results
    #[arg(long)]
    quick: bool,
    /// Where the page of results and its picture go [default: benches/results, with --quick none]
    #[arg(long, value_name = "DIR")]
    results: Option<PathBuf>,

    /// For the copies: where the numbers are, and whether there are as many points for each rank as otherwise for all.
    #[arg(long, hide = true)]
    data: Option<PathBuf>,
    #[arg(long, hide = true)]
    weak: bool,
    /// For the copy that runs C++: the library, and how many threads.
    #[arg(long, hide = true)]
    library: Option<PathBuf>,
    #[arg(long, hide = true, default_value_t = 1)]
    threads: usize,
}

impl Args {
    /// How many points are measured where so many pairs take half a second.
    fn points(&self, pairs: f64, ranks: usize) -> usize {
        let pairs = if self.quick { pairs / 4.0 } else { pairs };
        let points = (pairs / self.samples[0] as f64).clamp(SHOWN as f64, POINTS as f64) as usize;
        points * if self.weak { ranks } else { 1 }
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    match (&args.data, &args.library) {
        (Some(data), None) => rankwise::run(|world| ours::run(world, &args, data)),
        (Some(data), Some(library)) => ended(twin::run(&args, data, library)),
        _ => ended(drive(args)),
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

/// 2, 4, 8 …, as far as there are cores.
fn powers() -> Vec<usize> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::iter::successors(Some(2), |ranks| Some(2 * ranks)).take_while(|&ranks| ranks <= cores).collect()
}

fn drive(mut args: Args) -> Outcome {
    if args.ranks.is_empty() {
        args.ranks = powers();
    }
    args.ranks.retain(|&ranks| ranks > 1);
    if args.quick {
        args.dimensions = vec![2];
        args.samples.retain(|&n| n <= 100_000);
        args.repeats = args.repeats.min(3);
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    let of_mpi = target.ends_with("openmpi") || target.ends_with("mpich");
    let folder = if of_mpi { target.with_file_name("bench") } else { target.join("bench") };
    std::fs::create_dir_all(&folder)?;
    let mut record = Record::new();
    let library = twin::compile(&folder).map_err(|why| record.skip(&format!("C++ ({why})"))).ok();
    let scaled = args.samples.iter().copied().filter(|&n| n <= args.scaling).max();
    let numbers = folder.join("density.data");
    for &d in &args.dimensions {
        for &n in &args.samples {
            eprintln!("d = {d}, {n} samples");
            Data::write(&numbers, n, args.ranks.iter().copied().max().unwrap_or(1) * POINTS, d)?;
            let one = Case { d, n, ranks: 1, weak: false };
            measure(&args, one, &numbers, library.as_deref(), &mut record)?;
            python(&args, one, &numbers, &mut record);
            for &ranks in args.ranks.iter().filter(|_| Some(n) == scaled) {
                for weak in [false, true] {
                    let case = Case { ranks, weak, ..one };
                    measure(&args, case, &numbers, library.as_deref(), &mut record)?;
                }
            }
        }
    }
    let _ = std::fs::remove_file(numbers);
    show(&args, &record, &folder)
}

/// Ours and C++.
fn measure(args: &Args, case: Case, numbers: &Path, library: Option<&Path>, record: &mut Record) -> Outcome {
    let itself = std::env::current_exe()?;
    let copy = |command: &mut Command| {
        for (name, value) in [("samples", case.n), ("dimensions", case.d), ("repeats", args.repeats)] {
            command.args([format!("--{name}"), value.to_string()]);
        }
        command.arg("--data").arg(numbers).env("OMP_NUM_THREADS", "1");
        command.args(args.quick.then_some("--quick")).args(case.weak.then_some("--weak"));
    };
    let mut ours = launcher(case.ranks);
    copy(ours.arg(&itself));
    record.take(case, &mut ours)?;
    if let Some(library) = library {
        let mut twin = Command::new(&itself);
        copy(&mut twin);
        twin.arg("--library").arg(library).args(["--threads", &case.ranks.to_string()]);
        record.take(case, &mut twin)?;
    }
    Ok(())
}

/// The peers in Python; what is not there is skipped.
fn python(args: &Args, case: Case, numbers: &Path, record: &mut Record) {
    let mut peers = Command::new(std::env::var("PYTHON").unwrap_or_else(|_| "python3".into()));
    peers.arg(format!("{FOLDER}peers.py")).arg(numbers);
    peers.args([case.n, POINTS, case.d, SHOWN].map(|number| number.to_string()));
    peers.args([bandwidth(case.n, case.d).to_string(), if args.quick { "0.25" } else { "1" }.into()]);
    // They are compared on one core.
    for name in ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"] {
        peers.env(name, "1");
    }
    if let Err(problem) = record.take(case, &mut peers) {
        let problem = problem.to_string();
        record.skip(&format!("Python ({})", problem.lines().last().unwrap_or_default()));
    }
}

fn show(args: &Args, record: &Record, folder: &Path) -> Outcome {
    let compiler = Command::new("g++").arg("--version").output().map_or("no g++".into(), |said| {
        String::from_utf8_lossy(&said.stdout).lines().next().unwrap_or("g++").to_owned()
    });
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let of_cpu = |what| cpu.lines().find_map(|line| Some(line.strip_prefix(what)?.split_once(": ")?.1));
    // A virtual machine tells no more of its name than "AMD EPYC".
    let numbers = ["cpu family\t", "model\t"].map(|what| of_cpu(what).unwrap_or("?"));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let others = record.others();
    let mut conditions = vec![
        format!(
            "{}, family {}, model {}, {cores} cores, {:?}",
            of_cpu("model name").unwrap_or("an unknown processor"),
            numbers[0],
            numbers[1],
            Level::detect()
        ),
        rankwise::program::mpi_version(),
        compiler,
        others.map_or("what others used of the cores is not known".into(), |others| {
            format!("others used {others:.2} of {cores} cores meanwhile")
        }),
    ];
    if let Some(versions) = &record.versions {
        conditions.insert(3, versions.clone());
    }
    conditions.extend(record.multiply_adds());
    let table = table::table(args, record);
    let picture = plot::svg(args, record, &conditions);
    println!("{table}");
    let figures = table::figures(args, record);
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
    record.skipped.iter().for_each(|skipped| println!("skipped: {skipped}"));
    if !record.skipped.is_empty() {
        println!(
            "\nPeers in Python can be had so:\n  python3 -m venv target/peers && target/peers/bin/pip install {PACKAGES}\n  \
             make bench-density PYTHON=target/peers/bin/python"
        );
    }
    std::fs::write(folder.join("density.json"), format!("{:#}\n", Value::from(figures)))?;
    let page = match &args.results {
        Some(page) => page.clone(),
        None if args.quick => folder.to_owned(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("results"),
    };
    std::fs::create_dir_all(&page)?;
    let short = if conditions[1].contains("MPICH") { "mpich" } else { "openmpi" };
    let name = page.join(format!("density-{short}"));
    std::fs::write(name.with_extension("md"), table::page(record, &conditions, others, short, &table))?;
    std::fs::write(name.with_extension("svg"), picture)?;
    println!("\nwrote {} and {}/density.json", name.with_extension("{md,svg}").display(), folder.display());
    Ok(())
}
