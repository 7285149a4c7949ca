//! What the record of a run costs: an event, a call, and the picture of a million events.
//!
//! Run:   make bench-trace                  (2 ranks)
//! Shows: nanoseconds an event; calls with the record on and off, taking turns in one run; seconds from the end of the body to the
//!        end of the program with a million events; writes target/bench/trace.json.

use std::process::{Command, ExitCode};
use std::time::{Instant, SystemTime};

use rankwise::prelude::*;
use rankwise::testing::{launcher, set_recording};
use serde_json::{Value, json};

const ROUNDS: usize = 61;
/// Says to a copy that a launcher has started it, and for what.
const STARTED: &str = "RANKWISE_BENCH_TRACE";
/// Each of two ranks makes so many calls.
const CALLS: usize = 500_000;

type Act = fn(&Comm, &mut [u8]) -> Result<()>;

const CASES: [(&str, usize, Act); 4] = [
    ("all_reduce_in_place", 8, |world, data| world.all_reduce_in_place(data, Max)),
    ("all_reduce_in_place", 65536, |world, data| world.all_reduce_in_place(data, Max)),
    ("send and recv_into", 8, there_and_back),
    ("send and recv_into", 65536, there_and_back),
];

fn there_and_back(world: &Comm, data: &mut [u8]) -> Result<()> {
    match world.rank() {
        0 => {
            world.send(1, data)?;
            world.recv_into(1, data)?;
        }
        1 => {
            world.recv_into(0, data)?;
            world.send(0, data)?;
        }
        _ => {}
    }
    Ok(())
}

fn main() -> ExitCode {
    match std::env::var(STARTED).as_deref() {
        Ok("costs") => return rankwise::run(|world| Ok(costs(world)?)),
        Ok(_) => {
            return rankwise::run(|world| {
                for _ in 0..CALLS {
                    world.all_reduce_one(1, Sum)?;
                }
                world.barrier()?;
                let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs_f64();
                Ok(world
                    .on_root(|| Ok(std::fs::write("target/bench/trace.end", now.to_string())?))
                    .map(drop)?)
            });
        }
        Err(_) => {}
    }
    match all() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn all() -> std::result::Result<(), Box<dyn std::error::Error>> {
    std::fs::create_dir_all("target/bench")?;
    start("costs", &[("RANKWISE_TRACE_EVENTS", "1024")])?;
    let mut rows: Vec<Value> = serde_json::from_slice(&std::fs::read("target/bench/trace.json")?)?;
    println!("\n{} events of two ranks, from the end of the body to the end of the program\n", 2 * CALLS);
    for ending in ["html", "json", "svg", "txt"] {
        let path = format!("target/bench/million.{ending}");
        start("million", &[("RANKWISE_TRACE", &path), ("RANKWISE_TRACE_EVENTS", "524288")])?;
        let ended = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs_f64();
        let body: f64 = std::fs::read_to_string("target/bench/trace.end")?.parse()?;
        let (seconds, size) = (ended - body, std::fs::metadata(&path)?.len());
        println!("{ending:8} {seconds:8.2} s {:9.1} MB", size as f64 / 1e6);
        rows.push(json!({
            "case": format!("a million events as {ending}"), "unit": "s", "ours": seconds, "bytes": size,
            "aim": "2 s", "met": seconds < 2.0,
        }));
        std::fs::remove_file(path)?;
    }
    Ok(std::fs::write("target/bench/trace.json", serde_json::to_string_pretty(&rows)?)?)
}

fn start(what: &str, settings: &[(&str, &str)]) -> std::result::Result<(), Box<dyn std::error::Error>> {
    let mut command: Command = launcher(2);
    command.arg(std::env::current_exe()?).env(STARTED, what).envs(settings.iter().copied());
    match command.status()?.success() {
        true => Ok(()),
        false => Err(format!("{what} has failed").into()),
    }
}

fn costs(world: &Comm) -> Result<()> {
    const EVENTS: usize = 1_000_000;
    let mut rows = Vec::new();
    let mut event = Vec::new();
    for _ in 0..11 {
        let start = Instant::now();
        for _ in 0..EVENTS {
            drop(world.phase("nothing"));
        }
        event.push(start.elapsed().as_secs_f64() * 1e9 / EVENTS as f64);
    }
    let event = median(event);
    root_println!(
        world,
        "an event: {event:.1} ns (both looks at the clock; the median of 11 times a million)\n"
    );
    rows.push(json!({"case": "an event", "unit": "ns", "ours": event, "aim": "50 ns", "met": event <= 50.0}));
    root_println!(world, "{} ranks, medians of {ROUNDS} rounds, ns a call\n", world.size());
    root_println!(world, "{:22} {:>9} {:>11} {:>11} {:>9}", "operation", "bytes", "off", "on", "on/off");
    for (name, bytes, act) in CASES {
        let mut data = vec![0u8; bytes];
        let repeats = (8_000_000 / (bytes + 4000)).max(20);
        let mut times = [const { Vec::new() }; 2];
        for round in 0..=ROUNDS {
            for (on, times) in [false, true].into_iter().zip(&mut times) {
                set_recording(on);
                world.barrier()?;
                let start = Instant::now();
                for _ in 0..repeats {
                    act(world, &mut data)?;
                }
                // The first round only warms up.
                if round > 0 {
                    times.push(start.elapsed().as_secs_f64() * 1e9 / repeats as f64);
                }
            }
        }
        let [off, on] = times.map(median);
        root_println!(world, "{name:22} {bytes:9} {off:11.0} {on:11.0} {:9.3}", on / off);
        rows.push(json!({
            "case": format!("{name}, {bytes} bytes"), "unit": "ns a call", "ours": on, "peer": off,
            "peer_name": "without the record", "ratio": off / on, "aim": "2 % more", "met": on <= 1.02 * off,
        }));
    }
    world
        .on_root(|| Ok(std::fs::write("target/bench/trace.json", serde_json::to_string_pretty(&rows)?)?))
        .map(drop)
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
