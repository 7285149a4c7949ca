//! What the checks cost a call: off, light and full, taking turns in one run.
//!
//! Run:   make bench-checks                 (2 ranks; ARGS=4 for 4)
//! Shows: nanoseconds a call, medians of rounds, and what light and full add; writes target/bench/checks.json.

use std::process::{Command, ExitCode};
use std::time::Instant;

use rankwise::prelude::*;
use rankwise::testing::{launcher, set_checks};
use serde_json::json;

const ROUNDS: usize = 41;
const LEVELS: [&str; 3] = ["off", "light", "full"];
/// Says to a copy that a launcher has started it.
const STARTED: &str = "RANKWISE_BENCH_CHECKS";

/// An operation on so many bytes.
type Case = (&'static str, fn(&Comm, &mut [u8]) -> Result<()>);

const CASES: [Case; 3] = [
    ("broadcast_into", |world, data| world.broadcast_into(0, data)),
    ("all_reduce_in_place", |world, data| world.all_reduce_in_place(data, Max)),
    ("send and recv_into", |world, data| {
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
    }),
];

fn main() -> ExitCode {
    if std::env::var_os(STARTED).is_some() {
        return rankwise::run(|world| {
            measure(world)?;
            Ok(())
        });
    }
    let ranks = std::env::args().filter_map(|word| word.parse().ok()).next().unwrap_or(2);
    let mut command: Command = launcher(ranks);
    let started = std::env::current_exe().and_then(|this| {
        // The level is changed in the run; light is what starts the watchdog.
        command.arg(this).env(STARTED, "1").env("RANKWISE_CHECK", "light").status()
    });
    match started {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: cannot start the ranks: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(world: &Comm) -> Result<()> {
    root_println!(world, "{} ranks, medians of {ROUNDS} rounds, ns a call\n", world.size());
    root_println!(world, "{:22} {:>9} {:>11} {:>11} {:>11}", "operation", "bytes", "off", "light", "full");
    let mut rows = Vec::new();
    for (name, act) in CASES {
        for bytes in [8, 512, 4096, 65536, 1 << 20] {
            let mut data = vec![0u8; bytes];
            let repeats = (4_000_000 / (bytes + 4000)).max(20);
            let mut times = [const { Vec::new() }; 3];
            for round in 0..=ROUNDS {
                for (level, times) in LEVELS.iter().zip(&mut times) {
                    set_checks(level);
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
            let [off, light, full] = times.map(|mut times| {
                times.sort_by(f64::total_cmp);
                times[times.len() / 2]
            });
            let (more, most) = (light - off, full - off);
            root_println!(
                world,
                "{name:22} {bytes:9} {off:11.0} {light:6.0} {more:+5.0} {full:6.0} {most:+5.0}"
            );
            rows.push(json!({
                "case": format!("{name}, {bytes} bytes"), "unit": "ns a call",
                "ours": light, "peer": off, "peer_name": "without checks", "full": full,
                "ratio": off / light, "aim": "60 ns more", "met": more <= 60.0 || light <= 1.02 * off,
            }));
        }
    }
    world.on_root(|| {
        std::fs::create_dir_all("target/bench")?;
        Ok(std::fs::write("target/bench/checks.json", serde_json::to_string_pretty(&rows)?)?)
    })?;
    Ok(())
}
