//! Sums of windows over a tile of samples, as fast as the compiler makes plain loops over blocks of points.
//!
//! The points are taken in blocks of [`LANES`], whose sums stay in vector registers while the samples of the tile go by.
//! Every point's sum is taken sample by sample in the order given, whatever the width of a register: see [`Level`].
//!
//! The exponential is 2^(−s) by rounding s to an integer and a polynomial of degree 11 on the rest (interpolation at
//! Chebyshev nodes on [−½, ½], error 4e-18), with a relative error below 1e-15 in all. It is 0 below 2^−1021, so that no
//! subnormal number slows it down.

use super::density::Kernel;
use super::level::{Level, Task};

/// Samples that are summed before their sum joins the total: short sums round less. Sums over tiles in global order do not
/// depend on the ranks.
pub const TILE: usize = 1024;

/// Points whose sums are taken together.
pub const LANES: usize = 32;

/// Windows of different bandwidth that share one look at the distances.
const GROUP: usize = 4;

/// Windows of one kernel: a bandwidth for each axis, and several widths at once as multiples of it.
#[derive(Debug, Clone)]
pub struct Windows {
    pub(super) kernel: Kernel,
    /// 1 / bandwidth of each axis.
    pub(super) inverse: Vec<f64>,
    pub(super) widths: Vec<f64>,
}

impl Windows {
    /// Windows with the bandwidths `widths[w] * bandwidth[axis]`.
    pub fn new(kernel: Kernel, bandwidth: &[f64], widths: &[f64]) -> Self {
        if let [h, ..] = *bandwidth
            && bandwidth.iter().all(|&other| other == h)
        {
            // One bandwidth for all axes joins the widths: differences are then not scaled and not rounded once more, which
            // decides whether a sample on the very edge of a hypercube is inside.
            let widths = widths.iter().map(|width| width * h).collect();
            return Windows { kernel, inverse: vec![1.0; bandwidth.len()], widths };
        }
        Windows { kernel, inverse: bandwidth.iter().map(|h| 1.0 / h).collect(), widths: widths.to_vec() }
    }

    /// Number of axes.
    pub fn dimensions(&self) -> usize {
        self.inverse.len()
    }

    /// Number of windows.
    pub fn count(&self) -> usize {
        self.widths.len()
    }
}

/// Adds, for each window w and each point, the kernel's shapes of one tile of samples to `sums[w][point]`.
///
/// `tile` holds all first coordinates of the tile, then all second ones, and so on; `points` likewise. `sums` is window by
/// window, with as many places each as there are points.
///
/// # Panics
/// If the slices do not fit together.
pub fn add_tile(level: Level, windows: &Windows, tile: &[f64], points: &[f64], sums: &mut [f64]) {
    let d = windows.inverse.len();
    assert!(d > 0 && tile.len().is_multiple_of(d) && points.len().is_multiple_of(d), "{d} coordinates each");
    let m = points.len() / d;
    assert_eq!(sums.len(), m * windows.widths.len(), "one sum for each window and point");
    level.run(AddTile { windows, tile, points, sums });
}

struct AddTile<'a> {
    windows: &'a Windows,
    tile: &'a [f64],
    points: &'a [f64],
    sums: &'a mut [f64],
}

impl Task for AddTile<'_> {
    #[inline(always)]
    fn run<const FMA: bool, const WIDE: bool>(self) {
        by_kernel::<FMA>(self.windows, self.tile, self.points, self.sums);
    }
}

/// One kernel's shape: from the scaled differences of the axes to a number, and from there to the value in each window.
pub(super) trait Shape<const FMA: bool> {
    /// Takes one more axis into the number, which starts at 0.
    fn axis(so_far: f64, u: f64) -> f64;
    /// What turns the number into the value for a window of this width.
    fn factor(width: f64) -> f64;
    /// The shape, from the number and that factor.
    fn value(number: f64, factor: f64) -> f64;
}

pub(super) struct Gaussian;
pub(super) struct Hypercube;
pub(super) struct Epanechnikov;

#[inline(always)]
pub(super) fn multiply_add<const FMA: bool>(a: f64, b: f64, c: f64) -> f64 {
    if FMA { a.mul_add(b, c) } else { a * b + c }
}

impl<const FMA: bool> Shape<FMA> for Gaussian {
    #[inline(always)]
    fn axis(so_far: f64, u: f64) -> f64 {
        multiply_add::<FMA>(u, u, so_far)
    }
    fn factor(width: f64) -> f64 {
        0.5 * std::f64::consts::LOG2_E / (width * width)
    }
    #[inline(always)]
    fn value(number: f64, factor: f64) -> f64 {
        exp2_of_minus::<FMA>(number * factor)
    }
}

impl<const FMA: bool> Shape<FMA> for Hypercube {
    #[inline(always)]
    fn axis(so_far: f64, u: f64) -> f64 {
        let u = u.abs();
        if u > so_far { u } else { so_far }
    }
    fn factor(width: f64) -> f64 {
        0.5 * width
    }
    #[inline(always)]
    fn value(number: f64, factor: f64) -> f64 {
        if number <= factor { 1.0 } else { 0.0 }
    }
}

impl<const FMA: bool> Shape<FMA> for Epanechnikov {
    #[inline(always)]
    fn axis(so_far: f64, u: f64) -> f64 {
        multiply_add::<FMA>(u, u, so_far)
    }
    fn factor(width: f64) -> f64 {
        1.0 / (width * width)
    }
    #[inline(always)]
    fn value(number: f64, factor: f64) -> f64 {
        let shape = 1.0 - number * factor;
        if shape > 0.0 { shape } else { 0.0 }
    }
}

/// 2^(−s) for s ≥ 0.
#[inline(always)]
fn exp2_of_minus<const FMA: bool>(s: f64) -> f64 {
    /// Adding it leaves the nearest integer in the low bits.
    const ROUND: f64 = 1.5 * (1u64 << 52) as f64;
    const COEFFICIENTS: [f64; 12] = [
        4.455_817_908_336_064_5e-10,
        7.074_194_297_288_521e-9,
        1.017_805_708_773_394_1e-7,
        1.321_543_253_591_237_5e-6,
        1.525_273_384_155_677_3e-5,
        1.540_353_046_372_435e-4,
        1.333_355_814_640_647e-3,
        9.618_129_107_587_256e-3,
        5.550_410_866_482_162_5e-2,
        2.402_265_069_591_015_8e-1,
        std::f64::consts::LN_2,
        1.0,
    ];
    let rounded = s + ROUND;
    let rest = (rounded - ROUND) - s;
    let mut power = COEFFICIENTS[0];
    for coefficient in &COEFFICIENTS[1..] {
        power = multiply_add::<FMA>(power, rest, *coefficient);
    }
    // 2^(−n): n is in the low bits; the shift leaves nothing but the biased exponent.
    let scale = f64::from_bits(1023u64.wrapping_sub(rounded.to_bits()) << 52);
    if s <= 1021.0 { power * scale } else { 0.0 }
}

#[inline(always)]
fn by_kernel<const FMA: bool>(windows: &Windows, tile: &[f64], points: &[f64], sums: &mut [f64]) {
    match windows.kernel {
        Kernel::Gaussian => by_dimension::<FMA, Gaussian>(windows, tile, points, sums),
        Kernel::Hypercube => by_dimension::<FMA, Hypercube>(windows, tile, points, sums),
        Kernel::Epanechnikov => by_dimension::<FMA, Epanechnikov>(windows, tile, points, sums),
    }
}

#[inline(always)]
fn by_dimension<const FMA: bool, S: Shape<FMA>>(
    windows: &Windows,
    tile: &[f64],
    points: &[f64],
    sums: &mut [f64],
) {
    let m = points.len() / windows.inverse.len();
    for (widths, sums) in windows.widths.chunks(GROUP).zip(sums.chunks_mut((GROUP * m).max(1))) {
        match (windows.inverse.len(), widths.len()) {
            (1, 1) => blocks::<FMA, S, 1, 1>(&windows.inverse, widths, tile, points, sums),
            (2, 1) => blocks::<FMA, S, 2, 1>(&windows.inverse, widths, tile, points, sums),
            (3, 1) => blocks::<FMA, S, 3, 1>(&windows.inverse, widths, tile, points, sums),
            (1, _) => blocks::<FMA, S, 1, GROUP>(&windows.inverse, widths, tile, points, sums),
            (2, _) => blocks::<FMA, S, 2, GROUP>(&windows.inverse, widths, tile, points, sums),
            (3, _) => blocks::<FMA, S, 3, GROUP>(&windows.inverse, widths, tile, points, sums),
            (_, 1) => blocks::<FMA, S, 0, 1>(&windows.inverse, widths, tile, points, sums),
            (_, _) => blocks::<FMA, S, 0, GROUP>(&windows.inverse, widths, tile, points, sums),
        }
    }
}

/// All points against the tile, for up to `W` windows. `D` is the number of axes where the compiler may know it, else 0.
#[inline(always)]
fn blocks<const FMA: bool, S: Shape<FMA>, const D: usize, const W: usize>(
    inverse: &[f64],
    widths: &[f64],
    tile: &[f64],
    points: &[f64],
    sums: &mut [f64],
) {
    let d = if D == 0 { inverse.len() } else { D };
    let (n, m) = (tile.len() / d, points.len() / d);
    let mut factors = [0.0; W];
    for (factor, &width) in factors.iter_mut().zip(widths) {
        *factor = S::factor(width);
    }
    let mut block = vec![[0.0; LANES]; d];
    for first in (0..m).step_by(LANES) {
        let lanes = LANES.min(m - first);
        for (axis, block) in block.iter_mut().enumerate() {
            block[..lanes].copy_from_slice(&points[axis * m + first..][..lanes]);
        }
        let mut totals = [[0.0; LANES]; W];
        for sample in 0..n {
            let mut number = [0.0; LANES];
            for axis in 0..d {
                let (x, inverse, at) = (tile[axis * n + sample], inverse[axis], &block[axis]);
                for lane in 0..LANES {
                    number[lane] = S::axis(number[lane], (at[lane] - x) * inverse);
                }
            }
            for (totals, &factor) in totals.iter_mut().zip(&factors) {
                for lane in 0..LANES {
                    totals[lane] += S::value(number[lane], factor);
                }
            }
        }
        for (w, totals) in totals.iter().enumerate().take(widths.len()) {
            for (sum, total) in sums[w * m + first..][..lanes].iter_mut().zip(totals) {
                *sum += total;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::density::{density, normalisation};
    use crate::kernels::level::all as levels;
    use approx::assert_relative_eq;

    /// Numbers in [-2, 2), the same each time.
    fn numbers(n: usize, mut state: u64) -> Vec<f64> {
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1u64 << 53) as f64
        };
        (0..n).map(|_| 4.0 * next() - 2.0).collect()
    }

    /// From rows to columns.
    fn columns(rows: &[f64], d: usize) -> Vec<f64> {
        (0..d).flat_map(|axis| rows.iter().skip(axis).step_by(d).copied()).collect()
    }

    #[test]
    fn agrees_with_the_serial_twin() {
        for kernel in [Kernel::Gaussian, Kernel::Hypercube, Kernel::Epanechnikov] {
            for (d, n, m) in
                [(1, 1, 1), (1, 700, 33), (2, 100, 97), (3, 64, 32), (5, 41, 7), (2, 0, 3), (2, 3, 0)]
            {
                let bandwidth: Vec<f64> = (0..d).map(|axis| 0.6 + 0.3 * axis as f64).collect();
                let (samples, at) = (numbers(n * d, 1), numbers(m * d, 2));
                for widths in [vec![1.0], vec![0.5, 1.0, 2.0], vec![0.25, 0.5, 1.0, 2.0, 4.0, 8.0]] {
                    let windows = Windows::new(kernel, &bandwidth, &widths);
                    for level in levels() {
                        let mut sums = vec![0.0; m * widths.len()];
                        add_tile(level, &windows, &columns(&samples, d), &columns(&at, d), &mut sums);
                        for (w, width) in widths.iter().enumerate() {
                            let h: Vec<f64> = bandwidth.iter().map(|h| h * width).collect();
                            let twin = density(kernel, &samples, &h, &at);
                            let factor = normalisation(kernel, &h, n);
                            for i in 0..m {
                                if n > 0 {
                                    assert_relative_eq!(
                                        factor * sums[w * m + i],
                                        twin[i],
                                        max_relative = 2e-14
                                    );
                                } else {
                                    assert_eq!(sums[w * m + i], 0.0);
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
        for kernel in [Kernel::Gaussian, Kernel::Hypercube, Kernel::Epanechnikov] {
            let windows = Windows::new(kernel, &[0.6, 1.1], &[1.0, 0.3]);
            let sums: Vec<Vec<u64>> = levels()
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

    #[test]
    fn exponential_is_accurate_and_ends_at_zero() {
        for i in 0..200_000 {
            let s = i as f64 * 0.005_1;
            let (ours, exact) = (exp2_of_minus::<true>(s), (-s).exp2());
            if s <= 1021.0 {
                assert_relative_eq!(ours, exact, max_relative = 1e-15);
                assert_relative_eq!(exp2_of_minus::<false>(s), exact, max_relative = 1e-15);
            } else {
                assert_eq!(ours, 0.0);
            }
        }
        assert_eq!(exp2_of_minus::<true>(0.0), 1.0);
        for far in [1e10, 1e300, f64::INFINITY] {
            assert_eq!(exp2_of_minus::<true>(far), 0.0, "{far}");
        }
    }
}
