//! What the programs of each lesson must print: one file a lesson.
//!
//! ```ignore
//! use super::{Run, run};
//!
//! /// The lesson's program, and its twins in C and Python.
//! pub(super) const LESSON: &[Run] = &[run(4, "rank 0 of 4\n…")];
//! pub(super) const A: &[Run] = &[run(4, "the sum is 6").hint("Every rank must call all_reduce_one, not only rank 0.")];
//! pub(super) const B: &[Run] = &[run(3, "0 1 2").args(&["--rounds", "2"]).free()];
//! ```
#![allow(dead_code, reason = "the program and each of the tests use their part")]

/// One run of a program, and what must come of it.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// How many ranks are started.
    pub ranks: usize,
    /// The program's arguments.
    pub args: &'static [&'static str],
    /// Settings in the environment: a name and its value.
    pub settings: &'static [(&'static str, &'static str)],
    /// What must be on its standard output: these lines, and no others. `…` stands for any text within a line.
    pub prints: &'static str,
    /// Whether the lines may come in any order.
    pub free: bool,
    /// What must be somewhere on its standard error. Nothing is looked for when it is empty.
    pub says: &'static str,
    /// The exit code.
    pub code: i32,
    /// What to tell who does not get there.
    pub hint: &'static str,
}

/// A run that must end well, and print exactly these lines in this order.
pub const fn run(ranks: usize, prints: &'static str) -> Run {
    Run { ranks, args: &[], settings: &[], prints, free: false, says: "", code: 0, hint: "" }
}

impl Run {
    /// With these arguments.
    pub const fn args(self, args: &'static [&'static str]) -> Run {
        Run { args, ..self }
    }

    /// With these settings in the environment, as `&[("RANKWISE_SEND", "sync")]`.
    pub const fn settings(self, settings: &'static [(&'static str, &'static str)]) -> Run {
        Run { settings, ..self }
    }

    /// The lines may come in any order.
    pub const fn free(self) -> Run {
        Run { free: true, ..self }
    }

    /// It must fail, with this exit code, and with these words on standard error.
    pub const fn fails(self, code: i32, says: &'static str) -> Run {
        Run { code, says, ..self }
    }

    /// What to tell who does not get there.
    pub const fn hint(self, hint: &'static str) -> Run {
        Run { hint, ..self }
    }
}

/// What is to be run of a lesson.
pub struct Lesson {
    /// The name of its program and of its page: `06_ring`.
    pub name: &'static str,
    /// Its program, and its twins in C and Python. A lesson whose twins differ in what they print, or in their arguments, has `…`
    /// there, or leaves runs to [`Lesson::own`].
    pub both: &'static [Run],
    /// Its program only.
    pub own: &'static [Run],
    /// Exercise a, and its solution.
    pub a: &'static [Run],
    /// Exercise b, and its solution.
    pub b: &'static [Run],
}

impl Lesson {
    /// `06`.
    pub fn number(&self) -> &'static str {
        &self.name[..2]
    }
}

#[path = "01.rs"]
mod lesson_01;
#[path = "02.rs"]
mod lesson_02;
#[path = "03.rs"]
mod lesson_03;
#[path = "04.rs"]
mod lesson_04;
#[path = "05.rs"]
mod lesson_05;
#[path = "06.rs"]
mod lesson_06;
#[path = "07.rs"]
mod lesson_07;
#[path = "08.rs"]
mod lesson_08;
#[path = "09.rs"]
mod lesson_09;
#[path = "10.rs"]
mod lesson_10;
#[path = "11.rs"]
mod lesson_11;
#[path = "12.rs"]
mod lesson_12;
#[path = "13.rs"]
mod lesson_13;
#[path = "14.rs"]
mod lesson_14;
#[path = "15.rs"]
mod lesson_15;
#[path = "16.rs"]
mod lesson_16;

/// All lessons that have a table, in order.
pub const LESSONS: &[Lesson] = &[
    lesson_01::LESSON,
    lesson_02::LESSON,
    lesson_03::LESSON,
    lesson_04::LESSON,
    lesson_05::LESSON,
    lesson_06::LESSON,
    lesson_07::LESSON,
    lesson_08::LESSON,
    lesson_09::LESSON,
    lesson_10::LESSON,
    lesson_11::LESSON,
    lesson_12::LESSON,
    lesson_13::LESSON,
    lesson_14::LESSON,
    lesson_15::LESSON,
    lesson_16::LESSON,
];
