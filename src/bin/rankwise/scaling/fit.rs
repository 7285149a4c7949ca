//! Straight lines through measurements, with what is uncertain about them.

/// `y = intercept + slope x`, by least squares, with the covariance of the two (ordinary regression).
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    pub(super) intercept: f64,
    pub(super) slope: f64,
    /// Variances of the two, and their covariance.
    var_intercept: f64,
    var_slope: f64,
    covariance: f64,
}

impl Line {
    /// `None` unless there are three points, at two places at least.
    pub(super) fn through(points: &[(f64, f64)]) -> Option<Line> {
        if points.len() < 3 {
            return None;
        }
        let n = points.len() as f64;
        let (x, y, sxx, slope) = slope(points)?;
        let intercept = y - slope * x;
        let left: f64 = points.iter().map(|p| (p.1 - intercept - slope * p.0).powi(2)).sum();
        let variance = left / (n - 2.0);
        Some(Line {
            intercept,
            slope,
            var_intercept: variance * (1.0 / n + x * x / sxx),
            var_slope: variance / sxx,
            covariance: -variance * x / sxx,
        })
    }

    /// The value at `x`, and its standard error.
    pub(super) fn at(&self, x: f64) -> (f64, f64) {
        let variance = self.var_intercept + x * x * self.var_slope + 2.0 * x * self.covariance;
        (self.intercept + self.slope * x, variance.max(0.0).sqrt())
    }

    /// `intercept / (intercept + slope)`, and its standard error to first order.
    pub(super) fn share(&self) -> (f64, f64) {
        let (a, b) = (self.intercept, self.slope);
        let sum = a + b;
        let (da, db) = (b / (sum * sum), -a / (sum * sum));
        let variance =
            da * da * self.var_intercept + db * db * self.var_slope + 2.0 * da * db * self.covariance;
        (a / sum, variance.max(0.0).sqrt())
    }
}

/// The means of both, Σ (x − mean)², and the slope by least squares. `None` at a single place.
fn slope(points: &[(f64, f64)]) -> Option<(f64, f64, f64, f64)> {
    let n = points.len() as f64;
    let x = points.iter().map(|p| p.0).sum::<f64>() / n;
    let y = points.iter().map(|p| p.1).sum::<f64>() / n;
    let sxx: f64 = points.iter().map(|p| (p.0 - x).powi(2)).sum();
    let sxy: f64 = points.iter().map(|p| (p.0 - x) * (p.1 - y)).sum();
    (sxx > f64::EPSILON * x * x * n).then(|| (x, y, sxx, sxy / sxx))
}

/// The power p for which c xᵖ fits best, of positive numbers, by least squares of logarithms. `None` at a single place.
pub(super) fn power(points: &[(f64, f64)]) -> Option<f64> {
    let logarithms: Vec<_> = points.iter().map(|p| (p.0.ln(), p.1.ln())).collect();
    slope(&logarithms).map(|(.., power)| power)
}

/// The slope of a line through the origin, and its standard error. `None` below two points away from it.
pub(super) fn slope_from_origin(points: &[(f64, f64)]) -> Option<(f64, f64)> {
    let sxx: f64 = points.iter().map(|p| p.0 * p.0).sum();
    if points.len() < 2 || sxx <= 0.0 {
        return None;
    }
    let slope = points.iter().map(|p| p.0 * p.1).sum::<f64>() / sxx;
    let left: f64 = points.iter().map(|p| (p.1 - slope * p.0).powi(2)).sum();
    Some((slope, (left / (points.len() - 1) as f64 / sxx).sqrt()))
}

/// The middle one of values in any order, or the mean of the two in the middle.
pub(super) fn median(values: &mut [f64]) -> f64 {
    quantile(values, 0.5)
}

/// The value below which that part of the values lies, between two of them on a straight line.
pub(super) fn quantile(values: &mut [f64], part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let place = part * (values.len() - 1) as f64;
    let (below, above) = (place.floor() as usize, place.ceil() as usize);
    values[below] + (values[above] - values[below]) * place.fract()
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn a_line_is_found_with_its_errors() {
        // Anscombe's first set (1973): y = 3.0001 + 0.5001 x, standard errors 1.1247 and 0.1179.
        let x = [10.0, 8.0, 13.0, 9.0, 11.0, 14.0, 6.0, 4.0, 12.0, 7.0, 5.0];
        let y = [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68];
        let points: Vec<_> = x.into_iter().zip(y).collect();
        let line = Line::through(&points).unwrap();
        assert_relative_eq!(line.intercept, 3.0001, epsilon = 1e-4);
        assert_relative_eq!(line.slope, 0.5001, epsilon = 1e-4);
        assert_relative_eq!(line.at(0.0).1, 1.1247, epsilon = 1e-4);
        assert_relative_eq!(line.var_slope.sqrt(), 0.1179, epsilon = 1e-4);
    }

    #[test]
    fn one_place_is_no_line() {
        assert!(Line::through(&[(1.0, 2.0), (1.0, 3.0), (1.0, 4.0)]).is_none());
        assert!(Line::through(&[(1.0, 2.0), (2.0, 3.0)]).is_none());
        assert!(slope_from_origin(&[(0.0, 1.0), (0.0, 2.0)]).is_none());
    }

    #[test]
    fn quantiles_lie_between() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(quantile(&mut [4.0, 1.0, 2.0, 3.0, 5.0], 0.25), 2.0);
        assert_eq!(median(&mut [1.0, 2.0]), 1.5);
    }
}
