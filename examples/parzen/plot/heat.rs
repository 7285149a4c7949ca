//! Heat maps in rows and columns, with the same axes and one colour bar.

use super::axes::{BESIDE, MARGIN, SIDE, TICK, WIDTH, header_height, level, upright};
use super::canvas::{Area, Canvas, Rgb};
use super::scale::Scale;
use super::text::{Fonts, INK, NUMBER, PANEL_TITLE};
use super::{Frame, Panel, Result};
use colorous::INFERNO;
use ndarray::Array2;

/// The most that the panels may take from top to bottom, and the width of the colour bar.
const MAX_HEIGHT: i32 = 1150;
const BAR: i32 = 30;

/// Draws one heat map per panel as PNG bytes.
pub(crate) fn heat_maps(frame: &Frame, panels: &[Panel]) -> Result<Vec<u8>> {
    if panels.is_empty() || panels.iter().any(|panel| panel.values.is_empty()) {
        return Err("a heat map needs at least one panel and one cell".into());
    }
    let fonts = Fonts::embedded()?;
    let values = || panels.iter().flat_map(|panel| &panel.values).copied();
    let range = (values().fold(f64::INFINITY, f64::min), values().fold(0.0, f64::max));
    let shades = Scale::densities(&frame.value_label, range);
    let [x_limits, y_limits] = frame.limits;
    let shape = ((y_limits.1 - y_limits.0) / (x_limits.1 - x_limits.0)).clamp(0.4, 1.0);
    let count = panels.len() as i32;
    let columns = columns(count, shape);
    let rows = (count + columns - 1) / columns;

    // The margins depend on the tick labels and these on the size of a panel, so start from a guess of it.
    let guess = ((WIDTH - 330) / columns - 40).min((f64::from(MAX_HEIGHT / rows) / shape) as i32).max(120);
    let x_axis = level(&frame.labels[0], x_limits, guess, &fonts);
    let y_axis = upright(&frame.labels[1], y_limits, (f64::from(guess) * shape) as i32);
    let axes = [&x_axis, &y_axis];
    let left = MARGIN + SIDE + fonts.widest(y_axis.labels()) + TICK;
    let right = BESIDE + BAR + TICK + fonts.widest(shades.labels()) + SIDE + 16 + MARGIN;
    let heading = if panels.iter().all(|panel| panel.title.is_empty()) { 0 } else { 40 };
    let gap = (24 + if columns > 1 { fonts.widest(x_axis.labels()) } else { 0 }, 24 + heading);
    let mut width = ((WIDTH - left - right - gap.0 * (columns - 1)) / columns).max(120);
    let mut height = (f64::from(width) * shape) as i32;
    if height * rows > MAX_HEIGHT {
        height = (MAX_HEIGHT / rows).max(60);
        width = (f64::from(height) / shape) as i32;
    }
    let top = header_height(&frame.subtitle) + heading;
    let size = (columns * (width + gap.0) - gap.0, rows * (height + gap.1) - gap.1);
    let all = Area { x: left, y: top, width: size.0, height: size.1 };

    let mut canvas = Canvas::around(all, right, fonts, [&frame.title, &frame.subtitle], axes);
    for (panel, place) in panels.iter().zip(0..) {
        let (column, row) = (place % columns, place / columns);
        let (x, y) = (left + column * (width + gap.0), top + row * (height + gap.1));
        let area = Area { x, y, width, height };
        heat_map(&mut canvas, area, &panel.values.mapv(|value| shades.share(value)));
        canvas.text(&panel.title, PANEL_TITLE, (x, y - 13), 0.0, width);
        // Neighbours share their tick labels, so only the outermost panels carry them.
        canvas.ticks(area, axes, [place + columns >= count, column == 0]);
    }
    color_bar(&mut canvas, Area { x: left + all.width + BESIDE, width: BAR, ..all }, &shades);
    canvas.png()
}

/// How many columns bring panels of a shape (height over width) closest to a picture of 3 : 2.
fn columns(count: i32, shape: f64) -> i32 {
    let badness = |columns: i32| {
        let rows = (count + columns - 1) / columns;
        let stretch = f64::from(columns) / (f64::from(rows) * shape) / 1.5;
        stretch.ln().abs() + 0.3 * f64::from(rows * columns - count)
    };
    (1..=count).min_by(|&a, &b| badness(a).total_cmp(&badness(b))).unwrap_or(1)
}

fn shade(share: f64) -> Rgb {
    INFERNO.eval_continuous(share).as_array()
}

fn color_bar(canvas: &mut Canvas, bar: Area, shades: &Scale) {
    canvas.paint(bar, |_, y| shade(1.0 - (f64::from(y) + 0.5) / f64::from(bar.height)));
    for (share, label) in &shades.ticks {
        let (x, y) = (bar.x + BAR, bar.up(*share));
        canvas.fill((x, y - 1), (if label.is_empty() { TICK / 2 } else { TICK }, 2), INK);
        canvas.text(label, NUMBER, (x + TICK + 8, y + 8), 0.0, WIDTH);
    }
    canvas.upright_name(shades, canvas.width - MARGIN - 6, bar);
}

/// Every pixel takes the colour of its cell, or one in between where cells are larger than pixels.
fn heat_map(canvas: &mut Canvas, area: Area, shares: &Array2<f64>) {
    let (along, up) = (taps(shares.nrows(), area.width), taps(shares.ncols(), area.height));
    canvas.paint(area, |x, y| {
        let ((i, j, u), (k, l, v)) = (along[x as usize], up[(area.height - 1 - y) as usize]);
        let lower = shares[[i, k]] * (1.0 - u) + shares[[j, k]] * u;
        let upper = shares[[i, l]] * (1.0 - u) + shares[[j, l]] * u;
        shade((lower * (1.0 - v) + upper * v).min(1.0))
    });
}

/// For every pixel along an edge the two cells between which it lies and how far it is from the first.
fn taps(cells: usize, pixels: i32) -> Vec<(usize, usize, f64)> {
    let last = cells - 1;
    let tap = |pixel| {
        let place = (f64::from(pixel) + 0.5) / f64::from(pixels) * cells as f64 - 0.5;
        let place = if cells < pixels as usize { place } else { place.round() }.clamp(0.0, last as f64);
        (place as usize, last.min(place as usize + 1), place.fract())
    };
    (0..pixels).map(tap).collect()
}
