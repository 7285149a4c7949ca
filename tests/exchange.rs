//! Laws of exchanges among all ranks, or few of them; and of reductions that leave each rank its own part.

use rankwise::prelude::*;
use rankwise::testing::{self, on_ranks};

/// How many elements rank `from` sends to `to`: nothing for some, many for one.
fn count(from: usize, to: usize) -> usize {
    match (from * 7 + to * 3) % 5 {
        0 => 0,
        4 if to == 0 => 3000,
        n => n,
    }
}

fn element(from: usize, to: usize, i: usize) -> (u16, f64) {
    ((from * 100 + to) as u16, i as f64 / 3.0)
}

fn sent(rank: usize, size: usize) -> (Partition, Vec<(u16, f64)>) {
    let counts: Vec<usize> = (0..size).map(|to| count(rank, to)).collect();
    let elements = (0..size).flat_map(|to| (0..count(rank, to)).map(move |i| element(rank, to, i)));
    (Partition::from_counts(&counts), elements.collect())
}

fn expected(rank: usize, size: usize) -> (Partition, Vec<(u16, f64)>) {
    let counts: Vec<usize> = (0..size).map(|from| count(from, rank)).collect();
    let elements = (0..size).flat_map(|from| (0..count(from, rank)).map(move |i| element(from, rank, i)));
    (Partition::from_counts(&counts), elements.collect())
}

fn every_block_arrives(world: &Comm) -> Result<()> {
    let (rank, size) = (world.rank(), world.size());
    let ((sends, mine), (receives, all)) = (sent(rank, size), expected(rank, size));
    assert_eq!(world.all_to_all(&sends, &mine)?, (all.clone(), receives.clone()));
    assert_eq!(world.all_to_all_by(&sends, &mine, &receives)?, all);
    let mut buffer = vec![(0, -1.0); all.len()];
    world.all_to_all_into(&sends, &mine, &receives, &mut buffer)?;
    assert_eq!(buffer, all);
    for each in [0, 1, 5] {
        let mine: Vec<usize> = (0..size * each).map(|i| 1000 * rank + i).collect();
        let all: Vec<usize> = (0..size * each).map(|i| 1000 * (i / each) + rank * each + i % each).collect();
        assert_eq!(world.all_to_all_equal(&mine)?, all, "{each} each");
        let mut buffer = vec![7; all.len()];
        world.all_to_all_equal_into(&mine, &mut buffer)?;
        assert_eq!(buffer, all, "{each} each");
    }
    Ok(())
}

#[test]
fn all_to_all_is_a_transpose() {
    on_ranks([1, 2, 3, 4, 5], |world| {
        every_block_arrives(world)?;
        for elements in [1, 2, 7, 100] {
            testing::split_messages_at(elements);
            every_block_arrives(world)?;
        }
        Ok(())
    });
}

#[test]
fn sparse_messages_arrive_at_their_ranks_only() {
    on_ranks([1, 2, 3, 4, 7], |world| {
        let (rank, size) = (world.rank(), world.size());
        // Round after round, with other partners, so that a message of one would be found in the next.
        for round in 0..40 {
            testing::split_messages_at(if round % 4 == 3 { 2 } else { 0 });
            let partner = |of: usize| (of * 3 + round) % size;
            let data: Vec<u32> =
                (0..count(rank, round) % 9).map(|i| (1000 * round + 10 * rank + i) as u32).collect();
            // Some ranks send nothing, some twice to the same.
            let mut messages: Vec<(usize, &[u32])> = vec![(partner(rank), &data); rank % 3];
            messages.reverse();
            let senders: Vec<usize> = (0..size)
                .filter(|&from| partner(from) == rank)
                .flat_map(|from| vec![from; from % 3])
                .collect();
            let came = world.sparse_all_to_all(&messages)?;
            assert_eq!(came.iter().map(|(from, _)| *from).collect::<Vec<_>>(), senders, "round {round}");
            for (from, data) in &came {
                let expected = (0..count(*from, round) % 9).map(|i| (1000 * round + 10 * from + i) as u32);
                assert!(data.iter().copied().eq(expected), "round {round}: {data:?} from {from}");
            }
            let known: Vec<(usize, usize)> = came.iter().map(|(from, data)| (*from, data.len())).collect();
            assert_eq!(world.sparse_all_to_all_by(&messages, &known)?, came, "round {round}");
            let values: Vec<(usize, String)> =
                messages.iter().map(|(to, data)| (*to, format!("{data:?}"))).collect();
            let words: Vec<(usize, String)> =
                came.iter().map(|(from, data)| (*from, format!("{data:?}"))).collect();
            assert_eq!(world.sparse_all_to_all_values(&values)?, words, "round {round}");
        }
        Ok(())
    });
}

fn parts_of_the_reduction(world: &Comm, lengths: &[usize]) -> Result<()> {
    let (rank, size) = (world.rank(), world.size());
    let value = |rank: usize, i: usize| ((rank * 31 + i * 7) % 11) as i64 - 5;
    for &len in lengths {
        let mine: Vec<i64> = (0..len).map(|i| value(rank, i)).collect();
        let over = |ranks: std::ops::Range<usize>| -> Vec<i64> {
            (0..len).map(|i| ranks.clone().map(|rank| value(rank, i)).sum()).collect()
        };
        let all = over(0..size);
        let counts = (0..size).map(|r| if r == 0 { len - len / size * (size - 1) } else { len / size });
        for blocks in [Partition::even(len, size), Partition::from_counts(&counts.collect::<Vec<_>>())] {
            let part = &all[blocks.range(rank)];
            assert_eq!(world.reduce_scatter_by(&blocks, &mine, Sum)?, part, "{blocks:?}");
            let mut result = vec![9; part.len()];
            world.reduce_scatter_into(&blocks, &mine, &mut result, Sum)?;
            assert_eq!(result, part, "into, {blocks:?}");
            let mut buffer = mine.clone();
            assert_eq!(
                world.reduce_scatter_in_place(&blocks, &mut buffer, Sum)?,
                part,
                "in place, {blocks:?}"
            );
            assert_eq!(world.reduce_scatter_with(&blocks, &mine, |a, b| a + b)?, part, "with, {blocks:?}");
        }
        let block = Partition::even(len, size).range(rank);
        assert_eq!(world.reduce_scatter(&mine, Sum)?, all[block]);

        let (up_to, before) = (over(0..rank + 1), over(0..rank));
        assert_eq!(world.scan(&mine, Sum)?, up_to);
        assert_eq!(world.exclusive_scan(&mine, Sum)?, before);
        let mut result = vec![9; len];
        world.scan_into(&mine, &mut result, Sum)?;
        assert_eq!(result, up_to);
        result.fill(9);
        world.exclusive_scan_into(&mine, &mut result, Sum)?;
        assert_eq!(result, before);
        let mut buffer = mine.clone();
        world.scan_in_place(&mut buffer, Sum)?;
        assert_eq!(buffer, up_to);
        buffer.copy_from_slice(&mine);
        world.exclusive_scan_in_place(&mut buffer, Sum)?;
        assert_eq!(buffer, before);

        let root = len % size;
        let mut result = vec![9; len];
        world.reduce_into(root, &mine, (rank == root).then_some(&mut result), Sum)?;
        assert_eq!(result, if rank == root { all.clone() } else { vec![9; len] });
        let mut buffer = mine.clone();
        world.reduce_in_place(root, &mut buffer, Sum)?;
        assert_eq!(buffer, if rank == root { &all } else { &mine }[..]);
        assert_eq!(world.ireduce(root, mine.clone(), Sum)?.wait()?, (rank == root).then(|| all.clone()));
        let mut buffer = mine.clone();
        world.all_reduce_in_place(&mut buffer, Sum)?;
        assert_eq!(buffer, all);
        assert_eq!(world.iall_reduce(mine, Sum)?.wait()?, all);
    }
    Ok(())
}

#[test]
fn parts_of_a_reduction_are_parts_of_the_serial_fold() {
    on_ranks([1, 2, 3, 4, 5], |world| {
        parts_of_the_reduction(world, &[0, 1, 3, 12, 20_011])?;
        for elements in [1, 4] {
            testing::split_messages_at(elements);
            parts_of_the_reduction(world, &[0, 1, 3, 12, 13])?;
        }
        Ok(())
    });
}

#[test]
fn nothing_before_the_first_rank_changes_nothing() {
    on_ranks([2], |world| {
        let first = world.rank() == 0;
        macro_rules! neutral {
            ($($op:expr, $value:expr => $expected:expr;)*) => {$({
                let before = world.exclusive_scan(&[$value], $op)?[0];
                assert_eq!(before, if first { $expected } else { $value }, "{:?}", $op);
            })*};
        }
        neutral! {
            Sum, 3u8 => 0; Product, 3i32 => 1; Min, 3u16 => u16::MAX; Max, 3i64 => i64::MIN;
            Min, 3.5f32 => f32::INFINITY; Max, 3.5f64 => f64::NEG_INFINITY; Product, 3.5f64 => 1.0;
            LogicalAnd, false => true; LogicalOr, true => false; LogicalXor, true => false;
            BitAnd, 5u32 => !0; BitOr, 5u64 => 0; BitXor, 5usize => 0;
        }
        let zero = world.exclusive_scan(&[3.5f64], Sum)?[0];
        assert!(!first || zero.to_bits() == (-0.0f64).to_bits(), "−0 + −0 is −0, 0 + −0 is not");
        Ok(())
    });
}
