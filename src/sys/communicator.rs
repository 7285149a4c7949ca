//! A communicator of our own: a private duplicate whose errors are returned instead of ending the program.

use std::ffi::c_int;

use mpi::ffi;
use mpi::raw::AsRaw;

use super::failure::{Failure, Outcome, check};
use super::process;

/// A private duplicate of a communicator. Freed when dropped, unless MPI has ended by then.
///
/// Not `Send`: MPI is asked for `MPI_THREAD_FUNNELED`, so only the thread that started it may call.
#[derive(Debug)]
pub(crate) struct Communicator {
    raw: ffi::MPI_Comm,
    pub(crate) rank: usize,
    pub(crate) size: usize,
    _one_thread: std::marker::PhantomData<*const ()>,
}

impl Communicator {
    /// Duplicates `of`. Collective over `of`.
    pub(crate) fn duplicate<C: AsRaw<Raw = ffi::MPI_Comm>>(of: &C) -> Outcome<Self> {
        process::alive()?;
        let mut between_groups: c_int = 0;
        // SAFETY: as below.
        check(unsafe { ffi::MPI_Comm_test_inter(of.as_raw(), &mut between_groups) })?;
        if between_groups != 0 {
            // Its collectives receive from the other group, of another size than this one.
            return Err(Failure::Argument("an inter-communicator: merge it first".into()));
        }
        let (mut rank, mut size): (c_int, c_int) = (0, 0);
        // SAFETY: `AsRaw` promises a live communicator; MPI runs, as just checked; the null handle is a plain value.
        let mut raw = unsafe { ffi::RSMPI_COMM_NULL };
        // SAFETY: as above; the pointers are to live locals, and each handle is used only after its call succeeded.
        unsafe {
            check(ffi::MPI_Comm_dup(of.as_raw(), &mut raw))?;
            check(ffi::MPI_Comm_set_errhandler(raw, ffi::RSMPI_ERRORS_RETURN))?;
            check(ffi::MPI_Comm_rank(raw, &mut rank))?;
            check(ffi::MPI_Comm_size(raw, &mut size))?;
        }
        let not_negative =
            |n: c_int| usize::try_from(n).map_err(|_| Failure::Argument(format!("a rank or size of {n}")));
        let (rank, size) = (not_negative(rank)?, not_negative(size)?);
        Ok(Communicator { raw, rank, size, _one_thread: std::marker::PhantomData })
    }

    /// The handle, for a call that is made while `self` lives.
    pub(super) fn raw(&self) -> ffi::MPI_Comm {
        self.raw
    }
}

impl Drop for Communicator {
    fn drop(&mut self) {
        // Not on the way out of a panic: freeing is collective, and the others may be elsewhere.
        if process::alive().is_ok() && !std::thread::panicking() {
            // SAFETY: the handle is ours, live, and not used again. Errors cannot be reported from here.
            unsafe { ffi::MPI_Comm_free(&mut self.raw) };
        }
    }
}
