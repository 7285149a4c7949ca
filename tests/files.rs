//! Laws of HDF5 files on ranks: what was written is read, at any rank count, and a mistake is the same error on all ranks.
#![cfg(feature = "h5")]

use crate::common::shared;
use ndarray::{Array2, Array3, s};
use rankwise::file::{File, Storage};
use rankwise::prelude::*;
use rankwise::testing::on_ranks;

/// Blocks in which some rank has nothing.
fn partitions(rows: usize, ranks: usize) -> Vec<Partition> {
    let mut all_on_last = vec![0; ranks];
    all_on_last[ranks - 1] = rows;
    let mut gap: Vec<usize> = Partition::even(rows, ranks).counts().collect();
    if ranks > 2 {
        gap[0] += gap[1];
        gap[1] = 0;
    }
    vec![Partition::even(rows, ranks), Partition::from_counts(&all_on_last), Partition::from_counts(&gap)]
}

#[test]
fn what_is_written_is_read_whatever_the_blocks() {
    on_ranks([1, 2, 3, 4], |world| {
        let (_folder, folder) = shared(world, "files-round")?;
        for rows in [0, 1, 2, 5, 103] {
            let whole = Array2::from_shape_fn((rows, 3), |(i, k)| (10 * i + k) as f64 / 7.0);
            for storage in [Storage::default(), Storage::chunks([2, 3])] {
                let path = folder.join("round.h5");
                for written in partitions(rows, world.size()) {
                    let file = File::create(world, &path)?;
                    let data = file.create_dataset::<f64>("data", &[rows, 3], &storage)?;
                    let mine = written.range(world.rank());
                    data.write_rows(mine.start, &whole.slice(s![mine, ..]))?;
                    data.set_attribute("units", "m")?;
                    data.set_attribute("scale", 0.5)?;
                    file.set_attribute("rows", rows as i64)?;
                    file.close()?;
                    for read in partitions(rows, world.size()) {
                        let file = File::open(world, &path)?;
                        let data = file.dataset("/data")?;
                        assert_eq!(data.shape(), [rows, 3]);
                        assert_eq!((data.element().as_str(), data.is_numeric()), ("f64", true));
                        assert_eq!(data.text("units").as_deref(), Some("m"));
                        let mine = read.range(world.rank());
                        assert_eq!(
                            data.read_rows::<f64>(mine.clone())?,
                            whole.slice(s![mine, ..]).into_dyn()
                        );
                        file.close()?;
                    }
                }
            }
        }
        Ok(())
    });
}

#[test]
fn blocks_of_any_dimension_and_views_that_are_not_contiguous() {
    on_ranks([1, 2, 3], |world| {
        let (_folder, folder) = shared(world, "files-blocks")?;
        let path = folder.join("blocks.h5");
        let whole = Array3::from_shape_fn((4, 7, 6), |(i, j, k)| (100 * i + 10 * j + k) as i32);
        let columns = Partition::even(7, world.size()).range(world.rank());
        let file = File::create(world, &path)?;
        let data = file.create_dataset::<i32>("box", &[4, 7, 6], &Storage::default())?;
        // Cut along the middle axis: the view has gaps in memory.
        data.write_block(&[0, columns.start, 0], &whole.slice(s![.., columns.clone(), ..]))?;
        file.close()?;
        let file = File::open(world, &path)?;
        let data = file.dataset("box")?;
        let block = data.read_block::<i32>(&[1, columns.start, 2], &[2, columns.len(), 3])?;
        assert_eq!(block, whole.slice(s![1..3, columns, 2..5]).into_dyn());
        // Other numbers only when asked for.
        let error = data.read_rows::<f32>(0..4).unwrap_err().to_string();
        assert!(error.contains("box holds i32, not f32"), "{error}");
        assert_eq!(data.convert().read_rows::<f32>(0..4)?, whole.mapv(|x| x as f32).into_dyn());
        Ok(())
    });
}

#[test]
fn mistakes_are_the_same_error_on_all_ranks() {
    on_ranks([1, 2, 3], |world| {
        let (_folder, folder) = shared(world, "files-mistakes")?;
        let said = |error: Error| {
            let text = error.to_string();
            let all = world.all_gather(text.as_bytes()).expect("the world is well");
            assert_eq!(all, text.as_bytes().repeat(world.size()), "not the same on all ranks");
            text
        };
        let path = folder.join("a.h5");
        let last = world.rank() == world.size() - 1;

        assert!(said(File::open(world, folder.join("none.h5")).unwrap_err()).contains("No such file"));
        assert!(said(File::open(world, &folder).unwrap_err()).contains("it is a folder"));
        assert!(
            said(File::create(world, folder.join("no/folder.h5")).unwrap_err())
                .contains("there is no folder")
        );
        assert!(said(File::create(world, &folder).unwrap_err()).contains("it is a folder"));
        world.on_root(|| {
            std::fs::write(folder.join("text.h5"), "not what it says")?;
            Ok(std::fs::write(folder.join("empty.h5"), "")?)
        })?;
        assert!(said(File::open(world, folder.join("text.h5")).unwrap_err()).contains("not an HDF5 file"));
        assert!(said(File::open(world, folder.join("empty.h5")).unwrap_err()).contains("the file is empty"));

        let file = File::create(world, &path)?;
        let data = file.create_dataset::<f64>("x", &[10], &Storage::default())?;
        assert!(
            said(file.create_dataset::<f64>("x", &[10], &Storage::default()).unwrap_err())
                .contains("dataset x")
        );
        // One rank alone is wrong: about the rows, the type of the block, an attribute, the shape, the path.
        let rows = ndarray::Array1::<f64>::zeros(if last { 3 } else { 0 });
        let error = said(data.write_rows(8, &rows).unwrap_err());
        assert!(error.contains("block of shape [3] at [8] is not inside x of shape [10]"), "{error}");
        if world.size() > 1 {
            let different = "the ranks gave different values";
            assert!(
                said(data.set_attribute("a", f64::from(u8::from(last))).unwrap_err()).contains(different)
            );
            let shape = [if last { 5 } else { 6 }];
            let error = file.create_dataset::<f64>("y", &shape, &Storage::default()).unwrap_err();
            assert!(said(error).contains(different));
            let path = folder.join(if last { "b.h5" } else { "c.h5" });
            assert!(said(File::create(world, path).unwrap_err()).contains(different));
        }
        let wide = file.create_dataset::<f64>("wide", &[10, 4], &Storage::default())?;
        let rows = Array2::<f64>::zeros((1, if last { 3 } else { 4 }));
        let error = said(wide.write_rows(world.rank(), &rows).unwrap_err());
        assert!(error.contains("rows of a block of shape [1, 3] are not whole in wide"), "{error}");
        let error = said(file.create_dataset::<f64>("v", &[10, 4], &Storage::chunks([2])).unwrap_err());
        assert!(error.contains("chunks of shape [2] in a dataset of shape [10, 4]"), "{error}");
        data.write_rows(0, &ndarray::Array1::<f64>::zeros(if last { 10 } else { 0 }))?;
        file.close()?;

        let file = File::open(world, &path)?;
        let error = said(file.dataset("z").unwrap_err());
        assert!(error.contains("there is no dataset z; the file has /wide, /x"), "{error}");
        let error = said(file.dataset("x")?.read_rows::<f64>(if last { 5..12 } else { 0..1 }).unwrap_err());
        assert!(error.contains("is not inside x"), "{error}");
        drop(file);

        // Half a file.
        world.on_root(|| {
            let bytes = std::fs::read(&path)?;
            Ok(std::fs::write(folder.join("half.h5"), &bytes[..bytes.len() / 2])?)
        })?;
        assert!(said(File::open(world, folder.join("half.h5")).unwrap_err()).contains("is it truncated?"));
        Ok(())
    });
}

#[test]
fn a_shape_beyond_all_memory_is_an_error() {
    on_ranks([1, 2], |world| {
        let (_folder, folder) = shared(world, "files-huge")?;
        let path = folder.join("huge.h5");
        // By one process, whose file stores no chunk until it is written.
        world.on_root(|| {
            let file = hdf5::File::create(&path)?;
            file.new_dataset::<f64>().shape(1usize << 59).chunk(1 << 28).create("x")?;
            Ok(file.close()?)
        })?;
        let file = File::open(world, &path)?;
        let data = file.dataset("x")?;
        let mine = Partition::even(data.shape()[0], world.size()).range(world.rank());
        let error = data.read_rows::<f64>(mine).unwrap_err().to_string();
        assert!(error.contains("no memory for"), "{error}");
        Ok(())
    });
}

#[test]
fn a_file_appears_only_when_it_is_whole() {
    on_ranks([1, 3], |world| {
        let (own, folder) = shared(world, "files-whole")?;
        let path = folder.join("result.h5");
        world.on_root(|| Ok(std::fs::write(&path, "the old one")?))?;
        let file = File::create(world, &path)?;
        file.create_dataset::<u8>("x", &[1], &Storage::default())?;
        world.barrier()?;
        assert_eq!(std::fs::read(&path)?, b"the old one");
        world.barrier()?;
        file.close()?;
        File::open(world, &path)?.close()?;
        world.barrier()?;
        // Behind a link the file is replaced, not the link; a pipe, and a file that may not be written, are left alone.
        let link = folder.join("link.h5");
        world.on_root(|| Ok(std::os::unix::fs::symlink("result.h5", &link)?))?;
        File::create(world, &link)?.close()?;
        assert!(std::fs::symlink_metadata(&link)?.is_symlink());
        let pipe = folder.join("pipe");
        world.on_root(|| Ok(std::process::Command::new("mkfifo").arg(&pipe).status()?))?;
        assert!(File::create(world, &pipe).unwrap_err().to_string().contains("not a regular file"));
        let closed = folder.join("closed.h5");
        world.on_root(|| {
            std::fs::write(&closed, "closed")?;
            Ok(std::fs::set_permissions(&closed, std::os::unix::fs::PermissionsExt::from_mode(0o444))?)
        })?;
        assert!(File::create(world, &closed).unwrap_err().to_string().contains("may not be written"));
        world.barrier()?;
        if let Some(own) = own {
            assert_eq!(own.names(), ["closed.h5", "link.h5", "pipe", "result.h5"]);
        }
        Ok(())
    });
}
