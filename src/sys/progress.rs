//! Ranks that wait inside of MPICH give the processor away, too, where there are more of them than cores: in files and in windows, where
//! there is no call of ours that could ask again. Its start and end have a loop that asks nobody: `start_and_end`.
//!
//! MPICH on UCX, as Debian and Ubuntu build it, asks `ucp_worker_progress` for news, over and over, and never yields: with seven ranks on
//! two cores each waits for the time slices of others, 4 ms each, before it sees a message. The linker takes a function of a program before
//! one of the same name in a library (System V ABI, "dynamic linking": the program comes first in the order of search), so ours is asked; it
//! asks the library's, and yields when there was no news. Other builds of MPICH do not know this function, and nothing changes for them.

use std::ffi::{c_uint, c_void};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use super::process::OPEN_MPI;
use super::waiting::{gave_way, gives_way};

/// Whether to yield. Each node decides for itself: unlike other calls, this needs no agreement.
static YIELDS: AtomicBool = AtomicBool::new(false);

/// Before MPI starts.
pub(crate) fn look_around() {
    // The address keeps the function in the program.
    let ours: extern "C" fn(*mut c_void) -> c_uint = ucp_worker_progress;
    let here = std::hint::black_box(ours as *const c_void);
    YIELDS.store(!here.is_null() && !OPEN_MPI && gives_way(), Ordering::Relaxed);
}

/// UCX's function of this name: how much there was to do.
// SAFETY: nobody but MPICH calls it, as it would call the library's, which has this signature (UCX's ucp.h since 1.0).
#[unsafe(no_mangle)]
extern "C" fn ucp_worker_progress(worker: *mut c_void) -> c_uint {
    static LIBRARYS: OnceLock<unsafe extern "C" fn(*mut c_void) -> c_uint> = OnceLock::new();
    let librarys = LIBRARYS.get_or_init(|| {
        // SAFETY: the name ends with 0.
        let found = unsafe { libc::dlsym(libc::RTLD_NEXT, c"ucp_worker_progress".as_ptr()) };
        assert!(!found.is_null(), "MPICH calls UCX, whose library is not there");
        // SAFETY: the next one of that name behind the program's is the library's.
        unsafe { std::mem::transmute::<*mut c_void, unsafe extern "C" fn(*mut c_void) -> c_uint>(found) }
    });
    // SAFETY: the worker is what MPICH gave for just this call.
    let events = unsafe { librarys(worker) };
    if events == 0 && YIELDS.load(Ordering::Relaxed) && !gave_way() {
        std::thread::yield_now();
    }
    events
}
