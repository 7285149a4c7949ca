//! [`Group`]: a folder inside a file.

use std::mem::ManuallyDrop;

use hdf5::H5Type;

use super::attribute::{self, Attribute};
use super::hdf5_file::agree_on_handle;
use super::sight::same_everywhere;
use super::{Dataset, File, Storage};
use crate::error::Result;
use crate::sys;

/// A group of a [`File`]: what a folder is to a disk. Names inside it may be paths, as `grid/x`.
///
/// ```
/// # use rankwise::file::{File, Storage};
/// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
/// # let path = std::env::temp_dir().join(format!("rankwise-doc-group-{}.h5", std::process::id()));
/// let file = File::create(world, &path)?;
/// let run = file.create_group("runs/first")?;
/// run.set_attribute("temperature", 300.0)?;
/// run.create_dataset::<f64>("energy", &[100], &Storage::default())?;
/// assert_eq!(file.names("runs/first")?, ["energy"]);
/// file.close()?;
/// # std::fs::remove_file(&path)?;
/// # Ok(()) }) }
/// ```
#[derive(Debug, Clone)]
pub struct Group<'f> {
    file: &'f File<'f>,
    /// From the root, without a slash at its end.
    path: String,
}

impl<'f> Group<'f> {
    /// Its path in the file; that of the root is `/`.
    pub fn path(&self) -> &str {
        if self.path.is_empty() { "/" } else { &self.path }
    }

    /// The file it is in.
    pub fn file(&self) -> &'f File<'f> {
        self.file
    }

    /// As [`File::create_group`], in this group.
    ///
    /// # Collective
    /// All ranks must call this, with the same name.
    ///
    /// # Errors
    /// As [`File::create_group`].
    #[track_caller]
    pub fn create_group(&self, name: &str) -> Result<Group<'f>> {
        let path = self.path_of(name);
        same_everywhere(self.file.comm(), &path, "name of the group")?;
        let made = make_groups(self.file.handle(), &path, true);
        let made = made.map_err(|error| {
            self.file.failed(&format!("cannot create group {path}"), sys::hdf5::refused(error))
        });
        self.file.comm().agree(made)?;
        Ok(Group { file: self.file, path })
    }

    /// As [`File::group`], in this group.
    ///
    /// # Collective
    /// All ranks must call this, with the same name.
    ///
    /// # Errors
    /// As [`File::group`].
    #[track_caller]
    pub fn group(&self, name: &str) -> Result<Group<'f>> {
        let path = self.path_of(name);
        same_everywhere(self.file.comm(), &path, "name of the group")?;
        let found = Group { file: self.file, path };
        self.file.comm().agree(found.handle().map(|_| ()))?;
        Ok(found)
    }

    /// The names of what is in it, sorted.
    ///
    /// # Collective
    /// All ranks must call this.
    ///
    /// # Errors
    /// On all ranks alike, when HDF5 cannot read it.
    #[track_caller]
    pub fn names(&self) -> Result<Vec<String>> {
        same_everywhere(self.file.comm(), &self.path, "name of the group")?;
        let names = self.handle().and_then(|group| {
            group
                .member_names()
                .map_err(|error| self.file.failed("cannot list its names", sys::hdf5::refused(error)))
        });
        let mut names = self.file.comm().agree(names)?;
        names.sort();
        Ok(names)
    }

    /// Takes away a dataset or a group, with all that is in it. Its room in the file is not given back.
    ///
    /// # Collective
    /// All ranks must call this, with the same name.
    ///
    /// # Errors
    /// On all ranks alike, when there is none of that name, or the file is not writable.
    #[track_caller]
    pub fn remove(&self, name: &str) -> Result<()> {
        let path = self.path_of(name);
        same_everywhere(self.file.comm(), &path, "name to be removed")?;
        let removed = self.file.handle().unlink(&path);
        self.file.comm().agree(
            removed.map_err(|error| {
                self.file.failed(&format!("cannot remove {path}"), sys::hdf5::refused(error))
            }),
        )
    }

    /// As [`File::create_dataset`], in this group.
    ///
    /// # Collective
    /// All ranks must call this, with the same arguments.
    ///
    /// # Errors
    /// As [`File::create_dataset`].
    #[track_caller]
    pub fn create_dataset<T: H5Type + Copy>(
        &self,
        name: &str,
        shape: &[usize],
        storage: &Storage,
    ) -> Result<Dataset<'f>> {
        Dataset::create::<T>(self.file, &self.path_of(name), shape, storage)
    }

    /// As [`File::dataset`], in this group.
    ///
    /// # Collective
    /// All ranks must call this, with the same name.
    ///
    /// # Errors
    /// As [`File::dataset`].
    #[track_caller]
    pub fn dataset(&self, name: &str) -> Result<Dataset<'f>> {
        Dataset::open(self.file, &self.path_of(name), name)
    }

    /// Sets an attribute of this group; one that is there already is replaced.
    ///
    /// # Collective
    /// All ranks must call this, with the same value: anything else is an error on all of them.
    ///
    /// # Errors
    /// On all ranks alike, when the file is not writable.
    #[track_caller]
    pub fn set_attribute(&self, name: &str, value: impl Into<Attribute>) -> Result<()> {
        same_everywhere(self.file.comm(), &self.path, "name of the group")?;
        let group = agree_on_handle(self.file.comm(), self.handle())?;
        attribute::set(self.file, &group, self.path(), name, value.into())
    }

    /// An attribute of this group, if there is one of that name.
    ///
    /// # Collective
    /// All ranks must call this, with the same name.
    ///
    /// # Errors
    /// On all ranks alike, when it is of a kind that [`Attribute`] does not have.
    #[track_caller]
    pub fn attribute(&self, name: &str) -> Result<Option<Attribute>> {
        same_everywhere(self.file.comm(), &self.path, "name of the group")?;
        let group = agree_on_handle(self.file.comm(), self.handle())?;
        attribute::get(self.file, &group, self.path(), name)
    }

    fn handle(&self) -> Result<ManuallyDrop<hdf5::Group>> {
        let found = self.file.handle().group(self.path());
        found
            .map(ManuallyDrop::new)
            .map_err(|_| self.file.error(format!("there is no group {}", self.path())))
    }

    /// A name of this group, or one that begins with a slash, as a path from the root.
    fn path_of(&self, name: &str) -> String {
        let base = if name.starts_with('/') { "" } else { &self.path };
        let mut path = base.to_owned();
        for part in name.split('/').filter(|part| !part.is_empty()) {
            path.push('/');
            path.push_str(part);
        }
        path
    }
}

/// Makes the groups on the way to `path` that are not there; also the last, which must not be there, if it is one.
pub(super) fn make_groups(file: &hdf5::File, path: &str, last: bool) -> hdf5::Result<()> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let mut so_far = String::new();
    for (k, part) in parts.iter().enumerate() {
        so_far.push('/');
        so_far.push_str(part);
        let is_last = k + 1 == parts.len();
        if is_last && !last {
            break;
        }
        if is_last || !file.link_exists(&so_far) {
            let group = file.create_group_builder().obj_track_times(false).create(so_far.as_str())?;
            std::mem::forget(group);
        }
    }
    if parts.is_empty() && last { Err("it has no name".into()) } else { Ok(()) }
}

impl<'c> File<'c> {
    /// The group that everything is in.
    pub fn root(&self) -> Group<'_> {
        Group { file: self, path: String::new() }
    }

    /// A new group. Those on the way to it are made where they are not there.
    ///
    /// # Collective
    /// All ranks must call this, with the same name.
    ///
    /// # Errors
    /// On all ranks alike, when the name is taken or the file is not writable.
    #[track_caller]
    pub fn create_group(&self, name: &str) -> Result<Group<'_>> {
        self.root().create_group(name)
    }

    /// The group of that name.
    ///
    /// # Collective
    /// All ranks must call this, with the same name.
    ///
    /// # Errors
    /// On all ranks alike, when there is none.
    #[track_caller]
    pub fn group(&self, name: &str) -> Result<Group<'_>> {
        self.root().group(name)
    }

    /// The names of what is in a group, sorted; in the file, if it is `/`.
    ///
    /// # Collective
    /// All ranks must call this, with the same name.
    ///
    /// # Errors
    /// On all ranks alike, when there is no such group.
    #[track_caller]
    pub fn names(&self, group: &str) -> Result<Vec<String>> {
        self.root().group(group)?.names()
    }

    /// Takes away a dataset or a group, with all that is in it. Its room in the file is not given back.
    ///
    /// # Collective
    /// All ranks must call this, with the same name.
    ///
    /// # Errors
    /// On all ranks alike, when there is none of that name, or the file is not writable.
    #[track_caller]
    pub fn remove(&self, name: &str) -> Result<()> {
        self.root().remove(name)
    }

    /// A new dataset of elements `T`: numbers, `bool`, complex numbers, texts of fixed length ([`types`](super::types)), arrays
    /// of these, and structs and enums that derive [`H5Type`]. The name may be a path; groups on the way are made.
    ///
    /// Without [`zeroed`](Storage::zeroed), what no rank writes is undefined.
    ///
    /// # Collective
    /// All ranks must call this, with the same arguments: anything else is an error on all of them.
    ///
    /// # Errors
    /// On all ranks alike, when the name is taken, the shape is impossible, this HDF5 does not have a filter, or the disk has no
    /// room for it.
    ///
    /// ```
    /// # use rankwise::file::{File, Storage};
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// # let path = std::env::temp_dir().join(format!("rankwise-doc-struct-{}.h5", std::process::id()));
    /// use rankwise::hdf5; // the derive looks for a crate hdf5-metno in Cargo.toml
    ///
    /// #[derive(Clone, Copy, Debug, PartialEq, hdf5::H5Type)]
    /// #[repr(C)]
    /// struct Star {
    ///     name: hdf5::types::FixedUnicode<8>,
    ///     position: [f64; 2],
    ///     variable: bool,
    /// }
    /// let star = Star { name: "Mira".parse()?, position: [34.8, -3.0], variable: true };
    /// let file = File::create(world, &path)?;
    /// let stars = file.create_dataset::<Star>("stars", &[1], &Storage::default())?;
    /// stars.write_rows(0, &rankwise::ndarray::Array1::from_elem(usize::from(world.is_root()), star))?;
    /// assert_eq!(stars.read_rows::<Star>(0..1)?[[0]], star);
    /// file.close()?;
    /// # std::fs::remove_file(&path)?;
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn create_dataset<T: H5Type + Copy>(
        &self,
        name: &str,
        shape: &[usize],
        storage: &Storage,
    ) -> Result<Dataset<'_>> {
        self.root().create_dataset::<T>(name, shape, storage)
    }

    /// The dataset of that name.
    ///
    /// # Collective
    /// All ranks must call this, with the same name.
    ///
    /// # Errors
    /// On all ranks alike, when there is none of that name; the message lists those that are there.
    #[track_caller]
    pub fn dataset(&self, name: &str) -> Result<Dataset<'_>> {
        self.root().dataset(name)
    }
}
