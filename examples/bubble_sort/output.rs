//! Where the sorted numbers go: HDF5, .npy or text, each rank its part, under the file's name only when it is whole.

use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;

use ndarray::ArrayView1;
use rankwise::file::{File, Storage};
use rankwise::prelude::*;

use crate::arguments::{ends_in, is_hdf5};
use crate::number::Number;

/// Writes the keys of all ranks. Collective.
pub(crate) fn write<T: Number>(
    world: &Comm,
    path: &Path,
    source: &str,
    mine: &[T],
) -> Result<(), Box<dyn Error>> {
    let n = world.all_reduce_one(mine.len(), Sum)?;
    if is_hdf5(path) {
        let file = File::create(world, path)?;
        let keys = file.create_dataset::<T>("keys", &[n], &Storage::default())?;
        keys.write_rows(Partition::even(n, world.size()).range(world.rank()).start, &ArrayView1::from(mine))?;
        keys.set_attribute("input", source)?;
        keys.set_attribute("order", "ascending")?;
        keys.set_attribute("software", concat!("rankwise ", env!("CARGO_PKG_VERSION")))?;
        return Ok(file.close()?);
    }
    if ends_in(path, &["npy"]) {
        let mut bytes = Vec::with_capacity(size_of_val(mine));
        mine.iter().for_each(|key| key.push_bytes(&mut bytes));
        // The head, and zeros that take no room until each rank writes its part.
        let head = |file: &fs::File| -> Result<u64, Box<dyn Error>> {
            ndarray_npy::write_zeroed_npy::<T, _>(file, n)?;
            Ok(file.metadata()?.len() - (n * size_of::<T>()) as u64)
        };
        return in_parts(world, path, head, &bytes);
    }
    let text: String = mine.iter().map(|key| format!("{key}\n")).collect();
    in_parts(world, path, |_| Ok(0), text.as_bytes())
}

/// One file of a head and the parts of all ranks, in rank order. Collective.
fn in_parts(
    world: &Comm,
    path: &Path,
    head: impl FnOnce(&fs::File) -> Result<u64, Box<dyn Error>>,
    mine: &[u8],
) -> Result<(), Box<dyn Error>> {
    // Behind a link the file is replaced, not the link.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut hidden = OsString::from(".");
    hidden.push(path.file_name().unwrap_or_default());
    hidden.push(".partial");
    let partial = path.with_file_name(hidden);
    let problem = |error: std::io::Error| format!("{}: cannot write: {error}", path.display());
    let begun = world.on_root(|| {
        let options = fs::File::options().read(true).write(true).create(true).truncate(true).open(&partial);
        let file = options.map_err(problem)?;
        head(&file)
    })?;
    let start = world.broadcast(0, begun.as_ref().map(std::slice::from_ref))?[0];
    let before = world.exclusive_scan(&[mine.len() as u64], Sum)?[0];
    let write = || -> Result<(), String> {
        let file = fs::File::options().write(true).open(&partial).map_err(problem)?;
        file.write_all_at(mine, start + before).map_err(problem)?;
        file.sync_all().map_err(problem)
    };
    let written = world.agree(write());
    let placed = written.and_then(|()| {
        world.on_root(|| {
            fs::rename(&partial, &path).map_err(problem)?;
            // A folder that cannot be synced has the name all the same.
            let _ = path.parent().map(|folder| fs::File::open(folder).and_then(|folder| folder.sync_all()));
            Ok(())
        })
    });
    if placed.is_err() && world.is_root() {
        let _ = fs::remove_file(&partial);
    }
    placed?;
    Ok(())
}
