//! What a rank does that has nothing to do.

use std::time::{Duration, Instant};

use crate::sys::record::Inside;

/// Since when a rank has nothing to do, if it has not.
#[derive(Debug, Default)]
pub(super) struct Idle {
    since: Option<Instant>,
    /// What it is recorded as: what comes meanwhile, comes in it.
    recorded: Option<Inside>,
}

impl Idle {
    /// Lets others have the processor while there is nothing to do; the longer that lasts, the more.
    pub(super) fn give_way(&mut self, recorded: impl FnOnce() -> Inside) {
        const SOON: Duration = Duration::from_micros(200);
        const NAP: Duration = Duration::from_micros(20);
        self.recorded.get_or_insert_with(recorded);
        if self.since.get_or_insert_with(Instant::now).elapsed() < SOON {
            std::thread::yield_now();
        } else {
            std::thread::sleep(NAP);
        }
    }

    /// There is something to do again. For how long there was not.
    pub(super) fn end(&mut self) -> Duration {
        self.recorded = None;
        self.since.take().map_or(Duration::ZERO, |since| since.elapsed())
    }
}
