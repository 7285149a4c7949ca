//! Counts above 2³¹ and messages above 4 GiB, for real: `make test-large`. It takes minutes and 16 GiB of memory, so it is not
//! among the other tests; those split short messages in the same way.

use rankwise::prelude::*;
use rankwise::testing::on_ranks;

/// Above 4 GiB, and no multiple of anything.
const LONG: usize = (1 << 32) + 12_345;
/// Above what an `int` counts.
const OVER: usize = (1 << 31) + 54_321;

fn byte(i: usize) -> u8 {
    (i ^ (i >> 8) ^ (i >> 16) ^ (i >> 31)) as u8
}

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(byte).collect()
}

#[track_caller]
fn check(got: &[u8], len: usize, first: usize) {
    assert_eq!(got.len(), len);
    let wrong = got.iter().enumerate().find(|&(i, &got)| got != byte(first + i));
    assert!(wrong.is_none(), "element {:?} of {len}", wrong.map(|(i, _)| i));
}

#[test]
#[ignore = "large: see make test-large"]
fn messages_and_broadcasts_above_4_gib() {
    on_ranks([2], |world| {
        let first = world.rank() == 0;
        let mut all = if first { bytes(LONG) } else { Vec::new() };
        if first {
            world.send(1, &all)?;
            world.isend(1, all)?.wait()?;
            all = bytes(LONG);
        } else {
            check(&world.recv::<u8, _>(0)?, LONG, 0);
            all = vec![0; LONG];
            let (room, status) = world.irecv_into(0, all)?.wait()?;
            check(&room, status.len, 0);
            all = room;
            all.fill(0);
        }
        world.broadcast_into(0, &mut all)?;
        check(&all, LONG, 0);
        let other = 1 - world.rank();
        all.truncate(OVER);
        check(&world.send_recv(other, &all, other)?, OVER, 0);
        check(&world.shift(1, &all)?, OVER, 0);
        check(&world.ibroadcast(1, all)?.wait()?, OVER, 0);
        Ok(())
    });
}

#[test]
#[ignore = "large: see make test-large"]
fn blocks_above_2_gib() {
    on_ranks([2], |world| {
        let blocks = Partition::from_counts(&[OVER, LONG - OVER]);
        let mut whole = if world.rank() == 1 { bytes(LONG) } else { Vec::new() };
        let mine = world.scatter_by(&blocks, 1, (world.rank() == 1).then_some(&whole))?;
        let block = blocks.range(world.rank());
        check(&mine, block.len(), block.start);
        whole.fill(0);
        world.gather_into(&blocks, 1, &mine, (world.rank() == 1).then_some(&mut whole))?;
        assert!(world.rank() == 0 || whole.len() == LONG);
        if world.rank() == 1 {
            check(&whole, LONG, 0);
        }
        drop(whole);
        let all = world.all_gather_by(&blocks, &mine)?;
        check(&all, LONG, 0);
        drop(all);
        check(&world.iall_gather(&blocks, mine)?.wait()?, LONG, 0);
        Ok(())
    });
}

#[test]
#[ignore = "large: see make test-large"]
fn exchanges_above_2_gib() {
    on_ranks([2], |world| {
        // The long blocks go to rank 1 only, the short ones the other way.
        let sends = Partition::from_counts(&[77, OVER]);
        let (all, receives) = world.all_to_all(&sends, &bytes(sends.len()))?;
        for from in 0..2 {
            let (first, len) = if world.rank() == 0 { (0, 77) } else { (77, OVER) };
            check(&all[receives.range(from)], len, first);
        }
        drop(all);
        let each = (1 << 30) + 7;
        let all = world.all_to_all_equal(&bytes(2 * each))?;
        for block in all.chunks(each) {
            check(block, each, world.rank() * each);
        }
        let came = world.sparse_all_to_all(&[(1, &all[..5])])?;
        assert_eq!(came.len(), 2 * world.rank());
        drop(all);
        let data = bytes(if world.is_root() { OVER } else { 3 });
        let came = world.sparse_all_to_all(&[(1 - world.rank(), &data)])?;
        check(&came[0].1, if world.is_root() { 3 } else { OVER }, 0);
        Ok(())
    });
}

#[test]
#[ignore = "large: see make test-large"]
fn reductions_above_2_gib() {
    on_ranks([2], |world| {
        let mine = bytes(OVER);
        let doubled = |got: &[u8], first: usize| {
            assert!(got.iter().enumerate().all(|(i, &got)| got == byte(first + i).wrapping_mul(2)));
        };
        if let Some(sums) = world.reduce(1, &mine, Sum)? {
            doubled(&sums, 0);
        }
        doubled(&world.all_reduce(&mine, Sum)?, 0);
        let up_to = world.scan(&mine, Sum)?;
        if world.rank() == 0 {
            check(&up_to, OVER, 0)
        } else {
            doubled(&up_to, 0)
        }
        drop(up_to);
        let before = world.exclusive_scan(&mine, Sum)?;
        if world.rank() == 0 {
            assert!(before.iter().all(|&n| n == 0))
        } else {
            check(&before, OVER, 0)
        }
        drop(before);
        let block = Partition::even(OVER, 2).range(world.rank());
        doubled(&world.reduce_scatter(&mine, Sum)?, block.start);
        doubled(&world.all_reduce_with(&mine, u8::wrapping_add)?, 0);
        doubled(&world.iall_reduce(mine, Sum)?.wait()?, 0);
        Ok(())
    });
}

#[test]
#[ignore = "large: see make test-large"]
fn values_above_2_gib() {
    on_ranks([2], |world| {
        #[derive(serde::Serialize, serde::Deserialize)]
        struct Large(#[serde(with = "rankwise::comm::bulk")] Vec<u8>);
        let value = world.is_root().then(|| Large(bytes(OVER)));
        let value = world.broadcast_value(0, value.as_ref())?;
        check(&value.0, OVER, 0);
        if let Some(all) = world.gather_values(1, &value)? {
            all.iter().for_each(|value| check(&value.0, OVER, 0));
        }
        Ok(())
    });
}

/// One rank writes and reads more than HDF5 and MPI-IO can move in one call, the other nothing.
#[cfg(feature = "h5")]
#[test]
#[ignore = "large: see make test-large"]
fn blocks_of_files_above_2_gib() {
    use rankwise::file::{File, Storage};
    on_ranks([2], |world| {
        let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("large.h5");
        let mine = if world.is_root() { 0..OVER } else { OVER..OVER };
        let all = ndarray::Array1::from(if world.is_root() { bytes(OVER) } else { vec![] });
        for (storage, independent) in
            [(Storage::default(), false), (Storage::default(), true), (Storage::chunks([64 << 20]), false)]
        {
            let file = File::create(world, &path)?;
            let mut data = file.create_dataset::<u8>("x", &[OVER], &storage)?;
            if independent {
                data = data.independent();
            }
            data.write_rows(mine.start, &all)?;
            file.close()?;
            let file = File::open(world, &path)?;
            let mut data = file.dataset("x")?;
            if independent {
                data = data.independent();
            }
            let found = data.read_rows::<u8>(mine.clone())?;
            check(found.as_slice().expect("in one piece"), mine.len(), 0);
            file.close()?;
        }
        world.barrier()?;
        world.on_root(|| Ok(std::fs::remove_file(&path)?))?;
        Ok(())
    });
}
