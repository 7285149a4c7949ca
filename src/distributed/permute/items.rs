//! Items that are in memory, shuffled across ranks.

use std::ops::Range;

use ndarray::{Array, Dimension};

use super::mapped::rank_of;
use super::sampling::cuts;
use crate::array::{DistArray, Layout};
use crate::comm::{Comm, Element, Sum};
use crate::error::Result;
use crate::kernels::permutation::{key, sort};
use crate::partition::Partition;
use crate::sys::record::within;

/// This rank's part of all items, in random order: those of rank 0, then those of rank 1 and so on are permuted as a whole, and each
/// rank gets as many as it gave. What comes is [`permuted`](crate::kernels::permutation::permuted) of seed and copy 0.
///
/// Each item is sent once, and most once more, to the rank next to it; and 8 bytes for each item.
///
/// # Collective
/// All ranks must call this, with the same seed. A rank may have no items.
///
/// # Errors
/// When MPI refuses.
///
/// ```
/// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
/// use rankwise::distributed::permute::shuffle;
///
/// let mine = vec![world.rank(); 3];
/// let shuffled = shuffle(world, 1, &mine)?;
/// assert_eq!(shuffled.len(), 3);
/// # Ok(()) }) }
/// ```
#[track_caller]
pub fn shuffle<T: Element<K>, K>(comm: &Comm, seed: u64, mine: &[T]) -> Result<Vec<T>> {
    let _within = within();
    let lengths = Partition::from_counts(&comm.all_gather_one(mine.len())?);
    deal(comm, (seed, 0), mine, 1, None, &lengths)
}

/// An array with its rows (what shares an index of axis 0) in random order, in the same layout. The rows are those of
/// [`permuted`](crate::kernels::permutation::permuted), whatever the layout.
///
/// # Collective
/// All ranks must call this, with the same seed.
///
/// # Errors
/// When MPI refuses.
///
/// ```
/// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
/// use rankwise::array::{DistArray, Layout};
/// use rankwise::distributed::permute::shuffle_array;
///
/// let points = DistArray::from_fn(&Layout::rows(world, [100, 2])?, |(i, j)| 2 * i + j)?;
/// let shuffled = shuffle_array(&points, 42)?;
/// assert_eq!(shuffled.get_everywhere((0, 1))?, shuffled.get_everywhere((0, 0))? + 1); // rows stay whole
/// # Ok(()) }) }
/// ```
#[track_caller]
pub fn shuffle_array<'c, T, D, K>(array: &DistArray<'c, T, D>, seed: u64) -> Result<DistArray<'c, T, D>>
where
    T: Element<K>,
    D: Dimension,
{
    let _within = within();
    let comm = array.comm();
    let rows = Layout::rows(comm, array.layout().dim())?;
    let rows = array.redistribute(&rows)?.into_local();
    let (mut dim, width) = (rows.raw_dim(), rows.shape()[1..].iter().product());
    let blocks = Partition::even(array.global_shape()[0], comm.size());
    let data = rows.as_slice().expect("a block is in row-major order");
    let mine = if width == 0 { vec![] } else { deal(comm, (seed, 0), data, width, None, &blocks)? };
    dim[0] = blocks.count(comm.rank());
    let mine = Array::from_shape_vec(dim, mine).expect("as many rows as the block has");
    DistArray::from_parts(comm, mine)?.redistribute(array.layout())
}

/// `wanted` items of all ranks, a uniform sample without replacement, in random order: the first ones of [`shuffle`]. Each rank has
/// an even part of them. Only the sample is sent, and some of the keys.
///
/// # Collective
/// All ranks must call this, with the same seed and number.
///
/// # Errors
/// On all ranks alike, when there are fewer items.
#[track_caller]
pub fn sample<T: Element<K>, K>(comm: &Comm, seed: u64, mine: &[T], wanted: usize) -> Result<Vec<T>> {
    let _within = within();
    let all = comm.all_reduce_one(mine.len(), Sum)?;
    if wanted > all {
        return comm.agree(Err(format!("a sample of {wanted} from {all} items")));
    }
    deal(comm, (seed, 0), mine, 1, Some(wanted), &Partition::even(wanted, comm.size()))
}

/// The share of `0..n` of this rank.
pub(super) fn even_block(comm: &Comm, n: usize) -> Range<usize> {
    Partition::even(n, comm.size()).range(comm.rank())
}

/// Items of `width` elements in the order of a seed and a copy, or the first of them, dealt out as `blocks` says. Collective.
pub(super) fn deal<T: Element<K>, K>(
    comm: &Comm,
    (seed, copy): (u64, u64),
    mine: &[T],
    width: usize,
    wanted: Option<usize>,
    blocks: &Partition,
) -> Result<Vec<T>> {
    let items = mine.len() / width;
    let before = comm.exclusive_scan(&[items], Sum)?[0];
    let cut = match wanted {
        None => None,
        Some(wanted) => {
            let all = comm.all_reduce_one(items, Sum)?;
            Some(cuts(comm, seed, copy / 4 * 4, all as u64, wanted as u64)?[(copy % 4) as usize])
        }
    };
    let keyed = (0..items)
        .map(|item| ((before + item) as u64, item))
        .map(|(index, item)| (key(seed, copy, index), index, item));
    let mut keys = vec![vec![]; comm.size()];
    let mut sent = vec![vec![]; comm.size()];
    for (key, index, item) in keyed {
        if cut.is_none_or(|cut| !cut.is_out(key, index)) {
            let to = rank_of(key, comm.size());
            keys[to].push(key);
            sent[to].extend_from_slice(&mine[item * width..(item + 1) * width]);
        }
    }
    let sorted = exchange(comm, &keys, &sent, width)?;
    drop(sent);

    // Who sorts has nearly the block that is wanted.
    let counts = Partition::from_counts(&comm.all_gather_one(sorted.len() / width)?);
    let shared =
        |a: Range<usize>, b: Range<usize>| b.end.min(a.end).saturating_sub(a.start.max(b.start)) * width;
    let part = |of: &Partition, with: &Partition| {
        let mine = of.range(comm.rank());
        Partition::from_counts(
            &(0..comm.size()).map(|rank| shared(mine.clone(), with.range(rank))).collect::<Vec<_>>(),
        )
    };
    comm.all_to_all_by(&part(&counts, blocks), &sorted, &part(blocks, &counts))
}

/// Sends items to those who have their keys; gives those that came, in order. Items come from lower ranks first, and those of a rank
/// in their order, which is that of their places. Collective.
pub(super) fn exchange<T: Element<K>, K>(
    comm: &Comm,
    keys: &[Vec<u64>],
    items: &[Vec<T>],
    width: usize,
) -> Result<Vec<T>> {
    let counts = |scale: usize| {
        Partition::from_counts(&keys.iter().map(|keys| keys.len() * scale).collect::<Vec<_>>())
    };
    let (keys, from) = comm.all_to_all(&counts(1), &keys.concat())?;
    let rows = Partition::from_counts(&from.counts().map(|count| count * width).collect::<Vec<_>>());
    let items = comm.all_to_all_by(&counts(width), &items.concat(), &rows)?;
    Ok(sorted(&keys, &items, width))
}

/// Items in the order of their keys; those of the same key by their places, of which theirs here are the order.
pub(super) fn sorted<T: Copy>(keys: &[u64], items: &[T], width: usize) -> Vec<T> {
    let mut records: Vec<[u64; 2]> = keys.iter().zip(0..).map(|(&key, place)| [key, place]).collect();
    let mut room = vec![[0; 2]; records.len()];
    let mut sorted = Vec::with_capacity(items.len());
    sort(&mut records, &mut room, &mut |run| {
        for record in run {
            let item = record[1] as usize;
            sorted.extend_from_slice(&items[item * width..(item + 1) * width]);
        }
    });
    sorted
}
