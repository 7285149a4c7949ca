//! Arrays in a file, written and read block by block, each rank its own.

use std::mem::ManuallyDrop;
use std::ops::Range;
use std::time::Duration;

use hdf5::types::TypeDescriptor;
use ndarray::{ArrayBase, ArrayD, Data, Dimension, IxDyn};

use super::{File, Number, agree_on_handle, failed, same_everywhere};
use crate::comm::{Comm, Max};
use crate::error::{Error, Result};
use crate::sys;

/// The most that one rank moves in one call: HDF5 and MPI-IO fail at 2 GiB, some of them in silence.
const ROUND_BYTES: usize = 512 << 20;

/// How long a rank whose transfer has failed waits for the others, which may be waiting for it inside HDF5.
const PATIENCE: Duration = Duration::from_secs(10);

/// How a new dataset lies in the file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Layout {
    /// The shape of the blocks that are stored together, at most that of the dataset; `None`: one contiguous piece, the fastest to read as a whole.
    pub chunk: Option<Vec<usize>>,
}

/// An array in a [`File`]. It holds no data: blocks are read and written on demand.
#[derive(Debug)]
pub struct Dataset<'f> {
    pub(super) file: &'f File<'f>,
    /// Closed with the file, not before: see there.
    pub(super) handle: ManuallyDrop<hdf5::Dataset>,
    name: String,
    shape: Vec<usize>,
    convert: bool,
}

impl File<'_> {
    /// A new dataset, without fill values: what no rank writes is undefined.
    ///
    /// # Collective
    /// All ranks must call this, with the same arguments: anything else is an error on all of them.
    ///
    /// # Errors
    /// On all ranks alike, when the name is taken or the shape is impossible.
    pub fn create_dataset<T: Number>(
        &self,
        name: &str,
        shape: &[usize],
        layout: &Layout,
    ) -> Result<Dataset<'_>> {
        same_everywhere(self.comm, &(name, shape, layout, sys::memory::name::<T>()), "new dataset")?;
        if layout.chunk.as_ref().is_some_and(|chunk| chunk.len() != shape.len() || chunk.contains(&0)) {
            // The same on all ranks, as just found out.
            return Err(
                self.error(format!("chunks of shape {:?} in a dataset of shape {shape:?}", layout.chunk))
            );
        }
        let create = || {
            let builder = self.handle().new_dataset::<T>().shape(shape).obj_track_times(false);
            let builder = builder.fill_time(hdf5::plist::dataset_create::FillTime::Never);
            match &layout.chunk {
                Some(chunk) if !shape.contains(&0) => {
                    let chunk: Vec<usize> =
                        chunk.iter().zip(shape).map(|(&chunk, &len)| chunk.min(len)).collect();
                    builder.chunk(chunk).create(name)
                }
                _ => builder.no_chunk().create(name),
            }
        };
        let handle = create().map_err(|error| {
            failed(
                &self.path,
                &format!("cannot create dataset {name} of shape {shape:?}"),
                sys::hdf5::refused(error),
            )
        });
        Ok(Dataset::new(self, name, agree_on_handle(self.comm, handle)?))
    }

    /// The dataset of that name.
    ///
    /// # Collective
    /// All ranks must call this, with the same name.
    ///
    /// # Errors
    /// On all ranks alike, when there is none of that name; the message lists those that are there.
    pub fn dataset(&self, name: &str) -> Result<Dataset<'_>> {
        same_everywhere(self.comm, name, "name of the dataset")?;
        let handle = self.handle().dataset(name).map_err(|_| {
            let mut there: Vec<String> = self
                .handle()
                .datasets()
                .unwrap_or_default()
                .into_iter()
                .map(|dataset| ManuallyDrop::new(dataset).name())
                .collect();
            there.sort();
            self.error(format!("there is no dataset {name}; the file has {}", list(&there)))
        });
        Ok(Dataset::new(self, name, agree_on_handle(self.comm, handle)?))
    }
}

fn list(names: &[String]) -> String {
    match names {
        [] => "none at its top".into(),
        _ => names.join(", "),
    }
}

impl<'f> Dataset<'f> {
    fn new(file: &'f File<'f>, name: &str, handle: hdf5::Dataset) -> Self {
        let shape = handle.shape();
        Dataset { file, handle: ManuallyDrop::new(handle), name: name.to_owned(), shape, convert: false }
    }

    /// Its name in the file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The ranks that have its file open.
    pub(crate) fn comm(&self) -> &Comm {
        self.file.comm
    }

    /// Its length along each axis.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// What it is made of, in words: `f32`, `u64`, `text`, …
    pub fn element(&self) -> String {
        match self.descriptor() {
            Ok(TypeDescriptor::Integer(size)) => format!("i{}", 8 * size as usize),
            Ok(TypeDescriptor::Unsigned(size)) => format!("u{}", 8 * size as usize),
            Ok(TypeDescriptor::Float(size)) => format!("f{}", 8 * size as usize),
            Ok(TypeDescriptor::Boolean) => "bool".into(),
            Ok(
                TypeDescriptor::FixedAscii(_)
                | TypeDescriptor::FixedUnicode(_)
                | TypeDescriptor::VarLenAscii
                | TypeDescriptor::VarLenUnicode,
            ) => "text".into(),
            Ok(TypeDescriptor::Compound(_)) => "records".into(),
            Ok(other) => format!("{other:?}"),
            Err(_) => "elements of an unknown type".into(),
        }
    }

    fn descriptor(&self) -> hdf5::Result<TypeDescriptor> {
        self.handle.dtype()?.to_descriptor()
    }

    /// Whether it is made of numbers, so that [`convert`](Dataset::convert) can read them as any number.
    pub fn is_numeric(&self) -> bool {
        use TypeDescriptor::{Float, Integer, Unsigned};
        matches!(self.descriptor(), Ok(Float(_) | Integer(_) | Unsigned(_)))
    }

    /// Lets reads convert from the file's numbers to those that are asked for, as C does: 32.5 becomes 32. HDF5 then
    /// transfers on each rank by itself. Without it, another type is an error.
    pub fn convert(mut self) -> Self {
        self.convert = true;
        self
    }

    /// Writes `rows` from row `first` on: a block that is whole along all other axes. Ranks write disjoint rows; a rank may
    /// have none.
    ///
    /// # Collective
    /// All ranks must call this, also those without rows.
    ///
    /// # Errors
    /// On all ranks alike, when a block does not fit into the shape, the type is another, or the disk is full.
    pub fn write_rows<T: Number, S: Data<Elem = T>, D: Dimension>(
        &self,
        first: usize,
        rows: &ArrayBase<S, D>,
    ) -> Result<()> {
        let across = |shape: &[usize]| shape.get(1..).unwrap_or_default().to_vec();
        let whole = if across(rows.shape()) == across(&self.shape) {
            Ok(())
        } else {
            let (name, given, shape) = (&self.name, rows.shape(), &self.shape);
            Err(self.file.error(format!(
                "rows of a block of shape {given:?} are not whole in {name} of shape {shape:?}"
            )))
        };
        let mut start = vec![0; rows.ndim()];
        if let Some(start) = start.first_mut() {
            *start = first;
        }
        self.write(&start, rows, whole)
    }

    /// Writes a block whose first element comes to `start`. Ranks write disjoint blocks; a rank may have an empty one.
    /// A view that is not contiguous is copied.
    ///
    /// # Collective
    /// All ranks must call this, also those with nothing.
    ///
    /// # Errors
    /// On all ranks alike, when a block does not fit into the shape, the type is another, or the disk is full.
    pub fn write_block<T: Number, S: Data<Elem = T>, D: Dimension>(
        &self,
        start: &[usize],
        block: &ArrayBase<S, D>,
    ) -> Result<()> {
        self.write(start, block, Ok(()))
    }

    /// Writes a block unless some rank has found something wrong with its own.
    fn write<T: Number, S: Data<Elem = T>, D: Dimension>(
        &self,
        start: &[usize],
        block: &ArrayBase<S, D>,
        found: Result<()>,
    ) -> Result<()> {
        self.file.comm.agree(found.and_then(|()| self.fits::<T>(start, block.shape(), false)))?;
        let block = block.as_standard_layout();
        let data = block.as_slice().expect("a standard layout is contiguous");
        self.in_rounds::<T>(start, block.shape(), |start, count, part| {
            sys::hdf5::write_block(&self.handle, start, count, &data[part])
        })
    }

    /// The rows `rows`, whole along all other axes. Each rank reads its own, or the same, or none.
    ///
    /// # Collective
    /// All ranks must call this, also those without rows.
    ///
    /// # Errors
    /// On all ranks alike, when rows are not there, the type is another, or a rank has no memory for them.
    pub fn read_rows<T: Number>(&self, rows: Range<usize>) -> Result<ArrayD<T>> {
        let mut start = vec![0; self.shape.len()];
        let mut count = self.shape.clone();
        if let (Some(start), Some(count)) = (start.first_mut(), count.first_mut()) {
            (*start, *count) = (rows.start, rows.len());
        }
        self.read_block(&start, &count)
    }

    /// The block of that shape whose first element is at `start`. Each rank reads its own, or the same, or an empty one.
    ///
    /// # Collective
    /// All ranks must call this, also those with nothing.
    ///
    /// # Errors
    /// On all ranks alike, when a block does not lie in the shape, the type is another, or a rank has no memory for it.
    pub fn read_block<T: Number>(&self, start: &[usize], shape: &[usize]) -> Result<ArrayD<T>> {
        let room = self.fits::<T>(start, shape, self.convert).and_then(|()| {
            let len = shape.iter().try_fold(1usize, |len, &n| len.checked_mul(n)).unwrap_or(usize::MAX);
            sys::hdf5::zeros::<T>(len).map_err(|failure| self.error(failure))
        });
        let mut data = self.file.comm.agree(room)?;
        self.in_rounds::<T>(start, shape, |start, count, part| {
            sys::hdf5::read_block(&self.handle, start, count, &mut data[part])
        })?;
        Ok(ArrayD::from_shape_vec(IxDyn(shape), data).expect("as many elements as the shape says"))
    }

    /// Checks a block against the dataset: on this rank, without a message.
    fn fits<T: Number>(&self, start: &[usize], shape: &[usize], convert: bool) -> Result<()> {
        let whole = &self.shape;
        let inside = start.len() == whole.len()
            && shape.len() == whole.len()
            && (0..whole.len()).all(|k| start[k].checked_add(shape[k]).is_some_and(|end| end <= whole[k]));
        if !inside {
            let name = &self.name;
            let problem =
                format!("block of shape {shape:?} at {start:?} is not inside {name} of shape {whole:?}");
            return Err(self.file.error(problem));
        }
        let same = self.descriptor().is_ok_and(|there| there == T::type_descriptor());
        if same || (convert && self.is_numeric()) {
            return Ok(());
        }
        let (name, there, wanted) = (&self.name, self.element(), sys::memory::name::<T>());
        Err(self.file.error(format!("{name} holds {there}, not {wanted}")))
    }

    /// Moves a block in rounds that HDF5 and MPI-IO can do. All ranks make as many as the one with the most; those that are
    /// done move nothing.
    fn in_rounds<T: Number>(
        &self,
        start: &[usize],
        shape: &[usize],
        mut act: impl FnMut(&[u64], &[u64], Range<usize>) -> sys::Outcome,
    ) -> Result<()> {
        if self.shape.contains(&0) {
            // Nothing is stored, and HDF5 fails when told to move it. Every rank knows the shape.
            return Ok(());
        }
        let mine = Rounds::new(shape, ROUND_BYTES / size_of::<T>().max(1));
        let rounds = self.file.comm.all_reduce_one(mine.count.max(1), Max)?;
        let numbers = |numbers: &[usize]| -> Vec<u64> { numbers.iter().map(|&n| n as u64).collect() };
        let mut outcome = Ok(());
        for round in 0..rounds {
            let (place, count, part) = mine.round(round);
            let start: Vec<usize> = start.iter().zip(place).map(|(start, place)| start + place).collect();
            outcome = act(&numbers(&start), &numbers(&count), part);
            if outcome.is_err() {
                break;
            }
        }
        // The others may be in a round that this rank has not entered: it does not wait for them for ever.
        self.file.comm.agree_within(outcome.map_err(|failure| self.error(failure)), PATIENCE)
    }

    fn error(&self, failure: sys::Failure) -> Error {
        failed(&self.file.path, &format!("dataset {}", self.name), failure)
    }
}

/// A block in pieces that lie together in memory, each of at most so many elements: whole below one axis, a range along it,
/// one index of every axis above.
struct Rounds<'s> {
    shape: &'s [usize],
    axis: usize,
    /// Elements below one index of the axis, and indices of the axis a round.
    inner: usize,
    per_round: usize,
    /// Rounds for one index of the axes above, and in all.
    along: usize,
    count: usize,
}

impl<'s> Rounds<'s> {
    fn new(shape: &'s [usize], most: usize) -> Self {
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
    fn round(&self, round: usize) -> (Vec<usize>, Vec<usize>, Range<usize>) {
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
