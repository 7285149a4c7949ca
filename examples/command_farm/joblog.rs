//! The log of commands that have ended, in the format of GNU parallel, by which another job goes on.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::command::{Ended, Job};

const HEAD: &str = "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand\n";

/// A log that all ranks write to, a line at a time.
#[derive(Debug)]
pub(crate) struct Log {
    path: PathBuf,
    file: File,
}

impl Log {
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let file = OpenOptions::new().read(true).append(true).create(true).open(path);
        let file = file.map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Log { path: path.to_owned(), file })
    }

    /// Adds a line. The lock keeps the lines of other ranks apart, also where appending alone does not.
    pub(crate) fn write(&self, host: &str, job: &Job, ended: &Ended) -> Result<(), String> {
        let Ended { began, seconds, code, signal, .. } = ended;
        let (number, command) = (job.number, &job.command);
        let line = format!("{number}\t{host}\t{began:.3}\t{seconds:.3}\t0\t0\t{code}\t{signal}\t{command}\n");
        self.append(&line).map_err(|error| format!("{}: {error}", self.path.display()))
    }

    fn append(&self, line: &str) -> std::io::Result<()> {
        self.file.lock()?;
        let mut file = &self.file;
        let written = (|| {
            let len = file.seek(SeekFrom::End(0))?;
            let mut last = [b'\n'];
            if len > 0 {
                file.seek(SeekFrom::End(-1))?;
                file.read_exact(&mut last)?;
            }
            // A job that was killed may have left half a line.
            let broken = if last == [b'\n'] { "" } else { "\n" };
            let head = if len == 0 { HEAD } else { "" };
            file.write_all(format!("{broken}{head}{line}").as_bytes())
        })();
        self.file.unlock()?;
        written
    }
}

/// Number and text of the commands that have succeeded by this log; none if there is no log. What is not a whole line does not count.
pub(crate) fn succeeded(path: &Path) -> Result<HashSet<(u64, String)>, String> {
    let text = match std::fs::read(path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(HashSet::new()),
        Err(error) => return Err(format!("{}: {error}", path.display())),
    };
    let whole = text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
    Ok(whole
        .filter_map(|line| {
            let fields: Vec<&str> = line.splitn(9, '\t').collect();
            let [number, _, _, _, _, _, "0", "0", command] = fields[..] else { return None };
            Some((number.parse().ok()?, command.to_owned()))
        })
        .collect())
}
