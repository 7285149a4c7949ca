//! A block with what surrounds it: the nearest elements of other blocks, and beyond the array's edges what is asked for.

use std::ops::Range;

use ndarray::{Array, ArrayView, Dimension};

use super::DistArray;
use super::blocks::{Boxes, Coming, Run, begin_exchange};
use super::layout::{dimension, refused, slice};
use crate::comm::{Call, Element};
use crate::error::Result;
use crate::sys::memory;
use crate::sys::record::within;

/// What is beyond the edges of an array. In the pictures the array is `a b c d`, the halo 3 wide.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Boundary<T> {
    /// The array again: `b c d | a b c d | a b c`.
    Periodic,
    /// One value: `x x x | a b c d | x x x`.
    Constant(T),
    /// The element at the edge: `a a a | a b c d | d d d`.
    Nearest,
    /// The mirror image, the mirror being on the element at the edge: `d c b | a b c d | c b a`; `reflect` of `numpy.pad`.
    Reflect,
    /// The mirror image, the mirror being behind the element at the edge: `c b a | a b c d | d c b`; `symmetric` of `numpy.pad`.
    Symmetric,
}

impl<T> Boundary<T> {
    /// Which of the `len` elements of an axis, at least one, stands at `index`; `None` for a constant.
    fn source(&self, index: i128, len: usize) -> Option<usize> {
        let n = len as i128;
        let mirrored = |period: i128, last: i128| {
            let along = index.rem_euclid(period.max(1));
            if along < n { along } else { last - along }
        };
        let found = match self {
            Boundary::Constant(_) => return (0..n).contains(&index).then_some(index as usize),
            Boundary::Periodic => index.rem_euclid(n),
            Boundary::Nearest => index.clamp(0, n - 1),
            Boundary::Reflect => mirrored(2 * n - 2, 2 * n - 2),
            Boundary::Symmetric => mirrored(2 * n, 2 * n - 1),
        };
        Some(found as usize)
    }
}

/// How wide a halo is: the same along all axes, from a number, or along each, from an array of numbers.
///
/// ```
/// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
/// use rankwise::array::{Boundary, DistArray, Layout};
///
/// let array = DistArray::<f64, _>::zeros(&Layout::grid(world, [4, 6], [1, world.size()])?)?;
/// let columns = array.local_range(1).len();
/// let shape = |halo: rankwise::array::Halo<f64, _>| halo.into_padded().shape().to_vec();
/// if columns > 0 {
///     assert_eq!(shape(array.halo(2, Boundary::Nearest)?), [8, columns + 4]);
///     assert_eq!(shape(array.halo([0, 1], Boundary::Nearest)?), [4, columns + 2]);
/// # } else {
/// #     array.halo(2, Boundary::Nearest)?;
/// #     array.halo([0, 1], Boundary::Nearest)?;
/// }
/// # Ok(()) }) }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Width {
    /// Along all axes.
    All(usize),
    /// Along each axis.
    Each(Vec<usize>),
}

impl From<usize> for Width {
    fn from(width: usize) -> Self {
        Width::All(width)
    }
}

impl<const N: usize> From<[usize; N]> for Width {
    fn from(widths: [usize; N]) -> Self {
        Width::Each(widths.to_vec())
    }
}

/// A halo, and what is on its way to it.
pub(super) type Begun<'c, T, D> = (Halo<T, D>, Option<Coming<'c, T>>);

/// This rank's block and what surrounds it: see [`DistArray::halo`].
#[derive(Debug, Clone)]
pub struct Halo<T, D: Dimension> {
    pub(super) padded: Array<T, D>,
    pub(super) width: D,
}

impl<T, D: Dimension> Halo<T, D> {
    /// The block with its halo.
    pub fn padded(&self) -> ArrayView<'_, T, D> {
        self.padded.view()
    }

    /// The block with its halo, taken out.
    pub fn into_padded(self) -> Array<T, D> {
        self.padded
    }

    /// The width of the halo along each axis.
    pub fn width(&self) -> &[usize] {
        slice(&self.width)
    }
}

impl<T: Copy, D: Dimension> DistArray<'_, T, D> {
    /// This rank's block, surrounded by a halo of that width, corners included: its neighbours in the whole array, whichever
    /// ranks have them, and beyond the edges what `boundary` says. The halo may be wider than blocks, and than the array.
    ///
    /// A rank whose block is empty gets that, without a halo.
    ///
    /// One message from each rank that has something of the halo: on a grid of two axes 8 or fewer, if the blocks are
    /// at least as long as the halo is wide. Takes memory for the padded block and for what is on its way.
    ///
    /// # Collective
    /// All ranks must call this, with the same arguments.
    ///
    /// # Errors
    /// On all ranks, when there is not one width for each axis, or the padded block has more elements than can be counted;
    /// on one rank alone, when it has no memory for it.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// use rankwise::array::{Boundary, DistArray, Layout};
    ///
    /// let ring = DistArray::from_fn(&Layout::rows(world, 12)?, |i| i)?;
    /// let halo = ring.halo(1, Boundary::Periodic)?;
    /// let (mine, start) = (ring.local().len(), ring.local_range(0).start);
    /// if mine > 0 {
    ///     assert_eq!(halo.padded()[0], (start + 11) % 12);
    ///     assert_eq!(halo.padded()[mine + 1], (start + mine) % 12);
    /// }
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn halo<K: 'static>(&self, width: impl Into<Width>, boundary: Boundary<T>) -> Result<Halo<T, D>>
    where
        T: Element<K>,
    {
        let _within = within();
        let (mut halo, coming) = self.begin_halo(Call::collective("halo"), width.into(), boundary)?;
        if let Some(coming) = coming {
            coming.finish(&mut halo.padded.view_mut())?;
        }
        Ok(halo)
    }
}

impl<'c, T: Copy, D: Dimension> DistArray<'c, T, D> {
    /// A halo as part of `call`, in which what other ranks have is still missing.
    pub(super) fn begin_halo<K: 'static>(
        &self,
        call: Call,
        width: Width,
        boundary: Boundary<T>,
    ) -> Result<Begun<'c, T, D>>
    where
        T: Element<K>,
    {
        let (comm, shape) = (self.together(), self.global_shape());
        let widths = match width {
            Width::All(width) => vec![width; shape.len()],
            Width::Each(widths) => widths,
        };
        if widths.len() != shape.len() {
            let problem = format!("widths {widths:?} of a halo for {} axes", shape.len());
            return Err(refused(comm, call, problem));
        }
        // The longest block along each axis: the same number on all ranks.
        let longest = |axis: usize| self.layout.partition(axis).counts().max().unwrap_or(0);
        let padded = |len: usize, width: usize| width.checked_mul(2)?.checked_add(len);
        let most = (0..shape.len())
            .try_fold(1usize, |most, axis| most.checked_mul(padded(longest(axis), widths[axis])?.max(1)));
        if most.is_none_or(|most| isize::try_from(most).is_err()) {
            let problem =
                format!("a halo of widths {widths:?} around blocks of {shape:?} is too large to be counted");
            return Err(refused(comm, call, problem));
        }
        let width: D = dimension(widths.iter().copied());
        if self.is_empty() {
            return Ok((Halo { padded: self.local.clone(), width }, None));
        }
        let dim: D = match self.local.is_empty() {
            true => self.local.raw_dim(),
            false => dimension(self.local.shape().iter().zip(&widths).map(|(len, width)| len + 2 * width)),
        };
        let mut padded = comm.quietly(call, |_| {
            let data = memory::filled(dim.size(), |_| Ok(()))?.0;
            Ok(Array::from_shape_vec(dim, data).expect("as many elements as the shape says"))
        })?;
        if let Boundary::Constant(value) = boundary {
            padded.fill(value);
        }
        let boxes = |giver, taker| {
            let (giver, taker) = (self.layout.block_of(giver), self.layout.block_of(taker));
            if taker.iter().any(Range::is_empty) {
                return None;
            }
            let axes = giver.iter().zip(&taker).zip(shape.iter().zip(&widths));
            let boxes: Option<Boxes> = axes
                .map(|((giver, taker), (&len, &width))| {
                    let runs = runs(giver, taker, |index| boundary.source(index, len), width);
                    (!runs.is_empty()).then_some(runs)
                })
                .collect();
            boxes
        };
        let coming = begin_exchange(comm, call.of::<T>(), &self.local.view(), &mut padded.view_mut(), boxes)?;
        Ok((Halo { padded, width }, Some(coming)))
    }
}

/// What of the taker's padded range along an axis the giver has.
fn runs(
    giver: &Range<usize>,
    taker: &Range<usize>,
    source: impl Fn(i128) -> Option<usize>,
    width: usize,
) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    if giver == taker {
        runs.push(Run { from: 0, to: width, len: taker.len() });
    }
    let before = 0..width;
    let behind = width + taker.len()..2 * width + taker.len();
    for to in before.chain(behind) {
        let Some(index) = source(taker.start as i128 + to as i128 - width as i128) else { continue };
        if !giver.contains(&index) {
            continue;
        }
        let from = index - giver.start;
        match runs.last_mut() {
            Some(last) if last.from + last.len == from && last.to + last.len == to => last.len += 1,
            _ => runs.push(Run { from, to, len: 1 }),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::Boundary::{self, Constant, Nearest, Periodic, Reflect, Symmetric};

    #[test]
    fn boundaries_are_as_their_pictures() {
        let row = |boundary: Boundary<char>, text: &str| -> String {
            let letters: Vec<char> = text.chars().collect();
            let at = |i: i128| boundary.source(i, letters.len()).map_or('x', |i| letters[i]);
            (-5..letters.len() as i128 + 5).map(at).collect()
        };
        assert_eq!(row(Periodic, "abcd"), "dabcdabcdabcda");
        assert_eq!(row(Constant('x'), "abcd"), "xxxxxabcdxxxxx");
        assert_eq!(row(Nearest, "abcd"), "aaaaaabcdddddd");
        assert_eq!(row(Reflect, "abcd"), "bcdcbabcdcbabc");
        assert_eq!(row(Symmetric, "abcd"), "ddcbaabcddcbaa");
        assert_eq!(row(Reflect, "a"), "aaaaaaaaaaa");
        assert_eq!(row(Symmetric, "a"), "aaaaaaaaaaa");
        assert_eq!(row(Reflect, "ab"), "babababababa");
    }
}
