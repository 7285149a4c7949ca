//! Every rank to every rank, or each to its few partners.

use super::{Call, Comm, Element};
use crate::check;
use crate::error::Result;
use crate::partition::Partition;
use crate::sys::pending::{self, Guard, Pending};
use crate::sys::point_to_point::{Arrived, From};
use crate::sys::{self, Channel, Failure, Received, Sent, collectives, memory, point_to_point};

/// The messages of [`Comm::sparse_all_to_all`], by rank.
pub type Messages<T> = Vec<(usize, Vec<T>)>;

impl Comm {
    /// Block `r` of `mine` goes to rank `r`; what comes back is every rank's block for this one, in rank order, and how it is
    /// divided. The blocks may have any lengths.
    ///
    /// Sends the lengths first: one all-to-all of 8 bytes a pair more than [`all_to_all_by`](Comm::all_to_all_by).
    ///
    /// # Collective
    /// All ranks must call this.
    ///
    /// # Errors
    /// On one rank alone, when its partition is not for as many ranks or not as long as `mine`.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// use rankwise::Partition;
    ///
    /// // To rank r go r elements, all of them this rank's number.
    /// let sends = Partition::from_counts(&(0..world.size()).collect::<Vec<_>>());
    /// let (all, blocks) = world.all_to_all(&sends, &vec![world.rank(); sends.len()])?;
    /// assert_eq!(blocks.count(0), world.rank());
    /// assert!(all[blocks.range(0)].iter().all(|&from| from == 0));
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn all_to_all<T: Element<K>, K>(
        &self,
        blocks: &Partition,
        mine: &[T],
    ) -> Result<(Vec<T>, Partition)> {
        self.perform(Call::collective("all_to_all").of::<T>(), |comm| {
            let lengths = lengths(comm, blocks)?;
            Ok((new(comm, blocks, mine, &lengths)?, lengths))
        })
    }

    /// As [`all_to_all`](Comm::all_to_all), where every rank knows how many elements come from each. No extra message.
    ///
    /// # Collective
    /// All ranks must call this, with partitions that fit: what rank `a` sends to `b` is what `b` receives from `a`.
    ///
    /// # Errors
    /// On one rank alone, when a partition is not for as many ranks or `sends` not as long as `mine`.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// use rankwise::Partition;
    ///
    /// let one_each = Partition::even(world.size(), world.size());
    /// let mine: Vec<_> = (0..world.size()).map(|to| 10 * world.rank() + to).collect();
    /// let all = world.all_to_all_by(&one_each, &mine, &one_each)?;
    /// assert_eq!(all[0], world.rank()); // rank 0's block for this rank
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn all_to_all_by<T: Element<K>, K>(
        &self,
        sends: &Partition,
        mine: &[T],
        receives: &Partition,
    ) -> Result<Vec<T>> {
        self.perform(Call::collective("all_to_all_by").of::<T>(), |comm| {
            check::pairs(comm, sends, receives)?;
            new(comm, sends, mine, receives)
        })
    }

    /// As [`all_to_all_by`](Comm::all_to_all_by), into the caller's `all`: no allocation.
    ///
    /// # Collective
    /// As `all_to_all_by`.
    ///
    /// # Errors
    /// As `all_to_all_by`, and on one rank alone when its `all` is not as long as `receives` says.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// # use rankwise::Partition;
    /// let one_each = Partition::even(world.size(), world.size());
    /// let mut all = vec![0; world.size()];
    /// world.all_to_all_into(&one_each, &vec![world.rank(); world.size()], &one_each, &mut all)?;
    /// assert!(all.into_iter().eq(0..world.size()));
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn all_to_all_into<T: Element<K>, K>(
        &self,
        sends: &Partition,
        mine: &[T],
        receives: &Partition,
        all: &mut [T],
    ) -> Result<()> {
        self.perform(Call::collective("all_to_all_into").of::<T>(), |comm| {
            check::pairs(comm, sends, receives)?;
            collectives::all_to_all(comm, sends, Sent::new(mine)?, receives, Received::new(all)?)
        })
    }

    /// The transpose of a square of blocks that all have the same length: block `r` of `mine` goes to rank `r`. The fastest
    /// form: MPI has an algorithm of its own for it.
    ///
    /// # Collective
    /// All ranks must call this, with slices of the same length.
    ///
    /// # Errors
    /// On all ranks, when the length is not a multiple of the number of ranks.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let all = world.all_to_all_equal(&vec![world.rank(); 2 * world.size()])?;
    /// assert!(all.into_iter().eq((0..world.size()).flat_map(|from| [from, from])));
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn all_to_all_equal<T: Element<K>, K>(&self, mine: &[T]) -> Result<Vec<T>> {
        self.perform(Call::collective("all_to_all_equal").of::<T>().len(mine.len()), |comm| {
            let sent = Sent::new(mine)?;
            Ok(memory::filled(mine.len(), |room| collectives::all_to_all_equal(comm, sent, room))?.0)
        })
    }

    /// As [`all_to_all_equal`](Comm::all_to_all_equal), into the caller's `all`: no allocation.
    ///
    /// # Collective
    /// All ranks must call this, with slices of the same length.
    ///
    /// # Errors
    /// When the slices differ in length, or the length is not a multiple of the number of ranks.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let mut all = vec![0; world.size()];
    /// world.all_to_all_equal_into(&vec![world.rank(); world.size()], &mut all)?;
    /// assert!(all.into_iter().eq(0..world.size()));
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn all_to_all_equal_into<T: Element<K>, K>(&self, mine: &[T], all: &mut [T]) -> Result<()> {
        self.perform(Call::collective("all_to_all_equal_into").of::<T>().len(mine.len()), |comm| {
            collectives::all_to_all_equal(comm, Sent::new(mine)?, Received::new(all)?)
        })
    }

    /// Sends each slice to its rank; gives the messages that came for this rank, those of lower ranks first. For few partners
    /// of many: nobody says beforehand who will send to whom, and the cost is the messages and one barrier, whatever the
    /// number of ranks (Hoefler, Siebert, Lumsdaine 2010).
    ///
    /// Two messages for the same rank arrive in their order. A message may be empty, and to the rank itself.
    ///
    /// # Collective
    /// All ranks must call this, also with nothing to send.
    ///
    /// # Errors
    /// On one rank alone, when it sends to what is no rank.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let next = (world.rank() + 1) % world.size();
    /// let came = world.sparse_all_to_all(&[(next, &[world.rank(); 3])])?;
    /// assert_eq!(came.len(), 1);
    /// assert_eq!(came[0].1, [came[0].0; 3]);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn sparse_all_to_all<T: Element<K>, K>(&self, messages: &[(usize, &[T])]) -> Result<Messages<T>> {
        self.perform(Call::collective("sparse_all_to_all").of::<T>(), |comm| {
            let messages = sent(messages)?;
            let mut came: Messages<T> = Vec::new();
            collectives::sparse_all_to_all(comm, &messages, |found| {
                came.push((found.rank(), found.receive()?));
                Ok(())
            })?;
            came.sort_by_key(|(rank, _)| *rank);
            Ok(came)
        })
    }

    /// As [`sparse_all_to_all`](Comm::sparse_all_to_all), where every rank knows from whom how many elements come: no barrier,
    /// just the messages.
    ///
    /// # Collective
    /// All ranks that send or receive must call this, and what one sends is what the other expects.
    ///
    /// # Errors
    /// On one rank alone, when it names what is no rank, or another number of elements comes.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let (rank, size) = (world.rank(), world.size());
    /// let (next, before) = ((rank + 1) % size, (rank + size - 1) % size);
    /// let came = world.sparse_all_to_all_by(&[(next, &[rank as f64])], &[(before, 1)])?;
    /// assert_eq!(came, [(before, vec![before as f64])]);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn sparse_all_to_all_by<T: Element<K>, K>(
        &self,
        messages: &[(usize, &[T])],
        expected: &[(usize, usize)],
    ) -> Result<Messages<T>> {
        self.perform(Call::collective("sparse_all_to_all_by").of::<T>(), |comm| {
            let messages = sent(messages)?;
            let mut came: Messages<T> = Vec::with_capacity(expected.len());
            for &(from, len) in expected {
                came.push((from, memory::filled(len, |_| Ok(()))?.0));
            }
            let rooms = came.iter_mut().map(|(from, room)| Ok((*from, Received::new(room)?)));
            point_to_point::exchange_all(comm, &messages, rooms.collect::<sys::Outcome<Vec<_>>>()?)?;
            Ok(came)
        })
    }

    /// As [`sparse_all_to_all_by`](Comm::sparse_all_to_all_by), into the caller's slices.
    ///
    /// # Collective
    /// As `sparse_all_to_all_by`.
    ///
    /// # Errors
    /// As `sparse_all_to_all_by`.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let (rank, size) = (world.rank(), world.size());
    /// let mut ghost = [0; 2];
    /// world.sparse_all_to_all_into(&[((rank + 1) % size, &[rank; 2])], &mut [((rank + size - 1) % size, &mut ghost)])?;
    /// assert_eq!(ghost, [(rank + size - 1) % size; 2]);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn sparse_all_to_all_into<T: Element<K>, K>(
        &self,
        messages: &[(usize, &[T])],
        rooms: &mut [(usize, &mut [T])],
    ) -> Result<()> {
        self.perform(Call::collective("sparse_all_to_all_into").of::<T>(), |comm| {
            let messages = sent(messages)?;
            let rooms = rooms.iter_mut().map(|(from, room)| Ok((*from, Received::new(room)?)));
            point_to_point::exchange_all(comm, &messages, rooms.collect::<sys::Outcome<Vec<_>>>()?)
        })
    }
}

/// What a message brings, and from whom.
type Arriving<'c, T> = Pending<'c, (Vec<T>, Arrived)>;

/// Messages that are on their way, to and from ranks that know of each other: see [`Comm::start_exchange`].
#[must_use = "they have to be received"]
pub(crate) struct UnderWay<'c, T> {
    comm: &'c Comm,
    call: Call,
    /// How many elements each has to bring.
    receives: Vec<(usize, Arriving<'c, T>)>,
    sends: Vec<Pending<'c, Vec<T>>>,
}

impl Comm {
    /// Starts what [`sparse_all_to_all_by`](Comm::sparse_all_to_all_by) does, as `call`.
    pub(crate) fn start_exchange<T: Element<K>, K: 'static>(
        &self,
        call: Call,
        messages: Vec<(usize, Vec<T>)>,
        expected: &[(usize, usize)],
    ) -> Result<UnderWay<'_, T>> {
        const CHANNEL: Channel = Channel::Ours;
        // All ranks are compared, where they are, before anything is sent.
        self.perform(call, |_| Ok(()))?;
        let (guard, started, mut receives) = (Guard::for_ever(), call.started(), Vec::new());
        for &(from, len) in expected {
            let whom = From { rank: Some(from), tag: Some(point_to_point::KNOWN) };
            let start = |_: &sys::Communicator| {
                let room = memory::filled(len, |_| Ok(()))?.0;
                pending::receive_over(CHANNEL, &guard, started, &self.ours, whom, room)
            };
            receives.push((len, self.quietly(call, start)?));
        }
        let mut sends = Vec::with_capacity(messages.len());
        for (to, data) in messages {
            let to = (to, point_to_point::KNOWN);
            let start =
                |_: &sys::Communicator| pending::send_over(CHANNEL, &guard, started, &self.ours, to, data);
            sends.push(self.quietly(call, start)?);
        }
        Ok(UnderWay { comm: self, call, receives, sends })
    }
}

impl<T> UnderWay<'_, T> {
    /// Lets MPI go on with them.
    pub(crate) fn push(&mut self) -> Result<()> {
        let UnderWay { comm, call, receives, .. } = self;
        comm.quietly(*call, |_| receives.iter_mut().try_for_each(|(_, one)| one.test().map(drop)))
    }

    /// What came, in the order in which it was expected.
    pub(crate) fn finish(self) -> Result<Vec<Vec<T>>> {
        let UnderWay { comm, call, receives, sends } = self;
        comm.perform(call.rest(), |_| {
            // All are received before the first failure is told, or the next call would find the others.
            let come = |(len, one): (usize, Arriving<'_, T>)| {
                let (came, arrived) = one.wait()?;
                let (rank, got) = (arrived.rank(), arrived.len);
                if got == len {
                    return Ok(came);
                }
                let problem = format!("{got} elements came from rank {rank} instead of {len}");
                Err(Failure::Argument(problem))
            };
            let came: Vec<sys::Outcome<Vec<T>>> = receives.into_iter().map(come).collect();
            sends.into_iter().try_for_each(|sent| sent.wait().map(drop))?;
            came.into_iter().collect()
        })
    }
}

fn sent<'a, T: Element<K>, K>(messages: &[(usize, &'a [T])]) -> sys::Outcome<Vec<(usize, Sent<'a>)>> {
    messages.iter().map(|&(to, data)| Ok((to, Sent::new(data)?))).collect()
}

fn new<T: Element<K>, K>(
    comm: &sys::Communicator,
    sends: &Partition,
    mine: &[T],
    receives: &Partition,
) -> sys::Outcome<Vec<T>> {
    let mine = Sent::new(mine)?;
    let act = |room: Received| collectives::all_to_all(comm, sends, mine, receives, room);
    Ok(memory::filled(receives.len(), act)?.0)
}

/// How many elements come from each rank.
fn lengths(comm: &sys::Communicator, sends: &Partition) -> sys::Outcome<Partition> {
    let mine: Vec<usize> = sends.counts().collect();
    if mine.len() != comm.size {
        return Err(Failure::Argument(format!(
            "a partition into {} parts for {} ranks",
            mine.len(),
            comm.size
        )));
    }
    let mut lengths = vec![0usize; comm.size];
    collectives::all_to_all_equal(comm, Sent::new(&mine)?, Received::new(&mut lengths)?)?;
    match lengths.iter().try_fold(0usize, |sum, &len| sum.checked_add(len)) {
        Some(_) => Ok(Partition::from_counts(&lengths)),
        None => Err(Failure::Argument("the lengths of all ranks sum to more than memory can have".into())),
    }
}
