//! One HDF5 file, written and read by all ranks, that looks as if one program had written it.
//!
//! A dataset remembers nothing about ranks: what 4 ranks write, 7 ranks read, and h5py, and `h5dump`. Everything that could
//! fail on one rank only is checked before the ranks enter HDF5 together, so that a mistake is the same error on all ranks
//! and not a hang.

use std::cell::RefCell;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{Read, Seek, SeekFrom};
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::comm::{Comm, Min};
use crate::error::{Error, Result};
use crate::sys;

mod attribute;
mod dataset;

pub use crate::sys::hdf5::Number;
pub use attribute::Attribute;
pub use dataset::{Dataset, Layout};

/// ROMIO's data sieving makes collective reads of chunked datasets a hundred times slower; other libraries ignore the hint.
const HINTS: [(&str, &str); 1] = [("romio_ds_read", "disable")];

thread_local! {
    /// Files that were created and dropped without [`File::close`].
    static FORGOTTEN: RefCell<Vec<PathBuf>> = const { RefCell::new(Vec::new()) };
}

/// An HDF5 file that all ranks of a communicator have open together.
///
/// A file that is [created](File::create) appears under its name when it is [closed](File::close), and not before: a
/// program that fails half-way leaves the old file, if there was one, untouched. A file that was opened for reading may just
/// be dropped; it stays open until the program ends.
///
/// ```
/// # use rankwise::file::{File, Layout};
/// # use rankwise::Partition;
/// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
/// # let folder = std::env::temp_dir().join(format!("rankwise-doc-file-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// let path = folder.join("squares.h5");
/// let rows = Partition::even(10, world.size());
/// let mine: Vec<f64> = rows.range(world.rank()).map(|i| (i * i) as f64).collect();
///
/// let file = File::create(world, &path)?;
/// let squares = file.create_dataset::<f64>("squares", &[10], &Layout::default())?;
/// squares.write_rows(rows.range(world.rank()).start, &rankwise::ndarray::Array1::from(mine))?;
/// file.close()?;
///
/// let file = File::open(world, &path)?;
/// let all = file.dataset("squares")?.read_rows::<f64>(0..10)?;
/// assert_eq!(all[[9]], 81.0);
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok(()) }) }
/// ```
#[must_use = "a created file appears only when it is closed"]
#[derive(Debug)]
pub struct File<'c> {
    comm: &'c Comm,
    /// Closed by `close` only: closing is collective, and a drop on one rank alone, on the way out of an error, would wait
    /// for the others for ever.
    handle: Option<hdf5::File>,
    path: PathBuf,
    /// Where the bytes of a created file go until it is whole.
    partial: Option<PathBuf>,
}

impl<'c> File<'c> {
    /// A new file, which replaces an existing one of that name when it is closed.
    ///
    /// # Collective
    /// All ranks of `comm` must call this, with the same path.
    ///
    /// # Errors
    /// On all ranks alike, when the folder does not exist or cannot be written.
    pub fn create(comm: &'c Comm, path: impl AsRef<Path>) -> Result<Self> {
        let path = &behind_links(path.as_ref());
        same_everywhere(comm, path.as_path(), "path")?;
        let partial = beside(path);
        comm.on_root(|| Ok(may_create(path, &partial)?))?;
        // The same folder on all ranks, not one of that name on each node.
        comm.agree(comes_in_sight(&partial, path)).inspect_err(|_| remove_by_root(comm, &partial))?;
        let handle = sys::hdf5::parallel(comm.as_mpi(), &HINTS).and_then(|mut builder| {
            // Without the time, so that the same content is the same bytes.
            builder.with_fcpl(|list| list.obj_track_times(false));
            builder.create(&partial).map_err(sys::hdf5::refused)
        });
        let handle = agree_on_handle(comm, handle.map_err(|failure| failed(path, "cannot create", failure)))
            .inspect_err(|_| remove_by_root(comm, &partial))?;
        Ok(File { comm, handle: Some(handle), path: path.to_owned(), partial: Some(partial) })
    }

    /// An existing file, for reading.
    ///
    /// # Collective
    /// All ranks of `comm` must call this, with the same path.
    ///
    /// # Errors
    /// On all ranks alike, when the file does not exist, on any rank, or is not a whole HDF5 file.
    pub fn open(comm: &'c Comm, path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        same_everywhere(comm, path, "path")?;
        // Every rank looks, since each must see the file; one that does not would leave the others in a collective.
        comm.agree(is_hdf5(path))?;
        let handle = sys::hdf5::parallel(comm.as_mpi(), &HINTS)
            .and_then(|builder| builder.open(path).map_err(sys::hdf5::refused));
        let what = "cannot open (is it truncated?)";
        let handle = agree_on_handle(comm, handle.map_err(|failure| failed(path, what, failure)))?;
        Ok(File { comm, handle: Some(handle), path: path.to_owned(), partial: None })
    }

    /// Where the file is, or will be.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Finishes the file. One that was created is written to the disk and put under its name: everything or nothing.
    ///
    /// # Collective
    /// All ranks must call this.
    ///
    /// # Errors
    /// On all ranks alike, when the disk is full or the folder has gone.
    pub fn close(mut self) -> Result<()> {
        let partial = self.partial.take();
        let handle = self.handle.take().expect("a file is closed once");
        let closed =
            handle.close().map_err(|error| failed(&self.path, "cannot finish", sys::hdf5::refused(error)));
        self.comm.agree(closed)?;
        let path = &self.path;
        self.comm.on_root(|| match partial {
            Some(partial) => Ok(put_in_place(&partial, path)?),
            None => Ok(()),
        })?;
        Ok(())
    }

    /// The text of an attribute of the whole file, if there is one of that name and it is text.
    ///
    /// # Collective
    /// All ranks must call this: HDF5 may read the file's structure together.
    pub fn text(&self, name: &str) -> Option<String> {
        attribute::text(self.handle(), name)
    }

    fn handle(&self) -> &hdf5::File {
        self.handle.as_ref().expect("open until it is closed, which takes it")
    }

    fn error(&self, problem: impl Into<String>) -> Error {
        Error::file(&self.path, problem)
    }
}

impl Drop for File<'_> {
    fn drop(&mut self) {
        std::mem::forget(self.handle.take());
        if let Some(partial) = &self.partial {
            FORGOTTEN.with_borrow_mut(|paths| paths.push(self.path.clone()));
            // Nobody will finish it. Those who still have it open write to a file without a name.
            remove_by_root(self.comm, partial);
        }
    }
}

/// A handle that all ranks got. One that only some got is not dropped, since HDF5 would close it together with those that have
/// none.
fn agree_on_handle<T>(comm: &Comm, handle: Result<T>) -> Result<T> {
    comm.agree(handle.map(ManuallyDrop::new)).map(ManuallyDrop::into_inner)
}

fn remove_by_root(comm: &Comm, partial: &Path) {
    if comm.is_root() {
        let _ = fs::remove_file(partial);
    }
}

/// Waits until this rank sees the file that the root has made: at once on one node, in some seconds on a network file system.
pub(crate) fn comes_in_sight(partial: &Path, path: &Path) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(5);
    while !partial.exists() {
        if Instant::now() > deadline {
            return Err(Error::file(
                path,
                "cannot create: this rank does not see the folder in which rank 0 creates it",
            ));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// An error if a file was created and never closed, so that it did not appear.
pub(crate) fn nothing_forgotten() -> Result<()> {
    match FORGOTTEN.with_borrow_mut(std::mem::take).first() {
        None => Ok(()),
        Some(path) => {
            Err(Error::file(path, "created but never closed, so it was not kept: call File::close"))
        }
    }
}

/// Whether a file may be created, or replaced, at `path`: tried out, and nothing left behind. For a program that wants to know
/// before it works for an hour.
///
/// # Errors
/// When the folder does not exist or cannot be written, or `path` is a folder.
pub fn check_new(path: impl AsRef<Path>) -> Result<()> {
    let path = &behind_links(path.as_ref());
    // Not the name of the real one: another job may be writing it.
    let trial = beside(path).with_extension(format!("{}.partial", std::process::id()));
    may_create(path, &trial)?;
    fs::remove_file(&trial).map_err(|error| Error::file(&trial, error.to_string()))
}

/// Writes a file of bytes that appears under its name when it is whole, and not before.
///
/// # Errors
/// When it cannot be created or written; then nothing is left behind.
///
/// ```
/// let path = std::env::temp_dir().join(format!("rankwise-doc-whole-{}", std::process::id()));
/// rankwise::file::write_whole(&path, b"all of it")?;
/// assert_eq!(std::fs::read(&path)?, b"all of it");
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write_whole(path: impl AsRef<Path>, bytes: &[u8]) -> Result<()> {
    let path = &behind_links(path.as_ref());
    let partial = beside(path);
    may_create(path, &partial)?;
    let written =
        fs::write(&partial, bytes).map_err(|error| Error::file(path, format!("cannot write: {error}")));
    written.and_then(|()| put_in_place(&partial, path)).inspect_err(|_| {
        let _ = fs::remove_file(&partial);
    })
}

/// Where a file's bytes go until it is whole.
pub(crate) fn beside(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".partial");
    path.with_file_name(name)
}

/// Moves a finished file to its place: on the disk first, then under its name.
fn put_in_place(partial: &Path, path: &Path) -> Result<()> {
    let io = |error: std::io::Error| Error::file(path, format!("cannot finish: {error}"));
    fs::File::open(partial).and_then(|file| file.sync_all()).map_err(io)?;
    fs::rename(partial, path).map_err(io)?;
    // A folder that cannot be opened or synced (some network file systems) has the name all the same.
    if let Ok(folder) = fs::File::open(folder_of(path)) {
        let _ = folder.sync_all();
    }
    Ok(())
}

/// What a symbolic link points to, so that the file is replaced and not the link.
pub(crate) fn behind_links(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Whether a file may be created at `path`, tried out beside it.
pub(crate) fn may_create(path: &Path, partial: &Path) -> Result<()> {
    let no = |why: String| Error::file(path, format!("cannot create: {why}"));
    if path.file_name().is_none() || path.is_dir() {
        return Err(no("it is a folder".into()));
    }
    if let Ok(there) = fs::metadata(path) {
        if !there.is_file() {
            return Err(no("it is not a regular file".into()));
        }
        if there.permissions().readonly() {
            return Err(no("there is a file that may not be written".into()));
        }
    }
    let folder = folder_of(path);
    if !folder.is_dir() {
        return Err(no(format!("there is no folder {}", folder.display())));
    }
    fs::File::create(partial).map_err(|error| no(format!("in folder {}: {error}", folder.display())))?;
    Ok(())
}

/// Whether `path` is a file that begins as HDF5 files do: at byte 0, 512, 1024, 2048 …
fn is_hdf5(path: &Path) -> Result<()> {
    const SIGNATURE: [u8; 8] = *b"\x89HDF\r\n\x1a\n";
    let no = |error: std::io::Error| Error::file(path, format!("cannot open: {error}"));
    let kind = fs::metadata(path).map_err(no)?;
    if kind.is_dir() {
        return Err(Error::file(path, "cannot open: it is a folder"));
    }
    let mut file = fs::File::open(path).map_err(no)?;
    let mut start = 0;
    while start < kind.len() {
        let mut first = [0; 8];
        file.seek(SeekFrom::Start(start)).map_err(no)?;
        if file.read_exact(&mut first).is_ok() && first == SIGNATURE {
            return Ok(());
        }
        start = if start == 0 { 512 } else { 2 * start };
    }
    Err(Error::file(path, if kind.len() == 0 { "the file is empty" } else { "not an HDF5 file" }))
}

fn failed(path: &Path, what: &str, failure: sys::Failure) -> Error {
    let why = match failure {
        sys::Failure::Argument(why) => why,
        sys::Failure::Mpi { text, .. } => text,
    };
    // MPI-IO shares memory there, and says nothing that would help.
    let hint =
        if Path::new("/dev/shm").is_dir() { "" } else { " (this machine has no /dev/shm, which MPI needs)" };
    Error::file(path, format!("{what}: {why}{hint}"))
}

/// An error on all ranks unless all gave the same `value`: HDF5 takes different ones in silence and hangs later. One
/// all-reduce of 16 bytes.
fn same_everywhere(comm: &Comm, value: &(impl Hash + ?Sized), what: &str) -> Result<()> {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    let hash = hasher.finish();
    let least = comm.all_reduce(&[hash, !hash], Min)?;
    // All ranks see the same minimum, so nothing more is to be said unless it is bad news.
    match least[..] {
        [min, not_max] if min == !not_max => Ok(()),
        _ => comm.agree(Err(format!("the ranks gave different values for the {what}"))),
    }
}
