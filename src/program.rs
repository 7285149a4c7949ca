//! A program from start to end: the right launcher, the arguments, the body, one message for a failure, the exit code.

use std::error::Error as StdError;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use mpi::Threading;
use mpi::topology::SimpleCommunicator;

use crate::comm::{Comm, LogicalOr, MaxWithPlace, Placed};
use crate::error::{Error, in_one_line};
use crate::{check, file, sys};

mod arguments;
mod failure;
mod launch;
mod place;

pub(crate) use launch::{Library, library};
pub use launch::{launched_by, mpi_version};
pub use place::{Place, allowed_cores, count_cores, place, places, threads};

/// What a body returns: `?` works on every error there is.
pub type Outcome = Result<(), Box<dyn StdError>>;

/// How long a rank that failed waits for the others to end too, before it ends them. Those that fail for the same reason
/// do so at about the same time; those that wait for this rank never come.
const PATIENCE: Duration = Duration::from_millis(300);

/// How the checks end the job, and say something.
const WAYS: check::Ways = check::Ways { end: failure::end_job, say: failure::say };

/// The exit code for bad usage: of the program or of the launcher.
const USAGE: u8 = 2;

/// Runs `body` on every rank, with the world of all ranks, and returns the exit code for `main`.
///
/// | what happens | what is printed, once | exit code |
/// |---|---|---|
/// | every rank returns `Ok` | nothing | 0 |
/// | all ranks return an `Err`, or one that they agreed on | the error of the lowest failing rank | 1 |
/// | an `Err` on some ranks, while others wait for them | that error, with rank and host; the job is ended | 1 |
/// | a panic, in any thread of any rank | its message, with rank, host and line; the job is ended | 101 |
/// | ranks make different collective calls, or wait for ever | where every rank is; the job is ended | 3 |
/// | `std::process::exit(n)` in the middle | that, with rank and host; the job is ended | n, or 70 instead of 0 |
/// | tasks of a skeleton failed, and nobody looked at the errors | how many, and the first | 1 |
/// | a segmentation fault, a full stack, abort, SIGTERM, SIGINT | that, with rank and host; the job is ended | 128 + the signal |
/// | an error of MPI in a call of the `mpi` crate | that, with rank and host; the job is ended | 102 |
/// | the launcher of another MPI, or `srun` without the right `--mpi` | what was started by what, and what to do | 2 |
/// | ranks with other programs, builds or arguments than the rest | who runs what | 2 |
///
/// Each of them, with what is printed, is in `docs/failures.md`; so is what no program can say itself, as after SIGKILL.
///
/// Without a launcher it is a world of one rank. A panic is never caught in the body: it ends all ranks where it happens.
///
/// # Collective
/// This starts MPI on every rank, and ends it.
///
/// ```
/// use rankwise::prelude::*;
///
/// fn main() -> ExitCode {
///     rankwise::run(|world| {
///         world.print_in_order(format!("rank {} of {}", world.rank(), world.size()))?;
///         Ok(())
///     })
/// }
/// ```
#[must_use = "main returns it, or the job seems to have succeeded"]
pub fn run(body: impl FnOnce(&Comm) -> Outcome) -> ExitCode {
    start(|world| {
        world.start_trace(None)?;
        world.start_checks(WAYS)?;
        Ok(Ok(body(world)))
    })
}

/// As [`run`], with the command line, parsed by any [`clap::Parser`]. Usage errors, `--help` and `--version` are printed
/// once, by the root, and all ranks leave: with 2 after an error, else with 0.
///
/// Unless the parser has a `--trace` of its own, there is one more argument: `--trace FILE` writes a picture of the run, see
/// `docs/trace.md`.
///
/// ```
/// use rankwise::prelude::*;
///
/// /// Prints a greeting.
/// #[derive(clap::Parser)]
/// struct Args {
///     /// Whom to greet.
///     #[arg(long, default_value = "world")]
///     name: String,
/// }
///
/// fn main() -> ExitCode {
///     rankwise::run_with::<Args>(|world, args| {
///         root_println!(world, "hello, {}", args.name);
///         Ok(())
///     })
/// }
/// ```
#[must_use = "main returns it, or the job seems to have succeeded"]
pub fn run_with<A: Parser>(body: impl FnOnce(&Comm, A) -> Outcome) -> ExitCode {
    start(|world| {
        let parsed = arguments::parse::<A>();
        // A rank may see other files or another environment than the rest: they all stay or they all leave.
        let mine = parsed.as_ref().map_or_else(|usage| 1 + usage.exit_code(), |_| 0);
        let worst = world.all_reduce_one(Placed { value: mine, place: world.rank() as u64 }, MaxWithPlace)?;
        match parsed {
            Ok((args, trace)) if worst.value == 0 => {
                world.start_trace(trace.as_deref())?;
                world.start_checks(WAYS)?;
                return Ok(Ok(body(world, args)));
            }
            Err(usage) if worst.place == world.rank() as u64 => print_usage(&usage),
            _ => {}
        }
        Ok(Err(u8::try_from(worst.value - 1).unwrap_or(USAGE)))
    })
}

/// In colours only where no launcher stands between this process and the terminal: Open MPI's gives every rank a terminal of
/// its own, also when the output goes to a file.
fn print_usage(usage: &clap::Error) {
    use std::io::Write;
    let plain = usage.render().to_string();
    let _ = match (launch::launched_by().is_some(), usage.use_stderr()) {
        (false, _) => usage.print(),
        (true, true) => std::io::stderr().lock().write_all(plain.as_bytes()),
        (true, false) => std::io::stdout().lock().write_all(plain.as_bytes()),
    };
}

/// Set while [`run`] runs its body.
static RUNNING: AtomicBool = AtomicBool::new(false);

/// Whether [`run`] has started MPI, and will end it.
pub(crate) fn is_running() -> bool {
    RUNNING.load(Ordering::Relaxed)
}

/// What `start` runs: it gives the body's outcome, or the exit code that all ranks leave with before it began.
type Attempt = crate::Result<Result<Outcome, u8>>;

fn start(body: impl FnOnce(&Comm) -> Attempt) -> ExitCode {
    if let Err(wrong) = launch::before_start() {
        return launch::refuse(&wrong);
    }
    sys::progress::look_around();
    // MPI's libraries install handlers of their own.
    let before = sys::signals::Dispositions::now();
    let started = sys::start_and_end::giving_way(|| mpi::initialize_with_threading(Threading::Funneled));
    let Some((universe, level)) = started else {
        eprintln!("error: rankwise::run was called a second time; MPI can be started once in a process");
        return ExitCode::from(USAGE);
    };
    if let Err(wrong) = launch::after_start(mpi::topology::Communicator::size(&SimpleCommunicator::world())) {
        drop(universe);
        return launch::refuse(&wrong);
    }
    let universe = failure::EndOfMpi::new(universe);
    let code = match parallel(level, before, body) {
        Ok(code) => code,
        Err(error) => failure::end_job(1, &format!("error: {error}")),
    };
    // All ranks have come to their end.
    file::remove_staged();
    // An mpirun takes the code of the first that has left, and is not to be kept waiting by the others.
    let of_srun =
        std::env::var_os("SLURM_STEP_ID").is_some() && std::env::var_os("OMPI_COMM_WORLD_SIZE").is_none();
    if code != 0 && of_srun {
        sys::signals::leaving();
    }
    sys::element::free_all();
    sys::operations::free_all();
    let ends = Instant::now();
    sys::start_and_end::giving_way(|| drop(universe));
    launch::wait_for_launcher(ends.elapsed());
    failure::uninstall();
    ExitCode::from(code)
}

/// Between MPI's start and its end.
fn parallel(
    level: Threading,
    before: sys::signals::Dispositions,
    body: impl FnOnce(&Comm) -> Attempt,
) -> crate::Result<u8> {
    failure::name_mpi_errors()?;
    let world = Comm::world()?;
    failure::install(&world, before)?;
    if level < Threading::Funneled {
        let problem = format!("this MPI offers the thread level {level:?} only; rankwise needs Funneled");
        world.agree::<(), _>(Err(problem))?;
    }
    if let Some(wrong) = launch::mixed(&world)? {
        if world.is_root() {
            failure::speak(&wrong);
        }
        world.barrier()?;
        return Ok(USAGE);
    }
    place::tell(&world)?;
    // For the end of the program alone, so that it cannot meet another message.
    let ending = sys::Communicator::duplicate(world.as_mpi())
        .map_err(|failure| crate::comm::Call::new("run").error(failure))?;
    RUNNING.store(true, Ordering::Relaxed);
    let outcome = match body(&world)? {
        Ok(outcome) => outcome,
        Err(code) => {
            world.barrier()?;
            return Ok(code);
        }
    };
    let outcome = outcome.and_then(|()| {
        file::nothing_forgotten()?;
        crate::comm::nothing_forgotten()?;
        Ok(crate::error::nothing_unseen()?)
    });
    if outcome.is_ok() {
        check::ended();
    }
    let code = leave(&world, &ending, outcome)?;
    if let Some(wrong) = world.finish_trace()? {
        failure::say(&format!("error: {wrong}"));
    }
    // MPI's own end would wait for what nobody completes, or crash in HDF5. Then no rank begins with it: a launcher that is told to abort
    // while others end has crashed. All has been said.
    let stuck = crate::comm::nothing_forgotten().is_err() || file::is_broken();
    if world.all_reduce_one(stuck, LogicalOr)? {
        failure::end_job_unsaid(i32::from(code.max(1)), stuck);
    }
    check::stop();
    Ok(code)
}

/// Ends this rank after its body, as one of all; gives its exit code.
fn leave(world: &Comm, ending: &sys::Communicator, outcome: Outcome) -> crate::Result<u8> {
    match end_together(world, ending, outcome)? {
        // All have ended well, so all have dropped the same.
        0 => {
            let left = crate::comm::complete_dropped().map_err(Into::into);
            let left = left.and_then(|()| world.unreceived()?.map_or(Ok(()), |words| Err(words.into())));
            end_together(world, ending, left)
        }
        code => Ok(code),
    }
}

/// All ranks end together, or, if one has failed and others do not come, not at all.
fn end_together(world: &Comm, ending: &sys::Communicator, outcome: Outcome) -> crate::Result<u8> {
    // The minimum over ranks: the lowest that failed, and 0 if all did.
    let mine = match &outcome {
        Ok(()) => [world.size() as i64, -1],
        Err(_) => [world.rank() as i64, 0],
    };
    let patience = outcome.is_err().then_some(PATIENCE);
    let ended = sys::collectives::minimum_within(ending, mine, patience)
        .map_err(|failure| crate::comm::Call::new("run").error(failure))?;
    let Some([first, everyone]) = ended else {
        let error = outcome.err().unwrap_or_else(|| "no error".into());
        failure::end_job(1, &words(world, error.as_ref(), false));
    };
    if first == world.size() as i64 {
        return Ok(0);
    }
    if let Err(error) = outcome
        && first == world.rank() as i64
    {
        failure::speak(&words(world, error.as_ref(), everyone == 0));
    }
    // The message is out before the launcher sees the first exit code and ends the others.
    world.barrier()?;
    Ok(1)
}

/// One message for an error, with its rank unless all ranks have failed alike.
fn words(world: &Comm, error: &(dyn StdError + 'static), everyone: bool) -> String {
    let text = in_one_line(error);
    match error.downcast_ref::<Error>() {
        Some(Error::Elsewhere { .. }) => format!("error {text}"),
        _ if everyone => format!("error: {text}"),
        _ => format!("error on rank {} ({}): {text}", world.rank(), world.host()),
    }
}
