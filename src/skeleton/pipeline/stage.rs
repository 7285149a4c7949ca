//! One stage, whatever its types: what it does with a batch of items.

use std::any::Any;
use std::error::Error as StdError;
use std::time::Instant;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::TaskError;
use crate::skeleton::task::{Policy, Runner};
use crate::sys::memory;

/// What an item of a pipeline can be: it may go to another rank.
pub trait Item: Serialize + DeserializeOwned + 'static {}
impl<T: Serialize + DeserializeOwned + 'static> Item for T {}

/// What is known of a batch.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Head {
    /// Its number among the batches of the source.
    pub(super) number: u64,
    /// The number of its first item among those of the source.
    pub(super) first: usize,
    /// How many items it had at first.
    pub(super) items: usize,
    /// Which of these are no more, in order: they have failed.
    pub(super) gone: Vec<usize>,
    /// What an item took, in the stage that took longest, in nanoseconds.
    pub(super) slowest: f64,
    /// What an item took on its way, where that was most, in bytes.
    pub(super) widest: usize,
    /// Whether a rank that had it wants no more.
    pub(super) enough: bool,
}

impl Head {
    /// The numbers of the items that there still are.
    fn indices(&self) -> impl Iterator<Item = usize> + use<> {
        let (first, mut gone) = (self.first, self.gone.clone().into_iter().peekable());
        (first..first + self.items).filter(move |index| gone.next_if_eq(index).is_none())
    }

    fn took(&mut self, began: Instant) {
        let each = began.elapsed().as_nanos() as f64 / self.items.max(1) as f64;
        self.slowest = self.slowest.max(each);
    }
}

/// The items of a batch.
pub(super) enum Load {
    /// A `Vec` of them.
    Here(Box<dyn Any>),
    /// A message, in which they begin at this byte.
    Coded(Vec<u8>, usize),
}

/// How a stage runs its tasks.
pub(super) struct Ways<'a> {
    pub(super) runner: Runner<'a>,
    pub(super) name: &'a str,
    /// What has failed.
    pub(super) errors: Vec<TaskError>,
    /// Room for a copy of an item.
    pub(super) copy: Vec<u8>,
}

impl Ways<'_> {
    /// What the source gives; if it fails, it is noted. What was drawn cannot be drawn again, and to wait for it is no work: it has one
    /// try, and any time.
    fn draw<R, E: Into<Box<dyn StdError>>>(
        &mut self,
        index: usize,
        task: impl FnOnce() -> Result<R, E>,
    ) -> Option<R> {
        let mut task = Some(task);
        let runner =
            Runner { policy: Policy { go_on: self.runner.policy.go_on, ..Policy::default() }, ..self.runner };
        let outcome = runner.run(index, || task.take().expect("it has one try")());
        outcome.map_err(|error| self.note(error)).ok()
    }

    /// What a stage gives for an item, of the first try that succeeds; if none does, it is noted.
    fn run<T: Item, R, E: Into<Box<dyn StdError>>>(
        &mut self,
        index: usize,
        item: T,
        mut task: impl FnMut(T) -> Result<R, E>,
    ) -> Option<R> {
        let mut first = Some(item);
        let outcome = if self.runner.policy.retries == 0 {
            self.runner.run(index, || task(first.take().expect("it has one try")))
        } else {
            // The stage takes the item, so a copy is kept for another try: in the form in which it travels, which every item has.
            self.copy.clear();
            match postcard::to_extend(&first, std::mem::take(&mut self.copy)) {
                Err(error) => Err(self.runner.error(index, 0, format!("cannot copy it: {error}"), None)),
                Ok(copy) => {
                    let outcome = self.runner.run(index, || {
                        let item: Option<T> = match first.take() {
                            None => postcard::from_bytes(&copy)?,
                            first => first,
                        };
                        task(item.ok_or("there is no item")?).map_err(Into::into)
                    });
                    self.copy = copy;
                    outcome
                }
            }
        };
        outcome.map_err(|error| self.note(error)).ok()
    }

    #[cold]
    fn note(&mut self, mut error: TaskError) {
        error.message = format!("stage {:?}: {}", self.name, error.message);
        self.errors.push(error);
    }

    fn over(&self) -> bool {
        !self.errors.is_empty() && !self.runner.policy.go_on
    }
}

/// A stage that works on what another has made.
pub(super) trait Work {
    /// What it makes of a batch: a `Vec` of its results.
    fn work(&mut self, head: &mut Head, load: Load, ways: &mut Ways) -> Result<Box<dyn Any>, String>;
    /// Adds results to a message.
    fn encode(&self, made: &dyn Any, message: Vec<u8>) -> Result<Vec<u8>, String>;
}

/// The stage that begins.
pub(super) trait Begin {
    /// Up to so many items, a `Vec`, and whether these were the last.
    fn draw(&mut self, head: &mut Head, at_most: usize, ways: &mut Ways) -> (Box<dyn Any>, bool);
    /// Adds items to a message.
    fn encode(&self, made: &dyn Any, message: Vec<u8>) -> Result<Vec<u8>, String>;
}

fn encode<T: Item>(made: &dyn Any, message: Vec<u8>) -> Result<Vec<u8>, String> {
    let items = made.downcast_ref::<Vec<T>>().ok_or("items of another type")?;
    postcard::to_extend(items, message)
        .map_err(|error| format!("cannot encode {}: {error}", memory::name::<T>()))
}

fn taken<T: Item>(load: Load) -> Result<Vec<T>, String> {
    match load {
        Load::Here(items) => items.downcast().map(|items| *items).map_err(|_| "items of another type".into()),
        Load::Coded(message, from) => postcard::from_bytes(message.get(from..).unwrap_or_default())
            .map_err(|error| format!("what came are no {}: {error}", memory::name::<T>())),
    }
}

/// A closure from one type to another.
pub(super) struct Step<F, T, U>(pub(super) F, pub(super) std::marker::PhantomData<fn(T) -> U>);

impl<T: Item, U: Item, E, F> Work for Step<F, T, U>
where
    E: Into<Box<dyn StdError>>,
    F: FnMut(T) -> Result<U, E>,
{
    fn work(&mut self, head: &mut Head, load: Load, ways: &mut Ways) -> Result<Box<dyn Any>, String> {
        let began = Instant::now();
        let items = taken::<T>(load)?;
        let (mut made, mut gone) = (Vec::with_capacity(items.len()), Vec::new());
        for (index, item) in head.indices().zip(items) {
            if ways.over() {
                break;
            }
            match ways.run(index, item, &mut self.0) {
                Some(result) => made.push(result),
                None => gone.push(index),
            }
        }
        if !gone.is_empty() {
            head.gone.append(&mut gone);
            head.gone.sort_unstable();
        }
        head.took(began);
        Ok(Box::new(made))
    }

    fn encode(&self, made: &dyn Any, message: Vec<u8>) -> Result<Vec<u8>, String> {
        encode::<U>(made, message)
    }
}

/// A closure that opens a source, which is drawn from as needed.
pub(super) enum Source<O, I> {
    Closed(Option<O>),
    Open(I),
}

impl<T: Item, E, I, D, O> Begin for Source<O, I>
where
    E: Into<Box<dyn StdError>>,
    D: Into<Box<dyn StdError>>,
    I: Iterator<Item = Result<T, E>>,
    O: FnOnce() -> Result<I, D>,
{
    fn draw(&mut self, head: &mut Head, at_most: usize, ways: &mut Ways) -> (Box<dyn Any>, bool) {
        /// A batch that is not full does not wait longer for more.
        const PATIENCE: u128 = 500_000;
        let began = Instant::now();
        if let Source::Closed(open) = self {
            let opened = open.take().and_then(|open| ways.draw(head.first, open));
            match opened {
                Some(items) => *self = Source::Open(items),
                None => return (Box::new(Vec::<T>::new()), true),
            }
        }
        let Source::Open(source) = self else { return (Box::new(Vec::<T>::new()), true) };
        let (mut items, mut last) = (Vec::with_capacity(at_most.min(1024)), false);
        while head.items < at_most && !ways.over() {
            let index = head.first + head.items;
            // What is in it: the end, an item, or an item that is an error; a panic of the source is its end.
            let drawn = ways.draw(index, || Ok::<_, String>(source.next()));
            match drawn {
                Some(None) => last = true,
                Some(Some(item)) => {
                    head.items += 1;
                    match ways.draw(index, || item) {
                        Some(item) => items.push(item),
                        None => head.gone.push(index),
                    }
                }
                None => last = true,
            }
            // The clock takes as long as a small item.
            let looks = head.items.is_multiple_of(16) || head.items < 16;
            if last || looks && began.elapsed().as_nanos() > PATIENCE {
                break;
            }
        }
        head.took(began);
        (Box::new(items), last)
    }

    fn encode(&self, made: &dyn Any, message: Vec<u8>) -> Result<Vec<u8>, String> {
        encode::<T>(made, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_items_skip_those_that_are_gone() {
        let head = Head { first: 10, items: 5, gone: vec![10, 13], ..Head::default() };
        assert_eq!(head.indices().collect::<Vec<_>>(), [11, 12, 14]);
    }
}
