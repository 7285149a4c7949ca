//! A line on the terminal that says how far the work is.

use std::fs;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use rankwise::Comm;

use crate::arguments::{Args, Show};

/// The root's progress, which stands for all: every rank has about the same to do.
pub(crate) struct Line {
    visible: bool,
    bytes: u64,
    start: Instant,
    last: Option<Instant>,
    what: &'static str,
}

impl Line {
    pub(crate) fn new(world: &Comm, show: Show, args: &Args) -> Self {
        let visible = world.is_root()
            && match show {
                Show::On => true,
                Show::Off => false,
                Show::Auto => on_terminal(),
            };
        let what = if args.check.is_some() { "checked" } else { "permuted" };
        Line { visible, bytes: 0, start: Instant::now(), last: None, what }
    }

    /// From now on it is about so many bytes.
    pub(crate) fn start(&mut self, bytes: u64) {
        (self.bytes, self.start) = (bytes, Instant::now());
    }

    pub(crate) fn show(&mut self, part: f64) {
        let rare = self.last.is_none_or(|last| last.elapsed() > Duration::from_millis(200));
        if !self.visible || !(rare || part >= 1.0) {
            return;
        }
        self.last = Some(Instant::now());
        let seconds = self.start.elapsed().as_secs_f64();
        let rate = self.bytes as f64 * part / seconds / 1e9;
        let left = if part > 0.0 { seconds * (1.0 - part) / part } else { 0.0 };
        let mut out = std::io::stderr().lock();
        let what = self.what;
        let _ =
            write!(out, "\rpermute_corpus: {:3.0} % {what}, {rate:.2} GB/s, {left:.0} s left ", 100.0 * part);
        let _ = out.flush();
    }

    /// Leaves the cursor on a line of its own.
    pub(crate) fn finish(&self) {
        if self.last.is_some() {
            eprintln!();
        }
    }
}

/// Whether a person is looking: our standard error is a terminal, or that of the launcher that passes it on.
fn on_terminal() -> bool {
    const LAUNCHERS: [&str; 6] = ["mpirun", "mpiexec", "hydra", "orterun", "prterun", "srun"];
    if std::io::stderr().is_terminal() {
        return true;
    }
    let mut id = std::os::unix::process::parent_id();
    // MPICH's launcher is the grandparent.
    for _ in 0..3 {
        let name = fs::read_to_string(format!("/proc/{id}/comm")).unwrap_or_default();
        if !LAUNCHERS.iter().any(|launcher| name.starts_with(launcher)) {
            return false;
        }
        let stderr = fs::read_link(format!("/proc/{id}/fd/2")).unwrap_or_default();
        if stderr.starts_with("/dev/pts")
            || stderr.starts_with("/dev/tty")
            || stderr.starts_with("/dev/console")
        {
            return true;
        }
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"));
        id = parent.and_then(|parent| parent.trim().parse().ok()).unwrap_or(0);
    }
    false
}
