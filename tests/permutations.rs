//! Permutations: the laws of shuffling across ranks, and what randomness must look like.

use crate::common::Folder;
use rankwise::array::{DistArray, Layout};
use rankwise::distributed::permute::{Permutation, sample, shuffle, shuffle_array, shuffle_rows};
use rankwise::file::{self, File};
use rankwise::kernels::permutation::{order, permuted};
use rankwise::ndarray::{Array2, s};
use rankwise::prelude::*;
use rankwise::random::stream;
use rankwise::testing::on_ranks;

#[test]
fn a_shuffle_is_the_serial_twins() {
    on_ranks([1, 2, 3, 4], |world| {
        let (rank, size) = (world.rank(), world.size());
        for n in [0, 1, size - 1, size + 1, 3000] {
            let seed = 42 + n as u64;
            let all: Vec<u32> = (0..n as u32).map(|item| item * 3).collect();
            let expected = permuted(seed, 0, &all);
            // Even blocks, all on one rank, and none on some.
            let uneven: Vec<usize> = (0..size).map(|r| if r == 1 % size { n } else { 0 }).collect();
            for blocks in [Partition::even(n, size), Partition::from_counts(&uneven)] {
                let mine = shuffle(world, seed, &all[blocks.range(rank)])?;
                assert_eq!(mine, expected[blocks.range(rank)], "{n} items on {size} ranks");
                for wanted in [0, n / 3, n] {
                    let some = sample(world, seed, &all[blocks.range(rank)], wanted)?;
                    let part = Partition::even(wanted, size).range(rank);
                    assert_eq!(some, expected[..wanted][part], "{wanted} of {n} on {size} ranks");
                }
            }
            let deck = Permutation::new(seed, n).copy(5);
            let mine = deck.block(world)?;
            assert_eq!(mine, order(seed, 5, n)[Partition::even(n, size).range(rank)]);
        }
        let error = sample(world, 1, &[0u8; 2], 2 * size + 1).expect_err("there are not so many");
        assert!(error.to_string().contains(&format!("a sample of {} from {} items", 2 * size + 1, 2 * size)));
        Ok(())
    });
}

#[test]
fn rows_of_arrays_stay_whole_in_any_layout() {
    on_ranks([1, 2, 4], |world| {
        for (rows, columns) in [(0, 3), (1, 1), (5, 0), (7, 3), (40, 2)] {
            let index: Vec<usize> = order(9, 0, rows);
            for layout in [Layout::rows(world, [rows, columns])?, Layout::grid_auto(world, [rows, columns])?]
            {
                let array = DistArray::from_fn(&layout, |(i, j)| 10 * i + j)?;
                let shuffled = shuffle_array(&array, 9)?;
                assert!(*shuffled.layout() == layout);
                let whole = shuffled.all_gather()?;
                assert_eq!(whole, Array2::from_shape_fn((rows, columns), |(i, j)| 10 * index[i] + j));
            }
        }
        Ok(())
    });
}

#[test]
fn rows_of_datasets_are_shuffled_in_any_memory() {
    on_ranks([1, 2, 3], |world| {
        let folder = world.on_root(|| Ok(Folder::new("permutations-rows")))?;
        let path = world.broadcast_value(0, folder.as_ref().map(|folder| folder.file("rows.h5")).as_ref())?;
        let rows = 301;
        let file = File::create(world, &path)?;
        let from = file.create_dataset::<i32>("from", &[rows, 2], &file::Storage::default())?;
        let blocks = Partition::even(rows, world.size());
        let mine = blocks.range(world.rank());
        let all = Array2::from_shape_fn((rows, 2), |(i, j)| (2 * i + j) as i32);
        from.write_rows(mine.start, &all.slice(s![mine.clone(), ..]))?;
        let index = order(4, 0, rows);
        // All at once, in some parts, and a row at a time.
        for (number, memory) in [1 << 20, 8 * 40 * 20, 1].into_iter().enumerate() {
            let rows = if memory == 1 { 20 } else { rows };
            let from = if memory == 1 {
                let few = file.create_dataset::<i32>("few", &[rows, 2], &file::Storage::default())?;
                let mine = Partition::even(rows, world.size()).range(world.rank());
                few.write_rows(mine.start, &all.slice(s![mine, ..]))?;
                few
            } else {
                file.dataset("from")?
            };
            let index = if memory == 1 { order(4, 0, rows) } else { index.clone() };
            let to =
                file.create_dataset::<i32>(&format!("to{number}"), &[rows, 2], &file::Storage::default())?;
            shuffle_rows::<i32>(&from, &to, 4, memory)?;
            let there = to.read_rows::<i32>(0..rows)?;
            let expected = Array2::from_shape_fn((rows, 2), |(i, j)| (2 * index[i] + j) as i32);
            assert_eq!(there, expected.into_dyn(), "with {memory} bytes");
        }
        let other = file.create_dataset::<i32>("other", &[rows, 3], &file::Storage::default())?;
        assert!(shuffle_rows::<i32>(&from, &other, 4, 1 << 20).is_err());
        Ok(file.close()?)
    });
}

#[test]
fn places_and_items_are_two_sides_of_one_order() {
    for n in [1, 2, 10, 1000] {
        let deck = Permutation::new(3, n).copy(2);
        let order = deck.order();
        for place in [0, n / 2, n - 1] {
            assert_eq!(deck.item_at(place), order[place]);
            assert_eq!(deck.place_of(order[place]), place);
        }
        let mut sorted = order;
        sorted.sort_unstable();
        assert!(sorted.into_iter().eq(0..n));
    }
    assert!(Permutation::new(1, 0).is_empty() && Permutation::new(1, 0).order().is_empty());
}

/// A way to permute `n` items, from a seed and a copy.
type Shuffle = fn(u64, u64, usize) -> Vec<usize>;

/// What goes wrong in practice: swapping each item with any other, which favours some orders.
fn swap_with_any(seed: u64, copy: u64, n: usize) -> Vec<usize> {
    use rand::RngExt;
    let mut random = stream(seed, copy);
    let mut items: Vec<usize> = (0..n).collect();
    for item in 0..n {
        items.swap(item, random.random_range(0..n));
    }
    items
}

/// Sattolo's algorithm: random, but always one cycle.
fn one_cycle(seed: u64, copy: u64, n: usize) -> Vec<usize> {
    use rand::RngExt;
    let mut random = stream(seed, copy);
    let mut items: Vec<usize> = (0..n).collect();
    for item in (1..n).rev() {
        items.swap(item, random.random_range(0..item));
    }
    items
}

/// Too few swaps.
fn lazy(seed: u64, copy: u64, n: usize) -> Vec<usize> {
    use rand::RngExt;
    let mut random = stream(seed, copy);
    let mut items: Vec<usize> = (0..n).collect();
    for _ in 0..n / 2 {
        items.swap(random.random_range(0..n), random.random_range(0..n));
    }
    items
}

/// Every copy the same.
fn one_copy(seed: u64, _: u64, n: usize) -> Vec<usize> {
    order(seed, 0, n)
}

/// How many standard deviations chi-square is from its mean.
fn chi_square(counts: &[u32], each: f64, freedom: f64) -> f64 {
    let sum: f64 = counts.iter().map(|&count| (f64::from(count) - each).powi(2) / each).sum();
    (sum - freedom) / (2.0 * freedom).sqrt()
}

/// How many standard errors the mean of `values` is from `mean`, for a known variance.
fn from_mean(values: &[f64], mean: f64, variance: f64) -> f64 {
    let n = values.len() as f64;
    (values.iter().sum::<f64>() / n - mean) / (variance / n).sqrt()
}

fn all_orders(shuffle: Shuffle) -> f64 {
    let mut worst = 0f64;
    for n in 2..=6 {
        let orders: usize = (1..=n).product();
        let mut counts = vec![0; orders];
        for seed in 0..60 * orders as u64 {
            let items = shuffle(seed, n as u64, n);
            // The number of the order, in mixed radix.
            let number = (0..n).fold(0, |number, at| {
                number * (n - at) + items[at + 1..].iter().filter(|&&later| later < items[at]).count()
            });
            counts[number] += 1;
        }
        worst = worst.max(chi_square(&counts, 60.0, orders as f64 - 1.0).abs());
    }
    worst
}

fn items_and_places(shuffle: Shuffle) -> f64 {
    let (n, times) = (20, 20_000);
    let mut counts = vec![0; n * n];
    for seed in 0..times {
        for (place, item) in shuffle(seed, 1, n).into_iter().enumerate() {
            counts[place * n + item] += 1;
        }
    }
    chi_square(&counts, times as f64 / n as f64, ((n - 1) * (n - 1)) as f64).abs()
}

fn fixed_points(shuffle: Shuffle) -> f64 {
    let count =
        |items: Vec<usize>| items.iter().enumerate().filter(|(place, item)| place == *item).count() as f64;
    let values: Vec<f64> = (0..4000).map(|seed| count(shuffle(seed, 3, 100))).collect();
    from_mean(&values, 1.0, 1.0).abs()
}

fn cycles(shuffle: Shuffle) -> f64 {
    let n = 100;
    let count = |items: Vec<usize>| {
        let mut seen = vec![false; n];
        (0..n)
            .filter(|&start| {
                let (mut at, first) = (start, !seen[start]);
                while !seen[at] {
                    seen[at] = true;
                    at = items[at];
                }
                first
            })
            .count() as f64
    };
    let values: Vec<f64> = (0..4000).map(|seed| count(shuffle(seed, 2, n))).collect();
    let sum = |power: i32| (1..=n).map(|k| 1.0 / (k as f64).powi(power)).sum::<f64>();
    from_mean(&values, sum(1), sum(1) - sum(2)).abs()
}

fn inversions(shuffle: Shuffle) -> f64 {
    let n = 100;
    let count = |items: Vec<usize>| {
        (0..n).map(|at| items[at + 1..].iter().filter(|&&later| later < items[at]).count()).sum::<usize>()
            as f64
    };
    let values: Vec<f64> = (0..2000).map(|seed| count(shuffle(seed, 7, n))).collect();
    let n = n as f64;
    from_mean(&values, n * (n - 1.0) / 4.0, n * (n - 1.0) * (2.0 * n + 5.0) / 72.0).abs()
}

fn longest_increasing(shuffle: Shuffle) -> f64 {
    let n = 400;
    let length = |items: Vec<usize>| {
        let mut ends: Vec<usize> = vec![];
        for item in items {
            match ends.partition_point(|&end| end < item) {
                at if at == ends.len() => ends.push(item),
                at => ends[at] = item,
            }
        }
        ends.len() as f64
    };
    let values: Vec<f64> = (0..400).map(|seed| length(shuffle(seed, 0, n))).collect();
    // Mean and deviation at n = 400, of 20000 shuffles by Python's generator.
    from_mean(&values, 35.71, 2.2 * 2.2).abs()
}

fn correlation_of_copies(shuffle: Shuffle) -> f64 {
    let n = 1000;
    let place = |copy| {
        let mut places = vec![0.0; n];
        shuffle(11, copy, n).into_iter().enumerate().for_each(|(place, item)| places[item] = place as f64);
        places
    };
    let all: Vec<Vec<f64>> = (0..6).map(place).collect();
    let (mean, variance) = ((n - 1) as f64 / 2.0, ((n * n - 1) as f64) / 12.0);
    let mut worst = 0f64;
    for (a, b) in (0..6).flat_map(|a| (0..a).map(move |b| (a, b))) {
        let sum: f64 = all[a].iter().zip(&all[b]).map(|(x, y)| (x - mean) * (y - mean)).sum();
        worst = worst.max((sum / variance / n as f64 * ((n - 1) as f64).sqrt()).abs());
    }
    worst
}

#[test]
fn permutations_look_random_and_bad_ones_do_not() {
    type Statistic = fn(Shuffle) -> f64;
    let statistics: [(&str, Statistic, Shuffle); 7] = [
        ("all orders of up to 6 items", all_orders, swap_with_any),
        ("items and places", items_and_places, swap_with_any),
        ("fixed points", fixed_points, one_cycle),
        ("cycles", cycles, one_cycle),
        ("inversions", inversions, lazy),
        ("longest increasing subsequence", longest_increasing, lazy),
        ("correlation of copies", correlation_of_copies, one_copy),
    ];
    for (name, statistic, bad) in statistics {
        let ours = statistic(order);
        assert!(ours < 4.5, "{name}: {ours:.1} standard deviations");
        let theirs = statistic(bad);
        assert!(theirs > 6.0, "{name}: {theirs:.1} standard deviations of what is not random");
    }
}
