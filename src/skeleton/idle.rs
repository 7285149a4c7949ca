//! What a rank does that has nothing to do.

use std::time::{Duration, Instant};

/// Lets others have the processor while there is nothing to do; the longer that lasts, the more.
pub(super) fn give_way(since: Instant) {
    const SOON: Duration = Duration::from_micros(200);
    const NAP: Duration = Duration::from_micros(20);
    if since.elapsed() < SOON {
        std::thread::yield_now();
    } else {
        std::thread::sleep(NAP);
    }
}
