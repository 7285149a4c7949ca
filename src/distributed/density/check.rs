//! What is no density: found before anything is sent.

use std::error::Error as StdError;

use super::{Estimate, Places, Samples};
use crate::kernels::density::{Kernel, weighted_normalisation};

type Outcome = Result<(), Box<dyn StdError>>;

/// An estimate and where it is wanted.
pub(super) fn check(estimate: Estimate<'_>, samples: &Samples, places: Places<'_>) -> Outcome {
    let Estimate { kernel, bandwidth, widths, .. } = estimate;
    let d = samples.dimensions;
    check_bandwidth(d, bandwidth, widths)?;
    check_range(kernel, samples, bandwidth, widths)?;
    check_places(d, places)
}

/// Bandwidths and widths by themselves.
pub(super) fn check_bandwidth(d: usize, bandwidth: &[f64], widths: &[f64]) -> Outcome {
    if bandwidth.len() != d {
        return Err(format!("{} bandwidths for points of {d} coordinates", bandwidth.len()).into());
    }
    if let Some(h) = bandwidth.iter().chain(widths).find(|h| !h.is_finite() || **h <= 0.0) {
        return Err(format!("a bandwidth of {h}: it must be a positive number").into());
    }
    Ok(())
}

/// Whether densities are numbers.
pub(super) fn check_range(kernel: Kernel, samples: &Samples, bandwidth: &[f64], widths: &[f64]) -> Outcome {
    let d = bandwidth.len();
    for width in widths {
        let bandwidth: Vec<f64> = bandwidth.iter().map(|h| h * width).collect();
        let squares = bandwidth.iter().map(|h| h * h);
        if !weighted_normalisation(kernel, &bandwidth, samples.weight()).is_normal()
            || squares.clone().any(|s| !s.is_normal())
        {
            let h =
                if d > 3 { format!("{} in {d} dimensions", bandwidth[0]) } else { format!("{bandwidth:?}") };
            return Err(format!("with a bandwidth of {h} densities are out of the range of numbers").into());
        }
    }
    Ok(())
}

/// Whether places are whole rows of finite numbers.
pub(super) fn check_places(d: usize, places: Places<'_>) -> Outcome {
    match places {
        Places::Points(rows) if !rows.len().is_multiple_of(d) => {
            Err(format!("{} coordinates are not whole rows of {d}", rows.len()).into())
        }
        Places::Points(rows) => match rows.iter().position(|x| !x.is_finite()) {
            Some(place) => {
                Err(format!("point {}, column {} of this rank is {}", place / d, place % d, rows[place])
                    .into())
            }
            None => Ok(()),
        },
        Places::Grid(axes) if axes.len() != d => {
            Err(format!("a grid of {} axes for points of {d} coordinates", axes.len()).into())
        }
        Places::Grid(axes) => match axes.iter().flatten().find(|x| !x.is_finite()) {
            Some(x) => Err(format!("a cell of the grid at {x}").into()),
            None => Ok(()),
        },
    }
}
