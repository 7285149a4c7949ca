//! Large files: mapped into memory, and room for them on the disk.

use std::fs::File;
use std::io::{Error, Result};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::null_mut;

/// The beginnings of some files, one after the other in memory, to be read only. The pages are those that the system keeps of the
/// files anyway, so it takes no memory of its own.
///
/// Each file starts at a page; what is between them reads as zeros.
#[derive(Debug)]
pub(crate) struct Mapped {
    start: *mut u8,
    len: usize,
}

impl Mapped {
    /// Maps that many bytes of each file, which it must have; gives where each starts.
    pub(crate) fn new<'f>(
        files: impl Iterator<Item = Result<(&'f File, u64)>> + Clone,
    ) -> Result<(Self, Vec<usize>)> {
        // SAFETY: sysconf has no preconditions.
        let page = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096).max(1);
        let mut starts = Vec::new();
        let mut len = 0usize;
        for file in files.clone() {
            starts.push(len);
            let pages = usize::try_from(file?.1).ok().and_then(|bytes| bytes.checked_next_multiple_of(page));
            len = pages
                .and_then(|bytes| len.checked_add(bytes))
                .ok_or(Error::from_raw_os_error(libc::ENOMEM))?;
        }
        if len == 0 {
            return Ok((Mapped { start: null_mut(), len }, starts));
        }
        let private = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a new region anywhere; nothing else is changed.
        let start = unsafe { libc::mmap(null_mut(), len, libc::PROT_READ, private, -1, 0) };
        if start == libc::MAP_FAILED {
            return Err(Error::last_os_error());
        }
        let mapped = Mapped { start: start.cast(), len };
        for (file, at) in files.zip(&starts) {
            let (file, bytes) = file?;
            if bytes == 0 {
                continue;
            }
            if file.metadata()?.len() < bytes {
                return Err(Error::other("the file is shorter than it was"));
            }
            let shared = libc::MAP_SHARED | libc::MAP_FIXED;
            // SAFETY: the pages replaced are of the region just made, of which `starts` and `len` count the bytes; nothing refers
            // to them yet.
            let there = unsafe {
                let to = mapped.start.add(*at).cast();
                libc::mmap(to, bytes as usize, libc::PROT_READ, shared, file.as_raw_fd(), 0)
            };
            if there == libc::MAP_FAILED {
                return Err(Error::last_os_error());
            }
        }
        Ok((mapped, starts))
    }

    /// All of it. Whoever changes the files meanwhile changes what is read here, and who makes them shorter ends the program with
    /// SIGBUS: callers look whether the files are still as they were before they use what they made of it.
    pub(crate) fn bytes(&self) -> &[u8] {
        if self.len == 0 {
            return &[];
        }
        // SAFETY: `len` bytes from `start` on are mapped for reading until the drop, which `self` outlives. Any bytes are valid as
        // u8. This process never writes to them.
        unsafe { std::slice::from_raw_parts(self.start, self.len) }
    }

    /// Asks for the bytes from `at` on to be brought near, at most the first few hundred of `len`.
    #[inline]
    pub(crate) fn prefetch(&self, at: usize, len: usize) {
        #[cfg(target_arch = "x86_64")]
        for line in (at & !63..at + len.min(320)).step_by(64) {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            // SAFETY: a hint for any address; nothing is read.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(self.start.wrapping_add(line).cast()) };
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = (at, len);
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        if self.len > 0 {
            // SAFETY: the region is ours, and nothing refers to it any more.
            unsafe { libc::munmap(self.start.cast(), self.len) };
        }
    }
}

/// Takes room for a file of `len` bytes on the disk, where the file system can; it reads as zeros.
pub(crate) fn reserve(file: &File, len: u64) -> Result<()> {
    let Ok(bytes) = libc::off_t::try_from(len) else { return Err(Error::from_raw_os_error(libc::EFBIG)) };
    if file.metadata()?.len() >= len {
        return Ok(());
    }
    // SAFETY: the descriptor is that of an open file.
    if unsafe { libc::fallocate(file.as_raw_fd(), 0, 0, bytes) } == 0 {
        return Ok(());
    }
    match Error::last_os_error() {
        error if matches!(error.raw_os_error(), Some(libc::EOPNOTSUPP | libc::ENOSYS)) => file.set_len(len),
        error => Err(error),
    }
}

/// The bytes that may still be written to the file system of `path`, if it says so.
pub(crate) fn free_space(path: &Path) -> Option<u64> {
    let path = std::ffi::CString::new(path.as_os_str().as_bytes()).ok()?;
    let mut space = std::mem::MaybeUninit::<libc::statvfs>::zeroed();
    // SAFETY: the path ends in a zero byte; the struct is zeroed, which is valid, and written by the call.
    let space = unsafe {
        if libc::statvfs(path.as_ptr(), space.as_mut_ptr()) != 0 {
            return None;
        }
        space.assume_init()
    };
    Some(space.f_bavail.saturating_mul(space.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mapped_files_are_their_bytes() {
        let folder = std::env::temp_dir().join(format!("rankwise-mapped-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("the temporary folder can be written");
        let contents: [Vec<u8>; 4] = [b"one".to_vec(), vec![], vec![7; 5000], vec![8; 4096]];
        let files: Vec<File> = (0..4)
            .map(|k| {
                let path = folder.join(k.to_string());
                std::fs::write(&path, &contents[k]).expect("a new file");
                File::open(&path).expect("written just now")
            })
            .collect();
        let all = || files.iter().zip(&contents).map(|(file, bytes)| Ok((file, bytes.len() as u64)));
        let (mapped, starts) = Mapped::new(all()).expect("files can be mapped");
        for (content, start) in contents.iter().zip(starts) {
            assert_eq!(&mapped.bytes()[start..start + content.len()], content);
        }
        mapped.prefetch(0, 1000);
        assert!(Mapped::new(all().take(1).map(|file| file.map(|(file, len)| (file, len + 1)))).is_err());
        let (nothing, _) = Mapped::new(all().skip(1).take(1)).expect("nothing can be mapped");
        assert!(nothing.bytes().is_empty());
        std::fs::remove_dir_all(&folder).expect("ours");
    }
}
