//! Errors of MPI in calls that are not made here: of the `mpi` crate, which ignores return codes and would go on with results
//! that were never written. They end the job, with a message that names the rank instead of MPI's own.

use std::ffi::c_int;
use std::mem::MaybeUninit;
use std::sync::OnceLock;

use mpi::ffi;

use super::failure::{Failure, Outcome, check};

/// Says what has happened, and ends the job.
static TELL: OnceLock<fn(&str) -> !> = OnceLock::new();

/// From now on an error on the world, or on a communicator made of it, is told by `tell`. MPI must have been started.
pub(crate) fn tell_by(tell: fn(&str) -> !) -> Outcome {
    if TELL.set(tell).is_ok() {
        super::process::started()?;
        // SAFETY: MPI runs, as just checked; the two are communicators of the library.
        unsafe {
            are_fatal_on(ffi::RSMPI_COMM_WORLD)?;
            are_fatal_on(ffi::RSMPI_COMM_SELF)?;
        }
    }
    Ok(())
}

/// From now on an error on `comm` ends the job: with our words, or, in a program that does without [`tell_by`], MPI's.
///
/// # Safety
/// `comm` is a live communicator.
pub(super) unsafe fn are_fatal_on(comm: ffi::MPI_Comm) -> Outcome {
    if TELL.get().is_none() {
        // SAFETY: the communicator is live, the handler one of the library.
        return check(unsafe { ffi::MPI_Comm_set_errhandler(comm, ffi::RSMPI_ERRORS_ARE_FATAL) });
    }
    let handler: unsafe extern "C" fn(*mut ffi::MPI_Comm, *mut c_int) = on_error;
    // SAFETY: MPI calls the handler with the two arguments that it takes, and others behind them which it leaves alone: on the
    // processors that Linux runs on these two are passed alike to functions with and without further ones. All zeros is a valid
    // handle, written before it is used; MPI keeps the handler as long as a communicator has it.
    unsafe {
        let handler =
            std::mem::transmute::<*const (), ffi::MPI_Comm_errhandler_function>(handler as *const ());
        let mut made: ffi::MPI_Errhandler = MaybeUninit::zeroed().assume_init();
        check(ffi::MPI_Comm_create_errhandler(handler, &mut made))?;
        let set = check(ffi::MPI_Comm_set_errhandler(comm, made));
        ffi::MPI_Errhandler_free(&mut made);
        set
    }
}

unsafe extern "C" fn on_error(_: *mut ffi::MPI_Comm, code: *mut c_int) {
    // SAFETY: MPI hands in the address of its return code.
    let code = unsafe { *code };
    if let (Some(tell), Err(Failure::Mpi { text, .. })) = (TELL.get(), check(code)) {
        tell(&text);
    }
}
