//! A number that all ranks take from, without anybody who hands it out.

use super::{Call, Comm};
use crate::error::{Error, Result};
use crate::sys::process::OPEN_MPI;
use crate::sys::windows::SharedNumber;

/// What is behind it when Open MPI cannot make a window (seen with Debian's 4.1.4, over TCP).
const NO_WINDOWS: &str = ". This Open MPI has no windows for ranks on several machines, as it is set here; with the variable \
                          OMPI_MCA_osc=^ucx it has them";

/// A counter that starts at 0 and that every rank can read and add to at any time: who takes the next piece of work adds to
/// it, and no rank is spent on handing out. It is in the memory of rank 0. On one node all ranks add to it there (a
/// window of shared memory, MPI 3.1, section 11.2.3); on several it is reached by one-sided MPI (`MPI_Fetch_and_op`, section 11.3.4), which
/// some MPIs carry out only while rank 0 is in a call of MPI.
///
/// ```
/// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
/// use rankwise::comm::Sum;
///
/// let (counter, mut mine) = (world.counter()?, 0);
/// while counter.fetch_add(1)? < 100 {
///     mine += 1; // piece of work
/// }
/// assert_eq!(world.all_reduce_one(mine, Sum)?, 100);
/// # Ok(()) }) }
/// ```
#[derive(Debug)]
pub struct Counter<'a> {
    comm: &'a Comm,
    number: SharedNumber,
}

impl Comm {
    /// A new [`Counter`], at 0.
    ///
    /// With Open MPI before 5, parts of the world that span nodes and share some must not make theirs at the same time: their windows
    /// get the same name there. Ranks of one node are not concerned.
    ///
    /// # Collective
    /// All ranks must call this. To drop it is not collective: the counter is freed at the end of the program, or by
    /// [`Counter::free`].
    ///
    /// # Errors
    /// When MPI refuses.
    #[track_caller]
    pub fn counter(&self) -> Result<Counter<'_>> {
        let call = Call::collective("counter");
        let made = self.perform(call, |comm| SharedNumber::new(call.started(), comm, 0));
        let number = made.map_err(|error| match error {
            Error::Mpi { operation, at, class, text } if OPEN_MPI && text.contains("MPI_ERR_WIN") => {
                Error::Mpi { operation, at, class, text: text + NO_WINDOWS }
            }
            other => other,
        })?;
        Ok(Counter { comm: self, number })
    }
}

impl Counter<'_> {
    /// Adds `n`; what the counter was before. Not collective: any rank, at any time. Wraps around at 2⁶⁴.
    ///
    /// # Errors
    /// When MPI refuses.
    #[track_caller]
    pub fn fetch_add(&self, n: u64) -> Result<u64> {
        self.comm.perform(Call::new("fetch_add").root(0), |_| self.number.fetch_add(n))
    }

    /// Frees it now, and not at the end of the program.
    ///
    /// # Collective
    /// All ranks must call this.
    #[track_caller]
    pub fn free(self) {
        self.free_in(Call::collective("free"));
    }

    /// As [`free`](Counter::free), shown as this call of all ranks.
    pub(crate) fn free_in(self, call: Call) {
        let _here = self.comm.waits_for_all(call);
        self.number.free();
    }

    /// What the counter is. Not collective.
    ///
    /// # Errors
    /// When MPI refuses.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let done = world.counter()?;
    /// done.fetch_add(10)?;
    /// world.barrier()?;
    /// assert_eq!(done.get()?, 10 * world.size() as u64);
    /// world.barrier()?;
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn get(&self) -> Result<u64> {
        self.comm.perform(Call::new("get").root(0), |_| self.number.get())
    }
}
