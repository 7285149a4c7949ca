//! Registers of AVX2: four keys of 64 bits, or eight of 32.

use std::arch::x86_64::*;

use super::merge::{self, Merged, Task};
use super::quicksort::{self, Register};

/// For each set of lanes, the order of halves of 64 bits that puts them first and the others behind.
const WIDE: [[u32; 8]; 16] = {
    let mut all = [[0; 8]; 16];
    let mut set = 0;
    while set < 16 {
        let (mut lane, mut first, mut last) = (0, 0, (set as u32).count_ones() as usize);
        while lane < 4 {
            let place = if set >> lane & 1 == 1 { &mut first } else { &mut last };
            all[set][2 * *place] = 2 * lane;
            all[set][2 * *place + 1] = 2 * lane + 1;
            *place += 1;
            lane += 1;
        }
        set += 1;
    }
    all
};

/// The same for 32 bits.
const NARROW: [[u32; 8]; 256] = {
    let mut all = [[0; 8]; 256];
    let mut set = 0;
    while set < 256 {
        let (mut lane, mut first, mut last) = (0, 0, (set as u32).count_ones() as usize);
        while lane < 8 {
            let place = if set >> lane & 1 == 1 { &mut first } else { &mut last };
            all[set][*place] = lane;
            *place += 1;
            lane += 1;
        }
        set += 1;
    }
    all
};

macro_rules! register {
    (
        $name:ident, $key:ty as $signed:ty, $lanes:literal, $splat:ident, $above:ident, $mask:ident, $cast:ident, $orders:ident,
        $sort:ident, $merge:ident, $merge_both:ident
    ) => {
        #[derive(Clone, Copy)]
        struct $name(__m256i);

        impl $name {
            /// All bits of those lanes in which `self` is above `other`. The instruction knows signed numbers only.
            #[inline(always)]
            unsafe fn above(self, other: Self) -> __m256i {
                // SAFETY: the instructions are there, by the caller's promise; as in all that follow.
                unsafe {
                    if <$key>::MIN == 0 {
                        let sign = $splat(<$signed>::MIN);
                        return $above(_mm256_xor_si256(self.0, sign), _mm256_xor_si256(other.0, sign));
                    }
                    $above(self.0, other.0)
                }
            }

            #[inline(always)]
            unsafe fn chosen(mask: __m256i, yes: Self, no: Self) -> Self {
                // SAFETY: as above.
                $name(unsafe { _mm256_blendv_epi8(no.0, yes.0, mask) })
            }
        }

        impl Register for $name {
            type Key = $key;
            const LANES: usize = $lanes;
            const GREATEST: $key = <$key>::MAX;

            #[inline(always)]
            unsafe fn load(from: *const $key) -> Self {
                // SAFETY: a whole register can be read there, by the caller's promise.
                $name(unsafe { _mm256_loadu_si256(from.cast()) })
            }
            #[inline(always)]
            unsafe fn store(self, to: *mut $key) {
                // SAFETY: a whole register can be written there, by the caller's promise.
                unsafe { _mm256_storeu_si256(to.cast(), self.0) }
            }
            #[inline(always)]
            unsafe fn splat(key: $key) -> Self {
                // SAFETY: as above.
                $name(unsafe { $splat(key as $signed) })
            }
            #[inline(always)]
            unsafe fn min(self, other: Self) -> Self {
                // SAFETY: as above.
                unsafe { Self::chosen(self.above(other), other, self) }
            }
            #[inline(always)]
            unsafe fn max(self, other: Self) -> Self {
                // SAFETY: as above.
                unsafe { Self::chosen(self.above(other), self, other) }
            }
            #[inline(always)]
            unsafe fn image(self) -> Self {
                // SAFETY: as above. No unsigned key is below 0.
                unsafe {
                    let negative = Self::splat(0).above(self);
                    $name(_mm256_xor_si256(self.0, _mm256_and_si256(negative, Self::splat(<$key>::MAX).0)))
                }
            }
            #[inline(always)]
            fn float_before(a: $key, b: $key) -> bool {
                let image = |key: $key| if (key as $signed) < 0 { key ^ <$key>::MAX } else { key };
                image(a) < image(b)
            }
            #[inline(always)]
            unsafe fn crossed<const X: usize>(self) -> Self {
                let width = 8 / $lanes;
                let index: [u32; 8] =
                    std::array::from_fn(|half| ((half / width ^ X) * width + half % width) as u32);
                // SAFETY: as above; the array is as large as a register.
                unsafe {
                    let index = _mm256_loadu_si256(index.as_ptr().cast());
                    $name(_mm256_permutevar8x32_epi32(self.0, index))
                }
            }
            #[inline(always)]
            unsafe fn by_bit<const BIT: usize>(low: Self, high: Self) -> Self {
                let mask: [$signed; $lanes] =
                    std::array::from_fn(|lane| if lane & BIT == 0 { 0 } else { -1 });
                // SAFETY: as above; the array is as large as a register.
                unsafe { Self::chosen(_mm256_loadu_si256(mask.as_ptr().cast()), high, low) }
            }
            #[inline(always)]
            unsafe fn part<const EQUAL: bool>(self, pivot: Self, left: *mut $key, right: *mut $key) -> usize {
                // SAFETY: as above; there is room for a register behind `left` and before `right`, by the caller's promise. Where the two
                // overlap, they are the same.
                unsafe {
                    let above = if EQUAL { self.above(pivot) } else { pivot.above(self) };
                    let mask = $mask($cast(above)) as usize;
                    let mask = if EQUAL { !mask & ((1 << $lanes) - 1) } else { mask };
                    let order = _mm256_loadu_si256($orders[mask].as_ptr().cast());
                    let parted = $name(_mm256_permutevar8x32_epi32(self.0, order));
                    parted.store(left);
                    parted.store(right.sub($lanes));
                    mask.count_ones() as usize
                }
            }
        }

        /// As [`quicksort::sort`]. The processor must have AVX2.
        #[target_feature(enable = "avx2,fma")]
        pub(super) fn $sort(keys: &mut [$key], depth: u32) -> u64 {
            // SAFETY: the instructions of the register are enabled here.
            unsafe { quicksort::sort::<$name>(keys, depth) }
        }

        /// As [`merge::merge`], and as safe.
        #[target_feature(enable = "avx2,fma")]
        pub(super) unsafe fn $merge<const BACK: bool, const FLOAT: bool>(task: Task<$key>) -> Merged {
            // SAFETY: the instructions of the register are enabled here; the rest is the caller's promise.
            unsafe { merge::merge::<$name, BACK, FLOAT>(task) }
        }

        /// As [`merge::merge_both`], and as safe.
        #[target_feature(enable = "avx2,fma")]
        pub(super) unsafe fn $merge_both<const FLOAT: bool>(tasks: [Task<$key>; 2]) -> [Merged; 2] {
            // SAFETY: as above.
            unsafe { merge::merge_both::<$name, FLOAT>(tasks) }
        }
    };
}

register!(
    U64s,
    u64 as i64,
    4,
    _mm256_set1_epi64x,
    _mm256_cmpgt_epi64,
    _mm256_movemask_pd,
    _mm256_castsi256_pd,
    WIDE,
    sort_u64,
    merge_u64,
    merge_both_u64
);
register!(
    I64s,
    i64 as i64,
    4,
    _mm256_set1_epi64x,
    _mm256_cmpgt_epi64,
    _mm256_movemask_pd,
    _mm256_castsi256_pd,
    WIDE,
    sort_i64,
    merge_i64,
    merge_both_i64
);
register!(
    U32s,
    u32 as i32,
    8,
    _mm256_set1_epi32,
    _mm256_cmpgt_epi32,
    _mm256_movemask_ps,
    _mm256_castsi256_ps,
    NARROW,
    sort_u32,
    merge_u32,
    merge_both_u32
);
register!(
    I32s,
    i32 as i32,
    8,
    _mm256_set1_epi32,
    _mm256_cmpgt_epi32,
    _mm256_movemask_ps,
    _mm256_castsi256_ps,
    NARROW,
    sort_i32,
    merge_i32,
    merge_both_i32
);
