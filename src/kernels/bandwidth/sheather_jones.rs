//! The bandwidth of Botev, Grotowski and Kroese, known as *improved Sheather–Jones*: for one coordinate, of any shape.
//!
//! The bandwidth that is best in the mean, h = (2 n √π |f″|²)^(−1/5), depends on the unknown density f by the square integral of its second
//! derivative. That is estimated with a bandwidth that depends on the third derivative, and so on up to the seventh; and the
//! bandwidth of the seventh is h itself: an equation for h, without any normal density in it. In units of the length of a
//! grid that ends at mirrors, with t = h²,
//!
//! ```text
//! |f⁽ˢ⁾|²(t) = 2 π²ˢ Σₖ k²ˢ aₖ² exp(−k² π² t)        aₖ: the cosine transform of the grid
//! tₛ = (2 (1 + 2^(−s−½)) / 3 · 1·3·5 … (2s − 1) / (√(2π) n |f⁽ˢ⁺¹⁾|²(tₛ₊₁)))^(2 / (3 + 2s))
//! t  = (2 n √π |f⁽²⁾|²(t₂))^(−2/5)                     t₇ = t
//! ```
//!
//! Source: Z. I. Botev, J. F. Grotowski, D. P. Kroese, *Kernel density estimation via diffusion*, Ann. Stat. 38 (2010), section 5 and
//! algorithm 1. Taken is the least root, as there.

use std::f64::consts::PI;

use super::cosine::cosine_transform;

/// The derivative at which the equation closes.
const HIGHEST: i32 = 7;

/// A bandwidth is as many cells wide at least: the grid then does not show in it.
const CELLS: f64 = 4.0;

/// The greatest t that is looked at: almost a third of the grid, where nothing is left of any shape.
const LARGEST: f64 = 0.1;

/// The bandwidth of a Gaussian, as part of the whole length of a grid, for so much mass in each of its cells; `samples` says how many
/// different samples there are.
///
/// # Errors
/// When the equation has no solution, which happens with a handful of samples; when the bandwidth would be less than four cells wide.
///
/// # Panics
/// If the number of cells is not a power of 2, or there is no mass.
///
/// ```
/// use rankwise::kernels::bandwidth::sheather_jones;
///
/// // A thousand samples in each of two hills, a fifth of the grid apart, with a deviation of 1/40.
/// let hill = |cell: f64| (-0.5 * (cell * 40.0 / 4096.0f64).powi(2)).exp();
/// let mass: Vec<u64> = (0..4096)
///     .map(|cell| ((hill(f64::from(cell) - 1638.0) + hill(f64::from(cell) - 2458.0)) * 1e6) as u64)
///     .collect();
/// let h = sheather_jones(&mass, 2000.0).unwrap();
/// // A tenth more than the best for one hill of a thousand samples, 1.06 n^(-1/5) deviations; Silverman's rule would take four times as much.
/// assert!((h * 40.0 / (1.06 * 1000f64.powf(-0.2)) - 1.1).abs() < 0.02, "{h}");
/// ```
pub fn sheather_jones(mass: &[u64], samples: f64) -> Result<f64, String> {
    let total: u64 = mass.iter().sum();
    assert!(total > 0, "there is mass");
    let shares: Vec<f64> = mass.iter().map(|&mass| mass as f64 / total as f64).collect();
    let squares: Vec<f64> = cosine_transform(&shares)[1..].iter().map(|a| a * a).collect();
    let above = |t: f64| t - best(&squares, samples, t);
    let least = (CELLS / mass.len() as f64).powi(2);
    if above(least) >= 0.0 {
        return Err(format!(
            "the improved Sheather-Jones bandwidth is below {:.1e} of the range of the samples: they are apart, or lumped",
            least.sqrt()
        ));
    }
    // Steps of a twentieth: two roots that near are as good as one.
    let (mut low, mut high) = (least, 1.05 * least);
    while above(high) < 0.0 {
        if high > LARGEST {
            return Err(
                "there is no improved Sheather-Jones bandwidth: there are too few different samples".into()
            );
        }
        (low, high) = (high, 1.05 * high);
    }
    loop {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            return Ok(high.sqrt());
        }
        if above(middle) < 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
}

/// The best t, if t is that of the highest derivative.
fn best(squares: &[f64], samples: f64, t: f64) -> f64 {
    let mut norm = square_norm(squares, HIGHEST, t);
    for s in (2..HIGHEST).rev() {
        let odd: f64 = (1..=s).map(|k| f64::from(2 * k - 1)).product();
        let constant = (1.0 + 0.5f64.powf(f64::from(s) + 0.5)) / 3.0;
        let time = 2.0 * constant * odd / ((2.0 * PI).sqrt() * samples * norm);
        norm = square_norm(squares, s, time.powf(2.0 / f64::from(3 + 2 * s)));
    }
    (2.0 * samples * PI.sqrt() * norm).powf(-0.4)
}

/// The square integral of a derivative of the density with bandwidth √t.
fn square_norm(squares: &[f64], derivative: i32, t: f64) -> f64 {
    let mut sum = 0.0;
    for (k, square) in (1..).map(f64::from).zip(squares) {
        let damped = k * k * PI * PI * t;
        // Of what is greatest, near 7, the rest is less than 1e-70, also with its k¹⁴: nothing is left.
        if damped > 200.0 {
            break;
        }
        sum += (k * k).powi(derivative) * square * (-damped).exp();
    }
    2.0 * PI.powi(2 * derivative) * sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_bandwidth_is_said() {
        let mut mass = vec![0; 1 << 10];
        (mass[100], mass[900]) = (1, 1);
        let problem = sheather_jones(&mass, 1e9).expect_err("two spikes of many samples each");
        assert!(problem.contains("they are apart, or lumped"), "{problem}");
    }
}
