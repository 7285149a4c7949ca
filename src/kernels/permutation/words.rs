//! Permuting the words of a sentence and leaving the blanks where they are.

use super::tie;
use crate::random::philox;

/// The words of a unit: what is between blanks (space, tab, newline, carriage return, form feed) and zero bytes.
pub fn words(unit: &[u8]) -> impl Iterator<Item = &[u8]> {
    unit.split(|byte| is_blank(*byte)).filter(|word| !word.is_empty())
}

fn is_blank(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0
}

/// Appends unit `index` to `out`, with its words in the order of copy `copy`, and with its blanks as they are.
///
/// The key of word `w` is number `w` of NumPy's `Philox(key=seed, counter=(index << 64) + (copy + 1 << 128))`; equal keys as for
/// [units](super::tie). So it has nothing to do with the order of the units themselves.
///
/// ```
/// use rankwise::kernels::permutation::permute_words;
///
/// let mut out = Vec::new();
/// permute_words(7, 0, 0, b"the  quick brown fox\n", &mut out);
/// assert_eq!(out, b"the  fox quick brown\n");
/// ```
pub fn permute_words(seed: u64, copy: u64, index: u64, unit: &[u8], out: &mut Vec<u8>) {
    let mut numbers = [0; 4];
    let mut keyed: Vec<(u64, u64, &[u8])> = Vec::new();
    for (place, word) in (0..).zip(words(unit)) {
        if place % 4 == 0 {
            numbers = philox([place / 4 + 1, index, copy.wrapping_add(1), 0], [seed, 0]);
        }
        let key = numbers[(place % 4) as usize];
        keyed.push((key, tie(key, place), word));
    }
    keyed.sort_unstable();
    let mut next = keyed.iter();
    let mut rest = unit;
    while let Some(first) = rest.first() {
        let blank = is_blank(*first);
        let len = rest.iter().position(|byte| is_blank(*byte) != blank).unwrap_or(rest.len());
        match blank {
            true => out.extend_from_slice(&rest[..len]),
            false => out.extend_from_slice(next.next().expect("as many words as gaps for them").2),
        }
        rest = &rest[len..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permuted(copy: u64, index: u64, unit: &str) -> String {
        let mut out = Vec::new();
        permute_words(1, copy, index, unit.as_bytes(), &mut out);
        String::from_utf8(out).expect("words stay whole")
    }

    #[test]
    fn words_and_blanks_stay_whole() {
        let text = "  two\tthree\r\nfour  five six\u{e9} seven eight nine\n";
        let out = permuted(0, 3, text);
        let sorted = |text: &str| {
            let mut words: Vec<&str> = text.split_ascii_whitespace().collect();
            words.sort_unstable();
            words.join(" ")
        };
        let blanks = |text: &str| text.split(|c: char| !c.is_ascii_whitespace()).collect::<String>();
        assert_eq!((sorted(&out), blanks(&out), out.len()), (sorted(text), blanks(text), text.len()));
        assert_ne!(out, text);
        for same in ["", "\n", " \n", "word\n", "\r\n"] {
            assert_eq!(permuted(0, 0, same), same);
        }
    }

    #[test]
    fn copies_and_units_differ() {
        let text = "a b c d e f g h i j k l";
        assert_ne!(permuted(0, 0, text), permuted(1, 0, text));
        assert_ne!(permuted(0, 0, text), permuted(0, 1, text));
    }
}
