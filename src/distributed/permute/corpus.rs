//! The text that is to be permuted: files, one after the other, and a way through them that shares the work.

use std::ffi::OsStr;
use std::fs;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::comm::Comm;
use crate::error::{Error, Result};
use crate::kernels::permutation::{Unit, words};
use crate::sys::record::within;

/// The most that is read at once of a file, and the least.
const CHUNK: Range<u64> = 64 << 10..4 << 20;
/// The longest unit that can be: its place in what is read is a number of 32 bits.
pub(super) const LONGEST: u64 = u32::MAX as u64 - (16 << 20);
/// What is read beyond a chunk, to find the end of its last unit.
const BEYOND: u64 = 4096;

/// Files whose units are numbered from 0 on, through all of them. It holds their names and sizes, not their bytes.
///
/// A folder stands for all files in it and below, in the order of their names, except those whose names begin with a dot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Corpus {
    pub(super) sources: Vec<Source>,
    pub(super) unit: Unit,
    header: Vec<u8>,
}

/// A part of a file that holds whole units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Source {
    /// Names of files are bytes.
    path: Vec<u8>,
    /// Where the units start and end.
    pub(super) units: Range<u64>,
    /// What the last unit lacks of a separator.
    pub(super) missing: u64,
    /// To see whether the file has been changed.
    size: u64,
    modified: (i64, i64),
}

impl Source {
    pub(super) fn path(&self) -> &Path {
        Path::new(OsStr::from_bytes(&self.path))
    }

    pub(super) fn open(&self) -> Result<fs::File> {
        fs::File::open(self.path()).map_err(|error| self.error(&format!("cannot open: {error}")))
    }

    pub(super) fn error(&self, problem: &str) -> Error {
        Error::file(self.path(), problem)
    }

    fn of(path: &Path) -> Result<Self> {
        let error = |problem: String| Error::file(path, problem);
        let there = fs::metadata(path).map_err(|why| error(format!("cannot open: {why}")))?;
        if !there.is_file() {
            return Err(error("it is neither a regular file nor a folder".into()));
        }
        Ok(Source {
            path: path.as_os_str().as_bytes().to_vec(),
            units: 0..there.len(),
            missing: 0,
            size: there.len(),
            modified: (there.mtime(), there.mtime_nsec()),
        })
    }

    /// Finds out whether the last unit lacks a separator.
    fn find_end(&mut self, unit: Unit) -> Result<()> {
        // As much as can be told from.
        let Range { start, end } = self.units;
        let mut last = vec![0; (end - start).min(3) as usize];
        if !last.is_empty() {
            let from = end - last.len() as u64;
            read_exact_at(&self.open()?, &mut last, from).map_err(|problem| self.error(&problem))?;
            self.missing = unit.missing(&last).len() as u64;
        }
        Ok(())
    }

    /// The units at its start, which then are no longer part of it.
    fn take_header(&mut self, unit: Unit, header: u64) -> Result<Vec<u8>> {
        let file = self.open()?;
        let mut text = Vec::new();
        let mut want = CHUNK.start.min(self.size);
        loop {
            text.resize(want as usize, 0);
            read_exact_at(&file, &mut text, 0).map_err(|problem| self.error(&problem))?;
            let (mut end, mut found) = (0, 0);
            while found < header {
                match unit.next_start(&text, end + 1, want == self.size) {
                    Some(start) => (end, found) = (start, found + 1),
                    None => break,
                }
            }
            if want == self.size && found < header && end < text.len() {
                (end, found) = (text.len(), found + 1);
            }
            if found == header {
                self.units.start = end as u64;
                text.truncate(end);
                text.extend_from_slice(unit.missing(&text));
                return Ok(text);
            }
            if want == self.size {
                return Err(self.error(&format!("a header of {header} was asked for, and it has {found}")));
            }
            want = (2 * want).min(self.size);
        }
    }
}

fn read_exact_at(file: &fs::File, bytes: &mut [u8], at: u64) -> Result<(), String> {
    file.read_exact_at(bytes, at).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => "the file became shorter while it was read".into(),
        _ => format!("cannot read at byte {at}: {error}"),
    })
}

/// All files that a path stands for.
fn files_of(path: &Path, all: &mut Vec<PathBuf>) -> Result<()> {
    if !path.is_dir() {
        all.push(path.to_owned());
        return Ok(());
    }
    let no = |error: std::io::Error| Error::file(path, format!("cannot read the folder: {error}"));
    let mut names = Vec::new();
    for entry in fs::read_dir(path).map_err(no)? {
        let name = entry.map_err(no)?.file_name();
        if !name.as_bytes().starts_with(b".") {
            names.push(name);
        }
    }
    names.sort();
    names.iter().try_for_each(|name| files_of(&path.join(name), all))
}

/// One unit, as [`Corpus::scan`] finds it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<'a> {
    pub(super) index: u64,
    /// With its separator, unless that is missing at the end of a file.
    pub(super) bytes: &'a [u8],
    pub(super) source: &'a Source,
    pub(super) offset: u64,
}

/// What a corpus holds, whatever the order of its units: what is the same for two corpora is a permutation, or two texts have
/// met in a hash of 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fingerprint {
    /// Number of units.
    pub units: u64,
    /// Their bytes, with a separator behind each.
    pub bytes: u64,
    /// The sum of the XXH3 (64 bits) of all units, with their separators, modulo 2⁶⁴.
    pub hash: u64,
}

impl Fingerprint {
    /// Adds a unit, which may lack its separator.
    #[inline]
    pub(super) fn add(&mut self, unit: &[u8], missing: &[u8]) {
        let hash = if missing.is_empty() { xxh3_64(unit) } else { xxh3_64(&[unit, missing].concat()) };
        self.units += 1;
        self.bytes += (unit.len() + missing.len()) as u64;
        self.hash = self.hash.wrapping_add(hash);
    }

    /// The sum over ranks. Collective.
    pub(super) fn over(self, comm: &Comm) -> Result<Self> {
        let [units, bytes, hash] = comm
            .all_gather_one([self.units, self.bytes, self.hash])?
            .into_iter()
            .fold([0u64; 3], |sum, mine| [sum[0] + mine[0], sum[1] + mine[1], sum[2].wrapping_add(mine[2])]);
        Ok(Fingerprint { units, bytes, hash })
    }
}

impl Corpus {
    /// The units of all these files, the first `header` units of each left out: they must be the same in all files, and are the
    /// [`header`](Corpus::header) of what is made of the corpus.
    ///
    /// # Collective
    /// All ranks must call this, with the same arguments. The root looks at the files, and the others hear of it.
    ///
    /// # Errors
    /// On all ranks alike, when a file is not there or not a regular one, or the headers differ.
    #[track_caller]
    pub fn open(comm: &Comm, inputs: &[PathBuf], unit: Unit, header: u64) -> Result<Self> {
        let _within = within();
        let found = comm.on_root(|| Ok(Self::look(inputs, unit, header)?))?;
        let (sources, header) = comm.broadcast_value(0, found.as_ref())?;
        Ok(Corpus { sources, unit, header })
    }

    fn look(inputs: &[PathBuf], unit: Unit, header: u64) -> Result<(Vec<Source>, Vec<u8>)> {
        let mut paths = Vec::new();
        for input in inputs {
            let before = paths.len();
            files_of(input, &mut paths)?;
            if paths.len() == before {
                return Err(Error::file(input, "there is no file in this folder"));
            }
        }
        let mut sources = paths.iter().map(|path| Source::of(path)).collect::<Result<Vec<_>>>()?;
        let mut top: Option<(Vec<u8>, PathBuf)> = None;
        for source in sources.iter_mut().filter(|_| header > 0) {
            let mine = source.take_header(unit, header)?;
            match &top {
                None => top = Some((mine, source.path().to_owned())),
                Some((first, _)) if *first == mine => {}
                Some((_, path)) => {
                    let problem = format!("its header differs from that of {}", path.display());
                    return Err(source.error(&problem));
                }
            }
        }
        sources.iter_mut().try_for_each(|source| source.find_end(unit))?;
        Ok((sources, top.map(|(header, _)| header).unwrap_or_default()))
    }

    /// The bytes `range` of one file: what is inside a file of another format.
    ///
    /// # Collective
    /// As [`open`](Corpus::open).
    ///
    /// # Errors
    /// As [`open`](Corpus::open), and when the file has no such bytes.
    #[track_caller]
    pub fn of_range(comm: &Comm, path: &Path, range: Range<u64>, unit: Unit) -> Result<Self> {
        let _within = within();
        let found = comm.on_root(|| {
            let source = Source::of(path)?;
            if range.start > range.end || range.end > source.size {
                return Err(source.error(&format!("it has no bytes {range:?}")).into());
            }
            let mut source = Source { units: range, ..source };
            source.find_end(unit)?;
            Ok(vec![source])
        })?;
        Ok(Corpus { sources: comm.broadcast_value(0, found.as_ref())?, unit, header: vec![] })
    }

    /// What goes on top of everything that is made of this corpus.
    pub fn header(&self) -> &[u8] {
        &self.header
    }

    /// What it is divided into.
    pub fn unit(&self) -> Unit {
        self.unit
    }

    /// Its files, in order.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.sources.iter().map(Source::path)
    }

    /// The bytes of its files, without headers.
    pub fn bytes(&self) -> u64 {
        self.sources.iter().map(|source| source.units.end - source.units.start).sum()
    }

    /// An error when a file has been changed since the corpus was opened.
    pub(super) fn unchanged(&self) -> Result<()> {
        for source in &self.sources {
            let now = Source::of(source.path())?;
            if (now.size, now.modified) != (source.size, source.modified) {
                return Err(source.error("the file was changed while it was read"));
            }
        }
        Ok(())
    }

    /// What it holds, whatever the order. Every rank reads its share once, with a few MB of memory and the longest unit.
    ///
    /// # Collective
    /// All ranks must call this.
    ///
    /// # Errors
    /// On all ranks alike, when a file cannot be read.
    #[track_caller]
    pub fn fingerprint(&self, comm: &Comm, progress: &mut dyn FnMut(f64)) -> Result<Fingerprint> {
        let _within = within();
        let mut sum = Fingerprint::default();
        self.scan(comm, CHUNK.end, LONGEST, progress, |unit| {
            sum.add(unit.bytes, self.unit.missing(unit.bytes));
            Ok(())
        })?;
        sum.over(comm)
    }

    /// What it holds if the order of the words in a unit does not count, and that of the units does. `hash` is the sum over units
    /// of the XXH3 of their number and of the sum of the hashes of their words.
    ///
    /// # Collective
    /// As [`fingerprint`](Corpus::fingerprint).
    ///
    /// # Errors
    /// As [`fingerprint`](Corpus::fingerprint).
    #[track_caller]
    pub fn fingerprint_of_words(&self, comm: &Comm, progress: &mut dyn FnMut(f64)) -> Result<Fingerprint> {
        let _within = within();
        let mut sum = Fingerprint::default();
        self.scan(comm, CHUNK.end, LONGEST, progress, |unit| {
            sum.add_words(unit.index, unit.bytes, self.unit.missing(unit.bytes));
            Ok(())
        })?;
        sum.over(comm)
    }

    /// Calls `each` for all units, in order, each on the rank that has it: the files go round in chunks. A unit may be as long as
    /// `limit` allows. Gives the number of units. Collective.
    pub(super) fn scan(
        &self,
        comm: &Comm,
        chunk: u64,
        limit: u64,
        progress: &mut dyn FnMut(f64),
        mut each: impl FnMut(Found) -> Result<()>,
    ) -> Result<u64> {
        let chunk = chunk.clamp(CHUNK.start, CHUNK.end);
        // The number of the first chunk of each file, and their number.
        let mut firsts = vec![0];
        for source in &self.sources {
            let chunks = (source.units.end - source.units.start).div_ceil(chunk);
            firsts.push(firsts[firsts.len() - 1] + chunks);
        }
        let chunks = firsts[self.sources.len()];
        let ranks = comm.size() as u64;
        let mut window =
            Window { unit: self.unit, limit, open: None, text: vec![], starts: vec![], first: 0 };
        let mut units = 0;
        let mut outcome = Ok(());
        for round in 0..chunks.div_ceil(ranks) {
            let number = round * ranks + comm.rank() as u64;
            window.starts.clear();
            let mut source = 0;
            if outcome.is_ok() && number < chunks {
                source = firsts.partition_point(|&first| first <= number) - 1;
                outcome = window.fill(&self.sources, source, chunk, number - firsts[source]);
            }
            // How many units each rank has found, or that it has failed.
            let count = window.starts.len().saturating_sub(1) as u64;
            let counts = comm.all_gather_one(if outcome.is_ok() { count } else { u64::MAX })?;
            if counts.contains(&u64::MAX) {
                break;
            }
            let index = units + counts[..comm.rank()].iter().sum::<u64>();
            units += counts.iter().sum::<u64>();
            let source = self.sources.get(source);
            for (pair, index) in window.starts.windows(2).zip(index..) {
                let Some(source) = source else { break };
                let bytes = &window.text[pair[0] as usize..pair[1] as usize];
                outcome = each(Found { index, bytes, source, offset: window.first + u64::from(pair[0]) });
                if outcome.is_err() {
                    break;
                }
            }
            progress((round + 1) as f64 / chunks.div_ceil(ranks) as f64);
        }
        comm.agree(outcome)?;
        Ok(units)
    }
}

impl Fingerprint {
    /// Adds a unit by its words.
    pub(super) fn add_words(&mut self, index: u64, unit: &[u8], missing: &[u8]) {
        let sum = words(unit).map(xxh3_64).fold(0u64, u64::wrapping_add);
        let hash = xxh3_64([index.to_le_bytes(), sum.to_le_bytes()].as_flattened());
        self.units += 1;
        self.bytes += (unit.len() + missing.len()) as u64;
        self.hash = self.hash.wrapping_add(hash);
    }
}

/// A chunk of a file, with the whole of the units that start in it.
struct Window {
    unit: Unit,
    limit: u64,
    open: Option<(usize, fs::File)>,
    text: Vec<u8>,
    /// Where units start in `text`, and where the last one ends. Nothing if none starts in the chunk.
    starts: Vec<u32>,
    /// Where `text` starts in the file.
    first: u64,
}

impl Window {
    /// Reads chunk `number` of a file.
    fn fill(&mut self, sources: &[Source], source: usize, chunk: u64, number: u64) -> Result<()> {
        if self.open.as_ref().is_none_or(|(open, _)| *open != source) {
            self.open = Some((source, sources[source].open()?));
        }
        let (source, (_, file)) = (&sources[source], self.open.as_ref().expect("opened just now"));
        let Range { start, end: last } = source.units;
        let from = start + number * chunk;
        let end = last.min(from + chunk);
        // With the three bytes before, which say whether a unit starts here.
        self.first = from.saturating_sub(3).max(start);
        self.text.clear();
        let read = |text: &mut Vec<u8>, to: u64| {
            let have = text.len();
            let more = (to - self.first) as usize - have;
            text.reserve_exact(more);
            text.resize(have + more, 0);
            read_exact_at(file, &mut text[have..], self.first + have as u64)
                .map_err(|problem| source.error(&problem))
        };
        read(&mut self.text, last.min(end + BEYOND))?;
        // Where the chunk starts and ends in the text.
        let (mut at, stop) = ((from - self.first) as usize, (end - self.first) as usize);
        if number == 0 {
            self.starts.push(0);
            at = 1;
        }
        loop {
            let ends = self.first + self.text.len() as u64 == last;
            match self.unit.next_start(&self.text, at, ends) {
                Some(start) if start >= stop => {
                    if !self.starts.is_empty() {
                        self.starts.push(start as u32);
                    }
                    return Ok(());
                }
                Some(start) => {
                    self.starts.push(start as u32);
                    at = start + 1;
                }
                None if ends => {
                    if !self.starts.is_empty() {
                        self.starts.push(self.text.len() as u32);
                    }
                    return Ok(());
                }
                None if self.starts.is_empty() && self.text.len() > stop + 2 => return Ok(()),
                None => {
                    let unit = self.starts.last().map_or(0, |start| *start as usize);
                    let have = (self.text.len() - unit) as u64;
                    if have > self.limit {
                        let at = self.first + unit as u64;
                        return Err(source.error(&format!(
                            "the unit at byte {at} is longer than the memory allows: more than {have} bytes"
                        )));
                    }
                    at = at.max(self.text.len().saturating_sub(2));
                    let to = self.first + self.text.len() as u64 + have.clamp(BEYOND, chunk);
                    read(&mut self.text, last.min(to))?;
                }
            }
        }
    }
}
