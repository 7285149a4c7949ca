//! The course's own program: it makes the pages of the book, and checks exercises.
//!
//! Run:  course generate [WORD]   all pages, or those with the word in their name
//!       course exercise 3        exercises 3a and 3b; also 3a
//!
//! `make course` and `make exercise 3` build what is needed and run it.

mod book;
mod check;
mod places;
#[path = "tests/table/mod.rs"]
mod table;

use std::fs;
use std::process::ExitCode;

use book::{Pictures, renew};
use check::{check, words};
use places::{pages, program};
use table::{LESSONS, Run};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["generate"] => generate(""),
        ["generate", word] => generate(word),
        ["exercise", which] => exercise(which),
        _ => {
            eprintln!("usage: course generate [WORD] | course exercise NUMBER");
            ExitCode::from(2)
        }
    }
}

/// Renews the pages that have `word` in their names.
fn generate(word: &str) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for page in pages() {
        let name = page.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        if !name.contains(word) {
            continue;
        }
        let old = fs::read_to_string(&page).expect("listed above");
        let renewed = renew(&page, Pictures::Draw);
        if renewed.text != old {
            fs::write(&page, &renewed.text).expect("a page of the book can be written");
        }
        println!("{name}: {}", if renewed.text == old { "as it was" } else { "renewed" });
        for difference in renewed.differences {
            let first = difference.lines().next().unwrap_or_default();
            println!("  {first}");
            // What could not be had is no page for a reader.
            if !difference.contains("it was\n") {
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}

/// Checks what the reader has written.
fn exercise(which: &str) -> ExitCode {
    let digits: String = which.chars().take_while(char::is_ascii_digit).collect();
    let letter = &which[digits.len()..];
    let number = digits.parse::<usize>().map(|number| format!("{number:02}")).unwrap_or_default();
    let Some(lesson) = LESSONS.iter().find(|lesson| lesson.number() == number) else {
        eprintln!("which one? For instance: make exercise 3, or make exercise 3a");
        return ExitCode::from(2);
    };
    let mut code = ExitCode::SUCCESS;
    for (name, runs) in [("a", lesson.a), ("b", lesson.b)] {
        if !letter.is_empty() && letter != name {
            continue;
        }
        let file = format!("{number}_{name}");
        println!("Exercise {file} (docs/course/exercises/{file}.rs)");
        if !tried(&format!("exercise_{file}"), runs) {
            code = ExitCode::FAILURE;
        }
    }
    code
}

/// Whether all runs are right. The first that is not is told, the rest would be the same story.
fn tried(name: &str, runs: &[Run]) -> bool {
    let program = [program(name).display().to_string()];
    for run in runs {
        match check(&program, run) {
            Ok(()) => println!("  right: {}", words(&program, run)),
            Err(report) => {
                println!("  not yet: {}", report.trim_end().replace('\n', "\n  "));
                return false;
            }
        }
    }
    println!("  Done.");
    true
}
