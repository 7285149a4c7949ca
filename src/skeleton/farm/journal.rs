//! Finished tasks on the disk: a farm whose job was killed goes on with what is missing.
//!
//! The file has a head, and then a record a result: its length, a checksum, and the number of the item with the result. A record
//! that was cut short ends the file.

use std::error::Error as StdError;
use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;
use xxhash_rust::xxh3::xxh3_64;

use super::carry::Values;
use super::items::{Items, Known, Place};
use super::{Farm, local, master};
use crate::comm::{decode, encode};
use crate::error::{Error, Result};

/// What the file begins with; then the number of items.
const HEAD: &[u8; 16] = b"rankwise farm 1\n";
/// What a record begins with: length and checksum.
const RECORD: usize = 4 + 8;
/// Results that come faster than this are written together.
const TOGETHER: Duration = Duration::from_millis(1);

/// A farm that keeps finished tasks: see [`Farm::journal`].
#[derive(Debug)]
#[must_use = "nothing happens before it runs"]
pub struct Journaled<'c, I> {
    farm: Farm<'c, I>,
    path: PathBuf,
}

impl<'c, I: Known> Farm<'c, I> {
    /// Keeps each result in a file on the root as soon as it is there. When the job was killed, or a task has failed, the same
    /// command goes on with the tasks that are missing, on any number of ranks, and gives what one run would have given. The file
    /// stays; remove it to begin anew.
    ///
    /// What is written survives the death of all processes. That of the machine may cost the last seconds.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// # let path = std::env::temp_dir().join(format!("rankwise-doc-journal-{}", std::process::id()));
    /// let squares = || world.farm(0..100u64).journal(&path).try_run(|i| Ok::<_, String>(i * i));
    /// let first = squares()?;
    /// let again = world.farm(0..100u64).journal(&path).try_run(|i| Err::<u64, _>(format!("{i} is computed again")))?;
    /// assert_eq!(first, again);
    /// # if world.is_root() { std::fs::remove_file(&path)? }
    /// # Ok(()) }) }
    /// ```
    pub fn journal(self, path: impl Into<PathBuf>) -> Journaled<'c, I> {
        Journaled { farm: self, path: path.into() }
    }
}

/// The items whose tasks are not finished, with their numbers.
struct Missing<I> {
    items: I,
    numbers: Vec<usize>,
}

impl<I: Items> Items for Missing<I> {
    type Item = (usize, I::Item);

    fn place(&self) -> Place {
        Place::Everywhere(self.numbers.len())
    }

    fn at(&self, number: usize) -> (usize, I::Item) {
        let number = self.numbers[number];
        (number, self.items.at(number))
    }

    fn shown(&self, number: usize) -> usize {
        self.numbers[number]
    }
}

impl<I: Known> Journaled<'_, I> {
    /// As [`Farm::try_run_values`].
    ///
    /// # Collective
    /// All ranks must call this, with tasks that do the same.
    ///
    /// # Errors
    /// As `try_run_values`; on all ranks when the file cannot be read or written, is used by another job, or is not of this farm:
    /// then nothing is changed.
    pub fn try_run<R: Serialize + DeserializeOwned, E: Into<Box<dyn StdError>>>(
        self,
        mut task: impl FnMut(I::Item) -> Result<R, E>,
    ) -> Result<Option<Vec<R>>> {
        let Journaled { farm: Farm { items, mut job }, path } = self;
        let Place::Everywhere(len) = items.place() else { unreachable!("known items are everywhere") };
        let (comm, runner) = (job.comm, job.runner);
        job.begin(&items.place(), false)?;
        let opened = comm.on_root(|| Ok(open::<R>(&path, len)?))?;
        let (mut file, mut results) =
            opened.map_or((None, Vec::new()), |(file, results)| (Some(file), results));
        let missing = results.iter().enumerate().filter(|(_, result)| result.is_none());
        let missing: Vec<usize> = missing.map(|(number, _)| number).collect();
        let numbers = comm.broadcast(0, comm.is_root().then_some(&missing[..]))?;
        let (mut trouble, mut written) = (Ok(()), Instant::now());
        let mut consume = |_, (number, result): (usize, R)| {
            if let Some(file) = &mut file {
                let write = record(&(number, &result)).and_then(|record| file.write_all(&record));
                let mut flush = Ok(());
                if written.elapsed() > TOGETHER {
                    (flush, written) = (file.flush(), Instant::now());
                }
                if let Err(error) = write.and(flush)
                    && trouble.is_ok()
                {
                    trouble = Err(error);
                }
            }
            results[number] = Some(result);
        };
        let consume: Option<master::Consume<'_, (usize, R)>> =
            if comm.is_root() { Some(&mut consume) } else { None };
        let missing = Missing { items, numbers };
        let local =
            master::run::<_, (usize, R), Values>(&mut job, missing, consume, true, |_, (number, item)| {
                runner.run(number, || task(item.clone())).map(|result| (number, result))
            })?;
        // What is there is kept before errors are spoken of.
        let kept = trouble.and_then(|()| file.map_or(Ok(()), |mut file| file.flush()));
        comm.agree(kept.map_err(|error| Error::file(&path, error.to_string())))?;
        local::finish_without_results(&job, local)?;
        let results = results.into_iter().flatten().collect();
        if !job.to_all {
            return Ok(comm.is_root().then_some(results));
        }
        comm.broadcast_value(0, comm.is_root().then_some(&results)).map(Some)
    }
}

fn record(what: &impl Serialize) -> std::io::Result<Vec<u8>> {
    let bytes = encode(what).map_err(|failure| std::io::Error::other(failure.words()))?;
    let len = u32::try_from(bytes.len()).map_err(|_| std::io::Error::other("a result of more than 4 GiB"))?;
    Ok([&len.to_le_bytes()[..], &xxh3_64(&bytes).to_le_bytes(), &bytes].concat())
}

/// The file, at its end, and the results that are in it.
fn open<R: DeserializeOwned>(path: &Path, len: usize) -> Result<(BufWriter<File>, Vec<Option<R>>)> {
    let wrong = |error: std::io::Error| Error::file(path, error.to_string());
    let options = File::options().read(true).write(true).create(true).truncate(false).open(path);
    let mut file = options.map_err(wrong)?;
    file.try_lock().map_err(|_| Error::file(path, "another job writes this journal"))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(wrong)?;
    let head = [&HEAD[..], &(len as u64).to_le_bytes()].concat();
    let mut results: Vec<Option<R>> = (0..len).map(|_| None).collect();
    let mut good = 0;
    if bytes.len() >= head.len() || !head.starts_with(&bytes) {
        let Some(mut rest) = bytes.strip_prefix(&head[..]) else {
            let problem =
                format!("it is no journal of a farm of {len} items; remove it, or name another file");
            return Err(Error::file(path, problem));
        };
        while let Some((number, result, behind)) = next::<R>(rest, path)? {
            let place = results.get_mut(number);
            *place.ok_or_else(|| Error::file(path, format!("item {number} of {len}")))? = Some(result);
            rest = behind;
        }
        good = bytes.len() - rest.len();
    }
    file.set_len(good as u64).and_then(|()| file.seek(SeekFrom::End(0))).map_err(wrong)?;
    if good == 0 {
        file.write_all(&head).map_err(wrong)?;
    }
    Ok((BufWriter::new(file), results))
}

/// The next record, and what is behind it; `None` where there is no whole one.
fn next<'b, R: DeserializeOwned>(bytes: &'b [u8], path: &Path) -> Result<Option<(usize, R, &'b [u8])>> {
    let Some((head, rest)) = bytes.split_at_checked(RECORD) else { return Ok(None) };
    let (len, sum) = head.split_at(4);
    let len = u32::from_le_bytes(len.try_into().unwrap_or_default()) as usize;
    let Some((record, behind)) = rest.split_at_checked(len) else { return Ok(None) };
    if xxh3_64(record).to_le_bytes() != *sum {
        return Ok(None);
    }
    // A whole record that is no such result was written by another program.
    let (number, result) = decode(record).map_err(|failure| Error::file(path, failure.words()))?;
    Ok(Some((number, result, behind)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_cut_anywhere_has_the_records_before_the_cut() {
        let path = std::env::temp_dir().join(format!("rankwise-journal-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let (mut file, results) = open::<String>(&path, 4).unwrap();
        assert_eq!(results, [None, None, None, None]);
        file.write_all(&record(&(2usize, "tea")).unwrap()).unwrap();
        file.write_all(&record(&(0usize, "kettle")).unwrap()).unwrap();
        drop(file);
        let whole = std::fs::read(&path).unwrap();
        let second = whole.len() - record(&(0usize, "kettle")).unwrap().len();
        let first = HEAD.len() + 8;
        for cut in 0..=whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let (file, results) = open::<String>(&path, 4).unwrap();
            let there = if cut < second { 0 } else { 1 } + usize::from(cut == whole.len());
            assert_eq!(results.iter().flatten().count(), there, "cut at {cut}");
            drop(file);
            let left = std::fs::metadata(&path).unwrap().len() as usize;
            assert_eq!(left, [first, second, whole.len()][there], "cut at {cut}");
        }
        assert!(
            open::<String>(&path, 5).unwrap_err().to_string().contains("no journal of a farm of 5 items")
        );
        let _held = open::<String>(&path, 4).unwrap();
        assert!(open::<String>(&path, 4).unwrap_err().to_string().contains("another job"));
        std::fs::remove_file(&path).unwrap();
    }
}
