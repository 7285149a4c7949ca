//! A slate: what a thread writes on every call, and others look at now and then, without a lock on either side.
//!
//! The version is odd while it is being written, and whoever has read takes what was read only if the version has not changed: a
//! sequence lock, as in H.-J. Boehm, "Can seqlocks get along with programming language memory models?" (MSPC 2012). All that is
//! written are words, each of which is an atomic.

use std::marker::PhantomData;
use std::panic::Location;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering, fence};

/// What is written: some names, a line of the program, some numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Written<const NAMES: usize, const NUMBERS: usize> {
    pub(crate) names: [&'static str; NAMES],
    pub(crate) at: &'static Location<'static>,
    pub(crate) numbers: [u64; NUMBERS],
}

/// Written to by one thread, the one that has got a [`Pen`].
pub(crate) struct Slate<const NAMES: usize, const NUMBERS: usize> {
    taken: AtomicBool,
    version: AtomicU64,
    names: [(AtomicPtr<u8>, AtomicUsize); NAMES],
    at: AtomicPtr<Location<'static>>,
    numbers: [AtomicU64; NUMBERS],
}

/// The right to write to a slate. There is one of each, and it stays in its thread.
#[derive(Clone, Copy)]
pub(crate) struct Pen<const NAMES: usize, const NUMBERS: usize> {
    slate: &'static Slate<NAMES, NUMBERS>,
    _one_thread: PhantomData<*const ()>,
}

impl<const NAMES: usize, const NUMBERS: usize> Slate<NAMES, NUMBERS> {
    pub(crate) const fn blank() -> Self {
        Slate {
            taken: AtomicBool::new(false),
            version: AtomicU64::new(0),
            names: [const { (AtomicPtr::new(null_mut()), AtomicUsize::new(0)) }; NAMES],
            at: AtomicPtr::new(null_mut()),
            numbers: [const { AtomicU64::new(0) }; NUMBERS],
        }
    }

    /// Only the first who asks gets it.
    pub(crate) fn pen(&'static self) -> Option<Pen<NAMES, NUMBERS>> {
        let first = !self.taken.swap(true, Ordering::Relaxed);
        first.then_some(Pen { slate: self, _one_thread: PhantomData })
    }

    /// What was written last; none if nothing was, or it is being written just now.
    pub(crate) fn read(&self) -> Option<Written<NAMES, NUMBERS>> {
        let version = self.version.load(Ordering::Acquire);
        let names = self
            .names
            .each_ref()
            .map(|(start, len)| (start.load(Ordering::Relaxed).cast_const(), len.load(Ordering::Relaxed)));
        let at = self.at.load(Ordering::Relaxed).cast_const();
        let numbers = self.numbers.each_ref().map(|number| number.load(Ordering::Relaxed));
        // What is read above is read before what is read below: if one of the words was of a later version, so is the version.
        fence(Ordering::Acquire);
        if version == 0 || version % 2 == 1 || self.version.load(Ordering::Relaxed) != version {
            return None;
        }
        // SAFETY: all of these words were written by one `Pen::write`, since the version was even and has not changed; there they
        // came from references that are good for ever.
        Some(unsafe {
            let name = |(start, len)| std::str::from_utf8_unchecked(std::slice::from_raw_parts(start, len));
            Written { names: names.map(name), at: &*at, numbers }
        })
    }
}

impl<const NAMES: usize, const NUMBERS: usize> Pen<NAMES, NUMBERS> {
    #[inline]
    pub(crate) fn write(&self, what: &Written<NAMES, NUMBERS>) {
        let slate = self.slate;
        // One thread writes, so this needs no locked addition.
        let version = slate.version.load(Ordering::Relaxed);
        slate.version.store(version + 1, Ordering::Relaxed);
        // What is written below is written after what is written above.
        fence(Ordering::Release);
        for ((start, len), name) in slate.names.iter().zip(what.names) {
            start.store(name.as_ptr().cast_mut(), Ordering::Relaxed);
            len.store(name.len(), Ordering::Relaxed);
        }
        slate.at.store(std::ptr::from_ref(what.at).cast_mut(), Ordering::Relaxed);
        for (place, number) in slate.numbers.iter().zip(what.numbers) {
            place.store(number, Ordering::Relaxed);
        }
        slate.version.store(version + 2, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_was_written_together() {
        static SLATE: Slate<2, 3> = Slate::blank();
        let pen = SLATE.pen().expect("the first");
        assert!(SLATE.pen().is_none(), "there is one");
        assert_eq!(SLATE.read(), None, "nothing is written");
        let places = [Location::caller(), Location::caller()];
        let names = [["a", "letter"], ["", "nothing at all"]];
        let all = [0, 1].map(|i| Written { names: names[i], at: places[i], numbers: [i as u64; 3] });
        let reader = std::thread::spawn(move || {
            let mut seen = [0; 2];
            while seen.iter().any(|&times| times < 1000) {
                if let Some(read) = SLATE.read() {
                    let which = all.iter().position(|written| *written == read);
                    seen[which.expect("one of the two, whole")] += 1;
                }
            }
        });
        while !reader.is_finished() {
            all.iter().for_each(|written| pen.write(written));
        }
        reader.join().expect("it saw both, a thousand times each");
    }
}
