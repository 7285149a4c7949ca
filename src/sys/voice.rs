//! One voice a node: of the ranks that fail at once, the first that locks a file while it is empty speaks for all.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// A file without a name, shared by the ranks of this node.
static FILE: OnceLock<File> = OnceLock::new();
static SPEAKING: AtomicBool = AtomicBool::new(false);

/// From now on the ranks that have the same file speak once.
pub(crate) fn share(file: File) {
    let _ = FILE.set(file);
}

/// Whether neither this process nor another rank of this node has failed before. True once at most. It takes three system
/// calls and no memory, so that a signal handler may ask.
pub(crate) fn is_ours() -> bool {
    !SPEAKING.swap(true, Ordering::SeqCst) && FILE.get().is_none_or(first)
}

fn first(file: &File) -> bool {
    let file = file.as_raw_fd();
    // SAFETY: the descriptor is open as long as the program runs.
    if unsafe { libc::flock(file, libc::LOCK_EX | libc::LOCK_NB) } != 0 {
        // Another rank has it. Where there are no locks every rank speaks: too much is better than nothing.
        // SAFETY: the address is that of this thread's own number.
        return unsafe { *libc::__errno_location() } != libc::EWOULDBLOCK;
    }
    // SAFETY: as above.
    let empty = unsafe { libc::lseek(file, 0, libc::SEEK_END) } == 0;
    if empty {
        // The mark stays when this process, and with it the lock, is gone.
        // SAFETY: the descriptor is open, and the pointer and the length are those of a constant of one byte.
        unsafe { libc::write(file, b"1".as_ptr().cast(), 1) };
    }
    empty
}
