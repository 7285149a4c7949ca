//! One copy of a large input for all ranks of a node.

use std::error::Error as StdError;
use std::ops::Deref;

use super::{Call, Comm, Element};
use crate::error::Result;
use crate::sys::windows::SharedSlice;

/// Elements that are in memory once on each node, filled by one rank of it and read by all: see [`Comm::node_shared`]. It is
/// a slice.
#[derive(Debug)]
pub struct NodeShared<T> {
    slice: SharedSlice<T>,
}

impl<T> NodeShared<T> {
    /// Frees the memory now, and not at the end of the program.
    ///
    /// # Collective
    /// All ranks must call this.
    pub fn free(self) {
        self.slice.free();
    }
}

impl<T> Deref for NodeShared<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        self.slice.as_slice()
    }
}

impl Comm {
    /// `len` elements, once on each node, filled by `fill` on one rank of each, which gets them zeroed. All ranks wait until
    /// they are filled, and then read them at the speed of their own memory; nobody can write to them any more.
    ///
    /// Memory: that of the elements once a node, in /dev/shm. Sends a few small messages within the node.
    ///
    /// # Collective
    /// All ranks must call this, with the same `len`. To drop what it gives is not collective: the memory is freed at the end of
    /// the program, or by [`NodeShared::free`].
    /// `fill` runs on [`leaders`](super::Nodes::leaders) only, so it must not call what all ranks have to.
    ///
    /// # Errors
    /// On all ranks, when there is no such memory on a node, or `fill` fails on one.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let squares = world.node_shared(1000, |squares: &mut [f64]| {
    ///     squares.iter_mut().enumerate().for_each(|(i, square)| *square = (i * i) as f64);
    ///     Ok(())
    /// })?;
    /// assert_eq!(squares[30], 900.0);
    /// # Ok(()) }) }
    /// ```
    ///
    /// From a rank that has it, the leaders get it by broadcast, into the shared memory itself:
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let nodes = world.split_by_node()?;
    /// let table = world.node_shared(3, |table: &mut [f64]| {
    ///     if world.is_root() {
    ///         table.copy_from_slice(&[1.5, 2.5, 3.5]);
    ///     }
    ///     Ok(nodes.leaders().expect("fill runs on leaders").broadcast_into(0, table)?)
    /// })?;
    /// assert_eq!(table[..], [1.5, 2.5, 3.5]);
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn node_shared<T: Element<K>, K>(
        &self,
        len: usize,
        fill: impl FnOnce(&mut [T]) -> Result<(), Box<dyn StdError>>,
    ) -> Result<NodeShared<T>> {
        let call = Call::collective("node_shared");
        let node = self.perform(call, |comm| comm.split_by_node())?;
        let leads = node.rank == 0;
        if !crate::program::is_running() {
            // The memory goes with MPI; `run` sees to it that it is not used any more by then.
            let problem = "only in a program that was started by rankwise::run".into();
            return Err(call.error(crate::sys::Failure::Argument(problem)));
        }
        // MPI does not say so on all ranks when there is not enough.
        let wanted = (len as u64).saturating_mul(size_of::<T>() as u64);
        let room = crate::sys::windows::room_on_node().filter(|&room| leads && room < wanted);
        self.agree(match room {
            Some(room) => {
                Err(format!("no memory for {len} elements: {wanted} bytes, and /dev/shm has {room}"))
            }
            None => Ok(()),
        })?;
        let slice = self.perform(call, |_| SharedSlice::new(call.started(), node, len));
        let mut slice = self.agree(slice)?;
        // Between two calls, so that one that `fill` makes is seen: who calls what all have to is told so.
        let filled = if leads { fill(slice.room()) } else { Ok(()) };
        self.perform(call, |_| slice.settle())?;
        self.agree(filled)?;
        Ok(NodeShared { slice })
    }

    /// The root's `data`, once on each node: it is `Some` there, and is not looked at elsewhere. For a large input that all tasks read.
    ///
    /// Memory: that of `data` once a node, in /dev/shm. It is sent to one rank of each node.
    ///
    /// # Collective
    /// All ranks must call this. To free it, see [`node_shared`](Comm::node_shared).
    ///
    /// # Errors
    /// On all ranks, when the root gives `None`, or when there is no such memory on a node.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let table = world.is_root().then(|| (0..1000).map(f64::from).collect::<Vec<_>>());
    /// let table = world.shared_from_root(table.as_deref())?;
    /// let sums = world.farm(0..10usize).run(|k| table[100 * k..100 * (k + 1)].iter().sum::<f64>())?;
    /// assert!(sums.is_none_or(|sums| sums[0] == 4950.0));
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn shared_from_root<T: Element<K>, K>(&self, data: Option<&[T]>) -> Result<NodeShared<T>> {
        let len = self.on_root(|| match data {
            Some(data) => Ok(data.len()),
            None => Err("the root has no data to share".into()),
        })?;
        let len = self.broadcast(0, len.as_ref().map(std::slice::from_ref))?[0];
        let nodes = self.split_by_node()?;
        self.node_shared(len, |copy: &mut [T]| {
            if let (true, Some(data)) = (self.is_root(), data) {
                copy.copy_from_slice(data);
            }
            let leaders = nodes.leaders().expect("the first rank of a node fills");
            Ok(leaders.broadcast_into(0, copy)?)
        })
    }
}
