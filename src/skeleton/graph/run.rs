//! How a graph runs: without anybody who hands out tasks. Every rank knows which are its own and what they need from whom, so
//! it also knows when it is done.

use std::any::Any;
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use super::{Coded, Decoded, Node, Value};
use crate::comm::{Any as AnyRank, Call, Comm, Request};
use crate::error::{Result, TaskError};
use crate::skeleton::idle::give_way;
use crate::skeleton::pipeline::Item;
use crate::skeleton::task::Runner;
use crate::sys::record::{self, Kind};
use crate::sys::{Failure, memory};

const TAG: i32 = 0;
/// A message is not made longer than this, if it is of several results.
const MESSAGE: usize = 16 << 10;
/// After so many tasks, or so long, a rank sends what it has and looks at what has come.
const BETWEEN: usize = 32;
const SOON: Duration = Duration::from_micros(100);
/// So many more tasks than another a rank may have for the sake of its data.
const AHEAD: usize = 4;

/// The rank of a task: where most of what it needs is, and of these the one with fewest tasks; or the one with fewest of all, if that
/// has too many already.
pub(super) fn place(nodes: &[Node], needs: &[usize], loads: &mut [usize], id: usize) -> usize {
    // The search begins at another rank each time, so that ties are shared.
    let ranks = (0..loads.len()).map(|k| (id + k) % loads.len());
    let idlest = ranks.min_by_key(|&rank| loads[rank]).unwrap_or(0);
    let here = |rank: usize| needs.iter().filter(|&&input| nodes[input].rank == rank).count();
    let nearest = match needs {
        [] => None,
        [one] => Some(nodes[*one].rank),
        // Of very many, the first say enough.
        many => many
            .iter()
            .take(8)
            .map(|&input| nodes[input].rank)
            .max_by_key(|&rank| (here(rank), std::cmp::Reverse(loads[rank]))),
    };
    let rank = nearest.filter(|&rank| loads[rank] <= loads[idlest] + AHEAD).unwrap_or(idlest);
    loads[rank] += 1;
    rank
}

pub(super) fn encode<T: Item>(value: &dyn Any, message: Vec<u8>) -> Coded<Vec<u8>> {
    let value = value.downcast_ref::<T>().ok_or("a result of another type")?;
    postcard::to_extend(value, message)
        .map_err(|error| format!("cannot encode {}: {error}", memory::name::<T>()))
}

pub(super) fn decode<T: Item>(message: &[u8]) -> Decoded<'_> {
    let (value, rest) = postcard::take_from_bytes::<T>(message)
        .map_err(|error| format!("what came is no {}: {error}", memory::name::<T>()))?;
    Ok((std::rc::Rc::new(value), rest))
}

/// What one rank has done.
pub(super) struct Done {
    pub(super) ran: u64,
    pub(super) cancelled: u64,
    pub(super) errors: Vec<TaskError>,
    /// Tasks and the seconds that each took.
    pub(super) times: Vec<(usize, f64)>,
    pub(super) kept: HashMap<usize, Value>,
}

pub(super) struct Run<'g, 'a, 'c> {
    comm: &'c Comm,
    call: Call,
    nodes: Vec<Node<'a>>,
    names: &'g HashMap<usize, String>,
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
    /// For each rank, a message that is not sent yet.
    letters: Vec<Vec<u8>>,
    sends: VecDeque<Request<'c, Vec<u8>>>,
    done: Done,
}

impl<'g, 'a, 'c> Run<'g, 'a, 'c> {
    pub(super) fn new(
        comm: &'c Comm,
        call: Call,
        nodes: Vec<Node<'a>>,
        kept: &[usize],
        names: &'g HashMap<usize, String>,
        runner: Runner<'g>,
        timed: bool,
    ) -> Self {
        let (n, me) = (nodes.len(), comm.rank());
        let mut starts = vec![0; n + 1];
        for &input in nodes.iter().flat_map(|node| &node.inputs) {
            starts[input + 1] += 1;
        }
        for k in 0..n {
            starts[k + 1] += starts[k];
        }
        let (mut users, mut next) = (vec![0; starts[n]], starts.clone());
        let (mut uses, mut wanted) = (vec![0; n], vec![false; n]);
        let (mut left, mut ready, mut missing) = (0, VecDeque::new(), vec![0; n]);
        for (id, node) in nodes.iter().enumerate() {
            for &input in &node.inputs {
                users[next[input]] = id;
                next[input] += 1;
                uses[input] += usize::from(node.rank == me);
            }
            missing[id] = node.inputs.len();
            if node.rank == me {
                left += 1;
                if node.inputs.is_empty() {
                    ready.push_back(id);
                }
            }
        }
        kept.iter().for_each(|&id| wanted[id] = true);
        let comes = |id: &usize| nodes[*id].rank != me && (uses[*id] > 0 || me == 0 && wanted[*id]);
        let awaited = (0..n).filter(comes).count();
        let done = Done { ran: 0, cancelled: 0, errors: Vec::new(), times: Vec::new(), kept: HashMap::new() };
        let (values, letters) = ((0..n).map(|_| None).collect(), vec![Vec::new(); comm.size()]);
        let (failed, sends) = (vec![false; n], VecDeque::new());
        Run {
            comm,
            call,
            nodes,
            names,
            runner,
            timed,
            starts,
            users,
            wanted,
            missing,
            uses,
            values,
            failed,
            ready,
            left,
            awaited,
            letters,
            sends,
            done,
        }
    }

    /// Until this rank has run its tasks and has what it needs of the others.
    pub(super) fn run(mut self) -> Result<Done> {
        let mut idle: Option<Instant> = None;
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
                self.open(&message.recv()?)?;
                moved = true;
            }
            while let Some(first) = self.sends.front_mut() {
                if !first.test()? {
                    break;
                }
                if let Some(gone) = self.sends.pop_front() {
                    gone.wait()?;
                }
            }
            match moved {
                true => idle = None,
                false => give_way(*idle.get_or_insert_with(Instant::now)),
            }
        }
        Ok(self.done)
    }

    fn wrong(&self, problem: String) -> crate::Error {
        self.call.error(Failure::Argument(problem))
    }

    /// Runs a task all of whose inputs are known.
    fn work(&mut self, id: usize) -> Result<()> {
        let inputs = std::mem::take(&mut self.nodes[id].inputs);
        let act = self.nodes[id].act.take();
        let mut result = None;
        if inputs.iter().any(|&input| self.failed[input]) {
            self.done.cancelled += 1;
        } else {
            let values: Option<Vec<Value>> = inputs.iter().map(|&input| self.values[input].clone()).collect();
            let (Some(mut act), Some(values)) = (act.map(Some), values) else {
                return Err(self.wrong(format!("task {id} has not what it needs")));
            };
            let runner = Runner { at: self.nodes[id].at, ..self.runner };
            let span = record::span(Kind::Tasks, "task", runner.at, id as u64, 1);
            let began = self.timed.then(Instant::now);
            let outcome = runner.run(id, || act.take().expect("a task is tried once")(&values));
            if let Some(began) = began {
                self.done.times.push((id, began.elapsed().as_secs_f64()));
            }
            drop(span);
            self.done.ran += 1;
            match outcome {
                Ok(value) => result = Some(value),
                Err(mut error) => {
                    if let Some(name) = self.names.get(&id) {
                        error.message = format!("task {name:?}: {}", error.message);
                    }
                    self.done.errors.push(error);
                }
            }
        }
        self.left -= 1;
        for input in inputs {
            self.uses[input] -= 1;
            if self.uses[input] == 0 {
                self.values[input] = None;
            }
        }
        self.send(id, result.as_ref())?;
        self.arrive(id, result);
        Ok(())
    }

    /// Writes a result, or that there is none, to each other rank that needs it.
    fn send(&mut self, id: usize, result: Option<&Value>) -> Result<()> {
        let me = self.comm.rank();
        let of_users =
            self.users[self.starts[id]..self.starts[id + 1]].iter().map(|&user| self.nodes[user].rank);
        let mut ranks: Vec<usize> =
            of_users.chain((self.wanted[id]).then_some(0)).filter(|&rank| rank != me).collect();
        if ranks.is_empty() {
            return Ok(());
        }
        ranks.sort_unstable();
        ranks.dedup();
        for rank in ranks {
            let letter = std::mem::take(&mut self.letters[rank]);
            let letter =
                postcard::to_extend(&(id, result.is_some()), letter).map_err(|error| error.to_string());
            let letter = match result {
                Some(value) => letter.and_then(|letter| (self.nodes[id].encode)(value.as_ref(), letter)),
                None => letter,
            };
            self.letters[rank] = letter.map_err(|problem| self.wrong(problem))?;
            if self.letters[rank].len() > MESSAGE {
                self.post(rank)?;
            }
        }
        Ok(())
    }

    fn post(&mut self, rank: usize) -> Result<()> {
        if !self.letters[rank].is_empty() {
            let letter = std::mem::take(&mut self.letters[rank]);
            self.sends.push_back(self.comm.isend((rank, TAG), letter)?);
        }
        Ok(())
    }

    /// Reads the results of another rank.
    fn open(&mut self, letter: &[u8]) -> Result<()> {
        let mut rest = letter;
        while !rest.is_empty() {
            let ((id, there), behind) = postcard::take_from_bytes::<(usize, bool)>(rest)
                .map_err(|error| self.wrong(error.to_string()))?;
            let Some(node) = self.nodes.get(id) else {
                return Err(self.wrong(format!("there is no task {id}")));
            };
            let (value, behind) = if there {
                let (value, behind) = (node.decode)(behind).map_err(|problem| self.wrong(problem))?;
                (Some(value), behind)
            } else {
                (None, behind)
            };
            rest = behind;
            self.awaited -= 1;
            self.arrive(id, value);
        }
        Ok(())
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
            if self.missing[user] == 0 && self.nodes[user].rank == me {
                self.ready.push_back(user);
            }
        }
    }
}

/// The longest chain, from what each task took; the tasks are in an order in which each comes after those that it needs.
pub(super) fn times(took: &[(usize, f64)], inputs: &[Vec<usize>], had: f64) -> super::Times {
    let mut seconds = vec![0.0; inputs.len()];
    took.iter().for_each(|&(id, time)| seconds[id] = time);
    let (mut ends, mut before): (Vec<f64>, Vec<Option<usize>>) = (Vec::new(), Vec::new());
    for (id, needs) in inputs.iter().enumerate() {
        let last = needs.iter().copied().max_by(|&a, &b| ends[a].total_cmp(&ends[b]));
        ends.push(seconds[id] + last.map_or(0.0, |last| ends[last]));
        before.push(last);
    }
    let last = (0..ends.len()).max_by(|&a, &b| ends[a].total_cmp(&ends[b]));
    let mut path: Vec<usize> = std::iter::successors(last, |&id| before[id]).collect();
    path.reverse();
    let busy = seconds.iter().sum();
    super::Times {
        busy,
        efficiency: busy / had.max(1e-9),
        critical: last.map_or(0.0, |last| ends[last]),
        path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_critical_path_is_the_longest_chain() {
        let inputs = [vec![], vec![], vec![0, 1], vec![1], vec![2, 3]];
        let took = [(4, 1.0), (0, 1.0), (1, 2.0), (2, 0.5), (3, 1.0)];
        let times = times(&took, &inputs, 11.0);
        assert_eq!((times.critical, times.busy, times.efficiency), (4.0, 5.5, 0.5));
        assert_eq!(times.path, [1, 3, 4]);
    }
}
