//! What one rank has recorded, as it goes to the rank that puts all together.

use serde::{Deserialize, Serialize};

use crate::sys::record::{Compared, EVENT, GROUP, Recorded, SITE};

/// One rank's part.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Part {
    /// In the world.
    pub(super) rank: u32,
    pub(super) host: String,
    /// When it was looked at, on this rank's clock.
    pub(super) until: u64,
    /// Events that the ring no longer has.
    pub(super) lost: u64,
    pub(super) events: Vec<[u64; EVENT]>,
    /// By number.
    pub(super) sites: Vec<(u32, Site)>,
    pub(super) groups: Vec<Members>,
    pub(super) start: Option<Compared>,
    pub(super) end: Option<Compared>,
}

/// A place in the program, and what is called there.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Site {
    /// `all_reduce`, or the name of a phase.
    pub(super) what: String,
    pub(super) file: String,
    pub(super) line: u32,
}

/// The ranks of a communicator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Members {
    pub(super) id: u64,
    pub(super) name: String,
    /// Their numbers in the world.
    pub(super) ranks: Vec<u32>,
}

impl Part {
    pub(super) fn new(rank: usize, host: &str, until: u64, recorded: Recorded) -> Self {
        let Recorded { events, lost, names, start, end } = recorded;
        let (mut sites, mut groups) = (Vec::new(), Vec::new());
        for (kind, number, bytes) in names {
            match kind {
                SITE => sites.extend(site(&bytes).map(|site| (number, site))),
                GROUP => groups.extend(members(&bytes)),
                _ => {}
            }
        }
        Part { rank: rank as u32, host: host.to_owned(), until, lost, events, sites, groups, start, end }
    }
}

fn site(bytes: &[u8]) -> Option<Site> {
    let text = String::from_utf8_lossy(bytes);
    let mut parts = text.split('\0');
    let (what, file) = (parts.next()?.to_owned(), parts.next()?.to_owned());
    Some(Site { what, file, line: parts.next()?.parse().ok()? })
}

fn members(bytes: &[u8]) -> Option<Members> {
    let (id, rest) = bytes.split_at_checked(8)?;
    let (count, rest) = rest.split_at_checked(4)?;
    let count = u32::from_le_bytes(count.try_into().ok()?) as usize;
    let (ranks, name) = rest.split_at_checked(count.checked_mul(4)?)?;
    let ranks = ranks.chunks_exact(4).map(|rank| u32::from_le_bytes([rank[0], rank[1], rank[2], rank[3]]));
    let (id, ranks) = (u64::from_le_bytes(id.try_into().ok()?), ranks.collect());
    Some(Members { id, name: String::from_utf8_lossy(name).into_owned(), ranks })
}
