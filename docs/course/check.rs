//! Whether a program prints what it should, and in plain words what is different if not.
#![allow(dead_code, reason = "the program and each of the tests use their part")]

use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use rankwise::testing::{run_to_end, test_launcher};

use crate::book::without_launcher;
use crate::places::{LIMIT, Workshop};
use crate::table::Run;

/// Starts a program, given with what it needs before its arguments, as `run` says.
///
/// # Errors
/// What was run, what it printed, and what is wrong with that.
pub fn check(program: &[String], run: &Run) -> Result<(), String> {
    let folder = Workshop::new("check");
    let ended = run_to_end(command(program, run, folder.path()), LIMIT);
    let printed = without_launcher(&ended.stdout);
    let said = without_launcher(&ended.stderr);
    let mut wrong = Vec::new();
    match ended.status.map(|status| status.code()) {
        None => wrong.push(format!("it did not come to an end within {} seconds", LIMIT.as_secs())),
        Some(code) if code != Some(run.code) => {
            let code = code.map_or("a signal".into(), |code| code.to_string());
            wrong.push(format!("its exit code is {code}, and {} was expected", run.code));
        }
        Some(_) => {}
    }
    if let Some(difference) = difference(&printed, run) {
        wrong.push(difference);
    }
    if !said.contains(run.says) {
        wrong.push(format!("it was expected to say on standard error: {}", run.says));
    }
    if wrong.is_empty() {
        return Ok(());
    }
    let mut report = format!("$ {}\n", words(program, run));
    let mut block = |title: &str, text: &str| {
        let text = if text.trim().is_empty() { "(nothing)" } else { text.trim_end() };
        let _ = write!(report, "  {title}:\n    {}\n", text.replace('\n', "\n    "));
    };
    block("printed", &printed);
    if !said.trim().is_empty() {
        block("said on standard error", &said);
    }
    block(if run.free { "expected, in any order" } else { "expected" }, run.prints);
    for wrong in wrong {
        let _ = writeln!(report, "  Not right: {wrong}.");
    }
    if !run.hint.is_empty() {
        let _ = writeln!(report, "  Hint: {}", run.hint);
    }
    Err(report)
}

fn command(program: &[String], run: &Run, folder: &Path) -> Command {
    let mut command = match run.ranks {
        // Without a launcher; but the settings that it would have made do no harm.
        0 => Command::new(&program[0]),
        ranks => {
            let mut command = test_launcher(ranks);
            command.arg(&program[0]);
            command
        }
    };
    command.args(&program[1..]).args(run.args).current_dir(folder).env_remove("RUST_BACKTRACE");
    command.env_remove("RANKWISE_SEND").env_remove("RANKWISE_CHECK").env_remove("RANKWISE_TRACE");
    // With it Python writes a line in two pieces, and another rank's may come between.
    command.env_remove("PYTHONUNBUFFERED");
    // After a failure the launcher of Open MPI 4 otherwise waits up to 2 s for ranks that have ended.
    command.env("OMPI_MCA_odls_base_sigkill_timeout", "0");
    command.envs(run.settings.iter().copied());
    command
}

/// The command as the book would write it.
pub fn words(program: &[String], run: &Run) -> String {
    let settings = run.settings.iter().map(|(name, value)| format!("{name}={value}"));
    let start = (run.ranks > 0).then(|| format!("mpirun -n {}", run.ranks));
    let names = program.iter().map(|word| word.rsplit('/').next().unwrap_or(word).to_owned());
    let args = run.args.iter().map(|word| (*word).to_owned());
    settings.chain(start).chain(names).chain(args).collect::<Vec<_>>().join(" ")
}

/// What is different between the lines that were printed and those that were expected.
fn difference(printed: &str, run: &Run) -> Option<String> {
    let printed: Vec<&str> = lines(printed);
    let mut expected: Vec<&str> = lines(run.prints);
    if !run.free {
        let pairs = printed.iter().zip(&expected);
        if let Some((place, (line, wanted))) =
            pairs.enumerate().find(|(_, (line, wanted))| !fits(line, wanted))
        {
            return Some(format!("line {} is “{line}”, and “{wanted}” was expected", place + 1));
        }
        return match (printed.len(), expected.len()) {
            (have, want) if have < want => Some(format!("the line “{}” is missing", expected[have])),
            (have, want) if have > want => Some(format!("the line “{}” is too many", printed[want])),
            _ => None,
        };
    }
    let mut left = printed;
    // Those that leave something open take what the others have left.
    expected.sort_by_key(|line| line.contains('…'));
    for wanted in expected {
        match left.iter().position(|line| fits(line, wanted)) {
            Some(place) => drop(left.swap_remove(place)),
            None => return Some(format!("no line is “{wanted}”")),
        }
    }
    left.first().map(|line| format!("the line “{line}” is too many"))
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect()
}

/// Whether a line is the one that is wanted, in which `…` stands for anything.
fn fits(line: &str, wanted: &str) -> bool {
    let mut parts = wanted.split('…');
    let Some(mut rest) = parts.next().and_then(|first| line.strip_prefix(first)) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        let Some(place) = rest.find(part) else {
            return false;
        };
        rest = &rest[place + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::run;

    #[test]
    fn an_ellipsis_stands_for_anything_in_a_line() {
        assert!(fits("it took 3 ms on rank 2", "it took … on rank …"));
        assert!(fits("abc", "abc") && fits("abc", "…") && fits("abc", "a…c") && fits("", "…"));
        assert!(!fits("abc", "ab") && !fits("abc", "b…") && !fits("abc", "…b") && !fits("aXbYd", "a…b…c"));
        assert!(!fits("aba", "aba…ba"));
    }

    #[test]
    fn lines_that_are_missing_wrong_or_too_many_are_named() {
        let fixed = run(1, "one\ntwo");
        assert_eq!(difference("one\ntwo\n", &fixed), None);
        assert!(difference("two\none\n", &fixed).is_some_and(|text| text.contains("line 1 is “two”")));
        assert!(difference("one\n", &fixed).is_some_and(|text| text.contains("“two” is missing")));
        assert!(
            difference("one\ntwo\nthree\n", &fixed).is_some_and(|text| text.contains("“three” is too many"))
        );
        let free = fixed.free();
        assert_eq!(difference("two\none\n", &free), None);
        assert!(difference("two\ntwo\n", &free).is_some_and(|text| text.contains("no line is “one”")));
        assert!(difference("two\none\none\n", &free).is_some_and(|text| text.contains("too many")));
    }
}
