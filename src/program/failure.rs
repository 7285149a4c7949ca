//! The end of a job in which a rank failed: one message, and then no rank is left.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::Write;
use std::panic::PanicHookInfo;
use std::sync::OnceLock;
use std::time::Duration;

use mpi::environment::Universe;

use crate::comm::Comm;
use crate::{panics, sys};

/// The exit code after a panic, as Rust's own.
const PANIC: i32 = 101;

/// What a launcher needs, at most, to pass a message on; there is no way to ask it.
const FORWARDING: Duration = Duration::from_millis(100);

/// The exit code after an error of MPI in a call that is not ours.
const MPI_ERROR: i32 = 102;

/// The exit code after `exit(0)` in the middle: success is what all ranks have together.
const LEFT: i32 = 70;

/// How long the one that speaks needs at most to end the others.
const TO_BE_ENDED: Duration = Duration::from_secs(3);

/// What a failing thread needs to know of its rank.
struct Rank {
    rank: usize,
    size: usize,
    host: String,
}

impl Rank {
    /// What a message about it begins with.
    fn name() -> String {
        let name = RANK.get().map(|this| format!("rank {} of {} ({})", this.rank, this.size, this.host));
        name.unwrap_or_else(|| "this program".into())
    }
}

static RANK: OnceLock<Rank> = OnceLock::new();

/// From now on an error of MPI in a call that is not ours ends the whole job.
pub(super) fn name_mpi_errors() -> crate::Result<()> {
    sys::mpi_errors::tell_by(mpi_error).map_err(|failure| crate::comm::Call::new("run").error(failure))
}

/// From now on a panic in any thread, a fault and `exit` end the whole job, until [`uninstall`]. Collective. `before` is how
/// signals were handled before MPI started.
pub(super) fn install(world: &Comm, before: sys::signals::Dispositions) -> crate::Result<()> {
    if let Some(file) = world.node_file()? {
        sys::voice::share(file);
    }
    let this = Rank { rank: world.rank(), size: world.size(), host: world.host().to_owned() };
    if RANK.set(this).is_ok() {
        sys::signals::watch(before, &Rank::name(), sys::signals::Ends { fault, told, exit });
        std::panic::set_hook(Box::new(|panic| {
            if !panics::keep(|| apart(panic)) {
                end_job(PANIC, &describe(panic));
            }
        }));
    }
    Ok(())
}

/// Prints `message`, unless another rank of this node has spoken already; says whether it did.
pub(super) fn speak(message: &str) -> bool {
    let speaks = sys::voice::is_ours();
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
    let spoken = speak(message);
    write_trace();
    std::thread::sleep(if spoken { FORWARDING } else { TO_BE_ENDED });
    flush_stdout();
    abort(code)
}

/// Writes the picture of the run up to here, if one was asked for and no other rank does.
fn write_trace() {
    if let Some(path) = crate::trace::after_failure() {
        say(&format!("what happened until then is in {}", path.display()));
    }
}

/// Ends all ranks with `code`, when all has been said already. Who is `to_blame` does it; the others wait for that.
pub(super) fn end_job_unsaid(code: i32, to_blame: bool) -> ! {
    crate::file::remove_staged();
    flush_stdout();
    std::thread::sleep(if to_blame { FORWARDING } else { TO_BE_ENDED });
    abort(code)
}

fn abort(code: i32) -> ! {
    crate::file::remove_staged();
    sys::process::abort(code, RANK.get().map_or(1, |this| this.size))
}

/// After a signal of which this rank dies. What it has printed stays unwritten, as after every such death: what would write it
/// may be what is broken.
fn fault(code: i32, spoken: bool) -> ! {
    crate::trace::leave_to_others();
    std::thread::sleep(if spoken { FORWARDING } else { TO_BE_ENDED });
    abort(code)
}

/// After a signal that asks to end, on a thread of its own.
fn told(signal: i32, sender: u32) -> ! {
    let (code, name) = (128 + signal, if signal == libc::SIGINT { "SIGINT" } else { "SIGTERM" });
    let who = Rank::name();
    // A terminal sends a signal to all, and leaves no name.
    if sender != 0 && sender != std::os::unix::process::parent_id() {
        let by = match std::fs::read_to_string(format!("/proc/{sender}/comm")) {
            _ if sender == std::process::id() => "itself".into(),
            Ok(name) => format!("{}, process {sender}", name.trim()),
            Err(_) => format!("process {sender}"),
        };
        end_job(code, &format!("{who} was told to end ({name}), by {by}"));
    }
    // The launcher tells all ranks, and waits for those that do not obey: one rank speaks for the job, if nothing has been said.
    let spoken = RANK.get().is_none_or(|this| this.rank == 0)
        && speak(&format!(
            "{who} was told to end ({name}), as by Ctrl-C, by the launcher of a cancelled job, or after the death of another rank"
        ));
    if sys::process::OPEN_MPI {
        // Its launcher does not answer MPI_Abort while it ends the job.
        write_trace();
        std::thread::sleep(if spoken { FORWARDING } else { Duration::ZERO });
        flush_stdout();
        crate::file::remove_staged();
        sys::process::leave(code)
    }
    write_trace();
    // MPICH's may end with 0 after ranks that just leave.
    std::thread::sleep(if spoken { FORWARDING } else { 2 * FORWARDING });
    flush_stdout();
    abort(code)
}

/// In `exit`, while others may wait for this rank.
fn exit(code: Option<i32>) -> ! {
    let call = code.map_or("exit".into(), |code| format!("exit({code})"));
    let who = Rank::name();
    let message = format!("{who} called {call} in the middle of the program; return from its body instead");
    // The last eight bits are what a parent process sees of it.
    end_job(code.map(|code| code & 0xff).filter(|&code| code != 0).unwrap_or(LEFT), &message)
}

fn mpi_error(text: &str) -> ! {
    end_job(MPI_ERROR, &with_trace(format!("{} has an error of MPI: {text}", Rank::name())))
}

/// With a backtrace, if one is asked for.
fn with_trace(text: String) -> String {
    let trace = Backtrace::capture();
    if trace.status() == BacktraceStatus::Captured { format!("{text}\n{trace}") } else { text }
}

/// From now on signals and `exit` are what they were.
pub(super) fn uninstall() {
    sys::signals::unwatch();
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
            end_job(PANIC, &format!("{} panicked", Rank::name()));
        }
    }
}

fn apart(panic: &PanicHookInfo<'_>) -> panics::Panic {
    let place = panic.location().map(ToString::to_string);
    panics::Panic { place, message: what(panic).to_owned() }
}

fn what<'a>(panic: &'a PanicHookInfo<'_>) -> &'a str {
    panic.payload_as_str().unwrap_or("a panic without a message")
}

fn describe(panic: &PanicHookInfo<'_>) -> String {
    let place = panic.location().map_or(String::new(), |place| format!(" at {place}"));
    with_trace(format!("{} panicked{place}:\n{}", Rank::name(), what(panic)))
}
