//! A permutation as a value: which item goes where, asked on any rank.

use super::items::{deal, even_block};
use crate::comm::Comm;
use crate::error::Result;
use crate::kernels::permutation::{key, order, tie};
use crate::partition::Partition;
use crate::sys::record::within;

/// A random permutation of `0..n`, chosen by a seed: nothing but three numbers, the same on all ranks.
///
/// Several from one seed, independent of each other, are its [copies](Permutation::copy).
///
/// ```
/// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
/// use rankwise::distributed::permute::Permutation;
///
/// let deck = Permutation::new(7, 4);
/// assert_eq!(deck.order(), [3, 2, 0, 1]); // item 3 comes first
/// assert_eq!((deck.item_at(0), deck.place_of(3)), (3, 0));
/// assert_eq!(world.all_gather(&deck.block(world)?)?, [3, 2, 0, 1]); // each rank has a part of it
/// assert_ne!(Permutation::new(7, 100).copy(1).order(), Permutation::new(7, 100).order());
/// # Ok(()) }) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Permutation {
    seed: u64,
    copy: u64,
    n: usize,
}

impl Permutation {
    /// The permutation of `0..n` that belongs to this seed. Costs nothing.
    pub fn new(seed: u64, n: usize) -> Self {
        Permutation { seed, copy: 0, n }
    }

    /// Another one from the same seed, independent of this one; copy 0 is the first.
    pub fn copy(self, copy: u64) -> Self {
        Permutation { copy, ..self }
    }

    /// Number of items.
    pub fn len(&self) -> usize {
        self.n
    }

    /// Whether there is nothing to permute.
    pub fn is_empty(&self) -> bool {
        self.n == 0
    }

    /// By this number items are ordered.
    pub fn key(&self, item: usize) -> u64 {
        key(self.seed, self.copy, item as u64)
    }

    /// Key, and what decides between equal ones.
    fn rank_of(&self, item: usize) -> (u64, u64) {
        let key = self.key(item);
        (key, tie(key, item as u64))
    }

    /// All items, the one that comes first first. n log n steps and 32 bytes an item; all ranks together are faster by
    /// [`block`](Permutation::block).
    pub fn order(&self) -> Vec<usize> {
        order(self.seed, self.copy, self.n)
    }

    /// Where an item goes. It takes one key of every item, 10 ns each, and no memory.
    ///
    /// # Panics
    /// If there is no such item.
    pub fn place_of(&self, item: usize) -> usize {
        assert!(item < self.n, "item {item} of {}", self.n);
        let this = self.rank_of(item);
        (0..self.n).filter(|&other| self.rank_of(other) < this).count()
    }

    /// The item that goes to a place. It takes one key of every item twice, and next to no memory.
    ///
    /// # Panics
    /// If there is no such place.
    pub fn item_at(&self, place: usize) -> usize {
        assert!(place < self.n, "place {place} of {}", self.n);
        let part = |item: usize| (self.key(item) >> 48) as usize;
        let mut counts = vec![0usize; 1 << 16];
        (0..self.n).for_each(|item| counts[part(item)] += 1);
        let (mut wanted, mut left) = (0, place);
        while left >= counts[wanted] {
            left -= counts[wanted];
            wanted += 1;
        }
        let mut near: Vec<usize> = (0..self.n).filter(|&item| part(item) == wanted).collect();
        near.sort_unstable_by_key(|&item| self.rank_of(item));
        near[left]
    }

    /// This rank's part of the [`order`](Permutation::order): an even block of places. Each rank computes its share of the keys, and
    /// sends them once.
    ///
    /// # Collective
    /// All ranks must call this, on the same permutation.
    ///
    /// # Errors
    /// When MPI refuses.
    #[track_caller]
    pub fn block(&self, comm: &Comm) -> Result<Vec<usize>> {
        let _within = within();
        let blocks = Partition::even(self.n, comm.size());
        let mine: Vec<usize> = even_block(comm, self.n).collect();
        deal(comm, (self.seed, self.copy), &mine, 1, None, &blocks)
    }
}
