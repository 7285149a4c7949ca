//! A program that makes the mistake that its argument names; for the tests.

use rankwise::array::{DistArray, Layout};
use rankwise::comm::{Any, wait_any};
use rankwise::file::{self, File};
use rankwise::prelude::*;

#[derive(clap::Parser)]
#[command(name = "mistakes", version)]
struct Args {
    what: String,
}

/// More than any MPI keeps for a receiver that is not there yet.
const LONG: usize = 1 << 20;

fn main() -> ExitCode {
    rankwise::run_with::<Args>(|world, Args { what }| {
        let (rank, size) = (world.rank(), world.size());
        let last = rank == size - 1;
        let (right, left) = ((rank + 1) % size, (rank + size - 1) % size);
        world.barrier()?;
        match what.as_str() {
            "none" => {
                world.all_reduce(&[1.5], Sum)?;
            }
            // Invalid parameters.
            "no-such-rank" if last => world.send(size, &[1])?,
            "no-such-root" => world.broadcast_into(size, &mut [1])?,
            "no-such-tag" if last => world.send((0, -1), &[1])?,
            "short-result" if last => world.all_reduce_into(&[1, 2], &mut [0], Sum)?,
            // Parameters that do not match.
            "operation" if last => drop(world.broadcast_into(0, &mut [1.5; 3])?),
            "operation" => drop(world.reduce(0, &[1.5; 3], Sum)?),
            "element" if last => drop(world.all_reduce(&[1.5f32; 2], Sum)?),
            "element" => drop(world.all_reduce(&[1i32; 2], Sum)?),
            "reduction" if last => drop(world.all_reduce(&[1], Max)?),
            "reduction" => drop(world.all_reduce(&[1], Sum)?),
            "root" => drop(world.gather(if last { size - 1 } else { 0 }, &[rank])?),
            "length" => world.broadcast_into(0, &mut vec![1.5; if last { 5 } else { 4 }])?,
            "blocks" => {
                // As long in all, but cut elsewhere.
                let mut counts = vec![2; size];
                counts[if last { 1 } else { 0 }] = 3;
                world.all_gather_by(&Partition::from_counts(&counts), &vec![rank; counts[rank]])?;
            }
            "pairs" => {
                let mut sends = vec![1; size];
                sends[0] += usize::from(last);
                let sends = Partition::from_counts(&sends);
                let receives = Partition::even(size, size);
                world.all_to_all_by(&sends, &vec![rank; sends.len()], &receives)?;
            }
            "arrays" => {
                let shape = if last { [6, 4] } else { [4, 6] };
                DistArray::from_fn(&Layout::rows(world, shape)?, |(i, j)| i + j)?.max()?;
            }
            "file-shapes" => {
                let path = std::env::current_exe()?.with_file_name("rankwise-mistakes.h5");
                let file = File::create(world, path)?;
                file.create_dataset::<f64>("x", &[if last { 11 } else { 10 }], &file::Storage::default())?;
                file.close()?;
            }
            "message-type" => match rank {
                0 => drop(world.recv::<i64, _>(size - 1)?),
                _ if last => world.send(0, &[1, 2, 3, 4])?,
                _ => {}
            },
            "long-message" => match rank {
                0 => drop(world.recv_into(size - 1, &mut [0; 2])?),
                _ if last => world.send(0, &[1, 2, 3, 4])?,
                _ => {}
            },
            // Calls in another order.
            "in-fill" => {
                world.node_shared(1, |one: &mut [i32]| Ok(world.all_reduce_into(&[1], one, Sum)?))?;
            }
            "skipped" => {
                if !last {
                    world.barrier()?;
                }
                world.all_reduce(&[1], Sum)?;
            }
            "part" => {
                let part = world.split(Some(0), -(rank as i64))?.expect("every rank has a color");
                // The last rank is the part's first.
                if last { part.barrier()? } else { part.broadcast_into(0, &mut [1u8])? }
            }
            "started" => {
                let request = if last {
                    world.ibroadcast(0, vec![1; 4])?
                } else {
                    world.iall_reduce(vec![1; 4], Sum)?
                };
                world.barrier()?;
                request.wait()?;
            }
            // Calls that are missing.
            "early-return" if last => return Ok(()),
            "early-return" => world.barrier()?,
            "no-receiver" if last => world.send(0, &vec![1.5; LONG])?,
            "unreceived" if last => world.send((0, 5), &[1])?,
            "no-wait" if last => std::mem::forget(world.isend(0, vec![1; 4])?),
            "no-wait" if rank == 0 => drop(world.recv::<i32, _>(size - 1)?),
            "unclosed" => {
                let file = std::env::current_exe()?.with_file_name("rankwise-mistakes-unclosed.h5");
                drop(File::create(world, file)?);
            }
            "kept-window" => std::mem::forget(world.counter()?),
            "skipped-at-the-end" if !last => world.barrier()?,
            "unshifted" if !last => drop(world.shift(1, &[1.5])?),
            "long-unshifted" if !last => drop(world.shift(1, &vec![1.5; LONG])?),
            "left-alone" if !last => drop(world.recv::<u8, _>(size - 1)?),
            "no-sender" => drop(world.recv::<u8, _>(left)?),
            "no-sender-at-all" => drop(world.recv::<u8, _>(Any)?),
            "to-itself" => drop(world.recv::<u8, _>((rank, 3))?),
            "head-to-head" => {
                world.send(right, &vec![1.5; LONG])?;
                world.recv::<f64, _>(left)?;
            }
            "short-head-to-head" => {
                world.send(right, &[1.5])?;
                world.recv::<f64, _>(left)?;
            }
            "race" => {
                if rank > 0 {
                    world.send(0, &[rank])?;
                }
                world.barrier()?;
                if rank == 0 {
                    let from: Vec<usize> =
                        (1..size).map(|_| Ok(world.recv::<usize, _>(Any)?[0])).collect::<Result<_>>()?;
                    println!("took from ranks {from:?}");
                }
            }
            "closure" => {
                world.all_reduce_value(rank, |a, b| {
                    assert!(b + 1 < size, "no sum for rank {b}");
                    a + b
                })?;
            }
            "other-tag" => {
                let sending = world.isend((right, 1), vec![1.5; LONG])?;
                world.recv::<f64, _>((left, 2))?;
                sending.wait()?;
            }
            "never-answered" => {
                if rank == 0 {
                    let coming = world.irecv_into(size - 1, vec![0u8; 4])?;
                    coming.wait()?;
                }
                world.barrier()?;
            }
            "none-of-them" => {
                let mut coming =
                    vec![world.irecv_into(left, vec![0u8])?, world.irecv_into((right, 3), vec![0])?];
                wait_any(&mut coming)?;
            }
            "crossed" => {
                let other = world.split(Some(0), 0)?.expect("every rank has a color");
                if last {
                    other.barrier()?;
                    world.barrier()?;
                } else {
                    world.barrier()?;
                    other.barrier()?;
                }
            }
            "first-stopped" | "last-stopped" => {
                if rank == if what == "first-stopped" { 0 } else { size - 1 } {
                    let stop = format!("kill -STOP {}", std::process::id());
                    std::process::Command::new("sh").args(["-c", &stop]).status()?;
                }
                world.barrier()?;
            }
            // Nothing is wrong with these.
            "slow-shift" => {
                if last {
                    std::thread::sleep(std::time::Duration::from_secs(3));
                }
                for _ in 0..3 {
                    world.shift(1, &vec![1.5; LONG])?;
                    world.shift(1, &[1.5])?;
                }
                // The second has sent, and has got its message only at the end; what it has sent was received.
                match rank {
                    0 => std::thread::sleep(std::time::Duration::from_secs(3)),
                    1 => drop(world.send_recv::<f64, _>((2, 5), &vec![1.5; LONG], (0, 5))?),
                    2 => drop(world.recv::<f64, _>((1, 5))?),
                    _ => {}
                }
                match rank {
                    0 => world.send((1, 5), &[1.5])?,
                    1 => world.send((2, 6), &[1.5])?,
                    2 => drop(world.recv::<f64, _>((1, 6))?),
                    _ => {}
                }
            }
            "slow" => {
                if last {
                    std::thread::sleep(std::time::Duration::from_secs(3));
                    world.send(0, &[1])?;
                }
                if rank == 0 {
                    world.recv::<i32, _>(size - 1)?;
                }
                world.barrier()?;
            }
            _ => {}
        }
        println!("rank {rank} is done");
        Ok(())
    })
}
