//! Laws of parts of the ranks, of grids, and of memory that ranks share.

use rankwise::comm::{NodeShared, dims_for};
use rankwise::prelude::*;
use rankwise::testing::on_ranks;

#[test]
fn parts_are_made_by_color_and_ordered_by_key() {
    on_ranks([1, 2, 3, 4, 5], |world| {
        let (rank, size) = (world.rank(), world.size());
        let color = (rank != 1).then_some(rank % 2);
        let part = world.split(color, -(rank as i64))?;
        assert_eq!(part.is_some(), rank != 1);
        if let Some(part) = &part {
            // Backwards, by the key.
            let members: Vec<usize> = (0..size).filter(|&r| r != 1 && r % 2 == rank % 2).rev().collect();
            assert_eq!(part.all_gather_one(rank)?, members);
            assert_eq!(part.name(), format!("world/part {}", rank % 2));
            assert_eq!(part.split(Some(0), 0)?.expect("a color").name(), format!("{}/part 0", part.name()));
            // Messages name the part.
            let error = part.broadcast_into(part.size(), &mut [0]).unwrap_err().to_string();
            assert!(error.contains(&format!("in {}: ", part.name())), "{error}");
        }
        let error = world.broadcast_into(size, &mut [0]).unwrap_err().to_string();
        assert!(!error.contains(" in world"), "{error}");
        // Those of one part do not hear of the other's failure.
        if let Some(part) = &part {
            let failing = rank % 2 == 0;
            let outcome = part.agree(if failing && part.is_root() { Err("no") } else { Ok(()) });
            assert_eq!(outcome.is_err(), failing);
        }
        Ok(())
    });
}

#[test]
fn nodes_have_one_leader_each() {
    on_ranks([1, 2, 3, 4], |world| {
        let nodes = world.split_by_node()?;
        // All ranks of a test run on one machine.
        assert_eq!((nodes.node().size(), nodes.count(), nodes.index()), (world.size(), 1, 0));
        assert_eq!(nodes.node().name(), "world/node 0");
        assert_eq!(nodes.leaders().map(Comm::size), world.is_root().then_some(1));
        assert_eq!(world.node()?.rank(), world.rank());
        Ok(())
    });
}

#[test]
fn neighbours_on_a_grid_know_each_other() {
    on_ranks([1, 2, 3, 4, 6], |world| {
        let (rank, size) = (world.rank(), world.size());
        for axes in 1..4 {
            let dims = dims_for(size, axes);
            for periodic in [false, true] {
                let grid = world.grid(&dims, &vec![periodic; axes])?;
                assert_eq!(grid.comm().rank(), rank);
                let place: Vec<isize> = grid.coordinates().iter().map(|&along| along as isize).collect();
                assert_eq!(grid.rank_at(&place), Some(rank));
                for axis in 0..axes {
                    for by in [-2, -1, 0, 1, 3] {
                        let neighbour = grid.neighbour(axis, by);
                        let inside = (place[axis] + by).rem_euclid(dims[axis] as isize) == place[axis] + by;
                        assert_eq!(neighbour.is_some(), periodic || inside);
                        // What I get from the one before me, it has sent to me.
                        let came = grid.shift(axis, by, &[rank; 3])?;
                        assert_eq!(came, grid.neighbour(axis, -by).map(|from| vec![from; 3]));
                    }
                    let line = grid.line(axis)?;
                    assert_eq!((line.size(), line.rank() as isize), (dims[axis], place[axis]));
                    assert_eq!(grid.neighbours()[axis], [grid.neighbour(axis, -1), grid.neighbour(axis, 1)]);
                }
            }
        }
        let wrong = [
            world.grid(&[size + 1], &[true]).unwrap_err(),
            world.grid(&[], &[]).unwrap_err(),
            world.grid(&[size, 1], &[true]).unwrap_err(),
            world.grid(&[usize::MAX, 2], &[true, true]).unwrap_err(),
        ];
        for error in wrong {
            assert!(error.to_string().contains("tests/parts.rs:"), "{error}");
        }
        let grid = world.grid(&[size], &[true])?;
        assert!(grid.shift(1, 1, &[0]).is_err() && grid.line(1).is_err());
        Ok(())
    });
}

#[test]
fn a_counter_gives_each_number_once() {
    on_ranks([1, 2, 3, 4], |world| {
        let counter = world.counter()?;
        let other = world.counter()?;
        let mut mine = Vec::new();
        loop {
            let next = counter.fetch_add(3)?;
            if next >= 600 {
                break;
            }
            mine.push(next);
        }
        let mut all = world.all_gather(&mine)?;
        all.sort_unstable();
        assert!(all.into_iter().eq((0..600).step_by(3)));
        assert_eq!(counter.get()?, 600 + 3 * world.size() as u64);
        assert_eq!(other.get()?, 0);
        world.barrier()?;
        // Around the end: 0 − 1 is the greatest number.
        let mut before = world.all_gather_one(other.fetch_add(u64::MAX)?)?;
        before.sort_unstable_by_key(|n| n.wrapping_neg());
        assert!(before.into_iter().eq((0..world.size() as u64).map(u64::wrapping_neg)));
        Ok(())
    });
}

/// Parts that have nothing to do with each other make theirs at the same time.
#[test]
fn counters_of_different_parts_are_apart() {
    on_ranks([3, 4, 7], |world| {
        let part = world.split(Some(world.rank() % 2), 0)?.expect("all have a color");
        let all = part.size() as u64;
        // MPICH's ranks wait spinning: more of them than cores take long.
        for round in 0..if world.size() > 4 { 20 } else { 200 } {
            // Both at once, as far as that can be had.
            world.barrier()?;
            let counter = part.counter()?;
            counter.fetch_add(1)?;
            part.barrier()?;
            assert_eq!(counter.get()?, all, "round {round}");
            part.barrier()?;
            counter.free();
        }
        Ok(())
    });
}

#[test]
fn all_ranks_of_a_node_read_what_one_has_filled() {
    on_ranks([1, 2, 3, 4], |world| {
        for len in [0, 1, 1000, 100_000] {
            let shared: NodeShared<(u8, f64)> = world.node_shared(len, |all: &mut [(u8, f64)]| {
                assert!(all.iter().all(|&one| one == (0, 0.0)));
                all.iter_mut()
                    .enumerate()
                    .for_each(|(i, one)| *one = (i as u8, i as f64 + world.rank() as f64));
                Ok(())
            })?;
            assert!(shared.iter().copied().eq((0..len).map(|i| (i as u8, i as f64))), "{len}");
            let addresses = world.all_gather_one(shared.len())?;
            assert_eq!(addresses, vec![len; world.size()]);
        }
        let error = world.node_shared(3, |_: &mut [u8]| Err("no such table".into())).unwrap_err();
        assert!(error.is_shared() && error.to_string().ends_with("no such table"), "{error}");
        let error = world.node_shared(usize::MAX / 4, |_: &mut [u64]| Ok(())).unwrap_err();
        assert!(error.to_string().contains("no memory"), "{error}");
        Ok(())
    });
}

#[test]
fn what_the_root_has_is_once_on_each_node() {
    on_ranks([1, 2, 3, 4], |world| {
        for len in [0usize, 1, 1000, 100_000] {
            let data: Vec<u32> = (0..len as u32).map(|i| i.wrapping_mul(i)).collect();
            // What others give is not looked at.
            let given = match world.rank() {
                0 => Some(&data[..]),
                1 => None,
                _ => Some(&data[..len / 2]),
            };
            assert_eq!(world.shared_from_root(given)?[..], data[..]);
        }
        let error = world.shared_from_root((!world.is_root()).then_some(&[1u8][..])).unwrap_err();
        assert!(error.is_shared() && error.to_string().contains("the root has no data to share"), "{error}");
        Ok(())
    });
}
