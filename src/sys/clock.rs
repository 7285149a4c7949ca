//! Time for what is recorded: ticks of the processor, where the kernel itself tells the time by them, else nanoseconds.
//!
//! To ask the kernel costs three times as much as to read the counter. What the ticks are in nanoseconds is worked out when they are
//! looked at: then two moments are known on both clocks, as far apart as the run was long.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Whether ticks are those of the processor. As long as nobody has asked, they are nanoseconds.
static COUNTER: AtomicBool = AtomicBool::new(false);

/// The time in nanoseconds, on a clock that the processes of a machine share and that never goes back.
#[inline]
pub(crate) fn nanoseconds() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a live local.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn counter() -> u64 {
    // SAFETY: every processor of this kind has it, and whoever may not read it is not told by the kernel that it is a clock.
    unsafe { core::arch::x86_64::_rdtsc() }
}

#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn counter() -> u64 {
    nanoseconds()
}

/// Chooses the clock of [`ticks`]: the counter if it is the kernel's own clock, which means that it is one for all cores, at an even
/// pace, also while they sleep.
pub(crate) fn choose() {
    let of_kernel =
        std::fs::read_to_string("/sys/devices/system/clocksource/clocksource0/current_clocksource");
    let even = cfg!(target_arch = "x86_64") && of_kernel.is_ok_and(|name| name.trim() == "tsc");
    COUNTER.store(even, Ordering::Relaxed);
}

/// The time on the clock that was chosen. The processes of a machine share it.
#[inline]
pub(crate) fn ticks() -> u64 {
    if COUNTER.load(Ordering::Relaxed) { counter() } else { nanoseconds() }
}

/// One moment on both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) ticks: u64,
    pub(crate) nanoseconds: u64,
}

impl Moment {
    pub(crate) fn now() -> Self {
        let (ticks, nanoseconds) = paired(nanoseconds);
        Moment { ticks, nanoseconds }
    }
}

/// What another clock says, and when: of some tries the one that was interrupted least.
fn paired<T>(other: impl Fn() -> T) -> (u64, T) {
    const TRIES: usize = 4;
    let one = || {
        let (before, said, after) = (ticks(), other(), ticks());
        let took = after.saturating_sub(before);
        (took, (before + took / 2, said))
    };
    let shorter = |a: (u64, (u64, T)), b: (u64, (u64, T))| if b.0 < a.0 { b } else { a };
    (1..TRIES).fold(one(), |best, _| shorter(best, one())).1
}

/// From ticks to nanoseconds: a straight line through two moments.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line {
    first: Moment,
    /// Nanoseconds a tick.
    pace: f64,
}

impl Line {
    pub(crate) fn through(first: Moment, second: Moment) -> Self {
        let (ticks, nanoseconds) =
            (second.ticks.saturating_sub(first.ticks), second.nanoseconds.saturating_sub(first.nanoseconds));
        Line { first, pace: if ticks == 0 { 1.0 } else { nanoseconds as f64 / ticks as f64 } }
    }

    pub(crate) fn nanoseconds(&self, ticks: u64) -> u64 {
        let since = (ticks.wrapping_sub(self.first.ticks) as i64) as f64 * self.pace;
        self.first.nanoseconds.saturating_add_signed(since.round() as i64)
    }

    /// What the clock of [`ticks`] was at, at an instant that is past.
    pub(crate) fn ticks_at(&self, instant: Instant) -> u64 {
        let (now, ago) = paired(|| instant.elapsed());
        now.saturating_sub((ago.as_nanos() as f64 / self.pace) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_told_in_nanoseconds() {
        choose();
        let first = Moment::now();
        let (ticks, then) = paired(nanoseconds);
        let (at, instant) = paired(Instant::now);
        while instant.elapsed().as_millis() < 20 {}
        let line = Line::through(first, Moment::now());
        let off = line.nanoseconds(ticks) as i64 - then as i64;
        assert!(off.abs() < 5_000, "{off} ns");
        let off = line.nanoseconds(line.ticks_at(instant)) as i64 - line.nanoseconds(at) as i64;
        assert!(off.abs() < 20_000, "{off} ns");
    }

    #[test]
    fn a_line_goes_on_beyond_its_ends() {
        let line = Line::through(
            Moment { ticks: 1000, nanoseconds: 5000 },
            Moment { ticks: 3000, nanoseconds: 6000 },
        );
        assert_eq!(
            [1000, 2000, 3000, 500, 7000].map(|ticks| line.nanoseconds(ticks)),
            [5000, 5500, 6000, 4750, 8000]
        );
    }

    #[test]
    fn a_line_through_one_moment_has_nanoseconds() {
        let one = Moment { ticks: 7, nanoseconds: 7 };
        assert_eq!(Line::through(one, one).nanoseconds(9), 9);
    }
}
