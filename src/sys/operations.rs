//! How elements are combined in a reduction: MPI's own operations, and those that also keep the place.

use std::any::TypeId;
use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::{c_int, c_void};

use mpi::ffi;

use super::failure::{Outcome, check};

/// A reduction. Which of them fit which element type is said, and checked, where they have names.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Operation {
    Sum,
    Product,
    Min,
    Max,
    LogicalAnd,
    LogicalOr,
    LogicalXor,
    BitAnd,
    BitOr,
    BitXor,
    /// One that [`combining`] made.
    Own(Own),
}

/// An operation that is not MPI's own, for elements of one type.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Own(ffi::MPI_Op);

impl Operation {
    #[inline]
    pub(super) fn raw(self) -> ffi::MPI_Op {
        // SAFETY: constants of the library, read only.
        unsafe {
            match self {
                Operation::Sum => ffi::RSMPI_SUM,
                Operation::Product => ffi::RSMPI_PROD,
                Operation::Min => ffi::RSMPI_MIN,
                Operation::Max => ffi::RSMPI_MAX,
                Operation::LogicalAnd => ffi::RSMPI_LAND,
                Operation::LogicalOr => ffi::RSMPI_LOR,
                Operation::LogicalXor => ffi::RSMPI_LXOR,
                Operation::BitAnd => ffi::RSMPI_BAND,
                Operation::BitOr => ffi::RSMPI_BOR,
                Operation::BitXor => ffi::RSMPI_BXOR,
                Operation::Own(Own(raw)) => raw,
            }
        }
    }
}

/// A reduction of our own: `combine` writes into its second argument, is associative and commutative, and never panics.
/// Implemented in this crate only, for a marker that stands for elements of plain numbers.
pub(crate) trait Combine: 'static {
    type Element: Copy + 'static;
    fn combine(theirs: &Self::Element, ours: &mut Self::Element);
}

thread_local! {
    /// The operations made so far, by marker. They live as long as MPI does, as the entries do.
    static TABLE: RefCell<HashMap<TypeId, Own>> = RefCell::new(HashMap::new());
}

/// Frees the operations that were made here, before MPI ends.
pub(crate) fn free_all() {
    for (_, Own(mut raw)) in TABLE.take() {
        // SAFETY: ours, live, and not used again, since the table forgets it.
        unsafe { ffi::MPI_Op_free(&mut raw) };
    }
}

/// The operation of a [`Combine`]; made once.
pub(crate) fn combining<C: Combine>() -> Outcome<Operation> {
    unsafe extern "C" fn call<C: Combine>(
        theirs: *mut c_void,
        ours: *mut c_void,
        len: *mut c_int,
        _of: *mut ffi::MPI_Datatype,
    ) {
        // SAFETY: MPI hands over `len` elements of the datatype that was reduced, that is, of `C::Element`, which need not be
        // aligned in its buffers: hence the unaligned reads and writes. They are plain numbers, valid whatever their bytes.
        unsafe {
            let (theirs, ours) = (theirs.cast::<C::Element>(), ours.cast::<C::Element>());
            for i in 0..usize::try_from(*len).unwrap_or(0) {
                let mut mine = ours.add(i).read_unaligned();
                C::combine(&theirs.add(i).read_unaligned(), &mut mine);
                ours.add(i).write_unaligned(mine);
            }
        }
    }
    let known = TABLE.with_borrow(|table| table.get(&TypeId::of::<C>()).copied());
    if let Some(own) = known {
        return Ok(Operation::Own(own));
    }
    // SAFETY: the handle is used only after the call that makes it; the function does not unwind into C.
    let own = unsafe {
        let mut raw = std::mem::zeroed::<ffi::MPI_Op>();
        check(ffi::MPI_Op_create(Some(call::<C>), 1, &mut raw))?;
        Own(raw)
    };
    TABLE.with_borrow_mut(|table| table.insert(TypeId::of::<C>(), own));
    Ok(Operation::Own(own))
}
