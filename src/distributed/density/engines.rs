//! The sums of a fitted density, in the way that its plan says.

use super::boundary::{Fold, unfold};
use super::samples::turn;
use super::spectral::{self, At};
use super::tree::Planted;
use super::{Boundary, Density, Engine, Estimate, Places, Plan, Work, direct};
use crate::comm::Max;
use crate::error::Result;
use crate::kernels::tree::Tolerance;

impl Density<'_> {
    /// The sums of shapes, without their factor. Collective.
    pub(super) fn sums(&self, places: Places<'_>, progress: impl FnMut(f64)) -> Result<(Vec<f64>, Plan)> {
        let plan = self.plan(places)?;
        let sums = match plan.engine {
            Engine::Spectral => self.by_grid(places, plan.grid_tolerance, progress)?,
            engine => self.by_pairs(engine, places, &self.settings.widths, progress)?,
        };
        Ok((sums, plan))
    }

    /// How many images a place can have.
    pub(super) fn images(&self) -> f64 {
        let of_axis = |axis| self.boundary(axis).most_images(self.extent[axis], self.reach(axis));
        (0..self.samples.dimensions()).map(of_axis).product()
    }

    /// Directly, or by the tree. What the tree may leave out is shared out over the images of a place.
    fn by_pairs(
        &self,
        engine: Engine,
        places: Places<'_>,
        widths: &[f64],
        progress: impl FnMut(f64),
    ) -> Result<Vec<f64>> {
        let d = self.samples.dimensions();
        let task = self.task(places);
        let estimate = Estimate { widths, ..task.estimate };
        let as_grid = engine == Engine::Direct && self.turn.is_none() && task.product;
        let work = if as_grid { Work::new(estimate.kernel, d, places) } else { Work::points(d, places) };
        let (work, fold) = self.images_of(work);
        let sums = match (engine, &work) {
            (Engine::Tree, Work::Columns(points)) => {
                if self.planted.get().is_none() {
                    let _ = self.planted.set(Planted::new(self.comm, &self.samples, &self.units)?);
                }
                let planted = self.planted.get().expect("planted above");
                let Tolerance { rtol, atol } = task.tolerance;
                let tolerance = Tolerance { rtol, atol: atol / task.images };
                planted.sums(self.comm, estimate, points, tolerance, self.samples.threads, progress)?
            }
            _ => direct::sums(self.comm, estimate, &self.samples, &work, progress)?,
        };
        Ok(fold.fold(sums, widths.len()))
    }

    /// By way of a grid that is right to `tolerance`, a part of the greatest value that can be, at each image of a place; and where that
    /// is not enough, by the tree.
    ///
    /// With q found and p wanted, in units of the greatest value, |q − p| ≤ e, which is `tolerance` times the images of a place. So p ≥ q − e, and
    /// where e ≤ rtol · (q − e) + atol, q is as right as it was to be.
    fn by_grid(&self, places: Places<'_>, tolerance: f64, mut progress: impl FnMut(f64)) -> Result<Vec<f64>> {
        let (comm, d, m) = (self.comm, self.samples.dimensions(), places.len(self.samples.dimensions()));
        let task = self.task(places);
        let widths = &self.settings.widths;
        let Tolerance { rtol, atol } = task.tolerance;
        // The tree has as much to do as the grid, for all that is known.
        let share = if rtol > 0.0 { 0.5 } else { 1.0 };
        let of_grid = |part: f64| progress(share * part);
        let mut sums = if task.open && self.turn.is_none() {
            spectral::sums(comm, task.estimate, &self.samples, &At::Places(places), tolerance, of_grid)?
        } else {
            let (work, fold) = self.images_of(Work::points(d, places));
            let Work::Columns(columns) = &work else { unreachable!("points were asked for") };
            let at = At::Columns(columns);
            fold.fold(
                spectral::sums(comm, task.estimate, &self.samples, &at, tolerance, of_grid)?,
                widths.len(),
            )
        };
        // No density is negative: what is, is wrong by as much.
        sums.iter_mut().for_each(|sum| *sum = sum.max(0.0));
        if rtol > 0.0 {
            let peak = self.samples.weight();
            let error = tolerance * task.images * peak;
            for (window, width) in widths.iter().enumerate() {
                let sums = &mut sums[window * m..][..m];
                let right = |sum: f64| error <= rtol * (sum - error) + atol * peak;
                let anew: Vec<usize> = (0..m).filter(|&place| !right(sums[place])).collect();
                if comm.all_reduce_one(u8::from(!anew.is_empty()), Max)? == 1 {
                    let rows: Vec<f64> = anew.iter().flat_map(|&place| places.point(place, d)).collect();
                    let fine = self.by_pairs(Engine::Tree, Places::Points(&rows), &[*width], |_| {})?;
                    anew.into_iter().zip(fine).for_each(|(place, fine)| sums[place] = fine);
                }
                progress(share + (1.0 - share) * (window + 1) as f64 / widths.len() as f64);
            }
        }
        Ok(sums)
    }

    /// The images of places within reach, in the coordinates of the samples.
    fn images_of<'w>(&self, work: Work<'w>) -> (Work<'w>, Fold) {
        let d = self.samples.dimensions();
        let boundaries: Vec<Boundary> = (0..d).map(|axis| self.boundary(axis)).collect();
        let limits: Vec<(f64, f64)> = (0..d)
            .map(|axis| (self.extent[axis].0 - self.reach(axis), self.extent[axis].1 + self.reach(axis)))
            .collect();
        let (mut work, fold) = unfold(work, &boundaries, &limits);
        if let (Some((factor, centre)), Work::Columns(columns)) = (&self.turn, &mut work) {
            *columns = turn(factor, centre, columns);
        }
        (work, fold)
    }
}
