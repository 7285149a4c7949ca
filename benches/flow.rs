//! Items a second through a pipeline, beside the same numbers in plain messages, and tasks a second of a graph: `make bench-flow`. It
//! starts ranks of its own.
//!
//! The peer is a loop of messages of 64 KiB with the `mpi` crate, from rank to rank, each with 8 bytes an item: what is left when
//! nothing is checked, ordered or bounded. Both do the same additions. They take turns in one process.

use std::process::{Command, ExitCode};
use std::time::Instant;

use rankwise::Comm;
use rankwise::mpi::traits::*;
use rankwise::skeleton::Ranks;

const ITEMS: u64 = 4_000_000;
/// Tasks of a graph: so many in a layer, each of which needs two of the one before, and so many layers.
const WIDTH: usize = 1000;
const DEPTH: usize = 200;
const ROUNDS: usize = 7;
const RANKS: &str = "RANKWISE_BENCH_FLOW";
/// Numbers in a message of the peer.
const MESSAGE: usize = 8192;

fn main() -> ExitCode {
    if std::env::var_os(RANKS).is_some() {
        return rankwise::run(|world| Ok(measure(world)?));
    }
    let (this, launcher) =
        (std::env::current_exe(), std::env::var("MPIEXEC").unwrap_or_else(|_| "mpiexec".into()));
    let mut parts = launcher.split_whitespace();
    let program = parts.next().unwrap_or("mpiexec");
    let parts: Vec<&str> = parts.collect();
    let Ok(this) = this else { return ExitCode::FAILURE };
    let folder = this.ancestors().nth(2).map(|target| target.join("bench"));
    let mut cases = Vec::new();
    for ranks in ["2", "3"] {
        let out =
            Command::new(program).args(&parts).args(["-n", ranks]).arg(&this).env(RANKS, ranks).output();
        let Ok(out) = out else { return ExitCode::FAILURE };
        let text = String::from_utf8_lossy(&out.stdout);
        print!("{text}");
        eprint!("{}", String::from_utf8_lossy(&out.stderr));
        if !out.status.success() {
            return ExitCode::FAILURE;
        }
        let figures: Vec<f64> =
            text.lines().flat_map(|line| line.rsplit('|')).filter_map(|n| n.trim().parse().ok()).collect();
        if let [peer, ours, nodes] = figures[..] {
            cases.push(serde_json::json!({
                "case": format!("pipeline, 8 B items, {ranks} ranks"), "ours": ours, "peer": peer,
                "peer_name": "messages of 64 KiB", "unit": "items/s", "ratio": ours / peer, "aim": 1e6, "met": ours >= 1e6,
            }));
            // The aim is that many tasks a second at 2 ranks; the peer of old, dask.distributed, is not run here.
            cases.push(serde_json::json!({
                "case": format!("graph, {ranks} ranks"), "ours": nodes, "peer": null, "peer_name": "skipped: dask.distributed",
                "unit": "tasks/s", "ratio": null, "aim": 5e5, "met": nodes >= 5e5,
            }));
        }
    }
    let written = folder.map(|folder| {
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("flow.json"), serde_json::Value::from(cases).to_string())
    });
    if matches!(written, Some(Ok(()))) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn measure(world: &Comm) -> rankwise::Result<()> {
    let (mut ours, mut peers) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        world.barrier()?;
        let began = Instant::now();
        let (mut sum, mut stages) = (0u64, world.pipeline().stage("count", 1, || 0..ITEMS));
        for _ in 2..world.size() {
            stages = stages.stage("pass", 1, |n: u64| n + 1);
        }
        let report = stages.stage("add up", 1, |n| sum = sum.wrapping_add(n)).run()?;
        ours.push(ITEMS as f64 / began.elapsed().as_secs_f64());
        assert!(report.errors.is_empty());

        world.barrier()?;
        let began = Instant::now();
        let theirs = messages(world);
        world.barrier()?;
        peers.push(ITEMS as f64 / began.elapsed().as_secs_f64());
        assert_eq!(theirs, sum, "both have added up the same");
    }
    let mut nodes = Vec::new();
    for _ in 0..ROUNDS {
        world.barrier()?;
        let began = Instant::now();
        let graph = world.graph();
        let mut layer: Vec<_> = (0..WIDTH).map(|n| graph.task(move || n)).collect();
        for _ in 0..DEPTH {
            let next = |n: usize| graph.task_after((&layer[n], &layer[(n + 1) % WIDTH]), |(a, b)| a ^ b);
            layer = (0..WIDTH).map(next).collect();
        }
        let done = graph.run()?;
        nodes.push(done.ran as f64 / began.elapsed().as_secs_f64());
    }
    // Each with work for all: a stage on the ranks that are left.
    let report = world.pipeline().stage("count", 1, || 0..ITEMS).stage("pass", Ranks::Rest, |n| n + 1);
    let report = report.stage("add up", 1, drop::<u64>).run()?;
    if world.is_root() {
        for (name, rates) in
            [("messages of 64 KiB", &mut peers), ("pipeline", &mut ours), ("graph", &mut nodes)]
        {
            rates.sort_by(f64::total_cmp);
            let (least, most) = (rates[0], rates[ROUNDS - 1]);
            let median = rates[ROUNDS / 2];
            println!("{} ranks, {name}: {least:.3e} to {most:.3e}/s; median | {median:.0}", world.size());
        }
        eprintln!("{report}");
    }
    Ok(())
}

/// The same numbers from rank to rank.
fn messages(world: &Comm) -> u64 {
    let (comm, rank, size) = (world.as_mpi(), world.rank(), world.size());
    let (mut room, mut sum) = (vec![0u64; MESSAGE], 0u64);
    for first in (0..ITEMS).step_by(MESSAGE) {
        let len = MESSAGE.min((ITEMS - first) as usize);
        if rank == 0 {
            room.iter_mut().zip(first..).for_each(|(n, value)| *n = value);
        } else {
            comm.process_at_rank(rank as i32 - 1).receive_into(&mut room[..len]);
        }
        if rank + 1 == size {
            sum = room[..len].iter().fold(sum, |sum, n| sum.wrapping_add(*n));
        } else {
            if rank > 0 {
                room[..len].iter_mut().for_each(|n| *n += 1);
            }
            comm.process_at_rank(rank as i32 + 1).send(&room[..len]);
        }
    }
    sum
}
