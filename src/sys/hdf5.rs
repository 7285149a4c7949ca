//! HDF5 in parallel: what the `hdf5` crate lacks. Its reads and writes are always independent, and return early on a rank
//! with nothing to move, which in a collective is a hang.

use std::ffi::{CString, c_void};
use std::ptr::null;

use hdf5::file::{FileCloseDegree, LibraryVersion};
use hdf5::{Dataset, FileBuilder, H5Type, Location};
use hdf5_sys::h5a::{H5Adelete, H5Aexists};
use hdf5_sys::h5d::{H5Dget_space, H5Dread, H5Dset_extent, H5Dwrite};
use hdf5_sys::h5f::{H5F_scope_t, H5Fflush};
use hdf5_sys::h5i::hid_t;
use hdf5_sys::h5p::{H5FD_mpio_xfer_t, H5Pclose, H5Pcreate, H5Pset_dxpl_mpio};
use hdf5_sys::h5s::{H5S_seloper_t, H5Sclose, H5Screate_simple, H5Sselect_hyperslab, H5Sselect_none};
use hdf5_sys::h5z::H5Zfilter_avail;
use mpi::ffi;
use mpi::raw::AsRaw;
use mpi::topology::{Color, Communicator};

use super::failure::{Failure, Outcome, check};
use super::stored::{self, Elements, Invalid, Room};

// In libhdf5 since 1.8.8, missing in the binding.
unsafe extern "C" {
    fn H5Pget_mpio_actual_io_mode(list: hid_t, mode: *mut u32) -> i32;
    fn H5Pget_mpio_no_collective_cause(list: hid_t, local: *mut u32, global: *mut u32) -> i32;
}

/// What HDF5 said, in one line.
pub(crate) fn refused(error: hdf5::Error) -> Failure {
    Failure::Argument(error.to_string().lines().map(str::trim).collect::<Vec<_>>().join("; "))
}

/// Text as C has it.
fn word(text: &str) -> Outcome<CString> {
    CString::new(text).map_err(|_| Failure::Argument(format!("a zero byte in {text:?}")))
}

/// Hints for MPI-IO. Names that the library does not know are ignored by it.
struct Hints(ffi::MPI_Info);

impl Hints {
    fn new(pairs: &[(String, String)]) -> Outcome<Self> {
        // SAFETY: the handle is written by the call that makes it, before any use.
        let hints = unsafe {
            let mut raw = ffi::RSMPI_INFO_NULL;
            check(ffi::MPI_Info_create(&mut raw))?;
            Hints(raw)
        };
        for (key, value) in pairs {
            let (key, value) = (word(key)?, word(value)?);
            // SAFETY: both strings end in a zero byte and live until the call is over; MPI copies them.
            check(unsafe { ffi::MPI_Info_set(hints.0, key.as_ptr(), value.as_ptr()) })?;
        }
        Ok(hints)
    }
}

impl Drop for Hints {
    fn drop(&mut self) {
        // SAFETY: the handle is ours and not used again.
        unsafe { ffi::MPI_Info_free(&mut self.0) };
    }
}

/// How a file is laid out and opened.
#[derive(Debug, Clone, Default)]
pub(crate) struct Access<'a> {
    pub(crate) hints: &'a [(String, String)],
    /// Objects of at least so many bytes start at multiples of so many.
    pub(crate) alignment: Option<(u64, u64)>,
    /// Bytes at the start of a new file that are not HDF5's.
    pub(crate) user_block: u64,
}

/// How to open or create one file on all ranks of a communicator. Collective, and so is cloning what it returns.
pub(crate) fn parallel<C: Communicator + AsRaw<Raw = ffi::MPI_Comm>>(
    comm: &C,
    access: &Access,
) -> Outcome<FileBuilder> {
    super::process::started()?;
    // The same ranks without a grid: Open MPI has corrupted files of Cartesian communicators (open-mpi/ompi#12718).
    let plain = comm.split_by_color(Color::with_value(0));
    let plain = plain.ok_or_else(|| Failure::Argument("MPI has no room for another communicator".into()))?;
    let hints = Hints::new(access.hints)?;
    let mut builder = hdf5::File::with_options();
    builder.with_fapl(|list| {
        // It keeps duplicates of both.
        list.mpio(plain.as_raw(), Some(hints.0))
            .all_coll_metadata_ops(true)
            .coll_metadata_write(true)
            // MPI-IO's own degree fails to close a file whose datasets are still open, and says nothing.
            .fclose_degree(FileCloseDegree::Strong)
            .libver_bounds(LibraryVersion::V110, LibraryVersion::V110);
        if let Some((from, to)) = access.alignment {
            list.alignment(from, to);
        }
        list
    });
    // Without the time, so that the same content is the same bytes.
    builder.with_fcpl(|list| list.obj_track_times(false).userblock(access.user_block));
    Ok(builder)
}

/// Takes over an id that the library has just handed out.
struct Id(hid_t, unsafe extern "C" fn(hid_t) -> i32);

impl Id {
    fn new(id: hdf5::Result<hid_t>, close: unsafe extern "C" fn(hid_t) -> i32) -> Outcome<Self> {
        Ok(Id(id.map_err(refused)?, close))
    }
}

impl Drop for Id {
    fn drop(&mut self) {
        // SAFETY: the id is ours, of the kind that `close` closes, and not used again.
        hdf5::h5lock!(unsafe { (self.1)(self.0) });
    }
}

/// A call to HDF5, under its lock; a negative result becomes the library's error.
macro_rules! call {
    ($call:expr) => {
        hdf5::h5call!($call).map_err(refused)
    };
}

/// What HDF5 did in a transfer, in its own numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) mode: u32,
    /// Why not collectively: bits, of any rank.
    pub(crate) causes: u32,
    /// What was read and cannot be given out.
    pub(crate) invalid: Invalid,
}

/// How a transfer is to be made, and afterwards how it was.
struct Way(Id);

impl Way {
    fn new(collective: bool) -> Outcome<Self> {
        let class = *hdf5::globals::H5P_DATASET_XFER;
        let list = Id::new(hdf5::h5call!(H5Pcreate(class)), H5Pclose)?;
        let mode = if collective {
            H5FD_mpio_xfer_t::H5FD_MPIO_COLLECTIVE
        } else {
            H5FD_mpio_xfer_t::H5FD_MPIO_INDEPENDENT
        };
        call!(H5Pset_dxpl_mpio(list.0, mode))?;
        Ok(Way(list))
    }

    fn done(&self) -> Outcome<Done> {
        let (mut mode, mut local, mut causes) = (0, 0, 0);
        // SAFETY (inside the macro): the list is live, the pointers are to live locals.
        call!(H5Pget_mpio_actual_io_mode(self.0.0, &mut mode))?;
        call!(H5Pget_mpio_no_collective_cause(self.0.0, &mut local, &mut causes))?;
        Ok(Done { mode, causes, invalid: None })
    }
}

/// The block of `count` elements at `start`, as selections in the file and in memory. A rank with nothing still takes part,
/// with nothing selected.
fn selections(dataset: &Dataset, start: &[u64], count: &[u64]) -> Outcome<(Id, Id)> {
    let dims = dataset.ndim();
    if start.len() != dims || count.len() != dims {
        return Err(Failure::Argument(format!(
            "a block of {} dimensions in a dataset of {dims}",
            count.len()
        )));
    }
    let file = Id::new(hdf5::h5call!(H5Dget_space(dataset.id())), H5Sclose)?;
    // At most 32 dimensions, HDF5's limit.
    let memory = Id::new(hdf5::h5call!(H5Screate_simple(dims as i32, count.as_ptr(), null())), H5Sclose)?;
    if count.contains(&0) {
        call!(H5Sselect_none(file.0))?;
        call!(H5Sselect_none(memory.0))?;
    } else if dims > 0 {
        let set = H5S_seloper_t::H5S_SELECT_SET;
        call!(H5Sselect_hyperslab(file.0, set, start.as_ptr(), null(), count.as_ptr(), null()))?;
    }
    Ok((file, memory))
}

/// Number of elements of a block, if that is a number.
fn elements(count: &[u64]) -> Outcome<usize> {
    count
        .iter()
        .try_fold(1usize, |product, &n| product.checked_mul(usize::try_from(n).ok()?))
        .ok_or_else(|| Failure::Argument(format!("a block of {count:?} elements does not fit in memory")))
}

/// An address that HDF5 takes for memory, also of nothing.
static NOTHING: u64 = 0;

/// A block of a dataset, and how it is to be moved.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block<'a> {
    pub(crate) dataset: &'a Dataset,
    pub(crate) start: &'a [u64],
    pub(crate) count: &'a [u64],
    /// Together with all ranks of the file, also those with an empty block; otherwise by this rank alone.
    pub(crate) collective: bool,
}

impl Block<'_> {
    /// Writes this rank's block.
    pub(crate) fn write<T: H5Type + Copy>(&self, of: &Elements, data: &[T]) -> Outcome<Done> {
        self.has(data.len())?;
        let bytes = of.bytes(data)?;
        let (file, memory) = selections(self.dataset, self.start, self.count)?;
        let (way, of) = (Way::new(self.collective)?, hdf5::Datatype::from_type::<T>().map_err(refused)?);
        let start: *const c_void =
            if bytes.is_empty() { (&raw const NOTHING).cast() } else { bytes.as_ptr().cast() };
        // SAFETY (inside the macro): there are as many elements of that type as are selected in memory.
        call!(H5Dwrite(self.dataset.id(), of.id(), memory.0, file.0, way.0.0, start))?;
        way.done()
    }

    /// Reads this rank's block to the end of what is in `room`, converting to `T` as HDF5 does.
    pub(crate) fn read<T: H5Type + Copy>(&self, of: &Elements, room: &mut Room<T>) -> Outcome<Done> {
        let mut done = Done::default();
        let invalid = room.fill(of, elements(self.count)?, |bytes| {
            done = self.read_bytes::<T>(bytes)?;
            Ok(())
        })?;
        Ok(Done { invalid, ..done })
    }

    /// Reads this rank's block into `data`, converting to `T` as HDF5 does.
    pub(crate) fn read_into<T: H5Type + Copy>(&self, of: &Elements, data: &mut [T]) -> Outcome<Done> {
        self.has(data.len())?;
        let mut done = Done::default();
        let invalid = stored::replace(of, data, |bytes| {
            done = self.read_bytes::<T>(bytes)?;
            Ok(())
        })?;
        Ok(Done { invalid, ..done })
    }

    fn has(&self, len: usize) -> Outcome {
        if elements(self.count)? == len {
            return Ok(());
        }
        Err(Failure::Argument(format!("{len} elements for a block of {:?}", self.count)))
    }

    fn read_bytes<T: H5Type>(&self, bytes: &mut [u8]) -> Outcome<Done> {
        if bytes.len() != elements(self.count)?.saturating_mul(size_of::<T>()) {
            return Err(Failure::Argument(format!(
                "room of {} bytes for a block of {:?}",
                bytes.len(),
                self.count
            )));
        }
        let (file, memory) = selections(self.dataset, self.start, self.count)?;
        let (way, of) = (Way::new(self.collective)?, hdf5::Datatype::from_type::<T>().map_err(refused)?);
        let mut nothing = 0u64;
        let start: *mut c_void =
            if bytes.is_empty() { (&raw mut nothing).cast() } else { bytes.as_mut_ptr().cast() };
        // SAFETY (inside the macro): there is room for as many elements of that type as are selected in memory.
        call!(H5Dread(self.dataset.id(), of.id(), memory.0, file.0, way.0.0, start))?;
        way.done()
    }
}

/// Gives a dataset another shape. Collective.
pub(crate) fn resize(dataset: &Dataset, shape: &[usize]) -> Outcome {
    if shape.len() != dataset.ndim() {
        return Err(Failure::Argument(format!("{} lengths for {} axes", shape.len(), dataset.ndim())));
    }
    let shape: Vec<u64> = shape.iter().map(|&len| len as u64).collect();
    call!(H5Dset_extent(dataset.id(), shape.as_ptr()))?;
    Ok(())
}

/// Puts everything that HDF5 still holds into the file. Collective.
pub(crate) fn flush(file: &hdf5::File) -> Outcome {
    call!(H5Fflush(file.id(), H5F_scope_t::H5F_SCOPE_GLOBAL))?;
    Ok(())
}

/// Takes away the attribute of that name, if there is one. Collective.
pub(crate) fn remove_attribute(of: &Location, name: &str) -> Outcome {
    let name = word(name)?;
    if call!(H5Aexists(of.id(), name.as_ptr()))? > 0 {
        call!(H5Adelete(of.id(), name.as_ptr()))?;
    }
    Ok(())
}

/// The bytes of an attribute, as they are in memory.
pub(crate) fn read_bytes_of_attribute(attribute: &hdf5::Attribute, bytes: &mut [u8]) -> Outcome {
    let of = attribute.dtype().map_err(refused)?;
    if of.size().saturating_mul(attribute.size()) != bytes.len() {
        return Err(Failure::Argument(format!("{} bytes for an attribute", bytes.len())));
    }
    // SAFETY (inside the macro): there is room for all its elements, of the type that they have in the file.
    call!(hdf5_sys::h5a::H5Aread(attribute.id(), of.id(), bytes.as_mut_ptr().cast()))?;
    Ok(())
}

/// Whether this library, with its plugins, has a filter.
pub(crate) fn has_filter(id: i32) -> bool {
    hdf5::h5lock!(H5Zfilter_avail(id)) > 0
}

/// Sets room on the disk aside for the first `len` bytes of a file, without making it longer. Whether that was done: not every file
/// system can.
pub(crate) fn set_room_aside(file: &std::fs::File, len: u64) -> std::io::Result<bool> {
    use std::os::fd::AsRawFd;
    let len = libc::off_t::try_from(len).unwrap_or(libc::off_t::MAX);
    // SAFETY: a live file; the call has no memory preconditions.
    if unsafe { libc::fallocate(file.as_raw_fd(), libc::FALLOC_FL_KEEP_SIZE, 0, len) } == 0 {
        return Ok(true);
    }
    let error = std::io::Error::last_os_error();
    match error.raw_os_error() {
        Some(libc::ENOSPC | libc::EDQUOT | libc::EFBIG) => Err(error),
        _ => Ok(false),
    }
}

/// Whether there is a place in a file where nothing has ever been written, as far as the system says.
pub(crate) fn has_gaps(file: &std::fs::File) -> bool {
    use std::os::fd::AsRawFd;
    let Ok(len) = file.metadata().map(|found| found.len()) else { return false };
    // SAFETY: a live file; the call has no memory preconditions.
    let gap = unsafe { libc::lseek(file.as_raw_fd(), 0, libc::SEEK_HOLE) };
    // Behind its end there is always one.
    u64::try_from(gap).is_ok_and(|gap| gap < len)
}

/// How many bytes a new file in a folder can have, as far as the system says.
pub(crate) fn free_space(folder: &std::path::Path) -> Option<u64> {
    use std::os::unix::ffi::OsStrExt;
    let folder = CString::new(folder.as_os_str().as_bytes()).ok()?;
    let mut found = std::mem::MaybeUninit::<libc::statvfs>::zeroed();
    // SAFETY: the string ends in a zero byte, the answer goes to a live local, in which all zeros is valid.
    let found = unsafe {
        if libc::statvfs(folder.as_ptr(), found.as_mut_ptr()) != 0 {
            return None;
        }
        found.assume_init()
    };
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}
