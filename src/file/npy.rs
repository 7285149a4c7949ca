//! Arrays as NumPy saves them: `.npy` files, read and written by one rank.
//!
//! Their format has one writer. To write from all ranks, use HDF5, or [`gather`](crate::array::DistArray::gather) to the root; to deal
//! out what the root has read, [`from_root`](crate::array::DistArray::from_root).
//!
//! ```
//! # use rankwise::file::npy;
//! # use rankwise::array::{DistArray, Layout};
//! # fn main() -> std::process::ExitCode { rankwise::run(|world| {
//! # let path = std::env::temp_dir().join(format!("rankwise-doc-npy-{}.npy", std::process::id()));
//! use rankwise::ndarray::{Array2, Ix2};
//!
//! world.on_root(|| Ok(npy::write(&path, &Array2::from_elem((4, 3), 0.5))?))?;
//! let whole: Option<Array2<f64>> = world.on_root(|| Ok(npy::read(&path)?))?;
//! let spread = DistArray::from_root(&Layout::rows(world, [4, 3])?, 0, whole.as_ref())?;
//! assert_eq!(spread.sum()?, 6.0);
//! # world.on_root(|| Ok(std::fs::remove_file(&path)?))?;
//! # Ok(()) }) }
//! ```

use std::path::Path;

use ndarray::{Array, ArrayBase, Data, Dimension};
use ndarray_npy::{ReadNpyExt, ReadableElement, WritableElement, WriteNpyExt};

use super::write_whole;
use crate::error::{Error, Result};

/// The array in a `.npy` file.
///
/// # Errors
/// When it cannot be read, or has other elements or another number of axes.
pub fn read<T: ReadableElement, D: Dimension>(path: impl AsRef<Path>) -> Result<Array<T, D>> {
    let path = path.as_ref();
    let no = |why: String| Error::file(path, format!("cannot read: {why}"));
    let file = std::fs::File::open(path).map_err(|error| no(error.to_string()))?;
    let array = Array::read_npy(std::io::BufReader::new(file));
    array.map_err(|error| no(format!("not an array of {}: {error}", crate::sys::memory::name::<T>())))
}

/// Writes an array to a `.npy` file, which appears under its name when it is whole. The bytes are made in memory first.
///
/// # Errors
/// When it cannot be written.
pub fn write<T: WritableElement, S: Data<Elem = T>, D: Dimension>(
    path: impl AsRef<Path>,
    array: &ArrayBase<S, D>,
) -> Result<()> {
    let (path, mut bytes) = (path.as_ref(), Vec::new());
    array.write_npy(&mut bytes).map_err(|error| Error::file(path, format!("cannot write: {error}")))?;
    write_whole(path, &bytes)
}
