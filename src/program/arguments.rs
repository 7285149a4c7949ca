//! The command line of a program, and the one argument that all programs have.

use std::path::PathBuf;

use clap::{Arg, Command, Parser, value_parser};

const TRACE: &str = "trace";

/// The arguments of this process, and the file for a picture of the run, if one is asked for.
pub(super) fn parse<A: Parser>() -> Result<(A, Option<PathBuf>), clap::Error> {
    let (command, ours) = with_trace(A::command());
    let mut matches = command.try_get_matches()?;
    let trace = if ours { matches.remove_one::<PathBuf>(TRACE) } else { None };
    let args = A::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut A::command()))?;
    Ok((args, trace))
}

/// Adds `--trace FILE`, unless the program has a `--trace` of its own; whether it is ours.
fn with_trace(command: Command) -> (Command, bool) {
    let taken = |arg: &Arg| arg.get_id() == TRACE || arg.get_long() == Some(TRACE);
    if command.get_arguments().any(taken) {
        return (command, false);
    }
    let arg = Arg::new(TRACE)
        .long(TRACE)
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .help("Write a picture of the run: FILE ends in .html, .svg, .txt or .json (for Perfetto)");
    (command.arg(arg), true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{CommandFactory, FromArgMatches};

    #[derive(Parser)]
    struct Plain {}

    #[derive(Parser)]
    struct Own {
        #[arg(long)]
        trace: bool,
    }

    #[test]
    fn a_program_keeps_its_own_argument() {
        let (command, ours) = with_trace(Plain::command());
        assert!(ours);
        let matches = command.try_get_matches_from(["it", "--trace", "run.html"]).expect("it has that");
        assert_eq!(matches.get_one::<PathBuf>(TRACE), Some(&PathBuf::from("run.html")));
        let (command, ours) = with_trace(Own::command());
        assert!(!ours);
        let matches = command.try_get_matches_from(["it", "--trace"]).expect("it has that");
        assert!(Own::from_arg_matches(&matches).is_ok_and(|own| own.trace));
    }
}
