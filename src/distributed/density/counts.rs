//! How many samples are in each of many cubes.

use super::check::{check_bandwidth, check_places};
use super::threads::{self, as_they_are, of_stretch, stretches};
use super::{Places, Samples, Work};
use crate::comm::Comm;
use crate::error::Result;
use crate::kernels::window_counts::Widths;
use crate::sys::record::within;

/// The number of samples in the cube of each width around each of this rank's places, edges included: all places for the first width, then for the
/// second, and so on. However many widths there are, it takes one pass over the pairs; and the counts are exact.
///
/// Divided by n hᵈ they are the density with hypercube windows. Samples must be without weights.
///
/// # Collective
/// All ranks must call this, with the same widths; a rank may have no places.
///
/// # Errors
/// On all ranks alike: when there is no width, or one that is not a positive number; when samples have weights; when places are not whole
/// rows of finite numbers.
///
/// ```
/// use rankwise::distributed::density::{Places, Samples, window_counts};
///
/// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
/// let mine = Samples::blocks(4, world.size()).range(world.rank());
/// let samples = Samples::new(world, 4, 1, &[0.0, 1.0, 1.5, 7.0][mine])?;
/// let counts = window_counts(world, &samples, Places::Points(&[1.0]), &[0.5, 1.0, 2.0, 100.0], |_| {})?;
/// assert_eq!(counts, [1, 2, 3, 4]);
/// # Ok(()) }) }
/// ```
#[track_caller]
pub fn window_counts(
    comm: &Comm,
    samples: &Samples,
    places: Places<'_>,
    widths: &[f64],
    progress: impl FnMut(f64),
) -> Result<Vec<u64>> {
    let _within = within();
    let d = samples.dimensions;
    comm.agree(check_bandwidth(d, &vec![1.0; d], widths).and_then(|()| check_places(d, places)).and_then(
        |()| match (&samples.weights, widths) {
            (_, []) => Err("no width to count in".into()),
            (Some(_), _) => Err("samples with weights are not counted: evaluate their density".into()),
            _ => Ok(()),
        },
    ))?;
    let Work::Columns(points) = Work::points(d, places) else { unreachable!("points were asked for") };
    let widths = Widths::new(widths);
    let m = points.len() / d;
    let parts = stretches(m, samples.threads)
        .into_iter()
        .map(|stretch| (of_stretch(&points, m, &stretch), stretch.len() * (widths.count() + 1), 0))
        .collect();
    let steps = threads::sums(comm, samples, as_they_are, parts, progress, |points, tile, _, steps| {
        widths.add_tile(d, tile, points, steps);
    })?
    .concat();
    Ok(widths.in_cubes(&steps))
}
