//! Tasks that failed: each by its number, rank, host and place, and none of them lost.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// A task of a skeleton that returned an `Err`, panicked, or took longer than it may.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TaskError {
    /// The number of its item among all, from 0.
    pub index: usize,
    /// The rank that ran it: its number in the world.
    pub rank: usize,
    /// The host of that rank.
    pub host: String,
    /// What it said.
    pub message: String,
    /// Where: the line that panicked, or for an `Err` the one that started the skeleton.
    pub place: String,
}

impl TaskError {
    pub(crate) fn new(index: usize, rank: usize, host: &str, message: String, place: String) -> Self {
        TaskError { index, rank, host: host.to_owned(), message, place }
    }
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TaskError { index, rank, host, message, place } = self;
        write!(f, "task {index} on rank {rank} ({host}) at {place}: {message}")
    }
}

impl StdError for TaskError {}

/// All tasks of a skeleton that failed, in the order of their numbers.
///
/// Somebody has to look at them: if nobody on the root does, by showing them or by [`iter`](TaskErrors::iter), the program ends
/// with exit code 1.
#[derive(Clone)]
pub struct TaskErrors {
    all: Arc<Vec<TaskError>>,
    /// The number among those that nobody has looked at; 0 for those that somebody else has, too.
    number: u64,
}

/// The first of those that nobody has looked at yet, and how many there are, by number.
static UNSEEN: Mutex<BTreeMap<u64, (TaskError, usize)>> = Mutex::new(BTreeMap::new());

impl TaskErrors {
    /// Those; on the rank that is `responsible` somebody has to look at them.
    pub(crate) fn new(mut all: Vec<TaskError>, responsible: bool) -> Self {
        static MADE: AtomicU64 = AtomicU64::new(1);
        all.sort_by_key(|error| error.index);
        let mut number = 0;
        if responsible && let Some(first) = all.first() {
            number = MADE.fetch_add(1, Ordering::Relaxed);
            let mut unseen = UNSEEN.lock().unwrap_or_else(PoisonError::into_inner);
            unseen.insert(number, (first.clone(), all.len()));
        }
        TaskErrors { all: Arc::new(all), number }
    }

    /// Looks at them, in the order of their numbers.
    pub fn iter(&self) -> std::slice::Iter<'_, TaskError> {
        self.seen();
        self.all.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether no task failed.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    fn seen(&self) {
        if self.number != 0 {
            UNSEEN.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
        }
    }
}

impl<'a> IntoIterator for &'a TaskErrors {
    type Item = &'a TaskError;
    type IntoIter = std::slice::Iter<'a, TaskError>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Debug for TaskErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.seen();
        self.all.fmt(f)
    }
}

/// The first few, each in its line.
impl fmt::Display for TaskErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 10;
        self.seen();
        match &self.all[..] {
            [] => f.write_str("no task failed"),
            [one] => one.fmt(f),
            all => {
                write!(f, "{} tasks failed:", all.len())?;
                all.iter().take(SHOWN).try_for_each(|error| write!(f, "\n  {error}"))?;
                match all.len().saturating_sub(SHOWN) {
                    0 => Ok(()),
                    more => write!(f, "\n  and {more} more"),
                }
            }
        }
    }
}

/// An error if tasks failed and nobody looked at it.
pub(crate) fn nothing_unseen() -> Result<(), String> {
    let unseen = UNSEEN.lock().unwrap_or_else(PoisonError::into_inner);
    let Some((first, _)) = unseen.values().next() else { return Ok(()) };
    let all: usize = unseen.values().map(|(_, count)| count).sum();
    let tasks = if all == 1 { "a task".to_owned() } else { format!("{all} tasks") };
    Err(format!("{tasks} failed, and nobody has looked at the errors; the first: {first}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_has_looked_at_is_known_and_one_look_is_enough() {
        let error = |index| TaskError::new(index, 1, "node7", "no tea".into(), "a.rs:3:5".into());
        assert_eq!(nothing_unseen(), Ok(()));
        drop(TaskErrors::new(vec![error(1)], false));
        assert_eq!(nothing_unseen(), Ok(()), "another rank is responsible");
        let errors = TaskErrors::new(vec![error(9), error(4)], true);
        let unseen = nothing_unseen().unwrap_err();
        assert!(
            unseen.starts_with("2 tasks failed") && unseen.contains("task 4 on rank 1 (node7)"),
            "{unseen}"
        );
        let text = errors.to_string();
        assert_eq!(text.lines().nth(1), Some("  task 4 on rank 1 (node7) at a.rs:3:5: no tea"));
        assert_eq!(nothing_unseen(), Ok(()));
        let one = TaskErrors::new(vec![error(2)], true);
        assert!(nothing_unseen().unwrap_err().starts_with("a task failed"));
        assert_eq!(one.iter().count(), 1);
        assert_eq!(nothing_unseen(), Ok(()));
    }
}
