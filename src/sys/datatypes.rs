//! Element types: how MPI sees a Rust type, and memory for elements that MPI will write.

use std::alloc::{Layout, alloc_zeroed};
use std::ffi::c_void;
use std::mem::size_of;

use mpi::datatype::Equivalence;
use mpi::ffi;
use mpi::raw::AsRaw;

use super::failure::{Failure, Outcome, check, count};

/// The MPI datatype of `T`, kept alive for as long as this value.
pub(super) struct TypeOf<T: Equivalence>(T::Out);

impl<T: Equivalence> TypeOf<T> {
    pub(super) fn new() -> Self {
        TypeOf(T::equivalent_datatype())
    }

    pub(super) fn raw(&self) -> ffi::MPI_Datatype
    where
        T::Out: AsRaw<Raw = ffi::MPI_Datatype>,
    {
        self.0.as_raw()
    }
}

/// A datatype of `bytes` uninterpreted bytes, for values that travel as they lie in memory.
pub(super) struct Bytes(ffi::MPI_Datatype);

impl Bytes {
    pub(super) fn of<T>() -> Outcome<Self> {
        let size = count(size_of::<T>())?;
        // SAFETY: the pointers are to a live local; the handle is used only after the calls that make it.
        unsafe {
            let mut raw = ffi::RSMPI_DATATYPE_NULL;
            check(ffi::MPI_Type_contiguous(size, ffi::RSMPI_UINT8_T, &mut raw))?;
            let made = Bytes(raw);
            check(ffi::MPI_Type_commit(&mut raw))?;
            Ok(made)
        }
    }

    pub(super) fn raw(&self) -> ffi::MPI_Datatype {
        self.0
    }
}

impl Drop for Bytes {
    fn drop(&mut self) {
        // SAFETY: the handle is ours and not used again.
        unsafe { ffi::MPI_Type_free(&mut self.0) };
    }
}

/// Room for `len` elements, its bytes zero: what MPI does not write is not uninitialised, and the system hands out large
/// zeroed blocks without touching them. Fails when there is no such room, instead of ending the program.
pub(crate) fn room<T>(len: usize) -> Outcome<Vec<std::mem::MaybeUninit<T>>> {
    let none = || {
        Failure::Argument(format!(
            "no memory for {len} elements of {} ({} bytes each)",
            name::<T>(),
            size_of::<T>()
        ))
    };
    let layout = Layout::array::<T>(len).map_err(|_| none())?;
    if layout.size() == 0 {
        return Ok((0..len).map(|_| std::mem::MaybeUninit::uninit()).collect());
    }
    // SAFETY: the layout's size is not zero.
    let start = unsafe { alloc_zeroed(layout) }.cast::<std::mem::MaybeUninit<T>>();
    if start.is_null() {
        return Err(none());
    }
    // SAFETY: allocated just now by the global allocator, with the layout of an array of `len`; any bytes are a valid
    // `MaybeUninit`.
    Ok(unsafe { Vec::from_raw_parts(start, len, len) })
}

/// The elements of a [`room`] that a successful MPI call has filled.
///
/// # Safety
/// Every element was written with a valid value.
pub(super) unsafe fn filled<T>(room: Vec<std::mem::MaybeUninit<T>>) -> Vec<T> {
    let mut room = std::mem::ManuallyDrop::new(room);
    // SAFETY: `MaybeUninit<T>` has the layout of `T`; the elements are valid, by this function's contract.
    unsafe { Vec::from_raw_parts(room.as_mut_ptr().cast(), room.len(), room.capacity()) }
}

/// Where MPI finds what is sent. The address of an empty slice means nothing, but MPI looks at it: Open MPI takes 1, where
/// Rust keeps no bytes, for MPI_IN_PLACE, and equal addresses of input and result for a mistake. This one is neither.
pub(super) fn from<T>(slice: &[T]) -> *const c_void {
    if size_of_val(slice) == 0 { std::ptr::without_provenance(2048) } else { slice.as_ptr().cast() }
}

/// Where MPI puts what is received; see [`from`].
pub(super) fn into<T>(slice: &mut [T]) -> *mut c_void {
    if size_of_val(slice) == 0 { std::ptr::without_provenance_mut(4096) } else { slice.as_mut_ptr().cast() }
}

/// A type's name without its path: `f64`, `Point`.
pub(crate) fn name<T>() -> &'static str {
    let path = std::any::type_name::<T>();
    path.rsplit("::").next().unwrap_or(path)
}
