//! Where the density is wanted: the cells of a grid, or the points of a file, dealt out over the ranks.

use std::error::Error;

use rankwise::distributed::density::{Boundary, Samples};
use rankwise::prelude::*;
use rankwise::sum::ExactSum;

use crate::Settings;
use crate::arguments::Args;
use crate::input::Source;

pub(crate) enum Place {
    /// Each rank has some of the rows along the first axis.
    Grid { axes: Vec<Axis>, rows: Partition },
    /// Each rank has some of the points of a file.
    Points { mine: Vec<f64>, blocks: Partition, name: String },
}

/// Equal cells between two limits.
#[derive(Debug, Clone)]
pub(crate) struct Axis {
    pub(crate) cells: usize,
    pub(crate) limits: (f64, f64),
}

impl Axis {
    /// The middle of a cell.
    pub(crate) fn centre(&self, cell: usize) -> f64 {
        self.limits.0 + self.width() * (cell as f64 + 0.5)
    }

    pub(crate) fn width(&self) -> f64 {
        (self.limits.1 - self.limits.0) / self.cells as f64
    }
}

impl Place {
    /// What the command line asks for. Collective.
    pub(crate) fn new(
        world: &Comm,
        args: &Args,
        samples: &Samples,
        settings: &Settings,
    ) -> Result<Self, Box<dyn Error>> {
        let d = samples.dimensions();
        if let Some(at) = args.at() {
            let (path, name) = at?;
            let source = Source::hdf5(world, &path, &name, &[])?;
            if source.columns() != d {
                let problem = format!(
                    "the points to evaluate at have {} coordinates, the others {d}",
                    source.columns()
                );
                return Err(problem.into());
            }
            let blocks = Partition::even(source.rows(), world.size());
            let mine = source.read(world, blocks.range(world.rank()))?;
            let finite = match mine.iter().position(|x| !x.is_finite()) {
                None => Ok(()),
                Some(place) => {
                    let row = blocks.range(world.rank()).start + place / d;
                    Err(format!("{}: row {row}, column {} is {}", path.display(), place % d, mine[place]))
                }
            };
            world.agree(finite)?;
            return Ok(Place::Points { mine, blocks, name: format!("{}:{name}", path.display()) });
        }
        let cells = match &args.grid {
            Some(grid) if grid.0.len() == d => grid.0.clone(),
            Some(grid) => {
                return Err(
                    format!("--grid has {} numbers, the points have {d} coordinates", grid.0.len()).into()
                );
            }
            None if d <= 3 => vec![[512, 256, 64][d - 1]; d],
            None => return Err(format!("no grid in {d} dimensions: use --at FILE:/DATASET").into()),
        };
        let limits = match args.limits.len() {
            0 => default_limits(&samples.extent(world)?, settings),
            given if given == d => args.limits.clone(),
            given => {
                return Err(format!("--limits has {given} intervals, the points have {d} coordinates").into());
            }
        };
        let axes: Vec<Axis> =
            cells.into_iter().zip(limits).map(|(cells, limits)| Axis { cells, limits }).collect();
        if args.plot.is_some() && (d > 2 || (d == 1 && axes[0].cells < 2)) {
            return Err("--plot draws one or two coordinates, of two cells at least".into());
        }
        let rows = Partition::even(axes[0].cells, world.size());
        let place = Place::Grid { axes, rows };
        world.agree(place.fits(world.rank(), d, settings.widths.len()))?;
        Ok(place)
    }

    /// Whether this rank has memory for its cells and their densities.
    fn fits(&self, rank: usize, d: usize, windows: usize) -> Result<(), String> {
        let Place::Grid { axes, rows } = self else { return Ok(()) };
        let cells =
            axes.iter().skip(1).try_fold(rows.count(rank), |cells, axis| cells.checked_mul(axis.cells));
        let numbers = cells.and_then(|cells| cells.checked_mul(d + windows));
        let room = numbers
            .ok_or(())
            .and_then(|numbers| Vec::<f64>::new().try_reserve_exact(numbers).map_err(|_| ()));
        room.map_err(|()| {
            let cells: Vec<String> = axes.iter().map(|axis| axis.cells.to_string()).collect();
            format!("no memory for a grid of {} cells", cells.join("x"))
        })
    }

    /// The centres along each axis that a rank has; none for points.
    pub(crate) fn axes_of(&self, rank: usize) -> Vec<Vec<f64>> {
        let Place::Grid { axes, rows } = self else { return vec![] };
        let mut centres: Vec<Vec<f64>> =
            axes.iter().map(|axis| (0..axis.cells).map(|cell| axis.centre(cell)).collect()).collect();
        centres[0] = rows.range(rank).map(|row| axes[0].centre(row)).collect();
        centres
    }

    /// Number of points in all.
    pub(crate) fn len(&self) -> usize {
        match self {
            Place::Points { blocks, .. } => blocks.len(),
            Place::Grid { axes, .. } => axes.iter().map(|axis| axis.cells).product(),
        }
    }

    /// The integral of the first window's density over the grid: near 1 when the grid holds all of it. Collective.
    pub(crate) fn total(&self, world: &Comm, values: &[f64]) -> Result<Option<f64>> {
        let Place::Grid { axes, rows } = self else { return Ok(None) };
        let inner: usize = axes[1..].iter().map(|axis| axis.cells).product();
        let first = &values[..rows.count(world.rank()) * inner];
        let sum = world.exact_sums(&mut [first.iter().copied().collect::<ExactSum>()])?[0].value();
        Ok(Some(sum * axes.iter().map(Axis::width).product::<f64>()))
    }
}

/// The points, and around them the reach of their windows, but not more than three bandwidths, and nothing beyond an end.
fn default_limits(extent: &[(f64, f64)], settings: &Settings) -> Vec<(f64, f64)> {
    let widest = settings.widths.iter().copied().fold(0.0, f64::max);
    let reach = settings.kernel.reach().min(3.0) * widest;
    extent
        .iter()
        .zip(&settings.bandwidth)
        .map(|(&(low, high), h)| (low - reach * h, high + reach * h))
        .zip(&settings.boundaries)
        .map(|((low, high), end)| match *end {
            Boundary::Open => (low, high),
            Boundary::Reflect { low: least, high: greatest } => (low.max(least), high.min(greatest)),
            Boundary::Periodic { low, high } => (low, high),
        })
        .collect()
}
