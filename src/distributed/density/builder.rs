//! A density as one thing: what it is made of, and what can be asked of it.

use std::cell::OnceCell;
use std::error::Error as StdError;

use super::boundary::reach;
use super::check::{check_bandwidth, check_places, check_range};
use super::log::Far;
use super::plan::Task;
use super::samples::turn;
use super::tree::Planted;
use super::{Boundary, Engine, Estimate, Places, Plan, Precision, Samples, Work};
use crate::comm::Comm;
use crate::error::Result;
use crate::kernels::bandwidth::Rule;
use crate::kernels::covariance::Cholesky;
use crate::kernels::density::{Kernel, weighted_normalisation};
use crate::kernels::grid_sums::is_product;
use crate::kernels::tree::Tolerance;
use crate::sys::record::within;

/// How wide the windows are.
#[derive(Debug, Clone, PartialEq)]
pub enum Bandwidth {
    /// By a rule, from the standard deviation along each axis.
    Rule(Rule),
    /// By a rule, from the covariance of the samples: windows that are turned and stretched as they are. With [`Rule::Scott`] or
    /// [`Rule::Silverman`] what scipy's `gaussian_kde` takes.
    Covariance(Rule),
    /// One number for each axis, or one for all.
    Axes(Vec<f64>),
    /// A matrix, row by row: of a Gaussian the covariance. Of the other kernels the square of the bandwidth, as a matrix.
    Matrix(Vec<f64>),
}

/// What a [`Density`] will be like: see [`Density::builder`].
#[derive(Debug, Clone)]
pub struct Builder {
    pub(super) kernel: Kernel,
    bandwidth: Bandwidth,
    pub(super) widths: Vec<f64>,
    boundaries: Vec<Boundary>,
    engine: Engine,
    pub(super) tolerance: Tolerance,
    precision: Precision,
}

impl Builder {
    /// The shape of the windows; a Gaussian if not told.
    #[must_use]
    pub fn kernel(mut self, kernel: Kernel) -> Self {
        self.kernel = kernel;
        self
    }

    /// How wide the windows are; by Scott's rule for each axis if not told.
    #[must_use]
    pub fn bandwidth(mut self, bandwidth: Bandwidth) -> Self {
        self.bandwidth = bandwidth;
        self
    }

    /// Several windows in one pass, as multiples of the bandwidth. Results hold all places for the first, then for the second, and so on.
    #[must_use]
    pub fn widths(mut self, widths: &[f64]) -> Self {
        self.widths = widths.to_vec();
        self
    }

    /// How each axis ends; open if not told.
    #[must_use]
    pub fn boundaries(mut self, boundaries: &[Boundary]) -> Self {
        self.boundaries = boundaries.to_vec();
        self
    }

    /// The way to the sums; the cheapest if not told.
    #[must_use]
    pub fn engine(mut self, engine: Engine) -> Self {
        self.engine = engine;
        self
    }

    /// The error that results may have, beside rounding: a density p may be off by rtol · p + atol · the greatest value that a density of this
    /// kernel and bandwidth can have. None if not told.
    #[must_use]
    pub fn tolerance(mut self, rtol: f64, atol: f64) -> Self {
        self.tolerance = Tolerance { rtol, atol };
        self
    }

    /// What terms are computed in. Single precision is direct.
    #[must_use]
    pub fn precision(mut self, precision: Precision) -> Self {
        self.precision = precision;
        self
    }

    /// The density of these samples.
    ///
    /// # Collective
    /// All ranks must call this, with the same settings.
    ///
    /// # Errors
    /// On all ranks alike: when a bandwidth is not a positive number; when samples do not vary along an axis that a rule needs, or along a
    /// combination of axes, with which ones; when a matrix is not symmetric and positive definite; when densities are out of the range of
    /// numbers; when samples are beyond a limit of reflection; when a tolerance is negative, or not for single precision.
    #[track_caller]
    pub fn fit(self, comm: &Comm, samples: Samples) -> Result<Density<'_>> {
        let _within = within();
        let d = samples.dimensions;
        comm.agree(self.check(d))?;
        let (bandwidth, turned) = match &self.bandwidth {
            Bandwidth::Axes(h) if h.len() == 1 => (vec![h[0]; d], None),
            Bandwidth::Axes(h) => (h.clone(), None),
            Bandwidth::Rule(rule) => {
                let deviations = samples.deviations(comm)?;
                comm.agree(vary(&deviations))?;
                (rule.effective_bandwidth(self.kernel, samples.effective_len(), &deviations), None)
            }
            Bandwidth::Covariance(rule) => {
                let matrix = samples.covariance(comm)?;
                let deviations: Vec<f64> = (0..d).map(|axis| matrix[axis * (d + 1)].sqrt()).collect();
                comm.agree(vary(&deviations))?;
                let factor = rule.effective_factor(samples.effective_len(), d) / self.kernel.deviation(d);
                let matrix: Vec<f64> = matrix.iter().map(|entry| entry * factor * factor).collect();
                let what = |problem| format!("the covariance of the points: {problem}; see --bandwidth");
                (vec![], Some(comm.agree(Cholesky::new(&matrix, d).map_err(what))?))
            }
            Bandwidth::Matrix(matrix) => {
                let what = |problem| format!("the bandwidth: {problem}");
                (vec![], Some(comm.agree(Cholesky::new(matrix, d).map_err(what))?))
            }
        };
        // What their product is: the volume of a window.
        let scale = turned.as_ref().map_or(bandwidth.clone(), Cholesky::diagonal);
        comm.agree(
            check_bandwidth(d, &scale, &self.widths)
                .and_then(|()| check_range(self.kernel, &samples, &scale, &self.widths)),
        )?;
        let spread = turned.as_ref().map_or(bandwidth.clone(), Cholesky::deviations);
        let extent = samples.extent(comm)?;
        let mut density = Density {
            comm,
            extent,
            bandwidth: spread,
            scale,
            units: bandwidth,
            turn: None,
            samples,
            planted: OnceCell::new(),
            settings: self,
        };
        comm.agree((0..d).try_for_each(|axis| {
            density.boundary(axis).check(axis, density.extent[axis], density.reach(axis))
        }))?;
        if let Some(factor) = turned {
            let centre: Vec<f64> = density.extent.iter().map(|(low, high)| 0.5 * low + 0.5 * high).collect();
            density.samples = density.samples.turned(&factor, &centre);
            density.units = vec![1.0; d];
            density.turn = Some((factor, centre));
        }
        Ok(density)
    }

    fn check(&self, d: usize) -> Result<(), Box<dyn StdError>> {
        if let Bandwidth::Axes(h) = &self.bandwidth
            && h.len() != 1
            && h.len() != d
        {
            return Err(format!("{} bandwidths for points of {d} coordinates", h.len()).into());
        }
        if !self.boundaries.is_empty() && self.boundaries.len() != d {
            return Err(format!("{} boundaries for points of {d} coordinates", self.boundaries.len()).into());
        }
        let Tolerance { rtol, atol } = self.tolerance;
        if let Some(bad) =
            [rtol, atol].into_iter().find(|tolerance| !tolerance.is_finite() || *tolerance < 0.0)
        {
            return Err(format!("a tolerance of {bad}: it must be 0 or a positive number").into());
        }
        if self.precision == Precision::Single && matches!(self.engine, Engine::Tree | Engine::Spectral) {
            return Err(format!(
                "the {} engine computes in double precision; single precision is direct",
                self.engine
            )
            .into());
        }
        Ok(())
    }
}

/// Whether there is a spread to take a bandwidth from.
fn vary(deviations: &[f64]) -> Result<(), Box<dyn StdError>> {
    match deviations.iter().position(|s| s.is_nan() || *s <= 0.0) {
        Some(axis) => {
            Err(format!("coordinate {axis} of the points does not vary: give --bandwidth as a number").into())
        }
        None => Ok(()),
    }
}

/// The density of samples that are spread over ranks, to be asked for at any places, as often as wanted.
#[derive(Debug)]
pub struct Density<'c> {
    pub(super) comm: &'c Comm,
    pub(super) settings: Builder,
    /// In coordinates in which the windows go along the axes.
    pub(super) samples: Samples,
    /// How coordinates get there: u = L⁻¹ (x − centre).
    pub(super) turn: Option<(Cholesky, Vec<f64>)>,
    /// The bandwidths there.
    pub(super) units: Vec<f64>,
    /// Their product is the volume of a window.
    scale: Vec<f64>,
    /// The bandwidths along the axes as they are given.
    bandwidth: Vec<f64>,
    /// Of the samples, as they are given.
    pub(super) extent: Vec<(f64, f64)>,
    pub(super) planted: OnceCell<Planted>,
}

impl<'c> Density<'c> {
    /// A Gaussian density with Scott's bandwidth for each axis, open ends, and all digits; to be changed, and then made with
    /// [`fit`](Builder::fit).
    ///
    /// ```
    /// use rankwise::distributed::density::{Bandwidth, Boundary, Density, Places, Samples};
    /// use rankwise::kernels::bandwidth::Rule;
    ///
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let mine = Samples::blocks(4, world.size()).range(world.rank());
    /// let samples = Samples::new(world, 4, 1, &[0.1, 0.4, 0.5, 1.5][mine])?;
    /// let density = Density::builder()
    ///     .bandwidth(Bandwidth::Rule(Rule::Silverman))
    ///     .boundaries(&[Boundary::Reflect { low: 0.0, high: f64::INFINITY }])
    ///     .fit(world, samples)?;
    /// let p = density.evaluate(Places::Points(&[-1.0, 0.0, 1.0]))?;
    /// assert!(p[0] == 0.0 && p[1] > p[2]);
    /// // A thousand bandwidths away, where p is 0 in numbers.
    /// let log = density.log_evaluate(Places::Points(&[600.0]))?;
    /// assert!(log[0] < -7e5 && log[0].is_finite());
    /// # Ok(()) }) }
    /// ```
    pub fn builder() -> Builder {
        Builder {
            kernel: Kernel::Gaussian,
            bandwidth: Bandwidth::Rule(Rule::Scott),
            widths: vec![1.0],
            boundaries: vec![],
            engine: Engine::Auto,
            tolerance: Tolerance::default(),
            precision: Precision::Double,
        }
    }

    /// The bandwidth along each axis; of turned windows the square roots of the diagonal of their matrix.
    pub fn bandwidth(&self) -> &[f64] {
        &self.bandwidth
    }

    /// The least and the greatest coordinate of the samples along each axis.
    pub fn extent(&self) -> &[(f64, f64)] {
        &self.extent
    }

    /// The density at this rank's places, for each window: all places for the first, then for the second, and so on. The same bits for any
    /// number of ranks.
    ///
    /// # Collective
    /// All ranks must call this; a rank may have no places. Either all give points or all give a grid.
    ///
    /// # Errors
    /// On all ranks alike: when places are not whole rows of finite numbers; when an engine cannot do what it is asked for, with
    /// one that can.
    #[track_caller]
    pub fn evaluate(&self, places: Places<'_>) -> Result<Vec<f64>> {
        let _within = within();
        Ok(self.evaluate_with(places, |_| {})?.0)
    }

    /// As [`evaluate`](Density::evaluate), with the plan that was carried out; `progress` is called now and then with the part that is done,
    /// between 0 and 1.
    ///
    /// # Collective
    /// As [`evaluate`](Density::evaluate).
    ///
    /// # Errors
    /// As [`evaluate`](Density::evaluate).
    #[track_caller]
    pub fn evaluate_with(&self, places: Places<'_>, progress: impl FnMut(f64)) -> Result<(Vec<f64>, Plan)> {
        let _within = within();
        let (mut sums, plan) = self.sums(places, progress)?;
        let m = places.len(self.samples.dimensions);
        for (sums, width) in sums.chunks_mut(m.max(1)).zip(&self.settings.widths) {
            let scale: Vec<f64> = self.scale.iter().map(|h| h * width).collect();
            let factor = weighted_normalisation(self.settings.kernel, &scale, self.samples.weight());
            sums.iter_mut().for_each(|sum| *sum *= factor);
        }
        Ok((sums, plan))
    }

    /// The natural logarithm of the density at this rank's places: of a Gaussian right also where the density is too small for a number, to
    /// 1e-14 and (d + 3) · 1.1e-16 of itself. −∞ where another kernel is 0, and beyond a limit of reflection. A tolerance
    /// holds for the density where that is above 1e-270 of its greatest possible value; what is below has all digits.
    ///
    /// # Collective
    /// As [`evaluate`](Density::evaluate).
    ///
    /// # Errors
    /// As [`evaluate`](Density::evaluate).
    #[track_caller]
    pub fn log_evaluate(&self, places: Places<'_>) -> Result<Vec<f64>> {
        let _within = within();
        Ok(self.log_evaluate_with(places, |_| {})?.0)
    }

    /// As [`log_evaluate`](Density::log_evaluate), with plan and progress as [`evaluate_with`](Density::evaluate_with).
    ///
    /// # Collective
    /// As [`evaluate`](Density::evaluate).
    ///
    /// # Errors
    /// As [`evaluate`](Density::evaluate).
    #[track_caller]
    pub fn log_evaluate_with(
        &self,
        places: Places<'_>,
        progress: impl FnMut(f64),
    ) -> Result<(Vec<f64>, Plan)> {
        let _within = within();
        let (sums, plan) = self.sums(places, progress)?;
        let (d, settings) = (self.samples.dimensions, &self.settings);
        let mut logarithms = if settings.kernel == Kernel::Gaussian {
            let far = Far {
                samples: &self.samples,
                bandwidth: &self.units,
                widths: &settings.widths,
                turn: self.turn.as_ref(),
                boundaries: &(0..d).map(|axis| self.boundary(axis)).collect::<Vec<_>>(),
                extent: &self.extent,
                spread: &self.bandwidth,
            };
            far.logarithms(self.comm, sums, places)?
        } else {
            sums.iter().map(|sum| sum.ln()).collect()
        };
        for (logarithms, width) in logarithms.chunks_mut(places.len(d).max(1)).zip(&settings.widths) {
            let volume: f64 = self.scale.iter().map(|h| (h * width).ln()).sum();
            let factor = settings.kernel.constant(d).ln() - self.samples.weight().ln() - volume;
            logarithms.iter_mut().for_each(|logarithm| *logarithm += factor);
        }
        Ok((logarithms, plan))
    }

    /// What would be done for these places, without doing it. A few small messages.
    ///
    /// # Collective
    /// As [`evaluate`](Density::evaluate).
    ///
    /// # Errors
    /// As [`evaluate`](Density::evaluate).
    #[track_caller]
    pub fn plan(&self, places: Places<'_>) -> Result<Plan> {
        let _within = within();
        self.comm.agree(check_places(self.samples.dimensions, places))?;
        let turned = self.turned(places);
        self.task(self.seen(places, turned.as_deref())).plan(self.comm, self.settings.engine)
    }

    pub(super) fn boundary(&self, axis: usize) -> Boundary {
        self.settings.boundaries.get(axis).copied().unwrap_or_default()
    }

    /// How far from a sample the widest window is not 0, along an axis.
    pub(super) fn reach(&self, axis: usize) -> f64 {
        let widest = self.settings.widths.iter().copied().fold(0.0, f64::max);
        let turned = matches!(self.settings.bandwidth, Bandwidth::Covariance(_) | Bandwidth::Matrix(_))
            .then_some(self.bandwidth.len());
        reach(self.settings.kernel, turned) * widest * self.bandwidth[axis]
    }

    /// The places as rows of turned coordinates, if they are.
    fn turned(&self, places: Places<'_>) -> Option<Vec<f64>> {
        let (factor, centre) = self.turn.as_ref()?;
        let d = centre.len();
        let Work::Columns(columns) = Work::points(d, places) else { unreachable!("points were asked for") };
        let (columns, m) = (turn(factor, centre, &columns), places.len(d));
        Some((0..m).flat_map(|place| columns.iter().skip(place).step_by(m).copied()).collect())
    }

    /// The places in the coordinates of the samples.
    fn seen<'a>(&self, places: Places<'a>, turned: Option<&'a [f64]>) -> Places<'a> {
        turned.map_or(places, Places::Points)
    }

    pub(super) fn task<'a>(&'a self, places: Places<'a>) -> Task<'a> {
        let Builder { kernel, widths, precision, tolerance, .. } = &self.settings;
        let d = self.samples.dimensions;
        Task {
            estimate: Estimate { kernel: *kernel, bandwidth: &self.units, widths, precision: *precision },
            samples: &self.samples,
            places,
            product: matches!(places, Places::Grid(_)) && d > 1 && is_product(*kernel),
            planted: self.planted.get().is_some(),
            tolerance: *tolerance,
            open: self.settings.boundaries.iter().all(|boundary| *boundary == Boundary::Open),
            images: self.images(),
        }
    }
}
