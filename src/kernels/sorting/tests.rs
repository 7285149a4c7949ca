use std::cmp::Ordering;

use super::order::Order;
use super::*;
#[cfg(target_arch = "x86_64")]
use crate::kernels::level::Level;
use crate::partition::Partition;
use crate::random::stream;
use rand::RngExt;

/// A number below `most`, and where it was: equal ones can be told apart.
fn tagged(seed: u64, len: usize, most: u32) -> Vec<(u32, usize)> {
    let mut numbers = stream(seed, len as u64);
    (0..len).map(|place| (numbers.random_range(0..most), place)).collect()
}

fn by_number(a: &(u32, usize), b: &(u32, usize)) -> Ordering {
    a.0.cmp(&b.0)
}

fn sorted(keys: &[(u32, usize)]) -> Vec<(u32, usize)> {
    let mut sorted = keys.to_vec();
    sorted.sort_by(by_number);
    sorted
}

#[test]
fn bubble_sort_sorts_with_a_swap_for_each_inversion() {
    for len in 0..40 {
        for most in [1, 2, 5, 1000] {
            let keys = tagged(1, len, most);
            let pairs = (0..len).flat_map(|a| (a..len).map(move |b| (a, b)));
            let inversions = pairs.filter(|&(a, b)| keys[a].0 > keys[b].0).count() as u64;
            let mut bubbled = keys.clone();
            let work = bubble_sort(&mut bubbled, by_number);
            assert_eq!(bubbled, sorted(&keys), "{len} keys below {most}: sorted, and stable");
            assert_eq!(work.moves, inversions);
            assert!(work.comparisons <= (len * len.saturating_sub(1) / 2) as u64);
            let again = bubble_sort(&mut bubbled, by_number);
            assert_eq!((again.comparisons, again.moves), (len.saturating_sub(1) as u64, 0));
        }
    }
}

/// All cuts of all short sequences of few numbers: every merge is what a stable sort gives.
#[test]
fn merges_are_stable_sorts() {
    let order = By(by_number);
    for len in 0..24 {
        for most in [1, 2, 4, 100] {
            for cut in 0..=len {
                let mut keys = tagged(2, len, most);
                keys[..cut].sort_by(by_number);
                keys[cut..].sort_by(by_number);
                let (low, high) = keys.split_at(cut);
                let expected = sorted(&keys);
                let mut to = keys.clone();
                order.merge(low, high, &mut to);
                assert_eq!(to, expected, "{low:?} {high:?}");
                let mut block = keys.clone();
                block[cut..].fill((7, 7));
                order.merge_onto_low(&mut block, cut, high);
                assert_eq!(block, expected, "onto {low:?} {high:?}");
                let mut block = keys.clone();
                block[..cut].fill((7, 7));
                order.merge_onto_high(low, &mut block, len - cut);
                assert_eq!(block, expected, "{low:?} onto {high:?}");
            }
        }
    }
}

#[test]
fn as_many_keys_cross_as_are_on_the_wrong_side() {
    for (left_len, right_len) in [(0, 0), (0, 3), (3, 0), (1, 1), (4, 4), (5, 4), (4, 7), (20, 20)] {
        for most in [1, 2, 5, 100] {
            let (left, right) = (sorted(&tagged(3, left_len, most)), sorted(&tagged(4, right_len, most)));
            let union = sorted(&[&left[..], &right[..]].concat());
            let crosses = crossing(left_len, right_len, |k| left[left_len - k].0 > right[k - 1].0);
            let mut low = [&left[..left_len - crosses], &right[..crosses]].concat();
            low.sort_by(by_number);
            let numbers = |keys: &[(u32, usize)]| keys.iter().map(|key| key.0).collect::<Vec<_>>();
            assert_eq!(numbers(&low), numbers(&union[..left_len]), "{left:?} {right:?}");
        }
    }
}

/// Every sequence of zeros and ones, by how many ones each block has: by the 0-1 principle that is every input. Blocks that differ
/// by one can need some phases more: 11|1|0|0 takes five, 11|11|0|0|0|0 eight.
#[test]
fn odd_even_needs_at_most_as_many_phases_as_blocks() {
    for blocks in 1..7usize {
        for keys in 0..=(24 / blocks).min(4) * blocks {
            let lengths: Vec<usize> = Partition::even(keys, blocks).counts().collect();
            let inputs: usize = lengths.iter().map(|len| len + 1).product();
            for mut input in 0..inputs {
                let mut zeros_then_ones: Vec<Vec<u8>> = Vec::new();
                for &len in &lengths {
                    let ones = input % (len + 1);
                    input /= len + 1;
                    zeros_then_ones.push((0..len).map(|place| u8::from(place + ones >= len)).collect());
                }
                let given = zeros_then_ones.clone();
                let work = odd_even_blocks(&mut zeros_then_ones, u8::cmp);
                assert!(zeros_then_ones.concat().is_sorted(), "{given:?}");
                // What moves does so in the first phases; two quiet ones may follow.
                let mut quiet_apart = given.clone();
                let moving = phases_that_move(&mut quiet_apart);
                let equal = keys % blocks == 0;
                let most = if equal { blocks } else { blocks + blocks / 3 };
                assert!(moving <= most, "{given:?} moves until phase {moving}");
                assert!(work.passes <= most + if equal { 0 } else { 2 }, "{given:?}: {work:?}");
            }
        }
    }
}

/// The number of the last phase in which anything moves, by the definition: sort both blocks of a pair together.
fn phases_that_move(blocks: &mut [Vec<u8>]) -> usize {
    let mut last = 0;
    for phase in 0..2 * blocks.len() + 2 {
        let before = blocks.to_vec();
        for pair in blocks[phase % 2..].chunks_exact_mut(2) {
            let mut union = pair.concat();
            union.sort();
            let cut = pair[0].len();
            pair[0].copy_from_slice(&union[..cut]);
            pair[1].copy_from_slice(&union[cut..]);
        }
        if before != *blocks {
            last = phase + 1;
        }
    }
    last
}

#[test]
fn blocks_are_sorted_end_to_end_and_stay_as_long() {
    for blocks in 1..8 {
        for len in [0, 1, 3, 7, 20, 33] {
            for most in [1, 3, 1000] {
                let keys = tagged(5, len, most);
                let parts = Partition::even(len, blocks);
                let mut cut: Vec<Vec<_>> = (0..blocks).map(|b| sorted(&keys[parts.range(b)])).collect();
                odd_even_blocks(&mut cut, by_number);
                assert_eq!(cut.concat(), sorted(&keys), "{len} keys below {most} in {blocks} blocks");
                assert!(cut.iter().map(Vec::len).eq(parts.counts()));
            }
        }
    }
}

/// Keys that are random, of few values, in order, backwards, in saws; of all awkward lengths.
fn shapes(len: usize) -> Vec<Vec<u64>> {
    let random: Vec<u64> = (0..len).map(|place| stream(6, place as u64).random()).collect();
    let few = |most: u64| random.iter().map(|key| key % most).collect();
    let up: Vec<u64> = (0..len as u64).collect();
    let down = up.iter().rev().copied().collect();
    let saw = up.iter().map(|place| place % 100).collect();
    // Equal but for one that is greater, or less, somewhere inside.
    let but_one = |other: u64| {
        let mut keys = vec![5; len];
        if let Some(key) = keys.get_mut(len / 3) {
            *key = other;
        }
        keys
    };
    let pipe = up.iter().map(|&place| place.min(len as u64 - place)).collect();
    let extremes = random.iter().map(|key| if key % 2 == 0 { 0 } else { u64::MAX }).collect();
    vec![few(2), few(100), few(u64::MAX), up, down, saw, but_one(4), but_one(6), pipe, extremes, random]
}

/// All levels that this processor has, for keys made of these bits.
fn every_level_sorts<T: Key<K> + std::fmt::Debug, K>(make: impl Fn(u64) -> T) {
    let lengths = (0..300)
        .step_by(7)
        .chain([31, 32, 63, 64, 65, 127, 128, 129, 255, 256, 257, 511, 513, 1000, 5003, 40_009]);
    for len in lengths {
        for shape in shapes(len) {
            let keys: Vec<T> = shape.iter().map(|&bits| make(bits)).collect();
            let mut expected = keys.clone();
            expected.sort_by(T::order);
            let same = |sorted: &[T]| sorted.iter().zip(&expected).all(|(a, b)| a.order(b).is_eq());
            let mut sorted = keys.clone();
            sort(&mut sorted);
            assert!(same(&sorted), "{len} keys: {keys:?} gave {sorted:?}");
            #[cfg(target_arch = "x86_64")]
            for level in Level::available() {
                let mut sorted = keys.clone();
                if vector::sort(level, &mut sorted).is_some() {
                    assert!(same(&sorted), "{level:?}, {len} keys: {keys:?} gave {sorted:?}");
                } else {
                    assert!(level == Level::Portable || size_of::<T>() < 4);
                }
            }
        }
    }
}

#[test]
fn vectors_sort_as_the_standard_library_does() {
    every_level_sorts(|bits| bits);
    every_level_sorts(|bits| bits.rotate_right(1) as i64);
    every_level_sorts(|bits| bits as u32);
    every_level_sorts(|bits| bits.rotate_right(1) as i32);
    every_level_sorts(|bits| bits as usize);
    every_level_sorts(|bits| bits as isize);
    every_level_sorts(|bits| f64::from_bits(bits.rotate_right(3)));
    every_level_sorts(|bits| f32::from_bits((bits as u32).rotate_right(3)));
    every_level_sorts(|bits| bits as u16);
    every_level_sorts(|bits| bits as i8);
}

/// Many runs, short and long, empty and equal, with few and many different keys: what a stable sort of all gives.
#[test]
fn many_runs_are_merged_as_by_a_stable_sort() {
    let order = By(|a: &(u8, u16), b: &(u8, u16)| a.0.cmp(&b.0));
    for (count, len) in [(0, 0), (1, 5), (2, 9), (3, 20_000), (5, 40_000), (7, 1), (64, 3000), (700, 90)] {
        for most in [1, 2, 200] {
            let runs: Vec<Vec<(u8, u16)>> = (0..count)
                .map(|run| {
                    // Every third is empty, every fifth much longer.
                    let len = len * [0, 1, 2][run % 3] * if run % 5 == 4 { 4 } else { 1 };
                    let mut keys: Vec<u8> =
                        tagged(run as u64, len, most).into_iter().map(|(key, _)| key as u8).collect();
                    keys.sort_unstable();
                    keys.into_iter().map(|key| (key, run as u16)).collect()
                })
                .collect();
            let mut expected = runs.concat();
            expected.sort_by_key(|(key, _)| *key);
            let lengths: Vec<usize> = runs.iter().map(Vec::len).collect();
            let all = merge_runs_by(runs.concat(), vec![(1, 1); len], &lengths, &order);
            assert!(all == expected, "{count} runs of about {len}, {most} different keys");
            let keys: Vec<u64> = runs.iter().flatten().map(|key| key.0.into()).collect();
            let all = merge_runs(keys, Vec::new(), &lengths);
            assert!(all.iter().zip(&expected).all(|(a, b)| *a == u64::from(b.0)), "{count} runs of numbers");
        }
    }
}

/// In registers, in all ways and with what is left at the end, as by the textbook.
fn merges_in_registers<T: Key<K> + std::fmt::Debug, K>(make: impl Fn(u64) -> T) {
    let order = Natural::<K>::new();
    // Also where numbers are equal that can be told apart, and NaNs are not.
    let same = |a: &[T], b: &[T]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.order(b).is_eq());
    let lengths = [0, 1, 7, 8, 9, 15, 16, 17, 31, 33, 64, 100, 1001];
    for (low_len, high_len) in lengths.iter().flat_map(|a| lengths.map(|b| (*a, b))) {
        for most in [1, 3, 50, 1_000_000] {
            let run = |seed, len| {
                let mut run: Vec<T> = tagged(seed, len, most).iter().map(|key| make(key.0.into())).collect();
                run.sort_by(T::order);
                run
            };
            let (low, high) = (run(7, low_len), run(8, high_len));
            let mut expected = [&low[..], &high[..]].concat();
            expected.sort_by(T::order);
            let what = format!("{low:?} {high:?}");
            let mut to = vec![make(0); low_len + high_len];
            order.merge(&low, &high, &mut to);
            assert!(same(&to, &expected), "{to:?} from {what}");
            let mut block = [&low[..], &vec![make(0); high_len]].concat();
            order.merge_onto_low(&mut block, low_len, &high);
            assert!(same(&block, &expected), "{block:?} onto the low one: {what}");
            let mut block = [&vec![make(0); low_len], &high[..]].concat();
            order.merge_onto_high(&low, &mut block, high_len);
            assert!(same(&block, &expected), "{block:?} onto the high one: {what}");
            #[cfg(target_arch = "x86_64")]
            for level in Level::available() {
                let mut to = vec![make(0); low_len + high_len];
                let Some(rest) = vector::merge(level, vector::Room::Apart(&low, &high, &mut to)) else {
                    continue;
                };
                let done = rest.a + rest.b - rest.pending.len();
                assert!(same(&to[..done], &expected[..done]), "{level:?}: {to:?} from {what}");
                assert!(rest.pending.is_empty() || low_len - rest.a < 16 || high_len - rest.b < 16);
                let mut left = [&rest.pending[..], &low[rest.a..], &high[rest.b..]].concat();
                left.sort_by(T::order);
                assert!(same(&left, &expected[done..]), "{level:?}: {left:?} left of {what}");
            }
        }
    }
}

#[test]
fn merges_in_registers_are_the_textbooks() {
    merges_in_registers(|key| key);
    merges_in_registers(|key| key as i64 - 500_000);
    merges_in_registers(|key| key as u32);
    merges_in_registers(|key| key as i32 - 25);
    merges_in_registers(|key| key as usize);
    merges_in_registers(|key| key as isize);
    merges_in_registers(|key| f64::from_bits(key.rotate_right(3) ^ (key % 7) << 60));
    merges_in_registers(|key| f32::from_bits((key as u32).rotate_right(3) ^ (key as u32 % 7) << 28));
    merges_in_registers(|key| [0.0, -0.0, f64::NAN, -f64::NAN, 1.5, -1.5, f64::INFINITY][key as usize % 7]);
    merges_in_registers(|key| key as u8);
}

/// Whatever the keys and however bad the pivots: no more passes than promised, and sorted all the same.
#[test]
#[cfg(target_arch = "x86_64")]
fn bad_pivots_end_in_the_standard_library() {
    let killers = |len: usize| {
        // The medians of first, middle and last are the least keys left (D. R. Musser 1997).
        let half = len as u64 / 2;
        let of_three = (0..len as u64)
            .map(|k| if k < half { if k % 2 == 0 { k + 1 } else { half + k } } else { 2 * (k - half) });
        // Places that a sample of regular distances sees have the least keys.
        let sampled =
            (0..len as u64).map(|k| if k % (len as u64 / 128).max(1) == 0 { k } else { k + len as u64 });
        // Ever more copies of the least keys.
        let steps = (0..len as u64).map(|k| u64::from((k * k) as u32 | 1).leading_zeros().into());
        [of_three.collect::<Vec<u64>>(), sampled.collect(), steps.collect()]
    };
    for level in Level::available().skip(1) {
        for len in [1000, 10_000, 100_000] {
            for keys in killers(len).into_iter().chain(shapes(len)) {
                let mut expected = keys.clone();
                expected.sort_unstable();
                for depth in [0, 1, 2, 5] {
                    let mut sorted = keys.clone();
                    let work = vector::sort_within(level, &mut sorted, depth).expect("there is such a code");
                    assert!(
                        sorted == expected && work <= len as u64 * u64::from(depth),
                        "{level:?}, {len}, {depth}"
                    );
                }
                let mut sorted = keys.clone();
                let work = vector::sort(level, &mut sorted).expect("there is such a code");
                let promised = len as u64 * u64::from(2 * len.ilog2() + 4);
                assert!(sorted == expected && work <= promised, "{level:?}, {len} keys: {work} looks");
                // And in fact as few as good pivots need, down to what is sorted in registers.
                assert!(work <= len as u64 * u64::from(len.ilog2()), "{level:?}, {len} keys: {work} looks");
            }
        }
    }
}
