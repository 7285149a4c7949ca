//! The root of a pool: who has which task, what has come, and what it does itself while it waits.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Instant;

use super::worker::{DONE, END, TASK, message, opened};
use super::{Engine, Takes};
use crate::comm::{Call, Comm};
use crate::error::{Error, Result, TaskError, TaskErrors};
use crate::skeleton::idle::Idle;
use crate::skeleton::pipeline::Item;
use crate::skeleton::task::Runner;
use crate::sys::pending::{self, Guard, Pending};
use crate::sys::point_to_point::{self, From};
use crate::sys::{Channel, Communicator, Failure, Outcome};

/// Tasks that a worker has at once when there are many: the next one is there when it has finished one.
const AHEAD: usize = 2;

struct State<'m, I, R> {
    /// Not sent yet, in order.
    queue: VecDeque<(usize, I)>,
    /// How many each rank has.
    open: Vec<usize>,
    sends: VecDeque<Pending<'m, Vec<u8>>>,
    results: HashMap<usize, Result<R, TaskError>>,
    /// Whose results nobody wants.
    forgotten: HashSet<usize>,
    /// Errors that nobody has waited for.
    unseen: Vec<TaskError>,
    submitted: usize,
    /// Whether it waits for the others.
    idle: Idle,
}

pub(super) struct Root<'m, 'c, I, R, F> {
    whole: &'c Comm,
    comm: &'m Communicator,
    call: Call,
    runner: Runner<'c>,
    state: RefCell<State<'m, I, R>>,
    run: RefCell<F>,
}

impl<'m, 'c, I, R, F> Root<'m, 'c, I, R, F>
where
    I: Item,
    R: Item,
    F: FnMut(usize, I) -> Result<R, TaskError>,
{
    pub(super) fn new(
        whole: &'c Comm,
        comm: &'m Communicator,
        call: Call,
        runner: Runner<'c>,
        run: F,
    ) -> Self {
        let state = State {
            queue: VecDeque::new(),
            open: vec![0; comm.size],
            sends: VecDeque::new(),
            results: HashMap::new(),
            forgotten: HashSet::new(),
            unseen: Vec::new(),
            submitted: 0,
            idle: Idle::default(),
        };
        Root { whole, comm, call, runner, state: RefCell::new(state), run: RefCell::new(run) }
    }

    /// Gives workers the next tasks.
    fn deal(&self, state: &mut State<'m, I, R>) -> Outcome {
        while !state.queue.is_empty() {
            let most = if state.queue.len() > self.comm.size { AHEAD } else { 1 };
            let idlest = (1..self.comm.size).min_by_key(|&rank| state.open[rank]);
            let Some(to) = idlest.filter(|&rank| state.open[rank] < most) else { break };
            let Some(task) = state.queue.pop_front() else { break };
            match message(task.0, &task.1) {
                Ok(message) => {
                    state.open[to] += 1;
                    self.send(state, to, TASK, message)?;
                }
                // An error of this task alone.
                Err(problem) => state.arrive(task.0, Err(self.runner.error(task.0, 0, problem, None))),
            }
        }
        Ok(())
    }

    fn send(&self, state: &mut State<'m, I, R>, to: usize, tag: i32, bytes: Vec<u8>) -> Outcome {
        let sent = pending::send(&Guard::for_ever(), self.call.started(), self.comm, (to, tag), bytes)?;
        state.sends.push_back(sent);
        while state.sends.front_mut().map_or(Ok(false), Pending::test)? {
            if let Some(sent) = state.sends.pop_front() {
                sent.wait()?;
            }
        }
        Ok(())
    }

    /// Takes one result, if one has come.
    fn receive(&self, state: &mut State<'m, I, R>) -> Outcome<bool> {
        let done = From { rank: None, tag: Some(DONE) };
        let Some(found) = point_to_point::find_now(self.comm, Channel::Program, done)? else {
            return Ok(false);
        };
        state.open[found.rank()] -= 1;
        let message = found.receive::<u8, _>()?;
        state.idle.end();
        let (id, result) = opened::<Result<R, TaskError>>(&message)?;
        state.arrive(id, result.unwrap_or_else(|problem| Err(self.runner.error(id, 0, problem, None))));
        Ok(true)
    }

    /// Everything that was submitted is finished, or what had begun if it is to be `given_up`; the workers know that this is the end. The
    /// errors that nobody has waited for.
    pub(super) fn end(&self, given_up: bool) -> (Result<()>, Vec<TaskError>) {
        if given_up {
            self.state.borrow_mut().queue.clear();
        }
        let mut outcome = Ok(());
        while outcome.is_ok() && self.state.borrow().is_busy() {
            match self.advance(true, None) {
                Ok(true) => {}
                Ok(false) => self.give_way(),
                Err(error) => outcome = Err(error),
            }
        }
        let mut state = self.state.borrow_mut();
        state.idle.end();
        let ended = self.whole.quietly(self.call, |_| {
            (1..self.comm.size).try_for_each(|to| self.send(&mut state, to, END, Vec::new()))?;
            std::mem::take(&mut state.sends).into_iter().try_for_each(|sent| sent.wait().map(drop))
        });
        let left = std::mem::take(&mut state.results);
        let mut unseen = std::mem::take(&mut state.unseen);
        unseen.extend(left.into_values().filter_map(Result::err));
        (outcome.and(ended), unseen)
    }
}

impl<I, R> State<'_, I, R> {
    fn arrive(&mut self, id: usize, result: Result<R, TaskError>) {
        if self.forgotten.remove(&id) {
            self.unseen.extend(result.err());
        } else {
            self.results.insert(id, result);
        }
    }

    fn is_busy(&self) -> bool {
        !self.queue.is_empty() || self.open.iter().any(|&open| open > 0)
    }
}

impl<I, R, F> Engine<R> for Root<'_, '_, I, R, F>
where
    I: Item,
    R: Item,
    F: FnMut(usize, I) -> Result<R, TaskError>,
{
    fn take(&self, id: usize) -> Option<Result<R, TaskError>> {
        let mut state = self.state.borrow_mut();
        let result = state.results.remove(&id)?;
        // It is not asked for again.
        state.forgotten.insert(id);
        Some(result)
    }

    fn is_ready(&self, id: usize) -> bool {
        self.state.borrow().results.contains_key(&id)
    }

    fn advance(&self, work: bool, wanted: Option<usize>) -> Result<bool> {
        let mut state = self.state.borrow_mut();
        let came = self.whole.quietly(self.call, |_| {
            let came = self.receive(&mut state)?;
            self.deal(&mut state)?;
            Ok(came)
        })?;
        // What was taken before does not come again.
        if let Some(id) = wanted
            && (state.forgotten.contains(&id) || !state.is_busy() && !state.results.contains_key(&id))
        {
            return Err(self.taken(id));
        }
        if came || !(work || self.comm.size == 1) {
            return Ok(came);
        }
        let place = wanted.and_then(|id| state.queue.iter().position(|task| task.0 == id)).unwrap_or(0);
        let Some((id, item)) = state.queue.remove(place) else { return Ok(false) };
        state.idle.end();
        // What the task does, it does without us.
        drop(state);
        let began = Instant::now();
        let result = (self.run.borrow_mut())(id, item);
        self.runner.ran((began, Instant::now()), (id, 1));
        self.state.borrow_mut().arrive(id, result);
        Ok(true)
    }

    fn give_way(&self) {
        let (runner, group) = (self.runner, self.comm.id.get());
        self.state.borrow_mut().idle.give_way(|| runner.waits("wait for results", group, None));
    }

    fn end_wait(&self) {
        self.state.borrow_mut().idle.end();
    }

    fn forget(&self, id: usize) {
        let mut state = self.state.borrow_mut();
        match state.results.remove(&id) {
            Some(result) => state.unseen.extend(result.err()),
            // Its result was taken, or comes later.
            None if state.forgotten.remove(&id) => {}
            None => {
                state.forgotten.insert(id);
            }
        }
    }

    fn failed(&self, error: TaskError) -> Error {
        super::tasks_failed(self.call, TaskErrors::new(vec![error], true))
    }

    fn taken(&self, id: usize) -> Error {
        self.call.error(Failure::Argument(format!("the result of task {id} has been taken before")))
    }
}

impl<I, R, F> Takes<I, R> for Root<'_, '_, I, R, F>
where
    I: Item,
    R: Item,
    F: FnMut(usize, I) -> Result<R, TaskError>,
{
    fn submit(&self, item: I) -> Result<usize> {
        let mut state = self.state.borrow_mut();
        let id = state.submitted;
        state.submitted += 1;
        state.queue.push_back((id, item));
        self.whole.quietly(self.call, |_| self.deal(&mut state))?;
        Ok(id)
    }
}
