//! Reductions with a closure: any operation, commutative or not, on elements or on any value.
//!
//! They go along a tree of messages, in rank order, so the operation has to be associative only. A panic in the closure
//! travels along the same messages: it becomes an error, with its rank, where the result was to be.

use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Call, Comm, Element, value};
use crate::error::{Error, Result};
use crate::panics::caught;
use crate::partition::Partition;
use crate::sys::point_to_point::{self, Found, From};
use crate::sys::{self, Channel, Failure, Outcome, Sent};

/// The tags of what travels: a part of the result, or why there is none.
const PART: i32 = 4;
const FAULT: i32 = 5;

/// Why there is no result: rank, host, words.
type Fault = (usize, String, String);

/// What travels along the tree.
trait Load: Sized {
    fn send(&self, comm: &sys::Communicator, to: usize) -> Outcome;
    fn receive(found: Found) -> Outcome<Self>;
}

struct Elements<T, K>(Vec<T>, PhantomData<K>);

impl<T: Clone, K> Clone for Elements<T, K> {
    fn clone(&self) -> Self {
        Elements(self.0.clone(), PhantomData)
    }
}

impl<T: Element<K>, K> Load for Elements<T, K> {
    fn send(&self, comm: &sys::Communicator, to: usize) -> Outcome {
        point_to_point::send(comm, Channel::Ours, to, PART, Sent::new(&self.0)?)
    }
    fn receive(found: Found) -> Outcome<Self> {
        Ok(Elements(found.receive()?, PhantomData))
    }
}

#[derive(Clone)]
struct Value<V>(V);

impl<V: Serialize + DeserializeOwned> Load for Value<V> {
    fn send(&self, comm: &sys::Communicator, to: usize) -> Outcome {
        point_to_point::send(comm, Channel::Ours, to, PART, Sent::new(&value::encode(&self.0)?)?)
    }
    fn receive(found: Found) -> Outcome<Self> {
        Ok(Value(value::decode(&found.receive::<u8, _>()?)?))
    }
}

/// A part of the result, or why there is none.
type Part<L> = std::result::Result<L, Fault>;

/// Two parts combined, or why they do not fit each other.
type Fitting<L> = std::result::Result<L, String>;

/// One rank's way through an operation.
struct Way<'a, L> {
    comm: &'a sys::Communicator,
    world_rank: usize,
    host: &'a str,
    /// Of two parts, that of the lower ranks comes first.
    combine: &'a dyn Fn(L, L) -> Fitting<L>,
}

impl<L: Load> Way<'_, L> {
    fn send(&self, part: &Part<L>, to: usize) -> Outcome {
        match part {
            Ok(load) => load.send(self.comm, to),
            Err(fault) => {
                let words = value::encode(fault)?;
                point_to_point::send(self.comm, Channel::Ours, to, FAULT, Sent::new(&words)?)
            }
        }
    }

    fn receive(&self, from: usize) -> Outcome<Part<L>> {
        // The next message of that rank on our channel is of this operation: all ranks make the same calls in the same order.
        let found = point_to_point::find(self.comm, Channel::Ours, From { rank: Some(from), tag: None })?;
        Ok(if found.tag() == FAULT {
            Err(value::decode(&found.receive::<u8, _>()?)?)
        } else {
            // What cannot be decoded here is a failure of this rank, which the others learn of.
            L::receive(found)
                .map_err(|failure| (self.world_rank, self.host.to_owned(), value::in_words(&failure)))
        })
    }

    fn combine(&self, left: Part<L>, right: Part<L>) -> Part<L> {
        let (left, right) = (left?, right?);
        let outcome = caught(|| (self.combine)(left, right)).and_then(|outcome| outcome);
        outcome.map_err(|words| (self.world_rank, self.host.to_owned(), words))
    }

    /// The parts of all ranks in rank order, on rank 0: along a binomial tree.
    fn to_first(&self, mine: L) -> Outcome<Option<Part<L>>> {
        let (rank, size) = (self.comm.rank, self.comm.size);
        let mut part = Ok(mine);
        let mut distance = 1;
        while distance < size {
            if rank & distance != 0 {
                self.send(&part, rank - distance)?;
                return Ok(None);
            }
            if rank + distance < size {
                let theirs = self.receive(rank + distance)?;
                part = self.combine(part, theirs);
            }
            distance *= 2;
        }
        Ok(Some(part))
    }

    /// The result, on the root.
    fn to_root(&self, root: usize, mine: L) -> Outcome<Option<Part<L>>> {
        sys::counts::rank(root, self.comm.size)?;
        let part = self.to_first(mine)?;
        match part {
            Some(part) if root != 0 => {
                self.send(&part, root)?;
                Ok(None)
            }
            None if root == self.comm.rank => Ok(Some(self.receive(0)?)),
            part => Ok(part),
        }
    }

    /// The result, on all ranks: back along the tree.
    fn to_all(&self, mine: L) -> Outcome<Part<L>> {
        let (rank, size) = (self.comm.rank, self.comm.size);
        let part = match self.to_first(mine)? {
            Some(part) => part,
            // Its parent is the rank without the lowest bit.
            None => self.receive(rank & (rank - 1))?,
        };
        let below = if rank == 0 { size.next_power_of_two() } else { rank & rank.wrapping_neg() };
        let mut distance = below / 2;
        while distance > 0 {
            if rank + distance < size {
                self.send(&part, rank + distance)?;
            }
            distance /= 2;
        }
        Ok(part)
    }
}

impl<L: Load + Clone> Way<'_, L> {
    /// The parts of the ranks up to this one, and of those before it; on rank 0 nothing is before. In log₂ size rounds
    /// (Hillis, Steele 1986), in each of which a rank sends once and receives once.
    fn along(&self, mine: L) -> Outcome<(Part<L>, Option<Part<L>>)> {
        let (rank, size) = (self.comm.rank, self.comm.size);
        let (mut up_to, mut before): (Part<L>, Option<Part<L>>) = (Ok(mine), None);
        let mut distance = 1;
        while distance < size {
            // In this order nobody waits for somebody who waits for him: the last rank only receives.
            let theirs = if rank / distance % 2 == 0 {
                if rank + distance < size {
                    self.send(&up_to, rank + distance)?;
                }
                if rank >= distance { Some(self.receive(rank - distance)?) } else { None }
            } else {
                let theirs = self.receive(rank - distance)?;
                if rank + distance < size {
                    self.send(&up_to, rank + distance)?;
                }
                Some(theirs)
            };
            if let Some(theirs) = theirs {
                before = Some(match before {
                    Some(before) => self.combine(theirs.clone(), before),
                    None => theirs.clone(),
                });
                up_to = self.combine(theirs, up_to);
            }
            distance *= 2;
        }
        Ok((up_to, before))
    }
}

/// A result, or the error that says which rank's closure failed.
fn settled<L>(part: Part<L>) -> Result<L> {
    part.map_err(|(rank, host, message)| Error::Elsewhere { rank, host, message })
}

impl Comm {
    /// Runs an operation with a closure, at the one narrow place.
    fn with<L: Load, R>(
        &self,
        call: Call,
        combine: &dyn Fn(L, L) -> Fitting<L>,
        act: impl FnOnce(&Way<L>) -> Outcome<R>,
    ) -> Result<R> {
        self.perform(call, |comm| act(&Way { comm, world_rank: self.world_rank, host: &self.host, combine }))
    }

    /// The slices of all ranks combined place by place with a closure, on the root: `Some` there, `None` elsewhere. The
    /// closure gets the element of lower ranks first; it must be associative, and need not be commutative.
    ///
    /// Sends as many messages as [`reduce`](Comm::reduce), along a tree; one more when `root` is not 0. Allocates.
    ///
    /// # Collective
    /// All ranks must call this, with the same `root`, slices of the same length, and closures that do the same.
    ///
    /// # Errors
    /// On all ranks when `root` is no rank. On the root alone when a closure panicked on some rank: it is named.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let longest = world.reduce_with(0, &[world.rank() as f64], |a, b| a.hypot(b))?;
    /// assert_eq!(longest.is_some(), world.is_root());
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn reduce_with<T: Element<K>, K>(
        &self,
        root: usize,
        mine: &[T],
        combine: impl Fn(T, T) -> T,
    ) -> Result<Option<Vec<T>>> {
        let mine = Elements(mine.to_vec(), PhantomData::<K>);
        let result = self.with(
            Call::collective("reduce_with").of::<T>().root(root),
            &|a, b| place_by_place(&combine, a, b),
            |way| way.to_root(root, mine),
        )?;
        Ok(result.map(settled).transpose()?.map(|all| all.0))
    }

    /// The slices of all ranks combined place by place with a closure, on all ranks; see
    /// [`reduce_with`](Comm::reduce_with).
    ///
    /// # Collective
    /// All ranks must call this, with slices of the same length, and closures that do the same.
    ///
    /// # Errors
    /// On all ranks, when a closure panicked on some rank: it is named.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let gcd = |mut a: u64, mut b: u64| {
    ///     while b != 0 {
    ///         (a, b) = (b, a % b);
    ///     }
    ///     a
    /// };
    /// assert_eq!(world.all_reduce_with(&[12 * (world.rank() as u64 + 1), 7], gcd)?, [12, 7]);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn all_reduce_with<T: Element<K>, K>(
        &self,
        mine: &[T],
        combine: impl Fn(T, T) -> T,
    ) -> Result<Vec<T>> {
        let mine = Elements(mine.to_vec(), PhantomData::<K>);
        let result = self.with(
            Call::collective("all_reduce_with").of::<T>(),
            &|a, b| place_by_place(&combine, a, b),
            |way| way.to_all(mine),
        )?;
        Ok(settled(result)?.0)
    }

    /// The slices of ranks 0 to this one, combined place by place with a closure, which gets the element of lower ranks
    /// first. Sends log₂ size messages a rank.
    ///
    /// # Collective
    /// All ranks must call this, with slices of the same length, and closures that do the same.
    ///
    /// # Errors
    /// When a closure panicked on a rank that contributes to this one's result: it is named.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let digits = world.scan_with(&[(world.rank() + 1) as u64], |a, b| 10 * a + b)?;
    /// assert!(world.rank() != 2 || digits == [123]);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn scan_with<T: Element<K>, K>(&self, mine: &[T], combine: impl Fn(T, T) -> T) -> Result<Vec<T>> {
        let mine = Elements(mine.to_vec(), PhantomData::<K>);
        let (up_to, _) = self.with(
            Call::collective("scan_with").of::<T>(),
            &|a, b| place_by_place(&combine, a, b),
            |way| way.along(mine),
        )?;
        Ok(settled(up_to)?.0)
    }

    /// The slices of the ranks before this one, combined place by place with a closure; `None` on rank 0, which has none
    /// before it. See [`scan_with`](Comm::scan_with).
    ///
    /// # Collective
    /// As `scan_with`.
    ///
    /// # Errors
    /// As `scan_with`.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let before = world.exclusive_scan_with(&[world.rank()], |a, b| a.max(b))?;
    /// assert_eq!(before.map(|most| most[0]), world.rank().checked_sub(1));
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn exclusive_scan_with<T: Element<K>, K>(
        &self,
        mine: &[T],
        combine: impl Fn(T, T) -> T,
    ) -> Result<Option<Vec<T>>> {
        let mine = Elements(mine.to_vec(), PhantomData::<K>);
        let (_, before) = self.with(
            Call::collective("exclusive_scan_with").of::<T>(),
            &|a, b| place_by_place(&combine, a, b),
            |way| way.along(mine),
        )?;
        Ok(before.map(settled).transpose()?.map(|all| all.0))
    }

    /// The slices of all ranks combined place by place with a closure, in rank order, and this rank's block of it. Each rank
    /// sends its blocks to their ranks: one [`all_to_all_by`](Comm::all_to_all_by).
    ///
    /// # Collective
    /// All ranks must call this, with the same partition, and closures that do the same.
    ///
    /// # Errors
    /// On all ranks when the partition is not for as many ranks; on one rank alone when its slice is not as long as the
    /// partition says, or when its closure panics.
    ///
    /// ```
    /// # use rankwise::Partition;
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let blocks = Partition::even(3, world.size());
    /// let mine = world.reduce_scatter_with(&blocks, &[1, 2, 3], |a, b| a * b)?;
    /// let power = |i: usize| (i + 1).pow(world.size() as u32);
    /// assert!(mine.into_iter().eq(blocks.range(world.rank()).map(power)));
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn reduce_scatter_with<T: Element<K>, K>(
        &self,
        blocks: &Partition,
        mine: &[T],
        combine: impl Fn(T, T) -> T,
    ) -> Result<Vec<T>> {
        let call = Call::collective("reduce_scatter_with").of::<T>();
        let each = self.perform(call, |comm| super::scatter::count_of(blocks, comm))?;
        let receives = Partition::even(each * self.size(), self.size());
        let all = self.all_to_all_by(blocks, mine, &receives)?;
        let folded = caught(|| {
            (0..each)
                .map(|i| all[i..].iter().step_by(each).copied().reduce(&combine))
                .map(Option::unwrap)
                .collect()
        });
        folded.map_err(|words| call.error(Failure::Argument(words)))
    }

    /// Every rank's value combined with a closure, on the root: `Some` there, `None` elsewhere. As
    /// [`reduce_with`](Comm::reduce_with), for any `serde` type; see [`broadcast_value`](Comm::broadcast_value) for its price.
    ///
    /// # Collective
    /// All ranks must call this, with the same `root`, and closures that do the same.
    ///
    /// # Errors
    /// As `reduce_with`, and when a value cannot be encoded.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let names = world.reduce_value(0, format!("{} ", world.rank()), |a, b| a + &b)?;
    /// assert!(names.is_none_or(|names| names.starts_with("0 ")));
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn reduce_value<V: Serialize + DeserializeOwned>(
        &self,
        root: usize,
        mine: V,
        combine: impl Fn(V, V) -> V,
    ) -> Result<Option<V>> {
        let result = self.with(
            Call::collective("reduce_value").of::<V>().root(root),
            &|a: Value<V>, b| Ok(Value(combine(a.0, b.0))),
            |way| way.to_root(root, Value(mine)),
        )?;
        Ok(result.map(settled).transpose()?.map(|value| value.0))
    }

    /// Every rank's value combined with a closure, on all ranks; see [`reduce_value`](Comm::reduce_value).
    ///
    /// # Collective
    /// All ranks must call this, with closures that do the same.
    ///
    /// # Errors
    /// On all ranks, when a closure panicked on some rank, which is named; when a value cannot be encoded.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// use std::collections::BTreeSet;
    ///
    /// let mine = BTreeSet::from([world.rank() % 3]);
    /// let all = world.all_reduce_value(mine, |a, b| &a | &b)?;
    /// assert_eq!(all.len(), world.size().min(3));
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn all_reduce_value<V: Serialize + DeserializeOwned>(
        &self,
        mine: V,
        combine: impl Fn(V, V) -> V,
    ) -> Result<V> {
        let result = self.with(
            Call::collective("all_reduce_value").of::<V>(),
            &|a: Value<V>, b| Ok(Value(combine(a.0, b.0))),
            |way| way.to_all(Value(mine)),
        )?;
        Ok(settled(result)?.0)
    }

    /// The values of ranks 0 to this one, combined with a closure; see [`scan_with`](Comm::scan_with).
    ///
    /// # Collective
    /// All ranks must call this, with closures that do the same.
    ///
    /// # Errors
    /// As `scan_with`, and when a value cannot be encoded.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let path = world.scan_value(format!("/{}", world.rank()), |a, b| a + &b)?;
    /// assert!(path.starts_with("/0"));
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn scan_value<V: Serialize + DeserializeOwned + Clone>(
        &self,
        mine: V,
        combine: impl Fn(V, V) -> V,
    ) -> Result<V> {
        let (up_to, _) = self.with(
            Call::collective("scan_value").of::<V>(),
            &|a: Value<V>, b| Ok(Value(combine(a.0, b.0))),
            |way| way.along(Value(mine)),
        )?;
        Ok(settled(up_to)?.0)
    }

    /// The values of the ranks before this one, combined with a closure; `None` on rank 0. See
    /// [`scan_with`](Comm::scan_with).
    ///
    /// # Collective
    /// As `scan_value`.
    ///
    /// # Errors
    /// As `scan_value`.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let before = world.exclusive_scan_value(vec![world.rank()], |a, b| [a, b].concat())?;
    /// assert!(before.unwrap_or_default().into_iter().eq(0..world.rank()));
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn exclusive_scan_value<V: Serialize + DeserializeOwned + Clone>(
        &self,
        mine: V,
        combine: impl Fn(V, V) -> V,
    ) -> Result<Option<V>> {
        let (_, before) = self.with(
            Call::collective("exclusive_scan_value").of::<V>(),
            &|a: Value<V>, b| Ok(Value(combine(a.0, b.0))),
            |way| way.along(Value(mine)),
        )?;
        Ok(before.map(settled).transpose()?.map(|value| value.0))
    }

    /// Of one value a rank for each rank, those for this rank, combined with a closure in rank order. One
    /// [`all_to_all_values`](Comm::all_to_all_values).
    ///
    /// # Collective
    /// All ranks must call this, each with as many values as there are ranks, and closures that do the same.
    ///
    /// # Errors
    /// On one rank alone, when it has another number of values or its closure panics.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let words: Vec<String> = (0..world.size()).map(|to| format!("{}>{to} ", world.rank())).collect();
    /// let mine = world.reduce_scatter_values(&words, |a, b| a + &b)?;
    /// assert!(mine.starts_with(&format!("0>{} ", world.rank())));
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn reduce_scatter_values<V: Serialize + DeserializeOwned>(
        &self,
        mine: &[V],
        combine: impl Fn(V, V) -> V,
    ) -> Result<V> {
        let call = Call::collective("reduce_scatter_values").of::<V>();
        let all = self.all_to_all_values(mine)?;
        let folded = caught(|| all.into_iter().reduce(&combine));
        folded
            .and_then(|value| value.ok_or_else(|| "no rank".into()))
            .map_err(|words| call.error(Failure::Argument(words)))
    }
}

/// The closure for elements, on slices of them.
fn place_by_place<T: Element<K>, K>(
    combine: &impl Fn(T, T) -> T,
    left: Elements<T, K>,
    mut right: Elements<T, K>,
) -> Fitting<Elements<T, K>> {
    if left.0.len() != right.0.len() {
        return Err(format!("slices of {} and of {} elements", left.0.len(), right.0.len()));
    }
    for (left, right) in left.0.iter().zip(&mut right.0) {
        *right = combine(*left, *right);
    }
    Ok(right)
}
