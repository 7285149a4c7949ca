//! Odd-even transposition across ranks: bubble sort as it is taught, and the same with only the keys that must move.
//!
//! In each phase neighbours work in pairs: (0, 1), (2, 3), … in the first, (1, 2), (3, 4), … in the second, and so on. The left one
//! of a pair keeps the smaller keys of both, the right one the larger. When all have as many keys, p phases sort (Habermann 1972,
//! Baudet and Stevenson 1978). Blocks that differ by one key may need some phases more (11|1|0|0 takes five), so then, as when
//! it is done early, two phases in a row in which nothing has moved are the end.

use std::cell::Cell;
use std::cmp::Ordering;

use super::evenly;
use crate::comm::{Comm, Element, Max};
use crate::error::{Error, Result};
use crate::kernels::sorting::{self, By, Key, Natural, Order, Work};
use crate::sys::memory;
use crate::sys::record::within;

/// Keys that a rank offers at a time, to find how many must cross.
const PROBES: usize = 63;

/// What odd-even transposition has cost this rank.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Walk {
    /// Phases, the same on all ranks.
    pub phases: usize,
    /// Phases in which this rank had no partner, or no key crossed between it and its partner.
    pub quiet: usize,
    /// Keys that went to another rank.
    pub sent: u64,
    /// Keys that were sent only to be compared.
    pub probes: u64,
    /// Messages that were sent, all of those included.
    pub messages: u64,
    /// Comparisons, where they were counted: by [`bubble`], [`bubble_by`] and [`odd_even_by`].
    pub comparisons: u64,
    /// What bubble sort has done before the first phase, if it was that.
    pub bubbled: Work,
}

/// What a watcher sees after each phase, and before the first.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a, T> {
    /// 0 is when all have sorted their own.
    pub phase: usize,
    /// With whom this rank was paired.
    pub partner: Option<usize>,
    /// How many keys went each way that had to.
    pub crossed: usize,
    /// This rank's keys now.
    pub block: &'a [T],
}

/// This rank's share of the sorted whole, by odd-even transposition of blocks that are well sorted. A pair first compares one key of
/// each side. If these are in order, that was all; otherwise some more keys are compared, 63 at a time, until it is known how many must
/// cross, and only those are sent, in place of others. For two ranks that is as good as it gets; for more ranks, keys travel from
/// neighbour to neighbour: up to n words a rank, p times what [`sort`](super::sort()) sends.
///
/// # Collective
/// All ranks must call this; a rank may have nothing.
///
/// # Errors
/// When MPI refuses.
///
/// ```
/// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
/// let (mine, walk) = rankwise::distributed::sort::odd_even(world, vec![3, 1, 2])?;
/// assert_eq!((mine, walk.sent), (vec![1, 2, 3], 0));
/// # Ok(()) }) }
/// ```
#[track_caller]
pub fn odd_even<T: Element<E> + Key<K>, E, K>(comm: &Comm, mine: Vec<T>) -> Result<(Vec<T>, Walk)> {
    let _within = within();
    let mut mine = evenly(comm, mine)?;
    let order = Natural::<K>::new();
    order.sort(&mut mine);
    let mut pairs = Pairs::new(comm)?;
    pairs.phases(&mut mine, &order, Only::Crossing, |_| Ok(()))?;
    Ok((mine, pairs.walk))
}

/// As [`odd_even`], by a comparison; `watch` is called on all ranks after each phase, and may talk to the others.
///
/// # Collective
/// As [`odd_even`], with the same `order`.
///
/// # Errors
/// When MPI refuses, or `watch` has failed.
///
/// ```
/// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
/// use rankwise::distributed::sort::odd_even_by;
///
/// let mut phases = 0;
/// let (mine, walk) = odd_even_by(world, vec![1, 3, 2], |a, b| b.cmp(a), |step| Ok(phases = step.phase))?;
/// assert_eq!((mine, phases), (vec![3, 2, 1], walk.phases));
/// # Ok(()) }) }
/// ```
#[track_caller]
pub fn odd_even_by<T: Element<E>, E>(
    comm: &Comm,
    mine: Vec<T>,
    order: impl Fn(&T, &T) -> Ordering,
    watch: impl FnMut(Step<'_, T>) -> Result<()>,
) -> Result<(Vec<T>, Walk)> {
    let _within = within();
    let mut mine = evenly(comm, mine)?;
    let comparisons = Cell::new(0);
    let order = By(|a: &T, b: &T| {
        comparisons.set(comparisons.get() + 1);
        order(a, b)
    });
    order.sort(&mut mine);
    let mut pairs = Pairs::new(comm)?;
    pairs.phases(&mut mine, &order, Only::Crossing, watch)?;
    Ok((mine, Walk { comparisons: comparisons.get(), ..pairs.walk }))
}

/// As the textbook has it: bubble sort of each rank's own keys, then odd-even transposition in which each pair exchanges all it has,
/// in every one of p phases. About n²/2p² comparisons a rank for its own keys: with p ranks p times fewer than a p-th of n²/2, which is
/// why p ranks are more than p times as fast as one. It does not make bubble sort a good sort.
///
/// # Collective
/// As [`odd_even`].
///
/// # Errors
/// When MPI refuses.
///
/// ```
/// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
/// let (mine, walk) = rankwise::distributed::sort::bubble(world, vec![3, 1, 2])?;
/// assert_eq!((mine, walk.bubbled.moves), (vec![1, 2, 3], 2));
/// # Ok(()) }) }
/// ```
#[track_caller]
pub fn bubble<T: Element<E> + Key<K>, E, K>(comm: &Comm, mine: Vec<T>) -> Result<(Vec<T>, Walk)> {
    let _within = within();
    bubble_by(comm, mine, T::order, |_| Ok(()))
}

/// As [`bubble`], by a comparison; `watch` is called on all ranks after each phase, and may talk to the others.
///
/// # Collective
/// As [`odd_even`], with the same `order`.
///
/// # Errors
/// When MPI refuses, or `watch` has failed.
///
/// ```
/// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
/// let (mine, _) = rankwise::distributed::sort::bubble_by(world, vec![1, 3], |a, b| b.cmp(a), |_| Ok(()))?;
/// assert_eq!(mine, [3, 1]);
/// # Ok(()) }) }
/// ```
#[track_caller]
pub fn bubble_by<T: Element<E>, E>(
    comm: &Comm,
    mine: Vec<T>,
    order: impl Fn(&T, &T) -> Ordering,
    watch: impl FnMut(Step<'_, T>) -> Result<()>,
) -> Result<(Vec<T>, Walk)> {
    let _within = within();
    let mut mine = evenly(comm, mine)?;
    let comparisons = Cell::new(0);
    let order = By(|a: &T, b: &T| {
        comparisons.set(comparisons.get() + 1);
        order(a, b)
    });
    let bubbled = sorting::bubble_sort(&mut mine, |a, b| order.compare(a, b));
    let mut pairs = Pairs::new(comm)?;
    pairs.phases(&mut mine, &order, Only::Whole, watch)?;
    Ok((mine, Walk { comparisons: comparisons.get(), bubbled, ..pairs.walk }))
}

/// What a pair exchanges.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Only {
    /// The whole block, whatever is in it.
    Whole,
    /// The keys that must cross.
    Crossing,
}

/// The ranks at work, on a communicator of their own: how many messages a pair exchanges is nobody else's business.
struct Pairs {
    comm: Comm,
    walk: Walk,
}

impl Pairs {
    fn new(comm: &Comm) -> Result<Self> {
        let all = comm.split(Some(0), 0)?.expect("all ranks have the same colour");
        Ok(Pairs { comm: all, walk: Walk::default() })
    }

    fn phases<T: Element<K>, K>(
        &mut self,
        block: &mut [T],
        order: &impl Order<T>,
        only: Only,
        mut watch: impl FnMut(Step<'_, T>) -> Result<()>,
    ) -> Result<()> {
        let (rank, size) = (self.comm.rank(), self.comm.size());
        let lengths = self.comm.all_gather_one(block.len())?;
        let equal = lengths.iter().all(|&len| len == block.len());
        watch(Step { phase: 0, partner: None, crossed: 0, block })?;
        // In one world of one rank nothing can move.
        let (mut quiet, mut phase) = (if size == 1 { 2 } else { 0 }, 0);
        while quiet < 2 && !(equal && phase == size) {
            // In the first phase even ranks look to the right, in the second to the left.
            let right = rank % 2 == phase % 2;
            let partner = if right { rank + 1 } else { rank.wrapping_sub(1) };
            let partner = (partner < size).then_some(partner);
            let crossed = match partner {
                Some(partner) => self.pair(block, partner, lengths[partner], order, only)?,
                None => 0,
            };
            phase += 1;
            self.walk.phases = phase;
            self.walk.quiet += usize::from(crossed == 0);
            watch(Step { phase, partner, crossed, block })?;
            // The textbook does not look whether it is done before p phases are over; equal blocks need no more.
            let looks = if only == Only::Whole { phase >= size } else { true };
            if looks && !(equal && phase == size) {
                let moved = self.comm.all_reduce_one(u8::from(crossed > 0), Max)?;
                quiet = if moved == 0 { quiet + 1 } else { 0 };
            }
        }
        Ok(())
    }

    /// One phase with one partner, who has `theirs` keys; how many keys had to cross.
    fn pair<T: Element<K>, K>(
        &mut self,
        block: &mut [T],
        partner: usize,
        theirs: usize,
        order: &impl Order<T>,
        only: Only,
    ) -> Result<usize> {
        let left = self.comm.rank() < partner;
        if only == Only::Whole {
            let other = self.swap(block, partner, theirs)?;
            let (low, high) = if left { (&block[..], &other[..]) } else { (&other[..], &block[..]) };
            let wrong = |k| order.less(&high[k - 1], &low[low.len() - k]);
            let crossed = sorting::crossing(low.len(), high.len(), wrong);
            let mut both = [low, high].concat();
            order.merge(low, high, &mut both);
            let mine = if left { &both[..block.len()] } else { &both[theirs..] };
            block.copy_from_slice(mine);
            return Ok(crossed);
        }
        let crossed = self.crossing(block, partner, theirs, order)?;
        if crossed > 0 {
            let len = block.len();
            if left {
                let came = self.swap(&block[len - crossed..], partner, crossed)?;
                order.merge_onto_low(block, len - crossed, &came);
            } else {
                let came = self.swap(&block[..crossed], partner, crossed)?;
                order.merge_onto_high(&came, block, len - crossed);
            }
        }
        Ok(crossed)
    }

    /// How many keys must cross, which both sides find by the same comparisons.
    fn crossing<T: Element<K>, K>(
        &mut self,
        block: &[T],
        partner: usize,
        theirs: usize,
        order: &impl Order<T>,
    ) -> Result<usize> {
        let left = self.comm.rank() < partner;
        // It is known that `low` must cross, and not more than `high`.
        let (mut low, mut high) = (0, block.len().min(theirs));
        // First the one that says that nothing must, most often.
        let mut offered = high.min(1);
        while low < high {
            let ks: Vec<usize> = match offered {
                1 if low == 0 => vec![1],
                count => (1..=count).map(|i| low + i * (high - low) / count).collect(),
            };
            let key = |&k: &usize| if left { block[block.len() - k] } else { block[k - 1] };
            let mine: Vec<T> = ks.iter().map(key).collect();
            let other = self.compare_with(&mine, partner)?;
            let wrong = |(mine, other): (&T, &T)| {
                if left { order.less(other, mine) } else { order.less(mine, other) }
            };
            let crossing = mine.iter().zip(&other).take_while(|&pair| wrong(pair)).count();
            if let Some(&first_not) = ks.get(crossing) {
                high = first_not - 1;
            }
            if crossing > 0 {
                low = ks[crossing - 1];
            }
            offered = PROBES.min(high.saturating_sub(low));
        }
        Ok(low)
    }

    fn compare_with<T: Element<K>, K>(&mut self, mine: &[T], partner: usize) -> Result<Vec<T>> {
        let other = self.swap(mine, partner, mine.len())?;
        self.walk.sent -= mine.len() as u64;
        self.walk.probes += mine.len() as u64;
        Ok(other)
    }

    /// Gives `mine` to the partner, for as many as `theirs` of its keys.
    fn swap<T: Element<K>, K>(&mut self, mine: &[T], partner: usize, theirs: usize) -> Result<Vec<T>> {
        let here = |failure| crate::comm::Call::new("odd_even").error(failure);
        let (mut other, ()) = memory::filled::<T, K, ()>(theirs, |_| Ok(())).map_err(here)?;
        let came = self.comm.send_recv_into(partner, mine, partner, &mut other)?;
        self.walk.sent += mine.len() as u64;
        self.walk.messages += 1;
        if came.len != theirs {
            return Err(Error::Argument {
                operation: "odd_even",
                at: std::panic::Location::caller(),
                problem: "the ranks see different orders: one would exchange more keys than the other".into(),
            });
        }
        Ok(other)
    }
}
