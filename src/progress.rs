//! A line on the terminal that says how far long work is: for people, so not into files, and from the root alone.
//!
//! ```
//! use rankwise::progress::{Line, Show};
//!
//! # fn main() -> std::process::ExitCode { rankwise::run(|world| {
//! let mut line = Line::new(world, "squares", Show::Auto);
//! let mut sum = 0;
//! for i in 0..1000 {
//!     sum += i * i;
//!     line.part(f64::from(i) / 1000.0, |_| format!("sum {sum}"));
//! }
//! line.finish();
//! # Ok(()) }) }
//! ```

use std::fs;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use clap::ValueEnum;

use crate::comm::Comm;

/// Between two lines: a person reads no faster.
const RARELY: Duration = Duration::from_millis(200);

/// Whether something that is for people is shown; what an option such as `--progress` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Show {
    /// If a person is looking at a terminal
    Auto,
    /// Always
    On,
    /// Never
    Off,
}

impl Show {
    /// Whether it is to be shown on standard output.
    ///
    /// ```
    /// assert!(rankwise::progress::Show::On.on_stdout());
    /// ```
    pub fn on_stdout(self) -> bool {
        self.decide(1)
    }

    /// Whether it is to be shown on standard error.
    ///
    /// ```
    /// assert!(!rankwise::progress::Show::Off.on_stderr());
    /// ```
    pub fn on_stderr(self) -> bool {
        self.decide(2)
    }

    fn decide(self, descriptor: u32) -> bool {
        match self {
            Show::Auto => person_at(descriptor),
            Show::On => true,
            Show::Off => false,
        }
    }
}

/// The root's progress, which stands for all: one line of standard error that is written over and over. On other ranks, and
/// where nobody looks, it does nothing. No messages are sent.
#[derive(Debug)]
pub struct Line {
    name: &'static str,
    visible: bool,
    start: Instant,
    last: Option<Instant>,
}

impl Line {
    /// A line that begins with `name`, the program's. Nothing is written yet.
    pub fn new(world: &Comm, name: &'static str, show: Show) -> Self {
        Line { name, visible: world.is_root() && show.on_stderr(), start: Instant::now(), last: None }
    }

    /// From now on times and rates are those of what begins here.
    pub fn restart(&mut self) {
        self.start = Instant::now();
    }

    /// Says that `part` of the work, from 0 to 1, is done, what `say` makes of the seconds it has taken so far, and how long
    /// it will go on at that rate. It may be called as often as one likes: a line is written a few times a second, and at the end.
    pub fn part(&mut self, part: f64, say: impl FnOnce(f64) -> String) {
        if !self.visible || part < 1.0 && self.just_written() {
            return;
        }
        // So that a rate is a number.
        let seconds = self.start.elapsed().as_secs_f64().max(1e-9);
        let left = if part > 0.0 { seconds * (1.0 - part) / part } else { 0.0 };
        let words = say(seconds);
        self.write(&format!("{:3.0} %, {words}, {left:.0} s left", 100.0 * part));
    }

    /// Says what begins now, and how long all has taken so far.
    pub fn say(&mut self, what: &str) {
        if self.visible {
            let seconds = self.start.elapsed().as_secs_f64();
            self.write(&format!("{what:<30} {seconds:6.1} s"));
        }
    }

    /// As [`say`](Line::say), but a few times a second at most.
    pub fn say_now_and_then(&mut self, what: impl FnOnce() -> String) {
        if self.visible && !self.just_written() {
            self.say(&what());
        }
    }

    /// Leaves the cursor on a line of its own.
    pub fn finish(&mut self) {
        if self.last.take().is_some() {
            eprintln!();
        }
    }

    fn just_written(&self) -> bool {
        self.last.is_some_and(|last| last.elapsed() < RARELY)
    }

    fn write(&mut self, words: &str) {
        self.last = Some(Instant::now());
        let mut out = std::io::stderr().lock();
        // A progress line that cannot be written is no reason to fail.
        let _ = write!(out, "\r{}: {words} ", self.name);
        let _ = out.flush();
    }
}

/// Whether our standard output (1) or error (2) is a terminal, or the launcher's, who passes on what we write. What a launcher gives us
/// says nothing: Open MPI's gives every rank a terminal of its own, also when its own output goes to a file.
fn person_at(descriptor: u32) -> bool {
    const LAUNCHERS: [&str; 6] = ["mpirun", "mpiexec", "hydra", "orterun", "prterun", "srun"];
    let mut id = std::os::unix::process::parent_id();
    let mut launcher = None;
    // MPICH's launcher is the grandparent.
    for _ in 0..3 {
        let name = fs::read_to_string(format!("/proc/{id}/comm")).unwrap_or_default();
        if !LAUNCHERS.iter().any(|launcher| name.starts_with(launcher)) {
            break;
        }
        launcher = Some(id);
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"));
        id = parent.and_then(|parent| parent.trim().parse().ok()).unwrap_or(0);
    }
    match launcher {
        Some(id) => {
            let target = fs::read_link(format!("/proc/{id}/fd/{descriptor}")).unwrap_or_default();
            ["/dev/pts", "/dev/tty", "/dev/console"].iter().any(|terminal| target.starts_with(terminal))
        }
        None if descriptor == 1 => std::io::stdout().is_terminal(),
        None => std::io::stderr().is_terminal(),
    }
}
