//! The algorithm, for any register.

/// A register of keys. All functions need the instructions that the register stands for.
pub(super) trait Register: Copy {
    type Key: Copy + Ord + 'static;
    const LANES: usize;
    /// The greatest key there is.
    const GREATEST: Self::Key;

    unsafe fn load(from: *const Self::Key) -> Self;
    unsafe fn store(self, to: *mut Self::Key);
    unsafe fn splat(key: Self::Key) -> Self;
    unsafe fn min(self, other: Self) -> Self;
    unsafe fn max(self, other: Self) -> Self;
    /// Bits of floats become integers in the same order, and the other way round, if the keys are signed.
    unsafe fn image(self) -> Self;
    /// Which of two floats comes first, by their bits, if the keys are signed.
    fn float_before(a: Self::Key, b: Self::Key) -> bool;
    /// In lane `i`, what was in lane `i ^ X`.
    unsafe fn crossed<const X: usize>(self) -> Self;
    /// From `high` in those lanes whose number has the bit `BIT`, else from `low`.
    unsafe fn by_bit<const BIT: usize>(low: Self, high: Self) -> Self;
    /// Writes the keys below the pivot (with `EQUAL`, those that are not above it) from `left` on, and the others just before `right`;
    /// how many went to the left. It may write a whole register at both places.
    unsafe fn part<const EQUAL: bool>(
        self,
        pivot: Self,
        left: *mut Self::Key,
        right: *mut Self::Key,
    ) -> usize;

    /// The last lane first.
    #[inline(always)]
    unsafe fn mirrored(self) -> Self {
        // SAFETY: the instructions are there, by the caller's promise.
        unsafe {
            match Self::LANES {
                4 => self.crossed::<3>(),
                8 => self.crossed::<7>(),
                _ => self.crossed::<15>(),
            }
        }
    }

    /// Sorted, if it is bitonic: lanes half a register apart are put in order, then a quarter, and so on.
    #[inline(always)]
    unsafe fn halved(self) -> Self {
        let mut row = self;
        // SAFETY: as above.
        unsafe {
            if Self::LANES > 8 {
                row = row.halved_at::<8>();
            }
            if Self::LANES > 4 {
                row = row.halved_at::<4>();
            }
            row.halved_at::<2>().halved_at::<1>()
        }
    }

    /// Lanes `DISTANCE` apart are put in order.
    #[inline(always)]
    unsafe fn halved_at<const DISTANCE: usize>(self) -> Self {
        // SAFETY: as above.
        unsafe {
            let crossed = self.crossed::<DISTANCE>();
            Self::by_bit::<DISTANCE>(self.min(crossed), self.max(crossed))
        }
    }
}

/// Rows of registers that are sorted without a branch.
const ROWS: usize = 16;
/// Registers that a pass reads at a time.
const UNROLL: usize = 4;
/// Room for those keys, for every register.
const MOST_SMALL: usize = 16 * ROWS;
/// From so many keys on, the pivot is the median of a large sample.
const LARGE: usize = 8192;

/// What is still to be sorted.
#[derive(Clone, Copy)]
struct Part<K> {
    start: usize,
    len: usize,
    /// No key of it is below this one.
    floor: Option<K>,
    /// So many passes may still follow.
    depth: u32,
}

/// Sorts, with at most so many passes over any key before the standard library takes over; how many keys the passes have gone over.
///
/// # Safety
/// The processor has the instructions of `R`.
#[inline(always)]
pub(super) unsafe fn sort<R: Register>(keys: &mut [R::Key], depth: u32) -> u64 {
    let small = ROWS * R::LANES;
    let mut work = 0;
    // The smaller part waits never: at most as many parts wait as the length has bits.
    let mut waiting = [Part { start: 0, len: 0, floor: None, depth: 0 }; 64];
    let mut waits = 0;
    let mut part = Part { start: 0, len: keys.len(), floor: None, depth };
    let mut random = keys.len() as u64 | 1;
    loop {
        let now = &mut keys[part.start..part.start + part.len];
        if now.len() <= small || part.depth == 0 {
            if now.len() > small {
                now.sort_unstable();
            } else if now.len() > 1 {
                // SAFETY: the instructions are there, and the keys fit.
                unsafe { sort_small::<R>(now) };
            }
            if waits == 0 {
                return work;
            }
            waits -= 1;
            part = waiting[waits];
            continue;
        }
        work += now.len() as u64;
        // SAFETY: the instructions are there; there are more keys than two times UNROLL registers have.
        let (left, sorted) = unsafe {
            let pivot = pivot::<R>(now, &mut random);
            if part.floor == Some(pivot) {
                (split::<R, true>(now, pivot), true)
            } else {
                match split::<R, false>(now, pivot) {
                    // It is the least key: those that are equal to it are in place.
                    0 => (split::<R, true>(now, pivot), true),
                    left => {
                        let floor = Some(pivot);
                        let right = Part {
                            start: part.start + left,
                            len: part.len - left,
                            floor,
                            depth: part.depth - 1,
                        };
                        part = Part { len: left, depth: part.depth - 1, ..part };
                        let (first, later) = if part.len < right.len { (part, right) } else { (right, part) };
                        waiting[waits] = later;
                        waits += 1;
                        part = first;
                        (0, false)
                    }
                }
            }
        };
        if sorted {
            part =
                Part { start: part.start + left, len: part.len - left, floor: None, depth: part.depth - 1 };
        }
    }
}

/// A key that is near the middle: of more than a few.
#[inline(always)]
unsafe fn pivot<R: Register>(keys: &[R::Key], random: &mut u64) -> R::Key {
    let mut draw = || {
        // Marsaglia's xorshift: places that no pattern in the keys follows.
        *random ^= *random << 13;
        *random ^= *random >> 7;
        *random ^= *random << 17;
        keys[(((*random >> 32) * keys.len() as u64) >> 32) as usize]
    };
    if keys.len() >= LARGE && keys.len() < 1 << 32 {
        let mut sample = [R::GREATEST; MOST_SMALL];
        let sample = &mut sample[..ROWS * R::LANES];
        sample.iter_mut().for_each(|key| *key = draw());
        // SAFETY: as many as fit.
        unsafe { sort_small::<R>(sample) };
        return sample[sample.len() / 2];
    }
    let middle = |a: R::Key, b: R::Key, c: R::Key| a.max(b).min(a.min(b).max(c));
    let mut three = || middle(draw(), draw(), draw());
    middle(three(), three(), three())
}

/// Puts the keys below the pivot (with `EQUAL`, those not above it) before the others; how many there are.
///
/// # Safety
/// The instructions are there, and there are at least 2 · UNROLL registers of keys.
#[inline(always)]
unsafe fn split<R: Register, const EQUAL: bool>(keys: &mut [R::Key], pivot: R::Key) -> usize {
    let step = R::LANES * UNROLL;
    debug_assert!(keys.len() >= 2 * step);
    // What does not fill registers, one by one.
    let (mut left, mut right) = (0, keys.len());
    for _ in 0..keys.len() % R::LANES {
        let goes_left = if EQUAL { keys[left] <= pivot } else { keys[left] < pivot };
        if goes_left {
            left += 1;
        } else {
            right -= 1;
            keys.swap(left, right);
        }
    }
    let start = keys.as_mut_ptr();
    // SAFETY: all places are inside: `left..right` is what has not been read, in whole registers, and around it is free room, up to
    // `low` on the left and `high` on the right. It is UNROLL registers on each side first. Reading as many from the side with less
    // room leaves at least as much on both sides, and as much is written.
    unsafe {
        let pivot = R::splat(pivot);
        let (mut low, mut high) = (start.add(left), start.add(right));
        let mut first = [pivot; UNROLL];
        let mut last = [pivot; UNROLL];
        for k in 0..UNROLL {
            first[k] = R::load(low.add(k * R::LANES));
            last[k] = R::load(high.sub((k + 1) * R::LANES));
        }
        let (mut from, mut to) = (low.add(step), high.sub(step));
        macro_rules! write {
            ($register:expr) => {
                let went = $register.part::<EQUAL>(pivot, low, high);
                low = low.add(went);
                high = high.sub(R::LANES - went);
            };
        }
        while !(to.offset_from(from) as usize).is_multiple_of(step) {
            // Few registers, one by one.
            let register = if from.offset_from(low) <= high.offset_from(to) {
                let register = R::load(from);
                from = from.add(R::LANES);
                register
            } else {
                to = to.sub(R::LANES);
                R::load(to)
            };
            write!(register);
        }
        while from < to {
            let from_left = from.offset_from(low) <= high.offset_from(to);
            let next = if from_left { from } else { to.sub(step) };
            from = if from_left { from.add(step) } else { from };
            to = if from_left { to } else { next };
            let registers: [R; UNROLL] = std::array::from_fn(|k| R::load(next.add(k * R::LANES)));
            for register in registers {
                write!(register);
            }
        }
        for register in first {
            write!(register);
        }
        for register in last {
            write!(register);
        }
        low.offset_from(start) as usize
    }
}

/// Sorts at most ROWS registers of keys.
#[inline(always)]
unsafe fn sort_small<R: Register>(keys: &mut [R::Key]) {
    let mut room = [R::GREATEST; MOST_SMALL];
    room[..keys.len()].copy_from_slice(keys);
    // SAFETY: the room has as many keys as ROWS registers.
    unsafe {
        let mut rows: [R; ROWS] = std::array::from_fn(|k| R::load(room.as_ptr().add(k * R::LANES)));
        sort_lanes(&mut rows);
        merge_lanes::<R, 1, 1>(&mut rows);
        merge_lanes::<R, 2, 3>(&mut rows);
        if R::LANES > 4 {
            merge_lanes::<R, 4, 7>(&mut rows);
        }
        if R::LANES > 8 {
            merge_lanes::<R, 8, 15>(&mut rows);
        }
        // Lane by lane is the order now.
        for block in 0..ROWS / R::LANES {
            let rows = &mut rows[block * R::LANES..][..R::LANES];
            transpose_step::<R, 1>(rows);
            transpose_step::<R, 2>(rows);
            if R::LANES > 4 {
                transpose_step::<R, 4>(rows);
            }
            if R::LANES > 8 {
                transpose_step::<R, 8>(rows);
            }
            for (lane, row) in rows.iter().enumerate() {
                row.store(room.as_mut_ptr().add(lane * ROWS + block * R::LANES));
            }
        }
    }
    keys.copy_from_slice(&room[..keys.len()]);
}

/// Compares and exchanges pairs of rows.
macro_rules! compare {
    ($rows:ident: $($a:literal $b:literal),*) => {$(
        ($rows[$a], $rows[$b]) = ($rows[$a].min($rows[$b]), $rows[$a].max($rows[$b]));
    )*};
}

/// Sorts each lane through all rows: Green's network.
#[inline(always)]
unsafe fn sort_lanes<R: Register>(rows: &mut [R; ROWS]) {
    // SAFETY: the instructions are there.
    unsafe {
        compare!(rows: 0 1, 2 3, 4 5, 6 7, 8 9, 10 11, 12 13, 14 15);
        compare!(rows: 0 2, 1 3, 4 6, 5 7, 8 10, 9 11, 12 14, 13 15);
        compare!(rows: 0 4, 1 5, 2 6, 3 7, 8 12, 9 13, 10 14, 11 15);
        compare!(rows: 0 8, 1 9, 2 10, 3 11, 4 12, 5 13, 6 14, 7 15);
        compare!(rows: 5 10, 6 9, 3 12, 13 14, 4 8, 7 11, 1 2);
        compare!(rows: 1 4, 7 13, 2 8, 11 14);
        compare!(rows: 2 4, 5 6, 9 10, 11 13, 3 8, 7 12);
        compare!(rows: 6 8, 10 12, 3 5, 7 9);
        compare!(rows: 3 4, 5 6, 7 8, 9 10, 11 12);
        compare!(rows: 6 7, 8 9);
    }
}

/// Of neighbouring groups of `GROUP` lanes, each sorted lane by lane, makes sorted groups of twice as many. `MIRROR` is 2 · GROUP − 1.
#[inline(always)]
unsafe fn merge_lanes<R: Register, const GROUP: usize, const MIRROR: usize>(rows: &mut [R; ROWS]) {
    // SAFETY: the instructions are there.
    unsafe {
        // Each key of the first group with its mirror image in the second: then every key of the first is not above any of the second.
        for r in 0..ROWS / 2 {
            let (a, b) = (rows[r], rows[ROWS - 1 - r]);
            let (mirrored_a, mirrored_b) = (a.crossed::<MIRROR>(), b.crossed::<MIRROR>());
            rows[r] = R::by_bit::<GROUP>(a.min(mirrored_b), a.max(mirrored_b));
            rows[ROWS - 1 - r] = R::by_bit::<GROUP>(b.min(mirrored_a), b.max(mirrored_a));
        }
        // Each group rises and falls now, as a bitonic sequence does: it is halved, by lanes first.
        if GROUP > 4 {
            halve::<R, 4>(rows);
        }
        if GROUP > 2 {
            halve::<R, 2>(rows);
        }
        if GROUP > 1 {
            halve::<R, 1>(rows);
        }
        compare!(rows: 0 8, 1 9, 2 10, 3 11, 4 12, 5 13, 6 14, 7 15);
        compare!(rows: 0 4, 1 5, 2 6, 3 7, 8 12, 9 13, 10 14, 11 15);
        compare!(rows: 0 2, 1 3, 4 6, 5 7, 8 10, 9 11, 12 14, 13 15);
        compare!(rows: 0 1, 2 3, 4 5, 6 7, 8 9, 10 11, 12 13, 14 15);
    }
}

#[inline(always)]
unsafe fn halve<R: Register, const DISTANCE: usize>(rows: &mut [R; ROWS]) {
    for row in rows {
        // SAFETY: the instructions are there.
        *row = unsafe { row.halved_at::<DISTANCE>() };
    }
}

/// Exchanges, of two rows `DISTANCE` apart, the lanes that are as far apart.
#[inline(always)]
unsafe fn transpose_step<R: Register, const DISTANCE: usize>(rows: &mut [R]) {
    for r in 0..rows.len() {
        if r & DISTANCE == 0 {
            // SAFETY: the instructions are there.
            unsafe {
                let (a, b) = (rows[r], rows[r | DISTANCE]);
                rows[r] = R::by_bit::<DISTANCE>(a, b.crossed::<DISTANCE>());
                rows[r | DISTANCE] = R::by_bit::<DISTANCE>(a.crossed::<DISTANCE>(), b);
            }
        }
    }
}
