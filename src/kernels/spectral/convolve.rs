//! A field along one of its axes, times the taps: from the farthest to the middle, so that what is small is added first.

use crate::kernels::level::{Level, Task};
use crate::kernels::window_sums::multiply_add;

/// Cells whose sums are in registers together.
const BLOCK: usize = 32;
/// As many of those that are left.
const NARROW: usize = 8;
const NOTHING: [f64; BLOCK] = [0.0; BLOCK];

/// A field as an array of three axes, of which the middle one is convolved.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form {
    pub(super) outer: usize,
    pub(super) len: usize,
    pub(super) inner: usize,
    /// Cells along the axis afterwards, and where the first of them is, seen from the first one before.
    pub(super) new_len: usize,
    pub(super) shift: isize,
}

/// new[o][i][k] = Σ_l taps[|l|] · field[o][i + shift − l][k].
pub(super) fn convolve(level: Level, taps: &[f64], field: &[f64], form: Form) -> Vec<f64> {
    assert_eq!(field.len(), form.outer * form.len * form.inner, "a field of this form");
    let mut new = vec![0.0; form.outer * form.new_len * form.inner];
    level.run(Convolve { taps, field, form, new: &mut new });
    new
}

struct Convolve<'a> {
    taps: &'a [f64],
    field: &'a [f64],
    form: Form,
    new: &'a mut [f64],
}

impl Task for Convolve<'_> {
    #[inline(always)]
    fn run<const FMA: bool, const WIDE: bool>(self) {
        let Form { len, inner, new_len, .. } = self.form;
        let fields = self.field.chunks_exact((len * inner).max(1));
        for (field, new) in fields.zip(self.new.chunks_exact_mut((new_len * inner).max(1))) {
            if inner == 1 {
                self::along::<FMA>(self.taps, field, self.form, new);
            } else {
                self::across::<FMA>(self.taps, field, self.form, new);
            }
        }
    }
}

/// A single row.
#[inline(always)]
fn along<const FMA: bool>(taps: &[f64], field: &[f64], form: Form, new: &mut [f64]) {
    let reach = taps.len() - 1;
    // As much of the row as the taps of all new cells see, with zeros where it has ended.
    let mut seen = vec![0.0; form.new_len.next_multiple_of(BLOCK) + 2 * reach];
    let start = form.shift - reach as isize;
    let from = start.max(0).min(field.len() as isize) as usize;
    let at = (from as isize - start) as usize;
    if at < seen.len() {
        let count = (field.len() - from).min(seen.len() - at);
        seen[at..at + count].copy_from_slice(&field[from..from + count]);
    }
    for (block, new) in new.chunks_mut(BLOCK).enumerate() {
        let middle = block * BLOCK + reach;
        let row = |place: usize| -> &[f64] { &seen[place..place + BLOCK] };
        let sums = sums::<FMA, BLOCK>(taps, |l| (row(middle - l), row(middle + l)));
        new.copy_from_slice(&sums[..new.len()]);
    }
}

/// Rows side by side.
#[inline(always)]
fn across<const FMA: bool>(taps: &[f64], field: &[f64], form: Form, new: &mut [f64]) {
    let (wide, narrow) = (form.inner / BLOCK * BLOCK, form.inner / NARROW * NARROW);
    for first in (0..wide).step_by(BLOCK) {
        columns::<FMA, BLOCK>(taps, field, form, first, new);
    }
    for first in (wide..narrow).step_by(NARROW) {
        columns::<FMA, NARROW>(taps, field, form, first, new);
    }
    for first in narrow..form.inner {
        columns::<FMA, 1>(taps, field, form, first, new);
    }
}

#[inline(always)]
fn columns<const FMA: bool, const B: usize>(
    taps: &[f64],
    field: &[f64],
    form: Form,
    first: usize,
    new: &mut [f64],
) {
    let row = |i: isize| -> &[f64] {
        if i < 0 || i >= form.len as isize {
            &NOTHING[..B]
        } else {
            &field[i as usize * form.inner + first..][..B]
        }
    };
    for i in 0..form.new_len {
        let middle = i as isize + form.shift;
        let sums = sums::<FMA, B>(taps, |l| (row(middle - l as isize), row(middle + l as isize)));
        new[i * form.inner + first..][..B].copy_from_slice(&sums);
    }
}

/// taps[0] · x(0) + Σ_l taps[l] · (x(−l) + x(l)), where `both` gives x(−l) and x(l).
#[inline(always)]
fn sums<'a, const FMA: bool, const B: usize>(
    taps: &[f64],
    both: impl Fn(usize) -> (&'a [f64], &'a [f64]),
) -> [f64; B] {
    let mut sums = [0.0; B];
    for l in (1..taps.len()).rev() {
        let (before, after) = both(l);
        let (before, after) = (&before[..B], &after[..B]);
        for k in 0..B {
            sums[k] = multiply_add::<FMA>(taps[l], before[k] + after[k], sums[k]);
        }
    }
    let middle = &both(0).0[..B];
    for k in 0..B {
        sums[k] = multiply_add::<FMA>(taps[0], middle[k], sums[k]);
    }
    sums
}
