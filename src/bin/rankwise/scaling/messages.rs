//! How fast messages are here, how many a rank of the program sends, and what they take on more ranks.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::time::Duration;

use rankwise::prelude::*;
use rankwise::testing::run_to_end;
use serde::{Deserialize, Serialize};

use super::fit::{power, quantile};
use super::runs::{self, Job};
use crate::doctor;

/// Quartiles of what was measured between two ranks.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Speed {
    /// Half a round trip of 8 bytes, in seconds.
    pub(super) latency: [f64; 3],
    /// Seconds a byte, of 4 MiB.
    pub(super) byte: [f64; 3],
}

/// What the rank with the most of it has done in one run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Counted {
    pub(super) ranks: usize,
    /// Calls for messages, and those of all ranks.
    pub(super) calls: f64,
    pub(super) collective: f64,
    pub(super) bytes: f64,
    /// Seconds in them when nobody was late, and those of waiting for who was.
    pub(super) moving: f64,
    pub(super) waiting: f64,
}

/// The speed of messages, and how many there are on some numbers of ranks.
#[derive(Debug, Clone)]
pub(super) struct Messages {
    pub(super) speed: Speed,
    /// From the fewest ranks to the most, each more than one.
    pub(super) counted: Vec<Counted>,
}

impl Messages {
    /// Measures and counts: one more run on each number of ranks. What keeps it from that, in words.
    pub(super) fn of(job: &Job, counts: &[usize], cores: usize) -> Result<Messages, Box<dyn Error>> {
        let several: Vec<usize> = counts.iter().copied().filter(|&ranks| ranks > 1).collect();
        let widest = several.iter().rev().find(|&&ranks| ranks <= cores);
        let Some(&widest) = widest else {
            return Err("no two ranks have a core each".into());
        };
        let speed = measured(job, widest)?;
        let folder = std::env::temp_dir().join(format!("rankwise-scaling-{}", std::process::id()));
        std::fs::create_dir(&folder)?;
        let counted: Result<Vec<Counted>, Box<dyn Error>> =
            several.iter().map(|&ranks| traced(job, ranks, &folder.join("run.json"))).collect();
        drop(std::fs::remove_dir_all(&folder));
        Ok(Messages { speed, counted: counted? })
    }

    pub(super) fn on(&self, ranks: usize) -> Option<&Counted> {
        self.counted.iter().find(|counted| counted.ranks == ranks)
    }

    /// Seconds that the messages of a rank take on that many ranks, if nobody is late: the least by the quartiles of the speed, by its
    /// middle, and the most. A call of all ranks takes a message for each doubling of them (Thakur, Rabenseifner and Gropp 2005).
    pub(super) fn seconds(&self, ranks: usize) -> [f64; 3] {
        if ranks < 2 {
            return [0.0; 3];
        }
        let rounds = (ranks as f64).log2().ceil();
        let grown = |pick: &dyn Fn(&Counted) -> f64| self.grown(ranks, pick);
        let calls = grown(&|counted| counted.calls) + rounds * grown(&|counted| counted.collective);
        let bytes = grown(&|counted| counted.bytes);
        [0, 1, 2].map(|k| calls * self.speed.latency[k] + bytes * self.speed.byte[k])
    }

    /// A number that was counted, or how it goes on: by the power of the ranks that fits best.
    fn grown(&self, ranks: usize, pick: &dyn Fn(&Counted) -> f64) -> f64 {
        if let Some(counted) = self.on(ranks) {
            return pick(counted);
        }
        let points: Vec<(f64, f64)> = self
            .counted
            .iter()
            .map(|counted| (counted.ranks as f64, pick(counted)))
            .filter(|point| point.1 > 0.0)
            .collect();
        let Some(&(last, most)) = points.last() else { return 0.0 };
        // From the last one on, so that there is no step.
        most * (ranks as f64 / last).powf(power(&points).unwrap_or(0.0))
    }

    /// In words, a line.
    pub(super) fn words(&self) -> String {
        let each = |pick: &dyn Fn(&Counted) -> f64, show: &dyn Fn(f64) -> String| {
            self.counted.iter().map(|counted| show(pick(counted))).collect::<Vec<_>>().join(", ")
        };
        let ranks =
            self.counted.iter().map(|counted| counted.ranks.to_string()).collect::<Vec<_>>().join(", ");
        format!(
            "messages: {:.2} µs and {:.1} GB/s between two ranks here; calls of the rank with the most, on {ranks} ranks: {}, for {}",
            self.speed.latency[1] * 1e6,
            1e-9 / self.speed.byte[1],
            each(&|counted| counted.calls + counted.collective, &|calls| format!("{calls:.0}")),
            each(&|counted| counted.bytes, &bytes),
        )
    }
}

fn bytes(bytes: f64) -> String {
    let (unit, name) = match bytes {
        b if b < 1e3 => (1.0, "B"),
        b if b < 1e6 => (1e3, "kB"),
        b if b < 1e9 => (1e6, "MB"),
        _ => (1e9, "GB"),
    };
    let value = bytes / unit;
    if value < 10.0 && unit > 1.0 { format!("{value:.1} {name}") } else { format!("{value:.0} {name}") }
}

/// Between two of so many ranks of this tool, on two nodes if there are several.
fn measured(job: &Job, ranks: usize) -> Result<Speed, Box<dyn Error>> {
    const LIMIT: Duration = Duration::from_secs(60);
    let mut command = runs::launched(job, ranks)?;
    command.arg(std::env::current_exe()?).arg("speed");
    let ended = run_to_end(command, LIMIT);
    let line = ended.stdout.lines().find(|line| line.starts_with("{\"latency\""));
    let failed = || -> Box<dyn Error> {
        let said = ended.stderr.lines().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
        format!("the speed of messages could not be measured on {ranks} ranks of this tool: {said}").into()
    };
    line.and_then(|line| serde_json::from_str(line).ok()).ok_or_else(failed)
}

/// `rankwise speed`, on ranks: the quartiles of some rounds, as JSON.
pub(crate) fn speed(world: &Comm) -> rankwise::program::Outcome {
    let partner = doctor::farthest(world)?;
    let Some(partner) = partner else { return Err("it takes two ranks".into()) };
    let mut rounds = doctor::rounds(world, partner)?;
    let speed = Speed { latency: quartiles(&mut rounds.latency), byte: quartiles(&mut rounds.byte) };
    if world.is_root() {
        println!("{}", serde_json::to_string(&speed)?);
    }
    Ok(())
}

fn quartiles(values: &mut [f64]) -> [f64; 3] {
    [0.25, 0.5, 0.75].map(|part| quantile(values, part))
}

/// What the ranks of one run do, by its trace.
fn traced(job: &Job, ranks: usize, path: &Path) -> Result<Counted, Box<dyn Error>> {
    drop(std::fs::remove_file(path));
    let mut command = runs::command(job, ranks, false)?;
    command.env("RANKWISE_TRACE", path);
    let ended = run_to_end(command, job.limit);
    if !ended.status.is_some_and(|status| status.success()) {
        return Err(format!("on {ranks} ranks the program does not run with RANKWISE_TRACE").into());
    }
    let text = std::fs::read_to_string(path)
        .map_err(|_| "the program writes no trace: only programs on rankwise do".to_owned())?;
    counted(&text, ranks)
}

#[derive(Deserialize)]
struct Trace<'a> {
    #[serde(borrow, rename = "traceEvents")]
    events: Vec<Event<'a>>,
    notes: Vec<String>,
}

#[derive(Deserialize)]
struct Event<'a> {
    ph: &'a str,
    #[serde(default)]
    cat: &'a str,
    #[serde(default)]
    pid: usize,
    #[serde(default)]
    dur: f64,
    #[serde(default)]
    args: Done,
}

#[derive(Deserialize, Default)]
struct Done {
    #[serde(default)]
    bytes: f64,
    #[serde(default)]
    blocked_us: f64,
}

fn counted(text: &str, ranks: usize) -> Result<Counted, Box<dyn Error>> {
    let trace: Trace = serde_json::from_str(text).map_err(|error| format!("the trace: {error}"))?;
    if let Some(note) = trace.notes.iter().find(|note| note.contains("are gone")) {
        return Err(format!("on {ranks} ranks, of what is counted in a trace {note}").into());
    }
    let none = Counted { ranks, calls: 0.0, collective: 0.0, bytes: 0.0, moving: 0.0, waiting: 0.0 };
    let mut each: BTreeMap<usize, Counted> = BTreeMap::new();
    for event in trace.events.iter().filter(|event| event.ph == "X") {
        let rank = each.entry(event.pid).or_insert(none);
        match event.cat {
            "message" => rank.calls += 1.0,
            "collective" => rank.collective += 1.0,
            _ => continue,
        }
        rank.bytes += event.args.bytes;
        rank.moving += (event.dur - event.args.blocked_us).max(0.0) * 1e-6;
        rank.waiting += event.args.blocked_us * 1e-6;
    }
    let most = |pick: fn(&Counted) -> f64| each.values().map(pick).fold(0.0, f64::max);
    Ok(Counted {
        ranks,
        calls: most(|rank| rank.calls),
        collective: most(|rank| rank.collective),
        bytes: most(|rank| rank.bytes),
        moving: most(|rank| rank.moving),
        waiting: most(|rank| rank.waiting),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    fn on(ranks: usize, calls: f64, collective: f64, bytes: f64) -> Counted {
        Counted { ranks, calls, collective, bytes, moving: 0.0, waiting: 0.0 }
    }

    #[test]
    fn counts_go_on_by_a_power_of_the_ranks() {
        let speed = Speed { latency: [1e-6, 2e-6, 3e-6], byte: [1e-9, 2e-9, 4e-9] };
        // A ring passes p − 1 times a p-th part; calls of all ranks stay 10.
        let counted = vec![on(2, 8.0, 10.0, 100.0), on(4, 16.0, 10.0, 50.0), on(8, 32.0, 10.0, 25.0)];
        let messages = Messages { speed, counted };
        assert_eq!(messages.seconds(1), [0.0; 3]);
        assert_relative_eq!(messages.seconds(4)[1], (16.0 + 2.0 * 10.0) * 2e-6 + 50.0 * 2e-9);
        let [low, middle, high] = messages.seconds(64);
        assert_relative_eq!(middle, (256.0 + 6.0 * 10.0) * 2e-6 + 3.125 * 2e-9, max_relative = 1e-9);
        assert!(low < middle && middle < high);
    }

    #[test]
    fn the_busiest_rank_counts() {
        let text = r#"{"displayTimeUnit": "ns", "traceEvents": [
            {"ph":"M","name":"process_name","pid":0,"args":{"name":"rank 0"}},
            {"ph":"X","name":"send","cat":"message","pid":0,"tid":1,"ts":0.0,"dur":2.5,"args":{"at":"a.rs:1","bytes":8,"blocked_us":0.500}},
            {"ph":"X","name":"recv","cat":"message","pid":1,"tid":1,"ts":0.0,"dur":4.0,"args":{"at":"a.rs:2","bytes":8,"blocked_us":3.0}},
            {"ph":"X","name":"send","cat":"message","pid":1,"tid":1,"ts":5.0,"dur":1.0,"args":{"at":"a.rs:2","bytes":8,"blocked_us":0.0}},
            {"ph":"X","name":"barrier","cat":"collective","pid":0,"tid":1,"ts":6.0,"dur":1.0,"args":{"at":"a.rs:3","bytes":0,"blocked_us":0.0}},
            {"ph":"X","name":"work","cat":"phase","pid":0,"tid":0,"ts":0.0,"dur":9.0,"args":{"at":"a.rs:3","bytes":0,"blocked_us":0.0}}
            ], "notes": []}"#;
        let found = counted(text, 2).unwrap();
        assert_eq!((found.calls, found.collective, found.bytes), (2.0, 1.0, 16.0));
        assert_relative_eq!(found.moving, 3e-6);
        assert_relative_eq!(found.waiting, 3e-6);
        let cut = text.replace("\"notes\": []", "\"notes\": [\"the first 9 events are gone\"]");
        assert!(counted(&cut, 2).unwrap_err().to_string().contains("the first 9 events are gone"));
    }

    #[test]
    fn sizes_have_units() {
        for (size, expected) in
            [(0.0, "0 B"), (999.0, "999 B"), (1500.0, "1.5 kB"), (34e6, "34 MB"), (2.5e9, "2.5 GB")]
        {
            assert_eq!(bytes(size), expected);
        }
    }
}
