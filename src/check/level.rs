//! How much is checked: `RANKWISE_CHECK=off|light|full`.

use std::sync::atomic::{AtomicU8, Ordering};

/// How much is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Nothing.
    Off,
    /// Every rank notes where it is; who waits for ever is found by looking at the notes.
    Light,
    /// And every collective call is compared on all ranks before data moves.
    Full,
}

static LEVEL: AtomicU8 = AtomicU8::new(Level::Off as u8);

/// What the environment says; without a word, full in debug builds and light in release builds.
pub(super) fn asked() -> Result<Level, String> {
    let Some(text) = std::env::var_os("RANKWISE_CHECK").filter(|text| !text.is_empty()) else {
        return Ok(if cfg!(debug_assertions) { Level::Full } else { Level::Light });
    };
    parse(&text.to_string_lossy())
}

pub(super) fn parse(text: &str) -> Result<Level, String> {
    match text {
        "off" | "0" => Ok(Level::Off),
        "light" => Ok(Level::Light),
        "full" | "1" => Ok(Level::Full),
        _ => Err(format!("RANKWISE_CHECK={text}: it is off, light or full")),
    }
}

pub(super) fn set(level: Level) {
    LEVEL.store(level as u8, Ordering::Relaxed);
}

#[inline]
pub(crate) fn level() -> Level {
    match LEVEL.load(Ordering::Relaxed) {
        0 => Level::Off,
        1 => Level::Light,
        _ => Level::Full,
    }
}
