//! Logarithms of densities that are too small for a number.

use super::boundary::{images_of, reach};
use super::threads::{self, as_they_are, of_stretch, stretches};
use super::{Boundary, Places};
use crate::comm::{Comm, Max, Min};
use crate::error::Result;
use crate::kernels::covariance::Cholesky;
use crate::kernels::density::Kernel;
use crate::kernels::level::Level;
use crate::kernels::log_sums::{add_scaled, lower_exponents};
use crate::kernels::window_sums::Windows;

use super::samples::{Samples, turn};

/// A sum below this part of the samples' weight is taken as a logarithm: far above where numbers end, at 2^−1021.
const SMALL: f64 = 1e-270;

/// What the windows are, and where they end.
pub(super) struct Far<'a> {
    pub(super) samples: &'a Samples,
    pub(super) bandwidth: &'a [f64],
    pub(super) widths: &'a [f64],
    /// How the coordinates are turned.
    pub(super) turn: Option<&'a (Cholesky, Vec<f64>)>,
    pub(super) boundaries: &'a [Boundary],
    pub(super) extent: &'a [(f64, f64)],
    /// The bandwidths along the axes that are not turned.
    pub(super) spread: &'a [f64],
}

impl Far<'_> {
    /// The logarithms of sums of Gaussians, which are taken anew where they are small. Collective.
    pub(super) fn logarithms(&self, comm: &Comm, sums: Vec<f64>, places: Places<'_>) -> Result<Vec<f64>> {
        let d = self.samples.dimensions;
        let m = places.len(d);
        let small = SMALL * self.samples.weight();
        let mut logarithms: Vec<f64> = sums.iter().map(|sum| sum.ln()).collect();
        for (w, &width) in self.widths.iter().enumerate() {
            let anew: Vec<usize> = (0..m).filter(|place| sums[w * m + place] < small).collect();
            if comm.all_reduce_one(u8::from(!anew.is_empty()), Max)? == 0 {
                continue;
            }
            let (mut counts, mut rows) = (Vec::new(), Vec::new());
            for &place in &anew {
                let x = places.point(place, d);
                // The nearest image of any, and all that can come near it.
                let images = images_of(&x, self.boundaries, |axis| {
                    let (low, high) = self.extent[axis];
                    let far = self.boundaries[axis].distance(x[axis], (low, high))
                        + (high - low)
                        + reach(Kernel::Gaussian, None) * width * self.spread[axis];
                    (low - far, high + far)
                });
                counts.push(images.len() / d);
                rows.extend(images);
            }
            let mut columns: Vec<f64> =
                (0..d).flat_map(|axis| rows.iter().skip(axis).step_by(d).copied()).collect();
            if let Some((factor, centre)) = self.turn {
                columns = turn(factor, centre, &columns);
            }
            let of_images = self.anew(comm, width, &columns)?;
            let mut rest = &of_images[..];
            for (place, count) in anew.into_iter().zip(counts) {
                let (these, others) = rest.split_at(count);
                logarithms[w * m + place] = logarithm_of_sum(these);
                rest = others;
            }
        }
        Ok(logarithms)
    }

    /// The logarithms of the sums at these points. Collective.
    fn anew(&self, comm: &Comm, width: f64, points: &[f64]) -> Result<Vec<f64>> {
        let Samples { dimensions: d, threads, .. } = self.samples;
        let windows = Windows::new(Kernel::Gaussian, self.bandwidth, &[width]);
        let level = Level::at_most(comm.all_reduce_one(Level::detect() as u8, Min)?);
        let m = points.len() / d;
        let stretches = stretches(m, *threads);
        let points: Vec<Vec<f64>> = stretches.iter().map(|stretch| of_stretch(points, m, stretch)).collect();
        let parts = points
            .iter()
            .zip(&stretches)
            .map(|(points, stretch)| (points, stretch.len(), f64::INFINITY))
            .collect();
        let least = threads::sums(
            comm,
            self.samples,
            as_they_are,
            parts,
            |_| {},
            |points, tile, weights, least| {
                lower_exponents(level, &windows, tile, weights, points, least);
            },
        )?;
        let parts =
            points.iter().zip(&least).map(|(points, least)| ((points, least), least.len(), 0.0)).collect();
        let sums = threads::sums(
            comm,
            self.samples,
            as_they_are,
            parts,
            |_| {},
            |(points, least), tile, weights, sums| {
                add_scaled(level, &windows, tile, weights, points, least, sums);
            },
        )?;
        let (sums, least) = (sums.concat(), least.concat());
        Ok(sums.iter().zip(&least).map(|(sum, least)| sum.ln() - least * std::f64::consts::LN_2).collect())
    }
}

/// ln Σ exp(terms).
fn logarithm_of_sum(terms: &[f64]) -> f64 {
    let most = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if most == f64::NEG_INFINITY {
        return most;
    }
    most + terms.iter().map(|term| (term - most).exp()).sum::<f64>().ln()
}
