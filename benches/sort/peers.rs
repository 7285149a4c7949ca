//! What is compared with: C with MPI, and sorts of one process.
#![expect(unsafe_code, reason = "libraries are loaded and their functions are called")]

use std::ffi::{c_char, c_int, c_long, c_void};
use std::path::Path;
use std::process::Command;

use libloading::Library;

use crate::Outcome;
use crate::data::Sorted;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/sort/");

type OverRanks = unsafe extern "C" fn(*const c_void, c_long, c_int, *mut c_long) -> *mut c_void;
type Local = unsafe extern "C" fn(*mut c_void, c_long, c_int);
type Version = unsafe extern "C" fn(*mut c_char);

/// Compiles a file of this folder to a library; says with which command.
pub(crate) fn compile(compiler: &str, source: &str, to: &Path) -> Outcome<String> {
    let mut command = Command::new(compiler);
    command
        .args(["-O3", "-march=native", "-shared", "-fPIC"])
        .arg(format!("{FOLDER}{source}"))
        .arg("-o")
        .arg(to);
    let ended = command.output().map_err(|error| format!("cannot start {compiler}: {error}"))?;
    if !ended.status.success() {
        return Err(format!("{compiler} fails:\n{}", String::from_utf8_lossy(&ended.stderr)).into());
    }
    Ok(format!("{compiler} -O3 -march=native"))
}

/// sort.c, in this process.
pub(crate) struct C {
    merge_split: OverRanks,
    sample_sort: OverRanks,
    _library: Library,
}

impl C {
    pub(crate) fn load(path: &str) -> Outcome<Self> {
        // SAFETY: nothing runs when it is loaded; it was compiled from sort.c by this program, which has functions of these types.
        unsafe {
            let library = Library::new(path)?;
            let mut text = vec![0u8; 8192];
            library.get::<Version>(b"sort_version\0")?(text.as_mut_ptr().cast());
            let theirs = String::from_utf8_lossy(&text);
            let ours = rankwise::mpi::environment::library_version()?;
            if theirs.trim_end_matches('\0') != ours.trim_end_matches('\0') {
                return Err("$MPICC is of another MPI than this program".into());
            }
            let merge_split = *library.get::<OverRanks>(b"merge_split\0")?;
            let sample_sort = *library.get::<OverRanks>(b"sample_sort\0")?;
            Ok(C { merge_split, sample_sort, _library: library })
        }
    }

    pub(crate) fn merge_split<T: Sorted>(&self, keys: &[T], of: c_int) -> usize {
        call(self.merge_split, keys, of)
    }

    pub(crate) fn sample_sort<T: Sorted>(&self, keys: &[T], of: c_int) -> usize {
        call(self.sample_sort, keys, of)
    }
}

/// How many keys it gives.
fn call<T>(function: OverRanks, keys: &[T], of: c_int) -> usize {
    let mut len = 0;
    // SAFETY: it reads as many keys of that type, and gives memory from malloc. All ranks call the same.
    unsafe {
        let result = function(keys.as_ptr().cast(), keys.len() as c_long, of, &mut len);
        libc_free(result);
    }
    usize::try_from(len).unwrap_or(0)
}

unsafe extern "C" {
    #[link_name = "free"]
    fn libc_free(memory: *mut c_void);
}

/// std_sort.cpp, in this process.
pub(crate) struct Cpp(
    Local,
    #[expect(dead_code, reason = "the function stays as long as its library")] Library,
);

impl Cpp {
    pub(crate) fn load(path: &str) -> Outcome<Self> {
        // SAFETY: nothing runs when it is loaded; it was compiled from std_sort.cpp by this program, which has a function of this type.
        unsafe {
            let library = Library::new(path)?;
            let function = *library.get::<Local>(b"std_sort\0")?;
            Ok(Cpp(function, library))
        }
    }

    pub(crate) fn sort<T: Sorted>(&self, keys: &mut [T], of: c_int) {
        // SAFETY: it sorts as many keys of that type in place.
        unsafe { (self.0)(keys.as_mut_ptr().cast(), keys.len() as c_long, of) }
    }
}
