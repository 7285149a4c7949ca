//! Laws of pipelines, and what becomes of them when something fails.

use std::time::Duration;

use crate::common::{code, run};
use rankwise::Error;
use rankwise::comm::Sum;
use rankwise::prelude::*;
use rankwise::skeleton::{PipelineReport, Ranks};
use rankwise::testing::on_ranks;

const LENGTHS: [usize; 6] = [0, 1, 2, 7, 100, 30_000];

/// Who had the last stage knows what it saw; all ranks do afterwards.
fn seen(world: &Comm, report: &PipelineReport, mine: &[usize]) -> Result<Vec<usize>> {
    let last = report.stages.last().expect("there are stages");
    if !last.ranks.contains(&world.rank()) {
        assert!(mine.is_empty(), "it has not this stage");
    }
    Ok(world.all_gather_values(&mine.to_vec())?.concat())
}

fn through(world: &Comm) -> Result<()> {
    for len in LENGTHS {
        for ordered in [true, false] {
            let mut lines = Vec::new();
            let mut pipeline = world
                .pipeline()
                .stage("read", 1, || 0..len)
                .stage("text", Ranks::Rest, |i| format!("{}", 3 * i))
                .stage("again", 2, |text: String| text + "1")
                .stage("write", 1, |text| lines.push(text.parse::<usize>().expect("digits")));
            if !ordered {
                pipeline = pipeline.unordered();
            }
            let report = pipeline.run()?;
            assert!(report.stages.iter().all(|stage| stage.items == len as u64), "{report}");
            assert_eq!(report.to_string().lines().count(), 6);
            let mut all = seen(world, &report, &lines)?;
            if !ordered {
                all.sort_unstable();
            }
            assert!(all.into_iter().eq((0..len).map(|i| 30 * i + 1)), "{len} items, ordered {ordered}");
        }
        let (squares, _) =
            world.pipeline().stage("n", 1, || 0..len).stage("square", 3, |n| n * n).collect()?;
        assert_eq!(squares.is_some(), world.is_root());
        assert!(squares.is_none_or(|all| all.into_iter().eq((0..len).map(|n| n * n))), "{len}");
        let (only, _) = world.pipeline().stage("n", 1, || 0..len).collect()?;
        assert!(only.is_none_or(|all| all.into_iter().eq(0..len)), "{len}");
    }
    Ok(())
}

#[test]
fn every_item_comes_through_once_and_in_order_at_any_rank_count() {
    on_ranks([1, 2, 3, 4, 7], |world| Ok(through(world)?));
}

#[test]
fn parts_of_the_world_have_pipelines_of_their_own() {
    on_ranks([3], |world| {
        let part = world.split(Some(world.rank() % 2), 0).expect("split").expect("all have a colour");
        through(&part).expect("nothing fails");
        Ok(())
    });
}

#[test]
fn each_rank_of_the_last_stage_sees_its_items_in_order() {
    on_ranks([2, 4], |world| {
        let mut mine = Vec::new();
        let pipeline = world.pipeline().stage("n", 1, || 0..5000usize).stage("mix", Ranks::Rest, |n| n);
        let report = pipeline.stage("keep", 2, |n| mine.push(n)).run().expect("nothing fails");
        assert!(mine.is_sorted());
        let mut all = seen(world, &report, &mine).expect("gathered");
        all.sort_unstable();
        assert!(all.into_iter().eq(0..5000));
        Ok(())
    });
}

#[test]
fn no_more_items_are_in_flight_than_allowed_whatever_the_speeds() {
    on_ranks([1, 2, 3, 4], |world| {
        for (limit, slow) in [(1, 0), (5, 1), (100, 2), (1000, 2)] {
            let (drawn, written) = (world.counter().expect("one"), world.counter().expect("two"));
            let pause = |stage| {
                if stage == slow {
                    std::thread::sleep(Duration::from_micros(20));
                }
            };
            let items = || {
                let draw = |n: u64| {
                    pause(0);
                    let under_way = drawn.fetch_add(1)? + 1 - written.get()?;
                    assert!(under_way <= limit as u64, "{under_way} items under way, of {limit}");
                    Ok::<_, Error>(n)
                };
                Ok::<_, Error>((0..2000).map(draw))
            };
            let work = |n| {
                pause(1);
                n
            };
            let write = |_| {
                pause(2);
                written.fetch_add(1).map(drop)
            };
            let pipeline = world.pipeline().try_stage("draw", 1, items).stage("work", Ranks::Rest, work);
            let report = pipeline.try_stage("write", 1, write).in_flight(limit).run().expect("nothing fails");
            assert_eq!(report.stages[2].items, 2000);
            written.free();
            drawn.free();
        }
        Ok(())
    });
}

/// What is asked to fail: this stage, at this item, by a panic or by an error.
fn failing(world: &Comm, stage: usize, item: usize, panics: bool, go_on: bool) -> Result<PipelineReport> {
    let fail = |here: usize, n: usize| match (here == stage && n == item, panics) {
        (true, true) => panic!("as asked"),
        (true, false) => Err("as asked".to_owned()),
        _ => Ok(n),
    };
    let pipeline = world
        .pipeline()
        .try_stage("read", 1, || Ok::<_, String>((0..1000).map(|n| fail(0, n))))
        .try_stage("work", Ranks::Rest, |n| fail(1, n))
        .try_stage("write", 1, |n| fail(2, n).map(drop));
    if go_on { pipeline.collect_errors().run() } else { pipeline.run() }
}

#[test]
fn an_error_or_a_panic_in_any_stage_is_everyones_with_its_item_and_stage() {
    on_ranks([1, 2, 3, 4, 7], |world| {
        for stage in 0..3 {
            let name = ["read", "work", "write"][stage];
            for item in [0, 500, 999] {
                for panics in [false, true] {
                    let words = if panics { "panicked: as asked" } else { "as asked" };
                    let outcome = failing(world, stage, item, panics, false);
                    let Err(Error::Tasks { errors, .. }) = outcome else {
                        panic!("it has failed: {outcome:?}")
                    };
                    let error = errors.iter().next().expect("one has failed");
                    let expected = format!("stage {name:?}: {words}");
                    assert_eq!((errors.len(), error.index, &error.message), (1, item, &expected));
                    // The pipeline's line, or that of the panic.
                    assert!(error.place.contains("tests/pipeline.rs"), "{error}");

                    let report = failing(world, stage, item, panics, true).expect("it goes on");
                    assert_eq!(report.errors.iter().count(), 1);
                    // A source that panics has ended.
                    let left = if stage == 0 && panics { item } else { 999 };
                    assert_eq!(report.stages[2].items, left as u64, "{name} at {item}, panics: {panics}");
                }
            }
        }
        Ok(())
    });
}

#[test]
fn an_item_is_tried_again_as_often_as_it_may_and_no_more() {
    on_ranks([1, 2, 3, 4, 7], |world| {
        for stage in 1..3 {
            for (fails, retries, panics) in [(1, 1, false), (2, 5, true), (3, 2, false), (3, 2, true)] {
                for item in [0, 50, 99] {
                    let what = format!("stage {stage}, item {item}, {fails} fail, {retries} retries");
                    let tries = [std::cell::Cell::new(0), std::cell::Cell::new(0)];
                    let moody = |here: usize, text: String| {
                        if here == stage && text == item.to_string() {
                            let tries = &tries[here - 1];
                            tries.set(tries.get() + 1);
                            match (tries.get() <= fails, panics) {
                                (true, true) => panic!("not today"),
                                (true, false) => return Err("not today".to_owned()),
                                _ => {}
                            }
                        }
                        Ok(text)
                    };
                    let pipeline = world
                        .pipeline()
                        .stage("read", 1, || (0..100).map(|n| n.to_string()))
                        .try_stage("work", Ranks::Rest, |text| moody(1, text))
                        .try_stage("more", 2, |text| moody(2, text));
                    let outcome = pipeline.retry(retries).collect();
                    let tried = tries[stage - 1].get();
                    assert!([0, fails.min(retries) + 1].contains(&tried), "{tried} times, {what}");
                    if fails <= retries {
                        let (all, _) = outcome?;
                        assert_eq!(all.is_some(), world.is_root());
                        let right = (0..100).map(|n| n.to_string());
                        assert!(all.is_none_or(|all| all.into_iter().eq(right)), "{what}");
                        continue;
                    }
                    let Err(Error::Tasks { errors, .. }) = outcome else { panic!("it has failed: {what}") };
                    let error = errors.iter().next().expect("one has failed");
                    let name = ["work", "more"][stage - 1];
                    let words = if panics { "panicked: not today" } else { "not today" };
                    let expected = format!("stage {name:?}: {words} (tried 3 times)");
                    assert_eq!((errors.len(), error.index, &error.message), (1, item, &expected), "{what}");
                }
            }
        }
        Ok(())
    });
}

/// Late in this stage, the second or the third. Each takes half a second.
fn late_in(stage: usize, go_on: bool) {
    on_ranks([1, 2, 3, 4, 7], |world| {
        // Longer than no item takes that is not to be late, also on a loaded machine.
        let limit = Duration::from_millis(500);
        for item in [0, 30, 59] {
            let slow = |here: usize, n: usize| {
                if here == stage && n == item {
                    std::thread::sleep(limit + Duration::from_millis(20));
                }
                n
            };
            let pipeline = world
                .pipeline()
                .stage("read", 1, || 0..60)
                .stage("work", Ranks::Rest, |n| slow(1, n))
                .stage("write", 1, |n| _ = slow(2, n))
                .deadline(limit);
            let outcome = if go_on { pipeline.collect_errors().run() } else { pipeline.run() };
            let errors = match outcome {
                Ok(report) if go_on => {
                    assert_eq!(report.stages[2].items, 59, "{report}");
                    report.errors
                }
                Err(Error::Tasks { errors, .. }) if !go_on => errors,
                other => panic!("{other:?}"),
            };
            let error = errors.iter().next().expect("it was late");
            let name = ["work", "write"][stage - 1];
            assert_eq!((errors.len(), error.index), (1, item));
            let message = &error.message;
            assert!(message.starts_with(&format!("stage {name:?}: it took ")), "{message}");
            assert!(message.ends_with(", and may take 500.0ms"), "{message}");
        }
        Ok(())
    });
}

#[test]
fn an_item_that_takes_too_long_has_failed_in_its_stage() {
    late_in(1, false);
}

#[test]
fn an_item_that_takes_too_long_is_an_error_beside_the_others() {
    late_in(1, true);
}

#[test]
fn an_item_that_takes_too_long_has_failed_in_the_last_stage() {
    late_in(2, false);
}

#[test]
fn an_item_that_takes_too_long_in_the_last_stage_is_an_error_beside_the_others() {
    late_in(2, true);
}

#[test]
fn a_source_may_take_its_time() {
    on_ranks([1, 2, 3, 4, 7], |world| {
        let late = std::iter::once_with(|| std::thread::sleep(Duration::from_millis(30)));
        let pipeline = world.pipeline().stage("read", 1, || late).stage("write", 1, drop::<()>);
        assert_eq!(pipeline.deadline(Duration::from_millis(20)).run()?.stages[1].items, 1);
        Ok(())
    });
}

#[test]
fn whoever_wants_no_more_ends_it_for_all() {
    on_ranks([1, 2, 3, 4, 7], |world| {
        for who in 0..world.size() {
            for go_on in [false, true] {
                let (seen, written) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
                let pipeline = world
                    .pipeline()
                    .stage("count", 1, || (0u64..).inspect(|_| seen.set(seen.get() + 1)))
                    .stage("work", Ranks::Rest, |n| {
                        seen.set(seen.get() + 1);
                        n
                    })
                    .stage("write", 1, |_| {
                        seen.set(seen.get() + 1);
                        written.set(written.get() + 1);
                    })
                    .cancel_when(|| world.rank() == who && seen.get() > 1000);
                if go_on {
                    let report = pipeline.collect_errors().run()?;
                    assert!(report.cancelled && report.errors.is_empty());
                    assert_eq!(report.stages[2].items, world.all_reduce_one(written.get(), Sum)?);
                } else {
                    let Err(Error::Cancelled { operation, done, .. }) = pipeline.run() else {
                        panic!("it has no end of its own")
                    };
                    assert_eq!(operation, "pipeline");
                    assert_eq!(done as u64, world.all_reduce_one(written.get(), Sum)?);
                }
            }
        }
        // Who asks too late, or never says so, changes nothing.
        for answer in [false, true] {
            let pipeline = world.pipeline().stage("n", 1, || 0..3).stage("end", 1, drop::<i32>);
            let report = pipeline.cancel_when(|| answer && world.size() == 0).run()?;
            assert!(!report.cancelled && report.stages[1].items == 3);
        }
        Ok(())
    });
}

#[test]
fn what_fails_in_the_middle_of_a_program_has_its_exit_code_and_says_why() {
    let faults = [
        ("retried", 1, r#"stage "work": as asked (tried 3 times)"#),
        ("late", 1, r#"stage "work": it took "#),
        ("cancelled", 1, "cancelled after "),
        ("panic", 1, r#"stage "work": panicked: as asked"#),
        ("exit", 3, "called exit(3) in the middle of the program"),
    ];
    for (how, with, says) in faults {
        for ranks in [1, 3] {
            let ended = run(ranks, "flow", &[how]);
            assert_eq!(code(&ended), Some(with), "{how} on {ranks}: {:?} {}", ended.status, ended.stderr);
            assert_eq!(ended.stderr.matches(says).count(), 1, "{how} on {ranks}: {}", ended.stderr);
        }
    }
}

#[test]
fn a_source_that_cannot_be_opened_is_an_error() {
    on_ranks([1, 2, 3], |world| {
        let closed = || Err::<std::iter::Empty<Result<u8, String>>, _>("no such source");
        let outcome = world.pipeline().try_stage("open", 1, closed).stage("work", 1, |_| ()).run();
        let Err(Error::Tasks { errors, .. }) = outcome else { panic!("it has failed") };
        assert!(errors.to_string().ends_with("stage \"open\": no such source"), "{errors}");
        Ok(())
    });
}

#[test]
fn what_cannot_work_is_refused_on_all_ranks() {
    on_ranks([1, 2], |world| {
        let refused = |outcome: Result<PipelineReport>, words: &str| {
            let error = outcome.expect_err("refused").to_string();
            assert!(error.ends_with(words) && error.contains("tests/pipeline.rs"), "{error}");
        };
        let start = |ranks: Ranks| world.pipeline().stage("n", ranks, || 0..3);
        refused(
            start(2.into()).stage("end", 1, drop::<i32>).run(),
            "stage \"n\", which begins, must be on 1 rank",
        );
        refused(
            start(Ranks::Rest).stage("end", 1, drop::<i32>).run(),
            "stage \"n\", which begins, must be on 1 rank",
        );
        refused(start(1.into()).stage("end", 0, drop::<i32>).run(), "stage \"end\" is to have no rank");
        refused(start(1.into()).stage("end", 1, drop::<i32>).in_flight(0).run(), "no item may be in flight");
        Ok(())
    });
}

#[test]
fn an_error_that_nobody_looks_at_makes_the_exit_code_1() {
    for ranks in [1, 3] {
        for how in ["unseen", "collected"] {
            let ended = run(ranks, "flow", &[how]);
            assert_eq!(code(&ended), Some(1), "{how}: {}", ended.stderr);
            let words = r#"stage "work": as asked"#;
            assert!(
                ended.stderr.contains("task 1 on rank") && ended.stderr.contains(words),
                "{}",
                ended.stderr
            );
        }
    }
}

#[test]
fn a_rank_that_is_killed_ends_the_job_whichever_stage_it_has() {
    for rank in 0..3 {
        let (ended, left) = crate::common::killed_under_way("endless", rank);
        assert!(!matches!(code(&ended), Some(0)) && ended.status.is_some(), "{}", ended.stderr);
        assert_eq!(left, 0, "nobody is left");
    }
}

#[test]
fn word_count_prints_the_same_at_any_rank_count_and_names_the_file_that_it_cannot_read() {
    let folder = crate::common::Folder::new("words");
    std::fs::create_dir(folder.0.join("more")).expect("a folder");
    for (name, text) in [("a", "The cat, the dog"), ("more/b", "THE end. A cat's tale"), ("c", "")] {
        std::fs::write(folder.0.join(name), text).expect("a file");
    }
    let all = folder.file("");
    for ranks in [1, 2, 4] {
        let ended = run(ranks, "word_count", &[&all, "--top", "3", "--report"]);
        assert_eq!(code(&ended), Some(0), "{}", ended.stderr);
        assert_eq!(ended.stdout, "       3 the\n       1 a\n       1 cat\n", "on {ranks} ranks");
        assert!(ended.stderr.contains("add up"), "{}", ended.stderr);
        let ended = run(ranks, "word_count", &[&all, &folder.file("none")]);
        assert_eq!(code(&ended), Some(1));
        assert!(ended.stdout.is_empty() && ended.stderr.contains("none: No such file"), "{}", ended.stderr);
    }
}
