//! Laws of values of any type, and of reductions with closures.

use std::collections::BTreeMap;

use rankwise::prelude::*;
use rankwise::testing::{self, on_ranks};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Shape {
    Nothing,
    Named { name: String, sides: Vec<Option<u32>> },
    Table(BTreeMap<String, f64>),
}

/// Some are empty, some longer than a short message, some longer than an eager one.
fn shape(i: usize) -> Shape {
    match i % 4 {
        0 => Shape::Nothing,
        1 => Shape::Named { name: "ä".repeat(i * 50), sides: vec![None, Some(i as u32)] },
        2 => Shape::Table((0..20 * i).map(|k| (format!("{k}"), k as f64 / 3.0)).collect()),
        _ => Shape::Named { name: String::new(), sides: vec![Some(7); 20_000] },
    }
}

fn values_arrive(world: &Comm) -> Result<()> {
    let (rank, size) = (world.rank(), world.size());
    for root in 0..size {
        let here = rank == root;
        for i in 0..6 {
            let value = here.then(|| shape(i));
            assert_eq!(world.broadcast_value(root, value.as_ref())?, shape(i), "{i} from {root}");
        }
        // Around the length where one message becomes two.
        for len in 240..252 {
            let text = "x".repeat(len);
            assert_eq!(world.broadcast_value(root, here.then_some(&text))?, text);
        }
        let all: Vec<Shape> = (0..size).map(shape).collect();
        assert_eq!(world.scatter_values(root, here.then_some(&all[..]))?, shape(rank));
        assert_eq!(world.gather_values(root, &shape(rank))?, here.then(|| all.clone()));
        assert_eq!(world.all_gather_values(&shape(rank))?, all);
    }
    let mine: Vec<Shape> = (0..size).map(|to| shape(rank + 2 * to)).collect();
    let theirs: Vec<Shape> = (0..size).map(|from| shape(from + 2 * rank)).collect();
    assert_eq!(world.all_to_all_values(&mine)?, theirs);
    let left: Shape = world.shift_value(1, &shape(rank))?;
    assert_eq!(left, shape((rank + size - 1) % size));
    Ok(())
}

#[test]
fn values_of_any_type_travel() {
    on_ranks([1, 2, 3, 4], |world| {
        values_arrive(world)?;
        testing::split_messages_at(1000);
        values_arrive(world)?;
        Ok(())
    });
}

/// Cannot be encoded when it says so.
#[derive(Debug, PartialEq, Deserialize)]
struct Shy(bool, u32);

impl Serialize for Shy {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        if self.0 { Err(serde::ser::Error::custom("shy")) } else { (self.0, self.1).serialize(serializer) }
    }
}

#[test]
fn a_value_that_cannot_be_sent_is_an_error_for_who_waits_and_nothing_is_left_behind() {
    on_ranks([1, 2, 3, 4], |world| {
        let (rank, size) = (world.rank(), world.size());
        for shy in 0..size {
            let mine = |round: u32| Shy(rank == shy, round * 10 + rank as u32);
            let fine = |round: u32| Shy(false, round * 10 + rank as u32);
            let all =
                |round: u32| (0..size).map(|rank| Shy(false, round * 10 + rank as u32)).collect::<Vec<_>>();
            assert_eq!(world.gather_values(0, &mine(1)).is_err(), rank == shy || rank == 0);
            assert_eq!(world.gather_values(0, &fine(2))?, (rank == 0).then(|| all(2)));
            let each = |shy: bool| (0..size).map(|_| Shy(shy && rank == 0, 3)).collect::<Vec<_>>();
            assert!(world.all_to_all_values(&each(true)).is_err(), "all get one from rank 0");
            assert_eq!(world.all_to_all_values(&each(false))?, each(false));
            let values = (rank == shy).then(|| each(true));
            let expected = shy == 0;
            assert_eq!(world.scatter_values(shy, values.as_deref()).is_err(), expected);
            assert!(world.scatter_values::<Shy>(shy, None).is_err());
            assert!(world.scatter_values(shy, (rank == shy).then_some(&all(1)[1..])).is_err());
            assert_eq!(world.scatter_values(shy, (rank == shy).then(|| all(4)).as_deref())?, fine(4));
            assert!(world.broadcast_value(shy, (rank == shy).then_some(&Shy(true, 0))).is_err());
            let left: std::result::Result<Shy, _> = world.shift_value(1, &mine(5));
            assert_eq!(left.is_err(), rank == shy || (shy + 1) % size == rank);
            let error = world.gather_values(0, &mine(6));
            assert!(rank != 0 || error.unwrap_err().to_string().contains("cannot encode") || rank == shy);
        }
        Ok(())
    });
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Bulk {
    title: String,
    #[serde(with = "rankwise::comm::bulk")]
    numbers: Vec<f64>,
    #[serde(with = "rankwise::comm::bulk")]
    none: Vec<u16>,
}

#[test]
fn arrays_in_bulk_are_the_same_values() {
    on_ranks([1, 3], |world| {
        let numbers = vec![f64::NAN, -0.0, 1.0 / 3.0, f64::INFINITY];
        let value = Bulk { title: "t".into(), numbers, none: Vec::new() };
        let came = world.broadcast_value(0, world.is_root().then_some(&value))?;
        assert_eq!((came.title.as_str(), came.none.len()), ("t", 0));
        assert!(came.numbers.iter().map(|x| x.to_bits()).eq(value.numbers.iter().map(|x| x.to_bits())));
        Ok(())
    });
}

/// 2×2 matrices modulo a prime: their product is associative and not commutative.
type Matrix = [u64; 4];

fn times(a: Matrix, b: Matrix) -> Matrix {
    let at = |i: usize, j: usize| (a[2 * i] * b[j] + a[2 * i + 1] * b[2 + j]) % 1_000_003;
    [at(0, 0), at(0, 1), at(1, 0), at(1, 1)]
}

fn matrix(rank: usize, i: usize) -> Matrix {
    [rank as u64 + 1, i as u64 + 2, 3, rank as u64 * 5 + i as u64]
}

#[test]
fn closures_are_applied_in_rank_order() {
    on_ranks([1, 2, 3, 4, 5], |world| {
        let (rank, size) = (world.rank(), world.size());
        for len in [0, 1, 5] {
            let mine: Vec<Matrix> = (0..len).map(|i| matrix(rank, i)).collect();
            let over = |ranks: std::ops::Range<usize>| -> Vec<Matrix> {
                (0..len).map(|i| ranks.clone().map(|rank| matrix(rank, i)).reduce(times).unwrap()).collect()
            };
            let all = over(0..size);
            for root in 0..size {
                let result = world.reduce_with(root, &mine, times)?;
                assert_eq!(result, (rank == root).then(|| all.clone()), "{len} to {root}");
            }
            assert_eq!(world.all_reduce_with(&mine, times)?, all);
            assert_eq!(world.scan_with(&mine, times)?, over(0..rank + 1));
            assert_eq!(world.exclusive_scan_with(&mine, times)?, (rank > 0).then(|| over(0..rank)));
            let blocks = Partition::even(len, size);
            assert_eq!(world.reduce_scatter_with(&blocks, &mine, times)?, all[blocks.range(rank)]);
        }
        let join = |a: String, b: String| a + &b;
        let text = |ranks: std::ops::Range<usize>| ranks.map(|rank| format!("<{rank}>")).collect::<String>();
        let mine = text(rank..rank + 1);
        for root in 0..size {
            let result = world.reduce_value(root, mine.clone(), join)?;
            assert_eq!(result, (rank == root).then(|| text(0..size)));
        }
        assert_eq!(world.all_reduce_value(mine.clone(), join)?, text(0..size));
        assert_eq!(world.scan_value(mine.clone(), join)?, text(0..rank + 1));
        assert_eq!(world.exclusive_scan_value(mine.clone(), join)?, (rank > 0).then(|| text(0..rank)));
        assert_eq!(world.reduce_scatter_values(&vec![mine; size], join)?, text(0..size));
        Ok(())
    });
}

#[test]
fn a_panic_in_a_closure_is_an_error_with_its_rank() {
    on_ranks([2, 3, 4, 5], |world| {
        let size = world.size();
        // The closure that meets the last rank's number panics, on whichever rank that is.
        let add = |a: usize, b: usize| {
            assert!(a + b < 1000, "too much: {a} and {b}");
            a + b
        };
        let mine = [if world.rank() + 1 == size { 1000 } else { 1 }];
        let error = world.all_reduce_with(&mine, add).unwrap_err();
        let Error::Elsewhere { rank, message, .. } = &error else { panic!("{error}") };
        assert!(
            *rank < size && message.contains("too much: ") && message.contains("tests/values.rs:"),
            "{error}"
        );
        assert!(error.is_shared());

        // At the root only there was to be a result.
        let result = world.reduce_with(size - 1, &mine, add);
        assert_eq!(result.is_err(), world.rank() == size - 1);
        let result = world.scan_with(&mine, add);
        assert_eq!(result.is_err(), world.rank() == size - 1, "{result:?}");
        assert!(world.reduce_scatter_with(&Partition::even(size, size), &vec![mine[0]; size], add).is_err());
        let error = world.all_reduce_value(mine[0], add).unwrap_err();
        assert!(error.to_string().contains("too much"), "{error}");

        // And the world is as usable as before.
        assert_eq!(world.all_reduce_with(&[1], |a, b| a + b)?, [size]);
        let error = world.all_reduce_with(&vec![1; world.rank().min(1)], |a, b| a + b).unwrap_err();
        assert!(error.to_string().contains("slices of 0 and of 1 elements"), "{error}");
        Ok(())
    });
}
