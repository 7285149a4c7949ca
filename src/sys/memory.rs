//! Memory that MPI reads and writes: slices with what MPI has to know of their elements, and room for new ones.

use std::alloc::{Layout, alloc_zeroed};
use std::ffi::c_void;
use std::marker::PhantomData;
use std::mem::{MaybeUninit, size_of};
use std::ops::Range;

use super::element::{Described, Element};
use super::failure::{Failure, Outcome};
use super::record;

/// From this size on, memory made here is put on huge pages where the system lets programs ask for them.
const HUGE_FROM: usize = 4 << 20;
/// The size of a huge page.
const HUGE_PAGE: usize = 2 << 20;

/// Elements that MPI reads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sent<'a> {
    start: *const u8,
    len: usize,
    of: Described,
    borrowed: PhantomData<&'a [u8]>,
}

impl<'a> Sent<'a> {
    #[inline]
    pub(crate) fn new<T: Element<K>, K>(slice: &'a [T]) -> Outcome<Self> {
        record::out(size_of_val(slice));
        Ok(Sent {
            start: slice.as_ptr().cast(),
            len: slice.len(),
            of: described::<T, K>()?,
            borrowed: PhantomData,
        })
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(super) fn bytes(&self) -> usize {
        self.len * self.of.bytes()
    }

    #[inline]
    pub(super) fn of(&self) -> &Described {
        &self.of
    }

    /// Where MPI finds it. The address of an empty slice means nothing, but MPI looks at it: Open MPI takes 1, where Rust
    /// keeps no bytes, for MPI_IN_PLACE, and equal addresses of input and result for a mistake. This one is neither.
    #[inline]
    pub(super) fn start(&self) -> *const c_void {
        if self.len == 0 { std::ptr::without_provenance(2048) } else { self.start.cast() }
    }

    /// Some of it. Panics when it is not inside.
    #[inline]
    pub(super) fn part(&self, range: Range<usize>) -> Sent<'a> {
        assert!(range.start <= range.end && range.end <= self.len, "{range:?} of {}", self.len);
        Sent { start: self.start.wrapping_add(range.start * self.of.bytes()), len: range.len(), ..*self }
    }
}

/// Elements that MPI writes: zeroed or valid before, and valid after [`Received::check`].
#[derive(Debug)]
pub(crate) struct Received<'a> {
    start: *mut u8,
    len: usize,
    of: Described,
    borrowed: PhantomData<&'a mut [u8]>,
}

impl<'a> Received<'a> {
    #[inline]
    pub(crate) fn new<T: Element<K>, K>(slice: &'a mut [T]) -> Outcome<Self> {
        record::into(size_of_val(slice));
        Ok(Received {
            start: slice.as_mut_ptr().cast(),
            len: slice.len(),
            of: described::<T, K>()?,
            borrowed: PhantomData,
        })
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(super) fn of(&self) -> &Described {
        &self.of
    }

    /// Where MPI puts it; see [`Sent::start`].
    #[inline]
    pub(super) fn start(&mut self) -> *mut c_void {
        if self.len == 0 { std::ptr::without_provenance_mut(4096) } else { self.start.cast() }
    }

    /// Some of it. Panics when it is not inside.
    #[inline]
    pub(super) fn part(&mut self, range: Range<usize>) -> Received<'_> {
        assert!(range.start <= range.end && range.end <= self.len, "{range:?} of {}", self.len);
        let start = self.start.wrapping_add(range.start * self.of.bytes());
        Received { start, len: range.len(), of: self.of, borrowed: PhantomData }
    }

    /// All elements of a [`room`].
    pub(super) fn over_room<T: Element<K>, K>(room: &'a mut Vec<MaybeUninit<T>>) -> Outcome<Self> {
        let (start, len) = (room.as_mut_ptr().cast(), room.len());
        record::into(size_of_val(&room[..]));
        Ok(Received { start, len, of: described::<T, K>()?, borrowed: PhantomData })
    }

    /// Takes its first elements, which MPI has put into other memory.
    ///
    /// # Safety
    /// There are `len` elements of its type at `from`, and this memory is another one.
    pub(super) unsafe fn take(&mut self, from: *const c_void, len: usize) {
        let bytes = self.part(0..len).len * self.of.bytes();
        // SAFETY: `part` has checked that there is room; the rest is this function's contract.
        unsafe { std::ptr::copy_nonoverlapping(from.cast(), self.start, bytes) };
    }

    /// Moves some of it to its start.
    pub(super) fn move_to_start(&mut self, range: Range<usize>) {
        let (len, from) = (range.len() * self.of.bytes(), self.part(range).start);
        // SAFETY: `part` has checked that it is inside; the two may overlap.
        unsafe { std::ptr::copy(from, self.start, len) };
    }

    /// The same, to be read by MPI.
    pub(super) fn as_sent(&self) -> Sent<'_> {
        Sent { start: self.start, len: self.len, of: self.of, borrowed: PhantomData }
    }

    /// Copies `from` into it, which must be of the same type and length.
    pub(super) fn copy_from(&mut self, from: Sent) -> Outcome {
        same_length(from.len, self.len)?;
        same_type(&from.of, &self.of)?;
        // SAFETY: both have that many bytes; one is borrowed exclusively, so they do not overlap.
        unsafe { std::ptr::copy_nonoverlapping(from.start, self.start, self.len * self.of.bytes()) };
        Ok(())
    }

    /// An error, after mending, when a `bool` that arrived is neither true nor false.
    #[inline]
    pub(super) fn check(&mut self) -> Outcome {
        if !self.of.has_bools() {
            return Ok(());
        }
        // SAFETY: that many elements, initialised before MPI wrote any, and borrowed exclusively.
        if unsafe { self.of.mend(self.start, self.len) } {
            return Ok(());
        }
        Err(no_bool())
    }
}

/// After mending.
pub(super) fn no_bool() -> Failure {
    Failure::Argument(
        "a bool arrived that is neither true nor false: the sender has sent another type; it is false now"
            .into(),
    )
}

/// Elements of any type, in memory of our own.
pub(super) struct Elements {
    /// Aligned for whatever there is.
    memory: Vec<u128>,
    len: usize,
    of: Described,
}

impl Elements {
    /// Zeros.
    pub(super) fn room(len: usize, of: &Described) -> Outcome<Self> {
        let (memory, ()) = filled(len.saturating_mul(of.bytes()).div_ceil(size_of::<u128>()), |_| Ok(()))?;
        Ok(Elements { memory, len, of: *of })
    }

    pub(super) fn copy(from: Sent) -> Outcome<Self> {
        let mut copy = Self::room(from.len, &from.of)?;
        copy.all().copy_from(from)?;
        Ok(copy)
    }

    pub(super) fn all(&mut self) -> Received<'_> {
        let start = self.memory.as_mut_ptr().cast();
        Received { start, len: self.len, of: self.of, borrowed: PhantomData }
    }

    pub(super) fn as_sent(&self) -> Sent<'_> {
        let start = self.memory.as_ptr().cast();
        Sent { start, len: self.len, of: self.of, borrowed: PhantomData }
    }
}

#[inline]
fn described<T: Element<K>, K>() -> Outcome<Described> {
    // No message has to be longer than a piece.
    const { assert!(size_of::<T>() <= super::counts::PIECE_BYTES, "an element of more than 1 GiB") };
    let of = T::describe()?;
    // What is told to MPI is what Rust has: all that follows relies on it.
    if of.bytes() == size_of::<T>() {
        return Ok(of);
    }
    Err(Failure::Argument(format!(
        "{} has {} bytes, its datatype {}",
        name::<T>(),
        size_of::<T>(),
        of.bytes()
    )))
}

#[inline]
pub(super) fn same_length(input: usize, result: usize) -> Outcome {
    if input == result {
        return Ok(());
    }
    Err(Failure::Argument(format!("the result has {result} elements, the input {input}")))
}

/// Input and result are both given by callers above the fence; that they have one type is checked here.
#[inline]
pub(super) fn same_type(input: &Described, result: &Described) -> Outcome {
    if input.raw == result.raw && input.repeat == result.repeat {
        return Ok(());
    }
    Err(Failure::Argument("input and result have different element types".into()))
}

/// Room for `len` elements, filled by `write`, which gets it zeroed: what MPI does not write is not uninitialised, and the
/// system hands out large zeroed blocks without touching them. Fails when there is no such room, instead of ending the program.
pub(crate) fn filled<T: Element<K>, K, R>(
    len: usize,
    write: impl FnOnce(Received) -> Outcome<R>,
) -> Outcome<(Vec<T>, R)> {
    let mut room = room::<T>(len)?;
    let result = write(Received::over_room(&mut room)?)?;
    // SAFETY: all bytes are zero or were written by MPI as elements of `T`; zero bytes are a value of every number, and
    // false, and so of every element; and what calls of this fence have received, they have checked.
    Ok((unsafe { assume_filled(room) }, result))
}

/// Elements that are made stretch by stretch, in any order.
#[derive(Debug)]
pub(crate) struct Patches<T> {
    /// Of length 0 until all are there.
    data: Vec<T>,
    len: usize,
    made: Vec<Range<usize>>,
}

impl<T> Patches<T> {
    /// For `len` elements, for which `room` has room.
    pub(crate) fn new(mut room: Vec<T>, len: usize) -> Self {
        room.clear();
        room.reserve_exact(len);
        Patches { data: room, len, made: Vec::new() }
    }

    /// Makes those from `from` to before `to`. Panics when they are not inside.
    #[inline]
    pub(crate) fn make(&mut self, range: Range<usize>, mut value: impl FnMut(usize) -> T) {
        if range.is_empty() {
            return;
        }
        let slots = &mut self.data.spare_capacity_mut()[..self.len][range.clone()];
        for (place, slot) in range.clone().zip(slots) {
            slot.write(value(place));
        }
        match self.made.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => self.made.push(range),
        }
    }

    /// All of them. Panics when one was not made, or made twice.
    pub(crate) fn all(mut self) -> Vec<T> {
        self.made.sort_unstable_by_key(|range| range.start);
        let end = self.made.iter().try_fold(0, |end, range| (range.start == end).then_some(range.end));
        assert_eq!(end, Some(self.len), "each element is made once");
        // SAFETY: the stretches are those that `make` has written, to their ends; they follow each other without a gap from 0
        // to `len`, as was checked just now, and there is room for that many.
        unsafe { self.data.set_len(self.len) };
        self.data
    }
}

/// Zeroed room for `len` elements, on huge pages if it is large.
pub(super) fn room<T>(len: usize) -> Outcome<Vec<MaybeUninit<T>>> {
    let mut room = plain_room(len)?;
    if len > 0 {
        ask_for_huge_pages(room.as_mut_ptr().cast(), size_of_val(&room[..]));
    }
    Ok(room)
}

/// Zeroed room for `len` elements, on pages of the system's choice: where files are read, memory is full of them, and to put
/// huge pages together takes longer than they save.
pub(super) fn plain_room<T>(len: usize) -> Outcome<Vec<MaybeUninit<T>>> {
    let none = || {
        Failure::Argument(format!(
            "no memory for {len} elements of {} ({} bytes each)",
            name::<T>(),
            size_of::<T>()
        ))
    };
    let layout = Layout::array::<T>(len).map_err(|_| none())?;
    if layout.size() == 0 {
        return Ok((0..len).map(|_| MaybeUninit::uninit()).collect());
    }
    // SAFETY: the layout's size is not zero.
    let start = unsafe { alloc_zeroed(layout) };
    if start.is_null() {
        return Err(none());
    }
    // SAFETY: allocated just now by the global allocator, with the layout of an array of `len`; any bytes are a valid
    // `MaybeUninit`.
    Ok(unsafe { Vec::from_raw_parts(start.cast(), len, len) })
}

/// Asks the system to put large memory on huge pages. A copy of 4 to 64 MiB is up to 1.8 times as fast there.
fn ask_for_huge_pages(start: *mut u8, len: usize) {
    if len < HUGE_FROM {
        return;
    }
    let skip = start.align_offset(HUGE_PAGE);
    let whole = len.saturating_sub(skip) / HUGE_PAGE * HUGE_PAGE;
    if whole > 0 {
        // SAFETY: whole pages inside the block. Advice only: the contents stay, and a refusal does not matter.
        unsafe { libc::madvise(start.wrapping_add(skip).cast(), whole, libc::MADV_HUGEPAGE) };
    }
}

/// The elements of a [`room`] that has been filled.
///
/// # Safety
/// Every element is a valid value.
pub(super) unsafe fn assume_filled<T>(room: Vec<MaybeUninit<T>>) -> Vec<T> {
    let mut room = std::mem::ManuallyDrop::new(room);
    // SAFETY: `MaybeUninit<T>` has the layout of `T`; the elements are valid, by this function's contract.
    unsafe { Vec::from_raw_parts(room.as_mut_ptr().cast(), room.len(), room.capacity()) }
}

/// A type's name without paths: `f64`, `Point`, `(Vec<u8>, String)`.
pub(crate) fn name<T: ?Sized>() -> String {
    without_paths(std::any::type_name::<T>())
}

/// A type's name without the paths in it.
pub(crate) fn without_paths(full: &str) -> String {
    let (mut name, mut word) = (String::new(), 0);
    for c in full.chars() {
        if c == ':' {
            name.truncate(word);
            continue;
        }
        name.push(c);
        if !(c.is_alphanumeric() || c == '_') {
            word = name.len();
        }
    }
    name
}

/// Numbers as the bytes they are.
pub(crate) fn bytes<T: super::number::Number>(numbers: &[T]) -> &[u8] {
    // SAFETY: a number has no padding, so all its bytes are initialised; they live as long as the slice.
    unsafe { std::slice::from_raw_parts(numbers.as_ptr().cast(), size_of_val(numbers)) }
}

/// Bytes as the numbers they were; `None` when they are not a whole number of them, or there is no memory.
pub(crate) fn numbers<T: super::number::Number>(bytes: &[u8]) -> Option<Vec<T>> {
    if !bytes.len().is_multiple_of(size_of::<T>()) {
        return None;
    }
    let mut room = room::<T>(bytes.len() / size_of::<T>()).ok()?;
    // SAFETY: the room has just as many bytes and overlaps with nothing; every pattern of them is a number.
    unsafe {
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), room.as_mut_ptr().cast(), bytes.len());
        Some(assume_filled(room))
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_have_no_paths() {
        use super::name;
        assert_eq!(name::<f64>(), "f64");
        assert_eq!(name::<std::time::Duration>(), "Duration");
        assert_eq!(
            name::<(Vec<[u8; 2]>, &'static str, Option<String>)>(),
            "(Vec<[u8; 2]>, &str, Option<String>)"
        );
    }
}
