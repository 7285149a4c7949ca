//! A tree over all samples, once on each node, which every rank walks from its own points.
//!
//! The samples are gathered on the root in their global order, and the root builds the tree, so that it has the same bits for any number of
//! ranks; and so does the sum at a point, which depends on nothing but the tree. Memory: about d + 1 numbers a sample once on each node,
//! and while it is built 2 d + 5 more on the root.

use super::threads::{each, joined, of_stretch, stretches};
use super::{Estimate, Samples};
use crate::comm::{Comm, Min, NodeShared};
use crate::error::Result;
use crate::kernels::level::Level;
use crate::kernels::tree::{Layout, Tolerance, Tree, add_sums};
use crate::kernels::window_sums::{TILE, Windows};

/// Points of a thread between two signs of life.
const STEP: usize = 1024;

/// The tree, in the memory of this node.
#[derive(Debug)]
pub(super) struct Planted {
    layout: Layout,
    numbers: NodeShared<f64>,
}

impl Planted {
    /// Builds it; spreads along the axes are compared in these bandwidths. Collective.
    pub(super) fn new(comm: &Comm, samples: &Samples, bandwidth: &[f64]) -> Result<Self> {
        let (n, d) = (samples.len(), samples.dimensions);
        comm.agree(samples.all_in_memory("the tree"))?;
        comm.agree(if n <= u32::MAX as usize {
            Ok(())
        } else {
            Err(format!(
                "{n} samples: the tree takes {} at most; the direct engine takes any number",
                u32::MAX
            ))
        })?;
        let layout = Layout::new(n, d);
        let tiles = comm.gather(0, &samples.tiles)?;
        let weights = match &samples.weights {
            Some(weights) => comm.gather(0, &weights.mine)?,
            None => None,
        };
        let inverse: Vec<f64> = bandwidth.iter().map(|h| 1.0 / h).collect();
        let nodes = comm.split_by_node()?;
        let numbers = comm.node_shared(layout.numbers(), |numbers: &mut [f64]| {
            if let Some(tiles) = &tiles {
                let last = n / TILE * TILE;
                let coordinate = |sample: usize, axis: usize| {
                    let first = sample / TILE * TILE;
                    let len = if first == last { n - last } else { TILE };
                    tiles[first * d + axis * len + (sample - first)]
                };
                Tree::build(&layout, coordinate, weights.as_deref(), &inverse, numbers);
            }
            Ok(nodes.leaders().expect("fill runs on leaders").broadcast_into(0, numbers)?)
        })?;
        Ok(Planted { layout, numbers })
    }

    /// The sums of the kernel's shapes at these points, window by window: all first coordinates, then all second ones, and so on.
    /// Collective.
    pub(super) fn sums(
        &self,
        comm: &Comm,
        estimate: Estimate<'_>,
        points: &[f64],
        tolerance: Tolerance,
        threads: usize,
        mut progress: impl FnMut(f64),
    ) -> Result<Vec<f64>> {
        let windows = Windows::new(estimate.kernel, estimate.bandwidth, estimate.widths);
        // Ranks on different machines compute alike.
        let level = Level::at_most(comm.all_reduce_one(Level::detect() as u8, Min)?);
        let (d, w) = (windows.dimensions(), windows.count());
        let m = points.len() / d;
        let mut sums = vec![0.0; m * w];
        let (numbers, layout): (&[f64], _) = (&self.numbers, &self.layout);
        for first in (0..m).step_by(STEP * threads) {
            let step = first..m.min(first + STEP * threads);
            let mut parts: Vec<_> = stretches(step.len(), threads)
                .into_iter()
                .map(|stretch| {
                    let stretch = first + stretch.start..first + stretch.end;
                    (of_stretch(points, m, &stretch), vec![0.0; stretch.len() * w])
                })
                .collect();
            each(&mut parts, |(points, sums)| {
                add_sums(level, Tree::new(layout, numbers), &windows, tolerance, points, sums);
            });
            let of_step = joined(&parts.iter().map(|(_, sums)| &sums[..]).collect::<Vec<_>>(), w);
            for (sums, of_step) in sums.chunks_exact_mut(m).zip(of_step.chunks_exact(step.len())) {
                sums[step.clone()].copy_from_slice(of_step);
            }
            progress(step.end as f64 / m as f64);
        }
        Ok(sums)
    }
}
