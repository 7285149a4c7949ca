//! The sums in vector registers: points stay in registers while the samples of a tile go by, each of them spread over a
//! register.
//!
//! Every point's sum is taken sample by sample in the order given, whatever the width of a register. The exponential is
//! 2^(−s) = 2^(k/16) · 2^(r/16): k is the integer nearest to −16 s; 2^(k/16) is looked up in sixteen numbers that are in registers,
//! and shifted by adding to its exponent; 2^(r/16) is a polynomial. 16 s is not computed by itself, but within both uses of it
//! in one rounding, so that its error does not grow with s.
//!
//! Source: P. T. P. Tang, *Table-driven implementation of the exponential function in IEEE floating-point arithmetic* (1989).
#![expect(unsafe_code, reason = "vector instructions, called after asking for them")]

use super::shape::{Epanechnikov, Gaussian, Hypercube};
use super::{Form, GROUP};
use crate::kernels::density::Kernel;
use crate::kernels::level::Level;

mod lanes;

pub(super) use lanes::Number;
use lanes::{Lanes, Plain};

/// The greatest number of points in a block.
const BLOCK: usize = 64;

/// How the differences of the coordinates are scaled.
const COMMON: u8 = 0;
const SCALED: u8 = 1;
const MIXED: u8 = 2;

/// Some windows, a tile of samples, and points.
pub(super) struct Job<'a, N> {
    pub(super) kernel: Kernel,
    pub(super) form: &'a Form,
    pub(super) widths: &'a [f64],
    pub(super) d: usize,
    /// All first coordinates of the tile, then all second ones, and so on.
    pub(super) tile: &'a [N],
    /// One for each sample of the tile.
    pub(super) weights: Option<&'a [N]>,
    /// Laid out as the tile.
    pub(super) points: &'a [N],
    /// Window by window.
    pub(super) sums: &'a mut [f64],
}

/// Adds the sums over one tile.
pub(super) fn add_tile(level: Level, job: Job<'_, f64>) {
    let loops = match level.min(Level::detect()) {
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => any_form::<Avx512F64>(&job),
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => any_form::<Avx2F64>(&job),
        _ => any_form::<PlainF64>(&job),
    };
    // SAFETY: the processor has the instructions of that level, as `detect` found out.
    unsafe { blocks(job, loops) }
}

/// Adds the sums over one tile in single precision. All axes must have one bandwidth.
pub(super) fn add_tile_f32(level: Level, job: Job<'_, f32>) {
    assert!(matches!(job.form, Form::Common), "single precision takes scaled coordinates");
    let loops = match level.min(Level::detect()) {
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => common_form::<Avx512F32>(&job),
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => common_form::<Avx2F32>(&job),
        _ => common_form::<PlainF32>(&job),
    };
    // SAFETY: as above.
    unsafe { blocks(job, loops) }
}

/// One kernel's shape: from the scaled differences of the axes to a number, and from there to the value in each window.
///
/// # Safety
/// Of all functions that take lanes: the processor must have their instructions.
trait Shape {
    /// Whether the value can be too small for a number.
    const FADES: bool;
    /// Takes one more axis into the number, which starts at 0.
    unsafe fn axis<V: Lanes>(so_far: V, u: V) -> V;
    /// What turns the number into the value for a window of this width.
    fn factor(width: f64) -> f64;
    /// The total and the value, from the number and that factor, times the weight. `FAR`: where the number is not at most the
    /// limit, the value is 0; otherwise it is known to be.
    unsafe fn add<V: Lanes, const WEIGHTED: bool, const FAR: bool>(
        total: V,
        number: V,
        factor: V,
        limit: V,
        weight: V,
    ) -> V;
}

impl Shape for Gaussian {
    const FADES: bool = true;
    #[inline(always)]
    unsafe fn axis<V: Lanes>(so_far: V, u: V) -> V {
        // SAFETY: the caller's promise; as in all that follow.
        unsafe { u.mul_add(u, so_far) }
    }
    fn factor(width: f64) -> f64 {
        -8.0 * std::f64::consts::LOG2_E / (width * width)
    }
    #[inline(always)]
    unsafe fn add<V: Lanes, const WEIGHTED: bool, const FAR: bool>(
        total: V,
        number: V,
        factor: V,
        limit: V,
        weight: V,
    ) -> V {
        // SAFETY: as above.
        unsafe {
            let round = V::splat(V::Number::ROUND);
            let rounded = number.mul_add(factor, round);
            let minus_k = round.sub(rounded);
            let rest = number.mul_add(factor, minus_k);
            let mut polynomial = V::splat(V::Number::POLYNOMIAL[0]);
            for &coefficient in &V::Number::POLYNOMIAL[1..] {
                polynomial = polynomial.mul_add(rest, V::splat(coefficient));
            }
            let mut power = rounded.sixteenth_powers();
            if WEIGHTED {
                power = power.mul(weight);
            }
            if FAR {
                total.add_product_where(number.at_most(limit), power, polynomial)
            } else {
                power.mul_add(polynomial, total)
            }
        }
    }
}

impl Shape for Hypercube {
    const FADES: bool = false;
    #[inline(always)]
    unsafe fn axis<V: Lanes>(so_far: V, u: V) -> V {
        // SAFETY: as above.
        unsafe { so_far.max(u.abs()) }
    }
    fn factor(width: f64) -> f64 {
        0.5 * width
    }
    #[inline(always)]
    unsafe fn add<V: Lanes, const WEIGHTED: bool, const FAR: bool>(
        total: V,
        number: V,
        factor: V,
        _: V,
        weight: V,
    ) -> V {
        // SAFETY: as above.
        unsafe { total.add_where(number.at_most(factor), weight) }
    }
}

impl Shape for Epanechnikov {
    const FADES: bool = false;
    #[inline(always)]
    unsafe fn axis<V: Lanes>(so_far: V, u: V) -> V {
        // SAFETY: as above.
        unsafe { u.mul_add(u, so_far) }
    }
    fn factor(width: f64) -> f64 {
        -1.0 / (width * width)
    }
    #[inline(always)]
    unsafe fn add<V: Lanes, const WEIGHTED: bool, const FAR: bool>(
        total: V,
        number: V,
        factor: V,
        _: V,
        weight: V,
    ) -> V {
        // SAFETY: as above.
        unsafe {
            let shape = number.mul_add(factor, V::splat(V::Number::ONE)).max(V::splat(V::Number::ZERO));
            shape.mul_add(weight, total)
        }
    }
}

/// The inner loop as compiled for one set of instructions and one precision.
trait Compiled {
    type Number: Number;
    /// For one window.
    fn one<S: Shape, const D: usize, const FORM: u8, const WEIGHTED: bool>() -> Loops<Self::Number>;
    /// For up to [`GROUP`] windows that share the distances.
    fn group<S: Shape, const D: usize, const FORM: u8>() -> Loops<Self::Number>;
}

/// An inner loop. Only that is compiled for each case: what is around it takes no time, and much room.
struct Loops<N> {
    /// For samples of which all are within the limit. To be called where the processor has the instructions.
    near: unsafe fn(Run<'_, N>),
    /// For any samples.
    far: unsafe fn(Run<'_, N>),
    /// Points in a block.
    block: usize,
    windows: usize,
    weighted: bool,
    fades: bool,
    factor: fn(f64) -> f64,
}

/// Some samples of a tile, and the points of one block.
struct Run<'a, N> {
    tile: &'a [N],
    /// Samples in the tile.
    n: usize,
    samples: std::ops::Range<usize>,
    weights: &'a [N],
    d: usize,
    /// All first coordinates of the block, then all second ones, and so on.
    at: &'a [N],
    scale: &'a [N],
    /// Of each window.
    factors: &'a [N; GROUP],
    limits: &'a [N; GROUP],
    /// The outcome, window by window.
    sums: &'a mut [N],
}

macro_rules! compiled {
    ($name:ident, $number:ty, $lanes:ty, $vectors:literal, $few:literal $(, $features:literal)?) => {
        struct $name;

        impl Compiled for $name {
            type Number = $number;
            fn one<S: Shape, const D: usize, const FORM: u8, const WEIGHTED: bool>() -> Loops<$number> {
                $(#[target_feature(enable = $features)])?
                unsafe fn compiled<S: Shape, const D: usize, const FORM: u8, const WEIGHTED: bool, const FAR: bool>(
                    of: Run<'_, $number>,
                ) {
                    // SAFETY: the instructions of these lanes are enabled here.
                    unsafe { run::<$lanes, S, D, FORM, WEIGHTED, FAR, $vectors, 1>(of) }
                }
                let near: unsafe fn(Run<'_, $number>) = compiled::<S, D, FORM, WEIGHTED, false>;
                let far = if S::FADES { compiled::<S, D, FORM, WEIGHTED, true> } else { near };
                Loops::new::<S>(near, far, $vectors * <$lanes>::WIDTH, 1, WEIGHTED)
            }
            fn group<S: Shape, const D: usize, const FORM: u8>() -> Loops<$number> {
                $(#[target_feature(enable = $features)])?
                unsafe fn compiled<S: Shape, const D: usize, const FORM: u8, const FAR: bool>(of: Run<'_, $number>) {
                    // SAFETY: the instructions of these lanes are enabled here.
                    unsafe { run::<$lanes, S, D, FORM, true, FAR, $few, GROUP>(of) }
                }
                let near: unsafe fn(Run<'_, $number>) = compiled::<S, D, FORM, false>;
                let far = if S::FADES { compiled::<S, D, FORM, true> } else { near };
                Loops::new::<S>(near, far, $few * <$lanes>::WIDTH, GROUP, true)
            }
        }
    };
}

impl<N> Loops<N> {
    fn new<S: Shape>(
        near: unsafe fn(Run<'_, N>),
        far: unsafe fn(Run<'_, N>),
        block: usize,
        windows: usize,
        weighted: bool,
    ) -> Self {
        Loops { near, far, block, windows, weighted, fades: S::FADES, factor: S::factor }
    }
}

#[cfg(target_arch = "x86_64")]
compiled!(Avx512F64, f64, lanes::x86::F64x8, 4, 2, "avx512f,avx512dq,avx2,fma");
#[cfg(target_arch = "x86_64")]
compiled!(Avx2F64, f64, lanes::x86::F64x4, 2, 1, "avx2,fma");
compiled!(PlainF64, f64, Plain<f64, 4>, 2, 1);
#[cfg(target_arch = "x86_64")]
compiled!(Avx512F32, f32, lanes::x86::F32x16, 4, 2, "avx512f,avx512dq,avx2,fma");
#[cfg(target_arch = "x86_64")]
compiled!(Avx2F32, f32, lanes::x86::F32x8, 2, 1, "avx2,fma");
compiled!(PlainF32, f32, Plain<f32, 8>, 2, 1);

/// Any scaling of the axes.
fn any_form<C: Compiled>(job: &Job<'_, C::Number>) -> Loops<C::Number> {
    match job.kernel {
        Kernel::Gaussian => by_form::<C, Gaussian>(job),
        Kernel::Hypercube => by_form::<C, Hypercube>(job),
        Kernel::Epanechnikov => by_form::<C, Epanechnikov>(job),
    }
}

/// One bandwidth for all axes.
fn common_form<C: Compiled>(job: &Job<'_, C::Number>) -> Loops<C::Number> {
    match job.kernel {
        Kernel::Gaussian => by_dimension::<C, Gaussian>(job),
        Kernel::Hypercube => by_dimension::<C, Hypercube>(job),
        Kernel::Epanechnikov => by_dimension::<C, Epanechnikov>(job),
    }
}

fn by_form<C: Compiled, S: Shape>(job: &Job<'_, C::Number>) -> Loops<C::Number> {
    let form = match job.form {
        Form::Common => COMMON,
        Form::Scaled(_) => SCALED,
        Form::Mixed(_) => MIXED,
    };
    match (form, job.d, job.widths.len() == 1) {
        (COMMON, ..) => by_dimension::<C, S>(job),
        (SCALED, 2, true) => C::one::<S, 2, SCALED, true>(),
        (SCALED, 3, true) => C::one::<S, 3, SCALED, true>(),
        (SCALED, _, true) => C::one::<S, 0, SCALED, true>(),
        (SCALED, _, false) => C::group::<S, 0, SCALED>(),
        (_, 2, true) => C::one::<S, 2, MIXED, true>(),
        (_, 3, true) => C::one::<S, 3, MIXED, true>(),
        (_, _, true) => C::one::<S, 0, MIXED, true>(),
        (_, _, false) => C::group::<S, 0, MIXED>(),
    }
}

fn by_dimension<C: Compiled, S: Shape>(job: &Job<'_, C::Number>) -> Loops<C::Number> {
    // A weight costs the other shapes nothing.
    let plain = S::FADES && job.weights.is_none();
    match (job.d, job.widths.len() == 1, plain) {
        (1, true, true) => C::one::<S, 1, COMMON, false>(),
        (2, true, true) => C::one::<S, 2, COMMON, false>(),
        (3, true, true) => C::one::<S, 3, COMMON, false>(),
        (1, true, false) => C::one::<S, 1, COMMON, true>(),
        (2, true, false) => C::one::<S, 2, COMMON, true>(),
        (3, true, false) => C::one::<S, 3, COMMON, true>(),
        (_, true, _) => C::one::<S, 0, COMMON, true>(),
        (1, false, _) => C::group::<S, 1, COMMON>(),
        (2, false, _) => C::group::<S, 2, COMMON>(),
        (3, false, _) => C::group::<S, 3, COMMON>(),
        (_, false, _) => C::group::<S, 0, COMMON>(),
    }
}

/// All points against the tile.
///
/// # Safety
/// The processor must have the instructions of the loops.
unsafe fn blocks<N: Number>(job: Job<'_, N>, loops: Loops<N>) {
    let Job { d, tile, .. } = job;
    let (n, m) = (tile.len() / d, job.points.len() / d);
    let Loops { block, windows, .. } = loops;
    debug_assert!(block <= BLOCK && job.widths.len() <= windows);
    let ones;
    let weights = match job.weights {
        Some(weights) => weights,
        None if loops.weighted => {
            ones = vec![N::ONE; n];
            &ones
        }
        None => &[],
    };
    let scale: Vec<N> = match job.form {
        Form::Common => vec![],
        Form::Scaled(scale) | Form::Mixed(scale) => scale.iter().map(|&scale| N::of(scale)).collect(),
    };
    let (mut factors, mut limits, mut least_limit) = ([N::ZERO; GROUP], [N::ZERO; GROUP], f64::INFINITY);
    for (w, &width) in job.widths.iter().enumerate() {
        let factor = (loops.factor)(width);
        let limit = 16.0 * N::LEAST / factor.abs();
        least_limit = least_limit.min(limit);
        (factors[w], limits[w]) = (N::of(factor), N::of(limit));
    }
    let fades = loops.fades && n > 0;
    let tile_box: Vec<[f64; 2]> = if fades { tile.chunks(n).map(extent).collect() } else { vec![] };
    let (mut at, mut apart) = (vec![N::ZERO; d * block], vec![0.0; d]);
    let mut room = [N::ZERO; GROUP * BLOCK];
    for first in (0..m).step_by(block) {
        let lanes = block.min(m - first);
        for (axis, at) in at.chunks_exact_mut(block).enumerate() {
            let points = &job.points[axis * m + first..][..lanes];
            at[..lanes].copy_from_slice(points);
            at[lanes..].fill(points[lanes - 1]);
            if fades {
                let ([low, high], [tile_low, tile_high]) = (extent(points), tile_box[axis]);
                apart[axis] = (high - tile_low).max(tile_high - low);
            }
        }
        // With some room for how it is rounded.
        let far = fades && 1.000_01 * greatest(job.form, &apart) > least_limit;
        let inner = if far { loops.far } else { loops.near };
        let mut totals = [0.0; GROUP * BLOCK];
        for start in (0..n).step_by(N::RUN.min(n).max(1)) {
            let samples = start..n.min(start.saturating_add(N::RUN));
            let sums = &mut room[..windows * block];
            let (at, scale, factors, limits) = (&at[..], &scale[..], &factors, &limits);
            // SAFETY: the caller's promise.
            unsafe { inner(Run { tile, n, samples, weights, d, at, scale, factors, limits, sums }) };
            for (total, sum) in totals.iter_mut().zip(&room[..windows * block]) {
                *total += sum.wide();
            }
        }
        for (w, totals) in totals.chunks_exact(block).enumerate().take(job.widths.len()) {
            for (sum, total) in job.sums[w * m + first..][..lanes].iter_mut().zip(totals) {
                *sum += total;
            }
        }
    }
}

/// The sums over some samples of a tile for the points of one block, in registers, for up to `WIDTHS` windows. `D` is the number of
/// axes where the compiler may know it, else 0.
///
/// # Safety
/// The processor must have the instructions of the lanes.
#[inline(always)]
unsafe fn run<
    V: Lanes,
    S: Shape,
    const D: usize,
    const FORM: u8,
    const WEIGHTED: bool,
    const FAR: bool,
    const VECTORS: usize,
    const WIDTHS: usize,
>(
    of: Run<'_, V::Number>,
) {
    let Run { tile, n, samples, weights, d, at, scale, factors, limits, sums } = of;
    let block = VECTORS * V::WIDTH;
    // SAFETY: the caller's promise.
    unsafe {
        let zero = V::splat(V::Number::ZERO);
        // Arrays of known size stay in registers.
        let mut known = [[zero; VECTORS]; D];
        for (axis, known) in known.iter_mut().enumerate() {
            *known = along(at, axis);
        }
        let (factors, limits) = (spread::<V, WIDTHS>(factors), spread::<V, WIDTHS>(limits));
        let mut totals = [[zero; VECTORS]; WIDTHS];
        for sample in samples {
            let mut numbers = [zero; VECTORS];
            for axis in 0..if D == 0 { d } else { D } {
                let x = V::splat(tile[axis * n + sample]);
                let here = if D == 0 { along(at, axis) } else { known[axis] };
                if FORM == MIXED {
                    let row = &scale[axis * d..][..axis + 1];
                    for (v, number) in numbers.iter_mut().enumerate() {
                        let mut u = here[v].sub(x).mul(V::splat(row[axis]));
                        for (other, &factor) in row[..axis].iter().enumerate() {
                            let there: [V; VECTORS] = if D == 0 { along(at, other) } else { known[other] };
                            let difference = there[v].sub(V::splat(tile[other * n + sample]));
                            u = difference.mul_add(V::splat(factor), u);
                        }
                        *number = S::axis(*number, u);
                    }
                } else {
                    for (v, number) in numbers.iter_mut().enumerate() {
                        let mut u = here[v].sub(x);
                        if FORM == SCALED {
                            u = u.mul(V::splat(scale[axis]));
                        }
                        *number = S::axis(*number, u);
                    }
                }
            }
            let weight = V::splat(if WEIGHTED { weights[sample] } else { V::Number::ONE });
            for w in 0..WIDTHS {
                for v in 0..VECTORS {
                    totals[w][v] =
                        S::add::<V, WEIGHTED, FAR>(totals[w][v], numbers[v], factors[w], limits[w], weight);
                }
            }
        }
        for (w, totals) in totals.into_iter().enumerate() {
            for (v, total) in totals.into_iter().enumerate() {
                total.store(&mut sums[w * block + v * V::WIDTH..]);
            }
        }
    }
}

/// The coordinates of a block along an axis.
///
/// # Safety
/// The processor must have the instructions of the lanes.
#[inline(always)]
unsafe fn along<V: Lanes, const VECTORS: usize>(at: &[V::Number], axis: usize) -> [V; VECTORS] {
    let at = &at[axis * VECTORS * V::WIDTH..][..VECTORS * V::WIDTH];
    // SAFETY: the caller's promise.
    unsafe {
        let mut here = [V::splat(V::Number::ZERO); VECTORS];
        for (v, here) in here.iter_mut().enumerate() {
            *here = V::load(&at[v * V::WIDTH..]);
        }
        here
    }
}

/// The first of some numbers, each in all lanes.
///
/// # Safety
/// The processor must have the instructions of the lanes.
#[inline(always)]
unsafe fn spread<V: Lanes, const WIDTHS: usize>(numbers: &[V::Number; GROUP]) -> [V; WIDTHS] {
    // SAFETY: the caller's promise.
    unsafe {
        let mut all = [V::splat(V::Number::ZERO); WIDTHS];
        for (lanes, &number) in all.iter_mut().zip(numbers) {
            *lanes = V::splat(number);
        }
        all
    }
}

/// The least and the greatest of some numbers.
#[inline(always)]
fn extent<N: Number>(numbers: &[N]) -> [f64; 2] {
    let Some(&first) = numbers.first() else { return [0.0; 2] };
    let [low, high] = numbers
        .iter()
        .fold([first; 2], |[low, high], &x| [if x < low { x } else { low }, if x > high { x } else { high }]);
    [low.wide(), high.wide()]
}

/// No sum of squares of scaled differences is above this, if those of the coordinates are not above `apart`.
#[inline(always)]
fn greatest(form: &Form, apart: &[f64]) -> f64 {
    match form {
        Form::Common => apart.iter().map(|u| u * u).sum(),
        Form::Scaled(scale) => apart.iter().zip(scale).map(|(u, scale)| (u * scale) * (u * scale)).sum(),
        Form::Mixed(scale) => scale
            .chunks(apart.len().max(1))
            .map(|row| row.iter().zip(apart).map(|(scale, u)| (scale * u).abs()).sum::<f64>())
            .map(|u| u * u)
            .sum(),
    }
}
