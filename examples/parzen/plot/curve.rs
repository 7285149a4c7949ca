//! Curves over one axis, with a legend where there are several.

use super::Result;
use super::axes::{BESIDE, MARGIN, SIDE, TICK, WIDTH, header_height, level, upright};
use super::canvas::{Area, Canvas, Rgb};
use super::scale::Scale;
use super::text::{Fonts, NUMBER};
use colorous::TABLEAU10;
use plotters::prelude::*;

const HEIGHT: i32 = 700;
const GRID: RGBColor = RGBColor(222, 225, 231);
/// In the legend, the room for a sample of a curve before its name, and for how many names there is room.
const SAMPLE: i32 = 46;
const NAMES: usize = 18;
/// Curves are drawn so many times too large and then averaged, which smooths their edges.
const OVERSAMPLING: i32 = 4;

type Curve = (String, Vec<f64>);

/// Draws one curve of density over its area, or several curves with a legend, as PNG bytes.
pub(crate) fn curves(
    title: &str,
    subtitle: &str,
    labels: [&str; 2],
    x: &[f64],
    curves: &[Curve],
) -> Result<Vec<u8>> {
    let [first, .., last] = x else { return Err("a picture of curves needs at least two points".into()) };
    let fonts = Fonts::embedded()?;
    let high = curves.iter().flat_map(|(_, y)| y).copied().fold(0.0, f64::max);
    let high = if high > 0.0 { 1.06 * high } else { 1.0 };
    let names = fonts.widest(curves.iter().map(|(name, _)| name)).clamp(140, 320);
    let right = MARGIN + if curves.len() > 1 { BESIDE + SAMPLE + names } else { 20 };

    let y_axis = upright(labels[1], (0.0, high), HEIGHT);
    let left = MARGIN + SIDE + fonts.widest(y_axis.labels()) + TICK;
    let area = Area { x: left, y: header_height(subtitle), width: WIDTH - left - right, height: HEIGHT };
    let x_axis = level(labels[0], (*first, *last), area.width, &fonts);
    let axes = [&x_axis, &y_axis];
    let mut canvas = Canvas::around(area, right, fonts, [title, subtitle], axes);
    let sheet = oversampled(area.width, axes, x, curves)?;
    canvas.paint(area, |x, y| mean(&sheet, area.width * OVERSAMPLING, x, y));
    canvas.ticks(area, axes, [true, true]);
    let named = if curves.len() > 1 { NAMES } else { 0 };
    for (i, (name, _)) in curves.iter().enumerate().take(named) {
        let (x, y) = (left + area.width + BESIDE, area.y + 16 + 38 * i as i32);
        let rest = curves.len() - i;
        let name = if i + 1 == NAMES && rest > 1 { &format!("{rest} more") } else { name };
        canvas.fill((x, y - 2), (32, 4), color(i));
        canvas.text(name, NUMBER, (x + SAMPLE, y + 8), 0.0, names);
    }
    canvas.png()
}

fn color(curve: usize) -> Rgb {
    TABLEAU10[curve % TABLEAU10.len()].into_array()
}

/// The grid and curves as many times too large, in rows of red, green and blue.
fn oversampled(width: i32, [x_axis, y_axis]: [&Scale; 2], x: &[f64], curves: &[Curve]) -> Result<Vec<u8>> {
    let area = Area { x: 0, y: 0, width: width * OVERSAMPLING, height: HEIGHT * OVERSAMPLING };
    let mut rgb = vec![255; (3 * area.width * area.height) as usize];
    let size = (area.width as u32, area.height as u32);
    let sheet = BitMapBackend::with_buffer(&mut rgb, size).into_drawing_area();
    for (share, _) in &y_axis.ticks {
        let y = area.up(*share) / OVERSAMPLING * OVERSAMPLING;
        sheet.draw(&Rectangle::new([(0, y), (area.width, y + OVERSAMPLING)], GRID.filled()))?;
    }
    for (i, (_, y)) in curves.iter().enumerate() {
        let [red, green, blue] = color(i);
        let color = RGBColor(red, green, blue);
        let point = |(x, y): (&f64, &f64)| (area.along(x_axis.share(*x)), area.up(y_axis.share(*y)));
        let mut line: Vec<_> = x.iter().zip(y).map(point).collect();
        // Where points are crowded, many are the same pixel.
        line.dedup();
        if let ([_], [(first, _), .., (last, _)]) = (curves, &line[..]) {
            let base = area.up(0.0);
            let outline = line.iter().copied().chain([(*last, base), (*first, base)]);
            sheet.draw(&Polygon::new(outline.collect::<Vec<_>>(), color.mix(0.2)))?;
        }
        let thickness = 4 * OVERSAMPLING;
        for pair in line.windows(2) {
            sheet.draw(&PathElement::new(pair, color.stroke_width(thickness as u32)))?;
        }
        for point in line {
            sheet.draw(&Circle::new(point, thickness / 2, color.filled()))?;
        }
    }
    drop(sheet);
    Ok(rgb)
}

/// The mean colour of the oversampled pixels that make up one pixel.
fn mean(rgb: &[u8], width: i32, x: i32, y: i32) -> Rgb {
    let pixel = |i| (y * OVERSAMPLING + i / OVERSAMPLING) * width + x * OVERSAMPLING + i % OVERSAMPLING;
    let square = OVERSAMPLING * OVERSAMPLING;
    let sum = |part| (0..square).map(|i| i32::from(rgb[3 * pixel(i) as usize + part])).sum::<i32>();
    [0, 1, 2].map(|part| (sum(part) / square) as u8)
}
