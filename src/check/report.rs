//! Words about ranks.

/// `rank 2 is`, `ranks 0-1, 3 are`.
pub(super) fn ranks(of: &[usize]) -> String {
    match of {
        [one] => format!("rank {one} is"),
        many => format!("ranks {} are", ranges(many)),
    }
}

/// `0-1,3`; of sorted numbers.
pub(super) fn ranges(of: &[usize]) -> String {
    let runs = of.chunk_by(|a, b| a + 1 == *b);
    let words = runs.map(|run| match run {
        [one] => one.to_string(),
        [first, .., last] => format!("{first}-{last}"),
        [] => String::new(),
    });
    words.collect::<Vec<_>>().join(",")
}

/// Rows of three columns, one below the other.
pub(super) fn aligned(rows: &[[String; 3]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let (first, second) = (width(0), width(1));
    let lines = rows.iter().map(|[a, b, c]| format!("  {a:first$} {b:second$}   {c}").trim_end().to_owned());
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_named_in_ranges() {
        assert_eq!(ranges(&[0, 1, 2, 3, 5, 7, 8]), "0-3,5,7-8");
        assert_eq!(ranks(&[4]), "rank 4 is");
        assert_eq!(ranks(&[0, 1, 3]), "ranks 0-1,3 are");
    }
}
