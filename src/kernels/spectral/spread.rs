//! Samples to the grid, and from the grid to places: windows times numbers, a register of cells at a time.

use super::items::Item;
use crate::kernels::level::Task;
use crate::kernels::window_sums::multiply_add;

/// Samples in one cell that are taken together, while the sums of a row of cells stay in registers.
const TOGETHER: usize = 16;

/// The windows of all axes over all their cells, for a point at `z` in its own.
#[inline(always)]
fn windows<const FMA: bool, const W: usize, const D: usize>(
    pieces: &[[f64; W]],
    z: &[f64; D],
) -> [[f64; W]; D] {
    let mut values = [pieces[0]; D];
    for coefficients in &pieces[1..] {
        for axis in 0..D {
            for cell in 0..W {
                values[axis][cell] = multiply_add::<FMA>(values[axis][cell], z[axis], coefficients[cell]);
            }
        }
    }
    values
}

/// The products of the windows of all axes but the last: one for each row of cells, in the order of the rows.
#[inline(always)]
fn factors<const W: usize, const D: usize>(windows: &[[f64; W]; D], factors: &mut [f64]) {
    match D {
        1 => factors[0] = 1.0,
        2 => factors.copy_from_slice(&windows[0]),
        _ => {
            for (factors, outer) in factors.as_chunks_mut::<W>().0.iter_mut().zip(windows[0]) {
                for cell in 0..W {
                    factors[cell] = outer * windows[1][cell];
                }
            }
        }
    }
}

/// Adds the windows of sorted samples to the grid, in units of 2^−bits.
pub(super) struct Spread<'a, const D: usize> {
    pub(super) width: usize,
    pub(super) pieces: &'a [f64],
    pub(super) items: &'a [Item<D>],
    /// From 0 to 1, in the order in which the samples were given.
    pub(super) weights: Option<&'a [f64]>,
    /// Where the rows under a window begin, from its first cell.
    pub(super) rows: &'a [usize],
    pub(super) bits: i32,
    pub(super) grid: &'a mut [i64],
}

impl<const D: usize> Task for Spread<'_, D> {
    #[inline(always)]
    fn run<const FMA: bool, const WIDE: bool>(self) {
        match self.width {
            4 => self.by_width::<FMA, 4>(),
            8 => self.by_width::<FMA, 8>(),
            12 => self.by_width::<FMA, 12>(),
            _ => self.by_width::<FMA, 16>(),
        }
    }
}

impl<const D: usize> Spread<'_, D> {
    #[inline(always)]
    fn by_width<const FMA: bool, const W: usize>(self) {
        let pieces = self.pieces.as_chunks::<W>().0;
        // Adding it leaves the number, as an integer of this unit, in the low bits.
        let round = 1.5 * 2f64.powi(52 - self.bits);
        let rows = self.rows.len();
        let mut last = [[0.0; W]; TOGETHER];
        let mut others = vec![0.0; TOGETHER * rows];
        for of_cell in self.items.chunk_by(|a, b| a.base == b.base) {
            let base = of_cell[0].base as usize;
            for some in of_cell.chunks(TOGETHER) {
                for ((item, last), others) in some.iter().zip(&mut last).zip(others.chunks_exact_mut(rows)) {
                    let windows = windows::<FMA, W, D>(pieces, &item.z);
                    *last = windows[D - 1];
                    if let Some(weights) = self.weights {
                        let weight = weights[item.index as usize];
                        last.iter_mut().for_each(|cell| *cell *= weight);
                    }
                    factors(&windows, others);
                }
                let rounds = round.to_bits().wrapping_mul(some.len() as u64);
                for (row, offset) in self.rows.iter().enumerate() {
                    let mut sums = [0u64; W];
                    for (last, others) in last[..some.len()].iter().zip(others.chunks_exact(rows)) {
                        let factor = others[row];
                        for cell in 0..W {
                            let number = multiply_add::<FMA>(last[cell], factor, round);
                            sums[cell] = sums[cell].wrapping_add(number.to_bits());
                        }
                    }
                    let cells = &mut self.grid[base + offset..][..W];
                    for cell in 0..W {
                        cells[cell] = cells[cell].wrapping_add(sums[cell].wrapping_sub(rounds) as i64);
                    }
                }
            }
        }
    }
}

/// Sums the field under the windows of places.
pub(super) struct Read<'a, const D: usize> {
    pub(super) width: usize,
    pub(super) pieces: &'a [f64],
    pub(super) items: &'a [Item<D>],
    pub(super) rows: &'a [usize],
    pub(super) field: &'a [f64],
    /// One for each place, in the order in which they were given.
    pub(super) values: &'a mut [f64],
}

impl<const D: usize> Task for Read<'_, D> {
    #[inline(always)]
    fn run<const FMA: bool, const WIDE: bool>(self) {
        match self.width {
            4 => self.by_width::<FMA, 4>(),
            8 => self.by_width::<FMA, 8>(),
            12 => self.by_width::<FMA, 12>(),
            _ => self.by_width::<FMA, 16>(),
        }
    }
}

impl<const D: usize> Read<'_, D> {
    #[inline(always)]
    fn by_width<const FMA: bool, const W: usize>(self) {
        let pieces = self.pieces.as_chunks::<W>().0;
        let mut others = vec![0.0; self.rows.len()];
        for item in self.items {
            let windows = windows::<FMA, W, D>(pieces, &item.z);
            factors(&windows, &mut others);
            let mut sums = [0.0; W];
            for (offset, factor) in self.rows.iter().zip(&others) {
                let cells = &self.field[item.base as usize + offset..][..W];
                for cell in 0..W {
                    sums[cell] = multiply_add::<FMA>(cells[cell], *factor, sums[cell]);
                }
            }
            let mut products = [0.0; W];
            for cell in 0..W {
                products[cell] = sums[cell] * windows[D - 1][cell];
            }
            self.values[item.index as usize] = total(std::hint::black_box(products));
        }
    }
}

/// The sum, always added in the same order.
#[inline(always)]
fn total<const W: usize>(numbers: [f64; W]) -> f64 {
    let mut four = [0.0; 4];
    for numbers in numbers.as_chunks::<4>().0 {
        for k in 0..4 {
            four[k] += numbers[k];
        }
    }
    (four[0] + four[2]) + (four[1] + four[3])
}
