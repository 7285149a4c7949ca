//! The end of a job in which a rank failed: one message, and then no rank is left.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::fs::{File, OpenOptions, TryLockError};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::panic::PanicHookInfo;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mpi::environment::Universe;

use crate::comm::Comm;
use crate::{panics, sys};

/// The exit code after a panic, as Rust's own.
const PANIC: i32 = 101;

/// What a launcher needs, at most, to pass a message on; there is no way to ask it.
const FORWARDING: Duration = Duration::from_millis(100);

/// What a failing thread needs to know of its rank.
struct Rank {
    rank: usize,
    size: usize,
    host: String,
    /// A file shared by the ranks of this node, without a name: who locks it while it is empty speaks for all.
    voice: Option<File>,
}

static RANK: OnceLock<Rank> = OnceLock::new();
static SPEAKING: AtomicBool = AtomicBool::new(false);

/// From now on a panic in any thread ends the whole job. Collective.
pub(super) fn install(world: &Comm) -> crate::Result<()> {
    let voice = shared_file(world)?;
    let this = Rank { rank: world.rank(), size: world.size(), host: world.host().to_owned(), voice };
    if RANK.set(this).is_ok() {
        std::panic::set_hook(Box::new(|panic| {
            if !panics::keep(|| in_short(panic)) {
                end_job(PANIC, &describe(panic));
            }
        }));
    }
    Ok(())
}

/// Prints `message`, unless another rank of this node has spoken already; says whether it did.
pub(super) fn speak(message: &str) -> bool {
    let speaks = !SPEAKING.swap(true, Ordering::SeqCst) && first_of_node();
    if speaks {
        // In one write, so that lines of ranks do not mix; past the lock of standard error, which another thread may hold.
        sys::process::write_to_stderr(format!("{}\n", message.trim_end()).as_bytes());
    }
    speaks
}

/// Prints `message` in passing.
pub(super) fn say(message: &str) {
    sys::process::write_to_stderr(format!("{}\n", message.trim_end()).as_bytes());
}

/// Prints `message`, unless another rank of this node has spoken already, and ends all ranks with `code`.
pub(super) fn end_job(code: i32, message: &str) -> ! {
    // MPICH's launcher ends at once when told to abort, and loses what it has not read by then. Who does not speak is ended by
    // the one that does; should that one die before it can, this one does it.
    std::thread::sleep(if speak(message) { FORWARDING } else { Duration::from_secs(3) });
    flush_stdout();
    sys::process::abort(code, RANK.get().map_or(1, |this| this.size))
}

/// Ends all ranks with `code`, when all has been said already.
pub(super) fn end_job_unsaid(code: i32) -> ! {
    std::thread::sleep(FORWARDING);
    flush_stdout();
    sys::process::abort(code, RANK.get().map_or(1, |this| this.size))
}

/// Writes out what was printed, unless a thread holds the lock and does not let go.
fn flush_stdout() {
    let (done, wait) = std::sync::mpsc::channel();
    let flush = std::thread::Builder::new().spawn(move || {
        let _ = std::io::stdout().flush();
        let _ = done.send(());
    });
    if flush.is_ok() {
        let _ = wait.recv_timeout(FORWARDING);
    }
}

/// MPI's own end. It waits for all ranks, so it must not come on the way out of a panic that went past the hook
/// (`resume_unwind`, or a hook that the program has set): then the job is ended instead.
pub(super) struct EndOfMpi(Option<Universe>);

impl EndOfMpi {
    pub(super) fn new(universe: Universe) -> Self {
        EndOfMpi(Some(universe))
    }
}

impl Drop for EndOfMpi {
    fn drop(&mut self) {
        if std::thread::panicking() {
            std::mem::forget(self.0.take());
            let message = match RANK.get() {
                Some(this) => format!("rank {} of {} ({}) panicked", this.rank, this.size, this.host),
                None => "panicked".into(),
            };
            end_job(PANIC, &message);
        }
    }
}

fn in_short(panic: &PanicHookInfo<'_>) -> String {
    let place = panic.location().map_or(String::new(), |place| format!(" at {place}"));
    format!("panicked{place}: {}", what(panic))
}

fn what<'a>(panic: &'a PanicHookInfo<'_>) -> &'a str {
    panic.payload_as_str().unwrap_or("a panic without a message")
}

fn describe(panic: &PanicHookInfo<'_>) -> String {
    let what = what(panic);
    let place = panic.location().map_or(String::new(), |place| format!(" at {place}"));
    let mut text = match RANK.get() {
        Some(this) => format!("rank {} of {} ({}) panicked{place}:\n{what}", this.rank, this.size, this.host),
        None => format!("panicked{place}:\n{what}"),
    };
    let trace = Backtrace::capture();
    if trace.status() == BacktraceStatus::Captured {
        text = format!("{text}\n{trace}");
    }
    text
}

/// Whether no other rank of this node has failed before.
fn first_of_node() -> bool {
    let Some(mut voice) = RANK.get().and_then(|this| this.voice.as_ref()) else { return true };
    match voice.try_lock() {
        Err(TryLockError::WouldBlock) => false,
        // Without locks every rank speaks: too much is better than nothing.
        Err(TryLockError::Error(_)) => true,
        Ok(()) => match voice.metadata() {
            Ok(file) if file.len() > 0 => false,
            // The mark stays when this process, and with it the lock, is gone.
            _ => {
                let _ = voice.write_all(b"1");
                true
            }
        },
    }
}

/// Opens one file on all ranks of this node and takes away its name at once. `None` where that does not work.
fn shared_file(world: &Comm) -> crate::Result<Option<File>> {
    let folder = ["/dev/shm", "/tmp"].into_iter().map(Path::new).find(|folder| folder.is_dir());
    // A name that no stranger can foresee, the same for all ranks of the job.
    let mut token = [RandomState::new().build_hasher().finish()];
    world.broadcast_into(0, &mut token)?;
    let path = folder.map(|folder| folder.join(format!("rankwise-{:016x}", token[0])));
    let file = path.as_ref().and_then(|path| {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        options.mode(0o600).custom_flags(libc::O_NOFOLLOW).open(path).ok()
    });
    world.barrier()?;
    if let Some(path) = path {
        // One rank of the node is first, the others find nothing to remove.
        let _ = std::fs::remove_file(path);
    }
    Ok(file)
}
