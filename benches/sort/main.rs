//! How fast is a sort across ranks? Ours, C with MPI, and the sorts of one process: same keys, in turns.
//!
//! Run: make bench-sort ARGS=--quick
//!
//! This file is the driver: it starts itself, under the launcher and alone (measure.rs), and shows what was measured (results.rs).

mod data;
mod measure;
mod peers;
mod results;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::{Parser, ValueEnum};
use data::{Distribution, Type};
use rankwise::testing::launcher;
use results::Results;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// Measures sorting across ranks.
///
/// C (sort.c, by $MPICC) runs in the same processes as ours, on the same keys, in turns; the sorts of one process (the standard
/// library, rayon and voracious with two threads, C++'s std::sort, numpy if python3 has it) run right after. A time is that of the slowest
/// rank, from a barrier on, with memory that was in use before; the median of all repeats counts. A result is looked at: whether it is sorted, and as long.
#[derive(Debug, Parser)]
#[command(name = "sort", after_help = EXAMPLES)]
struct Args {
    /// Numbers of keys
    #[arg(long, value_delimiter = ',', default_value = "1000000,10000000")]
    keys: Vec<usize>,
    /// Numbers of ranks
    #[arg(long, value_delimiter = ',', default_value = "1,2,4")]
    ranks: Vec<usize>,
    /// Only these distributions
    #[arg(long, value_delimiter = ',', value_enum)]
    distributions: Vec<Distribution>,
    /// Only these types; but for 64 bits, only uniform keys (floats: normal) are measured
    #[arg(long, value_delimiter = ',', value_enum)]
    types: Vec<Type>,
    /// How often
    #[arg(long, default_value_t = 3)]
    repeats: usize,
    /// A million keys on two ranks, once over
    #[arg(long)]
    quick: bool,
    /// A hundred million 64-bit keys on two ranks, for the aims; needs 4 GiB. C and C++ sort once
    #[arg(long)]
    aims: bool,
    /// Write the page of results and its picture here
    #[arg(long, value_name = "DIR")]
    results: Option<PathBuf>,

    /// For the copies: on ranks or alone, with this library.
    #[arg(long, hide = true)]
    copy: Option<Copy>,
    #[arg(long, hide = true, default_value = "")]
    library: String,
}

const EXAMPLES: &str = "\
Examples:
  make bench-sort                      the table
  make bench-sort ARGS=--quick         a first look
  make bench-sort ARGS=--aims          a hundred million keys
  make bench-sort MPI=mpich ARGS='--keys 10000000 --ranks 2 --results benches/results'

The table goes to standard output, all figures to target/bench/sort.json, the plot to target/bench/sort.svg.";

#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
enum Copy {
    Ranks,
    Alone,
}

/// What is sorted.
#[derive(Debug, Clone, Copy)]
struct Case {
    of: Type,
    distribution: Distribution,
    n: usize,
    repeats: usize,
}

impl Case {
    /// Whether the slow ones sort, too: once, if there are many keys.
    fn has_patience(&self, round: usize) -> bool {
        round == 0 || self.n < 50_000_000
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    let done = match args.copy {
        Some(Copy::Ranks) => return measure::on_ranks(args.case(), &args.library),
        Some(Copy::Alone) => measure::alone(args.case(), &args.library),
        None => args.drive(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}

impl Args {
    /// The one case of a copy.
    fn case(&self) -> Case {
        let (of, distribution) = (self.types[0], self.distributions[0]);
        Case { of, distribution, n: self.keys[0], repeats: self.repeats }
    }

    fn cases(&self) -> Vec<(Case, Vec<usize>)> {
        let (keys, ranks) = match (self.quick, self.aims) {
            (true, _) => (vec![1_000_000], vec![2]),
            (_, true) => (vec![100_000_000], vec![2]),
            _ => (self.keys.clone(), self.ranks.clone()),
        };
        let wanted = |distribution: &Distribution| {
            self.distributions.is_empty() || self.distributions.contains(distribution)
        };
        let types = if self.types.is_empty() {
            &Type::value_variants()[..if self.aims { 1 } else { 4 }]
        } else {
            &self.types
        };
        let mut cases = Vec::new();
        for &n in &keys {
            for &of in types {
                let distributions: &[Distribution] = match of {
                    Type::U64 => &Distribution::value_variants()[..5],
                    Type::F64 => &[Distribution::Normal],
                    _ => &[Distribution::Uniform],
                };
                for &distribution in distributions.iter().filter(|distribution| wanted(distribution)) {
                    let repeats = if self.quick { 1 } else { self.repeats };
                    cases.push((Case { of, distribution, n, repeats }, ranks.clone()));
                }
            }
        }
        cases
    }

    fn drive(&self) -> Outcome {
        let folder = target();
        std::fs::create_dir_all(&folder)?;
        let (over_ranks, local) = (folder.join("sort_c.so"), folder.join("sort_cpp.so"));
        let mpicc = std::env::var("MPICC").unwrap_or_else(|_| "mpicc".into());
        let mut results = Results::new(peers::compile(&mpicc, "sort.c", &over_ranks)?);
        let cpp = peers::compile("g++", "std_sort.cpp", &local);
        if let Err(problem) = &cpp {
            results.skip("std::sort", &problem.to_string());
        }
        let numpy = Command::new("python3").args(["-c", "import numpy; print(numpy.__version__)"]).output();
        let numpy = numpy.is_ok_and(|output| output.status.success());
        if !numpy {
            results.skip("numpy", "python3 has no numpy");
        }
        for (case, ranks) in self.cases() {
            eprintln!("{:?} {:?} {}", case.of, case.distribution, case.n);
            for &ranks in &ranks {
                let command = launcher(ranks);
                results.add(case, ranks, &self.copy_of(command, Copy::Ranks, case, &over_ranks)?);
            }
            let library = if cpp.is_ok() { local.as_path() } else { Path::new("") };
            let mut alone = Command::new(std::env::current_exe()?);
            alone.env("RAYON_NUM_THREADS", "2");
            results.add(case, 0, &self.run(alone, Copy::Alone, case, library)?);
            if numpy {
                results.add(case, 0, &with_numpy(case)?);
            }
        }
        results.show(&folder, self.results.as_deref(), if self.aims { "sort-large" } else { "sort" })
    }

    /// What this program prints as a copy under the launcher.
    fn copy_of(&self, mut command: Command, copy: Copy, case: Case, library: &Path) -> Outcome<String> {
        command.arg(std::env::current_exe()?);
        self.run(command, copy, case, library)
    }

    fn run(&self, mut command: Command, copy: Copy, case: Case, library: &Path) -> Outcome<String> {
        let name = |value: &dyn Fn() -> Option<clap::builder::PossibleValue>| {
            value().map_or(String::new(), |value| value.get_name().to_owned())
        };
        command.args(["--copy", if copy == Copy::Ranks { "ranks" } else { "alone" }]);
        command.args(["--types", &name(&|| case.of.to_possible_value())]);
        command.args(["--distributions", &name(&|| case.distribution.to_possible_value())]);
        command.args(["--keys", &case.n.to_string(), "--repeats", &case.repeats.to_string()]);
        command.arg("--library").arg(library);
        let output = command.output()?;
        if !output.status.success() {
            return Err(format!("{case:?} fails:\n{}", String::from_utf8_lossy(&output.stderr)).into());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// NumPy's sort, of keys that are like ours.
fn with_numpy(case: Case) -> Outcome<String> {
    let keys = match (case.of, case.distribution) {
        (Type::Record, _) => return Ok(String::new()),
        (Type::U32, _) => "r.integers(0, 2**32, n, dtype=numpy.uint32)",
        (_, Distribution::Uniform) => "r.integers(0, 2**64, n, dtype=numpy.uint64)",
        (_, Distribution::Zipf) => "(2**(32 * r.random(n))).astype(numpy.uint64)",
        (_, Distribution::Equal) => "numpy.full(n, 42, dtype=numpy.uint64)",
        (_, Distribution::Sorted) => "numpy.arange(n, dtype=numpy.uint64)",
        (_, Distribution::Reverse) => "numpy.arange(n, dtype=numpy.uint64)[::-1].copy()",
        (_, Distribution::Normal) => "r.normal(size=n)",
    };
    let program = format!(
        "import numpy, time\nn = {}\nr = numpy.random.default_rng(1)\ngiven = {keys}\nfor _ in range({}):\n  k = given.copy()\n  \
         t = time.perf_counter()\n  k.sort()\n  print('TIME numpy', time.perf_counter() - t)",
        case.n, case.repeats
    );
    let output = Command::new("python3").args(["-c", &program]).output()?;
    if !output.status.success() {
        return Err(format!("numpy fails:\n{}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// target/bench of this build.
fn target() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    let under_mpi = target.ends_with("openmpi") || target.ends_with("mpich");
    let target = if under_mpi { target.parent().map_or(target.clone(), Path::to_owned) } else { target };
    target.join("bench")
}
