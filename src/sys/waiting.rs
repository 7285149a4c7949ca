//! Waiting for other ranks without keeping the processor from them.
//!
//! Open MPI gives the processor away while it waits, if there are more ranks than cores. MPICH never does: each rank that waits uses
//! up its time slice, and a barrier of 8 ranks on 2 cores takes milliseconds. There a call is started and asked for again and
//! again, and between two times others get their turn. What waits inside of MPICH is in `progress`. Loops of our own give way with
//! either.

use std::ffi::c_int;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mpi::ffi;

use super::failure::{Outcome, check};
use super::process::OPEN_MPI;
use super::requests::ReturningErrors;

/// Whether others may need the core on which this rank waits: some node has more ranks than cores, or the environment says so. The same on
/// all ranks, as is the next: a blocking call on one does not match one that was started on another (MPI 3.1, section 5.12).
static CROWDED: AtomicBool = AtomicBool::new(false);

/// Whether blocking calls are not to be made: some node has more ranks than cores, and this MPI does not give way by itself.
static PATIENT: AtomicBool = AtomicBool::new(false);

#[inline]
pub(super) fn crowded() -> bool {
    CROWDED.load(Ordering::Relaxed)
}

#[inline]
pub(super) fn patient() -> bool {
    !OPEN_MPI && PATIENT.load(Ordering::Relaxed)
}

/// Whether this node has more ranks than cores, as far as the launcher tells. It can be asked before MPI starts.
pub(super) fn more_ranks_than_cores() -> bool {
    let number = |name: &str| std::env::var(name).ok()?.trim().parse::<usize>().ok();
    // What Hydra says, or Open MPI's launcher, or Slurm: as in "2(x3),1" the tasks of each node.
    let of_slurm = || std::env::var("SLURM_STEP_TASKS_PER_NODE").ok()?.split(['(', ',']).next()?.parse().ok();
    let ranks = number("MPI_LOCALNRANKS").or_else(|| number("OMPI_COMM_WORLD_LOCAL_SIZE")).or_else(of_slurm);
    ranks.is_some_and(|ranks| ranks > cores())
}

/// Whether ranks that wait are to give way: where there are more of them than cores, unless the environment decides.
pub(super) fn gives_way() -> bool {
    match std::env::var("RANKWISE_YIELD").as_deref() {
        Ok("1") => true,
        Ok("0") => false,
        _ => more_ranks_than_cores(),
    }
}

/// Finds out, before any other call on all ranks. Collective over the world.
pub(crate) fn look_around() -> Outcome {
    let (mine, mut some) = ([gives_way(), more_ranks_than_cores()].map(c_int::from), [0; 2]);
    // SAFETY: MPI runs; the pointers are to live locals of two numbers; the constants are read only.
    check(unsafe {
        let (from, to, world) = (mine.as_ptr().cast(), some.as_mut_ptr().cast(), ffi::RSMPI_COMM_WORLD);
        ffi::MPI_Allreduce(from, to, 2, ffi::RSMPI_INT32_T, ffi::RSMPI_MAX, world)
    })?;
    CROWDED.store(some[0] != 0, Ordering::Relaxed);
    PATIENT.store(some[1] != 0, Ordering::Relaxed);
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

/// Whether this rank has just given way, and has not looked since.
static GAVE_WAY: AtomicBool = AtomicBool::new(false);

/// Whether this rank has just given way: then one look more is no reason to do so again. True once.
#[inline]
pub(super) fn gave_way() -> bool {
    GAVE_WAY.load(Ordering::Relaxed) && GAVE_WAY.swap(false, Ordering::Relaxed)
}

/// A wait, in which one looks for news again and again.
pub(crate) struct Wait {
    since: Option<Instant>,
}

impl Wait {
    pub(crate) const fn new() -> Self {
        Wait { since: None }
    }

    /// After a look in vain: gives the processor away if others may need it.
    #[inline]
    pub(super) fn give_way(&mut self) {
        if crowded() {
            self.rest();
        }
    }

    /// As [`give_way`](Wait::give_way), at least for a turn of others.
    pub(crate) fn let_others(&mut self) {
        if crowded() {
            self.rest();
        } else {
            std::thread::yield_now();
        }
    }

    /// For a turn of others; when the wait lasts, for longer. Ranks that only yield hand the processor round among them, which takes half
    /// of it from the one that works. But when all of them sleep in the middle of a call, it takes 20 times as long: so they do not while
    /// they may be that far, and 16 ranks on two cores need 0.2 ms to add a number up.
    fn rest(&mut self) {
        const SOON: Duration = Duration::from_millis(5);
        const NAP: Duration = Duration::from_micros(500);
        if self.since.get_or_insert_with(Instant::now).elapsed() < SOON {
            std::thread::yield_now();
        } else {
            std::thread::sleep(NAP);
        }
        GAVE_WAY.store(true, Ordering::Relaxed);
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
    unsafe { rest_until_complete(&mut request, ffi::RSMPI_STATUS_IGNORE) }
}

/// As MPI_Wait.
///
/// # Safety
/// The request is live, or none; `status` may be written, or is MPI_STATUS_IGNORE.
pub(super) unsafe fn complete(request: &mut ffi::MPI_Request, status: *mut ffi::MPI_Status) -> c_int {
    if patient() {
        // SAFETY: by this function's contract.
        unsafe { rest_until_complete(request, status) }
    } else {
        // SAFETY: by this function's contract.
        unsafe { ffi::MPI_Wait(request, status) }
    }
}

/// As [`complete`], and it gives way.
///
/// # Safety
/// The same.
unsafe fn rest_until_complete(request: &mut ffi::MPI_Request, status: *mut ffi::MPI_Status) -> c_int {
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
        if $crate::sys::waiting::patient() {
            $crate::sys::waiting::until_complete(|request| ffi::$starting($($argument,)* request))
        } else {
            ffi::$blocking($($argument),*)
        }
    };
}
pub(super) use patiently;
