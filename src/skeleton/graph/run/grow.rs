//! Tasks that add others while the graph runs. One rank does it first and tells the others of it; each adds the same tasks, once it has
//! what they are made of.

use std::cell::RefCell;
use std::error::Error as StdError;

use serde::{Deserialize, Serialize};

use super::super::{Act, Adds, Graph, Of, Value};
use super::Run;
use crate::error::{Result, TaskError};
use crate::skeleton::task::Runner;

/// What tasks are called that a rank is the first to add while the graph runs: this many bits are their count, those before it its number and 1.
pub(super) const OWN: u32 = 40;

/// What the rank of a task that adds others tells of them, so that all do the same.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::skeleton::graph) struct Added {
    /// What the first is called in messages; the others follow it.
    pub(super) first: u64,
    pub(super) ranks: Vec<usize>,
    /// What they need, which are kept, and which one has the result.
    pub(super) hash: u64,
}

impl<'a> Run<'_, 'a, '_> {
    /// Runs a closure that adds tasks, for node `number`; where it is not the first to do so, on these ranks.
    pub(super) fn grow(
        &self,
        add: Adds<'a>,
        given: Vec<usize>,
        values: &[Value],
        runner: &Runner,
        number: usize,
        ranks: Option<Vec<usize>>,
    ) -> std::result::Result<(Graph<'a>, Of), TaskError> {
        let graph = Graph {
            comm: self.whole,
            number: self.number,
            nodes: RefCell::default(),
            first: self.nodes.len(),
            given,
            ranks,
            loads: RefCell::new(self.loads.clone()),
            kept: RefCell::default(),
            names: RefCell::default(),
            go_on: false,
            timed: false,
        };
        let mut add = Some(add);
        let of = runner.run(number, || {
            let of = add.take().expect("a task is tried once")(&graph, values)?;
            graph.own(of);
            Ok::<_, Box<dyn StdError>>(of)
        })?;
        Ok((graph, of))
    }

    /// What is the same on all ranks if they have added the same tasks, which have other numbers on each.
    pub(super) fn hash(&self, graph: &Graph, of: Of) -> u64 {
        let alike = |id: usize| match id.checked_sub(graph.first) {
            Some(place) => (true, place),
            None => (false, graph.given.iter().position(|&given| given == id).unwrap_or(usize::MAX)),
        };
        let nodes = graph.nodes.borrow();
        let needs = nodes.iter().map(|node| node.inputs.iter().map(|&id| alike(id)).collect::<Vec<_>>());
        let kept: Vec<_> = graph.kept.borrow().iter().map(|&id| alike(id)).collect();
        crate::check::hashed((needs.collect::<Vec<_>>(), kept, alike(of.task)))
    }

    /// The tasks that node `id` has added become some of all.
    pub(super) fn adopt(&mut self, id: usize, graph: Graph<'a>, of: Of, first: u64) {
        let (base, nodes, result) = (self.nodes.len(), graph.nodes.into_inner(), id + 1);
        let range = base..base + nodes.len();
        for (called, id) in (first..).zip(range.clone()) {
            self.called.push(called);
            self.tasks.insert(called, id);
            self.loads[nodes[id - base].rank] += 1;
        }
        self.names.extend(graph.names.into_inner());
        // In time, each comes after the one that has added it.
        self.append(nodes, &graph.kept.into_inner(), Some((of.task, result)));
        if self.timed {
            range.clone().for_each(|new| self.inputs[new].push(id));
            self.inputs[result].push(of.task);
        }
        self.added.insert(id, range);
        self.grown = true;
        // What waited for the subgraph waits for its result.
        self.uses[id] = 0;
        self.nodes[result].inputs = vec![of.task];
        self.missing[result] = usize::from(of.task >= base);
        if of.task < base && self.nodes[result].rank == self.comm.rank() {
            self.ready.push_back(result);
        }
    }

    /// Adds what another rank has added, once its results are here, too.
    pub(super) fn follow(&mut self, id: usize) -> Result<()> {
        if self.missing[id] > 0 {
            return Ok(());
        }
        let Some(told) = self.told.remove(&id) else { return Ok(()) };
        let inputs = std::mem::take(&mut self.nodes[id].inputs);
        let values: Option<Vec<Value>> = inputs.iter().map(|&input| self.values[input].clone()).collect();
        let act = std::mem::replace(&mut self.nodes[id].act, Act::None);
        let (Some(values), Act::Adds(add), Some(told)) = (values, act, told.downcast_ref::<Added>()) else {
            return Err(self.wrong(format!("task {id} cannot add what another rank has added")));
        };
        let (at, first) = (self.nodes[id].at, self.nodes[id].rank);
        let runner = Runner { at, ..self.runner };
        let grown = self.grow(add, inputs.clone(), &values, &runner, id + 1, Some(told.ranks.clone()));
        let others = |problem: String| {
            let advice = "all ranks must add the same tasks of the same results";
            self.wrong(format!("the subgraph at {at} is not that of rank {first}: {problem}; {advice}"))
        };
        let (graph, of) = grown.map_err(|error| others(error.message))?;
        let (here, there) = (graph.nodes.borrow().len(), told.ranks.len());
        if here != there {
            return Err(others(format!("it has {here} tasks instead of {there}")));
        }
        if self.hash(&graph, of) != told.hash {
            return Err(others("its tasks need other ones, or another one has the result".into()));
        }
        self.adopt(id, graph, of, told.first);
        self.release(&inputs);
        Ok(())
    }

    /// Adds what may be added now, and reads on in messages that had results of tasks that were not known: perhaps they are.
    pub(super) fn catch_up(&mut self) -> Result<()> {
        while self.grown || !self.follows.is_empty() {
            if std::mem::take(&mut self.grown) {
                std::mem::take(&mut self.early).iter().try_for_each(|letter| self.open(letter))?;
            }
            while let Some(id) = self.follows.pop() {
                self.follow(id)?;
            }
        }
        Ok(())
    }
}
