//! A small twin of terashuf, by its published description (github.com/alexandres/terashuf): parts of the text that fit into memory
//! are shuffled and written to files; then lines are taken from these, each from a file chosen at random by the lines it has left.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Result, Write};
use std::path::Path;

use rand::RngExt;
use rankwise::random::stream;

pub(crate) fn run(input: &Path, output: &Path, memory: usize) -> Result<()> {
    let mut random = stream(1, 0);
    let mut input = File::open(input)?;
    let mut out = BufWriter::with_capacity(1 << 20, File::create(output)?);
    let mut rest = Vec::new();
    let mut parts: Vec<(BufReader<File>, usize)> = vec![];
    loop {
        // Lines, and where they are: 16 bytes for each.
        let mut text = std::mem::take(&mut rest);
        let have = text.len();
        Read::by_ref(&mut input)
            .take((memory / 10 * 8 - have.min(memory / 10 * 8)) as u64)
            .read_to_end(&mut text)?;
        let whole = text.len() < memory / 10 * 8;
        let end = if whole {
            text.len()
        } else {
            text.iter().rposition(|&byte| byte == b'\n').map_or(text.len(), |at| at + 1)
        };
        rest = text[end..].to_vec();
        let mut lines: Vec<&[u8]> = text[..end].split_inclusive(|&byte| byte == b'\n').collect();
        for at in (1..lines.len()).rev() {
            lines.swap(at, random.random_range(0..=at));
        }
        if whole && parts.is_empty() {
            lines.iter().try_for_each(|line| out.write_all(line))?;
            return out.flush();
        }
        let path = output.with_extension(format!("part{}", parts.len()));
        let mut file = BufWriter::with_capacity(1 << 20, File::create(&path)?);
        lines.iter().try_for_each(|line| file.write_all(line))?;
        file.flush()?;
        parts.push((BufReader::with_capacity(1 << 16, File::open(&path)?), lines.len()));
        std::fs::remove_file(path)?;
        if whole {
            break;
        }
    }
    let mut left: usize = parts.iter().map(|part| part.1).sum();
    let mut line = Vec::new();
    while left > 0 {
        let mut wanted = random.random_range(0..left);
        let part = parts.iter_mut().find(|part| {
            let here = wanted < part.1;
            wanted = wanted.wrapping_sub(part.1);
            here
        });
        let (file, count) = part.expect("as many lines as are left");
        line.clear();
        file.read_until(b'\n', &mut line)?;
        out.write_all(&line)?;
        (*count, left) = (*count - 1, left - 1);
    }
    out.flush()
}
