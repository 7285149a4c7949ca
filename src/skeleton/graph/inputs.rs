//! What a task needs: the results of one task, of several, or of many of a kind.

use super::{Of, Task, Value};
use crate::skeleton::pipeline::Item;

/// Tasks whose results another one needs: `()`, `&a`, `(&a, &b)` and so on, or a slice.
pub trait Inputs: sealed::Sealed {
    /// References to their results.
    type Values<'v>;
    /// Adds their numbers.
    #[doc(hidden)]
    fn add_to(&self, ids: &mut Vec<Of>);
    /// Their results, from all those of a task.
    #[doc(hidden)]
    fn values<'v>(all: &mut std::slice::Iter<'v, Value>) -> Self::Values<'v>;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for () {}
    impl<T> Sealed for &super::Task<T> {}
    impl<T> Sealed for &[super::Task<T>] {}
}

impl Inputs for () {
    type Values<'v> = ();
    fn add_to(&self, _ids: &mut Vec<Of>) {}
    fn values<'v>(_all: &mut std::slice::Iter<'v, Value>) {}
}

impl<T: Item> Inputs for &Task<T> {
    type Values<'v> = &'v T;
    fn add_to(&self, ids: &mut Vec<Of>) {
        ids.push(self.of);
    }
    fn values<'v>(all: &mut std::slice::Iter<'v, Value>) -> &'v T {
        all.next().and_then(|value| value.downcast_ref()).expect("it has the type of its task")
    }
}

impl<T: Item> Inputs for &[Task<T>] {
    type Values<'v> = Vec<&'v T>;
    fn add_to(&self, ids: &mut Vec<Of>) {
        ids.extend(self.iter().map(|task| task.of));
    }
    fn values<'v>(all: &mut std::slice::Iter<'v, Value>) -> Vec<&'v T> {
        all.map(|value| value.downcast_ref().expect("it has the type of its task")).collect()
    }
}

macro_rules! tuples {
    ($($($name:ident)*;)*) => {$(
        impl<$($name: Item),*> sealed::Sealed for ($(&Task<$name>,)*) {}
        impl<$($name: Item),*> Inputs for ($(&Task<$name>,)*) {
            type Values<'v> = ($(&'v $name,)*);
            #[allow(non_snake_case, reason = "the types' names")]
            fn add_to(&self, ids: &mut Vec<Of>) {
                let ($($name,)*) = self;
                ids.extend([$($name.of),*]);
            }
            fn values<'v>(all: &mut std::slice::Iter<'v, Value>) -> Self::Values<'v> {
                ($(<&Task<$name> as Inputs>::values(all),)*)
            }
        }
    )*};
}
tuples! { A B; A B C; A B C D; }
