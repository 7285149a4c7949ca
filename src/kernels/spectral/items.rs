//! Samples or places on the grid: in which cell each is and where in it, sorted so that neighbours come together.

use super::span::Span;
use crate::kernels::level::{Level, Task};

/// Items that are taken at a time: few enough to stay in a cache.
pub(super) const BATCH: usize = 1 << 15;

/// A sample or a place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Item<const D: usize> {
    /// Along each axis, where it is in its cell: from −1 to 1.
    pub(super) z: [f64; D],
    /// The first of the cells under its window, in the array of all.
    pub(super) base: u32,
    /// Which one it is of those given.
    pub(super) index: u32,
}

impl<const D: usize> Default for Item<D> {
    fn default() -> Self {
        Item { z: [0.0; D], base: 0, index: 0 }
    }
}

/// Items in order, and the memory that it takes to order them.
#[derive(Debug)]
pub(super) struct Items<const D: usize> {
    sorted: Vec<Item<D>>,
    unsorted: Vec<Item<D>>,
    /// The block of each, and where each block ends.
    keys: Vec<u32>,
    ends: Vec<u32>,
}

impl<const D: usize> Items<D> {
    pub(super) fn new() -> Self {
        Items { sorted: vec![], unsorted: vec![], keys: vec![], ends: vec![] }
    }

    /// Those of the items that are within the spans, sorted by cell; where cells are many, by blocks of them. `coordinates` are those of
    /// the axes, one after the other.
    ///
    /// Within a column of cells along the last axis but one, windows begin at the same place of their rows: then what one has written is
    /// at once there for the next to read.
    pub(super) fn sort(&mut self, level: Level, spans: &[Span; D], coordinates: &[&[f64]; D]) -> &[Item<D>] {
        let count = coordinates[0].len();
        let shift = shift(spans, count);
        let bins = spans.map(|span| ((span.cells - 1) >> shift) + 1);
        let steps = match D {
            1 => [1, 0, 0],
            2 => [1, bins[0], 0],
            _ => [bins[2] * bins[1], 1, bins[1]],
        };
        let steps = std::array::from_fn(|axis| steps[axis] as u32);
        self.unsorted.resize(count.max(self.unsorted.len()), Item::default());
        self.keys.resize(count.max(self.keys.len()), 0);
        let mut inside = 0;
        level.run(Place { spans, coordinates, shift, steps, items: self, inside: &mut inside });
        let (unsorted, keys) = (&self.unsorted[..inside], &self.keys[..inside]);
        self.ends.clear();
        self.ends.resize(bins.iter().product::<usize>() + 1, 0);
        for key in keys {
            self.ends[*key as usize + 1] += 1;
        }
        let mut sum = 0;
        for end in &mut self.ends {
            sum += *end;
            *end = sum;
        }
        self.sorted.resize(inside.max(self.sorted.len()), Item::default());
        for (item, key) in unsorted.iter().zip(keys) {
            let end = &mut self.ends[*key as usize];
            self.sorted[*end as usize] = *item;
            *end += 1;
        }
        &self.sorted[..inside]
    }
}

/// By blocks of 2^shift cells along each axis, so that there are not many more blocks than items.
fn shift<const D: usize>(spans: &[Span; D], items: usize) -> u32 {
    let blocks = |shift: u32| spans.iter().map(|span| ((span.cells - 1) >> shift) + 1).product::<usize>();
    (0..).find(|&shift| blocks(shift) <= 4 * items.max(256)).expect("one block in the end")
}

struct Place<'a, const D: usize> {
    spans: &'a [Span; D],
    coordinates: &'a [&'a [f64]; D],
    /// What a block along each axis adds to the key.
    steps: [u32; D],
    shift: u32,
    items: &'a mut Items<D>,
    /// How many are within the spans.
    inside: &'a mut usize,
}

impl<const D: usize> Task for Place<'_, D> {
    #[inline(always)]
    fn run<const FMA: bool, const WIDE: bool>(self) {
        let mut inside = 0;
        let Items { unsorted, keys, .. } = self.items;
        for index in 0..self.coordinates[0].len() {
            let item = &mut unsorted[inside];
            let (mut base, mut key, mut is_inside) = (0u32, 0u32, true);
            for axis in 0..D {
                let span = &self.spans[axis];
                let at = span.at(self.coordinates[axis][index]);
                is_inside &= at >= 0.0 && at < span.cells as f64;
                let cell = at as u32;
                item.z[axis] = 2.0 * (at - f64::from(cell)) - 1.0;
                base = base.wrapping_mul(span.len() as u32).wrapping_add(cell);
                key = (cell >> self.shift).wrapping_mul(self.steps[axis]).wrapping_add(key);
            }
            item.base = base;
            item.index = index as u32;
            keys[inside] = key;
            inside += usize::from(is_inside);
        }
        *self.inside = inside;
    }
}
