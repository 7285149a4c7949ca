//! What tasks gave, of those that succeeded, and the errors of the others.

use crate::error::{TaskError, TaskErrors};

/// The results of a farm that went on after errors. Somebody has to look at the errors, as at any [`TaskErrors`].
#[derive(Debug)]
#[must_use = "the errors are in it"]
pub struct Outcomes<R> {
    results: Vec<Option<R>>,
    errors: TaskErrors,
}

impl<R> Outcomes<R> {
    pub(super) fn new(results: Vec<R>, runs: &[[u64; 2]], total: usize, errors: TaskErrors) -> Self {
        let mut all: Vec<Option<R>> = (0..total).map(|_| None).collect();
        let numbers = runs.iter().flat_map(|&[start, count]| start as usize..(start + count) as usize);
        for (number, result) in numbers.zip(results) {
            all[number] = Some(result);
        }
        Outcomes { results: all, errors }
    }

    /// For each item its result, or `None` where the task failed or was cancelled.
    pub fn results(&self) -> &[Option<R>] {
        &self.results
    }

    /// As [`results`](Outcomes::results), to keep.
    pub fn into_results(self) -> Vec<Option<R>> {
        self.results
    }

    /// What failed, and why.
    pub fn errors(&self) -> &TaskErrors {
        &self.errors
    }

    /// The result of one item, or its error; `None` when there is no such item or its task was cancelled.
    pub fn get(&self, index: usize) -> Option<Result<&R, &TaskError>> {
        // An item that could not be drawn has an error, and no place among the results.
        match self.results.get(index) {
            Some(Some(result)) => Some(Ok(result)),
            _ => self.errors.iter().find(|error| error.index == index).map(Err),
        }
    }
}
