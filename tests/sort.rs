//! Sorting across ranks: laws for every algorithm, distribution, type and rank count.

use std::cmp::Ordering;
use std::fmt::Debug;

use rand::RngExt;
use rankwise::comm::Element;
use rankwise::distributed::sort::{self, Walk};
use rankwise::kernels::sorting::{self, Key};
use rankwise::mpi::traits::Equivalence;
use rankwise::prelude::*;
use rankwise::random::stream;
use rankwise::testing::{on_ranks, set_checks, split_messages_at};

const DISTRIBUTIONS: [&str; 8] =
    ["sawtooth", "normal", "two values", "sorted", "equal", "zipf", "reverse", "uniform"];

/// The key of the element `index` of `n`; the same on any number of ranks.
fn number(distribution: &str, seed: u64, index: usize, n: usize) -> u64 {
    let mut numbers = stream(seed, index as u64);
    match distribution {
        "uniform" => numbers.random(),
        "zipf" => (1.0 / (1e-6 + numbers.random::<f64>())) as u64,
        "equal" => 7,
        "sorted" => index as u64,
        "reverse" => (n - index) as u64,
        "normal" => (0..12).map(|_| numbers.random_range(0..1u64 << 40)).sum(),
        "two values" => numbers.random_range(0..2),
        _ => (index % 17) as u64,
    }
}

/// Who has how many of `n`: even blocks, nothing on some ranks, all on one, or ever more.
fn shares(n: usize, ranks: usize) -> [Partition; 4] {
    let all_on_last = (0..ranks).map(|rank| if rank + 1 == ranks { n } else { 0 }).collect::<Vec<_>>();
    let growing = (0..ranks).map(|rank| n * (rank + 1) / ranks - n * rank / ranks);
    let mut growing: Vec<usize> = growing.collect();
    for rank in 1..ranks {
        let half = growing[rank - 1] / 2;
        growing[rank - 1] -= half;
        growing[rank] += half;
    }
    let odd_ones_empty: Vec<usize> = {
        let even = ranks.div_ceil(2);
        let mut parts = Partition::even(n, even).counts().collect::<Vec<_>>().into_iter();
        (0..ranks).map(|rank| if rank % 2 == 0 { parts.next().unwrap_or(0) } else { 0 }).collect()
    };
    [
        Partition::even(n, ranks),
        Partition::from_counts(&odd_ones_empty),
        Partition::from_counts(&all_on_last),
        Partition::from_counts(&growing),
    ]
}

/// All cases, or with more ranks than cores, where every message waits for its turn, the last few.
fn some<'a, T>(world: &Comm, cases: &'a [T]) -> &'a [T] {
    let most = [8, 8, 8, 4, 3, 2, 2, 2][world.size()];
    &cases[cases.len().saturating_sub(most)..]
}

/// All ways to share out `n` elements, or one of them.
fn some_shares(n: usize, which: usize, world: &Comm) -> Vec<Partition> {
    let all = shares(n, world.size());
    if world.size() < 3 { all.to_vec() } else { vec![all[(which + 1) % all.len()].clone()] }
}

/// Everything that must be true of a sort of keys, by comparing with the serial twin, on all lengths and shares.
fn sorts<T: Element<E> + Key<K> + Debug, E, K>(
    world: &Comm,
    what: &str,
    lengths: &[usize],
    make: impl Fn(u64) -> T,
    sort: impl Fn(Vec<T>) -> rankwise::Result<Vec<T>>,
) -> rankwise::Result<()> {
    for &n in some(world, lengths) {
        for (k, distribution) in some(world, &DISTRIBUTIONS).iter().enumerate() {
            let all: Vec<T> = (0..n).map(|index| make(number(distribution, 1, index, n))).collect();
            let mut expected = all.clone();
            expected.sort_by(T::order);
            for share in some_shares(n, k, world) {
                let mine = sort(all[share.range(world.rank())].to_vec())?;
                let mine_expected = &expected[Partition::even(n, world.size()).range(world.rank())];
                let same = |(a, b): (&T, &T)| a.order(b) == Ordering::Equal;
                assert!(
                    mine.len() == mine_expected.len() && mine.iter().zip(mine_expected).all(same),
                    "{what}, {n} {distribution} keys, {share:?}: {mine:?} instead of {mine_expected:?}"
                );
            }
        }
    }
    Ok(())
}

const LENGTHS: [usize; 7] = [8, 97, 0, 1, 2, 5, 1000];

#[test]
fn a_sort_is_that_of_one_rank() {
    on_ranks([1, 2, 3, 4, 5, 7], |world| {
        sorts(world, "u64", &LENGTHS, |x| x, |mine| sort::sort(world, mine))?;
        sorts(world, "i64", &LENGTHS, |x| x.rotate_left(40) as i64, |mine| sort::sort(world, mine))?;
        // Any bits: NaNs of both signs, infinities, subnormal numbers, zeros of both signs.
        sorts(world, "f64", &LENGTHS, odd_float, |mine| sort::sort(world, mine))?;
        sorts(world, "f32", &LENGTHS, |x| odd_float(x) as f32, |mine| sort::sort(world, mine))?;
        Ok(())
    });
}

#[test]
fn every_type_with_an_order_is_sorted() {
    on_ranks([1, 2, 3], |world| {
        sorts(world, "u32", &[97, 1000], |x| x as u32, |mine| sort::sort(world, mine))?;
        sorts(world, "i32", &[97], |x| x as i32, |mine| sort::sort(world, mine))?;
        sorts(world, "u16", &[97], |x| x as u16, |mine| sort::sort(world, mine))?;
        sorts(world, "i16", &[97], |x| x as i16, |mine| sort::sort(world, mine))?;
        sorts(world, "u8", &[97], |x| x as u8, |mine| sort::sort(world, mine))?;
        sorts(world, "i8", &[97], |x| x as i8, |mine| sort::sort(world, mine))?;
        sorts(world, "usize", &[97], |x| x as usize, |mine| sort::sort(world, mine))?;
        sorts(world, "isize", &[97], |x| x as isize, |mine| sort::sort(world, mine))?;
        sorts(world, "u128", &[97], |x| u128::from(x) << 30, |mine| sort::sort(world, mine))?;
        sorts(world, "i128", &[97], |x| -i128::from(x), |mine| sort::sort(world, mine))?;
        sorts(world, "bool", &[97], |x| x % 3 == 0, |mine| sort::sort(world, mine))?;
        sorts(world, "arrays", &[97], |x| [(x % 5) as u8, (x % 7) as u8], |mine| sort::sort(world, mine))?;
        sorts(world, "tuples", &[97], |x| (x % 5, x as i8), |mine| sort::sort(world, mine))?;
        Ok(())
    });
}

/// Numbers, and now and then what is none.
fn odd_float(x: u64) -> f64 {
    match x % 11 {
        0 => f64::NAN,
        1 => -f64::NAN,
        2 => 0.0,
        3 => -0.0,
        4 => f64::NEG_INFINITY,
        5 => f64::from_bits(x >> 20),
        _ => f64::from_bits(x.rotate_right(7)),
    }
}

#[test]
fn floats_keep_their_bits() {
    on_ranks([1, 3], |world| {
        let n = 500;
        let all: Vec<f64> = (0..n).map(|index| f64::from_bits(stream(3, index as u64).random())).collect();
        let all: Vec<f64> =
            all.into_iter().chain([f64::NAN, -f64::NAN, -0.0, 0.0, f64::from_bits(!0)]).collect();
        let blocks = Partition::even(all.len(), world.size());
        let mine = sort::sort(world, all[blocks.range(world.rank())].to_vec())?;
        let sorted: Vec<u64> = world.all_gather(&mine)?.into_iter().map(f64::to_bits).collect();
        let mut expected = all.clone();
        expected.sort_by(f64::total_cmp);
        assert!(sorted.into_iter().eq(expected.into_iter().map(f64::to_bits)));
        Ok(())
    });
}

/// Equal keys, and a tag for each by which they are told apart: the order must be that of a stable sort of the whole.
#[test]
fn equal_elements_stay_in_their_order() {
    on_ranks([1, 2, 3, 4, 5, 7], |world| {
        for &n in some(world, &[0, 333, 3, 50]) {
            for (k, &most) in some(world, &[1_000_000, 1, 2, 10]).iter().enumerate() {
                let all: Vec<(u32, u64)> =
                    (0..n).map(|index| (stream(5, index).random_range(0..most), index)).collect();
                let mut expected = all.clone();
                expected.sort_by_key(|&(key, _)| key);
                let mut down = all.clone();
                down.sort_by_key(|x| std::cmp::Reverse(x.0));
                let even = Partition::even(n as usize, world.size()).range(world.rank());
                for share in some_shares(n as usize, k, world) {
                    let mine = &all[share.range(world.rank())];
                    let what = format!("{n} below {most}, {share:?}");
                    assert_eq!(
                        sort::sort_by_key(world, mine.to_vec(), |x| x.0)?,
                        expected[even.clone()],
                        "{what}"
                    );
                    let by = sort::sort_by(world, mine.to_vec(), |a, b| b.0.cmp(&a.0))?;
                    assert_eq!(by, down[even.clone()], "{what}");
                    let (keys, values): (Vec<f64>, Vec<[u32; 2]>) =
                        mine.iter().map(|&(key, tag)| (-f64::from(key), [tag as u32, 7])).unzip();
                    let (keys, values) = sort::sort_records(world, &keys, &values)?;
                    let pairs =
                        keys.iter().zip(&values).map(|(key, value)| (-*key as u32, u64::from(value[0])));
                    assert!(pairs.eq(down[even.clone()].iter().copied()), "{what}");
                    let keys: Vec<u32> = mine.iter().map(|x| x.0).collect();
                    let places = sort::argsort(world, &keys)?;
                    assert!(places.into_iter().eq(expected[even.clone()].iter().map(|x| x.1)), "{what}");
                    let walked = sort::odd_even_by(world, mine.to_vec(), |a, b| a.0.cmp(&b.0), |_| Ok(()))?.0;
                    assert_eq!(walked, expected[even.clone()], "{what}");
                    let bubbled = sort::bubble_by(world, mine.to_vec(), |a, b| b.0.cmp(&a.0), |_| Ok(()))?.0;
                    assert_eq!(bubbled, down[even.clone()], "{what}");
                }
            }
        }
        Ok(())
    });
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Equivalence)]
struct Star {
    magnitude: i16,
    double: bool,
    number: u64,
}

#[test]
fn records_with_an_order_of_their_own_are_keys() {
    on_ranks([1, 2, 4], |world| {
        let star =
            |x: u64| Star { magnitude: (x % 9) as i16 - 3, double: x.is_multiple_of(2), number: x >> 3 };
        sorts(world, "stars", &[0, 3, 97], star, |mine| sort::sort(world, mine)).map_err(Into::into)
    });
}

#[test]
fn descending_is_the_other_way_round() {
    on_ranks([1, 2, 3, 5], |world| {
        for n in [0, 2, 97, 1000] {
            let all: Vec<f64> = (0..n).map(|index| odd_float(number("uniform", 2, index, n))).collect();
            let mut expected = all.clone();
            expected.sort_by(|a, b| b.total_cmp(a));
            let blocks = Partition::even(n, world.size());
            let mine = sort::sort_descending(world, all[blocks.range(world.rank())].to_vec())?;
            let bits = |x: &f64| x.to_bits();
            assert!(mine.iter().map(bits).eq(expected[blocks.range(world.rank())].iter().map(bits)), "{n}");
        }
        Ok(())
    });
}

#[test]
fn the_textbooks_ways_sort_too() {
    on_ranks([1, 2, 3, 4, 5], |world| {
        let odd_even = |mine| Ok(sort::odd_even(world, mine)?.0);
        sorts(world, "odd-even", &LENGTHS, |x| x, odd_even)?;
        let bubble = |mine| Ok(sort::bubble(world, mine)?.0);
        sorts(world, "bubble", &[0, 1, 5, 97], |x| x as i32, bubble)?;
        sorts(world, "odd-even of floats", &[97], odd_float, |mine| Ok(sort::odd_even(world, mine)?.0))?;
        Ok(())
    });
}

/// All inputs of zeros and ones of so few keys, by what each rank has.
#[test]
fn equal_blocks_take_at_most_as_many_phases_as_ranks() {
    on_ranks([2, 3, 4, 5], |world| {
        let p = world.size();
        let each = if p < 4 { 5 - p } else { 1 };
        for input in 0..(each + 1usize).pow(p as u32) {
            let ones = input / (each + 1).pow(world.rank() as u32) % (each + 1);
            let mine: Vec<u8> = (0..each).map(|place| u8::from(place + ones >= each)).collect();
            let (sorted, walk) = sort::odd_even(world, mine)?;
            assert!(sort::is_sorted(world, &sorted)?, "input {input}");
            assert!(walk.phases <= p, "input {input}: {walk:?}");
        }
        Ok(())
    });
}

#[test]
fn odd_even_sends_what_must_cross_and_no_more() {
    on_ranks([2, 3, 4], |world| {
        let (p, each) = (world.size(), 1000);
        let range = Partition::even(p * each, p).range(world.rank());
        let run = |distribution: &str| -> rankwise::Result<Walk> {
            let keys = range.clone().map(|index| number(distribution, 9, index, p * each)).collect();
            Ok(sort::odd_even(world, keys)?.1)
        };
        // In order: one key to compare for each pair, in two phases.
        let walk = run("sorted")?;
        assert_eq!((walk.phases, walk.sent), (2, 0));
        assert!(walk.probes <= 2, "{walk:?}");
        // Backwards: every key to the other side, all that a rank has in each phase in which it has a partner.
        let walk = run("reverse")?;
        let partners = (0..p).filter(|phase| {
            let right = world.rank() % 2 == phase % 2;
            if right { world.rank() + 1 < p } else { world.rank() > 0 }
        });
        assert_eq!((walk.phases, walk.sent as usize), (p, partners.count() * each));
        // Uniform: with two ranks half of the keys cross.
        let walk = run("uniform")?;
        if p == 2 {
            assert!((400..600).contains(&walk.sent), "{walk:?}");
            assert!(walk.probes < 200, "{walk:?}");
        }
        // The textbook sends everything in every phase.
        let keys: Vec<u64> = range.clone().map(|index| index as u64).collect();
        let (_, textbook) = sort::bubble(world, keys)?;
        let partners = textbook.messages as usize;
        assert_eq!((textbook.phases, textbook.sent as usize), (p, partners * each));
        assert_eq!(textbook.bubbled.comparisons as usize, each - 1);
        Ok(())
    });
}

#[test]
fn a_sort_sends_each_element_once_at_most() {
    on_ranks([1, 2, 3, 4, 5], |world| {
        let (p, n) = (world.size(), 10_000);
        let range = Partition::even(n, p).range(world.rank());
        for distribution in DISTRIBUTIONS {
            let keys: Vec<u64> = range.clone().map(|index| number(distribution, 4, index, n)).collect();
            let (sorted, cost) = sort::sort_counted(world, keys)?;
            assert_eq!(sorted.len(), range.len());
            assert!(cost.received <= range.len() && cost.sent <= range.len());
            let sent = world.all_reduce_one(cost.sent, Sum)?;
            assert_eq!(sent, world.all_reduce_one(cost.received, Sum)?);
            assert!(cost.rounds <= 4, "{distribution}: {cost:?}");
            match distribution {
                "sorted" | "equal" => assert_eq!(sent, 0, "{distribution}"),
                "uniform" | "normal" => {
                    let bound = n as f64 * (1.0 - 1.0 / p as f64);
                    assert!(sent as f64 <= 1.05 * bound, "{distribution}: {sent} instead of {bound}");
                }
                _ => {}
            }
        }
        Ok(())
    });
}

#[test]
fn quantiles_are_elements_of_the_sorted_whole() {
    on_ranks([1, 2, 3, 5], |world| {
        for &n in some(world, &[1, 2, 10, 997]) {
            for (k, distribution) in some(world, &DISTRIBUTIONS).iter().enumerate() {
                let all: Vec<u64> = (0..n).map(|index| number(distribution, 6, index, n)).collect();
                let mut sorted = all.clone();
                sorted.sort();
                for share in some_shares(n, k, world) {
                    let qs = [0.5, 0.0, 1.0, 0.25, 0.9, 0.25, 1e-9];
                    let found = sort::quantiles(world, &all[share.range(world.rank())], &qs)?;
                    let expected = qs.map(|q| sorted[((q * n as f64).ceil() as usize).max(1) - 1]);
                    assert_eq!(found, expected, "{n} {distribution} {share:?}");
                }
            }
        }
        let none: [f32; 0] = [];
        let error = sort::quantiles(world, &none, &[0.5]).unwrap_err();
        assert!(error.to_string().ends_with("no quantiles of nothing"), "{error}");
        let error = sort::quantiles(world, &[1.0], &[0.5, f64::NAN]).unwrap_err();
        assert!(error.to_string().ends_with("a quantile of NaN: it lies between 0 and 1"), "{error}");
        Ok(())
    });
}

#[test]
fn what_is_sorted_is_known_to_be() {
    on_ranks([1, 2, 3, 5], |world| {
        let (me, p) = (world.rank(), world.size());
        assert!(sort::is_sorted(world, &[me, me, me + 1])?);
        assert!(sort::is_sorted::<u8, _, _>(world, &[])?);
        let last_has_all = if me + 1 == p { vec![-0.0, 0.0, f64::NAN] } else { vec![] };
        assert!(sort::is_sorted(world, &last_has_all)?);
        assert!(!sort::is_sorted(world, &[0.0, -0.0])?);
        assert!(!sort::is_sorted(world, &if me + 1 == p { vec![2, 1] } else { vec![0, 0] })?);
        // In order on every rank, not between them; beyond one that has nothing.
        let across = if me == 0 {
            vec![p]
        } else if me + 1 == p {
            vec![0]
        } else {
            vec![]
        };
        assert_eq!(sort::is_sorted(world, &across)?, p == 1);
        for n in [300, 1000] {
            for wrong in 1..n {
                let mut keys: Vec<usize> = (0..n).collect();
                keys[wrong] = wrong.saturating_sub(2);
                assert_eq!(sorting::is_sorted(&keys), keys.is_sorted(), "{wrong}");
            }
        }
        Ok(())
    });
}

/// An order that contradicts itself ends, with all elements or an error that all ranks have.
#[test]
fn a_false_order_does_no_harm() {
    on_ranks([1, 2, 3], |world| {
        set_checks("light");
        for n in [10, 1000] {
            let range = Partition::even(n, world.size()).range(world.rank());
            // Rock, paper, scissors.
            let order = |a: &usize, b: &usize| match (b + 3 - a) % 3 {
                0 => Ordering::Equal,
                1 => Ordering::Less,
                _ => Ordering::Greater,
            };
            let mine: Vec<usize> = range.map(|index| stream(8, index as u64).random_range(0..3)).collect();
            match sort::sort_by(world, mine, order) {
                Ok(sorted) => assert_eq!(world.all_reduce_one(sorted.len(), Sum)?, n),
                Err(error) => {
                    assert!(error.is_shared() && error.to_string().contains("contradicts itself"), "{error}")
                }
            }
        }
        Ok(())
    });
}

#[test]
fn keys_without_values_are_refused_on_all_ranks() {
    on_ranks([1, 3], |world| {
        let values = vec![0u8; if world.is_root() { 1 } else { 2 }];
        let error = sort::sort_records(world, &[1.0, 2.0], &values).unwrap_err();
        assert!(error.to_string().contains("2 keys with 1 values"), "{error}");
        Ok(())
    });
}

#[test]
fn a_watcher_sees_every_phase() {
    on_ranks([1, 2, 5], |world| {
        let mine: Vec<usize> = (0..3).map(|k| 10 * (world.size() - world.rank()) - k).collect();
        let mut phases = vec![];
        let (sorted, walk) = sort::odd_even_by(world, mine, usize::cmp, |step| {
            assert_eq!(step.block.len(), 3);
            // It may talk to the other ranks.
            phases.push((step.phase, world.all_reduce_one(step.crossed, Sum)?));
            Ok(())
        })?;
        assert!(phases.iter().map(|(phase, _)| *phase).eq(0..=walk.phases));
        assert_eq!(phases[0].1, 0);
        assert!(sort::is_sorted(world, &sorted)?);
        Ok(())
    });
}

/// More than MPI can count in one message, with pieces of 5 elements for 2³¹.
#[test]
fn long_messages_go_in_pieces() {
    on_ranks([2, 3], |world| {
        split_messages_at(5);
        sorts(world, "in pieces", &[97, 1000], |x| x, |mine| sort::sort(world, mine))?;
        sorts(world, "in pieces", &[97], |x| x, |mine| Ok(sort::odd_even(world, mine)?.0))?;
        split_messages_at(0);
        Ok(())
    });
}
