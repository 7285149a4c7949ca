//! The command line, and the list of commands.

use std::error::Error;
use std::io::Read;
use std::path::PathBuf;

use clap::Parser;
use rankwise::progress::Show;

use crate::command::Job;

const EXAMPLES: &str = "Examples:
  mpirun -n 4 command_farm commands.txt
      a shell command a line

  ls *.tif | mpirun -n 4 command_farm - --command 'convert {} -resize 50% small/{}' --joblog log.tsv
      one command for many inputs; {} is the line, quoted for the shell, {#} its number

  srun --mpi=pmix command_farm commands.txt --joblog log.tsv --resume
      in a batch job that may be submitted again: what has ended well is not run again";

/// Runs shell commands from a list on all ranks, each as it has time.
///
/// A command runs by `sh -c`, without input and without the launcher's variables, so that it is a program like any other. What it
/// writes comes out in one piece when it has ended. One that fails does not stop the others; the exit code is then 1.
#[derive(Debug, Parser)]
#[command(name = "command_farm", version, after_help = EXAMPLES)]
pub(crate) struct Args {
    /// A command a line, or an input a line with --command; - is standard input. Blank lines are left out
    list: PathBuf,

    /// The command for each line of the list: {} is the line, quoted, {#} its number; without {} the line is put at the end
    #[arg(long, short, value_name = "COMMAND")]
    command: Option<String>,

    /// Write a line for each command that has ended, as GNU parallel does: number, host, start, seconds, exit code, signal, command
    #[arg(long, value_name = "FILE")]
    pub(crate) joblog: Option<PathBuf>,

    /// Leave out the commands that have succeeded by the job log, and go on writing it
    #[arg(long, requires = "joblog")]
    pub(crate) resume: bool,

    /// Write what commands have written in the order of the list, at the end; it is kept in memory until then
    #[arg(long, short)]
    pub(crate) keep_order: bool,

    /// Stop soon after the first command that fails
    #[arg(long)]
    pub(crate) halt: bool,

    /// Run a command that fails again, up to so many times
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) retries: usize,

    /// End a command after so many seconds; it has failed then, with exit code 124
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) timeout: Option<u64>,

    /// Show progress on the root's terminal
    #[arg(long, value_enum, default_value_t = Show::Auto, value_name = "WHEN")]
    pub(crate) progress: Show,
}

impl Args {
    /// The whole list.
    pub(crate) fn jobs(&self) -> Result<Vec<Job>, Box<dyn Error>> {
        let mut text = String::new();
        if self.list.as_os_str() == "-" {
            std::io::stdin().read_to_string(&mut text).map_err(|error| format!("standard input: {error}"))?;
        } else {
            text = std::fs::read_to_string(&self.list)
                .map_err(|error| format!("{}: {error}", self.list.display()))?;
        }
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        Ok(lines.zip(1..).map(|(line, number)| Job { number, command: self.filled(line, number) }).collect())
    }

    fn filled(&self, line: &str, number: u64) -> String {
        let Some(command) = &self.command else { return line.to_owned() };
        // The shell takes nothing in single quotes for anything else.
        let quoted = format!("'{}'", line.replace('\'', r"'\''"));
        let mut parts: Vec<String> =
            command.split("{}").map(|part| part.replace("{#}", &number.to_string())).collect();
        if parts.len() == 1 {
            parts = vec![format!("{} ", parts[0]), String::new()];
        }
        parts.join(&quoted)
    }
}
