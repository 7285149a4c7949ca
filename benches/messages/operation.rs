//! The operations that are measured: what they are called, how long their buffers are, and what must come out.

use clap::ValueEnum;

/// One operation. The variants of a name, in C, Python and Rust, are found by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Operation {
    Broadcast,
    Scatter,
    Gather,
    AllGather,
    AllToAll,
    Reduce,
    AllReduce,
    ReduceScatter,
    Scan,
    ExclusiveScan,
    PingPong,
    SendRecv,
}

impl Operation {
    pub(crate) fn name(self) -> String {
        self.to_possible_value().expect("none is skipped").get_name().to_owned()
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::from_str(name, false).ok()
    }

    /// The length of what a rank gives, for blocks of `count` elements.
    pub(crate) fn given(self, count: usize, ranks: usize) -> usize {
        match self {
            Self::Scatter | Self::AllToAll | Self::ReduceScatter => count * ranks,
            _ => count,
        }
    }

    /// The length of what a rank receives; of what the root does, where only the root receives.
    pub(crate) fn received(self, count: usize, ranks: usize) -> usize {
        match self {
            Self::Gather | Self::AllGather | Self::AllToAll => count * ranks,
            _ => count,
        }
    }

    /// How many messages after each other are counted as one; the time given is that of one.
    pub(crate) fn messages(self) -> usize {
        if self == Self::PingPong { 2 } else { 1 }
    }

    /// How many calls it takes on its way, one after the other: a message is sent and received.
    pub(crate) fn calls(self) -> f64 {
        if self == Self::PingPong { 2.0 } else { 1.0 }
    }

    /// Element `i` of what rank `rank` receives when rank 0 is the root and rank `r` gives `value(r, 0)`, `value(r, 1)`, …
    /// `None` where it receives nothing.
    pub(crate) fn expected(self, rank: usize, ranks: usize, count: usize, i: usize) -> Option<f64> {
        let sum = |of: std::ops::Range<usize>, i| of.map(|r| value(r, i)).sum();
        match self {
            Self::Broadcast => Some(value(0, i)),
            Self::Scatter => Some(value(0, rank * count + i)),
            Self::Gather => (rank == 0).then(|| value(i / count, i % count)),
            Self::AllGather => Some(value(i / count, i % count)),
            Self::AllToAll => Some(value(i / count, rank * count + i % count)),
            Self::Reduce => (rank == 0).then(|| sum(0..ranks, i)),
            Self::AllReduce => Some(sum(0..ranks, i)),
            Self::ReduceScatter => Some(sum(0..ranks, rank * count + i)),
            Self::Scan => Some(sum(0..rank + 1, i)),
            // MPI leaves open what the first rank has.
            Self::ExclusiveScan => (rank > 0).then(|| sum(0..rank, i)),
            Self::PingPong => (rank ^ 1 < ranks).then(|| value(rank ^ 1, i)),
            Self::SendRecv => Some(value((rank + ranks - 1) % ranks, i)),
        }
    }
}

/// Whole numbers, whose sums are exact in any order.
pub(crate) fn value(rank: usize, i: usize) -> f64 {
    (1 + rank * 1000 + i % 997) as f64
}
