//! One call of an operation: its name, its place in the program, and what must be the same on all ranks.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::Location;

use crate::sys::memory::without_paths;
use crate::sys::pending::Half;
use crate::sys::point_to_point::From;
use crate::sys::record::{Kind, Made, place};
use crate::sys::slate::Written;

/// One call, as its rank makes it.
#[derive(Debug, Clone, Copy, PartialEq)]
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

/// What a slate has of a call.
pub(super) const NAMES: usize = 3;
pub(super) const NUMBERS: usize = 9;

/// For whom a call waits.
#[derive(Debug, Clone, Copy, PartialEq)]
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

    /// For a slate, with the group that makes it, and its number there.
    #[inline]
    pub(super) fn written(&self, group: u64, number: u64) -> Written<NAMES, NUMBERS> {
        let some = |n: Option<usize>| n.map_or(0, |n| (n as u64).wrapping_add(1));
        let (kind, to, from) = match self.waits {
            Waits::Nobody => (0, None, None),
            Waits::All => (1, None, None),
            #[cfg(feature = "h5")]
            Waits::Some => (2, None, None),
            Waits::Rest => (3, None, None),
            Waits::Peers { to, from } => (4, to, from),
            Waits::Any => (5, None, None),
        };
        let (to, to_tag) = to.map_or((0, 0), |(rank, tag)| (some(Some(rank)), u64::from(tag as u32)));
        let (from, from_tag) = from.map_or((0, 0), |from| {
            let rank = from.rank.map_or(1, |rank| (rank as u64).wrapping_add(2));
            (rank, from.tag.map_or(0, |tag| u64::from(tag as u32) + 1))
        });
        Written {
            names: [self.operation, self.element.unwrap_or(""), self.with.unwrap_or("")],
            at: self.at,
            numbers: [
                kind | u64::from(self.long) << 8,
                to,
                to_tag,
                from,
                from_tag,
                some(self.root),
                some(self.len),
                group,
                number,
            ],
        }
    }

    /// The call that was [`written`](Call::written), the group and the number.
    pub(super) fn read(written: &Written<NAMES, NUMBERS>) -> (Self, u64, u64) {
        let [kind, to, to_tag, from, from_tag, root, len, group, number] = written.numbers;
        let some = |n: u64| n.checked_sub(1).map(|n| n as usize);
        let from = from
            .checked_sub(1)
            .map(|rank| From { rank: some(rank), tag: from_tag.checked_sub(1).map(|tag| tag as u32 as i32) });
        let waits = match kind & 0xff {
            1 => Waits::All,
            #[cfg(feature = "h5")]
            2 => Waits::Some,
            3 => Waits::Rest,
            4 => Waits::Peers { to: some(to).map(|rank| (rank, to_tag as u32 as i32)), from },
            5 => Waits::Any,
            _ => Waits::Nobody,
        };
        let [operation, element, with] = written.names;
        let name = |name: &'static str| Some(name).filter(|name| !name.is_empty());
        let call = Call {
            operation,
            at: written.at,
            waits,
            long: kind >> 8 != 0,
            element: name(element),
            with: name(with),
            root: some(root),
            len: some(len),
        };
        (call, group, number)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_read_as_it_was_written() {
        let any = From { rank: None, tag: None };
        let one = From { rank: Some(0), tag: Some(0) };
        let calls = [
            Call::new("nobody"),
            Call::any("any"),
            Call::collective("all").of::<f64>().with::<Call>().root(0).len(0),
            Call::collective("all").len(7).rest(),
            #[cfg(feature = "h5")]
            Call::collective("some").root(3).or_nobody(),
            Call::new("to").to(5, 32767).bytes(1 << 30),
            Call::new("from").from(any),
            Call::new("both").to(0, 0).from(one),
            Call::new("wrong").to(1 << 40, -1).from(From { rank: Some(9), tag: Some(i32::MIN) }),
        ];
        for (number, call) in (3..).zip(calls) {
            assert_eq!(Call::read(&call.written(1 << 40, number)), (call, 1 << 40, number));
        }
    }
}
