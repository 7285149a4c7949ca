//! The cluster that up.sh has started, and jobs on it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::common::{Folder, program, ranks_of, signal};

/// Longer than any of these jobs takes on a loaded machine, waiting for its turn included.
pub(crate) const LIMIT: Duration = Duration::from_secs(150);

/// The cluster's folder. The tests are not for the machine's own Slurm.
pub(crate) fn folder() -> PathBuf {
    let folder = std::env::var_os("CLUSTER_DIR").expect("these tests are run by make test-slurm");
    PathBuf::from(folder)
}

/// Runs a command of Slurm, which must succeed, and soon.
#[track_caller]
pub(crate) fn slurm(words: &[&str]) -> String {
    let (worked, text) = try_slurm(words);
    assert!(worked, "{words:?}: {text}");
    text
}

/// Whether a command of Slurm succeeds, and what it says.
pub(crate) fn try_slurm(words: &[&str]) -> (bool, String) {
    let output = Command::new("timeout").arg("30").args(words).output().expect("there is timeout");
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    (output.status.success(), text.trim().to_owned())
}

/// `srun --mpi=...` as the MPI of these programs needs it, and the one that it cannot do with.
pub(crate) fn plugins() -> (&'static str, &'static str) {
    if is_open_mpi() { ("pmix", "pmi2") } else { ("pmi2", "pmix") }
}

pub(crate) fn is_open_mpi() -> bool {
    rankwise::program::mpi_version().starts_with("Open MPI")
}

/// The launcher of this MPI.
pub(crate) fn mpirun() -> String {
    rankwise::testing::launcher(1).get_program().to_string_lossy().into_owned()
}

/// The path of an example, as a setting.
pub(crate) fn example(name: &str) -> String {
    program(name).to_str().expect("our names are UTF-8").to_owned()
}

/// The file of that name in slurm/.
pub(crate) fn script(name: &str) -> String {
    let path = Path::new(crate::common::ROOT).join("slurm").join(name);
    path.to_str().expect("our names are UTF-8").to_owned()
}

/// Of this program of ours with an argument that has `marker` in it; Slurm may still be about to end them.
#[track_caller]
pub(crate) fn no_rank_is_left(name: &str, marker: &str) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while let left = ranks_of(name, marker)
        && !left.is_empty()
    {
        assert!(Instant::now() < deadline, "ranks of {name} {marker} are left: {left:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Waits until it is so.
#[track_caller]
pub(crate) fn until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + LIMIT;
    while !is_so() {
        assert!(Instant::now() < deadline, "not so after {LIMIT:?}: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The daemon of a node, if it is running.
fn node_of(node: &str) -> Option<u32> {
    let id =
        std::fs::read_to_string(folder().join(format!("slurmd-{node}.pid"))).ok()?.trim().parse().ok()?;
    // Of one that has ended and waits to be buried there is no such link.
    let program = std::fs::read_link(format!("/proc/{id}/exe")).ok()?;
    program.file_name()?.to_str()?.starts_with("slurmd").then_some(id)
}

/// A node without its daemon and all else that ran there, until this is dropped.
pub(crate) struct Dead(String);

impl Dead {
    pub(crate) fn now(node: &str) -> Self {
        for id in processes_on(node) {
            signal(id, "KILL");
        }
        until("its daemon is gone", || node_of(node).is_none());
        Dead(node.to_owned())
    }
}

impl Drop for Dead {
    fn drop(&mut self) {
        let up = concat!(env!("CARGO_MANIFEST_DIR"), "/slurm/up.sh");
        let (worked, text) = try_slurm(&[up, "--node", &self.0]);
        println!("{} is back: {worked} {text}", self.0);
    }
}

/// All processes on a node: those with the network of its daemon.
fn processes_on(node: &str) -> Vec<u32> {
    let daemon = node_of(node).expect("its daemon is running");
    let network = |id: u32| std::fs::read_link(format!("/proc/{id}/ns/net")).ok();
    let theirs = network(daemon);
    assert!(theirs.is_some() && theirs != network(std::process::id()), "{node} has no network of its own");
    let all = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    all.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|&id| network(id) == theirs)
        .collect()
}

/// A job, or an array of jobs. It is cancelled at the end of its test, if it has not ended.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) id: String,
    folder: PathBuf,
}

/// How a job is at a moment.
#[derive(Debug, Clone)]
pub(crate) struct State {
    /// As Slurm calls it: PENDING, RUNNING, COMPLETED …
    pub(crate) name: String,
    pub(crate) code: i32,
    pub(crate) signal: i32,
    pub(crate) restarts: usize,
    pub(crate) reason: String,
    pub(crate) nodes: String,
}

impl State {
    fn of(line: &str) -> Self {
        let field = |name: &str| {
            let found = line.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
            found.unwrap_or_default().to_owned()
        };
        let code = field("ExitCode");
        let (code, signal) = code.split_once(':').unwrap_or(("-1", "-1"));
        State {
            name: field("JobState"),
            code: code.parse().unwrap_or(-1),
            signal: signal.parse().unwrap_or(-1),
            restarts: field("Restarts").parse().unwrap_or(0),
            reason: field("Reason"),
            nodes: field("NodeList"),
        }
    }

    pub(crate) fn is_end(&self) -> bool {
        ["COMPLETED", "FAILED", "TIMEOUT", "CANCELLED", "NODE_FAIL", "OUT_OF_MEMORY", "DEADLINE", "BOOT_FAIL"]
            .contains(&&*self.name)
    }
}

/// Submits a script of ours, from that folder.
#[track_caller]
pub(crate) fn submit(folder: &Folder, options: &[&str], name: &str, settings: &[(&str, &str)]) -> Job {
    submit_with(folder, options, &[&script(name)], settings)
}

/// As [`submit`], with the script and its arguments as they are.
#[track_caller]
pub(crate) fn submit_with(
    folder: &Folder,
    options: &[&str],
    script: &[&str],
    settings: &[(&str, &str)],
) -> Job {
    let mut command = Command::new("timeout");
    command.args(["30", "sbatch", "--parsable"]).args(options).args(script).current_dir(&folder.0);
    command.envs(settings.iter().copied());
    let output = command.output().expect("there is timeout");
    let id = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let wrong = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !id.is_empty(), "sbatch {script:?}: {wrong}");
    Job::known(folder, &id)
}

impl Job {
    /// A job that was submitted by someone else, from that folder.
    pub(crate) fn known(folder: &Folder, id: &str) -> Self {
        Job { id: id.to_owned(), folder: folder.0.clone() }
    }

    /// How it is; of an array, how each of its tasks is.
    pub(crate) fn states(&self) -> Vec<State> {
        let (worked, text) = try_slurm(&["scontrol", "show", "job", "-o", &self.id]);
        if worked { text.lines().map(State::of).collect() } else { Vec::new() }
    }

    /// Waits until all of it is so.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, is_so: impl Fn(&State) -> bool) -> State {
        let deadline = Instant::now() + LIMIT;
        loop {
            let states = self.states();
            if let Some(last) = states.last()
                && states.iter().all(&is_so)
            {
                return last.clone();
            }
            assert!(
                Instant::now() < deadline,
                "job {} is not {what} after {LIMIT:?}: {states:?}\n{}",
                self.id,
                self.text()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Waits until it has ended, as Slurm and its script see it.
    #[track_caller]
    pub(crate) fn end(&self) -> State {
        self.until("ended", State::is_end)
    }

    /// Waits until it has ended well; what it has written.
    #[track_caller]
    pub(crate) fn success(&self) -> String {
        let state = self.end();
        let text = self.text();
        assert!(state.name == "COMPLETED" && (state.code, state.signal) == (0, 0), "{state:?}\n{text}");
        text
    }

    /// Waits until it has failed, with this exit code; what it has written.
    #[track_caller]
    pub(crate) fn failure(&self, code: Option<i32>) -> String {
        let state = self.end();
        let text = self.text();
        assert!(state.name == "FAILED" && code.is_none_or(|code| code == state.code), "{state:?}\n{text}");
        text
    }

    /// What it has written: NAME-NUMBER.out.
    pub(crate) fn text(&self) -> String {
        let end = format!("-{}.out", self.id);
        let files = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mine = files.filter(|file| file.file_name().to_string_lossy().ends_with(&end));
        mine.map(|file| String::from_utf8_lossy(&std::fs::read(file.path()).unwrap_or_default()).into_owned())
            .collect()
    }

    /// Waits until this is there, in the folder that it was submitted from.
    #[track_caller]
    pub(crate) fn writes(&self, name: &str) {
        let path = self.folder.join(name);
        self.until(&format!("writing {name}"), |state| {
            assert!(!state.is_end() || path.exists(), "ended without {name}: {state:?}\n{}", self.text());
            path.exists()
        });
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        if self.states().iter().any(|state| !state.is_end()) {
            let _ = try_slurm(&["scancel", &self.id]);
        }
    }
}
