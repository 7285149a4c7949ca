//! Which items come first: found from keys alone, of which each rank computes its share.

use crate::comm::{Comm, Sum};
use crate::error::Result;
use crate::kernels::permutation::{COPIES_AT_ONCE, keys, tie};
use crate::partition::Partition;

/// The bits of a key by which items are counted.
const BITS: u32 = 14;

/// Where the sample of a copy ends: behind this key, and this item of those that share it. `None` when no item is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cut(Option<(u64, u64)>);

impl Cut {
    #[inline]
    pub(super) fn is_out(self, key: u64, index: u64) -> bool {
        self.0.is_none_or(|cut| (key, tie(key, index)) > cut)
    }
}

/// The cuts behind the first `wanted` of `n` items in copies `first` to `first + 3`; `first` is a multiple of 4, `wanted` at most
/// `n`. Each rank computes its share of the keys twice; all hear of those in one of 16384 parts. Collective.
pub(super) fn cuts(comm: &Comm, seed: u64, first: u64, n: u64, wanted: u64) -> Result<Vec<Cut>> {
    if wanted == 0 {
        return Ok(vec![Cut(None); COPIES_AT_ONCE]);
    }
    let mine = Partition::even(n as usize, comm.size()).range(comm.rank());
    let keys_of = |index: usize| keys(seed, first / COPIES_AT_ONCE as u64, index as u64);
    let mut counts = vec![0u64; COPIES_AT_ONCE << BITS];
    for index in mine.clone() {
        for (copy, key) in keys_of(index).into_iter().enumerate() {
            counts[copy << BITS | (key >> (64 - BITS)) as usize] += 1;
        }
    }
    comm.all_reduce_in_place(&mut counts, Sum)?;
    // In which part the last of the sample is, and how many of that part belong to it.
    let ends: Vec<(u64, usize)> = counts
        .chunks(1 << BITS)
        .map(|counts| {
            let mut before = 0;
            let part = counts.iter().position(|&count| {
                before += count;
                before >= wanted
            });
            let part = part.unwrap_or(0);
            (part as u64, (wanted + counts[part] - before) as usize)
        })
        .collect();
    let mut near: Vec<Vec<(u64, u64)>> = vec![vec![]; COPIES_AT_ONCE];
    for index in mine {
        for (copy, key) in keys_of(index).into_iter().enumerate() {
            if key >> (64 - BITS) == ends[copy].0 {
                near[copy].push((key, tie(key, index as u64)));
            }
        }
    }
    let cut = |(near, (_, count)): (Vec<(u64, u64)>, &(u64, usize))| {
        let mut all = comm.all_gather(&near)?;
        Ok(Cut(Some(*all.select_nth_unstable(count - 1).1)))
    };
    near.into_iter().zip(&ends).map(cut).collect()
}
