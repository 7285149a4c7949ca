//! Where ranks run, and what they have there: node, cores, memory, GPUs; and what is wrong with it.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::read_to_string;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::comm::Comm;
use crate::error::Result;

const MIB: u64 = 1 << 20;

/// Where a rank runs, and what it has there: see [`place`] and [`places`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The name of its machine.
    pub host: String,
    /// Its node, counted from 0 in the order of the nodes' first ranks.
    pub node: usize,
    /// Its number among the ranks of its node.
    pub local_rank: usize,
    /// How many ranks that node has.
    pub local_size: usize,
    /// The processors that it may use, as Linux writes them: `0-3,8`.
    pub cores: String,
    /// How many processors of the node the job has, by Slurm's word or else by what the system allows this rank.
    pub allotted: usize,
    /// How many threads it is meant to use: see [`threads`].
    pub threads: usize,
    /// How much memory it may use, together with others or alone, in bytes; `None` without a limit.
    pub memory: Option<u64>,
    /// The GPUs that it sees.
    pub gpus: Vec<String>,
}

impl Place {
    /// What this process finds out alone; it is rank 0 of 1 then.
    pub(crate) fn here(host: &str) -> Self {
        let cores = allowed_cores();
        let own = count_cores(&cores).max(1);
        // Without a plugin for it, Slurm counts processors and does not bind.
        let of_slurm = variable("SLURM_JOB_ID").and_then(|_| variable("SLURM_CPUS_ON_NODE")?.parse().ok());
        Place {
            host: host.to_owned(),
            node: 0,
            local_rank: 0,
            local_size: 1,
            allotted: of_slurm.unwrap_or(own),
            threads: threads(),
            memory: memory_limit(),
            gpus: gpus(),
            cores,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { node, local_rank, local_size, cores, threads, .. } = self;
        write!(
            f,
            "node {node}, local rank {local_rank} of {local_size}, cores {cores}, {}",
            few(*threads, "thread")
        )?;
        self.rest(f)
    }
}

impl Place {
    /// Memory and GPUs.
    fn rest(&self, f: &mut impl fmt::Write) -> fmt::Result {
        match self.memory {
            Some(bytes) => write!(f, ", {} MiB of memory", bytes / MIB)?,
            None => f.write_str(", no limit of memory")?,
        }
        if self.gpus.is_empty() {
            f.write_str(", no GPU")
        } else {
            write!(f, ", GPU {}", self.gpus.join(" "))
        }
    }
}

fn few(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// A variable that is set to something.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.trim().is_empty())
}

/// How many threads a rank is meant to use: `OMP_NUM_THREADS`, else Slurm's `--cpus-per-task`, else 1. Never more because the
/// machine has more: that belongs to the other ranks.
///
/// ```
/// assert!(rankwise::program::threads() >= 1);
/// ```
pub fn threads() -> usize {
    // "4", or for nested parallel regions "4,2".
    let number = |name: &str| variable(name)?.split(',').next()?.trim().parse().ok();
    let found = ["OMP_NUM_THREADS", "SRUN_CPUS_PER_TASK", "SLURM_CPUS_PER_TASK"].into_iter().find_map(number);
    found.unwrap_or(1_usize).max(1)
}

/// The processors that this process may use, as Linux writes them: `0-3,8`.
///
/// ```
/// use rankwise::program::{allowed_cores, count_cores};
///
/// assert!(count_cores(&allowed_cores()) >= 1);
/// ```
pub fn allowed_cores() -> String {
    let status = read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    line.unwrap_or_default().trim().to_owned()
}

/// How many processors there are in a list, as `0-3,8`.
///
/// ```
/// use rankwise::program::count_cores;
///
/// assert_eq!(count_cores("0-3,8"), 5);
/// assert_eq!(count_cores(""), 0);
/// ```
pub fn count_cores(list: &str) -> usize {
    let length = |range: &str| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (usize, usize) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        Some((last + 1).saturating_sub(first))
    };
    list.split(',').filter_map(length).sum()
}

/// The least of the limits that this process is under: of its control groups, and of its own address space. In bytes; `None`
/// if there is none below the machine's memory.
fn memory_limit() -> Option<u64> {
    let info = read_to_string("/proc/meminfo").unwrap_or_default();
    let all =
        info.lines().find_map(|line| line.strip_prefix("MemTotal:")?.split_whitespace().next()?.parse().ok());
    let all = all.map_or(u64::MAX, |kib: u64| kib << 10);
    let groups = read_to_string("/proc/self/cgroup").unwrap_or_default();
    let of_groups = groups.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?);
        let (root, file) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            _ if controllers.split(',').any(|name| name == "memory") => {
                ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
            }
            _ => return None,
        };
        // A group is under the limits of those above it, too.
        let limit = |group: &Path| {
            let file = Path::new(root).join(group.strip_prefix("/").unwrap_or(group)).join(file);
            read_to_string(file).ok()?.trim().parse::<u64>().ok()
        };
        Path::new(path).ancestors().filter_map(limit).min()
    });
    let limits = read_to_string("/proc/self/limits").unwrap_or_default();
    let of_process = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max address space")?.split_whitespace().next()?.parse().ok());
    of_groups.chain(of_process).min().filter(|&limit| limit < all)
}

/// The GPUs that this process sees: those that the batch system has named, or the devices of the machine.
fn gpus() -> Vec<String> {
    let named =
        ["CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "SLURM_STEP_GPUS"].into_iter().find_map(variable);
    if let Some(named) = named {
        return named.split(',').map(|one| one.trim().to_owned()).filter(|one| one != "NoDevFiles").collect();
    }
    let devices = std::fs::read_dir("/dev").into_iter().flatten().flatten();
    let number =
        |name: String| name.strip_prefix("nvidia").filter(|n| n.parse::<u32>().is_ok()).map(str::to_owned);
    let mut found: Vec<String> =
        devices.filter_map(|entry| number(entry.file_name().to_string_lossy().into_owned())).collect();
    found.sort();
    found
}

/// This rank's place. Makes communicators for the nodes, and frees them.
///
/// # Collective
/// All ranks must call this.
///
/// # Errors
/// When MPI refuses.
///
/// ```
/// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
/// let place = rankwise::program::place(world)?;
/// assert!(place.local_rank < place.local_size && place.local_size <= world.size());
/// # Ok(()) }) }
/// ```
#[track_caller]
pub fn place(world: &Comm) -> Result<Place> {
    let nodes = world.split_by_node()?;
    let (local_rank, local_size) = (nodes.node().rank(), nodes.node().size());
    Ok(Place { node: nodes.index(), local_rank, local_size, ..Place::here(world.host()) })
}

/// The places of all ranks, on every rank.
///
/// # Collective
/// All ranks must call this.
///
/// # Errors
/// When MPI refuses.
///
/// ```
/// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
/// let places = rankwise::program::places(world)?;
/// assert_eq!(places.len(), world.size());
/// # Ok(()) }) }
/// ```
#[track_caller]
pub fn places(world: &Comm) -> Result<Vec<Place>> {
    let mine = place(world)?;
    world.all_gather_values(&mine)
}

/// What `RANKWISE_PLACES` asks for: to be told where ranks run (`yes`), only what is wrong (else, in a job of Slurm), or nothing
/// (`no`; else, without Slurm). Told by the root on standard error.
pub(super) fn tell(world: &Comm) -> Result<()> {
    let wanted = match variable("RANKWISE_PLACES").as_deref() {
        Some("yes") => 2,
        Some(_) => 0,
        None => u64::from(variable("SLURM_JOB_ID").is_some()),
    };
    // A launcher may not give its variables to all nodes.
    let [wanted, _] = world.greatest([wanted, 0])?;
    if wanted == 0 {
        return Ok(());
    }
    if let Some(places) = world.gather_values(0, &place(world)?)? {
        let table = if wanted == 2 { table(&places) } else { Vec::new() };
        let words: Vec<String> = table.into_iter().chain(warnings(&places)).collect();
        if !words.is_empty() {
            super::failure::say(&words.join("\n"));
        }
    }
    Ok(())
}

/// The ranks of each node: their numbers and places.
fn by_node(places: &[Place]) -> BTreeMap<usize, Vec<(usize, &Place)>> {
    let mut nodes = BTreeMap::<_, Vec<_>>::new();
    for (rank, place) in places.iter().enumerate() {
        nodes.entry(place.node).or_default().push((rank, place));
    }
    nodes
}

/// A line for each node, up to a number that can be read.
fn table(places: &[Place]) -> Vec<String> {
    const NODES: usize = 16;
    const RANKS: usize = 8;
    let nodes = by_node(places);
    let line = |ranks: &Vec<(usize, &Place)>| {
        let place = ranks[0].1;
        let numbers = if ranks.iter().zip(ranks[0].0..).all(|(&(rank, _), next)| rank == next) {
            match ranks[..] {
                [(rank, _)] => format!("rank {rank}"),
                _ => format!("ranks {}-{}", ranks[0].0, ranks[ranks.len() - 1].0),
            }
        } else {
            format!("{}: {}, …", few(ranks.len(), "rank"), ranks[0].0)
        };
        let alike = ranks.iter().all(|(_, other)| other.cores == place.cores);
        let cores = if alike {
            place.cores.clone()
        } else {
            let shown: Vec<_> = ranks.iter().take(RANKS).map(|(_, place)| &*place.cores).collect();
            shown.join(" | ") + if ranks.len() > RANKS { " | …" } else { "" }
        };
        let mut text =
            format!("{}: {numbers}, cores {cores}, {} each", place.host, few(place.threads, "thread"));
        let _ = place.rest(&mut text);
        text
    };
    let mut lines: Vec<String> = nodes.values().take(NODES).map(line).collect();
    if nodes.len() > NODES {
        lines.push(format!("… and {} more", few(nodes.len() - NODES, "node")));
    }
    lines
}

/// What is wrong with where the ranks are, once for all nodes of which the same is true.
fn warnings(places: &[Place]) -> Vec<String> {
    let mut found = BTreeMap::<String, Vec<&str>>::new();
    for ranks in by_node(places).values() {
        let place = ranks[0].1;
        let needed: usize = ranks.iter().map(|(_, place)| place.threads).sum();
        let together = ranks.iter().all(|(_, other)| other.cores == place.cores);
        let mut add = |text| found.entry(text).or_default().push(&place.host);
        if ranks.len() > 1 && together && count_cores(&place.cores) == 1 {
            add(format!(
                "all {} ranks are bound to core {}, and take turns: srun --cpu-bind=cores, mpirun --bind-to core",
                ranks.len(),
                place.cores
            ));
        } else if needed > place.allotted {
            add(format!(
                "{} with {} on {}, and take turns: fewer of them (--ntasks-per-node, OMP_NUM_THREADS) or more \
                 cores (--cpus-per-task)",
                few(ranks.len(), "rank"),
                if needed == ranks.len() {
                    "a thread each".into()
                } else {
                    few(place.threads, "thread") + " each"
                },
                few(place.allotted, "core")
            ));
        }
    }
    let line = |(text, hosts): (String, Vec<&str>)| match hosts[..] {
        [host] => format!("warning: {host}: {text}"),
        _ => format!("warning: {} and {} like it: {text}", hosts[0], few(hosts.len() - 1, "node")),
    };
    found.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(node: usize, cores: &str, allotted: usize, threads: usize) -> Place {
        let (host, cores) = (format!("n{node}"), cores.to_owned());
        Place {
            host,
            node,
            local_rank: 0,
            local_size: 2,
            cores,
            allotted,
            threads,
            memory: None,
            gpus: vec![],
        }
    }

    #[test]
    fn too_many_threads_and_ranks_on_one_core_are_told_once() {
        let cases: [(&str, Vec<Place>, &[&str]); 6] = [
            ("as it should be", vec![at(0, "0-3", 4, 2); 2], &[]),
            ("one rank on one core", vec![at(0, "2", 1, 1)], &[]),
            ("each on its own", vec![at(0, "0", 2, 1), at(0, "1", 2, 1)], &[]),
            (
                "all on one core",
                vec![at(0, "3", 4, 1); 2],
                &["warning: n0: all 2 ranks are bound to core 3, and take turns"],
            ),
            (
                "threads",
                vec![at(0, "0-7", 4, 3); 2],
                &["warning: n0: 2 ranks with 3 threads each on 4 cores, and take turns"],
            ),
            (
                "two nodes of three",
                vec![
                    at(0, "0", 1, 1),
                    at(0, "1", 1, 1),
                    at(1, "0-1", 2, 1),
                    at(2, "0-1", 1, 1),
                    at(2, "0-1", 1, 1),
                ],
                &["warning: n0 and 1 node like it: 2 ranks with a thread each on 1 core, and take turns"],
            ),
        ];
        for (what, places, expected) in cases {
            let found = warnings(&places);
            assert_eq!(found.len(), expected.len(), "{what}: {found:?}");
            for (found, expected) in found.iter().zip(expected) {
                assert!(found.starts_with(expected), "{what}: {found}");
            }
        }
    }

    #[test]
    fn a_table_has_a_line_a_node_and_ends() {
        let two = [at(0, "0", 2, 1), at(0, "1", 2, 1), at(1, "0-1", 2, 2)];
        assert_eq!(
            table(&two),
            [
                "n0: ranks 0-1, cores 0 | 1, 1 thread each, no limit of memory, no GPU",
                "n1: rank 2, cores 0-1, 2 threads each, no limit of memory, no GPU"
            ]
        );
        // Round robin over nodes.
        let mut turns: Vec<Place> = (0..40).map(|rank| at(rank % 20, "0", 1, 1)).collect();
        turns[0].memory = Some(5 << 30);
        turns[0].gpus = vec!["0".into(), "2".into()];
        let lines = table(&turns);
        assert_eq!(lines[0], "n0: 2 ranks: 0, …, cores 0, 1 thread each, 5120 MiB of memory, GPU 0 2");
        assert_eq!((lines.len(), &*lines[16]), (17, "… and 4 nodes more"));
    }
}
