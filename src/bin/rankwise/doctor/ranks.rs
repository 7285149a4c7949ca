//! The ranks: where they are, on which cores, and how fast messages are between them.

use std::collections::BTreeMap;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use rankwise::program::{allowed_cores, count_cores};
use rankwise::{Comm, Result};
use serde::{Deserialize, Serialize};

use super::finding::Finding;

const SECTION: &str = "Ranks";

/// What a rank says of its place.
#[derive(Debug, Serialize, Deserialize)]
struct Place {
    host: String,
    /// The processors that it may use.
    allowed: String,
    cores: usize,
}

/// On the root, what was found. Collective.
pub(super) fn findings(world: &Comm) -> Result<Option<Vec<Finding>>> {
    let cores =
        count_cores(std::fs::read_to_string("/sys/devices/system/cpu/online").unwrap_or_default().trim());
    let cores = cores.min(std::thread::available_parallelism().map_or(cores, usize::from).max(1));
    let mine = Place { host: world.host().to_owned(), allowed: allowed_cores(), cores };
    let places = world.all_gather_values(&mine)?;
    let mut all = Vec::new();
    let mut nodes: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (rank, place) in places.iter().enumerate() {
        nodes.entry(&place.host).or_default().push(rank);
    }
    let of = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let found =
        format!("{} on {}, all with the same program", of(world.size(), "rank"), of(nodes.len(), "node"));
    all.push(Finding::good(SECTION, found));
    for (host, ranks) in &nodes {
        let cores = ranks.iter().map(|&rank| places[rank].cores).max().unwrap_or(1);
        let found = format!("{host}: {}, {}", of(ranks.len(), "rank"), of(cores, "core"));
        let together: Vec<&str> = ranks.iter().map(|&rank| places[rank].allowed.as_str()).collect();
        let one_core = ranks.len() > 1
            && count_cores(together[0]) == 1
            && together.iter().all(|other| *other == together[0]);
        all.push(if one_core {
            Finding::bad(SECTION, format!("{found}, and all ranks are bound to core {}", together[0]))
                .todo("they take turns: mpirun --bind-to core (Open MPI), -bind-to core (MPICH), srun --cpu-bind=cores")
        } else if ranks.len() > cores {
            Finding::doubt(SECTION, format!("{found}: they take turns"))
                .todo("fine for trying things; for speed, no more ranks than cores")
        } else {
            Finding::good(SECTION, found)
        });
    }
    // From the first rank to another of its node, and to the first of each other node.
    let neighbour = places.iter().skip(1).position(|place| place.host == places[0].host).map(|rank| rank + 1);
    let others = nodes.values().map(|ranks| ranks[0]).filter(|&rank| places[rank].host != places[0].host);
    let shares = nodes.values().any(|ranks| ranks.len() > places[ranks[0]].cores);
    for (partner, same_node) in
        neighbour.into_iter().map(|rank| (rank, true)).chain(others.map(|rank| (rank, false)))
    {
        let (latency, bandwidth) = speed(world, partner)?;
        let found = format!("from rank 0 to rank {partner}: {latency:.1} µs, {bandwidth:.1} GB/s");
        all.push(if same_node && latency > 5.0 && !shares {
            Finding::doubt(SECTION, format!("{found}, slow for two ranks of one node"))
                .todo("is other work on these cores? does this MPI use shared memory (/dev/shm)?")
        } else {
            Finding::good(SECTION, found)
        });
        if !same_node {
            let offset = clock(world, partner)?;
            let found = format!("the clock of {} is {:+.1} ms off", places[partner].host, offset * 1e3);
            all.push(if offset.abs() < 0.1 {
                Finding::good(SECTION, found)
            } else {
                Finding::doubt(SECTION, found)
                    .todo("times in logs and files do not fit: start an NTP service")
            });
        }
    }
    Ok(world.is_root().then_some(all))
}

/// Rounds of messages between rank 0 and another: seconds of half a round trip of 8 bytes, and seconds a byte of 4 MiB.
pub(crate) struct Rounds {
    pub(crate) latency: Vec<f64>,
    pub(crate) byte: Vec<f64>,
}

/// Sends between rank 0 and `partner`. Collective.
pub(crate) fn rounds(world: &Comm, partner: usize) -> Result<Rounds> {
    const LONG: usize = 4 << 20;
    let times = |bytes: usize, times: usize| -> Result<Vec<f64>> {
        let mut data = vec![0u8; bytes];
        let mut rounds = Vec::new();
        world.barrier()?;
        for _ in 0..9 {
            let start = Instant::now();
            for _ in 0..times {
                if world.rank() == 0 {
                    world.send(partner, &data)?;
                    world.recv_into(partner, &mut data)?;
                } else if world.rank() == partner {
                    world.recv_into(0, &mut data)?;
                    world.send(0, &data)?;
                }
            }
            rounds.push(start.elapsed().as_secs_f64() / times as f64 / 2.0);
        }
        rounds.sort_by(f64::total_cmp);
        Ok(rounds)
    };
    let latency = times(8, 200)?;
    let byte = times(LONG, 3)?.into_iter().map(|seconds| seconds / LONG as f64).collect();
    Ok(Rounds { latency, byte })
}

/// A rank of another node than that of rank 0, or else rank 1; `None` if there is one rank. Collective.
pub(crate) fn farthest(world: &Comm) -> Result<Option<usize>> {
    let hosts = world.all_gather_values(&world.host().to_owned())?;
    let other = hosts.iter().position(|host| *host != hosts[0]);
    Ok(other.or((world.size() > 1).then_some(1)))
}

/// Half a round trip of 8 bytes in µs, and GB/s of 4 MiB, between rank 0 and another: the middle ones.
fn speed(world: &Comm, partner: usize) -> Result<(f64, f64)> {
    let Rounds { latency, byte } = rounds(world, partner)?;
    Ok((latency[latency.len() / 2] * 1e6, 1e-9 / byte[byte.len() / 2]))
}

/// By how many seconds the clock of a rank is ahead of that of rank 0, on rank 0; by the fastest of some exchanges.
fn clock(world: &Comm, partner: usize) -> Result<f64> {
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64());
    let (mut fastest, mut offset) = (f64::INFINITY, 0.0);
    for _ in 0..20 {
        if world.rank() == 0 {
            let start = now();
            world.send(partner, &[start])?;
            let theirs: f64 = world.recv(partner)?[0];
            let took = now() - start;
            if took < fastest {
                (fastest, offset) = (took, theirs - (start + took / 2.0));
            }
        } else if world.rank() == partner {
            world.recv::<f64, _>(0)?;
            world.send(0, &[now()])?;
        }
    }
    Ok(offset)
}
