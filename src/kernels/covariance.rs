//! The square root of a matrix of bandwidths: what turns correlated coordinates into independent ones.

/// The lower triangular L of a symmetric, positive definite matrix: L Lᵀ is the matrix.
///
/// ```
/// use rankwise::kernels::covariance::Cholesky;
/// let factor = Cholesky::new(&[4.0, 2.0, 2.0, 5.0], 2).unwrap();
/// assert_eq!(factor.solve(&[2.0, 5.0]), [1.0, 2.0]);
/// assert_eq!(factor.determinant(), 4.0);
/// let problem = Cholesky::new(&[1.0, 2.0, 2.0, 4.0], 2).unwrap_err();
/// assert_eq!(problem, "the matrix is singular: axis 1 is determined by axis 0");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Cholesky {
    d: usize,
    /// Row by row, with zeros above the diagonal.
    rows: Vec<f64>,
}

impl Cholesky {
    /// The factor of a matrix of `d` rows, given row by row.
    ///
    /// # Errors
    /// When it is not a square, finite, symmetric matrix that is positive definite: which entry, or which axes depend on each
    /// other. An axis of which less than 1e-12 is left when the others are known counts as determined by them.
    pub fn new(matrix: &[f64], d: usize) -> Result<Self, String> {
        if d == 0 || matrix.len() != d * d {
            return Err(format!(
                "a matrix of {} numbers for {d} axes: there must be {}",
                matrix.len(),
                d * d
            ));
        }
        for row in 0..d {
            for column in 0..d {
                let (entry, mirrored) = (matrix[row * d + column], matrix[column * d + row]);
                if !entry.is_finite() {
                    return Err(format!("row {row}, column {column} of the matrix is {entry}"));
                }
                let scale = (matrix[row * d + row] * matrix[column * d + column]).abs().sqrt();
                if (entry - mirrored).abs() > 1e-12 * scale {
                    return Err(format!(
                        "the matrix is not symmetric: {entry} and {mirrored} at row {row}, column {column}"
                    ));
                }
            }
        }
        let mut rows = vec![0.0; d * d];
        for k in 0..d {
            let variance = matrix[k * d + k];
            if variance <= 0.0 {
                return Err(format!("the matrix is singular: axis {k} has the variance {variance}"));
            }
            for j in 0..=k {
                let known: f64 = (0..j).map(|i| rows[k * d + i] * rows[j * d + i]).sum();
                let left = matrix[k * d + j] - known;
                if j < k {
                    rows[k * d + j] = left / rows[j * d + j];
                } else if left > 1e-12 * variance {
                    rows[k * d + k] = left.sqrt();
                } else if left < -1e-12 * variance {
                    return Err(format!("the matrix is not positive definite: see axes 0 to {k}"));
                } else {
                    return Err(format!(
                        "the matrix is singular: axis {k} is determined by {}",
                        axes(&determining(&rows, matrix, d, k))
                    ));
                }
            }
        }
        Ok(Cholesky { d, rows })
    }

    /// Number of axes.
    pub fn dimensions(&self) -> usize {
        self.d
    }

    /// Entry of L.
    fn at(&self, row: usize, column: usize) -> f64 {
        self.rows[row * self.d + column]
    }

    /// L⁻¹ x.
    ///
    /// # Panics
    /// If x has not one coordinate for each axis.
    pub fn solve(&self, x: &[f64]) -> Vec<f64> {
        assert_eq!(x.len(), self.d, "one coordinate for each axis");
        let mut u = Vec::with_capacity(self.d);
        for (row, x) in x.iter().enumerate() {
            let known: f64 = (0..row).map(|column| self.at(row, column) * u[column]).sum();
            u.push((x - known) / self.at(row, row));
        }
        u
    }

    /// L⁻¹, row by row.
    pub fn inverse(&self) -> Vec<f64> {
        let mut inverse = vec![0.0; self.d * self.d];
        for column in 0..self.d {
            let unit: Vec<f64> = (0..self.d).map(|row| f64::from(row == column)).collect();
            for (row, entry) in self.solve(&unit).into_iter().enumerate() {
                inverse[row * self.d + column] = entry;
            }
        }
        inverse
    }

    /// The determinant of L: the square root of the matrix'.
    pub fn determinant(&self) -> f64 {
        (0..self.d).map(|k| self.at(k, k)).product()
    }

    /// The diagonal of L, whose product is the determinant.
    pub fn diagonal(&self) -> Vec<f64> {
        (0..self.d).map(|k| self.at(k, k)).collect()
    }

    /// The natural logarithm of the determinant.
    pub fn ln_determinant(&self) -> f64 {
        (0..self.d).map(|k| self.at(k, k).ln()).sum()
    }

    /// The square roots of the diagonal of the matrix: the bandwidth of each axis by itself.
    pub fn deviations(&self) -> Vec<f64> {
        (0..self.d)
            .map(|row| {
                (0..=row).map(|column| self.at(row, column) * self.at(row, column)).sum::<f64>().sqrt()
            })
            .collect()
    }
}

/// The axes that axis k, which they determine, is a combination of.
fn determining(rows: &[f64], matrix: &[f64], d: usize, k: usize) -> Vec<usize> {
    // Lᵀ c = the row of k: c are the coefficients.
    let mut coefficients = vec![0.0; k];
    for j in (0..k).rev() {
        let known: f64 = (j + 1..k).map(|i| rows[i * d + j] * coefficients[i]).sum();
        coefficients[j] = (rows[k * d + j] - known) / rows[j * d + j];
    }
    (0..k)
        .filter(|&j| {
            let (of_j, of_k) = (matrix[j * d + j].sqrt(), matrix[k * d + k].sqrt());
            coefficients[j].abs() * of_j > 1e-6 * of_k
        })
        .collect()
}

/// `axis 0`, or `axes 0 and 2`.
fn axes(numbers: &[usize]) -> String {
    let words: Vec<String> = numbers.iter().map(usize::to_string).collect();
    match words.as_slice() {
        [] => "the others".to_owned(),
        [one] => format!("axis {one}"),
        [others @ .., last] => format!("axes {} and {last}", others.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn the_factor_times_itself_is_the_matrix() {
        let matrix = [4.0, 1.0, -0.5, 1.0, 3.0, 0.25, -0.5, 0.25, 2.0];
        let factor = Cholesky::new(&matrix, 3).expect("positive definite");
        for row in 0..3 {
            for column in 0..3 {
                let product: f64 = (0..3).map(|k| factor.at(row, k) * factor.at(column, k)).sum();
                assert_relative_eq!(product, matrix[row * 3 + column], max_relative = 1e-14);
            }
            assert_relative_eq!(factor.deviations()[row], matrix[row * 4].sqrt(), max_relative = 1e-14);
        }
        let (inverse, x) = (factor.inverse(), [0.3, -1.0, 2.0]);
        for (row, u) in factor.solve(&x).into_iter().enumerate() {
            let product: f64 = (0..3).map(|k| inverse[row * 3 + k] * x[k]).sum();
            assert_relative_eq!(u, product, max_relative = 1e-13);
        }
        assert_relative_eq!(factor.determinant().ln(), factor.ln_determinant(), max_relative = 1e-14);
    }

    #[test]
    fn a_singular_matrix_says_which_axes() {
        // Axis 2 is axis 0 plus twice axis 1.
        let three = [1.0, 0.0, 1.0, 0.0, 1.0, 2.0, 1.0, 2.0, 5.0];
        for (matrix, d, says) in [
            (&three[..], 3, "axis 2 is determined by axes 0 and 1"),
            (&[1.0, 0.0, 0.0, 0.0][..], 2, "axis 1 has the variance 0"),
            (&[1.0, 2.0, 2.0, 1.0][..], 2, "not positive definite"),
            (&[1.0, 0.5, 0.4, 1.0][..], 2, "not symmetric: 0.5 and 0.4 at row 0, column 1"),
            (&[1.0, f64::NAN, 0.4, 1.0][..], 2, "row 0, column 1 of the matrix is NaN"),
            (&[1.0, 0.5, 0.4][..], 2, "3 numbers for 2 axes: there must be 4"),
        ] {
            let problem = Cholesky::new(matrix, d).expect_err(says);
            assert!(problem.contains(says), "{problem}");
        }
    }
}
