//! Where sorted blocks are to be cut, so that every rank gets exactly its share.
//!
//! Elements are compared as (key, rank, place), so no two are equal, and for every global index there is exactly one cut through
//! the blocks of all ranks, whatever the duplicates. It is found by halving, but with many halves at once: in each round all ranks
//! offer some of the elements that may still be the one, evenly spread over them, count how many of theirs come before each of
//! these, and add up the counts. The interval that is left has about one in 255 of the elements, and whoever was offered is
//! never offered again.

use std::cmp::Ordering;

use crate::comm::{Comm, Element, Sum};
use crate::error::Result;
use crate::kernels::sorting::Order;
use crate::partition::Partition;

/// Elements that are offered in a round for each cut, about.
const OFFERED: usize = 255;
/// More rounds than any consistent order needs: each leaves less than half.
const MOST_ROUNDS: usize = 200;

/// The search for one cut: what is known is how many elements come before it, and it is what the ranks know about where.
struct Search {
    /// The global index of the first element behind the cut.
    target: usize,
    /// On this rank, the cut is somewhere in `low..=high`.
    low: usize,
    high: usize,
    /// The same, added up over all ranks.
    below: usize,
    above: usize,
}

/// What [`cuts`] has found.
pub(super) struct Cuts {
    /// For each target: so many of this rank's elements come before.
    pub(super) places: Vec<usize>,
    /// Rounds of messages.
    pub(super) rounds: usize,
}

/// For each of the `targets`, which ascend, how many elements of this rank's sorted block are among that many first ones of all
/// `n`. Collective.
pub(super) fn cuts<T: Element<K>, K>(
    comm: &Comm,
    block: &[T],
    n: usize,
    targets: &[usize],
    order: &impl Order<T>,
) -> Result<Cuts> {
    let search = |&target| Search { target, low: 0, high: block.len(), below: 0, above: n };
    let mut searches: Vec<Search> = targets.iter().map(search).collect();
    let mut rounds = 0;
    loop {
        let open: Vec<usize> = (0..searches.len()).filter(|&k| searches[k].is_open()).collect();
        if open.is_empty() || rounds == MOST_ROUNDS {
            break;
        }
        round(comm, block, order, &mut searches, &open)?;
        rounds += 1;
    }
    let mut places: Vec<usize> = searches.iter().map(Search::place).collect();
    // With an order that contradicts itself, cuts may cross.
    for k in 1..places.len() {
        places[k] = places[k].max(places[k - 1]);
    }
    Ok(Cuts { places, rounds })
}

impl Search {
    fn is_open(&self) -> bool {
        self.below < self.target && self.target < self.above
    }

    fn place(&self) -> usize {
        if self.target == self.above { self.high } else { self.low }
    }

    /// The places on this rank that it offers.
    fn offered(&self, quota: usize) -> impl Iterator<Item = usize> + use<> {
        let (low, mine, all) = (self.low, self.high - self.low, self.above - self.below);
        let count = ((mine as u128 * quota as u128).div_ceil(all as u128) as usize).min(mine);
        (0..count).map(move |k| low + ((2 * k as u128 + 1) * mine as u128 / (2 * count as u128)) as usize)
    }

    /// An element of which it is now known that it has the global index `index`, and that `before` elements of this rank come
    /// before it; `own` is 1 on the rank that has it.
    fn learn(&mut self, index: usize, before: usize, own: usize) {
        if index < self.target && index >= self.below {
            self.below = index + 1;
            self.low = (before + own).clamp(self.low, self.high);
        } else if index >= self.target && index < self.above {
            self.above = index;
            self.high = before.clamp(self.low, self.high);
        }
    }
}

fn round<T: Element<K>, K>(
    comm: &Comm,
    block: &[T],
    order: &impl Order<T>,
    searches: &mut [Search],
    open: &[usize],
) -> Result<()> {
    // Less for each cut when there are many of them.
    let quota = (65_536 / open.len()).clamp(16, OFFERED);
    let places: Vec<Vec<usize>> = open.iter().map(|&k| searches[k].offered(quota).collect()).collect();
    let counts: Vec<u32> = places.iter().map(|places| places.len() as u32).collect();
    let mine: Vec<T> = places.iter().flatten().map(|&place| block[place]).collect();
    let all_counts = comm.all_gather_by(&Partition::even(comm.size() * open.len(), comm.size()), &counts)?;
    let of_rank = |counts: &[u32]| counts.iter().map(|&count| count as usize).sum();
    let lengths: Vec<usize> = all_counts.chunks(open.len()).map(of_rank).collect();
    let all = comm.all_gather_by(&Partition::from_counts(&lengths), &mine)?;

    // Rank by rank, and of each rank cut by cut, as they have come.
    let mut before: Vec<usize> = Vec::with_capacity(all.len());
    for (rank, counts) in all_counts.chunks(open.len()).enumerate() {
        for (&k, (&count, places)) in open.iter().zip(counts.iter().zip(&places)) {
            let Search { low, high, .. } = searches[k];
            for own in places.iter().map(Some).chain(std::iter::repeat(None)).take(count as usize) {
                let offered = &all[before.len()];
                let candidates = &block[low..high];
                before.push(match rank.cmp(&comm.rank()) {
                    Ordering::Equal => *own.expect("this rank has counted what it offered"),
                    Ordering::Less => low + candidates.partition_point(|mine| order.less(mine, offered)),
                    Ordering::Greater => low + candidates.partition_point(|mine| !order.less(offered, mine)),
                });
            }
        }
    }
    let indices = comm.all_reduce(&before, Sum)?;
    let mut learnt = before.iter().zip(&indices);
    for (rank, counts) in all_counts.chunks(open.len()).enumerate() {
        for (&k, &count) in open.iter().zip(counts) {
            for (&before, &index) in learnt.by_ref().take(count as usize) {
                searches[k].learn(index, before, usize::from(rank == comm.rank()));
            }
        }
    }
    Ok(())
}
