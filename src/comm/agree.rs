//! One decision for all ranks: a failure on one is everyone's.

use std::error::Error as StdError;
#[cfg(feature = "h5")]
use std::time::Duration;

use super::{Call, Comm};
use crate::error::{Error, Result, in_one_line};
#[cfg(feature = "h5")]
use crate::sys::Failure;
use crate::sys::Received;
use crate::sys::collectives::{self, Input};
use crate::sys::operations::Operation;

/// An error as rank, host and words.
type Words = (usize, String, String);

const ALL_WELL: &str = "a rank with an error lowers the minimum";

impl Comm {
    /// The result, if it is `Ok` on every rank; otherwise the same [`Error::Elsewhere`] on all ranks, with the lowest
    /// failing rank, its host and its words. For a step that may fail on some ranks only.
    ///
    /// Costs one all-reduce of 8 bytes, and two broadcasts more when there is a failure.
    ///
    /// # Collective
    /// All ranks must call this.
    ///
    /// # Errors
    /// When the result is an `Err` on any rank.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let step: Result<u32, String> = Err(format!("no input for rank {}", world.rank()));
    /// let error = world.agree(step).unwrap_err();
    /// assert!(error.to_string().ends_with("no input for rank 0")); // the lowest rank speaks for all
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn agree<T, E: Into<Box<dyn StdError>>>(&self, result: Result<T, E>) -> Result<T> {
        let (value, failed) = self.in_words(result);
        let first = self.first_failed(Call::collective("agree"), failed.is_some())?;
        self.settle(first, failed)?;
        Ok(value.expect(ALL_WELL))
    }

    /// As [`agree`](Comm::agree), for a step in which the other ranks may be waiting for one that has failed: that one does
    /// not wait for them longer than `patience`, and then has its own error alone.
    #[cfg(feature = "h5")]
    #[track_caller]
    pub(crate) fn agree_within<T, E: Into<Box<dyn StdError>>>(
        &self,
        result: Result<T, E>,
        patience: Duration,
    ) -> Result<T> {
        let (value, failed) = self.in_words(result);
        self.agreed_within(failed, patience)?;
        Ok(value.expect(ALL_WELL))
    }

    #[cfg(feature = "h5")]
    #[track_caller]
    fn agreed_within(&self, failed: Option<Words>, patience: Duration) -> Result<()> {
        let call = Call::collective("agree").or_nobody();
        let first = self.perform(call, |comm| {
            let rank = if failed.is_some() { comm.rank } else { comm.size } as i64;
            collectives::minimum_within(comm, [rank, 0], failed.is_some().then_some(patience))
        })?;
        match (first, failed) {
            (Some([first, _]), failed) => self.settle(usize::try_from(first).unwrap_or(0), failed),
            (None, Some((_, _, problem))) => Err(call.error(Failure::Argument(problem))),
            (None, None) => unreachable!("who has not failed waits"),
        }
    }

    /// The lowest rank that has failed; `size` if none has.
    fn first_failed(&self, call: Call, failed: bool) -> Result<usize> {
        self.perform(call, |comm| {
            let mut first = [if failed { comm.rank } else { comm.size }];
            collectives::all_reduce(comm, Input::InPlace, Received::new(&mut first)?, Operation::Min)?;
            Ok(first[0])
        })
    }

    /// A value, or the words of an error. One that all ranks share already keeps its own.
    fn in_words<T, E: Into<Box<dyn StdError>>>(&self, result: Result<T, E>) -> (Option<T>, Option<Words>) {
        match result {
            Ok(value) => (Some(value), None),
            Err(error) => (None, Some(self.words_of(error.into()))),
        }
    }

    fn words_of(&self, error: Box<dyn StdError>) -> Words {
        match error.downcast_ref::<Error>() {
            Some(Error::Elsewhere { rank, host, message }) => (*rank, host.clone(), message.clone()),
            _ => (self.world_rank, self.host().to_owned(), in_one_line(error.as_ref())),
        }
    }

    /// The same for all ranks, from that of the first that failed; `size` if none did.
    #[track_caller]
    fn settle(&self, first: usize, failed: Option<Words>) -> Result<()> {
        if first == self.size() {
            return Ok(());
        }
        let words = failed.map(|(rank, host, message)| format!("{rank}\n{host}\n{message}"));
        let words =
            self.broadcast(first, words.as_ref().filter(|_| first == self.rank()).map(|w| w.as_bytes()))?;
        let words = String::from_utf8_lossy(&words);
        let mut parts = words.splitn(3, '\n');
        Err(Error::Elsewhere {
            rank: parts.next().and_then(|rank| rank.parse().ok()).unwrap_or(first),
            host: parts.next().unwrap_or_default().to_owned(),
            message: parts.next().unwrap_or_default().to_owned(),
        })
    }

    /// Runs `step` on the root alone: `Some` of its result there, `None` elsewhere; when it fails, every rank has the
    /// error. Costs what [`agree`](Comm::agree) costs.
    ///
    /// # Collective
    /// All ranks must call this.
    ///
    /// # Errors
    /// On all ranks, when `step` fails on the root.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let text = world.on_root(|| Ok(std::fs::read_to_string("Cargo.toml")?))?;
    /// assert_eq!(text.is_some(), world.is_root());
    ///
    /// let error = world.on_root(|| Ok(std::fs::read_to_string("no such file")?)).unwrap_err();
    /// assert!(error.to_string().starts_with("on rank 0 ("));
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn on_root<T>(&self, step: impl FnOnce() -> Result<T, Box<dyn StdError>>) -> Result<Option<T>> {
        self.agree(if self.is_root() { step().map(Some) } else { Ok(None) })
    }
}
