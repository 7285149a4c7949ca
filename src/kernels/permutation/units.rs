//! What a text is divided into to be permuted: lines, records that end in a zero byte, or paragraphs.

use memchr::memchr;

/// What a text is made of. Together with its separator a unit is a piece of the text, so that no byte gets lost: the units of a
/// text laid end to end are the text, but for a separator that may be missing at its end.
///
/// ```
/// use rankwise::kernels::permutation::Unit;
///
/// let lines: Vec<&[u8]> = Unit::Line.split(b"one\n\nthree").collect();
/// assert_eq!(lines, [&b"one\n"[..], b"\n", b"three"]);
/// assert_eq!(Unit::Line.missing(lines[2]), b"\n");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Ends after a newline.
    Line,
    /// Ends after a zero byte.
    Nul,
    /// Ends after the blank lines that follow some text: lines that are empty, or hold nothing but a carriage return.
    Paragraph,
}

impl Unit {
    /// The byte after which a unit may end.
    #[inline]
    fn last(self) -> u8 {
        match self {
            Unit::Line | Unit::Paragraph => b'\n',
            Unit::Nul => 0,
        }
    }

    /// Where the next unit starts, at `from` or after it, and `from` is at least 1. `None` when that is not in `text`: it starts at
    /// its end, or after it, or that cannot be told from what is there.
    ///
    /// `text` may be a piece of a longer one if it begins with the start of a unit or with three bytes before `from`, and `ends` says
    /// whether the text ends where the piece does.
    #[inline]
    pub fn next_start(self, text: &[u8], from: usize, ends: bool) -> Option<usize> {
        let mut from = from;
        loop {
            let start = from + memchr(self.last(), text.get(from - 1..)?)?;
            if start >= text.len() {
                return None;
            }
            if self != Unit::Paragraph {
                return Some(start);
            }
            match (text[start], text.get(start + 1)) {
                (b'\r', None) if !ends => return None,
                (b'\n', _) | (b'\r', Some(b'\n')) => {}
                _ if ends_in_blank_line(&text[..start]) => return Some(start),
                _ => {}
            }
            from = start + 1;
        }
    }

    /// What a unit lacks at its end: a separator if it is the last and has none.
    #[inline]
    pub fn missing(self, unit: &[u8]) -> &'static [u8] {
        match self {
            Unit::Line if unit.last() != Some(&b'\n') => b"\n",
            Unit::Nul if unit.last() != Some(&0) => b"\0",
            Unit::Paragraph if unit.last() != Some(&b'\n') => b"\n\n",
            Unit::Paragraph if !ends_in_blank_line(unit) => b"\n",
            _ => b"",
        }
    }

    /// The units of a text.
    pub fn split(self, text: &[u8]) -> impl Iterator<Item = &[u8]> {
        let mut rest = text;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let (unit, after) = rest.split_at(self.next_start(rest, 1, true).unwrap_or(rest.len()));
            rest = after;
            Some(unit)
        })
    }
}

/// Whether a text that ends in a newline has nothing in its last line. Before its start is the end of a line.
fn ends_in_blank_line(text: &[u8]) -> bool {
    matches!(text, [b'\n'] | [b'\r', b'\n'] | [.., b'\n', b'\n'] | [.., b'\n', b'\r', b'\n'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(unit: Unit, text: &str) -> Vec<&str> {
        let parts = unit.split(text.as_bytes());
        parts.map(|part| std::str::from_utf8(part).expect("cut after ASCII")).collect()
    }

    #[test]
    fn texts_are_divided_as_people_would() {
        assert!(split(Unit::Line, "").is_empty());
        assert_eq!(split(Unit::Line, "a\nb"), ["a\n", "b"]);
        assert_eq!(split(Unit::Line, "\n\na\r\n"), ["\n", "\n", "a\r\n"]);
        assert_eq!(split(Unit::Nul, "a\nb\0\0c"), ["a\nb\0", "\0", "c"]);
        assert_eq!(split(Unit::Paragraph, "a\nb\n\nc\n"), ["a\nb\n\n", "c\n"]);
        assert_eq!(split(Unit::Paragraph, "a\n\n\n\nb"), ["a\n\n\n\n", "b"]);
        assert_eq!(split(Unit::Paragraph, "a\r\n\r\nb\r\n"), ["a\r\n\r\n", "b\r\n"]);
        assert_eq!(split(Unit::Paragraph, "\n\n"), ["\n\n"]);
        assert_eq!(split(Unit::Paragraph, "\na\n\r"), ["\n", "a\n\r"]);
        assert_eq!(split(Unit::Paragraph, "\r\na"), ["\r\n", "a"]);
    }

    #[test]
    fn what_is_missing_makes_it_whole() {
        for (unit, text, missing) in [
            (Unit::Line, "a", "\n"),
            (Unit::Line, "a\n", ""),
            (Unit::Nul, "a\n", "\0"),
            (Unit::Paragraph, "a", "\n\n"),
            (Unit::Paragraph, "a\n", "\n"),
            (Unit::Paragraph, "a\r\n\r\n", ""),
            (Unit::Paragraph, "\n", ""),
            (Unit::Paragraph, "\r\n", ""),
        ] {
            assert_eq!(unit.missing(text.as_bytes()), missing.as_bytes(), "{text:?}");
        }
    }

    /// Every text of up to seven bytes of an awkward alphabet, seen through every window that a rank might have.
    #[test]
    fn units_are_the_same_through_any_window() {
        for unit in [Unit::Line, Unit::Nul, Unit::Paragraph] {
            for number in 0..4u32.pow(7) {
                let len = (number % 8) as usize;
                let text: Vec<u8> =
                    (0..len).map(|at| b"\n\ra\0"[(number >> (2 * at)) as usize % 4]).collect();
                let parts: Vec<&[u8]> = unit.split(&text).collect();
                assert_eq!(parts.concat(), text);
                let starts: Vec<usize> =
                    parts.iter().scan(0, |at, part| Some(std::mem::replace(at, *at + part.len()))).collect();
                for from in 1..len {
                    let expected = starts.iter().copied().find(|&start| start >= from);
                    let back = from.saturating_sub(3);
                    for end in from..=len {
                        let seen = unit.next_start(&text[back..end], from - back, end == len);
                        let seen = seen.map(|start| start + back);
                        // Two bytes after a start, it is always seen.
                        let certain = expected.filter(|start| end == len || start + 2 <= end);
                        assert!(
                            seen == expected || (seen.is_none() && certain.is_none()),
                            "{unit:?} {text:?} {from} {end}"
                        );
                    }
                }
            }
        }
    }
}
