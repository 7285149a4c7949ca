//! A k-d tree over samples, and sums of windows at points that skip what cannot matter, and prove it.
//!
//! The samples are cut in halves, each time across the axis along which they spread most, until about 64 are left: a leaf. Three cuts
//! make one level, so that a node has eight children, whose boxes are looked at together in vector registers. A node knows the
//! box of its samples and the sum W of their weights; if the kernel is between L at the farthest corner of the box and U at the nearest place
//! in it, the node's sum is between W L and W U.
//!
//! # The bound
//!
//! The nodes are walked from a point, the nearest child first. A node is *taken* at the middle, W (L + U) / 2, with an error of at most
//! e = W (U − L) / 2, when
//!
//! ```text
//! spent + e ≤ (rtol · lower + atol) · (done + W) / all
//! ```
//!
//! where `spent` is the sum of such errors so far, `lower` is what the sum is at least as far as is known (leaves summed, and W L of nodes
//! taken), `done` is the weight of all leaves and nodes that are behind us, and `all` that of all samples. A leaf that is not taken is summed
//! sample by sample, and costs nothing of the error. So after each step spent ≤ (rtol · lower + atol) · done / all: taking a node keeps this by the
//! condition, and a leaf that is summed makes only the right side larger. In the end done = all and lower ≤ S, the sum that is wanted, and therefore
//!
//! ```text
//! |result − S| ≤ rtol · S + atol
//! ```
//!
//! and what rounding adds: as in [`window_sums`](super::window_sums), 1e-15 and (d + 3) r² · 6e-17 of a Gaussian at r bandwidths, and
//! (cap/8 + leaves) · 1.1e-16 for additions. With rtol = atol = 0 a node is taken only where L = U: outside of a compact kernel, deep inside of
//! a hypercube, whose samples are thus counted exactly and mostly without looking at them, and where a Gaussian is 0, 37 bandwidths away.
//!
//! Differences of coordinates are rounded in the same way for boxes and for samples, and rounding keeps their order, so what rounding does cannot
//! bring a sample outside of the bounds of its node, except for the 1e-15 of the exponential.
//!
//! The tree is a slice of numbers, so it can be sent, shared and stored. It depends on the samples and their order alone, and the sum at a
//! point on nothing but the tree and the point.
//!
//! Sources: A. G. Gray, A. W. Moore, *Nonparametric density estimation: toward computational tractability*, SDM 2003; D. Lee, A. W.
//! Moore, A. G. Gray, *Dual-tree fast Gauss transforms*, NIPS 2005, for sharing out the error.

use super::density::Kernel;

mod build;
mod walk;

pub use walk::{Visits, add_sums};

/// Children of a node.
const FAN: usize = 8;
/// Numbers that are computed together.
const LANES: usize = 8;
/// About so many samples are in a leaf.
const LEAF: usize = 64;

/// The error that a sum may have: |result − S| ≤ `rtol` · S + `atol`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Tolerance {
    /// In parts of the result.
    pub rtol: f64,
    /// For densities: in parts of the greatest value that a density of this kernel and bandwidth can have, that of a single sample.
    pub atol: f64,
}

/// Where the parts of a tree of `n` samples are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    n: usize,
    d: usize,
    /// Cuts from the root to a leaf.
    cuts: u32,
    /// Places in a leaf: a multiple of [`LANES`].
    capacity: usize,
    /// Of each level of nodes, the leaves last: how many cuts above it, and where its groups of eight begin.
    levels: Vec<(u32, usize)>,
    /// Where the leaves begin.
    leaves: usize,
}

impl Layout {
    /// The layout for `n` samples of `d` coordinates.
    ///
    /// # Panics
    /// If there are none, or more than 2³² − 1.
    pub fn new(n: usize, d: usize) -> Self {
        assert!(n > 0 && d > 0 && u32::try_from(n).is_ok(), "{n} samples of {d} coordinates");
        let cuts = (n as f64 / LEAF as f64).log2().round().max(0.0) as u32;
        let capacity = n.div_ceil(1 << cuts).next_multiple_of(LANES);
        let (mut levels, mut offset) = (Vec::new(), 0);
        let mut above = if cuts == 0 { 0 } else { (cuts - 1) % 3 + 1 };
        loop {
            levels.push((above, offset));
            offset += (1usize << above).div_ceil(FAN) * FAN * (2 * d + 1);
            if above == cuts {
                break;
            }
            above += 3;
        }
        Layout { n, d, cuts, capacity, levels, leaves: offset }
    }

    /// Numbers in the whole tree: about d + 1 for each sample.
    pub fn numbers(&self) -> usize {
        self.leaves + (1 << self.cuts) * self.capacity * (self.d + 1)
    }

    /// The samples, in the tree's order, of the node with this number below so many cuts.
    fn range(&self, cuts: u32, node: usize) -> std::ops::Range<usize> {
        let edge = |node: usize| ((node as u128 * self.n as u128) >> cuts) as usize;
        edge(node)..edge(node + 1)
    }
}

/// A k-d tree over samples with weights.
#[derive(Debug, Clone, Copy)]
pub struct Tree<'a> {
    layout: &'a Layout,
    /// Level by level, eight nodes after eight: all their lowest first coordinates, all highest ones, those of the other axes, their weights. Then the
    /// leaves: all first coordinates of one, all second ones, its weights. Places without a sample have the weight 0.
    numbers: &'a [f64],
}

impl<'a> Tree<'a> {
    /// The tree whose numbers [`Tree::build`] has made.
    ///
    /// # Panics
    /// If the layout is of another length.
    pub fn new(layout: &'a Layout, numbers: &'a [f64]) -> Self {
        assert_eq!(numbers.len(), layout.numbers(), "the layout is of another tree");
        Tree { layout, numbers }
    }

    /// The eight nodes of a level that are the children of one node: boxes and weights.
    #[inline(always)]
    fn group(&self, level: usize, group: usize) -> &'a [f64] {
        let len = FAN * (2 * self.layout.d + 1);
        &self.numbers[self.layout.levels[level].1 + group * len..][..len]
    }

    #[inline(always)]
    fn leaf(&self, leaf: usize) -> &'a [f64] {
        let len = self.layout.capacity * (self.layout.d + 1);
        &self.numbers[self.layout.leaves + leaf * len..][..len]
    }
}

/// Whether a kernel is 0 from some distance on, so that a tree skips samples without any tolerance.
pub fn is_compact(kernel: Kernel) -> bool {
    kernel != Kernel::Gaussian
}
