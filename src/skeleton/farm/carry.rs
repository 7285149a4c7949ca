//! How results travel: elements as they are, values encoded.

use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Partition;
use crate::comm::{Call, Comm, Element, decode, encode};
use crate::error::Result;
use crate::sys::point_to_point::{self, Found};
use crate::sys::{self, Channel, Outcome, Sent};

/// Results that cannot travel as they are: all of them, and which ones are to blame, and why.
pub(super) type Stuck<R> = (Vec<R>, Vec<(usize, String)>);

/// A way for results to travel.
pub(super) trait Carry<R> {
    /// What travels.
    type Packed;
    fn pack(results: Vec<R>) -> std::result::Result<Self::Packed, Stuck<R>>;
    /// How many elements or bytes that is.
    fn len(packed: &Self::Packed) -> usize;
    fn send(comm: &sys::Communicator, to: usize, tag: i32, packed: &Self::Packed) -> Outcome;
    fn receive(found: Found) -> Outcome<Vec<R>>;
    /// Those of all ranks, one rank's after the other's; so long is what each has packed.
    fn gather(comm: &Comm, lengths: &[usize], mine: Self::Packed, to_all: bool) -> Result<Option<Vec<R>>>;
    /// In another order: stretches of these places and lengths one after the other, of what is in `first`, or behind it in `then`.
    fn in_order(first: Vec<R>, then: Vec<R>, order: &[(usize, usize)]) -> Vec<R>;
}

/// As elements of MPI.
pub(super) struct Elements<K>(PhantomData<K>);

impl<R: Element<K>, K> Carry<R> for Elements<K> {
    type Packed = Vec<R>;

    fn pack(results: Vec<R>) -> std::result::Result<Vec<R>, Stuck<R>> {
        Ok(results)
    }

    fn len(packed: &Vec<R>) -> usize {
        packed.len()
    }

    fn send(comm: &sys::Communicator, to: usize, tag: i32, packed: &Vec<R>) -> Outcome {
        point_to_point::send(comm, Channel::Program, to, tag, Sent::new(packed)?)
    }

    fn receive(found: Found) -> Outcome<Vec<R>> {
        found.receive()
    }

    fn gather(comm: &Comm, lengths: &[usize], mine: Vec<R>, to_all: bool) -> Result<Option<Vec<R>>> {
        gathered(comm, &Partition::from_counts(lengths), mine, to_all)
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
    type Packed = Vec<u8>;

    fn pack(results: Vec<R>) -> std::result::Result<Vec<u8>, Stuck<R>> {
        if results.is_empty() {
            return Ok(Vec::new());
        }
        if let Ok(packed) = encode(&results) {
            return Ok(packed);
        }
        let why = |(place, result)| encode(result).err().map(|failure| (place, failure.words().to_owned()));
        let blamed = results.iter().enumerate().filter_map(why).collect();
        Err((results, blamed))
    }

    fn len(packed: &Vec<u8>) -> usize {
        packed.len()
    }

    fn send(comm: &sys::Communicator, to: usize, tag: i32, packed: &Vec<u8>) -> Outcome {
        point_to_point::send(comm, Channel::Program, to, tag, Sent::new(packed)?)
    }

    fn receive(found: Found) -> Outcome<Vec<R>> {
        decode(&found.receive::<u8, _>()?)
    }

    fn gather(comm: &Comm, lengths: &[usize], mine: Vec<u8>, to_all: bool) -> Result<Option<Vec<R>>> {
        let blocks = Partition::from_counts(lengths);
        let Some(bytes) = gathered(comm, &blocks, mine, to_all)? else { return Ok(None) };
        let of = |rank| match &bytes[blocks.range(rank)] {
            [] => Ok(Vec::new()),
            some => decode::<Vec<R>>(some),
        };
        let all: Outcome<Vec<Vec<R>>> = (0..comm.size()).map(of).collect();
        let all = comm.perform(Call::new("farm"), |_| all)?;
        Ok(Some(all.into_iter().flatten().collect()))
    }

    fn in_order(first: Vec<R>, then: Vec<R>, order: &[(usize, usize)]) -> Vec<R> {
        let mut all: Vec<Option<R>> = first.into_iter().chain(then).map(Some).collect();
        let places = order.iter().flat_map(|&(from, count)| from..from + count);
        places.filter_map(|place| all[place].take()).collect()
    }
}

fn gathered<T: Element<K>, K>(
    comm: &Comm,
    blocks: &Partition,
    mine: Vec<T>,
    to_all: bool,
) -> Result<Option<Vec<T>>> {
    if comm.size() == 1 {
        Ok(Some(mine))
    } else if to_all {
        comm.all_gather_by(blocks, &mine).map(Some)
    } else {
        comm.gather_by(blocks, 0, &mine)
    }
}
