//! The engine for a corpus that the memory of one machine holds: the files are mapped into memory, ranks exchange keys and
//! places, and each gathers its part of the output from wherever it lies.

use std::time::Instant;

use super::corpus::{Corpus, Fingerprint};
use super::job::{Extent, Job, Seconds, Summary, over_ranks};
use super::target::{CELLS, Group, Target, Writer};
use crate::comm::{Call, Comm, Sum};
use crate::error::{Error, Result};
use crate::kernels::permutation::{COPIES_AT_ONCE, keys, sort};
use crate::sys::disk::Mapped;
use crate::sys::memory;

/// So many units ahead their bytes are asked for: about as many as a memory has under way.
const AHEAD: usize = 24;
/// Bits of a place that are a length; one that needs more is in a table.
const LENGTH_BITS: u32 = 24;
const LONG: u64 = (1 << LENGTH_BITS) - 1;
/// The most bytes of which places can be told.
pub(super) const MOST_BYTES: u64 = 1 << 40;

/// A rank's part of the units, in order.
struct Units {
    /// Where each is, and how long.
    places: Vec<u64>,
    /// Those of `places` that lack a separator, and its bytes.
    unfinished: Vec<(usize, u64)>,
    /// Places that are too long to be told in 24 bits.
    long: Vec<[u64; 2]>,
    sum: Fingerprint,
}

/// `None` when `spare` bytes of memory turn out not to be enough. Collective.
pub(super) fn run(
    comm: &Comm,
    job: &Job,
    spare: u64,
    target: &mut Target,
    progress: &mut dyn FnMut(f64),
) -> Result<Option<Summary>> {
    let corpus = job.corpus;
    let (mapped, starts) = comm.agree(map(corpus))?;
    let mut seconds = Seconds::default();
    let units = Seconds::time(&mut seconds.read, || find(comm, corpus, &mapped, &starts));
    let sum = units.sum.over(comm)?;
    // The records of one copy, or of four that are made at once.
    let share = sum.units.div_ceil(comm.size() as u64);
    let mut at_once = COPIES_AT_ONCE;
    while corpus.bytes() + share * (8 + 16 * (2 + at_once as u64)) > spare {
        at_once /= 2;
        if at_once == 0 {
            return Ok(None);
        }
    }
    progress(0.2);
    let before = comm.exclusive_scan(&[units.places.len() as u64], Sum)?[0];
    let long = comm.all_gather(&units.long)?;
    let extent = Extent::new(comm, job, sum.units)?;
    let (records, room) = (vec![], vec![]);
    let mut engine = Engine {
        comm,
        job,
        mapped: &mapped,
        units: &units,
        long: &long,
        before,
        extent,
        records,
        room,
        seconds,
    };
    // Of a copy, or of a sample in all.
    let bytes = match (job.plan.is_indices(), engine.extent.is_sample()) {
        (true, sample) => 8 * engine.extent.units * if sample { job.copies } else { 1 },
        (false, false) => sum.bytes,
        (false, true) => over_ranks(comm, &[engine.sampled_bytes()])?[0],
    };
    let all = engine.extent.group(job, bytes);
    let mut first = 0;
    while first < job.copies {
        // Copies of one mixing.
        let count =
            at_once.min(COPIES_AT_ONCE - first as usize % COPIES_AT_ONCE).min((job.copies - first) as usize);
        let start = Instant::now();
        let sends = engine.send(first, count)?;
        engine.seconds.deal += start.elapsed().as_secs_f64();
        for (sends, copy) in sends.into_iter().zip(first..) {
            engine.copy(copy, sends, &all, target)?;
            progress(0.2 + 0.8 * (copy + 1) as f64 / job.copies as f64);
        }
        first += count as u64;
    }
    comm.agree(corpus.unchanged())?;
    if job.plan.has_offsets() {
        target.write_last_offset(&all)?;
    }
    let (written_units, written_bytes) = (all.all_units, all.all_bytes);
    Ok(Some(Summary {
        corpus: sum,
        written_units,
        written_bytes,
        out_of_core: false,
        seconds: engine.seconds,
    }))
}

fn map(corpus: &Corpus) -> Result<(Mapped, Vec<usize>)> {
    let files: Vec<_> =
        corpus.sources.iter().map(|source| Ok((source.open()?, source.units.end))).collect::<Result<_>>()?;
    Mapped::new(files.iter().map(|(file, len)| Ok((file, *len)))).map_err(|error| {
        let path = corpus.paths().next().unwrap_or("".as_ref());
        Error::file(path, format!("cannot be mapped into memory: {error}"))
    })
}

/// Finds the units that start in this rank's part of the files.
fn find(comm: &Comm, corpus: &Corpus, mapped: &Mapped, starts: &[usize]) -> Units {
    let parts = crate::partition::Partition::even(corpus.bytes() as usize, comm.size());
    let mine = parts.range(comm.rank());
    let mut units = Units { places: vec![], unfinished: vec![], long: vec![], sum: Fingerprint::default() };
    let mut passed = 0;
    for (source, place) in corpus.sources.iter().zip(starts) {
        let (top, end) = (source.units.start as usize, source.units.end as usize);
        let len = end - top;
        // This rank's part of the file.
        let from = mine.start.clamp(passed, passed + len) - passed;
        let to = mine.end.clamp(passed, passed + len) - passed;
        passed += len;
        if from < to {
            units.find_in(corpus, &mapped.bytes()[place + top..place + end], place + top, from..to);
        }
    }
    units
}

impl Units {
    /// The units of `text` that start in `part` of it; `place` is where the text is.
    fn find_in(&mut self, corpus: &Corpus, text: &[u8], place: usize, part: std::ops::Range<usize>) {
        let unit = corpus.unit;
        let mut next = if part.start == 0 { Some(0) } else { unit.next_start(text, part.start, true) };
        while let Some(start) = next.filter(|&start| start < part.end) {
            next = unit.next_start(text, start + 1, true);
            let bytes = &text[start..next.unwrap_or(text.len())];
            let missing = if next.is_none() { unit.missing(bytes) } else { b"" };
            if !missing.is_empty() {
                self.unfinished.push((self.places.len(), missing.len() as u64));
            }
            let (at, len) = ((place + start) as u64, bytes.len() as u64);
            if len >= LONG {
                self.long.push([at, len]);
            }
            self.places.push(at << LENGTH_BITS | len.min(LONG));
            self.sum.add(bytes, missing);
        }
    }
}

struct Engine<'a> {
    comm: &'a Comm,
    job: &'a Job<'a>,
    mapped: &'a Mapped,
    units: &'a Units,
    long: &'a [[u64; 2]],
    /// Units of the ranks before this one.
    before: u64,
    extent: Extent,
    records: Vec<[u64; 2]>,
    room: Vec<[u64; 2]>,
    seconds: Seconds,
}

/// What one copy sends: a record for each unit, to the rank that has its key, and how many units and bytes that makes.
struct Sends {
    records: Vec<Vec<[u64; 2]>>,
    /// Units and bytes for each rank.
    sizes: Vec<[u64; 2]>,
    /// Bytes for each cell.
    cells: Vec<u64>,
}

impl Engine<'_> {
    fn length(&self, place: u64) -> u64 {
        match place & LONG {
            LONG => {
                self.long.iter().find(|long| long[0] == place >> LENGTH_BITS).map_or(LONG, |long| long[1])
            }
            len => len,
        }
    }

    /// This rank's units, their places and lengths with separators.
    fn each_unit(&self, mut each: impl FnMut(u64, u64, u64)) {
        let mut unfinished = self.units.unfinished.iter().peekable();
        for (number, &place) in self.units.places.iter().enumerate() {
            let missing = unfinished.next_if(|unit| unit.0 == number).map_or(0, |unit| unit.1);
            each(self.before + number as u64, place, self.length(place) + missing);
        }
    }

    /// The bytes of this rank's units in all copies of a sample.
    fn sampled_bytes(&self) -> u64 {
        let mut bytes = 0;
        for first in (0..self.job.copies).step_by(COPIES_AT_ONCE) {
            self.each_unit(|index, _, len| {
                let keys = keys(self.job.seed, first / COPIES_AT_ONCE as u64, index);
                for (key, copy) in keys.into_iter().zip(first..self.job.copies) {
                    bytes += if self.extent.is_out(copy, key, index) { 0 } else { len };
                }
            });
        }
        bytes
    }

    /// The records of some copies that share a mixing, by the rank that they go to.
    fn send(&self, first: u64, count: usize) -> Result<Vec<Sends>> {
        let ranks = self.comm.size();
        let (shards, indices) = (self.job.plan.is_shards(), self.job.plan.is_indices());
        // Random keys meet the ranks evenly: so much is nearly always enough.
        let each = self.units.places.len() / ranks;
        let each = if self.extent.is_sample() { 0 } else { each + 6 * each.isqrt() + 16 };
        let mut all = vec![];
        for _ in 0..count {
            all.push(Sends {
                records: (0..ranks).map(|_| room(each)).collect::<Result<_>>()?,
                sizes: vec![[0; 2]; ranks],
                cells: vec![0; if shards { CELLS } else { 0 }],
            });
        }
        let (block, offset) = (first / COPIES_AT_ONCE as u64, first as usize % COPIES_AT_ONCE);
        self.each_unit(|index, place, len| {
            let keys = keys(self.job.seed, block, index);
            for ((key, copy), sends) in keys[offset..].iter().zip(first..).zip(&mut all) {
                if self.extent.is_out(copy, *key, index) {
                    continue;
                }
                let to = rank_of(*key, ranks);
                sends.records[to].push([*key, if indices { index } else { place }]);
                sends.sizes[to][0] += 1;
                sends.sizes[to][1] += if indices { 8 } else { len };
                if shards {
                    sends.cells[(key >> 48) as usize] += len;
                }
            }
        });
        Ok(all)
    }

    /// Exchanges the records of one copy, and writes it.
    fn copy(&mut self, copy: u64, sends: Sends, all: &Group, target: &mut Target) -> Result<()> {
        let (comm, me) = (self.comm, self.comm.rank());
        let begin = Instant::now();
        let Sends { records, sizes, cells } = sends;
        // What everyone sends to everyone, of which the sums say where each rank writes.
        let sizes = comm.all_gather(&sizes)?;
        let from = |rank: usize, to: usize| sizes[rank * comm.size() + to];
        let parts: Vec<[u64; 2]> = (0..comm.size())
            .map(|to| {
                (0..comm.size())
                    .fold([0; 2], |sum, rank| [sum[0] + from(rank, to)[0], sum[1] + from(rank, to)[1]])
            })
            .collect();
        let sum = |upto: usize, k: usize| parts[..upto].iter().map(|part| part[k]).sum::<u64>();
        let cells = if cells.is_empty() { vec![] } else { vec![comm.all_reduce(&cells, Sum)?] };
        let group = Group { bytes: vec![sum(comm.size(), 1)], cells, ..all.clone() };
        let start = target.end();
        target.prepare(&group)?;

        let total = parts[me][0] as usize;
        resize(&mut self.records, total)?;
        resize(&mut self.room, total)?;
        let (mut rest, mut rooms) = (&mut self.records[..], Vec::new());
        for (rank, records) in records.iter().enumerate() {
            let (room, after) =
                rest.split_at_mut(if rank == me { records.len() } else { from(rank, me)[0] as usize });
            rest = after;
            if rank == me {
                room.copy_from_slice(records);
            } else if !room.is_empty() {
                rooms.push((rank, room));
            }
        }
        let messages: Vec<(usize, &[[u64; 2]])> = records
            .iter()
            .enumerate()
            .filter(|(rank, records)| *rank != me && !records.is_empty())
            .map(|(rank, records)| (rank, &records[..]))
            .collect();
        comm.sparse_all_to_all_into(&messages, &mut rooms)?;
        drop(records);

        self.seconds.deal += begin.elapsed().as_secs_f64();
        let begin = Instant::now();
        let mut writer = Writer::new(target, start + sum(me, 1), copy * self.extent.units + sum(me, 0));
        let written = self.write(&mut writer).and_then(|()| writer.finish());
        self.seconds.write += begin.elapsed().as_secs_f64();
        comm.agree(written)?;
        Ok(())
    }

    fn write(&mut self, writer: &mut Writer) -> Result<()> {
        let mut records = std::mem::take(&mut self.records);
        let mut room = std::mem::take(&mut self.room);
        let (all, unit, indices) = (self.mapped.bytes(), self.job.corpus.unit, self.job.plan.is_indices());
        let mut outcome = Ok(());
        let place = |record: &[u64; 2]| (record[1] >> LENGTH_BITS) as usize;
        sort(&mut records, &mut room, &mut |run| {
            let mut write = || {
                if indices {
                    return run.iter().try_for_each(|record| writer.push(&record[1].to_le_bytes(), b""));
                }
                for record in run.iter().take(AHEAD) {
                    self.mapped.prefetch(place(record), (record[1] & LONG) as usize);
                }
                for (number, record) in run.iter().enumerate() {
                    if let Some(ahead) = run.get(number + AHEAD) {
                        self.mapped.prefetch(place(ahead), (ahead[1] & LONG) as usize);
                    }
                    let bytes = &all[place(record)..][..self.length(record[1]) as usize];
                    writer.push(bytes, unit.missing(bytes))?;
                }
                Ok(())
            };
            if outcome.is_ok() {
                outcome = write();
            }
        });
        (self.records, self.room) = (records, room);
        outcome
    }
}

/// No records, and memory for so many, in large pages.
fn room(records: usize) -> Result<Vec<[u64; 2]>> {
    let (mut room, ()) =
        memory::filled(records, |_| Ok(())).map_err(|failure| Call::new("permute").error(failure))?;
    room.clear();
    Ok(room)
}

/// Makes it as long as that, with a little memory to spare for the next copy.
fn resize(records: &mut Vec<[u64; 2]>, len: usize) -> Result<()> {
    if records.capacity() < len {
        *records = vec![];
        *records = room(len + 6 * len.isqrt() + 16)?;
    }
    records.resize(len, [0; 2]);
    Ok(())
}

/// The rank that has a key: equal parts of all keys, in rank order.
#[inline]
pub(super) fn rank_of(key: u64, ranks: usize) -> usize {
    ((u128::from(key) * ranks as u128) >> 64) as usize
}
