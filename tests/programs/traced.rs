//! Programs whose pictures the tests look at: `traced WHAT`.

use std::time::{Duration, Instant};

use rankwise::comm::Any;
use rankwise::prelude::*;

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
    work(10);
    if rank + 1 < size {
        world.send(rank + 1, &token)?;
    }
    world.barrier()?;
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
