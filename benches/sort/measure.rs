//! What the copies do: each sorts the same keys with one sort after the other, in turns, and the root prints how long each took.

use std::hint::black_box;
use std::time::Instant;

use rankwise::prelude::*;
use rayon::slice::ParallelSliceMut;

use crate::data::{Distribution, Record, Sorted, Type, bits};
use crate::peers::{C, Cpp};
use crate::{Case, Outcome};

/// On ranks: ours and C's.
pub(crate) fn on_ranks(case: Case, library: &str) -> ExitCode {
    rankwise::run(|world| match case.of {
        Type::U64 => ranks_of::<u64>(world, case, library),
        Type::U32 => ranks_of::<u32>(world, case, library),
        Type::F64 => ranks_of::<f64>(world, case, library),
        Type::Record => ranks_of::<Record>(world, case, library),
    })
}

fn ranks_of<T: Sorted>(world: &Comm, case: Case, library: &str) -> Outcome {
    let c = C::load(library)?;
    let blocks = Partition::even(case.n, world.size());
    let mine = keys::<T>(case.distribution, blocks.range(world.rank()), case.n);
    use_memory(size_of_val(&mine[..]));
    // The slowest rank's time. What a sort gives is dropped outside.
    let time = |name: &str, sort: &mut dyn FnMut(Vec<T>) -> Outcome<Kept<T>>| -> Outcome {
        let given = mine.clone();
        world.barrier()?;
        let start = Instant::now();
        let sorted = sort(given)?;
        let seconds = world.all_reduce_one(start.elapsed().as_secs_f64(), Max)?;
        let len = match &sorted {
            Kept::Keys(keys) => {
                assert!(keys.is_sorted_by(|a, b| a.order(b).is_le()), "{name} does not sort");
                keys.len()
            }
            Kept::Length(len) => *len,
        };
        assert_eq!(world.all_reduce_one(len, Sum)?, case.n, "{name} loses keys");
        root_println!(world, "TIME {name} {seconds}");
        Ok(())
    };
    for round in 0..case.repeats {
        time("ours", &mut |keys| Ok(Kept::Keys(T::ours(world, keys)?)))?;
        time("ours, odd-even", &mut |keys| Ok(Kept::Keys(T::odd_even(world, keys)?)))?;
        if world.size() > 1 && case.has_patience(round) {
            let of = case.of as i32;
            time("C, sample sort", &mut |keys| Ok(Kept::Length(c.sample_sort(&keys, of))))?;
            time("C, merge-split", &mut |keys| Ok(Kept::Length(c.merge_split(&keys, of))))?;
        }
    }
    Ok(())
}

/// What a sort gives: C's memory is gone already.
enum Kept<T> {
    Keys(Vec<T>),
    Length(usize),
}

/// In one process: the others.
pub(crate) fn alone(case: Case, library: &str) -> Outcome {
    match case.of {
        Type::U64 => alone_of::<u64>(case, library),
        Type::U32 => alone_of::<u32>(case, library),
        Type::F64 => alone_of::<f64>(case, library),
        Type::Record => alone_of::<Record>(case, library),
    }
}

fn alone_of<T: Sorted>(case: Case, library: &str) -> Outcome {
    let given = keys::<T>(case.distribution, 0..case.n, case.n);
    use_memory(size_of_val(&given[..]));
    let cpp = if library.is_empty() { None } else { Some(Cpp::load(library)?) };
    let time = |name: &str, sort: &dyn Fn(&mut [T])| {
        let mut keys = given.clone();
        let start = Instant::now();
        sort(&mut keys);
        println!("TIME {name} {}", start.elapsed().as_secs_f64());
        black_box(keys);
    };
    for round in 0..case.repeats {
        time("slice::sort_unstable", &|keys| keys.sort_unstable_by(T::order));
        time("rayon, 2 threads", &|keys| keys.par_sort_unstable_by(T::order));
        time("voracious", &|keys| T::voracious(keys, 1));
        time("voracious, 2 threads", &|keys| T::voracious(keys, 2));
        if let Some(cpp) = cpp.as_ref().filter(|_| case.has_patience(round)) {
            time("std::sort", &|keys| cpp.sort(keys, case.of as i32));
        }
    }
    Ok(())
}

/// Writes to three times as much memory, and gives it back: a virtual machine gets memory from its host only when it is used for the
/// first time, which takes as long as the sort.
fn use_memory(bytes: usize) {
    black_box(vec![1u8; 3 * bytes]);
}

fn keys<T: Sorted>(distribution: Distribution, range: std::ops::Range<usize>, n: usize) -> Vec<T> {
    range.map(|index| T::of(bits(distribution, index, n))).collect()
}
