//! The examples with pictures of densities: they run, say the same on any number of ranks, and draw.

use crate::common::{Folder, code, run};

/// What an example prints, and its picture, at some rank counts.
fn drawn(name: &str, args: &[&str]) -> (String, Vec<u8>) {
    let folder = Folder::new(&format!("example-{name}"));
    let picture = folder.file("picture.png");
    let mut seen = Vec::new();
    for ranks in [1, 3] {
        let ended = run(ranks, name, &[args, &[&picture]].concat());
        assert_eq!(code(&ended), Some(0), "{ranks} ranks: {}\n{}", ended.stdout, ended.stderr);
        seen.push((ended.stdout, std::fs::read(&picture).expect("drawn")));
    }
    assert!(seen[0] == seen[1], "1 and 3 ranks: {}\n{}", seen[0].0, seen[1].0);
    assert!(seen[0].1.starts_with(b"\x89PNG"), "a PNG");
    if std::env::var_os("RANKWISE_WRITE_DOCS").is_some() {
        let to = format!("{}/docs/{name}.png", crate::common::ROOT);
        std::fs::write(to, &seen[0].1).expect("docs/ can be written");
    }
    seen.swap_remove(0)
}

#[test]
fn old_faithful_has_two_hills() {
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/data/faithful.csv");
    let (said, _) = drawn("old_faithful", &[data]);
    let valleys: Vec<f64> = said
        .lines()
        .filter_map(|line| line.split_once(" hills, ")?.1.split(' ').next()?.parse().ok())
        .collect();
    assert_eq!(valleys.len(), 2, "{said}");
    assert!(said.lines().all(|line| line.contains("2 hills")), "{said}");
    assert!(valleys[0] < 0.5 * valleys[1], "{said}");
}

#[test]
fn narrow_windows_show_the_samples() {
    let (said, _) = drawn("parzen_windows", &[]);
    let peaks: Vec<f64> = said
        .lines()
        .filter_map(|line| line.split_once("peak is ")?.1.split(',').next()?.parse().ok())
        .collect();
    assert!(peaks.len() == 3 && peaks[0] < peaks[1] && peaks[1] < peaks[2], "{said}");
}
