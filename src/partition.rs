//! Which rank owns which elements: contiguous blocks in rank order, as equal as can be or as given.
//!
//! The law behind it: the ranges of ranks 0, 1, … laid end to end are `0..len`, nothing twice, nothing lost.

use std::ops::Range;

/// Who owns which of `len` elements: rank `r` of `parts` owns the block [`range(r)`](Partition::range).
///
/// ```
/// use rankwise::Partition;
///
/// let rows = Partition::even(10, 4);
/// assert_eq!(rows.range(0), 0..3);
/// assert_eq!(rows.range(3), 8..10);
/// assert_eq!(rows.owner(7), 2);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition(Blocks);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Blocks {
    /// The first `len % parts` blocks have one element more; arithmetic, no table.
    /// `short` is the quotient, `longer` the remainder: divisions take longer than short messages.
    Even { len: usize, parts: usize, short: usize, longer: usize },
    /// Where each block starts, and the end; and whether all are equally long.
    Given { starts: Vec<usize>, equal: bool },
}

impl Blocks {
    fn given(starts: Vec<usize>) -> Self {
        let equal = starts.windows(2).all(|block| block[1] - block[0] == starts[1]);
        Blocks::Given { starts, equal }
    }
}

impl Partition {
    /// Blocks that differ by at most one element, the longer ones first. Takes no memory, for any `len`.
    ///
    /// # Panics
    /// If `parts` is 0.
    pub fn even(len: usize, parts: usize) -> Self {
        assert!(parts > 0, "a partition needs at least one part");
        Partition(Blocks::Even { len, parts, short: len / parts, longer: len % parts })
    }

    /// Blocks of the given lengths, any of which may be 0.
    ///
    /// ```
    /// # use rankwise::Partition;
    /// let blocks = Partition::from_counts(&[2, 0, 3]);
    /// assert_eq!(blocks.range(1), 2..2);
    /// assert_eq!(blocks.owner(2), 2);
    /// ```
    ///
    /// # Panics
    /// If `counts` is empty or its sum exceeds `usize::MAX`.
    pub fn from_counts(counts: &[usize]) -> Self {
        assert!(!counts.is_empty(), "a partition needs at least one part");
        let mut starts = Vec::with_capacity(counts.len() + 1);
        let mut end = 0usize;
        starts.push(end);
        for &count in counts {
            end = end.checked_add(count).expect("the counts of a partition sum to at most usize::MAX");
            starts.push(end);
        }
        Partition(Blocks::given(starts))
    }

    /// Even blocks of whole tiles of `tile` elements; only the very last tile may be shorter. What is computed tile by
    /// tile in global order does not depend on how many ranks share the work.
    ///
    /// ```
    /// # use rankwise::Partition;
    /// let points = Partition::of_tiles(10, 4, 2); // tiles 0..4, 4..8, 8..10
    /// assert_eq!(points.range(0), 0..8);
    /// assert_eq!(points.range(1), 8..10);
    /// ```
    ///
    /// # Panics
    /// If `tile` or `parts` is 0.
    pub fn of_tiles(len: usize, tile: usize, parts: usize) -> Self {
        assert!(tile > 0, "a tile has at least one element");
        let tiles = Partition::even(len.div_ceil(tile), parts);
        let starts = (0..parts).map(|r| tiles.range(r).start.saturating_mul(tile).min(len));
        Partition(Blocks::given(starts.chain([len]).collect()))
    }

    /// Number of elements in all.
    #[inline]
    pub fn len(&self) -> usize {
        match &self.0 {
            Blocks::Even { len, .. } => *len,
            Blocks::Given { starts, .. } => *starts.last().expect("there is always an end"),
        }
    }

    /// Whether there is no element at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of blocks: the number of ranks that share the elements.
    #[inline]
    pub fn parts(&self) -> usize {
        match &self.0 {
            Blocks::Even { parts, .. } => *parts,
            Blocks::Given { starts, .. } => starts.len() - 1,
        }
    }

    /// The elements of `rank`.
    ///
    /// # Panics
    /// If `rank` is not below [`parts`](Partition::parts).
    #[inline]
    pub fn range(&self, rank: usize) -> Range<usize> {
        assert!(rank < self.parts(), "rank {rank} of a partition into {} parts", self.parts());
        match &self.0 {
            Blocks::Even { short, longer, .. } => {
                let start = short * rank + rank.min(*longer);
                start..start + short + usize::from(rank < *longer)
            }
            Blocks::Given { starts, .. } => starts[rank]..starts[rank + 1],
        }
    }

    /// Number of elements of `rank`.
    ///
    /// # Panics
    /// If `rank` is not below [`parts`](Partition::parts).
    #[inline]
    pub fn count(&self, rank: usize) -> usize {
        self.range(rank).len()
    }

    /// The number of elements of every rank, if it is the same for all.
    ///
    /// ```
    /// # use rankwise::Partition;
    /// assert_eq!(Partition::even(12, 4).equal(), Some(3));
    /// assert_eq!(Partition::even(10, 4).equal(), None);
    /// ```
    #[inline]
    pub fn equal(&self) -> Option<usize> {
        match &self.0 {
            Blocks::Even { short, longer, .. } => (*longer == 0).then_some(*short),
            Blocks::Given { starts, equal } => equal.then_some(starts[1]),
        }
    }

    /// The number of elements of every rank, in rank order.
    pub fn counts(&self) -> impl ExactSizeIterator<Item = usize> + '_ {
        (0..self.parts()).map(|rank| self.count(rank))
    }

    /// The rank that owns element `index`.
    ///
    /// # Panics
    /// If `index` is not below [`len`](Partition::len).
    pub fn owner(&self, index: usize) -> usize {
        assert!(index < self.len(), "element {index} of {}", self.len());
        match &self.0 {
            Blocks::Even { short, longer, .. } => {
                let in_longer = longer * (short + 1);
                if index < in_longer { index / (short + 1) } else { longer + (index - in_longer) / short }
            }
            // The last block that starts at or before it: earlier ones with the same start are empty.
            Blocks::Given { starts, .. } => starts.partition_point(|&start| start <= index) - 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(blocks: &Partition, what: &str) {
        let mut next = 0;
        for rank in 0..blocks.parts() {
            let range = blocks.range(rank);
            assert_eq!(range.start, next, "{what}: rank {rank}");
            next = range.end;
            for index in range {
                assert_eq!(blocks.owner(index), rank, "{what}: element {index}");
            }
        }
        assert_eq!(next, blocks.len(), "{what}");
        assert_eq!(blocks.counts().sum::<usize>(), blocks.len(), "{what}");
        let first = blocks.count(0);
        assert_eq!(blocks.equal(), blocks.counts().all(|n| n == first).then_some(first), "{what}");
    }

    #[test]
    fn blocks_tile_the_whole_in_order() {
        for len in 0..40 {
            for parts in 1..12 {
                check(&Partition::even(len, parts), &format!("{len} over {parts}"));
                for tile in 1..7 {
                    check(&Partition::of_tiles(len, tile, parts), &format!("{len} in {tile}s over {parts}"));
                }
            }
        }
        for counts in [&[0][..], &[3], &[0, 0, 2, 0, 5, 0], &[1, 0, 0]] {
            check(&Partition::from_counts(counts), &format!("{counts:?}"));
        }
    }

    #[test]
    fn even_blocks_differ_by_at_most_one() {
        for len in 0..60 {
            for parts in 1..13 {
                let blocks = Partition::even(len, parts);
                let (min, max) = (blocks.counts().min().unwrap(), blocks.counts().max().unwrap());
                assert!(max - min <= 1, "{len} over {parts}: {min}..{max}");
            }
        }
    }

    #[test]
    fn tiles_stay_whole() {
        for len in 0..50 {
            for tile in 1..8 {
                for parts in 1..6 {
                    let blocks = Partition::of_tiles(len, tile, parts);
                    for rank in 0..parts {
                        let start = blocks.range(rank).start;
                        assert!(
                            start.is_multiple_of(tile) || start == len,
                            "{len} in {tile}s over {parts}: {start}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn huge_lengths_do_not_overflow() {
        let blocks = Partition::even(usize::MAX, 7);
        assert_eq!(blocks.range(6).end, usize::MAX);
        assert_eq!(blocks.owner(usize::MAX - 1), 6);
        assert_eq!(Partition::of_tiles(usize::MAX, 1024, 3).range(2).end, usize::MAX);
    }
}
