//! Tables of numbers as text, read by one rank: `.csv` files, with commas, semicolons, tabs or blanks.
//!
//! ```
//! # use rankwise::file::csv;
//! # let path = std::env::temp_dir().join(format!("rankwise-doc-csv-{}.csv", std::process::id()));
//! std::fs::write(&path, "# from the station\ntime; height\n0; 1.5\n10; 1.25\n")?;
//! let table = csv::read(&path)?;
//! assert_eq!(table.names, ["time", "height"]);
//! assert_eq!(table.column("height"), Some(rankwise::ndarray::array![1.5, 1.25]));
//! # std::fs::remove_file(&path)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::path::Path;

use ndarray::{Array1, Array2};

use crate::error::{Error, Result};

/// A table of numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// The names of its columns; none if the file does not begin with them.
    pub names: Vec<String>,
    /// Its rows.
    pub rows: Array2<f64>,
}

impl Table {
    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<Array1<f64>> {
        let k = self.names.iter().position(|other| other == name)?;
        Some(self.rows.column(k).to_owned())
    }
}

/// The table in a text file. Its columns are separated by commas, semicolons, tabs or blanks, whichever the first line has, in
/// this order; a first line without any number has their names; lines that begin with `#` are left out; an empty cell is NaN.
///
/// # Errors
/// When it cannot be read, a cell is no number, or a line has another number of cells than the first; with the line.
pub fn read(path: impl AsRef<Path>) -> Result<Table> {
    let path = path.as_ref();
    let no = |why: String| Error::file(path, why);
    let text = std::fs::read(path).map_err(|error| no(format!("cannot read: {error}")))?;
    let first = text.split(|&byte| byte == b'\n').find(|line| {
        let line = line.trim_ascii();
        !line.is_empty() && line[0] != b'#'
    });
    let first = first.unwrap_or_default().trim_ascii();
    let separator = b",;\t".iter().copied().find(|separator| first.contains(separator));
    // Several blanks separate once.
    let text: Vec<u8> = match separator {
        Some(_) => text,
        None => text
            .split(|&byte| byte == b'\n')
            .map(|line| {
                let words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
                words.collect::<Vec<_>>().join(&b' ')
            })
            .collect::<Vec<_>>()
            .join(&b'\n'),
    };
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(separator.unwrap_or(b' '))
        .comment(Some(b'#'))
        .has_headers(false)
        .trim(csv::Trim::All)
        .from_reader(&text[..]);
    let (mut names, mut cells, mut width) = (Vec::new(), Vec::new(), None);
    for record in reader.byte_records() {
        let record = record.map_err(|error| no(error.to_string()))?;
        let line = record.position().map_or(0, csv::Position::line);
        let number = |cell: &[u8]| -> Option<f64> {
            if cell.is_empty() { Some(f64::NAN) } else { std::str::from_utf8(cell).ok()?.parse().ok() }
        };
        if width.is_none() {
            width = Some(record.len());
            let no_number = |cell: &[u8]| cell.is_empty() || number(cell).is_none();
            if record.iter().all(no_number) {
                names = record.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
                continue;
            }
        }
        for cell in &record {
            let value = number(cell);
            let wrong = || no(format!("line {line}: {:?} is no number", String::from_utf8_lossy(cell)));
            cells.push(value.ok_or_else(wrong)?);
        }
    }
    let width = width.unwrap_or(0);
    let rows = cells.len().checked_div(width).unwrap_or(0);
    let rows = Array2::from_shape_vec((rows, width), cells).map_err(|error| no(error.to_string()))?;
    Ok(Table { names, rows })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn of(text: &str) -> Result<Table> {
        let name = format!("rankwise-csv-{}-{:?}", std::process::id(), std::thread::current().id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).unwrap();
        let table = read(&path);
        std::fs::remove_file(&path).unwrap();
        table
    }

    #[test]
    fn every_separator_and_header_is_read() {
        for text in ["x,y\n1,2\n3,4\n", "x;y\r\n1; 2\r\n3;4", "x\ty\n1\t2\n#c\n3\t4\n", "x  y\n 1 2\n3   4\n"]
        {
            let table = of(text).unwrap();
            assert_eq!((table.names.join(" "), table.rows), ("x y".into(), array![[1.0, 2.0], [3.0, 4.0]]));
        }
        assert_eq!(of("1e3\n-2\n").unwrap().rows, array![[1e3], [-2.0]]);
        assert_eq!(of("").unwrap().rows.dim(), (0, 0));
        assert!(of("a,b\n1,\n").unwrap().rows[[0, 1]].is_nan());
    }

    #[test]
    fn a_mistake_is_told_with_its_line() {
        assert!(of("1,2\n3,x\n").unwrap_err().to_string().contains("line 2: \"x\" is no number"));
        assert!(of("1,2\n3\n").unwrap_err().to_string().contains("line: 2"));
    }
}
