//! Random numbers keyed by a seed and a global index: the same numbers on any number of ranks.
//!
//! A generator with a state, one to a rank, gives other numbers as soon as the number of ranks is another, because other
//! items meet other generators. Here every item has a [`stream`] of its own, named by the item's global index, so whoever
//! owns the item draws the same numbers. Nothing is sent, and nothing is to be kept between draws.
//!
//! ```
//! use rand::RngExt;
//! use rankwise::prelude::*;
//! use rankwise::random::stream;
//!
//! fn main() -> ExitCode {
//!     rankwise::run(|world| {
//!         let items = Partition::even(1000, world.size());
//!         // One number for each item this rank owns.
//!         let mine: Vec<f64> =
//!             items.range(world.rank()).map(|item| stream(42, item as u64).random()).collect();
//!         if let Some(all) = world.gather(0, &mine)? {
//!             assert_eq!(all[7], stream(42, 7).random::<f64>()); // whatever rank owned item 7
//!         }
//!         Ok(())
//!     })
//! }
//! ```
//!
//! The generator is Philox4x64-10 (Salmon, Moraes, Dror, Shaw: *Parallel random numbers: as easy as 1, 2, 3*, SC'11,
//! doi:10.1145/2063384.2063405): a mixing function of key and counter, without a state. The key is the seed, the counter is
//! (block of four numbers, index, 0, 0), so streams of one seed are disjoint pieces of one sequence, of 2⁶⁶ numbers each.
//! They are those of NumPy's `Philox(key=seed, counter=index << 64)`, and will stay so in all versions. Not for secrets.

use std::convert::Infallible;

use rand_core::{TryRng, utils};

/// The stream of random numbers that belongs to `seed` and the item `index`.
///
/// Making it costs nothing; the mixing gives four numbers at a time. One number of each of many streams takes 12 ns,
/// number after number of one stream 4 ns each (medians of one run on an AMD EPYC of the Zen 4 kind). An item that needs
/// random numbers for two purposes draws both from its stream, or uses another seed for the second.
///
/// ```
/// use rand::{RngExt, seq::SliceRandom};
/// use rankwise::random::stream;
///
/// let mut die = stream(1, 0);
/// let rolled = die.random_range(1..=6);
/// assert!((1..=6).contains(&rolled));
///
/// let mut cards = [1, 2, 3, 4, 5];
/// cards.shuffle(&mut die);
/// # let mut again = stream(1, 0);
/// # assert_eq!(again.random_range(1..=6), rolled);
/// ```
#[inline]
#[must_use = "the numbers are drawn from what this returns"]
pub fn stream(seed: u64, index: u64) -> Stream {
    Stream { seed, index, block: 0, numbers: [0; 4], used: 4 }
}

/// Random numbers of one item, by [`stream`]. A generator for the [`rand`](https://docs.rs/rand/0.10) crate: all methods of
/// its `RngExt`, and its distributions. [`next_u32`](rand_core::Rng::next_u32) takes the lower half of a number and drops
/// the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    seed: u64,
    index: u64,
    /// The block that `numbers` is; 0 before the first.
    block: u64,
    numbers: [u64; 4],
    /// How many of `numbers` have been drawn.
    used: usize,
}

impl Stream {
    #[inline]
    fn next(&mut self) -> u64 {
        if self.used == self.numbers.len() {
            // From block 1 on, as NumPy does, which counts before it mixes.
            self.block = self.block.wrapping_add(1);
            self.numbers = philox([self.block, self.index, 0, 0], [self.seed, 0]);
            self.used = 0;
        }
        self.used += 1;
        self.numbers[self.used - 1]
    }
}

impl TryRng for Stream {
    type Error = Infallible;

    #[inline]
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.next() as u32)
    }

    #[inline]
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.next())
    }

    #[inline]
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        utils::fill_bytes_via_next_word(bytes, || self.try_next_u64())
    }
}

/// Philox4x64 of ten rounds, with the constants of the paper: multiply, swap the halves, mix in a key that moves on.
#[inline]
pub(crate) fn philox(mut counter: [u64; 4], mut key: [u64; 2]) -> [u64; 4] {
    let multiply = |a: u64, b: u64| {
        let product = u128::from(a) * u128::from(b);
        ((product >> 64) as u64, product as u64)
    };
    for _ in 0..10 {
        let (high_0, low_0) = multiply(0xd2e7_470e_e14c_6c93, counter[0]);
        let (high_1, low_1) = multiply(0xca5a_8263_9512_1157, counter[2]);
        counter = [high_1 ^ counter[1] ^ key[0], low_1, high_0 ^ counter[3] ^ key[1], low_0];
        key[0] = key[0].wrapping_add(0x9e37_79b9_7f4a_7c15);
        key[1] = key[1].wrapping_add(0xbb67_ae85_84ca_a73b);
    }
    counter
}

#[cfg(test)]
mod tests {
    use rand::{Rng, RngExt};

    use super::*;

    fn first<const N: usize>(seed: u64, index: u64) -> [u64; N] {
        let mut stream = stream(seed, index);
        std::array::from_fn(|_| stream.next_u64())
    }

    /// The known answers that come with Random123, the library of the paper (file `kat_vectors`).
    #[test]
    fn mixes_as_the_paper_says() {
        let all = u64::MAX;
        assert_eq!(
            philox([0; 4], [0; 2]),
            [0x16554d9eca36314c, 0xdb20fe9d672d0fdc, 0xd7e772cee186176b, 0x7e68b68aec7ba23b]
        );
        assert_eq!(
            philox([all; 4], [all; 2]),
            [0x87b092c3013fe90b, 0x438c3c67be8d0224, 0x9cc7d7c69cd777b6, 0xa09caebf594f0ba0]
        );
        // The digits of pi.
        assert_eq!(
            philox(
                [0x243f6a8885a308d3, 0x13198a2e03707344, 0xa4093822299f31d0, 0x082efa98ec4e6c89],
                [0x452821e638d01377, 0xbe5466cf34e90c6c]
            ),
            [0xa528f45403e61d95, 0x38c72dbd566e9788, 0xa5a1610e72fd18b5, 0x57bd43b5e52b7fe6]
        );
    }

    /// Printed by NumPy 1.24.2: `Philox(key=seed, counter=index << 64).random_raw(6)`. These never change.
    #[test]
    fn numbers_are_numpys_for_ever() {
        assert_eq!(
            first(0, 0),
            [
                0x02f4ba6408e4d89b,
                0x3dd62b0b9ca8c5b2,
                0x1c8667a55d902e79,
                0x907d7a052fd5b4dc,
                0x809bf322883987c3,
                0x471128b9e807f7dd
            ]
        );
        assert_eq!(
            first(42, 7),
            [
                0x7344a9dbbba9c04d,
                0x4e54f097a868198d,
                0x8df50c8b929a196d,
                0x08ff86aaec6906f8,
                0x2db29e1678ab2a4a,
                0x8e2aa58b775371fe
            ]
        );
        assert_eq!(
            first(u64::MAX, u64::MAX),
            [
                0x4ebd9b5c78bbc980,
                0x6091e393c21e5ee8,
                0x4f5e39bd7e5b65d5,
                0xd0fc1b404121a98d,
                0xd70ca4d814c6371a,
                0xcb8c562834d31dc2
            ]
        );
        assert_eq!(
            first(123_456_789, 1_000_000_000_000),
            [
                0xea653981e89d6e1f,
                0xd4786a7ed3d060da,
                0xfd40d0bfe3390e6d,
                0x92112389d7d99a67,
                0xa18aba5aec0216d0,
                0x2b9e53d244041ae3
            ]
        );
        // `Generator(Philox(key=42, counter=7 << 64)).random(3)`
        let mut of_seven = stream(42, 7);
        assert_eq!(
            [(); 3].map(|()| of_seven.random::<f64>()),
            [0.4502664720018066, 0.3059835787065882, 0.554520401072843]
        );
    }

    #[test]
    fn bytes_are_the_numbers_little_end_first() {
        for len in [0, 1, 7, 8, 9, 31, 32, 33, 100] {
            let mut bytes = vec![0; len];
            stream(3, 4).fill_bytes(&mut bytes);
            let mut numbers = stream(3, 4);
            let expected: Vec<u8> =
                (0..len.div_ceil(8)).flat_map(|_| numbers.next_u64().to_le_bytes()).take(len).collect();
            assert_eq!(bytes, expected, "{len} bytes");
        }
        assert_eq!(stream(3, 4).next_u32(), first::<1>(3, 4)[0] as u32);
    }

    #[test]
    fn a_clone_goes_on_alike() {
        for drawn in 0..9 {
            let mut one = stream(5, 6);
            (0..drawn).for_each(|_| _ = one.next_u64());
            let mut other = one.clone();
            assert!((0..20).all(|_| one.next_u64() == other.next_u64()), "after {drawn}");
        }
    }

    /// Neighbours in seed, in index and in place: bits differ in half of the places, values fall evenly on a grid.
    #[test]
    fn neighbours_are_independent() {
        const N: u64 = 20_000;
        type Pair = fn(u64) -> [u64; 2];
        let neighbours: [(&str, Pair); 4] = [
            ("indices", |i| [first::<1>(0, i)[0], first::<1>(0, i + 1)[0]]),
            ("seeds", |i| [first::<1>(i, 0)[0], first::<1>(i + 1, 0)[0]]),
            ("index and seed", |i| [first::<1>(i, i + 1)[0], first::<1>(i + 1, i)[0]]),
            ("draws", |i| first::<2>(1, i)),
        ];
        for (what, pair) in neighbours {
            let mut differing = 0;
            let mut cells = [0u32; 256];
            for [a, b] in (0..N).map(pair) {
                differing += u64::from((a ^ b).count_ones());
                cells[(a >> 60 << 4 | b >> 60) as usize] += 1;
            }
            // 64 N coin tosses, within five standard deviations.
            let expected = 32.0 * N as f64;
            assert!(
                (differing as f64 - expected).abs() < 5.0 * (16.0 * N as f64).sqrt(),
                "{what}: {differing}"
            );
            // Chi-square of 255 degrees of freedom: 255 ± 22.6; five standard deviations to either side.
            let mean = N as f64 / 256.0;
            let chi2: f64 = cells.iter().map(|&count| (f64::from(count) - mean).powi(2) / mean).sum();
            assert!((142.0..368.0).contains(&chi2), "{what}: {chi2}");
        }
    }

    #[test]
    fn streams_never_meet() {
        let mut all: Vec<u64> = (0..40)
            .flat_map(|seed| (0..40).map(move |index| (seed, index)))
            .flat_map(|(seed, index)| first::<8>(seed, index))
            .chain(first::<8>(0, u64::MAX))
            .chain(first::<8>(u64::MAX, 0))
            .collect();
        let drawn = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), drawn, "64 bits of so few numbers are all different");
    }
}
