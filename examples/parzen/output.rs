//! Where the density goes: an HDF5 file, and a picture.

use std::error::Error;
use std::path::Path;

use ndarray::{Array1, Array2, ArrayViewD, IxDyn};
use rankwise::distributed::density::{Boundary, Precision};
use rankwise::file::{Attribute, File, Storage, write_whole};
use rankwise::prelude::*;

use crate::Settings;
use crate::arguments::Args;
use crate::input::Source;
use crate::place::{Axis, Place};
use crate::plot::{self, Frame, Panel};

/// More cells than this along an axis do not show in a picture.
const PICTURE_CELLS: usize = 1600;

/// The density at this rank's points, and all there is to say about it.
pub(crate) struct Density<'a> {
    pub(crate) args: &'a Args,
    pub(crate) source: &'a Source,
    pub(crate) settings: &'a Settings,
    pub(crate) place: &'a Place,
    /// Window by window.
    pub(crate) values: &'a [f64],
    /// The way they were found.
    pub(crate) engine: String,
}

impl Density<'_> {
    /// Writes the file. Collective.
    pub(crate) fn write(&self, world: &Comm) -> Result<(), Box<dyn Error>> {
        let windows = self.settings.widths.len();
        let sweep = !self.args.window_sweep.is_empty();
        let (mut shape, first, mine) = match self.place {
            Place::Grid { axes, rows } => {
                let range = rows.range(world.rank());
                (axes.iter().map(|axis| axis.cells).collect::<Vec<_>>(), range.start, range.len())
            }
            Place::Points { blocks, .. } => {
                let range = blocks.range(world.rank());
                (vec![blocks.len()], range.start, range.len())
            }
        };
        let (mut start, mut block) = (vec![0; shape.len()], shape.clone());
        (start[0], block[0]) = (first, mine);
        if sweep {
            shape.insert(0, windows);
            start.insert(0, 0);
            block.insert(0, windows);
        }
        let file = File::create(world, &self.args.output)?;
        let name = if self.args.log { "log_density" } else { "density" };
        let density = file.create_dataset::<f64>(name, &shape, &Storage::default())?;
        density.write_block(&start, &ArrayViewD::from_shape(IxDyn(&block), self.values)?)?;
        for (name, value) in self.attributes() {
            density.set_attribute(name, value)?;
        }
        if let Place::Grid { axes, .. } = self.place {
            for (k, axis) in axes.iter().enumerate() {
                let centres: Array1<f64> = (0..axis.cells).map(|cell| axis.centre(cell)).collect();
                let name = format!("axis_{k}");
                let dataset = file.create_dataset::<f64>(&name, &[axis.cells], &Storage::default())?;
                // The root writes it, the others nothing.
                let part = if world.is_root() { centres.view() } else { centres.slice(ndarray::s![..0]) };
                dataset.write_rows(0, &part)?;
                dataset.set_attribute("label", self.source.labels[k].as_str())?;
                dataset.set_attribute("limits", vec![axis.limits.0, axis.limits.1])?;
            }
        }
        Ok(file.close()?)
    }

    fn units(&self) -> String {
        let per = format!("per unit of {}", self.source.labels.join(" × "));
        if self.args.log { format!("natural logarithm of a density {per}") } else { per }
    }

    fn attributes(&self) -> Vec<(&'static str, Attribute)> {
        let Settings { kernel, bandwidth, widths, .. } = self.settings;
        let mut attributes: Vec<(&'static str, Attribute)> = vec![
            ("input", self.args.input.display().to_string().into()),
            ("samples", (self.source.rows() as i64).into()),
            ("kernel", format!("{kernel:?}").to_lowercase().into()),
            ("precision", if self.settings.precision == Precision::Single { "f32" } else { "f64" }.into()),
            ("engine", self.engine.as_str().into()),
            ("units", self.units().into()),
            ("software", concat!("rankwise ", env!("CARGO_PKG_VERSION")).into()),
        ];
        if self.args.window_sweep.is_empty() {
            attributes.push(("bandwidth", bandwidth.clone().into()));
            attributes.push(("bandwidth_units", "those of each coordinate".into()));
        } else {
            attributes.push(("windows", widths.clone().into()));
            attributes.push(("windows_units", "those of the coordinates".into()));
        }
        if let Some(matrix) = &self.settings.matrix {
            attributes.push(("covariance", matrix.clone().into()));
            attributes.push(("covariance_is", "the square of the bandwidth, row by row".into()));
        }
        if let Some(weights) = &self.args.weights {
            attributes.push(("weights", weights.as_str().into()));
        }
        if self.args.rtol > 0.0 || self.args.atol > 0.0 {
            attributes.push(("tolerance", vec![self.args.rtol, self.args.atol].into()));
            attributes.push(("tolerance_units", "of the density; of the greatest one that can be".into()));
        }
        if self.settings.boundaries.iter().any(|boundary| *boundary != Boundary::Open) {
            let ends: Vec<String> = self.settings.boundaries.iter().map(|end| format!("{end:?}")).collect();
            attributes.push(("boundaries", ends.join("; ").into()));
        }
        if let Place::Points { name, .. } = self.place {
            attributes.push(("at", name.as_str().into()));
        }
        attributes
    }

    /// Draws the picture on the root. Only as many cells as it can show travel there. Collective.
    pub(crate) fn draw(&self, world: &Comm, path: &Path) -> Result<(), Box<dyn Error>> {
        let Place::Grid { axes, rows } = self.place else { return Ok(()) };
        let shown: Vec<Vec<usize>> = axes.iter().map(shown_cells).collect();
        let across = axes.get(1).map_or(1, |axis| axis.cells);
        let columns: &[usize] = shown.get(1).map_or(&[0], |columns| columns);
        let range = rows.range(world.rank());
        let mut panels = Vec::new();
        for window in self.values.chunks((range.len() * across).max(1)).take(self.settings.widths.len()) {
            let mine: Vec<f64> = shown[0]
                .iter()
                .filter(|row| range.contains(row))
                .flat_map(|row| {
                    columns.iter().map(move |column| window[(row - range.start) * across + column])
                })
                .collect();
            panels.push(mine);
        }
        panels.resize(self.settings.widths.len(), vec![]);
        let mut whole = Vec::new();
        for mine in panels {
            whole.extend(world.gather(0, &mine)?);
        }
        world.on_root(|| Ok(write_whole(path, &self.picture(axes, &shown, columns.len(), whole)?)?))?;
        Ok(())
    }

    fn picture(
        &self,
        axes: &[Axis],
        shown: &[Vec<usize>],
        columns: usize,
        windows: Vec<Vec<f64>>,
    ) -> Result<Vec<u8>, Box<dyn Error>> {
        let Settings { kernel, bandwidth, widths, .. } = self.settings;
        let name =
            self.args.input.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let title = self.args.title.clone().or_else(|| self.source.title.clone()).unwrap_or(name);
        let kernel = format!("{kernel:?}").to_lowercase();
        let samples = grouped(self.source.rows());
        let sweep = !self.args.window_sweep.is_empty();
        let bandwidths: Vec<String> = bandwidth.iter().map(|h| short(*h)).collect();
        let subtitle = match (sweep, bandwidth.windows(2).all(|pair| pair[0] == pair[1])) {
            (true, _) => format!("{samples} points · {kernel} windows"),
            (false, true) => format!("{samples} points · {kernel} windows, bandwidth {}", bandwidths[0]),
            (false, false) => {
                format!("{samples} points · {kernel} windows, bandwidths {}", bandwidths.join(", "))
            }
        };
        let name_of =
            |width: &f64| if sweep { format!("bandwidth {}", short(*width)) } else { String::new() };
        let names: Vec<String> = widths.iter().map(name_of).collect();
        let labels = &self.source.labels;
        if axes.len() == 1 {
            let x: Vec<f64> = shown[0].iter().map(|&cell| axes[0].centre(cell)).collect();
            let curves: Vec<(String, Vec<f64>)> = names.into_iter().zip(windows).collect();
            return plot::curves(&title, &subtitle, [&labels[0], "density"], &x, &curves);
        }
        let frame = Frame {
            title,
            subtitle,
            labels: [labels[0].clone(), labels[1].clone()],
            limits: [axes[0].limits, axes[1].limits],
            value_label: "density (per unit area)".into(),
        };
        let rows = shown[0].len();
        let panels = names.into_iter().zip(windows).map(|(title, values)| {
            Ok(Panel { title, values: Array2::from_shape_vec((rows, columns), values)? })
        });
        plot::heat_maps(&frame, &panels.collect::<Result<Vec<_>, Box<dyn Error>>>()?)
    }
}

/// The cells of an axis that a picture shows: all, or evenly picked ones.
fn shown_cells(axis: &Axis) -> Vec<usize> {
    let shown = axis.cells.min(PICTURE_CELLS);
    (0..shown).map(|k| ((2 * k as u128 + 1) * axis.cells as u128 / (2 * shown as u128)) as usize).collect()
}

/// 234 908
fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let parts: Vec<&[u8]> = digits.as_bytes().rchunks(3).rev().collect();
    parts.iter().map(|part| String::from_utf8_lossy(part)).collect::<Vec<_>>().join("\u{202f}")
}

/// Four digits, without zeros at the end.
fn short(number: f64) -> String {
    let text = format!("{number:.3e}");
    let rounded: f64 = text.parse().unwrap_or(number);
    if (1e-3..1e6).contains(&rounded.abs()) { format!("{rounded}") } else { format!("{rounded:e}") }
}
