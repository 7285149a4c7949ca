//! PROJECT: start, arguments, work, report. What it computes is in lib.rs.

//[hdf5
use std::path::PathBuf;

//]
use rankwise::clap::{self, Parser, ValueEnum};
use rankwise::prelude::*;
use rankwise::report::Phases;

/// π on as many ranks as there are.
#[derive(Parser)]
#[command(version, after_help = "Example: mpirun -n 4 PROJECT --report text")]
struct Args {
    /// How many points.
    #[arg(long, default_value_t = 10_000_000)]
    points: usize,
    //[hdf5
    /// Where the heights go, an HDF5 file.
    #[arg(short, long)]
    output: Option<PathBuf>,
    //]
    /// Where the time went.
    #[arg(long)]
    report: Option<Format>,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Format {
    Text,
    Json,
}

fn main() -> ExitCode {
    rankwise::run_with::<Args>(|world, args| {
        let mut phases = Phases::new();
        let pi = phases.time("compute", || CRATE::pi(world, args.points))?;
        //[hdf5
        if let Some(output) = &args.output {
            phases.time("write", || CRATE::save(world, args.points, output))?;
        }
        //]
        let report = phases.report(world)?;
        if args.report != Some(Format::Json) {
            root_println!(world, "π is about {pi:.12} ({} ranks)", world.size());
        }
        // Only the root has the report.
        match (args.report, report) {
            (Some(Format::Text), Some(report)) => println!("{}", report.text()),
            (Some(Format::Json), Some(report)) => println!("{}", report.json()),
            _ => {}
        }
        Ok(())
    })
}
