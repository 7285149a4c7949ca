//! Times, sizes and ranks as people read them.

/// Of nanoseconds: `1.25 ms`.
pub(super) fn time(nanoseconds: i64) -> String {
    let (ns, size) = (nanoseconds as f64, nanoseconds.unsigned_abs());
    match size {
        0..1_000 => format!("{nanoseconds} ns"),
        1_000..1_000_000 => format!("{} µs", short(ns / 1e3)),
        1_000_000..1_000_000_000 => format!("{} ms", short(ns / 1e6)),
        _ => format!("{} s", short(ns / 1e9)),
    }
}

/// `24 B`, `1.5 MB`.
pub(super) fn bytes(bytes: u64) -> String {
    let size = bytes as f64;
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} kB", short(size / 1e3)),
        1_000_000..1_000_000_000 => format!("{} MB", short(size / 1e6)),
        _ => format!("{} GB", short(size / 1e9)),
    }
}

/// Three digits.
fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

pub(super) fn percent(part: f64, whole: f64) -> String {
    let value = if whole > 0.0 { 100.0 * part / whole } else { 0.0 };
    if value > 0.0 && value < 9.95 { format!("{value:.1} %") } else { format!("{value:.0} %") }
}

/// `rank 3`, `ranks 0–2, 5`.
pub(super) fn ranks(ranks: &[usize]) -> String {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for &rank in ranks {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == rank => *last = rank,
            _ => runs.push((rank, rank)),
        }
    }
    let words: Vec<String> = runs
        .iter()
        .map(|&(first, last)| match last - first {
            0 => first.to_string(),
            1 => format!("{first}, {last}"),
            _ => format!("{first}–{last}"),
        })
        .collect();
    format!("rank{} {}", if ranks.len() == 1 { "" } else { "s" }, words.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        assert_eq!(time(950), "950 ns");
        assert_eq!(time(1_250_000), "1.25 ms");
        assert_eq!(time(61_200_000_000), "61.2 s");
        assert_eq!(bytes(24), "24 B");
        assert_eq!(bytes(1_500_000), "1.50 MB");
        assert_eq!(ranks(&[0, 1, 2, 5]), "ranks 0–2, 5");
        assert_eq!(ranks(&[3]), "rank 3");
        assert_eq!(percent(1.0, 3.0), "33 %");
    }
}
