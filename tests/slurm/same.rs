//! What holds of the scripts without a cluster.

use std::path::Path;

use crate::common::ROOT;

fn scripts() -> Vec<(String, String)> {
    let folder = Path::new(ROOT).join("slurm");
    let files = std::fs::read_dir(folder).expect("it is there").map(|file| file.expect("readable").path());
    let scripts = files.filter(|path| path.extension().is_some_and(|end| end == "sbatch"));
    let mut all: Vec<_> = scripts
        .map(|path| {
            let name = path.file_name().expect("of a file").to_string_lossy().into_owned();
            (name, std::fs::read_to_string(path).expect("it is text"))
        })
        .collect();
    all.sort();
    all
}

/// From the line that begins with `from` up to the next blank one.
fn part(text: &str, from: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    let first = lines.iter().position(|line| line.starts_with(from))?;
    Some(lines[first..].iter().take_while(|line| !line.is_empty()).copied().collect::<Vec<_>>().join("\n"))
}

/// A script stands alone, so what they have in common is in each; and a change of it must be made in all.
#[test]
fn what_scripts_have_in_common_is_the_same_in_all() {
    let all = scripts();
    for (from, without) in
        [("# --- the same in all scripts", &["array_collect.sbatch"][..]), ("##SBATCH --account", &[])]
    {
        let lines = |(name, text): &(String, String)| {
            let part = part(text, from).unwrap_or_else(|| panic!("{name} has no {from}"));
            if from.starts_with("##") { part.lines().take(2).collect::<Vec<_>>().join("\n") } else { part }
        };
        let with: Vec<_> = all.iter().filter(|(name, _)| !without.contains(&&**name)).collect();
        assert!(with.len() > 12);
        for script in &with {
            assert_eq!(lines(script), lines(with[0]), "{} and {}", script.0, with[0].0);
        }
    }
    let two = ["scaling_strong.sbatch", "scaling_weak.sbatch"];
    let [strong, weak] = two.map(|wanted| {
        let (_, text) = all.iter().find(|(name, _)| name == wanted).expect("it is there");
        text.split_once("per_node=")
            .and_then(|(_, rest)| rest.split_once("echo \"ranks"))
            .expect("steps")
            .0
            .to_owned()
    });
    assert_eq!(strong, weak);
}

/// Who reads one knows where to look in the next.
#[test]
fn scripts_have_one_shape() {
    for (name, text) in scripts() {
        let job = name.strip_suffix(".sbatch").expect("chosen by it");
        let parts = [
            "#!/usr/bin/env bash\n# ",
            "\n# Submit: ",
            "\n# Shows:  ",
            "\n# Next:   ",
            &format!("\n#SBATCH --job-name={job}\n"),
            "\n# --- settings: ",
            "\n# --- the work: ",
        ];
        let mut rest = &text[..];
        for part in parts {
            let (_, after) =
                rest.split_once(part).unwrap_or_else(|| panic!("{name}: no {part:?} in its place"));
            rest = after;
        }
        for words in ["#SBATCH --output=%x-%j.out\n", "#SBATCH --time=", "set -euo pipefail\n"] {
            assert_eq!(text.matches(words).count(), 1, "{name}: {words}");
        }
        let long = text.lines().find(|line| line.chars().count() > 140);
        assert_eq!(long, None, "{name}");
    }
}

/// What the README and the page beside the scripts speak of is there, and no script is left out.
#[test]
fn the_readmes_name_all_scripts_and_no_other() {
    let folder = Path::new(ROOT);
    let text = |name: &str| std::fs::read_to_string(folder.join(name)).expect("it is there");
    for page in ["README.md", "slurm/README.md"] {
        for word in text(page).split(|c: char| c.is_whitespace() || "()[]`\"=".contains(c)) {
            if word.starts_with("slurm/") && word.contains('.') {
                assert!(folder.join(word.trim_end_matches([',', ';', '.'])).is_file(), "{page}: {word}");
            }
        }
    }
    let page = text("slurm/README.md");
    for (name, _) in scripts() {
        assert!(page.contains(&format!("({name})")), "{name} is not in slurm/README.md");
    }
}
