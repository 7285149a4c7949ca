//! The command line.

use std::error::Error;
use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use clap::{Parser, ValueEnum};
use rankwise::distributed::permute::Plan;
use rankwise::kernels::permutation;
use rankwise::progress::Show;
use rankwise::report::Report;

/// Random permutations of the lines of a text, of any size.
///
/// The output is the same to the last byte for any number of ranks and any memory, today and in later versions: it depends on
/// the input and the seed alone. Each permutation is equally likely, and copies are independent of each other.
#[derive(Debug, Parser)]
#[command(name = "permute_corpus", version, after_long_help = EXAMPLES, after_help = "Examples: see permute_corpus --help")]
pub(crate) struct Args {
    /// The text: files, or folders of files, in this order, those of a folder by name
    #[arg(required_unless_present = "check", value_name = "INPUT")]
    pub(crate) inputs: Vec<PathBuf>,

    /// Where the permutations go; replaced only when the new one is whole. HDF5 if it ends in .h5 or .hdf5. Beside it goes
    /// OUTPUT.manifest.json, which says how it was made
    #[arg(short, long, value_name = "FILE", required_unless_present = "check")]
    output: Option<PathBuf>,

    /// How many permutations, one after the other
    #[arg(long, default_value_t = 1, value_name = "K", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) copies: u64,

    /// Chooses the permutations: another number, other ones
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) seed: u64,

    /// What is permuted. The last one gets a separator if it has none; empty ones and carriage returns are kept
    #[arg(long, value_enum, default_value_t = UnitName::Line)]
    pub(crate) unit: UnitName,

    /// The first N units of each input are its header: they stay on top, once in each output
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) header: u64,

    /// A second text, such as a translation, that is permuted in step with the first, unit by unit
    #[arg(long, value_name = "FILE", requires = "parallel_output")]
    pub(crate) parallel_file: Option<PathBuf>,

    /// Where the second text goes
    #[arg(long, value_name = "FILE", requires = "parallel_file")]
    pub(crate) parallel_output: Option<PathBuf>,

    /// A file for each copy: OUTPUT permuted.txt becomes permuted.1.txt, permuted.2.txt …
    #[arg(long, conflicts_with = "shards")]
    pub(crate) split: bool,

    /// All copies in N files of about equal size: permuted.1.txt, permuted.2.txt …
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub(crate) shards: Option<u64>,

    /// To HDF5: not the text, but the numbers of its units in the new order, from 0 on, a row for each copy
    #[arg(long)]
    pub(crate) indices: bool,

    /// Only the first K units of each permutation: a uniform sample without replacement
    #[arg(long, value_name = "K")]
    pub(crate) sample: Option<u64>,

    /// Permute the words inside each unit, and leave the units where they are
    #[arg(long, value_enum, value_name = "WHAT", conflicts_with_all = ["sample", "shards", "indices"])]
    pub(crate) within: Option<Within>,

    /// Verify that the outputs of a manifest are permutations of its inputs
    #[arg(long, value_name = "MANIFEST", conflicts_with_all = ["inputs", "output"])]
    pub(crate) check: Option<PathBuf>,

    /// The most memory that a rank takes, as in 256M or 4G [default: its share of half of what is free]. What does not
    /// fit goes through files
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) memory: Option<u64>,

    /// Where those files go: a folder that all ranks see, with room for all copies [default: beside OUTPUT]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) scratch: Option<PathBuf>,

    /// Return when the output is on the disk, safe from a power failure. When a file is replaced this is always so
    #[arg(long)]
    pub(crate) sync: bool,

    /// Print where the time went
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) report: Option<Format>,

    /// Show progress on the root's terminal
    #[arg(long, value_enum, default_value_t = Show::Auto, value_name = "WHEN")]
    pub(crate) progress: Show,
}

const EXAMPLES: &str = "\
Examples:
  A data set four times as large as a corpus, of random permutations of its sentences:
    mpirun -n 4 permute_corpus brown.txt --copies 4 --seed 7 -o permuted.txt
  Is it what it says?
    mpirun -n 4 permute_corpus --check permuted.txt.manifest.json
  All files of a folder, more than memory holds, in 100 files of equal size:
    mpirun -n 16 permute_corpus corpus/ --memory 2G --shards 100 -o shuffled/part.txt
  A thousand random lines of a table, with its header:
    permute_corpus table.csv --header 1 --sample 1000 -o some.csv
  A corpus and its translation, in step:
    mpirun -n 4 permute_corpus en.txt -o en.permuted.txt --parallel-file de.txt --parallel-output de.permuted.txt
  The order alone, for a program that has the text already:
    mpirun -n 4 permute_corpus brown.txt --copies 10 --indices -o orders.h5
  On a cluster:
    srun --mpi=pmix permute_corpus corpus/ --copies 4 --memory 8G -o permuted.txt --report json";

#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
pub(crate) enum UnitName {
    /// Ends in a newline
    Line,
    /// Ends in a zero byte
    Nul,
    /// Ends in blank lines, all of which belong to it
    Paragraph,
}

impl From<UnitName> for permutation::Unit {
    fn from(name: UnitName) -> Self {
        match name {
            UnitName::Line => permutation::Unit::Line,
            UnitName::Nul => permutation::Unit::Nul,
            UnitName::Paragraph => permutation::Unit::Paragraph,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
pub(crate) enum Within {
    /// What is between blanks
    Words,
}

#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
}

fn size(text: &str) -> Result<u64, String> {
    let no = || format!("{text:?} is not a size: write 256M or 4G");
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match text[digits.len()..].to_ascii_uppercase().trim_end_matches('B').trim_end_matches('I') {
        "" => 0,
        "K" => 10,
        "M" => 20,
        "G" => 30,
        "T" => 40,
        _ => return Err(no()),
    };
    match digits.parse::<f64>() {
        Ok(number) if number.is_finite() && number > 0.0 => Ok((number * f64::from(shift).exp2()) as u64),
        _ => Err(no()),
    }
}

impl Args {
    pub(crate) fn output(&self) -> &Path {
        self.output.as_deref().unwrap_or(Path::new(""))
    }

    fn is_hdf5(&self) -> bool {
        self.output().extension().is_some_and(|ending| ending == "h5" || ending == "hdf5")
    }

    /// How an output with this name is laid out.
    pub(crate) fn plan(&self, output: &Path) -> Plan {
        match self.shards {
            _ if self.split => Plan::Split(numbered(output, self.copies)),
            Some(shards) => Plan::Shards(numbered(output, shards)),
            None if self.indices => Plan::Hdf5Indices(output.to_owned()),
            None if self.is_hdf5() => Plan::Hdf5Text(output.to_owned()),
            None => Plan::Text(output.to_owned()),
        }
    }

    /// Where the manifest goes.
    pub(crate) fn manifest(&self) -> PathBuf {
        let mut name = self.output().as_os_str().to_owned();
        name.push(".manifest.json");
        name.into()
    }

    /// All that is written.
    fn written(&self) -> Vec<PathBuf> {
        let mut all = self.plan(self.output()).paths().to_vec();
        if let Some(output) = &self.parallel_output {
            all.extend_from_slice(self.plan(output).paths());
        }
        all.push(self.manifest());
        all
    }

    /// What the root can tell before it has looked at any file.
    pub(crate) fn check(&self) -> Result<(), Box<dyn Error>> {
        if self.is_hdf5() && (self.split || self.shards.is_some() || self.within.is_some()) {
            return Err(
                "--split, --shards and --within write text: give the output another ending than .h5".into()
            );
        }
        if self.indices && !self.is_hdf5() {
            return Err("--indices writes HDF5: give the output a name that ends in .h5".into());
        }
        if self.split && self.copies > 100_000 {
            return Err(format!("--split of {} copies makes too many files", self.copies).into());
        }
        if let Some(output) = &self.parallel_output {
            let ending =
                |path: &Path| path.extension().is_some_and(|ending| ending == "h5" || ending == "hdf5");
            if ending(output) != self.is_hdf5() {
                return Err("--output and --parallel-output are both HDF5, or both text".into());
            }
            if self.indices {
                return Err("--indices are the same for a parallel text: leave it out".into());
            }
        }
        let written = self.written();
        for path in &written {
            rankwise::file::check_new(path)?;
        }
        // Two names that one file would get, through links or repeated.
        let mut places: Vec<PathBuf> = written.iter().map(|path| place(path)).collect();
        places.sort();
        if let Some(twice) = places.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(format!("{} would be written twice", twice[0].display()).into());
        }
        if let Some(folder) = &self.scratch
            && !folder.is_dir()
        {
            return Err(format!("there is no folder {}", folder.display()).into());
        }
        Ok(())
    }

    /// Whether an output is an input, or would be the next time.
    pub(crate) fn check_files<'p>(
        &self,
        inputs: impl Iterator<Item = &'p Path>,
    ) -> Result<(), Box<dyn Error>> {
        let id = |path: &Path| fs::metadata(path).ok().map(|file| (file.dev(), file.ino()));
        let inputs: Vec<_> = inputs.filter_map(id).collect();
        for path in self.written() {
            if id(&path).is_some_and(|file| inputs.contains(&file)) {
                return Err(format!("{} is an input: it would be replaced", path.display()).into());
            }
            let place = place(&path);
            let folders = self.inputs.iter().filter(|input| input.is_dir());
            for folder in folders.filter_map(|folder| fs::canonicalize(folder).ok()) {
                if place.starts_with(&folder) {
                    let (path, folder) = (path.display(), folder.display());
                    return Err(format!("{path} would be in {folder}, which is an input").into());
                }
            }
        }
        Ok(())
    }

    /// Says where the results are, and what `report` says of the way there, as asked for.
    pub(crate) fn say(&self, report: &Report) -> Result<(), Box<dyn Error>> {
        let mut out = std::io::stdout().lock();
        if self.report == Some(Format::Json) {
            return Ok(writeln!(out, "{}", report.json())?);
        }
        let all = self.written();
        let shown = if all.len() > 8 { [&all[..2], &all[all.len() - 2..]].concat() } else { all.clone() };
        for (number, path) in shown.iter().enumerate() {
            if number == 2 && shown.len() < all.len() {
                writeln!(out, "… and {} more", all.len() - shown.len())?;
            }
            writeln!(out, "wrote {}", fs::canonicalize(path).unwrap_or_else(|_| path.clone()).display())?;
        }
        if self.report == Some(Format::Text) {
            writeln!(out, "{}", report.text())?;
        }
        Ok(())
    }
}

/// `permuted.1.txt` to `permuted.4.txt`, with as many digits each that they stay in order.
fn numbered(path: &Path, count: u64) -> Vec<PathBuf> {
    let digits = count.to_string().len();
    let name = |number: u64| {
        let mut name = path.file_stem().unwrap_or_default().to_owned();
        name.push(format!(".{number:0digits$}"));
        if let Some(ending) = path.extension() {
            name.push(".");
            name.push(ending);
        }
        path.with_file_name(name)
    };
    (1..=count).map(name).collect()
}

/// Where a file is, or will be.
fn place(path: &Path) -> PathBuf {
    if let Ok(there) = fs::canonicalize(path) {
        return there;
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned()).join(path.file_name().unwrap_or_default())
}
