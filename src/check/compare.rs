//! The calls of all ranks of a group, compared before data moves.

use std::collections::BTreeMap;

use super::call::Call;
use super::report::{aligned, ranks};
use crate::partition::Partition;
use crate::sys::collectives;
use crate::sys::{Communicator, Failure, Outcome, Received, Sent, memory};

/// Returns when all ranks make the same call; else it ends the job, with a report. Sends one all-reduce of 16 bytes.
pub(super) fn compare(
    comm: &Communicator,
    name: &str,
    call: Call,
    number: u64,
    started: (u64, Option<Call>),
) -> Outcome {
    let hash = call.hash(number, started.0);
    let greatest = collectives::greatest(comm, [hash, !hash])?;
    if greatest[0] == !greatest[1] {
        return Ok(());
    }
    differ(comm, name, call, number, started.1)
}

/// The greatest hash is not the least one: gathers what the ranks are in.
#[cold]
fn differ(comm: &Communicator, name: &str, call: Call, number: u64, started: Option<Call>) -> Outcome {
    let before =
        started.map_or(String::new(), |call| format!(", after it has started {call} at {}", call.at));
    let mine = format!("{call}\nat {}{before}", call.at);
    let mut lengths = vec![0; comm.size];
    let each = Partition::even(comm.size, comm.size);
    collectives::all_gather(comm, &each, Sent::new(&[mine.len()])?, Received::new(&mut lengths)?)?;
    let blocks = Partition::from_counts(&lengths);
    let (all, ()) = memory::filled::<u8, _, _>(blocks.len(), |room| {
        collectives::all_gather(comm, &blocks, Sent::new(mine.as_bytes())?, room)
    })?;
    let words = (0..comm.size).map(|rank| String::from_utf8_lossy(&all[blocks.range(rank)]).into_owned());
    let report = mismatch(name, number, &words.collect::<Vec<_>>());
    super::end(comm.rank == 0, &report);
    // Without `run` there is nobody to end the job.
    Err(Failure::Argument(report))
}

/// `words` says of each rank the call and, in a line of its own, the place.
pub(super) fn mismatch(name: &str, number: u64, words: &[String]) -> String {
    let mut groups: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (rank, words) in words.iter().enumerate() {
        groups.entry(words).or_default().push(rank);
    }
    let mut rows: Vec<_> = groups
        .into_iter()
        .map(|(words, of)| {
            let (call, place) = words.split_once('\n').unwrap_or((words, ""));
            (of[0], [ranks(&of), format!("in {call}"), place.to_owned()])
        })
        .collect();
    rows.sort();
    let rows: Vec<_> = rows.into_iter().map(|(_, row)| row).collect();
    format!("COLLECTIVE MISMATCH on '{name}' (its call #{number}, {} ranks)\n{}", words.len(), aligned(&rows))
}
