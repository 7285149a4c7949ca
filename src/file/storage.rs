//! How a dataset lies in its file: in one piece or in chunks, through which filters.

use hdf5::H5Type;

/// The size of a chunk that nobody has chosen: large enough for a parallel file system, small enough for several a rank.
const CHUNK_BYTES: usize = 4 << 20;
/// The same for a dataset that grows, of which at first there is little.
const GROWING_CHUNK_BYTES: usize = 256 << 10;

/// The numbers under which the HDF Group has registered filters.
const ZSTD: i32 = 32015;
const BLOSC: i32 = 32001;

/// How a new dataset lies in the file. By default in one contiguous piece: the fastest.
///
/// | | |
/// |---|---|
/// | [`chunked`](Storage::chunked), [`chunks`](Storage::chunks) | in blocks that are stored together |
/// | [`unlimited`](Storage::unlimited) | it can [grow](super::Dataset::append) along axis 0 |
/// | [`deflate`](Storage::deflate), [`szip`](Storage::szip), [`zstd`](Storage::zstd), [`blosc`](Storage::blosc), [`filter`](Storage::filter) | compressed, chunk by chunk, in parallel |
/// | [`shuffle`](Storage::shuffle) | first bytes of all elements, then second ones, …: compresses better |
/// | [`fletcher32`](Storage::fletcher32) | with a checksum for each chunk |
/// | [`zeroed`](Storage::zeroed) | what nobody writes is zero, instead of undefined |
///
/// Filters and growth need chunks: where none are asked for, their shape follows from that of the dataset and the number of ranks.
///
/// ```
/// # use rankwise::file::{File, Storage};
/// # use rankwise::Partition;
/// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
/// # let path = std::env::temp_dir().join(format!("rankwise-doc-storage-{}.h5", std::process::id()));
/// let file = File::create(world, &path)?;
/// let image = file.create_dataset::<f32>("image", &[300, 200], &Storage::default().shuffle().deflate(4))?;
/// let rows = Partition::even(300, world.size()).range(world.rank());
/// image.write_rows(rows.start, &rankwise::ndarray::Array2::<f32>::zeros((rows.len(), 200)))?;
/// file.close()?;
/// # std::fs::remove_file(&path)?;
/// # Ok(()) }) }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Storage {
    chunk: Chunk,
    pub(super) unlimited: bool,
    pub(super) zeroed: bool,
    pub(super) filters: Vec<Filter>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
enum Chunk {
    #[default]
    None,
    Auto,
    Shape(Vec<usize>),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Filter {
    Deflate(u8),
    Shuffle,
    Fletcher32,
    Szip(u8),
    Other(i32, Vec<u32>),
}

impl Filter {
    /// Its registered number, and what people call it.
    pub(super) fn id(&self) -> (i32, String) {
        match self {
            Filter::Deflate(_) => (1, "deflate".into()),
            Filter::Shuffle => (2, "shuffle".into()),
            Filter::Fletcher32 => (3, "fletcher32".into()),
            Filter::Szip(_) => (4, "szip".into()),
            Filter::Other(ZSTD, _) => (ZSTD, "zstd".into()),
            Filter::Other(BLOSC, _) => (BLOSC, "blosc".into()),
            Filter::Other(id, _) => (*id, format!("number {id}")),
        }
    }
}

impl Storage {
    /// In chunks of a shape that follows from that of the dataset and the number of ranks.
    pub fn chunked() -> Self {
        Storage { chunk: Chunk::Auto, ..Self::default() }
    }

    /// In chunks of this shape, cut to that of the dataset where it is larger.
    pub fn chunks(shape: impl Into<Vec<usize>>) -> Self {
        Storage { chunk: Chunk::Shape(shape.into()), ..Self::default() }
    }

    /// It can grow along axis 0, without limit.
    #[must_use = "it returns the changed storage"]
    pub fn unlimited(mut self) -> Self {
        self.unlimited = true;
        self
    }

    /// What nobody writes is zero. Otherwise it is undefined, and nothing is written twice.
    #[must_use = "it returns the changed storage"]
    pub fn zeroed(mut self) -> Self {
        self.zeroed = true;
        self
    }

    /// Compressed with deflate, as by gzip: 1 is fast, 9 is small.
    #[must_use = "it returns the changed storage"]
    pub fn deflate(self, level: u8) -> Self {
        self.with(Filter::Deflate(level))
    }

    /// The bytes of the elements are sorted before what comes next.
    #[must_use = "it returns the changed storage"]
    pub fn shuffle(self) -> Self {
        self.with(Filter::Shuffle)
    }

    /// Each chunk has a checksum, which is looked at when it is read.
    #[must_use = "it returns the changed storage"]
    pub fn fletcher32(self) -> Self {
        self.with(Filter::Fletcher32)
    }

    /// Compressed with szip, by blocks of so many elements: even, at most 32. Some libraries can only read it.
    #[must_use = "it returns the changed storage"]
    pub fn szip(self, block: u8) -> Self {
        self.with(Filter::Szip(block))
    }

    /// Compressed with Zstandard, where its plugin is installed.
    #[must_use = "it returns the changed storage"]
    pub fn zstd(self, level: u32) -> Self {
        self.filter(ZSTD, &[level])
    }

    /// Compressed with Blosc, level 0 to 9, its shuffle and its compressor 0 to 5 (blosclz, lz4, lz4hc, snappy, zlib, zstd), where
    /// its plugin is installed.
    #[must_use = "it returns the changed storage"]
    pub fn blosc(self, level: u32, compressor: u32) -> Self {
        self.filter(BLOSC, &[0, 0, 0, 0, level, 1, compressor])
    }

    /// Through the filter that is registered with this number, with its parameters.
    #[must_use = "it returns the changed storage"]
    pub fn filter(self, id: i32, parameters: &[u32]) -> Self {
        self.with(Filter::Other(id, parameters.to_vec()))
    }

    fn with(mut self, filter: Filter) -> Self {
        self.filters.push(filter);
        self
    }

    /// The shape of the chunks of a dataset, if it has any; an error in words.
    pub(super) fn chunk_of<T: H5Type>(
        &self,
        shape: &[usize],
        ranks: usize,
    ) -> Result<Option<Vec<usize>>, String> {
        let needed = self.unlimited || !self.filters.is_empty();
        // Without elements nothing is stored.
        if !self.unlimited && shape.contains(&0) {
            return Ok(None);
        }
        match &self.chunk {
            Chunk::None if !needed => Ok(None),
            _ if shape.is_empty() => Err("a dataset of no axes has no chunks".into()),
            Chunk::Shape(chunk) if chunk.len() != shape.len() || chunk.contains(&0) => {
                Err(format!("chunks of shape {chunk:?} in a dataset of shape {shape:?}"))
            }
            Chunk::Shape(chunk) => {
                let cut = |(axis, (&chunk, &len)): (usize, (&usize, &usize))| {
                    if self.unlimited && axis == 0 { chunk } else { chunk.min(len.max(1)) }
                };
                Ok(Some(chunk.iter().zip(shape).enumerate().map(cut).collect()))
            }
            Chunk::None | Chunk::Auto => Ok(Some(auto(shape, self.unlimited, size_of::<T>().max(1), ranks))),
        }
    }
}

/// Chunks of which each rank's rows are whole ones, if the rows are dealt out evenly, and none much longer than is good.
fn auto(shape: &[usize], unlimited: bool, element: usize, ranks: usize) -> Vec<usize> {
    let most = if unlimited { GROWING_CHUNK_BYTES } else { CHUNK_BYTES };
    let mut chunk: Vec<usize> = shape.iter().map(|&len| len.max(1)).collect();
    chunk[0] = if unlimited { usize::MAX } else { chunk[0].div_ceil(ranks) };
    for axis in 0..chunk.len() {
        let below: usize = chunk[axis + 1..].iter().fold(element, |bytes, &len| bytes.saturating_mul(len));
        if below <= most {
            let fit = (most / below).max(1);
            let pieces = chunk[axis].div_ceil(fit);
            // As equal as can be, unless there is no end.
            chunk[axis] = if chunk[axis] == usize::MAX { fit } else { chunk[axis].div_ceil(pieces) };
            break;
        }
        chunk[axis] = 1;
    }
    chunk
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_fit_the_shape_and_the_ranks() {
        let of = |shape: &[usize], ranks| auto(shape, false, 8, ranks);
        assert_eq!(of(&[100], 4), [25]);
        assert_eq!(of(&[7, 3], 2), [4, 3]);
        // 8 MiB a rank: two pieces.
        assert_eq!(of(&[2048, 1024], 2), [512, 1024]);
        // A row alone is too long.
        assert_eq!(of(&[10, 1000, 1000], 3), [1, 500, 1000]);
        assert_eq!(of(&[1, 1, 1 << 20], 1), [1, 1, 1 << 19]);
        assert_eq!(of(&[2, 0], 4), [1, 1]);
        assert_eq!(auto(&[0, 4], true, 8, 3), [8192, 4]);
        for ranks in 1..6 {
            for shape in
                [vec![1], vec![1 << 22], vec![3, 1 << 20], vec![5, 7, 1 << 18], vec![1 << 12, 1 << 12]]
            {
                let chunk = of(&shape, ranks);
                assert!(chunk.iter().zip(&shape).all(|(&chunk, &len)| chunk >= 1 && chunk <= len));
                assert!(chunk.iter().product::<usize>() * 8 <= CHUNK_BYTES, "{shape:?} {ranks}: {chunk:?}");
            }
        }
    }
}
