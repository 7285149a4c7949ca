//! The slices of all ranks, combined place by place: sums, products, extremes, logic.

use num_complex::{Complex32, Complex64};

use super::scatter::count_of;
use super::{Call, Comm, Element, Placed};
use crate::error::Result;
use crate::partition::Partition;
use crate::sum::{ExactSum, PARTS};
use crate::sys::collectives::Input;
use crate::sys::operations::{Combine, Operation, combining};
use crate::sys::{self, Received, Sent, collectives, memory};

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
        /// What changes nothing when combined with it.
        fn neutral() -> T;
    }
    /// One of the operations below the fence, or how it is made.
    #[derive(Debug, Clone, Copy)]
    pub struct Operation(pub(crate) fn() -> crate::sys::Outcome<crate::sys::operations::Operation>);

    impl Operation {
        #[inline]
        pub(crate) fn get(self) -> crate::sys::Outcome<crate::sys::operations::Operation> {
            (self.0)()
        }
    }

    pub trait Number {}
}

macro_rules! reductions {
    ($($(#[$doc:meta])* $name:ident for $($element:ident)*, $neutral:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $name;
        reductions!(more $name for $($element)*, $neutral);
    )*};
    (operation Sum u8) => { sealed::Operation(combining::<Wrapping<u8>>) };
    (operation Sum i8) => { sealed::Operation(combining::<Wrapping<i8>>) };
    (operation Sum u16) => { sealed::Operation(combining::<Wrapping<u16>>) };
    (operation Sum i16) => { sealed::Operation(combining::<Wrapping<i16>>) };
    (operation $name:ident $element:ident) => { sealed::Operation(|| Ok(Operation::$name)) };
    (more $name:ident for $($element:ident)*, $neutral:expr) => {
        $(
            impl sealed::OfMpi<$element> for $name {
                #[inline]
                fn operation(self) -> sealed::Operation {
                    reductions!(operation $name $element)
                }
                fn neutral() -> $element {
                    type T = $element;
                    let neutral: fn() -> T = $neutral;
                    neutral()
                }
            }
            impl Reduction<$element> for $name {}
        )*
    };
}

/// The sum of short integers, that wraps around. Open MPI's own stops at the greatest number where it uses AVX, and wraps
/// around for the few elements that are left over.
struct Wrapping<T>(std::marker::PhantomData<T>);

macro_rules! wrapping {
    ($($int:ty)*) => {$(
        impl Combine for Wrapping<$int> {
            type Element = $int;
            fn combine(theirs: &$int, ours: &mut $int) {
                *ours = ours.wrapping_add(*theirs);
            }
        }
    )*};
}
wrapping!(u8 i8 u16 i16);

/// For the neutral elements: what all numbers have by other names.
trait Bounds {
    const LEAST: Self;
    const GREATEST: Self;
    const ZERO: Self;
    const ONE: Self;
}
macro_rules! bounds {
    ($($number:ty: $least:expr, $greatest:expr, $zero:expr;)*) => {$(
        impl Bounds for $number {
            const LEAST: Self = $least;
            const GREATEST: Self = $greatest;
            const ZERO: Self = $zero;
            const ONE: Self = $zero + 1 as Self;
        }
    )*};
    ($($int:ty)*) => { bounds! { $($int: <$int>::MIN, <$int>::MAX, 0;)* } };
}
bounds!(u8 u16 u32 u64 usize i8 i16 i32 i64 isize);
// Of floats only −0 changes nothing: 0 + −0 is 0.
bounds! { f32: f32::NEG_INFINITY, f32::INFINITY, -0.0; f64: f64::NEG_INFINITY, f64::INFINITY, -0.0; }

reductions! {
    /// The sum. Integers wrap around. Of floats the last bits depend on the number of ranks; [`Comm::sum`] is the one that
    /// does not.
    Sum for u8 u16 u32 u64 usize i8 i16 i32 i64 isize f32 f64, || T::ZERO;
    /// The product. Integers wrap around; of floats the last bits depend on the number of ranks.
    Product for u8 u16 u32 u64 usize i8 i16 i32 i64 isize f32 f64, || T::ONE;
    /// The least. With a NaN among floats the result is not defined; [`MinWithPlace`] defines it.
    Min for u8 u16 u32 u64 usize i8 i16 i32 i64 isize f32 f64, || T::GREATEST;
    /// The greatest. With a NaN among floats the result is not defined; [`MaxWithPlace`] defines it.
    Max for u8 u16 u32 u64 usize i8 i16 i32 i64 isize f32 f64, || T::LEAST;
    /// Whether all are true.
    LogicalAnd for bool, || true;
    /// Whether any is true.
    LogicalOr for bool, || false;
    /// Whether an odd number is true.
    LogicalXor for bool, || false;
    /// The bits that all have.
    BitAnd for u8 u16 u32 u64 usize i8 i16 i32 i64 isize, || !0;
    /// The bits that any has.
    BitOr for u8 u16 u32 u64 usize i8 i16 i32 i64 isize, || 0;
    /// The bits that an odd number has.
    BitXor for u8 u16 u32 u64 usize i8 i16 i32 i64 isize, || 0;
}
reductions!(more Sum for Complex32 Complex64, || T::new(-0.0, -0.0));
reductions!(more Product for Complex32 Complex64, || T::new(1.0, 0.0));

/// Numbers that have a least and a greatest, NaN included.
pub trait Ordered: sealed::Number + Copy + 'static {
    /// Whether `self` comes before `other` when looking for the least: less, or NaN where `other` is not.
    fn beats_as_min(self, other: Self) -> bool;
    /// Whether `self` comes before `other` when looking for the greatest: greater, or NaN where `other` is not.
    fn beats_as_max(self, other: Self) -> bool;
    /// The number that every other one, or an equal one, beats as least.
    fn greatest() -> Self;
    /// The number that every other one, or an equal one, beats as greatest.
    fn least() -> Self;
}

macro_rules! ordered {
    ($($int:ty)* ; $($float:ty)*) => {
        $(impl sealed::Number for $int {}
        impl Ordered for $int {
            fn beats_as_min(self, other: Self) -> bool { self < other }
            fn beats_as_max(self, other: Self) -> bool { self > other }
            fn greatest() -> Self { Self::GREATEST }
            fn least() -> Self { Self::LEAST }
        })*
        $(impl sealed::Number for $float {}
        impl Ordered for $float {
            fn beats_as_min(self, other: Self) -> bool { self < other || self.is_nan() && !other.is_nan() }
            fn beats_as_max(self, other: Self) -> bool { self > other || self.is_nan() && !other.is_nan() }
            fn greatest() -> Self { Self::GREATEST }
            fn least() -> Self { Self::LEAST }
        })*
    };
}
ordered!(u8 u16 u32 u64 usize i8 i16 i32 i64 isize; f32 f64);

/// The least value with its place, of elements [`Placed`]. Of equal ones that with the lowest place; a NaN beats every
/// number, as in NumPy.
///
/// ```
/// # use rankwise::comm::{MinWithPlace, Placed};
/// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
/// let mine = Placed { value: 10 - world.rank() as i32, place: world.rank() as u64 };
/// assert_eq!(world.all_reduce_one(mine, MinWithPlace)?.place, world.size() as u64 - 1);
/// # Ok(()) }) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MinWithPlace;

/// The greatest value with its place; see [`MinWithPlace`].
///
/// ```
/// # use rankwise::comm::{MaxWithPlace, Placed};
/// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
/// let mine = Placed { value: (world.rank() % 2) as f64, place: world.rank() as u64 };
/// let greatest = world.all_reduce_one(mine, MaxWithPlace)?;
/// assert_eq!(greatest.place, u64::from(world.size() > 1));
/// # Ok(()) }) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxWithPlace;

macro_rules! with_place {
    ($($name:ident by $combine:ident when $beats:ident, neutral $neutral:ident;)*) => {$(
        struct $combine<T>(std::marker::PhantomData<T>);
        impl<T: Ordered> Combine for $combine<T> {
            type Element = Placed<T>;
            fn combine(theirs: &Placed<T>, ours: &mut Placed<T>) {
                let (a, b) = (*theirs, *ours);
                if a.value.$beats(b.value) || (!b.value.$beats(a.value) && a.place < b.place) {
                    *ours = a;
                }
            }
        }
        impl<T: Ordered> sealed::OfMpi<Placed<T>> for $name {
            fn operation(self) -> sealed::Operation {
                sealed::Operation(combining::<$combine<T>>)
            }
            fn neutral() -> Placed<T> {
                Placed { value: T::$neutral(), place: u64::MAX }
            }
        }
        impl<T: Ordered> Reduction<Placed<T>> for $name {}
    )*};
}
with_place! {
    MinWithPlace by Least when beats_as_min, neutral greatest;
    MaxWithPlace by Greatest when beats_as_max, neutral least;
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
    pub fn reduce<T: Element<K>, K, R: Reduction<T>>(
        &self,
        root: usize,
        mine: &[T],
        with: R,
    ) -> Result<Option<Vec<T>>> {
        self.perform(Call::collective("reduce").of::<T>().with::<R>().root(root).len(mine.len()), |comm| {
            let (sent, operation) = (Input::Slice(Sent::new(mine)?), with.operation().get()?);
            if comm.rank != root {
                collectives::reduce(comm, root, sent, None, operation)?;
                return Ok(None);
            }
            let act = |room: Received| collectives::reduce(comm, root, sent, Some(room), operation);
            Ok(Some(memory::filled(mine.len(), act)?.0))
        })
    }

    /// As [`reduce`](Comm::reduce), into the root's `result`, which is looked at there only: no allocation.
    ///
    /// # Collective
    /// As `reduce`.
    ///
    /// # Errors
    /// As `reduce`, and on the root alone when it gives no `result` or one of another length.
    ///
    /// ```
    /// # use rankwise::prelude::*;
    /// # fn main() -> ExitCode { rankwise::run(|world| {
    /// let mut sums = [0; 2];
    /// world.reduce_into(0, &[1, 10], world.is_root().then_some(&mut sums[..]), Sum)?;
    /// assert!(!world.is_root() || sums == [world.size(), 10 * world.size()]);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn reduce_into<T: Element<K>, K, R: Reduction<T>>(
        &self,
        root: usize,
        mine: &[T],
        result: Option<&mut [T]>,
        with: R,
    ) -> Result<()> {
        self.perform(
            Call::collective("reduce_into").of::<T>().with::<R>().root(root).len(mine.len()),
            |comm| {
                let result = result.map(Received::new).transpose()?;
                let mine = Input::Slice(Sent::new(mine)?);
                collectives::reduce(comm, root, mine, result, with.operation().get()?)
            },
        )
    }

    /// As [`reduce`](Comm::reduce), in place: the result is in the root's `buffer`; the others keep theirs.
    ///
    /// # Collective
    /// As `reduce`.
    ///
    /// # Errors
    /// As `reduce`.
    ///
    /// ```
    /// # use rankwise::prelude::*;
    /// # fn main() -> ExitCode { rankwise::run(|world| {
    /// let mut count = [1];
    /// world.reduce_in_place(0, &mut count, Sum)?;
    /// assert_eq!(count[0], if world.is_root() { world.size() } else { 1 });
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn reduce_in_place<T: Element<K>, K, R: Reduction<T>>(
        &self,
        root: usize,
        buffer: &mut [T],
        with: R,
    ) -> Result<()> {
        self.perform(
            Call::collective("reduce_in_place").of::<T>().with::<R>().root(root).len(buffer.len()),
            |comm| {
                let buffer = Received::new(buffer)?;
                collectives::reduce(comm, root, Input::InPlace, Some(buffer), with.operation().get()?)
            },
        )
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
    pub fn all_reduce<T: Element<K>, K, R: Reduction<T>>(&self, mine: &[T], with: R) -> Result<Vec<T>> {
        self.perform(Call::collective("all_reduce").of::<T>().with::<R>().len(mine.len()), |comm| {
            let (sent, operation) = (Input::Slice(Sent::new(mine)?), with.operation().get()?);
            let act = |room: Received| collectives::all_reduce(comm, sent, room, operation);
            Ok(memory::filled(mine.len(), act)?.0)
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
    pub fn all_reduce_one<T: Element<K>, K, R: Reduction<T>>(&self, mine: T, with: R) -> Result<T> {
        self.perform(Call::collective("all_reduce_one").of::<T>().with::<R>(), |comm| {
            let (sent, mut result) = ([mine], [mine]);
            let sent = Input::Slice(Sent::new(&sent)?);
            collectives::all_reduce(comm, sent, Received::new(&mut result)?, with.operation().get()?)?;
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
    pub fn all_reduce_into<T: Element<K>, K, R: Reduction<T>>(
        &self,
        mine: &[T],
        result: &mut [T],
        with: R,
    ) -> Result<()> {
        self.perform(Call::collective("all_reduce_into").of::<T>().with::<R>().len(mine.len()), |comm| {
            let mine = Input::Slice(Sent::new(mine)?);
            collectives::all_reduce(comm, mine, Received::new(result)?, with.operation().get()?)
        })
    }

    /// As [`all_reduce`](Comm::all_reduce), in place: no second buffer.
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
    /// let mut most = [world.rank(), 7];
    /// world.all_reduce_in_place(&mut most, Max)?;
    /// assert_eq!(most, [world.size() - 1, 7]);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn all_reduce_in_place<T: Element<K>, K, R: Reduction<T>>(
        &self,
        buffer: &mut [T],
        with: R,
    ) -> Result<()> {
        self.perform(
            Call::collective("all_reduce_in_place").of::<T>().with::<R>().len(buffer.len()),
            |comm| {
                collectives::all_reduce(comm, Input::InPlace, Received::new(buffer)?, with.operation().get()?)
            },
        )
    }

    /// The slices of all ranks combined place by place, and this rank's block of it, the blocks as equal as can be:
    /// [`Partition::even`]. No rank gets the whole, which halves what an [`all_reduce`](Comm::all_reduce) sends.
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
    /// let all: Vec<usize> = (0..10).collect();
    /// let mine = world.reduce_scatter(&all, Sum)?;
    /// let block = Partition::even(10, world.size()).range(world.rank());
    /// assert!(mine.into_iter().eq(block.map(|i| i * world.size())));
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn reduce_scatter<T: Element<K>, K, R: Reduction<T>>(&self, mine: &[T], with: R) -> Result<Vec<T>> {
        self.perform(Call::collective("reduce_scatter").of::<T>().with::<R>().len(mine.len()), |comm| {
            block_of_sum(comm, &Partition::even(mine.len(), comm.size), mine, with)
        })
    }

    /// As [`reduce_scatter`](Comm::reduce_scatter), by a partition that all ranks know.
    ///
    /// # Collective
    /// All ranks must call this, with the same partition.
    ///
    /// # Errors
    /// On all ranks when the partition is not for as many ranks; on one rank alone when its slice is not as long as the
    /// partition says.
    ///
    /// ```
    /// # use rankwise::prelude::*;
    /// # fn main() -> ExitCode { rankwise::run(|world| {
    /// let blocks = Partition::from_counts(&(0..world.size()).collect::<Vec<_>>());
    /// let mine = world.reduce_scatter_by(&blocks, &vec![1; blocks.len()], Sum)?;
    /// assert_eq!(mine, vec![world.size(); world.rank()]);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn reduce_scatter_by<T: Element<K>, K, R: Reduction<T>>(
        &self,
        blocks: &Partition,
        mine: &[T],
        with: R,
    ) -> Result<Vec<T>> {
        self.note_blocks(blocks);
        self.perform(Call::collective("reduce_scatter_by").of::<T>().with::<R>().len(mine.len()), |comm| {
            block_of_sum(comm, blocks, mine, with)
        })
    }

    /// As [`reduce_scatter_by`](Comm::reduce_scatter_by), into the caller's `result`: no allocation.
    ///
    /// # Collective
    /// As `reduce_scatter_by`.
    ///
    /// # Errors
    /// As `reduce_scatter_by`, and on one rank alone when its `result` is not as long as the partition says.
    ///
    /// ```
    /// # use rankwise::prelude::*;
    /// # fn main() -> ExitCode { rankwise::run(|world| {
    /// let pairs = Partition::even(2 * world.size(), world.size());
    /// let mut mine = [0; 2];
    /// world.reduce_scatter_into(&pairs, &vec![world.rank(); pairs.len()], &mut mine, Max)?;
    /// assert_eq!(mine, [world.size() - 1; 2]);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn reduce_scatter_into<T: Element<K>, K, R: Reduction<T>>(
        &self,
        blocks: &Partition,
        mine: &[T],
        result: &mut [T],
        with: R,
    ) -> Result<()> {
        self.note_blocks(blocks);
        self.perform(Call::collective("reduce_scatter_into").of::<T>().with::<R>().len(mine.len()), |comm| {
            let (mine, result) = (Input::Slice(Sent::new(mine)?), Received::new(result)?);
            collectives::reduce_scatter(comm, blocks, mine, result, with.operation().get()?)
        })
    }

    /// As [`reduce_scatter_by`](Comm::reduce_scatter_by), in place: this rank's block of the result is the slice that is
    /// given back, at the start of `buffer`; what is behind it is unspecified.
    ///
    /// # Collective
    /// As `reduce_scatter_by`.
    ///
    /// # Errors
    /// As `reduce_scatter_by`.
    ///
    /// ```
    /// # use rankwise::prelude::*;
    /// # fn main() -> ExitCode { rankwise::run(|world| {
    /// let blocks = Partition::even(3, world.size());
    /// let mut buffer = [1; 3];
    /// let mine = world.reduce_scatter_in_place(&blocks, &mut buffer, Sum)?;
    /// assert_eq!(mine, vec![world.size(); blocks.count(world.rank())]);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn reduce_scatter_in_place<'b, T: Element<K>, K, R: Reduction<T>>(
        &self,
        blocks: &Partition,
        buffer: &'b mut [T],
        with: R,
    ) -> Result<&'b mut [T]> {
        self.note_blocks(blocks);
        self.perform(
            Call::collective("reduce_scatter_in_place").of::<T>().with::<R>().len(buffer.len()),
            |comm| {
                let all = Received::new(buffer)?;
                collectives::reduce_scatter(comm, blocks, Input::InPlace, all, with.operation().get()?)
            },
        )?;
        Ok(&mut buffer[..blocks.count(self.rank())])
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
        self.perform(Call::collective("exact_sums").len(mine.len()), |comm| {
            let parts: Vec<i64> = mine.iter_mut().flat_map(ExactSum::parts).collect();
            let (sent, sum) = (Input::Slice(Sent::new(&parts)?), Operation::Sum);
            let act = |room: Received| collectives::all_reduce(comm, sent, room, sum);
            let (totals, ()) = memory::filled::<i64, _, _>(parts.len(), act)?;
            Ok(totals.as_chunks::<PARTS>().0.iter().map(|parts| ExactSum::from_parts(*parts)).collect())
        })
    }
}

fn block_of_sum<T: Element<K>, K, R: Reduction<T>>(
    comm: &sys::Communicator,
    blocks: &Partition,
    mine: &[T],
    with: R,
) -> sys::Outcome<Vec<T>> {
    let (len, operation) = (count_of(blocks, comm)?, with.operation().get()?);
    let mine = Input::Slice(Sent::new(mine)?);
    let act = |room: Received| collectives::reduce_scatter(comm, blocks, mine, room, operation);
    Ok(memory::filled(len, act)?.0)
}
