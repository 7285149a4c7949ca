//! One clock for all ranks: each rank's is compared with the root's at the start and at the end, and runs evenly between.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::sys::collectives::all_gather;
use crate::sys::point_to_point::{receive_exactly, send};
use crate::sys::record::{Compared, now};
use crate::sys::{Channel, Communicator, Outcome, Received, Sent};

/// Tags of our own messages that no other operation uses.
const ASKED: i32 = 90;

/// How often a clock is asked; the quickest answer counts.
const ROUNDS: usize = 12;

/// Compares this rank's clock with the root's. Ranks of one machine share one clock, unless `RANKWISE_TRACE_CLOCKS=ask`: then they
/// are asked like those of another one. A dozen short messages for each rank that has another clock. Collective.
pub(super) fn compare(world: &Communicator) -> Outcome<Compared> {
    let mine = if std::env::var_os("RANKWISE_TRACE_CLOCKS").is_some_and(|how| how == "ask") {
        // No two alike.
        world.rank as u64
    } else {
        clock()
    };
    let mut clocks = vec![0u64; world.size];
    let blocks = crate::partition::Partition::even(world.size, world.size);
    all_gather(world, &blocks, Sent::new(&[mine])?, Received::new(&mut clocks)?)?;
    let same = |rank: usize| clocks[rank] == clocks[0];
    if world.rank == 0 {
        for rank in (1..world.size).filter(|&rank| !same(rank)) {
            let (offset, error) = ask(world, rank)?;
            send(world, Channel::Ours, rank, ASKED, Sent::new(&[offset, error])?)?;
        }
    } else if !same(world.rank) {
        answer(world)?;
        let mut found = [0i64; 2];
        receive_exactly(world, Channel::Ours, 0, ASKED, Received::new(&mut found)?)?;
        return Ok(Compared { at: now(), offset: found[0], error: found[1].unsigned_abs() });
    }
    Ok(Compared { at: now(), offset: 0, error: 0 })
}

/// What a rank's clock lacks to the root's, and by how much that may be wrong: half of the time that the answer took.
fn ask(world: &Communicator, rank: usize) -> Outcome<(i64, i64)> {
    let (mut best, mut offset) = (u64::MAX, 0);
    for _ in 0..ROUNDS {
        let began = now();
        send(world, Channel::Ours, rank, ASKED, Sent::new(&[0u8])?)?;
        let mut theirs = [0u64];
        receive_exactly(world, Channel::Ours, rank, ASKED, Received::new(&mut theirs)?)?;
        let took = now() - began;
        if took < best {
            (best, offset) = (took, (began + took / 2).wrapping_sub(theirs[0]) as i64);
        }
    }
    Ok((offset, (best / 2) as i64))
}

fn answer(world: &Communicator) -> Outcome {
    for _ in 0..ROUNDS {
        let mut asked = [0u8];
        receive_exactly(world, Channel::Ours, 0, ASKED, Received::new(&mut asked)?)?;
        send(world, Channel::Ours, 0, ASKED, Sent::new(&[now()])?)?;
    }
    Ok(())
}

/// Equal on processes that have the same clock: of one start of one machine, in one space of times.
fn clock() -> u64 {
    let start = std::fs::read("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let space = std::fs::read_link("/proc/self/ns/time").unwrap_or_default();
    let mut hasher = DefaultHasher::new();
    (start, space).hash(&mut hasher);
    hasher.finish() | 1 << 63
}

/// The root's time at a time of a rank's, in nanoseconds: between the two comparisons on a straight line, outside of them with the
/// nearer one's offset.
pub(super) fn on_the_roots(time: u64, start: Option<Compared>, end: Option<Compared>) -> i64 {
    let offset = match (start, end) {
        (None, None) => 0,
        (Some(one), None) | (None, Some(one)) => one.offset,
        (Some(start), Some(end)) if end.at <= start.at => end.offset,
        (Some(start), Some(end)) => {
            let time = time.clamp(start.at, end.at);
            let part = (time - start.at) as f64 / (end.at - start.at) as f64;
            start.offset + ((end.offset - start.offset) as f64 * part).round() as i64
        }
    };
    (time as i64).wrapping_add(offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_off_and_drifts_is_put_right() {
        // It is 5 s ahead and gains 40 µs a second.
        let theirs = |root: i64| (root + 5_000_000_000 + root / 25_000) as u64;
        let at = |root: i64| Compared { at: theirs(root), offset: root - theirs(root) as i64, error: 0 };
        let (start, end) = (at(1_000_000_000), at(101_000_000_000));
        for root in [1_000_000_000i64, 2_000_000_000, 50_123_456_789, 101_000_000_000] {
            let found = on_the_roots(theirs(root), Some(start), Some(end));
            assert!((found - root).abs() <= 2, "{root} {found}");
        }
        assert!(on_the_roots(theirs(0), Some(start), Some(end)).abs() < 50_000);
        assert_eq!(on_the_roots(7, None, None), 7);
    }

    #[test]
    fn this_clock_goes_on() {
        let (first, second) = (now(), now());
        assert!(first <= second && first > 0);
        assert_eq!(clock(), clock());
    }
}
