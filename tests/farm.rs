//! Laws of the farm: the same results for every schedule and number of ranks, every item exactly once, whatever fails.

use std::cell::Cell;
use std::time::{Duration, Instant};

use rankwise::comm::Sum;
use rankwise::skeleton::{Schedule, Unordered, everywhere, mine, on_root, stream, try_stream};
use rankwise::testing::on_ranks;
use rankwise::{Comm, Error, Partition, Result};

const SCHEDULES: [Schedule; 4] =
    [Schedule::Guided, Schedule::Static, Schedule::Dynamic(1), Schedule::Dynamic(7)];
const LENGTHS: [usize; 4] = [0, 1, 5, 1001];

/// Not linear, so that a result in a wrong place is seen.
fn f(i: usize) -> f64 {
    (i as f64).sqrt().sin()
}

fn expected(len: usize) -> Vec<f64> {
    (0..len).map(f).collect()
}

/// A number that all ranks have counted together.
fn in_all(world: &Comm, mine: usize) -> Result<usize> {
    world.all_reduce_one(mine, Sum)
}

#[test]
fn results_are_in_input_order_whatever_the_schedule() {
    on_ranks([1, 2, 3, 4], |world| {
        for len in LENGTHS {
            for schedule in SCHEDULES {
                let what = format!("{len} items, {schedule:?}");
                let mut ran = 0;
                let results = world.farm(0..len).schedule(schedule).run(|i| {
                    ran += 1;
                    f(i)
                })?;
                assert_eq!(results.is_some(), world.is_root(), "{what}");
                assert!(results.is_none_or(|results| results == expected(len)), "{what}");
                assert_eq!(in_all(world, ran)?, len, "each item once: {what}");
                let items: Option<Vec<usize>> = world.is_root().then(|| (0..len).collect());
                let results = world.farm(on_root(items)).schedule(schedule).run(f)?;
                assert!(results.is_none_or(|results| results == expected(len)), "on the root, {what}");
                let mut ran = 0;
                let items = world.is_root().then_some(0..len);
                let results = world.farm(stream(items)).schedule(schedule).gather_to_all().run(|i| {
                    ran += 1;
                    f(i)
                })?;
                assert_eq!(results, Some(expected(len)), "a stream, {what}");
                assert_eq!(in_all(world, ran)?, len, "each item once: a stream, {what}");
            }
        }
        Ok(())
    });
}

#[test]
fn seven_ranks_give_the_same() {
    on_ranks([7], |world| {
        assert!(world.farm(0..100usize).run(f)?.is_none_or(|results| results == expected(100)));
        let items: Option<Vec<usize>> = world.is_root().then(|| (0..100).collect());
        assert_eq!(world.farm(on_root(items)).gather_to_all().run(f)?, Some(expected(100)));
        Ok(())
    });
}

#[test]
fn blocks_are_one_a_rank_and_the_last_items_are_for_who_is_ready() {
    on_ranks([1, 2, 3], |world| {
        let ranks = world.size();
        // One block each, of items that the root has.
        let items: Option<Vec<usize>> = world.is_root().then(|| (0..6 * ranks).collect());
        let mut ran = Vec::new();
        world.farm(on_root(items)).schedule(Schedule::Static).for_each(|i| {
            ran.push(i);
            Ok::<_, String>(())
        })?;
        assert_eq!(ran.len(), 6, "{ran:?}");
        assert!(ran.windows(2).all(|pair| pair[1] == pair[0] + 1), "{ran:?}");
        // One long item for each rank: nobody has two while another has none.
        let items: Option<Vec<usize>> = world.is_root().then(|| (0..ranks).collect());
        let mut ran = 0;
        world.farm(on_root(items)).for_each(|_| {
            ran += 1;
            std::thread::sleep(Duration::from_millis(300));
            Ok::<_, String>(())
        })?;
        assert_eq!(ran, 1);
        // As many at once as there are, and more.
        for count in [usize::MAX, 1 << 63, 1 << 50] {
            let slow = |i| {
                std::thread::sleep(Duration::from_millis(2));
                f(i)
            };
            let results = world.farm(0..5usize).schedule(Schedule::Dynamic(count)).run(slow)?;
            assert!(results.is_none_or(|results| results == expected(5)), "{count}");
            let items = world.is_root().then_some(0..5usize);
            let results = world.farm(stream(items)).schedule(Schedule::Dynamic(count)).run(slow)?;
            assert!(results.is_none_or(|results| results == expected(5)), "a stream, {count}");
        }
        Ok(())
    });
}

#[test]
fn farms_that_are_not_the_same_are_an_error_on_all_ranks() {
    on_ranks([2, 3], |world| {
        rankwise::testing::set_checks("off");
        let list = vec![1; 100 - world.rank()];
        let lengths = world.farm(everywhere(&list)).for_each(|_| Ok::<_, String>(()));
        let schedule = if world.is_root() { Schedule::Static } else { Schedule::Guided };
        let schedules = world.farm(0..9).schedule(schedule).for_each(|_| Ok::<_, String>(()));
        let farm = world.farm(0..9);
        let watched = if world.is_root() { farm.on_error(|_| {}) } else { farm };
        for error in [lengths, schedules, watched.for_each(|_| Ok::<_, String>(()))] {
            let error = error.unwrap_err().to_string();
            assert!(error.contains("the ranks run different farms; this one has "), "{error}");
        }
        Ok(())
    });
}

#[test]
fn every_kind_of_items_and_of_results() {
    on_ranks([1, 2, 3], |world| {
        let all = world.gather_to_all_of(-3i64..3, |i| i)?;
        assert_eq!(all, [-3, -2, -1, 0, 1, 2]);
        assert_eq!(world.gather_to_all_of(250u8..255, u64::from)?, [250, 251, 252, 253, 254]);
        assert_eq!(world.gather_to_all_of(u64::MAX - 2..u64::MAX, |i| i)?, [u64::MAX - 2, u64::MAX - 1]);
        #[expect(clippy::reversed_empty_ranges, reason = "there is nothing in it")]
        let none = world.gather_to_all_of(5..2, |i| i)?;
        assert_eq!(none, [0i32; 0]);
        assert_eq!(world.gather_to_all_of(1..=3i8, |i| i)?, [1, 2, 3]);
        assert_eq!(world.gather_to_all_of(u64::MAX - 1..=u64::MAX, |i| i)?, [u64::MAX - 1, u64::MAX]);
        assert_eq!(world.gather_to_all_of(usize::MAX..=usize::MAX, |i| i)?, [usize::MAX]);
        let mut used_up = 4..=4;
        assert_eq!(used_up.next(), Some(4));
        assert_eq!(world.gather_to_all_of(used_up, |i| i)?, [0i32; 0]);
        let names = ["ada".to_owned(), "grace".to_owned()];
        assert_eq!(
            world.gather_to_all_of(everywhere(&names), |name| (name.len(), true))?,
            [(3, true), (5, true)]
        );
        // As of starmap.
        let pairs = world.is_root().then(|| vec![("a".to_owned(), 2), ("b".to_owned(), 3)]);
        let words = world.farm(on_root(pairs)).gather_to_all().run_values(|(word, n)| word.repeat(n))?;
        assert_eq!(words, Some(vec!["aa".to_owned(), "bbb".into()]));
        let own = mine(vec![world.rank(); world.rank() + 1]);
        let right: Vec<usize> = (0..world.size()).flat_map(|rank| vec![rank; rank + 1]).collect();
        assert_eq!(world.gather_to_all_of(own, |rank| rank)?, right);
        // Long values, in both directions at once.
        let long = world.is_root().then(|| vec![vec![7u64; 20_000]; 20]);
        let sums = world.farm(on_root(long)).schedule(Schedule::Dynamic(1));
        let long = sums.gather_to_all().run_values(|long: Vec<u64>| long)?;
        assert!(long.is_some_and(|long| long.len() == 20 && long.concat() == vec![7; 400_000]));
        Ok(())
    });
}

trait ToAll {
    fn gather_to_all_of<I: rankwise::skeleton::Items, R: rankwise::comm::Element<K>, K>(
        &self,
        items: I,
        task: impl FnMut(I::Item) -> R,
    ) -> Result<Vec<R>>;
}

impl ToAll for Comm {
    fn gather_to_all_of<I: rankwise::skeleton::Items, R: rankwise::comm::Element<K>, K>(
        &self,
        items: I,
        task: impl FnMut(I::Item) -> R,
    ) -> Result<Vec<R>> {
        Ok(self.farm(items).gather_to_all().run(task)?.expect("on all ranks"))
    }
}

#[test]
fn parts_of_the_world_farm_at_the_same_time() {
    on_ranks([1, 3, 4], |world| {
        let part = world.split(Some(world.rank() % 2), 0)?.expect("all have a color");
        assert!(part.farm(0..50usize).run(f)?.is_none_or(|results| results == expected(50)));
        let items = part.is_root().then_some(0..50usize);
        assert_eq!(part.farm(stream(items)).gather_to_all().run(f)?, Some(expected(50)));
        Ok(())
    });
}

#[test]
fn a_reduction_has_the_same_bits_on_any_ranks() {
    on_ranks([1, 2, 3, 4], |world| {
        for len in [0usize, 1, 4096, 4097, 100_003] {
            let tile = len.div_ceil(4096).max(1);
            let sums = (0..len).step_by(tile).map(|from| {
                (from..(from + tile).min(len)).map(f).reduce(|a, b| a + b).expect("a tile has items")
            });
            let right = sums.reduce(|a, b| a + b);
            for schedule in SCHEDULES {
                let farm = world.farm(0..len).schedule(schedule).gather_to_all();
                let sum = farm.map_reduce(|i| Ok::<_, String>(f(i)), |a, b| a + b)?;
                assert_eq!(sum.map(f64::to_bits), right.map(f64::to_bits), "{len} items, {schedule:?}");
            }
        }
        // Not commutative: 2x2 matrices.
        let product = |a: [[f64; 2]; 2], b: [[f64; 2]; 2]| {
            [0, 1].map(|i| [0, 1].map(|j| a[i][0] * b[0][j] + a[i][1] * b[1][j]))
        };
        let step = |i: u32| Ok::<_, String>([[1.0, f64::from(i)], [0.0, 1.0]]);
        let all = world.farm(0..5000u32).gather_to_all().map_reduce(step, product)?;
        assert_eq!(all.map(|all| all[0][1]), Some(f64::from(4999 * 5000 / 2)));
        Ok(())
    });
}

#[test]
fn results_come_as_they_are_ready_each_once() {
    on_ranks([1, 2, 3, 4], |world| {
        for len in LENGTHS {
            let mut seen = vec![0; len];
            world.farm(0..len).run_unordered(
                |i| Ok::<_, String>(f(i)),
                |i, result| {
                    assert_eq!(result.to_bits(), f(i).to_bits());
                    seen[i] += 1;
                },
            )?;
            assert_eq!(seen, vec![usize::from(world.is_root()); len]);
            let mine = world.farm(0..len).run_here(|i| Ok::<_, String>(f(i)))?;
            assert!(mine.iter().all(|&(i, result)| result.to_bits() == f(i).to_bits()));
            assert_eq!(in_all(world, mine.len())?, len);
        }
        Ok(())
    });
}

#[test]
fn the_first_error_ends_the_farm_on_all_ranks() {
    on_ranks([1, 2, 3, 4], |world| {
        for schedule in SCHEDULES {
            for bad in [0, 500, 999] {
                let task = |i: usize| match i {
                    _ if i != bad => Ok(i),
                    500 => panic!("the kettle is empty"),
                    _ => Err(format!("no tea at {i}")),
                };
                let from_root = world.farm(on_root(world.is_root().then(|| (0..1000).collect())));
                let known = world.farm(0..1000usize).schedule(schedule).try_run(task).map(drop);
                for outcome in [known, from_root.schedule(schedule).try_run(task).map(drop)] {
                    let Err(Error::Tasks { errors, .. }) = outcome else { panic!("{outcome:?}") };
                    let first = errors.iter().next().expect("one failed");
                    assert_eq!((errors.len(), first.index), (1, bad));
                    assert!(first.rank < world.size() && first.place.contains("farm.rs:"), "{first}");
                    assert!(first.message.contains(if bad == 500 {
                        "panicked: the kettle"
                    } else {
                        "no tea"
                    }));
                }
            }
        }
        Ok(())
    });
}

#[test]
fn collected_errors_leave_all_other_results() {
    on_ranks([1, 2, 3], |world| {
        let task = |i: usize| if i % 10 == 3 { Err(format!("no {i}")) } else { Ok(f(i)) };
        let items = world.is_root().then(|| (0..100).collect());
        let outcomes = [
            world.farm(0..100usize).collect_errors().try_run(task)?,
            world.farm(on_root(items)).collect_errors().try_run_values(task)?,
        ];
        for outcomes in outcomes.into_iter().flatten() {
            assert_eq!(
                outcomes.errors().iter().map(|e| e.index).collect::<Vec<_>>(),
                [3, 13, 23, 33, 43, 53, 63, 73, 83, 93]
            );
            for i in 0..100 {
                assert_eq!(outcomes.results()[i], task(i).ok());
                assert_eq!(outcomes.get(i).map(|one| Result::is_ok(&one)), Some(i % 10 != 3));
            }
        }
        let mut seen = Vec::new();
        let mut told = Vec::new();
        let farm = world.farm(0..100usize).on_error(|error| told.push(error.index));
        let error = farm.run_unordered(|i| if i < 90 { Ok(i) } else { Err("no more") }, |i, _| seen.push(i));
        assert!(error.unwrap_err().to_string().contains("task 9"));
        assert_eq!(told.is_empty(), !world.is_root(), "the root is told");
        Ok(())
    });
}

#[test]
fn tasks_are_tried_again_and_late_ones_fail() {
    on_ranks([1, 2], |world| {
        let tries = Cell::new(0);
        let farm = world.farm(0..10usize).retry(1);
        let all = farm.gather_to_all().try_run(|i| {
            tries.set(tries.get() + 1);
            if tries.get() % 2 == 1 { Err("not yet") } else { Ok(i) }
        })?;
        assert_eq!(all, Some((0..10).collect()));
        assert_eq!(in_all(world, tries.get())?, 20);
        let late = world.farm(0..4usize).deadline(Duration::from_millis(30)).run(|i| {
            std::thread::sleep(Duration::from_millis(if i == 2 { 60 } else { 0 }));
            i
        });
        assert!(late.unwrap_err().to_string().contains("may take 30"));
        Ok(())
    });
}

#[test]
fn a_farm_stops_when_it_is_cancelled() {
    on_ranks([1, 2, 3], |world| {
        let wait = |i: usize| {
            std::thread::sleep(Duration::from_millis(2));
            i
        };
        for known in [true, false] {
            let began = Instant::now();
            let asks = || began.elapsed() > Duration::from_millis(40);
            let outcome = if known {
                world.farm(0..1_000_000usize).cancel_when(asks).run(wait)
            } else {
                // Without end.
                world.farm(stream(world.is_root().then_some(0usize..))).cancel_when(asks).run(wait)
            };
            assert!(matches!(outcome, Err(Error::Cancelled { done, .. }) if done > 0), "{outcome:?}");
            let farm =
                world.farm(0..1_000_000usize).cancel_when(|| began.elapsed() > Duration::from_millis(80));
            let outcomes = farm.collect_errors().try_run(|i| Ok::<_, String>(wait(i)))?;
            assert!(outcomes.is_none_or(|some| some.errors().is_empty() && some.results()[0] == Some(0)));
        }
        Ok(())
    });
}

#[test]
fn an_iterator_that_fails_ends_the_farm_with_its_words() {
    on_ranks([1, 2, 3], |world| {
        for bad in [0, 1, 50] {
            let root = world.is_root();
            let items = (0..100).map(move |i| if i == bad { Err("the file is short") } else { Ok(i) });
            let error = world.farm(try_stream(root.then_some(items))).run(|i| i).unwrap_err();
            assert!(error.to_string().contains(&format!("task {bad} on rank 0")), "{error}");
            assert!(error.to_string().contains("the file is short"), "{error}");
            let items = (0..100).inspect(move |&i| assert!(i != bad, "the file is gone"));
            let error = world.farm(stream(root.then_some(items))).run(|i| i).unwrap_err();
            assert!(error.to_string().contains("the iterator panicked: the file is gone"), "{error}");
        }
        Ok(())
    });
}

#[test]
fn a_stream_is_drawn_as_it_is_needed() {
    on_ranks([1, 2, 3], |world| {
        // Of a million items few are drawn that nobody has worked on.
        let (drawn, consumed, most) = (Cell::new(0usize), Cell::new(0usize), Cell::new(0usize));
        let items = (0..1_000_000u64).inspect(|_| {
            drawn.set(drawn.get() + 1);
            most.set(most.get().max(drawn.get() - consumed.get()));
        });
        let mut sum = 0;
        world.farm(stream(world.is_root().then_some(items))).run_unordered(Ok::<_, String>, |_, i| {
            sum += i;
            consumed.set(consumed.get() + 1);
        })?;
        if world.is_root() {
            assert_eq!(sum, 999_999 * 500_000);
            assert!(most.get() <= (2 * world.size() + 4) << 14, "{} were drawn ahead", most.get());
        }
        Ok(())
    });
}

#[test]
fn ten_million_items_take_no_more_memory_than_few() {
    on_ranks([1, 3], |world| {
        let peak = || {
            let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
            let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux has it");
            peak.trim().trim_end_matches("kB").trim().parse::<usize>().expect("a number of kB")
        };
        let sums_of = |len: u64| -> Result<()> {
            let right = len * (len - 1) / 2;
            let known = world.farm(0..len as usize).gather_to_all();
            assert_eq!(known.map_reduce(|i| Ok::<_, String>(i as u64), |a, b| a + b)?, Some(right));
            let mut sum = 0;
            let drawn = world.farm(stream(world.is_root().then_some(0..len)));
            drawn.run_unordered(Ok::<_, String>, |_, i| sum += i)?;
            assert_eq!(world.all_reduce_one(sum, Sum)?, right);
            Ok(())
        };
        sums_of(100_000)?;
        let before = peak();
        sums_of(10_000_000)?;
        let more = peak() - before;
        // Their results alone, all at once, would be 80 MB.
        assert!(more < 16 << 10, "{more} kB more on rank {}", world.rank());
        Ok(())
    });
}

#[test]
fn a_worker_keeps_its_state() {
    on_ranks([1, 2, 3], |world| {
        let mut tasks_of_mine = 0u64;
        for _ in 0..2 {
            world.farm(0..30).for_each(|_| {
                tasks_of_mine += 1;
                Ok::<_, String>(())
            })?;
        }
        assert_eq!(world.all_reduce_one(tasks_of_mine, Sum)?, 60);
        let progress = Cell::new(0);
        let farm = world.farm(0..40).on_progress(|done, of| {
            assert!(done <= 40 && of == Some(40));
            progress.set(progress.get() + 1);
        });
        farm.for_each(|_| {
            std::thread::sleep(Duration::from_millis(2));
            Ok::<_, String>(())
        })?;
        assert_eq!(progress.get() > 0, world.is_root());
        Ok(())
    });
}

#[test]
fn a_state_is_made_once_on_each_rank_that_needs_it_and_anew_after_a_panic() {
    on_ranks([1, 2, 3], |world| {
        let made = Cell::new(0);
        let mut state = world.with_state(|rank| {
            made.set(made.get() + 1);
            vec![rank]
        });
        assert!(state.get().is_none(), "nobody has needed it");
        let keep = |seen: &mut Vec<usize>, i| {
            seen.push(i);
            i
        };
        for _ in 0..3 {
            world.farm(0..30usize).schedule(Schedule::Static).run(state.task(keep))?;
        }
        let share = rankwise::Partition::even(30, world.size()).range(world.rank()).len();
        assert_eq!((made.get(), state.get().map(Vec::len)), (1, Some(3 * share + 1)));
        assert_eq!(state.get().and_then(|seen| seen.first().copied()), Some(world.rank()));
        let outcome = world.farm(0..world.size()).schedule(Schedule::Static).run(state.task(|seen, i| {
            seen.push(i);
            assert!(i > 0, "half changed");
            i
        }));
        assert!(outcome.unwrap_err().to_string().contains("half changed"));
        assert_eq!(state.get().is_none(), world.is_root(), "it is not kept");
        world.farm(0..world.size()).schedule(Schedule::Static).run(state.task(keep))?;
        assert_eq!(made.get(), if world.is_root() { 2 } else { 1 });
        // As well in a pool.
        let doubled = world.pool(state.task(|seen: &mut Vec<usize>, i: usize| {
            seen.push(i);
            Ok::<_, String>(2 * i)
        }));
        assert!(doubled.run(|pool| pool.submit(21)?.wait())?.is_none_or(|twice| twice == 42));
        let mut broken = world.with_state(|rank| -> u8 { panic!("rank {rank} has no model") });
        let error = world.farm(0..9).run(broken.task(|_, i: i32| i)).unwrap_err().to_string();
        assert!(error.contains("has no model"), "{error}");
        Ok(())
    });
}

/// It cannot travel when it is broken.
#[derive(Debug, Clone, PartialEq)]
enum Cup {
    Whole(usize),
    Broken,
}

impl serde::Serialize for Cup {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match self {
            Cup::Whole(i) => serializer.serialize_u64(*i as u64),
            Cup::Broken => Err(serde::ser::Error::custom("it is broken")),
        }
    }
}

impl<'de> serde::Deserialize<'de> for Cup {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        u64::deserialize(deserializer).map(|i| Cup::Whole(i as usize))
    }
}

#[test]
fn a_result_that_cannot_travel_is_an_error_of_its_task() {
    on_ranks([1, 2, 3, 4, 7], |world| {
        // The last rank has broken ones only, all others none: so each rank is to blame, or nobody.
        for bad in 0..world.size() {
            let cup = |i: usize| if world.rank() == bad { Cup::Broken } else { Cup::Whole(i) };
            let owns = Partition::even(60, world.size());
            // Those of the root stay where they are, unless all ranks have all.
            let farms = || world.farm(0..60usize).schedule(Schedule::Static);
            let kept = world.size() == 1 || bad == 0;
            let failed = |outcome: Result<Option<Vec<Cup>>>, what: &str| {
                let Err(Error::Tasks { errors, .. }) = outcome else { panic!("{what}, {bad}: {outcome:?}") };
                for error in errors.iter() {
                    assert_eq!(error.rank, bad, "{what}: {error}");
                    assert!(owns.range(bad).contains(&error.index), "{what}: {error}");
                    assert!(error.message.contains("cannot encode"), "{what}: {error}");
                    assert!(error.place.contains("tests/farm.rs"), "{what}: {error}");
                }
                assert!(errors.iter().count() > 0);
            };
            let outcome = farms().run_values(cup);
            if kept {
                let results = outcome.expect("they stay");
                assert!(results.is_none_or(|all| all.len() == 60 && all[0] == Cup::Broken));
            } else {
                failed(outcome, "in blocks");
                let outcomes = farms().collect_errors().try_run_values(|i| Ok::<_, String>(cup(i)))?;
                if let Some(outcomes) = outcomes {
                    assert_eq!(outcomes.errors().iter().count(), owns.count(bad));
                    for (i, result) in outcomes.results().iter().enumerate() {
                        let right = (!owns.range(bad).contains(&i)).then_some(Cup::Whole(i));
                        assert_eq!(*result, right, "{i}");
                    }
                }
            }
            if world.size() > 1 {
                failed(farms().gather_to_all().run_values(cup), "to all");
            }
            if kept {
                continue;
            }
            // As they are ready: the root is not to wait for what does not come.
            let items = world.is_root().then_some(0..60usize);
            let farm = world.farm(stream(items)).schedule(Schedule::Dynamic(2));
            let slow = |i| {
                std::thread::sleep(Duration::from_micros(200));
                Ok::<_, String>(cup(i))
            };
            let ended = farm.run_unordered(slow, |i, cup| assert_eq!(cup, Cup::Whole(i)));
            let Err(Error::Tasks { errors, .. }) = ended else { panic!("as they are ready: {ended:?}") };
            assert!(errors.iter().all(|error| error.rank == bad && error.message.contains("cannot encode")));
            let farm = world.farm(0..60usize).schedule(Schedule::Dynamic(2)).collect_errors();
            let counted = |results: Unordered<'_, Cup>| Ok::<_, String>(results.count());
            let (came, errors) = farm.unordered(slow, counted)?;
            assert!(errors.iter().count() > 0 && came.is_none_or(|came| came + errors.len() == 60));
        }
        Ok(())
    });
}

#[test]
fn an_item_that_cannot_travel_is_an_error_of_its_task() {
    on_ranks([1, 2, 3, 4, 7], |world| {
        const LEN: usize = 60;
        let cups = |broken: &'static [usize]| {
            let cup = |i| if broken.contains(&i) { Cup::Broken } else { Cup::Whole(i) };
            world.is_root().then(|| (0..LEN).map(cup).collect::<Vec<_>>())
        };
        let number = |cup: Cup| match cup {
            Cup::Whole(i) => i,
            Cup::Broken => LEN,
        };
        // The first block travels, some of it broken, or all; the last one is that of the root.
        const FIRST: &[usize] = &[0, 1, 2, 3, 4, 5, 6, 7, 8];
        for broken in [&[][..], &[3], &[0, 4, 5], FIRST] {
            let travels = world.size() > 1 && !broken.is_empty();
            let farm = || world.farm(on_root(cups(broken))).schedule(Schedule::Static);
            let shown: Vec<usize> = (0..LEN).map(|i| if broken.contains(&i) { LEN } else { i }).collect();
            let ended = farm().run(number);
            if travels {
                let Err(Error::Tasks { errors, .. }) = ended else { panic!("{broken:?}: {ended:?}") };
                let indices: Vec<usize> = errors.iter().map(|error| error.index).collect();
                assert_eq!(indices, broken);
                for error in errors.iter() {
                    assert_eq!(error.rank, 0, "{error}");
                    assert!(
                        error.message.contains("cannot encode") && error.message.contains("Cup"),
                        "{error}"
                    );
                    assert!(error.place.contains("tests/farm.rs"), "{error}");
                }
            } else {
                assert!(ended?.is_none_or(|all| all == shown), "{broken:?}");
            }
            // The others go on, each once, and are where they belong.
            let mut ran = 0;
            let outcomes = farm().collect_errors().try_run(|cup| {
                ran += 1;
                Ok::<_, String>(number(cup))
            })?;
            let lost = if travels { broken.len() } else { 0 };
            assert_eq!(in_all(world, ran)?, LEN - lost, "{broken:?}");
            if let Some(outcomes) = outcomes {
                let indices: Vec<usize> = outcomes.errors().iter().map(|error| error.index).collect();
                assert_eq!(indices, broken[..lost]);
                for (i, result) in outcomes.results().iter().enumerate() {
                    let is_lost = travels && broken.contains(&i);
                    assert_eq!(*result, (!is_lost).then_some(shown[i]), "{i}");
                }
            }
        }
        // What the root has itself need not travel.
        let results = world.farm(on_root(cups(&[LEN - 1]))).schedule(Schedule::Static).run(number)?;
        assert!(results.is_none_or(|all| all[LEN - 1] == LEN));
        // A stream, by twos, as they are ready: none is lost, and no worker is forgotten.
        const HALF: &[usize] = &[0, 1, 2, 3, 5, 7, 8, 9, 20, 21, 22, 23, 24, 25, 40, 43, 57, 58, 59];
        let slow = |cup| {
            std::thread::sleep(Duration::from_micros(200));
            Ok::<_, String>(number(cup))
        };
        for fails in [true, false] {
            let farm = world.farm(stream(cups(HALF))).schedule(Schedule::Dynamic(2));
            if fails {
                match farm.run_unordered(slow, |_, _| {}) {
                    Err(Error::Tasks { errors, .. }) => {
                        assert!(errors.iter().all(|error| HALF.contains(&error.index)));
                    }
                    ended => assert!(world.size() == 1 && ended.is_ok(), "{ended:?}"),
                }
                continue;
            }
            let mut ran = 0;
            let counted = |results: Unordered<'_, usize>| {
                Ok::<_, String>(results.inspect(|&(i, cup)| assert!(cup == i || cup == LEN)).count())
            };
            let task = |cup| {
                ran += 1;
                slow(cup)
            };
            let (came, errors) = farm.collect_errors().unordered(task, counted)?;
            let count = errors.iter().count();
            assert!(came.is_none_or(|came| came + count == LEN));
            assert!(errors.iter().all(|error| HALF.contains(&error.index)));
            assert_eq!(in_all(world, ran)? + count, LEN);
            assert_eq!(count > 0, world.size() > 1);
        }
        Ok(())
    });
}

#[test]
fn the_progress_of_a_reduction_is_of_items() {
    on_ranks([1, 2, 3], |world| {
        for len in [5000, 100_000] {
            for watched in [false, true] {
                let told = std::cell::RefCell::new(Vec::new());
                let mut farm = world.farm(0..len).on_progress(|done, of| told.borrow_mut().push((done, of)));
                if watched {
                    farm = farm.on_error(|_| {});
                }
                let slow = |i: usize| {
                    if i.is_multiple_of(50) {
                        std::thread::sleep(Duration::from_micros(100));
                    }
                    Ok::<_, String>(1u64)
                };
                let all = farm.map_reduce(slow, |a, b| a + b)?;
                assert!(all.is_none_or(|all| all == len as u64));
                let told = told.into_inner();
                assert!(told.iter().all(|&(done, of)| of == Some(len) && done <= len), "{told:?}");
                // More than there are tiles.
                assert!(!world.is_root() || told.iter().any(|&(done, _)| done > len / 2), "{told:?}");
                assert!(told.is_sorted_by_key(|&(done, _)| done), "{told:?}");
            }
        }
        Ok(())
    });
}
