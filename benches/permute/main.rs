//! What permuting a corpus costs, beside the tools that people use for it: `make bench-permute`, ARGS=--help for more.
//!
//! Every round runs all of them, one after the other, on the same file, which is in the page cache. Times are those of whole commands,
//! as a person waits for them, and of ours also without the start and the end of MPI.
//!
//! Before each of them as much memory as it needs is written and freed again: the first touch of memory that a virtual machine's
//! host has to find takes several times as long as all else, and would be measured instead.

mod table;
mod terashuf;

use std::error::Error;
use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use clap::Parser;
use rankwise::kernels::permutation::key;
use rankwise::testing::launcher;
use serde_json::Value;
use table::{Case, Samples};

/// Permutes a large text with ours and with its peers, and compares the times.
#[derive(Parser)]
struct Args {
    /// Size of the text in MB
    #[arg(long, default_value_t = 1000)]
    megabytes: u64,
    /// How often everything is measured
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Ranks of ours
    #[arg(long, default_value_t = 2)]
    ranks: usize,
    /// Where the files go: room for ten times the text [default: that for temporary files]
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Runs the twin of terashuf: INPUT OUTPUT BYTES
    #[arg(long, hide = true, num_args = 3)]
    terashuf: Vec<String>,
}

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

fn main() -> Outcome {
    let args = Args::parse();
    if let [input, output, memory] = &args.terashuf[..] {
        return Ok(terashuf::run(input.as_ref(), output.as_ref(), memory.parse()?)?);
    }
    let folder = args.folder.clone().unwrap_or_else(std::env::temp_dir).join("rankwise-bench-permute");
    fs::create_dir_all(&folder)?;
    let outcome = Bench { args: &args, folder: &folder }.run();
    fs::remove_dir_all(&folder)?;
    outcome
}

struct Bench<'a> {
    args: &'a Args,
    folder: &'a Path,
}

/// What a command of ours says of itself.
struct Said {
    time: f64,
    megabytes: f64,
}

impl Bench<'_> {
    fn run(&self) -> Outcome {
        let input = self.file("input.txt");
        let (bytes, lines) = write_text(&input, self.args.megabytes * 1_000_000)?;
        let small = self.file("small.txt");
        write_text(&small, bytes / 50)?;
        println!(
            "{bytes} bytes, {lines} lines, {} rounds, {} ranks of ours\n",
            self.args.rounds, self.args.ranks
        );

        let mut all = Samples::default();
        for _ in 0..self.args.rounds {
            // Everything is in the page cache again.
            fs::read(&input)?.truncate(0);
            all.add("cat", self.time(Command::new("cat").arg(&input).stdout(Stdio::null()))?);
            all.add("cp", self.time(Command::new("cp").arg(&input).arg(self.file("out")))?);
            all.add("shuf", self.time(Command::new("shuf").arg(&input).arg("-o").arg(self.file("out")))?);
            all.add("terashuf", self.terashuf(&input, 4 << 30)?);
            all.add("terashuf, 0.1 GB", self.terashuf(&input, 100_000_000)?);
            self.ours(&mut all, "one", &input, &[])?;
            let memory = format!("{}", 100_000_000);
            self.ours(&mut all, "out of core", &input, &["--memory", &memory])?;
            self.ours(&mut all, "four", &input, &["--copies", "4"])?;
            let four = "for n in 1 2 3 4; do cp \"$0\" \"$1$n\" || exit; done; rm \"$1\"?";
            all.add(
                "four cp",
                self.time(Command::new("sh").args(["-c", four]).arg(&input).arg(self.file("out")))?,
            );
            all.add(
                "sort -R",
                self.time(Command::new("sort").arg("-R").arg(&small).arg("-o").arg(self.file("out")))?,
            );
            self.ours(&mut all, "small", &small, &[])?;
        }
        let four_shuf = all.median("shuf").map(|seconds| 4.0 * seconds);
        let peer = |name: &'static str, of: &str| (name, all.median(of));
        let cases = [
            Case::new("one permutation", all.median("one"), peer("GNU shuf", "shuf"), Some(0.6)),
            Case::new("one permutation", all.median("one"), peer("terashuf (our twin)", "terashuf"), None),
            Case::new("one permutation", all.median("one"), peer("cp", "cp"), None),
            Case::new("one permutation", all.median("one"), peer("cat > /dev/null", "cat"), None),
            Case::new(
                "one permutation, without MPI's start",
                all.median("one, inside"),
                peer("GNU shuf", "shuf"),
                Some(0.6),
            ),
            Case::new("four from one read", all.median("four"), ("4 GNU shuf", four_shuf), Some(1.8)),
            Case::new("four from one read", all.median("four"), peer("4 cp", "four cp"), None),
            Case::new(
                "four, without MPI's start",
                all.median("four, inside"),
                peer("4 cp", "four cp"),
                Some(1.8),
            ),
            Case::new(
                "0.1 GB a rank",
                all.median("out of core"),
                peer("terashuf (our twin), 0.1 GB", "terashuf, 0.1 GB"),
                Some(1.2),
            ),
            Case::new(
                "0.1 GB a rank, without MPI's start",
                all.median("out of core, inside"),
                peer("terashuf (our twin), 0.1 GB", "terashuf, 0.1 GB"),
                Some(1.2),
            ),
            Case::new("1/50 of the text", all.median("small"), peer("sort -R", "sort -R"), None),
        ];
        table::print(&all, &cases);
        let peak = all.most("out of core, peak MB");
        println!("\nmost memory of a rank with --memory 100000000: {peak:.1} MB");
        table::write_json(&cases, peak)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Touches the memory that the next command gets: so many times the text.
    fn touch(&self, times: u64) -> Outcome {
        let (path, piece) = (self.file("touched"), vec![1; 8 << 20]);
        let mut file = fs::File::create(&path)?;
        for _ in 0..(times * self.args.megabytes).div_ceil(8) {
            file.write_all(&piece)?;
        }
        Ok(fs::remove_file(path)?)
    }

    /// The seconds of a command; its output is removed.
    fn time(&self, command: &mut Command) -> Outcome<Option<f64>> {
        let many = format!("{command:?}").contains("for n in");
        self.touch(if many { 5 } else { 3 })?;
        let start = Instant::now();
        let Ok(status) = command.status() else { return Ok(None) };
        let seconds = start.elapsed().as_secs_f64();
        if !status.success() {
            return Err(format!("{command:?}: {status}").into());
        }
        let _ = fs::remove_file(self.file("out"));
        Ok(Some(seconds))
    }

    fn terashuf(&self, input: &Path, memory: u64) -> Outcome<Option<f64>> {
        let mut this = Command::new(std::env::current_exe()?);
        self.time(this.arg("--terashuf").arg(input).arg(self.file("out")).arg(memory.to_string()))
    }

    /// Runs ours, and notes the time of the command, the time inside, and the memory.
    fn ours(&self, all: &mut Samples, name: &str, input: &Path, more: &[&str]) -> Outcome {
        let mut program = std::env::current_exe()?;
        program.pop();
        let mut command = launcher(self.args.ranks);
        command.arg(program.join("examples/permute_corpus")).arg(input).arg("-o").arg(self.file("out"));
        command.args(more).args(["--report", "json"]).stderr(Stdio::inherit());
        self.touch(if more.contains(&"--copies") { 6 } else { 3 })?;
        let start = Instant::now();
        let output = command.output()?;
        let seconds = start.elapsed().as_secs_f64();
        if !output.status.success() {
            return Err(format!("{command:?}: {}", output.status).into());
        }
        let report: Value = serde_json::from_slice(&output.stdout)?;
        let number =
            |path: &str| report.pointer(path).and_then(Value::as_f64).ok_or(format!("no {path} in {report}"));
        let said =
            Said { time: number("/figures/time/value")?, megabytes: number("/peak_memory/max")? / 1e6 };
        all.add(name, Some(seconds));
        all.add(&format!("{name}, inside"), Some(said.time));
        all.add(&format!("{name}, peak MB"), Some(said.megabytes));
        let _ = fs::remove_file(self.file("out"));
        Ok(())
    }
}

/// Lines of 0 to 230 bytes, 116 on average, as those of the Brown corpus with a number before them.
fn write_text(path: &Path, bytes: u64) -> Outcome<(u64, u64)> {
    const WORDS: &[u8] = b"the jury further said in term-end presentments that the city executive committee , which had over-all \
        charge of the election , deserves the praise and thanks of the city for the manner in which it was conducted . it was so ";
    let mut file = BufWriter::with_capacity(1 << 20, fs::File::create(path)?);
    let (mut written, mut lines) = (0, 0);
    while written < bytes {
        let len = (key(1, 0, lines) % 213) as usize;
        writeln!(file, "{lines:08} {}", str::from_utf8(&WORDS[..len])?)?;
        (written, lines) = (written + len as u64 + 10, lines + 1);
    }
    file.flush()?;
    Ok((written, lines))
}
