//! The book says what is so: its code is in the files, its output is what the programs print, and its links lead somewhere.

#[path = "../book.rs"]
mod book;
#[path = "../places.rs"]
mod places;
mod table;

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use book::{Pictures, links, renew};
use places::{course, pages};
use table::LESSONS;

#[test]
fn every_page_is_as_its_programs_run() {
    let pages = pages();
    let next = AtomicUsize::new(0);
    let one_by_one = || {
        let places = std::iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed));
        let pages = places.map_while(|place| pages.get(place));
        pages.flat_map(|page| renew(page, Pictures::Look).differences).collect::<Vec<_>>()
    };
    let differences: Vec<String> = thread::scope(|scope| {
        let threads = [(); 4].map(|()| scope.spawn(one_by_one));
        threads.into_iter().flat_map(|one| one.join().expect("a page is read and run")).collect()
    });
    assert!(differences.is_empty(), "{}\nmake course writes it anew", differences.join("\n"));
}

#[test]
fn every_link_leads_to_a_file() {
    let mut broken = Vec::new();
    for page in pages() {
        let folder = page.parent().expect("a file is in a folder");
        for link in links(&fs::read_to_string(&page).expect("listed")) {
            let file = link.split('#').next().unwrap_or_default();
            if !file.is_empty() && !Path::new(&folder.join(file)).exists() {
                broken.push(format!("{}: {link}", page.display()));
            }
            // mdbook takes along what is in its folder only.
            if file.starts_with("..") {
                broken.push(format!("{}: {link} is not in the book: name the file instead", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_lesson_is_in_the_summary_and_has_its_parts() {
    let read = |name: &str| fs::read_to_string(course().join("src").join(name)).unwrap_or_default();
    let summary = read("SUMMARY.md");
    for lesson in LESSONS {
        let page = format!("{}.md", lesson.name);
        assert!(summary.contains(&format!("({page})")), "{page} is not in SUMMARY.md");
        let text = read(&page);
        let number = lesson.number();
        let parts = [
            "## What you will see".into(),
            "## What can go wrong".into(),
            "## Exercises".into(),
            "## The same in C and in Python".into(),
            format!("<!-- code examples/{}.rs -->", lesson.name),
            format!("<!-- code twins/{number}.c -->"),
            format!("<!-- code twins/{number}.py -->"),
            format!("<!-- code solutions/{number}_a.rs -->"),
            format!("<!-- code solutions/{number}_b.rs -->"),
            format!("<!-- code mistakes/{number}.rs -->"),
            "<!-- picture ".into(),
        ];
        for part in parts {
            assert!(text.contains(&part), "{page} has no line {part}");
        }
    }
}
