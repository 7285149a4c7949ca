//! Which rank has which block of an array: a grid of ranks, and along each axis a partition.

use std::fmt;
use std::ops::Range;

use ndarray::{Dimension, IntoDimension};

use crate::comm::{Call, Comm, dims_for};
use crate::error::Result;
use crate::partition::Partition;
use crate::sys::Failure;

/// How an array of a shape lies on the ranks of a [`Comm`]: the ranks form a grid, in row-major order as in
/// [`Comm::grid`], and each axis of the array is cut into as many blocks as the grid has ranks along it.
///
/// The number of axes, 1 to 6, is part of the type, so that a shape and an index with another number of axes do not compile.
/// Nothing here sends a message: every rank computes who has what.
///
/// ```
/// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
/// use rankwise::array::Layout;
///
/// let rows = Layout::rows(world, [10, 4])?; // blocks of whole rows
/// assert_eq!(rows.grid_dims(), [world.size(), 1]);
/// let tiles = Layout::grid_auto(world, [10, 4])?; // blocks in both directions
/// assert_eq!(tiles.grid_dims().iter().product::<usize>(), world.size());
/// assert_eq!(tiles.owner((0, 0)), Some(0));
/// # Ok(()) }) }
/// ```
#[derive(Clone)]
pub struct Layout<'c, D: Dimension> {
    comm: &'c Comm,
    shape: D,
    /// One for each axis; the grid is as long as it has parts.
    parts: Vec<Partition>,
    /// This rank's block: it is asked for with every index.
    mine: Vec<Range<usize>>,
}

impl<'c, D: Dimension> Layout<'c, D> {
    /// Blocks of whole rows: axis 0 is cut into as many blocks as there are ranks, as equal as can be.
    ///
    /// All ranks give the same shape.
    ///
    /// # Errors
    /// On all ranks, when the shape has no axis or more elements than can be counted.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// # use rankwise::array::Layout;
    /// let rows = Layout::rows(world, (10, 3))?;
    /// assert_eq!(rows.block().len(), 2); // a range of rows, and all columns
    /// assert_eq!(rows.block()[1], 0..3);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn rows(comm: &'c Comm, shape: impl IntoDimension<Dim = D>) -> Result<Self> {
        let (call, shape) = (Call::new("Layout::rows"), shape.into_dimension());
        let mut dims = vec![1; shape.ndim()];
        if let Some(first) = dims.first_mut() {
            *first = comm.size();
        }
        Self::new(call, comm, shape, &dims)
    }

    /// Blocks on a grid of ranks with axes of these lengths: even blocks along each axis.
    ///
    /// All ranks give the same shape and lengths.
    ///
    /// # Errors
    /// On all ranks, when the lengths do not multiply to the number of ranks, and as [`rows`](Layout::rows).
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// # use rankwise::array::Layout;
    /// let columns = Layout::grid(world, [10, 4], [1, world.size()])?;
    /// assert_eq!(columns.block()[0], 0..10);
    /// assert!(Layout::grid(world, [10, 4], [2, world.size()]).is_err());
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn grid(
        comm: &'c Comm,
        shape: impl IntoDimension<Dim = D>,
        dims: impl IntoDimension<Dim = D>,
    ) -> Result<Self> {
        let (call, dims) = (Call::new("Layout::grid"), dims.into_dimension());
        Self::new(call, comm, shape.into_dimension(), slice(&dims))
    }

    /// Blocks on a grid whose axes are as equally long as can be: see [`dims_for`].
    ///
    /// All ranks give the same shape.
    ///
    /// # Errors
    /// As [`rows`](Layout::rows).
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// # use rankwise::array::Layout;
    /// use rankwise::comm::dims_for;
    ///
    /// assert_eq!(Layout::grid_auto(world, [8, 8, 8])?.grid_dims(), dims_for(world.size(), 3));
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn grid_auto(comm: &'c Comm, shape: impl IntoDimension<Dim = D>) -> Result<Self> {
        let (call, shape) = (Call::new("Layout::grid_auto"), shape.into_dimension());
        let dims = dims_for(comm.size(), shape.ndim().max(1));
        Self::new(call, comm, shape, &dims)
    }

    /// The same, but for one axis, which is cut as the partition says.
    ///
    /// All ranks give the same partition.
    ///
    /// # Errors
    /// On all ranks, when there is no such axis, or the partition has another length than the axis or other than as many
    /// parts as the grid has ranks along it.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// # use rankwise::array::Layout;
    /// use rankwise::Partition;
    ///
    /// let pairs = Partition::of_tiles(10, 2, world.size()); // no pair of rows is parted
    /// let layout = Layout::rows(world, [10, 3])?.with_partition(0, pairs)?;
    /// assert_eq!(layout.block()[0].start % 2, 0);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn with_partition(mut self, axis: usize, partition: Partition) -> Result<Self> {
        let call = Call::new("Layout::with_partition");
        let Some(part) = self.parts.get_mut(axis) else { return Err(self.no_axis(call, axis)) };
        if (part.len(), part.parts()) != (partition.len(), partition.parts()) {
            let problem = format!(
                "a partition of {} elements into {} parts for axis {axis}, of {} over {} ranks",
                partition.len(),
                partition.parts(),
                part.len(),
                part.parts()
            );
            return Err(refused(self.comm, call, problem));
        }
        *part = partition;
        Ok(Self::of(self.comm, self.parts))
    }

    fn new(call: Call, comm: &'c Comm, shape: D, dims: &[usize]) -> Result<Self> {
        let no = |problem: String| Err(refused(comm, call, problem));
        if D::NDIM.is_none() || shape.ndim() == 0 {
            return no(format!("a shape of {} axes in a {:?}: 1 to 6 are meant", shape.ndim(), D::NDIM));
        }
        // As ndarray counts: axes without elements do not make up for others that are too long.
        let lengths = slice(&shape).iter().filter(|&&len| len > 0);
        let most = lengths.copied().try_fold(1usize, usize::checked_mul);
        if most.is_none_or(|most| isize::try_from(most).is_err()) {
            return no(format!(
                "an array of shape {:?} has more elements than can be counted",
                slice(&shape)
            ));
        }
        if dims.iter().copied().try_fold(1usize, usize::checked_mul) != Some(comm.size()) {
            return no(format!(
                "a grid of {dims:?} for {} ranks: dims_for({0}, {}) fits",
                comm.size(),
                dims.len()
            ));
        }
        let even = slice(&shape).iter().zip(dims).map(|(&len, &dim)| Partition::even(len, dim));
        Ok(Self::of(comm, even.collect()))
    }

    /// Of partitions that fit, by their making.
    pub(super) fn of(comm: &'c Comm, parts: Vec<Partition>) -> Self {
        debug_assert_eq!(parts.iter().map(Partition::parts).product::<usize>(), comm.size());
        let shape = dimension(parts.iter().map(Partition::len));
        let mine = block_of(comm.rank(), &parts);
        Layout { comm, shape, parts, mine }
    }

    /// The ranks on which the array lies.
    pub fn comm(&self) -> &'c Comm {
        self.comm
    }

    /// The ranks, for a collective call in which all must mean this layout.
    pub(super) fn together(&self) -> &'c Comm {
        self.comm.note(|| format!("on an array of {self:?}"));
        self.comm
    }

    /// The lengths of the array's axes.
    pub fn shape(&self) -> &[usize] {
        slice(&self.shape)
    }

    /// The lengths of the array's axes, as `ndarray` writes them: a number for one axis, `(rows, columns)` for two.
    pub fn dim(&self) -> D::Pattern {
        self.shape.clone().into_pattern()
    }

    /// Number of elements in all.
    pub fn len(&self) -> usize {
        self.shape.size()
    }

    /// Whether there is no element at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of ranks along each axis.
    pub fn grid_dims(&self) -> Vec<usize> {
        self.parts.iter().map(Partition::parts).collect()
    }

    /// How an axis is cut.
    ///
    /// # Panics
    /// If there is no such axis.
    pub fn partition(&self, axis: usize) -> &Partition {
        &self.parts[axis]
    }

    /// This rank's block: a range along each axis.
    pub fn block(&self) -> &[Range<usize>] {
        &self.mine
    }

    /// The block of `rank`: a range along each axis.
    ///
    /// # Panics
    /// If there is no such rank.
    pub fn block_of(&self, rank: usize) -> Vec<Range<usize>> {
        assert!(rank < self.comm.size(), "rank {rank} of {}", self.comm.size());
        block_of(rank, &self.parts)
    }

    /// The place of `rank` in the grid.
    ///
    /// # Panics
    /// If there is no such rank.
    pub fn coordinates_of(&self, rank: usize) -> Vec<usize> {
        assert!(rank < self.comm.size(), "rank {rank} of {}", self.comm.size());
        unfolded(rank, &self.grid_dims())
    }

    /// The rank at a place in the grid.
    pub(super) fn rank_at(&self, place: &[usize]) -> usize {
        folded(place, &self.grid_dims())
    }

    /// The rank that has an element; `None` outside the shape.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// # use rankwise::array::Layout;
    /// let rows = Layout::rows(world, [10, 4])?;
    /// assert_eq!(rows.owner([9, 0]), Some(world.size().min(10) - 1));
    /// assert_eq!(rows.owner([0, 4]), None);
    /// # Ok(()) }) }
    /// ```
    pub fn owner(&self, index: impl IntoDimension<Dim = D>) -> Option<usize> {
        let index = index.into_dimension();
        let owners = self.parts.iter().zip(slice(&index));
        let place: Option<Vec<usize>> =
            owners.map(|(part, &i)| (i < part.len()).then(|| part.owner(i))).collect();
        Some(self.rank_at(&place?))
    }

    /// The shape of a rank's block.
    pub(super) fn block_dim(&self, rank: usize) -> D {
        dimension(self.block_of(rank).into_iter().map(|range| range.len()))
    }

    /// How many elements each rank has, as the partition of them laid end to end.
    pub(super) fn end_to_end(&self) -> Partition {
        let counts: Vec<usize> = (0..self.comm.size()).map(|rank| self.block_dim(rank).size()).collect();
        Partition::from_counts(&counts)
    }

    /// Whether the blocks laid end to end are the array in row-major order: nothing is cut but axis 0.
    pub(super) fn is_of_rows(&self) -> bool {
        self.parts.iter().skip(1).all(|part| part.parts() == 1)
    }

    pub(super) fn no_axis(&self, call: Call, axis: usize) -> crate::Error {
        refused(self.comm, call, format!("axis {axis} of an array of shape {:?}", self.shape()))
    }

    /// An error, the same on all ranks, unless the other array lies as this one does.
    pub(super) fn same_as(&self, other: &Self, call: Call) -> Result<()> {
        if self == other {
            return Ok(());
        }
        let problem = match self.other_comm(other) {
            Some(what_to_do) => format!("{self:?} and {other:?}: {what_to_do}"),
            None => {
                format!("{self:?} and {other:?}: redistribute one array to the layout of the other first")
            }
        };
        Err(refused(self.comm, call, problem))
    }

    /// What to do when the two are of different communicators.
    pub(super) fn other_comm(&self, other: &Self) -> Option<&'static str> {
        (!std::ptr::eq(self.comm, other.comm)).then_some(
            "they are of two `Comm`s, which are not one even if the ranks are the same; make both layouts from the \
             same `Comm`, for one from `array.comm()`",
        )
    }
}

/// Layouts are equal when the same communicator's ranks have the same blocks.
impl<D: Dimension> PartialEq for Layout<'_, D> {
    fn eq(&self, other: &Self) -> bool {
        let same = |(a, b): (&Partition, &Partition)| a == b || a.counts().eq(b.counts());
        std::ptr::eq(self.comm, other.comm)
            && self.shape == other.shape
            && self.parts.iter().zip(&other.parts).all(same)
    }
}

impl<D: Dimension> fmt::Debug for Layout<'_, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let uneven = self
            .parts
            .iter()
            .any(|part| !part.counts().eq(Partition::even(part.len(), part.parts()).counts()));
        write!(f, "shape {:?} over a grid {:?} of {}", self.shape(), self.grid_dims(), self.comm.name())?;
        if uneven {
            let counts: Vec<Vec<usize>> = self.parts.iter().map(|part| part.counts().collect()).collect();
            write!(f, " in blocks of {counts:?}")?;
        }
        Ok(())
    }
}

/// The block of a rank: the parts along all axes, of which the last runs fastest.
fn block_of(rank: usize, parts: &[Partition]) -> Vec<Range<usize>> {
    let mut block = vec![0..0; parts.len()];
    let mut rest = rank;
    for (range, part) in block.iter_mut().zip(parts).rev() {
        *range = part.range(rest % part.parts());
        rest /= part.parts();
    }
    block
}

/// The error of an argument that all ranks find wrong.
pub(super) fn refused(comm: &Comm, call: Call, problem: String) -> crate::Error {
    let refused: Result<()> = comm.perform(call, |_| Err(Failure::Argument(problem)));
    refused.expect_err("an error was put in")
}

pub(super) fn slice<D: Dimension>(dim: &D) -> &[usize] {
    dim.as_array_view().to_slice().expect("a shape lies in one piece")
}

/// A shape or an index of the lengths given, as many as the type has axes.
pub(super) fn dimension<D: Dimension>(lengths: impl ExactSizeIterator<Item = usize>) -> D {
    let mut dim = D::zeros(lengths.len());
    for (k, len) in lengths.enumerate() {
        dim[k] = len;
    }
    dim
}

/// The number of a place in row-major order.
pub(super) fn folded(place: &[usize], dims: &[usize]) -> usize {
    place.iter().zip(dims).fold(0, |number, (along, dim)| number * dim + along)
}

/// The place with that number in row-major order.
pub(super) fn unfolded(number: usize, dims: &[usize]) -> Vec<usize> {
    let (mut place, mut rest) = (vec![0; dims.len()], number);
    for (along, &dim) in place.iter_mut().zip(dims).rev() {
        (*along, rest) = (rest % dim, rest / dim);
    }
    place
}
