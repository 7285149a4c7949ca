//! Phases of a program, for the picture of a run.

use std::marker::PhantomData;
use std::panic::Location;

use super::Comm;
use crate::sys::record::{self, Kind, Span};

/// A phase that goes on until this is dropped: see [`Comm::phase`].
#[derive(Debug)]
#[must_use = "the phase ends when this is dropped"]
pub struct Phase<'a> {
    _span: Span,
    of: PhantomData<&'a Comm>,
}

impl Comm {
    /// Begins a phase of this rank, which ends when what comes back is dropped. It shows as a box of that name in the picture of
    /// the run, which `--trace run.html` or `RANKWISE_TRACE=run.html` asks for; see `docs/trace.md`. Phases may contain others.
    /// Nothing is sent; it costs two looks at the clock.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// use rankwise::prelude::*;
    ///
    /// let assembling = world.phase("assemble");
    /// let rows: f64 = (0..1000).map(f64::from).sum();
    /// drop(assembling);
    ///
    /// let _solving = world.phase("solve"); // until the end of the block
    /// world.all_reduce_one(rows, Sum)?;
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn phase(&self, name: &'static str) -> Phase<'_> {
        Phase { _span: record::span(Kind::Phase, name, Location::caller(), 0, 0), of: PhantomData }
    }
}
