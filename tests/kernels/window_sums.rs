use approx::assert_relative_eq;
use rankwise::kernels::covariance::Cholesky;
use rankwise::kernels::density::{Kernel, density, normalisation};
use rankwise::kernels::level::Level;
use rankwise::kernels::window_sums::{Windows, add_tile, add_tile_f32, add_weighted_tile};

use super::{KERNELS, columns};

/// Numbers in [-2, 2), the same each time.
fn numbers(n: usize, seed: u64) -> Vec<f64> {
    super::numbers(n, seed).into_iter().map(|x| 4.0 * x - 2.0).collect()
}

/// How much the sum of the shapes of n samples may be off at a point, by what is stated above and what n additions round.
fn allowed(kernel: Kernel, samples: &[f64], h: &[f64], at: &[f64]) -> f64 {
    let (d, n) = (h.len(), samples.len() / h.len());
    samples
        .chunks(d)
        .map(|sample| {
            let u: Vec<f64> = (0..d).map(|axis| (at[axis] - sample[axis]) / h[axis]).collect();
            let (r2, shape) = (u.iter().map(|u| u * u).sum::<f64>(), kernel.shape(&u));
            // The twin rounds, too.
            let rounding = 2.0 * (d + 3) as f64 * 6e-17;
            match kernel {
                Kernel::Gaussian => 1e-300 + shape * (1.1e-14 + 1e-15 + r2 * rounding + n as f64 * 1.1e-16),
                Kernel::Hypercube => 0.0,
                Kernel::Epanechnikov => 2.0 * rounding + shape * n as f64 * 1.1e-16,
            }
        })
        .sum()
}

#[test]
fn agrees_with_the_serial_twin() {
    let sizes = [
        (1, 1, 1),
        (1, 700, 33),
        (2, 100, 97),
        (2, 1, 129),
        (3, 64, 32),
        (3, 65, 63),
        (4, 30, 17),
        (6, 130, 65),
        (6, 3, 31),
        (2, 0, 3),
        (2, 3, 0),
    ];
    for kernel in KERNELS {
        for (d, n, m) in sizes {
            let (samples, at) = (numbers(n * d, 1), numbers(m * d, 2));
            let by_axis: Vec<f64> = (0..d).map(|axis| 0.6 + 0.3 * axis as f64).collect();
            for bandwidth in [by_axis, vec![1.3; d]] {
                for widths in [vec![1.0], vec![0.5, 1.0, 2.0], vec![0.125, 0.5, 1.0, 2.0, 4.0, 8.0]] {
                    let windows = Windows::new(kernel, &bandwidth, &widths);
                    for level in Level::available() {
                        let mut sums = vec![0.0; m * widths.len()];
                        add_tile(level, &windows, &columns(&samples, d), &columns(&at, d), &mut sums);
                        for (w, width) in widths.iter().enumerate() {
                            let h: Vec<f64> = bandwidth.iter().map(|h| h * width).collect();
                            let twin = density(kernel, &samples, &h, &at);
                            for (i, at) in at.chunks(d).enumerate() {
                                let ours = sums[w * m + i];
                                let sum = if n == 0 { 0.0 } else { twin[i] / normalisation(kernel, &h, n) };
                                // The division rounds.
                                let bound = allowed(kernel, &samples, &h, at) + 1e-15 * sum;
                                assert!(
                                    (ours - sum).abs() <= bound,
                                    "{kernel:?}, {level:?}, d = {d}, n = {n}, h = {h:?}: {ours} and {sum}"
                                );
                            }
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn wider_registers_give_the_same_bits() {
    let (tile, points) = (numbers(2 * 300, 3), numbers(2 * 100, 4));
    for kernel in KERNELS {
        let windows = Windows::new(kernel, &[0.6, 1.1], &[1.0, 0.3]);
        let sums: Vec<Vec<u64>> = Level::available()
            .filter(|&level| level >= Level::Avx2)
            .map(|level| {
                let mut sums = vec![0.0; 200];
                add_tile(level, &windows, &tile, &points, &mut sums);
                sums.iter().map(|sum| sum.to_bits()).collect()
            })
            .collect();
        assert!(sums.windows(2).all(|pair| pair[0] == pair[1]), "{kernel:?}");
    }
}

#[test]
fn a_sample_on_the_edge_of_a_hypercube_is_inside() {
    for (h, distance) in [(1.0, 0.5), (0.3, 0.15), (0.7, 0.35), (2.0, -1.0)] {
        let mut sums = [0.0; 2];
        let windows = Windows::new(Kernel::Hypercube, &[h, h], &[1.0, 0.99]);
        add_tile(Level::detect(), &windows, &[distance, 0.0], &[0.0, 0.0], &mut sums);
        assert_eq!(sums, [1.0, 0.0], "width {h}");
    }
}

/// The whole way to the bits: every level, near and far.
#[test]
fn one_window_is_as_accurate_as_stated() {
    for level in Level::available() {
        let windows = Windows::new(Kernel::Gaussian, &[1.0], &[1.0]);
        for i in 0..60_000 {
            let x = f64::from(i) * 0.000_7;
            let mut sums = [0.0; 2];
            // The second time a sample far away comes with it: the careful loop.
            add_tile(level, &windows, &[x], &[0.0], &mut sums[..1]);
            add_tile(level, &windows, &[x, 1e200], &[0.0], &mut sums[1..]);
            let [near, far] = sums;
            assert_eq!(near.to_bits(), far.to_bits(), "{level:?}, {x}");
            let exact = (-0.5 * x * x).exp();
            if 0.5 * x * x * std::f64::consts::LOG2_E < 1020.9 {
                let bound = 1.2e-14 + x * x * 4.0 * 6e-17;
                assert_relative_eq!(near, exact, max_relative = bound, epsilon = 0.0);
            } else if x > 37.7 {
                assert_eq!(near, 0.0);
            }
        }
        let mut sums = [0.0];
        add_tile(level, &windows, &[1e308, -1e308, 0.0], &[0.0], &mut sums);
        assert_eq!(sums, [1.0], "{level:?}");
    }
}

#[test]
fn one_window_in_single_precision_is_as_accurate_as_stated() {
    let windows = Windows::new(Kernel::Gaussian, &[1.0], &[1.0]).narrowed();
    for level in Level::available() {
        for i in 0..15_000u16 {
            let narrow = f32::from(i) * 0.001;
            let (x, mut sums) = (f64::from(narrow), [0.0; 2]);
            // The second time a sample far away comes with it: the careful loop.
            add_tile_f32(level, &windows, &[narrow], None, &[0.0], &mut sums[..1]);
            add_tile_f32(level, &windows, &[narrow, 900.0], None, &[0.0], &mut sums[1..]);
            let [near, far] = sums;
            assert_eq!(near.to_bits(), far.to_bits(), "{level:?}, {x}");
            let exponent = 0.5 * x * x * std::f64::consts::LOG2_E;
            if exponent < 124.99 {
                let bound = 7e-7 + x * x * 4.0 * 3e-8;
                assert_relative_eq!(near, (-0.5 * x * x).exp(), max_relative = bound, epsilon = 0.0);
            } else if exponent > 125.01 {
                assert_eq!(near, 0.0, "{level:?}, {x}");
            }
        }
    }
}

#[test]
fn single_precision_keeps_its_bound() {
    for kernel in [Kernel::Gaussian, Kernel::Epanechnikov] {
        for (d, n, m) in [(1, 700, 33), (2, 1024, 97), (3, 64, 32), (5, 41, 7), (2, 0, 3), (2, 3, 0)] {
            let bandwidth: Vec<f64> = (0..d).map(|axis| 0.6 + 0.3 * axis as f64).collect();
            let (samples, at) = (columns(&numbers(n * d, 1), d), columns(&numbers(m * d, 2), d));
            let weights: Vec<f64> = numbers(n, 3).iter().map(|x| x + 2.5).collect();
            let narrow_weights: Vec<f32> = weights.iter().map(|&w| w as f32).collect();
            for widths in [vec![1.0], vec![1.0, 2.0, 0.7, 4.0, 3.0]] {
                let windows = Windows::new(kernel, &bandwidth, &widths);
                let (mut all, centre) = (Vec::<Vec<u64>>::new(), vec![0.1; d]);
                for level in Level::available() {
                    let (mut sums, mut exact) = (vec![0.0; m * widths.len()], vec![0.0; m * widths.len()]);
                    let (tile, points) = (windows.narrow(&samples, &centre), windows.narrow(&at, &centre));
                    let narrowed = windows.narrowed();
                    add_tile_f32(level, &narrowed, &tile, Some(&narrow_weights), &points, &mut sums);
                    add_weighted_tile(level, &windows, &samples, Some(&weights), &at, &mut exact);
                    for (ours, exact) in sums.iter().zip(&exact) {
                        let (epsilon, max_relative) =
                            if kernel == Kernel::Gaussian { (0.0, 2e-5) } else { (1e-5, 2e-5) };
                        assert_relative_eq!(ours, exact, epsilon = epsilon, max_relative = max_relative);
                    }
                    if level >= Level::Avx2 {
                        all.push(sums.iter().map(|sum| sum.to_bits()).collect());
                    }
                }
                assert!(all.windows(2).all(|pair| pair[0] == pair[1]), "{kernel:?}, {d}");
            }
        }
    }
}

#[test]
fn weights_count_samples_and_weights_of_one_change_no_bit() {
    for kernel in KERNELS {
        for d in [1, 2, 3, 4] {
            let (tile, points) = (numbers(50 * d, 5), numbers(45 * d, 6));
            let bandwidth: Vec<f64> = (0..d).map(|axis| 0.9 + 0.2 * axis as f64).collect();
            let twice: Vec<f64> = (0..d)
                .flat_map(|axis| tile[axis * 50..][..50].iter().flat_map(|&x| [x, x]).collect::<Vec<_>>())
                .collect();
            for bandwidth in [bandwidth, vec![1.1; d]] {
                let windows = Windows::new(kernel, &bandwidth, &[1.0]);
                for level in Level::available() {
                    let mut sums = [vec![0.0; 45], vec![0.0; 45], vec![0.0; 45], vec![0.0; 45]];
                    add_tile(level, &windows, &tile, &points, &mut sums[0]);
                    add_weighted_tile(level, &windows, &tile, Some(&[1.0; 50]), &points, &mut sums[1]);
                    assert_eq!(sums[0], sums[1], "{kernel:?}, {d}, {level:?}");
                    add_tile(level, &windows, &twice, &points, &mut sums[2]);
                    add_weighted_tile(level, &windows, &tile, Some(&[2.0; 50]), &points, &mut sums[3]);
                    for (a, b) in sums[2].iter().zip(&sums[3]) {
                        assert_relative_eq!(a, b, max_relative = 1e-14);
                    }
                }
            }
        }
    }
}

#[test]
fn a_matrix_turns_the_windows() {
    for d in [1, 2, 3, 5] {
        // Positive definite, and not diagonal.
        let matrix: Vec<f64> = (0..d * d)
            .map(|at| {
                let (row, column): (usize, usize) = (at / d, at % d);
                if row == column { 1.0 + 0.2 * row as f64 } else { 0.3 / (1.0 + row.abs_diff(column) as f64) }
            })
            .collect();
        let factor = Cholesky::new(&matrix, d).expect("positive definite");
        let (tile, points) = (numbers(60 * d, 7), numbers(37 * d, 8));
        for kernel in KERNELS {
            for widths in [vec![1.0], vec![0.7, 1.0, 1.5, 2.0, 3.0]] {
                let windows = Windows::mixed(kernel, &factor, &widths);
                for level in Level::available() {
                    let mut sums = vec![0.0; 37 * widths.len()];
                    add_tile(level, &windows, &tile, &points, &mut sums);
                    for (w, width) in widths.iter().enumerate() {
                        for i in 0..37 {
                            let expected: f64 = (0..60)
                                .map(|k| {
                                    let u: Vec<f64> =
                                        (0..d).map(|a| points[a * 37 + i] - tile[a * 60 + k]).collect();
                                    let u: Vec<f64> = factor.solve(&u).iter().map(|u| u / width).collect();
                                    kernel.shape(&u)
                                })
                                .sum();
                            assert_relative_eq!(
                                sums[w * 37 + i],
                                expected,
                                epsilon = 1e-13,
                                max_relative = 1e-13
                            );
                        }
                    }
                }
            }
        }
    }
}
