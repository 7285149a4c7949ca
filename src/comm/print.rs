//! Output that stays readable when many ranks write it.

use std::fmt::Display;
use std::io::Write;

use super::Comm;
use crate::error::Result;

impl Comm {
    /// Prints every rank's `text`, a line or more, in rank order. The texts travel to the root, which writes them: lines
    /// that ranks write themselves come out in any order. The root holds all of them at once.
    ///
    /// # Collective
    /// All ranks must call this.
    ///
    /// # Errors
    /// On all ranks, when the root cannot write.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// world.print_in_order(format!("rank {} of {}", world.rank(), world.size()))?;
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn print_in_order(&self, text: impl Display) -> Result<()> {
        let all = self.gather(0, format!("{text}\n").as_bytes())?;
        self.on_root(|| {
            let mut out = std::io::stdout().lock();
            out.write_all(&all.unwrap_or_default())?;
            Ok(out.flush()?)
        })?;
        Ok(())
    }
}

/// Prints a line, on the root only; the other ranks do nothing. Not collective.
///
/// ```
/// # use rankwise::prelude::*;
/// # fn main() -> ExitCode { rankwise::run(|world| {
/// root_println!(world, "{} ranks", world.size());
/// # Ok(()) }) }
/// ```
#[macro_export]
macro_rules! root_println {
    ($world:expr $(, $($text:tt)+)?) => {
        if $world.is_root() {
            ::std::println!($($($text)+)?);
        }
    };
}

/// Prints a line that begins with this rank's number. The lines of several ranks come out in any order; see
/// [`Comm::print_in_order`]. Not collective.
///
/// ```
/// # use rankwise::prelude::*;
/// # fn main() -> ExitCode { rankwise::run(|world| {
/// rank_println!(world, "on {}", world.host()); // [0] on node17
/// # Ok(()) }) }
/// ```
#[macro_export]
macro_rules! rank_println {
    ($world:expr, $($text:tt)+) => {
        ::std::println!("[{}] {}", $world.rank(), ::std::format_args!($($text)+))
    };
}
