//! What stands around the panels or curves: title and subtitle, and the axes with ticks and names.

use super::canvas::{Area, Canvas};
use super::scale::Scale;
use super::text::{Fonts, INK, NAME, NUMBER, SUBTITLE, TITLE, UPRIGHT_NAME};

/// Aimed-at width of a picture.
pub(super) const WIDTH: i32 = 1600;
pub(super) const MARGIN: i32 = 36;
/// Room for the name of an upright axis, and for names and numbers below the panels.
pub(super) const SIDE: i32 = 46;
pub(super) const FOOT: i32 = 88;
pub(super) const TICK: i32 = 8;
/// Distance of the colour bar or the legend from what is left of it.
pub(super) const BESIDE: i32 = 36;

pub(super) fn header_height(subtitle: &str) -> i32 {
    MARGIN + 72 + if subtitle.is_empty() { 0 } else { 38 }
}

pub(super) fn upright(name: &str, limits: (f64, f64), pixels: i32) -> Scale {
    Scale::linear(name, limits, (pixels / 46).clamp(2, 10))
}

/// A level axis has as many ticks as their labels have room side by side.
pub(super) fn level(name: &str, limits: (f64, f64), pixels: i32, fonts: &Fonts) -> Scale {
    let roomy = |axis: &Scale| {
        let apart = axis.ticks.windows(2).map(|pair| pair[1].0 - pair[0].0).fold(1.0, f64::min);
        apart * f64::from(pixels) > f64::from(fonts.widest(axis.labels())) * 1.3 + 16.0
    };
    let mut axes = (2..=10).rev().map(|most| Scale::linear(name, limits, most));
    axes.find(roomy).unwrap_or_else(|| Scale::linear(name, limits, 1))
}

impl Canvas {
    /// A picture with room around an area, where title, subtitle and the names of the axes are written.
    pub(super) fn around(area: Area, right: i32, fonts: Fonts, header: [&str; 2], axes: [&Scale; 2]) -> Self {
        let (end, bottom) = (area.x + area.width + right, area.y + area.height + FOOT);
        let mut canvas = Self::new(fonts, end, bottom + MARGIN);
        let ([title, subtitle], room) = (header, end - area.x - MARGIN);
        canvas.text(title, TITLE, (area.x, MARGIN + 36), 0.0, room);
        canvas.text(subtitle, SUBTITLE, (area.x, header_height(subtitle) - 32), 0.0, room);
        let x = area.x + area.width / 2;
        canvas.text(&axes[0].name, NAME, (x, bottom - 8), 0.5, 2 * (x.min(end - x) - MARGIN));
        canvas.upright_name(axes[1], MARGIN + 20, area);
        canvas
    }

    pub(super) fn upright_name(&mut self, axis: &Scale, x: i32, area: Area) {
        let y = area.y + area.height / 2;
        self.text(&axis.name, UPRIGHT_NAME, (x, y), 0.5, 2 * (y.min(self.height - y) - MARGIN));
    }

    /// Draws the left and lower edges of an area with their ticks and, on request, tick labels.
    pub(super) fn ticks(&mut self, area: Area, [x_axis, y_axis]: [&Scale; 2], labelled: [bool; 2]) {
        let (left, bottom) = (area.x, area.y + area.height);
        self.fill((left - 2, bottom), (area.width + 2, 2), INK);
        self.fill((left - 2, area.y), (2, area.height), INK);
        for (share, label) in &x_axis.ticks {
            let (x, label) = (area.along(*share), if labelled[0] { label } else { "" });
            self.fill((x - 1, bottom), (2, TICK), INK);
            self.text(label, NUMBER, (x, bottom + TICK + 28), 0.5, WIDTH);
        }
        for (share, label) in &y_axis.ticks {
            let (y, label) = (area.up(*share), if labelled[1] { label } else { "" });
            self.fill((left - TICK, y - 1), (TICK, 2), INK);
            self.text(label, NUMBER, (left - TICK - 8, y + 8), 1.0, WIDTH);
        }
    }
}
