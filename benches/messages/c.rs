//! The C functions of messages.c: compiled by the MPI's own wrapper, loaded into this process, called with checked buffers.
#![expect(unsafe_code, reason = "a library is loaded and its functions are called")]

use std::ffi::{CStr, c_char, c_int};
use std::path::Path;
use std::process::Command;

use clap::ValueEnum;
use libloading::Library;

use crate::Outcome;
use crate::measure::Buffers;
use crate::operation::Operation;

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/messages/messages.c");

type Start = unsafe extern "C" fn();
type Version = unsafe extern "C" fn(*mut c_char);
type Loop = unsafe extern "C" fn(*mut f64, *mut f64, c_int, c_int);

/// Compiles messages.c, and says with which command.
pub(crate) fn compile(to: &Path) -> Outcome<String> {
    let mpicc = std::env::var("MPICC").unwrap_or_else(|_| "mpicc".into());
    let mut command = Command::new(&mpicc);
    command.args(["-O2", "-shared", "-fPIC", SOURCE, "-o"]).arg(to);
    let ended = command.output().map_err(|error| format!("cannot start {mpicc} (from $MPICC): {error}"))?;
    if !ended.status.success() {
        return Err(
            format!("{mpicc} (from $MPICC) fails:\n{}", String::from_utf8_lossy(&ended.stderr)).into()
        );
    }
    Ok(format!("{mpicc} -O2"))
}

/// The library, in this process.
pub(crate) struct C {
    /// Found before anything is timed; the flag is for those that allocate. They stay as long as the library does.
    functions: Vec<(Operation, bool, Loop)>,
    _library: Library,
}

impl C {
    /// Collective: it makes a communicator of its own.
    pub(crate) fn load(path: &Path) -> Outcome<Self> {
        // SAFETY: nothing runs when it is loaded; it was compiled from messages.c by this program.
        let library = unsafe { Library::new(path) }?;
        let (theirs, ours) = (version(&library)?, mpi::environment::library_version()?);
        // The crate's ends with the zero of C.
        let ours = ours.trim_end_matches('\0');
        if theirs != ours {
            return Err(format!("$MPICC is of another MPI: {theirs}\nthis program uses: {ours}").into());
        }
        // SAFETY: it is of that type, and MPI runs.
        unsafe { library.get::<Start>(b"messages_start\0")?() };
        let mut functions = Vec::new();
        for &operation in Operation::value_variants() {
            for allocating in [false, true] {
                let name = operation.name() + if allocating { "\0" } else { "_into\0" };
                // SAFETY: messages.c has that function, of that type.
                functions.push((operation, allocating, unsafe { *library.get::<Loop>(name.as_bytes())? }));
            }
        }
        Ok(C { functions, _library: library })
    }

    /// `times` calls of the function of that name; `allocating` the one that makes its result itself.
    pub(crate) fn run(
        &self,
        operation: Operation,
        buffers: &mut Buffers,
        times: usize,
        allocating: bool,
        keep: bool,
    ) -> Outcome {
        let function = self.functions.iter().find(|known| (known.0, known.1) == (operation, allocating));
        let &(_, _, function) = function.ok_or("an operation that is not in messages.c")?;
        let (count, times) = (c_int::try_from(buffers.count)?, c_int::try_from(times)?);
        let (given, received) = buffers.parts();
        let received = if allocating && !keep { std::ptr::null_mut() } else { received.as_mut_ptr() };
        // SAFETY: the library is there. `Buffers` are as long as the operation needs them for `count` on this communicator,
        // which is the world. What is given is not written, although MPI_Bcast's type says so: that call gets what is received.
        unsafe { function(given.as_ptr().cast_mut(), received, count, times) };
        Ok(())
    }
}

/// Of the MPI that the library has brought along; before anything else of it is called.
fn version(library: &Library) -> Outcome<String> {
    let mut text = [0; mpi::ffi::MPI_MAX_LIBRARY_VERSION_STRING as usize];
    // SAFETY: MPI_Get_library_version writes at most that many characters, with a zero at the end.
    let text = unsafe {
        library.get::<Version>(b"messages_library\0")?(text.as_mut_ptr());
        CStr::from_ptr(text.as_ptr())
    };
    Ok(text.to_str()?.to_owned())
}
