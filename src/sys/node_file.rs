//! A file in memory that the ranks of a node share, without a name: nobody else can open it, and it goes with the last of them.

use std::fs::{File, OpenOptions, remove_file};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::collectives::{barrier, broadcast};
use super::{Communicator, Outcome, Received};

/// Opens one on all ranks of each node. `None` where there is no place for it. Collective.
pub(crate) fn open(world: &Communicator) -> Outcome<Option<File>> {
    let folder = ["/dev/shm", "/tmp"].into_iter().map(Path::new).find(|folder| folder.is_dir());
    // A name that no stranger can foresee, the same for all ranks of the job.
    let mut token = [RandomState::new().build_hasher().finish()];
    broadcast(world, 0, Received::new(&mut token)?)?;
    let path = folder.map(|folder| folder.join(format!("rankwise-{:016x}", token[0])));
    let file = path.as_ref().and_then(|path| {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        options.mode(0o600).custom_flags(libc::O_NOFOLLOW).open(path).ok()
    });
    barrier(world)?;
    if let Some(path) = path {
        // One rank of the node is first, the others find nothing to remove.
        let _ = remove_file(path);
    }
    Ok(file)
}
