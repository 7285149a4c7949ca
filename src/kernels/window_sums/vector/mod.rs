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
    match level.min(Level::detect()) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the processor has these instructions, as `detect` found out.
        Level::Avx512 => unsafe { any_form::<Avx512F64>(job) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Level::Avx2 => unsafe { any_form::<Avx2F64>(job) },
        // SAFETY: it needs no special instructions.
        _ => unsafe { any_form::<PlainF64>(job) },
    }
}

/// Adds the sums over one tile in single precision. All axes must have one bandwidth.
pub(super) fn add_tile_f32(level: Level, job: Job<'_, f32>) {
    assert!(matches!(job.form, Form::Common), "single precision takes scaled coordinates");
    match level.min(Level::detect()) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the processor has these instructions, as `detect` found out.
        Level::Avx512 => unsafe { common_form::<Avx512F32>(job) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Level::Avx2 => unsafe { common_form::<Avx2F32>(job) },
        // SAFETY: it needs no special instructions.
        _ => unsafe { common_form::<PlainF32>(job) },
    }
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

/// The loops below as compiled for one set of instructions and one precision.
///
/// # Safety
/// Of both functions: the processor must have the instructions.
trait Compiled {
    type Number: Number;
    /// For one window.
    unsafe fn one<S: Shape, const D: usize, const FORM: u8, const WEIGHTED: bool>(job: Job<'_, Self::Number>);
    /// For up to [`GROUP`] windows that share the distances.
    unsafe fn group<S: Shape, const D: usize, const FORM: u8>(job: Job<'_, Self::Number>);
}

macro_rules! compiled {
    ($name:ident, $number:ty, $lanes:ty, $vectors:literal, $few:literal $(, $features:literal)?) => {
        struct $name;

        impl Compiled for $name {
            type Number = $number;
            unsafe fn one<S: Shape, const D: usize, const FORM: u8, const WEIGHTED: bool>(job: Job<'_, $number>) {
                $(#[target_feature(enable = $features)])?
                unsafe fn compiled<S: Shape, const D: usize, const FORM: u8, const WEIGHTED: bool>(job: Job<'_, $number>) {
                    // SAFETY: the instructions of these lanes are enabled here.
                    unsafe { blocks::<$lanes, S, D, FORM, WEIGHTED, $vectors, 1>(job) }
                }
                // SAFETY: the processor has the instructions, by the caller's promise.
                unsafe { compiled::<S, D, FORM, WEIGHTED>(job) }
            }
            unsafe fn group<S: Shape, const D: usize, const FORM: u8>(job: Job<'_, $number>) {
                $(#[target_feature(enable = $features)])?
                unsafe fn compiled<S: Shape, const D: usize, const FORM: u8>(job: Job<'_, $number>) {
                    // SAFETY: the instructions of these lanes are enabled here.
                    unsafe { blocks::<$lanes, S, D, FORM, true, $few, GROUP>(job) }
                }
                // SAFETY: the processor has the instructions, by the caller's promise.
                unsafe { compiled::<S, D, FORM>(job) }
            }
        }
    };
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
///
/// # Safety
/// The processor must have the instructions.
unsafe fn any_form<C: Compiled>(job: Job<'_, C::Number>) {
    // SAFETY: the caller's promise.
    unsafe {
        match job.kernel {
            Kernel::Gaussian => by_form::<C, Gaussian>(job),
            Kernel::Hypercube => by_form::<C, Hypercube>(job),
            Kernel::Epanechnikov => by_form::<C, Epanechnikov>(job),
        }
    }
}

/// One bandwidth for all axes.
///
/// # Safety
/// The processor must have the instructions.
unsafe fn common_form<C: Compiled>(job: Job<'_, C::Number>) {
    // SAFETY: the caller's promise.
    unsafe {
        match job.kernel {
            Kernel::Gaussian => by_dimension::<C, Gaussian>(job),
            Kernel::Hypercube => by_dimension::<C, Hypercube>(job),
            Kernel::Epanechnikov => by_dimension::<C, Epanechnikov>(job),
        }
    }
}

/// # Safety
/// The processor must have the instructions.
unsafe fn by_form<C: Compiled, S: Shape>(job: Job<'_, C::Number>) {
    let form = match job.form {
        Form::Common => COMMON,
        Form::Scaled(_) => SCALED,
        Form::Mixed(_) => MIXED,
    };
    let (d, one) = (job.d, job.widths.len() == 1);
    // SAFETY: the caller's promise.
    unsafe {
        match (form, d, one) {
            (COMMON, ..) => by_dimension::<C, S>(job),
            (SCALED, 2, true) => C::one::<S, 2, SCALED, true>(job),
            (SCALED, 3, true) => C::one::<S, 3, SCALED, true>(job),
            (SCALED, _, true) => C::one::<S, 0, SCALED, true>(job),
            (SCALED, _, false) => C::group::<S, 0, SCALED>(job),
            (_, 2, true) => C::one::<S, 2, MIXED, true>(job),
            (_, 3, true) => C::one::<S, 3, MIXED, true>(job),
            (_, _, true) => C::one::<S, 0, MIXED, true>(job),
            (_, _, false) => C::group::<S, 0, MIXED>(job),
        }
    }
}

/// # Safety
/// The processor must have the instructions.
unsafe fn by_dimension<C: Compiled, S: Shape>(job: Job<'_, C::Number>) {
    // A weight costs the other shapes nothing.
    let plain = S::FADES && job.weights.is_none();
    // SAFETY: the caller's promise.
    unsafe {
        match (job.d, job.widths.len() == 1, plain) {
            (1, true, true) => C::one::<S, 1, COMMON, false>(job),
            (2, true, true) => C::one::<S, 2, COMMON, false>(job),
            (3, true, true) => C::one::<S, 3, COMMON, false>(job),
            (1, true, false) => C::one::<S, 1, COMMON, true>(job),
            (2, true, false) => C::one::<S, 2, COMMON, true>(job),
            (3, true, false) => C::one::<S, 3, COMMON, true>(job),
            (_, true, _) => C::one::<S, 0, COMMON, true>(job),
            (1, false, _) => C::group::<S, 1, COMMON>(job),
            (2, false, _) => C::group::<S, 2, COMMON>(job),
            (3, false, _) => C::group::<S, 3, COMMON>(job),
            (_, false, _) => C::group::<S, 0, COMMON>(job),
        }
    }
}

/// All points against the tile, for up to `WIDTHS` windows. `D` is the number of axes where the compiler may know it, else 0.
///
/// # Safety
/// The processor must have the instructions of the lanes.
#[inline(always)]
unsafe fn blocks<
    V: Lanes,
    S: Shape,
    const D: usize,
    const FORM: u8,
    const WEIGHTED: bool,
    const VECTORS: usize,
    const WIDTHS: usize,
>(
    job: Job<'_, V::Number>,
) {
    let d = if D == 0 { job.d } else { D };
    let (n, m) = (job.tile.len() / d, job.points.len() / d);
    let block = VECTORS * V::WIDTH;
    debug_assert!(block <= BLOCK && job.widths.len() <= WIDTHS);
    let ones;
    let weights = match job.weights {
        Some(weights) => weights,
        None if WEIGHTED => {
            ones = vec![V::Number::ONE; n];
            &ones
        }
        None => &[],
    };
    let scale: Vec<V::Number> = match job.form {
        Form::Common => vec![],
        Form::Scaled(scale) | Form::Mixed(scale) => scale.iter().map(|&scale| V::Number::of(scale)).collect(),
    };
    let tile_box: Vec<[f64; 2]> = job.tile.chunks(n.max(1)).map(extent).collect();
    // SAFETY: the caller's promise.
    unsafe {
        let zero = V::splat(V::Number::ZERO);
        let (mut factors, mut limits) = ([zero; WIDTHS], [zero; WIDTHS]);
        let mut least_limit = f64::INFINITY;
        for (w, &width) in job.widths.iter().enumerate() {
            let factor = S::factor(width);
            let limit = 16.0 * V::Number::LEAST / factor.abs();
            least_limit = least_limit.min(limit);
            (factors[w], limits[w]) = (V::splat(V::Number::of(factor)), V::splat(V::Number::of(limit)));
        }
        // Arrays of known size stay in registers.
        let (mut few, mut many) = ([[zero; VECTORS]; D], vec![[zero; VECTORS]; if D == 0 { d } else { 0 }]);
        let mut padded = [V::Number::ZERO; BLOCK];
        for first in (0..m).step_by(block) {
            let lanes = block.min(m - first);
            let mut apart = vec![0.0; if S::FADES { d } else { 0 }];
            for axis in 0..d {
                let points = &job.points[axis * m + first..][..lanes];
                padded[..lanes].copy_from_slice(points);
                padded[lanes..].fill(points[lanes - 1]);
                let at = if D == 0 { &mut many[axis] } else { &mut few[axis] };
                for (v, at) in at.iter_mut().enumerate() {
                    *at = V::load(&padded[v * V::WIDTH..]);
                }
                if S::FADES && n > 0 {
                    let ([low, high], [tile_low, tile_high]) = (extent(points), tile_box[axis]);
                    apart[axis] = (high - tile_low).max(tile_high - low);
                }
            }
            // With some room for how it is rounded.
            let far = S::FADES && 1.000_01 * greatest(job.form, &apart) > least_limit;
            let mut totals = [[0.0; BLOCK]; WIDTHS];
            for start in (0..n).step_by(V::Number::RUN.min(n).max(1)) {
                let samples = start..n.min(start.saturating_add(V::Number::RUN));
                let at: &[[V; VECTORS]] = if D == 0 { &many } else { &few };
                let sums = if far {
                    run::<V, S, D, FORM, WEIGHTED, true, VECTORS, WIDTHS>(
                        job.tile, weights, n, d, samples, at, &scale, &factors, &limits,
                    )
                } else {
                    run::<V, S, D, FORM, WEIGHTED, false, VECTORS, WIDTHS>(
                        job.tile, weights, n, d, samples, at, &scale, &factors, &limits,
                    )
                };
                for (totals, sums) in totals.iter_mut().zip(sums) {
                    for (v, sum) in sums.into_iter().enumerate() {
                        sum.store(&mut padded);
                        for lane in 0..V::WIDTH {
                            totals[v * V::WIDTH + lane] += padded[lane].wide();
                        }
                    }
                }
            }
            for (w, totals) in totals.iter().enumerate().take(job.widths.len()) {
                for (sum, total) in job.sums[w * m + first..][..lanes].iter_mut().zip(totals) {
                    *sum += total;
                }
            }
        }
    }
}

/// The sums over some samples of a tile for the points of one block, in registers.
///
/// # Safety
/// The processor must have the instructions of the lanes.
#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "what stays in registers")]
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
    tile: &[V::Number],
    weights: &[V::Number],
    n: usize,
    d: usize,
    samples: std::ops::Range<usize>,
    at: &[[V; VECTORS]],
    scale: &[V::Number],
    factors: &[V; WIDTHS],
    limits: &[V; WIDTHS],
) -> [[V; VECTORS]; WIDTHS] {
    // SAFETY: the caller's promise.
    unsafe {
        let zero = V::splat(V::Number::ZERO);
        let mut totals = [[zero; VECTORS]; WIDTHS];
        for sample in samples {
            let mut numbers = [zero; VECTORS];
            for axis in 0..if D == 0 { d } else { D } {
                let x = V::splat(tile[axis * n + sample]);
                if FORM == MIXED {
                    let row = &scale[axis * d..][..axis + 1];
                    for (v, number) in numbers.iter_mut().enumerate() {
                        let mut u = at[axis][v].sub(x).mul(V::splat(row[axis]));
                        for (other, &factor) in row[..axis].iter().enumerate() {
                            let difference = at[other][v].sub(V::splat(tile[other * n + sample]));
                            u = difference.mul_add(V::splat(factor), u);
                        }
                        *number = S::axis(*number, u);
                    }
                } else {
                    for (v, number) in numbers.iter_mut().enumerate() {
                        let mut u = at[axis][v].sub(x);
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
        totals
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
