//! Values of any `serde` type: encoded, sent as bytes, decoded.
//!
//! The format is that of the crate `postcard`. Encoding and decoding takes time and memory that plain slices do not, so these
//! calls have names of their own.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::broadcast::NOTHING;
use super::message::shifts;
use super::{Call, Comm, Destination, Messages, Source};
use crate::error::Result;
use crate::sys::pending;
use crate::sys::point_to_point::{self, From};
use crate::sys::{self, Channel, Failure, Outcome, Received, Sent, collectives, memory};

/// The tags on our channel: of values, and of why there is none.
const VALUE: i32 = 7;
const NO_VALUE: i32 = 9;
/// Values that fit into this with their length are broadcast in one message.
const SHORT: usize = 256;

pub(crate) fn encode<V: Serialize + ?Sized>(value: &V) -> Outcome<Vec<u8>> {
    // Sized first, so that large values are not moved from one allocation to the next while they grow.
    let refused = |error| Failure::Argument(format!("cannot encode {}: {error}", memory::name::<V>()));
    let size = postcard::experimental::serialized_size(value).map_err(refused)?;
    postcard::to_extend(value, Vec::with_capacity(size)).map_err(refused)
}

pub(crate) fn decode<V: DeserializeOwned>(bytes: &[u8]) -> Outcome<V> {
    let (value, rest) = postcard::take_from_bytes(bytes)
        .map_err(|error| Failure::Argument(format!("what came is no {}: {error}", memory::name::<V>())))?;
    if rest.is_empty() {
        return Ok(value);
    }
    Err(Failure::Argument(format!(
        "what came is no {}: it has {} bytes more",
        memory::name::<V>(),
        rest.len()
    )))
}

impl Comm {
    /// The root's value, on all ranks. Only the root's is read; the others give `None`. For any `serde` type.
    ///
    /// Encodes on the root and decodes on all ranks. One broadcast for values of up to 248 bytes, else two. Long numeric
    /// arrays inside a value are faster with [`bulk`], and fastest as slices: [`broadcast`](Comm::broadcast).
    ///
    /// # Collective
    /// All ranks must call this, with the same `root` and type.
    ///
    /// # Errors
    /// On all ranks, when the root gives `None`, `root` is no rank, or the value cannot be encoded.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let settings = world.is_root().then(|| (String::from("gauss"), vec![0.1, 0.2]));
    /// let (kernel, bandwidths) = world.broadcast_value(0, settings.as_ref())?;
    /// assert_eq!((kernel.as_str(), bandwidths), ("gauss", vec![0.1, 0.2]));
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn broadcast_value<V: Serialize + DeserializeOwned>(
        &self,
        root: usize,
        value: Option<&V>,
    ) -> Result<V> {
        self.perform(Call::collective("broadcast_value").of::<V>().root(root), |comm| {
            let mine = value.filter(|_| comm.rank == root).map(encode);
            // A failure of the root's is everyone's.
            let (mine, failure) = match mine.transpose() {
                Ok(mine) => (mine, None),
                Err(failure) => (None, Some(failure)),
            };
            let mut head = [0u8; SHORT];
            let length = mine.as_ref().map_or(NOTHING, |bytes| bytes.len() as u64);
            head[..8].copy_from_slice(&length.to_le_bytes());
            if let Some(short) = mine.as_ref().filter(|bytes| bytes.len() <= SHORT - 8) {
                head[8..8 + short.len()].copy_from_slice(short);
            }
            collectives::broadcast(comm, root, Received::new(&mut head)?)?;
            let length = u64::from_le_bytes(head[..8].try_into().unwrap_or_default());
            match usize::try_from(length) {
                _ if length == NOTHING => Err(failure.unwrap_or_else(|| {
                    Failure::Argument(format!("rank {root}, the root, has no value, or cannot encode it"))
                })),
                Ok(len) if len <= SHORT - 8 => decode(&head[8..8 + len]),
                Ok(len) if comm.rank != root => {
                    let act = |room: Received| collectives::broadcast(comm, root, room);
                    decode(&memory::filled::<u8, _, _>(len, act)?.0)
                }
                Ok(_) => {
                    let mut bytes = mine.unwrap_or_default();
                    collectives::broadcast(comm, root, Received::new(&mut bytes)?)?;
                    decode(&bytes)
                }
                Err(_) => Err(Failure::Argument(format!("{length} bytes do not fit in memory"))),
            }
        })
    }

    /// One of the root's values for each rank. Only the root's are read; the others give `None`. For any `serde` type.
    ///
    /// One message to each rank, no more: the lengths go with them.
    ///
    /// # Collective
    /// All ranks must call this, with the same `root` and type.
    ///
    /// # Errors
    /// On the root alone, when it has no values, not one for each rank, or one that cannot be encoded.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let names: Option<Vec<String>> = world.is_root().then(|| (0..world.size()).map(|i| format!("#{i}")).collect());
    /// assert_eq!(world.scatter_values(0, names.as_deref())?, format!("#{}", world.rank()));
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    #[must_use = "each rank's share is lost unless it is used"]
    pub fn scatter_values<V: Serialize + DeserializeOwned>(
        &self,
        root: usize,
        values: Option<&[V]>,
    ) -> Result<V> {
        self.perform(Call::collective("scatter_values").of::<V>().root(root), |comm| {
            sys::counts::rank(root, comm.size)?;
            if comm.rank != root {
                return receive(comm, root);
            }
            let none = || Failure::Argument(format!("rank {root}, the root, has no values"));
            let encoded = one_for_each(comm, values.ok_or_else(none));
            let others = (0..comm.size).filter(|&to| to != root);
            let sent: Vec<_> = others.map(|to| (to, &encoded[to])).collect();
            sending_values(comm, &sent, || decoded(&encoded[root]))
        })
    }

    /// Every rank's value, in rank order, on the root: `Some` there, `None` elsewhere. For any `serde` type. One message from
    /// each rank.
    ///
    /// # Collective
    /// All ranks must call this, with the same `root` and type.
    ///
    /// # Errors
    /// On all ranks when `root` is no rank; on one rank alone when its value cannot be encoded.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// if let Some(hosts) = world.gather_values(0, &world.host().to_owned())? {
    ///     assert_eq!(hosts.len(), world.size());
    /// }
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn gather_values<V: Serialize + DeserializeOwned>(
        &self,
        root: usize,
        mine: &V,
    ) -> Result<Option<Vec<V>>> {
        self.perform(Call::collective("gather_values").of::<V>().root(root), |comm| {
            sys::counts::rank(root, comm.size)?;
            let mine = encode(mine);
            if comm.rank != root {
                return sending_values(comm, &[(root, &mine)], || Ok(None));
            }
            from_all(comm, &mine).map(Some)
        })
    }

    /// Every rank's value, in rank order, on all ranks. For any `serde` type. Sends the lengths first.
    ///
    /// # Collective
    /// All ranks must call this, with the same type.
    ///
    /// # Errors
    /// On one rank alone when its value cannot be encoded.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let all = world.all_gather_values(&vec!["x"; world.rank()].concat())?;
    /// assert_eq!(all.last().map(String::len), Some(world.size() - 1));
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn all_gather_values<V: Serialize + DeserializeOwned>(&self, mine: &V) -> Result<Vec<V>> {
        self.perform(Call::collective("all_gather_values").of::<V>(), |comm| {
            let mine = encode(mine)?;
            let blocks = super::gather::lengths_of_all(comm, mine.len())?;
            let sent = Sent::new(&mine)?;
            let act = |room: Received| collectives::all_gather(comm, &blocks, sent, room);
            let (all, ()) = memory::filled::<u8, _, _>(blocks.len(), act)?;
            (0..comm.size).map(|rank| decode(&all[blocks.range(rank)])).collect()
        })
    }

    /// Value `r` of `mine` goes to rank `r`; what comes back is every rank's value for this one, in rank order. For any `serde`
    /// type. One message to each other rank.
    ///
    /// # Collective
    /// All ranks must call this, each with as many values as there are ranks, of the same type.
    ///
    /// # Errors
    /// On one rank alone, when it has another number of values, or one that cannot be encoded.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let words: Vec<String> = (0..world.size()).map(|to| format!("{} to {to}", world.rank())).collect();
    /// assert_eq!(world.all_to_all_values(&words)?[0], format!("0 to {}", world.rank()));
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn all_to_all_values<V: Serialize + DeserializeOwned>(&self, mine: &[V]) -> Result<Vec<V>> {
        self.perform(Call::collective("all_to_all_values").of::<V>(), |comm| {
            let encoded = one_for_each(comm, Ok(mine));
            let others = (0..comm.size).filter(|&to| to != comm.rank);
            let sent: Vec<_> = others.map(|to| (to, &encoded[to])).collect();
            sending_values(comm, &sent, || from_all(comm, &encoded[comm.rank]))
        })
    }

    /// Sends each value to its rank; gives the values that came for this rank, those of lower ranks first. For any `serde`
    /// type. As [`sparse_all_to_all`](Comm::sparse_all_to_all).
    ///
    /// # Collective
    /// All ranks must call this, also with nothing to send.
    ///
    /// # Errors
    /// On one rank alone, when it sends to what is no rank, or a value cannot be encoded or decoded.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let next = (world.rank() + 1) % world.size();
    /// let came = world.sparse_all_to_all_values(&[(next, String::from("hello"))])?;
    /// assert_eq!(came[0].1, "hello");
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn sparse_all_to_all_values<V: Serialize + DeserializeOwned>(
        &self,
        messages: &[(usize, V)],
    ) -> Result<Vec<(usize, V)>> {
        self.perform(Call::collective("sparse_all_to_all_values").of::<V>(), |comm| {
            let encoded = messages.iter().map(|(to, value)| Ok((*to, encode(value)?)));
            let encoded = encoded.collect::<Outcome<Vec<_>>>()?;
            let sent = encoded.iter().map(|(to, bytes)| Ok((*to, Sent::new(bytes)?)));
            let mut came: Messages<u8> = Vec::new();
            collectives::sparse_all_to_all(comm, &sent.collect::<Outcome<Vec<_>>>()?, |found| {
                came.push((found.rank(), found.receive()?));
                Ok(())
            })?;
            came.sort_by_key(|(rank, _)| *rank);
            came.iter().map(|(rank, bytes)| Ok((*rank, decode(bytes)?))).collect()
        })
    }

    /// Sends a value to a rank, which receives it with [`recv_value`](Comm::recv_value). For any `serde` type. One message.
    ///
    /// # Errors
    /// As [`send`](Comm::send), and when the value cannot be encoded.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// if world.size() > 1 && world.rank() < 2 {
    ///     match world.rank() {
    ///         0 => world.send_value(1, &("seven", 7))?,
    ///         _ => assert_eq!(world.recv_value::<(String, i32)>(0)?.1, 7),
    ///     }
    /// }
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn send_value<V: Serialize + ?Sized>(&self, to: impl Into<Destination>, value: &V) -> Result<()> {
        let to = to.into();
        let call = Call::new("send_value").to(to.rank, to.tag);
        self.perform(call, |comm| {
            let bytes = encode(value)?;
            if to.rank == comm.rank {
                return pending::send_to_itself(call.started(), comm, to.tag, &bytes);
            }
            point_to_point::send(comm, Channel::Program, to.rank, to.tag, Sent::new(&bytes)?)
        })
    }

    /// The next value from a rank, or from [`Any`](super::Any), that was sent by [`send_value`](Comm::send_value).
    ///
    /// # Errors
    /// When there is no such rank, or what comes is no such value.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let sending = world.isend_value(world.rank(), &vec![Some("a"), None])?;
    /// let came: Vec<Option<String>> = world.recv_value(world.rank())?;
    /// assert_eq!(came, [Some("a".into()), None]);
    /// # sending.wait()?;
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn recv_value<V: DeserializeOwned>(&self, from: impl Into<Source>) -> Result<V> {
        let from = from.into().0;
        self.perform(Call::new("recv_value").from(from), |comm| {
            decode(&point_to_point::find(comm, Channel::Program, from)?.receive::<u8, _>()?)
        })
    }

    /// Sends a value to one rank and receives one from another, or the same, at once.
    ///
    /// # Errors
    /// As [`send_value`](Comm::send_value) and [`recv_value`](Comm::recv_value).
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let partner = world.size() - 1 - world.rank();
    /// let theirs: String = world.send_recv_value(partner, world.host(), partner)?;
    /// assert!(!theirs.is_empty());
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn send_recv_value<V: Serialize + ?Sized, W: DeserializeOwned>(
        &self,
        to: impl Into<Destination>,
        value: &V,
        from: impl Into<Source>,
    ) -> Result<W> {
        let (to, from) = (to.into(), from.into().0);
        self.perform(Call::new("send_recv_value").to(to.rank, to.tag).from(from), |comm| {
            let bytes = encode(value)?;
            let (to, sent) = ((to.rank, to.tag), Sent::new(&bytes)?);
            decode(&point_to_point::send_receive_new::<u8, _>(comm, Channel::Program, to, sent, from)?)
        })
    }

    /// Around a ring: sends a value to the rank that is `by` further, and gives that of the rank as far before. See
    /// [`shift`](Comm::shift).
    ///
    /// # Collective
    /// All ranks must call this, with the same `by` and type.
    ///
    /// # Errors
    /// When the value cannot be encoded.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let left: String = world.shift_value(1, &world.rank().to_string())?;
    /// assert_eq!(left, ((world.rank() + world.size() - 1) % world.size()).to_string());
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn shift_value<V: Serialize + ?Sized, W: DeserializeOwned>(&self, by: isize, value: &V) -> Result<W> {
        let (to, from) = self.ring(by);
        self.perform(shifts(Call::new("shift_value"), to, from), |comm| {
            let bytes = encode(value);
            sending_values(comm, &[(to, &bytes)], || receive(comm, from))
        })
    }
}

/// What goes to each rank: a value encoded, or why there is none.
fn one_for_each<V: Serialize>(comm: &sys::Communicator, values: Outcome<&[V]>) -> Vec<Outcome<Vec<u8>>> {
    let failed = |words: String| (0..comm.size).map(|_| Err(Failure::Argument(words.clone()))).collect();
    match values {
        Ok(values) if values.len() == comm.size => values.iter().map(encode).collect(),
        Ok(values) => failed(format!("{} values for {} ranks", values.len(), comm.size)),
        Err(failure) => failed(in_words(&failure)),
    }
}

/// Sends each value, or why there is none, so that nobody waits for one; meanwhile runs `receive`. A failure of this rank's own
/// comes first.
fn sending_values<R>(
    comm: &sys::Communicator,
    values: &[(usize, &Outcome<Vec<u8>>)],
    receive: impl FnOnce() -> Outcome<R>,
) -> Outcome<R> {
    let words: Vec<Vec<u8>> = values
        .iter()
        .map(|(_, value)| value.as_ref().err().map_or(Vec::new(), |f| in_words(f).into_bytes()))
        .collect();
    let messages = values.iter().zip(&words).map(|((to, value), words)| match value {
        Ok(bytes) => Ok((*to, VALUE, Sent::new(bytes)?)),
        Err(_) => Ok((*to, NO_VALUE, Sent::new(words)?)),
    });
    let received = point_to_point::sending(comm, &messages.collect::<Outcome<Vec<_>>>()?, receive);
    match words.iter().find(|words| !words.is_empty()) {
        Some(words) => Err(Failure::Argument(String::from_utf8_lossy(words).into_owned())),
        None => received,
    }
}

/// Every rank's value, this one's from `mine`. All are received before the first failure is told, or the next call would find
/// the others.
fn from_all<V: DeserializeOwned>(comm: &sys::Communicator, mine: &Outcome<Vec<u8>>) -> Outcome<Vec<V>> {
    let all: Vec<Outcome<V>> = (0..comm.size)
        .map(|from| if from == comm.rank { decoded(mine) } else { receive(comm, from) })
        .collect();
    all.into_iter().collect()
}

fn decoded<V: DeserializeOwned>(mine: &Outcome<Vec<u8>>) -> Outcome<V> {
    match mine {
        Ok(bytes) => decode(bytes),
        Err(failure) => Err(Failure::Argument(in_words(failure))),
    }
}

pub(super) fn in_words(failure: &Failure) -> String {
    match failure {
        Failure::Argument(words) | Failure::Mpi { text: words, .. } => words.clone(),
    }
}

fn receive<V: DeserializeOwned>(comm: &sys::Communicator, from: usize) -> Outcome<V> {
    // The next message of that rank on our channel is of this operation: all ranks make the same calls in the same order.
    let found = point_to_point::find(comm, Channel::Ours, From { rank: Some(from), tag: None })?;
    let none = found.tag() == NO_VALUE;
    let bytes = found.receive::<u8, _>()?;
    if none {
        return Err(Failure::Argument(format!("of rank {from}: {}", String::from_utf8_lossy(&bytes))));
    }
    decode(&bytes)
}

/// Long arrays of numbers inside a value, encoded as one block of memory instead of number by number:
/// `#[serde(with = "rankwise::comm::bulk")]` at a field of type `Vec<T>`. They are copied once into the message, and once out
/// of it. The ranks have processors with the same order of bytes, as MPI's plain calls want it, too.
///
/// ```
/// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Image {
///     title: String,
///     #[serde(with = "rankwise::comm::bulk")]
///     pixels: Vec<f32>,
/// }
/// let image = world.is_root().then(|| Image { title: "dawn".into(), pixels: vec![0.5; 1 << 16] });
/// let image = world.broadcast_value(0, image.as_ref())?;
/// assert_eq!((image.title.as_str(), image.pixels.len()), ("dawn", 1 << 16));
/// # Ok(()) }) }
/// ```
pub mod bulk {
    use std::fmt;
    use std::marker::PhantomData;

    use serde::de::{Deserializer, Error, Visitor};
    use serde::ser::Serializer;

    use crate::sys::memory;
    use crate::sys::number::Number;

    /// The numbers as one block of bytes.
    ///
    /// # Errors
    /// When the format refuses.
    pub fn serialize<T: Number, S: Serializer>(numbers: &[T], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(memory::bytes(numbers))
    }

    /// The numbers that [`serialize`] has written.
    ///
    /// # Errors
    /// When it is not a whole number of them.
    pub fn deserialize<'de, T: Number, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
        struct Bytes<T>(PhantomData<T>);
        impl<T: Number> Visitor<'_> for Bytes<T> {
            type Value = Vec<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "the bytes of {}s", memory::name::<T>())
            }
            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<T>, E> {
                memory::numbers(bytes).ok_or_else(|| E::invalid_length(bytes.len(), &self))
            }
        }
        deserializer.deserialize_bytes(Bytes(PhantomData))
    }
}
