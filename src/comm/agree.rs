//! One decision for all ranks: a failure on one is everyone's.

use std::error::Error as StdError;

use super::{Call, Comm};
use crate::error::{Error, Result, in_one_line};
use crate::sys;
use crate::sys::collectives::Operation;

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
        let call = Call::new("agree");
        // An error that all ranks share already keeps its words and its rank.
        let mine = result.map_err(|error| {
            let error = error.into();
            match error.downcast_ref::<Error>() {
                Some(Error::Elsewhere { rank, host, message }) => (*rank, host.clone(), message.clone()),
                _ => (self.rank(), self.host().to_owned(), in_one_line(error.as_ref())),
            }
        });
        let first = self.perform(call, |comm| {
            let rank = if mine.is_err() { comm.rank } else { comm.size };
            Ok(sys::collectives::all_reduce(comm, &[rank], Operation::Min)?[0])
        })?;
        if first == self.size() {
            return mine.map_err(|_| unreachable!("a rank with an error lowers the minimum"));
        }
        let words = mine.err().map(|(rank, host, message)| format!("{rank}\n{host}\n{message}"));
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
