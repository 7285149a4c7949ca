//! The tool beside the library: whether programs on ranks can run here, and what to do if not.

mod doctor;

use std::process::ExitCode;

use clap::Parser;

#[derive(Parser)]
#[command(name = "rankwise", version, about = "The tool beside the library rankwise.")]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Whether programs on ranks can run here: MPI, launcher, HDF5, Slurm, cores, memory, speed.
    Doctor(doctor::Args),
}

fn main() -> ExitCode {
    // Without a launcher it looks around first: MPI might not even start.
    if rankwise::program::launched_by().is_none() {
        let Command::Doctor(args) = Args::parse().command;
        return doctor::alone(&args);
    }
    rankwise::run_with::<Args>(|world, args| {
        let Command::Doctor(args) = args.command;
        doctor::on_ranks(world, &args)
    })
}
