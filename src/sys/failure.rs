//! What a call below the fence may say instead of succeeding, and MPI's return codes as such.

use std::ffi::{c_char, c_int};

use mpi::ffi;

/// Why a call was refused: by our checks, or by MPI.
#[derive(Debug)]
pub enum Failure {
    Argument(String),
    Mpi { class: i32, text: String },
}

impl Failure {
    /// What it says.
    pub(crate) fn words(self) -> String {
        match self {
            Failure::Argument(words) | Failure::Mpi { text: words, .. } => words,
        }
    }
}

pub(crate) type Outcome<T = ()> = Result<T, Failure>;

/// MPI's return code as an [`Outcome`].
#[inline]
pub(crate) fn check(code: c_int) -> Outcome {
    if code == ffi::MPI_SUCCESS as c_int { Ok(()) } else { Err(explain(code)) }
}

#[cold]
fn explain(code: c_int) -> Failure {
    let mut class = code;
    // MPI_MAX_ERROR_STRING is 256 on Open MPI and 512 on MPICH; a longer one would be against the standard's constant,
    // so this leaves room.
    let mut text = [0 as c_char; 4096];
    let mut length: c_int = 0;
    // SAFETY: both calls write through pointers to live locals; the text is larger than either library's maximum.
    unsafe {
        ffi::MPI_Error_class(code, &mut class);
        ffi::MPI_Error_string(code, text.as_mut_ptr(), &mut length);
    }
    let length = usize::try_from(length).unwrap_or(0).min(text.len());
    let bytes: Vec<u8> = text[..length].iter().map(|&c| c as u8).collect();
    let text = String::from_utf8_lossy(&bytes).lines().map(str::trim).collect::<Vec<_>>().join("; ");
    Failure::Mpi { class, text }
}
