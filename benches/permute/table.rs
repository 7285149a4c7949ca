//! Medians, ratios and aims, as a table and as JSON.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::PathBuf;

use serde_json::json;

/// What was measured, by name.
#[derive(Default)]
pub(crate) struct Samples(BTreeMap<String, Vec<f64>>);

impl Samples {
    /// Adds one, if there is one.
    pub(crate) fn add(&mut self, name: &str, value: Option<f64>) {
        self.0.entry(name.to_owned()).or_default().extend(value);
    }

    /// `None` where the tool is not there.
    pub(crate) fn median(&self, name: &str) -> Option<f64> {
        let mut all = self.0.get(name)?.clone();
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).copied()
    }

    pub(crate) fn most(&self, name: &str) -> f64 {
        self.0.get(name).into_iter().flatten().copied().fold(0.0, f64::max)
    }
}

/// Ours beside a peer.
pub(crate) struct Case {
    name: &'static str,
    ours: Option<f64>,
    peer_name: &'static str,
    peer: Option<f64>,
    /// The most seconds that were asked for.
    aim: Option<f64>,
}

impl Case {
    pub(crate) fn new(
        name: &'static str,
        ours: Option<f64>,
        (peer_name, peer): (&'static str, Option<f64>),
        aim: Option<f64>,
    ) -> Self {
        Case { name, ours, peer_name, peer, aim }
    }

    fn ratio(&self) -> Option<f64> {
        Some(self.peer? / self.ours?)
    }

    fn met(&self) -> Option<bool> {
        Some(self.ours? <= self.aim?)
    }
}

pub(crate) fn print(all: &Samples, cases: &[Case]) {
    println!("{:<26}{:>10}{:>10}{:>10}", "", "median", "least", "most");
    for (name, values) in all.0.iter().filter(|(name, _)| !name.ends_with("MB")) {
        let Some(median) = all.median(name) else {
            println!("{name:<26}   skipped: it cannot be started");
            continue;
        };
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        println!("{name:<26}{median:>8.2} s{least:>8.2} s{:>8.2} s", all.most(name));
    }
    println!("\n{:<38}{:>8}  {:<30}{:>8}{:>8}{:>10}", "case", "ours", "peer", "peer", "ratio", "aim");
    for case in cases {
        let (Some(ours), Some(peer), Some(ratio)) = (case.ours, case.peer, case.ratio()) else {
            println!("{:<38}          {:<30} skipped", case.name, case.peer_name);
            continue;
        };
        let aim = case.aim.map_or(String::new(), |aim| format!("{aim:.1} s"));
        let met = match case.met() {
            Some(true) => "met",
            Some(false) => "not met",
            None => "",
        };
        println!(
            "{:<38}{ours:>6.2} s  {:<30}{peer:>6.2} s{ratio:>8.2}{aim:>10} {met}",
            case.name, case.peer_name
        );
    }
}

/// Writes `target/bench/permute.json`.
pub(crate) fn write_json(cases: &[Case], peak: f64) -> Result<(), Box<dyn Error>> {
    let case = |case: &Case| {
        json!({
            "case": case.name, "ours": case.ours, "peer": case.peer, "peer_name": case.peer_name, "unit": "s",
            "ratio": case.ratio(), "aim": case.aim, "met": case.met(),
        })
    };
    let mut all: Vec<_> = cases.iter().map(case).collect();
    all.push(json!({
        "case": "most memory of a rank with 100 MB", "ours": peak, "peer": null, "peer_name": null, "unit": "MB",
        "ratio": null, "aim": 100.0, "met": peak <= 100.0,
    }));
    let folder = PathBuf::from("target/bench");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("permute.json"), format!("{:#}\n", json!(all)))?;
    println!("written to target/bench/permute.json");
    Ok(())
}
