//! What the processor offers, asked at run time, and code compiled for each of it.
#![expect(unsafe_code, reason = "calls code for what the processor has, after asking it")]

/// Sets of instructions, from less to more.
///
/// AVX2 and AVX-512 give the same bits: the kernels fix the order of their additions whatever the width of a register. A
/// processor without fused multiply-add rounds once more; ranks on mixed machines agree on one level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// What every processor of this architecture has.
    Portable = 0,
    /// AVX2 with fused multiply-add.
    Avx2 = 1,
    /// AVX-512 (F and DQ).
    Avx512 = 2,
}

/// Plain loops that are worth compiling for each level. `run` must be `#[inline(always)]`, and so must be what it calls, to
/// be compiled for the level at all.
pub(crate) trait Task {
    /// `FMA`: multiply and add in one rounding. `WIDE`: thirty-two wide registers instead of sixteen half as wide.
    fn run<const FMA: bool, const WIDE: bool>(self);
}

impl Level {
    /// The best that this processor has.
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            let fma = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            if fma && is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq") {
                return Level::Avx512;
            }
            if fma {
                return Level::Avx2;
            }
        }
        Level::Portable
    }

    /// All that this processor has, from less to more.
    pub fn available() -> impl Iterator<Item = Self> {
        [Level::Portable, Level::Avx2, Level::Avx512].into_iter().filter(|&level| level <= Level::detect())
    }

    /// The level with this number, or a lower one that exists and that this processor has.
    pub fn at_most(number: u8) -> Self {
        let wanted = match number {
            0 => Level::Portable,
            1 => Level::Avx2,
            _ => Level::Avx512,
        };
        wanted.min(Level::detect())
    }

    /// Runs the task as compiled for this level, or for the best below it that the processor has.
    pub(crate) fn run(self, task: impl Task) {
        match self.min(Level::detect()) {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the processor has these features, as `detect` found out.
            Level::Avx512 => unsafe { avx512(task) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Level::Avx2 => unsafe { avx2(task) },
            _ => portable(task),
        }
    }
}

fn portable(task: impl Task) {
    // Where the architecture always has it (aarch64), the fused form is the fast one, elsewhere a call into the C library.
    task.run::<{ cfg!(any(target_arch = "aarch64", target_feature = "fma")) }, false>();
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn avx2(task: impl Task) {
    task.run::<true, false>();
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx2,fma")]
fn avx512(task: impl Task) {
    task.run::<true, true>();
}
