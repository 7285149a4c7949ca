//! Laws of graphs of tasks, and what becomes of them when some fail.

use crate::common::{code, run};
use rankwise::Error;
use rankwise::skeleton::{Graph, Task};
use rankwise::testing::on_ranks;

/// A graph of layers in which each task needs two of the layer before; what it gives shows all that went into it.
fn woven<'a>(graph: &Graph<'a>, width: usize, depth: usize) -> Vec<Task<u64>> {
    let mut layer: Vec<_> = (0..width as u64).map(|n| graph.task(move || n + 1)).collect();
    for step in 0..depth {
        let shift = 1 + step % 3;
        let pair = |n: usize| (&layer[n], &layer[(n + shift) % width]);
        let next = |n| graph.task_after(pair(n), |(a, b)| a.wrapping_mul(31).wrapping_add(b.rotate_left(7)));
        layer = (0..width).map(next).collect();
    }
    layer
}

/// The same without tasks.
fn serial(width: usize, depth: usize) -> Vec<u64> {
    let mut layer: Vec<u64> = (1..=width as u64).collect();
    for step in 0..depth {
        let shift = 1 + step % 3;
        layer = (0..width)
            .map(|n| layer[n].wrapping_mul(31).wrapping_add(layer[(n + shift) % width].rotate_left(7)))
            .collect();
    }
    layer
}

#[test]
fn results_are_those_of_a_serial_program_at_any_rank_count() {
    on_ranks([1, 2, 3, 4, 7], |world| {
        for (width, depth) in [(1, 0), (1, 50), (7, 1), (16, 30), (100, 20)] {
            let graph = world.graph();
            let last = woven(&graph, width, depth);
            last.iter().for_each(|task| graph.keep(task));
            let done = graph.run()?;
            let expected = serial(width, depth);
            for (task, value) in last.iter().zip(&expected) {
                assert_eq!(done.get(task), world.is_root().then_some(value), "{width} x {depth}");
            }
            assert_eq!((done.ran, done.cancelled), ((width * (depth + 1)) as u64, 0));
        }
        assert_eq!(world.graph().run()?.ran, 0);
        Ok(())
    });
}

#[test]
fn tasks_take_one_result_several_or_many_and_the_same_twice() {
    on_ranks([1, 2, 4], |world| {
        let graph = world.graph();
        let (a, b) = (graph.task(|| 2u32), graph.task(|| "x".to_owned()));
        let c = graph.task_after(&a, |a| vec![*a; 3]);
        let d = graph.task_after((&a, &b, &c), |(a, b, c)| format!("{a}{b}{c:?}"));
        let e = graph.task_after((&a, &a, &b, &d), |(a, again, b, d)| format!("{}{b}{d}", a + again));
        let all: Vec<Task<String>> = vec![b, d, e, b];
        let joined = graph.task_after(&all[..], |all| all.into_iter().cloned().collect::<Vec<_>>().join("|"));
        let none = graph.task_after(&[] as &[Task<u8>], |none| none.len());
        graph.keep(&joined);
        graph.keep(&joined);
        graph.keep(&none);
        // Nobody looks at this one.
        graph.keep(&c);
        let done = graph.run()?;
        if world.is_root() {
            assert_eq!(done.get(&joined).map(String::as_str), Some("x|2x[2, 2, 2]|4x2x[2, 2, 2]|x"));
            assert_eq!(done.get(&none), Some(&0));
        }
        assert_eq!(done.get(&a), None, "it was not kept");
        Ok(())
    });
}

#[test]
fn a_tree_keeps_the_order_of_what_it_combines() {
    on_ranks([1, 2, 3, 4, 7], |world| {
        for n in [0, 1, 2, 3, 10, 33] {
            let graph = world.graph();
            let tasks: Vec<_> = (0..n).map(|k| graph.task(move || vec![k])).collect();
            let all = graph.reduce_as_completed(&tasks, |a, b| [&a[..], b].concat());
            all.iter().for_each(|all| graph.keep(all));
            let done = graph.run()?;
            assert_eq!(all.is_none(), n == 0);
            if let Some(all) = all.and_then(|all| done.get(&all).cloned()) {
                assert!(all.into_iter().eq(0..n), "{n}");
            }
        }
        Ok(())
    });
}

#[test]
fn an_error_or_a_panic_names_the_task_and_cancels_its_descendants_only() {
    on_ranks([1, 2, 3, 4, 7], |world| {
        for panics in [false, true] {
            for bad in [0, 10, 19] {
                for go_on in [false, true] {
                    let graph = if go_on { world.graph().collect_errors() } else { world.graph() };
                    let mut ends = Vec::new();
                    for chain in 0..20 {
                        let start = graph.try_task(move || match (chain == bad, panics) {
                            (true, true) => panic!("as asked"),
                            (true, false) => Err("as asked"),
                            _ => Ok(chain),
                        });
                        graph.name(&start, &format!("start {chain}"));
                        let next = graph.task_after(&start, |n| n + 1);
                        ends.push(graph.task_after(&next, |n| n + 1));
                        graph.keep(&ends[chain]);
                    }
                    let (outcome, words) =
                        (graph.run(), if panics { "panicked: as asked" } else { "as asked" });
                    let errors = match outcome {
                        Ok(done) => {
                            assert!(go_on);
                            assert_eq!((done.ran, done.cancelled), (58, 2));
                            for (chain, end) in ends.iter().enumerate() {
                                let value = (world.is_root() && chain != bad).then_some(chain + 2);
                                assert_eq!(done.get(end).copied(), value, "chain {chain}, {bad} failed");
                            }
                            done.errors
                        }
                        Err(Error::Tasks { errors, .. }) if !go_on => errors,
                        Err(error) => return Err(error.into()),
                    };
                    let all: Vec<_> =
                        errors.iter().map(|error| (error.index, error.message.clone())).collect();
                    assert_eq!(all, [(3 * bad, format!("task \"start {bad}\": {words}"))]);
                    assert!(errors.to_string().contains("tests/graph.rs"), "{errors}");
                }
            }
        }
        Ok(())
    });
}

/// The sum of a range, by halves as long as they are long; each of its tasks clones what it needs of `scale`.
fn halves<'a>(graph: &Graph<'a>, scale: Task<u64>, from: u64, to: u64) -> Task<u64> {
    let len = graph.task(move || to - from);
    graph.subgraph_after((&len, &scale), move |graph, (len, &by)| {
        if *len < 4 {
            return graph.task_after(&scale, move |scale| (from..to).map(|n| (n % 7) * scale).sum());
        }
        // Halves of different lengths, so that the tree is not even.
        let middle = from + len / 3 + by % 2;
        let (left, right) = (halves(graph, scale, from, middle), halves(graph, scale, middle, to));
        graph.task_after((&left, &right), |(left, right)| left + right)
    })
}

#[test]
fn tasks_that_are_added_while_it_runs_give_the_same_at_any_rank_count() {
    on_ranks([1, 2, 3, 4, 7], |world| {
        for len in [0u64, 3, 4, 50, 1000] {
            let graph = world.graph().timed();
            let scale = graph.task(|| 3);
            let sum = halves(&graph, scale, 0, len);
            // What comes behind a subgraph is said before it is known.
            let twice = graph.task_after((&sum, &sum), |(a, b)| a + b);
            let next = graph.subgraph_after(&twice, |graph, twice| {
                let twice = *twice;
                graph.task(move || twice + 1)
            });
            [sum, twice, next].iter().for_each(|task| graph.keep(task));
            let done = graph.run()?;
            let right: u64 = (0..len).map(|n| (n % 7) * 3).sum();
            let all = [(sum, right), (twice, 2 * right), (next, 2 * right + 1)];
            for (task, value) in all {
                assert_eq!(done.get(&task), world.is_root().then_some(&value), "{len}");
            }
            assert_eq!(done.cancelled, 0);
            // As many everywhere: those of one rank, which all have to have.
            let ran = world.all_gather_one(done.ran)?;
            assert!(ran.iter().all(|&n| n == ran[0]), "{ran:?}");
            let expected = [(0, 7), (3, 7), (4, 13), (50, 121), (1000, 2443)];
            assert!(expected.contains(&(len, done.ran)), "{len} has {}", done.ran);
            let times = done.times.expect("they were asked for");
            assert!(times.critical <= times.busy && times.path.iter().all(|&n| n < 4096), "{times:?}");
        }
        Ok(())
    });
}

#[test]
fn a_subgraph_uses_what_it_is_given_and_nothing_else() {
    on_ranks([1, 2, 3, 4, 7], |world| {
        let graph = world.graph().collect_errors();
        let big: Vec<_> = (0..5u64).map(|n| graph.task(move || vec![n; 1000])).collect();
        let (all, kept) = (big.clone(), std::cell::Cell::new(None));
        let kept_here = &kept;
        // It has the result of what it was given, though no task of its own gives it.
        let same = graph.subgraph_after(&big[..], move |graph, values| {
            assert_eq!(values.len(), 5);
            let sums: Vec<_> =
                all.iter().map(|part| graph.task_after(part, |part| part.iter().sum::<u64>())).collect();
            let sum = graph.reduce_as_completed(&sums, |a, b| a + b).expect("there are some");
            graph.keep(&sum);
            graph.keep(&all[3]);
            kept_here.set(Some(sum));
            all[4]
        });
        graph.keep(&same);
        let (stranger, a) = (graph.task(|| 1u8), graph.task(|| 2u8));
        let wrong = graph.subgraph_after(&a, move |graph, _| graph.task_after(&stranger, |n| n + 1));
        let wrong_too = graph.subgraph_after(&a, move |_, _| stranger);
        let behind = graph.task_after((&wrong, &wrong_too), |(a, b)| a + b);
        graph.keep(&behind);
        let done = graph.run()?;
        if world.is_root() {
            assert_eq!(done.get(&same), Some(&vec![4; 1000]));
            assert_eq!(done.get(&big[3]), Some(&vec![3; 1000]));
            assert_eq!(done.get(&kept.get().expect("it ran")), Some(&10_000));
            assert_eq!(done.get(&behind), None);
        }
        assert_eq!(done.cancelled, 1);
        let errors: Vec<_> = done.errors.iter().map(|error| (error.index, error.message.clone())).collect();
        assert_eq!((errors.len(), errors[0].0, errors[1].0), (2, wrong.index(), wrong_too.index()));
        assert!(errors.iter().all(|(_, message)| message.contains("has not been given the result")));
        Ok(())
    });
}

/// Twenty chains, each of which goes on with tasks that it adds; what of chain `bad` fails: what adds them, the first or the second of
/// them, or the one behind.
fn chains(graph: &Graph<'_>, bad: usize, place: usize, panics: bool) -> Vec<Task<usize>> {
    let mut ends = Vec::new();
    for chain in 0..20 {
        let fails = move |here: usize, n: usize| match (chain == bad && place == here, panics) {
            (true, true) => panic!("as asked"),
            (true, false) => Err("as asked".to_owned()),
            _ => Ok(n),
        };
        let start = graph.task(move || chain);
        let sub = graph.try_subgraph_after(&start, move |graph, &chain| {
            let first = graph.try_task(move || fails(1, chain));
            graph.name(&first, &format!("first of {chain}"));
            let second = graph.try_task_after(&first, move |n| fails(2, n + 1));
            let third = graph.subgraph_after(&second, |graph, &n| graph.task(move || n + 1));
            fails(0, 0).map(|_| third)
        });
        graph.name(&sub, &format!("sub {chain}"));
        let last = graph.try_task_after(&sub, move |n| fails(3, n + 1));
        ends.push(graph.task_after(&last, |n| n + 1));
        graph.keep(&ends[chain]);
    }
    ends
}

#[test]
fn an_error_of_an_added_task_cancels_its_descendants_only() {
    on_ranks([1, 2, 3, 4, 7], |world| {
        // Of each chain: start, what adds and its result, last, end; then those that were added: first, second, what adds again and
        // its result, and behind all of these the task of that.
        let numbers = |bad: usize, place: usize| match place {
            0 => 5 * bad + 2,
            1 => 100 + 4 * bad,
            2 => 101 + 4 * bad,
            _ => 5 * bad + 3,
        };
        for panics in [false, true] {
            for bad in [0, 10, 19] {
                for place in 0..4 {
                    let what = format!("place {place} of {bad}, panics: {panics}");
                    let graph = world.graph().collect_errors();
                    let ends = chains(&graph, bad, place, panics);
                    let done = graph.run()?;
                    for (chain, end) in ends.iter().enumerate() {
                        let value = (world.is_root() && chain != bad).then_some(chain + 4);
                        assert_eq!(done.get(end).copied(), value, "chain {chain}, {what}");
                    }
                    // A chain has 8 tasks; what has not been added is not cancelled.
                    let (ran, cancelled) = [(154, 2), (155, 4), (156, 3), (159, 1)][place];
                    assert_eq!((done.ran, done.cancelled), (ran, cancelled), "{what}");
                    let words = if panics { "panicked: as asked" } else { "as asked" };
                    let name = match place {
                        0 => format!("task \"sub {bad}\": "),
                        1 => format!("task \"first of {bad}\": "),
                        _ => String::new(),
                    };
                    let all: Vec<_> =
                        done.errors.iter().map(|error| (error.index, error.message.clone())).collect();
                    assert_eq!(all, [(numbers(bad, place), name + words)], "{what}");

                    let graph = world.graph();
                    chains(&graph, bad, place, panics);
                    let Err(Error::Tasks { errors, .. }) = graph.run() else {
                        panic!("it has failed: {what}")
                    };
                    assert_eq!(errors.iter().map(|error| error.index).collect::<Vec<_>>(), [all[0].0]);
                }
            }
        }
        Ok(())
    });
}

#[test]
fn ranks_that_add_other_tasks_end_the_job_with_both_of_them_named() {
    for how in ["graph-more-tasks", "graph-other-needs", "graph-fails-here"] {
        let ended = run(3, "flow", &[how]);
        assert_eq!(code(&ended), Some(1), "{how}: {:?} {}", ended.status, ended.stderr);
        let words = [
            "is not that of rank",
            "all ranks must add the same tasks of the same results",
            "tests/programs/flow.rs",
        ];
        assert!(words.iter().all(|words| ended.stderr.contains(words)), "{how}: {}", ended.stderr);
    }
}

/// What cannot be encoded.
#[derive(Debug, serde::Deserialize)]
struct Broken;

impl serde::Serialize for Broken {
    fn serialize<S: serde::Serializer>(&self, _: S) -> std::result::Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("it is broken"))
    }
}

#[test]
fn a_result_that_has_to_travel_and_cannot_is_an_error_of_its_task() {
    on_ranks([1, 2, 3, 4, 7], |world| {
        let graph = world.graph().collect_errors();
        let (broken, fine) = (graph.task(|| Broken), graph.task(|| 1));
        // On all ranks.
        let many: Vec<_> = (0..4 * world.size()).map(|_| graph.task_after((&broken, &fine), |_| 2)).collect();
        let next = graph.task_after(&fine, |n| n + 1);
        many.iter().chain([&next]).for_each(|task| graph.keep(task));
        let done = graph.run()?;
        if world.size() == 1 {
            assert!(done.errors.is_empty() && done.get(&many[3]) == Some(&2), "nothing travels");
            return Ok(());
        }
        let errors: Vec<_> = done.errors.iter().collect();
        assert_eq!((errors.len(), errors[0].index), (1, broken.index()));
        assert!(errors[0].message.contains("cannot encode"), "{}", errors[0]);
        assert_eq!(done.cancelled, many.len() as u64);
        assert_eq!(done.get(&next), world.is_root().then_some(&2));
        Ok(())
    });
}

#[test]
fn results_are_dropped_when_no_task_needs_them_any_more() {
    on_ranks([1, 2, 3], |world| {
        // A chain of blocks of 8 MiB each: all together they would be 800 MB.
        let graph = world.graph();
        let mut block = graph.task(|| vec![0u64; 1 << 20]);
        for _ in 0..100 {
            block = graph.task_after(&block, |block: &Vec<u64>| vec![block[0] + 1; 1 << 20]);
        }
        let first = graph.task_after(&block, |block| block[0]);
        graph.keep(&first);
        assert_eq!(graph.run()?.get(&first), world.is_root().then_some(&100));
        let status = std::fs::read_to_string("/proc/self/status")?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux has it");
        let peak: usize = peak.trim().trim_end_matches("kB").trim().parse()?;
        assert!(peak < 300 << 10, "{peak} kB");
        Ok(())
    });
}

#[test]
fn the_report_and_the_pictures_show_all_tasks() {
    on_ranks([1, 3], |world| {
        let graph = world.graph().timed();
        let last = woven(&graph, 5, 4);
        graph.name(&last[0], "a < \"b\"");
        let (dot, svg) = (graph.dot(), graph.svg());
        assert_eq!((dot.matches("label=").count(), dot.matches(" -> ").count()), (25, 40));
        assert_eq!((svg.matches("<rect").count(), svg.matches("<line").count()), (25, 40));
        assert!(dot.contains(r#"a < \"b\""#) && svg.contains("a &lt; \"b\""));
        let done = graph.run()?;
        let times = done.times.as_ref().expect("they were asked for");
        assert_eq!(times.path.len(), 5, "{done}");
        assert!(times.critical <= times.busy && times.efficiency <= 1.01, "{done}");
        assert!(done.to_string().contains("critical path"));
        Ok(())
    });
}

#[test]
fn an_error_that_nobody_looks_at_makes_the_exit_code_1() {
    for ranks in [1, 3] {
        let ended = run(ranks, "flow", &["graph-unseen"]);
        assert_eq!(code(&ended), Some(1), "{}", ended.stderr);
        assert!(
            ended.stderr.contains("task 1 on rank") && ended.stderr.contains("as asked"),
            "{}",
            ended.stderr
        );
    }
}

#[test]
fn a_rank_that_is_killed_ends_the_job() {
    for rank in 0..3 {
        let (ended, left) = crate::common::killed_under_way("graph-endless", rank);
        assert!(!matches!(code(&ended), Some(0)) && ended.status.is_some(), "{}", ended.stderr);
        assert_eq!(left, 0, "nobody is left");
    }
}

#[test]
fn the_example_prints_the_same_at_any_rank_count() {
    for ranks in [1, 2, 3] {
        let ended = run(ranks, "graph", &[]);
        assert_eq!((code(&ended), &*ended.stdout), (Some(0), "338350\n"), "{}", ended.stderr);
    }
}

#[test]
#[should_panic(expected = "a task of another graph")]
fn a_task_of_another_graph_is_refused() {
    on_ranks([2], |world| {
        let (one, other) = (world.graph(), world.graph());
        let a = one.task(|| 1);
        other.task(|| 2);
        other.task_after(&a, |a| a + 1);
        Ok(())
    });
}

#[test]
fn a_result_of_another_graph_is_none() {
    on_ranks([1, 2], |world| {
        let (one, other) = (world.graph(), world.graph());
        let (a, b) = (one.task(|| 1), other.task(|| 2));
        other.keep(&b);
        let report = other.run()?;
        assert_eq!(report.get(&b), world.is_root().then_some(&2));
        assert_eq!(report.get(&a), None);
        Ok(())
    });
}
