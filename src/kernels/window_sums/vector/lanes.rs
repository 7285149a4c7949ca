//! Vectors of numbers as the sums need them: of `f64` and of `f32`, in registers of AVX-512, of AVX2, or in plain arrays.

/// A number of a vector: what the exponential needs to know of it.
pub(in crate::kernels::window_sums) trait Number:
    Copy + PartialOrd + 'static
{
    const ZERO: Self;
    const ONE: Self;
    /// Adding it leaves the nearest integer in the low bits: 1.5 · 2^(bits of the fraction).
    const ROUND: Self;
    /// 2^(r/16) for |r| ≤ ½, highest power first; by interpolation at Chebyshev nodes.
    const POLYNOMIAL: &'static [Self];
    /// Below 2 to the minus this, an exponential counts as 0, lest subnormal numbers slow it down.
    const LEAST: f64;
    /// So many terms are added in this precision, before their sum joins a total in `f64`.
    const RUN: usize;
    fn of(number: f64) -> Self;
    fn wide(self) -> f64;
}

impl Number for f64 {
    const ZERO: f64 = 0.0;
    const ONE: f64 = 1.0;
    const ROUND: f64 = 1.5 * (1u64 << 52) as f64;
    // Degree 5, exact at 0, error 9.2e-15.
    const POLYNOMIAL: &'static [f64] = &[
        1.271_604_951_690_670_9e-9,
        1.467_638_723_843_500_6e-7,
        1.355_080_777_838_766_4e-5,
        9.383_847_926_296_646e-4,
        4.332_169_878_499_658e-2,
        1.0,
    ];
    const LEAST: f64 = 1021.0;
    const RUN: usize = usize::MAX;
    #[inline(always)]
    fn of(number: f64) -> f64 {
        number
    }
    #[inline(always)]
    fn wide(self) -> f64 {
        self
    }
}

impl Number for f32 {
    const ZERO: f32 = 0.0;
    const ONE: f32 = 1.0;
    const ROUND: f32 = 1.5 * (1u32 << 23) as f32;
    // Degree 2, error 4.4e-7.
    const POLYNOMIAL: &'static [f32] = &[9.384_123e-4, 4.332_424e-2, 1.0];
    const LEAST: f64 = 125.0;
    const RUN: usize = 64;
    #[inline(always)]
    fn of(number: f64) -> f32 {
        number as f32
    }
    #[inline(always)]
    fn wide(self) -> f64 {
        f64::from(self)
    }
}

/// 2^(j/16).
const POWERS: [f64; 16] = [
    1.0,
    1.044_273_782_427_413_8,
    1.090_507_732_665_257_7,
    1.138_788_634_756_691_6,
    1.189_207_115_002_721,
    1.241_857_812_073_484,
    1.296_839_554_651_009_6,
    1.354_255_546_936_892_7,
    std::f64::consts::SQRT_2,
    1.476_826_145_939_499_3,
    1.542_210_825_407_940_7,
    1.610_490_331_949_254_3,
    1.681_792_830_507_429,
    1.756_252_160_373_299_5,
    1.834_008_086_409_342_4,
    1.915_206_561_397_147_4,
];

/// The bits of 2^(j/16) less j sixteenths of the place where the exponent begins: adding k = 16n + j there makes 2^(k/16).
const TABLE_64: [i64; 16] = {
    let mut table = [0; 16];
    let mut j = 0;
    while j < 16 {
        table[j] = POWERS[j].to_bits() as i64 - ((j as i64) << 48);
        j += 1;
    }
    table
};

/// The same in single precision.
const TABLE_32: [i32; 16] = {
    let mut table = [0; 16];
    let mut j = 0;
    while j < 16 {
        table[j] = (POWERS[j] as f32).to_bits() as i32 - ((j as i32) << 19);
        j += 1;
    }
    table
};

/// Some numbers on which the same is done at once. Multiplication and addition in one rounding, except in [`Plain`] where the
/// processor has no such instruction.
///
/// # Safety
/// Of all its functions: the processor must have the instructions.
pub(super) trait Lanes: Copy {
    type Number: Number;
    type Mask: Copy;
    const WIDTH: usize;
    unsafe fn splat(number: Self::Number) -> Self;
    /// The first numbers of a slice.
    unsafe fn load(from: &[Self::Number]) -> Self;
    unsafe fn store(self, to: &mut [Self::Number]);
    unsafe fn sub(self, other: Self) -> Self;
    unsafe fn mul(self, other: Self) -> Self;
    /// self · b + c.
    unsafe fn mul_add(self, b: Self, c: Self) -> Self;
    unsafe fn max(self, other: Self) -> Self;
    unsafe fn abs(self) -> Self;
    unsafe fn at_most(self, other: Self) -> Self::Mask;
    /// self + other where the mask says so, else self.
    unsafe fn add_where(self, mask: Self::Mask, other: Self) -> Self;
    /// a · b + self where the mask says so, else self; whatever a and b are there.
    unsafe fn add_product_where(self, mask: Self::Mask, a: Self, b: Self) -> Self;
    /// 2^(k/16), for k in the low bits of the fraction, as adding [`Number::ROUND`] leaves it.
    unsafe fn sixteenth_powers(self) -> Self;
}

/// Without any special instruction.
#[derive(Clone, Copy)]
pub(super) struct Plain<N, const WIDTH: usize>([N; WIDTH]);

/// Where the architecture always has it (aarch64), the fused form is the fast one, elsewhere a call into the C library.
const FUSED: bool = cfg!(any(target_arch = "aarch64", target_feature = "fma"));

macro_rules! plain {
    ($number:ty, $width:literal, $table:ident, $shift:literal, $bits:ty) => {
        impl Lanes for Plain<$number, $width> {
            type Number = $number;
            type Mask = [bool; $width];
            const WIDTH: usize = $width;
            #[inline(always)]
            unsafe fn splat(number: $number) -> Self {
                Plain([number; $width])
            }
            #[inline(always)]
            unsafe fn load(from: &[$number]) -> Self {
                Plain(std::array::from_fn(|lane| from[lane]))
            }
            #[inline(always)]
            unsafe fn store(self, to: &mut [$number]) {
                to[..$width].copy_from_slice(&self.0);
            }
            #[inline(always)]
            unsafe fn sub(self, other: Self) -> Self {
                Plain(std::array::from_fn(|lane| self.0[lane] - other.0[lane]))
            }
            #[inline(always)]
            unsafe fn mul(self, other: Self) -> Self {
                Plain(std::array::from_fn(|lane| self.0[lane] * other.0[lane]))
            }
            #[inline(always)]
            unsafe fn mul_add(self, b: Self, c: Self) -> Self {
                Plain(std::array::from_fn(|lane| {
                    if FUSED {
                        self.0[lane].mul_add(b.0[lane], c.0[lane])
                    } else {
                        self.0[lane] * b.0[lane] + c.0[lane]
                    }
                }))
            }
            #[inline(always)]
            unsafe fn max(self, other: Self) -> Self {
                Plain(std::array::from_fn(|lane| {
                    if self.0[lane] > other.0[lane] { self.0[lane] } else { other.0[lane] }
                }))
            }
            #[inline(always)]
            unsafe fn abs(self) -> Self {
                Plain(self.0.map(<$number>::abs))
            }
            #[inline(always)]
            unsafe fn at_most(self, other: Self) -> Self::Mask {
                std::array::from_fn(|lane| self.0[lane] <= other.0[lane])
            }
            #[inline(always)]
            unsafe fn add_where(self, mask: Self::Mask, other: Self) -> Self {
                Plain(std::array::from_fn(|lane| self.0[lane] + if mask[lane] { other.0[lane] } else { 0.0 }))
            }
            #[inline(always)]
            unsafe fn add_product_where(self, mask: Self::Mask, a: Self, b: Self) -> Self {
                // SAFETY: no special instruction.
                let sum = unsafe { a.mul_add(b, self) };
                Plain(std::array::from_fn(|lane| if mask[lane] { sum.0[lane] } else { self.0[lane] }))
            }
            #[inline(always)]
            unsafe fn sixteenth_powers(self) -> Self {
                Plain(self.0.map(|rounded| {
                    let k = rounded.to_bits() as $bits;
                    let power = $table[(k & 15) as usize].wrapping_add(k << $shift);
                    <$number>::from_bits(power.cast_unsigned())
                }))
            }
        }
    };
}

plain!(f64, 4, TABLE_64, 48, i64);
plain!(f32, 8, TABLE_32, 19, i32);

#[cfg(target_arch = "x86_64")]
pub(super) mod x86 {
    use std::arch::x86_64::*;

    use super::{Lanes, TABLE_32, TABLE_64};

    macro_rules! avx512 {
        (
            $name:ident, $number:ty, $register:ty, $mask:ty, $width:literal, $splat:ident, $load:ident, $store:ident,
            $sub:ident, $mul:ident, $mul_add:ident, $max:ident, $abs:ident, $compare:ident, $add_where:ident,
            $mul_add_where:ident, |$k:ident| $powers:expr
        ) => {
            #[derive(Clone, Copy)]
            pub(in super::super) struct $name($register);

            impl Lanes for $name {
                type Number = $number;
                type Mask = $mask;
                const WIDTH: usize = $width;
                #[inline(always)]
                unsafe fn splat(number: $number) -> Self {
                    // SAFETY: the instructions are there, by the caller's promise; as in all that follow.
                    $name(unsafe { $splat(number) })
                }
                #[inline(always)]
                unsafe fn load(from: &[$number]) -> Self {
                    let from = &from[..$width];
                    // SAFETY: as above; a whole register can be read there.
                    $name(unsafe { $load(from.as_ptr()) })
                }
                #[inline(always)]
                unsafe fn store(self, to: &mut [$number]) {
                    let to = &mut to[..$width];
                    // SAFETY: as above; a whole register can be written there.
                    unsafe { $store(to.as_mut_ptr(), self.0) }
                }
                #[inline(always)]
                unsafe fn sub(self, other: Self) -> Self {
                    // SAFETY: as above.
                    $name(unsafe { $sub(self.0, other.0) })
                }
                #[inline(always)]
                unsafe fn mul(self, other: Self) -> Self {
                    // SAFETY: as above.
                    $name(unsafe { $mul(self.0, other.0) })
                }
                #[inline(always)]
                unsafe fn mul_add(self, b: Self, c: Self) -> Self {
                    // SAFETY: as above.
                    $name(unsafe { $mul_add(self.0, b.0, c.0) })
                }
                #[inline(always)]
                unsafe fn max(self, other: Self) -> Self {
                    // SAFETY: as above.
                    $name(unsafe { $max(self.0, other.0) })
                }
                #[inline(always)]
                unsafe fn abs(self) -> Self {
                    // SAFETY: as above.
                    $name(unsafe { $abs(self.0) })
                }
                #[inline(always)]
                unsafe fn at_most(self, other: Self) -> $mask {
                    // SAFETY: as above.
                    unsafe { $compare::<_CMP_LE_OQ>(self.0, other.0) }
                }
                #[inline(always)]
                unsafe fn add_where(self, mask: $mask, other: Self) -> Self {
                    // SAFETY: as above.
                    $name(unsafe { $add_where(self.0, mask, self.0, other.0) })
                }
                #[inline(always)]
                unsafe fn add_product_where(self, mask: $mask, a: Self, b: Self) -> Self {
                    // SAFETY: as above.
                    $name(unsafe { $mul_add_where(a.0, b.0, self.0, mask) })
                }
                #[inline(always)]
                unsafe fn sixteenth_powers(self) -> Self {
                    let $k = self.0;
                    // SAFETY: as above; the tables are as long as the registers that are read from them.
                    $name(unsafe { $powers })
                }
            }
        };
    }

    avx512!(
        F64x8,
        f64,
        __m512d,
        __mmask8,
        8,
        _mm512_set1_pd,
        _mm512_loadu_pd,
        _mm512_storeu_pd,
        _mm512_sub_pd,
        _mm512_mul_pd,
        _mm512_fmadd_pd,
        _mm512_max_pd,
        _mm512_abs_pd,
        _mm512_cmp_pd_mask,
        _mm512_mask_add_pd,
        _mm512_mask3_fmadd_pd,
        |k| {
            let low = _mm512_loadu_si512(TABLE_64.as_ptr().cast());
            let high = _mm512_loadu_si512(TABLE_64.as_ptr().add(8).cast());
            let k = _mm512_castpd_si512(k);
            // It looks at the four lowest bits of k.
            let power = _mm512_permutex2var_epi64(low, k, high);
            _mm512_castsi512_pd(_mm512_add_epi64(power, _mm512_slli_epi64::<48>(k)))
        }
    );

    avx512!(
        F32x16,
        f32,
        __m512,
        __mmask16,
        16,
        _mm512_set1_ps,
        _mm512_loadu_ps,
        _mm512_storeu_ps,
        _mm512_sub_ps,
        _mm512_mul_ps,
        _mm512_fmadd_ps,
        _mm512_max_ps,
        _mm512_abs_ps,
        _mm512_cmp_ps_mask,
        _mm512_mask_add_ps,
        _mm512_mask3_fmadd_ps,
        |k| {
            let table = _mm512_loadu_si512(TABLE_32.as_ptr().cast());
            let k = _mm512_castps_si512(k);
            // It looks at the four lowest bits of k.
            let power = _mm512_permutexvar_epi32(k, table);
            _mm512_castsi512_ps(_mm512_add_epi32(power, _mm512_slli_epi32::<19>(k)))
        }
    );

    macro_rules! avx2 {
        (
            $name:ident, $number:ty, $register:ty, $width:literal, $splat:ident, $load:ident, $store:ident, $add:ident,
            $sub:ident, $mul:ident, $mul_add:ident, $max:ident, $and:ident, $and_not:ident, $compare:ident, $blend:ident,
            |$k:ident| $powers:expr
        ) => {
            #[derive(Clone, Copy)]
            pub(in super::super) struct $name($register);

            impl Lanes for $name {
                type Number = $number;
                type Mask = $register;
                const WIDTH: usize = $width;
                #[inline(always)]
                unsafe fn splat(number: $number) -> Self {
                    // SAFETY: the instructions are there, by the caller's promise; as in all that follow.
                    $name(unsafe { $splat(number) })
                }
                #[inline(always)]
                unsafe fn load(from: &[$number]) -> Self {
                    let from = &from[..$width];
                    // SAFETY: as above; a whole register can be read there.
                    $name(unsafe { $load(from.as_ptr()) })
                }
                #[inline(always)]
                unsafe fn store(self, to: &mut [$number]) {
                    let to = &mut to[..$width];
                    // SAFETY: as above; a whole register can be written there.
                    unsafe { $store(to.as_mut_ptr(), self.0) }
                }
                #[inline(always)]
                unsafe fn sub(self, other: Self) -> Self {
                    // SAFETY: as above.
                    $name(unsafe { $sub(self.0, other.0) })
                }
                #[inline(always)]
                unsafe fn mul(self, other: Self) -> Self {
                    // SAFETY: as above.
                    $name(unsafe { $mul(self.0, other.0) })
                }
                #[inline(always)]
                unsafe fn mul_add(self, b: Self, c: Self) -> Self {
                    // SAFETY: as above.
                    $name(unsafe { $mul_add(self.0, b.0, c.0) })
                }
                #[inline(always)]
                unsafe fn max(self, other: Self) -> Self {
                    // SAFETY: as above.
                    $name(unsafe { $max(self.0, other.0) })
                }
                #[inline(always)]
                unsafe fn abs(self) -> Self {
                    // SAFETY: as above.
                    $name(unsafe { $and_not($splat(-0.0), self.0) })
                }
                #[inline(always)]
                unsafe fn at_most(self, other: Self) -> $register {
                    // SAFETY: as above.
                    unsafe { $compare::<_CMP_LE_OQ>(self.0, other.0) }
                }
                #[inline(always)]
                unsafe fn add_where(self, mask: $register, other: Self) -> Self {
                    // SAFETY: as above.
                    $name(unsafe { $add(self.0, $and(mask, other.0)) })
                }
                #[inline(always)]
                unsafe fn add_product_where(self, mask: $register, a: Self, b: Self) -> Self {
                    // SAFETY: as above.
                    $name(unsafe { $blend(self.0, $mul_add(a.0, b.0, self.0), mask) })
                }
                #[inline(always)]
                unsafe fn sixteenth_powers(self) -> Self {
                    let $k = self.0;
                    // SAFETY: as above; the tables are as long as what is read from them, and an index is below 16.
                    $name(unsafe { $powers })
                }
            }
        };
    }

    avx2!(
        F64x4,
        f64,
        __m256d,
        4,
        _mm256_set1_pd,
        _mm256_loadu_pd,
        _mm256_storeu_pd,
        _mm256_add_pd,
        _mm256_sub_pd,
        _mm256_mul_pd,
        _mm256_fmadd_pd,
        _mm256_max_pd,
        _mm256_and_pd,
        _mm256_andnot_pd,
        _mm256_cmp_pd,
        _mm256_blendv_pd,
        |k| {
            let k = _mm256_castpd_si256(k);
            let place = _mm256_and_si256(k, _mm256_set1_epi64x(15));
            let power = _mm256_i64gather_epi64::<8>(TABLE_64.as_ptr(), place);
            _mm256_castsi256_pd(_mm256_add_epi64(power, _mm256_slli_epi64::<48>(k)))
        }
    );

    avx2!(
        F32x8,
        f32,
        __m256,
        8,
        _mm256_set1_ps,
        _mm256_loadu_ps,
        _mm256_storeu_ps,
        _mm256_add_ps,
        _mm256_sub_ps,
        _mm256_mul_ps,
        _mm256_fmadd_ps,
        _mm256_max_ps,
        _mm256_and_ps,
        _mm256_andnot_ps,
        _mm256_cmp_ps,
        _mm256_blendv_ps,
        |k| {
            let low = _mm256_loadu_ps(TABLE_32.as_ptr().cast());
            let high = _mm256_loadu_ps(TABLE_32.as_ptr().add(8).cast());
            let k = _mm256_castps_si256(k);
            // They look at the three lowest bits of k; the fourth, moved to the sign, chooses.
            let choice = _mm256_castsi256_ps(_mm256_slli_epi32::<28>(k));
            let power =
                _mm256_blendv_ps(_mm256_permutevar8x32_ps(low, k), _mm256_permutevar8x32_ps(high, k), choice);
            let power = _mm256_castps_si256(power);
            _mm256_castsi256_ps(_mm256_add_epi32(power, _mm256_slli_epi32::<19>(k)))
        }
    );
}
