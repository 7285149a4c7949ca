//! Where the numbers come from: random ones, HDF5, .npy or text. Every rank reads its own part.

use std::error::Error;
use std::fs;
use std::io::{BufRead, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::str::FromStr;

use rand::RngExt;
use rankwise::file::File;
use rankwise::prelude::*;
use rankwise::random::stream;

use crate::arguments::{Args, Distribution, ends_in};
use crate::number::Number;

/// One rank's numbers, of whatever type.
pub(crate) enum Keys {
    U8(Vec<u8>),
    I8(Vec<i8>),
    U16(Vec<u16>),
    I16(Vec<i16>),
    U32(Vec<u32>),
    I32(Vec<i32>),
    U64(Vec<u64>),
    I64(Vec<i64>),
    F32(Vec<f32>),
    F64(Vec<f64>),
}

/// Reads with the function for the type of that name, `None` when there is no such type.
macro_rules! keys_of {
    ($name:expr, $read:ident($($argument:expr),*)) => {
        match $name {
            "u8" => Some(Keys::U8($read($($argument),*)?)),
            "i8" => Some(Keys::I8($read($($argument),*)?)),
            "u16" => Some(Keys::U16($read($($argument),*)?)),
            "i16" => Some(Keys::I16($read($($argument),*)?)),
            "u32" => Some(Keys::U32($read($($argument),*)?)),
            "i32" => Some(Keys::I32($read($($argument),*)?)),
            "u64" => Some(Keys::U64($read($($argument),*)?)),
            "i64" => Some(Keys::I64($read($($argument),*)?)),
            "f32" => Some(Keys::F32($read($($argument),*)?)),
            "f64" => Some(Keys::F64($read($($argument),*)?)),
            _ => None,
        }
    };
}

pub(crate) struct Source<'a> {
    args: &'a Args,
}

impl<'a> Source<'a> {
    pub(crate) fn new(args: &'a Args) -> Self {
        Source { args }
    }

    /// This rank's part. Collective.
    pub(crate) fn read(&self, world: &Comm) -> Result<Keys, Box<dyn Error>> {
        match (&self.args.input, self.args.random) {
            (Some(path), _) if ends_in(path, &["npy"]) => npy(world, path),
            (Some(path), _) if ends_in(path, &["txt", "csv", "tsv", "dat"]) => text(world, path),
            (Some(path), _) => hdf5(world, path, &self.args.dataset),
            (None, n) => {
                let n = n.unwrap_or(0);
                let range = Partition::even(n, world.size()).range(world.rank());
                Ok(match self.args.distribution {
                    Distribution::Normal => {
                        Keys::F64(range.map(|index| normal(self.args.seed, index)).collect())
                    }
                    _ => Keys::U64(range.map(|index| key(self.args, index, n)).collect()),
                })
            }
        }
    }
}

/// The random key number `index` of `n`.
pub(crate) fn key(args: &Args, index: usize, n: usize) -> u64 {
    let mut numbers = stream(args.seed, index as u64);
    match (args.distribution, args.below()) {
        (Distribution::Uniform | Distribution::Normal, None) => numbers.random(),
        (Distribution::Uniform | Distribution::Normal, Some(below)) => numbers.random_range(0..below),
        // The logarithm is uniform: as many keys from 1 to 2 as from 2 to 4.
        (Distribution::Zipf, below) => {
            let most = below.unwrap_or(1 << 32) as f64;
            (most.powf(numbers.random::<f64>()) as u64).min(below.map_or(u64::MAX, |below| below - 1))
        }
        (Distribution::Equal, below) => 42.min(below.map_or(u64::MAX, |below| below - 1)),
        (Distribution::Sorted, below) => spread(index, n, below),
        (Distribution::Reverse, below) => spread(n - 1 - index, n, below),
    }
}

/// Ascending, from 0 to just below.
fn spread(index: usize, n: usize, below: Option<u64>) -> u64 {
    below.map_or(index as u64, |below| (index as u128 * u128::from(below) / n as u128) as u64)
}

/// Box and Muller's way.
fn normal(seed: u64, index: usize) -> f64 {
    let mut numbers = stream(seed, index as u64);
    let (radius, angle): (f64, f64) = (1.0 - numbers.random::<f64>(), numbers.random());
    (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}

fn hdf5(world: &Comm, path: &Path, name: &str) -> Result<Keys, Box<dyn Error>> {
    let file = File::open(world, path).map_err(|error| match error {
        rankwise::Error::Elsewhere { rank, host, message } if message.ends_with("not an HDF5 file") => {
            let message =
                format!("{message}; other names end in .npy, or for text in .txt, .csv, .tsv or .dat");
            rankwise::Error::Elsewhere { rank, host, message }
        }
        other => other,
    })?;
    let dataset = file.dataset(name)?;
    let &[n] = dataset.shape() else {
        let what = format!(
            "{}: {name} has shape {:?}; to be sorted it has one axis",
            path.display(),
            dataset.shape()
        );
        return Err(what.into());
    };
    let range = Partition::even(n, world.size()).range(world.rank());
    let element = dataset.element();
    let read = || -> Result<Option<Keys>> {
        fn rows<T: Number>(
            dataset: &rankwise::file::Dataset,
            range: std::ops::Range<usize>,
        ) -> Result<Vec<T>> {
            Ok(dataset.read_rows::<T>(range)?.into_raw_vec_and_offset().0)
        }
        Ok(keys_of!(element.as_str(), rows(&dataset, range.clone())))
    };
    let keys = read()?;
    file.close()?;
    keys.ok_or_else(|| format!("{}: {name} holds {element}; only numbers are sorted", path.display()).into())
}

/// What the head of a .npy file says.
struct Head {
    element: &'static str,
    bytes: usize,
    len: usize,
    /// Where the numbers begin.
    start: usize,
}

/// An array of one axis, as NumPy saves it. Collective.
fn npy(world: &Comm, path: &Path) -> Result<Keys, Box<dyn Error>> {
    let problem = |what: String| format!("{}: {what}", path.display());
    let open = || -> Result<(fs::File, Head), Box<dyn Error>> {
        let mut file = fs::File::open(path).map_err(|error| problem(format!("cannot open: {error}")))?;
        let head = npy_head(&mut file).map_err(|what| problem(what.to_string()))?;
        let size = file.metadata()?.len();
        if size < (head.start + head.len * head.bytes) as u64 {
            return Err(
                problem(format!("it ends after {size} bytes, before its {} numbers do", head.len)).into()
            );
        }
        Ok((file, head))
    };
    let (file, head) = world.agree(open())?;
    let range = Partition::even(head.len, world.size()).range(world.rank());
    let mut bytes = vec![0; range.len() * head.bytes];
    let read = file.read_exact_at(&mut bytes, (head.start + range.start * head.bytes) as u64);
    world.agree(read.map_err(|error| problem(error.to_string())))?;
    fn numbers<T: Number>(bytes: &[u8]) -> Result<Vec<T>> {
        Ok(T::from_bytes(bytes))
    }
    Ok(keys_of!(head.element, numbers(&bytes)).expect("the head has one of these"))
}

fn npy_head(file: &mut fs::File) -> Result<Head, Box<dyn Error>> {
    let mut magic = [0; 8];
    file.read_exact(&mut magic).map_err(|_| "not an .npy file")?;
    if magic[..6] != *b"\x93NUMPY" {
        return Err("not an .npy file".into());
    }
    let mut len = [0; 4];
    let wide = if magic[6] == 1 { 2 } else { 4 };
    file.read_exact(&mut len[..wide])?;
    let len = u32::from_le_bytes(len) as usize;
    let mut words = Vec::new();
    file.take(len as u64).read_to_end(&mut words)?;
    let words = String::from_utf8_lossy(&words);
    let after =
        |name: &str| words.split_once(&format!("'{name}':")).map_or("", |(_, after)| after.trim_start());
    let descr = after("descr").trim_start_matches('\'').split('\'').next().unwrap_or_default();
    let (element, bytes) = match descr {
        "|u1" | "<u1" => ("u8", 1),
        "|i1" | "<i1" => ("i8", 1),
        "<u2" => ("u16", 2),
        "<i2" => ("i16", 2),
        "<u4" => ("u32", 4),
        "<i4" => ("i32", 4),
        "<u8" => ("u64", 8),
        "<i8" => ("i64", 8),
        "<f4" => ("f32", 4),
        "<f8" => ("f64", 8),
        other => {
            return Err(format!(
                "holds {other:?}; only numbers of 1 to 8 bytes, little end first, are sorted"
            )
            .into());
        }
    };
    let shape = after("shape").trim_start_matches('(').split(')').next().unwrap_or_default();
    let axes: Vec<&str> = shape.split(',').map(str::trim).filter(|axis| !axis.is_empty()).collect();
    match axes[..] {
        [n] => Ok(Head { element, bytes, len: n.parse()?, start: 8 + wide + len }),
        _ => Err(format!("has shape ({shape}); to be sorted it has one axis").into()),
    }
}

/// A number a line: integers, or floats if one of them is none. Each rank reads the lines that begin in its part of the bytes.
/// Collective.
fn text(world: &Comm, path: &Path) -> Result<Keys, Box<dyn Error>> {
    let lines = world.agree(lines(path, world.rank(), world.size()))?;
    let integers = parsed::<i64>(&lines);
    if world.all_reduce_one(integers.is_ok(), LogicalAnd)? {
        return Ok(Keys::I64(integers.unwrap_or_default()));
    }
    let floats = parsed::<f64>(&lines).map_err(|(at, line)| {
        let number = line_number(path, at).map_or(String::new(), |number| format!("line {number}: "));
        format!("{}: {number}{line:?} is not a number", path.display())
    });
    Ok(Keys::F64(world.agree(floats)?))
}

type Lines = Vec<(u64, String)>;

/// The lines that begin in this rank's part of the file, with their first byte's place; without comments and empty ones.
fn lines(path: &Path, rank: usize, ranks: usize) -> Result<Lines, Box<dyn Error>> {
    let problem = |error: std::io::Error| format!("{}: cannot read: {error}", path.display());
    let file = fs::File::open(path).map_err(problem)?;
    let range = Partition::even(file.metadata()?.len() as usize, ranks).range(rank);
    let mut reader = std::io::BufReader::with_capacity(1 << 20, file);
    let mut at = range.start as u64;
    let mut line = Vec::new();
    if range.start > 0 {
        // The line that the byte before belongs to is another rank's.
        at -= 1;
        std::io::Seek::seek(&mut reader, std::io::SeekFrom::Start(at)).map_err(problem)?;
        at += reader.read_until(b'\n', &mut line).map_err(problem)? as u64;
    }
    let mut found = Vec::new();
    while at < range.end as u64 {
        line.clear();
        let len = reader.read_until(b'\n', &mut line).map_err(problem)?;
        let text = String::from_utf8_lossy(&line);
        let text = text.trim();
        if !text.is_empty() && !text.starts_with('#') {
            found.push((at, text.to_owned()));
        }
        at += len as u64;
        if len == 0 {
            break;
        }
    }
    Ok(found)
}

fn parsed<T: FromStr>(lines: &Lines) -> Result<Vec<T>, (u64, String)> {
    lines.iter().map(|(at, line)| line.parse().map_err(|_| (*at, line.clone()))).collect()
}

/// The number of the line that begins at that byte, from 1.
fn line_number(path: &Path, at: u64) -> Option<usize> {
    let before = std::io::BufReader::new(fs::File::open(path).ok()?.take(at));
    Some(before.split(b'\n').count() + 1)
}
