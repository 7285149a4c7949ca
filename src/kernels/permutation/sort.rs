//! Putting records in the order of random keys: each goes next to where it belongs at once, so that it takes linear time.

use super::tie;

/// Records that are put in order in the processor's cache.
const SMALL: usize = 2048;
/// Ways to divide more than that: one cache line each still fits the cache.
const WAYS: usize = 2048;
/// From so many records in one slot on the keys are not random, and another sort takes over.
const CROWD: u32 = 24;

/// Calls `visit` with records in the order of their keys, some at a time. A record is a key and a place; places decide between
/// equal keys as [`tie`] says. Both slices are used as room, and hold the records in no useful order afterwards.
///
/// Linear in the number of records if the keys are random, as all of this module are; n log n otherwise.
///
/// # Panics
/// If the slices differ in length.
///
/// ```
/// use rankwise::kernels::permutation::sort;
///
/// let mut records = [[30, 0], [10, 1], [20, 2]];
/// let mut places = Vec::new();
/// sort(&mut records, &mut [[0, 0]; 3], &mut |run| places.extend(run.iter().map(|record| record[1])));
/// assert_eq!(places, [1, 2, 0]);
/// ```
pub fn sort(records: &mut [[u64; 2]], room: &mut [[u64; 2]], visit: &mut impl FnMut(&[[u64; 2]])) {
    assert_eq!(records.len(), room.len(), "as much room as there are records");
    if records.len() <= SMALL {
        sort_small(records, room);
        return visit(room);
    }
    let ways = (records.len() / (SMALL / 2)).next_power_of_two().min(WAYS);
    let Some(slots) = Slots::over(records, ways) else {
        records.sort_unstable_by(compare);
        return visit(records);
    };
    let mut counts = vec![0; ways];
    let ends = slots.scatter(records, room, &mut counts);
    let mut start = 0;
    for end in ends {
        let part = start..end as usize;
        start = part.end;
        if part.len() == records.len() {
            // All in one: the keys are anything but random.
            room.sort_unstable_by(compare);
            return visit(room);
        }
        if !part.is_empty() {
            sort(&mut room[part.clone()], &mut records[part], visit);
        }
    }
}

/// Puts the records into `room`, in order.
fn sort_small(records: &[[u64; 2]], room: &mut [[u64; 2]]) {
    let ways = records.len().next_power_of_two();
    let slots = Slots::over(records, ways);
    let mut counts = [0; SMALL];
    let Some(slots) = slots.filter(|slots| slots.most(records, &mut counts[..ways]) < CROWD) else {
        room.copy_from_slice(records);
        return room.sort_unstable_by(compare);
    };
    let _ends = slots.scatter(records, room, &mut counts[..ways]);
    // Who is not in place is in the right slot, that is, a few steps away.
    for at in 1..room.len() {
        let record = room[at];
        let mut to = at;
        while to > 0 && compare(&record, &room[to - 1]).is_lt() {
            room[to] = room[to - 1];
            to -= 1;
        }
        room[to] = record;
    }
}

#[inline]
fn compare(a: &[u64; 2], b: &[u64; 2]) -> std::cmp::Ordering {
    a[0].cmp(&b[0]).then_with(|| tie(a[0], a[1]).cmp(&tie(b[0], b[1])))
}

/// Equal parts of the range of some keys.
struct Slots {
    least: u64,
    shift: u32,
}

impl Slots {
    /// `None` where all keys are the same. `ways` is a power of two.
    fn over(records: &[[u64; 2]], ways: usize) -> Option<Self> {
        let (mut least, mut most) = (u64::MAX, 0);
        for [key, _] in records {
            (least, most) = (least.min(*key), most.max(*key));
        }
        let bits = 64 - most.checked_sub(least).filter(|&range| range > 0)?.leading_zeros();
        Some(Slots { least, shift: bits.saturating_sub(ways.trailing_zeros()) })
    }

    #[inline]
    fn of(&self, record: &[u64; 2]) -> usize {
        ((record[0] - self.least) >> self.shift) as usize
    }

    /// Counts what goes into each slot, and gives the greatest count.
    fn most(&self, records: &[[u64; 2]], counts: &mut [u32]) -> u32 {
        counts.fill(0);
        records.iter().for_each(|record| counts[self.of(record)] += 1);
        counts.iter().copied().max().unwrap_or(0)
    }

    /// Puts the records into their slots; gives where each ends.
    fn scatter<'c>(
        &self,
        records: &[[u64; 2]],
        room: &mut [[u64; 2]],
        counts: &'c mut [u32],
    ) -> impl Iterator<Item = u32> + 'c {
        self.most(records, counts);
        let mut start = 0;
        for count in counts.iter_mut() {
            start += std::mem::replace(count, start);
        }
        for record in records {
            let next = &mut counts[self.of(record)];
            room[*next as usize] = *record;
            *next += 1;
        }
        counts.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::permutation::{key, order};

    fn sorted(mut records: Vec<[u64; 2]>) -> Vec<[u64; 2]> {
        let mut room = vec![[0; 2]; records.len()];
        let mut all = Vec::new();
        sort(&mut records, &mut room, &mut |run| all.extend_from_slice(run));
        all
    }

    #[test]
    fn records_come_in_the_order_of_the_definition() {
        for n in [0, 1, 2, 3, 10, 1000, 2047, 2048, 2049, 5000, 100_000] {
            let records = (0..n).map(|item| [key(3, 2, item as u64), item as u64]).collect();
            let places: Vec<usize> = sorted(records).into_iter().map(|[_, place]| place as usize).collect();
            assert_eq!(places, order(3, 2, n), "{n} records");
        }
    }

    #[test]
    fn keys_that_are_not_random_are_sorted_too() {
        for n in [1, 2, 50, 3000, 20_000] {
            for kind in 0..6 {
                let records: Vec<[u64; 2]> = (0..n)
                    .map(|item| {
                        let random = key(1, 0, item);
                        let key = match kind {
                            0 => 8,
                            1 => 9,
                            2 => random % 7,
                            3 => item,
                            4 => u64::MAX - item / 2,
                            // A crowd at one end of a wide range.
                            _ => random >> (random % 64),
                        };
                        [key, item]
                    })
                    .collect();
                let mut expected = records.clone();
                expected.sort_by_key(|&[key, place]| (key, tie(key, place)));
                assert!(sorted(records) == expected, "{n} records of kind {kind}");
            }
        }
    }
}
