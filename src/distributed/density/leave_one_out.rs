//! What all other samples say of each sample, for several windows in one pass over the pairs.
//!
//! A sample is left out by never meeting itself: of a tile that meets itself, the halves meet each other, and so on down to single
//! samples. Nothing is subtracted, so nothing cancels.

use super::Samples;
use super::direct::for_each_stretch;
use super::threads::each;
use crate::comm::{Comm, Max, Min};
use crate::error::Result;
use crate::kernels::density::Kernel;
use crate::kernels::level::Level;
use crate::kernels::log_sums::{add_scaled, lower_exponents};
use crate::kernels::window_sums::{TILE, Windows, add_weighted_tile};

/// A sum below this part of the samples' weight is taken as a logarithm.
const SMALL: f64 = 1e-270;

pub(super) struct Others<'a> {
    pub(super) comm: &'a Comm,
    pub(super) kernel: Kernel,
    pub(super) samples: &'a Samples,
    pub(super) bandwidth: &'a [f64],
    pub(super) widths: &'a [f64],
}

/// Some samples of one of this rank's tiles, as points.
struct Points {
    /// The first sample of the tile, among all.
    start: usize,
    /// Which of its samples.
    places: Vec<usize>,
    /// Their coordinates, axis by axis.
    columns: Vec<f64>,
    /// For each window, one number for each.
    numbers: Vec<f64>,
}

impl Others<'_> {
    /// ln Σ wⱼ K over all other samples j, for each window, at each of this rank's samples. Collective.
    pub(super) fn logarithms(&self, progress: impl FnMut(f64)) -> Result<Vec<f64>> {
        let (comm, d, windows) = (self.comm, self.samples.dimensions, self.widths.len());
        let level = Level::at_most(comm.all_reduce_one(Level::detect() as u8, Min)?);
        let all = Windows::new(self.kernel, self.bandwidth, self.widths);
        let first = self.samples.blocks.range(comm.rank()).start;
        let mine = self.samples.blocks.count(comm.rank());
        let mut own: Vec<Points> = self
            .samples
            .tiles
            .chunks(TILE * d)
            .enumerate()
            .map(|(k, tile)| Points {
                start: first + k * TILE,
                places: (0..tile.len() / d).collect(),
                columns: tile.to_vec(),
                numbers: vec![0.0; tile.len() / d * windows],
            })
            .collect();
        self.meet(&mut own, progress, |tile, weights, points, numbers| {
            add_weighted_tile(level, &all, tile, weights, points, numbers);
        })?;
        let mut sums = vec![0.0; mine * windows];
        for (k, points) in own.iter().enumerate() {
            let m = points.places.len();
            for w in 0..windows {
                sums[w * mine + k * TILE..][..m].copy_from_slice(&points.numbers[w * m..][..m]);
            }
        }
        let small = SMALL * self.samples.weight();
        let mut logarithms: Vec<f64> = sums.iter().map(|sum| sum.ln()).collect();
        for w in 0..windows {
            let of_width = w * mine..(w + 1) * mine;
            if self.kernel == Kernel::Gaussian {
                self.anew(level, w, small, &sums[of_width.clone()], &mut logarithms[of_width])?;
            }
        }
        Ok(logarithms)
    }

    /// What is too small for a number. Collective.
    fn anew(&self, level: Level, w: usize, small: f64, sums: &[f64], logarithms: &mut [f64]) -> Result<()> {
        let (comm, d) = (self.comm, self.samples.dimensions);
        if comm.all_reduce_one(u8::from(sums.iter().any(|sum| *sum < small)), Max)? == 0 {
            return Ok(());
        }
        let windows = Windows::new(self.kernel, self.bandwidth, &self.widths[w..=w]);
        let first = self.samples.blocks.range(comm.rank()).start;
        let mut own = Vec::new();
        for (k, tile) in self.samples.tiles.chunks(TILE * d).enumerate() {
            let n = tile.len() / d;
            let places: Vec<usize> = (0..n).filter(|i| sums[k * TILE + i] < small).collect();
            let columns = (0..d).flat_map(|axis| places.iter().map(move |i| tile[axis * n + i])).collect();
            let numbers = vec![f64::INFINITY; places.len()];
            own.push(Points { start: first + k * TILE, places, columns, numbers });
        }
        self.meet(
            &mut own,
            |_| {},
            |tile, weights, points, least| {
                lower_exponents(level, &windows, tile, weights, points, least);
            },
        )?;
        let least: Vec<Vec<f64>> = own
            .iter_mut()
            .map(|points| {
                let m = points.places.len();
                std::mem::replace(&mut points.numbers, vec![0.0; m])
            })
            .collect();
        // The exponents go with the sums: as a second half of the numbers.
        for (points, least) in own.iter_mut().zip(&least) {
            points.numbers.extend(least);
        }
        self.meet(
            &mut own,
            |_| {},
            |tile, weights, points, numbers| {
                let (sums, least) = numbers.split_at_mut(points.len() / d);
                add_scaled(level, &windows, tile, weights, points, least, sums);
            },
        )?;
        for (k, points) in own.iter().enumerate() {
            let (sums, least) = points.numbers.split_at(points.places.len());
            for ((place, sum), least) in points.places.iter().zip(sums).zip(least) {
                logarithms[k * TILE + place] = if least.is_finite() {
                    sum.ln() - least * std::f64::consts::LN_2
                } else {
                    f64::NEG_INFINITY
                };
            }
        }
        Ok(())
    }

    /// Shows all pairs of a sample and a point that is another sample: (tile, weights, points, numbers of the points). Collective.
    fn meet(
        &self,
        own: &mut [Points],
        progress: impl FnMut(f64),
        add: impl Fn(&[f64], Option<&[f64]>, &[f64], &mut [f64]) + Sync,
    ) -> Result<()> {
        let d = self.samples.dimensions;
        let weights = self.samples.weights.as_ref().map(|weights| &weights.mine[..]);
        // Of each tile some points are this rank's: a thread has some of these tiles.
        let each_thread = own.len().div_ceil(self.samples.threads).max(1);
        let mut parts: Vec<&mut [Points]> = own.chunks_mut(each_thread).collect();
        let mut start = 0;
        let mine = &self.samples.tiles;
        for_each_stretch(self.comm, self.samples, mine, weights, 1, progress, |stretch| {
            for (tile, weights) in stretch.tiles() {
                each(&mut parts, |part| {
                    for points in part.iter_mut().filter(|points| !points.places.is_empty()) {
                        if points.start == start {
                            let all = points.places.len();
                            apart(tile, weights, points, 0..tile.len() / d, 0..all, d, &add);
                        } else {
                            add(tile, weights, &points.columns, &mut points.numbers);
                        }
                    }
                });
                start += tile.len() / d;
            }
        })
    }
}

/// Shows the samples `range` of a tile to the points `of` that are among them, but none to itself.
fn apart(
    tile: &[f64],
    weights: Option<&[f64]>,
    points: &mut Points,
    range: std::ops::Range<usize>,
    of: std::ops::Range<usize>,
    d: usize,
    add: &impl Fn(&[f64], Option<&[f64]>, &[f64], &mut [f64]),
) {
    if range.len() < 2 || of.is_empty() {
        return;
    }
    let middle = range.start + range.len() / 2;
    let cut = of.start + points.places[of.clone()].partition_point(|&place| place < middle);
    let (low, high) = (range.start..middle, middle..range.end);
    for (samples, to) in [(&high, of.start..cut), (&low, cut..of.end)] {
        if to.is_empty() {
            continue;
        }
        let part = |columns: &[f64], range: &std::ops::Range<usize>| -> Vec<f64> {
            columns.chunks(columns.len() / d).flat_map(|axis| &axis[range.clone()]).copied().collect()
        };
        let m = points.places.len();
        let mut numbers: Vec<f64> =
            points.numbers.chunks(m).flat_map(|of_window| &of_window[to.clone()]).copied().collect();
        let weights = weights.map(|weights| &weights[samples.clone()]);
        add(&part(tile, samples), weights, &part(&points.columns, &to), &mut numbers);
        for (of_window, new) in points.numbers.chunks_mut(m).zip(numbers.chunks(to.len())) {
            of_window[to.clone()].copy_from_slice(new);
        }
    }
    apart(tile, weights, points, low, of.start..cut, d, add);
    apart(tile, weights, points, high, cut..of.end, d, add);
}
