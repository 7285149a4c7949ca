//! The calls of all ranks of a group, compared before data moves.

use std::collections::BTreeMap;

use super::call::Call;
use super::group::Before;
use super::level::{Level, level};
use super::report::{aligned, ranks};
use crate::partition::Partition;
use crate::sys::collectives;
use crate::sys::{Communicator, Failure, Outcome, Received, Sent, memory};

/// Returns when all ranks make the same call; else it ends the job, with a report. Sends one all-reduce of 16 bytes.
pub(super) fn compare(comm: &Communicator, name: &str, call: Call, number: u64, before: Before) -> Outcome {
    let hash = call.hash(number, before.hash);
    let greatest = collectives::greatest(comm, [hash, !hash])?;
    if greatest[0] == !greatest[1] {
        return Ok(());
    }
    differ(comm, name, call, number, before)
}

/// In full mode, an error on all ranks unless every pair agrees on how much one sends to the other. One all-to-all of 8 bytes a
/// rank, and one all-reduce.
pub(crate) fn pairs(comm: &Communicator, sends: &Partition, receives: &Partition) -> Outcome {
    // Blocks that are not one a rank the operation itself refuses.
    if level() != Level::Full
        || comm.size == 1
        || [sends, receives].iter().any(|all| all.parts() != comm.size)
    {
        return Ok(());
    }
    let (mine, mut theirs): (Vec<usize>, _) = (sends.counts().collect(), vec![0usize; comm.size]);
    collectives::all_to_all_equal(comm, Sent::new(&mine)?, Received::new(&mut theirs)?)?;
    let wrong = (0..comm.size).find(|&from| theirs[from] != receives.count(from));
    // The lowest rank that was to receive something else.
    let who = collectives::greatest(comm, [wrong.map_or(0, |_| (comm.size - comm.rank) as u64), 0])?[0];
    if who == 0 {
        return Ok(());
    }
    let to = comm.size - who as usize;
    let mut what = wrong.map_or([0; 3], |from| [from, theirs[from], receives.count(from)]);
    collectives::broadcast(comm, to, Received::new(&mut what)?)?;
    let [from, sent, expected] = what;
    Err(Failure::Argument(format!(
        "rank {from} sends {sent} elements to rank {to}, which expects {expected}"
    )))
}

/// The greatest hash is not the least one: gathers what the ranks are in.
#[cold]
fn differ(comm: &Communicator, name: &str, call: Call, number: u64, before: Before) -> Outcome {
    let Before { started, words, .. } = before;
    let after = started.map_or(String::new(), |call| format!(", after it has started {call} at {}", call.at));
    let mine = format!("{call}{words}\nat {}{after}", call.at);
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
    let calls: Vec<_> = words.iter().map(|words| format!("in {words}")).collect();
    format!(
        "COLLECTIVE MISMATCH on '{name}' (its call #{number}, {} ranks)\n{}",
        words.len(),
        grouped(&calls)
    )
}

/// A row for all ranks of which the same is said, in two lines.
pub(crate) fn grouped(words: &[String]) -> String {
    let mut groups: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (rank, words) in words.iter().enumerate() {
        groups.entry(words).or_default().push(rank);
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(_, of)| of[0]);
    let row = |(words, of): (&str, Vec<usize>)| {
        let (first, second) = words.split_once('\n').unwrap_or((words, ""));
        [ranks(&of), first.to_owned(), second.to_owned()]
    };
    aligned(&groups.into_iter().map(row).collect::<Vec<_>>())
}
