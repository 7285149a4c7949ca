//! How much has been moved so far: what the report ends with.

use std::cell::Cell;

/// What this rank has moved so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Totals {
    pub(crate) written: u64,
    pub(crate) read: u64,
    pub(crate) writing: f64,
    pub(crate) reading: f64,
    pub(crate) transfers: u64,
    /// Of these, so many were collective calls that HDF5 made rank by rank.
    pub(crate) broken: u64,
    pub(crate) checkpoints: u64,
    pub(crate) saving: f64,
}

impl Totals {
    /// In the order of the report.
    pub(crate) fn numbers(&self) -> [f64; 8] {
        let Totals { written, read, writing, reading, transfers, broken, checkpoints, saving } = *self;
        let [written, read] = [written, read].map(|bytes| bytes as f64);
        let [transfers, broken, checkpoints] = [transfers, broken, checkpoints].map(|n| n as f64);
        [written, read, writing, reading, transfers, broken, checkpoints, saving]
    }
}

thread_local! {
    static TOTALS: Cell<Totals> = const { Cell::new(Totals {
        written: 0, read: 0, writing: 0.0, reading: 0.0, transfers: 0, broken: 0, checkpoints: 0, saving: 0.0,
    }) };
}

/// Of this rank, since its start.
pub(crate) fn totals() -> Totals {
    TOTALS.get()
}

#[cfg(feature = "h5")]
pub(crate) fn count(change: impl FnOnce(&mut Totals)) {
    let mut totals = TOTALS.get();
    change(&mut totals);
    TOTALS.set(totals);
}
