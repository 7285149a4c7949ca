//! The ranks that run what the root submits, and the messages between them.

use std::time::Instant;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::comm::{decode, encode};
use crate::error::TaskError;
use crate::skeleton::task::Runner;
use crate::sys::point_to_point::{self, From};
use crate::sys::{Channel, Communicator, Failure, Outcome, Sent};

/// From the root: a task with its number, and the end.
pub(super) const TASK: i32 = 1;
pub(super) const END: i32 = 2;
/// To the root: the number and the result of a task.
pub(super) const DONE: i32 = 3;

/// A number, and something with it; or in words why that cannot be sent.
pub(super) fn message<V: Serialize>(id: usize, value: &V) -> Result<Vec<u8>, String> {
    let message = encode(value).map_err(in_words)?;
    let mut whole = (id as u64).to_le_bytes().to_vec();
    whole.extend(message);
    Ok(whole)
}

/// What [`message`] has put together; or the number, and why the rest is not what it should be.
pub(super) fn opened<V: DeserializeOwned>(message: &[u8]) -> Outcome<(usize, Result<V, String>)> {
    let (id, rest) = message
        .split_first_chunk::<8>()
        .ok_or_else(|| Failure::Argument("a message without a head".into()))?;
    Ok((u64::from_le_bytes(*id) as usize, decode(rest).map_err(in_words)))
}

fn in_words(failure: Failure) -> String {
    let (Failure::Argument(words) | Failure::Mpi { text: words, .. }) = failure;
    words
}

/// Runs tasks until the root says that this is the end.
pub(super) fn serve<I: DeserializeOwned, R: Serialize>(
    comm: &Communicator,
    runner: &Runner,
    run: &mut impl FnMut(usize, I) -> Result<R, TaskError>,
) -> Outcome {
    loop {
        let waiting = runner.waits("wait for work", comm.id.get(), Some(0));
        let found = point_to_point::find(comm, Channel::Program, From { rank: Some(0), tag: None })?;
        let tag = found.tag();
        let letter = found.receive::<u8, _>()?;
        drop(waiting);
        if tag == END {
            return Ok(());
        }
        let (id, item) = opened::<I>(&letter)?;
        // What cannot travel is an error of its task: the root waits for it.
        let mut result = match item {
            Ok(item) => {
                let began = Instant::now();
                let result = run(id, item);
                runner.ran((began, Instant::now()), (id, 1));
                result
            }
            Err(problem) => Err(runner.error(id, 0, problem, None)),
        };
        let letter = message(id, &result).or_else(|problem| {
            result = Err(runner.error(id, 0, problem, None));
            message(id, &result)
        });
        let letter = letter.map_err(Failure::Argument)?;
        point_to_point::send(comm, Channel::Program, 0, DONE, Sent::new(&letter)?)?;
    }
}
