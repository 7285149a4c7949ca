//! Ranks of MPICH that spin in MPI_Init and MPI_Finalize give the processor away, where there are more of them than cores.
//!
//! There MPICH 4 waits for the ranks of a node in a loop that calls nobody, several times: who comes first keeps the core for its time
//! slice, 3 to 4 ms, from those it waits for. So a timer looks every 0.2 ms where this rank is, and if that is in MPICH's own code, lets it
//! sleep for 0.5 ms. Its own work there is short; that of UCX, hwloc and the system, which it calls, is not disturbed. A short program
//! on 3, 4 and 7 ranks took 96, 120 and 236 ms on 2 cores, and takes 47, 60 and 102 (Debian's MPICH 4.0.2, hwloc without devices).

use std::ffi::{c_int, c_long, c_void};
use std::mem::MaybeUninit;
use std::ops::Range;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};

use mpi::ffi;

use super::process::OPEN_MPI;
use super::signals::{disposition, set_disposition};
use super::waiting::gives_way;

/// How long a rank runs until the timer looks, and how long it sleeps where it spins, in nanoseconds.
const LOOK: c_long = 200_000;
const NAP: c_long = 500_000;

/// For the handler: the timer, whether it is to go on, and between which addresses a rank spins.
static TIMER: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());
static GOES_ON: AtomicBool = AtomicBool::new(false);
static BEGIN: AtomicUsize = AtomicUsize::new(0);
static END: AtomicUsize = AtomicUsize::new(0);

/// MPI's start or end: what `call` returns.
pub(crate) fn giving_way<R>(call: impl FnOnce() -> R) -> R {
    let known = cfg!(any(target_arch = "x86_64", target_arch = "aarch64"));
    let code = (!OPEN_MPI && known && gives_way())
        .then(|| mapped_around(ffi::MPI_Init_thread as *const () as usize));
    let _timer = code.flatten().and_then(Timer::start);
    call()
}

/// The part of this process's memory that was mapped as one and has this address in it, if the system says so.
fn mapped_around(address: usize) -> Option<Range<usize>> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    maps.lines().find_map(|line| {
        let (begin, end) = line.split_once(' ')?.0.split_once('-')?;
        let range = usize::from_str_radix(begin, 16).ok()?..usize::from_str_radix(end, 16).ok()?;
        range.contains(&address).then_some(range)
    })
}

/// While it lives, the thread that has started it sleeps again and again where it is at an address in the range.
struct Timer;

/// What the timer sends: one of those for programs, which hardly anyone uses.
fn signal() -> c_int {
    libc::SIGRTMAX() - 1
}

impl Timer {
    /// None where the system has no timer, or somebody else handles its signal. One at a time.
    fn start(code: Range<usize>) -> Option<Self> {
        if disposition(signal()).sa_sigaction != libc::SIG_DFL {
            return None;
        }
        let mut timer = ptr::null_mut();
        // SAFETY: zero is a value of these structures of numbers; the pointers are to live locals.
        let (made, mut action) = unsafe {
            let mut event = MaybeUninit::<libc::sigevent>::zeroed().assume_init();
            event.sigev_notify = libc::SIGEV_THREAD_ID;
            event.sigev_signo = signal();
            event.sigev_notify_thread_id = libc::syscall(libc::SYS_gettid) as c_int;
            let made = libc::timer_create(libc::CLOCK_MONOTONIC, &mut event, &mut timer);
            (made, MaybeUninit::<libc::sigaction>::zeroed().assume_init())
        };
        if made != 0 {
            return None;
        }
        BEGIN.store(code.start, Ordering::Relaxed);
        END.store(code.end, Ordering::Relaxed);
        TIMER.store(timer, Ordering::Relaxed);
        GOES_ON.store(true, Ordering::Relaxed);
        // The handler has the signature that goes with SA_SIGINFO, and makes only calls that a handler may make.
        action.sa_sigaction = look as extern "C" fn(_, _, _) as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
        set_disposition(signal(), &action);
        look_later();
        Some(Timer)
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        // The handler runs on this thread: from here on it sets the timer no more.
        GOES_ON.store(false, Ordering::Relaxed);
        // SAFETY: the timer was created in `start`, and is deleted once. A signal that it has sent already is dropped when it is ignored
        // (POSIX, System Interfaces, 2.4.3), and so does not meet the default action, which ends a process.
        unsafe {
            libc::timer_delete(TIMER.load(Ordering::Relaxed));
            libc::signal(signal(), libc::SIG_IGN);
            libc::signal(signal(), libc::SIG_DFL);
        }
    }
}

fn look_later() {
    let when = libc::timespec { tv_sec: 0, tv_nsec: LOOK };
    let once = libc::itimerspec { it_interval: libc::timespec { tv_sec: 0, tv_nsec: 0 }, it_value: when };
    // SAFETY: the timer has been created and not yet deleted; the pointer is to a live local.
    unsafe { libc::timer_settime(TIMER.load(Ordering::Relaxed), 0, &once, ptr::null_mut()) };
}

extern "C" fn look(_: c_int, _: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the system gives the context of the thread that it has interrupted; errno is that thread's, and is put back.
    unsafe {
        let errno = libc::__errno_location();
        let before = *errno;
        let here = program_counter(&*context.cast());
        if (BEGIN.load(Ordering::Relaxed)..END.load(Ordering::Relaxed)).contains(&here) {
            // A sleep that a handler may call (POSIX, System Interfaces, 2.4.3).
            let (none, nap) = (ptr::null_mut(), libc::timespec { tv_sec: 0, tv_nsec: NAP });
            libc::pselect(0, none, none, none, &nap, ptr::null());
        }
        if GOES_ON.load(Ordering::Relaxed) {
            look_later();
        }
        *errno = before;
    }
}

#[cfg(target_arch = "x86_64")]
fn program_counter(context: &libc::ucontext_t) -> usize {
    context.uc_mcontext.gregs[libc::REG_RIP as usize] as usize
}

#[cfg(target_arch = "aarch64")]
fn program_counter(context: &libc::ucontext_t) -> usize {
    context.uc_mcontext.pc as usize
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn program_counter(_: &libc::ucontext_t) -> usize {
    0
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    /// What this thread has used of the processor while it spun for a twentieth of a second.
    #[inline(never)]
    fn used_by_spinning() -> Duration {
        let used = || {
            let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
            // SAFETY: the pointer is to a live local.
            unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
            Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
        };
        let (before, begin) = (used(), Instant::now());
        while begin.elapsed() < Duration::from_millis(50) {
            for turn in 0..10_000 {
                std::hint::black_box(turn);
            }
        }
        used() - before
    }

    /// On a busy machine it is less still.
    #[test]
    fn who_spins_where_the_timer_looks_uses_less_than_half_of_a_core_and_the_signal_is_given_back() {
        let handler = || disposition(signal()).sa_sigaction;
        let here = mapped_around(used_by_spinning as *const () as usize).expect("a function is somewhere");
        let timer = Timer::start(here).expect("nobody else has this signal");
        assert!(Timer::start(0..1).is_none(), "a signal that is handled is taken");
        assert_ne!(handler(), libc::SIG_DFL);
        let used = used_by_spinning();
        drop(timer);
        assert_eq!(handler(), libc::SIG_DFL);
        assert!(used < Duration::from_millis(25), "{used:?} of 50 ms");
    }
}
