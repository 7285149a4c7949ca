//! Where short messages land that might be longer than the room for them.
//!
//! Open MPI 4 writes all of a message that it takes out of the sender's memory, also beyond a room that is too short, and reports
//! the error afterwards. To look at every message before it is received takes 0.15 µs, which is most of what a short one takes.
//! So short rooms get theirs by way of memory in which the longest message has room. It is reserved, not used: what no
//! message touches takes up addresses only.

use std::ffi::c_void;
use std::sync::OnceLock;

use super::counts::PIECE_BYTES;
use super::memory::Received;

/// Rooms of up to so many bytes: a copy of them takes no more time than a look.
const SHORT: usize = 8192;

/// The address; 0 if there is no such memory.
static START: OnceLock<usize> = OnceLock::new();

/// Where a message for `room` is to land, if it is short and there is such memory.
#[inline]
pub(super) fn place_for(room: &Received) -> Option<*mut c_void> {
    if !super::point_to_point::WRITES_BEYOND || room.len() * room.of().bytes() > SHORT {
        return None;
    }
    let start = *START.get_or_init(reserve);
    (start != 0).then(|| std::ptr::with_exposed_provenance_mut(start))
}

#[cold]
fn reserve() -> usize {
    let (access, kind) =
        (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE);
    // SAFETY: asks for new memory, of the system's choice of place. It stays for ever.
    let start = unsafe { libc::mmap(std::ptr::null_mut(), PIECE_BYTES, access, kind, -1, 0) };
    if start == libc::MAP_FAILED { 0 } else { start.expose_provenance() }
}

/// Gives back what a message that was too long has used.
#[cold]
pub(super) fn clear() {
    if let Some(&start) = START.get().filter(|&&start| start != 0) {
        // SAFETY: the pages are ours, and nobody looks at what is in them: they are zero from now on.
        unsafe {
            libc::madvise(std::ptr::with_exposed_provenance_mut(start), PIECE_BYTES, libc::MADV_DONTNEED)
        };
    }
}
