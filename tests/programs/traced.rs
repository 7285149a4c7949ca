//! Programs whose pictures the tests look at: `traced WHAT`.

use std::time::{Duration, Instant};

use rankwise::array::{Boundary, DistArray, Layout};
use rankwise::comm::Any;
use rankwise::prelude::*;
use rankwise::skeleton::{Schedule, on_root};

/// Does something that is known beforehand.
#[derive(rankwise::clap::Parser)]
struct Args {
    /// What.
    what: String,
}

fn main() -> ExitCode {
    rankwise::run_with::<Args>(|world, args| match args.what.as_str() {
        "ring" => ring(world),
        "mixed" => mixed(world),
        "late" => late(world),
        "chain" => chain(world),
        "panics" => fails(world, || panic!("on purpose")),
        "errs" => fails(world, || Err("on purpose".into())),
        "dies" => fails(world, || std::process::abort()),
        "stalls" => stalls(world),
        "many" => many(world),
        "farm" => farm(world),
        "rooted" => rooted(world),
        "pool" => pool(world),
        "graph" => graph(world),
        "pipeline" => pipeline(world),
        "kernels" => kernels(world),
        #[cfg(feature = "h5")]
        "files" => files(world),
        other => Err(format!("nothing is called {other}").into()),
    })
}

/// Computes, so that the time is spent here.
fn work(milliseconds: u64) {
    let until = Instant::now() + Duration::from_millis(milliseconds);
    while Instant::now() < until {
        std::hint::spin_loop();
    }
}

/// 3 rounds of a ring: each rank sends 3 messages of 24 bytes; 3 sums.
fn ring(world: &Comm) -> rankwise::program::Outcome {
    let (right, left) = ((world.rank() + 1) % world.size(), (world.rank() + world.size() - 1) % world.size());
    for round in 0..3u64 {
        let _phase = world.phase("round");
        let came: Vec<u64> = world.send_recv(right, &[round; 3], left)?;
        world.all_reduce_one(came[0], Sum)?;
    }
    Ok(())
}

/// Messages in every way there is.
fn mixed(world: &Comm) -> rankwise::program::Outcome {
    let (rank, size) = (world.rank(), world.size());
    let right = (rank + 1) % size;
    let left = (rank + size - 1) % size;
    for tag in 0..4 {
        let coming: Vec<_> =
            (0..3).map(|_| world.irecv_into((left, tag), vec![0u32; 8])).collect::<Result<_>>()?;
        let going: Vec<_> =
            (0..3).map(|k| world.isend((right, tag), vec![k as u32; 5])).collect::<Result<_>>()?;
        // The last one first.
        for request in coming.into_iter().rev() {
            request.wait()?;
        }
        rankwise::comm::wait_all(going)?;
    }
    let sent = world.isend((right, 9), vec![1.5; 100])?;
    let message = world.probe(Any)?;
    message.recv::<f64, _>()?;
    sent.wait()?;
    world.shift(1, &[rank])?;
    let _: String = world.send_recv_value(right, &"words", left)?;
    let total = world.iall_reduce(vec![1], Sum)?;
    total.wait()?;
    world.reduce_with(0, &[rank], |a, b| a + b)?;
    let part = world.split(Some(rank % 2), 0)?.expect("every rank has a colour");
    part.barrier()?;
    part.shift(1, &[rank])?;
    let squares = world.farm(0..40u64).run(|i| i * i)?;
    assert!(squares.is_none_or(|squares| squares[7] == 49));
    let sum = world.farm(0..40u64).gather_to_all().run_values(|i| i.to_string())?;
    assert!(sum.is_some());
    Ok(())
}

/// The last rank is late by 60 ms, twice: for a message to the first, and for a sum.
fn late(world: &Comm) -> rankwise::program::Outcome {
    let last = world.size() - 1;
    world.barrier()?;
    if world.rank() == last {
        work(300);
        if last > 0 {
            world.send(0, &[1u8; 1000])?;
        }
    } else if world.rank() == 0 {
        world.recv::<u8, _>(last)?;
    }
    world.barrier()?;
    if world.rank() == last {
        work(300);
    }
    world.all_reduce_one(1, Sum)?;
    Ok(())
}

/// A token goes from rank to rank, each of which works before it sends on.
fn chain(world: &Comm) -> rankwise::program::Outcome {
    let (rank, size) = (world.rank(), world.size());
    world.barrier()?;
    let mut token = vec![0u8; 100];
    if rank > 0 {
        token = world.recv(rank - 1)?;
    }
    // Much longer than a message takes, also on a busy machine.
    work(50);
    if rank + 1 < size {
        world.send(rank + 1, &token)?;
    }
    world.barrier()?;
    Ok(())
}

/// So long takes the one task that takes long.
const LONG: u64 = 300;

fn one_is_long(number: usize) -> usize {
    if number == 0 {
        work(LONG);
    }
    number
}

/// A task a rank, of which one takes long: numbers that all know.
fn farm(world: &Comm) -> rankwise::program::Outcome {
    world.farm(0..world.size()).schedule(Schedule::Dynamic(1)).run(one_is_long)?;
    Ok(())
}

/// The same, of items that the root hands out; and results in whatever order.
fn rooted(world: &Comm) -> rankwise::program::Outcome {
    let items = world.is_root().then(|| (0..world.size()).collect());
    world.farm(on_root(items)).schedule(Schedule::Dynamic(1)).run(one_is_long)?;
    world.farm(0..world.size()).run_unordered(|i| Ok::<_, String>(2 * i), |_, _| {})?;
    Ok(())
}

/// The same, of tasks that are submitted.
fn pool(world: &Comm) -> rankwise::program::Outcome {
    world.pool(|number| Ok::<_, String>(one_is_long(number))).run(|pool| {
        let futures = (0..world.size()).map(|number| pool.submit(number)).collect::<Result<Vec<_>>>()?;
        futures.into_iter().try_for_each(|future| future.wait().map(drop))
    })?;
    Ok(())
}

/// The same, of tasks that the last one needs.
fn graph(world: &Comm) -> rankwise::program::Outcome {
    let graph = world.graph();
    let first: Vec<_> = (0..world.size()).map(|number| graph.task(move || one_is_long(number))).collect();
    let sum = first.into_iter().reduce(|a, b| graph.task_after((&a, &b), |(a, b)| a + b));
    graph.keep(&sum.expect("there is a rank"));
    graph.run()?;
    Ok(())
}

/// The same, of items that go from stage to stage.
fn pipeline(world: &Comm) -> rankwise::program::Outcome {
    let size = world.size();
    world.pipeline().stage("count", 1, move || 0..size).stage("work", 1, one_is_long).collect()?;
    Ok(())
}

/// What this crate computes on all ranks.
fn kernels(world: &Comm) -> rankwise::program::Outcome {
    use rankwise::distributed::{density, permute, sort};

    let mine: Vec<f64> = (0..100).map(|i| f64::from(i * 37 % 100) + world.rank() as f64).collect();
    let sorted = sort::sort(world, mine.clone())?;
    sort::odd_even(world, mine.clone())?;
    sort::quantiles(world, &sorted, &[0.5])?;
    permute::shuffle(world, 7, &mine)?;
    let all: Vec<f64> = (0..500).map(|i| f64::from(i * 37 % 500)).collect();
    let block = density::Samples::blocks(all.len(), world.size()).range(world.rank());
    let samples = density::Samples::new(world, all.len(), 1, &all[block])?;
    let density = density::Density::builder().fit(world, samples)?;
    density.evaluate(density::Places::Points(&[1.0, 2.0]))?;
    let layout = Layout::rows(world, [10, 3])?;
    let array = DistArray::from_fn(&layout, |(i, j)| (i + j) as f64)?;
    array.sum()?;
    array.sum_axis(0)?;
    array.transpose()?;
    array.gather(0)?;
    array.halo(1, Boundary::Periodic)?;
    array.max_abs_diff(&array)?;
    array.argmax()?;
    Ok(())
}

/// Files that all ranks write and read.
#[cfg(feature = "h5")]
fn files(world: &Comm) -> rankwise::program::Outcome {
    use rankwise::checkpoint::Checkpoint;
    use rankwise::file::File;

    let number =
        world.broadcast(0, world.is_root().then(std::process::id).as_ref().map(std::slice::from_ref))?[0];
    let folder = std::env::temp_dir().join(format!("rankwise-traced-{number}"));
    world.on_root(|| Ok(std::fs::create_dir_all(&folder)?))?;
    let layout = Layout::rows(world, [10, 3])?;
    let array = DistArray::from_fn(&layout, |(i, j)| (i + j) as f64)?;
    let file = File::create(world, folder.join("a.h5"))?;
    array.save(&file, "all")?;
    file.create_group("group")?.set_attribute("unit", "m")?;
    file.set_attribute("ranks", world.size())?;
    file.close()?;
    let file = File::open(world, folder.join("a.h5"))?;
    let again = DistArray::<f64, ndarray::Ix2>::load(world, &file.dataset("all")?)?;
    assert!(again.abs_diff_eq(&array, 0.0)?);
    file.names("/")?;
    file.close()?;
    let mut checkpoint = Checkpoint::every(world, 1, folder.join("steps"))?;
    checkpoint.save_if_due(1, |saving| saving.array("all", &array))?;
    checkpoint.latest()?;
    world.barrier()?;
    world.on_root(|| Ok(std::fs::remove_dir_all(&folder)?))?;
    Ok(())
}

/// The last rank fails after some messages, while the others wait for it.
fn fails(world: &Comm, fail: impl Fn() -> rankwise::program::Outcome) -> rankwise::program::Outcome {
    ring(world)?;
    let _phase = world.phase("doomed");
    if world.rank() + 1 == world.size() {
        work(20);
        fail()?;
    }
    world.all_reduce_one(1, Max)?;
    Ok(())
}

/// Everyone waits for a message that nobody sends.
fn stalls(world: &Comm) -> rankwise::program::Outcome {
    ring(world)?;
    world.recv::<u8, _>((world.rank() + 1) % world.size())?;
    Ok(())
}

/// 1000 sums.
fn many(world: &Comm) -> rankwise::program::Outcome {
    for _ in 0..1000 {
        world.all_reduce_one(1, Sum)?;
    }
    Ok(())
}
