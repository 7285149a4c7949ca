//! Each element to the rank that its place is on, and one run of the runs that have come.

use super::Cost;
use crate::comm::{Call, Comm, Element};
use crate::error::Result;
use crate::kernels::sorting::{Order, merge_runs_by};
use crate::partition::Partition;
use crate::sys::memory;

/// Cuts the sorted `block` at `places`, gives each rank its piece, and merges the `share` elements that this one gets. Collective.
pub(super) fn exchange<T: Element<K>, K>(
    comm: &Comm,
    block: Vec<T>,
    places: &[usize],
    share: usize,
    order: &impl Order<T>,
    cost: &mut Cost,
) -> Result<Vec<T>> {
    let start = std::time::Instant::now();
    let me = comm.rank();
    let ends = places.iter().copied().chain([block.len()]);
    let starts = [0].into_iter().chain(places.iter().copied());
    let counts: Vec<usize> = starts.zip(ends).map(|(start, end)| end - start).collect();
    let sends = Partition::from_counts(&counts);
    let receives = Partition::from_counts(&comm.all_to_all_equal(&counts)?);
    let own = sends.range(me);
    let foreign = receives.len() - own.len();
    (cost.sent, cost.received) = (block.len() - own.len(), foreign);
    let sources = (0..comm.size()).filter(|&rank| rank != me && receives.count(rank) > 0);
    // One run can be merged where this rank's own is, so only that needs room; of several, all.
    let sources: Vec<usize> = sources.collect();
    let alone = sources.len() < 2;
    let room = if receives.len() == share {
        let len = if alone { foreign } else { share };
        memory::filled::<T, K, ()>(len, |_| Ok(()))
            .map_err(|failure| Call::new("sort").error(failure).to_string())
    } else {
        Err(format!(
            "the order contradicts itself: there would be {} elements instead of {share}",
            receives.len()
        ))
    };
    let (mut came, ()) = comm.agree(room)?;

    let outgoing = (0..comm.size()).filter(|&rank| rank != me && sends.count(rank) > 0);
    let messages: Vec<(usize, &[T])> = outgoing.map(|to| (to, &block[sends.range(to)])).collect();
    let mut rooms: Vec<(usize, &mut [T])> = Vec::new();
    let mut rest = came.as_mut_slice();
    for from in 0..comm.size() {
        // This rank's own run has its place among the others.
        let len = if alone && from == me { 0 } else { receives.count(from) };
        let (room, after) = rest.split_at_mut(len);
        rest = after;
        if from != me && len > 0 {
            rooms.push((from, room));
        }
    }
    comm.sparse_all_to_all_into(&messages, &mut rooms)?;
    cost.exchange += start.elapsed();

    Ok(Cost::time(&mut cost.merge, || match sources[..] {
        [] => cut_to(block, own, share),
        [source] => onto(block, own, came, source < me, order),
        _ => {
            came[receives.range(me)].copy_from_slice(&block[own]);
            merge_runs_by(came, block, &receives.counts().collect::<Vec<_>>(), order)
        }
    }))
}

/// The `own` part of the block, and nothing else.
fn cut_to<T: Copy>(mut block: Vec<T>, own: std::ops::Range<usize>, share: usize) -> Vec<T> {
    if own.start > 0 {
        block.copy_within(own, 0);
    }
    block.truncate(share);
    block
}

/// The `own` part of the block and one run that has come, in the block's memory.
fn onto<T: Copy>(
    mut block: Vec<T>,
    own: std::ops::Range<usize>,
    came: Vec<T>,
    came_first: bool,
    order: &impl Order<T>,
) -> Vec<T> {
    let (len, share) = (own.len(), own.len() + came.len());
    if len == 0 {
        return came;
    }
    if block.len() < share {
        block.reserve_exact(share - block.len());
        block.resize(share, came[0]);
    }
    let start = if came_first { share - len } else { 0 };
    if start != own.start {
        block.copy_within(own, start);
    }
    block.truncate(share);
    if came_first {
        order.merge_onto_high(&came, &mut block, len);
    } else {
        order.merge_onto_low(&mut block, len, &came);
    }
    block
}
