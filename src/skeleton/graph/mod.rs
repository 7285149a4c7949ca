//! A graph of tasks: each runs when the results that it needs are there, on the rank where most of them are.

use std::any::Any;
use std::cell::RefCell;
use std::collections::HashMap;
use std::convert::Infallible;
use std::error::Error as StdError;
use std::marker::PhantomData;
use std::panic::Location;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use mpi::topology::{Communicator as _, SimpleCommunicator};

use crate::comm::{Call, Comm, Max, Sum};
use crate::error::{Error, Result, TaskErrors};
use crate::skeleton::pipeline::Item;
use crate::skeleton::task::{Policy, Runner};
use crate::sys::record::within_at;

mod inputs;
mod picture;
mod run;
mod times;

pub use inputs::Inputs;
pub use times::Times;

/// A result on this rank.
type Value = Rc<dyn Any>;

/// A task of a [`Graph`], which gives a `T`.
#[derive(Debug)]
pub struct Task<T> {
    of: Of,
    gives: PhantomData<fn() -> T>,
}

/// Which graph of this rank, and which of its tasks; and the first of those that were added with it.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Of {
    graph: u64,
    task: usize,
    first: usize,
}

impl<T> Clone for Task<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Task<T> {}

impl<T> Task<T> {
    /// Its number in the graph: the index of its [`TaskError`](crate::skeleton::TaskError). Of a task of a
    /// [subgraph](Graph::subgraph_after) its number there; in the graph these come behind all others when it has ended, those of a task with
    /// a lower number first, whatever the number of ranks.
    pub fn index(&self) -> usize {
        self.of.task - self.of.first
    }
}

/// What may not fit its type.
type Coded<T> = std::result::Result<T, String>;

/// A result, and what is behind it in a message.
type Decoded<'m> = Coded<(Value, &'m [u8])>;

/// What a task gives of what it needs.
type Gives<'a> = Box<dyn FnOnce(&[Value]) -> std::result::Result<Value, Box<dyn StdError>> + 'a>;
/// Which task has the result of the subgraph that a task adds.
type Adds<'a> = Box<dyn FnOnce(&Graph<'a>, &[Value]) -> std::result::Result<Of, Box<dyn StdError>> + 'a>;

/// What a node does with the results that it needs.
enum Act<'a> {
    /// Nothing: another rank does it, or it is done.
    None,
    Gives(Gives<'a>),
    /// All ranks do this; the one of the node first.
    Adds(Adds<'a>),
    /// Gives what it needs: the result of a subgraph, once that is there.
    Joins,
}

/// One task.
struct Node<'a> {
    act: Act<'a>,
    /// Whether it adds a subgraph, whose result the next node has.
    adds: bool,
    inputs: Vec<usize>,
    at: &'static Location<'static>,
    /// The rank that runs it.
    rank: usize,
    encode: fn(&dyn Any, Vec<u8>) -> Coded<Vec<u8>>,
    decode: fn(&[u8]) -> Decoded<'_>,
}

/// Tasks and what they need of each other: see [`Comm::graph`].
pub struct Graph<'a> {
    comm: &'a Comm,
    /// That of no other graph of this rank.
    number: u64,
    nodes: RefCell<Vec<Node<'a>>>,
    /// The number of the first of these: not 0 in a subgraph, which has been given the results of these other tasks, and where a rank that
    /// follows another has been told the ranks of the tasks.
    first: usize,
    given: Vec<usize>,
    ranks: Option<Vec<usize>>,
    /// How many tasks each rank has.
    loads: RefCell<Vec<usize>>,
    kept: RefCell<Vec<usize>>,
    names: RefCell<HashMap<usize, String>>,
    go_on: bool,
    timed: bool,
}

impl std::fmt::Debug for Graph<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Graph of {} tasks", self.nodes.borrow().len())
    }
}

/// What a graph has done.
#[derive(Debug)]
#[non_exhaustive]
pub struct GraphReport {
    /// Tasks that ran.
    pub ran: u64,
    /// Tasks that did not, because one that they need has failed.
    pub cancelled: u64,
    /// From start to end.
    pub seconds: f64,
    /// With [`timed`](Graph::timed).
    pub times: Option<Times>,
    /// With [`collect_errors`](Graph::collect_errors): what has failed. Somebody on the root has to look at it.
    pub errors: TaskErrors,
    kept: HashMap<usize, Value>,
    /// That of its graph.
    number: u64,
}

impl std::fmt::Display for GraphReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let GraphReport { ran, cancelled, seconds, times, .. } = self;
        write!(f, "{ran} tasks in {seconds:.3} s")?;
        if *cancelled > 0 {
            write!(f, ", {cancelled} cancelled")?;
        }
        let Some(Times { busy, efficiency, critical, path }) = times else { return Ok(()) };
        write!(f, "\nbusy {busy:.3} s, efficiency {:.0} %", 100.0 * efficiency)?;
        let shown: Vec<_> = path.iter().take(12).map(usize::to_string).collect();
        let more = if path.len() > shown.len() { " -> …" } else { "" };
        write!(f, "\ncritical path {critical:.3} s, {} tasks: {}{more}", path.len(), shown.join(" -> "))
    }
}

impl GraphReport {
    /// What the task has given, on the root, if it was [kept](Graph::keep): `Some` there, `None` elsewhere, and after an error.
    pub fn get<T: Item>(&self, task: &Task<T>) -> Option<&T> {
        let ours = task.of.graph == self.number;
        self.kept.get(&task.of.task).filter(|_| ours)?.downcast_ref()
    }
}

impl Comm {
    /// A graph without tasks. Every rank adds the same tasks in the same order, since closures cannot travel; which rank runs one
    /// is worked out from what it needs, and the same everywhere. Only results travel.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let graph = world.graph();
    /// let a = graph.task(|| 20);
    /// let c = graph.task(|| String::from("22"));
    /// let b = graph.task_after((&a, &c), |(a, c)| a + c.len());
    /// graph.keep(&b);
    /// let done = graph.run()?;
    /// assert_eq!(done.get(&b), world.is_root().then_some(&22));
    /// # Ok(()) }) }
    /// ```
    pub fn graph(&self) -> Graph<'_> {
        static GRAPHS: AtomicU64 = AtomicU64::new(0);
        Graph {
            comm: self,
            number: GRAPHS.fetch_add(1, Ordering::Relaxed),
            nodes: RefCell::default(),
            first: 0,
            given: Vec::new(),
            ranks: None,
            loads: RefCell::new(vec![0; self.size()]),
            kept: RefCell::default(),
            names: RefCell::default(),
            go_on: false,
            timed: false,
        }
    }
}

impl<'a> Graph<'a> {
    /// A task that needs nothing. No message.
    #[track_caller]
    pub fn task<T: Item>(&self, act: impl FnOnce() -> T + 'a) -> Task<T> {
        self.try_task_after((), |()| Ok::<_, Infallible>(act()))
    }

    /// As [`task`](Graph::task), which may fail.
    #[track_caller]
    pub fn try_task<T: Item, E: Into<Box<dyn StdError>>>(
        &self,
        act: impl FnOnce() -> std::result::Result<T, E> + 'a,
    ) -> Task<T> {
        self.try_task_after((), |()| act())
    }

    /// A task that needs the results of others: `&a`, a tuple `(&a, &b)` of up to four, or a slice `&all[..]`. The closure gets
    /// references to them.
    ///
    /// It runs where most of what it needs is made, unless that rank has much more to do than another. A result that another rank
    /// needs is sent there once, with others in one message, and is dropped when no task needs it any more.
    #[track_caller]
    pub fn task_after<I: Inputs, T: Item>(
        &self,
        inputs: I,
        act: impl for<'v> FnOnce(I::Values<'v>) -> T + 'a,
    ) -> Task<T> {
        self.try_task_after(inputs, move |values| Ok::<_, Infallible>(act(values)))
    }

    /// As [`task_after`](Graph::task_after), which may fail: then the tasks that need its result are cancelled, and no others.
    ///
    /// # Panics
    /// When an input is a task of another graph.
    #[track_caller]
    pub fn try_task_after<I: Inputs, T: Item, E: Into<Box<dyn StdError>>>(
        &self,
        inputs: I,
        act: impl for<'v> FnOnce(I::Values<'v>) -> std::result::Result<T, E> + 'a,
    ) -> Task<T> {
        let mut needs = Vec::new();
        inputs.add_to(&mut needs);
        let needs: Vec<usize> = needs.into_iter().map(|of| self.own(of)).collect();
        let rank = self.place(&needs);
        // What other ranks run, this one does not keep.
        let act = if rank == self.comm.rank() {
            Act::Gives(Box::new(move |values| match act(I::values(&mut values.iter())) {
                Ok(result) => Ok(Rc::new(result) as Value),
                Err(error) => Err(error.into()),
            }))
        } else {
            Act::None
        };
        self.add(Node {
            act,
            adds: false,
            inputs: needs,
            at: Location::caller(),
            rank,
            encode: run::encode::<T>,
            decode: run::decode::<T>,
        })
    }

    /// A task that adds others while the graph runs, when the results that it needs are there: which ones, these may decide. Its own
    /// result is that of the task which the closure returns, so that what comes after it can be said before.
    ///
    /// As all ranks have to have the same graph, the closure runs on every rank, with the same results; so it must add the same tasks of the
    /// same results, and leave long work to them. They may need each other, and the tasks that this one needs, whose results it has been
    /// given; a result that it moves into a task is cloned. It may add subgraphs in turn.
    ///
    /// Costs the results that it needs on all ranks, and a short message to each.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// use rankwise::skeleton::{Graph, Task};
    ///
    /// /// The integral of the square root, more finely where it is curved.
    /// fn integral(graph: &Graph<'_>, from: f64, to: f64) -> Task<f64> {
    ///     let middle = (from + to) / 2.0;
    ///     let area = |from: f64, to: f64| (to - from) * (from.sqrt() + to.sqrt()) / 2.0;
    ///     let both = graph.task(move || (area(from, to), area(from, middle) + area(middle, to)));
    ///     graph.subgraph_after(&both, move |graph, &(rough, fine)| {
    ///         if (rough - fine).abs() < 1e-4 {
    ///             return graph.task(move || fine);
    ///         }
    ///         let (left, right) = (integral(graph, from, middle), integral(graph, middle, to));
    ///         graph.task_after((&left, &right), |(left, right)| left + right)
    ///     })
    /// }
    ///
    /// let graph = world.graph();
    /// let whole = integral(&graph, 0.0, 1.0);
    /// graph.keep(&whole);
    /// let done = graph.run()?;
    /// assert!(done.get(&whole).is_none_or(|whole| (whole - 2.0 / 3.0).abs() < 1e-3));
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn subgraph_after<I: Inputs, T: Item>(
        &self,
        inputs: I,
        add: impl for<'v> FnOnce(&Graph<'a>, I::Values<'v>) -> Task<T> + 'a,
    ) -> Task<T> {
        self.try_subgraph_after(inputs, move |graph, values| Ok::<_, Infallible>(add(graph, values)))
    }

    /// As [`subgraph_after`](Graph::subgraph_after), where the closure may fail: then none of its tasks are added, and those that need its
    /// result are cancelled.
    ///
    /// # Panics
    /// When an input is a task of another graph. When the closure uses one that it was not given, that is an error of this task.
    #[track_caller]
    pub fn try_subgraph_after<I: Inputs, T: Item, E: Into<Box<dyn StdError>>>(
        &self,
        inputs: I,
        add: impl for<'v> FnOnce(&Graph<'a>, I::Values<'v>) -> std::result::Result<Task<T>, E> + 'a,
    ) -> Task<T> {
        let mut needs = Vec::new();
        inputs.add_to(&mut needs);
        let needs: Vec<usize> = needs.into_iter().map(|of| self.own(of)).collect();
        let (rank, at) = (self.place(&needs), Location::caller());
        let act: Adds<'a> = Box::new(move |graph, values| match add(graph, I::values(&mut values.iter())) {
            Ok(task) => Ok(task.of),
            Err(error) => Err(error.into()),
        });
        let (encode, decode) = (run::encode::<run::Added>, run::decode::<run::Added>);
        let added: Task<()> =
            self.add(Node { act: Act::Adds(act), adds: true, inputs: needs, at, rank, encode, decode });
        self.add(Node {
            act: Act::Joins,
            adds: false,
            inputs: vec![added.of.task],
            at,
            rank,
            encode: run::encode::<T>,
            decode: run::decode::<T>,
        })
    }

    fn add<T>(&self, node: Node<'a>) -> Task<T> {
        let mut nodes = self.nodes.borrow_mut();
        let task = self.first + nodes.len();
        nodes.push(node);
        Task { of: Of { graph: self.number, task, first: self.first }, gives: PhantomData }
    }

    /// The rank of the next task, which needs these.
    fn place(&self, needs: &[usize]) -> usize {
        let nodes = self.nodes.borrow();
        match &self.ranks {
            // If there are more of them here, that is found out later.
            Some(ranks) => ranks.get(nodes.len()).copied().unwrap_or(0),
            None => run::place(&nodes, self.first, needs, &mut self.loads.borrow_mut()),
        }
    }

    /// One value from those of many tasks, by a tree of tasks that each combine two neighbours, as soon as both are there. The order is
    /// that of the tasks, so `combine` has to be associative only. `None` of no tasks.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let graph = world.graph();
    /// let letters: Vec<_> = ["t", "r", "e", "e"].map(|letter| graph.task(move || letter.to_owned())).into();
    /// let word = graph.reduce_as_completed(&letters, |a, b| format!("{a}{b}")).expect("there are some");
    /// graph.keep(&word);
    /// assert_eq!(graph.run()?.get(&word).is_some_and(|word| word == "tree"), world.is_root());
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn reduce_as_completed<T: Item>(
        &self,
        tasks: &[Task<T>],
        combine: impl Fn(&T, &T) -> T + Clone + 'a,
    ) -> Option<Task<T>> {
        let mut level = tasks.to_vec();
        while level.len() > 1 {
            let mut next = Vec::with_capacity(level.len().div_ceil(2));
            for pair in level.chunks(2) {
                next.push(match pair {
                    [left, right] => {
                        let combine = combine.clone();
                        self.task_after((left, right), move |(left, right)| combine(left, right))
                    }
                    _ => pair[0],
                });
            }
            level = next;
        }
        level.first().copied()
    }

    /// The number of a task, which must be one of this graph; in a subgraph, one that it has.
    #[track_caller]
    fn own(&self, of: Of) -> usize {
        assert_eq!(of.graph, self.number, "a task of another graph");
        assert!(
            of.task >= self.first || self.given.contains(&of.task),
            "a subgraph that has not been given the result of a task cannot use it: the task that adds it has to need it"
        );
        of.task
    }

    /// The root wants the result of this task: see [`GraphReport::get`].
    ///
    /// # Panics
    /// When it is a task of another graph.
    #[track_caller]
    pub fn keep<T: Item>(&self, task: &Task<T>) {
        let (task, mut kept) = (self.own(task.of), self.kept.borrow_mut());
        if !kept.contains(&task) {
            kept.push(task);
        }
    }

    /// What errors and pictures call this task. Otherwise it is its line in the program.
    pub fn name<T: Item>(&self, task: &Task<T>, name: &str) {
        self.names.borrow_mut().insert(self.own(task.of), name.to_owned());
    }

    /// After errors, [`run`](Graph::run) has a report with the results that there are, instead of being an error.
    pub fn collect_errors(mut self) -> Self {
        self.go_on = true;
        self
    }

    /// The report has the critical path and the efficiency. Costs two looks at the clock a task, and a message from each rank.
    pub fn timed(mut self) -> Self {
        self.timed = true;
        self
    }

    /// Runs all tasks; what was done, on all ranks.
    ///
    /// # Collective
    /// All ranks must call this, with the same tasks, added in the same order. No task may call what waits for other ranks.
    ///
    /// # Errors
    /// On all ranks: [`Error::Tasks`] when a task has failed or panicked, with the number of the task and its line, after
    /// all that do not need it have run.
    #[track_caller]
    pub fn run(self) -> Result<GraphReport> {
        let call = Call::collective("graph");
        let _within = within_at(call.at);
        let comm = self.comm;
        comm.note(|| {
            let nodes = self.nodes.borrow();
            let needs: Vec<&[usize]> = nodes.iter().map(|node| &node.inputs[..]).collect();
            format!(
                "graph {} tasks, {:08x}",
                needs.len(),
                crate::check::hashed((needs, &*self.kept.borrow()))
            )
        });
        let own = comm.split(Some(0), 0)?.expect("all ranks have the same colour");
        let rank = usize::try_from(SimpleCommunicator::world().rank()).unwrap_or(0);
        let runner = Runner { rank, host: comm.host(), at: call.at, policy: Policy::default() };
        let (number, go_on) = (self.number, self.go_on);
        let began = std::time::Instant::now();
        let done = run::Run::new(&own, call, self, runner).run()?;

        let [ran, cancelled] = own.all_reduce(&[done.ran, done.cancelled], Sum)?[..] else {
            unreachable!("two come of two")
        };
        let seconds = own.all_reduce_one(began.elapsed().as_secs_f64(), Max)?;
        let errors = own.all_gather_values(&done.errors)?.concat();
        let errors = TaskErrors::new(errors, comm.is_root());
        if !errors.is_empty() && !go_on {
            return Err(Error::Tasks { operation: call.operation, at: call.at, errors });
        }
        let times = match done.inputs {
            Some(inputs) => Some(times::times(&own.all_gather_values(&done.times)?.concat(), &inputs, {
                seconds * comm.size() as f64
            })),
            None => None,
        };
        Ok(GraphReport { ran, cancelled, seconds, times, errors, kept: done.kept, number })
    }
}
