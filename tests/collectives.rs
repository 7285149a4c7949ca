//! Laws of the operations on ranks, over awkward lengths, types and rank counts.

use num_complex::Complex64;
use rankwise::comm::{Element, MaxWithPlace, MinWithPlace, Placed};
use rankwise::prelude::*;
use rankwise::sum::ExactSum;
use rankwise::testing::{self, on_ranks};

/// None, one, fewer than ranks, not divisible, divisible, and more than an eager message.
const LENGTHS: [usize; 7] = [0, 1, 3, 5, 7, 60, 20_011];

#[derive(Debug, Clone, Copy, PartialEq, mpi::traits::Equivalence)]
struct Place {
    longitude: f64,
    people: u32,
    capital: bool,
}

fn place(i: usize) -> Place {
    Place { longitude: i as f64 * 0.1, people: i as u32, capital: i.is_multiple_of(3) }
}

/// Blocks of 0, 1, 2, … elements, the last ones first, that together are `len`.
fn uneven(len: usize, ranks: usize) -> Partition {
    let mut counts = vec![0; ranks];
    let mut left = len;
    for (k, count) in counts.iter_mut().enumerate().rev() {
        *count = if k == 0 { left } else { left.min(k * k) };
        left -= *count;
    }
    Partition::from_counts(&counts)
}

fn round_trip<T: Element<K> + PartialEq + std::fmt::Debug, K>(
    world: &Comm,
    make: impl Fn(usize) -> T,
) -> Result<()> {
    for len in LENGTHS {
        round_trip_of(world, &(0..len).map(&make).collect::<Vec<T>>(), make(1000))?;
    }
    Ok(())
}

/// All operations on blocks, there and back, by the root and all others, in every form.
/// Buffers hold `other` before.
fn round_trip_of<T: Element<K> + PartialEq + std::fmt::Debug, K>(
    world: &Comm,
    whole: &[T],
    other: T,
) -> Result<()> {
    let (rank, size, len) = (world.rank(), world.size(), whole.len());
    for root in 0..size {
        let here = rank == root;
        let (given, back) = (here.then_some(whole), here.then(|| whole.to_vec()));
        let mine = world.scatter(root, given)?;
        let block = Partition::even(len, size).range(rank);
        assert_eq!(mine, whole[block], "scatter {len} from {root}");
        assert_eq!(world.gather(root, &mine)?, back, "gather {len} to {root}");
        assert_eq!(world.all_gather(&mine)?, whole, "all_gather {len}");

        for blocks in [uneven(len, size), Partition::even(len, size)] {
            let what = format!("{len} from or to {root} by {blocks:?}");
            let mine = world.scatter_by(&blocks, root, given)?;
            assert_eq!(mine, whole[blocks.range(rank)], "scatter_by {what}");
            let mut buffer = vec![other; mine.len()];
            world.scatter_into(&blocks, root, given, &mut buffer)?;
            assert_eq!(buffer, mine, "scatter_into {what}");
            assert_eq!(
                world.iscatter(&blocks, root, given.map(<[T]>::to_vec))?.wait()?,
                mine,
                "iscatter {what}"
            );

            assert_eq!(world.gather_by(&blocks, root, &mine)?, back, "gather_by {what}");
            assert_eq!(world.gather(root, &mine)?, back, "gather, {what}");
            let mut all = vec![other; len];
            world.gather_into(&blocks, root, &mine, here.then_some(&mut all))?;
            assert!(!here || all == whole, "gather_into {what}");
            assert_eq!(world.igather(&blocks, root, mine.clone())?.wait()?, back, "igather {what}");

            assert_eq!(world.all_gather_by(&blocks, &mine)?, whole, "all_gather_by {what}");
            all.fill(other);
            world.all_gather_into(&blocks, &mine, &mut all)?;
            assert_eq!(all, whole, "all_gather_into {what}");
            assert_eq!(world.iall_gather(&blocks, mine)?.wait()?, whole, "iall_gather {what}");
        }

        assert_eq!(world.broadcast(root, given)?, whole, "broadcast {len} from {root}");
        assert_eq!(world.broadcast_known(root, len, given)?, whole, "broadcast_known {len} from {root}");
        let mut buffer: Vec<T> = if here { whole.to_vec() } else { vec![other; len] };
        assert_eq!(world.ibroadcast(root, buffer.clone())?.wait()?, whole, "ibroadcast {len} from {root}");
        world.broadcast_into(root, &mut buffer)?;
        assert_eq!(buffer, whole, "broadcast_into {len} from {root}");
    }
    Ok(())
}

#[test]
fn gather_undoes_scatter() {
    on_ranks([1, 2, 3, 4, 5], |world| {
        round_trip(world, |i| -(i as f64) / 3.0)?;
        round_trip(world, |i| i % 2 == 1)?;
        Ok(round_trip(world, place)?)
    });
}

#[test]
fn every_kind_of_element_travels() {
    on_ranks([2, 3], |world| {
        round_trip(world, |i| i as u8)?;
        round_trip(world, |i| u128::MAX / (i as u128 + 1))?;
        round_trip(world, |i| Complex64::new(i as f64, -0.5))?;
        round_trip(world, |i| [i as f32, 0.5, -1.0])?;
        round_trip(world, |i| [[place(i); 2], [place(i + 1); 2]])?;
        round_trip(world, |i| (i as u8, i as f64, [i % 2 == 0; 3]))?;
        Ok(round_trip(world, |i| (i as i128, (true, i as u16)))?)
    });
}

#[test]
fn long_messages_go_in_pieces() {
    on_ranks([1, 2, 3, 4], |world| {
        for elements in [1, 2, 5] {
            testing::split_messages_at(elements);
            let len = 17;
            let whole: Vec<(u8, f64)> = (0..len).map(|i| (i as u8, i as f64)).collect();
            round_trip_of(world, &whole, (0, -1.0))?;
        }
        testing::split_messages_at(1000);
        let whole: Vec<bool> = (0..20_011).map(|i| i % 3 == 0).collect();
        Ok(round_trip_of(world, &whole, true)?)
    });
}

macro_rules! check_reduction {
    ($world:expr, $type:ty, $op:expr, $value:expr, $fold:expr) => {{
        let value = |rank: usize, i: usize| -> $type { $value(rank, i) };
        for len in [0, 1, 5, 20_011] {
            let mine: Vec<$type> = (0..len).map(|i| value($world.rank(), i)).collect();
            let serial: Vec<$type> = (0..len)
                .map(|i| (1..$world.size()).fold(value(0, i), |so_far, rank| $fold(so_far, value(rank, i))))
                .collect();
            let what = format!("{:?} of {len} {}", $op, stringify!($type));
            assert_eq!($world.all_reduce(&mine, $op)?, serial, "all_reduce {what}");
            let root = len % $world.size();
            let expected = ($world.rank() == root).then(|| serial.clone());
            assert_eq!($world.reduce(root, &mine, $op)?, expected, "reduce {what}");
            let mut result = mine.clone();
            $world.all_reduce_into(&mine, &mut result, $op)?;
            assert_eq!(result, serial, "all_reduce_into {what}");
            assert_eq!($world.all_reduce_one(value($world.rank(), 3), $op)?, {
                (1..$world.size()).fold(value(0, 3), |so_far, rank| $fold(so_far, value(rank, 3)))
            });
        }
    }};
}

macro_rules! check_integers {
    ($world:expr, $($type:ty)*) => {$({
        let value = |rank: usize, i: usize| ((rank * 31 + i * 7 + 3) % 11) as $type;
        check_reduction!($world, $type, Sum, value, |a: $type, b: $type| a.wrapping_add(b));
        check_reduction!($world, $type, Min, value, |a: $type, b: $type| a.min(b));
        // The others in one length each: seven ranks on two cores take their time.
        let (mine, all) = (value($world.rank(), 1), || (0..$world.size()).map(|rank| value(rank, 1)));
        assert_eq!($world.all_reduce_one(mine, Product)?, all().fold(1, |a: $type, b| a.wrapping_mul(b)));
        assert_eq!($world.all_reduce_one(mine, Max)?, all().max().unwrap());
        assert_eq!($world.all_reduce_one(mine, BitAnd)?, all().fold(!0, |a: $type, b| a & b));
        assert_eq!($world.all_reduce_one(mine, BitOr)?, all().fold(0, |a: $type, b| a | b));
        assert_eq!($world.all_reduce_one(mine, BitXor)?, all().fold(0, |a: $type, b| a ^ b));
    })*};
}

#[test]
fn reductions_equal_the_serial_fold() {
    on_ranks([1, 2, 3, 4, 5], |world| {
        check_integers!(world, u8 u16 u32 u64 usize i8 i16 i32 i64 isize);
        // Whole numbers and powers of two: exact in any order.
        let whole = |rank: usize, i: usize| (rank * 13 + i % 100) as f64 - 20.0;
        // Beyond the greatest number it wraps around, everywhere in the slice.
        let large = |rank: usize, i: usize| (200 + rank * 31 + i % 50) as u64;
        check_reduction!(world, u8, Sum, |r, i| large(r, i) as u8, |a: u8, b: u8| a.wrapping_add(b));
        check_reduction!(world, i8, Sum, |r, i| large(r, i) as i8, |a: i8, b: i8| a.wrapping_add(b));
        let large = |rank: usize, i: usize| large(rank, i) << 8;
        check_reduction!(world, u16, Sum, |r, i| large(r, i) as u16, |a: u16, b: u16| a.wrapping_add(b));
        check_reduction!(world, i16, Sum, |r, i| large(r, i) as i16, |a: i16, b: i16| a.wrapping_add(b));
        let large = |rank: usize, i: usize| large(rank, i) << 16;
        check_reduction!(world, u32, Sum, |r, i| large(r, i) as u32, |a: u32, b: u32| a.wrapping_add(b));
        check_reduction!(world, i64, Sum, |r, i| (large(r, i) << 32) as i64, |a: i64, b: i64| a
            .wrapping_add(b));
        check_reduction!(world, f64, Sum, whole, |a, b| a + b);
        check_reduction!(world, f64, Product, |rank, i| [0.5, 2.0, -4.0][(rank + i) % 3], |a, b| a * b);
        check_reduction!(world, f64, Min, whole, f64::min);
        check_reduction!(world, f32, Max, |rank, i| whole(rank, i) as f32, f32::max);
        check_reduction!(world, f32, Sum, |rank, i| whole(rank, i) as f32, |a: f32, b: f32| a + b);
        let truth = |rank: usize, i: usize| (rank + i).is_multiple_of(2);
        check_reduction!(world, bool, LogicalAnd, truth, |a, b| a && b);
        check_reduction!(world, bool, LogicalOr, truth, |a, b| a || b);
        check_reduction!(world, bool, LogicalXor, truth, |a, b| a != b);
        Ok(())
    });
}

#[test]
fn extremes_come_with_their_place() {
    on_ranks([1, 2, 3, 4, 5], |world| {
        let value = |rank: usize, i: usize| ((rank * 5 + i * 3) % 7) as f64;
        for len in LENGTHS {
            // Places run against the ranks, so that the lowest place is not that of the lowest rank.
            let mine: Vec<_> = (0..len)
                .map(|i| Placed { value: value(world.rank(), i), place: (100 - world.rank()) as u64 })
                .collect();
            let (least, greatest) =
                (world.all_reduce(&mine, MinWithPlace)?, world.all_reduce(&mine, MaxWithPlace)?);
            for i in 0..len {
                let all = || (0..world.size()).map(|rank| (value(rank, i), (100 - rank) as u64));
                let min = all().min_by(|a, b| a.partial_cmp(b).unwrap()).unwrap();
                let max = all().max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1))).unwrap();
                assert_eq!((least[i].value, least[i].place), min, "min {i} of {len}");
                assert_eq!((greatest[i].value, greatest[i].place), max, "max {i} of {len}");
            }
        }
        // A NaN wins, wherever it is; of several the one with the lowest place.
        let last = world.size() - 1;
        let value = if world.rank() == last { f32::NAN } else { -1.0 };
        let mine = [Placed { value, place: world.rank() as u64 }];
        assert_eq!(world.all_reduce(&mine, MinWithPlace)?[0].place, last as u64);
        assert_eq!(world.all_reduce(&mine, MaxWithPlace)?[0].place, last as u64);
        // One byte with eight: padding inside the pair.
        let mine = [Placed { value: world.rank() as u8, place: 7 }];
        assert_eq!(world.all_reduce(&mine, MaxWithPlace)?, [Placed { value: last as u8, place: 7 }]);
        Ok(())
    });
}

#[test]
fn exact_sums_do_not_depend_on_the_ranks() {
    let terms: Vec<f64> =
        (0..5000).map(|i| f64::from(i % 97 - 48) * 2f64.powi(i % 200 - 100) / 3.0).collect();
    let serial = terms.iter().copied().collect::<ExactSum>().value();
    on_ranks([1, 2, 3, 4, 5], move |world| {
        let block = Partition::even(terms.len(), world.size()).range(world.rank());
        let mine: ExactSum = terms[block].iter().copied().collect();
        let sums = world.exact_sums(&mut [mine, ExactSum::new()])?;
        assert_eq!(sums[0].value().to_bits(), serial.to_bits());
        assert_eq!(sums[1].value(), 0.0);
        Ok(())
    });
}

#[test]
fn one_failure_is_everyones() {
    on_ranks([1, 2, 3, 4], |world| {
        let hosts = world.all_gather_values(&world.host().to_owned())?;
        for (failing, its_host) in hosts.iter().enumerate() {
            let step = || {
                if world.rank() >= failing { Err(format!("no water\non {}", world.rank())) } else { Ok(1) }
            };
            match world.agree(step()) {
                Err(Error::Elsewhere { rank, host, message }) => {
                    assert_eq!((rank, message), (failing, format!("no water\non {failing}")));
                    assert_eq!(&host, its_host);
                }
                other => panic!("{other:?}"),
            }
            // An error that is shared already keeps its rank and words.
            let twice = world.agree(world.agree(step())).unwrap_err();
            assert!(matches!(&twice, Error::Elsewhere { rank, .. } if *rank == failing), "{twice}");
        }
        assert_eq!(world.agree(Ok::<_, Error>(world.rank()))?, world.rank());
        assert_eq!(world.on_root(|| Ok("here"))?, world.is_root().then_some("here"));
        assert!(world.on_root::<()>(|| Err("no root".into())).unwrap_err().is_shared());
        Ok(())
    });
}

#[test]
fn wrong_arguments_are_errors_before_anything_is_sent() {
    on_ranks([1, 2, 3], |world| {
        let size = world.size();
        let one_more = Partition::even(10, size + 1);
        // These are found on every rank, so nobody is left waiting.
        let errors = [
            world.broadcast_into(size, &mut [0u8]).unwrap_err(),
            world.broadcast(size, Some(&[0u8])).unwrap_err(),
            world.broadcast::<u8, _>(0, None).unwrap_err(),
            world.scatter::<u8, _>(size - 1, None).unwrap_err(),
            world.scatter_by(&one_more, 0, Some(&[0u8; 10])).unwrap_err(),
            world.gather(size, &[0u8]).unwrap_err(),
            world.gather_by(&one_more, 0, &[0u8; 5]).unwrap_err(),
            world.all_gather_by(&Partition::even(10 * size, size), &[0u8; 9]).unwrap_err(),
            world.reduce(size, &[1], Sum).unwrap_err(),
            world.all_reduce_into(&[1; 64], &mut [0; 1], Sum).unwrap_err(),
        ];
        for error in errors {
            let text = error.to_string();
            assert!(matches!(error, Error::Argument { .. }), "{text}");
            assert!(text.contains("tests/collectives.rs:"), "the line of the call is named: {text}");
        }
        // And the world is as usable as before.
        assert_eq!(world.all_reduce_one(1, Sum)?, size);
        Ok(())
    });
}

#[test]
fn the_mpi_crate_stays_in_reach() {
    use mpi::traits::*;
    on_ranks([1, 2, 3, 4], |world| {
        // Messages of both kinds at once do not meet.
        let (rank, size) = (world.rank(), world.size());
        let next = world.as_mpi().process_at_rank(((rank + 1) % size) as i32);
        let (from, sum) = mpi::request::scope(|scope| -> Result<_> {
            let sent = next.immediate_send(scope, &rank);
            let sum = world.all_reduce_one(rank, Sum)?;
            let (from, _) = world.as_mpi().any_process().receive::<usize>();
            sent.wait();
            Ok((from, sum))
        })?;
        assert_eq!((from, sum), ((rank + size - 1) % size, size * (size - 1) / 2));

        let color = mpi::topology::Color::with_value((rank % 2) as i32);
        let half = Comm::wrap(&world.as_mpi().split_by_color(color).expect("every rank has a colour"))?;
        assert_eq!(half.rank(), rank / 2);
        assert_eq!(half.all_reduce_one(1, Sum)?, half.size());
        Ok(())
    });
}
