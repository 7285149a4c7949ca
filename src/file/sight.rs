//! Whether all ranks see one and the same file, and whether another process has it.

use std::fmt;
use std::fs::{self, TryLockError};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::comm::{Comm, Min};
use crate::error::{Error, Result};

/// Whether all ranks gave the same `value`. One all-reduce of 16 bytes.
#[track_caller]
pub(super) fn is_same(comm: &Comm, value: &(impl Hash + ?Sized)) -> Result<bool> {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    let hash = hasher.finish();
    let least = comm.all_reduce(&[hash, !hash], Min)?;
    Ok(matches!(least[..], [min, not_max] if min == !not_max))
}

/// An error on all ranks unless all gave the same `value`: HDF5 takes different ones in silence and hangs later.
#[track_caller]
pub(crate) fn same_everywhere(comm: &Comm, value: &(impl Hash + ?Sized), what: &str) -> Result<()> {
    if is_same(comm, value)? {
        return Ok(());
    }
    comm.agree(Err(format!("the ranks gave different values for the {what}")))
}

/// The result, if it is `Ok` on every rank and all make this same `call`; otherwise the same error on all. One all-reduce of 24 bytes
/// where all is well. It stands before whatever waits for the others inside HDF5, where the checks do not see it.
#[track_caller]
pub(super) fn agree_on<T>(comm: &Comm, call: &(impl Hash + fmt::Debug), result: Result<T>) -> Result<T> {
    let mut hasher = DefaultHasher::new();
    call.hash(&mut hasher);
    let hash = hasher.finish();
    let mine = if result.is_err() { comm.rank() } else { comm.size() } as u64;
    let least = comm.all_reduce(&[hash, !hash, mine], Min)?;
    match least[..] {
        [min, not_max, first] if min == !not_max => {
            if first == comm.size() as u64 {
                result
            } else {
                comm.agree(result)
            }
        }
        _ => comm.agree(Err(format!(
            "the ranks make different calls on the file, or none; this rank calls {call:?}"
        ))),
    }
}

/// Which file it is, on this machine.
pub(super) fn identity(path: &Path) -> std::io::Result<(u64, u64)> {
    let found = fs::metadata(path)?;
    Ok((found.dev(), found.ino()))
}

/// What all ranks should see alike of an existing file, which begins as HDF5 files do: at byte 0, 512, 1024, 2048 …
pub(super) fn look(path: &Path, to_change: bool) -> Result<u64> {
    const SIGNATURE: [u8; 8] = *b"\x89HDF\r\n\x1a\n";
    let no = |error: std::io::Error| Error::file(path, format!("cannot open: {error}"));
    let kind = fs::metadata(path).map_err(no)?;
    if kind.is_dir() {
        return Err(Error::file(path, "cannot open: it is a folder"));
    }
    if !kind.is_file() {
        return Err(Error::file(path, "cannot open: it is not a regular file"));
    }
    let mut file = fs::OpenOptions::new().read(true).write(to_change).open(path).map_err(no)?;
    let mut first = [0; 8];
    let mut start = 0;
    loop {
        if start >= kind.len() {
            return Err(Error::file(
                path,
                if kind.len() == 0 { "the file is empty" } else { "not an HDF5 file" },
            ));
        }
        file.seek(SeekFrom::Start(start)).map_err(no)?;
        if file.read_exact(&mut first).is_ok() && first == SIGNATURE {
            break;
        }
        start = if start == 0 { 512 } else { 2 * start };
    }
    let mut begin = Vec::new();
    file.seek(SeekFrom::Start(start)).map_err(no)?;
    file.take(4096).read_to_end(&mut begin).map_err(no)?;
    let mut hasher = DefaultHasher::new();
    // A copy on each node is as good for reading, and is no file to be changed by all.
    (kind.len(), begin, to_change.then_some(kind.ino())).hash(&mut hasher);
    Ok(hasher.finish())
}

/// An error when another process has the file open in a way that does not go with this one: HDF5 locks the files that it opens,
/// except through MPI.
pub(super) fn nobody_else(path: &Path, to_change: bool) -> Result<()> {
    if std::env::var("HDF5_USE_FILE_LOCKING").is_ok_and(|value| value == "FALSE" || value == "0") {
        return Ok(());
    }
    // To open a pipe would be to wait.
    if !fs::metadata(path).is_ok_and(|found| found.is_file()) {
        return Ok(());
    }
    // What cannot be opened is told about by others; what cannot be locked (some network file systems) is not.
    let Ok(file) = fs::File::open(path) else { return Ok(()) };
    let locked = if to_change { file.try_lock() } else { file.try_lock_shared() };
    match locked {
        Err(TryLockError::WouldBlock) => {
            let how = if to_change { "has it open" } else { "has it open for writing" };
            Err(Error::file(path, format!("another process {how}, and has locked it")))
        }
        _ => Ok(()),
    }
}
