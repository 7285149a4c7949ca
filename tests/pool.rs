//! Laws of the pool: every task exactly once, its result or its error to whoever waits, whoever has run it.

use std::time::{Duration, Instant};

use rankwise::comm::Sum;
use rankwise::skeleton::{Future, Submitter, as_completed, wait_any};
use rankwise::testing::on_ranks;
use rankwise::{Comm, Error, Result};

/// Not linear, so that a result in a wrong place is seen.
fn f(n: u64) -> Result<u64, String> {
    Ok(n * n + 7)
}

fn all<'p>(pool: Submitter<'p, u64, u64>, numbers: std::ops::Range<u64>) -> Result<Vec<Future<'p, u64>>> {
    numbers.map(|n| pool.submit(n)).collect()
}

#[test]
fn each_future_has_its_result_in_whatever_order_they_are_waited_for() {
    on_ranks([1, 2, 3, 4, 7], |world| {
        for n in [0, 1, 2, 50] {
            let mut ran = 0;
            let counted = |n| {
                ran += 1;
                f(n)
            };
            let sums = world.pool(counted).run(|pool| {
                for future in all(pool, 0..n)? {
                    let id = future.id() as u64;
                    assert_eq!(future.wait()?, id * id + 7);
                }
                for future in all(pool, 0..n)?.into_iter().rev() {
                    let of = future.id() as u64 - n;
                    assert_eq!(future.wait()?, of * of + 7);
                }
                let mut done = Vec::new();
                for (place, result) in as_completed(all(pool, 0..n)?) {
                    assert_eq!(result?, (place * place + 7) as u64);
                    done.push(place);
                }
                done.sort_unstable();
                assert!(done.into_iter().eq(0..n as usize));
                let mut futures = all(pool, 0..n)?;
                let mut sum = 0;
                while let Some((_, result)) = wait_any(&mut futures)? {
                    sum += result?;
                }
                // Nobody waits for these, and they run all the same.
                drop(all(pool, 0..n)?);
                Ok::<_, Error>(sum)
            })?;
            assert_eq!(sums, world.is_root().then(|| (0..n).map(|n| n * n + 7).sum()));
            assert_eq!(world.all_reduce_one(ran, Sum)?, 5 * n, "each task once");
        }
        Ok(())
    });
}

#[test]
fn what_is_found_out_decides_what_is_submitted() {
    on_ranks([1, 2, 3], |world| {
        // The leaves of a tree whose nodes are known when their parents are done.
        let children = |n: u64| Ok::<_, String>(if n < 200 { vec![2 * n, 2 * n + 1, 3 * n] } else { vec![] });
        let leaves = world.pool(children).run(|pool| {
            let (mut open, mut leaves) = (vec![pool.submit(1)?], 0);
            while let Some((_, found)) = wait_any(&mut open)? {
                let found = found?;
                leaves += usize::from(found.is_empty());
                for child in found {
                    open.push(pool.submit(child)?);
                }
            }
            Ok::<_, Error>(leaves)
        })?;
        fn count(n: u64) -> usize {
            if n < 200 { [2 * n, 2 * n + 1, 3 * n].map(count).iter().sum() } else { 1 }
        }
        assert_eq!(leaves, world.is_root().then(|| count(1)));
        Ok(())
    });
}

#[test]
fn a_result_is_there_once_and_is_not_waited_for_longer_than_allowed() {
    on_ranks([1, 2, 3], |world| {
        let slow = |milliseconds: u64| {
            std::thread::sleep(Duration::from_millis(milliseconds));
            Ok::<_, String>(milliseconds)
        };
        world.pool(slow).run(|pool| {
            let mut long = pool.submit(300)?;
            let began = Instant::now();
            if world.size() > 1 {
                assert_eq!(long.wait_timeout(Duration::from_millis(5))?, None);
                assert_eq!(long.try_get()?, None);
                assert!(began.elapsed() < Duration::from_millis(300), "it did not wait");
            }
            while !long.is_ready()? {}
            assert_eq!(long.try_get()?, Some(300));
            let error = long.try_get().expect_err("it is not there again").to_string();
            assert!(error.contains("the result of task 0 has been taken before"), "{error}");
            assert!(long.wait().is_err());
            Ok::<_, Error>(())
        })?;
        Ok(())
    });
}

#[test]
fn errors_and_panics_come_to_who_waits_and_the_others_go_on() {
    on_ranks([1, 2, 3, 4], |world| {
        let task = |n: u64| match n % 3 {
            0 => Ok(n),
            1 => Err("no tea"),
            _ => panic!("the kettle is empty"),
        };
        let good = world.pool(task).run(|pool| {
            let mut good = 0;
            for (n, future) in (0..30).zip(all(pool, 0..30)?) {
                match future.wait() {
                    Ok(of) => good += usize::from(of == n),
                    Err(error) => {
                        let (text, says) =
                            (error.to_string(), ["", "no tea", "panicked: the kettle is empty"]);
                        assert!(text.contains(&format!("task {n} on rank ")), "{text}");
                        assert!(text.contains(says[n as usize % 3]), "{text}");
                        assert!(matches!(error, Error::Tasks { errors, .. } if errors.len() == 1));
                    }
                }
            }
            Ok::<_, Error>(good)
        })?;
        assert_eq!(good, world.is_root().then_some(10));
        let mut tries = 0;
        let third_time = |(): ()| {
            tries += 1;
            if tries % 3 == 0 { Ok(()) } else { Err("not yet") }
        };
        world.pool(third_time).retry(2).run(|pool| pool.submit(())?.wait())?;
        Ok(())
    });
}

/// A number that some cannot write, and some not read.
#[derive(Debug, Clone)]
struct Odd(u64);

impl serde::Serialize for Odd {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            3 | 103 => Err(serde::ser::Error::custom("three cannot be written")),
            n => n.serialize(serializer),
        }
    }
}

impl<'de> serde::Deserialize<'de> for Odd {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u64::deserialize(deserializer)? {
            5 | 105 => Err(serde::de::Error::custom("five cannot be read")),
            n => Ok(Odd(n)),
        }
    }
}

#[test]
fn what_cannot_travel_is_an_error_of_its_task_alone() {
    on_ranks([2, 3], |world| {
        let failed = world.pool(|n: Odd| Ok::<_, String>(Odd(n.0 + 100))).run(|pool| {
            let futures = (0..8).map(|n| pool.submit(Odd(n))).collect::<Result<Vec<_>>>()?;
            let mut failed = Vec::new();
            for (n, future) in futures.into_iter().enumerate() {
                if let Err(error) = future.wait() {
                    assert!(error.to_string().contains(&format!("task {n} on rank")), "{error}");
                    failed.push(n);
                }
            }
            Ok::<_, Error>(failed)
        })?;
        // The root itself runs some, which do not travel.
        assert!(failed.is_none_or(|failed| failed.iter().all(|n| [3, 5].contains(n))));
        Ok(())
    });
}

#[test]
fn a_body_that_fails_is_an_error_on_all_ranks_and_what_has_not_begun_is_not_run() {
    on_ranks([1, 2, 3], |world| {
        let mut ran = 0;
        let task = |n: u64| {
            ran += 1;
            std::thread::sleep(Duration::from_millis(20));
            f(n)
        };
        let outcome = world.pool(task).run(|pool| {
            drop(all(pool, 0..1000)?);
            Err::<(), _>("the water is gone".into()) as Result<(), Box<dyn std::error::Error>>
        });
        let text = outcome.expect_err("the body failed").to_string();
        assert!(text.contains("the water is gone"), "{text}");
        assert!(in_all(world, ran)? <= 2 * world.size(), "most had not begun");
        Ok(())
    });
}

fn in_all(world: &Comm, mine: usize) -> Result<usize> {
    world.all_reduce_one(mine, Sum)
}
