//! Sums, means, variances and dot products: the same bits for any number of ranks and whoever has which numbers.

use rand::RngExt;
use rankwise::prelude::*;
use rankwise::random::stream;
use rankwise::sum::{ExactDot, ExactSum, Moments, Real};
use rankwise::testing::on_ranks;

/// Pairs of numbers in which a rounding shows: in a range, wild, with subnormals, overflowing on the way.
fn cases() -> Vec<(&'static str, Vec<f64>, Vec<f64>)> {
    let mut cases = Vec::new();
    for len in [0, 1, 5, 2003] {
        let of = |make: fn(f64, i32) -> f64| {
            let numbers = |seed| {
                (0..len)
                    .map(|i| {
                        let mut stream = stream(seed, i);
                        make(stream.random::<f64>() - 0.5, stream.random_range(0..600))
                    })
                    .collect::<Vec<f64>>()
            };
            (numbers(1), numbers(2))
        };
        let mut add = |name, (a, b)| cases.push((name, a, b));
        add("in a range", of(|x, _| x));
        add("far from zero", of(|x, _| 1e9 + x));
        add("wild", of(|x, scale| x * 2f64.powi(scale - 300)));
        add("subnormal", of(|x, scale| x * 2f64.powi(scale / 8 - 1060)));
        add("near the greatest", of(|x, _| x * 2.0 * f64::MAX));
        add("negative zeros", of(|_, _| -0.0));
        add("one infinity", of(|x, scale| if scale == 7 { f64::INFINITY } else { x }));
        add("infinities", of(|x, scale| if scale < 200 { f64::INFINITY.copysign(x) } else { x }));
        add("a NaN", of(|x, scale| if scale == 7 { f64::NAN } else { x }));
    }
    cases
}

/// This rank's places of a vector: blocks, all on one rank, every other rank empty, dealt out like cards, from the end.
fn shares(len: usize, world: &Comm) -> Vec<(&'static str, Vec<usize>)> {
    let (rank, size) = (world.rank(), world.size());
    let all = || (0..len).collect::<Vec<usize>>();
    let busy = size.div_ceil(2);
    let blocks = |parts: usize, part: usize| Partition::even(len, parts).range(part).collect::<Vec<usize>>();
    vec![
        ("blocks", blocks(size, rank)),
        ("on the last", if rank == size - 1 { all() } else { vec![] }),
        ("every other", if rank % 2 == 0 { blocks(busy, rank / 2) } else { vec![] }),
        ("dealt out", (rank..len).step_by(size).collect()),
        ("reversed", blocks(size, size - 1 - rank).into_iter().rev().collect()),
    ]
}

/// NaN is NaN, whatever its bits.
fn bits<T: Real + Into<f64>>(x: T) -> u64 {
    let x: f64 = x.into();
    if x.is_nan() { f64::NAN.to_bits() } else { x.to_bits() }
}

fn check<T: Real + Into<f64>>(
    world: &Comm,
    (share, places): &(&str, Vec<usize>),
    what: &str,
    (a, b): (&[T], &[T]),
    expected: [u64; 5],
) -> Result<()> {
    let [a, b] = [a, b].map(|x| places.iter().map(|&place| x[place]).collect::<Vec<T>>());
    let got = [
        bits(world.sum(&a)?),
        bits(world.mean(&a)?),
        bits(world.var(&a, 0)?),
        bits(world.var(&a, 1)?),
        bits(world.dot(&a, &b)?),
    ];
    assert_eq!(got, expected, "{} {what} {share}", a.len());
    Ok(())
}

#[test]
fn results_do_not_depend_on_the_ranks() {
    on_ranks([1, 2, 3, 4, 7], |world| {
        for (k, (what, a, b)) in cases().into_iter().enumerate() {
            // Each case in one way for f64 and in another for f32, in other ways for other rank counts: more messages
            // would take minutes where ranks share cores.
            let shares = shares(a.len(), world);
            let share = |next: usize| &shares[(k + world.size() + next) % shares.len()];
            // One by one, in one process.
            let sum: ExactSum = a.iter().copied().collect();
            let (mut dot, mut moments) = (ExactDot::new(), Moments::new());
            a.iter().zip(&b).for_each(|(&a, &b)| dot.add_products(&[a], &[b]));
            a.iter().for_each(|&a| moments.add_slice(&[a]));
            let values = [sum.value(), moments.mean(), moments.var(0), moments.var(1), dot.value()];
            check(world, share(0), what, (&a, &b), values.map(bits))?;

            let [a, b] = [a, b].map(|x| x.iter().map(|&x| (x * 1e-30) as f32).collect::<Vec<f32>>());
            let sum: ExactSum = a.iter().copied().map(f64::from).collect();
            let (mut dot, mut moments) = (ExactDot::new(), Moments::new());
            a.iter().zip(&b).for_each(|(&a, &b)| dot.add_f32_products(&[a], &[b]));
            a.iter().for_each(|&a| moments.add_slice(&[a]));
            let values = [sum.value_f32(), moments.mean(), moments.var(0), moments.var(1), dot.value_f32()];
            check(world, share(2), &format!("{what}, f32"), (&a, &b), values.map(bits))?;
        }
        Ok(())
    });
}

/// Written down, so that no process is its own reference.
#[test]
fn results_are_the_true_ones() {
    on_ranks([1, 2, 3, 4, 7], |world| {
        let all = [1e300, 1.0, -1e300, 1e-300, 2.0, 4.0, 1e300, -1e300, -1e-300];
        for (share, places) in shares(all.len(), world) {
            let mine: Vec<f64> = places.iter().map(|&place| all[place]).collect();
            assert_eq!(world.sum(&mine)?, 7.0, "{share}");
            assert_eq!(world.mean(&mine)?, 7.0 / 9.0, "{share}");
        }
        // Integers up to 1000, far from zero: (n² − 1) / 12 and n (n + 1) / 12.
        for (share, places) in shares(1000, world) {
            let mine: Vec<f64> = places.iter().map(|&place| 1e12 + place as f64).collect();
            assert_eq!(world.mean(&mine)?, 1e12 + 499.5, "{share}");
            assert_eq!(world.var(&mine, 0)?, 999_999.0 / 12.0, "{share}");
            assert_eq!(world.var(&mine, 1)?, 1_001_000.0 / 12.0, "{share}");
            let mine: Vec<f32> = places.iter().map(|&place| 1e6 + place as f32).collect();
            assert_eq!(world.var(&mine, 1)?, (1_001_000.0 / 12.0) as f32, "{share}");
        }
        // On each rank what would overflow alone.
        let sign = if world.rank() % 2 == 0 { 1.0 } else { -1.0 };
        let left = if world.size() % 2 == 0 { 0.0 } else { f64::INFINITY };
        assert_eq!(world.sum(&[sign * f64::MAX; 2])?, left);
        assert_eq!(world.mean(&[f64::MAX; 3])?, f64::MAX);
        // Nothing anywhere.
        assert_eq!(world.sum::<f64>(&[])?.to_bits(), 0);
        assert!(world.mean::<f64>(&[])?.is_nan() && world.var::<f32>(&[], 0)?.is_nan());
        assert_eq!(world.dot::<f32>(&[], &[])?.to_bits(), 0);
        // The zeros of all ranks are negative, and then those of all but one.
        assert_eq!(world.sum(&[-0.0f64])?.to_bits(), (-0.0f64).to_bits());
        let one_positive = if world.is_root() { 0.0f64 } else { -0.0 };
        assert_eq!(world.sum(&[one_positive])?.to_bits(), 0);
        Ok(())
    });
}

/// Slices of different lengths on some ranks are an error on all, which may then go on.
#[test]
fn different_lengths_are_an_error_everywhere() {
    on_ranks([1, 2, 3, 4, 7], |world| {
        let last = world.size() - 1;
        let a = [1.0; 5];
        let refused = |wrong: bool| {
            let b = if wrong { &a[..3] } else { &a[..] };
            let errors = [world.dot(&a, b).unwrap_err(), world.dot_fast(&a, b).unwrap_err()];
            errors.map(|error| {
                assert!(matches!(error, Error::Argument { .. }), "{error}");
                error.to_string()
            })
        };
        for (error, name) in refused(world.rank() == last).into_iter().zip(["dot", "dot_fast"]) {
            assert!(error.starts_with(&format!("{name} at tests/sums.rs:")), "{error}");
            let expected = if world.rank() == last {
                "slices of 5 and 3 elements".to_owned()
            } else {
                format!("rank {last} gave slices of different lengths")
            };
            assert!(error.ends_with(&expected), "{error}");
        }
        for error in refused(world.rank() > 0 || last == 0) {
            let others = match last {
                0 | 1 => "5 and 3 elements".to_owned(),
                ranks => format!("{ranks} ranks gave slices of different lengths"),
            };
            assert!(world.rank() > 0 || last == 1 || error.ends_with(&others), "{error}");
        }
        assert_eq!(world.dot(&a, &a)?, 5.0 * world.size() as f64);
        Ok(())
    });
}

#[test]
fn fast_results_are_near_the_exact_ones() {
    on_ranks([1, 2, 3, 4, 7], |world| {
        for len in [0, 1, 5, 1000, 20_011] {
            let mine = Partition::even(len, world.size()).range(world.rank());
            let a: Vec<f64> = mine.clone().map(|i| stream(3, i as u64).random()).collect();
            let b: Vec<f64> = mine.map(|i| stream(4, i as u64).random()).collect();
            let close = |fast: f64, exact: f64| (fast - exact).abs() <= 1e-12 * exact;
            assert!(close(world.sum_fast(&a)?, world.sum(&a)?), "{len}");
            assert!(close(world.dot_fast(&a, &b)?, world.dot(&a, &b)?), "{len}");
            let [a, b] = [a, b].map(|x| x.iter().map(|&x| x as f32).collect::<Vec<f32>>());
            let close = |fast: f32, exact: f32| (fast - exact).abs() <= f32::EPSILON * exact;
            assert!(close(world.sum_fast(&a)?, world.sum(&a)?), "{len} f32");
            assert!(close(world.dot_fast(&a, &b)?, world.dot(&a, &b)?), "{len} f32");
        }
        Ok(())
    });
}
