//! Along one axis: sums, means, variances and extremes, as an array of one axis fewer.

use ndarray::{Array, ArrayView1, Axis, Dimension, RemoveAxis};

use super::blocks::{exchange, overlap};
use super::layout::{dimension, refused};
use super::number::{exact, merge_parts, moments};
use super::reduce::best;
use super::{DistArray, Layout, Number};
use crate::comm::{Call, Element, Ordered, Placed};
use crate::error::Result;
use crate::partition::Partition;
use crate::sum::{ExactSum, Moments};
use crate::sys::memory;
use crate::sys::record::within;

/// Bytes of results that are worked on at a time, and as many come from others: 3692 exact sums, or 1242 moments.
const AT_A_TIME: usize = 2 << 20;

impl<'c, T: Number, D: RemoveAxis<Smaller: RemoveAxis>> DistArray<'c, T, D> {
    /// The sums along an axis, each the same as [`sum`](DistArray::sum) of its elements: rounded once, or wrapped; an axis
    /// without elements sums to 0.
    ///
    /// If the axis is not cut by the layout, nothing is sent and the result lies as the array does. If it is cut among `n`
    /// ranks, the result's first axis is cut into `n` times as many even blocks as before, and about 568 bytes a result travel
    /// from each rank for floats. For an array of one axis there is [`sum`](DistArray::sum).
    ///
    /// # Collective
    /// All ranks must call this, with the same axis.
    ///
    /// # Errors
    /// On all ranks, when there is no such axis.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// # use rankwise::array::{DistArray, Layout};
    /// let array = DistArray::from_fn(&Layout::rows(world, [4, 3])?, |(i, j)| i * j)?;
    /// assert_eq!(array.sum_axis(0)?.all_gather()?.to_vec(), [0, 6, 12]);
    /// assert_eq!(array.sum_axis(1)?.all_gather()?.to_vec(), [0, 3, 6, 9]);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn sum_axis(&self, axis: usize) -> Result<DistArray<'c, T, D::Smaller>> {
        let _within = within();
        self.check_axis(Call::new("sum_axis"), axis)?;
        let sums = self.along(axis, T::partial, T::merge, T::finish)?;
        self.laid_out(axis, sums)
    }

    /// The means along an axis, each the same as [`mean`](DistArray::mean) of its elements; see
    /// [`sum_axis`](DistArray::sum_axis) for the rest, with 568 bytes a result for integers, too. Those of an axis without
    /// elements are NaN.
    ///
    /// # Collective
    /// All ranks must call this, with the same axis.
    ///
    /// # Errors
    /// On all ranks, when there is no such axis.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// # use rankwise::array::{DistArray, Layout};
    /// let array = DistArray::from_fn(&Layout::rows(world, [4, 3])?, |(i, j)| (i + j) as f64)?;
    /// assert_eq!(array.mean_axis(0)?.all_gather()?.to_vec(), [1.5, 2.5, 3.5]);
    /// assert_eq!(array.var_axis(1, 1)?.all_gather()?.to_vec(), [1.0; 4]);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn mean_axis(&self, axis: usize) -> Result<DistArray<'c, T::Mean, D::Smaller>> {
        let _within = within();
        self.check_axis(Call::new("mean_axis"), axis)?;
        let len = self.global_shape()[axis] as u64;
        let finish = |sum| ExactSum::from_parts(sum).divided_by(len);
        let means: Vec<T::Mean> = self.along(axis, |lane| exact(lane).parts(), merge_parts, finish)?;
        self.laid_out(axis, means)
    }

    /// The variances along an axis, each the same as [`var`](DistArray::var) of its elements; see
    /// [`sum_axis`](DistArray::sum_axis) for the rest, with 1688 bytes a result. Those of an axis of `ddof` elements or fewer
    /// are NaN.
    ///
    /// # Collective
    /// All ranks must call this, with the same axis and `ddof`.
    ///
    /// # Errors
    /// On all ranks, when there is no such axis.
    #[track_caller]
    pub fn var_axis(&self, axis: usize, ddof: usize) -> Result<DistArray<'c, T::Mean, D::Smaller>> {
        let _within = within();
        self.check_axis(Call::new("var_axis"), axis)?;
        let finish = |parts| Moments::from_parts(parts).var(ddof);
        let variances: Vec<T::Mean> = self.along(axis, |lane| moments(lane).parts(), merge_parts, finish)?;
        self.laid_out(axis, variances)
    }
}

impl<'c, T: Ordered, D: RemoveAxis<Smaller: RemoveAxis>> DistArray<'c, T, D> {
    /// The least elements along an axis; a NaN beats every number. See [`sum_axis`](DistArray::sum_axis) for where they lie;
    /// what travels is 16 bytes a result.
    ///
    /// # Collective
    /// All ranks must call this, with the same axis.
    ///
    /// # Errors
    /// On all ranks, when there is no such axis, or no element along it.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// # use rankwise::array::{DistArray, Layout};
    /// let array = DistArray::from_fn(&Layout::rows(world, [4, 3])?, |(i, j)| 10 * i + j)?;
    /// assert_eq!(array.min_axis(0)?.all_gather()?.to_vec(), [0, 1, 2]);
    /// assert_eq!(array.max_axis(1)?.all_gather()?.to_vec(), [2, 12, 22, 32]);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn min_axis<K>(&self, axis: usize) -> Result<DistArray<'c, T, D::Smaller>>
    where
        T: Element<K>,
    {
        let _within = within();
        self.extreme_axis(Call::new("min_axis"), axis, T::greatest(), T::beats_as_min)
    }

    /// The greatest elements along an axis; see [`min_axis`](DistArray::min_axis).
    ///
    /// # Collective
    /// All ranks must call this, with the same axis.
    ///
    /// # Errors
    /// On all ranks, when there is no such axis, or no element along it.
    #[track_caller]
    pub fn max_axis<K>(&self, axis: usize) -> Result<DistArray<'c, T, D::Smaller>>
    where
        T: Element<K>,
    {
        let _within = within();
        self.extreme_axis(Call::new("max_axis"), axis, T::least(), T::beats_as_max)
    }

    #[track_caller]
    fn extreme_axis<K>(
        &self,
        call: Call,
        axis: usize,
        beaten: T,
        beats: fn(T, T) -> bool,
    ) -> Result<DistArray<'c, T, D::Smaller>>
    where
        T: Element<K>,
    {
        self.check_axis(call, axis)?;
        if self.global_shape()[axis] == 0 {
            let problem = format!("no element along axis {axis} of shape {:?}", self.global_shape());
            return Err(refused(self.comm(), call, problem));
        }
        let first = self.local_range(axis).start;
        // Of equal ones, such as 0 and −0, the first along the axis.
        let mine = |lane: ArrayView1<T>| {
            let (value, place) = best(beaten, lane.iter().copied(), beats);
            Placed { value, place: place.map_or(u64::MAX, |place| (first + place) as u64) }
        };
        let merge = |a: &mut Placed<T>, b: &Placed<T>| {
            if beats(b.value, a.value) || (!beats(a.value, b.value) && b.place < a.place) {
                *a = *b;
            }
        };
        let values = self.along(axis, mine, merge, |best| best.value)?;
        self.laid_out(axis, values)
    }
}

impl<'c, T, D: RemoveAxis<Smaller: RemoveAxis>> DistArray<'c, T, D> {
    fn check_axis(&self, call: Call, axis: usize) -> Result<()> {
        if axis < self.global_shape().len() { Ok(()) } else { Err(self.layout.no_axis(call, axis)) }
    }

    /// The results for this rank's block without the axis, in row-major order: the same on all ranks that share the axis.
    /// `partial` gets this rank's elements for a result, of which there may be none.
    #[track_caller]
    fn along<A: Element<KA>, KA, U: Element<KU>, KU>(
        &self,
        axis: usize,
        mut partial: impl FnMut(ArrayView1<T>) -> A,
        merge: impl Fn(&mut A, &A),
        finish: impl Fn(A) -> U,
    ) -> Result<Vec<U>> {
        let (comm, grid) = (self.together(), self.layout.grid_dims());
        let mut lanes = self.local.lanes(Axis(axis)).into_iter();
        if grid[axis] == 1 {
            return Ok(lanes.map(|lane| finish(partial(lane))).collect());
        }
        let mut place = self.layout.coordinates_of(comm.rank());
        let me = place[axis];
        let fellows: Vec<usize> = (0..grid[axis])
            .map(|along| {
                place[axis] = along;
                self.layout.rank_at(&place)
            })
            .collect();
        let others = || (0..fellows.len()).filter(|&other| other != me);
        let results: usize =
            self.local.shape().iter().enumerate().filter(|(k, _)| *k != axis).map(|(_, n)| n).product();
        // As many rounds on all ranks, whoever has how many results: what all call, all call equally often.
        let at_a_time = AT_A_TIME / size_of::<A>();
        let rounds = self.layout.most_without(axis).div_ceil(at_a_time);
        let share = |round: usize| {
            let len = results.saturating_sub(round * at_a_time).min(at_a_time);
            Partition::even(len, fellows.len())
        };
        let mut finished = Vec::new();
        for shares in (0..rounds).map(share) {
            let mut partials: Vec<A> = lanes.by_ref().take(shares.len()).map(&mut partial).collect();
            let came = {
                let sent: Vec<(usize, &[A])> = others()
                    .filter(|&other| shares.count(other) > 0)
                    .map(|other| (fellows[other], &partials[shares.range(other)]))
                    .collect();
                let mine = shares.count(me);
                let expected: Vec<(usize, usize)> =
                    others().filter(|_| mine > 0).map(|other| (fellows[other], mine)).collect();
                comm.sparse_all_to_all_by(&sent, &expected)?
            };
            let mine = &mut partials[shares.range(me)];
            for (_, theirs) in &came {
                mine.iter_mut().zip(theirs).for_each(|(mine, theirs)| merge(mine, theirs));
            }
            finished.extend(mine.iter().map(|&total| finish(total)));
        }
        // Each has finished a share; now all get all.
        let counts: Vec<usize> = (0..fellows.len())
            .map(|other| (0..rounds).map(|round| share(round).count(other)).sum())
            .collect();
        let sent: Vec<(usize, &[U])> =
            others().filter(|_| !finished.is_empty()).map(|other| (fellows[other], &finished[..])).collect();
        let expected: Vec<(usize, usize)> = others()
            .filter(|&other| counts[other] > 0)
            .map(|other| (fellows[other], counts[other]))
            .collect();
        let came = comm.sparse_all_to_all_by(&sent, &expected)?;
        let mut of_all: Vec<&[U]> = vec![&[]; fellows.len()];
        of_all[me] = &finished;
        for (rank, theirs) in &came {
            let other = fellows.iter().position(|fellow| fellow == rank).expect("asked for by its number");
            of_all[other] = theirs;
        }
        let mut all = Vec::with_capacity(results);
        for shares in (0..rounds).map(share) {
            for (other, rest) in of_all.iter_mut().enumerate() {
                let (now, later) = rest.split_at(shares.count(other));
                all.extend_from_slice(now);
                *rest = later;
            }
        }
        Ok(all)
    }

    /// The array of results that [`along`](Self::along) has given to all ranks that share the axis.
    #[track_caller]
    fn laid_out<U: Element<K>, K>(
        &self,
        axis: usize,
        results: Vec<U>,
    ) -> Result<DistArray<'c, U, D::Smaller>> {
        let (comm, shared) = (self.together(), self.layout.partition(axis).parts());
        let without = |rank: usize| {
            let mut block = self.layout.block_of(rank);
            block.remove(axis);
            block
        };
        let mut parts: Vec<Partition> = (0..self.global_shape().len())
            .filter(|&k| k != axis)
            .map(|k| self.layout.partition(k).clone())
            .collect();
        if shared == 1 {
            return Ok(DistArray::with(Layout::of(comm, parts), results));
        }
        parts[0] = Partition::even(parts[0].len(), parts[0].parts() * shared);
        let layout: Layout<D::Smaller> = Layout::of(comm, parts);
        let dim: D::Smaller = dimension(without(comm.rank()).into_iter().map(|range| range.len()));
        let source = Array::from_shape_vec(dim, results).expect("one result for each index");
        let mine = layout.block_dim(comm.rank()).size();
        let data = comm.perform(Call::new("laid_out"), |_| Ok(memory::filled(mine, |_| Ok(()))?.0))?;
        let mut made = DistArray::with(layout.clone(), data);
        exchange(comm, &source.view(), &mut made.local.view_mut(), |giver, taker| {
            // All along the axis have it; each gives to some.
            let gives = self.layout.coordinates_of(giver)[axis] == taker % shared;
            gives.then(|| overlap(&without(giver), &layout.block_of(taker)))?
        })?;
        Ok(made)
    }
}

impl<D: Dimension> Layout<'_, D> {
    /// The most elements that any rank has of an array without that axis.
    fn most_without(&self, axis: usize) -> usize {
        let most = |k: usize| self.partition(k).counts().max().unwrap_or(0);
        (0..self.shape().len()).filter(|&k| k != axis).map(most).product()
    }
}
