//! Panics that are results: of a closure that somebody has handed in, and that must not end the program in C.
//!
//! In a program under [`run`](crate::run) a panic ends the job where it happens. Within [`caught`] it does not: its words are
//! kept, and become an error.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static CATCHING: Cell<usize> = const { Cell::new(0) };
    /// What the panic hook had to say of the last panic that was caught.
    static WORDS: RefCell<Option<Panic>> = const { RefCell::new(None) };
}

/// A panic that was caught.
#[derive(Debug)]
pub(crate) struct Panic {
    /// File, line and column, if they are known.
    pub(crate) place: Option<String>,
    pub(crate) message: String,
}

/// Runs `act`; if it panics, its words, with the place.
pub(crate) fn caught<R>(act: impl FnOnce() -> R) -> Result<R, String> {
    caught_apart(act).map_err(|Panic { place, message }| {
        let place = place.map_or(String::new(), |place| format!(" at {place}"));
        format!("panicked{place}: {message}")
    })
}

/// As [`caught`], with the place for itself.
pub(crate) fn caught_apart<R>(act: impl FnOnce() -> R) -> Result<R, Panic> {
    /// Counts down also on the way out of a panic.
    struct Catching;
    impl Drop for Catching {
        fn drop(&mut self) {
            CATCHING.set(CATCHING.get() - 1);
        }
    }
    CATCHING.set(CATCHING.get() + 1);
    let catching = Catching;
    // Whatever the closure has left half-done is its own: this crate does not look at it again.
    let outcome = catch_unwind(AssertUnwindSafe(act));
    drop(catching);
    outcome.map_err(|panic| {
        WORDS.take().unwrap_or_else(|| {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
            Panic { place: None, message: text.unwrap_or_else(|| "without a message".into()) }
        })
    })
}

/// For the panic hook: whether this thread's panic is caught, in which case `words` are kept.
pub(crate) fn keep(words: impl FnOnce() -> Panic) -> bool {
    let catching = CATCHING.get() > 0;
    if catching {
        WORDS.set(Some(words()));
    }
    catching
}
