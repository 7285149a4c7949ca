//! Blocks that are too long for one call, in rounds.

use std::ops::Range;

/// A block in pieces that lie together in memory, each of at most so many elements: whole below one axis, a range along it,
/// one index of every axis above.
pub(super) struct Rounds<'s> {
    shape: &'s [usize],
    axis: usize,
    /// Elements below one index of the axis, and indices of the axis a round.
    inner: usize,
    per_round: usize,
    /// Rounds for one index of the axes above, and in all.
    along: usize,
    pub(super) count: usize,
}

impl<'s> Rounds<'s> {
    pub(super) fn new(shape: &'s [usize], most: usize) -> Self {
        let inner_of = |axis: usize| shape.iter().skip(axis + 1).product::<usize>();
        let last = shape.len().saturating_sub(1);
        let axis = (0..last).find(|&axis| inner_of(axis) <= most).unwrap_or(last);
        let inner = inner_of(axis);
        let per_round = (most / inner.max(1)).max(1);
        let along = if inner == 0 { 0 } else { shape.get(axis).map_or(1, |len| len.div_ceil(per_round)) };
        let count = along * shape.iter().take(axis).product::<usize>();
        Rounds { shape, axis, inner, per_round, along, count }
    }

    /// Where the piece starts inside the block, its shape, and which elements it is; an empty piece after the last.
    pub(super) fn round(&self, round: usize) -> (Vec<usize>, Vec<usize>, Range<usize>) {
        let (mut start, mut count) = (vec![0; self.shape.len()], self.shape.to_vec());
        if round >= self.count {
            count.fill(0);
            return (start, count, 0..0);
        }
        let Some(&len) = self.shape.get(self.axis) else { return (start, count, 0..1) };
        let first = round % self.along * self.per_round;
        (start[self.axis], count[self.axis]) = (first, self.per_round.min(len - first));
        let above = round / self.along;
        let mut rest = above;
        for axis in (0..self.axis).rev() {
            (start[axis], count[axis]) = (rest % self.shape[axis], 1);
            rest /= self.shape[axis];
        }
        let begin = (above * len + first) * self.inner;
        let range = begin..begin + count[self.axis] * self.inner;
        (start, count, range)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_tile_the_block_in_order() {
        let shapes = [
            vec![],
            vec![0],
            vec![7],
            vec![3, 4],
            vec![2, 0, 5],
            vec![0, 3],
            vec![2, 3, 5],
            vec![1, 2, 3, 4],
        ];
        for shape in &shapes {
            let strides: Vec<usize> =
                (0..shape.len()).map(|axis| shape[axis + 1..].iter().product()).collect();
            for most in 1..40 {
                let rounds = Rounds::new(shape, most);
                let mut next = 0;
                for round in 0..rounds.count {
                    let (start, count, part) = rounds.round(round);
                    let what = format!("{shape:?} by {most}, round {round}");
                    assert_eq!(part.start, next, "{what}");
                    assert_eq!(part.len(), count.iter().product::<usize>(), "{what}");
                    assert!(!part.is_empty() && part.len() <= most, "{what}: {part:?}");
                    let first: usize = start.iter().zip(&strides).map(|(start, stride)| start * stride).sum();
                    assert_eq!(first, part.start, "{what}");
                    assert!((0..shape.len()).all(|axis| start[axis] + count[axis] <= shape[axis]), "{what}");
                    next = part.end;
                }
                assert_eq!(next, shape.iter().product::<usize>(), "{shape:?} by {most}");
                assert!(rounds.round(rounds.count).2.is_empty());
            }
        }
    }
}
