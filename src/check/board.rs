//! Where the ranks of a node leave word for each other: a file in memory, without a name, with a place for each rank. No call of
//! MPI is needed to write or read there.

use std::fs::File;
use std::hash::{DefaultHasher, Hasher};
use std::os::unix::fs::FileExt;

use super::state::State;
use crate::sys::{Communicator, Outcome, node_file};

/// Room for each rank. The file has holes where nothing was written.
const PLACE: u64 = 16 << 10;
/// The length and the hash before what is written.
const HEAD: usize = 16;

/// The file, opened by all ranks of this node.
#[derive(Debug)]
pub(super) struct Board(File);

impl Board {
    /// `None` where there is no place for such a file. Collective over the world.
    pub(super) fn open(world: &Communicator) -> Outcome<Option<Self>> {
        Ok(node_file::open(world)?.map(Board))
    }

    /// Leaves word of this rank.
    pub(super) fn write(&self, rank: usize, state: &State) {
        let Ok(mut text) = postcard::to_extend(state, vec![0; HEAD]) else { return };
        if text.len() as u64 > PLACE {
            return;
        }
        let (len, hash) = ((text.len() - HEAD) as u64, hash(&text[HEAD..]));
        text[..8].copy_from_slice(&len.to_le_bytes());
        text[8..HEAD].copy_from_slice(&hash.to_le_bytes());
        // Without room for it the others know nothing of this rank, and say nothing.
        let _ = self.0.write_all_at(&text, rank as u64 * PLACE);
    }

    /// What a rank has left; `None` when it is on another node.
    pub(super) fn read(&self, rank: usize) -> Option<State> {
        // It may write anew while this is read, the more so where the one who reads waits for a core in between.
        const TIMES: usize = 5;
        (0..TIMES).find_map(|_| self.read_at_once(rank))
    }

    /// `None` also when it is just writing.
    fn read_at_once(&self, rank: usize) -> Option<State> {
        let mut head = [0; HEAD];
        self.0.read_exact_at(&mut head, rank as u64 * PLACE).ok()?;
        let number = |bytes: &[u8]| Some(u64::from_le_bytes(bytes.try_into().ok()?));
        let (len, expected) = (number(&head[..8])?, number(&head[8..])?);
        if len == 0 || len > PLACE - HEAD as u64 {
            return None;
        }
        let mut text = vec![0; len as usize];
        self.0.read_exact_at(&mut text, rank as u64 * PLACE + HEAD as u64).ok()?;
        (hash(&text) == expected).then(|| postcard::from_bytes(&text).ok()).flatten()
    }
}

fn hash(text: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(text);
    hasher.finish()
}
