//! What is to be done with a corpus, and which engine does it.

use std::path::PathBuf;
use std::time::Instant;

use super::corpus::{Corpus, Fingerprint};
use super::sampling::{Cut, cuts};
use super::target::{Group, Plan, Target};
use super::{external, mapped, within};
use crate::comm::{Comm, Min, Sum};
use crate::error::{Error, Result};
use crate::report::resident_memory;
use crate::sys::record::within;

/// A corpus, and what is to be made of it: see [`Job::run`].
#[derive(Debug, Clone)]
pub struct Job<'a> {
    /// The units.
    pub corpus: &'a Corpus,
    /// Chooses the permutations.
    pub seed: u64,
    /// How many permutations, one after the other.
    pub copies: u64,
    /// Only so many units of each, those that come first.
    pub sample: Option<u64>,
    /// Where they go.
    pub plan: Plan,
    /// The most memory that a rank may take, in bytes, all included; without it, half of what the machine has left, divided by its
    /// ranks.
    pub memory: Option<u64>,
    /// Where intermediate files go when memory does not hold the corpus: a folder that all ranks see. Without it, beside the output.
    pub scratch: Option<PathBuf>,
    /// Waits until the output is on the disk. What replaces an existing file waits anyway.
    pub sync: bool,
}

/// What a [`Job`] has done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// What it has read.
    pub corpus: Fingerprint,
    /// Units in the output.
    pub written_units: u64,
    /// Their bytes in the output, without headers.
    pub written_bytes: u64,
    /// Whether intermediate files were needed.
    pub out_of_core: bool,
    /// How long this rank took.
    pub seconds: Seconds,
}

/// Where the time of a rank went.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Seconds {
    /// To read and find the units, and, if memory does not hold them, to write them to intermediate files.
    pub read: f64,
    /// To deal keys out to the ranks.
    pub deal: f64,
    /// To sort, gather and write.
    pub write: f64,
}

impl Seconds {
    /// Runs a step, and adds its time to one of these.
    pub(super) fn time<R>(sum: &mut f64, step: impl FnOnce() -> R) -> R {
        let start = Instant::now();
        let result = step();
        *sum += start.elapsed().as_secs_f64();
        result
    }
}

impl Job<'_> {
    /// Permutes the corpus. The output appears when all of it is there, and is the same for any number of ranks, any memory, and
    /// either engine: unit `i` of the corpus is item `i` of [`kernels::permutation`](crate::kernels::permutation).
    ///
    /// If a rank's memory holds the corpus and 56 bytes a unit, and all ranks are on one machine, it is mapped into memory, and ranks
    /// send each other 16 bytes a unit and copy. Else each rank reads its share once, writes it to an intermediate file, divided by
    /// keys, and then reads, sorts and writes the parts of its keys, one at a time.
    ///
    /// # Collective
    /// All ranks must call this, with the same job.
    ///
    /// # Errors
    /// On all ranks alike, when a file cannot be read or written, a unit is longer than the memory allows, or a sample larger than the
    /// corpus; then an output that exists stays as it is.
    ///
    /// ```
    /// use rankwise::distributed::permute::{Corpus, Job, Plan};
    /// use rankwise::kernels::permutation::Unit;
    ///
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// # let folder = std::env::temp_dir().join(format!("rankwise-doc-permute-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder)?;
    /// let (lines, permuted) = (folder.join("lines.txt"), folder.join("permuted.txt"));
    /// std::fs::write(&lines, "a\nb\nc\nd\n")?;
    /// let corpus = Corpus::open(world, &[lines], Unit::Line, 0)?;
    /// let plan = Plan::Text(permuted.clone());
    /// let job = Job { corpus: &corpus, seed: 7, copies: 1, sample: None, plan, memory: None, scratch: None, sync: false };
    /// job.run(world, &mut |_| {})?;
    /// assert_eq!(std::fs::read_to_string(permuted)?, "d\nc\na\nb\n");
    /// # std::fs::remove_dir_all(&folder)?;
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn run(&self, comm: &Comm, progress: &mut dyn FnMut(f64)) -> Result<Summary> {
        let _within = within();
        self.write(comm, progress)?.put_in_place(self.sync)
    }

    /// As [`run`](Job::run), but the output does not appear before [`Written::put_in_place`]: for two corpora of which both
    /// are to appear or none.
    ///
    /// # Collective
    /// As `run`.
    ///
    /// # Errors
    /// As `run`.
    #[track_caller]
    pub fn write<'c>(&self, comm: &'c Comm, progress: &mut dyn FnMut(f64)) -> Result<Written<'c>> {
        let _within = within();
        let mut target = Target::new(comm, &self.plan, self.corpus.header())?;
        let spare = self.spare_memory(comm)?;
        let whole = self.corpus.bytes() < mapped::MOST_BYTES.min(spare) && on_one_machine(comm)?;
        let summary = if whole { mapped::run(comm, self, spare, &mut target, progress)? } else { None };
        let summary = match summary {
            Some(summary) => summary,
            None => external::run(comm, self, spare, &mut target, progress)?,
        };
        Ok(Written { target, summary })
    }

    /// Permutes the words inside each unit, and leaves the units in their order: see
    /// [`permute_words`](crate::kernels::permutation::permute_words). `plan` is [`Plan::Text`] or [`Plan::Split`], and there is no
    /// sample. The summary has the [fingerprint of words](Corpus::fingerprint_of_words). Every rank reads its share once, and
    /// writes it.
    ///
    /// # Collective
    /// As [`run`](Job::run).
    ///
    /// # Errors
    /// As `run`, and when `plan` is another or there is a sample.
    #[track_caller]
    pub fn write_within<'c>(&self, comm: &'c Comm, progress: &mut dyn FnMut(f64)) -> Result<Written<'c>> {
        let _within = within();
        if self.sample.is_some() || !matches!(self.plan, Plan::Text(_) | Plan::Split(_)) {
            let path = self.plan.paths().first().map_or("".as_ref(), PathBuf::as_path);
            return comm
                .agree(Err(Error::file(path, "words are permuted in all units, and go to text files")));
        }
        let mut target = Target::new(comm, &self.plan, self.corpus.header())?;
        let spare = self.spare_memory(comm)?;
        let summary = within::run(comm, self, spare, &mut target, progress)?;
        Ok(Written { target, summary })
    }

    /// The memory that a rank may take beyond what it has: the same for all. Collective.
    fn spare_memory(&self, comm: &Comm) -> Result<u64> {
        // Room for what MPI and the libraries take later on.
        let own = resident_memory().unwrap_or(0) + (4 << 20);
        let spare = match self.memory {
            Some(memory) => memory.saturating_sub(own),
            None => self.fair_share(comm)?,
        };
        comm.all_reduce_one(spare, Min)
    }

    /// Half of the memory that the machine has left, over the ranks on it.
    fn fair_share(&self, comm: &Comm) -> Result<u64> {
        let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
        let free = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
        Ok(free.unwrap_or(2 << 20) * 1024 / 2 / comm.node()?.size() as u64)
    }

    /// The least memory that is any use, beyond what the program takes by itself.
    pub(super) fn enough(&self, spare: u64) -> Result<()> {
        const LEAST: u64 = 8 << 20;
        if spare >= LEAST {
            return Ok(());
        }
        let least = (resident_memory().unwrap_or(0) + (4 << 20) + LEAST).div_ceil(1 << 20);
        let path = self.corpus.paths().next().unwrap_or("".as_ref());
        Err(Error::file(
            path,
            format!("cannot be permuted in so little memory: a rank needs {least}M at least"),
        ))
    }
}

/// Whether all ranks share one memory. Collective.
fn on_one_machine(comm: &Comm) -> Result<bool> {
    let all = comm.node()?.size() == comm.size();
    Ok(comm.all_reduce_one(u8::from(all), Min)? == 1)
}

/// An output that is whole and has not yet appeared. It does not when this is dropped.
#[derive(Debug)]
#[must_use = "the output appears when it is put in place"]
pub struct Written<'c> {
    target: Target<'c>,
    summary: Summary,
}

impl Written<'_> {
    /// What it is.
    pub fn summary(&self) -> Summary {
        self.summary
    }

    /// Lets it appear; with `sync`, or where it replaces a file, when it is on the disk.
    ///
    /// # Collective
    /// All ranks must call this.
    ///
    /// # Errors
    /// On all ranks alike, when the disk is full or the folder has gone.
    #[track_caller]
    pub fn put_in_place(self, sync: bool) -> Result<Summary> {
        let _within = within();
        self.target.finish(sync)?;
        Ok(self.summary)
    }
}

/// What is to be written in all.
pub(super) struct Extent {
    /// Which units are in the sample of each copy.
    cuts: Option<Vec<Cut>>,
    /// Units in a copy.
    pub(super) units: u64,
}

impl Extent {
    /// Collective.
    pub(super) fn new(comm: &Comm, job: &Job, units: u64) -> Result<Self> {
        let Some(sample) = job.sample else { return Ok(Extent { cuts: None, units }) };
        if sample > units {
            let path = job.corpus.paths().next().unwrap_or("".as_ref());
            return comm.agree(Err(Error::file(path, format!("a sample of {sample} from {units} units"))));
        }
        let cuts = (0..job.copies).step_by(4).map(|first| cuts(comm, job.seed, first, units, sample));
        let mut cuts = cuts.collect::<Result<Vec<_>>>()?.concat();
        cuts.truncate(job.copies as usize);
        Ok(Extent { cuts: Some(cuts), units: sample })
    }

    /// Whether it is a sample.
    pub(super) fn is_sample(&self) -> bool {
        self.cuts.is_some()
    }

    /// Whether a unit is not in the sample of a copy.
    #[inline]
    pub(super) fn is_out(&self, copy: u64, key: u64, index: u64) -> bool {
        self.cuts.as_ref().is_some_and(|cuts| cuts[copy as usize].is_out(key, index))
    }

    /// What is known of all copies, of which `bytes` is one or, of a sample, all.
    pub(super) fn group(&self, job: &Job, bytes: u64) -> Group {
        let all_bytes = if self.is_sample() { bytes } else { bytes.saturating_mul(job.copies) };
        let all_units = self.units.saturating_mul(job.copies);
        Group { all_bytes, all_units, copies: job.copies, ..Group::default() }
    }
}

/// The sum over ranks of a few numbers. Collective.
pub(super) fn over_ranks(comm: &Comm, numbers: &[u64]) -> Result<Vec<u64>> {
    comm.all_reduce(numbers, Sum)
}
