//! The tool beside the library: whether programs on ranks can run here, and what to do if not.

mod doctor;
mod new;
mod scaling;

use std::error::Error;
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
    /// A program on more and more ranks: speed-up, efficiency, what limits it, a table and a picture.
    Scaling(scaling::Args),
    /// A small project to begin with: a program on ranks, a test, a batch script.
    New(new::Args),
    /// How fast messages are between two of the ranks that this is started on, for `scaling`.
    #[command(hide = true)]
    Speed,
}

fn main() -> ExitCode {
    if rankwise::program::launched_by().is_some() {
        return rankwise::run_with::<Args>(|world, args| match args.command {
            Command::Doctor(args) => doctor::on_ranks(world, &args),
            Command::Speed => scaling::speed(world),
            Command::Scaling(_) | Command::New(_) => {
                Err("this starts ranks itself, or needs none: run it without a launcher".into())
            }
        });
    }
    // Without a launcher there is no MPI: it might not even start.
    match Args::parse().command {
        Command::Doctor(args) => doctor::alone(&args),
        Command::Scaling(args) => told(scaling::alone(&args)),
        Command::New(args) => told(new::alone(&args)),
        Command::Speed => told(Err("start it on two ranks".into())),
    }
}

fn told(result: Result<(), Box<dyn Error>>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
