//! New arrays: of zeros, of a function of the index, of what the root or each rank has.

use ndarray::{Array, ArrayView, Dimension};

use super::layout::{dimension, refused, slice};
use super::{DistArray, Layout};
use crate::comm::{Call, Comm, Element};
use crate::error::Result;
use crate::partition::Partition;
use crate::sys::record::within;
use crate::sys::{Failure, memory};

/// Said instead of a shape by a root that has no array.
const NOTHING: u64 = u64::MAX;

impl<'c, T, D: Dimension> DistArray<'c, T, D> {
    /// The array whose element at each index is `value(index)`, an index of the whole array: `i` for one axis, `(i, j)` for
    /// two. Each rank computes its own block, in row-major order. No message.
    ///
    /// # Errors
    /// On one rank alone, when it has no memory for its block.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// use rankwise::array::{DistArray, Layout};
    ///
    /// let products = DistArray::from_fn(&Layout::rows(world, [10, 10])?, |(i, j)| i * j)?;
    /// assert_eq!(products.sum()?, 45 * 45);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn from_fn(layout: &Layout<'c, D>, mut value: impl FnMut(D::Pattern) -> T) -> Result<Self> {
        let (comm, dim) = (layout.comm(), layout.block_dim(layout.comm().rank()));
        let offset: D = dimension(layout.block().iter().map(|range| range.start));
        let mut data = room(Call::new("from_fn"), comm, dim.size())?;
        data.extend(ndarray::indices(dim).into_iter().map(|place| {
            let mut index: D = place_of(place);
            index += &offset;
            value(index.into_pattern())
        }));
        Ok(Self::with(layout.clone(), data))
    }

    /// Zeros, or `false`, everywhere. No message.
    ///
    /// # Errors
    /// On one rank alone, when it has no memory for its block.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// # use rankwise::array::{DistArray, Layout};
    /// let zeros = DistArray::<f64, _>::zeros(&Layout::grid_auto(world, [100, 100])?)?;
    /// assert_eq!(zeros.max()?, Some(0.0));
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn zeros<K>(layout: &Layout<'c, D>) -> Result<Self>
    where
        T: Element<K>,
    {
        let comm = layout.comm();
        let len = layout.block_dim(comm.rank()).size();
        let data = comm.perform(Call::new("zeros"), |_| Ok(memory::filled(len, |_| Ok(()))?.0))?;
        Ok(Self::with(layout.clone(), data))
    }

    /// The root's array, dealt out. Only the root's is looked at; the others give `None`.
    ///
    /// One small broadcast, so that all ranks know whether the shape is right, and one scatter. The root holds the whole,
    /// and, unless the layout is of rows and the array lies in row-major order, a copy of it.
    ///
    /// # Collective
    /// All ranks must call this, with the same layout and `root`.
    ///
    /// # Errors
    /// On all ranks, when `root` is no rank, or the root gives `None` or an array of another shape.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// use rankwise::array::{DistArray, Layout};
    /// use rankwise::ndarray::array;
    ///
    /// let whole = world.is_root().then(|| array![[1.0, 2.0], [3.0, 4.0]]);
    /// let spread = DistArray::from_root(&Layout::grid_auto(world, [2, 2])?, 0, whole.as_ref())?;
    /// assert_eq!(spread.gather(0)?, whole);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn from_root<'a, K>(
        layout: &Layout<'c, D>,
        root: usize,
        whole: Option<impl Into<ArrayView<'a, T, D>>>,
    ) -> Result<Self>
    where
        T: Element<K>,
    {
        let _within = within();
        let (call, comm) = (Call::new("from_root"), layout.comm());
        layout.check_root(call, root)?;
        let whole: Option<ArrayView<T, D>> = whole.map(Into::into).filter(|_| comm.rank() == root);
        let mut shape = vec![NOTHING; layout.shape().len()];
        if let Some(whole) = &whole {
            shape = whole.shape().iter().map(|&len| len as u64).collect();
        }
        comm.broadcast_into(root, &mut shape)?;
        if shape[0] == NOTHING {
            return Err(refused(comm, call, format!("rank {root}, the root, has no array")));
        }
        if !shape.iter().eq(layout.shape().iter().map(|&len| len as u64).collect::<Vec<_>>().iter()) {
            let problem = format!("the root's array of shape {shape:?} for a layout of {:?}", layout.shape());
            return Err(refused(comm, call, problem));
        }
        let blocks = layout.end_to_end();
        let of_rows = whole.as_ref().filter(|_| layout.is_of_rows()).and_then(ArrayView::to_slice);
        let packed: Option<Vec<T>> = whole.as_ref().filter(|_| of_rows.is_none()).map(|whole| {
            let mut packed = Vec::with_capacity(whole.len());
            for rank in 0..comm.size() {
                let block = layout.block_of(rank);
                let part = whole.slice_each_axis(|axis| block[axis.axis.index()].clone().into());
                packed.extend(part.iter().copied());
            }
            packed
        });
        let mine = comm.scatter_by(&blocks, root, of_rows.or(packed.as_deref()))?;
        Ok(Self::with(layout.clone(), mine))
    }

    /// The array whose rows are those of rank 0, then those of rank 1, and so on. The ranks may have any number of rows,
    /// also none; all other lengths are the same everywhere. Nothing is moved.
    ///
    /// One small all-gather, of the shapes. An array that is not in row-major order is copied.
    ///
    /// # Collective
    /// All ranks must call this.
    ///
    /// # Errors
    /// On all ranks, when the lengths of other axes than the first differ, or the array has no axis.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// use rankwise::array::DistArray;
    /// use rankwise::ndarray::Array2;
    ///
    /// let mine = Array2::from_elem((world.rank() + 1, 3), world.rank());
    /// let all = DistArray::from_parts(world, mine)?;
    /// assert_eq!(all.global_shape(), [world.size() * (world.size() + 1) / 2, 3]);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn from_parts(comm: &'c Comm, mine: Array<T, D>) -> Result<Self> {
        let _within = within();
        let call = Call::new("from_parts");
        let axes = D::NDIM.unwrap_or(0);
        if axes == 0 {
            return Err(refused(comm, call, "the number of axes, 1 to 6, must be part of the type".into()));
        }
        let blocks = Partition::even(axes * comm.size(), comm.size());
        let shapes = comm.all_gather_by(&blocks, mine.shape())?;
        let shapes: Vec<&[usize]> = shapes.chunks(axes).collect();
        if let Some(rank) = shapes.iter().position(|shape| shape[1..] != shapes[0][1..]) {
            let problem = format!(
                "rank {rank} has rows of shape {:?}, rank 0 of {:?}",
                &shapes[rank][1..],
                &shapes[0][1..]
            );
            return Err(refused(comm, call, problem));
        }
        let rows: Vec<usize> = shapes.iter().map(|shape| shape[0]).collect();
        let Some(all) = rows.iter().copied().try_fold(0, usize::checked_add) else {
            return Err(refused(comm, call, "the ranks have more rows than can be counted".into()));
        };
        let shape: D = dimension(
            [all].into_iter().chain(shapes[0][1..].iter().copied()).collect::<Vec<_>>().into_iter(),
        );
        let layout = Layout::rows(comm, shape)?.with_partition(0, Partition::from_counts(&rows))?;
        Ok(DistArray { layout, local: in_row_major_order(mine) })
    }

    /// Of this rank's elements, in row-major order.
    pub(super) fn with(layout: Layout<'c, D>, data: Vec<T>) -> Self {
        let dim = layout.block_dim(layout.comm().rank());
        let local = Array::from_shape_vec(dim, data).expect("as many elements as the block has");
        DistArray { layout, local }
    }
}

impl<D: Dimension> Layout<'_, D> {
    pub(super) fn check_root(&self, call: Call, root: usize) -> Result<()> {
        if root < self.comm().size() {
            return Ok(());
        }
        Err(refused(self.comm(), call, format!("root {root} of {} ranks", self.comm().size())))
    }
}

/// An index as the type it is made from.
pub(super) fn place_of<D: Dimension>(place: D::Pattern) -> D {
    ndarray::IntoDimension::into_dimension(place)
}

/// Room for this rank's elements; an error, instead of the end of the program, when there is none.
pub(super) fn room<T>(call: Call, comm: &Comm, len: usize) -> Result<Vec<T>> {
    comm.perform(call, |_| {
        let mut data = Vec::new();
        match data.try_reserve_exact(len) {
            Ok(()) => Ok(data),
            Err(_) => {
                Err(Failure::Argument(format!("no memory for {len} elements of {}", memory::name::<T>())))
            }
        }
    })
}

/// The same elements, moved only if they lie in another order.
fn in_row_major_order<T, D: Dimension>(array: Array<T, D>) -> Array<T, D> {
    if array.is_standard_layout() {
        return array;
    }
    let dim = array.raw_dim();
    debug_assert_eq!(slice(&dim), array.shape());
    Array::from_shape_vec(dim, array.into_iter().collect()).expect("as many elements as before")
}
