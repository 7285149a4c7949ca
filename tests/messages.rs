//! Laws of messages between ranks, and of what is under way.

use rankwise::comm::{Any, Element, wait_all, wait_any, wait_some};
use rankwise::prelude::*;
use rankwise::testing::{self, on_ranks};

const LENGTHS: [usize; 6] = [0, 1, 2, 5, 1000, 40_000];

fn whole(from: usize, len: usize) -> Vec<[f32; 2]> {
    (0..len).map(|i| [from as f32, i as f32]).collect()
}

/// Around the ring in every way there is; from `limit` elements on, messages go in pieces.
fn ring(world: &Comm, limit: usize, lengths: &[usize]) -> Result<()> {
    let (rank, size) = (world.rank(), world.size());
    let (right, left) = ((rank + 1) % size, (rank + size - 1) % size);
    for &len in lengths {
        let (mine, theirs) = (whole(rank, len), whole(left, len));
        assert_eq!(world.shift(1, &mine)?, theirs, "shift {len}");
        assert_eq!(world.shift(-1, &mine)?, whole(right, len), "shift back {len}");
        assert_eq!(world.shift(size as isize * 3, &mine)?, mine, "three times round, {len}");
        assert_eq!(world.send_recv((right, 7), &mine, (left, 7))?, theirs, "send_recv {len}");

        // The room may be longer than the message.
        let mut room = vec![[-1.0; 2]; len + 3];
        let status = world.send_recv_into(right, &mine, left, &mut room)?;
        assert_eq!((status.source, status.tag, status.len), (left, 0, len));
        assert_eq!(room[..len], theirs);
        assert_eq!(room[len..], [[-1.0; 2]; 3]);
        let status = world.shift_into(1, &mine, &mut room)?;
        assert_eq!((status.len, &room[..len]), (len, &theirs[..]));

        // Even ranks send first. Alone, a rank would wait for itself.
        if size > 1 {
            let receive = || -> Result<()> {
                assert_eq!(world.recv::<[f32; 2], _>(left)?, theirs, "recv {len}");
                let message = world.probe((left, Any))?;
                assert_eq!((message.source(), message.tag()), (left, 9));
                assert!(len > 1000 || message.count::<[f32; 2], _>()? <= len);
                let mut room = vec![[-1.0; 2]; len];
                assert_eq!(message.recv_into(&mut room)?.len, len);
                assert_eq!(room, theirs);
                let status = world.recv_into((Any, 11), &mut room)?;
                assert_eq!((status.source, status.len), (left, len));
                assert_eq!(world.recv_value::<Vec<[f32; 2]>>((left, 12))?, theirs);
                Ok(())
            };
            let send = || -> Result<()> {
                world.send(right, &mine)?;
                world.send((right, 9), &mine)?;
                world.send((right, 11), &mine)?;
                world.send_value((right, 12), &mine)
            };
            if rank % 2 == 0 && rank + 1 < size {
                send()?;
                receive()?;
            } else {
                receive()?;
                send()?;
            }
        }

        let coming = world.irecv::<[f32; 2], _>(left)?;
        let into = world.irecv_into((left, 3), vec![[-1.0; 2]; len + 1])?;
        let value = world.irecv_value::<Vec<[f32; 2]>>((left, 4))?;
        let going = [world.isend(right, mine.clone())?, world.isend((right, 3), mine.clone())?];
        let words = world.isend_value((right, 4), &mine)?;
        assert_eq!(coming.wait()?, theirs, "irecv {len}");
        let (room, status) = into.wait()?;
        assert_eq!((&room[..status.len], status.source, room[len]), (&theirs[..], left, [-1.0; 2]));
        assert_eq!(value.wait()?, theirs);
        assert_eq!(wait_all(going)?, [mine.clone(), mine.clone()]);
        words.wait()?;

        let mut ghost = vec![[0.0; 2]; len];
        world.scope(|scope| -> Result<()> {
            let coming = scope.irecv_into(left, &mut ghost[..])?;
            let going = scope.isend(right, &mine[..])?;
            coming.wait()?;
            // Dropped: waited for at once.
            drop(going);
            Ok(())
        })?;
        assert_eq!(ghost, theirs);
        // So long a message is received while waiting only.
        if len < limit {
            ghost.fill([0.0; 2]);
            world.scope(|scope| -> Result<()> {
                // Forgotten: complete when the scope is.
                std::mem::forget(scope.irecv_into(left, &mut ghost[..])?);
                std::mem::forget(scope.isend(right, &mine[..])?);
                Ok(())
            })?;
            assert_eq!(ghost, theirs, "forgotten in a scope, {len}");
        }
    }
    Ok(())
}

#[test]
fn what_is_sent_arrives() {
    on_ranks([1, 2, 3, 4, 5], |world| {
        ring(world, usize::MAX, &LENGTHS)?;
        for elements in [1, 2, 5, 1000] {
            testing::split_messages_at(elements);
            ring(world, elements, &[0, 1, 4, 5, 6, 1000])?;
        }
        Ok(())
    });
}

#[test]
fn messages_are_told_apart_by_rank_and_tag() {
    on_ranks([1, 2, 3, 4], |world| {
        let (rank, size) = (world.rank(), world.size());
        let going = (0..size).flat_map(|to| (0..3).map(move |tag| (to, tag)));
        let going = going.map(|(to, tag)| world.isend((to, tag), vec![rank, tag as usize]));
        let going = going.collect::<Result<Vec<_>>>()?;
        // Tags backwards, ranks backwards.
        for tag in (0..3).rev() {
            for from in (0..size).rev() {
                assert_eq!(world.recv::<usize, _>((from, tag))?, [from, tag as usize]);
            }
        }
        wait_all(going)?;
        world.barrier()?;
        assert!(world.probe_now(Any)?.is_none());

        // Of one rank and tag they arrive in their order, whoever receives them how.
        let going = (0..9).map(|i| world.isend(rank, vec![i])).collect::<Result<Vec<_>>>()?;
        for i in 0..3 {
            let mut room = [0; 4];
            assert_eq!(world.recv::<i32, _>(rank)?, [3 * i]);
            world.recv_into(rank, &mut room)?;
            assert_eq!(room[0], 3 * i + 1);
            assert_eq!(world.irecv::<i32, _>(rank)?.wait()?, [3 * i + 2]);
        }
        wait_all(going)?;
        Ok(())
    });
}

#[test]
fn waiting_for_any_and_some_finds_each_once() {
    on_ranks([1, 2, 3], |world| {
        let rank = world.rank();
        let tags = 0..6;
        for some in [false, true] {
            let receives = tags.clone().map(|tag| world.irecv_into((rank, tag), vec![0; 2]));
            let mut receives = receives.collect::<Result<Vec<_>>>()?;
            let mut came = Vec::new();
            // Sent one by one, in another order.
            for tag in [3, 0, 5, 1, 4, 2] {
                world.isend((rank, tag), vec![tag; 2])?.wait()?;
                if some {
                    came.extend(wait_some(&mut receives)?.into_iter().map(|(_, (room, _))| room[0]));
                } else {
                    let (_, (room, status)) = wait_any(&mut receives)?.expect("there are some left");
                    assert_eq!(status.tag, room[0]);
                    came.push(room[0]);
                }
            }
            assert_eq!(came, [3, 0, 5, 1, 4, 2]);
            assert!(wait_any(&mut receives)?.is_none());
            assert!(wait_some(&mut receives)?.is_empty());
        }
        Ok(())
    });
}

#[test]
fn what_is_dropped_is_completed_or_cancelled() {
    on_ranks([1, 2, 3], |world| {
        let (rank, size) = (world.rank(), world.size());
        let (right, left) = ((rank + 1) % size, (rank + size - 1) % size);
        // Nobody sends these; they do not take what comes later.
        drop(world.irecv_into(left, vec![0u8; 8])?);
        drop(world.irecv::<u8, _>(left)?);
        // Not before all have cancelled, or a message might come first.
        world.barrier()?;
        let coming = world.irecv_into(left, vec![0usize; 5000])?;
        drop(world.isend(right, vec![rank; 5000])?);
        assert_eq!(coming.wait()?.0, vec![left; 5000]);
        // What is sent and dropped goes on while others are started.
        for round in 0..20 {
            drop(world.isend((right, 2), vec![round; 3000])?);
            drop(world.iall_reduce(vec![round; 3000], Sum)?);
        }
        for round in 0..20 {
            assert_eq!(world.recv::<i32, _>((left, 2))?, [round; 3000]);
        }
        // A message that was found and thrown away is gone.
        let going = world.isend(right, vec![1])?;
        drop(world.probe(left)?);
        going.wait()?;
        world.barrier()?;
        assert!(world.probe_now(Any)?.is_none());
        drop(world.iall_reduce(vec![1; 3], Sum)?);
        assert_eq!(world.all_reduce_one(1, Sum)?, size);
        Ok(())
    });
}

#[test]
fn a_message_to_oneself_is_kept_until_it_is_received() {
    on_ranks([1, 2, 3], |world| {
        let me = world.rank();
        for len in [0, 1, 100, 100_000] {
            let data: Vec<_> = (0..len).map(|i| i * (me + 1)).collect();
            world.send(me, &data)?;
            world.send((me, 1), &vec![0.5f32; len])?;
            world.send_value(me, &(&data, "second"))?;
            assert_eq!(world.recv::<usize, _>(me)?, data, "{len}");
            assert_eq!(world.recv_value::<(Vec<usize>, String)>(me)?, (data.clone(), "second".into()));
            assert_eq!(world.recv::<f32, _>((me, 1))?, vec![0.5; len]);
            let coming = world.irecv::<usize, _>(me)?;
            let other = world.irecv_into((me, 1), vec![0; len + 1])?;
            world.send(me, &data)?;
            world.send((me, 1), &data)?;
            assert_eq!(coming.wait()?, data);
            assert_eq!(other.wait()?.0[..len], data);
        }
        Ok(())
    });
}

#[test]
fn the_ring_does_not_meet_the_programs_messages() {
    on_ranks([1, 2, 3], |world| {
        let (rank, size) = (world.rank(), world.size());
        let left = (rank + size - 1) % size;
        // Posted before, for whatever comes; what is shifted is not for it.
        let later = world.irecv_into(Any, vec![usize::MAX; 4])?;
        assert_eq!(world.shift(1, &[rank])?, [left]);
        assert_eq!(world.shift_value::<_, usize>(1, &rank)?, left);
        assert_eq!(world.grid(&[size], &[true])?.shift(0, 1, &[rank])?, Some(vec![left]));
        world.send((rank + 1) % size, &[77 + rank])?;
        assert_eq!(later.wait()?.0[0], 77 + left);
        Ok(())
    });
}

#[test]
fn a_failed_receive_stays_failed() {
    on_ranks([2], |world| {
        if world.rank() == 0 {
            world.send(1, &[1.5f64; 10])?;
        } else {
            let mut requests = vec![world.irecv_into(0, vec![0.0f64; 3])?];
            while !requests[0].test()? {}
            assert!(requests[0].test()?);
            assert!(wait_any(&mut requests).is_err());
            assert!(requests.is_empty(), "it was taken out");
        }
        Ok(())
    });
}

/// Rank 0 sends `data` in every way, rank 1 receives it as `T` in every way: all errors that come of it.
fn taken_as<S: Element<KS> + Clone, KS: 'static, T: Element<K> + Default, K: 'static>(
    world: &Comm,
    data: &[S],
) -> Result<Vec<String>> {
    let mut errors = Vec::new();
    if world.rank() == 0 {
        for tag in 0..4 {
            world.send((1, tag), data)?;
        }
        world.isend((1, 4), data.to_vec())?.wait()?;
        world.send_recv::<u8, _>((1, 5), &[], (1, 5))?;
    } else {
        let mut room = vec![T::default(); 64];
        // As many as were sent, of that type, or an error.
        let mut count = |len: Result<usize>| match len {
            Ok(len) if len * size_of::<T>() != size_of_val(data) => errors.push(format!("{len} came")),
            Ok(_) => {}
            Err(error) => errors.push(error.to_string()),
        };
        count(world.recv::<T, _>((0, 0)).map(|all| all.len()));
        count(world.recv_into((0, 1), &mut room).map(|status| status.len));
        count(world.irecv_into((0, 2), room)?.wait().map(|(_, status)| status.len));
        count(world.irecv::<T, _>((0, 3))?.wait().map(|all| all.len()));
        count(world.probe(Any)?.recv::<T, _>().map(|all| all.len()));
        world.send_recv::<u8, _>((0, 5), &[], (0, 5))?;
    }
    world.barrier()?;
    Ok(errors)
}

#[derive(Debug, Clone, Copy, Default, mpi::traits::Equivalence)]
struct Point {
    x: f64,
    y: f64,
}

#[test]
fn a_message_says_what_it_holds() {
    on_ranks([2], |world| {
        rankwise::testing::set_checks("full");
        let all_wrong = |errors: Vec<String>, sent: &str, received: &str| {
            let words = format!("holds elements of type {sent}, and {received} are to be received");
            let right = errors.iter().filter(|error| error.contains(&words)).count();
            assert!(world.rank() == 0 || right == 5, "{words}: {errors:#?}");
        };
        all_wrong(taken_as::<f32, _, i32, _>(world, &[1.5; 4])?, "f32", "i32");
        all_wrong(taken_as::<i32, _, i64, _>(world, &[1; 4])?, "i32", "i64");
        all_wrong(taken_as::<u8, _, f64, _>(world, &[1; 9])?, "u8", "f64");
        all_wrong(taken_as::<u8, _, bool, _>(world, &[1; 3])?, "u8", "bool");
        all_wrong(taken_as::<Point, _, u64, _>(world, &[Point::default(); 2])?, "Point", "u64");
        all_wrong(
            taken_as::<(u32, f32), _, (f32, u32), _>(world, &[(1, 0.5); 2])?,
            "(u32, f32)",
            "(f32, u32)",
        );
        // The same numbers under another name are the same.
        let right = [
            taken_as::<f64, _, f64, _>(world, &[1.5; 10])?,
            taken_as::<f64, _, f64, _>(world, &[])?,
            taken_as::<usize, _, u64, _>(world, &[1; 3])?,
            taken_as::<[f64; 4], _, f64, _>(world, &[[1.5; 4]; 3])?,
            taken_as::<Point, _, f64, _>(world, &[Point { x: 1.0, y: 2.0 }; 2])?,
            taken_as::<f64, _, Point, _>(world, &[1.5; 6])?,
            taken_as::<f64, _, (f64, f64), _>(world, &[1.5; 6])?,
            taken_as::<(bool, u8), _, (bool, u8), _>(world, &[(true, 7); 2])?,
            // What lies between fields does not travel.
            taken_as::<(u8, f64), _, (u8, f64), _>(world, &[(7, 1.5)])?,
            taken_as::<(u32, u64), _, (u32, u64), _>(world, &[(7, 8); 16])?,
            taken_as::<[(bool, f64); 3], _, (bool, f64), _>(world, &[[(true, 1.5); 3]; 5])?,
            // Nothing is of any type.
            taken_as::<u8, _, f64, _>(world, &[])?,
        ];
        assert!(right.iter().all(Vec::is_empty), "{right:?}");
        // In pieces, too: the first says it.
        rankwise::testing::split_messages_at(3);
        let right = taken_as::<f32, _, f32, _>(world, &[1.5; 9])?;
        assert!(right.is_empty(), "{right:?}");
        all_wrong(taken_as::<f32, _, u32, _>(world, &[1.5; 2])?, "f32", "u32");
        Ok(())
    });
}

/// A buffer that was lent is the caller's again, whatever came.
#[test]
fn bools_are_valid_after_an_error() {
    on_ranks([2], |world| {
        rankwise::testing::set_checks("light");
        if world.rank() == 0 {
            world.send(1, &[200u8; 9])?;
            world.send((1, 1), &[200u8; 9])?;
            // Its sender may have to wait for the receive after the barrier.
            let last = world.isend((1, 2), vec![200u8; 4])?;
            world.barrier()?;
            last.wait()?;
        } else {
            let mut flags = [true; 4];
            world.scope(|scope| {
                let coming = scope.irecv_into(0, &mut flags[..]).unwrap();
                assert!(coming.wait().is_err());
            });
            assert!(flags.iter().all(|flag| *flag as u8 <= 1));
            assert!(world.recv_into((0, 1), &mut flags).is_err());
            assert!(flags.iter().all(|flag| *flag as u8 <= 1));
            world.barrier()?;
            // Nobody waits for this one.
            world.scope(|scope| drop(scope.irecv_into((0, 2), &mut flags[..]).unwrap()));
            assert!(flags.iter().all(|flag| *flag as u8 <= 1));
            while world.probe_now((0, 2))?.is_some() {}
        }
        Ok(())
    });
}

#[test]
fn what_does_not_fit_is_an_error_where_it_arrives() {
    on_ranks([2], |world| {
        if world.rank() == 0 {
            for len in [10, 600, 5000, 200_000] {
                world.send(1, &vec![1.5f64; len])?;
                world.send((1, 4), &vec![1.5f64; len])?;
                world.send((1, 5), &vec![1.5f64; len])?;
                world.send((1, 6), &vec![1.5f64; len])?;
            }
            // Messages with labels would say what they hold.
            world.barrier()?;
            rankwise::testing::set_checks("light");
            world.send(1, &[7u8; 9])?;
            world.send((1, 3), &[7u8; 9])?;
        } else {
            for len in [10, 600, 5000, 200_000] {
                // Nothing is written beyond the room.
                let mut memory = vec![0.0f64; len];
                let error = world.recv_into(0, &mut memory[..4]).unwrap_err().to_string();
                assert!(error.contains("longer than the room for 4 elements"), "{error}");
                world.scope(|scope| {
                    let coming = scope.irecv_into((0, 4), &mut memory[..9]).unwrap();
                    let error = coming.wait().unwrap_err().to_string();
                    assert!(error.contains("longer than the room"), "{error}");
                });
                assert_eq!(memory[9..], vec![0.0; len - 9], "{len}");
                // One element too long is too long, too.
                let coming = world.irecv_into((0, 5), vec![0.0; len - 1])?;
                let error = coming.wait().unwrap_err().to_string();
                assert!(error.contains("longer than the room"), "{error}");
                let error = world.recv_into((0, 6), &mut memory[..len - 1]).unwrap_err().to_string();
                assert!(error.contains(&format!("longer than the room for {} elements", len - 1)), "{error}");
                assert_eq!(memory[len - 1], 0.0, "{len}");
            }
            world.barrier()?;
            rankwise::testing::set_checks("light");
            let error = world.recv::<f64, _>(0).unwrap_err().to_string();
            assert!(error.contains("not a whole number of elements of 8 bytes"), "{error}");
            let error = world.recv_value::<String>((0, 3)).unwrap_err().to_string();
            assert!(error.contains("is no String"), "{error}");
        }
        for error in [
            world.send(2, &[1]).unwrap_err(),
            world.send((0, -1), &[1]).unwrap_err(),
            world.send((0, 32_768), &[1]).unwrap_err(),
            world.recv::<u8, _>(2).unwrap_err(),
            world.recv::<u8, _>((0, -5)).unwrap_err(),
            world.isend(9, vec![1]).unwrap_err(),
            world.send_recv(9, &[1], 0).unwrap_err(),
            world.send_recv(0, &[1], 9).unwrap_err(),
        ] {
            let text = error.to_string();
            assert!(text.contains("tests/messages.rs:"), "{text}");
            assert!(text.contains("ranks are 0 to 1") || text.contains("tags are 0 to 32767"), "{text}");
        }
        world.barrier()?;
        assert!(world.probe_now(Any)?.is_none(), "nothing was sent by what failed");
        Ok(())
    });
}
