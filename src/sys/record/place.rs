//! The line of the program that stands for all calls that are made inside of what it has called there: of a farm, a file, a sort.

use std::cell::Cell;
use std::panic::Location;

/// How the names of this crate's own files begin, as the compiler writes them.
const OURS: &str = file!().split_at(file!().len() - "sys/record/place.rs".len()).0;

thread_local! {
    static HERE: Cell<Option<&'static Location<'static>>> = const { Cell::new(None) };
}

/// For as long as it lives, calls that this crate makes itself are its caller's. What the program calls meanwhile, as in a task, keeps
/// its own line.
#[derive(Debug)]
#[must_use = "it lasts as long as this"]
pub(crate) struct Within {
    before: Option<&'static Location<'static>>,
}

/// As if all calls from here on were made by the caller.
#[track_caller]
pub(crate) fn within() -> Within {
    within_at(Location::caller())
}

/// As [`within`], of what was called there.
pub(crate) fn within_at(at: &'static Location<'static>) -> Within {
    Within { before: HERE.replace(Some(place(at))) }
}

impl Drop for Within {
    fn drop(&mut self) {
        HERE.set(self.before);
    }
}

/// The place that a call at `at` is shown with.
#[inline]
pub(crate) fn place(at: &'static Location<'static>) -> &'static Location<'static> {
    match HERE.get() {
        Some(whole) if at.file().starts_with(OURS) => whole,
        _ => at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_crate_calls_itself_is_its_callers() {
        let (ours, outer) = (Location::caller(), Location::caller());
        assert!(ours.file().starts_with(OURS), "{OURS}: {ours}");
        assert_eq!(place(ours), ours);
        let within = within_at(outer);
        assert_eq!(place(ours), outer);
        drop(within);
        assert_eq!(place(ours), ours);
    }
}
