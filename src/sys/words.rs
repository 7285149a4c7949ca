//! Numbers that the processes of a node share: a file in memory, mapped for good.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::ptr::null_mut;
use std::sync::atomic::AtomicU64;

/// Bytes of a number.
const WORD: usize = size_of::<AtomicU64>();

/// A part of a file has to begin at such a multiple of numbers.
pub(crate) const PAGE: usize = 4096 / WORD;

/// The first `len` numbers of `file`, which becomes at least so long. There is memory only for what is written or [`reserved`].
/// `None` where it cannot be mapped.
pub(crate) fn mapped(file: &File, len: usize) -> Option<&'static [AtomicU64]> {
    let bytes = len.checked_mul(WORD)?;
    if file.metadata().ok()?.len() < bytes as u64 {
        file.set_len(bytes as u64).ok()?;
    }
    let access = libc::PROT_READ | libc::PROT_WRITE;
    let kind = libc::MAP_SHARED | libc::MAP_NORESERVE;
    // SAFETY: a new region anywhere; nothing else is changed.
    let start = unsafe { libc::mmap(null_mut(), bytes, access, kind, file.as_raw_fd(), 0) };
    if start == libc::MAP_FAILED || bytes == 0 {
        return None;
    }
    // SAFETY: that many bytes are mapped for as long as the process lives, since nothing unmaps them, and nobody makes the file
    // shorter: it has no name. Pages are aligned; any bits are a number; all who refer to them use atomics.
    Some(unsafe { std::slice::from_raw_parts(start.cast(), len) })
}

/// Takes the memory for some numbers of `file` now: later, writing to them where there is none left would end the program. Says
/// whether there was enough, and four times as much: MPI itself needs some.
pub(crate) fn reserved(file: &File, first: usize, len: usize) -> bool {
    // SAFETY: a struct of plain integers, for which zero is a value.
    let mut room: libc::statvfs = unsafe { std::mem::zeroed() };
    // SAFETY: the descriptor is open, the pointer is to a live local.
    if unsafe { libc::fstatvfs(file.as_raw_fd(), &mut room) } != 0
        || room.f_bavail.saturating_mul(room.f_frsize) / 4 < (len * WORD) as u64
    {
        return false;
    }
    let (Ok(first), Ok(len)) = (libc::off_t::try_from(first * WORD), libc::off_t::try_from(len * WORD))
    else {
        return false;
    };
    // SAFETY: the descriptor is open.
    unsafe { libc::posix_fallocate(file.as_raw_fd(), first, len) == 0 }
}

/// Numbers of this process alone, all 0.
pub(crate) fn own(len: usize) -> &'static [AtomicU64] {
    Box::leak((0..len).map(|_| AtomicU64::new(0)).collect())
}
