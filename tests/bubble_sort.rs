//! The program bubble_sort: the same result at any rank count, with every algorithm and in every format, and one clear error for bad
//! input.

use std::fs;

use crate::common::{Folder, code, run};
use ndarray::Array1;
use rankwise::testing::Ended;

fn run_well(ranks: usize, args: &[&str]) -> Ended {
    let ended = run(ranks, "bubble_sort", args);
    assert_eq!(code(&ended), Some(0), "{ranks} ranks, {args:?}\n{}\n{}", ended.stdout, ended.stderr);
    ended
}

fn fails(ranks: usize, args: &[&str], status: i32, words: &str) {
    let ended = run(ranks, "bubble_sort", args);
    assert_eq!(code(&ended), Some(status), "{args:?}\n{}", ended.stderr);
    assert_eq!(ended.stderr.matches(words).count(), 1, "{args:?}: {:?} instead of {words:?}", ended.stderr);
    assert!(ended.time.as_secs() < 30, "{args:?}");
}

#[test]
fn the_result_is_the_same_with_every_algorithm_at_any_rank_count() {
    let folder = Folder::new("bubble-same");
    for distribution in ["uniform", "zipf", "equal", "reverse", "normal"] {
        let mut results = Vec::new();
        for (ranks, algorithm) in [(1, "bubble"), (2, "odd-even"), (3, "sample"), (4, "bubble")] {
            let path = folder.file(&format!("{distribution}-{ranks}.txt"));
            let args = ["--random", "101", "--distribution", distribution, "--algorithm", algorithm];
            let ended = run_well(ranks, &[&args[..], &["--check", "-o", &path]].concat());
            assert!(ended.stdout.contains("checked: 101 keys"), "{}", ended.stdout);
            results.push(fs::read_to_string(&path).expect("written"));
        }
        let numbers: Vec<f64> = results[0].lines().map(|line| line.parse().expect("a number")).collect();
        assert!(numbers.len() == 101 && numbers.is_sorted(), "{distribution}");
        assert!(results.iter().all(|result| *result == results[0]), "{distribution}");
    }
    assert_eq!(folder.names().len(), 20, "nothing else is left behind: {:?}", folder.names());
}

/// Text to .npy to HDF5 and back, read and written on other numbers of ranks, and by programs that are not ours.
#[test]
fn every_format_is_read_and_written() {
    let folder = Folder::new("bubble-formats");
    let [first, npy, h5, last] = ["in.txt", "a.npy", "b.h5", "out.txt"].map(|name| folder.file(name));
    fs::write(&first, "# sizes\n5\n\n-3\n  40\n7\n-3").expect("written");
    run_well(3, &[&first, "-o", &npy, "--check"]);
    let array: Array1<i64> = ndarray_npy::read_npy(&npy).expect("NumPy's format");
    assert_eq!(array.to_vec(), [-3, -3, 5, 7, 40]);
    ndarray_npy::write_npy(&npy, &Array1::from(vec![2.5f32, f32::NAN, -0.0, 0.0, -1.0])).expect("written");
    run_well(2, &[&npy, "-o", &h5, "--algorithm", "sample", "--check"]);
    let dump =
        std::process::Command::new("h5dump").args(["-d", "/keys", &h5]).output().expect("of hdf5-tools");
    let dump = String::from_utf8_lossy(&dump.stdout).into_owned();
    assert!(dump.contains("H5T_IEEE_F32LE") && dump.contains("(0): -1, -0, 0, 2.5, nan"), "{dump}");
    run_well(4, &[&h5, "-o", &last, "--check"]);
    assert_eq!(fs::read_to_string(&last).expect("written"), "-1\n-0\n0\n2.5\nNaN\n");
    // One line that is no integer makes all of them floats.
    fs::write(&first, "3\n1e3\n-2.5\n").expect("written");
    run_well(2, &[&first, "-o", &last]);
    assert_eq!(fs::read_to_string(&last).expect("written"), "-2.5\n3\n1000\n");
    // Nothing at all.
    fs::write(&first, "").expect("written");
    run_well(2, &[&first, "-o", &npy, "--check"]);
    assert_eq!(ndarray_npy::read_npy::<_, Array1<i64>>(&npy).expect("an empty array").len(), 0);
    assert_eq!(folder.names(), ["a.npy", "b.h5", "in.txt", "out.txt"]);
}

/// What is printed for a class, whole.
#[test]
fn the_phases_are_shown_one_by_one() {
    let folder = Folder::new("bubble-show");
    let input = folder.file("keys.txt");
    fs::write(&input, "6 5 4 3 2 1".replace(' ', "\n")).expect("written");
    let shown = run_well(3, &[&input, "--show"]).stdout;
    assert_eq!(
        shown,
        "\
6 keys on 3 ranks, 2 each
> has just come from the rank on the left, < from the one on the right

given
  6 5 | 4 3 | 2 1

Each rank sorts its own
  5 6 | 3 4 | 1 2

phase 1: even ranks look to the right
  ranks 0 and 1: 6 > 3, so 5 6 to the right, 3 4 to the left
 <3<4 |>5>6 | 1 2

phase 2: odd ranks look to the right
  ranks 1 and 2: 6 > 1, so 5 6 to the right, 1 2 to the left
  3 4 |<1<2 |>5>6

phase 3: even ranks look to the right
  ranks 0 and 1: 4 > 1, so 3 4 to the right, 1 2 to the left
 <1<2 |>3>4 | 5 6

3 ranks with as many keys each are sorted after 3 phases, whatever the keys were.
4 keys ended on another rank than they began on; from neighbour to neighbour that took 12 moves of a key.
A program that sends all of a pair's keys in every phase would have sent 12.
"
    );
    let bubbled = run_well(2, &[&input, "--show", "--algorithm", "bubble", "--color", "on"]).stdout;
    assert!(bubbled.contains("rank 0: 2 passes, 3 comparisons, 3 swaps"), "{bubbled}");
    assert!(bubbled.contains("The textbook has sent 6 keys"), "{bubbled}");
    assert!(bubbled.contains("\x1b[31m>4\x1b[0m"), "{bubbled:?}");
    let long = run_well(2, &["--random", "150", "--show"]).stdout;
    assert!(long.contains("\n    0 |") && long.contains("\n    1 |"), "{long}");
}

#[test]
fn the_picture_has_a_way_for_each_key() {
    let folder = Folder::new("bubble-picture");
    let picture = folder.file("sort.svg");
    for (ranks, n) in [(1, 7), (4, 60), (3, 300), (2, 0)] {
        run_well(ranks, &["--random", &n.to_string(), "--picture", &picture]);
        let svg = fs::read_to_string(&picture).expect("written");
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n"));
        assert_eq!(svg.matches("stroke-opacity").count(), n, "{n} keys");
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}

#[test]
fn the_report_counts_what_theory_says() {
    let figure = |ended: &Ended, name: &str| {
        let report: serde_json::Value = serde_json::from_str(&ended.stdout).expect("JSON");
        report["figures"][name]["value"].as_f64().unwrap_or_else(|| panic!("{name} in {report}"))
    };
    let reverse = ["--random", "400", "--distribution", "reverse", "--report", "json"];
    // Backwards on four ranks: four phases, and every rank sends its 100 keys in each in which it has a partner: 4 + 2 + 4 + 2 times.
    let ended = run_well(4, &reverse);
    assert_eq!(figure(&ended, "phases"), 4.0);
    assert_eq!(figure(&ended, "keys moved"), 1200.0);
    assert_eq!(figure(&ended, "bytes moved"), 9600.0);
    assert_eq!(figure(&ended, "bound"), 300.0);
    let ended = run_well(4, &[&reverse[..], &["--algorithm", "sample"]].concat());
    assert_eq!(figure(&ended, "keys moved"), 400.0);
    assert_eq!(figure(&ended, "imbalance"), 1.0);
    // Bubble sort of what is sorted backwards swaps every pair; then whole blocks, forth and back.
    let ended = run_well(2, &[&reverse[..], &["--algorithm", "bubble"]].concat());
    assert_eq!(figure(&ended, "swaps"), 2.0 * 200.0 * 199.0 / 2.0);
    assert_eq!(figure(&ended, "keys moved"), 400.0);
    assert!(figure(&ended, "comparisons") < figure(&ended, "one rank's") / 2.0 + 1000.0);
}

/// A block more than the keys themselves, and what the program takes anyway.
#[test]
fn a_sort_takes_one_block_more() {
    let peak = |ranks: usize, n: usize, algorithm: &str| {
        let args = ["--random", &n.to_string(), "--algorithm", algorithm, "--report", "json"];
        let ended = run_well(ranks, &args);
        let report: serde_json::Value = serde_json::from_str(&ended.stdout).expect("JSON");
        report["peak_memory"]["max"].as_f64().expect("bytes")
    };
    for ranks in [2, 3] {
        let n = 6_000_000;
        let block = (n / ranks * 8) as f64;
        for algorithm in ["sample", "odd-even"] {
            let more = peak(ranks, n, algorithm) - peak(ranks, 0, algorithm);
            assert!(
                more < 2.1 * block + 4e6,
                "{algorithm} on {ranks} ranks: {more} bytes for blocks of {block}"
            );
        }
    }
}

#[test]
fn many_arrays_are_the_same_whoever_sorts_them() {
    let folder = Folder::new("bubble-many");
    let paths = [1, 3].map(|ranks| {
        let path = folder.file(&format!("{ranks}.h5"));
        let ended = run_well(ranks, &["--many", "17", "--random", "30", "--check", "-o", &path]);
        assert!(ended.stdout.contains("checked: 510 keys"), "{}", ended.stdout);
        path
    });
    assert!(fs::read(&paths[0]).expect("written") == fs::read(&paths[1]).expect("written"));
    run_well(2, &["--many", "0", "--random", "30", "--check"]);
    run_well(2, &["--many", "3", "--random", "0", "--check", "-o", &folder.file("none.h5")]);
}

#[test]
fn bad_input_is_one_clear_error() {
    let folder = Folder::new("bubble-bad");
    let [text, npy, other] = ["bad.txt", "bad.npy", "other"].map(|name| folder.file(name));
    fs::write(&text, "1\n# nothing\n2\nthree\n").expect("written");
    fails(3, &[&text], 1, "bad.txt: line 4: \"three\" is not a number");
    fs::write(&npy, "nonsense").expect("written");
    fails(2, &[&npy], 1, "bad.npy: not an .npy file");
    ndarray_npy::write_npy(&npy, &ndarray::Array2::<f64>::zeros((2, 3))).expect("written");
    fails(2, &[&npy], 1, "bad.npy: has shape (2, 3); to be sorted it has one axis");
    fs::write(&other, "1\n2\n").expect("written");
    fails(2, &[&other], 1, "names end in .npy, or for text in .txt, .csv, .tsv or .dat");
    fails(2, &[&folder.file("none.txt")], 1, "none.txt: cannot read: No such file");
    fails(2, &["--random", "201", "--show"], 1, "--show prints every key: 201 are too many, at most 200");
    fails(
        2,
        &["--random", "20", "--show", "--algorithm", "sample"],
        1,
        "choose --algorithm odd-even or bubble",
    );
    fails(2, &["--random", "20", "--picture", &other], 1, "--picture draws SVG");
    fails(2, &[&text, "-o", &text], 1, "is the input: it would be replaced");
    fails(2, &["--random", "5", "-o", &folder.file("no/where.txt")], 1, "there is no folder");
    fails(2, &[], 2, "required arguments were not provided");
    assert_eq!(fs::read_to_string(&text).expect("still there"), "1\n# nothing\n2\nthree\n");
    assert_eq!(folder.names(), ["bad.npy", "bad.txt", "other"]);
}
