//! Registers of AVX-512: eight keys of 64 bits, or sixteen of 32.

use std::arch::x86_64::*;

use super::merge::{self, Merged, Task};
use super::quicksort::{self, Register};

macro_rules! register {
    (
        $name:ident, $key:ty, $lanes:literal, $min:ident, $max:ident, $splat:ident as $signed:ty, $below:ident, $not_above:ident,
        $permute:ident, $blend:ident, $compress:ident, $store:ident, $xor:ident, $mask:ty, $sort:ident, $merge:ident, $merge_both:ident
    ) => {
        #[derive(Clone, Copy)]
        struct $name(__m512i);

        impl Register for $name {
            type Key = $key;
            const LANES: usize = $lanes;
            const GREATEST: $key = <$key>::MAX;

            #[inline(always)]
            unsafe fn load(from: *const $key) -> Self {
                // SAFETY: a whole register can be read there, by the caller's promise.
                $name(unsafe { _mm512_loadu_si512(from.cast()) })
            }
            #[inline(always)]
            unsafe fn store(self, to: *mut $key) {
                // SAFETY: a whole register can be written there, by the caller's promise.
                unsafe { _mm512_storeu_si512(to.cast(), self.0) }
            }
            #[inline(always)]
            unsafe fn splat(key: $key) -> Self {
                // SAFETY: the instructions are there, by the caller's promise; as in all that follow.
                $name(unsafe { $splat(key as $signed) })
            }
            #[inline(always)]
            unsafe fn min(self, other: Self) -> Self {
                // SAFETY: as above.
                $name(unsafe { $min(self.0, other.0) })
            }
            #[inline(always)]
            unsafe fn max(self, other: Self) -> Self {
                // SAFETY: as above.
                $name(unsafe { $max(self.0, other.0) })
            }
            #[inline(always)]
            unsafe fn image(self) -> Self {
                // SAFETY: as above. No unsigned key is below 0.
                unsafe {
                    let negative = $below(self.0, Self::splat(0).0);
                    $name($xor(self.0, negative, self.0, Self::splat(<$key>::MAX).0))
                }
            }
            #[inline(always)]
            fn float_before(a: $key, b: $key) -> bool {
                let image = |key: $key| if (key as $signed) < 0 { key ^ <$key>::MAX } else { key };
                image(a) < image(b)
            }
            #[inline(always)]
            unsafe fn crossed<const X: usize>(self) -> Self {
                let index: [$key; $lanes] = std::array::from_fn(|lane| (lane ^ X) as $key);
                // SAFETY: as above; the array is as large as a register.
                unsafe { $name($permute(_mm512_loadu_si512(index.as_ptr().cast()), self.0)) }
            }
            #[inline(always)]
            unsafe fn by_bit<const BIT: usize>(low: Self, high: Self) -> Self {
                let mask = (0..$lanes).filter(|lane| lane & BIT != 0).fold(0, |mask, lane| mask | 1 << lane);
                // SAFETY: as above.
                $name(unsafe { $blend(mask, low.0, high.0) })
            }
            #[inline(always)]
            unsafe fn part<const EQUAL: bool>(self, pivot: Self, left: *mut $key, right: *mut $key) -> usize {
                // SAFETY: as above; there is room for a register behind `left` and before `right`, by the caller's promise, and no more than
                // the keys that go there are written before `right`.
                unsafe {
                    let mask: $mask =
                        if EQUAL { $not_above(self.0, pivot.0) } else { $below(self.0, pivot.0) };
                    let went = mask.count_ones() as usize;
                    let rest = $lanes - went;
                    _mm512_storeu_si512(left.cast(), $compress(mask, self.0));
                    let written = ((1u32 << rest) - 1) as $mask;
                    $store(right.sub(rest).cast(), written, $compress(!mask, self.0));
                    went
                }
            }
        }

        /// As [`quicksort::sort`]. The processor must have AVX-512 (F and DQ).
        #[target_feature(enable = "avx512f,avx512dq,avx2,fma,popcnt,bmi1,bmi2")]
        pub(super) fn $sort(keys: &mut [$key], depth: u32) -> u64 {
            // SAFETY: the instructions of the register are enabled here.
            unsafe { quicksort::sort::<$name>(keys, depth) }
        }

        /// As [`merge::merge`], and as safe.
        #[target_feature(enable = "avx512f,avx512dq,avx2,fma,popcnt,bmi1,bmi2")]
        pub(super) unsafe fn $merge<const BACK: bool, const FLOAT: bool>(task: Task<$key>) -> Merged {
            // SAFETY: the instructions of the register are enabled here; the rest is the caller's promise.
            unsafe { merge::merge::<$name, BACK, FLOAT>(task) }
        }

        /// As [`merge::merge_both`], and as safe.
        #[target_feature(enable = "avx512f,avx512dq,avx2,fma,popcnt,bmi1,bmi2")]
        pub(super) unsafe fn $merge_both<const FLOAT: bool>(tasks: [Task<$key>; 2]) -> [Merged; 2] {
            // SAFETY: as above.
            unsafe { merge::merge_both::<$name, FLOAT>(tasks) }
        }
    };
}

register!(
    U64s,
    u64,
    8,
    _mm512_min_epu64,
    _mm512_max_epu64,
    _mm512_set1_epi64 as i64,
    _mm512_cmplt_epu64_mask,
    _mm512_cmple_epu64_mask,
    _mm512_permutexvar_epi64,
    _mm512_mask_blend_epi64,
    _mm512_maskz_compress_epi64,
    _mm512_mask_storeu_epi64,
    _mm512_mask_xor_epi64,
    u8,
    sort_u64,
    merge_u64,
    merge_both_u64
);
register!(
    I64s,
    i64,
    8,
    _mm512_min_epi64,
    _mm512_max_epi64,
    _mm512_set1_epi64 as i64,
    _mm512_cmplt_epi64_mask,
    _mm512_cmple_epi64_mask,
    _mm512_permutexvar_epi64,
    _mm512_mask_blend_epi64,
    _mm512_maskz_compress_epi64,
    _mm512_mask_storeu_epi64,
    _mm512_mask_xor_epi64,
    u8,
    sort_i64,
    merge_i64,
    merge_both_i64
);
register!(
    U32s,
    u32,
    16,
    _mm512_min_epu32,
    _mm512_max_epu32,
    _mm512_set1_epi32 as i32,
    _mm512_cmplt_epu32_mask,
    _mm512_cmple_epu32_mask,
    _mm512_permutexvar_epi32,
    _mm512_mask_blend_epi32,
    _mm512_maskz_compress_epi32,
    _mm512_mask_storeu_epi32,
    _mm512_mask_xor_epi32,
    u16,
    sort_u32,
    merge_u32,
    merge_both_u32
);
register!(
    I32s,
    i32,
    16,
    _mm512_min_epi32,
    _mm512_max_epi32,
    _mm512_set1_epi32 as i32,
    _mm512_cmplt_epi32_mask,
    _mm512_cmple_epi32_mask,
    _mm512_permutexvar_epi32,
    _mm512_mask_blend_epi32,
    _mm512_maskz_compress_epi32,
    _mm512_mask_storeu_epi32,
    _mm512_mask_xor_epi32,
    u16,
    sort_i32,
    merge_i32,
    merge_both_i32
);
