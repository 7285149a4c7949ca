//! [`File`]: from its creation to its place.

use std::cell::{Cell, RefCell};
use std::fs;
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Options;
use super::sight::{agree_on, identity, look, nobody_else, same_everywhere};
use super::whole::{behind_links, beside, comes_in_sight, folder_of, mark, may_create, put_in_place, unmark};
use crate::comm::{Comm, LogicalOr};
use crate::error::{Error, Result};
use crate::sys;
use crate::sys::record::within;

/// With less room than this, things are done with care.
const LITTLE: u64 = 64 << 20;
/// What HDF5 may need for itself.
const SLACK: u64 = 1 << 20;
/// How long a rank that cannot close a file waits for the others, which may be waiting for it inside HDF5.
const PATIENCE: Duration = Duration::from_secs(10);

thread_local! {
    static BROKEN: Cell<bool> = const { Cell::new(false) };
    /// Files that were opened to be changed and have not been closed.
    static UNFINISHED: RefCell<Vec<(PathBuf, &'static str)>> = const { RefCell::new(Vec::new()) };
}

/// An HDF5 file that all ranks of a communicator have open together.
///
/// A file that is [created](File::create) appears under its name when it is [closed](File::close), and not before: a
/// program that fails half-way leaves the old file, if there was one, untouched. A file that was opened for reading may just
/// be dropped; it stays open until the program ends. One that was opened to be changed is not closed by a drop, since the other
/// ranks may not be there: that it was forgotten is an error at the end of [`run`](crate::run).
///
/// ```
/// # use rankwise::file::{File, Storage};
/// # use rankwise::Partition;
/// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
/// # let folder = std::env::temp_dir().join(format!("rankwise-doc-file-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// let path = folder.join("squares.h5");
/// let rows = Partition::even(10, world.size());
/// let mine: Vec<f64> = rows.range(world.rank()).map(|i| (i * i) as f64).collect();
///
/// let file = File::create(world, &path)?;
/// let squares = file.create_dataset::<f64>("squares", &[10], &Storage::default())?;
/// squares.write_rows(rows.range(world.rank()).start, &rankwise::ndarray::Array1::from(mine))?;
/// file.close()?;
///
/// let file = File::open(world, &path)?;
/// let all = file.dataset("squares")?.read_rows::<f64>(0..10)?;
/// assert_eq!(all[[9]], 81.0);
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok(()) }) }
/// ```
///
/// HDF5 works in one thread of a rank: with two, each in a collective call of its own, the ranks would wait for each other. So a
/// file stays in the thread that has opened it:
///
/// ```compile_fail,E0277
/// rankwise::run(|world| {
///     let file = rankwise::file::File::open(world, "data.h5")?;
///     std::thread::scope(|s| s.spawn(|| file.dataset("x").map(|_| ())));
///     Ok(())
/// });
/// ```
///
/// And its datasets do not outlive it, so that it can be closed:
///
/// ```compile_fail,E0505
/// rankwise::run(|world| {
///     let file = rankwise::file::File::open(world, "data.h5")?;
///     let data = file.dataset("x")?;
///     file.close()?;
///     println!("{:?}", data.shape());
///     Ok(())
/// });
/// ```
#[must_use = "a created file appears only when it is closed"]
#[derive(Debug)]
pub struct File<'c> {
    comm: &'c Comm,
    /// Closed by `close` and `discard` only: closing is collective, and a drop on one rank alone, on the way out of an error,
    /// would wait for the others for ever.
    handle: Option<hdf5::File>,
    path: PathBuf,
    kind: Kind,
    sync: bool,
    /// Whether, on the root, there was little room on the disk after something was written.
    tight: Cell<bool>,
}

#[derive(Debug)]
enum Kind {
    Read,
    Changed,
    /// Where the bytes of a created file go until it is whole; on the root, which file that is.
    New {
        partial: PathBuf,
        identity: Option<(u64, u64)>,
        replace: bool,
    },
}

impl Kind {
    /// What it is when nobody has closed it.
    fn forgotten(&self) -> Option<&'static str> {
        match self {
            Kind::Read => None,
            Kind::Changed => Some("changed but never closed, so what was written may be lost"),
            Kind::New { .. } => Some("created but never closed, so it was not kept"),
        }
    }
}

impl<'c> File<'c> {
    /// A new file, which replaces an existing one of that name when it is closed.
    ///
    /// # Collective
    /// All ranks of `comm` must call this, with the same path.
    ///
    /// # Errors
    /// On all ranks alike, when the folder does not exist, cannot be written, or is not seen by all ranks, and when another
    /// process has locked the old file for writing.
    #[track_caller]
    pub fn create(comm: &'c Comm, path: impl AsRef<Path>) -> Result<Self> {
        Self::create_with(comm, path, &Options::default())
    }

    /// As [`create`](File::create), with options.
    ///
    /// # Collective
    /// All ranks of `comm` must call this, with the same path and options.
    ///
    /// # Errors
    /// As [`create`](File::create).
    #[track_caller]
    pub fn create_with(comm: &'c Comm, path: impl AsRef<Path>, options: &Options) -> Result<Self> {
        Self::new(comm, path.as_ref(), options, true)
    }

    /// A new file, which must not exist already: not when it is created, and not when it is closed.
    ///
    /// # Collective
    /// All ranks of `comm` must call this, with the same path and options.
    ///
    /// # Errors
    /// On all ranks alike, when there is a file of that name, and as [`create`](File::create).
    #[track_caller]
    pub fn create_new(comm: &'c Comm, path: impl AsRef<Path>, options: &Options) -> Result<Self> {
        Self::new(comm, path.as_ref(), options, false)
    }

    #[track_caller]
    fn new(comm: &'c Comm, path: &Path, options: &Options, replace: bool) -> Result<Self> {
        let _within = within();
        let path = &behind_links(path);
        let hints = checked(comm, path, options)?;
        let partial = beside(path);
        let marked = comm.on_root(|| {
            if !replace && path.exists() {
                return Err(Error::file(path, "cannot create: it is there already").into());
            }
            nobody_else(path, false)?;
            may_create(path, &partial)?;
            let marked = mark(&partial).inspect_err(|_| {
                unmark(&partial);
                let _ = fs::remove_file(&partial);
            });
            Ok(marked.map_err(|error| failed_by(path, "cannot create", &error))?)
        })?;
        let mark = comm.broadcast(0, marked.as_ref().map(std::slice::from_ref))?[0];
        let remove = || remove_by_root(comm, &partial);
        // The same folder on all ranks, not one of that name on each node.
        let seen = comm.agree(comes_in_sight(&partial, path, mark));
        if comm.is_root() {
            unmark(&partial);
        }
        seen.inspect_err(|_| remove())?;
        let access = access(options, &hints);
        let handle = sys::hdf5::parallel(comm.as_mpi(), &access)
            .and_then(|builder| builder.create(&partial).map_err(sys::hdf5::refused));
        let handle = agree_on_handle(comm, handle.map_err(|failure| failed(path, "cannot create", failure)))
            .inspect_err(|_| remove())?;
        let identity = comm.is_root().then(|| identity(&partial).ok()).flatten();
        let kind = Kind::New { partial, identity, replace };
        let file = Self::opened(comm, handle, path, kind, options);
        match comm.agree(file.reserve(0)) {
            Ok(()) => Ok(file),
            Err(error) => {
                // The disk is full, on all ranks: that it cannot be closed either is no news.
                let _ = file.discard();
                Err(error)
            }
        }
    }

    /// An existing file, for reading.
    ///
    /// # Collective
    /// All ranks of `comm` must call this, with the same path.
    ///
    /// # Errors
    /// On all ranks alike, when the file does not exist, on any rank, or is not a whole HDF5 file, or not the same one on all ranks,
    /// and when another process has locked it for writing.
    #[track_caller]
    pub fn open(comm: &'c Comm, path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(comm, path, &Options::default())
    }

    /// As [`open`](File::open), with options.
    ///
    /// # Collective
    /// All ranks of `comm` must call this, with the same path and options.
    ///
    /// # Errors
    /// As [`open`](File::open).
    #[track_caller]
    pub fn open_with(comm: &'c Comm, path: impl AsRef<Path>, options: &Options) -> Result<Self> {
        Self::existing(comm, path.as_ref(), options, false)
    }

    /// An existing file, for reading and writing, in place: if the program dies before [`close`](File::close), the file may be
    /// lost, unless it was [flushed](File::flush). Where that matters, write a new one.
    ///
    /// # Collective
    /// All ranks of `comm` must call this, with the same path and options.
    ///
    /// # Errors
    /// As [`open`](File::open), and when the file may not be written, or another process has locked it in any way.
    #[track_caller]
    pub fn open_rw(comm: &'c Comm, path: impl AsRef<Path>, options: &Options) -> Result<Self> {
        Self::existing(comm, path.as_ref(), options, true)
    }

    #[track_caller]
    fn existing(comm: &'c Comm, path: &Path, options: &Options, to_change: bool) -> Result<Self> {
        let _within = within();
        let hints = checked(comm, path, options)?;
        // Every rank looks, since each must see the file; one that does not would leave the others in a collective.
        let seen = comm.agree(look(path, to_change))?;
        if !super::sight::is_same(comm, &seen)? {
            return comm.agree(Err(Error::file(path, "cannot open: it is not the same file on all ranks")));
        }
        comm.on_root(|| Ok(nobody_else(path, to_change)?))?;
        let handle = sys::hdf5::parallel(comm.as_mpi(), &access(options, &hints)).and_then(|builder| {
            let handle = if to_change { builder.open_rw(path) } else { builder.open(path) };
            handle.map_err(sys::hdf5::refused)
        });
        let what = "cannot open (is it truncated?)";
        let handle = agree_on_handle(comm, handle.map_err(|failure| failed(path, what, failure)))?;
        let kind = if to_change { Kind::Changed } else { Kind::Read };
        Ok(Self::opened(comm, handle, path, kind, options))
    }

    fn opened(comm: &'c Comm, handle: hdf5::File, path: &Path, kind: Kind, options: &Options) -> Self {
        if let Some(what) = kind.forgotten() {
            UNFINISHED.with_borrow_mut(|files| files.push((path.to_owned(), what)));
        }
        File {
            comm,
            handle: Some(handle),
            path: path.to_owned(),
            kind,
            sync: options.sync,
            tight: Cell::new(false),
        }
    }

    /// Where the file is, or will be.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The ranks that have it open.
    pub fn comm(&self) -> &'c Comm {
        self.comm
    }

    /// Hands everything to the system that HDF5 still holds. If the program is killed later, all that was written before can be
    /// read; while this runs, the file may be broken.
    ///
    /// # Collective
    /// All ranks must call this.
    ///
    /// # Errors
    /// On all ranks alike, when the disk is full.
    #[track_caller]
    pub fn flush(&self) -> Result<()> {
        let _within = within();
        agree_on(self.comm, &("flush", &self.path), Ok(()))?;
        let flushed = sys::hdf5::flush(self.handle());
        let flushed = flushed.map_err(|failure| failed(&self.path, "cannot flush", failure));
        self.comm.agree_within(flushed, PATIENCE)
    }

    /// Finishes the file. One that was created is written to the disk and put under its name: everything or nothing.
    ///
    /// # Collective
    /// All ranks must call this.
    ///
    /// # Errors
    /// On all ranks alike, when the disk is full, the folder has gone, or another program has meanwhile begun the same file.
    #[track_caller]
    pub fn close(self) -> Result<()> {
        let _within = within();
        self.close_after(|_| Ok(()))
    }

    /// As `close`, with something that all ranks do to the closed file before it gets its name.
    #[track_caller]
    pub(crate) fn close_after(mut self, last: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
        let (comm, path, sync) = (self.comm, self.path.clone(), self.sync);
        match self.finish(last)? {
            Kind::New { partial, identity: made, replace } => comm
                .on_root(|| {
                    if made.is_none() || identity(&partial).ok() != made {
                        let problem = "cannot finish: another program creates the same file at the same time";
                        return Err(Error::file(&path, problem).into());
                    }
                    let put = put_in_place(&partial, &path, replace, sync);
                    Ok(put.inspect_err(|_| remove_by_root(comm, &partial))?)
                })
                .map(|_| ()),
            Kind::Changed | Kind::Read => Ok(()),
        }
    }

    /// Closes the file and, if it is a new one, throws it away: what was there before stays.
    ///
    /// # Collective
    /// All ranks must call this.
    ///
    /// # Errors
    /// On all ranks alike, when HDF5 cannot close it.
    #[track_caller]
    pub fn discard(mut self) -> Result<()> {
        let _within = within();
        let comm = self.comm;
        self.sync = false;
        self.empty();
        if let Kind::New { partial, identity, .. } = self.finish(|_| Ok(()))? {
            remove_own(comm, &partial, identity);
        }
        Ok(())
    }

    /// Takes away what is in a new file that nobody will have. HDF5 cannot close a file when the disk is full, and would make
    /// the program crash later: so there is room.
    fn empty(&self) {
        if let Kind::New { partial, identity: made, .. } = &self.kind
            && self.comm.is_root()
            && identity(partial).ok() == *made
        {
            let _ = fs::OpenOptions::new().write(true).open(partial).and_then(|file| file.set_len(0));
        }
    }

    /// After something was written: Open MPI says nothing when a collective write was cut short by a full disk.
    pub(super) fn look_for_room(&self) {
        let low = || sys::hdf5::free_space(folder_of(&self.path)).is_some_and(|free| free < LITTLE);
        if self.comm.is_root() && !self.tight.get() && low() {
            self.tight.set(true);
        }
    }

    /// An error on the root when there is no room for so many bytes more. Where there is little, it is set aside: once MPI and HDF5
    /// write, a full disk is an error on some ranks only, or none at all. To be agreed on.
    pub(super) fn reserve(&self, bytes: u64) -> Result<()> {
        let needed = bytes.saturating_add(SLACK);
        let free = sys::hdf5::free_space(folder_of(&self.path)).filter(|_| self.comm.is_root());
        let Some(free) = free.filter(|&free| free < needed.saturating_add(LITTLE)) else { return Ok(()) };
        let path = if let Kind::New { partial, .. } = &self.kind { partial } else { &self.path };
        let aside = fs::OpenOptions::new()
            .write(true)
            .open(path)
            .and_then(|file| sys::hdf5::set_room_aside(&file, self.handle().size().saturating_add(needed)));
        match aside {
            Ok(true) => Ok(()),
            Ok(false) if needed <= free => Ok(()),
            _ => Err(self.error(format!(
                "the disk is full: {bytes} bytes are to be written, and there are only {free} free in its folder"
            ))),
        }
    }

    /// An error on the root when the disk was full and something of a file is missing. A disk that was not full needs no such
    /// look: then gaps are what nobody has written.
    fn has_all(&self, written: &Path) -> Result<()> {
        if !self.tight.get() {
            return Ok(());
        }
        // What was set aside and is not needed is given back.
        let file = fs::OpenOptions::new().read(true).write(true).open(written);
        let file =
            file.and_then(|file| file.metadata().and_then(|found| file.set_len(found.len())).map(|()| file));
        if file.is_ok_and(|file| sys::hdf5::has_gaps(&file)) {
            return Err(
                self.error("cannot finish: the disk is full, and not all that was written has found room")
            );
        }
        Ok(())
    }

    /// Hands to the system what HDF5 holds, where that may fail: after a failure, the file can still be closed.
    #[track_caller]
    fn prepare(&self) -> Result<()> {
        self.look_for_room();
        if self.to_change() && self.comm.all_reduce_one(self.sync || self.tight.get(), LogicalOr)? {
            let flushed = sys::hdf5::flush(self.handle());
            let flushed = flushed.map_err(|failure| failed(&self.path, "cannot finish", failure));
            return self.comm.agree_within(flushed, PATIENCE).inspect_err(|_| self.empty());
        }
        Ok(())
    }

    /// Closes the handle; a new file still has to be put into its place. After an error there is nothing left of it.
    #[track_caller]
    fn finish(&mut self, last: impl FnOnce(&Path) -> Result<()>) -> Result<Kind> {
        agree_on(self.comm, &("close", &self.path), Ok(()))?;
        let prepared = self.prepare();
        let kind = std::mem::replace(&mut self.kind, Kind::Read);
        if kind.forgotten().is_some() {
            UNFINISHED.with_borrow_mut(|files| {
                let place = files.iter().position(|(path, _)| *path == self.path);
                if let Some(place) = place {
                    files.remove(place);
                }
            });
        }
        // Not before all are here: who waits for others inside HDF5 is not seen by the checks.
        let handle = self.handle.take().expect("a file is finished once");
        let closed =
            handle.close().map_err(|error| failed(&self.path, "cannot finish", sys::hdf5::refused(error)));
        let written = match &kind {
            Kind::New { partial, .. } => Some(partial),
            Kind::Changed => Some(&self.path),
            Kind::Read => None,
        };
        // Each rank its own: on a network file system a node writes what it holds, and nobody else can.
        let on_disk = || match written.filter(|_| self.sync) {
            Some(path) => fs::File::open(path)
                .and_then(|file| file.sync_all())
                .map_err(|error| failed_by(&self.path, "cannot finish", &error)),
            None => Ok(()),
        };
        let closed = self.comm.agree_within(closed, PATIENCE).inspect_err(|_| BROKEN.set(true));
        let finished = prepared.and(closed).and_then(|()| match written {
            Some(path) => {
                let whole = self.comm.agree(self.has_all(path)).and_then(|()| last(path));
                whole.and_then(|()| self.comm.agree(on_disk()))
            }
            None => Ok(()),
        });
        finished.inspect_err(|_| {
            if let Kind::New { partial, identity, .. } = &kind {
                remove_own(self.comm, partial, *identity);
            }
        })?;
        Ok(kind)
    }

    pub(super) fn handle(&self) -> &hdf5::File {
        self.handle.as_ref().expect("open until it is closed, which takes it")
    }

    /// Whether it may be written.
    pub(super) fn to_change(&self) -> bool {
        self.kind.forgotten().is_some()
    }

    pub(super) fn error(&self, problem: impl Into<String>) -> Error {
        Error::file(&self.path, problem)
    }

    pub(crate) fn failed(&self, what: &str, failure: sys::Failure) -> Error {
        failed(&self.path, what, failure)
    }
}

impl Drop for File<'_> {
    fn drop(&mut self) {
        self.empty();
        std::mem::forget(self.handle.take());
        if let Kind::New { partial, identity, .. } = &self.kind {
            // Nobody will finish it. Those who still have it open write to a file without a name.
            remove_own(self.comm, partial, *identity);
        }
    }
}

/// What the ranks must have in common, and the hints with those of the environment.
#[track_caller]
fn checked(comm: &Comm, path: &Path, options: &Options) -> Result<Vec<(String, String)>> {
    let hints = options.all_hints();
    same_everywhere(comm, &(path, options, &hints), "path and options")?;
    // The same on all ranks, as just found out.
    hints.map_err(|problem| Error::file(path, problem))
}

fn access<'a>(options: &Options, hints: &'a [(String, String)]) -> sys::hdf5::Access<'a> {
    sys::hdf5::Access { hints, alignment: options.alignment, user_block: options.user_block }
}

/// A handle that all ranks got. One that only some got is not dropped, since HDF5 would close it together with those that have
/// none.
#[track_caller]
pub(super) fn agree_on_handle<T>(comm: &Comm, handle: Result<T>) -> Result<T> {
    comm.agree(handle.map(ManuallyDrop::new)).map(ManuallyDrop::into_inner)
}

/// Unless it has become another program's.
fn remove_own(comm: &Comm, partial: &Path, made: Option<(u64, u64)>) {
    if comm.is_root() && identity(partial).ok() == made {
        let _ = fs::remove_file(partial);
    }
}

fn remove_by_root(comm: &Comm, partial: &Path) {
    if comm.is_root() {
        let _ = fs::remove_file(partial);
    }
}

/// Whether HDF5 could not close a file. It has forgotten half of it then, and stumbles over the rest when MPI ends.
pub(crate) fn is_broken() -> bool {
    BROKEN.get()
}

/// An error if a file was opened to be changed and never closed.
pub(crate) fn nothing_forgotten() -> Result<()> {
    match UNFINISHED.with_borrow_mut(std::mem::take).first() {
        None => Ok(()),
        Some((path, what)) => Err(Error::file(path, format!("{what}: call File::close"))),
    }
}

fn failed_by(path: &Path, what: &str, error: &std::io::Error) -> Error {
    Error::file(path, format!("{what}: {error}"))
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
