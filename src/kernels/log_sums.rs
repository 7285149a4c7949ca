//! Sums of Gaussian windows that are too small for a number, as logarithms.
//!
//! A Gaussian of weight w at r bandwidths from its sample is 2^(−s) with s = r² / (2 ln 2) − log₂ w. The least s of all samples is found
//! first; the sum of 2^(least − s) is then between 1 and the number of samples, wherever the point is, and the logarithm of the whole is
//! ln(sum) − least · ln 2.
//!
//! The rounding of s is (d + 3) · 1.1e-16 of it: so much is a logarithm off, of itself.

use super::density::Kernel;
use super::level::{Level, Task};
use super::window_sums::{Gaussian, Shape, Windows};

/// Points that are computed together.
const LANES: usize = 8;

/// Lowers, for each window w and each point, `least[w][point]` to the least s of a tile of samples.
///
/// `tile` holds all first coordinates of the tile, then all second ones, and so on; `points` likewise.
///
/// # Panics
/// If the windows are no Gaussians along the axes, or the slices do not fit together.
pub fn lower_exponents(
    level: Level,
    windows: &Windows,
    tile: &[f64],
    weights: Option<&[f64]>,
    points: &[f64],
    least: &mut [f64],
) {
    let offsets = check(windows, tile, weights, points, least.len());
    level.run(Lower { windows, tile, offsets: &offsets, points, least });
}

/// Adds, for each window w and each point, 2^(least − s) for all samples of a tile to `sums[w][point]`.
///
/// # Panics
/// If the windows are no Gaussians along the axes, or the slices do not fit together.
pub fn add_scaled(
    level: Level,
    windows: &Windows,
    tile: &[f64],
    weights: Option<&[f64]>,
    points: &[f64],
    least: &[f64],
    sums: &mut [f64],
) {
    let offsets = check(windows, tile, weights, points, sums.len());
    assert_eq!(least.len(), sums.len(), "one exponent for each sum");
    level.run(Add { windows, tile, offsets: &offsets, points, least, sums });
}

/// What the weights add to s.
fn check(
    windows: &Windows,
    tile: &[f64],
    weights: Option<&[f64]>,
    points: &[f64],
    numbers: usize,
) -> Vec<f64> {
    let d = windows.dimensions();
    assert!(windows.kernel == Kernel::Gaussian && windows.by_axis(), "Gaussians along the axes");
    assert!(d > 0 && tile.len().is_multiple_of(d) && points.len().is_multiple_of(d), "{d} coordinates each");
    assert_eq!(numbers, points.len() / d * windows.count(), "one number for each window and point");
    assert!(weights.is_none_or(|weights| weights.len() == tile.len() / d), "one weight for each sample");
    weights.map_or(vec![0.0; tile.len() / d], |weights| weights.iter().map(|w| -w.log2()).collect())
}

struct Lower<'a> {
    windows: &'a Windows,
    tile: &'a [f64],
    offsets: &'a [f64],
    points: &'a [f64],
    least: &'a mut [f64],
}

struct Add<'a> {
    windows: &'a Windows,
    tile: &'a [f64],
    offsets: &'a [f64],
    points: &'a [f64],
    least: &'a [f64],
    sums: &'a mut [f64],
}

impl Task for Lower<'_> {
    #[inline(always)]
    fn run<const FMA: bool, const WIDE: bool>(self) {
        each::<FMA>(self.windows, self.tile, self.offsets, self.points, |place, lanes, s| {
            for (least, s) in self.least[place..][..lanes].iter_mut().zip(s) {
                if s < *least {
                    *least = s;
                }
            }
        });
    }
}

impl Task for Add<'_> {
    #[inline(always)]
    fn run<const FMA: bool, const WIDE: bool>(self) {
        each::<FMA>(self.windows, self.tile, self.offsets, self.points, |place, lanes, s| {
            let (least, sums) = (&self.least[place..][..lanes], &mut self.sums[place..][..lanes]);
            for ((sum, least), s) in sums.iter_mut().zip(least).zip(s) {
                *sum += <Gaussian as Shape<FMA>>::value(s - least, 1.0);
            }
        });
    }
}

/// Shows all s, point by point, and for each the samples in their order: for which place, and how many after it.
#[inline(always)]
fn each<const FMA: bool>(
    windows: &Windows,
    tile: &[f64],
    offsets: &[f64],
    points: &[f64],
    mut show: impl FnMut(usize, usize, [f64; LANES]),
) {
    let (n, d) = (offsets.len(), windows.dimensions());
    let m = points.len() / d;
    for (w, &width) in windows.widths.iter().enumerate() {
        let factor = <Gaussian as Shape<FMA>>::factor(width);
        for first in (0..m).step_by(LANES) {
            let lanes = LANES.min(m - first);
            for sample in 0..n {
                let mut numbers = [0.0; LANES];
                for axis in 0..d {
                    let (x, inverse) = (tile[axis * n + sample], windows.inverse(axis));
                    let at = &points[axis * m + first..][..lanes];
                    for (number, at) in numbers.iter_mut().zip(at) {
                        *number = <Gaussian as Shape<FMA>>::axis(*number, (at - x) * inverse);
                    }
                }
                show(w * m + first, lanes, numbers.map(|number| number * factor + offsets[sample]));
            }
        }
    }
}
