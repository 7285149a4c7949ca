//! The keys that are sorted: types and distributions.

use std::cmp::Ordering;

use clap::ValueEnum;
use rand::RngExt;
use rankwise::comm::{Comm, Element, kind::Plain};
use rankwise::distributed::sort;
use rankwise::mpi::traits::Equivalence;
use rankwise::random::stream;
use voracious_radix_sort::{RadixSort, Radixable};

#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
pub(crate) enum Distribution {
    Uniform,
    Zipf,
    Equal,
    Sorted,
    Reverse,
    Normal,
}

#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
pub(crate) enum Type {
    U64,
    U32,
    F64,
    /// A key and a value of 64 bits each.
    Record,
}

/// Two numbers of 64 bits, sorted by the first.
#[derive(Debug, Clone, Copy, PartialEq, Equivalence)]
#[repr(C)]
pub(crate) struct Record {
    pub(crate) key: u64,
    pub(crate) value: u64,
}

/// A type that is measured, and how each of the Rust sorts takes it.
pub(crate) trait Sorted: Element<Plain> + Send + Sync {
    fn of(bits: u64) -> Self;
    fn order(&self, other: &Self) -> Ordering;
    fn ours(world: &Comm, mine: Vec<Self>) -> rankwise::Result<Vec<Self>>;
    fn odd_even(world: &Comm, mine: Vec<Self>) -> rankwise::Result<Vec<Self>>;
    fn voracious(keys: &mut [Self], threads: usize);
}

macro_rules! numbers {
    ($($name:ty, $bits:ident => $made:expr, $order:ident;)*) => {$(
        impl Sorted for $name {
            fn of($bits: u64) -> Self {
                $made
            }
            #[inline(always)]
            fn order(&self, other: &Self) -> Ordering {
                self.$order(other)
            }
            fn ours(world: &Comm, mine: Vec<Self>) -> rankwise::Result<Vec<Self>> {
                sort::sort(world, mine)
            }
            fn odd_even(world: &Comm, mine: Vec<Self>) -> rankwise::Result<Vec<Self>> {
                Ok(sort::odd_even(world, mine)?.0)
            }
            fn voracious(keys: &mut [Self], threads: usize) {
                if threads > 1 { keys.voracious_mt_sort(threads) } else { keys.voracious_sort() }
            }
        }
    )*};
}
numbers! {
    u64, bits => bits, cmp;
    u32, bits => bits as u32, cmp;
    f64, bits => f64::from_bits(bits), total_cmp;
}

impl PartialOrd for Record {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.key.cmp(&other.key))
    }
}

impl Radixable<u64> for Record {
    type Key = u64;
    fn key(&self) -> u64 {
        self.key
    }
}

impl Sorted for Record {
    fn of(bits: u64) -> Self {
        Record { key: bits, value: !bits }
    }
    #[inline(always)]
    fn order(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key)
    }
    fn ours(world: &Comm, mine: Vec<Self>) -> rankwise::Result<Vec<Self>> {
        sort::sort_by_key(world, mine, |record| record.key)
    }
    fn odd_even(world: &Comm, mine: Vec<Self>) -> rankwise::Result<Vec<Self>> {
        Ok(sort::odd_even_by(world, mine, Self::order, |_| Ok(()))?.0)
    }
    fn voracious(keys: &mut [Self], threads: usize) {
        if threads > 1 { keys.voracious_mt_sort(threads) } else { keys.voracious_sort() }
    }
}

/// The bits of the key number `index` of `n`.
pub(crate) fn bits(distribution: Distribution, index: usize, n: usize) -> u64 {
    let mut numbers = stream(1, index as u64);
    match distribution {
        Distribution::Uniform => numbers.random(),
        // As often as 1/k, k up to 2³².
        Distribution::Zipf => 2f64.powf(32.0 * numbers.random::<f64>()) as u64,
        Distribution::Equal => 42,
        Distribution::Sorted => index as u64,
        Distribution::Reverse => (n - index) as u64,
        Distribution::Normal => {
            let (radius, angle): (f64, f64) = (1.0 - numbers.random::<f64>(), numbers.random());
            ((-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()).to_bits()
        }
    }
}
