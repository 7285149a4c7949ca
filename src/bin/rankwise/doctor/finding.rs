//! One line of the list, and how the list is printed.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Mark {
    Good,
    Doubt,
    Bad,
    Absent,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Finding {
    pub(super) section: String,
    pub(super) mark: Mark,
    pub(super) what: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) todo: Option<String>,
}

impl Finding {
    fn new(section: &str, mark: Mark, what: String) -> Self {
        Finding { section: section.into(), mark, what, todo: None }
    }

    pub(super) fn good(section: &str, what: impl Into<String>) -> Self {
        Self::new(section, Mark::Good, what.into())
    }

    pub(super) fn doubt(section: &str, what: impl Into<String>) -> Self {
        Self::new(section, Mark::Doubt, what.into())
    }

    pub(super) fn bad(section: &str, what: impl Into<String>) -> Self {
        Self::new(section, Mark::Bad, what.into())
    }

    pub(super) fn absent(section: &str, what: impl Into<String>) -> Self {
        Self::new(section, Mark::Absent, what.into())
    }

    pub(super) fn todo(self, todo: impl Into<String>) -> Self {
        Finding { todo: Some(todo.into()), ..self }
    }
}

/// The whole list.
pub(super) fn report(all: &[Finding], json: bool) -> String {
    if json {
        return serde_json::to_string_pretty(all).unwrap_or_default() + "\n";
    }
    let mut text = String::new();
    let mut section = "";
    for Finding { section: of, mark, what, todo } in all {
        if of != section {
            let blank = if section.is_empty() { "" } else { "\n" };
            text += &format!("{blank}{of}\n");
            section = of;
        }
        let mark = match mark {
            Mark::Good => '✓',
            Mark::Doubt => '!',
            Mark::Bad => '✗',
            Mark::Absent => '–',
        };
        text += &format!("  {mark} {what}\n");
        if let Some(todo) = todo {
            text += &format!("      → {todo}\n");
        }
    }
    let count = |mark| all.iter().filter(|finding| finding.mark == mark).count();
    text + &match (count(Mark::Bad), count(Mark::Doubt)) {
        (0, 0) => "\nAll is well.\n".to_owned(),
        (0, doubts) => format!("\nIt works; look at the {doubts} marked with !.\n"),
        (bad, _) => format!("\n{bad} of these do not work: see ✗.\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_sections_marks_and_what_to_do() {
        let all = [
            Finding::good("MPI", "one"),
            Finding::bad("MPI", "two").todo("mend it"),
            Finding::absent("Slurm", "none"),
        ];
        let text = report(&all, false);
        assert_eq!(
            text,
            "MPI\n  ✓ one\n  ✗ two\n      → mend it\n\nSlurm\n  – none\n\n1 of these do not work: see ✗.\n"
        );
        let back: Vec<Finding> = serde_json::from_str(&report(&all, true)).expect("it is JSON");
        assert_eq!(back, all);
    }
}
