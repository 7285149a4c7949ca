//! Arrays in a file, written and read block by block, each rank its own.

use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::ops::Range;
use std::panic::Location;
use std::time::{Duration, Instant};

use hdf5::H5Type;
use hdf5::types::TypeDescriptor;
use ndarray::{ArrayBase, ArrayD, Data, DataMut, Dimension, IxDyn};

use super::group::make_groups;
use super::hdf5_file::agree_on_handle;
use super::rounds::Rounds;
use super::sight::{agree_on, same_everywhere};
use super::storage::Filter;
use super::totals::count;
use super::transfer::TransferReport;
use super::{File, Storage};
use crate::comm::{Comm, Max};
use crate::error::{Error, Result};
use crate::sys;
use crate::sys::hdf5::{Block, Done};
use crate::sys::record::{self, Inside, Kind, Made, within};
use crate::sys::stored::{Elements, Room};

/// The most that one rank moves in one call: HDF5 and MPI-IO fail at 2 GiB, some of them in silence.
const ROUND_BYTES: usize = 512 << 20;

/// How long a rank whose transfer has failed waits for the others, which may be waiting for it inside HDF5.
const PATIENCE: Duration = Duration::from_secs(10);

/// An array in a [`File`]. It holds no data: blocks are read and written on demand.
///
/// Reading and writing is collective: all ranks call, those with nothing, too. [`independent`](Dataset::independent) makes it
/// the business of each rank.
#[derive(Debug)]
pub struct Dataset<'f> {
    pub(super) file: &'f File<'f>,
    /// Closed with the file, not before: see there.
    pub(super) handle: ManuallyDrop<hdf5::Dataset>,
    name: String,
    shape: Vec<usize>,
    filtered: bool,
    convert: bool,
    independent: bool,
    last: Cell<Option<TransferReport>>,
}

impl<'f> Dataset<'f> {
    #[track_caller]
    pub(super) fn create<T: H5Type + Copy>(
        file: &'f File<'f>,
        name: &str,
        shape: &[usize],
        storage: &Storage,
    ) -> Result<Self> {
        let (comm, name) = (file.comm(), name.strip_prefix('/').unwrap_or(name));
        let of = T::type_descriptor();
        let kind = (sys::memory::name::<T>(), format!("{of:?}"));
        same_everywhere(comm, &(name, shape, storage, kind), "new dataset")?;
        let wrong = |problem: String| file.error(format!("cannot create dataset {name}: {problem}"));
        // The same on all ranks, as just found out.
        let chunk = storage.chunk_of::<T>(shape, comm.size()).map_err(&wrong)?;
        Elements::of::<T>().map_err(|failure| wrong(failure.words()))?;
        let bytes = shape.iter().try_fold(size_of::<T>() as u64, |bytes, &len| bytes.checked_mul(len as u64));
        if bytes.is_none_or(|bytes| i64::try_from(bytes).is_err()) {
            return Err(wrong(format!("shape {shape:?} has more elements than a file can hold")));
        }
        let filters = storage.filters.iter().map(Filter::id);
        let missing: Vec<String> = filters
            .filter(|(id, _)| !sys::hdf5::has_filter(*id))
            .map(|(_, name)| format!("this HDF5 has no filter {name}; is its plugin in HDF5_PLUGIN_PATH?"))
            .collect();
        comm.agree(match missing.first() {
            Some(missing) => Err(wrong(missing.clone())),
            None => file.reserve(stored_bytes(shape, chunk.as_deref(), size_of::<T>())),
        })?;
        let create = || {
            make_groups(file.handle(), name, false)?;
            // As in memory, also where the compiler has packed it.
            let of = hdf5::Datatype::from_descriptor(&of)?;
            let mut extents: Vec<hdf5::Extent> = shape.iter().map(|&len| hdf5::Extent::fixed(len)).collect();
            if storage.unlimited && !extents.is_empty() {
                extents[0] = hdf5::Extent::resizable(shape[0]);
            }
            let builder = file.handle().new_dataset_builder().empty_as(of);
            let builder = builder.shape(hdf5::SimpleExtents::from_vec(extents)).obj_track_times(false);
            let fill = hdf5::plist::dataset_create::FillTime::Never;
            let zeros = hdf5::plist::dataset_create::FillTime::Alloc;
            let builder = builder.fill_time(if storage.zeroed { zeros } else { fill });
            let builder = match chunk.clone() {
                Some(chunk) => builder.chunk(chunk),
                None => return builder.no_chunk().create(name),
            };
            let filtered = storage.filters.iter().fold(builder, |builder, filter| match filter {
                Filter::Deflate(level) => builder.deflate(*level),
                Filter::Shuffle => builder.shuffle(),
                Filter::Fletcher32 => builder.fletcher32(),
                Filter::Szip(block) => builder.szip(hdf5::filters::SZip::NearestNeighbor, *block),
                Filter::Other(id, parameters) => builder.add_filter(*id, parameters),
            });
            filtered.create(name)
        };
        let handle = create().map_err(|error| {
            file.failed(
                &format!("cannot create dataset {name} of shape {shape:?}"),
                sys::hdf5::refused(error),
            )
        });
        Ok(Dataset::new(file, name, agree_on_handle(comm, handle)?))
    }

    /// `said` is what the caller has called it.
    #[track_caller]
    pub(super) fn open(file: &'f File<'f>, name: &str, said: &str) -> Result<Self> {
        let name = name.strip_prefix('/').unwrap_or(name);
        same_everywhere(file.comm(), name, "name of the dataset")?;
        let handle = file.handle().dataset(name).map_err(|_| {
            let mut there: Vec<String> = file
                .handle()
                .datasets()
                .unwrap_or_default()
                .into_iter()
                .map(|dataset| ManuallyDrop::new(dataset).name())
                .collect();
            there.sort();
            file.error(format!("there is no dataset {said}; the file has {}", list(&there)))
        });
        Ok(Dataset::new(file, name, agree_on_handle(file.comm(), handle)?))
    }

    fn new(file: &'f File<'f>, name: &str, handle: hdf5::Dataset) -> Self {
        let name = name.to_owned();
        let (shape, filtered) = (handle.shape(), !handle.filters().is_empty());
        Dataset {
            file,
            handle: ManuallyDrop::new(handle),
            name,
            shape,
            filtered,
            convert: false,
            independent: false,
            last: Cell::new(None),
        }
    }

    /// Its name in the file: the path to it, without the first slash.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The ranks that have its file open.
    pub(crate) fn comm(&self) -> &Comm {
        self.file.comm()
    }

    /// Its length along each axis.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The shape of its chunks, if it has any.
    pub fn chunk(&self) -> Option<Vec<usize>> {
        self.handle.chunk()
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
        self.descriptor().is_ok_and(|of| is_numeric(&of))
    }

    /// Lets reads convert from the file's elements to those that are asked for: numbers as C does, 32.5 becomes 32; of structs the
    /// fields of the same name. HDF5 then transfers on each rank by itself. Without it, another type is an error.
    pub fn convert(mut self) -> Self {
        self.convert = true;
        self
    }

    /// Lets each rank read and write by itself, when it likes, without the others, and without any agreement: an error is that of
    /// one rank alone. For few or very uneven accesses; what all ranks write together is faster collectively on a parallel file
    /// system. Filters cannot be written so.
    ///
    /// ```
    /// # use rankwise::file::{File, Storage};
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// # let path = std::env::temp_dir().join(format!("rankwise-doc-independent-{}.h5", std::process::id()));
    /// let file = File::create(world, &path)?;
    /// let log = file.create_dataset::<u32>("log", &[100], &Storage::default().zeroed())?.independent();
    /// if world.is_root() {
    ///     log.write_rows(42, &rankwise::ndarray::array![1u32])?; // no other rank takes part
    /// }
    /// file.close()?;
    /// # std::fs::remove_file(&path)?;
    /// # Ok(()) }) }
    /// ```
    pub fn independent(mut self) -> Self {
        self.independent = true;
        self
    }

    /// What HDF5 did in the last read or write through this handle; `None` before the first, and when nothing was to be moved.
    ///
    /// ```
    /// # use rankwise::file::{File, Storage, TransferMode};
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// # let path = std::env::temp_dir().join(format!("rankwise-doc-transfer-{}.h5", std::process::id()));
    /// # let file = File::create(world, &path)?;
    /// let data = file.create_dataset::<f32>("x", &[4], &Storage::default())?;
    /// data.write_rows(0, &rankwise::ndarray::Array1::<f32>::zeros(if world.is_root() { 4 } else { 0 }))?;
    /// let report = data.last_transfer().expect("there was one");
    /// assert_eq!((report.mode(), report.causes()), (TransferMode::Contiguous, vec![]));
    /// # file.close()?;
    /// # std::fs::remove_file(&path)?;
    /// # Ok(()) }) }
    /// ```
    pub fn last_transfer(&self) -> Option<TransferReport> {
        self.last.get()
    }

    /// Writes `rows` from row `first` on: a block that is whole along all other axes. Ranks write disjoint rows; a rank may
    /// have none.
    ///
    /// # Collective
    /// All ranks must call this, also those without rows; unless it is [independent](Dataset::independent).
    ///
    /// # Errors
    /// On all ranks alike, when a block does not fit into the shape, the type is another, or the disk is full.
    #[track_caller]
    pub fn write_rows<T: H5Type + Copy, S: Data<Elem = T>, D: Dimension>(
        &self,
        first: usize,
        rows: &ArrayBase<S, D>,
    ) -> Result<()> {
        let mut start = vec![0; rows.ndim()];
        if let Some(start) = start.first_mut() {
            *start = first;
        }
        self.write(&start, rows, self.whole_rows(rows.shape()))
    }

    /// Writes a block whose first element comes to `start`. Ranks write disjoint blocks; a rank may have an empty one.
    /// A view that is not contiguous is copied.
    ///
    /// # Collective
    /// All ranks must call this, also those with nothing; unless it is [independent](Dataset::independent).
    ///
    /// # Errors
    /// On all ranks alike, when a block does not fit into the shape, the type is another, or the disk is full.
    #[track_caller]
    pub fn write_block<T: H5Type + Copy, S: Data<Elem = T>, D: Dimension>(
        &self,
        start: &[usize],
        block: &ArrayBase<S, D>,
    ) -> Result<()> {
        self.write(start, block, Ok(()))
    }

    /// Adds rows at the end, those of rank 0 first; a rank may have none. Returns where this rank's have come to. The dataset
    /// must be [unlimited](Storage::unlimited). Sends one number a rank to all.
    ///
    /// # Collective
    /// All ranks must call this, also those without rows.
    ///
    /// # Errors
    /// On all ranks alike, when the rows of a rank are not as wide as the dataset, the type is another, it cannot grow, or the disk
    /// is full.
    ///
    /// ```
    /// # use rankwise::file::{File, Storage};
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// # let path = std::env::temp_dir().join(format!("rankwise-doc-append-{}.h5", std::process::id()));
    /// let file = File::create(world, &path)?;
    /// let mut energies = file.create_dataset::<f64>("energies", &[0, 2], &Storage::default().unlimited())?;
    /// for step in 0..3 {
    ///     let mine = rankwise::ndarray::array![[f64::from(step), 0.5]];
    ///     energies.append(&mine)?;
    /// }
    /// assert_eq!(energies.shape(), [3 * world.size(), 2]);
    /// file.close()?;
    /// # std::fs::remove_file(&path)?;
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn append<T: H5Type + Copy, S: Data<Elem = T>, D: Dimension>(
        &mut self,
        rows: &ArrayBase<S, D>,
    ) -> Result<Range<usize>> {
        let _within = within();
        let comm = self.file.comm();
        let mine = rows.shape().first().copied().unwrap_or(0);
        let fits = self.whole_rows(rows.shape()).and_then(|()| self.is_of::<T>(false));
        agree_on(comm, &("append", &self.name), fits.and_then(|()| self.may_write()))?;
        let counts = comm.all_gather_one(mine)?;
        let before: usize = counts[..comm.rank()].iter().sum();
        let mut shape = self.handle.shape();
        let old = shape[0];
        shape[0] = old + counts.iter().sum::<usize>();
        self.resize(&shape)?;
        self.write_rows(old + before, rows)?;
        Ok(old + before..old + before + mine)
    }

    /// Gives it another shape; along axis 0 any, if it is [unlimited](Storage::unlimited). What is cut off is lost, what is new is
    /// undefined unless it is [zeroed](Storage::zeroed).
    ///
    /// # Collective
    /// All ranks must call this, with the same shape.
    ///
    /// # Errors
    /// On all ranks alike, when it cannot have that shape.
    #[track_caller]
    pub fn resize(&mut self, shape: &[usize]) -> Result<()> {
        let _within = within();
        same_everywhere(self.file.comm(), shape, "shape")?;
        let resized = match self.handle.space() {
            Ok(space) if space.ndim() == shape.len() => {
                let fits =
                    space.maxdims().iter().zip(shape).all(|(most, len)| most.is_none_or(|most| *len <= most));
                let (now, name) = (&self.shape, &self.name);
                match fits && self.handle.is_chunked() {
                    true => Ok(()),
                    false => Err(self
                        .file
                        .error(format!("{name} of shape {now:?} cannot become {shape:?}: is it unlimited?"))),
                }
            }
            _ => Err(self.file.error(format!(
                "{} has {} axes, not {}",
                self.name,
                self.shape.len(),
                shape.len()
            ))),
        };
        let (chunk, size) = (self.handle.chunk(), self.handle.dtype().map_or(0, |of| of.size()));
        let bytes = |shape: &[usize]| stored_bytes(shape, chunk.as_deref(), size);
        let more = bytes(shape).saturating_sub(bytes(&self.handle.shape()));
        self.file.comm().agree(resized.and_then(|()| self.file.reserve(more)))?;
        let resized = sys::hdf5::resize(&self.handle, shape).map_err(|failure| self.error(failure));
        self.file.comm().agree_within(resized, PATIENCE)?;
        self.shape = shape.to_vec();
        Ok(())
    }

    /// Writes a block unless some rank has found something wrong with its own.
    #[track_caller]
    fn write<T: H5Type + Copy, S: Data<Elem = T>, D: Dimension>(
        &self,
        start: &[usize],
        block: &ArrayBase<S, D>,
        found: Result<()>,
    ) -> Result<()> {
        let _within = within();
        let (_here, began) = (self.recorded("write"), Instant::now());
        let found = found
            .and_then(|()| self.may_write())
            .and_then(|()| self.fits::<T>(start, block.shape(), false))
            .and_then(|()| Elements::of::<T>().map_err(|failure| self.error(failure)));
        let of = self.settle("write", found)?;
        let block = block.as_standard_layout();
        let data = block.as_slice().expect("a standard layout is contiguous");
        let report =
            self.in_rounds::<T>(start, block.shape(), |block, part| block.write(&of, &data[part]))?;
        self.file.look_for_room();
        count(|totals| {
            totals.written += report.bytes;
            totals.writing += began.elapsed().as_secs_f64();
        });
        Ok(())
    }

    /// The rows `rows`, whole along all other axes. Each rank reads its own, or the same, or none.
    ///
    /// # Collective
    /// All ranks must call this, also those without rows; unless it is [independent](Dataset::independent).
    ///
    /// # Errors
    /// On all ranks alike, when rows are not there, the type is another, or a rank has no memory for them.
    #[track_caller]
    pub fn read_rows<T: H5Type + Copy>(&self, rows: Range<usize>) -> Result<ArrayD<T>> {
        let _within = within();
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
    /// All ranks must call this, also those with nothing; unless it is [independent](Dataset::independent).
    ///
    /// # Errors
    /// On all ranks alike, when a block does not lie in the shape, the type is another, a rank has no memory for it, or the file has
    /// what Rust's type cannot be: a `bool` that is neither true nor false, a text that is no UTF-8.
    #[track_caller]
    pub fn read_block<T: H5Type + Copy>(&self, start: &[usize], shape: &[usize]) -> Result<ArrayD<T>> {
        let _within = within();
        let (_here, began) = (self.recorded("read"), Instant::now());
        let room = self.fits::<T>(start, shape, self.convert).and_then(|()| {
            let len = shape.iter().try_fold(1usize, |len, &n| len.checked_mul(n)).unwrap_or(usize::MAX);
            let room = Elements::of::<T>().and_then(|of| Ok((of, Room::<T>::new(len)?)));
            room.map_err(|failure| self.error(failure))
        });
        let (of, mut room) = self.settle("read", room)?;
        let report = self.in_rounds::<T>(start, shape, |block, _| block.read(&of, &mut room))?;
        self.has_read(&report, began);
        let data = room.into_vec().map_err(|failure| self.error(failure))?;
        Ok(ArrayD::from_shape_vec(IxDyn(shape), data).expect("as many elements as the shape says"))
    }

    /// Fills `block` with what is in the file from `start` on. Nothing is allocated where `block` lies in one piece, in
    /// row-major order, and is made of plain numbers; otherwise it is read aside, and copied.
    ///
    /// # Collective
    /// All ranks must call this, also those with nothing; unless it is [independent](Dataset::independent).
    ///
    /// # Errors
    /// As [`read_block`](Dataset::read_block). Then some of `block` may have been filled.
    #[track_caller]
    pub fn read_into<T: H5Type + Copy, S: DataMut<Elem = T>, D: Dimension>(
        &self,
        start: &[usize],
        block: &mut ArrayBase<S, D>,
    ) -> Result<()> {
        let _within = within();
        let shape = block.shape().to_vec();
        // Every rank reads in its own way; HDF5 sees no difference.
        if !block.is_standard_layout() {
            let read = self.read_block::<T>(start, &shape)?;
            block.iter_mut().zip(read).for_each(|(place, value)| *place = value);
            return Ok(());
        }
        let (_here, began) = (self.recorded("read"), Instant::now());
        let of = self
            .fits::<T>(start, &shape, self.convert)
            .and_then(|()| Elements::of::<T>().map_err(|failure| self.error(failure)));
        let of = self.settle("read", of)?;
        let data = block.as_slice_mut().expect("in standard layout, as just found out");
        let report =
            self.in_rounds::<T>(start, &shape, |block, part| block.read_into(&of, &mut data[part]))?;
        self.has_read(&report, began);
        Ok(())
    }

    /// Records a transfer, until what comes back is dropped.
    #[track_caller]
    fn recorded(&self, operation: &'static str) -> Inside {
        let at = Location::caller();
        let (group, peers) = (self.comm().id(), (None, None));
        Inside::enter(|| Made { kind: Kind::File, operation, at, group, number: 0, peers, root: None })
    }

    fn has_read(&self, report: &TransferReport, began: Instant) {
        count(|totals| {
            totals.read += report.bytes;
            totals.reading += began.elapsed().as_secs_f64();
        });
    }

    /// An outcome that all ranks have; this rank's own, where it works by itself.
    #[track_caller]
    fn settle<R>(&self, call: &str, outcome: Result<R>) -> Result<R> {
        if self.independent {
            return outcome;
        }
        agree_on(self.file.comm(), &(call, &self.name), outcome)
    }

    fn may_write(&self) -> Result<()> {
        if !self.file.to_change() {
            return Err(self.file.error("cannot write: it was opened for reading"));
        }
        if self.independent && self.filtered {
            let name = &self.name;
            let problem =
                format!("{name} has filters, which all ranks must write together: not independent()");
            return Err(self.file.error(problem));
        }
        Ok(())
    }

    fn whole_rows(&self, shape: &[usize]) -> Result<()> {
        let across = |shape: &[usize]| shape.get(1..).map(<[usize]>::to_vec);
        if across(shape).is_some() && across(shape) == across(&self.shape) {
            return Ok(());
        }
        let (name, whole) = (&self.name, &self.shape);
        Err(self
            .file
            .error(format!("rows of a block of shape {shape:?} are not whole in {name} of shape {whole:?}")))
    }

    /// Checks a block against the dataset: on this rank, without a message.
    fn fits<T: H5Type>(&self, start: &[usize], shape: &[usize], convert: bool) -> Result<()> {
        // Another handle may have changed it.
        let whole = self.handle.shape();
        let inside = start.len() == whole.len()
            && shape.len() == whole.len()
            && (0..whole.len()).all(|k| start[k].checked_add(shape[k]).is_some_and(|end| end <= whole[k]));
        if !inside {
            let name = &self.name;
            let problem =
                format!("block of shape {shape:?} at {start:?} is not inside {name} of shape {whole:?}");
            return Err(self.file.error(problem));
        }
        self.is_of::<T>(convert)
    }

    fn is_of<T: H5Type>(&self, convert: bool) -> Result<()> {
        let (there, wanted) = (self.descriptor(), T::type_descriptor());
        let fits = |there: &TypeDescriptor| {
            // The same fields at other places are the same elements.
            let same = *there == wanted || there.to_packed_repr() == wanted.to_packed_repr();
            same || (convert && is_convertible(there, &wanted))
        };
        if there.as_ref().is_ok_and(fits) {
            return Ok(());
        }
        let (name, there, wanted) = (&self.name, self.element(), sys::memory::name::<T>());
        Err(self.file.error(format!("{name} holds {there}, not {wanted}")))
    }

    /// Moves a block in rounds that HDF5 and MPI-IO can do. All ranks make as many as the one with the most; those that are
    /// done move nothing.
    fn in_rounds<T: H5Type>(
        &self,
        start: &[usize],
        shape: &[usize],
        mut act: impl FnMut(&Block, Range<usize>) -> sys::Outcome<Done>,
    ) -> Result<TransferReport> {
        let mut report = TransferReport::new();
        self.last.set(None);
        if self.handle.shape().contains(&0) {
            // Nothing is stored, and HDF5 fails when told to move it. Every rank knows the shape.
            return Ok(report);
        }
        let most = match sys::counts::test_limit() {
            0 => ROUND_BYTES / size_of::<T>().max(1),
            limit => limit,
        };
        let mine = Rounds::new(shape, most);
        let comm = self.file.comm();
        let rounds = if self.independent { mine.count } else { comm.all_reduce_one(mine.count.max(1), Max)? };
        let numbers = |numbers: &[usize]| -> Vec<u64> { numbers.iter().map(|&n| n as u64).collect() };
        let mut outcome = Ok(());
        for round in 0..rounds {
            let (place, shape, part) = mine.round(round);
            let start: Vec<usize> = start.iter().zip(place).map(|(start, place)| start + place).collect();
            let (start, shape, bytes) = (numbers(&start), numbers(&shape), part.len() * size_of::<T>());
            let (dataset, collective) = (&*self.handle, !self.independent);
            match act(&Block { dataset, start: &start, count: &shape, collective }, part) {
                Ok(done) => {
                    if let Some(what) = done.invalid {
                        outcome = Err(self.file.error(format!("dataset {} has {what}", self.name)));
                    }
                    record::out(bytes);
                    report.add(done, bytes);
                }
                Err(failure) => {
                    outcome = Err(self.error(failure));
                    break;
                }
            }
        }
        if self.independent {
            outcome?;
        } else {
            // The others may be in a round that this rank has not entered: it does not wait for them for ever.
            comm.agree_within(outcome, PATIENCE)?;
        }
        if report.rounds > 0 {
            self.last.set(Some(report));
            count(|totals| {
                totals.transfers += 1;
                totals.broken += u64::from(!self.independent && !report.is_collective());
            });
        }
        Ok(report)
    }

    fn error(&self, failure: sys::Failure) -> Error {
        self.file.failed(&format!("dataset {}", self.name), failure)
    }
}

/// The most that a dataset takes in the file, in whole chunks.
fn stored_bytes(shape: &[usize], chunk: Option<&[usize]>, size: usize) -> u64 {
    let whole = |(axis, &len): (usize, &usize)| {
        let chunk = chunk.map_or(1, |chunk| chunk[axis]);
        (len as u64).div_ceil(chunk as u64).saturating_mul(chunk as u64)
    };
    shape.iter().enumerate().map(whole).fold(size as u64, u64::saturating_mul)
}

fn list(names: &[String]) -> String {
    match names {
        [] => "none at its top".into(),
        _ => names.join(", "),
    }
}

fn is_numeric(of: &TypeDescriptor) -> bool {
    matches!(of, TypeDescriptor::Float(_) | TypeDescriptor::Integer(_) | TypeDescriptor::Unsigned(_))
}

/// Whether HDF5 makes one of the other without inventing anything.
fn is_convertible(from: &TypeDescriptor, to: &TypeDescriptor) -> bool {
    match (from, to) {
        (TypeDescriptor::Compound(from), TypeDescriptor::Compound(to)) => to.fields.iter().all(|field| {
            from.fields.iter().any(|other| {
                other.name == field.name && (other.ty == field.ty || is_convertible(&other.ty, &field.ty))
            })
        }),
        (TypeDescriptor::FixedArray(from, there), TypeDescriptor::FixedArray(to, wanted)) => {
            there == wanted && (from == to || is_convertible(from, to))
        }
        _ => is_numeric(from) && is_numeric(to),
    }
}
