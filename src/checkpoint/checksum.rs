//! The checksum of a file of any length, computed by all ranks together: the same at any number of them.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use xxhash_rust::xxh3::xxh3_64;

use crate::comm::Comm;
use crate::error::{Error, Result};
use crate::partition::Partition;

/// As much as one rank looks at at once. Part of the format: the checksum is that of the checksums of such tiles.
const TILE: u64 = 4 << 20;

/// XXH3 (64 bits) over the XXH3 of each tile, of the bytes from `start` to `end`. Each rank reads its share of them. Collective.
pub(super) fn of_all(comm: &Comm, path: &Path, start: u64, end: u64) -> Result<u64> {
    let tiles = usize::try_from(end.saturating_sub(start).div_ceil(TILE)).unwrap_or(usize::MAX);
    let mine = Partition::even(tiles, comm.size()).range(comm.rank());
    let hashes = || -> std::io::Result<Vec<u64>> {
        let file = File::open(path)?;
        let mut bytes = vec![0; usize::try_from(TILE.min(end - start)).unwrap_or(0)];
        let mut hashes = Vec::with_capacity(mine.len());
        for tile in mine {
            let from = start + tile as u64 * TILE;
            let len = usize::try_from(TILE.min(end - from)).unwrap_or(0);
            file.read_exact_at(&mut bytes[..len], from)?;
            hashes.push(xxh3_64(&bytes[..len]));
        }
        Ok(hashes)
    };
    let mine =
        comm.agree(hashes().map_err(|error| Error::file(path, format!("cannot read it back: {error}"))))?;
    let all: Vec<u8> = comm.all_gather(&mine)?.into_iter().flat_map(u64::to_le_bytes).collect();
    Ok(xxh3_64(&all))
}
