//! The whole array in words, on one rank.

use std::fmt::{self, Write as _};

use ndarray::{Array, ArrayView, Axis, Dimension, IxDyn};

use super::DistArray;
use super::blocks::{Boxes, Run, exchange};
use super::layout::dimension;
use crate::comm::{Call, Element};
use crate::error::Result;
use crate::sys::memory;
use crate::sys::record::within;

/// Arrays of more elements are shown by their edges.
const WHOLE: usize = 1000;
/// So many indices at each end of an axis.
const EDGE: usize = 3;

/// The words for an array, on the rank that asked for them; nothing elsewhere. See [`DistArray::display`].
#[derive(Clone)]
pub struct Displayed(Option<String>);

impl Displayed {
    /// The words, where they are.
    pub fn text(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl fmt::Display for Displayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_deref().unwrap_or_default())
    }
}

impl fmt::Debug for Displayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<T: fmt::Debug, D: Dimension> DistArray<'_, T, D> {
    /// The whole array in words, for the root to print. One of more than 1000 elements is shown, as in NumPy, by three
    /// indices at each end of every axis, and only those travel: one message from each rank that has some.
    ///
    /// The formats `{}` and `{:?}` of the array itself cannot do this: one rank may print alone, and would wait for the others
    /// for ever. So this is a call of its own; make it before, not inside, what only one rank does, as `root_println!`.
    ///
    /// # Collective
    /// All ranks must call this, with the same `root`.
    ///
    /// # Errors
    /// On all ranks, when `root` is no rank.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// use rankwise::array::{DistArray, Layout};
    /// use rankwise::root_println;
    ///
    /// let array = DistArray::from_fn(&Layout::rows(world, [2, 3])?, |(i, j)| i * j)?;
    /// let words = array.display(0)?;
    /// root_println!(world, "{words}");
    /// assert_eq!(words.text().is_some(), world.is_root());
    /// if let Some(text) = words.text() {
    ///     assert_eq!(text, "[[0, 0, 0],\n [0, 1, 2]]");
    /// }
    /// let long = DistArray::from_fn(&Layout::rows(world, 2000)?, |i| i)?.display(0)?;
    /// if let Some(text) = long.text() {
    ///     assert_eq!(text, "[0, 1, 2, ..., 1997, 1998, 1999], shape=[2000]");
    /// }
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn display<K>(&self, root: usize) -> Result<Displayed>
    where
        T: Element<K>,
    {
        let _within = within();
        let (call, comm, shape) = (Call::new("display"), self.together(), self.global_shape());
        self.layout.check_root(call, root)?;
        if self.len() <= WHOLE {
            let whole = self.gather(root)?;
            return Ok(Displayed(whole.map(|whole| in_words(&whole.view(), shape))));
        }
        let mut shown: D = dimension(shape.iter().map(|&len| len.min(2 * EDGE)));
        if comm.rank() != root {
            shown = D::zeros(shape.len());
        }
        let mut edges = comm.perform(call, |_| {
            let data = memory::filled(shown.size(), |_| Ok(()))?.0;
            Ok(Array::from_shape_vec(shown, data).expect("as many elements as the shape says"))
        })?;
        exchange(comm, &self.local.view(), &mut edges.view_mut(), |giver, taker| {
            let block = self.layout.block_of(giver);
            let boxes: Option<Boxes> = block
                .iter()
                .zip(shape)
                .map(|(block, &len)| {
                    let mut runs = Vec::new();
                    for to in 0..len.min(2 * EDGE) {
                        let index = if to < EDGE { to } else { len - len.min(2 * EDGE) + to };
                        if block.contains(&index) {
                            runs.push(Run { from: index - block.start, to, len: 1 });
                        }
                    }
                    (!runs.is_empty()).then_some(runs)
                })
                .collect();
            boxes.filter(|_| taker == root)
        })?;
        Ok(Displayed((comm.rank() == root).then(|| in_words(&edges.view(), shape))))
    }

    /// Prints the whole array, or its edges, on the root: [`display`](DistArray::display) and a line on standard output.
    ///
    /// # Collective
    /// All ranks must call this, with the same `root`.
    ///
    /// # Errors
    /// On all ranks, when `root` is no rank.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// # use rankwise::array::{DistArray, Layout};
    /// DistArray::from_fn(&Layout::rows(world, [2, 3])?, |(i, j)| i * j)?.print(0)?;
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn print<K>(&self, root: usize) -> Result<()>
    where
        T: Element<K>,
    {
        let _within = within();
        if let Some(text) = self.display(root)?.text() {
            println!("{text}");
        }
        Ok(())
    }
}

/// Elements in nested brackets. `edges` has fewer than `shape` along axes of which only the ends are shown.
fn in_words<T: fmt::Debug, D: Dimension>(edges: &ArrayView<T, D>, shape: &[usize]) -> String {
    let mut text = String::new();
    nested(&edges.view().into_dyn(), shape, 1, &mut text);
    if edges.shape() != shape || shape.contains(&0) {
        write!(text, ", shape={shape:?}").expect("a string takes everything");
    }
    text
}

fn nested<T: fmt::Debug>(edges: &ArrayView<T, IxDyn>, shape: &[usize], depth: usize, text: &mut String) {
    let Some(&len) = shape.first() else {
        write!(text, "{:?}", edges.first().expect("no axis, one element"))
            .expect("a string takes everything");
        return;
    };
    // One line a row, an empty line between blocks of more axes.
    let between = match shape.len() {
        1 => ", ".to_owned(),
        axes => format!(",{}{}", "\n".repeat(axes - 1), " ".repeat(depth)),
    };
    text.push('[');
    for i in 0..edges.shape()[0] {
        if i > 0 {
            text.push_str(&between);
        }
        if i == EDGE && edges.shape()[0] < len {
            text.push_str("...");
            text.push_str(&between);
        }
        nested(&edges.index_axis(Axis(0), i), &shape[1..], depth + 1, text);
    }
    text.push(']');
}
