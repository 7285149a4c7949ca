//! Whether outputs are what their manifest says: permutations of the input.

use std::error::Error;
use std::ops::Range;
use std::path::Path;

use rankwise::distributed::permute::{Corpus, Fingerprint};
use rankwise::file::File;
use rankwise::prelude::*;
use rankwise::progress::Line;

use crate::arguments::Args;
use crate::manifest::{Manifest, Part};

/// Numbers that are read at once.
const PIECE: usize = 1 << 18;

/// Collective.
pub(crate) fn run(world: &Comm, path: &Path, args: &Args) -> Result<(), Box<dyn Error>> {
    let read = world.on_root(|| Manifest::read(path).map(drop));
    read?;
    let manifest = world.agree(Manifest::read(path))?;
    let mut progress = Line::new(world, "permute_corpus", args.progress);
    for part in &manifest.parts {
        check_input(world, part, &manifest, &mut progress)?;
        check_output(world, part, &manifest)?;
        let (copies, units) = (manifest.copies, part.written.0 / manifest.copies.max(1));
        let what = match (manifest.within, manifest.sample) {
            (true, _) => "the words of each unit are a permutation of its words".to_owned(),
            (false, Some(_)) => "the sample is the one that was written".to_owned(),
            (false, None) if part.layout == "shards" => "all together the units of the input".to_owned(),
            (false, None) => "each a permutation of the input".to_owned(),
        };
        let copies = if copies == 1 { "1 copy".to_owned() } else { format!("{copies} copies") };
        root_println!(world, "{}: {copies} of {units} units: {what}", part.outputs[0].display());
    }
    progress.finish();
    Ok(())
}

/// An error where the input is another than that of the manifest; a note where it is gone. Collective.
fn check_input(
    world: &Comm,
    part: &Part,
    manifest: &Manifest,
    progress: &mut Line,
) -> Result<(), Box<dyn Error>> {
    let gone = world.on_root(|| Ok(part.inputs.iter().position(|path| !path.exists())))?;
    if let Some(number) = world.broadcast_value(0, gone.as_ref())? {
        let path = part.inputs[number].display();
        root_println!(world, "{path} is no longer there: its hash in the manifest stands for it");
        return Ok(());
    }
    let corpus = Corpus::open(world, &part.inputs, manifest.unit.into(), manifest.header)?;
    progress.restart();
    let bytes = corpus.bytes() as f64;
    let mut show = |part: f64| {
        progress.part(part, |seconds| format!("checked, {:.2} GB/s", bytes * part / seconds / 1e9));
    };
    let there = fingerprint(world, &corpus, manifest, &mut show)?;
    same(world, &part.inputs[0], "the input", there, part.corpus)
}

/// Collective.
fn check_output(world: &Comm, part: &Part, manifest: &Manifest) -> Result<(), Box<dyn Error>> {
    let (unit, first) = (manifest.unit.into(), &part.outputs[0]);
    let times = |one: Fingerprint, count: u64| Fingerprint {
        units: one.units * count,
        bytes: one.bytes * count,
        hash: one.hash.wrapping_mul(count),
    };
    if let (Some(_), Some(hash)) = (manifest.sample, part.hash) {
        let (units, bytes) = part.written;
        let there = part.whole_output(world, manifest)?;
        return same(world, first, "the sample", there, Fingerprint { units, bytes, hash });
    }
    match &part.layout[..] {
        "indices" => {
            let mut wanted = Fingerprint { units: part.corpus.units, bytes: 8 * part.corpus.units, hash: 0 };
            let mine = Partition::even(part.corpus.units as usize, world.size()).range(world.rank());
            let mine = mine.fold(0u64, |sum, index| sum.wrapping_add(hash_of(index as u64)));
            wanted.hash = world.all_gather_one(mine)?.into_iter().fold(0, u64::wrapping_add);
            for copy in 0..manifest.copies {
                let there = fingerprint_of_indices(world, first, Some(copy as usize))?;
                same(world, first, &format!("row {copy} of /indices"), there, wanted)?;
            }
        }
        "shards" => {
            let there = part.whole_output(world, manifest)?;
            same(world, first, "all files together", there, times(part.corpus, manifest.copies))?;
        }
        "split" => {
            for path in &part.outputs {
                let corpus = Corpus::open(world, std::slice::from_ref(path), unit, manifest.header)?;
                let there = fingerprint(world, &corpus, manifest, &mut |_| {})?;
                same(world, path, "the file", there, part.corpus)?;
            }
        }
        _ => {
            // One copy after the other, behind the header.
            let text = if part.layout == "hdf5" {
                text_in(world, first)?
            } else {
                let whole = Corpus::open(world, std::slice::from_ref(first), unit, manifest.header)?;
                let header = whole.header().len() as u64;
                header..header + whole.bytes()
            };
            let (there, wanted) = (text.end - text.start, manifest.copies * part.corpus.bytes);
            if there != wanted {
                let problem = format!("{}: it has {there} bytes of text, and not {wanted}", first.display());
                return Ok(world.agree(Err(problem))?);
            }
            for copy in 0..manifest.copies {
                let start = text.start + copy * part.corpus.bytes;
                let corpus = Corpus::of_range(world, first, start..start + part.corpus.bytes, unit)?;
                let there = fingerprint(world, &corpus, manifest, &mut |_| {})?;
                same(world, first, &format!("copy {}", copy + 1), there, part.corpus)?;
            }
        }
    }
    Ok(())
}

fn fingerprint(
    world: &Comm,
    corpus: &Corpus,
    manifest: &Manifest,
    progress: &mut dyn FnMut(f64),
) -> rankwise::Result<Fingerprint> {
    match manifest.within {
        true => corpus.fingerprint_of_words(world, progress),
        false => corpus.fingerprint(world, progress),
    }
}

/// All ranks have the same numbers, so they have the same error.
fn same(
    world: &Comm,
    path: &Path,
    what: &str,
    there: Fingerprint,
    wanted: Fingerprint,
) -> Result<(), Box<dyn Error>> {
    let path = path.display();
    let problem = if there == wanted {
        return Ok(());
    } else if there.units != wanted.units {
        format!("{path}: {what} has {} units, and not {} as the manifest says", there.units, wanted.units)
    } else if there.bytes != wanted.bytes {
        format!("{path}: {what} has {} bytes, and not {} as the manifest says", there.bytes, wanted.bytes)
    } else {
        format!("{path}: {what} has other units than the manifest says, as many and as long")
    };
    Ok(world.agree(Err(problem))?)
}

/// Where the text lies in an HDF5 file. Collective.
pub(crate) fn text_in(world: &Comm, path: &Path) -> rankwise::Result<Range<u64>> {
    let found = world.on_root(|| {
        let no = |what: &str| format!("{}: {what}", path.display());
        let file = hdf5::File::open(path).map_err(|error| no(&error.to_string().replace('\n', "; ")))?;
        let text = file.dataset("text").map_err(|_| no("there is no dataset text"))?;
        let start = text.offset().unwrap_or(0);
        Ok(start..start + text.size() as u64)
    })?;
    world.broadcast_value(0, found.as_ref())
}

/// What one row of /indices holds, or all of them, whatever the order. Collective.
pub(crate) fn fingerprint_of_indices(
    world: &Comm,
    path: &Path,
    row: Option<usize>,
) -> rankwise::Result<Fingerprint> {
    let file = File::open(world, path)?;
    let indices = file.dataset("indices")?;
    let [rows, columns] = indices.shape()[..] else {
        return world.agree(Err(format!("{}: /indices has not two axes", path.display())));
    };
    let mut hash = 0u64;
    let rows = row.map_or(0..rows, |row| row..row + 1);
    for row in rows.clone() {
        for start in (0..columns).step_by(PIECE * world.size()) {
            let piece = Partition::even((columns - start).min(PIECE * world.size()), world.size());
            let mine = piece.range(world.rank());
            let part = indices.read_block::<u64>(&[row, start + mine.start], &[1, mine.len()])?;
            hash = part.iter().fold(hash, |sum, &index| sum.wrapping_add(hash_of(index)));
        }
    }
    let hash = world.all_gather_one(hash)?.into_iter().fold(0, u64::wrapping_add);
    let units = (rows.len() * columns) as u64;
    Ok(Fingerprint { units, bytes: 8 * units, hash })
}

fn hash_of(index: u64) -> u64 {
    // Any function without structure will do.
    rankwise::kernels::permutation::key(1, 0, index)
}
