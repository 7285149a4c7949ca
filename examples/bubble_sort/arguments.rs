//! The command line.

use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Parser, ValueEnum};
use rankwise::progress::Show;
use rankwise::report::Report;

/// More keys than this do not fit on a screen.
const SHOWN: usize = 200;
/// More keys than this do not fit into a picture.
const DRAWN: usize = 2000;

/// Sorts numbers across ranks: bubble sort as it is taught, and the fastest sort there is.
///
/// The result is the same for any number of ranks, and with every algorithm. Floats are in their total order: -NaN, -inf, ..., -0, 0,
/// ..., inf, NaN.
#[derive(Debug, Parser)]
#[command(name = "bubble_sort", version, after_long_help = EXAMPLES, after_help = "Examples: see bubble_sort --help")]
pub(crate) struct Args {
    /// The numbers: an HDF5 file (with --dataset), an array of one axis in .npy, or text with a number a line (.txt, .csv, .dat)
    #[arg(required_unless_present = "random", conflicts_with = "random")]
    pub(crate) input: Option<PathBuf>,

    /// Draw N random keys instead, the same on any number of ranks
    #[arg(long, value_name = "N")]
    pub(crate) random: Option<usize>,

    /// What they are like
    #[arg(long, value_enum, default_value_t = Distribution::Uniform, requires = "random")]
    pub(crate) distribution: Distribution,

    /// Which of all random keys
    #[arg(long, default_value_t = 1, requires = "random")]
    pub(crate) seed: u64,

    /// Draw keys below this number [default: 100 with --show, else what 64 bits have]
    #[arg(long, value_name = "M", requires = "random", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) below: Option<u64>,

    /// The dataset of INPUT that holds the numbers
    #[arg(long, default_value = "/keys", value_name = "NAME")]
    pub(crate) dataset: String,

    /// How to sort
    #[arg(long, value_enum, default_value_t = Algorithm::OddEven)]
    pub(crate) algorithm: Algorithm,

    /// Sort this many independent random arrays of N keys, each on one rank: whoever is done takes the next. OUTPUT is HDF5 then
    #[arg(long, value_name = "K", requires = "random", conflicts_with_all = ["show", "picture", "algorithm"])]
    pub(crate) many: Option<usize>,

    /// Where the sorted numbers go: HDF5 (.h5, .hdf5), .npy, or text; replaced only when the new one is whole
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Print every phase: which ranks compare, which keys cross
    #[arg(long)]
    pub(crate) show: bool,

    /// Draw the way of every key through the phases
    #[arg(long, value_name = "FILE.svg")]
    pub(crate) picture: Option<PathBuf>,

    /// Colours in what --show prints
    #[arg(long, value_enum, default_value_t = Show::Auto, value_name = "WHEN")]
    pub(crate) color: Show,

    /// Make sure that the result is sorted, and that it is the same numbers
    #[arg(long)]
    pub(crate) check: bool,

    /// Print where the time went, and what was compared and moved
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) report: Option<Format>,

    /// Show progress on the root's terminal
    #[arg(long, value_enum, default_value_t = Show::Auto, value_name = "WHEN")]
    pub(crate) progress: Show,
}

const EXAMPLES: &str = "\
Examples:
  Odd-even transposition, phase by phase, and as a picture:
    mpirun -n 4 bubble_sort --random 40 --show --picture sort.svg
  The textbook's program: why are 4 ranks more than 4 times as fast as 1?
    mpirun -n 1 bubble_sort --random 20000 --algorithm bubble --report text
    mpirun -n 4 bubble_sort --random 20000 --algorithm bubble --report text
  What each algorithm sends:
    mpirun -n 4 bubble_sort --random 1000000 --algorithm odd-even --report text
    mpirun -n 4 bubble_sort --random 1000000 --algorithm sample --report text
  A file, with proof:
    mpirun -n 4 bubble_sort numbers.npy --algorithm sample --check -o sorted.npy
  A thousand arrays, shared out as tasks:
    mpirun -n 4 bubble_sort --many 1000 --random 5000 -o arrays.h5";

#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
pub(crate) enum Algorithm {
    /// The textbook: bubble sort of each rank's keys, then phases in which neighbours exchange all they have
    Bubble,
    /// The same phases on well sorted keys, with only the keys that must cross
    OddEven,
    /// The fast one: each key goes straight to its rank
    Sample,
}

#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
pub(crate) enum Distribution {
    /// All keys alike
    Uniform,
    /// The key k as often as 1/k
    Zipf,
    /// All the same
    Equal,
    /// Sorted already
    Sorted,
    /// The greatest first
    Reverse,
    /// Floats of mean 0 and standard deviation 1
    Normal,
}

#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
}

impl Args {
    /// What the root can tell before any work is done.
    pub(crate) fn check(&self) -> Result<(), Box<dyn Error>> {
        for output in self.outputs() {
            if self.input.as_ref().is_some_and(|input| same_file(output, input)) {
                return Err(format!("{} is the input: it would be replaced", output.display()).into());
            }
            rankwise::file::check_new(output)?;
        }
        if let (Some(output), Some(picture)) = (&self.output, &self.picture)
            && same_place(output, picture)
        {
            return Err(format!("{} cannot be both the output and the picture", output.display()).into());
        }
        if self.picture.as_ref().is_some_and(|path| path.extension().is_none_or(|ending| ending != "svg")) {
            return Err("--picture draws SVG: give it a name that ends in .svg".into());
        }
        if self.is_watched() && self.algorithm == Algorithm::Sample {
            return Err(
                "--show and --picture follow odd-even transposition: choose --algorithm odd-even or bubble"
                    .into(),
            );
        }
        if self.many.is_some() && self.output.as_ref().is_some_and(|path| !is_hdf5(path)) {
            return Err("--many writes HDF5: give OUTPUT a name that ends in .h5".into());
        }
        Ok(())
    }

    /// Whether so many keys can be shown.
    pub(crate) fn fits(&self, n: usize) -> Result<(), Box<dyn Error>> {
        if self.show && n > SHOWN {
            return Err(format!(
                "--show prints every key: {n} are too many, at most {SHOWN}; --report counts"
            )
            .into());
        }
        if self.picture.is_some() && n > DRAWN {
            return Err(format!("--picture draws every key: {n} are too many, at most {DRAWN}").into());
        }
        Ok(())
    }

    /// Whether someone wants to see the phases.
    pub(crate) fn is_watched(&self) -> bool {
        self.show || self.picture.is_some()
    }

    /// Random keys are below this.
    pub(crate) fn below(&self) -> Option<u64> {
        self.below.or(self.show.then_some(100))
    }

    /// What the numbers are, for the output.
    pub(crate) fn source_name(&self) -> String {
        match &self.input {
            Some(path) => path.display().to_string(),
            None => format!("{:?} keys, seed {}", self.distribution, self.seed).to_lowercase(),
        }
    }

    fn outputs(&self) -> impl Iterator<Item = &PathBuf> {
        [self.output.as_ref(), self.picture.as_ref()].into_iter().flatten()
    }

    /// Says what was done, and what `report` says of it, as asked for.
    pub(crate) fn say(&self, n: usize, report: &Report) -> Result<(), Box<dyn Error>> {
        let mut out = std::io::stdout().lock();
        if self.report == Some(Format::Json) {
            return Ok(writeln!(out, "{}", report.json())?);
        }
        if self.check {
            writeln!(out, "checked: {n} keys, sorted, and the same as before")?;
        }
        for path in self.outputs() {
            writeln!(out, "wrote {}", fs::canonicalize(path).unwrap_or_else(|_| path.clone()).display())?;
        }
        match self.report {
            Some(_) => writeln!(out, "{}", report.text())?,
            None if !self.check && self.outputs().next().is_none() && !self.show => {
                writeln!(out, "sorted {n} keys; -o keeps them, --show, --check and --report say more")?;
            }
            None => {}
        }
        Ok(())
    }
}

/// Whether a file of that name is HDF5.
pub(crate) fn is_hdf5(path: &Path) -> bool {
    ends_in(path, &["h5", "hdf5", "hdf", "he5", "nc"])
}

/// Whether a name ends in one of these.
pub(crate) fn ends_in(path: &Path, endings: &[&str]) -> bool {
    path.extension().is_some_and(|ending| endings.iter().any(|known| ending.eq_ignore_ascii_case(known)))
}

fn same_file(a: &Path, b: &Path) -> bool {
    matches!((fs::canonicalize(a), fs::canonicalize(b)), (Ok(a), Ok(b)) if a == b)
}

/// Whether two files that need not exist yet would be one.
fn same_place(a: &Path, b: &Path) -> bool {
    let folder = |path: &Path| {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        fs::canonicalize(folder.unwrap_or(Path::new(".")))
    };
    same_file(a, b)
        || (a.file_name() == b.file_name() && matches!((folder(a), folder(b)), (Ok(a), Ok(b)) if a == b))
}
