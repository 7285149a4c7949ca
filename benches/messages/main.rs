//! As fast as C? Every message-passing operation from 8 bytes to 64 MiB: this crate, the `mpi` crate and C, interleaved in the
//! same processes, and mpi4py under the same launcher.
//!
//! Run: make bench-messages ARGS=--quick
//!
//! This file is the driver: it starts itself under the launcher (measure.rs), then messages.py (python.rs), and shows what they
//! have measured (table.rs, results.rs, plot.rs).

mod allocations;
mod c;
mod compare;
mod machine;
mod measure;
mod operation;
mod ours;
mod plot;
mod python;
mod raw;
mod record;
mod results;
mod table;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use rankwise::testing::launcher;

use operation::Operation;
use record::Record;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// Measures every message-passing operation against C, the mpi crate and mpi4py.
///
/// C (messages.c, compiled by $MPICC -O2), the mpi crate and both forms of this crate run in the same processes, on the same
/// buffers (page-aligned and touched before), in an order that is shuffled from sample to sample. Each sample is: one call that
/// does not count, a barrier, then as many calls as fill the sample's time (at least one); its time is that of the slowest rank. All
/// variants make the same number of calls. The root moves on with every call. Before anything is timed, what each variant receives
/// is checked.
///
/// Bytes are those of one rank's block where the data is cut into one block a rank (scatter, gather, all_gather, all_to_all,
/// reduce_scatter), otherwise of a rank's whole buffer, as in the OSU benchmarks (whose reduce_scatter gives the whole).
/// ping_pong is the time of one way, which is two calls: a send and a receive. "C that allocates" makes its result with malloc in the
/// call and frees it; for broadcast, and for ping_pong and send_recv, whose length the receiver does not know, it finds out as one
/// does in C: by a message before, by a probe.
///
/// mpi4py is taken from $PYTHON, or python3, in processes of its own right after the others, operation by operation. NumPy's memory
/// lies elsewhere, from 4 MiB on in huge pages: a tenth more or less says nothing. It is skipped when it is not there or uses another MPI. Calls that take long have fewer samples there.
#[derive(Parser)]
#[command(name = "messages", after_help = EXAMPLES)]
struct Args {
    /// Numbers of ranks, one after the other.
    #[arg(long, value_delimiter = ',', default_value = "2", value_parser = clap::value_parser!(u16).range(2..))]
    ranks: Vec<u16>,
    /// Only these operations.
    #[arg(long, value_delimiter = ',', value_enum)]
    ops: Vec<Operation>,
    /// Only sizes up to this, such as 4096, 4K or 2M [default: 64M, with --quick 256K].
    #[arg(long, value_parser = bytes)]
    max_bytes: Option<usize>,
    /// Samples of each variant [default: 31, with --quick 9].
    #[arg(long)]
    samples: Option<usize>,
    /// A few seconds instead of minutes: fewer samples, no large messages, no page of results.
    #[arg(long)]
    quick: bool,
    /// Write the page of results and its picture here [default: benches/results, with --quick none].
    #[arg(long, value_name = "DIR")]
    results: Option<PathBuf>,

    #[arg(long, hide = true)]
    sample_micros: Option<f64>,
    /// For the copies on the ranks: the C functions, and where to write what was measured.
    #[arg(long, hide = true)]
    library: Option<PathBuf>,
    #[arg(long, hide = true, requires = "library")]
    record: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  make bench-messages                                  all, with Open MPI
  make bench-messages MPI=mpich ARGS=--quick           a first look, with MPICH
  make bench-messages ARGS='--ops broadcast,reduce --max-bytes 4K'
  make bench-messages ARGS='--ranks 2,4 --results /tmp/results'
  PYTHON=/path/to/venv/bin/python make bench-messages  with the mpi4py of that Python

The table goes to standard output, all figures to target/bench/messages.json.";

/// What is to be measured.
struct Plan {
    operations: Vec<Operation>,
    bytes: Vec<usize>,
    samples: usize,
    /// A sample of small messages lasts at least about this long.
    sample_micros: f64,
}

impl Plan {
    fn new(args: &Args) -> Self {
        let (samples, sample_micros, most) =
            if args.quick { (9, 30.0, 256 << 10) } else { (31, 100.0, 64 << 20) };
        let most = args.max_bytes.unwrap_or(most);
        // From 8 bytes, each 8 times the one before; the last step is shorter.
        let steps = (0..8).map(|step| 8 << (3 * step)).chain([64 << 20]);
        Plan {
            operations: if args.ops.is_empty() {
                Operation::value_variants().into()
            } else {
                args.ops.clone()
            },
            bytes: steps.filter(|&bytes| bytes <= most).collect(),
            samples: args.samples.unwrap_or(samples).max(1),
            sample_micros: args.sample_micros.unwrap_or(sample_micros),
        }
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    let plan = Plan::new(&args);
    if let (Some(library), Some(record)) = (&args.library, &args.record) {
        return rankwise::run(|world| measure::all(world, &plan, library, record));
    }
    match drive(&args, &plan) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn drive(args: &Args, plan: &Plan) -> Outcome {
    let this = std::env::current_exe()?;
    let bench = target(&this).join("bench");
    let folder = bench.join(machine::mpi_name());
    fs::create_dir_all(&folder)?;
    let library = folder.join("libmessages.so");
    let load = machine::load();
    let mut conditions = machine::conditions(&c::compile(&library)?);
    conditions.push(format!("samples: {} of each variant", plan.samples));
    let mut records = Vec::new();
    let mut python = python::find();
    for ranks in args.ranks.iter().copied().map(usize::from) {
        let mut record = Record::default();
        // mpi4py right after the others, operation by operation: over minutes, a machine changes.
        for &operation in &plan.operations {
            on_ranks(&this, plan, operation, ranks, &library, &folder, &mut record)?;
            python::measure(&mut python, plan, operation, ranks, &folder, &mut record);
        }
        for note in std::mem::take(&mut record.notes) {
            if !conditions.contains(&note) {
                conditions.push(note);
            }
        }
        println!("{}", table::table(ranks, &record));
        conditions.push(format!(
            "disturbed, at {ranks} ranks: {} of {} samples{}",
            record.disturbed,
            record.samples,
            if record.disturbed * 20 > record.samples {
                ": too many; measure again on a quiet machine"
            } else {
                ""
            }
        ));
        records.push((ranks, record));
    }
    conditions.push(format!("load before and after: {load}, {}", machine::load()));
    for line in &conditions {
        println!("{line}");
    }
    let json = bench.join("messages.json");
    fs::write(&json, serde_json::to_string_pretty(&results::json(&records))? + "\n")?;
    eprintln!("figures: {}", json.display());
    let usual = Path::new(env!("CARGO_MANIFEST_DIR")).join("results");
    match &args.results {
        Some(folder) => results::page(folder, &conditions, &records),
        None if !args.quick => results::page(&usual, &conditions, &records),
        None => Ok(()),
    }
}

/// Starts this program again, under the launcher.
fn on_ranks(
    this: &Path,
    plan: &Plan,
    operation: Operation,
    ranks: usize,
    library: &Path,
    folder: &Path,
    record: &mut Record,
) -> Outcome {
    eprintln!("{ranks} ranks: {}", operation.name());
    let lines = folder.join(format!("{}-{ranks}.txt", operation.name()));
    let _ = fs::remove_file(&lines);
    let mut command = launcher(ranks);
    command.arg(this).args(["--ops", &operation.name(), "--samples", &plan.samples.to_string()]);
    command.args(["--sample-micros", &plan.sample_micros.to_string()]);
    command.args(["--max-bytes", &plan.bytes.iter().max().unwrap_or(&0).to_string()]);
    command.arg("--library").arg(library).arg("--record").arg(&lines);
    let status = command.status().map_err(|error| format!("cannot start {command:?}: {error}"))?;
    if !status.success() {
        return Err(format!("the ranks end with {status}").into());
    }
    let text = fs::read_to_string(&lines)?;
    record.read(&text).ok_or_else(|| format!("{} is not understood", lines.display()))?;
    Ok(())
}

/// The folder `target` that holds this program, without the MPI's name, which env.sh adds to it.
fn target(this: &Path) -> PathBuf {
    let of_mpi = this.ancestors().nth(2).unwrap_or(Path::new("target"));
    let named = of_mpi.file_name().is_some_and(|name| name == "openmpi" || name == "mpich");
    of_mpi.parent().filter(|_| named).unwrap_or(of_mpi).to_owned()
}

/// A number of bytes, with K or M for 1024 or 1024² of them.
fn bytes(text: &str) -> Result<usize, String> {
    let (digits, unit) = match text.as_bytes().last() {
        Some(b'K' | b'k') => (&text[..text.len() - 1], 1 << 10),
        Some(b'M' | b'm') => (&text[..text.len() - 1], 1 << 20),
        _ => (text, 1),
    };
    let number: usize = digits.parse().map_err(|_| "a number of bytes, as 4096, 4K or 2M")?;
    if number.saturating_mul(unit) < 8 {
        Err("at least 8 bytes".into())
    } else {
        Ok(number.saturating_mul(unit))
    }
}
