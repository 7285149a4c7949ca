//! The slices of all ranks, combined place by place: sums, products, extremes, logic.

use mpi::datatype::Equivalence;

use super::{Call, Comm};
use crate::error::Result;
use crate::sum::{ExactSum, PARTS};
use crate::sys;
use crate::sys::collectives::{Combine, Operation};

/// A reduction that is defined for elements of type `T`. Others do not compile:
///
/// ```compile_fail,E0277
/// # use rankwise::prelude::*;
/// rankwise::run(|world| {
///     world.all_reduce(&[1.5], BitAnd)?; // no bits of a float
///     Ok(())
/// });
/// ```
pub trait Reduction<T>: sealed::OfMpi<T> {}

/// What others may not implement: MPI would do arithmetic on bytes that are no numbers, or hand them to another process.
mod sealed {
    pub trait OfMpi<T>: Copy {
        fn operation(self) -> Operation;
    }
    /// One of MPI's own operations.
    #[derive(Debug, Clone, Copy)]
    pub struct Operation(pub(crate) crate::sys::collectives::Operation);

    pub trait Number {}
}

macro_rules! reductions {
    ($($(#[$doc:meta])* $name:ident for $($element:ty)*;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $name;
        $(
            impl sealed::OfMpi<$element> for $name {
                fn operation(self) -> sealed::Operation {
                    sealed::Operation(Operation::$name)
                }
            }
            impl Reduction<$element> for $name {}
        )*
    )*};
}

reductions! {
    /// The sum. Integers wrap around. Of floats the last bits depend on the number of ranks; [`Comm::exact_sums`] is the
    /// one that does not.
    Sum for u8 u16 u32 u64 usize i8 i16 i32 i64 isize f32 f64;
    /// The product. Integers wrap around; of floats the last bits depend on the number of ranks.
    Product for u8 u16 u32 u64 usize i8 i16 i32 i64 isize f32 f64;
    /// The least. With a NaN among floats the result is not defined; [`Comm::all_reduce_min`] defines it.
    Min for u8 u16 u32 u64 usize i8 i16 i32 i64 isize f32 f64;
    /// The greatest. With a NaN among floats the result is not defined; [`Comm::all_reduce_max`] defines it.
    Max for u8 u16 u32 u64 usize i8 i16 i32 i64 isize f32 f64;
    /// Whether all are true.
    LogicalAnd for bool;
    /// Whether any is true.
    LogicalOr for bool;
    /// Whether an odd number is true.
    LogicalXor for bool;
    /// The bits that all have.
    BitAnd for u8 u16 u32 u64 usize i8 i16 i32 i64 isize;
    /// The bits that any has.
    BitOr for u8 u16 u32 u64 usize i8 i16 i32 i64 isize;
    /// The bits that an odd number has.
    BitXor for u8 u16 u32 u64 usize i8 i16 i32 i64 isize;
}

/// A value and the place where it was found: the result of [`Comm::all_reduce_min`] and [`Comm::all_reduce_max`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// Where it was: whatever number the ranks gave, a global index or a rank.
    pub place: u64,
}

/// Numbers that have a least and a greatest, NaN included.
pub trait Ordered: sealed::Number + Copy + 'static {
    /// Whether `self` comes before `other` when looking for the least: less, or NaN where `other` is not.
    fn beats_as_min(self, other: Self) -> bool;
    /// Whether `self` comes before `other` when looking for the greatest: greater, or NaN where `other` is not.
    fn beats_as_max(self, other: Self) -> bool;
}

macro_rules! ordered {
    ($($int:ty)* ; $($float:ty)*) => {
        $(impl sealed::Number for $int {}
        impl Ordered for $int {
            fn beats_as_min(self, other: Self) -> bool { self < other }
            fn beats_as_max(self, other: Self) -> bool { self > other }
        })*
        $(impl sealed::Number for $float {}
        impl Ordered for $float {
            fn beats_as_min(self, other: Self) -> bool { self < other || self.is_nan() && !other.is_nan() }
            fn beats_as_max(self, other: Self) -> bool { self > other || self.is_nan() && !other.is_nan() }
        })*
    };
}
ordered!(u8 u16 u32 u64 usize i8 i16 i32 i64 isize; f32 f64);

#[derive(Clone, Copy)]
#[repr(transparent)]
struct Least<T>(Placed<T>);
#[derive(Clone, Copy)]
#[repr(transparent)]
struct Greatest<T>(Placed<T>);

// Sound as `Combine`: plain numbers, compared without a panic.
impl<T: Ordered> Combine for Least<T> {
    fn combine(theirs: &Self, ours: &mut Self) {
        let (a, b) = (theirs.0, ours.0);
        if a.value.beats_as_min(b.value) || (!b.value.beats_as_min(a.value) && a.place < b.place) {
            *ours = *theirs;
        }
    }
}

impl<T: Ordered> Combine for Greatest<T> {
    fn combine(theirs: &Self, ours: &mut Self) {
        let (a, b) = (theirs.0, ours.0);
        if a.value.beats_as_max(b.value) || (!b.value.beats_as_max(a.value) && a.place < b.place) {
            *ours = *theirs;
        }
    }
}

impl Comm {
    /// The slices of all ranks combined place by place, on the root: `Some` there, `None` elsewhere.
    ///
    /// # Collective
    /// All ranks must call this, with the same `root` and slices of the same length.
    ///
    /// # Errors
    /// On all ranks, when `root` is no rank.
    ///
    /// ```
    /// # use rankwise::prelude::*;
    /// # fn main() -> ExitCode { rankwise::run(|world| {
    /// if let Some(most) = world.reduce(0, &[world.rank(), 7], Max)? {
    ///     assert_eq!(most, [world.size() - 1, 7]);
    /// }
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn reduce<T: Equivalence + Copy, R: Reduction<T>>(
        &self,
        root: usize,
        mine: &[T],
        with: R,
    ) -> Result<Option<Vec<T>>> {
        self.perform(Call::new("reduce"), |comm| {
            sys::collectives::reduce(comm, root, mine, with.operation().0)
        })
    }

    /// The slices of all ranks combined place by place, on all ranks.
    ///
    /// # Collective
    /// All ranks must call this, with slices of the same length.
    ///
    /// # Errors
    /// When MPI refuses.
    ///
    /// ```
    /// # use rankwise::prelude::*;
    /// # fn main() -> ExitCode { rankwise::run(|world| {
    /// assert_eq!(world.all_reduce(&[1, 10], Sum)?, [world.size(), 10 * world.size()]);
    /// assert_eq!(world.all_reduce(&[world.is_root()], LogicalOr)?, [true]);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn all_reduce<T: Equivalence + Copy, R: Reduction<T>>(&self, mine: &[T], with: R) -> Result<Vec<T>> {
        self.perform(Call::new("all_reduce"), |comm| {
            sys::collectives::all_reduce(comm, mine, with.operation().0)
        })
    }

    /// One number from each rank, combined, on all ranks.
    ///
    /// # Collective
    /// All ranks must call this.
    ///
    /// # Errors
    /// When MPI refuses.
    ///
    /// ```
    /// # use rankwise::prelude::*;
    /// # fn main() -> ExitCode { rankwise::run(|world| {
    /// assert_eq!(world.all_reduce_one(1, Sum)?, world.size());
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn all_reduce_one<T: Equivalence + Copy, R: Reduction<T>>(&self, mine: T, with: R) -> Result<T> {
        self.perform(Call::new("all_reduce_one"), |comm| {
            let mut result = [mine];
            sys::collectives::all_reduce_into(comm, &[mine], &mut result, with.operation().0)?;
            Ok(result[0])
        })
    }

    /// As [`all_reduce`](Comm::all_reduce), into the caller's `result`: no allocation.
    ///
    /// # Collective
    /// All ranks must call this, with slices of the same length.
    ///
    /// # Errors
    /// When the two slices differ in length, or MPI refuses.
    ///
    /// ```
    /// # use rankwise::prelude::*;
    /// # fn main() -> ExitCode { rankwise::run(|world| {
    /// let mut ones = [0; 3];
    /// world.all_reduce_into(&[1; 3], &mut ones, Sum)?;
    /// assert_eq!(ones, [world.size(); 3]);
    /// assert!(world.all_reduce_into(&[1; 3], &mut ones[..2], Sum).is_err());
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn all_reduce_into<T: Equivalence + Copy, R: Reduction<T>>(
        &self,
        mine: &[T],
        result: &mut [T],
        with: R,
    ) -> Result<()> {
        self.perform(Call::new("all_reduce_into"), |comm| {
            sys::collectives::all_reduce_into(comm, mine, result, with.operation().0)
        })
    }

    /// The least value of all ranks with its place, place by place in the slice, on all ranks. Of equal ones that with
    /// the lowest `place`. A NaN beats every number, as in NumPy. One message, whatever the type.
    ///
    /// # Collective
    /// All ranks must call this, with slices of the same length.
    ///
    /// # Errors
    /// When MPI refuses.
    ///
    /// ```
    /// # use rankwise::comm::Placed;
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let mine = Placed { value: 10 - world.rank() as i32, place: world.rank() as u64 };
    /// assert_eq!(world.all_reduce_min(&[mine])?[0].place, world.size() as u64 - 1);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn all_reduce_min<T: Ordered>(&self, mine: &[Placed<T>]) -> Result<Vec<Placed<T>>> {
        self.perform(Call::new("all_reduce_min"), |comm| {
            let mut values: Vec<_> = mine.iter().map(|&placed| Least(placed)).collect();
            sys::collectives::all_combine(comm, &mut values)?;
            Ok(values.into_iter().map(|least| least.0).collect())
        })
    }

    /// The greatest value of all ranks with its place; see [`all_reduce_min`](Comm::all_reduce_min).
    ///
    /// # Collective
    /// All ranks must call this, with slices of the same length.
    ///
    /// # Errors
    /// When MPI refuses.
    ///
    /// ```
    /// # use rankwise::comm::Placed;
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let mine = Placed { value: (world.rank() % 2) as f64, place: world.rank() as u64 };
    /// let greatest = world.all_reduce_max(&[mine])?[0];
    /// assert_eq!(greatest.place, u64::from(world.size() > 1));
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn all_reduce_max<T: Ordered>(&self, mine: &[Placed<T>]) -> Result<Vec<Placed<T>>> {
        self.perform(Call::new("all_reduce_max"), |comm| {
            let mut values: Vec<_> = mine.iter().map(|&placed| Greatest(placed)).collect();
            sys::collectives::all_combine(comm, &mut values)?;
            Ok(values.into_iter().map(|greatest| greatest.0).collect())
        })
    }

    /// The exact sums of what all ranks have added to theirs, place by place, on all ranks: the same bits for any number
    /// of ranks. One all-reduce of 568 bytes a sum.
    ///
    /// # Collective
    /// All ranks must call this, with slices of the same length.
    ///
    /// # Errors
    /// When MPI refuses.
    ///
    /// ```
    /// # use rankwise::sum::ExactSum;
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let mine: ExactSum = [0.1; 10].into_iter().collect();
    /// let sum = world.exact_sums(&mut [mine])?[0].value();
    /// assert_eq!(sum, world.size() as f64 * 10.0 * 0.1);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn exact_sums(&self, mine: &mut [ExactSum]) -> Result<Vec<ExactSum>> {
        self.perform(Call::new("exact_sums"), |comm| {
            let parts: Vec<i64> = mine.iter_mut().flat_map(ExactSum::parts).collect();
            let totals = sys::collectives::all_reduce(comm, &parts, Operation::Sum)?;
            Ok(totals.as_chunks::<PARTS>().0.iter().map(|parts| ExactSum::from_parts(*parts)).collect())
        })
    }
}
