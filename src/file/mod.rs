//! One HDF5 file, written and read by all ranks, that looks as if one program had written it.
//!
//! A dataset remembers nothing about ranks: what 4 ranks write, 7 ranks read, and h5py, and `h5dump`. Everything that could
//! fail on one rank only is checked before the ranks enter HDF5 together, so that a mistake is the same error on all ranks
//! and not a hang. The guide for users is `docs/files.md`.
//!
//! # Who must call what
//!
//! | | collective | alone |
//! |---|---|---|
//! | a file | [`create`](File::create), [`create_new`](File::create_new), [`open`](File::open), [`open_rw`](File::open_rw), [`flush`](File::flush), [`close`](File::close), [`discard`](File::discard) | `path` |
//! | groups | [`create_group`](File::create_group), [`group`](File::group), [`names`](File::names), [`remove`](File::remove) | `path` |
//! | datasets | [`create_dataset`](File::create_dataset), [`dataset`](File::dataset), [`append`](Dataset::append), [`resize`](Dataset::resize) | `shape`, `element`, `name` |
//! | blocks | [`write_rows`](Dataset::write_rows), [`write_block`](Dataset::write_block), [`read_rows`](Dataset::read_rows), [`read_block`](Dataset::read_block), [`read_into`](Dataset::read_into) | the same, after [`independent`](Dataset::independent) |
//! | attributes | [`set_attribute`](File::set_attribute), [`attribute`](File::attribute), [`text`](File::text) | |
//!
//! Beside HDF5 there are [`npy`] and [`csv`], which one rank reads or writes, [`write_whole`], and [`Comm::stage`](crate::Comm::stage), a
//! copy on each node. Without the feature `h5` these
//! are all there is.

#[cfg(feature = "h5")]
mod attribute;
pub mod csv;
#[cfg(feature = "h5")]
mod dataset;
#[cfg(feature = "h5")]
mod group;
#[cfg(feature = "h5")]
mod hdf5_file;
pub mod npy;
#[cfg(feature = "h5")]
mod options;
#[cfg(feature = "h5")]
mod rounds;
#[cfg(feature = "h5")]
mod sight;
mod stage;
#[cfg(feature = "h5")]
mod storage;
mod totals;
#[cfg(feature = "h5")]
mod transfer;
mod whole;

pub use crate::sys::number::Number;
pub use stage::Staged;
pub(crate) use stage::remove_staged;
pub(crate) use totals::totals;
pub(crate) use whole::{behind_links, beside, comes_in_sight, folder_of, mark, may_create, unmark};
pub use whole::{check_new, write_whole};
#[cfg(feature = "h5")]
pub use {
    attribute::Attribute,
    dataset::Dataset,
    group::Group,
    hdf5::{H5Type, types},
    hdf5_file::File,
    options::{Hints, Options},
    storage::Storage,
    transfer::{TransferMode, TransferReport},
};
#[cfg(feature = "h5")]
pub(crate) use {
    hdf5_file::{is_broken, nothing_forgotten},
    sight::same_everywhere,
    totals::count,
};

/// Nothing can be.
#[cfg(not(feature = "h5"))]
pub(crate) fn nothing_forgotten() -> crate::Result<()> {
    Ok(())
}

/// It cannot be.
#[cfg(not(feature = "h5"))]
pub(crate) fn is_broken() -> bool {
    false
}
