//! One task: run, with its panic caught, again if it may, and its error with all that is known.

use std::convert::Infallible;
use std::error::Error as StdError;
use std::ops::Range;
use std::panic::Location;
use std::time::{Duration, Instant};

use crate::error::{TaskError, in_one_line};
use crate::panics::caught_apart;
use crate::sys::record::{self, Inside, Kind, Made};

/// What is done about a task that fails.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Policy {
    /// Whether the other tasks go on.
    pub(crate) go_on: bool,
    /// How often it is tried once more.
    pub(crate) retries: usize,
    /// The time that one try may take.
    pub(crate) deadline: Option<Duration>,
}

/// Who runs tasks, and how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Runner<'a> {
    /// In the world.
    pub(crate) rank: usize,
    pub(crate) host: &'a str,
    /// Where the skeleton was started.
    pub(crate) at: &'static Location<'static>,
    pub(crate) policy: Policy,
}

impl Runner<'_> {
    /// Records tasks that were run between two moments: the first one's number, and how many there were.
    #[inline]
    pub(crate) fn ran(&self, between: (Instant, Instant), (first, count): (usize, usize)) {
        record::took(Kind::Tasks, "task", self.at, between, (first as u64, count as u64));
    }

    /// Records that this rank waits for something to do, as for work, until what comes back is dropped: from a rank of this group, or
    /// from any. What comes meanwhile, comes in it, and says until when it has waited.
    pub(crate) fn waits(&self, operation: &'static str, group: u64, from: Option<usize>) -> Inside {
        Inside::enter(|| Made {
            kind: Kind::Call,
            operation,
            at: self.at,
            group,
            number: 0,
            peers: (None, from),
            root: None,
        })
    }

    /// What task `index` gives, of the first try that succeeds, or the error of the last one. A task that takes too long is not
    /// interrupted, since nothing can do that: its result is thrown away.
    #[inline]
    pub(crate) fn run<R, E: Into<Box<dyn StdError>>>(
        &self,
        index: usize,
        mut task: impl FnMut() -> Result<R, E>,
    ) -> Result<R, TaskError> {
        let mut tries = 0;
        loop {
            let began = self.policy.deadline.map(|_| Instant::now());
            let outcome = caught_apart(&mut task);
            let late = began.zip(self.policy.deadline).map(|(began, limit)| (began.elapsed(), limit));
            let late = late.filter(|(took, limit)| took > limit);
            let (message, place) = match outcome {
                Ok(Ok(result)) if late.is_none() => return Ok(result),
                Ok(Ok(_)) => {
                    let (took, limit) = late.unwrap_or_default();
                    (format!("it took {took:.1?}, and may take {limit:.1?}"), None)
                }
                Ok(Err(error)) => (in_one_line(error.into().as_ref()), None),
                Err(panic) => (format!("panicked: {}", panic.message), panic.place),
            };
            if tries == self.policy.retries {
                return Err(self.error(index, tries, message, place));
            }
            tries += 1;
        }
    }

    /// As [`run`](Runner::run), of all tasks with these numbers, whose results go to `keep`; the number of the first that fails, with
    /// its error. To catch panics once for all of them costs nothing a task.
    #[inline]
    pub(crate) fn run_all<R, E: Into<Box<dyn StdError>>>(
        &self,
        numbers: Range<usize>,
        mut task: impl FnMut(usize) -> Result<R, E>,
        mut keep: impl FnMut(usize, R),
    ) -> Result<(), (usize, TaskError)> {
        let mut number = numbers.start;
        if self.policy.retries > 0 || self.policy.deadline.is_some() {
            while number < numbers.end {
                let mut result = Some(self.run(number, || task(number)).map_err(|error| (number, error))?);
                // There is one result, so to keep it is not tried again.
                let keeper = Runner { policy: Policy::default(), ..*self };
                let kept = keeper.run(number, || {
                    result.take().into_iter().for_each(|result| keep(number, result));
                    Ok::<_, Infallible>(())
                });
                kept.map_err(|error| (number, error))?;
                number += 1;
            }
            return Ok(());
        }
        let outcome = caught_apart(|| {
            while number < numbers.end {
                keep(number, task(number)?);
                number += 1;
            }
            Ok::<_, E>(())
        });
        let (message, place) = match outcome {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => (in_one_line(error.into().as_ref()), None),
            Err(panic) => (format!("panicked: {}", panic.message), panic.place),
        };
        Err((number, self.error(number, 0, message, place)))
    }

    /// An error of this rank.
    #[cold]
    pub(crate) fn error(
        &self,
        index: usize,
        tries: usize,
        mut message: String,
        place: Option<String>,
    ) -> TaskError {
        if tries > 0 {
            message = format!("{message} (tried {} times)", tries + 1);
        }
        TaskError::new(index, self.rank, self.host, message, place.unwrap_or_else(|| self.at.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runner(policy: Policy) -> Runner<'static> {
        Runner { rank: 3, host: "node7", at: Location::caller(), policy }
    }

    #[test]
    fn a_result_an_error_and_a_panic_are_told_apart() {
        let runner = runner(Policy::default());
        assert_eq!(runner.run(5, || Ok::<_, String>(7)), Ok(7));
        let error = runner.run(5, || Err::<(), _>("no tea")).unwrap_err();
        assert_eq!((error.index, error.rank, &*error.host, &*error.message), (5, 3, "node7", "no tea"));
        assert!(error.place.contains("task.rs"), "{error}");
        let error = runner.run(6, || -> Result<(), String> { panic!("the kettle is empty") }).unwrap_err();
        assert_eq!(error.message, "panicked: the kettle is empty");
    }

    #[test]
    fn a_task_is_tried_again_as_often_as_it_may_and_no_more() {
        let runner = runner(Policy { retries: 2, ..Policy::default() });
        for (fails, succeeds) in [(0, true), (2, true), (3, false)] {
            let mut tries = 0;
            let outcome = runner.run(0, || {
                tries += 1;
                if tries > fails { Ok(()) } else { Err("not yet") }
            });
            assert_eq!((outcome.is_ok(), tries), (succeeds, (fails + 1).min(3)));
        }
    }

    #[test]
    fn many_tasks_are_run_as_one_by_one_until_one_fails() {
        for retries in [0, 1] {
            let runner = runner(Policy { retries, ..Policy::default() });
            let mut kept = Vec::new();
            let all = runner.run_all(3..6, |n| Ok::<_, String>(2 * n), |n, twice| kept.push((n, twice)));
            assert_eq!((all, &kept[..]), (Ok(()), &[(3, 6), (4, 8), (5, 10)][..]));
            for bad in 3..6 {
                let mut kept = 0;
                let task = |n| if n == bad { Err("no tea") } else { Ok(n) };
                let (number, error) = runner.run_all(3..6, task, |_, _| kept += 1).unwrap_err();
                assert_eq!((number, error.index, kept), (bad, bad, bad - 3));
                let task = |n| {
                    assert!(n != bad, "the kettle is empty");
                    Ok::<_, String>(())
                };
                let (number, error) = runner.run_all(3..6, task, |_, ()| {}).unwrap_err();
                assert!(number == bad && error.message.starts_with("panicked: the kettle is empty"));
                let keep = |n, _| assert!(n != bad, "no room");
                let (number, error) = runner.run_all(3..6, Ok::<_, String>, keep).unwrap_err();
                assert!(number == bad && error.message.starts_with("panicked: no room"), "{error}");
            }
        }
    }

    #[test]
    fn a_task_that_takes_too_long_is_an_error() {
        let runner = runner(Policy { deadline: Some(Duration::from_millis(1)), ..Policy::default() });
        let late = || {
            std::thread::sleep(Duration::from_millis(5));
            Ok::<_, String>(())
        };
        assert!(runner.run(0, late).unwrap_err().message.contains("may take"));
    }
}
