//! What a rank keeps from task to task: a model, a connection, a counter.

use crate::comm::Comm;

/// A state of each rank, made when its first task needs it and kept over tasks and calls: see [`Comm::with_state`].
pub struct State<'s, S> {
    rank: usize,
    make: Box<dyn FnMut(usize) -> S + 's>,
    kept: Option<S>,
}

impl<S> std::fmt::Debug for State<'_, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("is_made", &self.kept.is_some()).finish_non_exhaustive()
    }
}

impl Comm {
    /// A [`State`] for the tasks of this rank: of any farm, pool or pipeline, and of as many of them as it lives. A rank that never runs
    /// a task never makes one. When making it fails, by a panic, that is the error of the task which needed it.
    ///
    /// A task that needs nothing but a variable can as well borrow that: it is a `FnMut`. No message; not collective.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// use rankwise::comm::Sum;
    ///
    /// let mut words = world.with_state(|rank| vec![format!("first word of rank {rank}")]);
    /// for _ in 0..2 {
    ///     world.farm(0..50u32).for_each(words.task(|words, i: u32| {
    ///         words.push(i.to_string());
    ///         Ok::<_, String>(())
    ///     }))?;
    /// }
    /// let mine = words.get().map_or(0, |words| words.len() - 1);
    /// assert_eq!(world.all_reduce_one(mine, Sum)?, 100);
    /// # Ok(()) }) }
    /// ```
    pub fn with_state<'s, S>(&self, make: impl FnMut(usize) -> S + 's) -> State<'s, S> {
        State { rank: self.rank(), make: Box::new(make), kept: None }
    }
}

impl<S> State<'_, S> {
    /// A task that gets the state of its rank besides its item: for [`Farm::run`](super::Farm::run) and all others that take a task.
    ///
    /// A task that panics leaves no state behind, since it may be half changed: the next one makes it anew.
    pub fn task<I, R>(&mut self, mut task: impl FnMut(&mut S, I) -> R) -> impl FnMut(I) -> R {
        move |item| {
            let mut state = self.kept.take().unwrap_or_else(|| (self.make)(self.rank));
            let result = task(&mut state, item);
            self.kept = Some(state);
            result
        }
    }

    /// What is kept, if a task of this rank has needed it.
    pub fn get(&self) -> Option<&S> {
        self.kept.as_ref()
    }

    /// As [`get`](State::get), for good.
    pub fn into_inner(self) -> Option<S> {
        self.kept
    }
}
