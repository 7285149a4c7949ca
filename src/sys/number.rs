//! Plain numbers: what may be looked at as the bytes it is.

use mpi::datatype::Equivalence;

/// Plain numbers, of which every bit pattern is a valid value.
pub trait Number: Equivalence + Copy + sealed::Sealed {}

mod sealed {
    pub trait Sealed {}
}

macro_rules! numbers {
    ($($number:ty)*) => {$(
        impl sealed::Sealed for $number {}
        impl Number for $number {}
    )*};
}
numbers!(u8 u16 u32 u64 usize i8 i16 i32 i64 isize f32 f64);
