//! How results travel: elements as they are, values encoded.

use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Partition;
use crate::comm::{Comm, Element, decode, encode};
use crate::error::Result;
use crate::sys::point_to_point::{self, Found};
use crate::sys::{self, Channel, Outcome, Sent};

/// A way for results to travel.
pub(super) trait Carry<R> {
    fn send(comm: &sys::Communicator, to: usize, tag: i32, results: &[R]) -> Outcome;
    fn receive(found: Found) -> Outcome<Vec<R>>;
    /// Those of all ranks, as many as `counts` says, one rank's after the other's.
    fn gather(comm: &Comm, counts: &[usize], mine: Vec<R>, to_all: bool) -> Result<Option<Vec<R>>>;
    /// In another order: stretches of these places and lengths one after the other, of what is in `first`, or behind it in `then`.
    fn in_order(first: Vec<R>, then: Vec<R>, order: &[(usize, usize)]) -> Vec<R>;
}

/// As elements of MPI.
pub(super) struct Elements<K>(PhantomData<K>);

impl<R: Element<K>, K> Carry<R> for Elements<K> {
    fn send(comm: &sys::Communicator, to: usize, tag: i32, results: &[R]) -> Outcome {
        point_to_point::send(comm, Channel::Program, to, tag, Sent::new(results)?)
    }

    fn receive(found: Found) -> Outcome<Vec<R>> {
        found.receive()
    }

    fn gather(comm: &Comm, counts: &[usize], mine: Vec<R>, to_all: bool) -> Result<Option<Vec<R>>> {
        let blocks = Partition::from_counts(counts);
        if comm.size() == 1 {
            Ok(Some(mine))
        } else if to_all {
            comm.all_gather_by(&blocks, &mine).map(Some)
        } else {
            comm.gather_by(&blocks, 0, &mine)
        }
    }

    fn in_order(first: Vec<R>, then: Vec<R>, order: &[(usize, usize)]) -> Vec<R> {
        let mut sorted = Vec::with_capacity(first.len() + then.len());
        for &(from, count) in order {
            // A stretch is of one rank, so it is in one of the two.
            sorted.extend_from_slice(match from.checked_sub(first.len()) {
                None => &first[from..from + count],
                Some(from) => &then[from..from + count],
            });
        }
        sorted
    }
}

/// As bytes.
pub(super) struct Values;

impl<R: Serialize + DeserializeOwned> Carry<R> for Values {
    fn send(comm: &sys::Communicator, to: usize, tag: i32, results: &[R]) -> Outcome {
        point_to_point::send(comm, Channel::Program, to, tag, Sent::new(&encode(results)?)?)
    }

    fn receive(found: Found) -> Outcome<Vec<R>> {
        decode(&found.receive::<u8, _>()?)
    }

    fn gather(comm: &Comm, _: &[usize], mine: Vec<R>, to_all: bool) -> Result<Option<Vec<R>>> {
        let all = if comm.size() == 1 {
            return Ok(Some(mine));
        } else if to_all {
            Some(comm.all_gather_values(&mine)?)
        } else {
            comm.gather_values(0, &mine)?
        };
        Ok(all.map(|all| all.into_iter().flatten().collect()))
    }

    fn in_order(first: Vec<R>, then: Vec<R>, order: &[(usize, usize)]) -> Vec<R> {
        let mut all: Vec<Option<R>> = first.into_iter().chain(then).map(Some).collect();
        let places = order.iter().flat_map(|&(from, count)| from..from + count);
        places.filter_map(|place| all[place].take()).collect()
    }
}
