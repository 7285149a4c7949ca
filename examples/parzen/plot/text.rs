//! Setting text in the embedded font: where its glyphs go, how wide it is, and how to make it fit.

use super::{Result, canvas::Rgb};
use ab_glyph::{Font, FontRef, Glyph, PxScale, ScaleFont, point};

#[derive(Clone, Copy)]
pub(super) struct Style {
    size: f32,
    bold: bool,
    pub(super) upwards: bool,
    pub(super) color: Rgb,
}

pub(super) const INK: Rgb = [38, 40, 46];
pub(super) const TITLE: Style = Style { size: 40.0, bold: true, upwards: false, color: INK };
pub(super) const SUBTITLE: Style = Style { size: 25.0, bold: false, upwards: false, color: [100, 104, 114] };
pub(super) const PANEL_TITLE: Style = Style { size: 24.0, bold: true, upwards: false, color: INK };
pub(super) const NAME: Style = Style { size: 25.0, bold: false, upwards: false, color: INK };
pub(super) const UPRIGHT_NAME: Style = Style { upwards: true, ..NAME };
pub(super) const NUMBER: Style = Style { size: 23.0, bold: false, upwards: false, color: INK };

/// Raised characters and the level ones that stand for them.
pub(super) const RAISED: [char; 11] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹', '⁻'];
const LEVEL: [char; 11] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '−'];

pub(super) fn power_of_ten(exponent: i32) -> String {
    let digits = exponent.to_string();
    // What is no digit is the minus, the last of the raised characters.
    let raised = digits.chars().map(|c| RAISED[c.to_digit(10).unwrap_or(10) as usize]);
    format!("10{}", raised.collect::<String>())
}

/// Noto Sans by Google, from the crate `notosans`; free under the SIL Open Font License 1.1 by the notice of
/// the crate, under the Apache License 2.0 by that in the font. Set here glyph by glyph, since plotters 0.3
/// puts glyphs on whole pixels and ignores their side bearings, which makes for uneven words.
pub(super) struct Fonts([FontRef<'static>; 2]);

impl Fonts {
    pub(super) fn embedded() -> Result<Self> {
        let font = FontRef::try_from_slice;
        Ok(Self([font(notosans::REGULAR_TTF)?, font(notosans::BOLD_TTF)?]))
    }

    pub(super) fn font(&self, style: Style) -> &FontRef<'static> {
        &self.0[usize::from(style.bold)]
    }

    /// The glyphs of a text from the origin onwards, and its width.
    pub(super) fn set(&self, text: &str, style: Style) -> (Vec<Glyph>, f32) {
        let font = self.font(style);
        let em = font.height_unscaled() / font.units_per_em().unwrap_or(1000.0);
        let mut pen = 0.0;
        let glyphs = text.chars().map(|c| {
            // The font lacks a raised minus, so all raised characters are made from level ones.
            let (c, size, rise) = match RAISED.iter().position(|&raised| raised == c) {
                Some(i) => (LEVEL[i], 0.68 * style.size, 0.36 * style.size),
                None => (c, style.size, 0.0),
            };
            let scale = PxScale::from(size * em);
            let glyph = font.glyph_id(c).with_scale_and_position(scale, point(pen, -rise));
            pen += font.as_scaled(scale).h_advance(glyph.id);
            glyph
        });
        (glyphs.collect(), pen)
    }

    /// The width of the widest label in the style of numbers.
    pub(super) fn widest<'a>(&self, labels: impl Iterator<Item = &'a String>) -> i32 {
        labels.map(|label| self.set(label, NUMBER).1.ceil() as i32).max().unwrap_or(0)
    }

    /// A text made to fit by smaller letters and, if these do not suffice, by cutting its end.
    pub(super) fn fit(&self, text: &str, mut style: Style, room: f32) -> (String, Style) {
        let mut text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(500).collect();
        style.size *= (room / self.set(&text, style).1.max(1.0)).clamp(0.7, 1.0);
        while self.set(&text, style).1 > room + 1.0 && text != "…" {
            text.truncate(text.trim_end_matches([' ', '…']).len());
            text.pop();
            text.push('…');
        }
        (text, style)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fitted_texts_fit_and_only_lose_their_end() {
        let fonts = Fonts::embedded().unwrap();
        let text = "density of settlements (per degree²), at a bandwidth of 10⁻³°";
        for room in (30..900).map(|room| room as f32) {
            let (fitted, style) = fonts.fit(text, NAME, room);
            assert!(fonts.set(&fitted, style).1 <= room + 1.0);
            assert!(text.starts_with(fitted.trim_end_matches('…')));
            assert_eq!(fitted == text, fonts.set(text, NAME).1 * 0.7 <= room + 0.7, "{room}");
        }
    }

    #[test]
    fn powers_of_ten_are_raised() {
        assert_eq!([-12, 0, 305].map(power_of_ten), ["10⁻¹²", "10⁰", "10³⁰⁵"]);
    }
}
