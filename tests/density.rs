//! Densities across ranks: the same bits whoever has what, right values, kept tolerances, and one error for all.

use approx::assert_relative_eq;
use rankwise::distributed::density::{
    Bandwidth, Boundary, Builder, Density, Engine, Places, Precision, Rows, Samples, cross_validate,
    sheather_jones, window_counts,
};
use rankwise::kernels::bandwidth::Rule;
use rankwise::kernels::density::{Kernel, normalisation};
use rankwise::prelude::*;
use rankwise::testing::on_ranks;

const KERNELS: [Kernel; 3] = [Kernel::Gaussian, Kernel::Hypercube, Kernel::Epanechnikov];

/// Numbers of a standard normal distribution, the same each time.
fn normal(n: usize, mut state: u64) -> Vec<f64> {
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    };
    (0..n).map(|_| (-2.0 * uniform().ln()).sqrt() * (std::f64::consts::TAU * uniform()).cos()).collect()
}

/// Rows that are correlated: what one axis has, the next has a part of.
fn correlated(n: usize, d: usize, seed: u64) -> Vec<f64> {
    let mut rows = normal(n * d, seed);
    for row in rows.chunks_mut(d) {
        for axis in 1..d {
            row[axis] = 0.8 * row[axis - 1] + 0.5 * row[axis];
        }
    }
    rows
}

fn some_weights(n: usize) -> Vec<f64> {
    (0..n).map(|i| ((i * 31) % 7) as f64 * 0.5).collect()
}

/// This rank's part of samples that all ranks know.
fn samples(comm: &Comm, rows: &[f64], d: usize, weights: Option<&[f64]>) -> Result<Samples> {
    let n = rows.len() / d;
    let mine = Samples::blocks(n, comm.size()).range(comm.rank());
    // Ranks with more threads than others, but not the one that is alone.
    let samples = Samples::new(comm, n, d, &rows[mine.start * d..mine.end * d])?.threads(1 + comm.rank() % 3);
    match weights {
        Some(weights) => samples.weighted(comm, &weights[mine]),
        None => Ok(samples),
    }
}

/// This rank's part of points that all know, or of the rows of a grid: what `density` says of it, all together.
fn at_points(comm: &Comm, density: &Density<'_>, points: &[f64], d: usize, log: bool) -> Vec<f64> {
    // None for the first rank, if there are more.
    let m = points.len() / d;
    let shares: Vec<usize> = (0..comm.size())
        .map(|rank| if rank == 0 && comm.size() > 1 { 0 } else { m / comm.size().max(2).saturating_sub(1) })
        .collect();
    let mut counts = shares;
    let given: usize = counts.iter().sum();
    *counts.last_mut().expect("there is a rank") += m - given;
    let mine = Partition::from_counts(&counts).range(comm.rank());
    let places = Places::Points(&points[mine.start * d..mine.end * d]);
    let values = if log { density.log_evaluate(places) } else { density.evaluate(places) };
    windows_in_order(comm, values.expect("good input"), mine.len())
}

/// All ranks' places for the first window, then for the second, and so on.
fn windows_in_order(comm: &Comm, values: Vec<f64>, each: usize) -> Vec<f64> {
    let windows =
        comm.all_reduce_one(values.len().checked_div(each).unwrap_or(0), Max).expect("no rank fails");
    (0..windows)
        .flat_map(|w| {
            let mine: &[f64] = values.get(w * each..(w + 1) * each).unwrap_or_default();
            comm.all_gather(mine).expect("no rank fails")
        })
        .collect()
}

fn alone(world: &Comm) -> Comm {
    world.split(Some(world.rank()), 0).expect("no rank fails").expect("a part each")
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// Settings with their names.
fn settings(d: usize) -> Vec<(String, Builder)> {
    let axes: Vec<f64> = (0..d).map(|axis| 0.3 + 0.1 * axis as f64).collect();
    let mut boundaries = vec![Boundary::Open; d];
    boundaries[0] = Boundary::Reflect { low: -9.0, high: 7.0 };
    boundaries[d - 1] = Boundary::Periodic { low: -3.0, high: 3.5 };
    let mut all = Vec::new();
    for kernel in KERNELS {
        for engine in [Engine::Auto, Engine::Direct, Engine::Tree, Engine::Spectral] {
            if engine == Engine::Spectral && kernel != Kernel::Gaussian {
                continue;
            }
            for (bandwidth, turned) in
                [(Bandwidth::Axes(axes.clone()), false), (Bandwidth::Covariance(Rule::Silverman), true)]
            {
                // The choice of an engine does not look at boundaries.
                let ends = [vec![], boundaries.clone()];
                let ends = if engine == Engine::Auto { &ends[..1] } else { &ends[..] };
                for boundaries in ends {
                    let name = format!("{kernel:?}, {engine}, turned: {turned}, {boundaries:?}, d = {d}");
                    let builder = Density::builder()
                        .kernel(kernel)
                        .engine(engine)
                        .bandwidth(bandwidth.clone())
                        .widths(&[1.0, 0.5])
                        .boundaries(boundaries)
                        .tolerance(1e-4, 1e-7);
                    all.push((name, builder));
                }
            }
        }
    }
    all
}

#[test]
fn the_bits_do_not_depend_on_the_ranks() {
    on_ranks([1, 2, 3, 4], |world| {
        let one = alone(world);
        for d in [1, 2, 3] {
            // More than two tiles, the last one short; ranks without samples.
            let (rows, points, weights) = (correlated(2100, d, 1), correlated(7, d, 2), some_weights(2100));
            let weights = (d == 2).then_some(&weights[..]);
            for (k, (name, builder)) in settings(d).into_iter().enumerate() {
                let all = builder.clone().fit(world, samples(world, &rows, d, weights).unwrap()).unwrap();
                let logs = [false, true];
                let logs = if name.starts_with("Gaussian, tree") { &logs[..] } else { &logs[..1] };
                let ours: Vec<Vec<f64>> =
                    logs.iter().map(|log| at_points(world, &all, &points, d, *log)).collect();
                // One rank compares: all of them have all densities.
                if k % world.size() == world.rank() {
                    let mine = builder.fit(&one, samples(&one, &rows, d, weights).unwrap()).unwrap();
                    for (log, ours) in logs.iter().zip(&ours) {
                        let twin = at_points(&one, &mine, &points, d, *log);
                        assert_eq!(bits(ours), bits(&twin), "{name}, log: {log}");
                    }
                }
            }
        }
        Ok(())
    });
}

#[test]
fn a_grid_has_the_same_bits_and_the_values_of_its_points() {
    on_ranks([1, 3, 4], |world| {
        let one = alone(world);
        let (rows, weights) = (correlated(1500, 2, 3), some_weights(1500));
        let axes: [Vec<f64>; 2] = [
            (0..9).map(|i| f64::from(i) * 0.5 - 2.0).collect(),
            (0..6).map(|i| f64::from(i) * 0.6 - 2.0).collect(),
        ];
        let points: Vec<f64> =
            axes[0].iter().flat_map(|x| axes[1].iter().flat_map(move |y| [*x, *y])).collect();
        for (k, (name, builder)) in settings(2).into_iter().enumerate() {
            let all = builder.clone().fit(world, samples(world, &rows, 2, Some(&weights)).unwrap()).unwrap();
            let range = Partition::even(9, world.size()).range(world.rank());
            let part = [axes[0][range.clone()].to_vec(), axes[1].clone()];
            let ours = windows_in_order(world, all.evaluate(Places::Grid(&part)).unwrap(), range.len() * 6);
            if k % world.size() != world.rank() {
                continue;
            }
            let mine = builder.fit(&one, samples(&one, &rows, 2, Some(&weights)).unwrap()).unwrap();
            let twin = mine.evaluate(Places::Grid(&axes)).unwrap();
            assert_eq!(bits(&ours), bits(&twin), "{name}");
            let at = mine.evaluate(Places::Points(&points)).unwrap();
            let peak = at.iter().copied().fold(0.0, f64::max);
            for (grid, point) in ours.iter().zip(&at) {
                // Another engine may have been chosen, and each may use the tolerance.
                assert_relative_eq!(grid, point, max_relative = 2.1e-4, epsilon = 1e-6 * peak);
            }
        }
        Ok(())
    });
}

/// The definition, with the inverse of the matrix of bandwidths by Gauss and Jordan.
fn by_definition(rows: &[f64], weights: &[f64], matrix: &[f64], at: &[f64]) -> Vec<f64> {
    let d = (matrix.len() as f64).sqrt() as usize;
    let (mut left, mut inverse, mut determinant) = (matrix.to_vec(), vec![0.0; d * d], 1.0);
    (0..d).for_each(|k| inverse[k * d + k] = 1.0);
    for k in 0..d {
        let pivot = left[k * d + k];
        determinant *= pivot;
        (0..d).for_each(|j| {
            left[k * d + j] /= pivot;
            inverse[k * d + j] /= pivot;
        });
        for i in (0..d).filter(|&i| i != k) {
            let factor = left[i * d + k];
            (0..d).for_each(|j| {
                left[i * d + j] -= factor * left[k * d + j];
                inverse[i * d + j] -= factor * inverse[k * d + j];
            });
        }
    }
    let factor = (std::f64::consts::TAU.powi(d as i32) * determinant).sqrt() * weights.iter().sum::<f64>();
    at.chunks(d)
        .map(|at| {
            let of_sample = |row: &[f64]| {
                let u: Vec<f64> = at.iter().zip(row).map(|(a, b)| a - b).collect();
                let square: f64 = (0..d)
                    .flat_map(|i| (0..d).map(move |j| (i, j)))
                    .map(|(i, j)| u[i] * inverse[i * d + j] * u[j])
                    .sum();
                (-0.5 * square).exp()
            };
            rows.chunks(d).zip(weights).map(|(row, weight)| weight * of_sample(row)).sum::<f64>() / factor
        })
        .collect()
}

/// The covariance as numpy's `cov(aweights=...)` has it, times a factor squared.
fn covariance(rows: &[f64], weights: &[f64], d: usize, factor: f64) -> Vec<f64> {
    let total: f64 = weights.iter().sum();
    let mean = |axis: usize| rows.chunks(d).zip(weights).map(|(row, w)| w * row[axis]).sum::<f64>() / total;
    let means: Vec<f64> = (0..d).map(mean).collect();
    let freedom = total - weights.iter().map(|w| w * w).sum::<f64>() / total;
    (0..d * d)
        .map(|k| {
            let of_row = |row: &[f64]| (row[k / d] - means[k / d]) * (row[k % d] - means[k % d]);
            rows.chunks(d).zip(weights).map(|(row, w)| w * of_row(row)).sum::<f64>() / freedom
                * factor
                * factor
        })
        .collect()
}

#[test]
fn the_covariance_of_scipy_gives_the_densities_of_scipy() {
    on_ranks([1, 3], |world| {
        for d in [1, 2, 3] {
            let n = 400;
            let rows = correlated(n, d, 4);
            // Near, and far out: down to 1e-200 and below.
            let mut at = correlated(30, d, 5);
            (0..30).for_each(|k| at[k * d] *= 1.0 + (k / 2) as f64);
            for weights in [vec![1.0; n], some_weights(n)] {
                let total: f64 = weights.iter().sum();
                let effective = total * total / weights.iter().map(|w| w * w).sum::<f64>();
                for rule in [Rule::Scott, Rule::Silverman] {
                    let factor = rule.effective_factor(effective, d);
                    let matrix = covariance(&rows, &weights, d, factor);
                    let exact = by_definition(&rows, &weights, &matrix, &at);
                    for engine in [Engine::Direct, Engine::Tree] {
                        let density = Density::builder()
                            .bandwidth(Bandwidth::Covariance(rule))
                            .engine(engine)
                            .fit(world, samples(world, &rows, d, Some(&weights)).unwrap())
                            .unwrap();
                        let ours = at_points(world, &density, &at, d, false);
                        let logs = at_points(world, &density, &at, d, true);
                        let mut compared = 0;
                        for ((ours, log), exact) in ours.iter().zip(&logs).zip(&exact) {
                            if *exact > 1e-200 {
                                assert_relative_eq!(ours, exact, max_relative = 1e-12);
                                assert_relative_eq!(*log, exact.ln(), max_relative = 1e-12, epsilon = 1e-12);
                                compared += 1;
                            }
                        }
                        assert!(compared >= 15, "{compared} of 30 are above 1e-200");
                    }
                    let density = Density::builder()
                        .bandwidth(Bandwidth::Matrix(matrix))
                        .fit(world, samples(world, &rows, d, Some(&weights)).unwrap())
                        .unwrap();
                    for (ours, exact) in at_points(world, &density, &at, d, false).iter().zip(&exact) {
                        assert!(*exact < 1e-200 || (ours / exact - 1.0).abs() < 1e-12, "{ours:e}, {exact:e}");
                    }
                }
            }
        }
        Ok(())
    });
}

#[test]
fn engines_agree_within_what_was_allowed() {
    on_ranks([1, 2], |world| {
        for d in [1, 2, 3, 6] {
            let (rows, points) = (correlated(1100, d, 6), correlated(20, d, 7));
            for kernel in KERNELS {
                let h = vec![0.5; d];
                let of = |engine, rtol, atol| {
                    let density = Density::builder()
                        .kernel(kernel)
                        .bandwidth(Bandwidth::Axes(vec![0.5]))
                        .engine(engine)
                        .tolerance(rtol, atol)
                        .fit(world, samples(world, &rows, d, None).unwrap())
                        .unwrap();
                    at_points(world, &density, &points, d, false)
                };
                let peak = normalisation(kernel, &h, 1);
                let exact = of(Engine::Direct, 0.0, 0.0);
                for (rtol, atol) in [(0.0, 0.0), (1e-3, 0.0), (0.0, 1e-4), (1e-8, 1e-9)] {
                    let spectral = kernel == Kernel::Gaussian && d <= 3 && rtol + atol > 0.0;
                    for engine in
                        [Some(Engine::Tree), spectral.then_some(Engine::Spectral)].into_iter().flatten()
                    {
                        for (ours, exact) in of(engine, rtol, atol).iter().zip(&exact) {
                            let rounding =
                                if kernel == Kernel::Hypercube { 0.0 } else { 1e-13 * exact + 1e-14 * peak };
                            assert!(
                                (ours - exact).abs() <= rtol * exact + atol * peak + rounding,
                                "{kernel:?}, {engine}, d = {d}, {rtol}, {atol}: {ours:e}, {exact:e}"
                            );
                        }
                    }
                }
            }
        }
        Ok(())
    });
}

#[test]
fn what_is_beyond_a_boundary_is_not_lost() {
    on_ranks([1, 2, 3], |world| {
        // Most of it at the limits: without them a third is lost.
        let n = 1200;
        let rows: Vec<f64> = normal(2 * n, 8).chunks(2).flat_map(|x| [x[0].abs(), 20.0 * x[1]]).collect();
        let rows: Vec<f64> =
            rows.chunks(2).flat_map(|x| [x[0].min(3.0), (x[1] + 180.0).rem_euclid(360.0) - 180.0]).collect();
        let (reflect, turn) =
            (Boundary::Reflect { low: 0.0, high: 3.0 }, Boundary::Periodic { low: -180.0, high: 180.0 });
        let cells = [60, 72];
        let axes: [Vec<f64>; 2] = [
            (0..cells[0]).map(|i| 3.0 * (f64::from(i) + 0.5) / f64::from(cells[0])).collect(),
            (0..cells[1]).map(|i| 360.0 * (f64::from(i) + 0.5) / f64::from(cells[1]) - 180.0).collect(),
        ];
        for kernel in [Kernel::Gaussian, Kernel::Epanechnikov] {
            for bandwidth in
                [Bandwidth::Axes(vec![0.4, 30.0]), Bandwidth::Matrix(vec![0.16, 6.0, 6.0, 900.0])]
            {
                for engine in [Engine::Direct, Engine::Tree] {
                    let fit = |boundaries: &[Boundary]| {
                        Density::builder()
                            .kernel(kernel)
                            .bandwidth(bandwidth.clone())
                            .boundaries(boundaries)
                            .engine(engine)
                            .fit(world, samples(world, &rows, 2, None).unwrap())
                            .unwrap()
                    };
                    let range = Partition::even(60, world.size()).range(world.rank());
                    let part = [axes[0][range].to_vec(), axes[1].clone()];
                    let total = |density: &Density<'_>| {
                        let values = density.evaluate(Places::Grid(&part)).unwrap();
                        world.all_reduce_one(values.iter().sum::<f64>(), Sum).unwrap() * 3.0 * 360.0
                            / 60.0
                            / 72.0
                    };
                    let (closed, open) = (fit(&[reflect, turn]), fit(&[]));
                    assert_relative_eq!(total(&closed), 1.0, epsilon = 2e-3);
                    assert!(total(&open) < 0.97, "{}", total(&open));
                    // The same a turn further, and on both ends of it; nothing outside.
                    let at = |x: f64, y: f64| at_points(world, &closed, &[x, y], 2, false)[0];
                    assert_relative_eq!(at(1.0, 30.0), at(1.0, 390.0), max_relative = 1e-12);
                    assert_relative_eq!(at(1.0, 180.0), at(1.0, -180.0), max_relative = 1e-12);
                    assert_eq!((at(-0.01, 0.0), at(3.01, 0.0)), (0.0, 0.0));
                    // Flat at the mirror.
                    assert_relative_eq!(at(1e-9, 10.0), at(0.0, 10.0), max_relative = 1e-6);
                }
            }
        }
        Ok(())
    });
}

#[test]
fn a_logarithm_does_not_underflow() {
    on_ranks([1, 3], |world| {
        let rows = [0.0, 0.0, 1.0, 0.5, -0.5, 1.0];
        let h = [0.5, 0.25];
        for turned in [false, true] {
            let bandwidth = if turned {
                Bandwidth::Matrix(vec![0.25, 0.0, 0.0, 0.0625])
            } else {
                Bandwidth::Axes(h.to_vec())
            };
            let density = Density::builder()
                .bandwidth(bandwidth)
                .boundaries(&[Boundary::Open, Boundary::Reflect { low: -1.0, high: 500.0 }])
                .fit(world, samples(world, &rows, 2, Some(&[1.0, 2.0, 0.0])).unwrap())
                .unwrap();
            let points = [0.25, 0.0, 500.5, 0.0, -500.0, 300.0, 1.0, -1.0, 0.0, -1.5];
            let ours = at_points(world, &density, &points, 2, true);
            for (at, ours) in points.chunks(2).zip(&ours) {
                let terms: Vec<f64> = [at[1], -2.0 - at[1], 1000.0 - at[1]]
                    .iter()
                    .flat_map(|y| {
                        [(0.0, 0.0, 1.0f64), (1.0, 0.5, 2.0)].map(|(a, b, weight)| {
                            let u = [(at[0] - a) / h[0], (y - b) / h[1]];
                            (weight / 3.0).ln() - 0.5 * (u[0] * u[0] + u[1] * u[1])
                        })
                    })
                    .collect();
                let most = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let sum = most + terms.iter().map(|term| (term - most).exp()).sum::<f64>().ln();
                let exact = sum - (std::f64::consts::TAU * h[0] * h[1]).ln();
                if at[1] < -1.0 {
                    assert_eq!(*ours, f64::NEG_INFINITY);
                } else {
                    assert_relative_eq!(*ours, exact, max_relative = 1e-13, epsilon = 1e-13);
                }
            }
            // The integral of a window of Epanechnikov ends.
            let ended = Density::builder()
                .kernel(Kernel::Epanechnikov)
                .bandwidth(Bandwidth::Axes(vec![1.0]))
                .fit(world, samples(world, &rows, 2, None).unwrap())
                .unwrap();
            assert_eq!(at_points(world, &ended, &[9.0, 9.0], 2, true), [f64::NEG_INFINITY]);
        }
        Ok(())
    });
}

#[test]
fn bad_input_is_one_error_on_all_ranks() {
    on_ranks([1, 3], |world| {
        let rows = correlated(60, 2, 9);
        let good = || samples(world, &rows, 2, None).unwrap();
        let says = |result: Result<()>, words: &str| {
            let message = result.expect_err(words).to_string();
            assert!(message.contains(words), "{words}: {message}");
        };
        let of = |weights: &[f64]| samples(world, &rows, 2, Some(weights)).map(|_| ());
        let mut weights = vec![1.0; 60];
        weights[41] = -0.5;
        says(of(&weights), "the weight of row 41 is -0.5");
        weights[41] = f64::NAN;
        says(of(&weights), "the weight of row 41 is NaN");
        says(of(&[0.0; 60]), "all weights are 0");
        says(good().weighted(world, &[1.0]).map(|_| ()), "1 weights for");

        let fit = |builder: Builder| builder.fit(world, good()).map(|_| ());
        let axes = |h: &[f64]| Density::builder().bandwidth(Bandwidth::Axes(h.to_vec()));
        says(fit(axes(&[1.0, 2.0, 3.0])), "3 bandwidths for points of 2 coordinates");
        says(fit(axes(&[1.0, 0.0])), "a bandwidth of 0: it must be a positive number");
        says(fit(axes(&[f64::INFINITY])), "a bandwidth of inf");
        says(fit(axes(&[1e-200])), "densities are out of the range of numbers");
        let matrix = |entries: &[f64]| Density::builder().bandwidth(Bandwidth::Matrix(entries.to_vec()));
        says(fit(matrix(&[1.0, 2.0, 2.0, 4.0])), "axis 1 is determined by axis 0");
        says(fit(matrix(&[1.0, 2.0])), "2 numbers for 2 axes: there must be 4");
        says(fit(matrix(&[1.0, 2.0, 0.5, 9.0])), "not symmetric");
        says(fit(axes(&[1.0]).tolerance(-1e-3, 0.0)), "a tolerance of -0.001");
        says(fit(axes(&[1.0]).tolerance(0.0, f64::NAN)), "a tolerance of NaN");
        says(
            fit(axes(&[1.0]).engine(Engine::Tree).precision(Precision::Single)),
            "the tree engine computes in double precision; single precision is direct",
        );
        says(fit(axes(&[1.0]).boundaries(&[Boundary::Open])), "1 boundaries for points of 2 coordinates");
        let first = |boundary| axes(&[0.1]).boundaries(&[boundary, Boundary::Open]);
        says(fit(first(Boundary::Reflect { low: 0.0, high: 9.0 })), "but there are samples from -");
        says(fit(first(Boundary::Reflect { low: 9.0, high: 0.0 })), "it must be from low to high");
        says(
            fit(first(Boundary::Periodic { low: 0.0, high: f64::INFINITY })),
            "axis 0 from 0 to inf: it must be from low to high",
        );
        says(fit(first(Boundary::Periodic { low: 0.0, high: 1e-3 })), "reach over more than 1000 times that");

        // Along one axis nothing, and along a combination nothing.
        let line: Vec<f64> = (0..60).flat_map(|i| [f64::from(i), 2.0 * f64::from(i)]).collect();
        let flat: Vec<f64> = (0..60).flat_map(|i| [f64::from(i), 5.0]).collect();
        let rule = |bandwidth| Density::builder().bandwidth(bandwidth);
        let of_rows = |rows: &[f64], bandwidth| {
            rule(bandwidth).fit(world, samples(world, rows, 2, None).unwrap()).map(|_| ())
        };
        says(of_rows(&flat, Bandwidth::Rule(Rule::Scott)), "coordinate 1 of the points does not vary");
        says(of_rows(&flat, Bandwidth::Covariance(Rule::Scott)), "coordinate 1 of the points does not vary");
        says(of_rows(&line, Bandwidth::Covariance(Rule::Scott)), "axis 1 is determined by axis 0");

        let density = axes(&[1.0]).fit(world, good()).unwrap();
        // On the last rank alone.
        let last = world.rank() == world.size() - 1;
        let (three, bad) = ([1.0; 3], [0.0, 0.0, 1.0, f64::NAN]);
        says(
            density.evaluate(Places::Points(if last { &three } else { &[] })).map(|_| ()),
            "3 coordinates are not whole rows of 2",
        );
        says(
            density.evaluate(Places::Points(if last { &bad } else { &[] })).map(|_| ()),
            "point 1, column 1 of this rank is NaN",
        );
        says(density.log_evaluate(Places::Grid(&[vec![0.0]])).map(|_| ()), "a grid of 1 axes");
        // And it still answers.
        assert!(density.evaluate(Places::Points(&[0.0, 0.0])).unwrap()[0] > 0.0);
        Ok(())
    });
}

/// The same samples, of which a rank has about `memory` bytes at a time.
fn in_pieces(comm: &Comm, rows: &[f64], d: usize, weights: Option<&[f64]>, memory: usize) -> Result<Samples> {
    let (all, weights) = (rows.to_vec(), weights.map(<[f64]>::to_vec));
    let read = move |_: &Comm, rows: std::ops::Range<usize>| {
        let weights = weights.as_ref().map(|weights| weights[rows.clone()].to_vec());
        Ok(Rows { coordinates: all[rows.start * d..rows.end * d].to_vec(), weights })
    };
    Samples::in_pieces(comm, rows.len() / d, d, memory, read)
}

#[test]
fn samples_that_are_read_in_pieces_give_the_same_bits() {
    on_ranks([1, 2, 3, 4], |world| {
        for d in [1, 2, 3] {
            // Of one tile a rank, of two, and all in one; the last one short.
            let (rows, points) = (correlated(5500, d, 11), correlated(9, d, 12));
            let weights = some_weights(5500);
            let weights = (d != 1).then_some(&weights[..]);
            for (k, (name, builder)) in settings(d).into_iter().enumerate() {
                if name.contains(", tree,") || name.contains(", auto,") {
                    continue;
                }
                // With a relative tolerance, the grid would need the tree, which needs all samples.
                let builder =
                    if name.contains(", spectral,") { builder.tolerance(0.0, 1e-7) } else { builder };
                let memory = [0, 2 * 1024 * 16 * (d + 1), usize::MAX][k % 3];
                let whole = builder.clone().fit(world, samples(world, &rows, d, weights).unwrap()).unwrap();
                let piece = builder.fit(world, in_pieces(world, &rows, d, weights, memory).unwrap()).unwrap();
                // A setting has one of them in one dimension and the other in the next.
                let log = (k + k / 2 + d) % 2 == 1;
                let [whole, piece] =
                    [&whole, &piece].map(|density| at_points(world, density, &points, d, log));
                assert_eq!(bits(&piece), bits(&whole), "{name}, log: {log}, memory: {memory}");
            }
        }
        // In single precision, and counts.
        let (rows, points) = (correlated(5500, 2, 13), correlated(40, 2, 14));
        let single = Density::builder().bandwidth(Bandwidth::Axes(vec![0.3])).precision(Precision::Single);
        let [whole, piece] =
            [samples(world, &rows, 2, None).unwrap(), in_pieces(world, &rows, 2, None, 0).unwrap()];
        let counts = |samples: &Samples| {
            window_counts(world, samples, Places::Points(&points), &[0.1, 1.0, 0.5], |_| {}).unwrap()
        };
        assert_eq!(counts(&piece), counts(&whole));
        let [whole, piece] = [whole, piece].map(|samples| {
            single.clone().fit(world, samples).unwrap().evaluate(Places::Points(&points)).unwrap()
        });
        assert_eq!(bits(&piece), bits(&whole), "in single precision");
        Ok(())
    });
}

#[test]
fn the_plan_does_not_depend_on_the_size_of_pieces() {
    on_ranks([1, 3], |world| {
        let (rows, points) = (correlated(5500, 2, 15), correlated(50, 2, 16));
        let plan = |memory: usize| {
            let samples = in_pieces(world, &rows, 2, None, memory).unwrap();
            let density = Density::builder().tolerance(1e-3, 1e-6).fit(world, samples).unwrap();
            density.plan(Places::Points(&points)).unwrap()
        };
        let whole = plan(usize::MAX);
        assert_eq!(plan(0), whole);
        assert!(whole.costs.iter().any(|(engine, cost)| *engine == Engine::Tree && cost.is_err()), "{whole}");
        // What is looked at is what is looked at in memory.
        let samples = samples(world, &rows, 2, None).unwrap();
        let density = Density::builder().tolerance(1e-3, 1e-6).fit(world, samples).unwrap();
        assert_eq!(density.plan(Places::Points(&points)).unwrap().part, whole.part);
        Ok(())
    });
}

#[test]
fn what_pieces_cannot_do_or_have_is_one_error_on_all_ranks() {
    on_ranks([1, 3], |world| {
        let rows = correlated(5500, 1, 17);
        let pieces = || in_pieces(world, &rows, 1, None, 0).unwrap();
        let says =
            |error: rankwise::Error, words: &str| assert!(error.to_string().contains(words), "{error}");
        let tree = Density::builder().engine(Engine::Tree).fit(world, pieces()).unwrap();
        says(
            tree.evaluate(Places::Points(&[0.0])).unwrap_err(),
            "the tree engine cannot do this: it needs all samples in memory",
        );
        says(
            sheather_jones(world, Kernel::Gaussian, &pieces()).unwrap_err(),
            "Sheather-Jones bandwidth needs all samples in memory",
        );
        says(
            cross_validate(world, Kernel::Gaussian, &pieces(), &[1.0], &[1.0], |_| {}).unwrap_err(),
            "cross-validation needs all samples in memory",
        );
        // Far into the file, by one rank.
        let mut bad = rows.clone();
        bad[5001] = f64::NAN;
        says(in_pieces(world, &bad, 1, None, 0).unwrap_err(), "row 5001, column 0 of the points is NaN");
        let mut weights = vec![1.0; 5500];
        weights[4000] = -1.0;
        says(in_pieces(world, &rows, 1, Some(&weights), 0).unwrap_err(), "the weight of row 4000 is -1");
        says(in_pieces(world, &rows, 1, Some(&vec![0.0; 5500]), 0).unwrap_err(), "all weights are 0");
        says(in_pieces(world, &[], 1, None, 0).unwrap_err(), "there are 0 points");
        // A file that changes after it was looked at.
        let (reads, pieces) = (std::cell::Cell::new(0), 5500usize.div_ceil(1024 * world.size()));
        let changing = move |_: &Comm, rows: std::ops::Range<usize>| {
            reads.set(reads.get() + 1);
            // After the first pass.
            let bad = if reads.get() > pieces { f64::INFINITY } else { 1.0 };
            Ok(Rows { coordinates: rows.map(|i| bad * i as f64).collect(), weights: None })
        };
        let samples = Samples::in_pieces(world, 5500, 1, 0, changing).unwrap();
        let density = Density::builder().bandwidth(Bandwidth::Axes(vec![1.0])).fit(world, samples);
        says(
            density.and_then(|density| density.evaluate(Places::Points(&[0.0]))).unwrap_err(),
            "of the points is ",
        );
        Ok(())
    });
}
