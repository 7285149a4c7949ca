//! Ends of a process that Rust does not hear of: a signal, and `exit` in the middle of the program.
//!
//! A signal handler may do next to nothing: memory may be in disorder, locks may be held, the stack may be full. So ours writes
//! a line that needs no memory, and wakes a thread that has waited for this alone. That one ends the job, on a stack on which
//! MPI can work.

use std::cell::UnsafeCell;
use std::ffi::{CStr, c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use super::{process, voice};

/// A rank dies of these, by a fault of its own.
const FAULTS: [c_int; 5] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGABRT, libc::SIGFPE, libc::SIGILL];

/// By these it is told to end.
const REQUESTS: [c_int; 2] = [libc::SIGTERM, libc::SIGINT];

/// Libraries below MPI that install handlers of their own, which print pages of addresses.
const OF_MPI: [&[u8]; 4] = [b"libucs", b"libopen-pal", b"libmpi", b"libpsm"];

/// What a handler needs besides the 3 KiB or more in which the system keeps the registers.
const STACK: usize = 64 << 10;

/// Enough for `MPI_Abort`.
const STACK_OF_THE_THREAD: usize = 512 << 10;

/// How long a dying rank waits for the thread to end the job.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is done about an end. None of these returns.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ends {
    /// After a fault: with the exit code, and whether this rank has spoken.
    pub(crate) fault: fn(i32, bool) -> !,
    /// When told to end: by which signal, and which process has sent it, 0 if that is not known.
    pub(crate) told: fn(c_int, u32) -> !,
    /// In `exit`, with its code where that is known.
    pub(crate) exit: fn(Option<i32>) -> !,
}

/// Requests that become a flag when a program asks for it.
const WARNINGS: [c_int; 2] = [libc::SIGTERM, libc::SIGUSR1];
/// Whether they do.
static FLAG_IS_WANTED: AtomicBool = AtomicBool::new(false);
/// That flag.
static FLAG: AtomicBool = AtomicBool::new(false);

struct Watch {
    process: libc::pid_t,
    /// What the system calls this thread, and so all threads to which nobody gives another name.
    name: [u8; 16],
    /// What every message begins with.
    who: String,
    ends: Ends,
    /// Handlers that the program, or Rust, has installed for invalid accesses to memory.
    earlier: Vec<(c_int, libc::sigaction)>,
}

static WATCH: OnceLock<Watch> = OnceLock::new();
/// Whether `exit` would come too early.
static EXIT_IS_EARLY: AtomicBool = AtomicBool::new(false);

/// What the handlers tell the thread.
static FAULT: AtomicI32 = AtomicI32::new(0);
static HAS_SPOKEN: AtomicBool = AtomicBool::new(false);
static REQUEST: AtomicI32 = AtomicI32::new(0);
static SENDER: AtomicI32 = AtomicI32::new(0);
static WAKE: Semaphore = Semaphore(UnsafeCell::new(MaybeUninit::zeroed()));

/// What is to be undone when all has gone well.
static INSTALLED: Mutex<Option<Installed>> = Mutex::new(None);

struct Installed {
    before: Vec<(c_int, libc::sigaction)>,
    stack: Option<AlternateStack>,
    thread: JoinHandle<()>,
}

/// The one thing that a signal handler may wake a thread with.
struct Semaphore(UnsafeCell<MaybeUninit<libc::sem_t>>);

// SAFETY: it is made for use by several threads; it is initialised before there is a second one that uses it.
unsafe impl Sync for Semaphore {}

impl Semaphore {
    fn prepare(&self) -> bool {
        // SAFETY: the memory is static, and nobody uses it yet.
        unsafe { libc::sem_init(self.0.get().cast(), 0, 0) == 0 }
    }

    fn post(&self) {
        // SAFETY: prepared before the handlers that post are installed.
        unsafe { libc::sem_post(self.0.get().cast()) };
    }

    fn wait(&self) {
        // SAFETY: prepared before the thread that waits is started.
        while unsafe { libc::sem_wait(self.0.get().cast()) } != 0 {}
    }
}

/// How signals are handled before MPI starts, and puts in handlers of its own.
pub(crate) struct Dispositions(Vec<(c_int, libc::sigaction)>);

impl Dispositions {
    pub(crate) fn now() -> Self {
        Dispositions(FAULTS.into_iter().chain(REQUESTS).map(|signal| (signal, disposition(signal))).collect())
    }

    /// Those that nobody but the libraries below MPI cares for; and of the others the handlers that ours asks first.
    fn free(self) -> (Vec<c_int>, Vec<(c_int, libc::sigaction)>) {
        let (mut free, mut earlier) = (Vec::new(), Vec::new());
        for (signal, action) in self.0 {
            match action.sa_sigaction {
                libc::SIG_DFL => free.push(signal),
                libc::SIG_IGN => {}
                handler if is_of_mpi(handler) => free.push(signal),
                // Rust's own, at least: it would report a full stack in words that name no rank.
                _ if [libc::SIGSEGV, libc::SIGBUS].contains(&signal) => {
                    free.push(signal);
                    earlier.push((signal, action));
                }
                _ => {}
            }
        }
        (free, earlier)
    }
}

/// From now on SIGTERM and SIGUSR1 raise a flag instead of ending the program, unless the program has handlers of its own.
pub(crate) fn raise_a_flag() {
    if FLAG_IS_WANTED.swap(true, Ordering::SeqCst) || ours().is_none() {
        return;
    }
    let handler = disposition(libc::SIGUSR1).sa_sigaction;
    if handler == libc::SIG_DFL || is_of_mpi(handler) {
        set_disposition(libc::SIGUSR1, &handled(libc::SIGUSR1));
    }
}

/// Whether one of these signals has come since.
pub(crate) fn flag_is_up() -> bool {
    FLAG.load(Ordering::SeqCst)
}

pub(super) fn disposition(signal: c_int) -> libc::sigaction {
    let mut action = MaybeUninit::zeroed();
    // SAFETY: with no new action this only writes the present one to a live local; all zeros is a valid one, too.
    unsafe {
        libc::sigaction(signal, ptr::null(), action.as_mut_ptr());
        action.assume_init()
    }
}

pub(super) fn set_disposition(signal: c_int, action: &libc::sigaction) {
    // SAFETY: the action is one that was there before, or has a handler of ours, of the kind that its flags say.
    unsafe { libc::sigaction(signal, action, ptr::null_mut()) };
}

/// Whether the code at this address belongs to a library below MPI.
fn is_of_mpi(code: usize) -> bool {
    let mut found = MaybeUninit::<libc::Dl_info>::zeroed();
    // SAFETY: any address may be asked about; the answer goes to a live local, in which all zeros is valid.
    let found = unsafe {
        libc::dladdr(code as *const c_void, found.as_mut_ptr());
        found.assume_init()
    };
    if found.dli_fname.is_null() {
        return false;
    }
    // SAFETY: not null, so it is a string of the loader, which stays as long as the library does.
    let path = unsafe { CStr::from_ptr(found.dli_fname) }.to_bytes();
    let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
    OF_MPI.iter().any(|library| name.starts_with(library))
}

/// From now on faults, requests to end and `exit` are told by `who`, and end in `ends`, until [`unwatch`]. Once in a process;
/// from the thread that has called `main`, if its stack is to be looked after. Without a thread to do it all stays as it is.
pub(crate) fn watch(before: Dispositions, who: &str, ends: Ends) {
    let (free, earlier) = before.free();
    // SAFETY: these two have no preconditions but room for 16 bytes.
    let (process, name) = unsafe {
        let mut name = [0; 16];
        libc::prctl(libc::PR_GET_NAME, name.as_mut_ptr());
        (libc::getpid(), name)
    };
    if WATCH.set(Watch { process, name, who: who.to_owned(), ends, earlier }).is_err() {
        return;
    }
    EXIT_IS_EARLY.store(true, Ordering::SeqCst);
    at_exit();
    if !WAKE.prepare() {
        return;
    }
    let (ready, wait) = std::sync::mpsc::channel();
    let thread = without_signals(|| {
        Builder::new().name("rankwise-end".into()).stack_size(STACK_OF_THE_THREAD).spawn(move || {
            let _ = ready.send(());
            end_when_woken();
        })
    });
    let Ok(thread) = thread else { return };
    // Its start takes memory, of which there may be none left later.
    let _ = wait.recv();
    let stack = AlternateStack::begin();
    let before = free.iter().map(|&signal| (signal, disposition(signal))).collect();
    for signal in free {
        set_disposition(signal, &handled(signal));
    }
    let installed = Installed { before, stack, thread };
    *INSTALLED.lock().unwrap_or_else(PoisonError::into_inner) = Some(installed);
}

/// After a good end: signals are handled as before, and `exit` is what it always was.
pub(crate) fn unwatch() {
    EXIT_IS_EARLY.store(false, Ordering::SeqCst);
    let Some(installed) = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
    for (signal, before) in &installed.before {
        // Unless the program has put in another one since.
        if disposition(*signal).sa_sigaction == handled(*signal).sa_sigaction {
            set_disposition(*signal, before);
        }
    }
    // A warning that comes late must not end a program that has ended well.
    if disposition(libc::SIGUSR1).sa_sigaction == handled(libc::SIGUSR1).sa_sigaction {
        ignore(libc::SIGUSR1);
        if disposition(libc::SIGTERM).sa_sigaction == libc::SIG_DFL {
            ignore(libc::SIGTERM);
        }
    }
    if let Some(stack) = installed.stack {
        stack.end();
    }
    WAKE.post();
    let _ = installed.thread.join();
}

/// From now on SIGTERM is ignored: this process is about to leave with an exit code, and a launcher that ends all at the first that
/// has left, as `srun --kill-on-bad-exit=1` does, would make 143 of the others' code.
pub(crate) fn leaving() {
    ignore(libc::SIGTERM);
}

fn ignore(signal: c_int) {
    let mut ignored = handled(signal);
    (ignored.sa_sigaction, ignored.sa_flags) = (libc::SIG_IGN, 0);
    set_disposition(signal, &ignored);
}

/// The action that has our handler.
fn handled(signal: c_int) -> libc::sigaction {
    type Handler = extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void);
    let handler: Handler =
        if REQUESTS.contains(&signal) || WARNINGS.contains(&signal) { on_request } else { on_fault };
    // SAFETY: all zeros is a valid action; the mask is a live field of it.
    unsafe {
        let mut action: libc::sigaction = MaybeUninit::zeroed().assume_init();
        action.sa_sigaction = handler as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESTART;
        libc::sigfillset(&mut action.sa_mask);
        action
    }
}

/// A thread that `start` starts gets none of the signals that are meant for the program.
fn without_signals<R>(start: impl FnOnce() -> R) -> R {
    let (mut all, mut before) = (MaybeUninit::zeroed(), MaybeUninit::zeroed());
    // SAFETY: the sets are live locals; the second is written before it is read. What a thread does by its own fault is not
    // blocked, since to block that is to die without a word.
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        for fault in FAULTS {
            libc::sigdelset(all.as_mut_ptr(), fault);
        }
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
        let started = start();
        libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), ptr::null_mut());
        started
    }
}

/// The thread: sleeps until a handler has something to end, or all has ended well.
fn end_when_woken() {
    WAKE.wait();
    let Some(watch) = WATCH.get() else { return };
    match (FAULT.load(Ordering::SeqCst), REQUEST.load(Ordering::SeqCst)) {
        (0, 0) => {}
        (0, request) => (watch.ends.told)(request, SENDER.load(Ordering::SeqCst).unsigned_abs()),
        (fault, _) => (watch.ends.fault)(128 + fault, HAS_SPOKEN.load(Ordering::SeqCst)),
    }
}

/// Only in the process that MPI knows, not in a child that was forked from it and has not become another program.
fn ours() -> Option<&'static Watch> {
    // SAFETY: getpid has no preconditions.
    WATCH.get().filter(|watch| watch.process == unsafe { libc::getpid() })
}

extern "C" fn on_request(signal: c_int, info: *mut libc::siginfo_t, _: *mut c_void) {
    if ours().is_none() {
        return by_default(signal);
    }
    if WARNINGS.contains(&signal) && FLAG_IS_WANTED.load(Ordering::SeqCst) {
        FLAG.store(true, Ordering::SeqCst);
        return;
    }
    // SAFETY: the system hands in what is known of the signal; the code says whether a process has sent it.
    let sender = unsafe { if (*info).si_code <= 0 { (*info).si_pid() } else { 0 } };
    // SAFETY: the address is that of this thread's own number, which the interrupted code may be about to read.
    let errno = unsafe { *libc::__errno_location() };
    if REQUEST.load(Ordering::SeqCst) == 0 {
        SENDER.store(sender, Ordering::SeqCst);
        REQUEST.store(signal, Ordering::SeqCst);
        WAKE.post();
    }
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = errno };
}

extern "C" fn on_fault(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    let Some(watch) = ours() else { return by_default(signal) };
    if let Some(code) = process::ending() {
        // Of what MPI does to end the job, or while it does.
        process::leave(code);
    }
    let full = stack_is_full(signal, info, context);
    if !full && handled_before(watch, signal, info, context) {
        return;
    }
    let first = FAULT.compare_exchange(0, signal, Ordering::SeqCst, Ordering::SeqCst).is_ok();
    if first {
        let speaks = voice::is_ours();
        if speaks {
            process::write_to_stderr(describe(watch, signal, info, full).bytes());
        }
        HAS_SPOKEN.store(speaks, Ordering::SeqCst);
        if core_is_wanted() {
            // It is written when the process dies of the signal itself.
            pause(Duration::from_millis(100));
            return by_default(signal);
        }
        WAKE.post();
    }
    pause(PATIENCE);
    process::leave(128 + signal);
}

/// The one line.
fn describe(watch: &Watch, signal: c_int, info: *mut libc::siginfo_t, full: bool) -> Line {
    // SAFETY: the system hands in what is known of the signal. A process that sends one leaves its id, a fault an address.
    let (sent, sender, address) =
        unsafe { ((*info).si_code <= 0, (*info).si_pid(), (*info).si_addr() as usize) };
    let mut line = Line::new();
    line.add(watch.who.as_bytes());
    match signal {
        _ if full => {
            line.add(b": ");
            line.add(thread_name(watch).bytes());
            line.add(b" has overflowed its stack (SIGSEGV)");
        }
        // Abort sends it, too.
        libc::SIGABRT => line.add(
            b" aborted (SIGABRT): by std::process::abort, for want of memory, or in C; what printed before may say why",
        ),
        _ if sent => {
            let name: &[u8] = match signal {
                libc::SIGSEGV => b"SIGSEGV",
                libc::SIGBUS => b"SIGBUS",
                libc::SIGFPE => b"SIGFPE",
                _ => b"SIGILL",
            };
            line.add(b" was sent ");
            line.add(name);
            line.add(b" by process ");
            line.number(sender.unsigned_abs() as usize, 10);
        }
        libc::SIGSEGV => {
            line.add(b" used memory that is not its own (SIGSEGV), at 0x");
            line.number(address, 16);
        }
        libc::SIGBUS => {
            line.add(b" used memory with nothing behind it (SIGBUS), at 0x");
            line.number(address, 16);
            line.add(b": of a file that was cut short, or on a full /dev/shm?");
        }
        libc::SIGFPE => line.add(b" divided by zero, or the like (SIGFPE)"),
        _ => line.add(b" met an instruction that this processor does not have (SIGILL)"),
    }
    line.add(b"\n");
    line
}

/// As words for a message.
fn thread_name(watch: &Watch) -> Line {
    let mut name = [0_u8; 16];
    // SAFETY: neither has a precondition but room for 16 bytes.
    let (_, is_main) = unsafe {
        (
            libc::prctl(libc::PR_GET_NAME, name.as_mut_ptr()),
            libc::syscall(libc::SYS_gettid) == i64::from(watch.process),
        )
    };
    let mut words = Line::new();
    match name.iter().position(|&byte| byte == 0) {
        _ if is_main => words.add(b"the main thread"),
        Some(len @ 1..) if name != watch.name => {
            words.add(b"thread ");
            words.add(&name[..len]);
        }
        _ => words.add(b"a thread"),
    }
    words
}

/// Whether the stack of this thread is full: the fault was close to where its stack ends.
fn stack_is_full(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) -> bool {
    if signal != libc::SIGSEGV && signal != libc::SIGBUS {
        return false;
    }
    let context = context.cast::<libc::ucontext_t>();
    // SAFETY: the system hands in the state of the interrupted thread, and what is known of the signal.
    let (stack, address) = unsafe {
        #[cfg(target_arch = "x86_64")]
        let stack = (*context).uc_mcontext.gregs[libc::REG_RSP as usize] as usize;
        #[cfg(target_arch = "aarch64")]
        let stack = (*context).uc_mcontext.sp as usize;
        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
        let stack = {
            let _ = context;
            0
        };
        if (*info).si_code <= 0 {
            return false;
        }
        (stack, (*info).si_addr() as usize)
    };
    stack != 0 && stack.abs_diff(address) < STACK
}

/// Asks the handler that was there before ours. Rust's, for one, finds nothing of its own and makes way.
fn handled_before(watch: &Watch, signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) -> bool {
    let Some((_, earlier)) = watch.earlier.iter().find(|(of, _)| *of == signal) else { return false };
    // SAFETY: the handler was installed for this signal, with flags that say which of the two kinds it is; it gets what the
    // system has handed in.
    unsafe {
        if earlier.sa_flags & libc::SA_SIGINFO != 0 {
            let handler: extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) =
                std::mem::transmute(earlier.sa_sigaction);
            handler(signal, info, context);
        } else {
            let handler: extern "C" fn(c_int) = std::mem::transmute(earlier.sa_sigaction);
            handler(signal);
        }
    }
    disposition(signal).sa_sigaction != libc::SIG_DFL
}

/// The process dies of the signal, when its handler has returned.
fn by_default(signal: c_int) {
    // SAFETY: neither has preconditions; the signal is blocked while its handler runs.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        libc::raise(signal);
    }
}

fn core_is_wanted() -> bool {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: writes to a live local.
    unsafe { libc::getrlimit(libc::RLIMIT_CORE, &mut limit) == 0 && limit.rlim_cur > 0 }
}

/// Sleeps; a signal handler may call it.
fn pause(time: Duration) {
    let time = libc::timespec {
        tv_sec: time.as_secs() as libc::time_t,
        tv_nsec: time.subsec_nanos() as libc::c_long,
    };
    // SAFETY: reads a live local.
    unsafe { libc::nanosleep(&time, ptr::null_mut()) };
}

/// `exit` runs it first, before what was registered earlier.
fn at_exit() {
    #[cfg(target_env = "gnu")]
    {
        unsafe extern "C" {
            fn on_exit(function: extern "C" fn(c_int, *mut c_void), argument: *mut c_void) -> c_int;
        }
        extern "C" fn left(code: c_int, _: *mut c_void) {
            on_early_exit(Some(code));
        }
        // SAFETY: the function stays as long as the program, and makes nothing of its argument.
        unsafe { on_exit(left, ptr::null_mut()) };
    }
    #[cfg(not(target_env = "gnu"))]
    {
        extern "C" fn left() {
            on_early_exit(None);
        }
        // SAFETY: the function stays as long as the program.
        unsafe { libc::atexit(left) };
    }
}

fn on_early_exit(code: Option<i32>) {
    // MPI_Abort, too, ends in exit.
    if EXIT_IS_EARLY.load(Ordering::SeqCst)
        && process::ending().is_none()
        && let Some(watch) = ours()
    {
        (watch.ends.exit)(code);
    }
}

/// Memory on which a handler can run when the thread's own stack is full.
struct AlternateStack {
    start: *mut c_void,
    len: usize,
    before: libc::stack_t,
}

// SAFETY: the memory is nobody else's, and the stack before is given back to its thread without being looked at.
unsafe impl Send for AlternateStack {}

impl AlternateStack {
    /// For this thread.
    fn begin() -> Option<Self> {
        // SAFETY: getauxval answers 0 for what it does not know.
        let registers = unsafe { libc::getauxval(libc::AT_MINSIGSTKSZ) } as usize;
        let len = STACK + registers;
        let kind = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_STACK;
        // SAFETY: new memory at an address of the system's choice.
        let start =
            unsafe { libc::mmap(ptr::null_mut(), len, libc::PROT_READ | libc::PROT_WRITE, kind, -1, 0) };
        if start == libc::MAP_FAILED {
            return None;
        }
        let stack = libc::stack_t { ss_sp: start, ss_flags: 0, ss_size: len };
        let mut before = libc::stack_t { ss_sp: ptr::null_mut(), ss_flags: libc::SS_DISABLE, ss_size: 0 };
        // SAFETY: the memory stays until `end`; the earlier stack is written to a live local.
        unsafe { libc::sigaltstack(&stack, &mut before) };
        Some(AlternateStack { start, len, before })
    }

    /// In the same thread.
    fn end(self) {
        // SAFETY: the stack before is as the thread had it. The memory is given back only when no handler can use it any more.
        unsafe {
            if libc::sigaltstack(&self.before, ptr::null_mut()) == 0 {
                libc::munmap(self.start, self.len);
            }
        }
    }
}

/// Text that needs no memory but its own; what is too long is cut off.
struct Line {
    text: [u8; 320],
    len: usize,
}

impl Line {
    fn new() -> Self {
        Line { text: [0; 320], len: 0 }
    }

    fn bytes(&self) -> &[u8] {
        &self.text[..self.len]
    }

    fn add(&mut self, bytes: &[u8]) {
        for (place, byte) in self.text[self.len..].iter_mut().zip(bytes) {
            *place = *byte;
        }
        self.len = self.text.len().min(self.len + bytes.len());
    }

    fn number(&mut self, mut number: usize, base: usize) {
        let (mut digits, mut start) = ([0; 20], 20);
        while start > 0 {
            start -= 1;
            digits[start] = b"0123456789abcdef"[number % base];
            number /= base;
            if number == 0 {
                break;
            }
        }
        self.add(&digits[start..]);
    }
}

#[cfg(test)]
mod tests {
    use super::Line;

    #[test]
    fn a_line_holds_what_fits() {
        let mut line = Line::new();
        line.add(b"at 0x");
        line.number(0xdead_beef, 16);
        line.add(b" of ");
        line.number(0, 10);
        line.add(b" and ");
        line.number(usize::MAX, 10);
        assert_eq!(line.bytes(), format!("at 0xdeadbeef of 0 and {}", usize::MAX).as_bytes());
        line.add(&[b'x'; 1000]);
        assert_eq!(line.bytes().len(), 320);
        line.add(b"y");
        assert!(line.bytes().ends_with(b"x"));
    }
}
