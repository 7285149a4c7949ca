//! Laws of executors: ranks, threads and neither give the same, to the bit, and fail alike.

use std::sync::atomic::{AtomicUsize, Ordering};

use rankwise::skeleton::{Backend, Executor, Mpi, Serial, Threads, everywhere};
use rankwise::testing::on_ranks;
use rankwise::{Comm, Error, Result};

const BACKENDS: [&str; 5] = ["mpi", "serial", "threads:1", "threads:4", "threads"];
const LENGTHS: [usize; 7] = [0, 1, 2, 7, 100, 4097, 100_003];

/// Not associative when summed up.
fn f(i: usize) -> f64 {
    ((i * i) as f64).sqrt().sin() * 1e3
}

/// A program that is written once.
fn program(on: &impl Executor, len: usize) -> Result<Option<(Vec<f64>, Option<f64>)>> {
    let all = on.map(0..len, f)?;
    let sum = on.map_reduce(0..len, |i| Ok::<_, String>(f(i)), |a, b| a + b)?;
    Ok(all.map(|all| (all, sum)))
}

#[test]
fn whatever_does_the_work_gives_the_same_bits() {
    on_ranks([1, 2, 3, 4, 7], |world| {
        for len in LENGTHS {
            let farm = world.farm(0..len).map_reduce(|i| Ok::<_, String>(f(i)), |a, b| a + b)?;
            let farm = farm.map(f64::to_bits);
            for name in BACKENDS {
                let found = program(&Backend::named(world, name)?, len)?;
                assert_eq!(found.is_some(), world.is_root());
                let Some((all, sum)) = found else { continue };
                assert!(all.into_iter().eq((0..len).map(f)), "{name}, {len} items");
                assert_eq!(sum.map(f64::to_bits), farm, "{name}, {len} items");
            }
        }
        assert_eq!(Mpi::new(world).workers(), world.size());
        assert_eq!((Serial::new(world).workers(), Threads::new(world, 3).workers()), (1, 3));
        assert!(Threads::new(world, 0).workers() > 0);
        let error = Backend::named(world, "gpu").unwrap_err().to_string();
        assert!(error.contains("\"gpu\" runs no tasks: it is mpi, serial, threads or threads:4"), "{error}");
        Ok(())
    });
}

#[test]
fn values_of_any_type_and_items_of_any_type() {
    on_ranks([1, 2, 3], |world| {
        let names = ["ada".to_owned(), "grace".to_owned(), "radia".to_owned()];
        for name in BACKENDS {
            let on = Backend::named(world, name)?;
            let words = on.try_map_values(everywhere(&names), |name| Ok::<_, String>(name.to_uppercase()))?;
            assert_eq!(words, world.is_root().then(|| ["ADA", "GRACE", "RADIA"].map(String::from).into()));
            let lengths = on.try_map(everywhere(&names), |name| Ok::<_, String>((name.len(), true)))?;
            assert_eq!(lengths, world.is_root().then(|| vec![(3, true), (5, true), (5, true)]));
        }
        Ok(())
    });
}

fn failed(outcome: Result<impl Sized>) -> (usize, usize, String, String) {
    let Err(Error::Tasks { errors, .. }) = outcome else { panic!("it does not fail") };
    let first = errors.iter().next().expect("one failed");
    (first.index, first.rank, first.place.clone(), first.message.clone())
}

#[test]
fn errors_and_panics_are_named_on_all_ranks_alike() {
    on_ranks([1, 2, 3], |world: &Comm| {
        for name in BACKENDS {
            let on = Backend::named(world, name)?;
            for bad in [0, 500, 999] {
                let err = failed(on.try_map(0..1000, |i| if i == bad { Err("no tea") } else { Ok(i) }));
                assert_eq!((err.0, &*err.3), (bad as usize, "no tea"), "{name}");
                assert!(err.2.contains("executor.rs:") && err.1 < world.size(), "{name}: {}", err.2);
                let panic = failed(on.map(0..1000, |i| {
                    assert!(i != bad, "the kettle is empty");
                    i
                }));
                assert_eq!((panic.0, &*panic.3), (bad as usize, "panicked: the kettle is empty"), "{name}");
                let value = failed(on.try_map_values(0..1000, |i: i32| {
                    if i == bad { Err("no tea") } else { Ok(i.to_string()) }
                }));
                assert_eq!(value.0, bad as usize, "{name}");
                let least = |i| if i == bad { Err("no tea") } else { Ok(i) };
                let error = failed(on.map_reduce(0..1000, least, i32::min));
                assert_eq!((error.0, &*error.3), (bad as usize, "no tea"), "{name}");
                if name != "mpi" {
                    assert_eq!((err.1, panic.1, value.1, error.1), (0, 0, 0, 0), "{name}");
                }
            }
        }
        Ok(())
    });
}

#[test]
fn each_task_runs_once_and_few_after_one_has_failed() {
    on_ranks([1, 2], |world| {
        for threads in [1, 2, 7, 500] {
            let runs: Vec<AtomicUsize> = (0..10_000).map(|_| AtomicUsize::new(0)).collect();
            Threads::new(world, threads).map(0..runs.len(), |i| {
                runs[i].fetch_add(1, Ordering::Relaxed);
                i
            })?;
            assert!(runs.iter().all(|ran| ran.load(Ordering::Relaxed) == usize::from(world.is_root())));
            // The others stop where they are when they see it, and not at the end of their stretch.
            let (failed, after) = (AtomicUsize::new(0), AtomicUsize::new(0));
            let outcome = Threads::new(world, threads).try_map(0..10_000_000usize, |i| {
                if i == 3 {
                    failed.store(1, Ordering::SeqCst);
                    return Err("no tea");
                }
                if failed.load(Ordering::SeqCst) == 1 {
                    after.fetch_add(1, Ordering::Relaxed);
                    std::thread::yield_now();
                }
                Ok(i)
            });
            assert_eq!(outcome.unwrap_err().to_string().matches("no tea").count(), 1);
            assert!(after.into_inner() < 1_000_000);
        }
        Ok(())
    });
}
