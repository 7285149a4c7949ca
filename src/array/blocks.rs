//! Boxes of elements that move from the blocks of some ranks to those of others: under redistribution, transposition, halos.

use std::ops::Range;

use ndarray::{ArrayView, ArrayViewMut, Dimension, Slice};

use super::layout::dimension;
use crate::comm::{Call, Comm, Element, UnderWay};
use crate::error::Result;

/// Indices of one axis that move together: `len` of them, from `from` on in the giver's block to `to` on in the taker's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) len: usize,
}

/// What one rank gives another: all boxes that are a product of one run an axis.
pub(super) type Boxes = Vec<Vec<Run>>;

/// What two blocks of the same array have in common, if anything.
pub(super) fn overlap(giver: &[Range<usize>], taker: &[Range<usize>]) -> Option<Boxes> {
    let runs = giver.iter().zip(taker).map(|(giver, taker)| {
        let (start, end) = (giver.start.max(taker.start), giver.end.min(taker.end));
        (start < end)
            .then(|| vec![Run { from: start - giver.start, to: start - taker.start, len: end - start }])
    });
    runs.collect()
}

/// Fills the rank's `target` from the `source`s of all ranks, as `boxes` says for a giver and a taker. It is asked for this
/// rank and every other, on both sides: all ranks compute the same. One message for each pair that has something to move.
#[track_caller]
pub(super) fn exchange<T: Element<K>, K, D: Dimension>(
    comm: &Comm,
    source: &ArrayView<T, D>,
    target: &mut ArrayViewMut<T, D>,
    boxes: impl Fn(usize, usize) -> Option<Boxes>,
) -> Result<()> {
    let me = comm.rank();
    let others = || (0..comm.size()).filter(|&rank| rank != me);
    let given: Vec<(usize, Vec<T>)> =
        others().filter_map(|taker| Some((taker, pack(source, &boxes(me, taker)?)))).collect();
    let taken: Vec<(usize, Boxes)> = others().filter_map(|giver| Some((giver, boxes(giver, me)?))).collect();
    let messages: Vec<(usize, &[T])> = given.iter().map(|(taker, data)| (*taker, &data[..])).collect();
    let expected: Vec<(usize, usize)> = taken.iter().map(|(giver, boxes)| (*giver, count(boxes))).collect();
    let came = comm.sparse_all_to_all_by(&messages, &expected)?;
    for ((_, boxes), (_, data)) in taken.iter().zip(&came) {
        unpack(data, target, boxes);
    }
    if let Some(own) = boxes(me, me) {
        copy(source, target, &own);
    }
    Ok(())
}

/// An [`exchange`] that has begun.
pub(super) struct Coming<'c, T> {
    under_way: UnderWay<'c, T>,
    boxes: Vec<Boxes>,
}

/// Begins an [`exchange`] as part of `call`: what the rank gives itself is there already.
pub(super) fn begin_exchange<'c, T: Element<K>, K: 'static, D: Dimension>(
    comm: &'c Comm,
    call: Call,
    source: &ArrayView<T, D>,
    target: &mut ArrayViewMut<T, D>,
    boxes: impl Fn(usize, usize) -> Option<Boxes>,
) -> Result<Coming<'c, T>> {
    let me = comm.rank();
    let others = || (0..comm.size()).filter(|&rank| rank != me);
    let given: Vec<(usize, Vec<T>)> =
        others().filter_map(|taker| Some((taker, pack(source, &boxes(me, taker)?)))).collect();
    let taken: Vec<(usize, Boxes)> = others().filter_map(|giver| Some((giver, boxes(giver, me)?))).collect();
    let expected: Vec<(usize, usize)> = taken.iter().map(|(giver, boxes)| (*giver, count(boxes))).collect();
    let under_way = comm.start_exchange(call, given, &expected)?;
    if let Some(own) = boxes(me, me) {
        copy(source, target, &own);
    }
    Ok(Coming { under_way, boxes: taken.into_iter().map(|(_, boxes)| boxes).collect() })
}

impl<T: Copy> Coming<'_, T> {
    /// Lets MPI go on with it.
    pub(super) fn push(&mut self) -> Result<()> {
        self.under_way.push()
    }

    /// Puts what comes into its place.
    pub(super) fn finish<D: Dimension>(self, target: &mut ArrayViewMut<T, D>) -> Result<()> {
        let came = self.under_way.finish()?;
        self.boxes.iter().zip(&came).for_each(|(boxes, data)| unpack(data, target, boxes));
        Ok(())
    }
}

/// What a rank gives itself.
fn copy<T: Copy, D: Dimension>(source: &ArrayView<T, D>, target: &mut ArrayViewMut<T, D>, own: &Boxes) {
    for_each_box(own, |runs| {
        let from = source.slice_each_axis(|axis| along(runs, axis.axis.index(), |run| run.from));
        target.slice_each_axis_mut(|axis| along(runs, axis.axis.index(), |run| run.to)).assign(&from);
    });
}

fn along(runs: &[Run], axis: usize, start: impl Fn(&Run) -> usize) -> Slice {
    let start = start(&runs[axis]);
    Slice::from(start..start + runs[axis].len)
}

fn count(boxes: &Boxes) -> usize {
    boxes.iter().map(|runs| runs.iter().map(|run| run.len).sum::<usize>()).product()
}

/// The boxes, one after the other, each in row-major order.
fn pack<T: Copy, D: Dimension>(source: &ArrayView<T, D>, boxes: &Boxes) -> Vec<T> {
    let mut data = Vec::with_capacity(count(boxes));
    for_each_box(boxes, |runs| {
        let part = source.slice_each_axis(|axis| along(runs, axis.axis.index(), |run| run.from));
        data.extend(part.iter().copied());
    });
    data
}

fn unpack<T: Copy, D: Dimension>(data: &[T], target: &mut ArrayViewMut<T, D>, boxes: &Boxes) {
    let mut rest = data;
    for_each_box(boxes, |runs| {
        let dim: D = dimension(runs.iter().map(|run| run.len));
        let (part, behind) = rest.split_at(dim.size());
        let part = ArrayView::from_shape(dim, part).expect("as many elements as the box has");
        target.slice_each_axis_mut(|axis| along(runs, axis.axis.index(), |run| run.to)).assign(&part);
        rest = behind;
    });
}

/// Every product of one run an axis, the last axis running fastest.
fn for_each_box(boxes: &Boxes, mut act: impl FnMut(&[Run])) {
    fn below(boxes: &[Vec<Run>], runs: &mut Vec<Run>, act: &mut impl FnMut(&[Run])) {
        match boxes.split_first() {
            None => act(runs),
            Some((first, rest)) => {
                for &run in first {
                    runs.push(run);
                    below(rest, runs, act);
                    runs.pop();
                }
            }
        }
    }
    below(boxes, &mut Vec::with_capacity(boxes.len()), &mut act);
}
