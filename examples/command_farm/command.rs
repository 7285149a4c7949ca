//! One command, and how it ended.

use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::arguments::Args;

/// By these a launcher tells its ranks who they are: a program of MPI that a command starts is none of them.
const LAUNCHERS: [&str; 8] = ["OMPI_", "PMIX_", "PMI_", "PRTE_", "HYDRA_", "HYDI_", "MPIR_", "MPI_LOCAL"];

/// What `timeout` ends with.
pub(crate) const TIMED_OUT: i32 = 124;

/// A command, and its place in the list.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) number: u64,
    pub(crate) command: String,
}

/// How a command ended.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Ended {
    /// Seconds since 1970.
    pub(crate) began: f64,
    pub(crate) seconds: f64,
    pub(crate) code: i32,
    pub(crate) signal: i32,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Job {
    /// Runs it to its end.
    pub(crate) fn run(&self, args: &Args) -> Result<Ended, String> {
        let mut shell = match args.timeout {
            Some(seconds) => {
                let mut timeout = Command::new("timeout");
                timeout.args(["--kill-after=5", &seconds.to_string(), "sh"]);
                timeout
            }
            None => Command::new("sh"),
        };
        shell.args(["-c", &self.command]).stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            if LAUNCHERS.iter().any(|launcher| name.to_string_lossy().starts_with(launcher)) {
                shell.env_remove(name);
            }
        }
        shell.env("RANKWISE_TASK", self.number.to_string());
        let (clock, start) = (SystemTime::now(), Instant::now());
        let output = shell.output().map_err(|error| format!("cannot start sh: {error}"))?;
        Ok(Ended {
            began: clock.duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64()),
            seconds: start.elapsed().as_secs_f64(),
            code: output.status.code().unwrap_or(0),
            signal: output.status.signal().unwrap_or(0),
            stdout: output.stdout,
            stderr: output.stderr,
        })
    }
}

impl Ended {
    /// In words, if it is a failure.
    pub(crate) fn failure(&self) -> Option<String> {
        match (self.code, self.signal) {
            (0, 0) => None,
            (0, signal) => Some(format!("ended by signal {signal}")),
            (TIMED_OUT, _) => Some("timed out (exit code 124)".to_owned()),
            (code, _) => Some(format!("exit code {code}")),
        }
    }

    /// Writes what it has written, each stream in one piece.
    pub(crate) fn show(&self) -> std::io::Result<()> {
        let mut out = std::io::stdout().lock();
        out.write_all(&self.stdout)?;
        out.flush()?;
        std::io::stderr().lock().write_all(&self.stderr)
    }
}
