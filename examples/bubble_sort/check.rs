//! Proof that the result is sorted and has the same keys, without looking at them twice in one place.

use std::error::Error;

use rankwise::distributed::sort::is_sorted;
use rankwise::prelude::*;

use crate::number::Number;

/// How many keys there are, and two sums over all of a hash of each: whatever their order, and on whatever ranks. Another multiset of as
/// many keys has the same sums with a probability of about 2⁻¹²⁸. Collective.
pub(crate) fn hash<T: Number>(world: &Comm, keys: &[T]) -> Result<[u64; 3]> {
    let mut sums = [keys.len() as u64, 0, 0];
    for key in keys {
        let bits = key.bits();
        sums[1] = sums[1].wrapping_add(mixed(bits));
        sums[2] = sums[2].wrapping_add(mixed(bits ^ 0x5851_f42d_4c95_7f2d));
    }
    // Sums of all ranks wrap around as well.
    let all = world.all_gather(&sums)?;
    let (all, _) = all.as_chunks::<3>();
    Ok(all.iter().fold([0; 3], |sum, more| std::array::from_fn(|k| sum[k].wrapping_add(more[k]))))
}

/// A bijection that leaves no bit alone: the finaliser of SplitMix64 (Steele, Lea, Flood 2014).
fn mixed(mut bits: u64) -> u64 {
    bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// An error on all ranks unless the keys are sorted and those that `before` was made of. Collective.
pub(crate) fn check<T: Number>(world: &Comm, before: [u64; 3], keys: &[T]) -> Result<(), Box<dyn Error>> {
    let after = hash(world, keys)?;
    if after[0] != before[0] {
        return Err(format!("there were {} keys, now there are {}", before[0], after[0]).into());
    }
    if after != before {
        return Err("these are not the keys that were to be sorted".into());
    }
    if !is_sorted(world, keys)? {
        return Err("the result is not sorted".into());
    }
    Ok(())
}
