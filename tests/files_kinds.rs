//! Laws of what a file can hold: every kind of element and storage, blocks of any shape, groups, attributes, arrays in every layout.
#![cfg(feature = "h5")]

use crate::common::shared;
use mpi::topology::{CartesianCommunicator, Communicator};
use ndarray::{Array1, Array2, ArrayD, Axis, IxDyn, array, s};
use rankwise::array::{DistArray, Layout};
use rankwise::file::types::{FixedAscii, FixedUnicode};
use rankwise::file::{Attribute, File, H5Type, Options, Storage, TransferMode};
use rankwise::num_complex::Complex;
use rankwise::prelude::*;
use rankwise::testing::{on_ranks, split_messages_at};

#[derive(Clone, Copy, Debug, PartialEq, hdf5::H5Type)]
#[repr(u8)]
enum Side {
    Left = 1,
    Right = 7,
}

#[derive(Clone, Copy, Debug, PartialEq, hdf5::H5Type)]
#[repr(C)]
struct Star {
    variable: bool,
    position: [f64; 2],
    side: Side,
    name: FixedUnicode<5>,
    weight: Complex<f32>,
}

fn star(i: usize) -> Star {
    Star {
        variable: i.is_multiple_of(3),
        position: [i as f64, -0.5],
        side: if i.is_multiple_of(2) { Side::Left } else { Side::Right },
        name: format!("s{i}").parse().expect("short"),
        weight: Complex::new(i as f32, 1.0),
    }
}

/// Writes and reads seven elements of a kind, each rank its own rows.
fn round<T: H5Type + Copy + PartialEq + std::fmt::Debug>(
    file: &File<'_>,
    name: &str,
    value: impl Fn(usize) -> T,
) -> Result<()> {
    let comm = file.comm();
    for storage in
        [Storage::default(), Storage::chunks([2]), Storage::default().shuffle().deflate(1).fletcher32()]
    {
        let whole: Array1<T> = (0..7).map(&value).collect();
        let data = file.create_dataset::<T>(name, &[7], &storage)?;
        let mine = Partition::even(7, comm.size()).range(comm.rank());
        data.write_rows(mine.start, &whole.slice(s![mine]))?;
        assert_eq!(data.read_rows::<T>(0..7)?, whole.clone().into_dyn(), "{name}");
        let mut into = Array1::from_elem(5, value(0));
        data.read_into(&[2], &mut into)?;
        assert_eq!(into, whole.slice(s![2..]), "{name}");
        file.remove(name)?;
    }
    Ok(())
}

#[test]
fn every_kind_of_element_comes_back() {
    on_ranks([1, 3], |world| {
        let (_folder, folder) = shared(world, "kinds")?;
        let file = File::create(world, folder.join("kinds.h5"))?;
        macro_rules! numbers {
            ($($number:ty)*) => {$( round(&file, stringify!($number), |i| i as $number)?; )*};
        }
        numbers!(u8 u16 u32 u64 usize i8 i16 i32 i64 isize f32 f64);
        round(&file, "bool", |i| i % 2 == 0)?;
        round(&file, "complex", |i| Complex::new(i as f64, -1.0))?;
        round(&file, "array", |i| [i as f32; 3])?;
        round(&file, "ascii", |i| FixedAscii::<4>::from_ascii(&format!("a{i}")).expect("short"))?;
        round(&file, "unicode", |i| format!("ä{i}").parse::<FixedUnicode<4>>().expect("short"))?;
        round(&file, "enum", |i| star(i).side)?;
        round(&file, "struct", star)?;
        file.close()?;
        Ok(())
    });
}

/// A struct has gaps between its fields; what is in them must not get into the file.
#[test]
fn the_same_content_is_the_same_bytes() {
    on_ranks([1, 3], |world| {
        let (_folder, folder) = shared(world, "bytes")?;
        let write = |name: &str| -> Result<Vec<u8>> {
            let path = folder.join(name);
            let file = File::create(world, &path)?;
            let stars = file.create_dataset::<Star>("groups/on/the way/stars", &[7], &Storage::default())?;
            let mine = Partition::even(7, world.size()).range(world.rank());
            stars.write_rows(mine.start, &mine.map(star).collect::<Array1<_>>())?;
            file.create_group("empty")?.set_attribute("text", "ß")?;
            file.close()?;
            world.barrier()?;
            Ok(std::fs::read(&path).expect("just written"))
        };
        let first = write("a.h5")?;
        std::thread::sleep(std::time::Duration::from_millis(1100));
        assert!(first == write("b.h5")?, "not the same bytes a second later");
        world.barrier()?;
        Ok(())
    });
}

#[test]
fn what_rust_cannot_hold_is_an_error_on_all_ranks() {
    on_ranks([1, 3], |world| {
        let (_folder, folder) = shared(world, "invalid")?;
        let path = folder.join("invalid.h5");
        world.on_root(|| {
            let file = hdf5::File::create(&path)?;
            // Row 5 alone is wrong, so that only some ranks find it out.
            let flags = file.new_dataset::<bool>().shape(6).create("flags")?;
            let bytes = [0u8, 1, 0, 1, 1, 2];
            let of = flags.dtype()?;
            // As the numbers that they are in the file.
            raw_write(&flags, &of, &bytes);
            let text = file.new_dataset::<FixedUnicode<2>>().shape(2).create("text")?;
            raw_write(&text, &text.dtype()?, &[b'a', 0, 0xff, 0xfe]);
            file.new_dataset::<hdf5::types::VarLenUnicode>().shape(2).create("long")?;
            Ok(file.close()?)
        })?;
        let file = File::open(world, &path)?;
        let flags = file.dataset("flags")?;
        let mine = Partition::even(6, world.size()).range(world.rank());
        let error = flags.read_rows::<bool>(mine.clone()).unwrap_err().to_string();
        assert!(error.contains("flags has a bool that is neither true nor false"), "{error}");
        let mut into = Array1::from_elem(mine.len(), true);
        assert!(flags.read_into(&[mine.start], &mut into).is_err());
        assert_eq!(flags.read_rows::<bool>(0..5)?.len(), 5);
        let error = file.dataset("text")?.read_rows::<FixedUnicode<2>>(0..2).unwrap_err().to_string();
        assert!(error.contains("text has a text that is not UTF-8"), "{error}");
        let error = file.dataset("long")?.read_rows::<u8>(0..2).unwrap_err().to_string();
        assert!(error.contains("long holds text, not u8"), "{error}");
        Ok(())
    });
}

#[expect(unsafe_code, reason = "no safe call writes what is wrong")]
fn raw_write(to: &hdf5::Dataset, of: &hdf5::Datatype, bytes: &[u8]) {
    assert_eq!(of.size() * to.size(), bytes.len());
    // SAFETY: as many bytes as the dataset has, just checked; this test has one thread.
    let code = unsafe { hdf5_sys::h5d::H5Dwrite(to.id(), of.id(), 0, 0, 0, bytes.as_ptr().cast()) };
    assert!(code >= 0);
}

#[test]
fn other_elements_only_when_asked_for() {
    on_ranks([1, 3], |world| {
        let (_folder, folder) = shared(world, "convert")?;
        let file = File::create(world, folder.join("convert.h5"))?;
        let data = file.create_dataset::<f64>("x", &[4], &Storage::default())?;
        let all = array![0.5, 1.5, -2.5, 1e300];
        let mine = Partition::even(4, world.size()).range(world.rank());
        data.write_rows(mine.start, &all.slice(s![mine.clone()]))?;
        let error = data.write_rows(0, &Array1::<f32>::zeros(0)).unwrap_err().to_string();
        assert!(error.contains("x holds f64, not f32"), "{error}");
        assert!(data.read_rows::<i32>(0..1).unwrap_err().to_string().contains("x holds f64, not i32"));
        let data = data.convert();
        assert_eq!(data.read_rows::<i32>(0..3)?, array![0, 1, -2].into_dyn());
        let report = data.last_transfer().expect("there was one");
        assert_eq!(
            (report.mode(), report.causes()),
            (TransferMode::Independent, vec!["elements are converted"])
        );
        assert!(data.read_rows::<bool>(0..1).is_err());
        // Of structs the fields of the same name.
        #[derive(Clone, Copy, Debug, PartialEq, hdf5::H5Type)]
        #[repr(C)]
        struct Part {
            name: FixedUnicode<5>,
            position: [f32; 2],
        }
        let stars = file.create_dataset::<Star>("stars", &[2], &Storage::default())?;
        stars.write_rows(0, &(0..if world.is_root() { 2 } else { 0 }).map(star).collect::<Array1<_>>())?;
        assert!(stars.read_rows::<Part>(0..2).is_err());
        let part = Part { name: "s1".parse().expect("short"), position: [1.0, -0.5] };
        assert_eq!(stars.convert().read_rows::<Part>(1..2)?[[0]], part);
        file.close()?;
        Ok(())
    });
}

/// Every value of a dataset of this shape is its place.
fn places(shape: &[usize]) -> ArrayD<i64> {
    let len: usize = shape.iter().product();
    ArrayD::from_shape_vec(IxDyn(shape), (0..len as i64).collect()).expect("as many")
}

#[test]
fn every_storage_and_transfer_gives_the_same_values() {
    on_ranks([1, 2, 4], |world| {
        let (_folder, folder) = shared(world, "storage")?;
        let shape = [13, 6];
        let whole = places(&shape);
        let storages = [
            ("contiguous", Storage::default()),
            ("chunked", Storage::chunked()),
            ("chunks", Storage::chunks([5, 4])),
            ("zeroed", Storage::chunked().zeroed()),
            ("deflate", Storage::default().deflate(4)),
            ("fletcher32", Storage::chunks([3, 6]).fletcher32()),
            ("all", Storage::chunks([4, 3]).shuffle().deflate(6).fletcher32()),
            ("szip", Storage::chunks([4, 6]).szip(8)),
        ];
        let path = folder.join("storage.h5");
        let file = File::create(world, &path)?;
        for (name, storage) in &storages {
            // All rows on the middle rank, the others have none; then in columns.
            let busy = world.rank() == world.size() / 2;
            let rows = if busy { 0..13 } else { 0..0 };
            let data = file.create_dataset::<i64>(&format!("rows/{name}"), &shape, storage)?;
            data.write_rows(rows.start, &whole.slice_axis(Axis(0), rows.into()))?;
            let report = data.last_transfer().expect("there was one");
            assert!(report.is_collective(), "{name}: {report}");
            assert_eq!(report.bytes, if busy { 13 * 6 * 8 } else { 0 });
            let columns = Partition::even(6, world.size()).range(world.rank());
            let data = file.create_dataset::<i64>(&format!("columns/{name}"), &shape, storage)?;
            data.write_block(&[0, columns.start], &whole.slice_axis(Axis(1), columns.into()))?;
            let data = file.create_dataset::<i64>(&format!("alone/{name}"), &shape, storage)?.independent();
            let written = if world.is_root() { data.write_rows(0, &whole) } else { Ok(()) };
            let filtered = !["contiguous", "chunked", "chunks", "zeroed"].contains(name);
            if filtered && world.is_root() {
                let error = written.unwrap_err().to_string();
                assert!(error.contains("has filters, which all ranks must write together"), "{error}");
            } else {
                written?;
            }
        }
        file.close()?;
        let file = File::open(world, &path)?;
        assert_eq!(file.names("/")?, ["alone", "columns", "rows"]);
        for (name, _) in &storages {
            for how in ["rows", "columns", "alone"] {
                let filtered = !["contiguous", "chunked", "chunks", "zeroed"].contains(name);
                if how == "alone" && filtered {
                    continue;
                }
                let data = file.group(how)?.dataset(name)?;
                assert_eq!(data.read_rows::<i64>(0..13)?, whole, "{how} {name}");
                let report = data.last_transfer().expect("there was one");
                assert!(report.is_collective(), "{how} {name}: {report}");
                // One rank alone, while the others are somewhere else.
                let data = data.independent();
                if world.rank() == world.size() - 1 {
                    assert_eq!(
                        data.read_block::<i64>(&[12, 1], &[1, 3])?,
                        whole.slice(s![12..13, 1..4]).into_dyn()
                    );
                    assert_eq!(
                        data.last_transfer().map(|report| report.mode()),
                        Some(TransferMode::Independent)
                    );
                }
                world.barrier()?;
            }
        }
        Ok(())
    });
}

#[test]
fn filters_that_are_not_there_are_an_early_error() {
    on_ranks([1, 2], |world| {
        let (_folder, folder) = shared(world, "plugins")?;
        let file = File::create(world, folder.join("plugins.h5"))?;
        for (name, storage) in
            [("zstd", Storage::default().zstd(3)), ("number 31999", Storage::default().filter(31999, &[]))]
        {
            match file.create_dataset::<f32>("x", &[5], &storage) {
                Ok(_) => file.remove("x")?,
                Err(error) => {
                    let words = format!("this HDF5 has no filter {name}; is its plugin in HDF5_PLUGIN_PATH?");
                    assert!(error.to_string().contains(&words), "{error}");
                }
            }
        }
        file.close()?;
        Ok(())
    });
}

/// Long blocks go in rounds: here of 4 elements, as others of 512 MiB.
#[test]
fn rounds_do_not_show() {
    on_ranks([1, 3], |world| {
        let (_folder, folder) = shared(world, "rounds")?;
        split_messages_at(4);
        let whole = places(&[3, 5, 7]);
        for storage in [Storage::default(), Storage::chunks([2, 2, 7]).deflate(1)] {
            let path = folder.join("rounds.h5");
            let file = File::create(world, &path)?;
            let data = file.create_dataset::<i64>("x", &[3, 5, 7], &storage)?;
            // One rank has nothing, another most.
            let all = if world.is_root() { 0..5 } else { 0..0 };
            data.write_block(&[0, all.start, 0], &whole.slice_axis(Axis(1), all.into()))?;
            assert_eq!(data.last_transfer().map(|report| report.rounds), Some(30));
            let mine = Partition::even(7, world.size()).range(world.rank());
            let block = data.read_block::<i64>(&[1, 0, mine.start], &[2, 5, mine.len()])?;
            assert_eq!(block, whole.slice(s![1.., .., mine]).into_dyn());
            let mut into = ArrayD::<i64>::zeros(IxDyn(&[3, 5, 7]));
            data.read_into(&[0, 0, 0], &mut into)?;
            assert_eq!(into, whole);
            file.close()?;
        }
        Ok(())
    });
}

#[test]
fn a_dataset_grows_and_shrinks() {
    on_ranks([1, 3], |world| {
        let (_folder, folder) = shared(world, "grow")?;
        let path = folder.join("grow.h5");
        let file = File::create(world, &path)?;
        for (name, storage) in [("plain", Storage::default()), ("packed", Storage::chunks([3, 2]).deflate(1))]
        {
            let mut data = file.create_dataset::<u32>(name, &[0, 2], &storage.unlimited())?;
            let mut expected = Vec::new();
            for step in 0..3u32 {
                // Rank r adds r rows, so that rank 0 has none.
                let mine = Array2::from_shape_fn((world.rank(), 2), |(i, k)| {
                    100 * step + 10 * world.rank() as u32 + (2 * i + k) as u32
                });
                let before = data.shape()[0];
                let rows = data.append(&mine)?;
                assert_eq!(rows.len(), world.rank());
                assert!(rows.start >= before);
                for rank in 0..world.size() as u32 {
                    expected.extend((0..2 * rank).map(|k| 100 * step + 10 * rank + k));
                }
            }
            let rows = expected.len() / 2;
            assert_eq!(data.shape(), [rows, 2]);
            let found = data.read_rows::<u32>(0..rows)?;
            assert_eq!(found.into_raw_vec_and_offset().0, expected);
            let error = data.append(&Array2::<u32>::zeros((1, 3))).unwrap_err().to_string();
            assert!(error.contains("rows of a block of shape [1, 3] are not whole"), "{error}");
            assert!(data.append(&Array2::<u8>::zeros((1, 2))).is_err());
            data.resize(&[rows / 2, 2])?;
            assert!(data.resize(&[rows, 3]).unwrap_err().to_string().contains("is it unlimited?"));
            assert_eq!(data.read_rows::<u32>(0..rows / 2)?.len(), rows / 2 * 2);
            // Another handle sees it.
            assert!(file.dataset(name)?.read_rows::<u32>(0..rows + 1).is_err());
        }
        let mut fixed = file.create_dataset::<u32>("fixed", &[4], &Storage::default())?;
        assert!(fixed.append(&array![1u32]).unwrap_err().to_string().contains("is it unlimited?"));
        let zeros = file.create_dataset::<f32>("zeros", &[9], &Storage::chunks([2]).zeroed())?;
        assert_eq!(zeros.read_rows::<f32>(0..9)?, ArrayD::<f32>::zeros(IxDyn(&[9])));
        file.close()?;
        Ok(())
    });
}

#[test]
fn attributes_of_every_kind_come_back() {
    on_ranks([1, 3], |world| {
        let (_folder, folder) = shared(world, "attributes")?;
        let path = folder.join("attributes.h5");
        let values: Vec<(&str, Attribute)> = vec![
            ("float", 0.1.into()),
            ("single", 0.5f32.into()),
            ("integer", (-3).into()),
            ("small", 200u8.into()),
            ("size", 7usize.into()),
            ("large", u64::MAX.into()),
            ("flag", true.into()),
            ("text", "Größe".into()),
            ("empty text", "".into()),
            ("floats", vec![1.5, -2.0].into()),
            ("plane", array![[1, 2, 3], [4, 5, 6]].into()),
            ("texts", ["a", "", "ccc"].into()),
        ];
        let file = File::create(world, &path)?;
        file.set_attribute("float", "another kind, replaced")?;
        for (name, value) in &values {
            file.set_attribute(name, value.clone())?;
            file.create_group("g").or_else(|_| file.group("g"))?.set_attribute(name, value.clone())?;
        }
        let x = file.create_dataset::<u8>("x", &[1], &Storage::default())?;
        x.set_attribute("unit", "m")?;
        let nothing: [f64; 0] = [];
        assert!(file.set_attribute("nothing", nothing).unwrap_err().to_string().contains("without elements"));
        assert!(file.set_attribute("zero", "a\0b").unwrap_err().to_string().contains("a zero byte"));
        file.close()?;
        let file = File::open_rw(world, &path, &Options::default())?;
        let group = file.group("/g")?;
        for (name, value) in &values {
            assert_eq!(file.attribute(name)?.as_ref(), Some(value), "{name}");
            assert_eq!(group.attribute(name)?.as_ref(), Some(value), "{name}");
        }
        assert_eq!(file.attribute("zero")?, None);
        assert_eq!(file.dataset("x")?.text("unit").as_deref(), Some("m"));
        file.set_attribute("float", 2)?;
        assert_eq!(file.attribute("float")?, Some(Attribute::Integer(2)));
        file.close()?;
        Ok(())
    });
}

#[test]
fn groups_hold_what_is_put_into_them() {
    on_ranks([1, 3], |world| {
        let (_folder, folder) = shared(world, "groups")?;
        let path = folder.join("groups.h5");
        let file = File::create(world, &path)?;
        let deep = file.create_group("a/b")?;
        assert_eq!(deep.path(), "/a/b");
        deep.create_dataset::<u8>("c/x", &[2], &Storage::default())?;
        deep.create_dataset::<u8>("/top", &[2], &Storage::default())?;
        assert_eq!(file.names("a/b")?, ["c"]);
        assert_eq!(file.group("a")?.group("b/c")?.names()?, ["x"]);
        assert_eq!(file.names("/")?, ["a", "top"]);
        assert_eq!(deep.dataset("c/x")?.name(), "a/b/c/x");
        for wrong in [
            file.create_group("a").map(|_| ()),
            file.create_group("").map(|_| ()),
            file.create_group("top/x").map(|_| ()),
            file.group("top").map(|_| ()),
            file.group("none").map(|_| ()),
            file.remove("none"),
            file.dataset("a").map(|_| ()),
            file.create_dataset::<u8>("a", &[1], &Storage::default()).map(|_| ()),
        ] {
            assert!(wrong.is_err());
        }
        if world.size() > 1 {
            let name = if world.rank() == 1 { "u" } else { "v" };
            let error = file.create_group(name).unwrap_err().to_string();
            assert!(error.contains("the ranks gave different values for the name of the group"), "{error}");
        }
        file.remove("a/b")?;
        assert!(file.names("a")?.is_empty());
        file.close()?;
        Ok(())
    });
}

#[test]
fn arrays_in_every_layout_are_saved_and_loaded() {
    on_ranks([1, 3, 4], |world| {
        let (_folder, folder) = shared(world, "layouts")?;
        let path = folder.join("layouts.h5");
        let shape = [7, 5];
        let size = world.size();
        let value = |(i, j): (usize, usize)| (5 * i + j) as f64 / 3.0;
        let mut all_on_last = vec![0; size];
        all_on_last[size - 1] = 7;
        let layouts = [
            Layout::rows(world, shape)?,
            Layout::grid(world, shape, [1, size])?,
            Layout::grid_auto(world, shape)?,
            Layout::rows(world, shape)?.with_partition(0, Partition::from_counts(&all_on_last))?,
        ];
        let file = File::create(world, &path)?;
        for (k, layout) in layouts.iter().enumerate() {
            let array = DistArray::from_fn(layout, value)?;
            // Its halos are no part of it.
            array.halo(1, rankwise::array::Boundary::Periodic)?;
            array.save(&file, &format!("plain/{k}"))?;
            let packed =
                file.create_dataset::<f64>(&format!("packed/{k}"), &shape, &Storage::default().deflate(1))?;
            array.write_to(&packed)?;
        }
        file.close()?;
        let file = File::open(world, &path)?;
        for k in 0..layouts.len() {
            for how in ["plain", "packed"] {
                let data = file.dataset(&format!("{how}/{k}"))?;
                for layout in &layouts {
                    let found = DistArray::<f64, _>::load_by(layout, &data)?;
                    let expected = DistArray::from_fn(layout, value)?;
                    assert_eq!(found.local(), expected.local(), "{how}/{k} as {layout:?}");
                }
            }
        }
        Ok(())
    });
}

/// Open MPI has corrupted files of Cartesian communicators; HDF5 gets a plain one.
#[test]
fn a_grid_of_ranks_writes_as_others_do() {
    on_ranks([1, 3, 4], |world| {
        let (_folder, folder) = shared(world, "cartesian")?;
        let dims = rankwise::comm::dims_for(world.size(), 2);
        let cart: Option<CartesianCommunicator> = world.as_mpi().create_cartesian_communicator(
            &[dims[0] as i32, dims[1] as i32],
            &[false, true],
            false,
        );
        let cart = Comm::wrap(&cart.expect("all ranks are in it"))?;
        let grid = world.grid(&dims, &[true, false])?;
        for (name, comm) in [("cart", &cart), ("grid", grid.comm())] {
            let layout = Layout::grid(comm, [12, 10], [dims[0], dims[1]])?;
            let array = DistArray::from_fn(&layout, |(i, j)| (10 * i + j) as u32)?;
            let path = folder.join(name);
            let file = File::create(comm, &path)?;
            array.save(&file, "x")?;
            file.close()?;
            let file = File::open(world, &path)?;
            let expected = Array2::from_shape_fn((12, 10), |(i, j)| (10 * i + j) as u32);
            assert_eq!(file.dataset("x")?.read_rows::<u32>(0..12)?, expected.into_dyn());
        }
        Ok(())
    });
}

#[test]
fn options_reach_the_file() {
    on_ranks([1, 2], |world| {
        let (_folder, folder) = shared(world, "options")?;
        let path = folder.join("aligned.h5");
        let options = Options::default()
            .hints(&"striping_factor=4, cb_nodes=1, no_such_hint=x".parse().expect("hints"))
            .hint("romio_ds_read", "automatic")
            .align(1, 65536)
            .sync(false);
        let file = File::create_with(world, &path, &options)?;
        let data = file.create_dataset::<u8>("x", &[100], &Storage::default())?;
        data.write_rows(0, &Array1::from_elem(if world.is_root() { 100 } else { 0 }, 0xabu8))?;
        file.close()?;
        let bytes = std::fs::read(&path)?;
        let place = bytes.windows(100).position(|window| window == [0xab; 100]);
        assert!(place.is_some_and(|place| place % 65536 == 0), "{place:?}");
        // Another value on one rank is noticed.
        if world.size() > 1 {
            let options = options.hint("cb_nodes", if world.is_root() { "1" } else { "2" });
            let error = File::open_with(world, &path, &options).unwrap_err().to_string();
            assert!(error.contains("different values for the path and options"), "{error}");
        }
        Ok(())
    });
}

#[test]
fn npy_files_come_back() {
    let folder = crate::common::Folder::new("npy");
    let path = folder.file("a.npy");
    let array = Array2::from_shape_fn((3, 4), |(i, k)| Complex::new(i as f64, k as f64));
    rankwise::file::npy::write(&path, &array).expect("written");
    assert_eq!(rankwise::file::npy::read::<Complex<f64>, ndarray::Ix2>(&path).expect("read"), array);
    rankwise::file::npy::write(&path, &array.t().map(|z| z.re as f32)).expect("replaced");
    assert_eq!(rankwise::file::npy::read::<f32, ndarray::Ix2>(&path).expect("read")[[3, 2]], 2.0);
    let error = rankwise::file::npy::read::<f64, ndarray::Ix2>(&path).unwrap_err().to_string();
    assert!(error.contains("not an array of f64"), "{error}");
    assert_eq!(folder.names(), ["a.npy"]);
}
