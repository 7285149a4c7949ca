//! What handing out tasks costs, beside C with MPI and Python's pools: `make bench-farm`.
//!
//! Run:   make bench-farm ARGS='--rounds 5 --only WORDS'
//! Shows: tasks a second, medians of rounds in which all take turns, each in processes of its own; writes target/bench/farm.json.
//!
//! The time is from a barrier until all results are in order on rank 0; that a task is caught when it panics is in ours. What
//! Python cannot import is skipped: `pip install mpi4py joblib 'dask[distributed]' ray`, PYTHON names the interpreter.

use std::error::Error;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use clap::Parser;
use rankwise::prelude::*;
use rankwise::skeleton::{Schedule, on_root};
use rankwise::testing::{launcher, run_to_end};
use serde_json::json;

/// Compares the farm with C and Python.
#[derive(Parser)]
struct Args {
    /// How often each is started
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Only cases in whose name these words are
    #[arg(long, default_value = "")]
    only: String,
    /// Runs one of ours as a rank: WAY TASKS TASK_US
    #[arg(long, hide = true, num_args = 3, allow_hyphen_values = true)]
    ours: Vec<String>,
}

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// Tasks a second that two ranks are to reach where a task does nothing.
const AT_LEAST: f64 = 50e6;
/// The part of what the cores can do.
const OF_IDEAL: f64 = 0.98;
/// Repetitions in one start of a program.
const REPEATS: usize = 5;
const LIMIT: Duration = Duration::from_secs(300);

/// One row: what ours does, what the peer does.
struct Case {
    name: &'static str,
    ranks: usize,
    tasks: usize,
    micros: i64,
    ours: &'static str,
    /// Name and arguments.
    peers: &'static [(&'static str, &'static [&'static str])],
    aim: f64,
}

const CASES: &[Case] = &[
    Case {
        name: "no-op, one a message, 3 ranks",
        ranks: 3,
        tasks: 100_000,
        micros: 0,
        ours: "one",
        peers: &[("C master-worker, prefetch 2", &["master", "1", "2"])],
        aim: 0.95,
    },
    Case {
        name: "no-op, one a message, 3 ranks, 2,000",
        ranks: 3,
        tasks: 2000,
        micros: 0,
        ours: "one",
        peers: &[("mpi4py.futures", &["futures", "1"]), ("dask", &["dask", "0"]), ("ray", &["ray", "1"])],
        aim: 250.0,
    },
    Case {
        name: "no-op, default, 2 ranks",
        ranks: 2,
        tasks: 10_000_000,
        micros: 0,
        ours: "default",
        peers: &[
            ("C counter, the same chunks, a new array", &["alike", "0", "0"]),
            ("C counter, guided, summed in place", &["counter", "0", "0"]),
        ],
        aim: 0.95,
    },
    Case {
        name: "no-op, default, 3 ranks",
        ranks: 3,
        tasks: 10_000_000,
        micros: 0,
        ours: "default",
        peers: &[
            ("C counter, the same chunks, a new array", &["alike", "0", "0"]),
            ("C counter, guided, summed in place", &["counter", "0", "0"]),
        ],
        aim: 0.95,
    },
    Case {
        name: "no-op, default, 2 ranks, 100,000",
        ranks: 2,
        tasks: 100_000,
        micros: 0,
        ours: "default",
        peers: &[
            ("mpi4py.futures, chunks of 100", &["futures", "100"]),
            ("multiprocessing.Pool.map, chunks of 1250", &["pool", "1250"]),
            ("concurrent.futures, chunks of 100", &["concurrent", "100"]),
            ("joblib, batches of 1000", &["joblib", "1000"]),
            ("C counter, the same chunks, a new array", &["alike", "0", "0"]),
        ],
        aim: 1.0,
    },
    Case {
        name: "1 ms, default, 2 ranks",
        ranks: 2,
        tasks: 1000,
        micros: 1000,
        ours: "default",
        peers: &[
            ("C counter, chunk 1", &["counter", "1", "0"]),
            ("C master-worker, prefetch 2", &["master", "1", "2"]),
            ("mpi4py.futures", &["futures", "1"]),
            ("multiprocessing.Pool.map, chunks of 125", &["pool", "125"]),
            ("dask", &["dask", "0"]),
            ("ray", &["ray", "1"]),
        ],
        aim: 0.98,
    },
    Case {
        name: "lognormal of mean 1 ms, default, 2 ranks",
        ranks: 2,
        tasks: 1000,
        micros: -1000,
        ours: "default",
        peers: &[
            ("C counter, chunk 1", &["counter", "1", "0"]),
            ("C counter, the same chunks, a new array", &["alike", "0", "0"]),
            ("multiprocessing.Pool.map, chunks of 125", &["pool", "125"]),
            ("joblib, batches of 1", &["joblib", "1"]),
            ("mpi4py.futures", &["futures", "1"]),
            ("dask", &["dask", "0"]),
            ("ray", &["ray", "1"]),
        ],
        aim: 0.98,
    },
    Case {
        name: "1 ms, default, 3 ranks",
        ranks: 3,
        tasks: 1000,
        micros: 1000,
        ours: "default",
        peers: &[
            ("C counter, chunk 1", &["counter", "1", "0"]),
            ("C master-worker, prefetch 2", &["master", "1", "2"]),
        ],
        aim: 0.98,
    },
    Case {
        name: "1 ms, items on the root, 2 ranks",
        ranks: 2,
        tasks: 1000,
        micros: 1000,
        ours: "root",
        peers: &[("C master-worker, prefetch 2", &["master", "1", "2"])],
        aim: 1.0,
    },
];

/// The same lengths in each language.
fn lognormal(i: usize) -> f64 {
    let x = (i as u32).wrapping_mul(2_654_435_761).wrapping_add(12_345);
    let y = x.wrapping_mul(2_246_822_519).wrapping_add(3_266_489_917);
    let (u, v) = ((f64::from(x) + 0.5) / 2f64.powi(32), f64::from(y) / 2f64.powi(32));
    ((-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos() - 0.5).exp()
}

/// What a task takes, in microseconds.
fn length(i: usize, micros: i64) -> f64 {
    if micros < 0 { -micros as f64 * lognormal(i) } else { micros as f64 }
}

fn task(i: usize, micros: i64) -> f64 {
    if micros != 0 {
        let end = cpu() + Duration::from_secs_f64(length(i, micros) * 1e-6);
        while cpu() < end {}
    }
    2.0 * i as f64
}

/// What this process has used of the processor: it has one thread that works.
#[expect(unsafe_code, reason = "the standard library has no clock of a thread")]
fn cpu() -> Duration {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: fills a live local.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut now) };
    Duration::new(now.tv_sec.cast_unsigned(), u32::try_from(now.tv_nsec).unwrap_or(0))
}

fn ours(way: &str, tasks: usize, micros: i64) -> ExitCode {
    rankwise::run(|world| {
        for _ in 0..REPEATS {
            let items = world.is_root().then(|| (0..tasks).collect::<Vec<usize>>());
            world.barrier()?;
            let start = Instant::now();
            let results = match way {
                "one" => {
                    world.farm(on_root(items)).schedule(Schedule::Dynamic(1)).run(|i| task(i, micros))?
                }
                "root" => world.farm(on_root(items)).run(|i| task(i, micros))?,
                _ => world.farm(0..tasks).run(|i| task(i, micros))?,
            };
            let took = start.elapsed().as_secs_f64();
            if let Some(results) = results {
                assert!(results.iter().enumerate().all(|(i, result)| *result == 2.0 * i as f64));
                println!("{took:.9}");
            }
        }
        Ok(())
    })
}

/// The seconds that a program has printed.
fn seconds(command: Command) -> Outcome<Vec<f64>> {
    let ended = run_to_end(command, LIMIT);
    if !ended.status.is_some_and(|status| status.success()) {
        let why = ended.stderr.lines().rfind(|line| line.contains("Error")).unwrap_or(&ended.stderr);
        return Err(why.to_owned().into());
    }
    Ok(ended.stdout.lines().map(str::parse).collect::<Result<_, _>>()?)
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

/// What there is to reach besides the peers: its name, tasks a second, and the part of them that is aimed at.
fn goal(case: &Case) -> Option<(&'static str, f64, f64)> {
    if case.micros != 0 {
        let cores = std::thread::available_parallelism().map_or(1, usize::from).min(case.ranks);
        let work: f64 = (0..case.tasks).map(|i| length(i, case.micros) * 1e-6).sum();
        return Some(("all cores at work all the time", (case.tasks * cores) as f64 / work, OF_IDEAL));
    }
    (case.ours == "default" && case.tasks >= 10_000_000).then_some(("the aim", AT_LEAST, 1.0))
}

fn peer(case: &Case, args: &[&str], c: &Path) -> Command {
    let (tasks, micros, repeats) = (case.tasks.to_string(), case.micros.to_string(), REPEATS.to_string());
    let mut command;
    if let [way @ ("master" | "counter" | "alike"), chunk, prefetch] = args {
        command = launcher(case.ranks);
        command.arg(c).args([*way, &*tasks, &*micros, *chunk, *prefetch, &*repeats]);
    } else {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/farm/farm.py");
        let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".into());
        command = if args[0] == "futures" { launcher(case.ranks) } else { Command::new(&python) };
        if args[0] == "futures" {
            command.arg(&python);
        }
        let workers = case.ranks.to_string();
        command.args([script, args[0], &*tasks, &*micros, args[1], &*workers, &*repeats]);
    }
    command
}

fn main() -> ExitCode {
    let args = Args::parse();
    if let [way, tasks, micros] = &args.ours[..] {
        let number = |text: &str| text.parse::<i64>().expect("a number of ours");
        return ours(way, number(tasks) as usize, number(micros));
    }
    match compare(args.rounds.max(1), &args.only) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn compare(rounds: usize, only: &str) -> Outcome {
    std::fs::create_dir_all("target/bench")?;
    let c = std::env::temp_dir().join(format!("rankwise-bench-farm-{}", std::process::id()));
    let mpicc = std::env::var("MPICC").unwrap_or_else(|_| "mpicc".into());
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/farm/farm.c");
    if !Command::new(&mpicc).args(["-O2", "-o"]).arg(&c).arg(source).arg("-lm").status()?.success() {
        return Err(format!("{mpicc} (from $MPICC) fails").into());
    }
    println!("{}\n", rankwise::program::mpi_version());
    println!("{:40} {:42} {:>12} {:>12} {:>7} {:>6}", "case", "peer", "ours 1/s", "peer 1/s", "ratio", "aim");
    let mut rows = Vec::new();
    for case in CASES.iter().filter(|case| case.name.contains(only)) {
        let mut ours = Vec::new();
        let mut peers: Vec<Outcome<Vec<f64>>> = case.peers.iter().map(|_| Ok(Vec::new())).collect();
        for _ in 0..rounds {
            let mut command = launcher(case.ranks);
            let (tasks, micros) = (case.tasks.to_string(), case.micros.to_string());
            command.arg(std::env::current_exe()?).args(["--ours", case.ours, &tasks, &micros]);
            ours.extend(seconds(command)?);
            for (so_far, (_, args)) in peers.iter_mut().zip(case.peers) {
                if let Ok(all) = so_far {
                    match seconds(peer(case, args, &c)) {
                        Ok(new) => all.extend(new),
                        Err(error) => *so_far = Err(error),
                    }
                }
            }
        }
        let rate = case.tasks as f64 / median(ours);
        let row = |name: &str, theirs: f64, aim: f64| {
            let ratio = rate / theirs;
            println!("{:40} {name:42} {rate:12.0} {theirs:12.0} {ratio:7.2} {aim:6.2}", case.name);
            json!({"case": case.name, "ours": rate, "peer": theirs, "peer_name": name,
                "unit": "tasks/s", "ratio": ratio, "aim": aim, "met": ratio >= aim})
        };
        rows.extend(goal(case).map(|(name, theirs, aim)| row(name, theirs, aim)));
        for ((name, _), seconds) in case.peers.iter().zip(peers) {
            match seconds {
                Ok(seconds) => rows.push(row(name, case.tasks as f64 / median(seconds), case.aim)),
                Err(why) => {
                    let why = why.to_string();
                    let why = why.lines().next().unwrap_or_default();
                    println!("{:40} {name:42} {rate:12.0}      skipped: {why}", case.name);
                    rows.push(json!({"case": case.name, "ours": rate, "peer_name": name, "skipped": why}));
                }
            }
        }
    }
    let _ = std::fs::remove_file(&c);
    Ok(std::fs::write("target/bench/farm.json", serde_json::to_string_pretty(&rows)?)?)
}
