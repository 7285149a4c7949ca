//! A copy of an input on each node, for files that all ranks read more than once.

use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io;
use std::ops::Deref;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::comm::Comm;
use crate::error::{Error, Result};
use crate::sys::record::within;

/// What the folders begin with that copies are in.
const PREFIX: &str = "rankwise-stage-";
/// The file in each that is locked for as long as the copy is in use.
const LOCK: &str = "in-use";
/// A folder that is younger may be one that is just being made.
const MADE: Duration = Duration::from_secs(60);

/// The folders with copies on this node, and in the process that has made one, its lock. Any rank of the node may be the last one
/// to act.
static OURS: Mutex<Vec<(PathBuf, Option<File>)>> = Mutex::new(Vec::new());

/// The copy of a file on this rank's node: see [`Comm::stage`]. It is a [`Path`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "the copy is what is to be read"]
pub struct Staged {
    path: PathBuf,
}

impl Staged {
    /// Removes the copies now, and not at the end of the program.
    ///
    /// # Collective
    /// All ranks of `comm`, which has made it, must call this.
    ///
    /// # Errors
    /// When MPI refuses. What cannot be removed stays.
    #[track_caller]
    pub fn remove(self, comm: &Comm) -> Result<()> {
        let _within = within();
        comm.barrier()?;
        remove_where(|folder| self.path.starts_with(folder));
        Ok(())
    }
}

impl Deref for Staged {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.path
    }
}

impl AsRef<Path> for Staged {
    fn as_ref(&self) -> &Path {
        &self.path
    }
}

/// Removes all copies on this node. Nobody may need them any more.
pub(crate) fn remove_staged() {
    remove_where(|_| true);
}

fn remove_where(is_meant: impl Fn(&Path) -> bool) {
    // A process that fails may have died while it held this; then they stay for the next one.
    if let Ok(mut ours) = OURS.try_lock() {
        for (folder, _) in ours.extract_if(.., |(folder, _)| is_meant(folder)) {
            // Another rank of the node may be about the same.
            let _ = fs::remove_dir_all(folder);
        }
    }
}

impl Comm {
    /// A copy of a file on each node, in the folder that `TMPDIR` names there (else /tmp), made by the first rank of the node; for
    /// what is read many times, or in many small pieces, and lies on a file system that all nodes share.
    ///
    /// The copies have the name of the file, in folders of their own. They are removed at the end of the program, or by
    /// [`Staged::remove`]. Those of a program that was killed are removed by the next one that stages something there.
    ///
    /// Each node reads the file once. Sends a few small messages.
    ///
    /// # Collective
    /// All ranks must call this, with the same path.
    ///
    /// # Errors
    /// On all ranks, when the paths differ, when the file cannot be read on a node, there is no room for it, or a rank does not see
    /// what the first rank of its node has written.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let local = world.stage("Cargo.toml")?;
    /// assert_eq!(std::fs::read(&local)?, std::fs::read("Cargo.toml")?);
    /// assert!(local.ends_with("Cargo.toml") && local.starts_with(std::env::temp_dir()));
    /// local.remove(world)?;
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn stage(&self, path: impl AsRef<Path>) -> Result<Staged> {
        let _within = within();
        let path = path.as_ref();
        let of_root = self.broadcast(0, self.is_root().then_some(path.as_os_str().as_bytes()))?;
        let same = of_root == path.as_os_str().as_bytes();
        let other = || format!("is to be staged, but {} on rank 0", String::from_utf8_lossy(&of_root));
        self.agree(if same { Ok(()) } else { Err(Error::file(path, other())) })?;

        let nodes = self.split_by_node()?;
        let node = nodes.node();
        let copied = if node.is_root() { copy(path).map(Some) } else { Ok(None) };
        let copied =
            self.agree(copied.map_err(|error| Error::file(path, format!("cannot be staged: {error}"))))?;
        let local = node.broadcast(0, copied.as_ref().map(|(path, _)| path.as_os_str().as_bytes()))?;
        let local = PathBuf::from(OsStr::from_bytes(&local));
        if !node.is_root()
            && let Some(folder) = local.parent()
        {
            note(folder.to_owned(), None);
        }
        let bytes = node.broadcast(0, copied.map(|(_, bytes)| [bytes]).as_ref().map(|bytes| &bytes[..]))?[0];
        let seen = match fs::metadata(&local) {
            Ok(found) if found.len() == bytes => Ok(()),
            Ok(found) => Err(format!("has {} bytes instead of {bytes}", found.len())),
            Err(error) => Err(format!("is not seen by all ranks of the node: {error}")),
        };
        self.agree(seen.map_err(|problem| Error::file(&local, problem)))?;
        Ok(Staged { path: local })
    }
}

/// What is to be removed at the end.
fn note(folder: PathBuf, lock: Option<File>) {
    OURS.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((folder, lock));
}

/// Copies the file into a new folder below the temporary one; where it is then, and its length.
fn copy(path: &Path) -> io::Result<(PathBuf, u64)> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
    if fs::metadata(path)?.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let temporary = std::env::temp_dir();
    remove_leftovers(&temporary);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let folder = temporary.join(format!("{PREFIX}{}-{number}", std::process::id()));
    let within = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", folder.display()));
    // An earlier process of this number may have left one.
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(within)?;
    }
    fs::create_dir(&folder).map_err(within)?;
    let begun = File::create(folder.join(LOCK)).and_then(|lock| {
        lock.lock()?;
        Ok(lock)
    });
    let copied = begun.and_then(|lock| {
        let to = folder.join(name);
        let bytes = fs::copy(path, &to)?;
        Ok((to, bytes, lock))
    });
    match copied {
        Ok((to, bytes, lock)) => {
            note(folder, Some(lock));
            Ok((to, bytes))
        }
        Err(error) => {
            let _ = fs::remove_dir_all(&folder);
            Err(within(error))
        }
    }
}

/// Removes what killed programs have left: folders that nobody holds the lock of.
fn remove_leftovers(temporary: &Path) {
    for entry in fs::read_dir(temporary).into_iter().flatten().flatten() {
        if !entry.file_name().as_bytes().starts_with(PREFIX.as_bytes()) {
            continue;
        }
        let age = entry
            .metadata()
            .and_then(|found| found.modified())
            .map(|made| made.elapsed().unwrap_or_default());
        let lock = File::open(entry.path().join(LOCK));
        if age.is_ok_and(|age| age > MADE)
            && let Ok(lock) = lock
            && !matches!(lock.try_lock(), Err(TryLockError::WouldBlock | TryLockError::Error(_)))
        {
            // That of another user stays.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
