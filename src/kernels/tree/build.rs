//! Cutting samples in halves.

use super::{FAN, Layout, Tree};

impl Tree<'_> {
    /// Builds the tree of the samples whose coordinates are `coordinate(sample, axis)`, into `numbers`, which are all 0. Spreads
    /// along the axes are compared in units of `1 / inverse[axis]`. Takes time n log n, and memory for three numbers a sample.
    ///
    /// # Panics
    /// If the slices do not fit the layout.
    pub fn build(
        layout: &Layout,
        coordinate: impl Fn(usize, usize) -> f64,
        weights: Option<&[f64]>,
        inverse: &[f64],
        numbers: &mut [f64],
    ) {
        let (n, d) = (layout.n, layout.d);
        assert!(inverse.len() == d && weights.is_none_or(|weights| weights.len() == n));
        assert_eq!(numbers.len(), layout.numbers(), "the layout is of another tree");
        let mut order: Vec<u32> = (0..n as u32).collect();
        let mut keys = vec![(0.0, 0); n];
        for cuts in 0..layout.cuts {
            for node in 0..1usize << cuts {
                let range = layout.range(cuts, node);
                let middle = layout.range(cuts + 1, 2 * node).len();
                halve(&coordinate, inverse, &mut order[range.clone()], &mut keys[range], middle);
            }
        }
        let (nodes, leaves) = numbers.split_at_mut(layout.leaves);
        let (capacity, stride) = (layout.capacity, layout.capacity * (d + 1));
        for (leaf, numbers) in leaves.chunks_exact_mut(stride).enumerate() {
            let samples = &mut order[layout.range(layout.cuts, leaf)];
            samples.sort_unstable();
            for (place, &sample) in samples.iter().enumerate() {
                numbers[d * capacity + place] = weights.map_or(1.0, |weights| weights[sample as usize]);
            }
            // Places without a sample repeat one, so that they are as near as any.
            for place in 0..capacity {
                let sample = samples.get(place).or(samples.last()).map_or(0, |&sample| sample as usize);
                for axis in 0..d {
                    numbers[axis * capacity + place] = coordinate(sample, axis);
                }
            }
        }
        // From the leaves up: boxes and weights.
        let group = FAN * (2 * d + 1);
        for level in (0..layout.levels.len()).rev() {
            let (cuts, offset) = layout.levels[level];
            for node in 0..1usize << cuts {
                let mut found = empty(d);
                if cuts == layout.cuts {
                    let leaf = &leaves[node * stride..][..stride];
                    for axis in 0..d {
                        for &x in &leaf[axis * capacity..][..capacity] {
                            join(&mut found, axis, x, x);
                        }
                    }
                    found[2 * d] = leaf[d * capacity..].iter().sum();
                } else {
                    let children = &nodes[layout.levels[level + 1].1 + node * group..][..group];
                    for child in 0..FAN {
                        for axis in 0..d {
                            let (low, high) =
                                (children[2 * axis * FAN + child], children[(2 * axis + 1) * FAN + child]);
                            join(&mut found, axis, low, high);
                        }
                        found[2 * d] += children[2 * d * FAN + child];
                    }
                }
                put(&mut nodes[offset + node / FAN * group..][..group], node % FAN, &found);
            }
            for missing in (1usize << cuts)..(1usize << cuts).next_multiple_of(FAN) {
                put(&mut nodes[offset + missing / FAN * group..][..group], missing % FAN, &empty(d));
            }
        }
    }
}

/// Brings the `middle` lowest samples, along the axis of the greatest spread, before the others. Of equal ones the first come first.
fn halve(
    coordinate: impl Fn(usize, usize) -> f64,
    inverse: &[f64],
    order: &mut [u32],
    keys: &mut [(f64, u32)],
    middle: usize,
) {
    let spread = |axis: usize| {
        let (low, high) = order.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &sample| {
            let x = coordinate(sample as usize, axis);
            (if x < low { x } else { low }, if x > high { x } else { high })
        });
        (high - low) * inverse[axis]
    };
    let spreads: Vec<f64> =
        if inverse.len() > 1 { (0..inverse.len()).map(spread).collect() } else { vec![0.0] };
    let axis = (0..spreads.len()).rev().max_by(|&a, &b| spreads[a].total_cmp(&spreads[b])).unwrap_or(0);
    for (key, &sample) in keys.iter_mut().zip(order.iter()) {
        *key = (coordinate(sample as usize, axis), sample);
    }
    keys.select_nth_unstable_by(middle, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    for (key, sample) in keys.iter().zip(order) {
        *sample = key.1;
    }
}

/// The box of nothing: lowest and highest coordinate of each axis, and the weight.
fn empty(d: usize) -> Vec<f64> {
    let mut numbers = [f64::INFINITY, f64::NEG_INFINITY].repeat(d);
    numbers.push(0.0);
    numbers
}

fn join(of: &mut [f64], axis: usize, low: f64, high: f64) {
    of[2 * axis] = of[2 * axis].min(low);
    of[2 * axis + 1] = of[2 * axis + 1].max(high);
}

/// Writes a node into its group of eight.
fn put(group: &mut [f64], child: usize, node: &[f64]) {
    for (k, number) in node.iter().enumerate() {
        group[k * FAN + child] = *number;
    }
}
