//! The process under MPI: whether MPI runs, how the whole job is ended, and other processes by their id.

use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use mpi::ffi;

use super::failure::{Failure, Outcome, check};

/// Whether this MPI is of Open MPI's family: its handles are pointers, those of MPICH's family are numbers.
pub(crate) const OPEN_MPI: bool = size_of::<ffi::MPI_Comm>() == size_of::<*const u8>();

/// Whether MPI has been started and not yet ended.
fn running() -> bool {
    let (mut started, mut ended): (c_int, c_int) = (0, 0);
    // SAFETY: both may be called at any time, from any thread, and write to live locals.
    unsafe {
        ffi::MPI_Initialized(&mut started);
        ffi::MPI_Finalized(&mut ended);
    }
    started != 0 && ended == 0
}

/// An error unless MPI has been started, by this thread, and not yet ended. A communicator stays in the thread that has made it,
/// so this is asked only when one is made.
pub(crate) fn started() -> Outcome {
    if !running() {
        alive()?;
        return Err(Failure::Argument("MPI does not run, not yet or not any more: use rankwise::run".into()));
    }
    let mut main: c_int = 0;
    // SAFETY: MPI runs, as just checked; the pointer is to a live local.
    unsafe { ffi::MPI_Is_thread_main(&mut main) };
    if main == 0 {
        return Err(Failure::Argument("only the thread that has started MPI may communicate".into()));
    }
    Ok(())
}

/// Whether MPI has ended, or is about to, as [`notice_the_end`] has it say.
static ENDED: AtomicBool = AtomicBool::new(false);

/// Has MPI say when it ends, which [`alive`] then knows without asking it. Before the first communicator of ours is used.
pub(super) fn notice_the_end() -> Outcome {
    static ASKED: AtomicBool = AtomicBool::new(false);
    unsafe extern "C" fn ends(_: ffi::MPI_Comm, _: c_int, _: *mut c_void, _: *mut c_void) -> c_int {
        ENDED.store(true, Ordering::SeqCst);
        ffi::MPI_SUCCESS as c_int
    }
    /// No duplicate gets the attribute.
    unsafe extern "C" fn stays(
        _: ffi::MPI_Comm,
        _: c_int,
        _: *mut c_void,
        _: *mut c_void,
        _: *mut c_void,
        copied: *mut c_int,
    ) -> c_int {
        // SAFETY: MPI gives the address of a flag.
        unsafe { *copied = 0 };
        ffi::MPI_SUCCESS as c_int
    }
    if ASKED.load(Ordering::Relaxed) {
        return Ok(());
    }
    let (mut key, none) = (0, std::ptr::null_mut());
    // SAFETY: MPI runs; the functions are of those types. MPI_Finalize deletes the attributes of MPI_COMM_SELF before all else,
    // and so calls `ends` (MPI 3.1, section 8.7.1).
    unsafe {
        check(ffi::MPI_Comm_create_keyval(Some(stays), Some(ends), &mut key, none))?;
        check(ffi::MPI_Comm_set_attr(ffi::RSMPI_COMM_SELF, key, none))?;
    }
    ASKED.store(true, Ordering::Relaxed);
    Ok(())
}

/// An error if MPI has ended. It was started, or there would be no communicator. On the way of every call.
#[inline]
pub(crate) fn alive() -> Outcome {
    if ENDED.load(Ordering::Relaxed) { Err(ended()) } else { Ok(()) }
}

#[cold]
fn ended() -> Failure {
    Failure::Argument("MPI has ended: a communicator outlived rankwise::run".into())
}

/// The code with which the job is being ended; -1 while it is not.
static ENDING: AtomicI32 = AtomicI32::new(-1);

/// The code with which this process is ending the job, if it is. A signal handler may ask.
pub(crate) fn ending() -> Option<i32> {
    Some(ENDING.load(Ordering::SeqCst)).filter(|&code| code >= 0)
}

/// Ends all processes of the job, now, with `code`. From any thread.
pub(crate) fn abort(code: i32, world_size: usize) -> ! {
    let first = ENDING.compare_exchange(-1, code, Ordering::SeqCst, Ordering::SeqCst).is_ok();
    if !first {
        // Another thread is about it; MPI_Abort is not for two.
        std::thread::sleep(std::time::Duration::from_secs(u64::from(LAST_RESORT) + 1));
    } else if world_size > 1 && running() {
        leave_soon();
        // SAFETY: MPI runs, as just checked. Calling from a thread that did not start MPI is outside the standard below
        // MPI_THREAD_MULTIPLE, and works on Open MPI 4 and 5 and on MPICH 4: all else would be to hang.
        unsafe { ffi::MPI_Abort(ffi::RSMPI_COMM_WORLD, code) };
    }
    // Alone, or if MPI_Abort returned.
    leave(code)
}

/// Ends this process, without exit handlers, of which there is no knowing what they wait for. A signal handler may call it.
pub(crate) fn leave(code: i32) -> ! {
    // SAFETY: _exit has no preconditions.
    unsafe { libc::_exit(code) }
}

/// Seconds after which a process that ends the job leaves by itself, if MPI does not come back: memory or locks of a process that
/// fails may be in any state.
const LAST_RESORT: u32 = 3;

fn leave_soon() {
    extern "C" fn give_up(_: c_int) {
        leave(ending().unwrap_or(1));
    }
    // SAFETY: the handler makes one system call. The set is a live local, written before it is read.
    unsafe {
        libc::signal(libc::SIGALRM, give_up as extern "C" fn(c_int) as usize);
        let mut alarm = std::mem::MaybeUninit::zeroed();
        libc::sigemptyset(alarm.as_mut_ptr());
        libc::sigaddset(alarm.as_mut_ptr(), libc::SIGALRM);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, alarm.as_ptr(), std::ptr::null_mut());
        libc::alarm(LAST_RESORT);
    }
}

/// Writes to standard error, past Rust's lock for it.
pub(crate) fn write_to_stderr(mut bytes: &[u8]) {
    while !bytes.is_empty() {
        // SAFETY: the pointer and the length are those of a live slice.
        let written = unsafe { libc::write(2, bytes.as_ptr().cast(), bytes.len()) };
        match usize::try_from(written) {
            Ok(written @ 1..) => bytes = &bytes[written.min(bytes.len())..],
            _ => return,
        }
    }
}

/// Asks process `id` to end (SIGTERM).
pub(crate) fn terminate(id: u32) {
    signal(id, libc::SIGTERM);
}

/// Ends process `id` (SIGKILL).
pub(crate) fn kill(id: u32) {
    signal(id, libc::SIGKILL);
}

fn signal(id: u32, signal: c_int) {
    if let Ok(id @ 1..) = libc::pid_t::try_from(id) {
        // SAFETY: kill has no memory preconditions; the id is positive, so it names one process, not a group.
        unsafe { libc::kill(id, signal) };
    }
}
