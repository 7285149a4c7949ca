//! The table, the file of figures, and the plot.

use std::fmt::Write;
use std::path::Path;

use clap::ValueEnum;
use serde_json::{Value, json};

use crate::data::{Distribution, Type};
use crate::{Case, Outcome};

/// One sort of one case: all its times, in seconds. Alone it runs on 0 ranks.
struct Timed {
    case: Case,
    ranks: usize,
    name: String,
    seconds: Vec<f64>,
}

/// All that was measured.
pub(crate) struct Results {
    compiler: String,
    skipped: Vec<(String, String)>,
    timed: Vec<Timed>,
}

impl Results {
    pub(crate) fn new(compiler: String) -> Self {
        Results { compiler, skipped: vec![], timed: vec![] }
    }

    /// A peer that cannot be had.
    pub(crate) fn skip(&mut self, name: &str, why: &str) {
        self.skipped.push((name.into(), why.lines().next().unwrap_or_default().into()));
    }

    /// Takes what a copy has printed.
    pub(crate) fn add(&mut self, case: Case, ranks: usize, printed: &str) {
        for line in printed.lines().filter_map(|line| line.strip_prefix("TIME ")) {
            let Some((name, seconds)) = line.rsplit_once(' ') else { continue };
            let Ok(seconds) = seconds.parse::<f64>() else { continue };
            let same = |timed: &&mut Timed| {
                same_case(timed.case, case) && timed.ranks == ranks && timed.name == name
            };
            match self.timed.iter_mut().find(same) {
                Some(timed) => timed.seconds.push(seconds),
                None => self.timed.push(Timed { case, ranks, name: name.into(), seconds: vec![seconds] }),
            }
        }
    }

    /// Prints the table; writes the figures and the plot, and a page if asked for.
    pub(crate) fn show(&self, folder: &Path, page: Option<&Path>, name: &str) -> Outcome {
        let table = self.table();
        println!("{table}");
        let figures = self.figures();
        std::fs::write(folder.join("sort.json"), format!("{:#}\n", Value::from(figures.clone())))?;
        std::fs::write(folder.join("sort.svg"), self.plot())?;
        let met: Vec<&Value> = figures.iter().filter(|figure| !figure["aim"].is_null()).collect();
        for figure in met {
            let ours = figure["ours"].as_f64().unwrap_or(f64::NAN);
            let words = if figure["met"] == true { "met" } else { "NOT met" };
            println!(
                "{}: {ours:.3} {} against {} {:.3}, ratio {:.2}, aim {}: {words}",
                figure["case"].as_str().unwrap_or_default(),
                figure["unit"].as_str().unwrap_or_default(),
                figure["peer_name"].as_str().unwrap_or_default(),
                figure["peer"].as_f64().unwrap_or(f64::NAN),
                figure["ratio"].as_f64().unwrap_or(f64::NAN),
                figure["aim"],
            );
        }
        println!("wrote {0}/sort.json and {0}/sort.svg", folder.display());
        if let Some(page) = page {
            let mpi = mpi_line();
            let short = if mpi.contains("MPICH") { "mpich" } else { "openmpi" };
            std::fs::create_dir_all(page)?;
            std::fs::write(
                page.join(format!("{name}-{short}.md")),
                self.page(&table, &mpi, &format!("{name}-{short}")),
            )?;
            std::fs::write(page.join(format!("{name}-{short}.svg")), self.plot())?;
        }
        Ok(())
    }

    fn page(&self, table: &str, mpi: &str, name: &str) -> String {
        let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let cpu = cpu
            .lines()
            .find_map(|line| Some(line.strip_prefix("model name")?.split_once(": ")?.1.to_owned()));
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let mut page = format!(
            "# Sorting, {mpi}\n\nBy `make bench-sort` on {}, {cores} cores; C by {}. Million keys a second, medians; in parentheses the \
             slowest time over the fastest.\n\n![Million keys a second]({name}.svg)\n\n{table}\n",
            cpu.unwrap_or_else(|| "an unknown processor".into()),
            self.compiler
        );
        for (name, why) in &self.skipped {
            let _ = writeln!(page, "Skipped: {name} ({why}).");
        }
        page
    }

    /// A row for each sort, a column for each case.
    fn table(&self) -> String {
        let mut table = String::new();
        let mut numbers: Vec<usize> = self.timed.iter().map(|timed| timed.case.n).collect();
        numbers.dedup();
        for n in numbers {
            let of_n: Vec<&Timed> = self.timed.iter().filter(|timed| timed.case.n == n).collect();
            let mut cases: Vec<Case> = Vec::new();
            let mut rows: Vec<(usize, String)> = Vec::new();
            for timed in &of_n {
                if !cases.iter().any(|case| same_case(*case, timed.case)) {
                    cases.push(timed.case);
                }
                let row = (timed.ranks, timed.name.clone());
                if !rows.contains(&row) {
                    rows.push(row);
                }
            }
            let _ = writeln!(table, "\n{n} keys: million keys a second (slowest / fastest)\n");
            let _ = write!(table, "| {:<32} |", "");
            cases.iter().for_each(|case| _ = write!(table, " {:>16} |", name(*case)));
            let _ = write!(table, "\n|{}|", "-".repeat(34));
            cases.iter().for_each(|_| table.push_str("-----------------:|"));
            for (ranks, row) in rows {
                let plural = if ranks == 1 { "" } else { "s" };
                let place = if ranks > 0 { format!(", {ranks} rank{plural}") } else { String::new() };
                let _ = write!(table, "\n| {:<32} |", format!("{row}{place}"));
                for case in &cases {
                    let found = of_n.iter().find(|timed| {
                        same_case(timed.case, *case) && timed.ranks == ranks && timed.name == row
                    });
                    let cell = found.map_or("-".into(), |timed| {
                        format!("{:.1} ({:.2})", n as f64 / timed.median() / 1e6, timed.spread())
                    });
                    let _ = write!(table, " {cell:>16} |");
                }
            }
            table.push('\n');
        }
        for (name, why) in &self.skipped {
            let _ = writeln!(table, "skipped: {name} ({why})");
        }
        table
    }

    fn find(&self, case: Case, ranks: usize, name: &str) -> Option<f64> {
        let same = |timed: &&Timed| same_case(timed.case, case) && timed.ranks == ranks && timed.name == name;
        self.timed.iter().find(same).map(Timed::median)
    }

    /// Ours against each peer, and against what was aimed at.
    fn figures(&self) -> Vec<Value> {
        let mut figures = Vec::new();
        let mut figure = |case: String, ours: f64, peer: f64, peer_name: &str, aim: Option<f64>| {
            let ratio = peer / ours;
            figures.push(json!({
                "case": case, "ours": ours, "peer": peer, "peer_name": peer_name, "unit": "s", "ratio": ratio,
                "aim": aim, "met": aim.map(|aim| ratio >= aim),
            }));
        };
        for ours in self.timed.iter().filter(|timed| timed.name == "ours") {
            let (case, ranks, median) = (ours.case, ours.ranks, ours.median());
            let what = format!("{} {}, {ranks} ranks", name(case), case.n);
            let large_uniform =
                case.of == Type::U64 && case.distribution == Distribution::Uniform && ranks == 2;
            for peer in self.timed.iter().filter(|peer| same_case(peer.case, case)) {
                if peer.name == "ours" || (peer.ranks != ranks && peer.ranks != 0) {
                    continue;
                }
                let aim = match peer.name.as_str() {
                    // Not faster than the fast one, but nearly as fast.
                    "ours, odd-even" if ranks == 2 && case.of == Type::U64 => Some(1.0 / 1.15),
                    "rayon, 2 threads" if large_uniform && case.n >= 100_000_000 => Some(2.2),
                    _ => None,
                };
                if peer.name == "ours, odd-even" {
                    figure(format!("{what}: odd-even"), peer.median(), median, "ours", aim);
                } else {
                    figure(what.clone(), median, peer.median(), &peer.name, aim);
                }
            }
            if large_uniform && case.n == 100_000_000 {
                figure(what.clone(), median, 0.75, "the aim", Some(1.0));
            }
            let uniform = Case { distribution: Distribution::Uniform, ..case };
            if let Some(uniform) =
                self.find(uniform, ranks, "ours").filter(|_| case.distribution != Distribution::Uniform)
            {
                figure(
                    format!("{what}: never slower than uniform"),
                    median,
                    uniform,
                    "ours, uniform",
                    Some(1.0),
                );
            }
            if case.distribution == Distribution::Sorted && ranks == 2 {
                figure(
                    format!("{what}: a thousand million keys a second"),
                    median,
                    case.n as f64 / 1e9,
                    "the aim",
                    Some(1.0),
                );
            }
        }
        for (name, why) in &self.skipped {
            figures.push(json!({"case": "all", "peer_name": name, "skipped": why, "aim": null, "met": null}));
        }
        figures
    }

    /// Bars of million keys a second, for the largest number of keys.
    fn plot(&self) -> String {
        let n = self.timed.iter().map(|timed| timed.case.n).max().unwrap_or(0);
        let shown: Vec<&Timed> =
            self.timed.iter().filter(|timed| timed.case.n == n && timed.case.of == Type::U64).collect();
        let most = shown.iter().map(|timed| n as f64 / timed.median()).fold(1.0, f64::max);
        let mut svg = String::new();
        let mut y = 60.0;
        for &distribution in Distribution::value_variants() {
            let bars: Vec<&&Timed> =
                shown.iter().filter(|timed| timed.case.distribution == distribution).collect();
            if bars.is_empty() {
                continue;
            }
            let _ = writeln!(svg, "<text x=\"10\" y=\"{y}\" font-weight=\"bold\">{distribution:?}</text>");
            for bar in bars {
                y += 16.0;
                let rate = n as f64 / bar.median();
                // A logarithm: from sorts of all keys to scans of sorted ones is a factor of a thousand.
                let width = 420.0 * ((rate / 1e6).max(1.0).ln() / (most / 1e6).max(2.0).ln());
                let color = if bar.name.starts_with("ours") { "#31688e" } else { "#bbbbc4" };
                let place = if bar.ranks > 0 { format!(", {} ranks", bar.ranks) } else { String::new() };
                let _ = writeln!(
                    svg,
                    "<text x=\"200\" y=\"{:.0}\" text-anchor=\"end\">{}{place}</text>\
                     <rect x=\"206\" y=\"{:.0}\" width=\"{width:.1}\" height=\"12\" fill=\"{color}\"/>\
                     <text x=\"{:.1}\" y=\"{:.0}\">{:.0}</text>",
                    y + 10.0,
                    bar.name,
                    y,
                    212.0 + width,
                    y + 10.0,
                    rate / 1e6
                );
            }
            y += 38.0;
        }
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 720 {y:.0}\" font-family=\"sans-serif\" font-size=\"11\">\n\
             <rect width=\"720\" height=\"{y:.0}\" fill=\"white\"/>\n<text x=\"10\" y=\"24\" font-size=\"15\">Million keys a second, {n} \
             keys of 64 bits (logarithmic)</text>\n{svg}</svg>\n"
        )
    }
}

impl Timed {
    fn median(&self) -> f64 {
        let mut sorted = self.seconds.clone();
        sorted.sort_by(f64::total_cmp);
        sorted[sorted.len() / 2]
    }

    fn spread(&self) -> f64 {
        let (least, most) =
            self.seconds.iter().fold((f64::INFINITY, 0.0f64), |(a, b), &s| (a.min(s), b.max(s)));
        most / least
    }
}

fn same_case(a: Case, b: Case) -> bool {
    a.of == b.of && a.distribution == b.distribution && a.n == b.n
}

fn name(case: Case) -> String {
    format!("{:?} {:?}", case.of, case.distribution).to_lowercase()
}

fn mpi_line() -> String {
    let version = rankwise::mpi::environment::library_version().unwrap_or_default();
    let words = version.trim_matches('\0').lines().next().unwrap_or_default().split_whitespace();
    words.collect::<Vec<_>>().join(" ")
}
