//! Sums over the numbers of all ranks: exact, or fast.

use super::{Call, Comm, Element};
use crate::error::Result;
use crate::sum::{DOT_PARTS, ExactDot, ExactSum, MOMENT_PARTS, Moments, Real, fast};
use crate::sys;
use crate::sys::collectives::Input;
use crate::sys::operations::Operation;
use crate::sys::{Failure, Received};

/// The sums over ranks, place by place.
fn over_ranks<T: Element<K>, K, const N: usize>(
    comm: &sys::Communicator,
    mut mine: [T; N],
) -> sys::Outcome<[T; N]> {
    sys::collectives::all_reduce(comm, Input::InPlace, Received::new(&mut mine)?, Operation::Sum)?;
    Ok(mine)
}

/// Slices that should pair up, on all ranks: what one rank can say of its own, to be added over ranks.
struct Pairing {
    lengths: [usize; 2],
    /// Number of ranks where they do not, and the sum of 1 + their numbers.
    unpaired: [i64; 2],
}

impl Pairing {
    fn of<T>(comm: &sys::Communicator, a: &[T], b: &[T]) -> Self {
        let unpaired = a.len() != b.len();
        Pairing {
            lengths: [a.len(), b.len()],
            unpaired: if unpaired { [1, 1 + comm.rank as i64] } else { [0, 0] },
        }
    }

    /// The same decision on all ranks.
    fn decide(&self, all: [i64; 2]) -> sys::Outcome {
        let [a, b] = self.lengths;
        match all {
            [0, _] => Ok(()),
            [1, rank] if a == b => {
                Err(Failure::Argument(format!("rank {} gave slices of different lengths", rank - 1)))
            }
            [ranks, _] if a == b => {
                Err(Failure::Argument(format!("{ranks} ranks gave slices of different lengths")))
            }
            _ => Err(Failure::Argument(format!("slices of {a} and {b} elements"))),
        }
    }
}

impl Comm {
    /// The sums over ranks, place by place, of the parts of exact sums.
    pub(crate) fn totals<const N: usize>(&self, call: Call, mine: [i64; N]) -> Result<[i64; N]> {
        self.perform(call, |comm| over_ranks(comm, mine))
    }

    /// The sum of the numbers of all ranks: of `f64` or `f32`, the nearest one to the true sum. The same bits for any number
    /// of ranks and any distribution, with empty ranks, too.
    ///
    /// NaN if one is NaN or if infinities cancel; a sum that only passes beyond the greatest number on its way is not
    /// infinite. The sum of nothing is 0; of nothing but −0, it is −0.
    ///
    /// One all-reduce of 568 bytes. A number costs 0.5 ns, where a plain loop from left to right costs 0.8 and
    /// [`sum_fast`](Comm::sum_fast) 0.2; numbers of wildly different magnitudes 3.3 (4·10⁶ `f64` on one core of an AMD EPYC
    /// of the Zen 4 kind, medians of one run). `f32` cost 0.8.
    ///
    /// # Collective
    /// All ranks must call this; lengths may differ.
    ///
    /// # Errors
    /// When MPI refuses.
    ///
    /// ```
    /// # use rankwise::prelude::*;
    /// # fn main() -> ExitCode { rankwise::run(|world| {
    /// let all = [1e100, 1.0, -1e100, 0.25];
    /// let mine = Partition::even(all.len(), world.size()).range(world.rank());
    /// assert_eq!(world.sum(&all[mine])?, 1.25);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn sum<T: Real>(&self, mine: &[T]) -> Result<T> {
        self.perform(Call::collective("sum").of::<T>(), |comm| {
            let mut sum = ExactSum::new();
            T::add_slice(&mut sum, mine);
            Ok(ExactSum::from_parts(over_ranks(comm, sum.parts())?).divided_by(1))
        })
    }

    /// The mean of the numbers of all ranks, rounded once: the nearest number to the true mean, the same bits for any number
    /// of ranks and any distribution. Nothing overflows on the way. NaN of nothing; else special values as in
    /// [`sum`](Comm::sum).
    ///
    /// One all-reduce of 576 bytes; a number costs as much as in `sum`.
    ///
    /// # Collective
    /// All ranks must call this; lengths may differ.
    ///
    /// # Errors
    /// When MPI refuses.
    ///
    /// ```
    /// # use rankwise::prelude::*;
    /// # fn main() -> ExitCode { rankwise::run(|world| {
    /// assert_eq!(world.mean(&[f64::MAX, f64::MAX])?, f64::MAX);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn mean<T: Real>(&self, mine: &[T]) -> Result<T> {
        self.perform(Call::collective("mean").of::<T>(), |comm| {
            let mut sum = ExactSum::new();
            T::add_slice(&mut sum, mine);
            let mut parts = [0; 1 + crate::sum::PARTS];
            parts[0] = mine.len() as i64;
            parts[1..].copy_from_slice(&sum.parts());
            let [count, sum @ ..] = over_ranks(comm, parts)?;
            Ok(ExactSum::from_parts(sum).divided_by(count as u64))
        })
    }

    /// The variance of the numbers of all ranks: the squared distances from their mean, summed, over their number less
    /// `ddof`; 0 for all that there is, 1 for a sample. Rounded once: the error is at most half a unit in the last place,
    /// even where the numbers are far from zero and close together; the same bits for any number of ranks and any
    /// distribution. NaN if there are not more than `ddof` numbers, or if one is NaN or infinite.
    ///
    /// One all-reduce of 1688 bytes, since exact sums and squares need no second pass around the mean. A number
    /// costs 1.4 ns, measured as in [`sum`](Comm::sum); two plain passes cost 1.7.
    ///
    /// # Collective
    /// All ranks must call this, with the same `ddof`; lengths may differ.
    ///
    /// # Errors
    /// When MPI refuses.
    ///
    /// ```
    /// # use rankwise::prelude::*;
    /// # fn main() -> ExitCode { rankwise::run(|world| {
    /// let all = [1e9 + 4.0, 1e9 + 7.0, 1e9 + 13.0, 1e9 + 16.0];
    /// let mine = Partition::even(all.len(), world.size()).range(world.rank());
    /// assert_eq!(world.var(&all[mine], 1)?, 30.0);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn var<T: Real>(&self, mine: &[T], ddof: usize) -> Result<T> {
        self.perform(Call::collective("var").of::<T>(), |comm| {
            let mut moments = Moments::new();
            moments.add_slice(mine);
            let parts: [i64; MOMENT_PARTS] = moments.parts();
            Ok(Moments::from_parts(over_ranks(comm, parts)?).var(ddof))
        })
    }

    /// The dot product of two vectors that are spread over the ranks alike: each rank gives its places of both. Rounded once:
    /// the nearest number to the true value, the same bits for any number of ranks and any distribution. Products neither
    /// overflow nor vanish; special values as in [`sum`](Comm::sum), where ∞·0 is NaN.
    ///
    /// One all-reduce of 1128 bytes. A pair of numbers costs 1.0 ns, 2.3 times [`dot_fast`](Comm::dot_fast), and 6.9 if products
    /// are of wildly different magnitudes, measured as in [`sum`](Comm::sum). Processors without fused multiply-add add in
    /// integers: the same bits, more slowly.
    ///
    /// # Collective
    /// All ranks must call this; lengths may differ between ranks.
    ///
    /// # Errors
    /// [`Error::Argument`](crate::Error::Argument) on all ranks when the two slices of any rank differ in length: whether
    /// they do goes along with the sums, so no rank is left waiting. And when MPI refuses.
    ///
    /// ```
    /// # use rankwise::prelude::*;
    /// # fn main() -> ExitCode { rankwise::run(|world| {
    /// let (a, b) = ([1e200, 1.0, 1e200], [1e200, 0.5, -1e200]);
    /// let mine = Partition::even(a.len(), world.size()).range(world.rank());
    /// assert_eq!(world.dot(&a[mine.clone()], &b[mine])?, 0.5);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn dot<T: Real>(&self, a: &[T], b: &[T]) -> Result<T> {
        self.perform(Call::collective("dot").of::<T>(), |comm| {
            let pairing = Pairing::of(comm, a, b);
            let mut dot = ExactDot::new();
            if a.len() == b.len() {
                T::add_products(&mut dot, a, b);
            }
            let mut parts = [0; 2 + DOT_PARTS];
            parts[..2].copy_from_slice(&pairing.unpaired);
            parts[2..].copy_from_slice(&dot.parts());
            let [ranks, numbers, dot @ ..] = over_ranks(comm, parts)?;
            pairing.decide([ranks, numbers])?;
            Ok(ExactDot::from_parts(dot).rounded())
        })
    }

    /// The sum of the numbers of all ranks, as fast as memory gives them. Its last bits depend on the number of ranks and on
    /// who has which numbers; [`sum`](Comm::sum) is the one where they do not. Added up in `f64`, also for `f32`.
    ///
    /// One all-reduce of 8 bytes. A number costs 0.2 ns, 1/2.5 of `sum`, measured as there; for a thousand numbers
    /// in the cache on one rank, a call takes 0.14 µs instead of 1.0.
    ///
    /// # Collective
    /// All ranks must call this; lengths may differ.
    ///
    /// # Errors
    /// When MPI refuses.
    ///
    /// ```
    /// # use rankwise::prelude::*;
    /// # fn main() -> ExitCode { rankwise::run(|world| {
    /// assert_eq!(world.sum_fast(&[0.5; 10])?, 5.0 * world.size() as f64);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn sum_fast<T: Real>(&self, mine: &[T]) -> Result<T> {
        self.perform(Call::collective("sum_fast").of::<T>(), |comm| {
            let total = over_ranks(comm, [fast::sum(mine)])?;
            Ok(T::from_rounded(total[0]))
        })
    }

    /// The dot product as [`dot`](Comm::dot) takes it, as fast as memory gives the numbers. Its last bits depend on the
    /// number of ranks, on who has which numbers, and on the processor. Added up in `f64`, also for `f32`.
    ///
    /// One all-reduce of 24 bytes. A pair of numbers costs 0.4 ns, 1/2.3 of `dot`, measured as in [`sum`](Comm::sum).
    ///
    /// # Collective
    /// All ranks must call this; lengths may differ between ranks.
    ///
    /// # Errors
    /// [`Error::Argument`](crate::Error::Argument) on all ranks when the two slices of any rank differ in length. And when
    /// MPI refuses.
    ///
    /// ```
    /// # use rankwise::prelude::*;
    /// # fn main() -> ExitCode { rankwise::run(|world| {
    /// assert_eq!(world.dot_fast(&[0.5; 10], &[2.0; 10])?, 10.0 * world.size() as f64);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn dot_fast<T: Real>(&self, a: &[T], b: &[T]) -> Result<T> {
        self.perform(Call::collective("dot_fast").of::<T>(), |comm| {
            let pairing = Pairing::of(comm, a, b);
            let [ranks, numbers] = pairing.unpaired.map(|count| count as f64);
            let mine = [fast::dot(a, b), ranks, numbers];
            let totals = over_ranks(comm, mine)?;
            pairing.decide([totals[1] as i64, totals[2] as i64])?;
            Ok(T::from_rounded(totals[0]))
        })
    }
}
