//! The pages: what stands behind a directive is a file, the output of a run, or a picture, and is put there by [`renew`].
//!
//! | directive | what follows it |
//! |---|---|
//! | `<!-- code examples/06_ring.rs -->`, also with `LINES 3-9` | the file, fenced; looked for in the course, then in the project |
//! | `<!-- run mpirun -n 4 06_ring -->` | the command and all that it prints, fenced |
//! | `<!-- run loosely … -->` | the same, but compared by its words only, since figures change |
//! | `<!-- run unchecked … -->` | the same, but only its exit code is compared |
//! | `<!-- picture pictures/06_ring.svg mpirun -n 4 06_ring -->` | an image; the picture is the trace of the run, or what the command itself writes where it says `{picture}` |
#![allow(dead_code, reason = "the program and each of the tests use their part")]

use std::fs;
use std::path::Path;

use crate::places::{Workshop, course, project};

/// The name that all machines have in the book.
const HOST: &str = "node17";

/// What a page has become.
pub struct Renewed {
    /// The page.
    pub text: String,
    /// What was not as it is now, or cannot be had.
    pub differences: Vec<String>,
}

/// What to do about pictures, which take long and differ from run to run.
#[derive(Clone, Copy, Eq, PartialEq)]
pub enum Pictures {
    /// They are drawn, and replaced where the words in them have changed.
    Draw,
    /// They must be there.
    Look,
}

/// Goes through a page: runs everything in it, in a folder of its own. What differs only in figures that always change is left as it is.
///
/// # Panics
/// When the temporary folder or a picture cannot be written.
pub fn renew(page: &Path, pictures: Pictures) -> Renewed {
    let name = page.file_stem().and_then(|name| name.to_str()).unwrap_or("page");
    let old = fs::read_to_string(page).expect("the page is there");
    let workshop = Workshop::new(name);
    let mut differences = Vec::new();
    let mut text = String::new();
    let mut lines = old.lines().peekable();
    let mut inside = false;
    while let Some(line) = lines.next() {
        text += line;
        text.push('\n');
        inside ^= line.starts_with("```");
        let directive = line.strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->"));
        let Some((kind, rest)) = directive.filter(|_| !inside).and_then(|words| words.split_once(' ')) else {
            continue;
        };
        let about = |what: &str| format!("{name}.md: {kind} {rest}: {what}");
        match kind {
            "code" | "run" => {
                let mut block = Vec::new();
                if lines.peek().is_some_and(|line| line.starts_with("```")) {
                    lines.next();
                    block.extend(lines.by_ref().take_while(|line| *line != "```"));
                }
                let is = block.join("\n");
                let (language, now) = match kind {
                    "code" => code(rest),
                    _ => Ok(("console", output(&workshop, rest))),
                }
                .unwrap_or_else(|wrong| {
                    differences.push(about(&wrong));
                    ("text", String::new())
                });
                let same = match kind {
                    "code" => is == now,
                    // A page of an earlier run may have what a launcher has said.
                    _ => {
                        alike(&is, &now, Compared::of(rest).0)
                            && without_launcher(&is).trim_end() == is.trim_end()
                    }
                };
                if !same {
                    differences.push(about(&change(&is, &now)));
                }
                let shown = if same { is } else { now };
                text += &format!("```{language}\n{shown}\n```\n");
            }
            "picture" => {
                let (path, command) = rest.split_once(' ').unwrap_or((rest, ""));
                match lines.next_if(|line| line.starts_with("![")) {
                    Some(line) if line.contains(&format!("({path})")) => text += &format!("{line}\n"),
                    Some(line) => {
                        differences.push(about("the image behind it is another"));
                        let words = line.split_once("](").map_or("![", |(words, _)| words);
                        text += &format!("{words}]({path})\n");
                    }
                    None => {
                        differences.push(about("no image was behind it"));
                        text += &format!("![]({path})\n");
                    }
                }
                let file = course().join("src").join(path);
                if pictures == Pictures::Draw {
                    differences.extend(draw(&workshop, &file, command).err().map(|wrong| about(&wrong)));
                } else if !file.is_file() {
                    differences.push(about("it is not there: make course draws it"));
                }
            }
            _ => {}
        }
    }
    Renewed { text, differences }
}

/// The part of a block that has changed, without the lines at both ends that are the same.
fn change(is: &str, now: &str) -> String {
    let (is, now): (Vec<&str>, Vec<&str>) = (is.lines().collect(), now.lines().collect());
    let before = is.iter().zip(&now).take_while(|(old, new)| old == new).count();
    let (is, now) = (&is[before..], &now[before..]);
    let behind = is.iter().rev().zip(now.iter().rev()).take_while(|(old, new)| old == new).count();
    let part = |lines: &[&str]| lines[..lines.len() - behind].join("\n");
    format!("it was\n{}\nand is now\n{}", part(is), part(now))
}

/// The file, or lines of it, and the language.
fn code(words: &str) -> Result<(&'static str, String), String> {
    let (path, lines) =
        words.split_once(" LINES ").map_or((words, None), |(path, lines)| (path, Some(lines)));
    let place = [course().join(path), project().join(path)].into_iter().find(|path| path.is_file());
    let text = place.and_then(|place| fs::read_to_string(place).ok()).ok_or("there is no such file")?;
    let language = match path.rsplit('.').next() {
        Some("rs") => "rust",
        Some("c") => "c",
        Some("py") => "python",
        Some("toml") => "toml",
        Some("sh" | "sbatch") => "sh",
        _ => "text",
    };
    let Some(lines) = lines else {
        return Ok((language, text.trim_end().to_owned()));
    };
    let (first, last) = lines.split_once('-').unwrap_or((lines, lines));
    let numbers = (first.trim().parse::<usize>(), last.trim().parse::<usize>());
    let (Ok(first @ 1..), Ok(last)) = numbers else {
        return Err(format!("{lines} are no lines: two numbers with - between are meant"));
    };
    let part: Vec<&str> = text.lines().take(last).skip(first - 1).collect();
    Ok((language, part.join("\n")))
}

/// How the output of a run is compared.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Compared {
    Well,
    Loosely,
    ByCode,
}

impl Compared {
    /// It, and the command behind it.
    fn of(words: &str) -> (Compared, &str) {
        match words.split_once(' ') {
            Some(("loosely", command)) => (Compared::Loosely, command),
            Some(("unchecked", command)) => (Compared::ByCode, command),
            _ => (Compared::Well, words),
        }
    }
}

/// The command, and what it prints on a terminal.
fn output(workshop: &Workshop, words: &str) -> String {
    let (_, command) = Compared::of(words);
    let ended = workshop.run(command);
    let printed = anonymous(workshop, without_launcher(&ended.stdout).trim_end());
    let code = match ended.status.map(|status| status.code()) {
        Some(Some(0)) => String::new(),
        Some(Some(code)) => format!("\n(exit code {code})"),
        Some(None) => "\n(ended by a signal)".into(),
        None => "\n(it did not come to an end)".into(),
    };
    let gap = if printed.is_empty() { "" } else { "\n" };
    format!("$ {command}{gap}{printed}{code}")
}

/// Draws a picture, and takes it if its words are new.
fn draw(workshop: &Workshop, file: &Path, command: &str) -> Result<(), String> {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or("picture.svg");
    let drawn = workshop.path().join(name);
    let command = match command.contains("{picture}") {
        true => command.replace("{picture}", name),
        false => format!("RANKWISE_TRACE={name} {command}"),
    };
    let ended = workshop.run(&command);
    let new = fs::read(&drawn).map_err(|_| format!("nothing was drawn: {}", ended.stdout))?;
    let Ok(new) = String::from_utf8(new) else {
        // A PNG, of which there is nothing to say.
        return fs::copy(&drawn, file).map(drop).map_err(|error| error.to_string());
    };
    let new = anonymous(workshop, &new);
    if fs::read_to_string(file).is_ok_and(|old| alike(&old, &new, Compared::Loosely)) {
        return Ok(());
    }
    fs::create_dir_all(file.parent().expect("a file is in a folder")).map_err(|error| error.to_string())?;
    fs::write(file, new).map_err(|error| error.to_string())
}

/// Without what is only of this machine: its name, and where the project is.
fn anonymous(workshop: &Workshop, text: &str) -> String {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let project = format!("{}/", project().display());
    let here = format!("{}/", workshop.path().display());
    let text = text.replace(&here, "").replace(&project, "");
    renamed(&text, host.trim())
}

/// With `HOST` for a host's name, where that is a word of its own: names as short as `vm` are in other words, too.
fn renamed(text: &str, host: &str) -> String {
    if host.is_empty() {
        return text.to_owned();
    }
    let goes_on = |c: char| c.is_alphanumeric() || c == '_';
    let mut result = String::new();
    let mut rest = text;
    while let Some(place) = rest.find(host) {
        let behind = &rest[place + host.len()..];
        result += &rest[..place];
        let is_word = !result.ends_with(goes_on) && !behind.starts_with(goes_on);
        result += if is_word { HOST } else { host };
        rest = behind;
    }
    result + rest
}

/// What the ranks have written, without the paragraphs in which a launcher says that something has failed.
pub fn without_launcher(text: &str) -> String {
    let is_rule = |line: &str| line.len() > 60 && line.chars().all(|c| c == '-');
    // Of Open MPI's, then of MPICH's.
    let starts = [
        "mpirun: Forwarding signal",
        "=   ",
        "YOUR APPLICATION TERMINATED",
        "This typically refers to a problem",
        "Please see the FAQ page",
        "Abort(",
        "[proxy:",
        "[mpiexec@",
        "application called MPI_Abort",
    ];
    let is_launchers = |line: &str| {
        starts.iter().any(|start| line.starts_with(start))
            || line.len() > 60 && line.chars().all(|c| c == '=')
            || line.starts_with('[') && line.contains("help-mpi") | line.contains("Set MCA parameter")
            || line.starts_with('[') && line.contains("ORTE_ERROR_LOG")
            || line.starts_with('[') && line.contains("more process") && line.contains("sent help message")
    };
    let mut kept: Vec<&str> = Vec::new();
    let mut inside = false;
    for line in text.lines().map(|line| line.trim_end_matches('\r')) {
        if is_rule(line) {
            inside = !inside;
        } else if !inside && !is_launchers(line) {
            // Of empty lines in a row, which a launcher leaves behind, one stays.
            if line.is_empty() && kept.last().is_none_or(|last| last.is_empty()) {
                continue;
            }
            kept.push(line);
        }
    }
    while kept.last().is_some_and(|line| line.is_empty()) {
        kept.pop();
    }
    kept.iter().map(|line| format!("{line}\n")).collect()
}

/// Whether two outputs are the same but for figures that change from run to run, and for the order of the lines.
fn alike(one: &str, other: &str, how: Compared) -> bool {
    let sorted = |text: &str| {
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        let lines = lines.map(|line| if how == Compared::Loosely { words_of(line) } else { settled(line) });
        let mut lines: Vec<String> = lines.filter(|line| !line.is_empty()).collect();
        lines.sort();
        lines
    };
    let code = |text: &str| text.lines().last().filter(|line| line.starts_with('(')).map(str::to_owned);
    if how == Compared::ByCode {
        return one.lines().next() == other.lines().next() && code(one) == code(other);
    }
    sorted(one) == sorted(other)
}

const UNITS: &[&str] =
    &["ns", "µs", "us", "ms", "s", "min", "%", "GB/s", "MB/s", "kB/s", "B/s", "GFlop/s", "times"];

/// The words of a line, without figures and their units.
fn words_of(line: &str) -> String {
    let words =
        line.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty() && !UNITS.contains(word));
    words.collect::<Vec<_>>().join(" ")
}

/// A line, in which `#` stands for times and rates, numbers of processes, and addresses.
fn settled(line: &str) -> String {
    let mut result = String::new();
    let mut rest = line.trim_end();
    while let Some(first) = rest.chars().next() {
        let after_letter = result.chars().last().is_some_and(|c| c.is_alphanumeric() || c == '_');
        if let Some(address) = rest.strip_prefix("0x").filter(|_| !after_letter) {
            rest = address.trim_start_matches(|c: char| c.is_ascii_hexdigit());
            result.push('#');
        } else if first.is_ascii_digit() && !after_letter {
            let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
            let (number, behind) = rest.split_at(end);
            let unit = behind.strip_prefix(' ').unwrap_or(behind);
            let found = UNITS.iter().filter(|name| unit.starts_with(**name)).max_by_key(|name| name.len());
            let found = found.filter(|name| !unit[name.len()..].starts_with(char::is_alphanumeric));
            rest = found.map_or(behind, |name| &unit[name.len()..]);
            let is_process = result.ends_with("process ") || result.ends_with("pid ");
            result += if found.is_some() || is_process { "#" } else { number };
        } else {
            result.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    result
}

/// The links and images of a page that lead to files, and not into the web.
pub fn links(page: &str) -> Vec<String> {
    let mut inside = false;
    let mut links = Vec::new();
    for line in page.lines() {
        inside ^= line.starts_with("```");
        let parts = line.split("](").skip(1).filter(|_| !inside);
        links.extend(parts.filter_map(|part| Some(part.split_once(')')?.0.to_owned())));
    }
    links.retain(|link| !link.contains("://") && !link.starts_with('#'));
    links
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_that_change_are_alike_and_others_are_not() {
        let well = |one, other| alike(one, other, Compared::Well);
        assert!(well("after 1.0 s", "after 12 ms") && well("at 0x7f3a", "at 0x1") && well("a\nb", "b\na"));
        assert!(!well("rank 1 of 4", "rank 2 of 4") && !well("3 steps", "4 steps"));
        assert!(!well("a\nb", "a") && !well("sum 3 sums", "sum 4 sums"));
        assert!(well("sent by process 12", "sent by process 4711") && well("82 % of 4", "3% of 4"));
        assert!(alike("| 3 | 1.7 |", "| 4 | 1.9  |", Compared::Loosely));
        assert!(!alike("fast", "slow", Compared::Loosely));
    }

    #[test]
    fn what_a_launcher_says_is_left_out() {
        let rule = "-".repeat(74);
        let text = format!(
            "rank 1 panicked\n{rule}\nMPI_ABORT was invoked\n{rule}\n[n:1] 1 more process has sent help message help-mpi-api.txt\nend\n\n"
        );
        assert_eq!(without_launcher(&text), "rank 1 panicked\nend\n");
        let text = format!("{0}\n=   BAD TERMINATION\n=   EXIT CODE: 3\n{0}\n", "=".repeat(83));
        assert_eq!(without_launcher(&text), "");
    }

    #[test]
    fn of_a_changed_block_only_the_change_is_told() {
        assert_eq!(change("a\nb\nc\nd", "a\nx\nd"), "it was\nb\nc\nand is now\nx");
        assert_eq!(change("a", "a\na"), "it was\n\nand is now\na");
    }

    #[test]
    fn a_host_is_renamed_where_its_name_is_a_word() {
        assert_eq!(renamed("[vm:7] divmod (vm) vm", "vm"), "[node17:7] divmod (node17) node17");
        assert_eq!(renamed("vm", ""), "vm");
    }

    #[test]
    fn links_in_code_are_no_links() {
        assert_eq!(
            links("[a](b.md) ![](c.svg) [w](https://x)\n```\n[d](e)\n```\n[f](g.md#h)\n"),
            ["b.md", "c.svg", "g.md#h"]
        );
    }
}
