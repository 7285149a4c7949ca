//! Files that appear under their name when they are whole, and not before.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use crate::error::{Error, Result};

/// How long a new file may take until other nodes see it.
const IN_SIGHT: Duration = Duration::from_secs(5);

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
    let mut file = may_create(path, &partial)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    let written = written.map_err(|error| Error::file(path, format!("cannot write: {error}")));
    written.and_then(|()| put_in_place(&partial, path, true, true)).inspect_err(|_| {
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

/// Moves a finished file, which is on the disk, to its place. Unless it may replace another one it fails when there is one.
pub(super) fn put_in_place(partial: &Path, path: &Path, replace: bool, sync: bool) -> Result<()> {
    let io = |error: std::io::Error| Error::file(path, format!("cannot finish: {error}"));
    let mut linked = false;
    if !replace {
        match fs::hard_link(partial, path) {
            Ok(()) => linked = true,
            Err(error) if path.exists() => return Err(io(error)),
            // A file system without such links.
            Err(_) => {}
        }
    }
    if linked {
        fs::remove_file(partial).map_err(io)?;
    } else {
        fs::rename(partial, path).map_err(io)?;
    }
    // A folder that cannot be opened or synced (some network file systems) has the name all the same.
    if sync && let Ok(folder) = fs::File::open(folder_of(path)) {
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

/// A new file beside `path`, if one may be created there. What an earlier program has left of its own is replaced, by another
/// file: if that program still runs, the two do not mix.
pub(crate) fn may_create(path: &Path, partial: &Path) -> Result<fs::File> {
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
    let in_folder = |error: std::io::Error| no(format!("in folder {}: {error}", folder.display()));
    match fs::remove_file(partial) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(in_folder(error)),
        _ => {}
    }
    fs::File::create_new(partial).map_err(in_folder)
}

/// Where the mark of a new file is: not in the file itself, since ext4 writes out at once what was cut to nothing before.
fn mark_of(partial: &Path) -> PathBuf {
    let mut name = partial.file_name().unwrap_or_default().to_owned();
    name.push(".mark");
    partial.with_file_name(name)
}

/// Marks a new file: by this the ranks know that they see the same one.
pub(crate) fn mark(partial: &Path) -> std::io::Result<u64> {
    let mut hasher = DefaultHasher::new();
    (std::process::id(), SystemTime::now(), fs::metadata(partial)?.ino()).hash(&mut hasher);
    let mark = hasher.finish();
    fs::write(mark_of(partial), mark.to_le_bytes())?;
    Ok(mark)
}

/// Takes the mark away, if there is one.
pub(crate) fn unmark(partial: &Path) {
    let _ = fs::remove_file(mark_of(partial));
}

/// Waits until this rank sees the file that the root has marked: at once on one node, in some seconds on a network file system.
pub(crate) fn comes_in_sight(partial: &Path, path: &Path, mark: u64) -> Result<()> {
    let deadline = Instant::now() + IN_SIGHT;
    let marked = mark_of(partial);
    while !(fs::read(&marked).is_ok_and(|bytes| bytes == mark.to_le_bytes()) && partial.exists()) {
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
