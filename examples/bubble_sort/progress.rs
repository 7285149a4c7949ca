//! A line on the terminal that says what is being done.

use std::io::Write;
use std::time::{Duration, Instant};

use rankwise::Comm;

use crate::arguments::Show;
use crate::terminal::person_at;

/// The root's progress, which stands for all.
pub(crate) struct Line {
    visible: bool,
    start: Instant,
    last: Option<Instant>,
}

impl Line {
    pub(crate) fn new(world: &Comm, show: Show) -> Self {
        let visible = world.is_root()
            && match show {
                Show::On => true,
                Show::Off => false,
                Show::Auto => person_at(2),
            };
        Line { visible, start: Instant::now(), last: None }
    }

    /// Says what begins now.
    pub(crate) fn say(&mut self, what: &str) {
        if !self.visible {
            return;
        }
        self.last = Some(Instant::now());
        let mut out = std::io::stderr().lock();
        let seconds = self.start.elapsed().as_secs_f64();
        let _ = write!(out, "\rbubble_sort: {what:<30} {seconds:6.1} s ");
        let _ = out.flush();
    }

    /// As `say`, but not more often than a person can read.
    pub(crate) fn say_now_and_then(&mut self, what: impl FnOnce() -> String) {
        if self.visible && self.last.is_none_or(|last| last.elapsed() > Duration::from_millis(200)) {
            self.say(&what());
        }
    }

    /// Leaves the cursor on a line of its own.
    pub(crate) fn finish(&self) {
        if self.last.is_some() {
            eprintln!();
        }
    }
}
