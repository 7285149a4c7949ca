//! Elements as a file has them: which of an element's bytes are data, and which of them Rust must not take as they come.
//!
//! A file is made by anyone: a `bool` in it may be 7, an enum may have a value that no variant has, a text may be no UTF-8. So
//! the places of these inside an element are found, and looked at after every read. And what lies between the fields of a
//! struct is not initialised: it is written as zeros.

use std::mem::MaybeUninit;
use std::ops::Range;

use hdf5::H5Type;
use hdf5::types::TypeDescriptor;

use super::failure::{Failure, Outcome};
use super::memory;

/// How elements of one type lie in memory and in a file, which is the same.
#[derive(Debug)]
pub(crate) struct Elements {
    size: usize,
    /// Where the data is; what lies between is padding.
    data: Vec<Range<usize>>,
    checks: Vec<(usize, Check)>,
}

#[derive(Debug, Clone)]
enum Check {
    Bool,
    /// The bytes of the values that there are.
    OneOf(Vec<Vec<u8>>),
    Ascii(usize),
    Utf8(usize),
}

impl Check {
    fn allows(&self, bytes: &[u8]) -> bool {
        // The rest of a fixed text is zeros.
        let text = |len: usize| {
            let end = bytes[..len].iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
            &bytes[..end]
        };
        match self {
            Check::Bool => bytes[0] <= 1,
            Check::OneOf(values) => values.iter().any(|value| bytes.starts_with(value)),
            Check::Ascii(len) => text(*len).is_ascii(),
            Check::Utf8(len) => std::str::from_utf8(text(*len)).is_ok(),
        }
    }
}

impl Elements {
    /// An error for what has pointers inside.
    pub(crate) fn of<T: H5Type + Copy>() -> Outcome<Self> {
        let of = T::type_descriptor();
        let no = |why: &str| Err(Failure::Argument(format!("{} {why}", memory::name::<T>())));
        if of.size() != size_of::<T>() {
            return no("is not as long as it says");
        }
        if of.size() == 0 {
            return no("has no bytes to be stored");
        }
        let mut found = Elements { size: of.size(), data: vec![], checks: vec![] };
        if !found.add(0, &of) {
            return no(
                "has text or arrays of any length, or references: many ranks cannot write these; give texts a fixed length",
            );
        }
        found.join();
        Ok(found)
    }

    /// Makes one range of those that touch.
    fn join(&mut self) {
        self.data.sort_by_key(|range| range.start);
        self.data.dedup_by(|next, last| {
            let touch = last.end >= next.start;
            if touch {
                last.end = last.end.max(next.end);
            }
            touch
        });
    }

    /// Whether this could be added.
    fn add(&mut self, at: usize, of: &TypeDescriptor) -> bool {
        match of {
            TypeDescriptor::Compound(of) => {
                return of.fields.iter().all(|field| self.add(at + field.offset, &field.ty));
            }
            TypeDescriptor::FixedArray(of, len) => {
                let mut one = Elements { size: of.size(), data: vec![], checks: vec![] };
                if !one.add(0, of) {
                    return false;
                }
                one.join();
                if one.is_whole() && one.checks.is_empty() {
                    self.data.push(at..at + of.size() * len);
                    return true;
                }
                return (0..*len).all(|k| self.add(at + k * of.size(), of));
            }
            TypeDescriptor::VarLenArray(_)
            | TypeDescriptor::VarLenAscii
            | TypeDescriptor::VarLenUnicode
            | TypeDescriptor::Reference(_) => return false,
            TypeDescriptor::Boolean => self.checks.push((at, Check::Bool)),
            TypeDescriptor::Enum(of) => {
                let size = of.size as usize;
                let bytes = |value: u64| match size {
                    1 => (value as u8).to_ne_bytes().to_vec(),
                    2 => (value as u16).to_ne_bytes().to_vec(),
                    4 => (value as u32).to_ne_bytes().to_vec(),
                    _ => value.to_ne_bytes().to_vec(),
                };
                self.checks.push((at, Check::OneOf(of.members.iter().map(|one| bytes(one.value)).collect())));
            }
            TypeDescriptor::FixedAscii(len) => self.checks.push((at, Check::Ascii(*len))),
            TypeDescriptor::FixedUnicode(len) => self.checks.push((at, Check::Utf8(*len))),
            TypeDescriptor::Integer(_) | TypeDescriptor::Unsigned(_) | TypeDescriptor::Float(_) => {}
        }
        self.data.push(at..at + of.size());
        true
    }

    /// Whether every byte is data.
    fn is_whole(&self) -> bool {
        matches!(&self.data[..], [range] if range.start == 0 && range.end == self.size)
    }

    /// Whether any bytes are a valid element.
    pub(crate) fn is_plain(&self) -> bool {
        self.checks.is_empty()
    }

    /// The elements as bytes, all initialised: themselves, or a copy with zeros where they have nothing.
    pub(crate) fn bytes<'a, T: H5Type + Copy>(
        &self,
        elements: &'a [T],
    ) -> Outcome<std::borrow::Cow<'a, [u8]>> {
        if size_of::<T>() != self.size {
            return Err(Failure::Argument(format!("{} is another type", memory::name::<T>())));
        }
        let start: *const u8 = elements.as_ptr().cast();
        if self.is_whole() {
            // SAFETY: `of` has found that all bytes of an element are data of its fields, as its `H5Type`, an unsafe trait,
            // promises; so they are initialised, and live as long as the slice.
            return Ok(unsafe { std::slice::from_raw_parts(start, size_of_val(elements)) }.into());
        }
        let (mut room, ()) = memory::filled::<u8, _, _>(size_of_val(elements), |_| Ok(()))?;
        for (element, copy) in room.chunks_exact_mut(self.size).enumerate() {
            for data in &self.data {
                // SAFETY: the field lies inside the element, and is initialised, as above.
                let field = unsafe {
                    std::slice::from_raw_parts(start.add(element * self.size + data.start), data.len())
                };
                copy[data.clone()].copy_from_slice(field);
            }
        }
        Ok(room.into())
    }

    /// What is wrong with these bytes as elements, if anything is.
    fn check(&self, bytes: &[u8]) -> Invalid {
        if self.is_plain() {
            return None;
        }
        let wrong = |element: &[u8]| self.checks.iter().find(|(at, check)| !check.allows(&element[*at..]));
        bytes.chunks_exact(self.size).find_map(wrong).map(|(_, check)| match check {
            Check::Bool => "a bool that is neither true nor false",
            Check::OneOf(_) => "a value that the enum does not have",
            Check::Ascii(_) => "a text that is not ASCII",
            Check::Utf8(_) => "a text that is not UTF-8",
        })
    }
}

/// What a file has that cannot be an element.
pub(crate) type Invalid = Option<&'static str>;

/// Room for new elements, which are read into it one part after the other.
pub(crate) struct Room<T> {
    room: Vec<MaybeUninit<T>>,
    /// So many, from the start, have been read.
    filled: usize,
    valid: bool,
}

impl<T: H5Type + Copy> Room<T> {
    /// Fails when there is no such room, instead of ending the program.
    pub(crate) fn new(len: usize) -> Outcome<Self> {
        Ok(Room { room: memory::plain_room(len)?, filled: 0, valid: true })
    }

    /// Lets `read` fill the next `len` elements. What is invalid is told, and not given out later.
    pub(crate) fn fill(
        &mut self,
        of: &Elements,
        len: usize,
        read: impl FnOnce(&mut [u8]) -> Outcome,
    ) -> Outcome<Invalid> {
        if size_of::<T>() != of.size || len > self.room.len() - self.filled {
            return Err(Failure::Argument(format!("no room for {len} more elements")));
        }
        let next = &mut self.room[self.filled..self.filled + len];
        // SAFETY: the room is zeroed when it is made, so its bytes are initialised; it is borrowed exclusively.
        let bytes = unsafe { std::slice::from_raw_parts_mut(next.as_mut_ptr().cast::<u8>(), len * of.size) };
        read(bytes)?;
        let invalid = of.check(bytes);
        self.valid &= invalid.is_none();
        self.filled += len;
        Ok(invalid)
    }

    /// The elements, when all have been read.
    pub(crate) fn into_vec(self) -> Outcome<Vec<T>> {
        if self.filled < self.room.len() || !self.valid {
            return Err(Failure::Argument(format!("{} of {} elements", self.filled, self.room.len())));
        }
        // SAFETY: every element has been filled with bytes that are valid, as `check` has found.
        Ok(unsafe { memory::assume_filled(self.room) })
    }
}

/// Lets `read` replace these elements.
pub(crate) fn replace<T: H5Type + Copy>(
    of: &Elements,
    elements: &mut [T],
    read: impl FnOnce(&mut [u8]) -> Outcome,
) -> Outcome<Invalid> {
    if size_of::<T>() != of.size {
        return Err(Failure::Argument(format!("{} is another type", memory::name::<T>())));
    }
    if of.is_plain() && of.is_whole() {
        // SAFETY: all bytes are data of plain numbers, so they are initialised, and whatever `read` leaves there is valid.
        let bytes = unsafe {
            std::slice::from_raw_parts_mut(elements.as_mut_ptr().cast::<u8>(), size_of_val(elements))
        };
        read(bytes)?;
        return Ok(None);
    }
    // Read aside, since what comes may be invalid.
    let mut room = Room::new(elements.len())?;
    let invalid = room.fill(of, elements.len(), read)?;
    if invalid.is_none() {
        elements.copy_from_slice(&room.into_vec()?);
    }
    Ok(invalid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hdf5::types::FixedUnicode;

    #[derive(Clone, Copy, Debug, PartialEq, hdf5::H5Type)]
    #[repr(C)]
    struct Gaps {
        flag: bool,
        value: f64,
        name: FixedUnicode<3>,
    }

    #[test]
    fn padding_is_zero_and_what_is_invalid_is_refused() {
        let of = Elements::of::<Gaps>().unwrap();
        let gaps = Gaps { flag: true, value: -1.5, name: "ab".parse().unwrap() };
        let bytes = of.bytes(&[gaps, gaps]).unwrap().into_owned();
        assert_eq!(bytes.len(), 2 * 24);
        for element in bytes.chunks(24) {
            assert_eq!((element[0], &element[1..8]), (1, &[0; 7][..]));
            assert_eq!((&element[16..19], &element[19..]), (&b"ab\0"[..], &[0; 5][..]));
        }
        let mut back = [Gaps { flag: false, value: 0.0, name: FixedUnicode::new() }; 2];
        let put = |bytes: &'_ [u8]| {
            let bytes = bytes.to_vec();
            move |room: &mut [u8]| {
                room.copy_from_slice(&bytes);
                Ok(())
            }
        };
        assert_eq!(replace(&of, &mut back, put(&bytes)).unwrap(), None);
        assert_eq!(back, [gaps, gaps]);
        for (place, byte) in [(0, 2), (24 + 16, 0xff)] {
            let mut wrong = bytes.clone();
            wrong[place] = byte;
            assert!(replace(&of, &mut back, put(&wrong)).unwrap().is_some());
            assert_eq!(back, [gaps, gaps], "unchanged");
        }
    }

    #[test]
    fn an_enum_has_only_its_variants() {
        #[derive(Clone, Copy, Debug, PartialEq, hdf5::H5Type)]
        #[repr(i16)]
        enum Side {
            Left = -1,
            Right = 300,
        }
        let of = Elements::of::<[Side; 2]>().unwrap();
        let both = [[Side::Left, Side::Right]];
        assert_eq!(of.check(&of.bytes(&both).unwrap()), None);
        assert!(of.check(&[0; 4]).is_some());
    }

    #[test]
    fn what_points_elsewhere_is_refused() {
        #[derive(Clone, Copy)]
        struct Fake(#[expect(dead_code)] [u8; 8]);
        // SAFETY: of this size; never stored.
        unsafe impl H5Type for Fake {
            fn type_descriptor() -> TypeDescriptor {
                TypeDescriptor::VarLenAscii
            }
        }
        assert!(Elements::of::<Fake>().is_err());
        assert!(Elements::of::<[f32; 3]>().unwrap().is_whole());
    }
}
