//! Laws of graphs of tasks, and what becomes of them when some fail.

mod common;

use common::{code, run};
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

#[test]
fn results_are_dropped_when_no_task_needs_them_any_more() {
    on_ranks([1, 2, 3], |world| {
        // A chain of blocks of 8 MiB each: all together they would be 1.6 GB.
        let graph = world.graph();
        let mut block = graph.task(|| vec![0u8; 8 << 20]);
        for _ in 0..200 {
            block = graph.task_after(&block, |block: &Vec<u8>| vec![block[0].wrapping_add(1); 8 << 20]);
        }
        let first = graph.task_after(&block, |block| block[0]);
        graph.keep(&first);
        assert_eq!(graph.run()?.get(&first), world.is_root().then_some(&200));
        let status = std::fs::read_to_string("/proc/self/status")?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux has it");
        let peak: usize = peak.trim().trim_end_matches("kB").trim().parse()?;
        assert!(peak < 400 << 10, "{peak} kB");
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
        let (ended, left) = common::killed_under_way("graph-endless", rank);
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
