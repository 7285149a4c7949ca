//! Densities by way of a grid: the same bits for any number of ranks, those of the serial twin, and as right as was asked for.

use rankwise::distributed::density::{
    Bandwidth, Boundary, Density, Engine, Estimate, Places, Precision, Samples, evaluate, spectral,
};
use rankwise::kernels::density::{Kernel, density, normalisation};
use rankwise::kernels::spectral as serial;
use rankwise::prelude::*;
use rankwise::random::stream;
use rankwise::testing::on_ranks;

use rand::RngExt;

const BANDWIDTHS: [f64; 3] = [0.5, 0.4, 0.7];

/// Rows of `d` coordinates, two heaps of them.
fn heaps(seed: u64, n: usize, d: usize) -> Vec<f64> {
    let number = |i: usize| {
        let mut stream = stream(seed, i as u64);
        let around = if (i / d).is_multiple_of(3) { 6.0 } else { 1.0 };
        around + (0..4).map(|_| stream.random::<f64>()).sum::<f64>()
    };
    (0..n * d).map(number).collect()
}

fn estimate<'a>(bandwidth: &'a [f64], widths: &'a [f64]) -> Estimate<'a> {
    Estimate { kernel: Kernel::Gaussian, bandwidth, widths, precision: Precision::Double }
}

/// This rank's samples of all.
fn samples(world: &Comm, all: &[f64], d: usize) -> Result<Samples> {
    let n = all.len() / d;
    let mine = Samples::blocks(n, world.size()).range(world.rank());
    // Ranks with more threads than others.
    Ok(Samples::new(world, n, d, &all[mine.start * d..mine.end * d])?.threads(1 + world.rank() % 3))
}

/// Values at `points`, dealt out in blocks, on all ranks.
fn at_points(world: &Comm, all: &[f64], points: &[f64], d: usize, atol: f64) -> Result<Vec<f64>> {
    let mine = Partition::even(points.len() / d, world.size()).range(world.rank());
    let places = Places::Points(&points[mine.start * d..mine.end * d]);
    let samples = samples(world, all, d)?;
    let values =
        spectral::evaluate(world, estimate(&BANDWIDTHS[..d], &[1.0]), &samples, places, atol, |_| {})?;
    world.all_gather(&values)
}

#[test]
fn the_result_is_the_serial_twins_bit_for_bit_and_within_the_tolerance() {
    on_ranks([1, 2, 3, 4, 7], |world| {
        for d in 1..=3 {
            for n in [1, 5, 3000] {
                let (all, points) = (heaps(1, n, d), heaps(2, 400, d));
                let exact = density(Kernel::Gaussian, &all, &BANDWIDTHS[..d], &points);
                let peak = normalisation(Kernel::Gaussian, &BANDWIDTHS[..d], 1);
                for atol in [1e-4, 1e-9, 1e-12] {
                    let ours = at_points(world, &all, &points, d, atol)?;
                    let twin = serial::density(&all, &BANDWIDTHS[..d], atol, &points)?;
                    assert_eq!(ours, twin, "{n} samples, {d} axes, {atol:e}");
                    for (ours, exact) in ours.iter().zip(&exact) {
                        let error = (ours - exact).abs() / peak;
                        assert!(error <= atol, "{n} samples, {d} axes, {atol:e}: {error:e}");
                    }
                }
            }
        }
        Ok(())
    });
}

/// Some weigh much, some nothing.
fn some_weights(n: usize) -> Vec<f64> {
    (0..n).map(|i| if i % 100 == 7 { 90.0 } else { ((i * 31) % 7) as f64 * 0.5 }).collect()
}

#[test]
fn weights_keep_the_bound_and_weights_of_one_change_no_bit() {
    on_ranks([1, 2, 3, 4, 7], |world| {
        for d in 1..=3 {
            let (all, points, weights) = (heaps(1, 3000, d), heaps(2, 300, d), some_weights(3000));
            let mine = Samples::blocks(3000, world.size()).range(world.rank());
            let at = |samples: &Samples, atol: f64| {
                let wanted = estimate(&BANDWIDTHS[..d], &[1.0]);
                spectral::evaluate(world, wanted, samples, Places::Points(&points), atol, |_| {})
            };
            let plain = samples(world, &all, d)?;
            let ones = plain.clone().weighted(world, &vec![1.0; mine.len()])?;
            assert_eq!(at(&plain, 1e-9)?, at(&ones, 1e-9)?);
            let weighted = plain.weighted(world, &weights[mine.clone()])?;
            let wanted = estimate(&BANDWIDTHS[..d], &[1.0]);
            let exact = evaluate(world, wanted, &weighted, Places::Points(&points), |_| {})?;
            let peak = normalisation(Kernel::Gaussian, &BANDWIDTHS[..d], 1);
            for atol in [1e-4, 1e-9, 1e-11] {
                for (ours, exact) in at(&weighted, atol)?.iter().zip(&exact) {
                    let error = (ours - exact).abs() / peak;
                    assert!(error <= atol, "{d} axes, {atol:e}: {error:e}");
                }
            }
        }
        Ok(())
    });
}

/// Tails, weights, windows that are turned, images: everything at once.
#[test]
fn a_relative_tolerance_is_kept_in_the_tails_too() {
    on_ranks([1, 2, 3, 4], |world| {
        let n = 2000;
        let (all, weights) = (heaps(7, n, 2), some_weights(n));
        let mine = Samples::blocks(n, world.size()).range(world.rank());
        let points: Vec<f64> =
            (0..200).flat_map(|i| [f64::from(i) * 0.1, f64::from(i * 7 % 100) * 0.12]).collect();
        let block = Partition::even(200, world.size()).range(world.rank());
        let ends = [
            Boundary::Reflect { low: 0.5, high: f64::INFINITY },
            Boundary::Periodic { low: 1.0, high: 11.0 },
        ];
        for bandwidth in [Bandwidth::Axes(vec![0.5, 0.4]), Bandwidth::Matrix(vec![0.3, 0.1, 0.1, 0.2])] {
            for boundaries in [&ends[..], &[]] {
                for (rtol, atol) in [(1e-4, 0.0), (1e-9, 0.0), (1e-3, 1e-7), (0.0, 1e-8)] {
                    let of = |engine: Engine, rtol: f64, atol: f64| -> Result<Vec<f64>> {
                        let samples = samples(world, &all, 2)?.weighted(world, &weights[mine.clone()])?;
                        let density = Density::builder()
                            .bandwidth(bandwidth.clone())
                            .widths(&[1.0, 0.5])
                            .boundaries(boundaries)
                            .engine(engine)
                            .tolerance(rtol, atol)
                            .fit(world, samples)?;
                        let (values, plan) = density
                            .evaluate_with(Places::Points(&points[2 * block.start..2 * block.end]), |_| {})?;
                        assert_eq!(plan.engine, engine);
                        Ok(values)
                    };
                    let exact = of(Engine::Direct, 0.0, 0.0)?;
                    for engine in [Engine::Spectral, Engine::Tree] {
                        let ours = of(engine, rtol, atol)?;
                        for (place, (ours, exact)) in ours.iter().zip(&exact).enumerate() {
                            let width: f64 = if place < block.len() { 1.0 } else { 0.5 };
                            let volume = if bandwidth == Bandwidth::Axes(vec![0.5, 0.4]) {
                                0.2
                            } else {
                                0.05f64.sqrt()
                            };
                            let peak = 1.0 / (std::f64::consts::TAU * volume * width * width);
                            let bound = rtol * exact + atol * peak + 1e-12 * exact;
                            assert!(
                                (ours - exact).abs() <= bound,
                                "{engine}, {rtol:e}, {atol:e}, {boundaries:?}: {ours:e} for {exact:e}"
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
fn the_plan_takes_the_grid_where_it_is_the_cheapest() {
    on_ranks([1, 2], |world| {
        let (n, m) = (40_000, 40_000);
        let (all, points) = (heaps(9, n, 2), heaps(10, m, 2));
        let block = Partition::even(m, world.size()).range(world.rank());
        let places = Places::Points(&points[2 * block.start..2 * block.end]);
        let plan = |rtol: f64, atol: f64, some: Places<'_>| -> Result<Engine> {
            let builder = Density::builder().bandwidth(Bandwidth::Axes(vec![0.2])).tolerance(rtol, atol);
            let plan = builder.fit(world, samples(world, &all, 2)?)?.plan(some)?;
            assert!(plan.to_string().contains("<- chosen"));
            Ok(plan.engine)
        };
        assert_eq!(plan(0.0, 1e-9, places)?, Engine::Spectral);
        assert_eq!(plan(1e-3, 0.0, places)?, Engine::Spectral);
        assert_ne!(plan(0.0, 0.0, places)?, Engine::Spectral);
        assert_ne!(plan(0.0, 1e-9, Places::Points(&points[..2]))?, Engine::Spectral);
        Ok(())
    });
}

#[test]
fn whoever_has_the_places_and_with_none_at_all() {
    on_ranks([1, 2, 3, 4, 7], |world| {
        let (all, points) = (heaps(3, 3000, 2), heaps(4, 60, 2));
        let wanted = serial::density(&all, &BANDWIDTHS[..2], 1e-9, &points)?;
        let samples = samples(world, &all, 2)?;
        for owner in [0, world.size() - 1] {
            let mine = if world.rank() == owner { &points[..] } else { &[] };
            let mut parts = vec![];
            let values = spectral::evaluate(
                world,
                estimate(&BANDWIDTHS[..2], &[1.0]),
                &samples,
                Places::Points(mine),
                1e-9,
                |part| parts.push(part),
            )?;
            assert_eq!(values, if world.rank() == owner { &wanted[..] } else { &[] });
            assert!(parts.is_sorted() && parts.last() == Some(&1.0), "{parts:?}");
        }
        let none = Places::Points(&[]);
        let values =
            spectral::evaluate(world, estimate(&BANDWIDTHS[..2], &[1.0, 2.0]), &samples, none, 1e-9, |_| {})?;
        assert!(values.is_empty());
        let far = Places::Points(&[1e9, 1e9]);
        let values =
            spectral::evaluate(world, estimate(&BANDWIDTHS[..2], &[1.0]), &samples, far, 1e-9, |_| {})?;
        assert_eq!(values, [0.0]);
        Ok(())
    });
}

#[test]
fn a_grid_has_the_values_of_its_points_window_by_window() {
    on_ranks([1, 3], |world| {
        let all = heaps(5, 2000, 2);
        let samples = samples(world, &all, 2)?;
        let axes: Vec<Vec<f64>> = [210, 190].map(|n| (0..n).map(|i| 0.05 * f64::from(i)).collect()).into();
        let points: Vec<f64> =
            axes[0].iter().flat_map(|x| axes[1].iter().flat_map(move |y| [*x, *y])).collect();
        let windows = estimate(&BANDWIDTHS[..2], &[0.5, 2.0]);
        let on_grid = spectral::evaluate(world, windows, &samples, Places::Grid(&axes), 1e-7, |_| {})?;
        let at_points = spectral::evaluate(world, windows, &samples, Places::Points(&points), 1e-7, |_| {})?;
        assert_eq!(on_grid, at_points);
        let exact = evaluate(world, windows, &samples, Places::Grid(&axes), |_| {})?;
        for (window, width) in windows.widths.iter().enumerate() {
            let peak = normalisation(
                Kernel::Gaussian,
                &BANDWIDTHS[..2].iter().map(|h| h * width).collect::<Vec<_>>(),
                1,
            );
            for cell in window * points.len() / 2..(window + 1) * points.len() / 2 {
                assert!((on_grid[cell] - exact[cell]).abs() <= 1e-7 * peak, "{width}: {cell}");
            }
        }
        Ok(())
    });
}

#[test]
fn what_it_cannot_do_is_an_error_of_all_ranks() {
    on_ranks([1, 2, 3], |world| {
        let refused = |all: &[f64], d: usize, kernel: Kernel, h: f64, atol: f64| -> Result<String> {
            let samples = samples(world, all, d)?;
            let bandwidth = vec![h; d];
            let wanted = Estimate { kernel, ..estimate(&bandwidth, &[1.0]) };
            let points = if world.rank() == 0 { all } else { &[] };
            let outcome = spectral::evaluate(world, wanted, &samples, Places::Points(points), atol, |_| {});
            Ok(outcome.unwrap_err().to_string())
        };
        let all = heaps(6, 20, 4);
        // One has nearly all the weight, and the many others are rounded to its unit.
        let n = 1 << 14;
        let many = heaps(8, n, 2);
        let mine = Samples::blocks(n, world.size()).range(world.rank());
        let weights: Vec<f64> = mine.map(|i| if i == 77 { 1e9 } else { 1.0 }).collect();
        let weighted = samples(world, &many, 2)?.weighted(world, &weights)?;
        let wanted = estimate(&BANDWIDTHS[..2], &[1.0]);
        let outcome = spectral::evaluate(world, wanted, &weighted, Places::Points(&[]), 1e-12, |_| {});
        let problem = outcome.unwrap_err().to_string();
        assert!(problem.contains("a tolerance of 1e-12 is too small for the spectral engine"), "{problem}");
        let builder = || Density::builder().bandwidth(Bandwidth::Axes(vec![0.5])).engine(Engine::Spectral);
        for (builder, said) in [
            (builder(), "the spectral engine cannot do this: it needs a tolerance; direct can"),
            (builder().tolerance(1e-3, 0.0).kernel(Kernel::Hypercube), "it takes Gaussian windows only"),
            (builder().tolerance(0.0, 1e-3).precision(Precision::Single), "computes in double precision"),
        ] {
            let outcome =
                builder.fit(world, samples(world, &many, 2)?).and_then(|d| d.evaluate(Places::Points(&[])));
            let problem = outcome.unwrap_err().to_string();
            assert!(problem.contains(said), "{problem}");
        }
        for (problem, said) in [
            (refused(&all, 4, Kernel::Gaussian, 1.0, 1e-9)?, "4 axes: the spectral engine takes 1 to 3"),
            (
                refused(&all, 2, Kernel::Hypercube, 1.0, 1e-9)?,
                "Gaussian windows only; take the engine tree or direct",
            ),
            (
                refused(&all, 2, Kernel::Gaussian, 1.0, 0.0)?,
                "a tolerance of 0: the spectral engine takes a positive one",
            ),
            (refused(&all, 2, Kernel::Gaussian, 1.0, 1e-15)?, "a tolerance of 1e-15 is too small"),
            (refused(&[0.0, 0.0, 1.0, 1.0], 2, Kernel::Gaussian, 1e-6, 1e-9)?, "a grid of"),
            (refused(&all, 2, Kernel::Gaussian, -1.0, 1e-9)?, "a bandwidth of -1"),
        ] {
            assert!(problem.contains(said), "{problem}");
        }
        Ok(())
    });
}
