//! Laws of results in the order in which they are ready: each once, a window of them, and whoever has enough stops.

use std::cell::Cell;
use std::time::{Duration, Instant};

use rankwise::comm::Sum;
use rankwise::skeleton::{Schedule, mine, on_root, stream, try_stream};
use rankwise::testing::on_ranks;
use rankwise::{Comm, Error, Result};

const LENGTHS: [usize; 6] = [0, 1, 2, 7, 100, 30_000];

fn f(i: usize) -> Result<f64, String> {
    Ok(((i * i) as f64).sqrt().sin())
}

fn in_all(world: &Comm, mine: usize) -> Result<usize> {
    world.all_reduce_one(mine, Sum)
}

#[test]
fn an_iterator_on_the_root_has_each_result_once() {
    on_ranks([1, 2, 3, 4, 7], |world| {
        for len in LENGTHS {
            for known in [true, false] {
                for schedule in
                    [Schedule::Guided, Schedule::Static, Schedule::Dynamic(1), Schedule::Dynamic(3)]
                {
                    let ran = Cell::new(0);
                    let task = |i| {
                        ran.set(ran.get() + 1);
                        f(i)
                    };
                    let body = |results: rankwise::skeleton::Unordered<'_, f64>| {
                        let mut seen = vec![0; len];
                        for (i, result) in results {
                            assert_eq!(Ok(result), f(i));
                            seen[i] += 1;
                        }
                        Ok::<_, String>(seen)
                    };
                    let seen = if known {
                        world.farm(0..len).schedule(schedule).unordered(task, body)?
                    } else {
                        let items = on_root(world.is_root().then(|| (0..len).collect()));
                        world.farm(items).schedule(schedule).unordered(task, body)?
                    };
                    assert_eq!(seen, world.is_root().then(|| vec![1; len]), "{len} items, {schedule:?}");
                    assert_eq!(in_all(world, ran.get())?, len);
                }
            }
        }
        Ok(())
    });
}

#[test]
fn who_has_enough_ends_the_farm() {
    on_ranks([1, 2, 3], |world| {
        // Without end.
        let items = || stream(world.is_root().then_some(0usize..));
        let first = world
            .farm(items())
            .unordered(f, |results| Ok::<_, String>(results.take(10).collect::<Vec<_>>()))?;
        assert_eq!(first.is_some(), world.is_root());
        assert!(first.is_none_or(|first| first.len() == 10 && first.iter().all(|&(i, x)| f(i) == Ok(x))));
        // Who does not even begin, and who fails.
        assert_eq!(world.farm(items()).unordered(f, |_| Ok::<_, String>(7))?, world.is_root().then_some(7));
        let error = world.farm(items()).unordered(f, |mut results| match results.next() {
            Some(_) => Err("seen enough"),
            None => Ok(()),
        });
        let error = error.unwrap_err();
        assert!(error.is_shared() && error.to_string().contains("seen enough"), "{error}");
        // Nothing is left over for the next farm.
        assert!(world.farm(0..5usize).try_run(f)?.is_none_or(|all| all.len() == 5));
        Ok(())
    });
}

#[test]
fn few_results_wait_for_a_slow_body() {
    on_ranks([1, 2, 3], |world| {
        for chunk in [1, 5] {
            let (drawn, seen, most) = (Cell::new(0usize), Cell::new(0usize), Cell::new(0usize));
            let items = (0..2000usize).inspect(|_| {
                drawn.set(drawn.get() + 1);
                most.set(most.get().max(drawn.get() - seen.get()));
            });
            let farm =
                world.farm(stream(world.is_root().then_some(items))).schedule(Schedule::Dynamic(chunk));
            let all = farm.unordered(f, |results| {
                for _ in results {
                    seen.set(seen.get() + 1);
                    std::thread::yield_now();
                }
                Ok::<_, String>(seen.get())
            })?;
            assert_eq!(all, world.is_root().then_some(2000));
            // Two stretches a worker on their way, and one of each that has come; one of the root.
            let window = chunk * (3 * (world.size() - 1) + 1);
            assert!(most.get() <= window, "{} in a window of {window}", most.get());
        }
        Ok(())
    });
}

#[test]
fn an_error_ends_the_iterator_or_is_collected() {
    on_ranks([1, 2, 3], |world| {
        for bad in [0, 50, 99] {
            let task = |i: usize| match i {
                _ if i != bad => Ok(i),
                50 => panic!("the kettle is empty"),
                _ => Err("no tea"),
            };
            let outcome = world.farm(0..100usize).unordered(task, |results| Ok::<_, String>(results.count()));
            let Err(Error::Tasks { errors, .. }) = outcome else { panic!("{outcome:?}") };
            assert_eq!(errors.iter().map(|error| error.index).collect::<Vec<_>>(), [bad]);
            let farm = world.farm(0..100usize).collect_errors();
            let (count, errors) = farm.unordered(task, |results| Ok::<_, String>(results.count()))?;
            assert_eq!(count, world.is_root().then_some(99));
            assert_eq!(errors.iter().map(|error| error.index).collect::<Vec<_>>(), [bad]);
            let items = (0..100).map(|i| if i == bad { Err("the file is short") } else { Ok(i) });
            let farm = world.farm(try_stream(world.is_root().then_some(items)));
            let outcome = farm.unordered(f, |results| Ok::<_, String>(results.count()));
            assert!(outcome.unwrap_err().to_string().contains("the file is short"));
        }
        let began = Instant::now();
        let farm = world.farm(stream(world.is_root().then_some(0usize..)));
        let farm = farm.cancel_when(|| began.elapsed() > Duration::from_millis(30));
        let outcome = farm.unordered(f, |results| Ok::<_, String>(results.count()));
        assert!(matches!(outcome, Err(Error::Cancelled { .. })), "{outcome:?}");
        let outcome = world.farm(mine(vec![1usize])).unordered(f, |_| Ok::<_, String>(()));
        assert!(outcome.unwrap_err().to_string().contains("not watched by the root"));
        Ok(())
    });
}
