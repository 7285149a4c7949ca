//! One run after the other, and how long each phase took.

use std::collections::HashSet;
use std::env;
use std::error::Error;
use std::io::{Write, stderr};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rankwise::progress::Show;
use rankwise::testing::{self, Ended, run_to_end};
use serde_json::Value;

use crate::doctor::{self, which};

/// What is to be run.
pub(super) struct Job {
    pub(super) work: Work,
    /// The words before the number of ranks; none for that of the tool's own MPI.
    pub(super) launcher: Option<Vec<String>>,
    pub(super) limit: Duration,
    pub(super) whole: bool,
}

/// A run that ended well.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Run {
    pub(super) ranks: usize,
    pub(super) phases: Vec<Phase>,
    /// Reading and writing, of the slowest rank, in seconds.
    pub(super) files: f64,
}

/// Seconds of a phase of a run.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Phase {
    pub(super) name: String,
    pub(super) mean: f64,
    pub(super) max: f64,
}

/// The name of the one phase of a program that reports none.
pub(super) const WHOLE: &str = "whole run";

/// A program with its arguments, in some of which the number of ranks may stand.
pub(super) struct Work {
    words: Vec<String>,
}

impl Work {
    pub(super) fn new(words: &[String], weak: bool) -> Result<Work, Box<dyn Error>> {
        let program = &words[0];
        if !program.contains('/') && which(program).is_none() {
            return Err(
                format!("{program} is not on the PATH; a program of this folder is ./{program}").into()
            );
        }
        if program.contains('/') && !Path::new(program).is_file() {
            return Err(format!("there is no {program}: build it first").into());
        }
        let work = Work { words: words.to_vec() };
        let (one, two) = (work.for_ranks(1)?, work.for_ranks(2)?);
        if weak && one == two {
            return Err("with --weak the work is to grow: say where, as in --random '{ranks*1000000}'".into());
        }
        Ok(work)
    }

    /// The words for that many ranks.
    fn for_ranks(&self, ranks: usize) -> Result<Vec<String>, String> {
        self.words.iter().map(|word| filled(word, ranks)).collect()
    }
}

/// A word in which {ranks}, {ranks*N}, {sqrt(ranks)*N} and {cbrt(ranks)*N} are numbers.
fn filled(word: &str, ranks: usize) -> Result<String, String> {
    let Some((before, rest)) = word.split_once('{') else { return Ok(word.to_owned()) };
    let Some((inner, after)) = rest.split_once('}') else { return Ok(word.to_owned()) };
    let (factor, times) = match inner.split_once('*') {
        Some((factor, times)) => (factor.trim(), times.trim().parse::<f64>().ok()),
        None => (inner.trim(), Some(1.0)),
    };
    let factor = match factor {
        "ranks" => ranks as f64,
        "sqrt(ranks)" => (ranks as f64).sqrt(),
        "cbrt(ranks)" => (ranks as f64).cbrt(),
        // Braces of the program's own.
        _ => return Ok(format!("{before}{{{inner}}}{}", filled(after, ranks)?)),
    };
    let Some(times) = times else {
        return Err(format!("in {word}: {{ranks*N}}, {{sqrt(ranks)*N}} or {{cbrt(ranks)*N}}, with a number"));
    };
    Ok(format!("{before}{:.0}{}", factor * times, filled(after, ranks)?))
}

/// The launcher that was asked for, or the one of an allocation of Slurm; `None` is that of the tool's MPI.
pub(super) fn launcher(asked: Option<&str>) -> Option<Vec<String>> {
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect();
    if let Some(asked) = asked {
        return Some(words(asked));
    }
    if env::var_os("SLURM_JOB_ID").is_none() || env::var_os("MPIEXEC").is_some() {
        return None;
    }
    doctor::srun_plugin().map(|plugin| words(&format!("srun --mpi={plugin} --kill-on-bad-exit=1 --exact -n")))
}

/// How many ranks have a core of their own: the tasks of the allocation, or the cores of this process.
pub(super) fn places() -> usize {
    let tasks = || env::var("SLURM_NTASKS").ok()?.parse().ok();
    tasks().unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
}

/// 1, 2, 4 … and `most`.
pub(super) fn doubling(most: usize) -> Vec<usize> {
    let mut counts: Vec<usize> =
        std::iter::successors(Some(1), |n| Some(n * 2)).take_while(|&n| n < most).collect();
    counts.push(most);
    counts
}

/// All runs, the numbers of ranks taking turns. It says on a terminal how far it is.
pub(super) fn all(job: &Job, counts: &[usize], repeat: u32) -> Result<Vec<Run>, Box<dyn Error>> {
    let total = counts.len() * repeat as usize;
    let mut runs = Vec::with_capacity(total);
    // Once a program is found to make no report, it is not asked again.
    let mut reports = !job.whole;
    for turn in 1..=repeat {
        for &ranks in counts {
            let say = Show::Auto.on_stderr();
            if say {
                eprint!("\r\x1b[Krun {} of {total}: {ranks} ranks, turn {turn}", runs.len() + 1);
                stderr().flush()?;
            }
            let run = one(job, ranks, &mut reports);
            if say {
                eprint!("\r\x1b[K");
            }
            runs.push(run?);
        }
    }
    let known: HashSet<Vec<&str>> =
        runs.iter().map(|run| run.phases.iter().map(|phase| phase.name.as_str()).collect()).collect();
    match known.len() {
        1 => Ok(runs),
        _ => Err("the runs report different phases: pass --whole to time whole runs".into()),
    }
}

fn one(job: &Job, ranks: usize, reports: &mut bool) -> Result<Run, Box<dyn Error>> {
    let ended = started(job, ranks, *reports)?;
    // clap's words for an option that is not there.
    if *reports && ended.stderr.contains("unexpected argument '--report'") {
        *reports = false;
        eprintln!(
            "note: the program knows no --report json: whole runs are timed, with the start of their ranks"
        );
        return one(job, ranks, reports);
    }
    let plural = if ranks == 1 { "" } else { "s" };
    match ended.status {
        Some(status) if status.success() => {}
        Some(status) => {
            return Err(format!(
                "on {ranks} rank{plural} the program failed, {status}:\n{}",
                ended.stderr.trim_end()
            )
            .into());
        }
        None => {
            let limit = job.limit.as_secs();
            return Err(format!(
                "on {ranks} rank{plural} the program did not end within {limit} s (--limit):\n{}",
                ended.stderr.trim_end()
            )
            .into());
        }
    }
    let whole = ended.time.as_secs_f64();
    if !*reports {
        let phases = vec![Phase { name: WHOLE.into(), mean: whole, max: whole }];
        return Ok(Run { ranks, phases, files: 0.0 });
    }
    let Some(report) = report(&ended.stdout) else {
        *reports = false;
        eprintln!(
            "note: the program was given --report json and printed no report: whole runs are timed, with the start of their ranks"
        );
        return one(job, ranks, reports);
    };
    if report.0 != ranks {
        return Err(format!(
            "{ranks} ranks were started and the program reports {}: is the launcher that of its MPI?",
            report.0
        )
        .into());
    }
    Ok(Run { ranks, phases: report.1, files: report.2 })
}

fn started(job: &Job, ranks: usize, reports: bool) -> Result<Ended, Box<dyn Error>> {
    Ok(run_to_end(command(job, ranks, reports)?, job.limit))
}

/// The program on that many ranks.
pub(super) fn command(job: &Job, ranks: usize, reports: bool) -> Result<Command, Box<dyn Error>> {
    let mut command = launched(job, ranks)?;
    command.args(job.work.for_ranks(ranks)?);
    if reports {
        command.args(["--report", "json"]);
    }
    Ok(command)
}

/// The launcher for that many ranks; what it launches is still to be said.
pub(super) fn launched(job: &Job, ranks: usize) -> Result<Command, Box<dyn Error>> {
    let command = match &job.launcher {
        None => testing::launcher(ranks),
        Some(words) => {
            let (first, rest) = words.split_first().ok_or("--launcher is empty")?;
            let mut command = Command::new(first);
            command.args(rest).arg(ranks.to_string());
            command
        }
    };
    let name = command.get_program().to_string_lossy().into_owned();
    if !name.contains('/') && which(&name).is_none() {
        return Err(format!(
            "{name} is not on the PATH: load the module of the MPI, or say --launcher 'WORDS -n'"
        )
        .into());
    }
    Ok(command)
}

/// The ranks, phases and seconds in files of the first report in what a program printed.
fn report(printed: &str) -> Option<(usize, Vec<Phase>, f64)> {
    let mut from = 0;
    for line in printed.split_inclusive('\n') {
        if line.starts_with('{')
            && let Some(Ok(value)) =
                serde_json::Deserializer::from_str(&printed[from..]).into_iter::<Value>().next()
            && let Some(phases) = value["phases"].as_object()
        {
            let phases = phases
                .iter()
                .map(|(name, spread)| {
                    Some(Phase {
                        name: name.clone(),
                        mean: spread["mean"].as_f64()?,
                        max: spread["max"].as_f64()?,
                    })
                })
                .collect::<Option<Vec<_>>>()?;
            let files =
                ["writing", "reading"].map(|name| value["files"][name]["max"].as_f64().unwrap_or(0.0));
            return Some((value["ranks"].as_u64()? as usize, phases, files[0] + files[1]));
        }
        from += line.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_stand_where_they_are_asked_for() {
        let cases = [
            ("--n={ranks*250}", "--n=1000"),
            ("{ranks}", "4"),
            ("{sqrt(ranks)*100}x{sqrt(ranks)*50}", "200x100"),
            ("{cbrt(ranks)*10}", "16"),
            ("{ranks*1e6}", "4000000"),
            ("plain", "plain"),
            ("{\"json\": {ranks}}", "{\"json\": {ranks}}"),
            ("a{b", "a{b"),
        ];
        for (word, expected) in cases {
            assert_eq!(filled(word, 4).as_deref(), Ok(expected), "{word}");
        }
        assert!(filled("{ranks*many}", 4).is_err());
    }

    #[test]
    fn a_report_is_found_among_other_lines() {
        let printed = "hello\n{braces of another kind}\n{\n \"ranks\": 3, \"phases\": {\"work\": {\"min\": 1, \"mean\": 2, \"max\": 3.5}},\n\
                       \"files\": {\"writing\": {\"max\": 0.25}}}\nbye\n";
        let work = Phase { name: "work".into(), mean: 2.0, max: 3.5 };
        assert_eq!(report(printed), Some((3, vec![work], 0.25)));
        assert_eq!(report("{\"ranks\": 3}\n"), None);
        assert_eq!(report(""), None);
    }

    #[test]
    fn counts_double_to_what_there_is() {
        for (most, expected) in [(1, vec![1]), (2, vec![1, 2]), (6, vec![1, 2, 4, 6]), (8, vec![1, 2, 4, 8])]
        {
            assert_eq!(doubling(most), expected);
        }
    }
}
