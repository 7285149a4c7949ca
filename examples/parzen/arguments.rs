//! The command line.

use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Parser, ValueEnum};
use rankwise::distributed::density::{Boundary, Precision};
use rankwise::kernels::bandwidth::Rule;
use rankwise::kernels::density::Kernel;
use rankwise::progress::Show;
use rankwise::report::Report;

/// Parzen-window density of points in a file, on a grid or at given points.
///
/// The result is the same to the last bit for any number of ranks. OUTPUT holds /density, the centres of the cells of each axis
/// (/axis_0, /axis_1, …) and the settings as attributes; density[i, j] belongs to the i-th cell of the first coordinate and
/// the j-th of the second.
#[derive(Debug, Parser)]
#[command(name = "parzen", version, after_long_help = EXAMPLES, after_help = "Examples: see parzen --help")]
pub(crate) struct Args {
    /// The points: an HDF5 file (with --dataset), n rows of d coordinates; or text with a point a line (.csv, .txt, .tsv, .dat)
    pub(crate) input: PathBuf,

    /// The dataset of INPUT that holds the points
    #[arg(long, default_value = "/points", value_name = "NAME")]
    pub(crate) dataset: String,

    /// The columns to use, by name (CSV) or number from 0 [default: all]
    #[arg(long, value_name = "A,B,…", value_delimiter = ',')]
    pub(crate) columns: Vec<String>,

    /// Evaluate on a grid of this many cells along each coordinate: 720x360 [default: 512, 256x256 or 64x64x64]
    #[arg(long, value_name = "NxM…", value_parser = grid, conflicts_with = "at")]
    pub(crate) grid: Option<Grid>,

    /// The edges of the grid, LOW:HIGH for each coordinate [default: the points and the reach of their windows, at most 3
    /// bandwidths]
    #[arg(long, value_name = "A:B,C:D…", value_delimiter = ',', value_parser = interval, allow_hyphen_values = true)]
    #[arg(conflicts_with = "at")]
    pub(crate) limits: Vec<(f64, f64)>,

    /// Evaluate at the points of an HDF5 dataset instead of on a grid
    #[arg(long, value_name = "FILE:/DATASET")]
    pub(crate) at: Option<String>,

    /// The shape of the windows
    #[arg(long, value_enum, default_value_t = Shape::Gaussian)]
    pub(crate) kernel: Shape,

    /// A number, one for each coordinate (1.5,0.8), or how to find it: scott and silverman look at the spread; isj (improved
    /// Sheather-Jones, one coordinate) at the shape, right for several heaps; cv takes what foretells each point best from the others, of
    /// 49 multiples of scott. Standard deviation of the gaussian, whole width of the hypercube, radius of epanechnikov
    #[arg(long, value_name = "H", default_value = "scott", value_parser = bandwidth, allow_hyphen_values = true)]
    #[arg(conflicts_with = "window_sweep")]
    pub(crate) bandwidth: Bandwidth,

    /// Windows turned and stretched as the points are: scott, the default, is what scipy's gaussian_kde takes; or silverman; or a
    /// matrix, row by row: --covariance=4,1,1,9
    #[arg(long, value_name = "RULE", value_parser = covariance, allow_hyphen_values = true)]
    #[arg(num_args = 0..=1, default_missing_value = "scott", require_equals = true)]
    #[arg(conflicts_with_all = ["window_sweep", "bandwidth"])]
    pub(crate) covariance: Option<Covariance>,

    /// Several bandwidths in one pass, or LOW:HIGH:COUNT; /density then has one more axis, the first. Hypercubes at points are counted for all
    /// widths at once, however many
    #[arg(long, value_name = "H,H…", value_delimiter = ',', value_parser = sweep, allow_hyphen_values = true)]
    pub(crate) window_sweep: Vec<Sweep>,

    /// How much each point counts: a dataset of INPUT with a number for each, or a column of a text file
    #[arg(long, value_name = "NAME")]
    pub(crate) weights: Option<String>,

    /// The natural logarithm of the density, right where the density is too small for a number; in /log_density
    #[arg(long, conflicts_with = "plot")]
    pub(crate) log: bool,

    /// In what the terms are computed: f64, right to 13 digits; or f32, right to about 6 and two to three times as fast, with --at,
    /// for curves and for epanechnikov. Other grids are a product, without terms, and always in f64
    #[arg(long, value_enum, default_value_t = Digits::F64)]
    pub(crate) precision: Digits,

    /// How the sums are found. direct looks at every pair of sample and point. tree skips what cannot matter: fast with narrow windows, or
    /// with a tolerance. spectral, for gaussians in up to 3 dimensions, goes by way of a grid, and needs a tolerance; with --rtol the tree takes the
    /// tails. auto takes the cheapest
    #[arg(long, value_enum, default_value_t = Way::Auto, value_name = "WAY")]
    pub(crate) engine: Way,

    /// The density may be off by this part of itself
    #[arg(long, default_value_t = 0.0, value_parser = tolerance, value_name = "X", allow_hyphen_values = true)]
    pub(crate) rtol: f64,

    /// The density may be off by this part of the greatest value that a density with these windows can have
    #[arg(long, default_value_t = 0.0, value_parser = tolerance, value_name = "X", allow_hyphen_values = true)]
    pub(crate) atol: f64,

    /// Threads of each rank, which share its points: the same bits with any number [default: OMP_NUM_THREADS, or Slurm's --cpus-per-task, or 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) threads: Option<u16>,

    /// Memory of each rank for the points of an HDF5 file, as in 256M or 4G: they are read in pieces that fit, again for each pass over them. The
    /// tree then is not among the engines
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) memory: Option<usize>,

    /// Say on standard error what each engine would cost, and which one is taken
    #[arg(long)]
    pub(crate) explain: bool,

    /// How each coordinate ends: open, reflect:LOW:HIGH (one may be inf; nothing is beyond), or periodic:LOW:HIGH (HIGH is LOW again, as
    /// with longitudes) [default: open]
    #[arg(long, value_name = "A,B…", value_delimiter = ',', value_parser = boundary, allow_hyphen_values = true)]
    pub(crate) boundary: Vec<Boundary>,

    /// Where the density goes; replaced only when the new one is whole
    #[arg(short, long, default_value = "density.h5", value_name = "FILE")]
    pub(crate) output: PathBuf,

    /// A picture of it: heat maps of two coordinates, curves of one
    #[arg(long, value_name = "FILE.png")]
    pub(crate) plot: Option<PathBuf>,

    /// The picture's title [default: the name of INPUT]
    #[arg(long, value_name = "TEXT")]
    pub(crate) title: Option<String>,

    /// Print where the time went
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) report: Option<Format>,

    /// Show progress on the root's terminal
    #[arg(long, value_enum, default_value_t = Show::Auto, value_name = "WHEN")]
    pub(crate) progress: Show,
}

/// A number of bytes: 256M, 1.5G.
fn size(word: &str) -> Result<usize, String> {
    let (number, unit) = match word.trim_end_matches(['i', 'B', 'b']) {
        rest if rest.ends_with(['k', 'K']) => (&rest[..rest.len() - 1], 1u64 << 10),
        rest if rest.ends_with(['m', 'M']) => (&rest[..rest.len() - 1], 1 << 20),
        rest if rest.ends_with(['g', 'G']) => (&rest[..rest.len() - 1], 1 << 30),
        rest => (rest, 1),
    };
    match number.trim().parse::<f64>() {
        Ok(number) if number > 0.0 && number * (unit as f64) < 2f64.powi(62) => {
            Ok((number * unit as f64) as usize)
        }
        _ => Err("a size is a number of bytes, as 256M or 4G".into()),
    }
}

const EXAMPLES: &str = "\
Examples:
  The world's settlements, with a picture:
    mpirun -n 2 parzen examples/data/cities.h5 --dataset /points --grid 720x360 --bandwidth 1.5 \\
        -o density.h5 --plot density.png
  Columns of a CSV file, and a bandwidth from the spread of the points:
    mpirun -n 4 parzen quakes.csv --columns longitude,latitude --bandwidth silverman -o quakes.h5
  The classic window width study: one pass, four widths, hypercube windows:
    mpirun -n 4 parzen samples.h5 --kernel hypercube --window-sweep 0.2,0.5,1,2 --plot widths.png
  Longitudes, of which 180 is -180 again:
    mpirun -n 2 parzen examples/data/cities.h5 --boundary periodic:-180:180,reflect:-90:90 --bandwidth 1.5 --grid 720x360
  A billion points, of which a rank holds 2 GB at a time, on one rank a socket:
    mpirun -n 2 parzen stars.h5 --bandwidth 0.1 --at here.h5:/points --memory 2G --threads 32
  Within a part in ten thousand, and why in this way:
    mpirun -n 2 parzen train.h5 --at test.h5:/points --rtol 1e-4 --explain
  A hundred thousand samples at as many points, to a thousand-millionth of the greatest possible value:
    mpirun -n 2 parzen train.h5 --at test.h5:/points --engine spectral --atol 1e-9
  Of several heaps, a bandwidth that sees them:
    mpirun -n 2 parzen examples/data/faithful.csv --columns eruptions --bandwidth isj --plot faithful.png
  What scipy's gaussian_kde has, with weights; and its logarithm:
    mpirun -n 2 parzen train.h5 --weights /w --covariance --at test.h5:/points --log -o scores.h5
  Every window width at some points, in one pass:
    mpirun -n 2 parzen train.h5 --at test.h5:/points --kernel hypercube --window-sweep 0.1:5:50
  At the points of another file, on a cluster:
    srun --mpi=pmix parzen train.h5 --at test.h5:/points --bandwidth 0.3 -o scores.h5 --report json";

/// Number of cells along each coordinate.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Grid(pub(crate) Vec<usize>);

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Bandwidth {
    Given(Vec<f64>),
    Rule(Rule),
    SheatherJones,
    CrossValidation,
}

/// The matrix of the windows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Covariance {
    Given(Vec<f64>),
    Rule(Rule),
}

/// One width of a sweep, or many.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Sweep {
    One(f64),
    Range { low: f64, high: f64, count: usize },
}

#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
pub(crate) enum Shape {
    Gaussian,
    /// The classic Parzen window: counts points in a box
    Hypercube,
    Epanechnikov,
}

impl From<Shape> for Kernel {
    fn from(shape: Shape) -> Self {
        match shape {
            Shape::Gaussian => Kernel::Gaussian,
            Shape::Hypercube => Kernel::Hypercube,
            Shape::Epanechnikov => Kernel::Epanechnikov,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
pub(crate) enum Digits {
    F64,
    F32,
}

impl From<Digits> for Precision {
    fn from(digits: Digits) -> Self {
        match digits {
            Digits::F64 => Precision::Double,
            Digits::F32 => Precision::Single,
        }
    }
}

/// A way to the sums.
#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
pub(crate) enum Way {
    Auto,
    Direct,
    Tree,
    Spectral,
}

#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
}

fn positive(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(number) if number.is_finite() && number > 0.0 => Ok(number),
        Ok(number) => Err(format!("a bandwidth is a positive number, not {number}")),
        Err(_) => Err(format!("{text:?} is not a number")),
    }
}

fn tolerance(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(number) if number.is_finite() && number >= 0.0 => Ok(number),
        Ok(number) => Err(format!("a tolerance is 0 or a positive number, not {number}")),
        Err(_) => Err(format!("{text:?} is not a number")),
    }
}

fn boundary(text: &str) -> Result<Boundary, String> {
    let unknown = || format!("{text:?} is not open, reflect:LOW:HIGH or periodic:LOW:HIGH");
    let parts: Vec<&str> = text.split(':').collect();
    let number = |text: &str| text.trim().parse::<f64>().map_err(|_| format!("{text:?} is not a number"));
    match parts[..] {
        ["open"] => Ok(Boundary::Open),
        [kind, low, high] => match (kind, number(low)?, number(high)?) {
            (_, low, high) if low.is_nan() || high.is_nan() || low >= high => {
                Err(format!("{low}:{high} is not an interval from low to high"))
            }
            ("reflect", low, high) => Ok(Boundary::Reflect { low, high }),
            ("periodic", low, high) => Ok(Boundary::Periodic { low, high }),
            _ => Err(unknown()),
        },
        _ => Err(unknown()),
    }
}

fn bandwidth(text: &str) -> Result<Bandwidth, String> {
    match text {
        "scott" => Ok(Bandwidth::Rule(Rule::Scott)),
        "silverman" => Ok(Bandwidth::Rule(Rule::Silverman)),
        "isj" => Ok(Bandwidth::SheatherJones),
        "cv" => Ok(Bandwidth::CrossValidation),
        _ => match text.split(',').map(positive).collect() {
            Ok(numbers) => Ok(Bandwidth::Given(numbers)),
            Err(problem) => Err(format!("{problem}; the rules are scott, silverman, isj and cv")),
        },
    }
}

fn covariance(text: &str) -> Result<Covariance, String> {
    let number = |entry: &str| entry.trim().parse::<f64>().map_err(|_| format!("{entry:?} is not a number"));
    match text {
        "scott" => Ok(Covariance::Rule(Rule::Scott)),
        "silverman" => Ok(Covariance::Rule(Rule::Silverman)),
        _ => match text.split(',').map(number).collect() {
            Ok(entries) => Ok(Covariance::Given(entries)),
            Err(problem) => Err(format!("{problem}; the rules are scott and silverman")),
        },
    }
}

fn sweep(text: &str) -> Result<Sweep, String> {
    match text.split(':').collect::<Vec<_>>()[..] {
        [one] => Ok(Sweep::One(positive(one)?)),
        [low, high, count] => match (positive(low)?, positive(high)?, count.trim().parse::<usize>()) {
            (low, high, Ok(count @ 2..)) if low < high => Ok(Sweep::Range { low, high, count }),
            _ => Err(format!("{text:?} is not LOW:HIGH:COUNT, from low to high, with 2 widths at least")),
        },
        _ => Err(format!("{text:?} is not a width, nor LOW:HIGH:COUNT")),
    }
}

fn grid(text: &str) -> Result<Grid, String> {
    let cells = |part: &str| match part.trim().parse::<usize>() {
        Ok(cells @ 1..) => Ok(cells),
        _ => Err(format!("{part:?} is not a number of cells: write 720x360")),
    };
    let cells: Vec<usize> = text.split('x').map(cells).collect::<Result<_, _>>()?;
    match cells.len() {
        1..=3 => Ok(Grid(cells)),
        d => Err(format!("a grid in {d} dimensions is too large for anyone: at most 3; see --at")),
    }
}

fn interval(text: &str) -> Result<(f64, f64), String> {
    let ends = text.split_once(':').ok_or_else(|| format!("{text:?} is not an interval: write -180:180"))?;
    let number = |text: &str| text.trim().parse::<f64>().map_err(|_| format!("{text:?} is not a number"));
    match (number(ends.0)?, number(ends.1)?) {
        (low, high) if low < high && (high - low).is_finite() => Ok((low, high)),
        (low, high) => Err(format!("{low}:{high} is not an interval from low to high")),
    }
}

impl Args {
    /// What the root can tell before any work is done.
    pub(crate) fn check(&self) -> Result<(), Box<dyn Error>> {
        for output in [Some(&self.output), self.plot.as_ref()].into_iter().flatten() {
            for input in [Some(self.input.as_path()), self.at_file()].into_iter().flatten() {
                if same_file(output, input) {
                    return Err(format!("{} is an input: it would be replaced", output.display()).into());
                }
            }
            rankwise::file::check_new(output)?;
        }
        if self.plot.as_ref().is_some_and(|plot| same_place(plot, &self.output)) {
            return Err(format!("{} cannot be both the output and the picture", self.output.display()).into());
        }
        if self.plot.as_ref().is_some_and(|plot| plot.extension().is_none_or(|ending| ending != "png")) {
            return Err("--plot draws PNG: give it a name that ends in .png".into());
        }
        if self.engine == Way::Spectral {
            let problem = match () {
                () if self.kernel != Shape::Gaussian => "takes gaussian windows only",
                () if self.atol == 0.0 && self.rtol == 0.0 => {
                    "needs a tolerance: --atol 1e-9, or --rtol 1e-4"
                }
                () if self.precision == Digits::F32 => "computes in f64",
                () if self.covariance.is_some() => "takes no --covariance",
                () if self.log => "takes no --log",
                () => "",
            };
            if !problem.is_empty() {
                return Err(format!("--engine spectral {problem}; see --engine tree and direct").into());
            }
        }
        if self.plot.is_some() && self.at.is_some() {
            return Err("--plot draws grids; with --at there is none".into());
        }
        Ok(())
    }

    /// The windows of the sweep; none, if there is none.
    pub(crate) fn widths(&self) -> Vec<f64> {
        let widths = |sweep: &Sweep| match *sweep {
            Sweep::One(width) => vec![width],
            Sweep::Range { low, high, count } => {
                let part = |k: usize| k as f64 / (count - 1) as f64;
                (0..count).map(|k| low * (1.0 - part(k)) + high * part(k)).collect()
            }
        };
        self.window_sweep.iter().flat_map(widths).collect()
    }

    /// Whether the samples in each cube are counted, for all widths at once.
    pub(crate) fn is_counted(&self, d: usize) -> bool {
        self.kernel == Shape::Hypercube
            && !self.window_sweep.is_empty()
            && (self.at.is_some() || d == 1)
            && matches!(self.engine, Way::Auto)
            && self.weights.is_none()
            && !self.log
            && self.precision == Digits::F64
            && self.boundary.iter().all(|boundary| *boundary == Boundary::Open)
    }

    fn at_file(&self) -> Option<&Path> {
        self.at.as_ref().map(|at| Path::new(at.split_once(":/").map_or(at.as_str(), |(file, _)| file)))
    }

    /// File and dataset of --at.
    pub(crate) fn at(&self) -> Option<Result<(PathBuf, String), Box<dyn Error>>> {
        let at = self.at.as_ref()?;
        Some(match at.split_once(":/") {
            Some((file, name)) if !file.is_empty() && !name.is_empty() => {
                Ok((file.into(), format!("/{name}")))
            }
            _ => Err(format!("--at {at}: write FILE:/DATASET, such as test.h5:/points").into()),
        })
    }

    /// Says where the results are, and what `report` says of the way there, as asked for.
    pub(crate) fn say(&self, report: &Report) -> Result<(), Box<dyn Error>> {
        let mut out = std::io::stdout().lock();
        if self.report == Some(Format::Json) {
            return Ok(writeln!(out, "{}", report.json())?);
        }
        for path in [Some(&self.output), self.plot.as_ref()].into_iter().flatten() {
            writeln!(out, "wrote {}", fs::canonicalize(path).unwrap_or_else(|_| path.clone()).display())?;
        }
        if self.report == Some(Format::Text) {
            writeln!(out, "{}", report.text())?;
        }
        Ok(())
    }
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
