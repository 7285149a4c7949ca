use rankwise::kernels::density::Kernel;
use rankwise::kernels::level::Level;
use rankwise::kernels::tree::{Layout, Tolerance, Tree, add_sums};
use rankwise::kernels::window_sums::{Windows, add_tile};

use super::{KERNELS, columns, numbers};

/// Rows of samples: spread evenly, in two heaps and some outliers, on a line, all at one place.
fn heaps(n: usize, d: usize) -> Vec<(&'static str, Vec<f64>)> {
    let even: Vec<f64> = numbers(n * d, 1).iter().map(|x| 4.0 * x - 2.0).collect();
    let clumps = numbers(n * d, 2)
        .chunks(d)
        .enumerate()
        .flat_map(|(i, row)| {
            let (centre, spread) = [(0.0, 0.1), (1.5, 0.3), (0.0, 9.0)][if i % 50 == 0 { 2 } else { i % 2 }];
            row.iter().map(move |x| centre + spread * (x - 0.5)).collect::<Vec<_>>()
        })
        .collect();
    let line = (0..n).flat_map(|i| vec![(i % 97) as f64 * 0.03; d]).collect();
    vec![("even", even), ("clumps", clumps), ("line", line), ("one place", vec![0.25; n * d])]
}

fn planted(layout: &Layout, rows: &[f64], weights: Option<&[f64]>, h: &[f64]) -> Vec<f64> {
    let d = h.len();
    let mut numbers = vec![0.0; layout.numbers()];
    let inverse: Vec<f64> = h.iter().map(|h| 1.0 / h).collect();
    Tree::build(layout, |sample, axis| rows[sample * d + axis], weights, &inverse, &mut numbers);
    numbers
}

/// The sum that is wanted, by its definition, and what rounding may do to it.
fn twin(kernel: Kernel, rows: &[f64], weights: &[f64], h: &[f64], at: &[f64]) -> (f64, f64) {
    let d = h.len();
    let (mut sum, mut rounding) = (0.0, 0.0);
    for (row, weight) in rows.chunks(d).zip(weights) {
        let u: Vec<f64> = (0..d).map(|axis| (at[axis] - row[axis]) / h[axis]).collect();
        let r2: f64 = u.iter().map(|u| u * u).sum();
        let shape = kernel.shape(&u);
        sum += weight * shape;
        rounding += weight
            * match kernel {
                Kernel::Gaussian => 1e-300 + shape * (4e-15 + r2 * (d + 3) as f64 * 1.2e-16),
                Kernel::Hypercube => 0.0,
                Kernel::Epanechnikov => f64::from(r2 < 1.000_001) * (d + 3) as f64 * 2.4e-16,
            };
    }
    (sum, rounding + sum * weights.len() as f64 * 1.1e-16)
}

#[test]
fn the_bound_holds_for_each_kernel_dimension_and_tolerance() {
    let tolerances =
        [(0.0, 0.0), (1e-2, 0.0), (1e-6, 0.0), (1e-12, 0.0), (0.0, 1e-3), (0.0, 1e-9), (1e-4, 1e-5)];
    for d in [1, 2, 3, 6] {
        for n in [1, 63, 700, 2600] {
            for (name, rows) in heaps(n, d) {
                let at = [&rows[..d * n.min(3)], &numbers(9 * d, 3)[..], &vec![30.0; d]].concat();
                let m = at.len() / d;
                for weighted in [false, true] {
                    let weights: Vec<f64> = (0..n)
                        .map(|i| if weighted { ((i * 31) % 7) as f64 * 0.5 + 0.25 } else { 1.0 })
                        .collect();
                    let h: Vec<f64> = (0..d).map(|axis| 0.25 + 0.125 * axis as f64).collect();
                    let layout = Layout::new(n, d);
                    let tree = planted(&layout, &rows, weighted.then_some(&weights[..]), &h);
                    let all: f64 = weights.iter().sum();
                    for kernel in KERNELS {
                        for widths in [[1.0, 0.3].as_slice(), &[3.0]] {
                            let windows = Windows::new(kernel, &h, widths);
                            let exact: Vec<(f64, f64)> = widths
                                .iter()
                                .flat_map(|width| {
                                    let h: Vec<f64> = h.iter().map(|h| h * width).collect();
                                    at.chunks(d)
                                        .map(|at| twin(kernel, &rows, &weights, &h, at))
                                        .collect::<Vec<_>>()
                                })
                                .collect();
                            for (rtol, atol) in tolerances {
                                let mut sums = vec![0.0; m * widths.len()];
                                add_sums(
                                    Level::detect(),
                                    Tree::new(&layout, &tree),
                                    &windows,
                                    Tolerance { rtol, atol },
                                    &columns(&at, d),
                                    &mut sums,
                                );
                                for (sum, (exact, rounding)) in sums.iter().zip(&exact) {
                                    let bound = rtol * exact + atol * all + rounding;
                                    assert!(
                                        (sum - exact).abs() <= bound,
                                        "{kernel:?}, d = {d}, n = {n}, {name}, {widths:?}, rtol {rtol}, atol {atol}: \
                                         {sum:e} and {exact:e}, {:e} apart, {bound:e} allowed",
                                        (sum - exact).abs()
                                    );
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn a_tolerance_is_made_use_of() {
    // Else the bound above would be none.
    let (n, d, h) = (20_000, 2, [0.05, 0.05]);
    let (_, rows) = heaps(n, d).remove(1);
    let layout = Layout::new(n, d);
    let tree = planted(&layout, &rows, None, &h);
    let at = columns(&rows[..200], d);
    let visits = |kernel, width, rtol, atol| {
        let mut sums = vec![0.0; 100];
        let windows = Windows::new(kernel, &h, &[width]);
        add_sums(
            Level::detect(),
            Tree::new(&layout, &tree),
            &windows,
            Tolerance { rtol, atol },
            &at,
            &mut sums,
        )
        .leaves
    };
    // So wide that no sample is far.
    let all = visits(Kernel::Gaussian, 2000.0, 0.0, 0.0);
    assert!(all >= 100 * (n as u64 / 128), "{all}");
    assert!(visits(Kernel::Gaussian, 1.0, 0.0, 0.0) <= all);
    let mut before = all;
    for rtol in [1e-12, 1e-6, 1e-2, 0.3] {
        let now = visits(Kernel::Gaussian, 1.0, rtol, 0.0);
        assert!(now < before, "{rtol}: {now} leaves, {before} before");
        before = now;
    }
    for kernel in [Kernel::Hypercube, Kernel::Epanechnikov] {
        assert!(visits(kernel, 1.0, 0.0, 0.0) < all / 2, "{kernel:?}");
        assert!(visits(kernel, 1.0, 0.0, 0.1) < visits(kernel, 1.0, 0.0, 0.0), "{kernel:?}");
    }
    // Whole nodes are counted where the hypercube holds them.
    let wide = Windows::new(Kernel::Hypercube, &[100.0, 100.0], &[1.0]);
    let mut sums = vec![0.0; 100];
    let cost =
        add_sums(Level::detect(), Tree::new(&layout, &tree), &wide, Tolerance::default(), &at, &mut sums);
    assert_eq!((cost.leaves, &sums[..]), (0, &[n as f64; 100][..]));
}

#[test]
fn a_sample_on_the_edge_of_a_hypercube_counts_as_it_does_directly() {
    // Multiples of a tenth, which have no end in binary: sides of boxes, and edges of windows.
    let rows: Vec<f64> = (0..2000).map(|i| f64::from(i % 50) * 0.1).collect();
    for h in [[0.2, 0.2], [0.6, 0.6], [0.2, 0.4], [1.0, 3.0]] {
        let layout = Layout::new(1000, 2);
        let tree = planted(&layout, &rows, None, &h);
        let windows = Windows::new(Kernel::Hypercube, &h, &[1.0, 0.5, 3.0]);
        let at = columns(&rows, 2);
        let (mut ours, mut direct) = (vec![0.0; 3000], vec![0.0; 3000]);
        add_sums(Level::detect(), Tree::new(&layout, &tree), &windows, Tolerance::default(), &at, &mut ours);
        add_tile(Level::detect(), &windows, &at, &at, &mut direct);
        assert_eq!(ours, direct, "{h:?}");
    }
}

#[test]
fn wider_registers_and_other_points_do_not_change_the_bits() {
    for d in [2, 5] {
        let (_, rows) = heaps(3000, d).remove(1);
        let h = vec![0.2; d];
        let layout = Layout::new(3000, d);
        let tree = planted(&layout, &rows, None, &h);
        let at = columns(&rows[..50 * d], d);
        for kernel in KERNELS {
            let windows = Windows::new(kernel, &h, &[1.0]);
            let sums = |level, at: &[f64]| -> Vec<u64> {
                let mut sums = vec![0.0; at.len() / d];
                let tolerance = Tolerance { rtol: 1e-3, atol: 0.0 };
                add_sums(level, Tree::new(&layout, &tree), &windows, tolerance, at, &mut sums);
                sums.iter().map(|sum| sum.to_bits()).collect()
            };
            let together = sums(Level::detect(), &at);
            for level in Level::available().filter(|&level| level >= Level::Avx2) {
                assert_eq!(sums(level, &at), together, "{kernel:?}, {level:?}");
            }
            for (point, bits) in together.iter().enumerate() {
                let alone: Vec<f64> = (0..d).map(|axis| at[axis * 50 + point]).collect();
                assert_eq!(sums(Level::detect(), &alone), [*bits], "{kernel:?}, point {point}");
            }
        }
    }
}
