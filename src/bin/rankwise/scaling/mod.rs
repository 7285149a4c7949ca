//! `rankwise scaling`: the same program on more and more ranks, and what that brings.

mod fit;
mod limits;
mod messages;
mod picture;
mod runs;
mod study;
mod table;

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use rankwise::file::{check_new, write_whole};

use messages::Messages;
pub(crate) use messages::speed;
use runs::{Job, Work};
use study::Study;

/// Runs a program on more and more ranks: speed-up, efficiency, what limits it, what more ranks would bring.
#[derive(clap::Args)]
#[command(after_help = "\
What is timed are the phases of the program's own report (`--report json`), each of its slowest rank; of a program that makes none it is
the whole run, with the start of its ranks.

For what more ranks would bring, the speed of messages between two ranks is measured, and those that the program sends are counted, by one
more run with a trace on each number of ranks. On several nodes of an allocation, it is the speed between two of them.

With --weak the work grows with the ranks: {ranks} in an argument of the program is their number, {ranks*N} is N times as many, and
{sqrt(ranks)*N} and {cbrt(ranks)*N} are for the sides of a square and of a cube.

Examples:
  rankwise scaling -- target/openmpi/release/examples/bubble_sort --random 5000000
  rankwise scaling --ranks 1,2,3,4 --repeat 9 -o sort -- target/openmpi/release/examples/bubble_sort --random 5000000
  rankwise scaling --weak -- target/openmpi/release/examples/bubble_sort --random '{ranks*2000000}'
  rankwise scaling --phase compute -- target/openmpi/release/examples/parzen cities.h5 --grid 720x360 -o map.h5
  rankwise scaling --launcher 'srun --mpi=pmix -n' -- ./solver       inside an allocation of Slurm")]
pub(crate) struct Args {
    /// The same work on all numbers of ranks: as much faster as there are ranks is the best (the default).
    #[arg(long, conflicts_with = "weak")]
    strong: bool,
    /// Work that grows with the ranks: in the same time is the best.
    #[arg(long)]
    weak: bool,
    /// How many ranks, one after the other; if not given, 1, 2, 4 … to the cores there are, or to the tasks of the allocation.
    #[arg(long, value_delimiter = ',', value_name = "N,N…", value_parser = ranks)]
    ranks: Vec<usize>,
    /// How often each; they take turns, so that what disturbs a while disturbs all.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    repeat: u32,
    /// Only these phases of the report.
    #[arg(long, value_delimiter = ',', value_name = "NAME,NAME…", conflicts_with = "whole")]
    phase: Vec<String>,
    /// Time whole runs, with the start of their ranks, whatever the program reports.
    #[arg(long)]
    whole: bool,
    /// Count no messages, and save a run on each number of ranks.
    #[arg(long)]
    no_messages: bool,
    /// What starts ranks; their number and the program follow. If not given, the mpirun of the MPI of this tool, or srun inside an allocation.
    #[arg(long, value_name = "WORDS")]
    launcher: Option<String>,
    /// Seconds after which a run counts as hanging and is ended.
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..))]
    limit: u64,
    /// Where the table (.csv) and the picture (.svg) go.
    #[arg(short, long, default_value = "scaling", value_name = "STEM")]
    output: PathBuf,
    /// The program, with its arguments, behind --.
    #[arg(last = true, required = true, value_name = "PROGRAM")]
    program: Vec<String>,
}

fn ranks(word: &str) -> Result<usize, String> {
    match word.trim().parse() {
        Ok(0) | Err(_) => Err("numbers of ranks from 1, as in 1,2,4".into()),
        Ok(ranks) => Ok(ranks),
    }
}

/// The program without its folder, and its arguments.
fn shown(program: &[String]) -> String {
    let name = program[0].rsplit('/').next().unwrap_or_default();
    std::iter::once(name).chain(program[1..].iter().map(String::as_str)).collect::<Vec<_>>().join(" ")
}

/// Runs, and tells.
pub(crate) fn alone(args: &Args) -> Result<(), Box<dyn Error>> {
    let [csv, svg] = ["csv", "svg"].map(|kind| {
        let mut path = args.output.clone().into_os_string();
        path.push(format!(".{kind}"));
        PathBuf::from(path)
    });
    // Before the runs, which may take an hour.
    check_new(&csv)?;
    check_new(&svg)?;
    let job = Job {
        work: Work::new(&args.program, args.weak)?,
        launcher: runs::launcher(args.launcher.as_deref()),
        limit: Duration::from_secs(args.limit),
        whole: args.whole,
    };
    let mut counts = if args.ranks.is_empty() { runs::doubling(runs::places()) } else { args.ranks.clone() };
    counts.sort_unstable();
    counts.dedup();
    let runs = runs::all(&job, &counts, args.repeat)?;
    let mut study = Study::of(&runs, &args.phase, args.weak, runs::places())?;
    if !args.no_messages && counts.iter().any(|&ranks| ranks > 1) {
        match Messages::of(&job, &counts, runs::places()) {
            Ok(messages) => study = study.with(messages),
            Err(reason) => eprintln!("note: no messages in the predictions: {reason}"),
        }
    }
    let command = shown(&args.program);
    print!("{}", table::text(&study, &command));
    write_whole(&csv, table::csv(&study).as_bytes())?;
    write_whole(&svg, picture::svg(&study, &command).as_bytes())?;
    println!("\n{} and {} have the table and the picture", csv.display(), svg.display());
    Ok(())
}
