//! Numbers for the places in a program where something is called: found by address, so that it takes a few nanoseconds.

use std::cell::Cell;
use std::panic::Location;

/// Places that get a number. What a program has beyond that goes without.
const SLOTS: usize = 4096;
const MOST: usize = SLOTS / 2;

/// The place that has no number of its own.
pub(super) const NOWHERE: u32 = 0;

#[derive(Debug)]
pub(super) struct Sites {
    /// By addresses: of the place, and of the name of what is called there.
    slots: Box<[Cell<(usize, usize, u32)>]>,
    count: Cell<u32>,
}

impl Sites {
    pub(super) fn new() -> Self {
        Sites { slots: (0..SLOTS).map(|_| Cell::new((0, 0, NOWHERE))).collect(), count: Cell::new(1) }
    }

    /// The number of `what` at this place; `add` is told of a new one.
    #[inline]
    pub(super) fn number(
        &self,
        at: &'static Location<'static>,
        what: &'static str,
        add: impl FnOnce(u32),
    ) -> u32 {
        let (place, name) = (std::ptr::from_ref(at) as usize, what.as_ptr() as usize);
        let mut slot = (place >> 3 ^ name.rotate_left(9)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        loop {
            slot &= SLOTS - 1;
            match self.slots[slot].get() {
                (p, n, number) if p == place && n == name => return number,
                (0, ..) => return self.new_one(slot, (place, name), add),
                _ => slot += 1,
            }
        }
    }

    #[cold]
    fn new_one(&self, slot: usize, (place, name): (usize, usize), add: impl FnOnce(u32)) -> u32 {
        let number = self.count.get();
        if number as usize >= MOST {
            return NOWHERE;
        }
        self.count.set(number + 1);
        self.slots[slot].set((place, name, number));
        add(number);
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_keeps_its_number() {
        let sites = Sites::new();
        let (mut added, here) = (0, Location::caller());
        let mut number = |what| sites.number(here, what, |_| added += 1);
        let (send, recv) = (number("send"), number("recv"));
        assert_ne!(send, recv);
        assert_eq!((number("send"), number("recv")), (send, recv));
        assert_eq!(added, 2);
    }
}
