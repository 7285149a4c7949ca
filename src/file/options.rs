//! How a file is opened: hints for MPI-IO, alignment, durability.

use std::fmt;
use std::str::FromStr;

/// Hints for MPI-IO, as `name=value,name=value`: what an [environment variable](Options) and a command line can hold.
///
/// ```
/// use rankwise::file::Hints;
///
/// #[derive(clap::Parser)]
/// struct Args {
///     /// Hints for MPI-IO, as striping_factor=8,cb_nodes=4.
///     #[arg(long, default_value_t)]
///     hints: Hints,
/// }
/// # use clap::Parser;
/// let args = Args::parse_from(["program", "--hints", "striping_factor=8,cb_nodes=4"]);
/// assert_eq!(args.hints.to_string(), "striping_factor=8,cb_nodes=4");
/// assert!("striping_factor".parse::<Hints>().is_err());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Hints(Vec<(String, String)>);

impl Hints {
    /// The names with their values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Of two with one name the later one holds.
    fn set(&mut self, name: &str, value: &str) {
        self.0.retain(|(other, _)| other != name);
        self.0.push((name.to_owned(), value.to_owned()));
    }
}

impl FromStr for Hints {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut hints = Hints::default();
        for pair in text.split([',', ';']).map(str::trim).filter(|pair| !pair.is_empty()) {
            match pair.split_once('=').map(|(name, value)| (name.trim(), value.trim())) {
                Some((name, value)) if !name.is_empty() => hints.set(name, value),
                _ => return Err(format!("{pair:?} is no hint: a name, =, and a value are meant")),
            }
        }
        Ok(hints)
    }
}

impl fmt::Display for Hints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pairs: Vec<String> = self.iter().map(|(name, value)| format!("{name}={value}")).collect();
        f.write_str(&pairs.join(","))
    }
}

/// How [`File`](super::File) opens and closes a file.
///
/// | | default | what it does |
/// |---|---|---|
/// | [`hint`](Options::hint), [`hints`](Options::hints) | `romio_ds_read=disable` | MPI-IO's hints; unknown names are ignored by MPI |
/// | [`align`](Options::align) | off | large objects start at multiples of the file system's stripe |
/// | [`sync`](Options::sync) | on | a file that is closed is on the disk |
///
/// The hints of the variable `RANKWISE_HINTS`, written as [`Hints`], hold before those of the program. Which of them matter on which
/// file system: `docs/files.md`.
///
/// ```
/// # use rankwise::file::{File, Options, Storage};
/// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
/// # let path = std::env::temp_dir().join(format!("rankwise-doc-options-{}.h5", std::process::id()));
/// let options = Options::default().hint("striping_factor", "8").align(1 << 20, 1 << 20);
/// let file = File::create_with(world, &path, &options)?;
/// file.close()?;
/// # std::fs::remove_file(&path)?;
/// # Ok(()) }) }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Options {
    hints: Hints,
    pub(super) alignment: Option<(u64, u64)>,
    pub(super) sync: bool,
    pub(super) user_block: u64,
}

/// The variable with hints.
const VARIABLE: &str = "RANKWISE_HINTS";

impl Default for Options {
    fn default() -> Self {
        // ROMIO's data sieving makes collective reads of chunked datasets a hundred times slower; other libraries ignore it.
        let hints = Hints(vec![("romio_ds_read".into(), "disable".into())]);
        Options { hints, alignment: None, sync: true, user_block: 0 }
    }
}

impl Options {
    /// A hint for MPI-IO, which replaces an earlier one of that name.
    #[must_use = "it returns the changed options"]
    pub fn hint(mut self, name: &str, value: &str) -> Self {
        self.hints.set(name, value);
        self
    }

    /// Several of them.
    #[must_use = "it returns the changed options"]
    pub fn hints(mut self, hints: &Hints) -> Self {
        hints.iter().for_each(|(name, value)| self.hints.set(name, value));
        self
    }

    /// Datasets of at least `from` bytes start at multiples of `to` bytes.
    #[must_use = "it returns the changed options"]
    pub fn align(mut self, from: u64, to: u64) -> Self {
        self.alignment = Some((from, to.max(1)));
        self
    }

    /// Whether a file that is closed is on the disk, so that it survives a loss of power. Without it, closing is faster, and the
    /// file survives what happens to programs only.
    #[must_use = "it returns the changed options"]
    pub fn sync(mut self, on: bool) -> Self {
        self.sync = on;
        self
    }

    /// So many bytes at the start of a new file are not HDF5's.
    pub(crate) fn user_block(mut self, bytes: u64) -> Self {
        self.user_block = bytes;
        self
    }

    /// Its hints, with those of the environment.
    pub(super) fn all_hints(&self) -> Result<Vec<(String, String)>, String> {
        let mut all = self.hints.clone();
        if let Ok(text) = std::env::var(VARIABLE) {
            let more: Hints = text.parse().map_err(|error| format!("{VARIABLE}: {error}"))?;
            more.iter().for_each(|(name, value)| all.set(name, value));
        }
        Ok(all.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_hint_of_a_name_holds() {
        let more = " cb_nodes = 2 ;x=y=z,, cb_nodes=4".parse().unwrap();
        let options = Options::default().hint("cb_nodes", "1").hint("romio_ds_read", "enable").hints(&more);
        let all = options.all_hints().unwrap();
        let all: Vec<String> = all.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(all, ["romio_ds_read=enable", "x=y=z", "cb_nodes=4"]);
        assert!("=3".parse::<Hints>().is_err());
    }
}
