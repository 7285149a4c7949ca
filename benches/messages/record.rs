//! What was measured, and the plain lines in which it goes from the ranks, and from messages.py, to the driver.

use crate::operation::Operation;

/// Who makes a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Variant {
    /// C, into its buffers.
    C,
    /// C, the result allocated in each call.
    CNew,
    /// The `mpi` crate, into the caller's buffers.
    Raw,
    /// This crate, into the caller's buffers.
    Into,
    /// This crate, returning the result.
    Returning,
    /// mpi4py, with NumPy's buffers.
    Upper,
    /// mpi4py, with pickle.
    Lower,
}

impl Variant {
    pub(crate) const ALL: [Variant; 7] =
        [Self::C, Self::CNew, Self::Raw, Self::Into, Self::Returning, Self::Upper, Self::Lower];

    /// In the lines.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::C => "c",
            Self::CNew => "c_new",
            Self::Raw => "raw",
            Self::Into => "into",
            Self::Returning => "returning",
            Self::Upper => "upper",
            Self::Lower => "lower",
        }
    }

    /// For people.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::C => "C",
            Self::CNew => "C that allocates",
            Self::Raw => "mpi crate",
            Self::Into => "rankwise into",
            Self::Returning => "rankwise returning",
            Self::Upper => "mpi4py",
            Self::Lower => "mpi4py pickle",
        }
    }
}

/// The samples of one variant in one case, in microseconds, in the order in which they were taken.
pub(crate) struct Times {
    pub(crate) operation: Operation,
    pub(crate) bytes: usize,
    pub(crate) variant: Variant,
    pub(crate) micros: Vec<f64>,
}

/// All that one launch has measured.
#[derive(Default)]
pub(crate) struct Record {
    pub(crate) times: Vec<Times>,
    /// Allocations per call.
    pub(crate) allocations: Vec<(Operation, Variant, f64)>,
    /// What could not be measured, and why.
    pub(crate) skipped: Vec<(Operation, Variant, String)>,
    pub(crate) notes: Vec<String>,
    /// Samples of all variants together, and those during which another process was given a rank's core.
    pub(crate) samples: usize,
    pub(crate) disturbed: usize,
}

impl Record {
    pub(crate) fn add(&mut self, operation: Operation, bytes: usize, variant: Variant, micros: Vec<f64>) {
        self.times.push(Times { operation, bytes, variant, micros });
    }

    /// Once for all sizes.
    pub(crate) fn skip(&mut self, operation: Operation, variant: Variant, reason: &str) {
        let entry = (operation, variant, reason.to_owned());
        if !self.skipped.contains(&entry) {
            self.skipped.push(entry);
        }
    }

    pub(crate) fn get(&self, operation: Operation, bytes: usize, variant: Variant) -> Option<&[f64]> {
        self.times
            .iter()
            .find(|times| (times.operation, times.bytes, times.variant) == (operation, bytes, variant))
            .map(|times| &times.micros[..])
    }

    /// The cases, in the order in which they were measured.
    pub(crate) fn cases(&self) -> Vec<(Operation, usize)> {
        let mut cases = Vec::new();
        for case in self.times.iter().map(|times| (times.operation, times.bytes)) {
            if !cases.contains(&case) {
                cases.push(case);
            }
        }
        cases
    }

    pub(crate) fn to_text(&self) -> String {
        let mut text = String::new();
        for Times { operation, bytes, variant, micros } in &self.times {
            let micros: Vec<String> = micros.iter().map(|time| format!("{time:.5}")).collect();
            text += &format!("time {} {} {bytes} {}\n", operation.name(), variant.key(), micros.join(" "));
        }
        for (operation, variant, number) in &self.allocations {
            text += &format!("allocations {} {} {number}\n", operation.name(), variant.key());
        }
        for (operation, variant, reason) in &self.skipped {
            text += &format!("skipped {} {} {reason}\n", operation.name(), variant.key());
        }
        for note in &self.notes {
            text += &format!("note {note}\n");
        }
        text + &format!("disturbed {} {}\n", self.disturbed, self.samples)
    }

    /// Adds the lines of another process. `None` when one of them is not understood.
    pub(crate) fn read(&mut self, text: &str) -> Option<()> {
        for line in text.lines() {
            let (kind, rest) = line.split_once(' ')?;
            if kind == "note" {
                self.notes.push(rest.to_owned());
                continue;
            }
            if kind == "disturbed" {
                let (disturbed, samples) = rest.split_once(' ')?;
                self.disturbed += disturbed.parse::<usize>().ok()?;
                self.samples += samples.parse::<usize>().ok()?;
                continue;
            }
            let mut words = rest.splitn(3, ' ');
            let operation = Operation::named(words.next()?)?;
            let key = words.next()?;
            let variant = Variant::ALL.into_iter().find(|variant| variant.key() == key)?;
            let rest = words.next()?;
            match kind {
                "time" => {
                    let (bytes, micros) = rest.split_once(' ')?;
                    let micros: Result<Vec<f64>, _> = micros.split(' ').map(str::parse).collect();
                    self.add(operation, bytes.parse().ok()?, variant, micros.ok()?);
                }
                "allocations" => self.allocations.push((operation, variant, rest.parse().ok()?)),
                "skipped" => self.skip(operation, variant, rest),
                _ => return None,
            }
        }
        Some(())
    }
}
