//! Communicators of our own: private duplicates whose errors are returned instead of ending the program.

use std::cell::Cell;
use std::ffi::{CString, c_int};
use std::marker::PhantomData;

use mpi::ffi;
use mpi::raw::{AsRaw, FromRaw};
use mpi::topology::SimpleCommunicator;

use super::failure::{Failure, Outcome, check};
use super::process;
use super::waiting::patiently;

/// Ranks that communicate, over two private MPI communicators: one for collective calls and what they send among
/// themselves, and one for the messages of the program, so that a receive from any rank with any tag finds only those.
///
/// Freed when dropped, unless MPI has ended by then. Not `Send`: MPI is asked for `MPI_THREAD_FUNNELED`, so only the thread
/// that started it may call.
#[derive(Debug)]
pub(crate) struct Communicator {
    ours: Handle,
    messages: Handle,
    pub(crate) rank: usize,
    pub(crate) size: usize,
    /// By this number the checks know it.
    pub(crate) id: Cell<u64>,
    /// Which of several duplicates of the same ranks it is: messages of one never meet another's.
    pub(super) lane: u32,
    /// How many duplicates were made of it.
    duplicates: Cell<u32>,
    /// How often ranks have sent to few others, which gives each round a tag of its own.
    pub(super) rounds: Cell<u32>,
    _one_thread: PhantomData<*const ()>,
}

/// Which of the two communicators a message goes over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Channel {
    /// What collective operations send among themselves.
    Ours,
    /// What the program sends.
    Program,
}

/// An MPI communicator that is freed when dropped.
#[derive(Debug)]
struct Handle(ffi::MPI_Comm);

impl Handle {
    fn new(make: impl FnOnce(*mut ffi::MPI_Comm) -> c_int) -> Outcome<Self> {
        // SAFETY: a constant of the library, read only.
        let mut raw = unsafe { ffi::RSMPI_COMM_NULL };
        check(make(&mut raw))?;
        Ok(Handle(raw))
    }

    /// From now on errors come back as return codes.
    fn returning_errors(self) -> Outcome<Self> {
        // SAFETY: the communicator is live.
        check(unsafe { ffi::MPI_Comm_set_errhandler(self.0, ffi::RSMPI_ERRORS_RETURN) })?;
        Ok(self)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: a constant of the library, read only.
        let none = self.0 == unsafe { ffi::RSMPI_COMM_NULL };
        // Not on the way out of a panic: freeing is collective, and the others may be elsewhere.
        if !none && process::alive().is_ok() && !std::thread::panicking() {
            // SAFETY: the handle is ours, live, and not used again. Errors cannot be reported from here.
            unsafe { ffi::MPI_Comm_free(&mut self.0) };
        }
    }
}

impl Communicator {
    /// Duplicates `of`. Collective over `of`.
    pub(crate) fn duplicate<C: AsRaw<Raw = ffi::MPI_Comm>>(of: &C) -> Outcome<Self> {
        process::started()?;
        let mut between_groups: c_int = 0;
        // SAFETY: `AsRaw` promises a live communicator; MPI runs, as just checked.
        check(unsafe { ffi::MPI_Comm_test_inter(of.as_raw(), &mut between_groups) })?;
        if between_groups != 0 {
            // Its collectives receive from the other group, of another size than this one.
            return Err(Failure::Argument("an inter-communicator: merge it first".into()));
        }
        // SAFETY: as above; the pointer is to a live local.
        Self::over(Handle::new(|raw| unsafe { duplicate(of.as_raw(), raw) })?)
    }

    /// The ranks with the same `color`, in the order of `key`, then of rank; `None` without a color. Collective.
    pub(crate) fn split(&self, color: Option<usize>, key: i64) -> Outcome<Option<Self>> {
        let wanted = color_of(color).and_then(|color| Ok((color, key_of(key)?)));
        // Also with arguments that cannot work, or the others would wait: then without a part.
        let (color, key) = wanted.as_ref().map_or((color_of(None)?, 0), |&wanted| wanted);
        // SAFETY: the communicator is live, the pointer is to a live local.
        let part = Handle::new(|raw| unsafe { ffi::MPI_Comm_split(self.ours.0, color, key, raw) })?;
        wanted?;
        Self::part(part)
    }

    /// The same ranks once more. Collective.
    pub(crate) fn again(&self) -> Outcome<Self> {
        // SAFETY: the communicator is live, the pointer is to a live local.
        let mut again = Self::over(Handle::new(|raw| unsafe { duplicate(self.ours.0, raw) })?)?;
        self.duplicates.set(self.duplicates.get() + 1);
        (again.id, again.lane) = (self.id.clone(), self.duplicates.get());
        Ok(again)
    }

    /// The ranks that can share memory with this one, in the order of rank. Collective.
    pub(crate) fn split_by_node(&self) -> Outcome<Self> {
        // SAFETY: the communicator is live, the pointer is to a live local; the constants are read only.
        let part = Handle::new(|raw| unsafe {
            ffi::MPI_Comm_split_type(self.ours.0, ffi::RSMPI_COMM_TYPE_SHARED, 0, ffi::RSMPI_INFO_NULL, raw)
        })?;
        Self::part(part)?.ok_or_else(|| Failure::Argument("no node".into()))
    }

    fn part(raw: Handle) -> Outcome<Option<Self>> {
        // SAFETY: a constant of the library, read only.
        if raw.0 == unsafe { ffi::RSMPI_COMM_NULL } {
            return Ok(None);
        }
        Self::over(raw).map(Some)
    }

    fn over(ours: Handle) -> Outcome<Self> {
        process::notice_the_end()?;
        let ours = ours.returning_errors()?;
        // SAFETY: the communicator is live, the pointer is to a live local.
        let messages = Handle::new(|raw| unsafe { duplicate(ours.0, raw) })?.returning_errors()?;
        let (mut rank, mut size): (c_int, c_int) = (0, 0);
        // SAFETY: as above.
        unsafe {
            check(ffi::MPI_Comm_rank(ours.0, &mut rank))?;
            check(ffi::MPI_Comm_size(ours.0, &mut size))?;
        }
        let not_negative =
            |n: c_int| usize::try_from(n).map_err(|_| Failure::Argument(format!("a rank or size of {n}")));
        let (rank, size) = (not_negative(rank)?, not_negative(size)?);
        Ok(Communicator {
            ours,
            messages,
            rank,
            size,
            id: Cell::new(0),
            lane: 0,
            duplicates: Cell::new(0),
            rounds: Cell::new(0),
            _one_thread: PhantomData,
        })
    }

    /// The ranks that these have in the world, in their order; `u32::MAX` for one that is not in it.
    pub(crate) fn world_ranks(&self) -> Outcome<Vec<u32>> {
        let len = super::counts::int(self.size)?;
        let ours: Vec<c_int> = (0..len).collect();
        let mut theirs = vec![0 as c_int; self.size];
        // SAFETY: the communicators are live; the groups are freed once; both arrays have `len` numbers.
        unsafe {
            let (mut group, mut world) = (ffi::RSMPI_GROUP_NULL, ffi::RSMPI_GROUP_NULL);
            check(ffi::MPI_Comm_group(self.ours.0, &mut group))?;
            check(ffi::MPI_Comm_group(ffi::RSMPI_COMM_WORLD, &mut world))?;
            let code = ffi::MPI_Group_translate_ranks(group, len, ours.as_ptr(), world, theirs.as_mut_ptr());
            check(ffi::MPI_Group_free(&mut group))?;
            check(ffi::MPI_Group_free(&mut world))?;
            check(code)?;
        }
        Ok(theirs.into_iter().map(|rank| u32::try_from(rank).unwrap_or(u32::MAX)).collect())
    }

    /// Gives it the name that debuggers and tracers show.
    pub(crate) fn set_name(&self, name: &str) {
        // MPI_MAX_OBJECT_NAME is 64 on Open MPI, 128 on MPICH. A name is a comfort: without one all works alike.
        let short: String = name.chars().filter(char::is_ascii).take(60).collect();
        if let Ok(text) = CString::new(short) {
            // SAFETY: the communicator is live, the string ends in a zero byte; MPI copies it.
            unsafe { ffi::MPI_Comm_set_name(self.ours.0, text.as_ptr()) };
        }
    }

    /// The handle for collective calls, used while `self` lives.
    #[inline]
    pub(super) fn raw(&self) -> ffi::MPI_Comm {
        self.ours.0
    }

    /// The handle for messages, used while `self` lives.
    #[inline]
    pub(super) fn channel(&self, channel: Channel) -> ffi::MPI_Comm {
        match channel {
            Channel::Ours => self.ours.0,
            Channel::Program => self.messages.0,
        }
    }
}

/// As MPI_Comm_dup.
///
/// # Safety
/// The communicator is live, and `into` may be written.
unsafe fn duplicate(of: ffi::MPI_Comm, into: *mut ffi::MPI_Comm) -> c_int {
    // SAFETY: by this function's contract.
    unsafe { patiently!(MPI_Comm_dup or MPI_Comm_idup(of, into)) }
}

fn color_of(color: Option<usize>) -> Outcome<c_int> {
    match color {
        // SAFETY: a constant of the library, read only.
        None => Ok(unsafe { ffi::RSMPI_UNDEFINED }),
        Some(color) => super::counts::int(color),
    }
}

fn key_of(key: i64) -> Outcome<c_int> {
    c_int::try_from(key)
        .map_err(|_| Failure::Argument(format!("a key of {key} does not fit MPI's int: keys order ranks")))
}

/// A duplicate for the `mpi` crate. That crate relies on an error handler that ends the program: it gets the one of the world,
/// which names the rank. Collective.
pub(crate) fn for_the_mpi_crate(of: &Communicator) -> Outcome<SimpleCommunicator> {
    // SAFETY: the communicator is live; the handle is used only after the call that makes it.
    unsafe {
        let mut raw = ffi::RSMPI_COMM_NULL;
        check(duplicate(of.raw(), &mut raw))?;
        super::mpi_errors::are_fatal_on(raw)?;
        Ok(SimpleCommunicator::from_raw(raw))
    }
}
