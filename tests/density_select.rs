//! Bandwidths that are selected, and counts for all windows: the same bits whoever has what, and right values.

use approx::assert_relative_eq;
use rankwise::distributed::density::{
    Places, Samples, cross_validate, density, sheather_jones, window_counts,
};
use rankwise::kernels::bandwidth::{Rule, leave_one_out};
use rankwise::kernels::density::Kernel;
use rankwise::prelude::*;
use rankwise::testing::on_ranks;

const KERNELS: [Kernel; 3] = [Kernel::Gaussian, Kernel::Hypercube, Kernel::Epanechnikov];

/// On so many ranks is compared what takes long and is the same on any.
const ONCE: usize = 3;

/// Numbers of a standard normal distribution, the same each time.
fn normal(n: usize, mut state: u64) -> Vec<f64> {
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    };
    (0..n).map(|_| (-2.0 * uniform().ln()).sqrt() * (std::f64::consts::TAU * uniform()).cos()).collect()
}

/// This rank's part of samples that all ranks know.
fn samples(comm: &Comm, rows: &[f64], d: usize, weights: Option<&[f64]>) -> Samples {
    let n = rows.len() / d;
    let mine = Samples::blocks(n, comm.size()).range(comm.rank());
    let samples = Samples::new(comm, n, d, &rows[mine.start * d..mine.end * d]).expect("good samples");
    // Ranks with more threads than others, but not the one that is alone.
    let samples = samples.threads(1 + comm.rank() % 3);
    match weights {
        Some(weights) => samples.weighted(comm, &weights[mine]).expect("good weights"),
        None => samples,
    }
}

fn alone(world: &Comm) -> Comm {
    world.split(Some(world.rank()), 0).expect("no rank fails").expect("a part each")
}

fn says<T: std::fmt::Debug>(result: Result<T>, words: &str) {
    let message = result.expect_err(words).to_string();
    assert!(message.contains(words), "{words}: {message}");
}

/// Two heaps, and numbers that are rounded, some of them often.
fn bimodal() -> Vec<f64> {
    normal(2100, 1).iter().enumerate().map(|(i, x)| x + if i % 3 == 0 { 5.0 } else { 0.0 }).collect()
}

fn rounded() -> Vec<f64> {
    normal(300, 2).iter().map(|x| (x * 8.0).round() / 8.0).collect()
}

/// The lengths of eruptions, many of them equal.
fn eruptions() -> Vec<f64> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/data/faithful.csv");
    let text = std::fs::read_to_string(path).expect("comes with the project");
    text.lines()
        .skip(1)
        .map(|line| line.split(',').next().expect("a column").parse().expect("a number"))
        .collect()
}

type Made = fn() -> Vec<f64>;

/// In 50 digits, from the equations of the paper, on counts of the same 2^14 cells, with the number of different samples: see
/// references/sheather_jones.py.
const EXACT: [(Made, f64); 3] = [
    (bimodal, 0.274_761_992_854_011_03),
    (rounded, 0.692_249_884_191_439_7),
    (eruptions, 0.179_237_348_941_575_96),
];

#[test]
fn sheather_and_jones_improved_is_the_root_of_its_equation() {
    on_ranks([1, 2, 3, 4, 7], |world| {
        let one = alone(world);
        for (all, exact) in EXACT {
            let all = all();
            let h = sheather_jones(world, Kernel::Gaussian, &samples(world, &all, 1, None))?;
            if world.is_root() {
                let twin = sheather_jones(&one, Kernel::Gaussian, &samples(&one, &all, 1, None))?;
                assert_eq!(h.to_bits(), twin.to_bits());
            }
            assert_relative_eq!(h, exact, max_relative = 1e-10);
            // The bits are those of one rank, so what else is known of them need be looked at once.
            if world.size() == ONCE {
                // Another unit, and another kernel.
                let scaled: Vec<f64> = all.iter().map(|x| 1e6 + 1024.0 * x).collect();
                let of_scaled = sheather_jones(world, Kernel::Gaussian, &samples(world, &scaled, 1, None))?;
                assert_relative_eq!(of_scaled, 1024.0 * h, max_relative = 1e-3);
                let cube = sheather_jones(world, Kernel::Hypercube, &samples(world, &all, 1, None))?;
                assert_relative_eq!(cube * Kernel::Hypercube.deviation(1), h, max_relative = 1e-14);
                // Weights that are all alike do not matter.
                let alike = vec![0.3; all.len()];
                let of_alike =
                    sheather_jones(world, Kernel::Gaussian, &samples(world, &all, 1, Some(&alike)))?;
                assert_relative_eq!(of_alike, h, max_relative = 1e-10);
            }
            // Others do, and have the same bits everywhere.
            let weights: Vec<f64> = (0..all.len()).map(|i| f64::from(i as u32 % 5)).collect();
            let weighted =
                |comm| sheather_jones(comm, Kernel::Gaussian, &samples(comm, &all, 1, Some(&weights)));
            let other = weighted(world)?;
            if world.is_root() {
                assert_eq!(other.to_bits(), weighted(&one)?.to_bits());
            }
            assert!((other / h - 1.0).abs() > 1e-4 && (other / h - 1.0).abs() < 0.5, "{other} and {h}");
        }
        // A few far ones: the finer grid.
        let mut wild = normal(3000, 3);
        (wild[0], wild[2999]) = (-3e3, 2e3);
        let h = sheather_jones(world, Kernel::Gaussian, &samples(world, &wild, 1, None))?;
        assert!(0.1 < h && h < 0.4, "{h}");

        let of = |rows: &[f64], d| sheather_jones(world, Kernel::Gaussian, &samples(world, rows, d, None));
        says(of(&[0.0; 8], 2), "is for one coordinate, and these have 2");
        says(of(&[4.0; 8], 1), "coordinate 0 of the points does not vary");
        says(of(&[1.0, 2.0], 1), "improved Sheather-Jones bandwidth");
        Ok(())
    });
}

#[test]
fn cross_validation_leaves_out_one_and_no_more() {
    on_ranks([1, 2, 3, 4, 7], |world| {
        let one = alone(world);
        let widths = [0.02, 0.3, 1.0, 2.0, 9.0];
        for (d, n) in [(1, 1300), (2, 1100), (3, 7)] {
            // Far out, where a density is too small for a number, and three at one place.
            let mut rows = normal(n * d, 4);
            rows[0] = 30.0;
            (2..4).for_each(|copy| rows.copy_within(d..2 * d, copy * d));
            let weights: Vec<f64> =
                (0..n).map(|i| ((i * 31) % 7) as f64 * 0.5 + f64::from(u8::from(i == 0))).collect();
            let h: Vec<f64> = (0..d).map(|axis| 0.4 + 0.1 * axis as f64).collect();
            for kernel in KERNELS {
                for weights in [None, Some(&weights[..])] {
                    let of = |comm: &Comm| {
                        cross_validate(comm, kernel, &samples(comm, &rows, d, weights), &h, &widths, |_| {})
                    };
                    let ours = of(world);
                    let exact = || {
                        let all = vec![1.0; n];
                        let of_width = |width: &f64| {
                            let h: Vec<f64> = h.iter().map(|h| h * width).collect();
                            leave_one_out(kernel, &rows, weights.unwrap_or(&all), &h)
                        };
                        widths.iter().map(of_width).collect::<Vec<f64>>()
                    };
                    // This takes long, and is the same on all ranks.
                    let exact = if world.size() == ONCE {
                        Some(world.broadcast(0, world.is_root().then(exact).as_deref())?)
                    } else {
                        None
                    };
                    if kernel != Kernel::Gaussian {
                        // Nothing is near the far one.
                        says(ours, "a sample is out of reach of all others");
                        assert!(exact.iter().flatten().all(|score| *score == f64::NEG_INFINITY));
                        continue;
                    }
                    let ours = ours?;
                    if world.is_root() {
                        assert_eq!(ours, of(&one)?, "d = {d}");
                    }
                    let Some(exact) = exact else { continue };
                    for (ours, exact) in ours.scores.iter().zip(&exact) {
                        assert_relative_eq!(ours, exact, max_relative = 1e-12);
                    }
                    let best = exact.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                    assert_relative_eq!(exact[ours.best], best);
                }
            }
        }
        // Where all are in reach; and of normal samples Scott's rule is near the best.
        let rows = normal(1500, 5);
        for kernel in KERNELS.into_iter().filter(|_| world.size() == ONCE) {
            let all = samples(world, &rows, 1, None);
            let scott = Rule::Scott.bandwidth(kernel, 1500, &all.deviations(world)?);
            let widths: Vec<f64> = (-16..=16).map(|k| (f64::from(k) / 4.0).exp2()).collect();
            let tried = cross_validate(world, kernel, &all, &scott, &widths, |_| {})?;
            let twin = leave_one_out(kernel, &rows, &[1.0; 1500], &[scott[0] * widths[tried.best]]);
            assert_relative_eq!(tried.scores[tried.best], twin, max_relative = 1e-12);
            if kernel == Kernel::Gaussian {
                assert!((0.4..2.5).contains(&widths[tried.best]), "{}", widths[tried.best]);
            }
        }
        let good = samples(world, &rows, 1, None);
        let of = |samples: &Samples, h: &[f64], widths: &[f64]| {
            cross_validate(world, Kernel::Gaussian, samples, h, widths, |_| {})
        };
        says(of(&good, &[1.0], &[]), "no width to try");
        says(of(&good, &[1.0], &[1.0, 0.0]), "a bandwidth of 0: it must be a positive number");
        says(of(&good, &[1.0, 1.0], &[1.0]), "2 bandwidths for points of 1 coordinates");
        says(of(&samples(world, &[1.0], 1, None), &[1.0], &[1.0]), "needs two samples that count");
        let single = samples(world, &[1.0, 2.0], 1, Some(&[0.0, 3.0]));
        says(of(&single, &[1.0], &[1.0]), "needs two samples that count");
        Ok(())
    });
}

#[test]
fn counts_are_those_of_each_window_alone() {
    on_ranks([1, 2, 3, 4, 7], |world| {
        for d in [1, 2, 3] {
            let n = 2100;
            // Some of them exactly on edges.
            let rows: Vec<f64> = normal(n * d, 6).iter().map(|x| (x * 16.0).round() / 16.0).collect();
            let points: Vec<f64> = (0..5 * d).map(|i| f64::from(i as u32 % 7) * 0.25 - 0.75).collect();
            // Not in order, one twice, one that holds none, one that holds all.
            let mut widths: Vec<f64> = (1..70).map(|k| f64::from(k * 37 % 70) * 0.125).collect();
            widths.extend([0.125, 1e-300, 1e300, 0.3, 1.0 / 3.0]);
            let mine = Partition::even(5, world.size()).range(world.rank());
            let at = Places::Points(&points[mine.start * d..mine.end * d]);
            let all = samples(world, &rows, d, None);
            let counts = window_counts(world, &all, at, &widths, |_| {})?;
            for (w, width) in widths.iter().enumerate() {
                let mine = &counts[w * mine.len()..(w + 1) * mine.len()];
                let inside = |place: usize, row: &[f64]| {
                    row.iter().zip(&points[place * d..]).all(|(x, at)| (x - at).abs() <= 0.5 * width)
                };
                let first = Partition::even(5, world.size()).range(world.rank()).start;
                for (k, count) in mine.iter().enumerate() {
                    let exact = rows.chunks(d).filter(|row| inside(first + k, row)).count();
                    assert_eq!(*count, exact as u64, "d = {d}, width {width}");
                }
                // The density that evaluates this window alone.
                if (1e-3..1e3).contains(width) {
                    let alone =
                        density(world, Kernel::Hypercube, &all, &vec![*width; d], &[1.0], at, |_| {})?;
                    for (count, p) in mine.iter().zip(alone) {
                        let volume: f64 = vec![*width; d].iter().product();
                        assert_relative_eq!(*count as f64 / (n as f64 * volume), p, max_relative = 1e-15);
                    }
                }
            }
        }
        let all = samples(world, &[1.0, 2.0], 1, None);
        let at = Places::Points(&[1.0]);
        says(window_counts(world, &all, at, &[1.0, f64::NAN], |_| {}), "a bandwidth of NaN");
        says(
            window_counts(world, &all, Places::Points(&[f64::INFINITY]), &[1.0], |_| {}),
            "point 0, column 0",
        );
        let weighted = samples(world, &[1.0, 2.0], 1, Some(&[1.0, 2.0]));
        says(window_counts(world, &weighted, at, &[1.0], |_| {}), "samples with weights are not counted");
        Ok(())
    });
}
