//! Memory that several ranks use without the other's help: a counter, and elements shared by the ranks of a node.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ffi::{c_int, c_void};
use std::marker::PhantomData;
use std::mem::size_of;
use std::sync::atomic::{AtomicU64, Ordering};

use mpi::ffi;

use super::communicator::Communicator;
use super::counts;
use super::element::Element;
use super::failure::{Failure, Outcome, check};
use super::pending::Started;
use super::process;
use super::waiting::patiently;

thread_local! {
    /// Windows that somebody holds, by number, and where they were made.
    static HELD: RefCell<BTreeMap<u64, Started>> = const { RefCell::new(BTreeMap::new()) };
    /// Windows that were made so far.
    static MADE: Cell<u64> = const { Cell::new(0) };
    /// Windows that were dropped, and wait for the end of the program.
    static DROPPED: RefCell<Vec<Live>> = const { RefCell::new(Vec::new()) };
}

/// Where a window was made that somebody holds. Its memory goes with MPI, so none may be left when it ends.
pub(crate) fn held() -> Option<Started> {
    HELD.with_borrow(|held| held.values().next().copied())
}

/// Frees what was dropped. Collective over all ranks, which must have dropped the same.
pub(crate) fn free_dropped() {
    let mut dropped = DROPPED.take();
    // In the order in which they were made, which is that of all ranks.
    dropped.sort_by_key(|window| window.number);
    dropped.into_iter().for_each(Live::free);
}

/// A window that has not been freed, with a communicator of its own: MPICH (seen with 4.0.2) does not free a window after its
/// communicator.
#[derive(Debug)]
struct Live {
    raw: ffi::MPI_Win,
    number: u64,
    comm: Communicator,
}

impl Live {
    fn free(mut self) {
        // SAFETY: the window is ours, live, locked, and not used again. Errors cannot be reported from here.
        unsafe {
            ffi::MPI_Win_unlock_all(self.raw);
            ffi::MPI_Win_free(&mut self.raw);
        }
        drop(self.comm);
    }
}

/// An MPI window, always open to all ranks.
///
/// Freeing it is collective, so a drop does not: a rank may drop it on the way out of an error, while the others wait for
/// that rank somewhere else. It is freed at the end of the program, or by [`Window::free`].
#[derive(Debug)]
struct Window(Option<Live>);

impl Window {
    /// Takes over a window that was just made.
    fn open(raw: ffi::MPI_Win, comm: Communicator, made: Started) -> Outcome<Self> {
        // SAFETY: the window is live, as the caller has just made it.
        unsafe {
            check(ffi::MPI_Win_set_errhandler(raw, ffi::RSMPI_ERRORS_RETURN))?;
            check(ffi::MPI_Win_lock_all(0, raw))?;
        }
        let number = MADE.replace(MADE.get() + 1);
        HELD.with_borrow_mut(|held| held.insert(number, made));
        Ok(Window(Some(Live { raw, number, comm })))
    }

    fn live(&self) -> &Live {
        self.0.as_ref().expect("taken out only when it goes")
    }

    /// Frees it now. Collective.
    fn free(mut self) {
        if let Some(live) = self.0.take() {
            HELD.with_borrow_mut(|held| held.remove(&live.number));
            live.free();
        }
    }

    /// What this rank has written is there for the others, and the other way round.
    fn sync(&self) -> Outcome {
        // SAFETY: the window is live and locked.
        check(unsafe { ffi::MPI_Win_sync(self.live().raw) })
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        if let Some(live) = self.0.take() {
            HELD.with_borrow_mut(|held| held.remove(&live.number));
            DROPPED.with_borrow_mut(|dropped| dropped.push(live));
        }
    }
}

/// A number on one rank that all ranks read and add to.
#[derive(Debug)]
pub(crate) struct SharedNumber {
    window: Window,
    owner: c_int,
    /// Where this rank reaches it itself: then it needs no MPI, with which MPICH adds to it only when its owner is in a call.
    here: Option<*mut u64>,
    _one_thread: PhantomData<*const ()>,
}

impl SharedNumber {
    /// Zero, on rank `owner`. Collective.
    pub(crate) fn new(made: Started, comm: &Communicator, owner: usize) -> Outcome<Self> {
        let owner_int = counts::rank(owner, comm.size)?;
        // On one node in memory of that node. Open MPI before 5 names what other windows have there by node and context, which parts of the
        // world have in common: made at the same time, they got each other's memory, or none (open-mpi/ompi#9492).
        let node = comm.split_by_node()?;
        let shared = node.size == comm.size;
        let comm = if shared { node } else { comm.again()? };
        // Twice, so that one of them is aligned.
        let bytes = if comm.rank == owner { 2 * size_of::<u64>() } else { 0 };
        let mut start: *mut u64 = std::ptr::null_mut();
        // SAFETY: the pointers are to live locals. Before anybody can reach it, its owner sets the number to zero.
        let (window, here) = unsafe {
            let mut raw = ffi::RSMPI_WIN_NULL;
            let (mut unit, none) = (size_of::<u64>() as c_int, ffi::RSMPI_INFO_NULL);
            let at = (&raw mut start).cast::<c_void>();
            let allocate = if shared { ffi::MPI_Win_allocate_shared } else { ffi::MPI_Win_allocate };
            check(allocate(bytes as ffi::MPI_Aint, unit, none, comm.raw(), at, &mut raw))?;
            let ours = comm.raw();
            let window = Window::open(raw, comm, made)?;
            let mut here = None;
            if shared {
                let mut size: ffi::MPI_Aint = 0;
                let at = (&raw mut start).cast();
                check(ffi::MPI_Win_shared_query(raw, owner_int, &mut size, &mut unit, at))?;
                // Addresses of ranks differ by whole pages: it is the same number for all.
                let bytes = start.cast::<u8>();
                here = Some(bytes.wrapping_add(bytes.align_offset(align_of::<AtomicU64>())).cast());
            }
            if bytes > 0 {
                here.unwrap_or(start).write_unaligned(0);
            }
            window.sync()?;
            check(patiently!(MPI_Barrier or MPI_Ibarrier(ours)))?;
            (window, here)
        };
        Ok(SharedNumber { window, owner: owner_int, here, _one_thread: PhantomData })
    }

    /// Adds `n`; what the number was before.
    #[inline]
    pub(crate) fn fetch_add(&self, n: u64) -> Outcome<u64> {
        if let Some(here) = self.here {
            // SAFETY: two numbers were asked for, of which this is the aligned one. It is there as long as the window, and after the
            // barrier all ranks reach it by this atomic addition only.
            return Ok(unsafe { AtomicU64::from_ptr(here) }.fetch_add(n, Ordering::AcqRel));
        }
        let mut before = 0u64;
        // SAFETY: `n` and `before` live until the flush, after which MPI does not use them; the owner has one number there.
        unsafe {
            let (from, to, of) = ((&raw const n).cast(), (&raw mut before).cast(), ffi::RSMPI_UINT64_T);
            let (window, sum) = (self.window.live().raw, ffi::RSMPI_SUM);
            check(ffi::MPI_Fetch_and_op(from, to, of, self.owner, 0, sum, window))?;
            check(ffi::MPI_Win_flush(self.owner, window))?;
        }
        Ok(before)
    }

    /// Frees it now. Collective.
    pub(crate) fn free(self) {
        self.window.free();
    }

    /// What the number is.
    pub(crate) fn get(&self) -> Outcome<u64> {
        self.fetch_add(0)
    }
}

/// The least size of a page: addresses of shared memory differ between ranks by whole ones.
const PAGE: usize = 4096;

/// Bytes that can still be shared on this node, if the system says so.
pub(crate) fn room_on_node() -> Option<u64> {
    // SAFETY: a struct of plain integers, written by the call; the path ends in a zero byte.
    unsafe {
        let mut found = std::mem::zeroed::<libc::statvfs>();
        let asked = libc::statvfs(c"/dev/shm".as_ptr(), &mut found);
        (asked == 0).then(|| (found.f_bavail as u64).saturating_mul(found.f_frsize as u64))
    }
}

/// Elements in memory that the ranks of one node share; read only once they are filled.
#[derive(Debug)]
pub(crate) struct SharedSlice<T> {
    window: Window,
    start: *mut T,
    len: usize,
    /// Whether all of the node have come to where nobody writes any more.
    settled: bool,
}

impl<T> SharedSlice<T> {
    /// Room for `len` elements for the ranks of `node`, which share memory. Its rank 0 fills it by [`room`](Self::room), then comes
    /// [`settle`](Self::settle), and only then may it be read. Collective over `node`.
    pub(crate) fn new<K>(made: Started, node: Communicator, len: usize) -> Outcome<Self>
    where
        T: Element<K>,
    {
        let none = || Failure::Argument(format!("no memory for {len} elements of {} bytes", size_of::<T>()));
        if align_of::<T>() > PAGE {
            return Err(Failure::Argument(format!(
                "elements aligned to {} bytes: more than a page",
                align_of::<T>()
            )));
        }
        let first = node.rank == 0;
        let bytes =
            len.checked_mul(size_of::<T>()).filter(|&bytes| bytes <= isize::MAX as usize).ok_or_else(none)?;
        // One byte more, so that there is always something to point to.
        let bytes = if first { bytes + align_of::<T>() + 1 } else { 0 };
        let (mut start, mut unit, mut size) = (std::ptr::null_mut::<u8>(), 0 as c_int, 0 as ffi::MPI_Aint);
        // SAFETY: the pointers are to live locals; the memory is asked of rank 0, which has some.
        let window = unsafe {
            let mut raw = ffi::RSMPI_WIN_NULL;
            let at = (&raw mut start).cast::<c_void>();
            let (bytes, info) = (bytes as ffi::MPI_Aint, ffi::RSMPI_INFO_NULL);
            check(ffi::MPI_Win_allocate_shared(bytes, 1, info, node.raw(), at, &mut raw))?;
            let window = Window::open(raw, node, made)?;
            check(ffi::MPI_Win_shared_query(raw, 0, &mut size, &mut unit, (&raw mut start).cast()))?;
            window
        };
        // The same on all ranks only as a distance from the start of pages, to which alignment is relative.
        let start = start.wrapping_add(start.align_offset(align_of::<T>())).cast::<T>();
        Ok(SharedSlice { window, start, len, settled: false })
    }

    /// The elements, zeroed, on rank 0 of the node before [`settle`](Self::settle); nothing elsewhere.
    pub(crate) fn room<K>(&mut self) -> &mut [T]
    where
        T: Element<K>,
    {
        if self.settled || self.window.live().comm.rank != 0 {
            return &mut [];
        }
        // SAFETY: rank 0 has asked for that many bytes, and for what the alignment takes. Zero bytes are a value of every element, and
        // nobody else looks before all have settled.
        unsafe {
            self.start.write_bytes(0, self.len);
            std::slice::from_raw_parts_mut(self.start, self.len)
        }
    }

    /// What rank 0 has written is there for all. Collective over the node.
    pub(crate) fn settle(&mut self) -> Outcome {
        self.settled = true;
        self.window.sync()?;
        // SAFETY: the communicator is live.
        check(unsafe { patiently!(MPI_Barrier or MPI_Ibarrier(self.window.live().comm.raw())) })?;
        self.window.sync()
    }

    /// Frees it now. Collective over the node.
    pub(crate) fn free(self) {
        self.window.free();
    }

    pub(crate) fn as_slice(&self) -> &[T] {
        assert!(
            process::alive().is_ok(),
            "MPI has ended, and with it the memory that the ranks of a node shared"
        );
        debug_assert!(self.settled, "it is read only when it is filled");
        // SAFETY: `len` elements, which live as long as the window does, were filled before the barrier, and are only read
        // by all ranks from then on.
        unsafe { std::slice::from_raw_parts(self.start, self.len) }
    }
}
