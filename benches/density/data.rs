//! The samples and the points: normally distributed, the same each time.

use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;

use crate::{Args, Outcome};

/// The samples and the points of a case, row by row.
pub(crate) struct Data {
    pub(crate) d: usize,
    pub(crate) samples: Vec<f64>,
    pub(crate) points: Vec<f64>,
    pub(crate) h: f64,
}

impl Data {
    pub(crate) fn write(path: &Path, n: usize, m: usize, d: usize) -> Outcome {
        let mut file = BufWriter::new(std::fs::File::create(path)?);
        normal((n + m) * d, |x| Ok(file.write_all(&x.to_ne_bytes())?))?;
        Ok(file.flush()?)
    }

    pub(crate) fn read(args: &Args, path: &Path) -> Outcome<Self> {
        let (d, n) = (args.dimensions[0], args.samples[0]);
        let mut bytes = Vec::new();
        BufReader::new(std::fs::File::open(path)?).read_to_end(&mut bytes)?;
        let mut samples: Vec<f64> =
            bytes.as_chunks::<8>().0.iter().map(|number| f64::from_ne_bytes(*number)).collect();
        let points = samples.split_off(n * d);
        Ok(Data { d, samples, points, h: bandwidth(n, d) })
    }
}

/// By Scott's rule.
pub(crate) fn bandwidth(n: usize, d: usize) -> f64 {
    (n as f64).powf(-1.0 / (d as f64 + 4.0))
}

/// Numbers of a standard normal distribution.
fn normal(n: usize, mut each: impl FnMut(f64) -> Outcome) -> Outcome {
    let mut state = 1u64;
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    };
    (0..n).try_for_each(|_| each((-2.0 * uniform().ln()).sqrt() * (std::f64::consts::TAU * uniform()).cos()))
}
