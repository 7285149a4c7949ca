//! Sorting across ranks: every rank gives some elements, and gets its share of the sorted whole.
//!
//! | | result |
//! |---|---|
//! | [`sort`], [`sort_descending`] | keys: all integers, floats by [`total_cmp`](f64::total_cmp), everything with [`Ord`] |
//! | [`sort_by_key`], [`sort_by`] | elements by a key of theirs, or by a comparison |
//! | [`sort_records`] | keys, each with a value that goes along |
//! | [`argsort`] | where each element of the sorted whole was |
//! | [`quantiles`] | single elements of the sorted whole, without moving the others |
//! | [`is_sorted`] | whether there is anything to do |
//! | [`odd_even`], [`bubble`] | the textbook's way, and what it costs |
//!
//! What holds for all of them:
//!
//! - *The shares are exact.* Rank `r` ends with the elements `Partition::even(n, size).range(r)` of the sorted whole: ⌊n/p⌋ or ⌈n/p⌉
//!   of them, whatever the duplicates, the skew, and who had how many before.
//! - *Stable.* Equal elements stay in the order of ranks, and on a rank in their order. So the result does not depend on the
//!   number of ranks, also where equal elements can be told apart. There is no faster, unstable variant: of numbers nobody can tell.
//! - *Each element travels once at most*, and only if its place is on another rank: of random input (n/p)(1 − 1/p) a rank.
//! - *Memory*: a rank's elements and its share, beside the share itself: one block more, and what the messages of the search
//!   take, some 10 KiB times the number of ranks.
//!
//! How: each rank sorts its elements, the ranks find where to cut (a few rounds of small messages, see `splitters.rs`), one exchange
//! between those who have something for each other, and a merge of what has come. What is sorted already takes one
//! scan.
//!
//! Sources: V. Harsh, L. Kale, E. Solomonik, *Histogram sort with sampling*, SPAA 2019; M. Axtmann, P. Sanders, *Robust massively
//! parallel sorting*, ALENEX 2017.

use std::cmp::Ordering;
use std::time::{Duration, Instant};

use crate::comm::{Comm, Element, Sum, kind::Plain, kind::Tuple};
use crate::error::Result;
use crate::kernels::sorting::{self, Backwards, By, Key, Natural, Order};
use crate::partition::Partition;
use crate::sys::record::within;

mod exchange;
mod odd_even;
mod splitters;

pub use odd_even::{Step, Walk, bubble, bubble_by, odd_even, odd_even_by};

/// What a sort has cost this rank.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    /// Elements that went to other ranks, and that came from them.
    pub sent: usize,
    /// Elements that came from other ranks.
    pub received: usize,
    /// Rounds of messages until it was known where to cut.
    pub rounds: usize,
    /// Time to sort what this rank had.
    pub local: Duration,
    /// Time to find where to cut, in which this rank may have waited for the others.
    pub splitters: Duration,
    /// Time of the exchange.
    pub exchange: Duration,
    /// Time to merge what has come.
    pub merge: Duration,
}

impl Cost {
    /// The time of a step, in a field of this.
    fn time<R>(field: &mut Duration, step: impl FnOnce() -> R) -> R {
        let start = Instant::now();
        let result = step();
        *field += start.elapsed();
        result
    }
}

/// This rank's share of the sorted whole. See the [module](self) for what holds.
///
/// # Collective
/// All ranks must call this; a rank may have nothing.
///
/// # Errors
/// On all ranks alike, when one has no memory for its share.
///
/// ```
/// use rankwise::distributed::sort;
///
/// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
/// let mine = sort(world, vec![2.5, -0.0, f64::NAN, 0.0, -1.0])?;
/// assert_eq!(mine[..4], [-1.0, -0.0, 0.0, 2.5]);
/// # Ok(()) }) }
/// ```
#[track_caller]
pub fn sort<T: Element<E> + Key<K>, E, K>(comm: &Comm, mine: Vec<T>) -> Result<Vec<T>> {
    let _within = within();
    Ok(sort_counted(comm, mine)?.0)
}

/// As [`sort`], and what it has cost.
///
/// # Collective
/// As [`sort`].
///
/// # Errors
/// As [`sort`].
///
/// ```
/// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
/// let (mine, cost) = rankwise::distributed::sort::sort_counted(world, vec![3, 1, 2])?;
/// assert_eq!((mine.as_slice(), cost.sent), (&[1, 2, 3][..], 0)); // to other ranks: there are none
/// # Ok(()) }) }
/// ```
#[track_caller]
pub fn sort_counted<T: Element<E> + Key<K>, E, K>(comm: &Comm, mine: Vec<T>) -> Result<(Vec<T>, Cost)> {
    let _within = within();
    in_order(comm, mine, &Natural::new())
}

/// As [`sort`], the greatest first. Equal elements stay in their order here, too.
///
/// # Collective
/// As [`sort`].
///
/// # Errors
/// As [`sort`].
///
/// ```
/// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
/// let mine = rankwise::distributed::sort::sort_descending(world, vec![1_u8, 3, 2])?;
/// assert_eq!(mine, [3, 2, 1]);
/// # Ok(()) }) }
/// ```
#[track_caller]
pub fn sort_descending<T: Element<E> + Key<K>, E, K>(comm: &Comm, mine: Vec<T>) -> Result<Vec<T>> {
    let _within = within();
    Ok(in_order(comm, mine, &Backwards::new())?.0)
}

/// As [`sort`], by a key of each element.
///
/// # Collective
/// As [`sort`], with the same `key`.
///
/// # Errors
/// As [`sort`].
///
/// ```
/// use rankwise::distributed::sort::sort_by_key;
///
/// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
/// let mine = sort_by_key(world, vec![(1, 2.5), (2, -1.0), (3, -1.0)], |place: &(i32, f64)| place.1)?;
/// assert_eq!(mine, [(2, -1.0), (3, -1.0), (1, 2.5)]);
/// # Ok(()) }) }
/// ```
#[track_caller]
pub fn sort_by_key<T: Element<E>, E, B: Key<K>, K>(
    comm: &Comm,
    mine: Vec<T>,
    key: impl Fn(&T) -> B,
) -> Result<Vec<T>> {
    let _within = within();
    Ok(in_order(comm, mine, &By(|a: &T, b: &T| key(a).order(&key(b))))?.0)
}

/// As [`sort`], by a comparison.
///
/// # Collective
/// As [`sort`], with the same `order`.
///
/// # Errors
/// As [`sort`], and when the order contradicts itself so that the ranks find no cut. It may also go unnoticed; then the result has
/// the same elements in some order.
///
/// ```
/// use rankwise::distributed::sort::sort_by;
///
/// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
/// let mine = sort_by(world, vec![[1, 9], [2, 3], [1, 4]], |a, b| b[0].cmp(&a[0]).then(a[1].cmp(&b[1])))?;
/// assert_eq!(mine, [[2, 3], [1, 4], [1, 9]]);
/// # Ok(()) }) }
/// ```
#[track_caller]
pub fn sort_by<T: Element<E>, E>(
    comm: &Comm,
    mine: Vec<T>,
    order: impl Fn(&T, &T) -> Ordering,
) -> Result<Vec<T>> {
    let _within = within();
    Ok(in_order(comm, mine, &By(order))?.0)
}

/// As [`sort`], where each key has a value that goes along: this rank's share of both. While they travel they are pairs, which
/// takes once more the memory.
///
/// # Collective
/// As [`sort`].
///
/// # Errors
/// As [`sort`], and when a rank has not as many values as keys.
///
/// ```
/// use rankwise::distributed::sort::sort_records;
///
/// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
/// let (keys, names) = sort_records(world, &[2.0, 1.0], &[*b"two", *b"one"])?;
/// assert_eq!((keys, names), (vec![1.0, 2.0], vec![*b"one", *b"two"]));
/// # Ok(()) }) }
/// ```
#[track_caller]
pub fn sort_records<A, V, EA, EV, K>(comm: &Comm, keys: &[A], values: &[V]) -> Result<(Vec<A>, Vec<V>)>
where
    A: Element<EA> + Key<K>,
    V: Element<EV>,
{
    let _within = within();
    let as_many = if keys.len() == values.len() {
        Ok(())
    } else {
        Err(format!("{} keys with {} values", keys.len(), values.len()))
    };
    comm.agree(as_many)?;
    let pairs: Vec<(A, V)> = keys.iter().copied().zip(values.iter().copied()).collect();
    let order = By(|a: &(A, V), b: &(A, V)| a.0.order(&b.0));
    let (pairs, _) = in_order::<_, Tuple<(EA, EV)>>(comm, pairs, &order)?;
    Ok(pairs.into_iter().unzip())
}

/// For each element of this rank's share of the sorted whole, where it was: its global index in the input, in which the elements of
/// rank 0 come first. A stable sort, so indices of equal elements ascend.
///
/// # Collective
/// As [`sort`].
///
/// # Errors
/// As [`sort`].
///
/// ```
/// use rankwise::distributed::sort::argsort;
///
/// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
/// assert_eq!(argsort(world, &[0.5, -1.0, 0.25])?, [1, 2, 0]);
/// # Ok(()) }) }
/// ```
#[track_caller]
pub fn argsort<T: Element<E> + Key<K>, E, K>(comm: &Comm, mine: &[T]) -> Result<Vec<u64>> {
    let _within = within();
    let first = comm.exclusive_scan(&[mine.len() as u64], Sum)?[0];
    let placed: Vec<(T, u64)> = mine.iter().copied().zip(first..).collect();
    let order = By(|a: &(T, u64), b: &(T, u64)| a.0.order(&b.0));
    let (placed, _) = in_order::<_, Tuple<(E, Plain)>>(comm, placed, &order)?;
    Ok(placed.into_iter().map(|(_, place)| place).collect())
}

/// For each q of `quantiles`, on all ranks, the smallest element for which at least a part q of all elements is not greater: for 0.5
/// the (lower) median. An element of the input, and not a mean of two (NumPy's `inverted_cdf`). Nothing is moved between ranks but a
/// few hundred elements for each q; a copy of the rank's elements is sorted.
///
/// # Collective
/// All ranks must call this, with the same `quantiles`.
///
/// # Errors
/// On all ranks alike, when there is no element at all, or a quantile is not between 0 and 1.
///
/// ```
/// use rankwise::distributed::sort::quantiles;
///
/// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
/// assert_eq!(quantiles(world, &[4, 1, 3, 2], &[0.0, 0.5, 0.75, 1.0])?, [1, 2, 3, 4]);
/// # Ok(()) }) }
/// ```
#[track_caller]
pub fn quantiles<T: Element<E> + Key<K>, E, K>(comm: &Comm, mine: &[T], quantiles: &[f64]) -> Result<Vec<T>> {
    let _within = within();
    let order = Natural::<K>::new();
    let n = comm.all_reduce_one(mine.len(), Sum)?;
    comm.agree(match quantiles.iter().find(|q| !(0.0..=1.0).contains(*q)) {
        Some(q) => Err(format!("a quantile of {q}: it lies between 0 and 1")),
        None if n == 0 => Err("no quantiles of nothing".into()),
        None => Ok(()),
    })?;
    let mut block = mine.to_vec();
    order.sort(&mut block);
    let index = |q: &f64| ((q * n as f64).ceil() as usize).clamp(1, n) - 1;
    let mut wanted: Vec<(usize, usize)> = quantiles.iter().map(index).zip(0..).collect();
    wanted.sort_unstable();
    let targets: Vec<usize> = wanted.iter().map(|&(index, _)| index).collect();
    let places = splitters::cuts(comm, &block, n, &targets, &order)?.places;
    let mut found: Vec<(usize, T)> = Vec::new();
    for (place, (_, wish)) in places.into_iter().zip(wanted) {
        // The first behind the cut, over all ranks.
        let mine: Vec<T> = block.get(place).copied().into_iter().collect();
        let first = comm.all_gather(&mine)?.into_iter().reduce(|a, b| if order.less(&b, &a) { b } else { a });
        found.push((wish, first.expect("the cut is before one of the elements")));
    }
    found.sort_unstable_by_key(|(wish, _)| *wish);
    Ok(found.into_iter().map(|(_, element)| element).collect())
}

/// Whether the elements of rank 0, then those of rank 1, and so on, are sorted. One scan, one gather of two elements a rank, and one
/// all-reduce.
///
/// # Collective
/// All ranks must call this.
///
/// # Errors
/// When MPI refuses.
///
/// ```
/// use rankwise::distributed::sort::is_sorted;
///
/// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
/// assert!(is_sorted(world, &vec![world.rank(); 3])?);
/// # Ok(()) }) }
/// ```
#[track_caller]
pub fn is_sorted<T: Element<E> + Key<K>, E, K>(comm: &Comm, mine: &[T]) -> Result<bool> {
    let _within = within();
    let ends: Vec<T> = [mine.first(), mine.last()].into_iter().flatten().copied().collect();
    let ends = comm.all_gather(&ends)?;
    let sorted = sorting::is_sorted(mine) && sorting::is_sorted(&ends);
    comm.all_reduce_one(sorted, crate::comm::LogicalAnd)
}

/// The elements in the same global order, as even blocks: nothing is sorted.
fn evenly<T: Element<K>, K>(comm: &Comm, mine: Vec<T>) -> Result<Vec<T>> {
    let counts = comm.all_gather_one(mine.len())?;
    let given = Partition::from_counts(&counts);
    let even = Partition::even(given.len(), comm.size());
    if counts.iter().copied().eq(even.counts()) {
        return Ok(mine);
    }
    let overlap = |a: std::ops::Range<usize>, b: std::ops::Range<usize>| {
        a.end.min(b.end).saturating_sub(a.start.max(b.start))
    };
    let me = comm.rank();
    let ranks = 0..comm.size();
    let sends: Vec<usize> = ranks.clone().map(|to| overlap(given.range(me), even.range(to))).collect();
    let receives: Vec<usize> = ranks.map(|from| overlap(given.range(from), even.range(me))).collect();
    comm.all_to_all_by(&Partition::from_counts(&sends), &mine, &Partition::from_counts(&receives))
}

/// Sorts by any order.
fn in_order<T: Element<K>, K>(
    comm: &Comm,
    mut mine: Vec<T>,
    order: &impl Order<T>,
) -> Result<(Vec<T>, Cost)> {
    let mut cost = Cost::default();
    Cost::time(&mut cost.local, || order.sort(&mut mine));
    if comm.size() == 1 {
        return Ok((mine, cost));
    }
    let cuts = Cost::time(&mut cost.splitters, || {
        let n = comm.all_reduce_one(mine.len(), Sum)?;
        let shares = Partition::even(n, comm.size());
        let targets: Vec<usize> = (1..comm.size()).map(|rank| shares.range(rank).start).collect();
        let cuts = splitters::cuts(comm, &mine, n, &targets, order)?;
        cost.rounds = cuts.rounds;
        Ok::<_, crate::Error>((cuts.places, shares.count(comm.rank())))
    })?;
    let (places, share) = cuts;
    let mine = exchange::exchange(comm, mine, &places, share, order, &mut cost)?;
    Ok((mine, cost))
}
