//! Waiting for other ranks without keeping the processor from them.
//!
//! Open MPI gives the processor away while it waits, if there are more ranks than cores. MPICH never does: each rank that waits uses
//! up its time slice, and a barrier of 8 ranks on 2 cores takes milliseconds. There a call is started and asked for again and
//! again, and between two times others get their turn. What waits inside of MPICH is in `progress`.

use std::ffi::c_int;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mpi::ffi;

use super::failure::{Outcome, check};
use super::process::OPEN_MPI;
use super::requests::ReturningErrors;

/// Whether some node has more ranks than cores, and this MPI does not give way by itself. The same on all ranks: a blocking call
/// on one does not match one that was started on another (MPI 3.1, section 5.12).
static CROWDED: AtomicBool = AtomicBool::new(false);

#[inline]
pub(super) fn crowded() -> bool {
    !OPEN_MPI && CROWDED.load(Ordering::Relaxed)
}

/// Whether this node has more ranks than cores, as far as the launcher tells. It can be asked before MPI starts.
pub(super) fn more_ranks_than_cores() -> bool {
    let number = |name: &str| std::env::var(name).ok()?.trim().parse::<usize>().ok();
    // What Hydra says, or Slurm: as in "2(x3),1" the tasks of each node.
    let of_slurm = || std::env::var("SLURM_STEP_TASKS_PER_NODE").ok()?.split(['(', ',']).next()?.parse().ok();
    number("MPI_LOCALNRANKS").or_else(of_slurm).is_some_and(|ranks| ranks > cores())
}

/// Finds out, before any other call on all ranks. Collective over the world.
pub(crate) fn look_around() -> Outcome {
    if OPEN_MPI {
        return Ok(());
    }
    let (mine, mut some) = (c_int::from(more_ranks_than_cores()), 0);
    // SAFETY: MPI runs; the pointers are to live locals; the constants are read only.
    check(unsafe {
        let (from, to, world) = ((&raw const mine).cast(), (&raw mut some).cast(), ffi::RSMPI_COMM_WORLD);
        ffi::MPI_Allreduce(from, to, 1, ffi::RSMPI_INT32_T, ffi::RSMPI_MAX, world)
    })?;
    CROWDED.store(some != 0, Ordering::Relaxed);
    Ok(())
}

/// The cores that the ranks of this node have.
fn cores() -> usize {
    let mine = std::thread::available_parallelism().map_or(1, usize::from);
    // SAFETY: asks for a number.
    let all = usize::try_from(unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) }).unwrap_or(1);
    // A rank that is bound to some of them has its own; what a container allows, all share.
    // SAFETY: fills a live local, a set of bits for which zero is a value.
    let bound = unsafe {
        let mut set = std::mem::zeroed::<libc::cpu_set_t>();
        let asked = libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &mut set);
        asked == 0 && (libc::CPU_COUNT(&set) as usize) < all
    };
    if bound { all } else { mine }
}

/// A wait, in which one looks for news again and again.
pub(super) struct Wait {
    since: Option<Instant>,
}

impl Wait {
    pub(super) const fn new() -> Self {
        Wait { since: None }
    }

    /// After a look in vain: gives the processor away if others may need it, for a turn of theirs, and when the wait lasts, for a tenth of
    /// what it has lasted so far. Ranks that only yield hand the processor round among them, which takes half of it from the one that works.
    #[inline]
    pub(super) fn give_way(&mut self) {
        if crowded() {
            self.rest();
        }
    }

    fn rest(&mut self) {
        const SOON: Duration = Duration::from_micros(200);
        const LONGEST: Duration = Duration::from_micros(500);
        match self.since.get_or_insert_with(Instant::now).elapsed() {
            lasted if lasted < SOON => std::thread::yield_now(),
            lasted => std::thread::sleep((lasted / 10).min(LONGEST)),
        }
    }
}

/// Starts what `start` starts, and returns MPI's code when it is complete. After an error MPI has ended it.
pub(super) fn until_complete(start: impl FnOnce(*mut ffi::MPI_Request) -> c_int) -> c_int {
    let _returning = ReturningErrors::here();
    // SAFETY: a constant of the library, read only.
    let mut request = unsafe { ffi::RSMPI_REQUEST_NULL };
    let code = start(&mut request);
    if code != ffi::MPI_SUCCESS as c_int {
        return code;
    }
    // SAFETY: the request is live.
    unsafe { complete(&mut request, ffi::RSMPI_STATUS_IGNORE) }
}

/// As MPI_Wait.
///
/// # Safety
/// The request is live, or none; `status` may be written, or is MPI_STATUS_IGNORE.
pub(super) unsafe fn complete(request: &mut ffi::MPI_Request, status: *mut ffi::MPI_Status) -> c_int {
    if !crowded() {
        // SAFETY: by this function's contract.
        return unsafe { ffi::MPI_Wait(request, status) };
    }
    let mut wait = Wait::new();
    loop {
        let mut done = 0;
        // SAFETY: by this function's contract; the pointer is to a live local.
        let code = unsafe { ffi::MPI_Test(request, &mut done, status) };
        if done != 0 || code != ffi::MPI_SUCCESS as c_int {
            return code;
        }
        wait.rest();
    }
}

/// A blocking call of MPI, or where it is crowded the one that starts the same: `patiently!(MPI_Bcast or MPI_Ibcast(…))`. Its
/// code.
macro_rules! patiently {
    ($blocking:ident or $starting:ident($($argument:expr),* $(,)?)) => {
        if $crate::sys::waiting::crowded() {
            $crate::sys::waiting::until_complete(|request| ffi::$starting($($argument,)* request))
        } else {
            ffi::$blocking($($argument),*)
        }
    };
}
pub(super) use patiently;
