//! What HDF5 really did: together or rank by rank, and why; and how much has been moved so far.

use std::fmt;

use crate::sys::hdf5::Done;

/// How blocks were moved between memory and file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransferMode {
    /// Each rank by itself.
    Independent,
    /// All ranks together, in one contiguous piece.
    Contiguous,
    /// All ranks together, chunk by chunk.
    Chunked,
    /// Some chunks together, some rank by rank.
    Mixed,
}

/// What HDF5 did in the last [transfer](super::Dataset::last_transfer) of a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransferReport {
    done: Done,
    /// Calls that were made: long blocks go in rounds.
    pub rounds: usize,
    /// Bytes of this rank.
    pub bytes: u64,
}

impl TransferReport {
    pub(super) fn new() -> Self {
        TransferReport { done: Done::default(), rounds: 0, bytes: 0 }
    }

    pub(super) fn add(&mut self, done: Done, bytes: usize) {
        self.done =
            Done { mode: self.done.mode | done.mode, causes: self.done.causes | done.causes, invalid: None };
        self.rounds += 1;
        self.bytes += bytes as u64;
    }

    /// How it was.
    pub fn mode(&self) -> TransferMode {
        match self.done.mode {
            4 => TransferMode::Contiguous,
            2 => TransferMode::Chunked,
            0 | 1 => TransferMode::Independent,
            _ => TransferMode::Mixed,
        }
    }

    /// Whether all was moved together.
    pub fn is_collective(&self) -> bool {
        matches!(self.mode(), TransferMode::Contiguous | TransferMode::Chunked)
    }

    /// Why not all was moved together, in words; empty if it was.
    pub fn causes(&self) -> Vec<&'static str> {
        const WORDS: [(u32, &str); 8] = [
            (0x01, "independent transfer was asked for"),
            (0x02, "elements are converted"),
            (0x04, "data is transformed"),
            (0x08, "HDF5_MPI_OPT_TYPES is off"),
            (0x10, "the selections are not simple"),
            (0x20, "the dataset is neither contiguous nor chunked"),
            (0x40, "this HDF5 cannot write filters in parallel"),
            (0x80, "HDF5 failed to find out"),
        ];
        WORDS.iter().filter(|(bit, _)| self.done.causes & bit != 0).map(|(_, words)| *words).collect()
    }
}

impl fmt::Display for TransferReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match self.mode() {
            TransferMode::Independent => "rank by rank",
            TransferMode::Contiguous => "together, in one piece",
            TransferMode::Chunked => "together, chunk by chunk",
            TransferMode::Mixed => "some chunks together, some rank by rank",
        };
        f.write_str(how)?;
        match &self.causes()[..] {
            [] => Ok(()),
            causes => write!(f, " ({})", causes.join(", ")),
        }
    }
}
