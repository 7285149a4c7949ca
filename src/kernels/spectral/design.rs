//! How one axis of the spectral engine is made, in units of its cells: a window ψ that spreads and reads, taps C in between.
//!
//! A sample at s and a place at x, both in cells, have the Gaussian g(x − s) between them, g(t) = exp(−c²t²/2) with c the width of a
//! cell in bandwidths. Instead the engine takes
//!
//! ```text
//! G(x, s) = Σ_a Σ_b ψ(x − a) C(a − b) ψ(b − s)        a, b all integers
//! ```
//!
//! **The window** is ψ(t) = (I₀(β √(1 − (2t/w)²)) − 1) / (I₀(β) − 1) for |t| < w/2, else 0: Kaiser and Bessel's, less the step at its
//! ends. Its transform is ψ̂(κ) = w (sinh(q)/q − sin(πwκ)/(πwκ)) / (I₀(β) − 1) with q² = β² − (πwκ)², which falls like κ⁻² from where
//! it is of the size of the error.
//!
//! **The taps** C(0), C(±1) … C(±R) are those for which m(κ) = C(0) + 2 Σ_l C(l) cos(2πlκ) takes the mean square of the error to its
//! least: m is fitted to Σ_j ψ̂(κ+j)² ĝ(κ+j) / (Σ_j ψ̂(κ+j)²)², Hockney and Eastwood's optimal influence function, with the weight
//! Σ_j ψ̂(κ+j)². ĝ is small beyond half a cycle a cell, which is what the width of the cell is for, and where ψ̂ is small the fit is free:
//! so few taps are needed, fewer than there are cells in the Gaussian's reach, and they are applied as they are. A fast Fourier
//! transform of the whole axis, there and back, would take more operations for the same.
//!
//! **The error** of G. By Poisson's formula G(x, s) = ∫ m(κ) Σ_j Σ_k ψ̂(κ+j) ψ̂(κ+k) exp(2πi ((κ+j)x − (κ+k)s)) dκ over −½ … ½, and
//! g(x − s) is the same with Σ_j ĝ(κ+j) exp(2πi (κ+j)(x − s)). So, whatever x and s,
//!
//! ```text
//! |G − g| ≤ ∫ Σ_j |m ψ̂(κ+j)² − ĝ(κ+j)| + |m| Σ_{j≠k} |ψ̂(κ+j) ψ̂(κ+k)| dκ
//! ```
//!
//! The first sum is what the modes get wrong, those beyond half a cycle included; the second is the aliasing of the window. This
//! integral is the `error` of a row of the table. Nothing is periodic, so there are no images to keep away, and where no tap reaches from a sample
//! to a place, 0 is right within the same bound.
//!
//! Sources: F. W. J. Olver et al., *NIST Handbook* (2010), chapter 10; J. F. Kaiser, R. W. Schafer, IEEE Trans. ASSP 28 (1980); R. W.
//! Hockney, J. W. Eastwood, *Computer Simulation Using Particles* (1981), section 8-3; A. H. Barnett, J. Magland, L. af Klinteberg,
//! SIAM J. Sci. Comput. 41 (2019), for windows of this kind.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use super::table::{ROWS, Row};

/// A window of Kaiser and Bessel's, less its step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Shape {
    /// Number of cells it covers.
    pub(super) width: usize,
    pub(super) beta: f64,
}

/// Cells that a window can cover.
pub(super) const WIDTHS: [usize; 4] = [4, 8, 12, 16];

/// What rounding in the values of the window adds to the error of an axis.
const NOISE: f64 = 6e-14;

/// Terms on either side of sums over whole frequencies, where the taps are fitted and where their error is taken.
const NEAR: i32 = 3;
#[cfg(test)]
const FAR: i32 = 8;
/// Frequencies at which the taps are fitted: several times as many as there are taps.
const FITTED: usize = 160;

/// Σ_{k>0} (x/2)^2k / k!² = I₀(x) − 1, from the square of x.
fn bessel_less_one(squared: f64) -> f64 {
    let (mut term, mut sum) = (1.0, 0.0);
    for k in 1.. {
        term *= 0.25 * squared / f64::from(k * k);
        sum += term;
        if term <= 1e-18 * sum || term == 0.0 {
            break;
        }
    }
    sum
}

impl Shape {
    /// ψ(t).
    pub(super) fn value(self, t: f64) -> f64 {
        let along = 2.0 * t / self.width as f64;
        let inside = 1.0 - along * along;
        if inside <= 0.0 { 0.0 } else { self.analytic(t) }
    }

    /// ψ(t), continued beyond its ends, where it is no longer the window but as smooth.
    fn analytic(self, t: f64) -> f64 {
        let along = 2.0 * t / self.width as f64;
        let b2 = self.beta * self.beta;
        bessel_less_one(b2 * (1.0 - along * along)) / bessel_less_one(b2)
    }

    /// ψ̂(κ), κ in cycles a cell.
    pub(super) fn transform(self, frequency: f64) -> f64 {
        self.transform_unscaled(frequency) / bessel_less_one(self.beta * self.beta)
    }

    /// The same, of a window that is I₀(β) − 1 in its middle.
    fn transform_unscaled(self, frequency: f64) -> f64 {
        let (w, beta) = (self.width as f64, self.beta);
        let cycles = PI * w * frequency;
        let q2 = beta * beta - cycles * cycles;
        let q = q2.abs().sqrt();
        let bell = match q2 {
            _ if q < 1e-4 => 1.0,
            _ if q2 > 0.0 => q.sinh() / q,
            _ => q.sin() / q,
        };
        let step = if cycles.abs() < 1e-9 { 1.0 } else { cycles.sin() / cycles };
        w * (bell - step)
    }

    /// The window's part over cell after cell, as polynomials in z = 2f − 1 where f is how far behind a cell's place the point is, from
    /// 0 to 1: highest power first, and of each power one coefficient for each of the cells. By interpolation at Chebyshev nodes.
    fn pieces(self, degree: usize) -> Vec<f64> {
        let terms = degree + 1;
        let mut pieces = vec![0.0; terms * self.width];
        for cell in 0..self.width {
            for (power, coefficient) in
                interpolation(terms, |z| self.in_piece(cell, z)).into_iter().enumerate()
            {
                pieces[(terms - 1 - power) * self.width + cell] = coefficient;
            }
        }
        pieces
    }

    /// The window in its part over one of the cells, at z from −1 to 1.
    fn in_piece(self, cell: usize, z: f64) -> f64 {
        self.analytic(0.5 * (z + 1.0) + 0.5 * self.width as f64 - 1.0 - cell as f64)
    }
}

/// Coefficients, lowest power first, of the polynomial through `f` at Chebyshev nodes.
fn interpolation(terms: usize, f: impl Fn(f64) -> f64) -> Vec<f64> {
    let n = terms as f64;
    let node = |i: usize| (PI * (i as f64 + 0.5) / n).cos();
    let values: Vec<f64> = (0..terms).map(|i| f(node(i))).collect();
    let mut coefficients = vec![0.0; terms];
    // The Chebyshev polynomials as powers, one after the other.
    let (mut before, mut now) = (vec![0.0; terms], vec![0.0; terms]);
    now[0] = 1.0;
    for k in 0..terms {
        let cosines =
            values.iter().enumerate().map(|(i, value)| value * (k as f64 * PI * (i as f64 + 0.5) / n).cos());
        let factor = cosines.sum::<f64>() * if k == 0 { 1.0 } else { 2.0 } / n;
        coefficients.iter_mut().zip(&now).for_each(|(sum, power)| *sum += factor * power);
        let twice = if k == 0 { 1.0 } else { 2.0 };
        let next: Vec<f64> =
            (0..terms).map(|i| if i == 0 { -before[0] } else { twice * now[i - 1] - before[i] }).collect();
        before = std::mem::replace(&mut now, next);
    }
    coefficients
}

/// ĝ(κ), κ in cycles a cell of `cell` bandwidths.
fn gaussian_transform(cell: f64, frequency: f64) -> f64 {
    let cycles = PI * frequency / cell;
    (2.0 * PI).sqrt() / cell * (-2.0 * cycles * cycles).exp()
}

/// The taps of one side, from the middle one on.
fn taps(row: &Row) -> Vec<f64> {
    let top = bessel_less_one(row.shape.beta * row.shape.beta);
    let mut columns = vec![Vec::with_capacity(FITTED); row.reach + 1];
    let mut wanted = Vec::with_capacity(FITTED);
    for i in 0..FITTED {
        let frequency = 0.5 * (i as f64 + 0.5) / FITTED as f64;
        let (mut squares, mut product) = (0.0, 0.0);
        for j in -NEAR..=NEAR {
            let square = (row.shape.transform_unscaled(frequency + f64::from(j)) / top).powi(2);
            squares += square;
            product += square * gaussian_transform(row.cell, frequency + f64::from(j));
        }
        wanted.push(product / squares);
        for (l, column) in columns.iter_mut().enumerate() {
            let cosine = (2.0 * PI * l as f64 * frequency).cos();
            column.push(squares * if l == 0 { 1.0 } else { 2.0 * cosine });
        }
    }
    least_squares(columns, wanted)
}

/// The factors of the columns with which they sum to `wanted` as nearly as can be, by Householder's reflections.
fn least_squares(mut columns: Vec<Vec<f64>>, mut wanted: Vec<f64>) -> Vec<f64> {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let unknowns = columns.len();
    for k in 0..unknowns {
        let mut mirror = columns[k][k..].to_vec();
        mirror[0] += dot(&mirror, &mirror).sqrt().copysign(mirror[0]);
        let half = 0.5 * dot(&mirror, &mirror);
        for column in columns[k..].iter_mut().chain([&mut wanted]) {
            let along = dot(&mirror, &column[k..]) / half;
            column[k..].iter_mut().zip(&mirror).for_each(|(x, m)| *x -= along * m);
        }
    }
    let mut factors = vec![0.0; unknowns];
    for k in (0..unknowns).rev() {
        let known: f64 = (k + 1..unknowns).map(|other| columns[other][k] * factors[other]).sum();
        factors[k] = (wanted[k] - known) / columns[k][k];
    }
    factors
}

/// What is computed along each axis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Design {
    pub(super) width: usize,
    pub(super) cell: f64,
    /// See [`Shape::pieces`].
    pub(super) pieces: Vec<f64>,
    /// C(0), C(1), … C(R).
    pub(super) taps: Vec<f64>,
    /// Bound on what one axis leaves out, in units of the Gaussian's peak.
    error: f64,
    /// Σ_b |Σ_a ψ(x − a) C(a − b)| at most: how much errors on the grid grow.
    growth: f64,
}

impl Design {
    pub(super) fn new(row: &Row) -> Self {
        let Row { shape, degree, cell, error, .. } = *row;
        let (pieces, taps) = (shape.pieces(degree), taps(row));
        let growth = 1.02 * (0..8).map(|i| growth(shape, &taps, f64::from(i) / 8.0)).fold(0.0, f64::max);
        // A wrong window is wrong twice, where a sample is spread and where a place is read.
        let error = error + 2.0 * growth * misfit(shape, &pieces);
        Design { width: shape.width, cell, pieces, taps, error, growth }
    }

    /// Bound on the error of `d` axes together but for rounding, in units of the Gaussian's peak: (1 + e)^d − 1, since no factor is
    /// greater than 1 + e.
    pub fn error(&self, d: usize) -> f64 {
        (d as f64 * self.error.ln_1p()).exp_m1()
    }

    /// How many times an error that all cells under a window of `d` axes share can grow until it is read.
    pub(super) fn growth(&self, d: usize) -> f64 {
        self.growth.powi(d as i32)
    }
}

/// How far the polynomials are from the window, at most; between the nodes, and at the ends.
fn misfit(shape: Shape, pieces: &[f64]) -> f64 {
    let terms = pieces.len() / shape.width;
    let mut most = 0.0f64;
    for i in 0..=terms {
        let z = -(PI * i as f64 / terms as f64).cos();
        for cell in 0..shape.width {
            let polynomial = pieces.iter().skip(cell).step_by(shape.width).fold(0.0, |p, c| p * z + c);
            most = most.max((polynomial - shape.in_piece(cell, z)).abs());
        }
    }
    1.1 * most
}

/// Σ_b |Σ_a ψ(x − a) C(a − b)| for x = `phase`.
fn growth(shape: Shape, taps: &[f64], phase: f64) -> f64 {
    let (half, most) = (shape.width as i64 / 2, taps.len() as i64 - 1);
    let window: Vec<f64> = (-half..=half + 1).map(|a| shape.value(phase - a as f64)).collect();
    let of_cell = |b: i64| -> f64 {
        let near = (-half..=half + 1).zip(&window).filter(|(a, _)| (a - b).abs() <= most);
        near.map(|(a, psi)| psi * taps[(a - b).unsigned_abs() as usize]).sum()
    };
    (-most - half..=most + half + 1).map(|b| of_cell(b).abs()).sum()
}

/// Rows whose error, on each of `d` axes, leaves a twentieth of the tolerance, when the cells of the grid are wrong by `unit` at most; of each
/// width that with the widest cells.
pub(super) fn candidates(d: usize, tolerance: f64, unit: f64) -> impl Iterator<Item = &'static Row> {
    let fits = move |row: &&Row| {
        (row.error + NOISE) * d as f64 + unit * row.about_growth().powi(d as i32) <= 0.95 * tolerance
    };
    WIDTHS.iter().filter_map(move |&width| ROWS.iter().filter(|row| row.shape.width == width).rfind(fits))
}

impl Row {
    /// Rather more than [`Design::growth`].
    fn about_growth(&self) -> f64 {
        1.3 * gaussian_transform(self.cell, 0.0) / self.shape.transform(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::spectral::table::ROWS;

    /// What bounds |G − g|, by the midpoint rule.
    fn bound(row: &Row) -> f64 {
        let taps = taps(row);
        let n = 400;
        let at = |i: usize| {
            let frequency = 0.5 * (i as f64 + 0.5) / n as f64;
            let cosines =
                taps.iter().enumerate().map(|(l, tap)| tap * (2.0 * PI * l as f64 * frequency).cos());
            let m = 2.0 * cosines.sum::<f64>() - taps[0];
            let (mut modes, mut all, mut squares) = (0.0, 0.0, 0.0);
            for j in -FAR..=FAR {
                let psi = row.shape.transform(frequency + f64::from(j));
                modes += (m * psi * psi - gaussian_transform(row.cell, frequency + f64::from(j))).abs();
                all += psi.abs();
                squares += psi * psi;
            }
            modes + m.abs() * (all * all - squares)
        };
        (0..n).map(at).sum::<f64>() / n as f64
    }

    #[test]
    fn every_error_in_the_table_is_a_bound() {
        for row in ROWS {
            let bound = bound(row);
            assert!(bound <= row.error && row.error <= 1.3 * bound, "{row:?}: {bound:e}");
        }
    }

    #[test]
    fn the_transform_is_that_of_the_window() {
        for shape in ROWS.iter().map(|row| row.shape).step_by(7) {
            for frequency in [0.0, 0.1, 0.3, 0.49, 0.8, 1.3] {
                let (n, w) = (4000, shape.width as f64);
                let at = |i: usize| {
                    let t = w * ((i as f64 + 0.5) / n as f64 - 0.5);
                    shape.value(t) * (2.0 * PI * frequency * t).cos()
                };
                let sum = (0..n).map(at).sum::<f64>() * w / n as f64;
                let ours = shape.transform(frequency);
                assert!(
                    (sum - ours).abs() < 3e-7 * shape.transform(0.0),
                    "{shape:?} {frequency}: {sum} {ours}"
                );
            }
        }
    }

    /// G against g at samples and places of every phase, as it is computed: with taps that end and with polynomials.
    #[test]
    fn one_axis_is_a_gaussian_within_its_error() {
        for row in ROWS {
            let design = Design::new(row);
            let width = design.width as i64;
            let psi = |phase: f64| -> Vec<f64> {
                let powers = design.pieces.chunks(design.width);
                let z = 2.0 * phase - 1.0;
                powers.fold(vec![0.0; design.width], |so_far, c| {
                    so_far.iter().zip(c).map(|(p, c)| p * z + c).collect()
                })
            };
            let mut most = 0.0f64;
            for (s, x) in
                (0..8).flat_map(|s| (0..8).map(move |x| (s as f64 / 8.0 + 0.01, x as f64 / 8.0 + 0.03)))
            {
                let (of_sample, of_place) = (psi(s), psi(x));
                for between in 0..(design.taps.len() + design.width) as i64 + 3 {
                    let mut sum = 0.0;
                    for a in 0..width {
                        for b in 0..width {
                            if let Some(tap) = design.taps.get((between + a - b).unsigned_abs() as usize) {
                                sum += of_place[a as usize] * tap * of_sample[b as usize];
                            }
                        }
                    }
                    let apart = design.cell * (between as f64 + x - s);
                    most = most.max((sum - (-0.5 * apart * apart).exp()).abs());
                }
            }
            assert!(most <= design.error + 2e-15, "{row:?}: {most:e} of {:e}", design.error);
            assert!(most >= 0.02 * design.error, "{row:?}: {most:e} of {:e}", design.error);
        }
    }

    /// So little that it fits into what [`candidates`] leaves.
    #[test]
    fn what_is_added_to_the_error_is_small() {
        for row in ROWS {
            let design = Design::new(row);
            assert!(design.error <= 1.04 * row.error + NOISE, "{row:?}: {:e}", design.error);
            assert!(design.growth <= row.about_growth(), "{row:?}: {}", design.growth);
        }
    }
}
