//! How a graph runs: without anybody who hands out tasks. Every rank knows which are its own and what they need from whom, so
//! it also knows when it is done.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::{Act, Graph, Node, Value};
use crate::comm::{Any as AnyRank, Call, Comm, Request};
use crate::error::{Result, TaskError};
use crate::skeleton::idle::Idle;
use crate::skeleton::task::Runner;
use crate::sys::Failure;
use crate::sys::record::{self, Kind};

mod grow;
mod letters;

pub(super) use grow::Added;
use grow::OWN;
use letters::TAG;
pub(super) use letters::{decode, encode};

/// After so many tasks, or so long, a rank sends what it has and looks at what has come.
const BETWEEN: usize = 32;
const SOON: Duration = Duration::from_micros(100);
/// So many more tasks than another a rank may have for the sake of its data.
const AHEAD: usize = 4;

/// The rank of the next task: where most of what it needs is, and of these the one with fewest tasks; or the one with fewest of all, if
/// that has too many already. The first node here has the number `first`; results of those before are everywhere.
pub(super) fn place(nodes: &[Node], first: usize, needs: &[usize], loads: &mut [usize]) -> usize {
    // The search begins at another rank each time, so that ties are shared.
    let ranks = (0..loads.len()).map(|k| (first + nodes.len() + k) % loads.len());
    let idlest = ranks.min_by_key(|&rank| loads[rank]).unwrap_or(0);
    let of = |input: &usize| input.checked_sub(first).map(|place| nodes[place].rank);
    let here = |rank: usize| needs.iter().filter(|input| of(input) == Some(rank)).count();
    let nearest = match needs {
        [] => None,
        [one] => of(one),
        // Of very many, the first say enough.
        many => many
            .iter()
            .take(8)
            .filter_map(of)
            .max_by_key(|&rank| (here(rank), std::cmp::Reverse(loads[rank]))),
    };
    let rank = nearest.filter(|&rank| loads[rank] <= loads[idlest] + AHEAD).unwrap_or(idlest);
    loads[rank] += 1;
    rank
}

/// What one rank has done. Tasks are called by the numbers that they have on all ranks.
pub(super) struct Done {
    pub(super) ran: u64,
    pub(super) cancelled: u64,
    pub(super) errors: Vec<TaskError>,
    /// Tasks and the seconds that each took.
    pub(super) times: Vec<(usize, f64)>,
    /// By the numbers that they have on this rank.
    pub(super) kept: HashMap<usize, Value>,
    /// Where times are wanted, what each task needs.
    pub(super) inputs: Option<Vec<Vec<usize>>>,
}

pub(super) struct Run<'g, 'a, 'c> {
    comm: &'c Comm,
    call: Call,
    /// That of the user, and the number of the graph.
    whole: &'a Comm,
    number: u64,
    nodes: Vec<Node<'a>>,
    loads: Vec<usize>,
    names: HashMap<usize, String>,
    runner: Runner<'g>,
    timed: bool,
    /// Who needs the result of node `n`: `users[starts[n]..starts[n + 1]]`.
    starts: Vec<usize>,
    users: Vec<usize>,
    wanted: Vec<bool>,
    /// For each node, how many of its inputs are not there yet; how many tasks of this rank need its result; that; whether it failed.
    missing: Vec<usize>,
    uses: Vec<usize>,
    values: Vec<Option<Value>>,
    failed: Vec<bool>,
    ready: VecDeque<usize>,
    /// Tasks of this rank that have not run, and results of others that have not come.
    left: usize,
    awaited: usize,
    /// What tasks are called in messages that were added while the graph runs, from this number on, in which order depends on the rank;
    /// and which ones they are.
    fixed: usize,
    called: Vec<u64>,
    tasks: HashMap<u64, usize>,
    /// How many this rank was the first to add.
    first_here: u64,
    /// Who was added by which task.
    added: HashMap<usize, Range<usize>>,
    /// What other ranks have told of tasks that add others.
    told: HashMap<usize, Value>,
    /// The rest of messages that begin with the result of a task that is not known here yet.
    early: Vec<Vec<u8>>,
    /// Whether there are new tasks since these were looked at.
    grown: bool,
    /// Tasks that add others, as another rank has told, and that may do so now.
    follows: Vec<usize>,
    /// Where times are wanted, what each task needs.
    inputs: Vec<Vec<usize>>,
    /// A result as it travels, and the ranks that it goes to.
    coded: Vec<u8>,
    to: Vec<usize>,
    /// For each rank, a message that is not sent yet.
    letters: Vec<Vec<u8>>,
    sends: VecDeque<Request<'c, Vec<u8>>>,
    done: Done,
}

impl<'g, 'a, 'c> Run<'g, 'a, 'c> {
    pub(super) fn new(comm: &'c Comm, call: Call, graph: Graph<'a>, runner: Runner<'g>) -> Self {
        let nodes = graph.nodes.into_inner();
        let done = Done {
            ran: 0,
            cancelled: 0,
            errors: Vec::new(),
            times: Vec::new(),
            kept: HashMap::new(),
            inputs: None,
        };
        let mut run = Run {
            comm,
            call,
            whole: graph.comm,
            number: graph.number,
            nodes: Vec::new(),
            loads: graph.loads.into_inner(),
            names: graph.names.into_inner(),
            runner,
            timed: graph.timed,
            starts: vec![0],
            users: Vec::new(),
            wanted: Vec::new(),
            missing: Vec::new(),
            uses: Vec::new(),
            values: Vec::new(),
            failed: Vec::new(),
            ready: VecDeque::new(),
            left: 0,
            awaited: 0,
            fixed: nodes.len(),
            called: Vec::new(),
            tasks: HashMap::new(),
            first_here: 0,
            added: HashMap::new(),
            told: HashMap::new(),
            early: Vec::new(),
            grown: false,
            follows: Vec::new(),
            inputs: Vec::new(),
            coded: Vec::new(),
            to: Vec::new(),
            letters: vec![Vec::new(); comm.size()],
            sends: VecDeque::new(),
            done,
        };
        run.append(nodes, &graph.kept.into_inner(), None);
        run
    }

    /// Whether this rank has to do with it that it is ready.
    fn runs(&self, node: &Node) -> bool {
        node.adds || node.rank == self.comm.rank()
    }

    /// More nodes, which need each other and what is there already. A node that was there may need one of them.
    fn append(&mut self, new: Vec<Node<'a>>, kept: &[usize], link: Option<(usize, usize)>) {
        let (base, len, me, edges) = (self.nodes.len(), new.len(), self.comm.rank(), self.users.len());
        let inside = |input: usize| input.checked_sub(base);
        let all = || {
            let of_new = new.iter().enumerate().flat_map(|(k, node)| {
                node.inputs.iter().filter_map(move |&input| Some((inside(input)?, base + k)))
            });
            of_new.chain(link.and_then(|(input, user)| Some((inside(input)?, user))))
        };
        let mut next = vec![0; len + 1];
        all().for_each(|(input, _)| next[input + 1] += 1);
        next[0] = edges;
        for k in 0..len {
            next[k + 1] += next[k];
        }
        self.starts.extend_from_slice(&next[1..]);
        self.users.resize(next[len], 0);
        for (input, user) in all() {
            self.users[next[input]] = user;
            next[input] += 1;
        }
        self.missing.resize(base + len, 0);
        self.uses.resize(base + len, 0);
        self.wanted.resize(base + len, false);
        self.failed.resize(base + len, false);
        self.values.resize(base + len, None);
        for (id, node) in (base..).zip(&new) {
            let runs = self.runs(node);
            for &input in &node.inputs {
                self.uses[input] += usize::from(runs);
                self.missing[id] += usize::from(input >= base);
            }
            self.left += usize::from(runs);
            if node.rank == me && self.missing[id] == 0 {
                self.ready.push_back(id);
            }
            if self.timed {
                self.inputs.push(node.inputs.clone());
            }
        }
        if let Some((input, user)) = link {
            self.uses[input] += usize::from(self.nodes[user].rank == me);
        }
        for &id in kept {
            match &self.values[id] {
                // It was given to the subgraph that keeps it.
                Some(value) if id < base && me == 0 => drop(self.done.kept.insert(id, value.clone())),
                _ => self.wanted[id] = true,
            }
        }
        for (id, node) in (base..).zip(&new) {
            let comes = node.adds || self.uses[id] > 0 || me == 0 && self.wanted[id];
            self.awaited += usize::from(node.rank != me && comes);
        }
        self.nodes.extend(new);
    }

    /// Until this rank has run its tasks and has what it needs of the others.
    pub(super) fn run(mut self) -> Result<Done> {
        let (mut idle, runner, group) = (Idle::default(), self.runner, self.comm.id());
        while self.left > 0 || self.awaited > 0 || !self.sends.is_empty() {
            let (mut moved, began) = (false, Instant::now());
            for _ in 0..BETWEEN {
                let Some(id) = self.ready.pop_front() else { break };
                self.work(id)?;
                moved = true;
                if began.elapsed() > SOON {
                    break;
                }
            }
            (0..self.letters.len()).try_for_each(|rank| self.post(rank))?;
            while let Some(message) = self.comm.probe_now((AnyRank, TAG))? {
                let letter = message.recv()?;
                idle.end();
                self.open(&letter)?;
                moved = true;
            }
            self.catch_up()?;
            while let Some(first) = self.sends.front_mut() {
                if !first.test()? {
                    break;
                }
                if let Some(gone) = self.sends.pop_front() {
                    gone.wait()?;
                }
            }
            if moved {
                idle.end();
            } else {
                idle.give_way(|| runner.waits("wait for inputs", group, None));
            }
        }
        Ok(self.finish())
    }

    /// With the numbers that tasks have on all ranks: those that were added come behind the others, and those of a task with a lower number
    /// first.
    fn finish(mut self) -> Done {
        let mut order: Vec<usize> = (0..self.fixed).collect();
        let mut next = 0;
        while let Some(&id) = order.get(next) {
            order.extend(self.added.get(&id).cloned().into_iter().flatten());
            next += 1;
        }
        let mut numbers = vec![0; self.nodes.len()];
        order.iter().enumerate().for_each(|(number, &id)| numbers[id] = number);
        self.done.errors.iter_mut().for_each(|error| error.index = numbers[error.index]);
        self.done.times.iter_mut().for_each(|(id, _)| *id = numbers[*id]);
        if self.timed {
            let inputs = &self.inputs;
            let by_number = |&id: &usize| inputs[id].iter().map(|&input| numbers[input]).collect();
            self.done.inputs = Some(order.iter().map(by_number).collect());
        }
        self.done
    }

    fn wrong(&self, problem: String) -> crate::Error {
        self.call.error(Failure::Argument(problem))
    }

    /// Runs a task all of whose inputs are known.
    fn work(&mut self, id: usize) -> Result<()> {
        let inputs = std::mem::take(&mut self.nodes[id].inputs);
        let act = std::mem::replace(&mut self.nodes[id].act, Act::None);
        let (mut result, mut subgraph) = (None, None);
        let joins = matches!(act, Act::Joins);
        if inputs.iter().any(|&input| self.failed[input]) {
            // The result of a subgraph is none of its tasks.
            self.done.cancelled += u64::from(!joins);
        } else {
            let values: Option<Vec<Value>> = inputs.iter().map(|&input| self.values[input].clone()).collect();
            let Some(values) = values else {
                return Err(self.wrong(format!("task {id} has not what it needs")));
            };
            let runner = Runner { at: self.nodes[id].at, ..self.runner };
            let span = (!joins).then(|| record::span(Kind::Tasks, "task", runner.at, id as u64, 1));
            let began = (self.timed && !joins).then(Instant::now);
            let outcome = match act {
                Act::None => return Err(self.wrong(format!("task {id} runs twice"))),
                Act::Joins => Ok(values[0].clone()),
                Act::Gives(act) => {
                    let mut act = Some(act);
                    runner.run(id, || act.take().expect("a task is tried once")(&values))
                }
                Act::Adds(add) => {
                    let first = (self.comm.rank() as u64 + 1) << OWN | self.first_here;
                    // The number that people have is that of the node with the result.
                    self.grow(add, inputs.clone(), &values, &runner, id + 1, None).map(|(graph, of)| {
                        let ranks = graph.nodes.borrow().iter().map(|node| node.rank).collect();
                        let added = Added { first, ranks, hash: self.hash(&graph, of) };
                        self.first_here += added.ranks.len() as u64;
                        subgraph = Some((graph, of, first));
                        Rc::new(added) as Value
                    })
                }
            };
            if let Some(began) = began {
                self.done.times.push((id, began.elapsed().as_secs_f64()));
            }
            drop(span);
            self.done.ran += u64::from(!joins);
            // What cannot travel, and has to, is an error of its task: the others wait for it.
            let outcome = outcome.and_then(|value| {
                self.code(id, &value).map_err(|problem| runner.error(id, 0, problem, None))?;
                Ok(value)
            });
            match outcome {
                Ok(value) => result = Some(value),
                Err(mut error) => {
                    if let Some(name) = self.names.get(&error.index) {
                        error.message = format!("task {name:?}: {}", error.message);
                    }
                    self.done.errors.push(error);
                }
            }
        }
        self.send(id, result.is_some())?;
        match subgraph {
            Some((graph, of, first)) => self.adopt(id, graph, of, first),
            None => self.arrive(id, result),
        }
        self.release(&inputs);
        Ok(())
    }

    /// A task of this rank has run and needs these no more.
    fn release(&mut self, inputs: &[usize]) {
        self.left -= 1;
        for &input in inputs {
            self.uses[input] -= 1;
            if self.uses[input] == 0 {
                self.values[input] = None;
            }
        }
    }

    /// A result is there, or will never be: who waits for nothing more is ready.
    fn arrive(&mut self, id: usize, value: Option<Value>) {
        self.failed[id] = value.is_none();
        if self.wanted[id]
            && self.comm.rank() == 0
            && let Some(value) = &value
        {
            self.done.kept.insert(id, value.clone());
        }
        if self.uses[id] > 0 {
            self.values[id] = value;
        }
        let me = self.comm.rank();
        for &user in &self.users[self.starts[id]..self.starts[id + 1]] {
            self.missing[user] -= 1;
            if self.missing[user] == 0 {
                if self.nodes[user].rank == me {
                    self.ready.push_back(user);
                } else if self.nodes[user].adds {
                    self.follows.push(user);
                }
            }
        }
    }
}
