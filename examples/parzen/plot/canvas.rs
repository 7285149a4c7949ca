//! The picture under way: pixels to be painted and written on.

use super::Result;
use super::text::{Fonts, Style};
use ab_glyph::Font;

pub(super) type Rgb = [u8; 3];
pub(super) type Point = (i32, i32);

/// A rectangle of pixels.
#[derive(Clone, Copy)]
pub(super) struct Area {
    pub(super) x: i32,
    pub(super) y: i32,
    pub(super) width: i32,
    pub(super) height: i32,
}

impl Area {
    pub(super) fn along(self, share: f64) -> i32 {
        self.x + (share * f64::from(self.width - 1)).round() as i32
    }

    pub(super) fn up(self, share: f64) -> i32 {
        self.y + ((1.0 - share) * f64::from(self.height - 1)).round() as i32
    }
}

pub(super) struct Canvas {
    fonts: Fonts,
    pub(super) width: i32,
    pub(super) height: i32,
    pixels: Vec<Rgb>,
}

impl Canvas {
    pub(super) fn new(fonts: Fonts, width: i32, height: i32) -> Self {
        Self { fonts, width, height, pixels: vec![[255; 3]; width as usize * height as usize] }
    }

    pub(super) fn png(&self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.width as u32, self.height as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.write_header()?.write_image_data(self.pixels.as_flattened())?;
        Ok(bytes)
    }

    fn pixel(&mut self, x: i32, y: i32) -> Option<&mut Rgb> {
        let inside = (0..self.width).contains(&x) && (0..self.height).contains(&y);
        self.pixels.get_mut((y * self.width + x) as usize).filter(|_| inside)
    }

    /// Gives every pixel of an area a colour by its distances from the left and upper edges.
    pub(super) fn paint(&mut self, area: Area, color: impl Fn(i32, i32) -> Rgb) {
        for (x, y) in (0..area.height).flat_map(|y| (0..area.width).map(move |x| (x, y))) {
            if let Some(pixel) = self.pixel(area.x + x, area.y + y) {
                *pixel = color(x, y);
            }
        }
    }

    pub(super) fn fill(&mut self, (x, y): Point, (width, height): Point, color: Rgb) {
        self.paint(Area { x, y, width, height }, |_, _| color);
    }

    /// Writes a text that fits the room; a share of its width lies before the point.
    pub(super) fn text(&mut self, text: &str, style: Style, at: Point, before: f32, room: i32) {
        let (text, style) = self.fonts.fit(text, style, room as f32);
        let (glyphs, width) = self.fonts.set(&text, style);
        for mut glyph in glyphs {
            glyph.position.x -= before * width;
            let Some(outline) = self.fonts.font(style).outline_glyph(glyph) else { continue };
            let corner = outline.px_bounds().min;
            outline.draw(|u, v, cover| {
                let (u, v) = (corner.x as i32 + u as i32, corner.y as i32 + v as i32);
                let (x, y) = if style.upwards { (at.0 + v, at.1 - u) } else { (at.0 + u, at.1 + v) };
                for (part, ink) in self.pixel(x, y).into_iter().flatten().zip(style.color) {
                    let old = f32::from(*part);
                    *part = (old + (f32::from(ink) - old) * cover.min(1.0)).round() as u8;
                }
            });
        }
    }
}
