//! Parts of the ranks that work by themselves: by a color, or by the node they run on.

use super::{Call, Comm};
use crate::error::Result;
use crate::sys::Failure;

/// The ranks of each node, and one of each node: see [`Comm::split_by_node`].
#[derive(Debug)]
pub struct Nodes {
    node: Comm,
    leaders: Option<Comm>,
    index: usize,
    count: usize,
}

impl Nodes {
    /// The ranks of this rank's node, which share memory: `world/node 0`.
    pub fn node(&self) -> &Comm {
        &self.node
    }

    /// Rank 0 of each node, in the order of nodes: `world/leaders`. `None` on the other ranks.
    pub fn leaders(&self) -> Option<&Comm> {
        self.leaders.as_ref()
    }

    /// This rank's node: 0 to `count() - 1`, in the order of their first ranks.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Number of nodes.
    pub fn count(&self) -> usize {
        self.count
    }
}

impl Comm {
    /// The ranks with the same `color`, ordered by `key`, those of the same key by rank: `world/part 1`. `None` for a rank
    /// without a color.
    ///
    /// # Collective
    /// All ranks must call this.
    ///
    /// # Errors
    /// On one rank alone, when its color or key does not fit MPI's `int`.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// // Even ranks work together, odd ones together, and the last one alone does not take part.
    /// let color = (world.rank() + 1 < world.size()).then_some(world.rank() % 2);
    /// if let Some(half) = world.split(color, 0)? {
    ///     assert_eq!(half.rank(), world.rank() / 2);
    ///     assert_eq!(half.name(), format!("world/part {}", world.rank() % 2));
    /// }
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn split(&self, color: Option<usize>, key: i64) -> Result<Option<Comm>> {
        self.perform(Call::collective("split"), |comm| match (comm.split(color, key)?, color) {
            (Some(part), Some(color)) => self.part(part, &format!("part {color}")).map(Some),
            _ => Ok(None),
        })
    }

    /// The ranks of this rank's node, which share memory: `world/node 0`.
    ///
    /// # Collective
    /// All ranks must call this.
    ///
    /// # Errors
    /// When MPI refuses.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let node = world.node()?;
    /// assert!(node.name().starts_with("world/node ") && node.size() <= world.size());
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn node(&self) -> Result<Comm> {
        Ok(self.split_by_node()?.node)
    }

    /// The ranks of each node, and one of each node, for work in two steps: within nodes, then among them.
    ///
    /// # Collective
    /// All ranks must call this.
    ///
    /// # Errors
    /// When MPI refuses.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// use rankwise::comm::Sum;
    ///
    /// let nodes = world.split_by_node()?;
    /// let of_node = nodes.node().reduce(0, &[1], Sum)?;
    /// if let (Some(leaders), Some(of_node)) = (nodes.leaders(), of_node) {
    ///     assert_eq!(leaders.size(), nodes.count());
    ///     assert_eq!(leaders.all_reduce(&of_node, Sum)?, [world.size()]);
    /// }
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn split_by_node(&self) -> Result<Nodes> {
        let call = Call::collective("split_by_node");
        let (node, leaders) = self.perform(call, |comm| {
            let node = comm.split_by_node()?;
            let leads = node.rank == 0;
            Ok((node, comm.split(leads.then_some(0), 0)?))
        })?;
        let mine = leaders.as_ref().map_or([0, 0], |leaders| [leaders.rank, leaders.size]);
        let [index, count] = self.quietly(call, |_| {
            let mut place = mine;
            crate::sys::collectives::broadcast(&node, 0, crate::sys::Received::new(&mut place)?)?;
            Ok(place)
        })?;
        let part = |ours, name: &str| self.quietly(call, |_| self.part(ours, name));
        let node = part(node, &format!("node {index}"))?;
        let leaders = leaders.map(|leaders| part(leaders, "leaders")).transpose()?;
        if count == 0 {
            return Err(call.error(Failure::Argument("a node without a leader".into())));
        }
        Ok(Nodes { node, leaders, index, count })
    }
}
