//! Tests that run on several ranks, as plain `#[test]` functions.
//!
//! `cargo test` starts the test program without MPI. [`on_ranks`] starts it again under the launcher, asking for the one
//! test it was called from; in those copies the same call runs the body on its rank. So filters, `#[should_panic]`,
//! `#[ignore]`, cargo-nextest and editors work as with any test, and nothing is to be set up.
//!
//! ```no_run
//! // tests/sums.rs
//! use rankwise::prelude::*;
//! use rankwise::testing::on_ranks;
//!
//! #[test]
//! fn every_rank_counts() {
//!     on_ranks([1, 2, 3, 4], |world| {
//!         assert_eq!(world.all_reduce_one(1, Sum)?, world.size());
//!         Ok(())
//!     });
//! }
//! ```
//!
//! | setting | what it does |
//! |---|---|
//! | `MPIEXEC` | the launcher, with options: `srun --mpi=pmix`. Else that of the MPI the program is linked to |
//! | `RANKWISE_TEST_LIMIT` | seconds until a test counts as hanging; 60 if not set |
//! | `RANKWISE_TEST_ONLY` | rank counts, as `2` or `1,2`: others are left out |
//! | `RANKWISE_TEST_UNDER` | what each rank runs under, as `valgrind -q --error-exitcode=33` |

use std::cell::Cell;
use std::env;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::comm::Comm;
use crate::program::{self, Library, Outcome, library};
use crate::sys;

/// Set for the copies only: number of ranks, and which of the test's calls of [`on_ranks`] is meant.
const RANKS: &str = "RANKWISE_TEST_RANKS";
const CALL: &str = "RANKWISE_TEST_CALL";

/// What each rank says once it has run the whole body.
const FINISHED: &str = "rankwise: this rank has run the whole test";

/// Where Open MPI 4 keeps what the processes of a job share.
const SESSIONS: &str = "OMPI_MCA_orte_tmpdir_base";

/// What a run beside others is told.
const BESIDE_OTHERS: [(&str, &str); 4] = [
    // Ranks that wait let others run: inside of MPICH, which has no word for it; of Open MPI, which else does so only where one job has
    // more ranks than there are cores.
    ("RANKWISE_YIELD", "1"),
    ("OMPI_MCA_mpi_yield_when_idle", "1"),
    // Each rank asks all devices what they are, with plugins for those of GPUs and X11: on a virtual machine half the time of a short run.
    ("HWLOC_COMPONENTS", "-pci,-linuxio"),
    ("HWLOC_PLUGINS_PATH", "/dev/null"),
];

thread_local! {
    /// How often this test has called [`on_ranks`] so far. A test runs on a thread of its own.
    static CALLS: Cell<usize> = const { Cell::new(0) };
}

/// Runs `body` once for each of `rank_counts`, on that many ranks, each time in new processes.
///
/// The copies run the test function from its start, so what it does before is done on every rank too. What comes after the
/// call runs in the first process only. A test may call this several times.
///
/// # Panics
/// The test fails, with what the ranks wrote to standard error, when a rank panics or returns an `Err`, when one ends
/// without having run the whole body, when the world has another size than asked for, and when the time limit is over: then
/// the processes are ended, and none stays behind.
pub fn on_ranks<const N: usize>(rank_counts: [usize; N], body: impl FnOnce(&Comm) -> Outcome) {
    let call = CALLS.replace(CALLS.get() + 1);
    if let Ok(ranks) = env::var(RANKS) {
        if env::var(CALL).is_ok_and(|wanted| wanted == call.to_string()) {
            run_as_rank(&ranks, body);
        }
        return;
    }
    let test = thread::current().name().expect("a test runs on a thread with its name").to_owned();
    assert_ne!(test, "main", "on_ranks is for #[test] functions; a program starts with rankwise::run");
    let only = env::var("RANKWISE_TEST_ONLY").ok();
    let wanted = |ranks: &usize| {
        only.as_ref().is_none_or(|only| only.split(',').any(|one| one.trim() == ranks.to_string()))
    };
    for ranks in rank_counts.into_iter().filter(wanted) {
        let this = env::current_exe().expect("a running program has a path");
        let mut launch = test_launcher(ranks);
        launch.args(env::var("RANKWISE_TEST_UNDER").unwrap_or_default().split_whitespace());
        launch.arg(this).args([&test, "--exact", "--include-ignored", "--nocapture", "--quiet"]);
        launch.env(RANKS, ranks.to_string()).env(CALL, call.to_string());
        let ended = run_to_end(launch, limit());
        let finished = ended.stderr.matches(FINISHED).count();
        let stderr = ended.stderr.replace(FINISHED, "");
        let stderr = stderr.trim();
        match ended.status {
            Some(status) if status.success() && finished == ranks => {}
            Some(status) if status.success() => {
                panic!("on {ranks} ranks: {finished} of them ran the whole test\n{stderr}")
            }
            Some(status) => {
                panic!("on {ranks} ranks: {status}; {finished} of them ran the whole test\n{stderr}")
            }
            None => panic!("on {ranks} ranks: no end after {:?}: a deadlock?\n{stderr}", ended.time),
        }
    }
}

/// A copy's part: the body, and then the end of the process.
fn run_as_rank(ranks: &str, body: impl FnOnce(&Comm) -> Outcome) -> ! {
    let mut whole = false;
    let code = program::run(|world| {
        if world.size().to_string() != ranks {
            return Err(format!("a world of {} ranks instead of {ranks}: see MPIEXEC", world.size()).into());
        }
        body(world)?;
        whole = true;
        Ok(())
    });
    // Only after MPI has ended well: a rank that fails there has not finished.
    if whole && code == std::process::ExitCode::SUCCESS {
        eprintln!("{FINISHED}");
        std::process::exit(0);
    }
    std::process::exit(1)
}

/// From now on messages of more than `elements` elements go in pieces of that many, as those of more than 1 GiB always do: so
/// that a test need not be that large. 0 ends it. All ranks must set the same.
pub fn split_messages_at(elements: usize) {
    sys::counts::set_test_limit(elements);
}

/// From now on this is how much is checked, whatever `RANKWISE_CHECK` says: `off`, `light` or `full`. All ranks must set the same,
/// at the same point.
///
/// # Panics
/// When `level` is none of these.
pub fn set_checks(level: &str) {
    if let Err(wrong) = crate::check::set(level) {
        panic!("{wrong}");
    }
}

/// From now on this rank records what it does, or does not: so that a benchmark can compare the two in one run.
pub fn set_recording(on: bool) {
    sys::record::set(on);
}

/// A command that starts `ranks` copies of a program, which is to follow with its arguments, on the MPI that this program is
/// linked to, with more ranks than cores if need be.
///
/// ```no_run
/// let mut hello = rankwise::testing::launcher(4);
/// let ended = rankwise::testing::run_to_end(
///     { hello.arg("target/debug/examples/hello"); hello },
///     std::time::Duration::from_secs(10),
/// );
/// assert!(ended.status.is_some_and(|status| status.success()));
/// ```
pub fn launcher(ranks: usize) -> Command {
    let names: &[&str] = match library() {
        Library::OpenMpi => &["mpirun.openmpi", "mpirun"],
        Library::Mpich => &["mpirun.mpich", "mpirun"],
        Library::Other => &["mpiexec"],
    };
    let there = |name: &&&str| {
        env::var_os("PATH")
            .is_some_and(|path| env::split_paths(&path).any(|folder| folder.join(name).is_file()))
    };
    let found = names.iter().find(there).unwrap_or(&"mpiexec");
    let words = env::var("MPIEXEC").unwrap_or_else(|_| (*found).to_owned());
    let mut words = words.split_whitespace();
    let mut command = Command::new(words.next().unwrap_or(found));
    command.args(words).args(["-n", &ranks.to_string()]);
    // Open MPI 4, then 5; other launchers do not look at them.
    command.env("OMPI_MCA_rmaps_base_oversubscribe", "1").env("OMPI_MCA_hwloc_base_binding_policy", "none");
    command.env("PRTE_MCA_rmaps_default_mapping_policy", ":oversubscribe");
    command.env("PRTE_MCA_hwloc_default_binding_policy", "none");
    // Open MPI 4 takes this one where there is no network for others; but first UCX looks for one, for a fifth of a second.
    let network = |kind| Path::new("/sys/class").join(kind).exists();
    if !network("infiniband") && !network("cxi") && env::var_os("OMPI_MCA_pml").is_none() {
        command.env("OMPI_MCA_pml", "ob1");
    }
    command
}

/// As [`launcher`], for a short run beside others, as tests are; not for one that is measured. Ranks that wait let others run, and none
/// looks for devices; what the environment says of either stays.
///
/// ```no_run
/// let mut hello = rankwise::testing::test_launcher(4);
/// hello.arg("target/debug/examples/hello");
/// assert!(rankwise::testing::run_to_end(hello, std::time::Duration::from_secs(10)).stdout.starts_with("rank 0 of 4"));
/// ```
pub fn test_launcher(ranks: usize) -> Command {
    let mut command = launcher(ranks);
    command.envs(BESIDE_OTHERS.into_iter().filter(|(name, _)| env::var_os(name).is_none()));
    command
}

/// A folder for one launch: two of Open MPI that begin and end in the same moment take a common one from each other ("A call to mkdir
/// was unable to create the desired directory"). Open MPI makes it.
fn sessions() -> PathBuf {
    static LAUNCHES: AtomicUsize = AtomicUsize::new(0);
    let launch = LAUNCHES.fetch_add(1, Ordering::Relaxed);
    // Short, for names of sockets are below it.
    env::temp_dir().join(format!("rankwise-{}-{launch}", std::process::id()))
}

/// How a program ended, and what it wrote.
#[derive(Debug)]
pub struct Ended {
    /// `None` when it had to be ended.
    pub status: Option<ExitStatus>,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
    /// How long it ran.
    pub time: Duration,
}

/// One of the turns that commands take, until it is dropped.
struct Turn;

/// How many are free.
static TURNS: Mutex<usize> = Mutex::new(4);
static FREE: Condvar = Condvar::new();

impl Turn {
    fn take() -> Self {
        let turns = TURNS.lock().unwrap_or_else(PoisonError::into_inner);
        let mut turns = FREE.wait_while(turns, |turns| *turns == 0).unwrap_or_else(PoisonError::into_inner);
        *turns -= 1;
        Turn
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *TURNS.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        FREE.notify_one();
    }
}

/// Runs a command, with no input, to its end, or for `limit`: then it and all processes it has started are ended.
///
/// Tests that run at the same time take turns, four together: most of a short run is its launcher's.
///
/// # Panics
/// When the command cannot be started.
pub fn run_to_end(mut command: Command, limit: Duration) -> Ended {
    let _turn = Turn::take();
    // Of the launcher only: what another command starts, as a batch system does, may outlive it.
    let launches = command.get_program() == launcher(1).get_program();
    let sessions =
        (launches && library() == Library::OpenMpi && env::var_os(SESSIONS).is_none()).then(sessions);
    if let Some(folder) = &sessions {
        command.env(SESSIONS, folder);
    }
    let start = Instant::now();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    let stdout = collect(child.stdout.take().expect("piped above"));
    let stderr = collect(child.stderr.take().expect("piped above"));
    let status = wait(&mut child, start + limit);
    let time = start.elapsed();
    let text = |reader: thread::JoinHandle<String>| reader.join().unwrap_or_default();
    let ended = Ended { status, stdout: text(stdout), stderr: text(stderr), time };
    // What is written has its end when all that the command has started has: only then nobody uses the folder any more. A job that was
    // killed has left something in it.
    if let Some(folder) = sessions {
        let _ = fs::remove_dir_all(folder);
    }
    ended
}

fn limit() -> Duration {
    let seconds = env::var("RANKWISE_TEST_LIMIT").ok().and_then(|seconds| seconds.parse().ok());
    Duration::from_secs(seconds.unwrap_or(60))
}

fn collect(mut pipe: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn wait(child: &mut Child, deadline: Instant) -> Option<ExitStatus> {
    if let Some(status) = wait_until(child, deadline) {
        return Some(status);
    }
    let family = descendants(child.id());
    // The launcher passes SIGTERM on; SIGKILL would leave its ranks behind.
    sys::process::terminate(child.id());
    if wait_until(child, Instant::now() + Duration::from_secs(5)).is_none() {
        let _ = child.kill();
        let _ = child.wait();
    }
    for (id, started) in family {
        if start_time(id) == Some(started) {
            sys::process::kill(id);
        }
    }
    None
}

fn wait_until(child: &mut Child, deadline: Instant) -> Option<ExitStatus> {
    loop {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        if Instant::now() > deadline {
            return None;
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// All processes below `id`, with their start times: an id alone may belong to another process later.
fn descendants(id: u32) -> Vec<(u32, u64)> {
    let all: Vec<(u32, u32, u64)> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|id| stat(id).map(|(parent, started)| (id, parent, started)))
        .collect();
    let mut family = vec![(id, 0)];
    let mut next = 0;
    while let Some(&(parent, _)) = family.get(next) {
        family.extend(all.iter().filter(|(_, of, _)| *of == parent).map(|&(id, _, started)| (id, started)));
        next += 1;
    }
    family.split_off(1)
}

fn start_time(id: u32) -> Option<u64> {
    stat(id).map(|(_, started)| started)
}

/// Parent and start time of a process, from Linux's table.
fn stat(id: u32) -> Option<(u32, u64)> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name, in parentheses, may contain anything; the numbers come after the last one.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    Some((fields.get(1)?.parse().ok()?, fields.get(19)?.parse().ok()?))
}
