//! Where things are: the project, the book's pages, built programs, and a folder for one page's runs.
#![allow(dead_code, reason = "the program and each of the tests use their part")]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rankwise::testing::{Ended, launcher, run_to_end};

/// Longer than any program of the course takes on a loaded machine.
pub const LIMIT: Duration = Duration::from_secs(60);

/// The folder of the course.
pub fn course() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The root of the project.
pub fn project() -> PathBuf {
    course().join("../..").canonicalize().expect("the course is in the project")
}

/// The folder of the built programs, whichever of them, or of the tests, this one is.
pub fn built() -> PathBuf {
    let mut folder = std::env::current_exe().expect("a running program has a path");
    folder.pop();
    if folder.ends_with("deps") {
        folder.pop();
    }
    folder
}

/// A built program of that name: one of the course, or an example.
///
/// # Panics
/// When it is not there.
pub fn program(name: &str) -> PathBuf {
    let places = ["", "examples", "twins"].map(|folder| built().join(folder).join(name));
    let found = places.into_iter().find(|place| place.is_file());
    found.unwrap_or_else(|| {
        panic!(
            "{name} is not built: make lessons builds all programs of the course (it looked in {})",
            built().display()
        )
    })
}

/// The pages, in the order of their names.
pub fn pages() -> Vec<PathBuf> {
    let entries = fs::read_dir(course().join("src")).expect("the book has its pages");
    let mut pages: Vec<PathBuf> = entries.map(|entry| entry.expect("readable").path()).collect();
    pages.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    pages.sort();
    pages
}

/// The Python that runs the twins: `PYTHON`, else `python3`.
pub fn python() -> String {
    std::env::var("PYTHON").unwrap_or_else(|_| "python3".into())
}

/// A folder in which a page's commands run, one after the other, and the end of it.
pub struct Workshop(PathBuf);

impl Workshop {
    /// An empty one. Besides what the commands write it has `twins`, `tools` with a launcher, and nothing else.
    ///
    /// # Panics
    /// When the temporary folder cannot be written.
    pub fn new(name: &str) -> Self {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let (process, number) = (std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(format!("rankwise-course-{name}-{process}-{number}"));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(path.join(".tools")).expect("the temporary folder can be written");
        symlink(course().join("twins"), path.join("twins")).expect("a new folder");
        // The launcher of this MPI by the name that the book uses for it. The number of ranks follows among the arguments.
        let given = launcher(0);
        let words: Vec<&str> = std::iter::once(given.get_program())
            .chain(given.get_args())
            .filter_map(|word| word.to_str())
            .take_while(|word| *word != "-n")
            .collect();
        for (name, words) in [("mpirun", words.join(" ")), ("python3", python_outside())] {
            let tool = path.join(".tools").join(name);
            fs::write(&tool, format!("#!/bin/sh\nexec {words} \"$@\"\n")).expect("a new folder");
            fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).expect("our own file");
        }
        Workshop(path)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Runs a command of bash here, with all that it prints in one stream, as in a terminal.
    pub fn run(&self, command: &str) -> Ended {
        // For `launcher` knows what lets this MPI start more ranks than there are cores.
        let settings = launcher(ranks_of(command));
        let mut bash = Command::new("bash");
        bash.args(["-c", &format!("exec 2>&1; {command}")]).current_dir(&self.0);
        for (name, value) in settings.get_envs() {
            bash.env(name, value.unwrap_or_default());
        }
        let built = built();
        let path = std::env::var("PATH").unwrap_or_default();
        let folders = [self.0.join(".tools"), built.join("examples"), built.join("twins"), built.clone()];
        let folders = folders.map(|folder| folder.display().to_string()).join(":");
        bash.env("PATH", format!("{folders}:{path}"));
        bash.env_remove("RUST_BACKTRACE").env_remove("RANKWISE_SEND").env_remove("RANKWISE_CHECK");
        bash.env_remove("RANKWISE_TRACE").env_remove("PYTHONUNBUFFERED");
        // After a failure the launcher of Open MPI 4 otherwise waits up to 2 s for ranks that have ended.
        bash.env("OMPI_MCA_odls_base_sigkill_timeout", "0");
        run_to_end(bash, LIMIT)
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The Python of this machine, by its path: the tool of the same name must not start itself.
fn python_outside() -> String {
    let python = python();
    if python.contains('/') {
        return python;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(&python)).find(|file| file.is_file());
    found.map_or_else(|| "false".into(), |file| file.display().to_string())
}

/// How many ranks a command asks its launcher for.
fn ranks_of(command: &str) -> usize {
    let mut words = command.split_whitespace().skip_while(|word| *word != "-n");
    words.nth(1).and_then(|word| word.parse().ok()).unwrap_or(1)
}
