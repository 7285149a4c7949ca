//! What failed, on which rank, where, and what to do about it.

use std::error::Error as StdError;
use std::fmt;
use std::panic::Location;
use std::path::{Path, PathBuf};

mod tasks;

pub(crate) use tasks::nothing_unseen;
pub use tasks::{TaskError, TaskErrors};

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an operation did not happen.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Error {
    /// An argument that cannot work, here or together with what another rank has given.
    Argument {
        /// The operation that was called.
        operation: &'static str,
        /// The line of the program that called it.
        at: &'static Location<'static>,
        /// What is wrong with it, with the numbers.
        problem: String,
    },
    /// The MPI library refused.
    Mpi {
        /// The operation that was called.
        operation: &'static str,
        /// The line of the program that called it.
        at: &'static Location<'static>,
        /// The error class; compare with the library's constants, the numbers differ between libraries.
        class: i32,
        /// The library's own words.
        text: String,
    },
    /// A file, or something inside it, cannot be used.
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the name of the object inside the file and the numbers.
        problem: String,
    },
    /// A failure on one rank that all ranks have agreed on: each of them has this same error.
    Elsewhere {
        /// The lowest rank that failed: its number in the world, also when a part of the world agreed.
        rank: usize,
        /// The host it runs on.
        host: String,
        /// What it said.
        message: String,
    },
    /// Tasks of a skeleton failed; every rank has this same error.
    Tasks {
        /// The skeleton that ran them.
        operation: &'static str,
        /// The line of the program that started it.
        at: &'static Location<'static>,
        /// What each of them said.
        errors: TaskErrors,
    },
    /// A skeleton was cancelled before it had done all; every rank has this same error.
    Cancelled {
        /// The skeleton.
        operation: &'static str,
        /// The line of the program that started it.
        at: &'static Location<'static>,
        /// The number of tasks that had succeeded.
        done: usize,
    },
}

impl Error {
    /// Whether every rank has this same error, because they agreed on it.
    pub fn is_shared(&self) -> bool {
        matches!(self, Error::Elsewhere { .. } | Error::Tasks { .. } | Error::Cancelled { .. })
    }

    pub(crate) fn file(path: &Path, problem: impl Into<String>) -> Self {
        Error::File { path: path.to_owned(), problem: problem.into() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Argument { operation, at, problem } => write!(f, "{operation} at {at}: {problem}"),
            Error::Mpi { operation, at, class, text } => {
                write!(f, "{operation} at {at}: MPI error of class {class}: {text}")
            }
            Error::File { path, problem } => write!(f, "{}: {problem}", path.display()),
            Error::Tasks { operation, at, errors } => write!(f, "{operation} at {at}: {errors}"),
            Error::Cancelled { operation, at, done } => {
                write!(f, "{operation} at {at}: cancelled after {done} tasks")
            }
            Error::Elsewhere { rank, host, message } => write!(f, "on rank {rank} ({host}): {message}"),
        }
    }
}

impl StdError for Error {}

/// An error and its causes in one line: `cannot open x: permission denied`.
pub(crate) fn in_one_line(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Outer(std::num::ParseIntError);
    impl fmt::Display for Outer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("cannot read the count")
        }
    }
    impl StdError for Outer {
        fn source(&self) -> Option<&(dyn StdError + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn one_line_names_every_cause_once() {
        let error = Outer("x".parse::<i32>().unwrap_err());
        assert_eq!(in_one_line(&error), "cannot read the count: invalid digit found in string");
        assert_eq!(in_one_line(&error.0), "invalid digit found in string");
    }
}
