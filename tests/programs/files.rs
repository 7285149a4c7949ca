//! What the tests of files start, and see killed or fail: `files WHAT FOLDER …`.

use std::path::{Path, PathBuf};

use ndarray::{Array1, Array2};
use rankwise::file::{File, Options, Storage};
use rankwise::prelude::*;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let (what, folder) = (arguments[1].as_str(), PathBuf::from(&arguments[2]));
    rankwise::run(|world| {
        match what {
            "versions" => versions(world, &folder)?,
            "skip" => {
                let file = File::create(world, folder.join("skip.h5"))?;
                let data = file.create_dataset::<f64>("x", &[10], &Storage::default())?;
                if world.rank() != 1 {
                    data.write_rows(0, &Array1::<f64>::zeros(0))?;
                }
                file.close()?;
            }
            "on-root" => {
                let path = folder.join("on-root.h5");
                File::create(world, &path)?.close()?;
                if world.is_root() {
                    drop(File::open(world, &path)?);
                }
            }
            "changed" => {
                let path = folder.join("changed.h5");
                File::create(world, &path)?.close()?;
                std::mem::forget(File::open_rw(world, &path, &Options::default())?);
            }
            "forgotten" => std::mem::forget(File::create(world, folder.join("forgotten.h5"))?),
            "quota" => quota(world, &folder)?,
            "others" => others(world, &folder)?,
            _ => return Err(format!("there is no {what}").into()),
        }
        Ok(())
    })
}

/// Writes one version of a file after the other, for ever; says when the first is there.
fn versions(world: &Comm, folder: &Path) -> Result<()> {
    let path = folder.join("versions.h5");
    for version in 0u64.. {
        let file = File::create(world, &path)?;
        let rows = Partition::even(64, world.size()).range(world.rank());
        for (name, storage) in [("plain", Storage::default()), ("packed", Storage::chunked().deflate(1))] {
            let data = file.create_dataset::<u64>(name, &[64, 500], &storage)?;
            data.write_rows(rows.start, &Array2::from_elem((rows.len(), 500), version))?;
        }
        file.set_attribute("version", version)?;
        file.close()?;
        if version == 0 {
            world.on_root(|| Ok(std::fs::write(folder.join("ready"), "")?))?;
        }
    }
    Ok(())
}

/// There is room when the file begins; then others fill the disk.
fn others(world: &Comm, folder: &Path) -> Result<()> {
    let file = File::create(world, folder.join("x.h5"))?;
    let data = file.create_dataset::<u64>("x", &[768, 1024], &Storage::default())?;
    world.on_root(|| {
        let _ = std::fs::write(folder.join("filler"), vec![1u8; 117 << 20]);
        Ok(())
    })?;
    let rows = Partition::even(768, world.size()).range(world.rank());
    data.write_rows(rows.start, &Array2::from_elem((rows.len(), 1024), 7u64))?;
    file.close()
}

/// Rank 1 alone may write no long file: an error inside HDF5, on one rank.
fn quota(world: &Comm, folder: &Path) -> Result<()> {
    let file = File::create(world, folder.join("quota.h5"))?;
    let data = file.create_dataset::<u64>("x", &[world.size() * 100_000], &Storage::default())?.independent();
    if world.rank() == 1 {
        let this = std::process::id().to_string();
        let limited = std::process::Command::new("prlimit").args(["--fsize=100000", "--pid", &this]).status();
        assert!(limited.is_ok_and(|status| status.success()), "prlimit comes with util-linux");
    }
    let written = data.write_rows(world.rank() * 100_000, &Array1::from_elem(100_000, 7u64));
    // What one rank alone has found, all learn.
    world.agree(written)?;
    file.close()
}
