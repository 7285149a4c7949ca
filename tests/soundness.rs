//! Ways to break memory that safe code had with other bindings: here each is an error, or does not compile.
//!
//! What does not compile is shown, and tested, where it is documented: `Comm`, `Request`, `Comm::scope`, `Element`.

use rankwise::comm::Any;
use rankwise::prelude::*;
use rankwise::testing::on_ranks;

#[derive(Debug, Clone, Copy, PartialEq, Default, mpi::traits::Equivalence)]
struct Inner {
    weight: f32,
    checked: [bool; 2],
}

#[derive(Debug, Clone, Copy, PartialEq, Default, mpi::traits::Equivalence)]
struct Outer {
    small: u8,
    flag: bool,
    inner: [Inner; 2],
    number: u64,
    last: bool,
}

/// The same bytes, without any `bool`.
type Bytes = [u8; size_of::<Outer>()];

#[test]
fn no_result_is_longer_than_its_buffer() {
    on_ranks([1, 2, 3], |world| {
        let size = world.size();
        let even = |each: usize| Partition::even(each * size, size);
        // All of these are found before anything is sent, so nobody waits.
        let mut neighbours = [7u64; 8];
        let short = &mut neighbours[3..4];
        let mine = vec![1u64; 64 * size];
        let errors = [
            world.all_reduce_into(&mine, short, Sum).unwrap_err(),
            world.scan_into(&mine, short, Sum).unwrap_err(),
            world.exclusive_scan_into(&mine, short, Sum).unwrap_err(),
            world.reduce_scatter_into(&even(64), &mine, short, Sum).unwrap_err(),
            world.reduce_scatter_into(&even(1), &mine, short, Sum).unwrap_err(),
            world.all_gather_into(&even(64), &mine[..64], short).unwrap_err(),
            world.all_gather_into(&even(1), &mine[..64], short).unwrap_err(),
            world.all_to_all_into(&even(64), &mine, &even(64), short).unwrap_err(),
            world.all_to_all_equal_into(&mine, short).unwrap_err(),
            world.scatter_into(&even(64), 0, Some(&mine), short).unwrap_err(),
            world.scatter_into(&Partition::even(64, size + 1), 0, Some(&mine), short).unwrap_err(),
        ];
        for error in errors {
            assert!(matches!(error, Error::Argument { .. }), "{error}");
        }
        if size > 1 {
            assert!(world.all_to_all_equal(&mine[..65]).is_err(), "65 elements cannot be divided");
        }
        assert_eq!(neighbours, [7; 8]);
        // On the root alone; the others have nothing to wait for when there are none.
        if size == 1 {
            assert!(world.reduce_into(0, &mine, Some(&mut neighbours[..1]), Sum).is_err());
            assert!(world.gather_into(&even(64), 0, &mine, Some(&mut neighbours[..1])).is_err());
            assert!(world.reduce_into(0, &mine, None, Sum).is_err());
            assert!(world.igather(&even(2), 0, vec![1; 3]).is_err());
            assert!(world.iscatter::<Vec<u8>, _>(&even(2), 0, None).is_err());
        }
        Ok(())
    });
}

/// Rank 0 sends `bytes`, which rank 1 takes for `T`.
fn taken_for<T: rankwise::comm::Element<K> + Default, K>(world: &Comm, bytes: &[u8]) -> Option<(T, Error)> {
    let mut room = [T::default()];
    if world.rank() == 0 {
        world.send(1, bytes).expect("rank 1 is there");
        None
    } else {
        let error = world.recv_into(0, &mut room).expect_err("no bool is 7");
        Some((room[0], error))
    }
}

#[test]
fn no_bool_is_neither_true_nor_false() {
    on_ranks([2], |world| {
        // Messages with labels would be refused before.
        rankwise::testing::set_checks("light");
        if let Some((value, error)) = taken_for::<bool, _>(world, &[7]) {
            assert!(!value, "mended");
            assert!(error.to_string().contains("neither true nor false"), "{error}");
        }
        if let Some((value, _)) = taken_for::<[(u8, bool); 2], _>(world, &[200, 1, 200, 255]) {
            assert_eq!(value, [(200, true), (200, false)]);
        }
        // In a collective call both ranks think they do the same, unless the calls are compared.
        let mut bytes = [7u8, 1, 0, 2];
        let mut flags = [false; 4];
        if world.rank() == 0 {
            world.broadcast_into(0, &mut bytes)?;
        } else {
            let error = world.broadcast_into(0, &mut flags).unwrap_err();
            assert!(error.to_string().contains("neither true nor false"), "{error}");
            assert_eq!(flags, [false, true, false, false]);
        }
        // Without the caller's buffer there is no value at all.
        if world.rank() == 0 {
            world.send(1, &[3u8; 5])?;
            world.send((1, 4), &[3u8; 5])?;
        } else {
            assert!(world.recv::<bool, _>(0).is_err());
            assert!(world.irecv_into((0, 4), vec![true; 5])?.wait().is_err());
        }
        // And those that are right arrive as they are.
        let value = Outer { flag: true, number: 7, last: true, ..Outer::default() };
        assert_eq!(world.broadcast(0, world.is_root().then_some(&[value][..]))?, [value]);
        Ok(())
    });
}

#[test]
fn bools_inside_structs_are_found() {
    on_ranks([2], |world| {
        rankwise::testing::set_checks("light");
        if world.rank() == 0 {
            // As a struct of the same layout with bytes where the other has bools.
            #[derive(Debug, Clone, Copy, mpi::traits::Equivalence)]
            struct InnerBytes {
                weight: f32,
                checked: [u8; 2],
            }
            #[derive(Debug, Clone, Copy, mpi::traits::Equivalence)]
            struct OuterBytes {
                small: u8,
                flag: u8,
                inner: [InnerBytes; 2],
                number: u64,
                last: u8,
            }
            let inner = InnerBytes { weight: 1.5, checked: [1, 9] };
            let wrong = OuterBytes { small: 200, flag: 8, inner: [inner; 2], number: u64::MAX, last: 1 };
            world.send(1, &[wrong; 3])?;
        } else {
            let mut room = [Outer::default(); 3];
            assert!(world.recv_into(0, &mut room).is_err());
            let inner = Inner { weight: 1.5, checked: [true, false] };
            let mended = Outer { small: 200, flag: false, inner: [inner; 2], number: u64::MAX, last: true };
            assert_eq!(room, [mended; 3], "only the bools were touched");
        }
        let _: Bytes = [0; size_of::<Outer>()];
        Ok(())
    });
}

/// In an array the derive puts such structs 16 bytes apart, as MPI would, and not 9.
#[derive(Debug, Clone, Copy, Default, mpi::traits::Equivalence)]
#[repr(C, packed)]
struct Packed(u8, u64);

#[derive(Debug, Clone, Copy, Default, mpi::traits::Equivalence)]
struct ManyPacked {
    many: [Packed; 2],
}

#[test]
fn a_datatype_longer_than_its_type_is_refused() {
    on_ranks([2], |world| {
        let error = world.all_gather(&[ManyPacked::default()]).unwrap_err().to_string();
        assert!(error.contains("a packed struct"), "{error}");
        // By itself it lies as Rust says.
        let all = world.all_gather(&[Packed(world.rank() as u8, 7), Packed(9, u64::MAX)])?;
        assert_eq!(({ all[2].0 }, { all[2].1 }, { all[3].1 }), (1, 7, u64::MAX));
        Ok(())
    });
}

#[test]
fn only_the_thread_that_started_mpi_communicates() {
    on_ranks([1, 2], |world| {
        let elsewhere =
            std::thread::spawn(|| Comm::wrap(&mpi::topology::SimpleCommunicator::world()).map(|_| ()));
        let error = elsewhere.join().expect("it does not panic").unwrap_err().to_string();
        assert!(error.contains("only the thread that has started MPI"), "{error}");
        world.barrier()?;
        Ok(())
    });
}

#[test]
fn nothing_uninitialised_is_ever_read() {
    on_ranks([2], |world| {
        // An empty message where one element was expected.
        if world.rank() == 0 {
            world.send::<u64, _>(1, &[])?;
        } else {
            let status = world.recv_into(0, &mut [5u64])?;
            assert_eq!(status.len, 0);
        }
        assert!(world.send_recv::<u64, _>(1 - world.rank(), &[], 1 - world.rank())?.is_empty());
        assert!(world.probe_now(Any)?.is_none());
        // A result that MPI leaves undefined.
        assert_eq!(world.exclusive_scan(&[3u8], Sum)?, [3 * world.rank() as u8]);
        Ok(())
    });
}
