//! What is written here others read: h5dump, h5py with and without MPI, and any number of ranks.
#![cfg(feature = "h5")]

use std::path::Path;
use std::process::Command;

use crate::common::LIMIT;
use ndarray::{Array1, ArrayD, IxDyn, s};
use rankwise::file::types::{FixedAscii, FixedUnicode};
use rankwise::file::{File, H5Type, Storage};
use rankwise::num_complex::Complex;
use rankwise::prelude::*;
use rankwise::testing::{on_ranks, run_to_end, test_launcher};

#[derive(Clone, Copy, Debug, PartialEq, hdf5::H5Type)]
#[repr(C)]
struct Point {
    label: u8,
    place: [f32; 2],
    inside: bool,
}

fn point(i: usize) -> Point {
    Point { label: i as u8, place: [i as f32, 0.5], inside: i.is_multiple_of(2) }
}

fn path() -> std::path::PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("readers.h5")
}

/// Every kind of dataset there is, by name.
fn storages() -> [(&'static str, Storage); 6] {
    [
        ("contiguous", Storage::default()),
        ("chunked", Storage::chunked()),
        ("deflate", Storage::chunks([4, 3]).deflate(6)),
        ("fletcher32", Storage::chunks([4, 3]).fletcher32()),
        ("all", Storage::chunks([5, 5]).shuffle().deflate(1).fletcher32()),
        ("growing", Storage::chunks([3, 5]).unlimited()),
    ]
}

fn plane() -> ArrayD<f64> {
    ArrayD::from_shape_fn(IxDyn(&[11, 5]), |at| (10 * at[0] + at[1]) as f64 / 4.0)
}

fn write<T: H5Type + Copy>(file: &File<'_>, name: &str, value: impl Fn(usize) -> T) -> Result<()> {
    let rows = Partition::even(6, file.comm().size()).range(file.comm().rank());
    let data = file.create_dataset::<T>(name, &[6], &Storage::default())?;
    data.write_rows(rows.start, &rows.map(value).collect::<Array1<T>>())
}

fn has<T: H5Type + Copy + PartialEq + std::fmt::Debug>(
    file: &File<'_>,
    name: &str,
    value: impl Fn(usize) -> T,
) -> Result<()> {
    let rows = Partition::even(6, file.comm().size()).range(file.comm().rank());
    let found = file.dataset(name)?.read_rows::<T>(rows.clone())?;
    assert_eq!(found, rows.map(value).collect::<Array1<T>>().into_dyn(), "{name}");
    Ok(())
}

/// With h5py, serial or with MPI: the same checks.
const PYTHON: &str = r#"
import sys, numpy as np, h5py
if sys.argv[2] == "parallel":
    from mpi4py import MPI
    comm = MPI.COMM_WORLD
    file = h5py.File(sys.argv[1], "r", driver="mpio", comm=comm)
    part = lambda n: slice(n * comm.rank // comm.size, n * (comm.rank + 1) // comm.size)
else:
    file = h5py.File(sys.argv[1], "r")
    part = lambda n: slice(0, n)
plane = (10 * np.arange(11)[:, None] + np.arange(5)) / 4
for name in ["contiguous", "chunked", "deflate", "fletcher32", "all", "growing"]:
    data = file["planes"][name]
    assert data.shape == (11, 5) and data.dtype == "f8", name
    assert (data[part(11)] == plane[part(11)]).all(), name
    assert data.attrs["unit"] == "m/s", name
i = np.arange(6)
kinds = file["kinds"]
for name in "u1 i2 u4 i8 f4".split():
    assert kinds[name].dtype == name and (kinds[name][part(6)] == i[part(6)]).all(), name
assert (kinds["bool"][:] == (i % 2 == 0)).all() and kinds["bool"].dtype == bool
assert (kinds["complex"][:] == i - 1j).all() and kinds["complex"].dtype == "c16"
assert list(kinds["ascii"][:]) == [b"a%d" % k for k in i]
assert [text.decode() for text in kinds["unicode"][:]] == ["\u00e4%d" % k for k in i]
points = kinds["points"][:]
assert (points["label"] == i).all() and (points["place"] == np.stack([i, 0 * i + 0.5], 1)).all()
assert (points["inside"] == (i % 2 == 0)).all()
assert file.attrs["count"] == 6 and list(file.attrs["floats"]) == [1.5, 2.5] and file.attrs["flag"]
assert list(file.attrs["texts"]) == ["x", "yz"] and file.attrs["plane"].shape == (2, 2)
print("all is there")
"#;

#[test]
fn everybody_reads_the_same_values() {
    on_ranks([3], |world| {
        let file = File::create(world, path())?;
        let rows = Partition::even(11, world.size()).range(world.rank());
        let planes = file.create_group("planes")?;
        for (name, storage) in storages() {
            let mine = plane();
            let mine = mine.slice(s![rows.clone(), ..]);
            let data = if name == "growing" {
                let mut data = planes.create_dataset::<f64>(name, &[0, 5], &storage)?;
                data.append(&mine)?;
                data
            } else {
                let data = planes.create_dataset::<f64>(name, &[11, 5], &storage)?;
                data.write_rows(rows.start, &mine)?;
                data
            };
            data.set_attribute("unit", "m/s")?;
        }
        write(&file, "kinds/u1", |i| i as u8)?;
        write(&file, "kinds/i2", |i| i as i16)?;
        write(&file, "kinds/u4", |i| i as u32)?;
        write(&file, "kinds/i8", |i| i as i64)?;
        write(&file, "kinds/f4", |i| i as f32)?;
        write(&file, "kinds/bool", |i| i % 2 == 0)?;
        write(&file, "kinds/complex", |i| Complex::new(i as f64, -1.0))?;
        write(&file, "kinds/ascii", |i| FixedAscii::<4>::from_ascii(&format!("a{i}")).expect("short"))?;
        write(&file, "kinds/unicode", |i| format!("ä{i}").parse::<FixedUnicode<4>>().expect("short"))?;
        write(&file, "kinds/points", point)?;
        file.set_attribute("count", 6)?;
        file.set_attribute("floats", [1.5, 2.5])?;
        file.set_attribute("flag", true)?;
        file.set_attribute("texts", ["x", "yz"])?;
        file.set_attribute("plane", ndarray::array![[1, 2], [3, 4]])?;
        Ok(file.close()?)
    });
    on_ranks([1, 2, 3, 4, 7], |world| {
        let file = File::open(world, path())?;
        let rows = Partition::even(11, world.size()).range(world.rank());
        for (name, _) in storages() {
            let data = file.group("planes")?.dataset(name)?;
            assert_eq!(
                data.read_rows::<f64>(rows.clone())?,
                plane().slice(s![rows.clone(), ..]).into_dyn(),
                "{name}"
            );
            assert_eq!(data.text("unit").as_deref(), Some("m/s"));
        }
        has(&file, "kinds/u1", |i| i as u8)?;
        has(&file, "kinds/i8", |i| i as i64)?;
        has(&file, "kinds/f4", |i| i as f32)?;
        has(&file, "kinds/bool", |i| i % 2 == 0)?;
        has(&file, "kinds/complex", |i| Complex::new(i as f64, -1.0))?;
        has(&file, "kinds/unicode", |i| format!("ä{i}").parse::<FixedUnicode<4>>().expect("short"))?;
        has(&file, "kinds/points", point)?;
        Ok(())
    });
    let path = path();
    let path = path.to_str().expect("our names are UTF-8");

    let dump = Command::new("h5dump").args(["-y", "-w", "0", "-d", "/planes/all", path]).output();
    let dump = dump.expect("h5dump comes with hdf5-tools");
    let text = String::from_utf8_lossy(&dump.stdout);
    for row in 0..11 {
        let line: Vec<String> = (0..5).map(|k| format!("{}", f64::from(10 * row + k) / 4.0)).collect();
        assert!(text.contains(&line.join(", ")), "row {row} of {text}");
    }

    let python = |ranks: usize| {
        let parallel = if ranks > 0 { "parallel" } else { "serial" };
        let mut command = if ranks > 0 { test_launcher(ranks) } else { Command::new("/usr/bin/env") };
        // Debian's own Python, for which h5py is packaged.
        command.args(["/usr/bin/python3", "-c", PYTHON, path, parallel]);
        run_to_end(command, LIMIT)
    };
    let has = |module: &str| {
        Command::new("/usr/bin/python3").args(["-c", module]).output().is_ok_and(|it| it.status.success())
    };
    if !has("import h5py") {
        eprintln!("SKIPPED: h5py, since it is not installed");
        return;
    }
    let ended = python(0);
    assert!(ended.stdout.contains("all is there"), "{}", ended.stderr);
    // Debian's is built with Open MPI.
    let open_mpi = size_of::<mpi::ffi::MPI_Comm>() == size_of::<*const u8>();
    if !open_mpi || !has("import h5py._debian_h5py_mpi, mpi4py") {
        eprintln!("SKIPPED: h5py in parallel, since there is none for this MPI");
        return;
    }
    for ranks in [1, 3] {
        let ended = python(ranks);
        assert_eq!(ended.stdout.matches("all is there").count(), ranks, "{}", ended.stderr);
    }
}
