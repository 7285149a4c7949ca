//! Where the items of a farm are: known on all ranks, on the root, or on each rank its own.

use std::ops::{Range, RangeInclusive};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::comm::{decode, encode};
use crate::sys::Outcome;

/// Who has the items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// All ranks have all of these many.
    Everywhere(usize),
    /// This rank has these many of its own, and runs their tasks.
    Own(usize),
    /// The root has them: as many as this, if it knows.
    Root(Option<usize>),
}

/// What can be given to [`Comm::farm`](crate::Comm::farm): a range of integers, [`everywhere`], [`on_root`], [`stream`],
/// [`try_stream`] or [`mine`].
pub trait Items {
    /// What a task gets.
    type Item: Clone;

    #[doc(hidden)]
    fn place(&self) -> Place;

    /// An item that this rank has, by its number here.
    #[doc(hidden)]
    fn at(&self, number: usize) -> Self::Item;

    /// What people call the item with that number here.
    #[doc(hidden)]
    fn shown(&self, number: usize) -> usize {
        number
    }

    /// The root's next item, or why there is none.
    #[doc(hidden)]
    fn draw(&mut self) -> Option<Result<Self::Item, String>> {
        None
    }

    /// Some as they travel; or which ones cannot, and why.
    #[doc(hidden)]
    fn pack(_: &[Self::Item]) -> Result<Vec<u8>, Vec<(usize, String)>> {
        Ok(Vec::new())
    }

    #[doc(hidden)]
    fn unpack(_: &[u8]) -> Outcome<Vec<Self::Item>> {
        Ok(Vec::new())
    }
}

/// Items that all ranks have, and that need not travel.
pub trait Known: Items {}

macro_rules! ranges {
    ($($integer:ty)*) => {$(
        impl Items for Range<$integer> {
            type Item = $integer;

            fn place(&self) -> Place {
                let len = (self.end as i128 - self.start as i128).max(0);
                Place::Everywhere(usize::try_from(len).unwrap_or(usize::MAX))
            }

            #[inline]
            fn at(&self, number: usize) -> $integer {
                self.start.wrapping_add(number as $integer)
            }
        }

        impl Known for Range<$integer> {}

        impl Items for RangeInclusive<$integer> {
            type Item = $integer;

            fn place(&self) -> Place {
                let len = *self.end() as i128 - *self.start() as i128 + 1;
                // One that an iterator has used up is empty, too.
                Place::Everywhere(if self.is_empty() { 0 } else { usize::try_from(len).unwrap_or(usize::MAX) })
            }

            #[inline]
            fn at(&self, number: usize) -> $integer {
                self.start().wrapping_add(number as $integer)
            }
        }

        impl Known for RangeInclusive<$integer> {}
    )*};
}

ranges!(u8 u16 u32 u64 usize i8 i16 i32 i64);

/// See [`everywhere`].
#[derive(Debug)]
pub struct Everywhere<'a, T>(&'a [T]);

/// Items that all ranks have already, the same on each: nothing is sent for them. A task gets a reference.
///
/// ```
/// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
/// use rankwise::skeleton::everywhere;
///
/// let names = ["ada", "grace", "radia"];
/// let lengths = world.farm(everywhere(&names)).run(|name| name.len())?;
/// assert!(lengths.is_none_or(|lengths| lengths == [3, 5, 5]));
/// # Ok(()) }) }
/// ```
pub fn everywhere<T>(items: &[T]) -> Everywhere<'_, T> {
    Everywhere(items)
}

impl<'a, T> Items for Everywhere<'a, T> {
    type Item = &'a T;

    fn place(&self) -> Place {
        Place::Everywhere(self.0.len())
    }

    #[inline]
    fn at(&self, number: usize) -> &'a T {
        &self.0[number]
    }
}

impl<T> Known for Everywhere<'_, T> {}

/// See [`mine`].
#[derive(Debug)]
pub struct Mine<I>(Vec<I>);

/// Items that are on the ranks already, on each its own: no item travels, and each rank runs the tasks of its own. They are
/// numbered through, those of lower ranks first.
///
/// ```
/// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
/// use rankwise::skeleton::mine;
///
/// let squares = world.farm(mine(vec![world.rank(), world.rank()])).run(|rank| rank * rank)?;
/// assert!(squares.is_none_or(|squares| squares.len() == 2 * world.size()));
/// # Ok(()) }) }
/// ```
pub fn mine<I: Clone>(items: Vec<I>) -> Mine<I> {
    Mine(items)
}

impl<I: Clone> Items for Mine<I> {
    type Item = I;

    fn place(&self) -> Place {
        Place::Own(self.0.len())
    }

    fn at(&self, number: usize) -> I {
        self.0[number].clone()
    }
}

/// See [`on_root`] and [`stream`].
pub struct OnRoot<'a, I> {
    next: Box<dyn Iterator<Item = Result<I, String>> + 'a>,
    len: Option<usize>,
}

impl<I> std::fmt::Debug for OnRoot<'_, I> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OnRoot").field("len", &self.len).finish_non_exhaustive()
    }
}

/// Items that the root has; the others give `None`. They travel as [values](crate::Comm::send_value), several to a message. One that
/// cannot be encoded where it has to travel, as to any rank but the root, is an error of its task.
///
/// ```
/// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
/// use rankwise::skeleton::on_root;
///
/// let words = world.is_root().then(|| vec![String::from("tea"), String::from("kettle")]);
/// let lengths = world.farm(on_root(words)).run(|word| word.len())?;
/// assert!(lengths.is_none_or(|lengths| lengths == [3, 6]));
/// # Ok(()) }) }
/// ```
pub fn on_root<'a, I>(items: Option<Vec<I>>) -> OnRoot<'a, I>
where
    I: Serialize + DeserializeOwned + Clone + 'a,
{
    let items = items.unwrap_or_default();
    OnRoot { len: Some(items.len()), next: Box::new(items.into_iter().map(Ok)) }
}

/// Items of an iterator on the root, which may be without end if something else ends the farm; the others give `None`. They are
/// drawn as workers have time for them: of those that were drawn, few are not done.
///
/// ```
/// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
/// use rankwise::skeleton::stream;
///
/// let odd = world.is_root().then(|| (1u64..).step_by(2).take_while(|n| n * n < 1000));
/// let squares = world.farm(stream(odd)).run(|n| n * n)?;
/// assert!(squares.is_none_or(|squares| squares[..3] == [1, 9, 25] && squares.len() == 16));
/// # Ok(()) }) }
/// ```
pub fn stream<'a, S>(items: Option<S>) -> OnRoot<'a, S::Item>
where
    S: IntoIterator<IntoIter: 'a> + 'a,
    S::Item: Serialize + DeserializeOwned + Clone + 'a,
{
    OnRoot { len: None, next: Box::new(items.into_iter().flatten().map(Ok)) }
}

/// As [`stream`], of an iterator that may fail: its first `Err` ends the farm, as that of a task with the number of the item.
///
/// ```
/// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
/// use rankwise::skeleton::try_stream;
///
/// let lines = world.is_root().then(|| "3\nthree".lines().map(str::parse::<i32>));
/// let error = world.farm(try_stream(lines)).run(|n| n + 1).unwrap_err();
/// assert!(error.to_string().contains("task 1 on rank 0"));
/// # Ok(()) }) }
/// ```
pub fn try_stream<'a, I, E, S>(items: Option<S>) -> OnRoot<'a, I>
where
    S: IntoIterator<Item = Result<I, E>, IntoIter: 'a> + 'a,
    E: std::fmt::Display + 'a,
    I: Serialize + DeserializeOwned + Clone + 'a,
{
    let next = items.into_iter().flatten().map(|item| item.map_err(|error| error.to_string()));
    OnRoot { len: None, next: Box::new(next) }
}

impl<I: Serialize + DeserializeOwned + Clone> Items for OnRoot<'_, I> {
    type Item = I;

    fn place(&self) -> Place {
        Place::Root(self.len)
    }

    fn at(&self, _: usize) -> I {
        unreachable!("the root's items are drawn")
    }

    fn draw(&mut self) -> Option<Result<I, String>> {
        self.next.next()
    }

    fn pack(items: &[I]) -> Result<Vec<u8>, Vec<(usize, String)>> {
        encode(items).map_err(|_| {
            let why = |(place, item)| encode(item).err().map(|failure| (place, failure.words().to_owned()));
            items.iter().enumerate().filter_map(why).collect()
        })
    }

    fn unpack(bytes: &[u8]) -> Outcome<Vec<I>> {
        decode(bytes)
    }
}
