//! Where a permuted corpus goes: files that all ranks write at once, and that appear when all of it is there.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use crate::comm::Comm;
use crate::error::{Error, Result};
use crate::file;
use crate::sys::disk;

/// A key belongs to the cell of its first 16 bits. Shards are cut between cells.
pub(super) const CELLS: usize = 1 << 16;

/// How copies become files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// All copies in one text file, one after the other.
    Text(PathBuf),
    /// A text file for each copy.
    Split(Vec<PathBuf>),
    /// Text files of about equal size. All copies, one after the other, are cut where a unit's key has other first 16 bits than
    /// the one before it, at the first such place at or after each multiple of the mean size; so files differ by what 1/65536 of a
    /// copy holds, and where there are fewer units, by a unit.
    Shards(Vec<PathBuf>),
    /// An HDF5 file with the bytes of all copies, `/text`, and where units start, `/offsets`, one more than there are units.
    Hdf5Text(PathBuf),
    /// An HDF5 file with `/indices`: a row for each copy, with the number of the unit that comes first, second …, from 0 on.
    Hdf5Indices(PathBuf),
}

impl Plan {
    /// The files.
    pub fn paths(&self) -> &[PathBuf] {
        match self {
            Plan::Text(path) | Plan::Hdf5Text(path) | Plan::Hdf5Indices(path) => std::slice::from_ref(path),
            Plan::Split(paths) | Plan::Shards(paths) => paths,
        }
    }

    /// Whether it holds numbers of units instead of their bytes.
    pub(super) fn is_indices(&self) -> bool {
        matches!(self, Plan::Hdf5Indices(_))
    }

    /// Whether it has the places of units.
    pub(super) fn has_offsets(&self) -> bool {
        matches!(self, Plan::Hdf5Text(_))
    }

    pub(super) fn is_shards(&self) -> bool {
        matches!(self, Plan::Shards(_))
    }
}

/// Some copies that are about to be written, one after the other.
#[derive(Debug, Clone, Default)]
pub(super) struct Group {
    /// Bytes of each.
    pub(super) bytes: Vec<u64>,
    /// Bytes of each cell of each copy, for shards.
    pub(super) cells: Vec<Vec<u64>>,
    /// Of all copies, those before and after these too.
    pub(super) all_bytes: u64,
    /// Units in all copies, and their number.
    pub(super) all_units: u64,
    #[cfg_attr(not(feature = "h5"), expect(dead_code, reason = "the shape of the indices in an HDF5 file"))]
    pub(super) copies: u64,
}

/// The files of a [`Plan`] while they are written.
#[derive(Debug)]
pub(super) struct Target<'c> {
    comm: &'c Comm,
    plan: Plan,
    header: Vec<u8>,
    files: Vec<Half>,
    /// Where each part of the stream of bytes begins, and in which file.
    parts: Vec<(u64, usize)>,
    /// Where the stream begins in a file, and where that of offsets does.
    base: u64,
    offsets: u64,
    /// Bytes and units of the copies so far.
    end: u64,
    finished: bool,
}

/// A file that is not yet whole.
#[derive(Debug)]
struct Half {
    path: PathBuf,
    partial: PathBuf,
    open: Option<fs::File>,
}

impl<'c> Target<'c> {
    /// Collective.
    pub(super) fn new(comm: &'c Comm, plan: &Plan, header: &[u8]) -> Result<Self> {
        let files: Vec<Half> = plan
            .paths()
            .iter()
            .map(|path| {
                let path = file::behind_links(path);
                Half { partial: file::beside(&path), path, open: None }
            })
            .collect();
        let base = header.len() as u64;
        let mut target = Target {
            comm,
            plan: plan.clone(),
            header: header.to_vec(),
            files,
            parts: vec![],
            base,
            offsets: 0,
            end: 0,
            finished: false,
        };
        target.create()?;
        if !matches!(plan, Plan::Hdf5Text(_) | Plan::Hdf5Indices(_)) {
            target.open()?;
        } else {
            target.base = 0;
        }
        Ok(target)
    }

    /// The root makes the files, and all ranks see that they see the same ones. Collective.
    fn create(&mut self) -> Result<()> {
        let root = self.comm.is_root();
        let marks = self.comm.on_root(|| {
            let marks = self.files.iter().map(|half| {
                file::may_create(&half.path, &half.partial)?;
                file::mark(&half.partial).map_err(|error| half.error(&error))
            });
            Ok(marks.collect::<Result<Vec<_>>>()?)
        });
        let seen = marks.and_then(|marks| {
            let mut marks = marks.unwrap_or_else(|| vec![0; self.files.len()]);
            self.comm.broadcast_into(0, &mut marks)?;
            let seen = self.files.iter().zip(&marks);
            let seen = seen.map(|(half, mark)| file::comes_in_sight(&half.partial, &half.path, *mark));
            self.comm.agree(seen.collect::<Result<()>>())
        });
        if root {
            self.files.iter().for_each(|half| file::unmark(&half.partial));
        }
        seen
    }

    /// Opens the files that the root has made. Collective.
    fn open(&mut self) -> Result<()> {
        let root = self.comm.is_root();
        let header = &self.header;
        let opened = self.files.iter_mut().try_for_each(|half| {
            let no = |error| Error::file(&half.path, format!("cannot write: {error}"));
            let open = fs::OpenOptions::new().write(true).open(&half.partial).map_err(no)?;
            if root && self.offsets == 0 && !header.is_empty() {
                open.write_all_at(header, 0).map_err(no)?;
            }
            half.open = Some(open);
            Ok::<(), Error>(())
        });
        self.comm.agree(opened)
    }

    /// Finds out where the copies of a group go, and takes room for them. Collective, with the same group.
    pub(super) fn prepare(&mut self, group: &Group) -> Result<()> {
        let start = self.end;
        let first = self.parts.is_empty();
        self.end += group.bytes.iter().sum::<u64>();
        match &self.plan {
            Plan::Text(_) if first => self.parts.push((0, 0)),
            Plan::Split(_) => {
                let mut at = start;
                for bytes in &group.bytes {
                    self.parts.push((at, self.parts.len()));
                    at += bytes;
                }
            }
            Plan::Shards(_) => self.cut(start, group),
            Plan::Hdf5Text(_) | Plan::Hdf5Indices(_) if first => self.make_hdf5(group)?,
            _ => {}
        }
        if first {
            self.comm.on_root(|| Ok(self.fits_on_disk(group.all_bytes)?))?;
        }
        self.comm.on_root(|| Ok(self.reserve()?))?;
        Ok(())
    }

    /// Finds the places between cells at which shards begin.
    fn cut(&mut self, start: u64, group: &Group) {
        let shards = self.files.len() as u64;
        let wanted = |shard: u64| {
            (u128::from(group.all_bytes) * u128::from(shard)).div_ceil(u128::from(shards)) as u64
        };
        let last = self.end == group.all_bytes;
        let bounds =
            group.cells.iter().flatten().scan(start, |at, bytes| Some(std::mem::replace(at, *at + bytes)));
        for bound in bounds.chain(last.then_some(self.end)) {
            while (self.parts.len() as u64) < shards && wanted(self.parts.len() as u64) <= bound {
                self.parts.push((bound, self.parts.len()));
            }
        }
    }

    fn fits_on_disk(&self, bytes: u64) -> Result<()> {
        let Some(half) = self.files.first() else { return Ok(()) };
        match disk::free_space(file::folder_of(&half.path)) {
            Some(free) if free < bytes => Err(Error::file(
                &half.path,
                format!("cannot write: it takes {bytes} bytes, and the disk has room for {free}"),
            )),
            _ => Ok(()),
        }
    }

    /// Takes room on the disk for the parts that are known to their end.
    fn reserve(&self) -> Result<()> {
        if self.offsets > 0 || self.plan.is_indices() {
            return Ok(());
        }
        let ends = self.parts.iter().skip(1).map(|part| part.0).chain([self.end]);
        for ((start, number), end) in self.parts.iter().zip(ends) {
            let half = &self.files[*number];
            if let (Some(open), true) = (&half.open, end > *start) {
                disk::reserve(open, self.base + end - start).map_err(|error| half.error(&error))?;
            }
        }
        Ok(())
    }

    /// Writes bytes of the stream from `at` on. Not collective.
    pub(super) fn write(&self, at: u64, bytes: &[u8]) -> Result<()> {
        let (mut at, mut rest) = (at, bytes);
        while !rest.is_empty() {
            let part = self.parts.partition_point(|(start, _)| *start <= at) - 1;
            let (start, number) = self.parts[part];
            let room = self.parts.get(part + 1).map_or(u64::MAX, |(next, _)| next - at);
            let (now, later) = rest.split_at(rest.len().min(usize::try_from(room).unwrap_or(usize::MAX)));
            self.files[number].write(self.base + at - start, now)?;
            (at, rest) = (at + now.len() as u64, later);
        }
        Ok(())
    }

    /// Writes where units start, from unit `first` on. Not collective.
    pub(super) fn write_offsets(&self, first: u64, starts: &[u8]) -> Result<()> {
        self.files[0].write(self.offsets + 8 * first, starts)
    }

    /// Where the copies so far end in the stream.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Writes the offset behind the last unit. Collective.
    pub(super) fn write_last_offset(&self, group: &Group) -> Result<()> {
        self.comm.on_root(|| Ok(self.write_offsets(group.all_units, &group.all_bytes.to_le_bytes())?))?;
        Ok(())
    }

    /// Puts the files in their places, when every rank has written its part. Where one replaces another file, or if `sync`, it is on
    /// the disk before. Collective.
    pub(super) fn finish(mut self, sync: bool) -> Result<()> {
        self.files.iter_mut().for_each(|half| half.open = None);
        self.comm.barrier()?;
        self.comm.on_root(|| {
            for half in &self.files {
                if sync || half.path.exists() {
                    let written = fs::File::open(&half.partial).and_then(|file| file.sync_all());
                    written.map_err(|error| half.error(&error))?;
                }
            }
            for half in &self.files {
                fs::rename(&half.partial, &half.path).map_err(|error| half.error(&error))?;
            }
            if let (true, Some(half)) = (sync, self.files.first())
                && let Ok(folder) = fs::File::open(file::folder_of(&half.path))
            {
                // A folder that cannot be synced (some network file systems) has the names all the same.
                let _ = folder.sync_all();
            }
            Ok(())
        })?;
        self.finished = true;
        Ok(())
    }

    /// There is no HDF5. Collective.
    #[cfg(not(feature = "h5"))]
    fn make_hdf5(&mut self, _: &Group) -> Result<()> {
        self.comm.agree(Err(Error::file(&self.files[0].path, "cannot write: this was built without HDF5")))
    }

    /// Makes the HDF5 file, with room for all that is to come; what goes into it is then written past HDF5, since where it lies is
    /// known: no dataset is compressed. Collective.
    #[cfg(feature = "h5")]
    fn make_hdf5(&mut self, group: &Group) -> Result<()> {
        let made = self.comm.on_root(|| {
            let half = &self.files[0];
            self.fits_on_disk(group.all_bytes)?;
            let no = |error: hdf5::Error| {
                Error::file(&half.path, format!("cannot write: {}", error.to_string().replace('\n', "; ")))
            };
            Ok(create_hdf5(&half.partial, self.plan.is_indices(), &self.header, group).map_err(no)?)
        })?;
        let [base, offsets] = self.comm.broadcast_known(0, 2, made.as_ref().map(|made| &made[..]))?[..]
        else {
            unreachable!("two numbers were sent")
        };
        (self.base, self.offsets) = (base, offsets);
        self.parts.push((0, 0));
        let header = std::mem::take(&mut self.header);
        let opened = self.open();
        self.header = header;
        opened
    }
}

/// Creates the file, and gives where its datasets lie: text or indices, and offsets.
#[cfg(feature = "h5")]
fn create_hdf5(
    path: &std::path::Path,
    indices: bool,
    header: &[u8],
    group: &Group,
) -> hdf5::Result<[u64; 2]> {
    use hdf5::plist::dataset_create::{AllocTime, FillTime};
    fn dataset<T: hdf5::H5Type>(
        file: &hdf5::File,
        name: &str,
        shape: &[usize],
    ) -> hdf5::Result<hdf5::Dataset> {
        let builder = file.new_dataset::<T>().shape(shape).obj_track_times(false);
        builder.fill_time(FillTime::Never).alloc_time(Some(AllocTime::Early)).no_chunk().create(name)
    }
    let file = hdf5::File::with_options().with_fcpl(|list| list.obj_track_times(false)).create(path)?;
    let (bytes, units) = (group.all_bytes as usize, group.all_units as usize);
    let places = if indices {
        let copies = group.copies as usize;
        [dataset::<u64>(&file, "indices", &[copies, units / copies.max(1)])?.offset(), None]
    } else {
        let text = dataset::<u8>(&file, "text", &[bytes])?;
        [text.offset(), dataset::<u64>(&file, "offsets", &[units + 1])?.offset()]
    };
    if !header.is_empty() {
        dataset::<u8>(&file, "header", &[header.len()])?.write_raw(header)?;
    }
    file.close()?;
    Ok(places.map(|place| place.unwrap_or(0)))
}

impl Half {
    fn write(&self, at: u64, bytes: &[u8]) -> Result<()> {
        let open = self.open.as_ref().expect("open until it is finished");
        open.write_all_at(bytes, at).map_err(|error| self.error(&error))
    }

    fn error(&self, error: &std::io::Error) -> Error {
        Error::file(&self.path, format!("cannot write: {error}"))
    }
}

impl Drop for Target<'_> {
    fn drop(&mut self) {
        if !self.finished && self.comm.is_root() {
            for half in &self.files {
                let _ = fs::remove_file(&half.partial);
            }
        }
    }
}

/// What a rank writes of a copy, from its place in the stream on, in pieces that the disk likes.
pub(super) struct Writer<'t, 'c> {
    target: &'t Target<'c>,
    at: u64,
    buffer: Vec<u8>,
    /// The number of the next unit, and where those in the buffer start.
    unit: u64,
    starts: Vec<u8>,
    offsets: bool,
}

impl<'t, 'c> Writer<'t, 'c> {
    /// Bytes that are written at once.
    pub(super) const PIECE: usize = 1 << 20;

    /// From byte `at` of the stream on, which is where unit `unit` starts.
    pub(super) fn new(target: &'t Target<'c>, at: u64, unit: u64) -> Self {
        let offsets = target.plan.has_offsets();
        Writer {
            target,
            at,
            buffer: Vec::with_capacity(Self::PIECE + (64 << 10)),
            unit,
            starts: vec![],
            offsets,
        }
    }

    /// Appends a unit, in two parts.
    #[inline]
    pub(super) fn push(&mut self, unit: &[u8], missing: &[u8]) -> Result<()> {
        if self.offsets {
            self.starts.extend_from_slice(&(self.at + self.buffer.len() as u64).to_le_bytes());
        }
        if self.buffer.len() + unit.len() + missing.len() > self.buffer.capacity() {
            self.flush()?;
            if unit.len() >= Self::PIECE {
                self.target.write(self.at, unit)?;
                self.at += unit.len() as u64;
                self.buffer.extend_from_slice(missing);
                return Ok(());
            }
        }
        self.buffer.extend_from_slice(unit);
        self.buffer.extend_from_slice(missing);
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        self.target.write(self.at, &self.buffer)?;
        self.at += self.buffer.len() as u64;
        self.buffer.clear();
        if !self.starts.is_empty() {
            self.target.write_offsets(self.unit, &self.starts)?;
            self.unit += (self.starts.len() / 8) as u64;
            self.starts.clear();
        }
        Ok(())
    }

    /// Writes the rest; gives where it ends.
    pub(super) fn finish(mut self) -> Result<u64> {
        self.flush()?;
        Ok(self.at)
    }
}
