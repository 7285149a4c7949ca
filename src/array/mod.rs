//! [`DistArray`]: an `ndarray` spread over the ranks of a [`Comm`], each of which has one block.
//!
//! A [`Layout`] says who has which block; it is known on all ranks, so that an element, a halo or another layout is found
//! without asking. What only looks at a rank's own block, as [`map`](DistArray::map), sends nothing; what needs others is
//! *collective* and returns a [`Result`](crate::Result).
//!
//! Every result is the same, bit for bit, for any number of ranks and any layout: sums of floats are exact and rounded once,
//! extremes know their place. [`fold`](DistArray::fold) is as good as the functions that it is given.
//!
//! ```
//! use rankwise::array::{Boundary, DistArray, Layout};
//! use rankwise::prelude::*;
//!
//! # fn main() -> ExitCode { rankwise::run(|world| {
//! // Heat on a plate, warm at one corner: each point becomes the mean of its neighbours, ten times.
//! let mut heat = DistArray::from_fn(&Layout::grid_auto(world, [30, 20])?, |(i, j)| f64::from(i + j < 5))?;
//! for _ in 0..10 {
//!     heat = heat.stencil(1, Boundary::Constant(0.0), |at| {
//!         (at[[-1, 0]] + at[[1, 0]] + at[[0, -1]] + at[[0, 1]]) / 4.0
//!     })?;
//! }
//! let warmest = heat.argmax()?;
//! root_println!(world, "the warmest point is {warmest:?}");
//! # assert!(heat.sum()? < 15.0);
//! # Ok(()) }) }
//! ```

use std::fmt;
use std::ops::Range;

use ndarray::{Array, ArrayView, ArrayViewMut, Dimension, IntoDimension};

use crate::comm::Comm;

mod axis;
mod blocks;
mod compare;
mod gather;
mod halo;
mod layout;
mod make;
mod map;
mod number;
mod redistribute;
mod reduce;
mod show;
mod stencil;
#[cfg(feature = "h5")]
mod stored;

pub use halo::{Boundary, Halo, Width};
pub use layout::Layout;
pub use number::Number;
pub use show::Displayed;
pub use stencil::Window;

/// An array of elements `T` with axes `D` (`Ix1`, `Ix2`, …), of which each rank has one block, as its [`Layout`] says.
///
/// ```
/// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
/// use rankwise::array::{DistArray, Layout};
///
/// let squares = DistArray::from_fn(&Layout::rows(world, 10)?, |i| (i * i) as f64)?;
/// assert_eq!(squares.sum()?, 285.0); // on all ranks
/// if let Some(whole) = squares.gather(0)? {
///     assert_eq!(whole[9], 81.0); // on the root
/// }
/// # Ok(()) }) }
/// ```
#[derive(Clone)]
pub struct DistArray<'c, T, D: Dimension> {
    layout: Layout<'c, D>,
    /// This rank's block, in row-major order.
    local: Array<T, D>,
}

impl<'c, T, D: Dimension> DistArray<'c, T, D> {
    /// This rank's block.
    pub fn local(&self) -> ArrayView<'_, T, D> {
        self.local.view()
    }

    /// This rank's block, to be changed in place.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// # use rankwise::array::{DistArray, Layout};
    /// let mut counts = DistArray::<u32, _>::zeros(&Layout::rows(world, 7)?)?;
    /// counts.local_mut().fill(1);
    /// assert_eq!(counts.sum()?, 7);
    /// # Ok(()) }) }
    /// ```
    pub fn local_mut(&mut self) -> ArrayViewMut<'_, T, D> {
        self.local.view_mut()
    }

    /// This rank's block, taken out.
    pub fn into_local(self) -> Array<T, D> {
        self.local
    }

    /// Who has which block.
    pub fn layout(&self) -> &Layout<'c, D> {
        &self.layout
    }

    /// The ranks on which the array lies.
    pub fn comm(&self) -> &'c Comm {
        self.layout.comm()
    }

    /// The ranks on which it lies, for a collective call in which all must mean the same layout.
    fn together(&self) -> &'c Comm {
        self.layout.together()
    }

    /// The lengths of the whole array's axes.
    pub fn global_shape(&self) -> &[usize] {
        self.layout.shape()
    }

    /// Number of elements in all.
    pub fn len(&self) -> usize {
        self.layout.len()
    }

    /// Whether the whole array has no element.
    pub fn is_empty(&self) -> bool {
        self.layout.is_empty()
    }

    /// The indices of this rank's block along an axis.
    ///
    /// # Panics
    /// If there is no such axis.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// # use rankwise::array::{DistArray, Layout};
    /// let array = DistArray::<f32, _>::zeros(&Layout::rows(world, [10, 4])?)?;
    /// assert_eq!(array.local_range(0).len(), array.local().nrows());
    /// # Ok(()) }) }
    /// ```
    pub fn local_range(&self, axis: usize) -> Range<usize> {
        self.layout.block()[axis].clone()
    }

    /// The index in the whole array of the first element of this rank's block.
    pub fn local_offset(&self) -> D::Pattern {
        self.offset().into_pattern()
    }

    fn offset(&self) -> D {
        layout::dimension(self.layout.block().iter().map(|range| range.start))
    }

    /// The element at an index of the whole array, if it is this rank's. No message.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// # use rankwise::array::{DistArray, Layout};
    /// let array = DistArray::from_fn(&Layout::rows(world, [10, 4])?, |(i, j)| 4 * i + j)?;
    /// let owner = array.layout().owner((9, 1)) == Some(world.rank());
    /// assert_eq!(array.get((9, 1)), owner.then_some(&37));
    /// # Ok(()) }) }
    /// ```
    pub fn get(&self, index: impl IntoDimension<Dim = D>) -> Option<&T> {
        self.local.get(self.place(index.into_dimension())?)
    }

    /// Puts a value at an index of the whole array, if it is this rank's; whether it was. No message.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// # use rankwise::array::{DistArray, Layout};
    /// let mut array = DistArray::<f64, _>::zeros(&Layout::rows(world, [10, 4])?)?;
    /// array.set([9, 1], 2.5); // all ranks may say so; one does
    /// assert_eq!(array.sum()?, 2.5);
    /// # Ok(()) }) }
    /// ```
    pub fn set(&mut self, index: impl IntoDimension<Dim = D>, value: T) -> bool {
        let place = self.place(index.into_dimension());
        match place.and_then(|place| self.local.get_mut(place)) {
            Some(element) => {
                *element = value;
                true
            }
            None => false,
        }
    }

    /// Where in this rank's block an index of the whole array is.
    fn place(&self, mut index: D) -> Option<D> {
        for (axis, range) in self.layout.block().iter().enumerate() {
            if !range.contains(&index[axis]) {
                return None;
            }
            index[axis] -= range.start;
        }
        Some(index)
    }

    /// This rank's elements in row-major order.
    fn elements(&self) -> &[T] {
        self.local.as_slice().expect("kept in row-major order")
    }
}

/// What this rank knows: the layout and its own block. It does not communicate, since it may be printed by one rank alone,
/// which would wait for the others for ever; the whole array is shown by [`DistArray::display`], which all ranks call.
impl<T: fmt::Debug, D: Dimension> fmt::Debug for DistArray<'_, T, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}; rank {} has {:?}:", self.layout, self.comm().rank(), self.layout.block())?;
        if f.alternate() { write!(f, "\n{:#?}", self.local) } else { write!(f, "\n{:?}", self.local) }
    }
}
