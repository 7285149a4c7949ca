//! HDF5 in parallel: what the `hdf5` crate lacks. Its reads and writes are always independent, and return early on a rank
//! with nothing to move, which in a collective is a hang.

use std::ffi::CString;
use std::ptr::null;

use hdf5::file::{FileCloseDegree, LibraryVersion};
use hdf5::{Dataset, FileBuilder, H5Type};
use hdf5_sys::h5d::{H5Dread, H5Dwrite};
use hdf5_sys::h5i::hid_t;
use hdf5_sys::h5p::{H5FD_mpio_xfer_t, H5Pclose, H5Pcreate, H5Pset_dxpl_mpio};
use hdf5_sys::h5s::{H5S_seloper_t, H5Sclose, H5Screate_simple, H5Sselect_hyperslab, H5Sselect_none};
use mpi::datatype::Equivalence;
use mpi::ffi;
use mpi::raw::AsRaw;

use super::failure::{Failure, Outcome, check};
use super::memory::{self, Received, Sent};

/// What HDF5 said, in one line.
pub(crate) fn refused(error: hdf5::Error) -> Failure {
    Failure::Argument(error.to_string().lines().map(str::trim).collect::<Vec<_>>().join("; "))
}

/// Hints for MPI-IO. Names that the library does not know are ignored by it.
struct Hints(ffi::MPI_Info);

impl Hints {
    fn new(pairs: &[(&str, &str)]) -> Outcome<Self> {
        let word = |text: &str| {
            CString::new(text).map_err(|_| Failure::Argument(format!("a zero byte in the hint {text:?}")))
        };
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

/// How to open or create one file on all ranks of a communicator. Collective, and so is cloning what it returns.
pub(crate) fn parallel<C: AsRaw<Raw = ffi::MPI_Comm>>(
    comm: &C,
    hints: &[(&str, &str)],
) -> Outcome<FileBuilder> {
    super::process::started()?;
    let hints = Hints::new(hints)?;
    let mut builder = hdf5::File::with_options();
    builder.with_fapl(|list| {
        list.mpio(comm.as_raw(), Some(hints.0))
            .all_coll_metadata_ops(true)
            .coll_metadata_write(true)
            // MPI-IO's own degree fails to close a file whose datasets are still open, and says nothing.
            .fclose_degree(FileCloseDegree::Strong)
            .libver_bounds(LibraryVersion::V110, LibraryVersion::V110)
    });
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

/// A collective transfer.
fn collective() -> Outcome<Id> {
    let class = *hdf5::globals::H5P_DATASET_XFER;
    let list = Id::new(hdf5::h5call!(H5Pcreate(class)), H5Pclose)?;
    call!(H5Pset_dxpl_mpio(list.0, H5FD_mpio_xfer_t::H5FD_MPIO_COLLECTIVE))?;
    Ok(list)
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
    let file = Id::new(hdf5::h5call!(hdf5_sys::h5d::H5Dget_space(dataset.id())), H5Sclose)?;
    // At most 32 dimensions, HDF5's limit.
    let memory = Id::new(hdf5::h5call!(H5Screate_simple(dims as i32, count.as_ptr(), null())), H5Sclose)?;
    if count.contains(&0) {
        call!(H5Sselect_none(file.0))?;
        call!(H5Sselect_none(memory.0))?;
    } else {
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

/// Writes this rank's block. Collective over the file's ranks, also with an empty block.
pub(crate) fn write_block<T: Number>(dataset: &Dataset, start: &[u64], count: &[u64], data: &[T]) -> Outcome {
    if elements(count)? != data.len() {
        return Err(Failure::Argument(format!("{} elements for a block of {count:?}", data.len())));
    }
    let (file, memory) = selections(dataset, start, count)?;
    let (list, of) = (collective()?, hdf5::Datatype::from_type::<T>().map_err(refused)?);
    let start = Sent::new(data)?.start();
    // SAFETY (inside the macro): `data` holds as many elements of that type as are selected in memory.
    call!(H5Dwrite(dataset.id(), of.id(), memory.0, file.0, list.0, start))?;
    Ok(())
}

/// Reads this rank's block into `data`, converting to `T` as HDF5 does. Collective over the file's ranks, also with an empty
/// block.
pub(crate) fn read_block<T: Number>(
    dataset: &Dataset,
    start: &[u64],
    count: &[u64],
    data: &mut [T],
) -> Outcome {
    if elements(count)? != data.len() {
        return Err(Failure::Argument(format!("room for {} elements for a block of {count:?}", data.len())));
    }
    let (file, memory) = selections(dataset, start, count)?;
    let (list, of) = (collective()?, hdf5::Datatype::from_type::<T>().map_err(refused)?);
    let start = Received::new(data)?.start();
    // SAFETY (inside the macro): there is room for as many elements of that type as are selected in memory, and whatever
    // bytes HDF5 puts there are a valid number.
    call!(H5Dread(dataset.id(), of.id(), memory.0, file.0, list.0, start))?;
    Ok(())
}

/// Plain numbers, of which every bit pattern is a valid value.
pub trait Number: H5Type + Equivalence + Copy + sealed::Sealed {}

mod sealed {
    pub trait Sealed {}
}

macro_rules! numbers {
    ($($number:ty)*) => {$(
        impl sealed::Sealed for $number {}
        impl Number for $number {}
    )*};
}
numbers!(u8 u16 u32 u64 usize i8 i16 i32 i64 isize f32 f64);

/// `len` zeros, or an error when there is no such room.
pub(crate) fn zeros<T: Number>(len: usize) -> Outcome<Vec<T>> {
    Ok(memory::filled(len, |_| Ok(()))?.0)
}
