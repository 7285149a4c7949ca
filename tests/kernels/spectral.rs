use rankwise::kernels::density::{Kernel, density as exact, normalisation};
use rankwise::kernels::level::Level;
use rankwise::kernels::spectral::{MOST_CELLS, Refusal, Request, Spectral, density};

/// Numbers in 0 … 1, the same each time.
fn uniform(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }
}

/// Samples and places of `d` coordinates, of every kind that could be hard.
fn inputs(d: usize) -> Vec<(&'static str, Vec<f64>, Vec<f64>)> {
    let mut next = uniform(d as u64);
    let mut rows = |n: usize, mut make: Box<dyn FnMut(usize, usize, f64) -> f64>| -> Vec<f64> {
        (0..n * d).map(|i| make(i / d, i % d, next())).collect()
    };
    let mut all: Vec<(&'static str, Vec<f64>, Vec<f64>)> = Vec::new();
    let wide = rows(150, Box::new(|_, _, u| 24.0 * u - 2.0));
    all.push(("uniform", rows(200, Box::new(|_, _, u| 20.0 * u)), wide.clone()));
    let clumps = Box::new(|row: usize, _, u: f64| (row % 3) as f64 * 8.5 + 0.01 * u);
    all.push((
        "clumps",
        rows(200, clumps),
        [wide.clone(), rows(60, Box::new(|_, _, u| 8.5 + 0.02 * u))].concat(),
    ));
    let line = Box::new(|row: usize, _, _| 0.1 * row as f64);
    all.push(("a line", rows(200, line), wide.clone()));
    let flat = Box::new(|_, axis: usize, u: f64| if axis == 0 { 20.0 * u } else { 3.0 });
    all.push(("a coordinate shared", rows(200, flat), wide.clone()));
    all.push(("one sample", rows(1, Box::new(|_, _, _| 7.25)), wide.clone()));
    all.push((
        "one place many times",
        rows(100, Box::new(|_, _, _| 7.25)),
        [wide.clone(), vec![7.25; d]].concat(),
    ));
    all.push(("places at the samples", wide.clone(), wide.clone()));
    let far = |x: &f64| x + 3.0e6;
    let near = rows(100, Box::new(|_, _, u| 9.0 * u));
    all.push(("far from zero", near.iter().map(far).collect(), wide.iter().map(far).collect()));
    // Only some of the places are near a sample, and only some of the samples near a place.
    let split = Box::new(|row: usize, axis: usize, u: f64| {
        u + if axis == 0 && row.is_multiple_of(2) { 1e5 } else { 0.0 }
    });
    all.push(("samples out of reach", rows(100, split), rows(50, Box::new(|_, _, u| 2.0 * u))));
    let split = Box::new(|row: usize, _, u: f64| u + if row.is_multiple_of(2) { -1e12 } else { 0.0 });
    all.push(("places out of reach", rows(50, Box::new(|_, _, u| 2.0 * u)), rows(100, split)));
    all.push(("no place", wide, vec![]));
    all
}

const BANDWIDTHS: [f64; 3] = [1.0, 0.6, 1.7];

#[test]
fn the_error_is_within_the_tolerance() {
    for d in 1..=3 {
        let h = &BANDWIDTHS[..d];
        let peak = normalisation(Kernel::Gaussian, h, 1);
        for (name, samples, at) in inputs(d) {
            let wanted = exact(Kernel::Gaussian, &samples, h, &at);
            for tolerance in [0.1, 1e-2, 1e-4, 1e-6, 1e-8, 1e-9, 1e-10, 1e-12] {
                let ours = density(&samples, h, tolerance, &at).unwrap();
                for (place, (ours, wanted)) in ours.iter().zip(&wanted).enumerate() {
                    let error = (ours - wanted).abs() / peak;
                    // The coordinates that are far from zero have lost digits before.
                    let lost = if name == "far from zero" { 1e-9 } else { 2e-15 };
                    assert!(
                        error <= tolerance + lost,
                        "{name}, {d} axes, {tolerance:e}, place {place}: {error:e}"
                    );
                }
            }
        }
    }
}

/// So that the tolerance is not kept by doing far more than is asked for.
#[test]
fn a_single_sample_uses_up_the_tolerance() {
    for tolerance in [1e-2, 1e-4, 1e-6, 1e-9, 1e-11] {
        let at: Vec<f64> = (0..400).map(|i| 0.05 * f64::from(i) - 10.0).collect();
        let ours = density(&[0.013], &[1.0], tolerance, &at).unwrap();
        let wanted = exact(Kernel::Gaussian, &[0.013], &[1.0], &at);
        let peak = normalisation(Kernel::Gaussian, &[1.0], 1);
        let worst =
            ours.iter().zip(&wanted).map(|(ours, wanted)| (ours - wanted).abs() / peak).fold(0.0, f64::max);
        assert!((0.005 * tolerance..=tolerance).contains(&worst), "{tolerance:e}: {worst:e}");
    }
}

fn columns(rows: &[f64], d: usize) -> Vec<Vec<f64>> {
    (0..d).map(|axis| rows.iter().skip(axis).step_by(d).copied().collect()).collect()
}

fn extents(columns: &[Vec<f64>]) -> Vec<(f64, f64)> {
    let least = |column: &[f64]| column.iter().copied().fold(f64::INFINITY, f64::min);
    let greatest = |column: &[f64]| column.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    columns.iter().map(|column| (least(column), greatest(column))).collect()
}

/// The grid of samples in some parts, and the values.
fn values(level: Level, d: usize, parts: &[&[f64]], at: &[f64]) -> (Vec<i64>, Vec<f64>) {
    let (all, at) = (columns(&parts.concat(), d), columns(at, d));
    let request = Request {
        bandwidth: &BANDWIDTHS[..d],
        samples: all[0].len(),
        of_samples: &extents(&all),
        weight: all[0].len() as f64,
        places: at[0].len(),
        of_places: &extents(&at),
        tolerance: 1e-9,
    };
    let spectral = Spectral::new(&request).unwrap();
    let mut sum = vec![0; spectral.cells()];
    for part in parts {
        let mut grid = vec![0; spectral.cells()];
        let part = columns(part, d);
        spectral.spread(level, &part.iter().map(Vec::as_slice).collect::<Vec<_>>(), None, &mut grid);
        sum.iter_mut().zip(grid).for_each(|(sum, more)| *sum += more);
    }
    let field = spectral.outer(level, &spectral.inner(level, &sum));
    let mut values = vec![0.0; at[0].len()];
    spectral.read(level, &at.iter().map(Vec::as_slice).collect::<Vec<_>>(), &field, &mut values);
    (sum, values)
}

#[test]
fn bits_depend_neither_on_the_order_nor_on_the_parts() {
    for d in 1..=3 {
        let mut next = uniform(7);
        let samples: Vec<f64> = (0..900 * d).map(|_| 9.0 * next()).collect();
        let at: Vec<f64> = (0..300 * d).map(|_| 10.0 * next()).collect();
        let reversed: Vec<f64> = samples.chunks(d).rev().flatten().copied().collect();
        let whole = values(Level::detect(), d, &[&samples], &at);
        assert_eq!(values(Level::detect(), d, &[&reversed], &at), whole);
        let (first, rest) = samples.split_at(7 * d);
        let (second, third) = rest.split_at(500 * d);
        assert_eq!(values(Level::detect(), d, &[third, &[], first, second], &at), whole);
    }
}

#[test]
fn bits_do_not_depend_on_the_width_of_a_register() {
    for d in 1..=3 {
        let mut next = uniform(9);
        let samples: Vec<f64> = (0..900 * d).map(|_| 9.0 * next()).collect();
        let at: Vec<f64> = (0..300 * d).map(|_| 10.0 * next()).collect();
        let [portable, wide @ ..] =
            &Level::available().map(|level| values(level, d, &[&samples], &at)).collect::<Vec<_>>()[..]
        else {
            panic!("every processor has one level")
        };
        for other in wide {
            assert_eq!(other, &wide[0]);
            for (x, y) in other.1.iter().zip(&portable.1) {
                assert!((x - y).abs() <= 1e-12 * 900.0, "{x} {y}");
            }
        }
    }
}

#[test]
fn what_it_cannot_do_it_refuses() {
    let refusal =
        |samples: &[f64], h: &[f64], tolerance: f64| density(samples, h, tolerance, samples).unwrap_err();
    assert_eq!(refusal(&[0.0; 4], &[1.0; 4], 1e-9), Refusal::Axes(4));
    assert_eq!(refusal(&[0.0], &[], 1e-9), Refusal::Axes(0));
    for tolerance in [0.0, -1.0, f64::NAN] {
        assert!(matches!(refusal(&[0.0], &[1.0], tolerance), Refusal::Tolerance(_)));
    }
    assert_eq!(refusal(&[0.0], &[1.0], 1e-16), Refusal::Fine { tolerance: 1e-16, samples: 1 });
    for far in [1e6, 1e300] {
        let Refusal::Cells(cells) = refusal(&[0.0, 0.0, far, far], &[1.0; 2], 1e-9) else {
            panic!("too many cells")
        };
        assert!(cells > MOST_CELLS as f64, "{cells}");
    }
    let said = Refusal::Cells(1e9).to_string();
    assert!(said.contains("1.0e9 cells") && said.ends_with("take the engine tree or direct"), "{said}");
}

/// In units of the heaviest: the error of a sample that counts little is little, but for the rounding to the grid's unit.
#[test]
fn weights_spread_samples_in_proportion() {
    let request = |weight: f64| Request {
        bandwidth: &BANDWIDTHS[..1],
        samples: 3,
        of_samples: &[(0.0, 2.0)],
        weight,
        places: 1,
        of_places: &[(0.0, 2.0)],
        tolerance: 1e-9,
    };
    let spectral = Spectral::new(&request(1.75)).unwrap();
    assert!(spectral.error() > Spectral::new(&request(3.0)).unwrap().error());
    for level in Level::available() {
        let spread = |x: &[f64], weights: Option<&[f64]>| {
            let mut grid = vec![0; spectral.cells()];
            spectral.spread(level, &[x], weights, &mut grid);
            grid
        };
        let ones = spread(&[0.3, 0.3, 1.7], None);
        assert_eq!(spread(&[0.3, 0.3, 1.7], Some(&[1.0; 3])), ones);
        let uneven = spread(&[0.3, 1.7], Some(&[1.0, 0.5]));
        assert!(ones.iter().zip(&uneven).all(|(all, half)| (all - 2 * half).abs() <= 4), "{level:?}");
    }
}

#[test]
fn all_samples_may_be_in_one_cell() {
    let h = [1.0];
    let value = density(&vec![3.25; 100_000], &h, 1e-9, &[3.25]).unwrap()[0];
    assert!((value / normalisation(Kernel::Gaussian, &h, 1) - 1.0).abs() < 1e-9, "{value}");
}
