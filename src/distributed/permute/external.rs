//! The engine for a corpus that memory does not hold: one way through the files, which deals units out to buckets by their keys, and
//! one through the buckets, each of which is put in order in memory.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::corpus::{Found, LONGEST};
use super::job::{Extent, Job, Seconds, Summary, over_ranks};
use super::target::{CELLS, Group, Target, Writer};
use crate::comm::Comm;
use crate::error::{Error, Result};
use crate::file;
use crate::kernels::permutation::{key, keys, sort, tie};
use crate::partition::Partition;

/// Before a unit in a bucket stand its number and, in so many bits, its length; one that needs more follows by itself.
const LENGTH_BITS: u32 = 24;
const LONG: u64 = (1 << LENGTH_BITS) - 1;
/// The most units whose numbers fit beside a length.
const MOST_UNITS: u64 = 1 << (64 - LENGTH_BITS);
/// The least that is written at once.
const LEAST_BUFFER: u64 = 4 << 10;
/// Memory for a unit while its bucket is sorted.
const RECORD_BYTES: u64 = 32;

/// How the memory of a rank is used.
struct Memory {
    /// Read at once.
    chunk: u64,
    /// The longest unit.
    limit: u64,
    /// All buffers before intermediate files.
    buffers: u64,
    /// A bucket with its records.
    bucket: u64,
    /// Wanted size of a bucket.
    wanted: u64,
}

impl Memory {
    fn of(spare: u64) -> Self {
        Memory {
            chunk: spare / 16,
            limit: (spare / 4).min(LONGEST),
            buffers: spare / 2,
            bucket: spare / 4 * 3,
            wanted: spare / 3,
        }
    }
}

/// Collective.
pub(super) fn run(
    comm: &Comm,
    job: &Job,
    spare: u64,
    target: &mut Target,
    progress: &mut dyn FnMut(f64),
) -> Result<Summary> {
    comm.agree(job.enough(spare))?;
    let memory = Memory::of(spare);
    let mut seconds = Seconds::default();
    let mut extent = None;
    if job.sample.is_some() {
        // Which units are in it depends on how many there are.
        let units = job.corpus.scan(comm, memory.chunk, memory.limit, &mut |_| {}, |_| Ok(()))?;
        extent = Some(Extent::new(comm, job, units)?);
    }
    let (buckets, at_once) = divide(comm, job, &memory);
    let mut sum = None;
    let mut all = Group::default();
    let mut first = 0;
    while first < job.copies {
        let copies = first..job.copies.min(first + at_once);
        let part = |done: f64| (first as f64 + done * (copies.end - first) as f64) / job.copies as f64;
        let mut spool = Spool::new(comm, job, &memory, buckets, copies.clone())?;
        let mut fingerprint = super::Fingerprint::default();
        let mut show = |done: f64| progress(part(done / 2.0));
        let each = |unit: Found| {
            if first == 0 {
                fingerprint.add(unit.bytes, job.corpus.unit.missing(unit.bytes));
            }
            spool.add(extent.as_ref(), unit)
        };
        Seconds::time(&mut seconds.read, || {
            job.corpus.scan(comm, memory.chunk, memory.limit, &mut show, each)
        })?;
        if sum.is_none() {
            sum = Some(fingerprint.over(comm)?);
        }
        let units = sum.unwrap_or_default().units;
        let extent = match &extent {
            Some(extent) => extent,
            None => extent.insert(Extent::new(comm, job, units)?),
        };
        let stored = Seconds::time(&mut seconds.deal, || spool.close(comm))?;
        let bytes: Vec<u64> =
            stored.sizes.chunks(buckets).map(|sizes| sizes.iter().map(|size| size[1]).sum()).collect();
        if first == 0 {
            let bytes = if extent.is_sample() { bytes.iter().sum() } else { bytes[0] };
            all = extent.group(job, bytes);
        }
        let start = target.end();
        target.prepare(&Group { bytes, cells: stored.cells.clone(), ..all.clone() })?;
        let mut show = |done: f64| progress(part(0.5 + done / 2.0));
        let from = (start, first * extent.units);
        let written =
            Seconds::time(&mut seconds.write, || stored.write(comm, job, &memory, from, target, &mut show));
        // The root alone removes no other rank's file, so each waits until all have read theirs.
        comm.agree(written)?;
        first = copies.end;
    }
    comm.agree(job.corpus.unchanged())?;
    if job.plan.has_offsets() {
        target.write_last_offset(&all)?;
    }
    let corpus = sum.unwrap_or_default();
    Ok(Summary {
        corpus,
        written_units: all.all_units,
        written_bytes: all.all_bytes,
        out_of_core: true,
        seconds,
    })
}

/// The number of buckets of a copy, and the number of copies that are made of one way through the files.
fn divide(comm: &Comm, job: &Job, memory: &Memory) -> (usize, u64) {
    let ranks = comm.size() as u64;
    // A little more than their bytes, for what stands before them; more than one for each rank, since sizes are not equal.
    let bytes = if job.plan.is_indices() { job.corpus.bytes() / 8 } else { job.corpus.bytes() };
    let bytes = bytes + bytes / 4;
    let least = if ranks == 1 { 1 } else { 8 * ranks };
    let buckets = bytes.div_ceil(memory.wanted).max(least).next_multiple_of(ranks);
    let buckets = buckets.min(memory.buffers / LEAST_BUFFER).clamp(1, CELLS as u64);
    // Each copy has counts of its cells, too, where it is cut into shards.
    let cells = if job.plan.is_shards() { 8 * CELLS as u64 } else { 0 };
    let good = if job.sample.is_some() { 0 } else { 4 * LEAST_BUFFER };
    let at_once = memory.buffers / (buckets * (good + LEAST_BUFFER) + 3 * cells);
    (buckets as usize, if job.sample.is_some() { job.copies } else { at_once.clamp(1, job.copies.max(1)) })
}

/// Units on their way into buckets.
struct Spool<'j> {
    job: &'j Job<'j>,
    copies: std::ops::Range<u64>,
    buckets: usize,
    /// For each bucket of each copy, and how much goes into one before it is written.
    buffers: Vec<Vec<u8>>,
    capacity: usize,
    /// Units, bytes, and bytes in the file, of each bucket.
    sizes: Vec<[u64; 3]>,
    cells: Vec<Vec<u64>>,
    file: Scratch,
    pieces: Vec<Piece>,
    end: u64,
}

/// A piece of an intermediate file: bucket, place, length.
type Piece = [u64; 3];

/// An intermediate file of this rank, removed when it is dropped.
struct Scratch {
    path: PathBuf,
    file: fs::File,
}

impl Scratch {
    fn error(&self, error: &std::io::Error) -> Error {
        Error::file(&self.path, format!("intermediate file: {error}"))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Where a rank's intermediate file is.
fn scratch_path(job: &Job, rank: usize) -> PathBuf {
    let output = job.plan.paths().first().map(|path| file::behind_links(path)).unwrap_or_default();
    let folder = job.scratch.as_deref().unwrap_or(file::folder_of(&output));
    let name = output.file_name().unwrap_or_default().to_string_lossy().into_owned();
    folder.join(format!(".{name}.scratch-{rank}.partial"))
}

impl<'j> Spool<'j> {
    /// Collective.
    fn new(
        comm: &Comm,
        job: &'j Job,
        memory: &Memory,
        buckets: usize,
        copies: std::ops::Range<u64>,
    ) -> Result<Self> {
        let all = buckets * (copies.end - copies.start) as usize;
        comm.on_root(|| {
            // Those of an earlier run that was killed, with more ranks perhaps.
            let left = (0..).map(|rank| scratch_path(job, rank)).take_while(|path| path.exists());
            left.for_each(|path| {
                let _ = fs::remove_file(path);
            });
            Ok(())
        })?;
        let path = scratch_path(job, comm.rank());
        let file = fs::OpenOptions::new().write(true).create(true).truncate(true).open(&path);
        let file = file.map_err(|error| Error::file(&path, format!("intermediate file: {error}")));
        let file = comm.agree(file.map(|file| Scratch { path, file }))?;
        Ok(Spool {
            job,
            buckets,
            buffers: vec![Vec::new(); all],
            capacity: (memory.buffers / all as u64).clamp(1, 1 << 20) as usize,
            sizes: vec![[0; 3]; all],
            cells: if job.plan.is_shards() { vec![vec![0; CELLS]; all / buckets] } else { vec![] },
            copies,
            file,
            pieces: vec![],
            end: 0,
        })
    }

    fn add(&mut self, extent: Option<&Extent>, unit: Found) -> Result<()> {
        if unit.index >= MOST_UNITS {
            return Err(unit.source.error(&format!("more than {MOST_UNITS} units, at byte {}", unit.offset)));
        }
        let indices = self.job.plan.is_indices();
        let (bytes, missing) = match indices {
            true => (&b""[..], &b""[..]),
            false => (unit.bytes, self.job.corpus.unit.missing(unit.bytes)),
        };
        let len = (bytes.len() + missing.len()) as u64;
        let mut made = [0; 4];
        for (number, copy) in self.copies.clone().enumerate() {
            if copy % 4 == 0 || number == 0 {
                made = keys(self.job.seed, copy / 4, unit.index);
            }
            let key = made[(copy % 4) as usize];
            if extent.is_some_and(|extent| extent.is_out(copy, key, unit.index)) {
                continue;
            }
            let cell = (key >> 48) as usize;
            if let Some(cells) = self.cells.get_mut(number) {
                cells[cell] += len;
            }
            let bucket = number * self.buckets + bucket_of(cell, self.buckets);
            let stored = 8 + len + if len >= LONG { 8 } else { 0 };
            if self.buffers[bucket].len() + stored as usize > self.capacity {
                self.flush(bucket)?;
            }
            let buffer = &mut self.buffers[bucket];
            if buffer.capacity() == 0 {
                buffer.reserve_exact(self.capacity);
            }
            buffer.extend_from_slice(&(unit.index << LENGTH_BITS | len.min(LONG)).to_le_bytes());
            if len >= LONG {
                buffer.extend_from_slice(&len.to_le_bytes());
            }
            let written = if indices { 8 } else { len };
            let size = &mut self.sizes[bucket];
            *size = [size[0] + 1, size[1] + written, size[2] + stored];
            if buffer.len() as u64 + len > self.capacity as u64 {
                // Longer than a buffer: past it, as one piece with what stands before it.
                let head = std::mem::take(&mut self.buffers[bucket]);
                let place = self.end;
                for part in [&head[..], bytes, missing] {
                    self.file.file.write_all_at(part, self.end).map_err(|error| self.file.error(&error))?;
                    self.end += part.len() as u64;
                }
                self.pieces.push([bucket as u64, place, self.end - place]);
                self.buffers[bucket] = head;
                self.buffers[bucket].clear();
            } else {
                buffer.extend_from_slice(bytes);
                buffer.extend_from_slice(missing);
            }
        }
        Ok(())
    }

    fn flush(&mut self, bucket: usize) -> Result<()> {
        let buffer = &mut self.buffers[bucket];
        if buffer.is_empty() {
            return Ok(());
        }
        self.file.file.write_all_at(buffer, self.end).map_err(|error| self.file.error(&error))?;
        self.pieces.push([bucket as u64, self.end, buffer.len() as u64]);
        self.end += buffer.len() as u64;
        buffer.clear();
        Ok(())
    }

    /// Writes what is left, and tells the ranks which pieces are theirs. Collective.
    fn close(mut self, comm: &Comm) -> Result<Stored> {
        let flushed = (0..self.buffers.len()).try_for_each(|bucket| {
            self.flush(bucket)?;
            self.buffers[bucket] = Vec::new();
            Ok(())
        });
        comm.agree::<(), Error>(flushed)?;
        let sizes = over_ranks(comm, self.sizes.as_flattened())?.as_chunks::<3>().0.to_vec();
        let mut cells = vec![];
        for mine in &self.cells {
            cells.push(over_ranks(comm, mine)?);
        }
        let owners = owners(&sizes, self.buckets, comm.size());
        self.pieces.sort_by_key(|&[bucket, place, _]| (owners[bucket as usize], bucket, place));
        let mut counts = vec![0; comm.size()];
        self.pieces.iter().for_each(|piece| counts[owners[piece[0] as usize]] += 1);
        let (pieces, from) = comm.all_to_all(&Partition::from_counts(&counts), &self.pieces)?;
        Ok(Stored {
            buckets: self.buckets,
            sizes,
            cells,
            owners,
            pieces,
            from,
            copies: self.copies,
            own: self.file,
        })
    }
}

/// Which bucket a cell belongs to.
fn bucket_of(cell: usize, buckets: usize) -> usize {
    (cell * buckets) >> 16
}

/// The first of all keys of a bucket.
fn first_key(bucket: usize, buckets: usize) -> u64 {
    ((bucket << 16).div_ceil(buckets) as u64) << 48
}

/// The rank that writes each bucket: of each copy, ranks have neighbouring buckets of about the same size together.
fn owners(sizes: &[[u64; 3]], buckets: usize, ranks: usize) -> Vec<usize> {
    let mut owners = Vec::with_capacity(sizes.len());
    for copy in sizes.chunks(buckets) {
        let all: u64 = copy.iter().map(|size| size[2]).sum::<u64>().max(1);
        let mut before = 0;
        for size in copy {
            let middle = u128::from(before + size[2] / 2);
            owners.push((middle * ranks as u128 / u128::from(all)).min(ranks as u128 - 1) as usize);
            before += size[2];
        }
    }
    owners
}

/// Buckets in intermediate files.
struct Stored {
    copies: std::ops::Range<u64>,
    buckets: usize,
    sizes: Vec<[u64; 3]>,
    cells: Vec<Vec<u64>>,
    owners: Vec<usize>,
    /// Of this rank's buckets, by the rank that has written them.
    pieces: Vec<Piece>,
    from: Partition,
    own: Scratch,
}

impl Stored {
    /// Writes this rank's buckets. Collective, but for the error, which is this rank's.
    fn write(
        &self,
        comm: &Comm,
        job: &Job,
        memory: &Memory,
        (mut at, mut unit): (u64, u64),
        target: &Target,
        progress: &mut dyn FnMut(f64),
    ) -> Result<()> {
        let mut open: Vec<Option<fs::File>> = (0..comm.size()).map(|_| None).collect();
        let mut bucket = Bucket { data: vec![], records: vec![], room: vec![], piece: vec![] };
        let mut next: Vec<usize> = (0..comm.size()).map(|rank| self.from.range(rank).start).collect();
        for (number, size) in self.sizes.iter().enumerate() {
            if self.owners[number] == comm.rank() && size[0] > 0 {
                let mut pieces = vec![];
                for (rank, next) in next.iter_mut().enumerate() {
                    let end = self.from.range(rank).end;
                    while *next < end && self.pieces[*next][0] == number as u64 {
                        pieces.push((rank, self.pieces[*next]));
                        *next += 1;
                    }
                }
                for &(rank, _) in &pieces {
                    if open[rank].is_none() {
                        let path = scratch_path(job, rank);
                        open[rank] = Some(fs::File::open(&path).map_err(|error| self.unseen(&path, &error))?);
                    }
                }
                let copy = self.copies.start + (number / self.buckets) as u64;
                let number = number % self.buckets;
                let first = first_key(number, self.buckets);
                let last = match first_key(number + 1, self.buckets) {
                    0 => u64::MAX,
                    next => next - 1,
                };
                let whole = (size[2] + RECORD_BYTES * size[0] <= memory.bucket).then_some(size[0] as usize);
                let mut task = Task {
                    job,
                    copy,
                    pieces: &pieces,
                    open: &open,
                    memory,
                    writer: Writer::new(target, at, unit),
                    own: &self.own,
                };
                task.write(&mut bucket, first, last, whole)?;
                let end = task.writer.finish()?;
                debug_assert_eq!(end, at + size[1]);
            }
            (at, unit) = (at + size[1], unit + size[0]);
            progress((number + 1) as f64 / self.sizes.len() as f64);
        }
        Ok(())
    }

    fn unseen(&self, path: &Path, error: &std::io::Error) -> Error {
        Error::file(
            path,
            format!("intermediate file: {error}; all ranks must see the folder: --scratch chooses another"),
        )
    }
}

/// Memory for one bucket after the other.
struct Bucket {
    data: Vec<u8>,
    records: Vec<[u64; 2]>,
    room: Vec<[u64; 2]>,
    piece: Vec<u8>,
}

/// One bucket that is to be written.
struct Task<'t, 'c> {
    job: &'t Job<'t>,
    copy: u64,
    pieces: &'t [(usize, Piece)],
    open: &'t [Option<fs::File>],
    memory: &'t Memory,
    writer: Writer<'t, 'c>,
    own: &'t Scratch,
}

impl Task<'_, '_> {
    /// Writes the units with keys `first` to `last`; `fits`: they are known to fit into memory,
    /// and so many.
    fn write(&mut self, bucket: &mut Bucket, first: u64, last: u64, fits: Option<usize>) -> Result<()> {
        if !self.load(bucket, first, last, fits)? {
            let middle = first + (last - first) / 2;
            if middle == last {
                let problem = "units of one key are longer than the memory allows";
                return Err(Error::file(&self.own.path, problem));
            }
            self.write(bucket, first, middle, None)?;
            return self.write(bucket, middle + 1, last, None);
        }
        let Bucket { data, records, room, .. } = bucket;
        room.clear();
        room.resize(records.len(), [0; 2]);
        let indices = self.job.plan.is_indices();
        let mut outcome = Ok(());
        sort(records, room, &mut |run| {
            if outcome.is_err() {
                return;
            }
            let ordered;
            let run = if run.windows(2).any(|pair| pair[0][0] == pair[1][0]) {
                ordered = in_order_of_numbers(run, data);
                &ordered
            } else {
                run
            };
            outcome = run.iter().try_for_each(|record| {
                let (index, bytes) = unit_at(data, record[1] as usize);
                if indices {
                    self.writer.push(&index.to_le_bytes(), b"")
                } else {
                    self.writer.push(bytes, b"")
                }
            });
        });
        outcome
    }

    /// Reads the units of these keys; `false` when memory does not hold them.
    fn load(&self, bucket: &mut Bucket, first: u64, last: u64, fits: Option<usize>) -> Result<bool> {
        let Bucket { data, records, piece, .. } = bucket;
        data.clear();
        records.clear();
        let all: u64 = self.pieces.iter().map(|(_, piece)| piece[2]).sum();
        if let Some(units) = fits {
            data.reserve_exact(all as usize);
            records.reserve_exact(units);
        }
        for &(rank, [_, place, len]) in self.pieces {
            let file = self.open[rank].as_ref().expect("opened before");
            let read =
                |bytes: &mut [u8]| file.read_exact_at(bytes, place).map_err(|error| self.own.error(&error));
            if fits.is_some() {
                let start = data.len();
                data.resize(start + len as usize, 0);
                read(&mut data[start..])?;
                self.each(data, start, |key, at, _| records.push([key, at as u64]));
                continue;
            }
            piece.resize(len as usize, 0);
            read(piece)?;
            let mut full = false;
            self.each(piece, 0, |key, at, end| {
                let need = (data.len() + end - at) as u64 + RECORD_BYTES * (records.len() + 1) as u64;
                // What grows by doubling may have twice that.
                full |= 2 * need > self.memory.bucket && !records.is_empty();
                if (first..=last).contains(&key) && !full {
                    records.push([key, data.len() as u64]);
                    data.extend_from_slice(&piece[at..end]);
                }
            });
            if full {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The key of each unit in a piece, and where it begins and ends.
    fn each(&self, data: &[u8], start: usize, mut found: impl FnMut(u64, usize, usize)) {
        let mut at = start;
        while at < data.len() {
            let (index, bytes) = unit_at(data, at);
            let end = at + 8 + if bytes.len() as u64 >= LONG { 8 } else { 0 } + bytes.len();
            found(key(self.job.seed, self.copy, index), at, end);
            at = end;
        }
    }
}

/// The number and the bytes of the unit that begins at `at`.
#[inline]
fn unit_at(data: &[u8], at: usize) -> (u64, &[u8]) {
    let number = |at: usize| u64::from_le_bytes(data[at..at + 8].try_into().expect("eight bytes"));
    let head = number(at);
    let (start, len) = match head & LONG {
        LONG => (at + 16, number(at + 8)),
        len => (at + 8, len),
    };
    (head >> LENGTH_BITS, &data[start..start + len as usize])
}

/// Records whose places are those of units in `data`, in the order of keys and, where these are equal, of the units' numbers.
fn in_order_of_numbers(run: &[[u64; 2]], data: &[u8]) -> Vec<[u64; 2]> {
    let mut ordered = run.to_vec();
    ordered.sort_by_key(|record| (record[0], tie(record[0], unit_at(data, record[1] as usize).0)));
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_of_one_key_are_ordered_by_their_numbers() {
        let mut data = vec![];
        let mut places = vec![];
        for index in [5u64, 3, 4] {
            places.push(data.len() as u64);
            data.extend_from_slice(&(index << LENGTH_BITS | 1).to_le_bytes());
            data.push(b'x');
        }
        for (key, expected) in [(8, [3, 4, 5]), (9, [5, 4, 3])] {
            let run: Vec<[u64; 2]> = places.iter().map(|&place| [key, place]).collect();
            let ordered = in_order_of_numbers(&run, &data);
            let numbers: Vec<u64> =
                ordered.iter().map(|record| unit_at(&data, record[1] as usize).0).collect();
            assert_eq!(numbers, expected);
        }
    }

    #[test]
    fn buckets_tile_the_keys() {
        for buckets in [1, 2, 3, 7, 100, 65_535, 65_536] {
            for bucket in 0..buckets {
                let first = first_key(bucket, buckets);
                assert_eq!(bucket_of((first >> 48) as usize, buckets), bucket, "of {buckets}");
                if bucket > 0 {
                    assert_eq!(bucket_of((first >> 48) as usize - 1, buckets), bucket - 1, "of {buckets}");
                }
            }
            assert_eq!(first_key(buckets, buckets), 0);
        }
    }
}
