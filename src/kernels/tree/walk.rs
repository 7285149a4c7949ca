//! Walking a tree from points.

use super::super::density::Kernel;
use super::super::level::{Level, Task};
use super::super::window_sums::{Epanechnikov, Gaussian, Hypercube, Shape, Windows};
use super::{FAN, LANES, Tolerance, Tree};

/// What a walk has cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Visits {
    /// Nodes whose children were looked at.
    pub nodes: u64,
    /// Leaves that were summed.
    pub leaves: u64,
}

/// Adds, for each window w and each point, the sum of the kernel's shapes over all samples, times their weights, to `sums[w][point]`: within
/// the tolerance, whose `atol` is in parts of the samples' total weight.
///
/// `points` holds all first coordinates, then all second ones, and so on; `sums` is window by window. Memory: none worth counting.
///
/// # Panics
/// If the slices do not fit together, or the windows are turned: their axes must be those of the coordinates.
pub fn add_sums(
    level: Level,
    tree: Tree<'_>,
    windows: &Windows,
    tolerance: Tolerance,
    points: &[f64],
    sums: &mut [f64],
) -> Visits {
    let d = windows.dimensions();
    assert!(d == tree.layout.d && points.len().is_multiple_of(d), "{d} coordinates each");
    let m = points.len() / d;
    assert_eq!(sums.len(), m * windows.count(), "one sum for each window and point");
    let inverse: Vec<f64> = (0..d).map(|axis| windows.inverse(axis)).collect();
    let mut visits = Visits::default();
    if m > 0 {
        for (&width, sums) in windows.widths.iter().zip(sums.chunks_exact_mut(m)) {
            let (kernel, inverse, visits) = (windows.kernel, &inverse, &mut visits);
            level.run(Walk { tree, kernel, inverse, width, tolerance, points, sums, visits });
        }
    }
    visits
}

struct Walk<'a> {
    tree: Tree<'a>,
    kernel: Kernel,
    inverse: &'a [f64],
    width: f64,
    tolerance: Tolerance,
    points: &'a [f64],
    sums: &'a mut [f64],
    visits: &'a mut Visits,
}

impl Task for Walk<'_> {
    #[inline(always)]
    fn run<const FMA: bool, const WIDE: bool>(self) {
        match self.kernel {
            Kernel::Gaussian => self.all::<FMA, Gaussian>(),
            Kernel::Hypercube => self.all::<FMA, Hypercube>(),
            Kernel::Epanechnikov => self.all::<FMA, Epanechnikov>(),
        }
    }
}

/// A node that waits for its turn.
#[derive(Clone, Copy)]
struct Pending {
    level: u32,
    node: u32,
    weight: f64,
    lower: f64,
    upper: f64,
}

impl Walk<'_> {
    #[inline(always)]
    fn all<const FMA: bool, S: Shape<FMA>>(self) {
        let d = self.inverse.len();
        let m = self.sums.len();
        let factor = S::factor(self.width);
        let layout = self.tree.layout;
        let last = layout.levels.len() as u32 - 1;
        let all: f64 = self.tree.group(0, 0)[2 * d * FAN..].iter().sum();
        let (rtol, atol) = (self.tolerance.rtol / all, self.tolerance.atol);
        let mut stack: Vec<Pending> = Vec::with_capacity(FAN * layout.levels.len());
        let (mut x, mut numbers) = (vec![0.0; d], vec![0.0; layout.capacity]);
        for (point, sum) in self.sums.iter_mut().enumerate() {
            for (x, column) in x.iter_mut().zip(self.points.chunks_exact(m)) {
                *x = column[point];
            }
            let (mut lower, mut spent, mut done, mut taken) = (0.0, 0.0, 0.0, 0.0);
            let mut totals = [0.0; LANES];
            stack.clear();
            push::<FMA, S>(&mut stack, self.tree.group(0, 0), (0, 0), &x, self.inverse, factor);
            self.visits.nodes += 1;
            while let Some(Pending { level, node, weight, lower: l, upper: u }) = stack.pop() {
                let error = 0.5 * weight * (u - l);
                if spent + error <= (rtol * lower + atol) * (done + weight) {
                    spent += error;
                    done += weight;
                    taken += 0.5 * weight * (u + l);
                    lower += weight * l;
                } else if level == last {
                    let leaf = self.tree.leaf(node as usize);
                    let lanes = leaf_sum::<FMA, S>(leaf, &mut numbers, &x, self.inverse, factor);
                    for lane in 0..LANES {
                        totals[lane] += lanes[lane];
                    }
                    done += weight;
                    lower += lanes.iter().sum::<f64>();
                    self.visits.leaves += 1;
                } else {
                    let group = self.tree.group(level as usize + 1, node as usize);
                    push::<FMA, S>(&mut stack, group, (level + 1, node), &x, self.inverse, factor);
                    self.visits.nodes += 1;
                }
            }
            *sum += totals.iter().sum::<f64>() + taken;
        }
    }
}

/// Puts the children of a node on the stack, the nearest on top.
#[inline(always)]
fn push<const FMA: bool, S: Shape<FMA>>(
    stack: &mut Vec<Pending>,
    group: &[f64],
    (level, parent): (u32, u32),
    x: &[f64],
    inverse: &[f64],
    factor: f64,
) {
    let d = x.len();
    // Eight, which the compiler must not know: see `leaf_sum`.
    let fan = group.len() / (2 * d + 1);
    let (mut near, mut far) = ([0.0; FAN], [0.0; FAN]);
    for axis in 0..d {
        let (x, inverse) = (x[axis], inverse[axis]);
        let (lows, highs) = (&group[2 * axis * fan..][..fan], &group[(2 * axis + 1) * fan..][..fan]);
        for (((near, far), low), high) in near.iter_mut().zip(&mut far).zip(lows).zip(highs) {
            let (a, b) = (x - high, low - x);
            let outside = if a > b { a } else { b };
            let outside = if outside > 0.0 { outside } else { 0.0 };
            let across = if a > b { -b } else { -a };
            *near = S::axis(*near, outside * inverse);
            *far = S::axis(*far, across * inverse);
        }
    }
    let (mut lower, mut upper) = ([0.0; FAN], [0.0; FAN]);
    for (((lower, upper), near), far) in
        lower[..fan].iter_mut().zip(&mut upper[..fan]).zip(&near[..fan]).zip(&far[..fan])
    {
        *upper = S::value(*near, factor);
        *lower = S::value(*far, factor);
    }
    let weights = &group[2 * d * FAN..][..FAN];
    let first = stack.len();
    for child in 0..FAN {
        if near[child] == f64::INFINITY {
            continue;
        }
        // Insertion: the farthest below. The order decides over bits, so equal ones have theirs, too.
        let mut place = stack.len();
        let node = parent * FAN as u32 + child as u32;
        let new = Pending { level, node, weight: weights[child], lower: lower[child], upper: upper[child] };
        stack.push(new);
        while place > first && near[(stack[place - 1].node % FAN as u32) as usize] < near[child] {
            stack[place] = stack[place - 1];
            place -= 1;
        }
        stack[place] = new;
    }
}

/// The sums over a leaf of each eighth sample.
#[inline(always)]
fn leaf_sum<const FMA: bool, S: Shape<FMA>>(
    leaf: &[f64],
    numbers: &mut [f64],
    x: &[f64],
    inverse: &[f64],
    factor: f64,
) -> [f64; LANES] {
    // Loops of a length that the compiler does not know are the ones that it makes vectors of.
    let capacity = numbers.len();
    numbers.fill(0.0);
    for (axis, (x, inverse)) in x.iter().zip(inverse).enumerate() {
        for (number, sample) in numbers.iter_mut().zip(&leaf[axis * capacity..]) {
            *number = S::axis(*number, (x - sample) * inverse);
        }
    }
    for (number, weight) in numbers.iter_mut().zip(&leaf[x.len() * capacity..]) {
        *number = weight * S::value(*number, factor);
    }
    let mut sums = [0.0; LANES];
    for values in numbers.as_chunks::<LANES>().0 {
        for lane in 0..LANES {
            sums[lane] += values[lane];
        }
    }
    sums
}
