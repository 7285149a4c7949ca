//! One call of an operation: its name, its place in the program, and what must be the same on all ranks.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::Location;

use crate::sys::memory::without_paths;
use crate::sys::pending::Half;
use crate::sys::point_to_point::From;
use crate::sys::record::{Kind, Made, place};

/// One call, as its rank makes it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    pub(crate) operation: &'static str,
    pub(crate) at: &'static Location<'static>,
    pub(super) waits: Waits,
    /// What it sends is longer than what MPI keeps: it is not gone before its receiver takes it.
    pub(super) long: bool,
    element: Option<&'static str>,
    with: Option<&'static str>,
    root: Option<usize>,
    len: Option<usize>,
}

/// For whom a call waits.
#[derive(Debug, Clone, Copy)]
pub(super) enum Waits {
    Nobody,
    /// All ranks must make it.
    All,
    /// As `All`, but a rank that has failed may not come, and the others not wait for it: nothing is compared before.
    #[cfg(feature = "h5")]
    Some,
    /// As `All`, for what was compared when it began.
    Rest,
    /// For a rank to receive, to send, or both; with tags.
    Peers {
        to: Option<(usize, i32)>,
        from: Option<From>,
    },
    /// For any of several messages.
    Any,
}

impl Call {
    /// A call that waits for nobody.
    #[track_caller]
    #[inline]
    pub(crate) fn new(operation: &'static str) -> Self {
        Call {
            operation,
            at: place(Location::caller()),
            waits: Waits::Nobody,
            long: false,
            element: None,
            with: None,
            root: None,
            len: None,
        }
    }

    /// A call that all ranks must make.
    #[track_caller]
    #[inline]
    pub(crate) fn collective(operation: &'static str) -> Self {
        Call { waits: Waits::All, ..Call::new(operation) }
    }

    /// One that a rank which has failed makes, too, and that does not wait for the others for ever.
    #[inline]
    #[cfg(feature = "h5")]
    pub(crate) fn or_nobody(self) -> Self {
        Call { waits: Waits::Some, ..self }
    }

    /// By another name: a part of it that has its own.
    #[inline]
    pub(crate) fn named(self, operation: &'static str) -> Self {
        Call { operation, ..self }
    }

    /// The rest of one that was compared when it began.
    #[inline]
    pub(crate) fn rest(self) -> Self {
        Call { waits: Waits::Rest, ..self }
    }

    /// On elements of this type.
    #[inline]
    pub(crate) fn of<T>(self) -> Self {
        Call { element: Some(std::any::type_name::<T>()), ..self }
    }

    /// A call that waits for any of several messages.
    #[track_caller]
    pub(crate) fn any(operation: &'static str) -> Self {
        Call { waits: Waits::Any, ..Call::new(operation) }
    }

    /// The message that it sends or receives, if it is one.
    pub(crate) fn half(&self) -> Option<Half> {
        match self.waits {
            Waits::Peers { to: Some((rank, tag)), from: None } => Some(Half::To(rank, tag)),
            Waits::Peers { to: None, from: Some(from) } => Some(Half::From(from)),
            _ => None,
        }
    }

    /// Combines with this operation.
    #[inline]
    pub(crate) fn with<R>(self) -> Self {
        Call { with: Some(std::any::type_name::<R>()), ..self }
    }

    #[inline]
    pub(crate) fn root(self, root: usize) -> Self {
        Call { root: Some(root), ..self }
    }

    /// On so many elements, on every rank.
    #[inline]
    pub(crate) fn len(self, len: usize) -> Self {
        Call { len: Some(len), ..self }
    }

    /// Sends to a rank, with a tag.
    #[inline]
    pub(crate) fn to(self, rank: usize, tag: i32) -> Self {
        let from = match self.waits {
            Waits::Peers { from, .. } => from,
            _ => None,
        };
        Call { waits: Waits::Peers { to: Some((rank, tag)), from }, ..self }
    }

    /// Sends so many bytes.
    #[inline]
    pub(crate) fn bytes(self, bytes: usize) -> Self {
        /// More than any MPI keeps, unless it is told to.
        const LONG: usize = 1 << 20;
        Call { long: bytes >= LONG, ..self }
    }

    /// Receives.
    #[inline]
    pub(crate) fn from(self, from: From) -> Self {
        let to = match self.waits {
            Waits::Peers { to, .. } => to,
            _ => None,
        };
        Call { waits: Waits::Peers { to, from: Some(from) }, ..self }
    }

    /// Whether it counts among the calls of all ranks.
    #[inline]
    pub(super) fn is_collective(&self) -> bool {
        !matches!(self.waits, Waits::Nobody | Waits::Any | Waits::Peers { .. })
    }

    /// What is recorded of it.
    #[inline]
    pub(super) fn made(&self, group: u64, number: u64) -> Made {
        let (kind, peers) = match self.waits {
            Waits::All => (Kind::Collective, (None, None)),
            #[cfg(feature = "h5")]
            Waits::Some => (Kind::File, (None, None)),
            Waits::Rest => (Kind::Wait, (None, None)),
            Waits::Peers { to, from } => (Kind::Call, (to.map(|to| to.0), from.and_then(|from| from.rank))),
            Waits::Nobody | Waits::Any => (Kind::Call, (None, None)),
        };
        Made { kind, operation: self.operation, at: self.at, group, number, peers, root: self.root }
    }

    /// Equal where the same call is made, from wherever in the program.
    pub(super) fn hash(&self, number: u64, before: u64) -> u64 {
        hashed((self.operation, self.element, self.with, self.root, self.len, number, before))
    }
}

/// The same on all ranks.
pub(crate) fn hashed(what: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.operation)?;
        let types = [self.element, self.with].into_iter().flatten().map(without_paths).collect::<Vec<_>>();
        if !types.is_empty() {
            write!(f, "<{}>", types.join(", "))?;
        }
        if let Some(len) = self.len {
            write!(f, "[{len}]")?;
        }
        if let Some(root) = self.root {
            write!(f, " root {root}")?;
        }
        let tagged = |tag: i32| if tag == 0 { String::new() } else { format!(" tag {tag}") };
        if let Waits::Peers { to, from } = self.waits {
            if let Some((rank, tag)) = to {
                write!(f, " to rank {rank}{}", tagged(tag))?;
            }
            if let Some(From { rank, tag }) = from {
                match rank {
                    Some(rank) => write!(f, " from rank {rank}")?,
                    None => f.write_str(" from any rank")?,
                }
                f.write_str(&tag.map_or_else(|| " with any tag".into(), tagged))?;
            }
        }
        Ok(())
    }
}
