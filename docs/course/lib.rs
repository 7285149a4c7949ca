//! What makes the course and checks it. README.md has the rules for its pages.
//!
//! | module | what it knows |
//! |---|---|
//! | [`table`] | what each program of a lesson must print, and the hint when it does not |
//! | [`check`] | whether a program prints that |
//! | [`book`] | the pages: code, output and pictures in them are put in place, or compared |
//! | [`places`] | where programs, pages and the temporary folders are |

pub mod book;
pub mod check;
pub mod places;
#[path = "tests/table/mod.rs"]
pub mod table;
