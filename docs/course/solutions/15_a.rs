//! A solution of exercise 15a: all threads are started before the first is waited for, or they would run one after the other.

use std::ops::Range;

use rankwise::prelude::*;

fn main() -> ExitCode {
    rankwise::run(|world| {
        let mine = Partition::even(100_000, world.size()).range(world.rank());
        let threads = rankwise::program::threads();
        let parts = Partition::even(mine.len(), threads);
        let of_threads: Vec<[u32; 10]> = std::thread::scope(|scope| {
            let part = |k| mine.start + parts.range(k).start..mine.start + parts.range(k).end;
            let running: Vec<_> = (0..threads).map(part).map(|part| scope.spawn(|| count(part))).collect();
            running.into_iter().map(|thread| thread.join().expect("a panic would have ended all")).collect()
        });
        let started = of_threads.len();
        let mut counts = [0; 10];
        for of_thread in &of_threads {
            counts.iter_mut().zip(of_thread).for_each(|(count, more)| *count += more);
        }

        let counts = world.all_reduce(&counts, Sum)?;
        let started = world.all_reduce_one(started, Sum)?;
        root_println!(world, "{started} threads, {threads} on each rank: {counts:?}");
        Ok(())
    })
}

fn count(numbers: Range<usize>) -> [u32; 10] {
    let mut counts = [0; 10];
    for i in numbers {
        counts[(i * i + i / 7) % 10] += 1;
    }
    counts
}
