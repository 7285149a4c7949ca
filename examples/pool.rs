//! The tutorial of Python's `multiprocessing.Pool`, on ranks. docs/pools.md has it side by side.
//!
//! Run:    $MPIEXEC -n 4 target/openmpi/release/examples/pool
//! Shows:  map, starmap, imap_unordered, an initialiser, errors, apply_async
//! Next:   docs/pools.md

use rankwise::prelude::*;
use rankwise::skeleton::{everywhere, on_root};

fn main() -> ExitCode {
    rankwise::run(|world| {
        // 1. pool.map(f, range(10)): the results are on the root, in order.
        if let Some(squares) = world.farm(0..10).run(|x| x * x)? {
            println!("map: {squares:?}");
        }
        // 2. pool.starmap(pow, [(2, 5), (3, 2), (10, 3)]): the items are on the root, and travel.
        let pairs = world.is_root().then(|| vec![(2u32, 5), (3, 2), (10, 3)]);
        if let Some(powers) = world.farm(on_root(pairs)).run(|(base, exponent)| base.pow(exponent))? {
            println!("starmap: {powers:?}");
        }
        // 3. for y in pool.imap_unordered(f, words): each result as soon as it is there, whichever comes first.
        let words = ["tea", "kettle", "pot"];
        let mut letters = 0;
        let length = |word: &&str| Ok::<_, String>(word.len());
        world.farm(everywhere(&words)).run_unordered(length, |_, length| letters += length)?;
        root_println!(world, "imap_unordered: {letters} letters");
        // 4. Pool(initializer=...): what a worker needs is made on each rank, once, and stays.
        let table: Vec<f64> = (0..100).map(|i| f64::from(i).sqrt()).collect();
        if let Some(roots) = world.farm(0..4usize).run(|i| table[i * i])? {
            println!("initializer: {roots:?}");
        }
        // 5. A task that fails is an error with its number, rank, host and line; here the others go on.
        let third =
            |i: i32| if i % 3 == 0 { Ok(i / 3) } else { Err(format!("{i} is not three times a number")) };
        if let Some(thirds) = world.farm(0..5).collect_errors().try_run(third)? {
            println!("errors: {:?}, and {} failed", thirds.results(), thirds.errors().iter().count());
        }
        // 6. pool.apply_async(f, (n,)).get(): the root submits what it finds out to be the next thing to do.
        let collatz = |n: u64| Ok::<_, String>(if n.is_multiple_of(2) { n / 2 } else { 3 * n + 1 });
        let steps = world.pool(collatz).run(|pool| {
            let (mut n, mut steps) = (27, 0);
            while n > 1 {
                n = pool.submit(n)?.wait()?;
                steps += 1;
            }
            Ok::<_, Error>(steps)
        })?;
        if let Some(steps) = steps {
            println!("apply_async: {steps} steps from 27 to 1");
        }
        Ok(())
    })
}
