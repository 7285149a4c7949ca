//! The types of numbers that the program sorts.

use std::fmt::Display;

use rankwise::kernels::sorting::{Key, kind};

/// A number that has an order, travels, and can be kept in every format.
pub(crate) trait Number:
    rankwise::file::Number
    + rankwise::file::H5Type
    + Key<Self::Order>
    + Display
    + Default
    + ndarray_npy::WritableElement
{
    /// How it is ordered.
    type Order;
    /// Its bits, widened.
    fn bits(self) -> u64;
    /// From the bytes of a file, little end first.
    fn from_bytes(bytes: &[u8]) -> Vec<Self>;
    /// Adds its bytes, little end first.
    fn push_bytes(self, bytes: &mut Vec<u8>);
}

macro_rules! numbers {
    ($($number:ty as $bits:ty, $order:ident;)*) => {$(
        impl Number for $number {
            type Order = kind::$order;

            fn bits(self) -> u64 {
                u64::from(<$bits>::from_ne_bytes(self.to_ne_bytes()))
            }

            fn from_bytes(bytes: &[u8]) -> Vec<Self> {
                let (numbers, _) = bytes.as_chunks::<{ size_of::<$number>() }>();
                numbers.iter().map(|number| <$number>::from_le_bytes(*number)).collect()
            }

            fn push_bytes(self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_le_bytes());
            }
        }
    )*};
}
numbers! {
    u8 as u8, Ordered;
    i8 as u8, Ordered;
    u16 as u16, Ordered;
    i16 as u16, Ordered;
    u32 as u32, Ordered;
    i32 as u32, Ordered;
    u64 as u64, Ordered;
    i64 as u64, Ordered;
    f32 as u32, Float;
    f64 as u64, Float;
}
