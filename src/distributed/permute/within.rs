//! Words permuted inside their units: every unit stays as long as it was, so whoever reads a chunk knows where it goes.

use super::corpus::Fingerprint;
use super::job::{Job, Seconds, Summary};
use super::target::{Group, Target};
use crate::comm::Comm;
use crate::error::Result;
use crate::kernels::permutation::permute_words;

/// Bytes that are written at once.
const PIECE: usize = 1 << 20;

/// Collective.
pub(super) fn run(
    comm: &Comm,
    job: &Job,
    spare: u64,
    target: &mut Target,
    progress: &mut dyn FnMut(f64),
) -> Result<Summary> {
    comm.agree(job.enough(spare))?;
    let mut seconds = Seconds::default();
    let corpus = job.corpus;
    // Where each file starts in a copy, and where the last one ends.
    let mut starts = vec![0];
    for source in &corpus.sources {
        starts.push(starts[starts.len() - 1] + source.units.end - source.units.start + source.missing);
    }
    let bytes = starts[corpus.sources.len()];
    let all_bytes = bytes.saturating_mul(job.copies);
    let at_once = (spare / 4 / (2 * PIECE as u64)).clamp(1, job.copies.max(1));
    let mut sum = Fingerprint::default();
    for first in (0..job.copies).step_by(at_once as usize) {
        let copies = first..job.copies.min(first + at_once);
        let count = (copies.end - first) as usize;
        let start = target.end();
        target.prepare(&Group {
            bytes: vec![bytes; count],
            all_bytes,
            copies: job.copies,
            ..Group::default()
        })?;
        let mut parts: Vec<Part> =
            (0..count as u64).map(|copy| Part { start: start + copy * bytes, at: 0, text: vec![] }).collect();
        let mut mine = Fingerprint::default();
        let mut show = |done: f64| progress((first as f64 + done * count as f64) / job.copies as f64);
        let units = |unit: super::corpus::Found| {
            let missing = corpus.unit.missing(unit.bytes);
            mine.add_words(unit.index, unit.bytes, missing);
            let number =
                corpus.sources.iter().position(|source| std::ptr::eq(source, unit.source)).unwrap_or(0);
            let at = starts[number] + unit.offset - unit.source.units.start;
            for (copy, part) in copies.clone().zip(&mut parts) {
                if at != part.at + part.text.len() as u64 || part.text.len() > PIECE {
                    part.write(target)?;
                    part.at = at;
                }
                permute_words(job.seed, copy, unit.index, unit.bytes, &mut part.text);
                part.text.extend_from_slice(missing);
            }
            Ok(())
        };
        Seconds::time(&mut seconds.read, || corpus.scan(comm, spare / 16, spare / 8, &mut show, units))?;
        comm.agree(parts.iter_mut().try_for_each(|part| part.write(target)))?;
        sum = mine.over(comm)?;
    }
    comm.agree(corpus.unchanged())?;
    let written_units = sum.units * job.copies;
    Ok(Summary { corpus: sum, written_units, written_bytes: all_bytes, out_of_core: false, seconds })
}

/// What is about to be written of a copy.
struct Part {
    /// Where the copy starts in the stream, and in it what is here.
    start: u64,
    at: u64,
    text: Vec<u8>,
}

impl Part {
    fn write(&mut self, target: &Target) -> Result<()> {
        target.write(self.start + self.at, &self.text)?;
        self.at += self.text.len() as u64;
        self.text.clear();
        Ok(())
    }
}
