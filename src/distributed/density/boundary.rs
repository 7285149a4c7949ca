//! Densities that end somewhere, or come round again, by images of the places.
//!
//! A density of samples on [a, b] that is estimated with open ends loses what its windows have beyond them. Reflection gives it back: the
//! density at x is that at x, at its mirror images 2a − x and 2b − x, and at their images in turn. Around a circle of length b − a it is that at x and all
//! x + k (b − a). The images of the interval tile the whole line, so the integral over it is that of the open density over the line: 1.
//! With windows that are turned against the axes, too.
//!
//! Images so far from all samples that no window reaches them are left out; a Gaussian reaches 38 bandwidths, where it is 0 in numbers.
//!
//! Source: B. W. Silverman, *Density Estimation for Statistics and Data Analysis* (1986), section 2.10.

use std::borrow::Cow;
use std::error::Error as StdError;

use super::places::Work;
use crate::kernels::density::Kernel;

/// More images of one coordinate than this: the windows are so wide that the density is the same everywhere.
const MOST: f64 = 1000.0;

/// How an axis ends.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Boundary {
    /// Not at all.
    #[default]
    Open,
    /// Nothing is below `low` or above `high`, one of which may be infinite; the density is reflected there. It is 0 outside.
    Reflect {
        /// The lower limit.
        low: f64,
        /// The upper limit.
        high: f64,
    },
    /// `high` is `low` again, as with angles. The density is that of one turn.
    Periodic {
        /// Where a turn begins.
        low: f64,
        /// Where it ends.
        high: f64,
    },
}

impl Boundary {
    /// Whether it can be, with samples in this extent, and windows of this reach.
    pub(super) fn check(self, axis: usize, extent: (f64, f64), reach: f64) -> Result<(), Box<dyn StdError>> {
        let (low, high) = match self {
            Boundary::Open => return Ok(()),
            Boundary::Reflect { low, high } | Boundary::Periodic { low, high } => (low, high),
        };
        let finite = low.is_finite() && high.is_finite();
        if low.is_nan()
            || high.is_nan()
            || low >= high
            || (matches!(self, Boundary::Periodic { .. }) && !finite)
        {
            return Err(format!("axis {axis} from {low} to {high}: it must be from low to high").into());
        }
        if matches!(self, Boundary::Reflect { .. }) && (extent.0 < low || extent.1 > high) {
            return Err(format!(
                "axis {axis} is reflected at {low} and {high}, but there are samples from {} to {}",
                extent.0, extent.1
            )
            .into());
        }
        if finite && (extent.1 - extent.0 + 2.0 * reach) / (high - low) > MOST {
            return Err(format!(
                "axis {axis} from {low} to {high}: samples or windows reach over more than {MOST} times that"
            )
            .into());
        }
        Ok(())
    }

    /// The images of a coordinate that are between these limits, from low to high.
    fn images(self, x: f64, (from, to): (f64, f64)) -> Vec<f64> {
        let mut images = match self {
            Boundary::Open => vec![x],
            Boundary::Periodic { low, high } => turns(x, high - low, (from, to)),
            Boundary::Reflect { low, high } if x < low || x > high => vec![],
            Boundary::Reflect { low, high } if low.is_finite() && high.is_finite() => {
                let mut images = turns(x, 2.0 * (high - low), (from, to));
                images.extend(turns(2.0 * low - x, 2.0 * (high - low), (from, to)));
                images
            }
            Boundary::Reflect { low, .. } if low.is_finite() => vec![2.0 * low - x, x],
            Boundary::Reflect { high, .. } if high.is_finite() => vec![x, 2.0 * high - x],
            Boundary::Reflect { .. } => vec![x],
        };
        if self != Boundary::Open {
            images.retain(|image| (from..=to).contains(image));
            images.sort_by(f64::total_cmp);
        }
        images
    }

    /// How many images a coordinate can have within this reach of the samples.
    pub(super) fn most_images(self, (from, to): (f64, f64), reach: f64) -> f64 {
        let seen = to - from + 2.0 * reach;
        match self {
            Boundary::Open => 1.0,
            Boundary::Periodic { low, high } => (seen / (high - low)).floor() + 1.0,
            Boundary::Reflect { low, high } if low.is_finite() && high.is_finite() => {
                2.0 * ((seen / (2.0 * (high - low))).floor() + 1.0)
            }
            Boundary::Reflect { .. } => 2.0,
        }
    }

    /// How far, at least, an image of the coordinate is from the extent.
    pub(super) fn distance(self, x: f64, (low, high): (f64, f64)) -> f64 {
        let outside = |x: f64| (low - x).max(x - high).max(0.0);
        let near = match self {
            Boundary::Periodic { low: from, high: to } => {
                let (period, middle) = (to - from, 0.5 * low + 0.5 * high);
                x - period * ((x - middle) / period).round()
            }
            _ => x,
        };
        outside(near)
    }
}

/// All x + k · period between the limits.
fn turns(x: f64, period: f64, (from, to): (f64, f64)) -> Vec<f64> {
    let (first, last) = (((from - x) / period).ceil() as i64, ((to - x) / period).floor() as i64);
    (first..=last).map(|k| x + k as f64 * period).collect()
}

/// How far from a sample a window of bandwidth 1 is not 0. `turned`: along an axis that is not one of the window's.
pub(super) fn reach(kernel: Kernel, turned: Option<usize>) -> f64 {
    match (kernel, turned) {
        (Kernel::Gaussian, _) => 38.0,
        // Half the diagonal of a cube.
        (Kernel::Hypercube, Some(d)) => 0.5 * (d as f64).sqrt(),
        _ => kernel.reach(),
    }
}

/// How many images each place has: what adds their sums up.
pub(super) enum Fold {
    /// Each is its own only one.
    None,
    Points(Vec<u32>),
    /// For each coordinate of each axis of a grid.
    Cells(Vec<Vec<u32>>),
}

/// The images of the places that are within reach: `limits` for each axis.
pub(super) fn unfold<'a>(work: Work<'a>, boundaries: &[Boundary], limits: &[(f64, f64)]) -> (Work<'a>, Fold) {
    if boundaries.iter().all(|boundary| *boundary == Boundary::Open) {
        return (work, Fold::None);
    }
    let d = boundaries.len();
    match work {
        Work::Cells(axes) => {
            let mut counts = Vec::new();
            let mut unfolded = Vec::new();
            for ((axis, boundary), &limits) in axes.iter().zip(boundaries).zip(limits) {
                let images: Vec<Vec<f64>> = axis.iter().map(|&x| boundary.images(x, limits)).collect();
                counts.push(images.iter().map(|images| images.len() as u32).collect());
                unfolded.push(images.concat());
            }
            (Work::Cells(Cow::Owned(unfolded)), Fold::Cells(counts))
        }
        Work::Columns(points) => {
            let m = points.len() / d;
            let (mut counts, mut columns) = (Vec::with_capacity(m), vec![Vec::new(); d]);
            for point in 0..m {
                let x: Vec<f64> = (0..d).map(|axis| points[axis * m + point]).collect();
                let images = images_of(&x, boundaries, |axis| limits[axis]);
                counts.push((images.len() / d) as u32);
                for image in images.chunks_exact(d) {
                    columns.iter_mut().zip(image).for_each(|(column, x)| column.push(*x));
                }
            }
            (Work::Columns(columns.concat()), Fold::Points(counts))
        }
    }
}

/// The images of a point within the limits, as rows; the last axis goes fastest.
pub(super) fn images_of(
    x: &[f64],
    boundaries: &[Boundary],
    limits: impl Fn(usize) -> (f64, f64),
) -> Vec<f64> {
    let mut rows: Vec<Vec<f64>> = vec![vec![]];
    for (axis, (boundary, &x)) in boundaries.iter().zip(x).enumerate() {
        let images = boundary.images(x, limits(axis));
        rows =
            rows.iter().flat_map(|row| images.iter().map(|image| [&row[..], &[*image]].concat())).collect();
    }
    rows.concat()
}

impl Fold {
    /// The sums at the places, from those at their images, for as many windows.
    pub(super) fn fold(&self, sums: Vec<f64>, windows: usize) -> Vec<f64> {
        let fold_one = |sums: &[f64]| match self {
            Fold::None => sums.to_vec(),
            Fold::Points(counts) => along(sums, counts, 1),
            Fold::Cells(axes) => {
                let (mut folded, mut inner) = (sums.to_vec(), 1);
                for counts in axes.iter().rev() {
                    folded = along(&folded, counts, inner);
                    inner *= counts.len();
                }
                folded
            }
        };
        if matches!(self, Fold::None) || windows == 0 {
            return sums;
        }
        match sums.len() / windows {
            // Nobody has an image: all are outside.
            0 => vec![0.0; self.places() * windows],
            each => sums.chunks_exact(each).flat_map(fold_one).collect(),
        }
    }

    fn places(&self) -> usize {
        match self {
            Fold::None => 0,
            Fold::Points(counts) => counts.len(),
            Fold::Cells(axes) => axes.iter().map(Vec::len).product(),
        }
    }
}

/// Adds up neighbours along an axis, below which there are `inner` numbers.
fn along(sums: &[f64], counts: &[u32], inner: usize) -> Vec<f64> {
    let images: usize = counts.iter().map(|&count| count as usize).sum();
    let mut folded = Vec::new();
    for outer in sums.chunks_exact((images * inner).max(1)) {
        let mut rest = outer;
        for &count in counts {
            let (these, others) = rest.split_at(count as usize * inner);
            let mut sum = vec![0.0; inner];
            for image in these.chunks_exact(inner.max(1)) {
                sum.iter_mut().zip(image).for_each(|(sum, image)| *sum += image);
            }
            folded.extend(sum);
            rest = others;
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_tile_the_line() {
        let mirror = Boundary::Reflect { low: 0.0, high: 2.0 };
        assert_eq!(mirror.images(0.5, (-3.0, 5.0)), [-0.5, 0.5, 3.5, 4.5]);
        assert_eq!(mirror.images(2.5, (-3.0, 5.0)), [0.0; 0]);
        assert_eq!(Boundary::Reflect { low: 1.0, high: f64::INFINITY }.images(1.5, (-9.0, 9.0)), [0.5, 1.5]);
        let circle = Boundary::Periodic { low: -180.0, high: 180.0 };
        assert_eq!(circle.images(170.0, (-200.0, 200.0)), [-190.0, 170.0]);
        assert_eq!(circle.images(530.0, (-200.0, 200.0)), [-190.0, 170.0]);
        assert_eq!(circle.distance(179.0, (-179.0, -100.0)), 2.0);
        // On the edge a reflected density is twice the open one.
        assert_eq!(mirror.images(0.0, (-1.0, 1.0)), [0.0, 0.0]);
    }

    #[test]
    fn folding_undoes_unfolding() {
        let axes = [vec![0.25, 1.75, 3.0], vec![0.0, 1.0]];
        let boundaries =
            [Boundary::Reflect { low: 0.0, high: 2.0 }, Boundary::Periodic { low: 0.0, high: 3.0 }];
        let limits = [(-1.0, 3.0), (-4.0, 4.0)];
        let (cells, fold) = unfold(Work::Cells(Cow::Borrowed(&axes)), &boundaries, &limits);
        let ones = vec![1.0; 2 * cells.len(2)];
        let of_cells = fold.fold(ones, 2);
        let points: Vec<f64> = [0.25, 0.25, 1.75, 1.75, 3.0, 3.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0].into();
        let (columns, fold) = unfold(Work::Columns(points), &boundaries, &limits);
        let ones = vec![1.0; 2 * columns.len(2)];
        let of_points = fold.fold(ones, 2);
        // Two mirror images each, and of the turns -3, 0, 3 and -2, 1, 4; none outside.
        assert_eq!(of_cells, [6.0, 6.0, 6.0, 6.0, 0.0, 0.0, 6.0, 6.0, 6.0, 6.0, 0.0, 0.0]);
        assert_eq!(of_points, of_cells);
        let (nothing, fold) = unfold(Work::Columns(vec![3.0, 0.0]), &boundaries, &limits);
        assert_eq!((nothing.len(2), fold.fold(vec![], 2)), (0, vec![0.0, 0.0]));
    }
}
