//! The machine: cores, memory, limits, its name.

use std::fs::read_to_string;
use std::net::ToSocketAddrs;
use std::time::{Duration, Instant};

use rankwise::program::{allowed_cores, count_cores};

use super::finding::Finding;
use super::output;

const SECTION: &str = "Machine";
const MIB: u64 = 1 << 20;

pub(super) fn findings() -> Vec<Finding> {
    vec![cores(), memory(), shared_memory(), locked_memory(), huge_pages(), name()]
}

fn cores() -> Finding {
    let all = count_cores(read_to_string("/sys/devices/system/cpu/online").unwrap_or_default().trim());
    let allowed = allowed_cores();
    let mine = count_cores(&allowed);
    let quota = std::thread::available_parallelism().map_or(mine, usize::from);
    let model = read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        model.lines().find_map(|line| Some(line.strip_prefix("model name")?.split_once(':')?.1.trim()));
    let model = model.map_or(String::new(), |model| format!(" ({model})"));
    let found = format!("{all} cores{model}");
    if quota < all {
        return Finding::doubt(SECTION, format!("{found}, of which this may use {quota} (cores {allowed})"))
            .todo("a container or a batch system allows no more; start no more ranks than that");
    }
    Finding::good(SECTION, found)
}

fn memory() -> Finding {
    let info = read_to_string("/proc/meminfo").unwrap_or_default();
    let kib = |name: &str| -> Option<u64> {
        info.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse().ok())
    };
    let (all, free) = (kib("MemTotal:").unwrap_or(0) / 1024, kib("MemAvailable:").unwrap_or(0) / 1024);
    let found = format!("{all} MiB of memory, {free} free");
    let limit = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    let limit = limit.into_iter().find_map(|path| read_to_string(path).ok()?.trim().parse::<u64>().ok());
    match limit.map(|bytes| bytes / MIB).filter(|&limit| limit < all) {
        Some(limit) => Finding::doubt(SECTION, format!("{found}; {limit} MiB are allowed"))
            .todo("what uses more is killed: ask the batch system for more, as by --mem"),
        None => Finding::good(SECTION, found),
    }
}

/// Ranks of a node talk through it.
fn shared_memory() -> Finding {
    const ENOUGH: u64 = 256;
    let text = output("df", &["-k", "--output=avail", "/dev/shm"]).unwrap_or_default();
    let free = text.lines().nth(1).and_then(|line| line.trim().parse::<u64>().ok()).map(|kib| kib / 1024);
    match free {
        Some(free) if free >= ENOUGH => Finding::good(SECTION, format!("/dev/shm has {free} MiB")),
        Some(free) => Finding::doubt(
            SECTION,
            format!("/dev/shm has {free} MiB only, through which ranks of a node talk"),
        )
        .todo("in a container: --shm-size=2g; otherwise look for what is left behind there"),
        None => Finding::doubt(SECTION, "no /dev/shm, through which ranks of a node talk"),
    }
}

/// Fast networks keep buffers where they are.
fn locked_memory() -> Finding {
    const ENOUGH: u64 = 64 * MIB;
    let limits = read_to_string("/proc/self/limits").unwrap_or_default();
    let soft =
        limits.lines().find_map(|line| line.strip_prefix("Max locked memory")?.split_whitespace().next());
    let soft = soft.unwrap_or("unknown").to_owned();
    let network = std::fs::read_dir("/sys/class/infiniband").is_ok_and(|mut found| found.next().is_some());
    let few = soft.parse::<u64>().is_ok_and(|bytes| bytes < ENOUGH);
    let found = match soft.parse::<u64>() {
        Ok(bytes) => format!("{} KiB of memory may be locked", bytes / 1024),
        Err(_) => format!("locked memory: {soft}"),
    };
    match (few, network) {
        (true, true) => {
            Finding::bad(SECTION, format!("{found}, too little for the network adapter that is here"))
                .todo("ulimit -l unlimited, in /etc/security/limits.conf or the batch system's daemon")
        }
        (_, true) => Finding::good(SECTION, format!("{found}; there is a network adapter that uses it")),
        (_, false) => Finding::good(
            SECTION,
            format!("{found} (needed by InfiniBand and its like, of which there is none)"),
        ),
    }
}

fn huge_pages() -> Finding {
    let text = read_to_string("/sys/kernel/mm/transparent_hugepage/enabled").unwrap_or_default();
    let mode = text.split('[').nth(1).and_then(|rest| rest.split(']').next()).unwrap_or("unknown");
    match mode {
        "never" => Finding::doubt(
            SECTION,
            "huge pages: never; messages of some MiB are up to twice as fast with them",
        )
        .todo("echo madvise > /sys/kernel/mm/transparent_hugepage/enabled, as root"),
        mode => Finding::good(SECTION, format!("huge pages: {mode}")),
    }
}

/// A launcher that cannot resolve the name of its own machine waits for the network.
fn name() -> Finding {
    const SOON: Duration = Duration::from_secs(1);
    let name = read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned();
    let start = Instant::now();
    let found = (name.as_str(), 0).to_socket_addrs().is_ok_and(|mut addresses| addresses.next().is_some());
    let time = start.elapsed();
    if found && time < SOON {
        return Finding::good(SECTION, format!("its name, {name}, has an address"));
    }
    let how = if found { format!("only after {:.1} s", time.as_secs_f64()) } else { "nowhere".into() };
    Finding::doubt(SECTION, format!("its name, {name}, is found {how}: launchers may wait for it"))
        .todo(format!("a line in /etc/hosts: 127.0.1.1 {name}"))
}
