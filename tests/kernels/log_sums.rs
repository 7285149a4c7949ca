use approx::assert_relative_eq;
use rankwise::kernels::density::Kernel;
use rankwise::kernels::level::Level;
use rankwise::kernels::log_sums::{add_scaled, lower_exponents};
use rankwise::kernels::window_sums::Windows;

#[test]
fn logarithms_are_right_where_numbers_are_and_where_they_are_not() {
    let tile: Vec<f64> = (0..2 * 30).map(|i| f64::from(i * 7 % 31) * 0.1).collect();
    let weights: Vec<f64> = (0..30).map(|i| f64::from(i % 4) * 0.5).collect();
    let windows = Windows::new(Kernel::Gaussian, &[0.5, 0.25], &[1.0, 2.0]);
    // Near, 40 bandwidths away, a thousand, and more points than lanes.
    let xs: Vec<f64> = [1.0, 20.0, -500.0].iter().flat_map(|x| vec![*x; 5]).collect();
    let points = [xs, vec![1.5; 15]].concat();
    for level in Level::available() {
        for weights in [None, Some(&weights[..])] {
            let (mut least, mut sums) = (vec![f64::INFINITY; 30], vec![0.0; 30]);
            lower_exponents(level, &windows, &tile, weights, &points, &mut least);
            add_scaled(level, &windows, &tile, weights, &points, &least, &mut sums);
            for (place, (least, sum)) in least.iter().zip(&sums).enumerate() {
                let (width, x) = ([1.0, 2.0][place / 15], points[place % 15]);
                let exponents: Vec<f64> = (0..30)
                    .map(|i| {
                        let u = [(x - tile[i]) / (0.5 * width), (1.5 - tile[30 + i]) / (0.25 * width)];
                        weights.map_or(1.0, |w| w[i]).ln() - 0.5 * (u[0] * u[0] + u[1] * u[1])
                    })
                    .collect();
                let most = exponents.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let exact = most + exponents.iter().map(|e| (e - most).exp()).sum::<f64>().ln();
                let ours = sum.ln() - least * std::f64::consts::LN_2;
                assert_relative_eq!(ours, exact, max_relative = 1e-14, epsilon = 1e-13);
            }
        }
    }
}
