//! What the figures depend on: processor, cores, kernel, MPI, date.

use std::fs;
use std::process::Command;

/// One line each, for the results.
pub(crate) fn conditions(compiler: &str) -> Vec<String> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default().trim().to_owned();
    let cpu = read("/proc/cpuinfo");
    let cpu = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let date = Command::new("date").args(["-u", "+%Y-%m-%d %H:%M UTC"]).output();
    let date = date.map_or("unknown".into(), |date| String::from_utf8_lossy(&date.stdout).trim().to_owned());
    vec![
        format!("processor: {}, {cores} cores for this program", cpu.map_or("unknown", |(_, name)| name)),
        format!("kernel: Linux {}", read("/proc/sys/kernel/osrelease")),
        format!("MPI: {}", mpi_line()),
        format!("C: {compiler}"),
        format!("date: {date}"),
    ]
}

/// How many processes wanted to run in the last minute, in the mean.
pub(crate) fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().unwrap_or("unknown").to_owned()
}

/// How often another process was given this one's core.
pub(crate) fn switches() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let count = status.lines().find_map(|line| line.strip_prefix("nonvoluntary_ctxt_switches:"));
    count.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
}

/// The first line of what the MPI library says of itself; MPICH's has a tab in it.
pub(crate) fn mpi_line() -> String {
    let version = mpi::environment::library_version().unwrap_or_default();
    let words = version.trim_matches('\0').lines().next().unwrap_or_default().split_whitespace();
    words.collect::<Vec<_>>().join(" ")
}

/// For file names.
pub(crate) fn mpi_name() -> &'static str {
    match mpi_line() {
        line if line.contains("Open MPI") => "openmpi",
        line if line.contains("MPICH") => "mpich",
        _ => "mpi",
    }
}
