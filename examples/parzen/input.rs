//! Where points come from: a dataset of an HDF5 file, or a CSV file.

use std::error::Error as StdError;
use std::ops::Range;
use std::path::{Path, PathBuf};

use rankwise::distributed::density::{Rows, Samples};
use rankwise::file::{Dataset, File};
use rankwise::prelude::*;
use rankwise::report::Phases;

use crate::arguments::Args;

/// Endings of text files with a point a line.
const TEXT: [&str; 4] = ["csv", "txt", "tsv", "dat"];

/// Points in a file: rows of coordinates, read in blocks.
#[derive(Clone)]
pub(crate) struct Source {
    path: PathBuf,
    form: Form,
    rows: usize,
    /// Which of the file's columns are coordinates.
    columns: Vec<usize>,
    /// What the coordinates are, with units, as far as the file says.
    pub(crate) labels: Vec<String>,
    /// What the file says it is about.
    pub(crate) title: Option<String>,
}

#[derive(Clone)]
enum Form {
    Hdf5 { dataset: String, width: usize },
    Csv { header: bool },
}

impl Source {
    /// The points that the density is made of. Collective.
    pub(crate) fn of_points(world: &Comm, args: &Args) -> Result<Self, Box<dyn StdError>> {
        let ending = args.input.extension().map(|ending| ending.to_ascii_lowercase());
        let is_text = ending.is_some_and(|ending| TEXT.iter().any(|text| ending == *text));
        if is_text {
            let mut source = Self::csv(world, &args.input, &args.columns)?;
            if let (Some(weights), []) = (&args.weights, &args.columns[..]) {
                // The other columns are coordinates.
                let of_weights = Self::csv(world, &args.input, std::slice::from_ref(weights))?.columns;
                let kept = |column: &usize| !of_weights.contains(column);
                let both = source.columns.into_iter().zip(source.labels).filter(|(column, _)| kept(column));
                (source.columns, source.labels) = both.unzip();
            }
            Ok(source)
        } else {
            Self::hdf5(world, &args.input, &args.dataset, &args.columns)
        }
    }

    /// A dataset: one number a row, or a row of numbers. Collective.
    pub(crate) fn hdf5(
        world: &Comm,
        path: &Path,
        name: &str,
        wanted: &[String],
    ) -> Result<Self, Box<dyn StdError>> {
        let file = File::open(world, path).map_err(|error| match error {
            Error::Elsewhere { rank, host, message } if message.ends_with("not an HDF5 file") => {
                let message = format!("{message}; names of text files end in .{}", TEXT.join(", ."));
                Error::Elsewhere { rank, host, message }
            }
            other => other,
        })?;
        let dataset = file.dataset(name)?;
        let problem = |what: String| format!("{}: {name} {what}", path.display());
        if !dataset.is_numeric() {
            return Err(problem(format!("holds {}; points are numbers", dataset.element())).into());
        }
        let (rows, width) = match *dataset.shape() {
            [rows] => (rows, 1),
            [rows, width] => (rows, width),
            ref shape => {
                return Err(
                    problem(format!("has shape {shape:?}; points are n rows of d coordinates")).into()
                );
            }
        };
        let words = |attribute, separator: &str| -> Vec<String> {
            let text: Option<String> = dataset.text(attribute);
            text.map_or(vec![], |text| text.split(separator).map(|word| word.trim().to_owned()).collect())
        };
        let (names, units) = (words("columns", " "), words("units", ","));
        let names = if names.len() == width { names } else { vec![] };
        let columns = choose(wanted, width, &names).map_err(problem)?;
        let label = |&column: &usize| match (names.get(column), units.get(column)) {
            (Some(name), Some(unit)) if units.len() == width => format!("{name}, {unit}"),
            (Some(name), _) => name.clone(),
            (None, _) => format!("coordinate {column}"),
        };
        let labels = columns.iter().map(label).collect();
        let title = file.text("title");
        file.close()?;
        let form = Form::Hdf5 { dataset: name.to_owned(), width };
        Ok(Source { path: path.to_owned(), form, rows, columns, labels, title })
    }

    /// A CSV file, with or without a header. The root counts its rows. Collective.
    fn csv(world: &Comm, path: &Path, wanted: &[String]) -> Result<Self, Box<dyn StdError>> {
        let looked = world.on_root(|| {
            let problem = |what: String| format!("{}: {what}", path.display());
            let mut reader = reader(path)?;
            let mut record = csv::ByteRecord::new();
            let more = reader.read_byte_record(&mut record).map_err(|error| problem(error.to_string()))?;
            let names: Vec<String> =
                record.iter().map(|name| String::from_utf8_lossy(name).trim().to_owned()).collect();
            // The first line is a header if none of the wanted cells is a number.
            let columns = choose(wanted, names.len(), &names).map_err(problem)?;
            let numbers = columns.iter().filter(|&&column| names[column].parse::<f64>().is_ok()).count();
            let header = more && numbers == 0;
            if numbers > 0 && numbers < columns.len() {
                let what =
                    "some columns of the first line are numbers, others are not: choose with --columns";
                return Err(problem(what.into()).into());
            }
            let mut rows = usize::from(more && !header);
            while reader.read_byte_record(&mut record).map_err(|error| problem(error.to_string()))? {
                rows += 1;
            }
            let label = |&column: &usize| match names.get(column) {
                Some(name) if header && !name.is_empty() => name.replace('\n', " "),
                _ => format!("coordinate {column}"),
            };
            let labels: Vec<String> = columns.iter().map(label).collect();
            Ok(([&[rows, usize::from(header)], &columns[..]].concat(), labels.join("\n")))
        })?;
        let (numbers, labels) = looked.unzip();
        let numbers = world.broadcast(0, numbers.as_deref())?;
        let labels = String::from_utf8(world.broadcast(0, labels.as_ref().map(|labels| labels.as_bytes()))?)?;
        Ok(Source {
            path: path.to_owned(),
            form: Form::Csv { header: numbers[1] == 1 },
            rows: numbers[0],
            columns: numbers[2..].to_vec(),
            labels: labels.split('\n').map(str::to_owned).collect(),
            title: None,
        })
    }

    /// Where the weights of the points are, if they have any. Collective.
    pub(crate) fn of_weights(&self, world: &Comm, args: &Args) -> Result<Option<Self>, Box<dyn StdError>> {
        let Some(name) = &args.weights else { return Ok(None) };
        let source = match self.form {
            Form::Hdf5 { .. } => Self::hdf5(world, &self.path, name, &[])?,
            Form::Csv { .. } => Self::csv(world, &self.path, std::slice::from_ref(name))?,
        };
        if (source.rows, source.columns.len()) != (self.rows, 1) {
            let (path, n, w) = (self.path.display(), source.rows, source.columns.len());
            let problem = format!(
                "{path}: the weights {name} are {n} rows of {w} numbers; there must be one for each of {} points",
                self.rows
            );
            return Err(problem.into());
        }
        Ok(Some(source))
    }

    /// The points, of which each rank has its part in memory; or as many as fit into what it may take. Collective.
    pub(crate) fn samples(
        &self,
        world: &Comm,
        args: &Args,
        phases: &mut Phases,
    ) -> Result<Samples, Box<dyn StdError>> {
        let n = self.rows;
        let weights = self.of_weights(world, args)?;
        let samples = if let Some(memory) = args.memory {
            if matches!(self.form, Form::Csv { .. }) {
                let path = self.path.display();
                return Err(format!(
                    "{path}: --memory is for HDF5; text would be read from its start for each piece"
                )
                .into());
            }
            let points = self.clone();
            let read = move |world: &Comm, rows: Range<usize>| {
                let weights =
                    weights.as_ref().map(|weights| weights.read(world, rows.clone())).transpose()?;
                Ok(Rows { coordinates: points.read(world, rows)?, weights })
            };
            phases.time("read", || Samples::in_pieces(world, n, self.columns(), memory, read))
        } else {
            // Whole tiles, so that sums do not depend on the number of ranks.
            let mine = Samples::blocks(n, world.size()).range(world.rank());
            let rows = phases.time("read", || self.read(world, mine.clone()))?;
            let weights =
                weights.map(|weights| phases.time("read", || weights.read(world, mine))).transpose()?;
            phases.time("scatter", || {
                let samples = Samples::new(world, n, self.columns(), &rows)?;
                drop(rows);
                match weights {
                    Some(weights) => samples.weighted(world, &weights),
                    None => Ok(samples),
                }
            })
        };
        let samples = samples.map_err(|error| self.named(error))?;
        Ok(match args.threads {
            Some(threads) => samples.threads(threads.into()),
            None => samples,
        })
    }

    /// An error that all ranks share, with the name of the file.
    pub(crate) fn named(&self, error: rankwise::Error) -> rankwise::Error {
        match error {
            Error::Elsewhere { rank, host, message } => {
                Error::Elsewhere { rank, host, message: format!("{}: {message}", self.path.display()) }
            }
            other => other,
        }
    }

    /// Number of points.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Number of coordinates.
    pub(crate) fn columns(&self) -> usize {
        self.columns.len()
    }

    /// The coordinates of these rows, one row after the other. Collective.
    pub(crate) fn read(&self, world: &Comm, rows: Range<usize>) -> Result<Vec<f64>> {
        match &self.form {
            Form::Hdf5 { dataset, width } => {
                let file = File::open(world, &self.path)?;
                let whole = numbers(file.dataset(dataset)?, rows)?;
                file.close()?;
                if self.columns.iter().copied().eq(0..*width) {
                    return Ok(whole);
                }
                Ok(whole
                    .chunks(*width)
                    .flat_map(|row| self.columns.iter().map(|&column| row[column]))
                    .collect())
            }
            Form::Csv { header } => world.agree(parse(&self.path, usize::from(*header), &self.columns, rows)),
        }
    }
}

/// Numbers of any type as f64. Collective.
fn numbers(dataset: Dataset<'_>, rows: Range<usize>) -> Result<Vec<f64>> {
    // Single precision is widened here: HDF5's own conversion would read on each rank by itself.
    if dataset.element() == "f32" {
        return Ok(dataset.read_rows::<f32>(rows)?.into_iter().map(f64::from).collect());
    }
    Ok(dataset.convert().read_rows::<f64>(rows)?.into_raw_vec_and_offset().0)
}

fn reader(path: &Path) -> Result<csv::Reader<std::fs::File>, Box<dyn StdError>> {
    let file =
        std::fs::File::open(path).map_err(|error| format!("{}: cannot open: {error}", path.display()))?;
    let mut reader = csv::ReaderBuilder::new();
    reader.has_headers(false).comment(Some(b'#')).buffer_capacity(1 << 20).delimiter(separator(path)?);
    Ok(reader.from_reader(file))
}

/// What stands between the columns of the first line that is no comment: a semicolon, comma, tab or blank.
fn separator(path: &Path) -> Result<u8, Box<dyn StdError>> {
    let mut line = String::new();
    let mut file = std::io::BufReader::new(std::fs::File::open(path)?);
    while std::io::BufRead::read_line(&mut file, &mut line)? > 0 && line.starts_with('#') {
        line.clear();
    }
    Ok(*[b';', b',', b'\t', b' ']
        .iter()
        .find(|&&separator| line.trim().contains(separator as char))
        .unwrap_or(&b','))
}

/// Reads over the rows before this rank's, and parses its own: the file is never in memory as a whole.
fn parse(
    path: &Path,
    skip: usize,
    columns: &[usize],
    rows: Range<usize>,
) -> Result<Vec<f64>, Box<dyn StdError>> {
    let mut values = Vec::with_capacity(rows.len() * columns.len());
    if rows.is_empty() {
        return Ok(values);
    }
    let mut reader = reader(path)?;
    let mut record = csv::ByteRecord::new();
    for row in 0..skip + rows.end {
        if !reader.read_byte_record(&mut record)? {
            return Err(format!("{}: it became shorter while it was read", path.display()).into());
        }
        if row < skip + rows.start {
            continue;
        }
        for &column in columns {
            let text = record.get(column).map(String::from_utf8_lossy).unwrap_or_default();
            let number = text.trim().parse::<f64>().map_err(|_| {
                let line = record.position().map_or(0, csv::Position::line);
                format!("{}: line {line}, column {column} (from 0): {text:?} is not a number", path.display())
            })?;
            values.push(number);
        }
    }
    Ok(values)
}

/// The numbers of the wanted columns; all, if none is named.
fn choose(wanted: &[String], width: usize, names: &[String]) -> Result<Vec<usize>, String> {
    if wanted.is_empty() {
        return Ok((0..width).collect());
    }
    let place = |want: &String| {
        let number = || want.parse::<usize>().ok().filter(|&column| column < width);
        // A number is no name: in a file without a header it is a coordinate of the first point.
        let named = |name: &String| name == want && name.parse::<f64>().is_err();
        names.iter().position(named).or_else(number).ok_or_else(|| {
            let there =
                if names.is_empty() { format!("0 to {}", width.saturating_sub(1)) } else { names.join(", ") };
            format!("has no column {want}; there are {there}")
        })
    };
    wanted.iter().map(place).collect()
}
