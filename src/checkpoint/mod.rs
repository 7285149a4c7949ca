//! [`Checkpoint`]: a long run that can be stopped, or dies, and goes on later, on any number of ranks.

use std::fmt::Write as _;
use std::fs;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::FileExt;
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use hdf5::H5Type;
use ndarray::{Array1, Dimension};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::array::{DistArray, Layout};
use crate::comm::{Comm, LogicalOr, decode, encode};
use crate::error::{Error, Result};
use crate::file::{File, Options, Storage, count, same_everywhere};
use crate::sys;
use crate::sys::record::{self, Kind, within};

mod checksum;

/// At the start of the file, before HDF5's part: which step it is, how long, and its checksum.
const HEADER: u64 = 512;
/// What the header begins with.
const FORMAT: &str = "rankwise checkpoint 1";

/// How often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Every {
    /// At each multiple of so many steps.
    Steps(u64),
    /// When so much time has gone since the last one.
    Time(Duration),
}

impl From<Duration> for Every {
    fn from(time: Duration) -> Self {
        Every::Time(time)
    }
}

impl From<u64> for Every {
    fn from(steps: u64) -> Self {
        Every::Steps(steps)
    }
}

/// Saves the state of a run every so often into a folder, and finds the latest that is whole.
///
/// What is saved are arrays as a whole and values that all ranks have, never a rank's own part: so a run that was saved on 4
/// ranks goes on on 3 or 7, with the same bits. Each checkpoint is one HDF5 file, which appears when it is whole and on the
/// disk; so however a run ends, there is the last one or the one before. Each has a checksum over all its bytes: one that was
/// damaged later is passed over for the one before.
///
/// A run that is told to stop has to do so by itself: [`Comm::should_stop`] says when.
///
/// ```
/// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
/// # let folder = std::env::temp_dir().join(format!("rankwise-doc-checkpoint-{}", std::process::id()));
/// use rankwise::array::{DistArray, Layout};
/// use rankwise::checkpoint::Checkpoint;
///
/// let layout = Layout::rows(world, [100, 4])?;
/// let mut state = DistArray::<f64, _>::zeros(&layout)?;
/// let mut first = 0;
///
/// let mut checkpoint = Checkpoint::every(world, 10, &folder)?;
/// if let Some(saved) = checkpoint.latest()? {
///     state = saved.array(&layout, "state")?;
///     first = saved.step() + 1;
/// }
/// for step in first..25 {
///     state.local_mut().mapv_inplace(|x| x + 1.0);
///     let stop = world.should_stop()?;
///     if stop || checkpoint.is_due(step)? {
///         checkpoint.save(step, |to| to.array("state", &state))?;
///     }
///     if stop {
///         break;
///     }
/// }
/// let saved = checkpoint.latest()?.expect("step 20");
/// assert_eq!(saved.array::<f64, _>(&layout, "state")?.sum()?, 21.0 * 400.0);
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok(()) }) }
/// ```
#[derive(Debug)]
pub struct Checkpoint<'c> {
    comm: &'c Comm,
    folder: PathBuf,
    every: Every,
    keep: usize,
    options: Options,
    /// The last time that was saved, or the start.
    last: Instant,
}

impl<'c> Checkpoint<'c> {
    /// Checkpoints in `folder`, which is made where it is not there. From now on SIGTERM and SIGUSR1 do not end the program: see
    /// [`Comm::should_stop`].
    ///
    /// # Collective
    /// All ranks must call this, with the same arguments.
    ///
    /// # Errors
    /// On all ranks alike, when the folder can neither be found nor made, or `every` is 0.
    #[track_caller]
    pub fn every(comm: &'c Comm, every: impl Into<Every>, folder: impl AsRef<Path>) -> Result<Self> {
        let _within = within();
        let (every, folder) = (every.into(), folder.as_ref().to_owned());
        same_everywhere(comm, &(format!("{every:?}"), &folder), "checkpoints")?;
        if every == Every::Steps(0) {
            return Err(Error::file(&folder, "checkpoints every 0 steps"));
        }
        comm.on_root(|| {
            let no =
                |error: std::io::Error| Error::file(&folder, format!("no folder for checkpoints: {error}"));
            fs::create_dir_all(&folder).map_err(no)?;
            // What killed runs have left of checkpoints that they had begun.
            for entry in fs::read_dir(&folder).map_err(no)?.flatten() {
                let name = entry.file_name();
                let name = name.to_str().map(|name| name.strip_suffix(".mark").unwrap_or(name));
                let partial = name.and_then(|name| name.strip_prefix('.')?.strip_suffix(".partial"));
                if partial.is_some_and(|name| step_of(Path::new(name)).is_some()) {
                    let _ = fs::remove_file(entry.path());
                }
            }
            Ok(())
        })?;
        sys::signals::raise_a_flag();
        Ok(Checkpoint { comm, folder, every, keep: 2, options: Options::default(), last: Instant::now() })
    }

    /// Keeps the last `keep` of them, at least 1; by default 2. All ranks give the same.
    #[must_use = "it returns the changed checkpoint"]
    pub fn keep(mut self, keep: usize) -> Self {
        self.keep = keep.max(1);
        self
    }

    /// Opens its files with these options. All ranks give the same.
    #[must_use = "it returns the changed checkpoint"]
    pub fn options(mut self, options: &Options) -> Self {
        self.options = options.clone();
        self
    }

    /// Whether it is time to save at this step. If it goes by time, rank 0's clock decides, in one small all-reduce; otherwise
    /// nothing is sent.
    ///
    /// # Collective
    /// All ranks must call this, with the same step.
    ///
    /// # Errors
    /// When MPI refuses.
    #[track_caller]
    pub fn is_due(&self, step: u64) -> Result<bool> {
        let _within = within();
        match self.every {
            Every::Steps(steps) => Ok(step.is_multiple_of(steps)),
            Every::Time(time) => {
                self.comm.all_reduce_one(self.comm.is_root() && self.last.elapsed() >= time, LogicalOr)
            }
        }
    }

    /// Saves what `what` names, as the state after `step`. Then the oldest of more than [`keep`](Checkpoint::keep) go.
    ///
    /// Writes each array once and reads the file once, for the checksum.
    ///
    /// # Collective
    /// All ranks must call this, with the same step, and save the same names in the same order.
    ///
    /// # Errors
    /// On all ranks alike, when something cannot be saved, as on a full disk. The earlier checkpoints stay.
    #[track_caller]
    pub fn save(&mut self, step: u64, what: impl FnOnce(&Saving<'_, 'c>) -> Result<()>) -> Result<()> {
        let _within = within();
        let _span = record::span(Kind::Checkpoint, "checkpoint", Location::caller(), step, 0);
        let began = Instant::now();
        let (comm, path) = (self.comm, self.path(step));
        let file = File::create_with(comm, &path, &self.options.clone().user_block(HEADER))?;
        let saving = Saving { file: &file };
        let written = file
            .set_attribute("format", FORMAT)
            .and_then(|()| file.set_attribute("step", step))
            .and_then(|()| file.set_attribute("ranks", comm.size()))
            .and_then(|()| what(&saving));
        if let Err(error) = comm.agree(written) {
            // It has failed on all ranks; that it cannot be closed either is no news.
            let _ = file.discard();
            return Err(error);
        }
        file.close_after(|written| seal(comm, written, step))?;
        comm.on_root(|| {
            let steps = steps_in(&self.folder)?;
            for old in steps.into_iter().filter(|&other| other <= step).skip(self.keep) {
                // It is no loss if it stays.
                let _ = fs::remove_file(self.path(old));
            }
            Ok(())
        })?;
        self.last = Instant::now();
        count(|totals| {
            totals.checkpoints += 1;
            totals.saving += began.elapsed().as_secs_f64();
        });
        Ok(())
    }

    /// [Saves](Checkpoint::save) if it [is due](Checkpoint::is_due); whether it was.
    ///
    /// # Collective
    /// As [`save`](Checkpoint::save).
    ///
    /// # Errors
    /// As [`save`](Checkpoint::save).
    #[track_caller]
    pub fn save_if_due(
        &mut self,
        step: u64,
        what: impl FnOnce(&Saving<'_, 'c>) -> Result<()>,
    ) -> Result<bool> {
        let _within = within();
        let due = self.is_due(step)?;
        if due {
            self.save(step, what)?;
        }
        Ok(due)
    }

    /// The latest checkpoint that is whole; `None` if there is none at all. Those that are damaged are told on standard error,
    /// by the root, and passed over. Reads all bytes of what it looks at, each rank its share.
    ///
    /// # Collective
    /// All ranks must call this.
    ///
    /// # Errors
    /// On all ranks alike, when there are checkpoints and all are damaged, or a rank does not see the folder.
    #[track_caller]
    pub fn latest(&self) -> Result<Option<Saved<'c>>> {
        let _within = within();
        let comm = self.comm;
        let found = comm.on_root(|| Ok(steps_in(&self.folder)?))?;
        let steps = comm.broadcast(0, found.as_deref())?;
        let mut damaged = Vec::new();
        for &step in &steps {
            let path = self.path(step);
            match self.whole(&path, step)? {
                Ok(()) => {
                    let file = File::open_with(comm, &path, &self.options)?;
                    return Ok(Some(Saved { file, step, damaged }));
                }
                Err(why) => {
                    if comm.is_root() {
                        eprintln!("warning: {}: {why}; the checkpoint before it is taken", path.display());
                    }
                    damaged.push((path, why));
                }
            }
        }
        match damaged.first() {
            None => Ok(None),
            Some((path, why)) => Err(Error::file(
                path,
                format!("{why}; and no other of {} checkpoints is whole", damaged.len()),
            )),
        }
    }

    /// Hands the [latest](Checkpoint::latest) checkpoint to `what`, if there is one, and gives the step after it; otherwise 0.
    ///
    /// # Collective
    /// All ranks must call this.
    ///
    /// # Errors
    /// As [`latest`](Checkpoint::latest), and those of `what`.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// # let folder = std::env::temp_dir().join(format!("rankwise-doc-restore-{}", std::process::id()));
    /// # use rankwise::checkpoint::Checkpoint;
    /// let mut checkpoint = Checkpoint::every(world, std::time::Duration::from_secs(600), &folder)?;
    /// let mut energies: Vec<f64> = vec![];
    /// assert_eq!(checkpoint.restore(|_| unreachable!("there is none yet"))?, 0);
    /// checkpoint.save(7, |to| to.value("energies", &vec![1.5, 2.5]))?;
    /// let first = checkpoint.restore(|saved| {
    ///     energies = saved.value("energies")?;
    ///     Ok(())
    /// })?;
    /// assert_eq!((first, energies), (8, vec![1.5, 2.5]));
    /// # std::fs::remove_dir_all(&folder)?;
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn restore(&self, what: impl FnOnce(&Saved<'c>) -> Result<()>) -> Result<u64> {
        let _within = within();
        let Some(saved) = self.latest()? else { return Ok(0) };
        what(&saved)?;
        Ok(saved.step + 1)
    }

    fn path(&self, step: u64) -> PathBuf {
        self.folder.join(format!("step-{step:012}.h5"))
    }

    /// Whether the file is what was once written; if not, why. An error when a rank cannot look.
    fn whole(&self, path: &Path, step: u64) -> Result<Result<(), String>> {
        let comm = self.comm;
        let look = || -> std::io::Result<Result<Header, String>> {
            let mut file = fs::File::open(path)?;
            let len = file.metadata()?.len();
            let mut bytes = Vec::new();
            file.by_ref().take(HEADER).read_to_end(&mut bytes)?;
            Ok(Header::read(&bytes, step, len))
        };
        let header = comm
            .agree(look().map_err(|error| {
                Error::file(path, format!("this rank cannot read the checkpoint: {error}"))
            }))?;
        // What one rank finds wrong, all do.
        let header = match comm.agree(header) {
            Ok(header) => header,
            Err(Error::Elsewhere { message, .. }) => return Ok(Err(message)),
            Err(other) => return Err(other),
        };
        match checksum::of_all(comm, path, HEADER, header.bytes) {
            Ok(sum) if sum == header.sum => Ok(Ok(())),
            Ok(_) => Ok(Err("the checkpoint is damaged: its checksum is another".into())),
            Err(Error::Elsewhere { message, .. }) => Ok(Err(message)),
            Err(other) => Err(other),
        }
    }
}

/// What is at the start of a checkpoint.
struct Header {
    bytes: u64,
    sum: u64,
}

impl Header {
    fn write(&self, step: u64) -> Vec<u8> {
        let mut text = String::new();
        let Header { bytes, sum } = self;
        let _ = write!(text, "{FORMAT}\nstep {step}\nbytes {bytes}\nxxh3 {sum:016x}\n");
        let mut header = text.into_bytes();
        header.resize(HEADER as usize, 0);
        header
    }

    /// That of a file of so many bytes, or why it is none.
    fn read(bytes: &[u8], step: u64, len: u64) -> Result<Header, String> {
        let text = String::from_utf8_lossy(bytes);
        let mut lines = text.trim_end_matches('\0').lines();
        if lines.next() != Some(FORMAT) {
            return Err("it is no checkpoint, or its first bytes are damaged".into());
        }
        let mut field = |name: &str| -> Option<String> {
            Some(lines.next()?.strip_prefix(name)?.strip_prefix(' ')?.to_owned())
        };
        let said = field("step").and_then(|text| text.parse::<u64>().ok());
        let bytes = field("bytes").and_then(|text| text.parse::<u64>().ok());
        let sum = field("xxh3").and_then(|text| u64::from_str_radix(&text, 16).ok());
        match (said, bytes, sum) {
            (Some(said), ..) if said != step => Err(format!("it is the checkpoint of step {said}")),
            (Some(_), Some(bytes), Some(_)) if bytes != len => {
                Err(format!("the checkpoint is damaged: it has {len} bytes, not {bytes}"))
            }
            (Some(_), Some(bytes), Some(sum)) => Ok(Header { bytes, sum }),
            _ => Err("the first bytes of the checkpoint are damaged".into()),
        }
    }
}

/// Writes the header of a file that is closed. Collective.
fn seal(comm: &Comm, path: &Path, step: u64) -> Result<()> {
    let io = |error: std::io::Error| Error::file(path, format!("cannot finish: {error}"));
    let len = comm.on_root(|| Ok(fs::metadata(path).map_err(io)?.len()))?;
    let bytes = comm.broadcast(0, len.as_ref().map(std::slice::from_ref))?[0];
    let sum = checksum::of_all(comm, path, HEADER, bytes)?;
    comm.on_root(|| {
        let file = fs::OpenOptions::new().write(true).open(path).map_err(io)?;
        Ok(file.write_all_at(&Header { bytes, sum }.write(step), 0).map_err(io)?)
    })?;
    Ok(())
}

/// The steps of which there are checkpoints, the latest first.
fn steps_in(folder: &Path) -> Result<Vec<u64>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(vec![]),
        Err(error) => return Err(Error::file(folder, format!("cannot look for checkpoints: {error}"))),
    };
    let mut steps: Vec<u64> =
        entries.flatten().filter_map(|entry| step_of(Path::new(&entry.file_name()))).collect();
    steps.sort_unstable_by(|a, b| b.cmp(a));
    Ok(steps)
}

fn step_of(name: &Path) -> Option<u64> {
    name.to_str()?.strip_prefix("step-")?.strip_suffix(".h5")?.parse().ok()
}

/// What goes into a checkpoint: see [`Checkpoint::save`].
#[derive(Debug)]
pub struct Saving<'a, 'c> {
    file: &'a File<'c>,
}

impl Saving<'_, '_> {
    /// Saves an array under a name.
    ///
    /// # Collective
    /// All ranks must call this, with the same name.
    ///
    /// # Errors
    /// On all ranks alike, when the name is taken, or the disk is full.
    #[track_caller]
    pub fn array<T: H5Type + Copy, D: Dimension>(
        &self,
        name: &str,
        array: &DistArray<'_, T, D>,
    ) -> Result<()> {
        let _within = within();
        array.save(self.file, &format!("arrays/{name}")).map(|_| ())
    }

    /// Saves a value of any `serde` type under a name. All ranks have the same; one whose bytes depend on the rank, as the order of
    /// a `HashMap`, is refused.
    ///
    /// # Collective
    /// All ranks must call this, with the same name and value.
    ///
    /// # Errors
    /// On all ranks alike, when their values differ or cannot be encoded, the name is taken, or the disk is full.
    #[track_caller]
    pub fn value<V: Serialize + ?Sized>(&self, name: &str, value: &V) -> Result<()> {
        let _within = within();
        let comm = self.file.comm();
        let failed = |failure| self.file.failed(&format!("value {name}"), failure);
        let bytes = comm.agree(encode(value).map_err(failed))?;
        same_everywhere(comm, &bytes, &format!("value {name}"))?;
        let name = format!("values/{name}");
        let data = self.file.create_dataset::<u8>(&name, &[bytes.len()], &Storage::default())?;
        data.write_rows(0, &Array1::from(if comm.is_root() { bytes } else { vec![] }))
    }

    /// The file, for what else is to be in it.
    pub fn file(&self) -> &File<'_> {
        self.file
    }
}

/// A checkpoint that was found: see [`Checkpoint::latest`].
#[derive(Debug)]
pub struct Saved<'c> {
    file: File<'c>,
    step: u64,
    damaged: Vec<(PathBuf, String)>,
}

impl<'c> Saved<'c> {
    /// The step after which it was saved.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// An array, in a layout of any number of ranks.
    ///
    /// # Collective
    /// All ranks must call this, with the same layout and name.
    ///
    /// # Errors
    /// On all ranks alike, when there is none of that name, or it has another shape or other elements.
    #[track_caller]
    pub fn array<T: H5Type + Copy, D: Dimension>(
        &self,
        layout: &Layout<'c, D>,
        name: &str,
    ) -> Result<DistArray<'c, T, D>> {
        let _within = within();
        DistArray::load_by(layout, &self.file.dataset(&format!("arrays/{name}"))?)
    }

    /// A value, on all ranks.
    ///
    /// # Collective
    /// All ranks must call this, with the same name and type.
    ///
    /// # Errors
    /// On all ranks alike, when there is none of that name, or it is of another type.
    #[track_caller]
    pub fn value<V: DeserializeOwned>(&self, name: &str) -> Result<V> {
        let _within = within();
        let data = self.file.dataset(&format!("values/{name}"))?;
        let bytes = data.read_rows::<u8>(0..data.shape()[0])?;
        let value = decode(bytes.as_slice().expect("in one piece"));
        self.file.comm().agree(value.map_err(|failure| self.file.failed(&format!("value {name}"), failure)))
    }

    /// The file, for what else is in it.
    pub fn file(&self) -> &File<'c> {
        &self.file
    }

    /// The later ones that were passed over, with what is wrong with them.
    pub fn damaged(&self) -> &[(PathBuf, String)] {
        &self.damaged
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_says_what_it_was_given() {
        let bytes = Header { bytes: 4096, sum: 0xabc }.write(7);
        assert_eq!(bytes.len(), 512);
        assert_eq!(Header::read(&bytes, 7, 4096).map(|header| header.sum), Ok(0xabc));
        for (bytes, step, len) in [
            (&bytes[..], 8, 4096),
            (&bytes, 7, 4095),
            (&bytes[..30], 7, 4096),
            (&[], 7, 0),
            (b"\x89HDF", 7, 4),
        ] {
            assert!(Header::read(bytes, step, len).is_err());
        }
    }

    #[test]
    fn only_whole_names_are_checkpoints() {
        assert_eq!(step_of(Path::new("step-000000000012.h5")), Some(12));
        for name in [".step-000000000012.h5.partial", "step-12.h5x", "step-.h5", "other.h5"] {
            assert_eq!(step_of(Path::new(name)), None);
        }
    }
}
