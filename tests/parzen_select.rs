//! The program parzen: bandwidths that are selected, weights, turned windows, logarithms and many widths at once.

use crate::common::{Folder, code, make_h5, run};
use approx::assert_relative_eq;
use rankwise::testing::Ended;

/// Numbers of a standard normal distribution, the same each time.
fn normal(n: usize, mut state: u64) -> Vec<f64> {
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    };
    (0..n).map(|_| (-2.0 * uniform().ln()).sqrt() * (std::f64::consts::TAU * uniform()).cos()).collect()
}

fn run_well(ranks: usize, args: &[&str]) -> Ended {
    let ended = run(ranks, "parzen", args);
    assert_eq!(code(&ended), Some(0), "{ranks} ranks, {args:?}\n{}\n{}", ended.stdout, ended.stderr);
    ended
}

/// All numbers of a dataset, or of an attribute of one.
fn numbers(path: &str, dataset: &str, attribute: Option<&str>) -> Vec<f64> {
    let file = hdf5::File::open(path).expect("written by parzen");
    let dataset = file.dataset(dataset).expect("it is there");
    match attribute {
        Some(name) => dataset.attr(name).and_then(|attribute| attribute.read_raw()).expect("numbers"),
        None => dataset.read_raw().expect("numbers"),
    }
}

/// Writes rows, and what else there is, as datasets.
fn write_h5(path: &str, datasets: &[(&str, &[f64], &[usize])]) {
    make_h5(path, |file| {
        datasets.iter().try_for_each(|(name, numbers, shape)| {
            file.new_dataset::<f64>().shape(*shape).create(*name)?.write_raw(numbers)
        })
    });
}

/// The same file at some rank counts; its path.
fn at_ranks(folder: &Folder, args: &[&str]) -> String {
    let files = [1, 3].map(|ranks| {
        let file = folder.file(&format!("out-{ranks}.h5"));
        // Also three ranks of two threads each.
        let threads: &[&str] = if ranks == 3 { &["--threads", "2"] } else { &[] };
        run_well(ranks, &[args, threads, &["-o", &file]].concat());
        file
    });
    let [one, three] = files.each_ref().map(|file| std::fs::read(file).expect("written"));
    assert!(one == three, "{args:?}: 1 and 3 ranks differ");
    files[0].clone()
}

#[test]
fn a_selected_bandwidth_is_one_that_could_be_given() {
    let folder = Folder::new("parzen-selected");
    let points = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/data/faithful.csv");
    for (columns, grid, rule, expected) in [
        ("eruptions", "30", "isj", &[0.179_237_348_941_576][..]),
        // Whole minutes, many of them equal.
        ("waiting", "30", "cv", &[]),
        ("eruptions,waiting", "9x8", "cv", &[]),
    ] {
        let common = [points, "--columns", columns, "--grid", grid];
        let selected = at_ranks(&folder, &[&common[..], &["--bandwidth", rule]].concat());
        let h = numbers(&selected, "density", Some("bandwidth"));
        for (ours, expected) in h.iter().zip(expected) {
            assert_relative_eq!(ours, expected, max_relative = 1e-10);
        }
        let given = folder.file("given.h5");
        let text = h.iter().map(|h| format!("{h:?}")).collect::<Vec<_>>().join(",");
        run_well(2, &[&common[..], &["--bandwidth", &text, "-o", &given]].concat());
        assert_eq!(numbers(&selected, "density", None), numbers(&given, "density", None), "{rule}");
    }
    let said = run_well(
        2,
        &[points, "--columns", "waiting", "--bandwidth", "cv", "--explain", "-o", &folder.file("x.h5")],
    );
    assert_eq!(said.stderr.matches("times Scott's bandwidth: mean logarithm").count(), 49, "{}", said.stderr);
    // Of equal points no bandwidth is the best: said, not hidden.
    let equal = folder.file("equal.csv");
    std::fs::write(&equal, "1\n1\n2\n2\n3\n3\n5\n5\n").expect("the temporary folder can be written");
    let said = run_well(2, &[&equal, "--bandwidth", "cv", "-o", &folder.file("x.h5")]);
    assert_eq!(said.stderr.matches("the least is the best").count(), 1, "{}", said.stderr);
}

#[test]
fn a_weight_of_two_is_two_points() {
    let folder = Folder::new("parzen-weights");
    let rows = normal(2 * 700, 1);
    let weights: Vec<f64> = (0..700).map(|i| f64::from(i % 3)).collect();
    let twice: Vec<f64> =
        rows.chunks(2).zip(&weights).flat_map(|(row, weight)| row.repeat(*weight as usize)).collect();
    let [h5, csv, other] = ["points.h5", "points.csv", "other.h5"].map(|name| folder.file(name));
    write_h5(&h5, &[("points", &rows, &[700, 2]), ("w", &weights, &[700])]);
    write_h5(&other, &[("points", &twice, &[twice.len() / 2, 2])]);
    let lines: Vec<String> =
        rows.chunks(2).zip(&weights).map(|(row, w)| format!("{:?},{w},{:?}", row[0], row[1])).collect();
    std::fs::write(&csv, format!("x,w,y\n{}\n", lines.join("\n"))).expect("the folder can be written");
    let grid = ["--grid", "7x6", "--limits", "-3:3,-3:3", "--bandwidth", "0.4"];
    let repeated = numbers(&at_ranks(&folder, &[&[&*other], &grid[..]].concat()), "density", None);
    for input in [[&*h5, "--weights", "/w"], [&*csv, "--weights", "w"]] {
        let weighted = at_ranks(&folder, &[&input[..], &grid[..]].concat());
        for (weighted, repeated) in numbers(&weighted, "density", None).iter().zip(&repeated) {
            assert_relative_eq!(weighted, repeated, max_relative = 1e-13);
        }
    }
    // A rule looks at the weights, too.
    let at_rule = ["--grid", "7x6", "--bandwidth", "scott"];
    let alike = at_ranks(&folder, &[&[&*h5], &at_rule[..]].concat());
    let alike = numbers(&alike, "density", Some("bandwidth"));
    let weighted = at_ranks(&folder, &[&[&*h5, "--weights", "/w"], &at_rule[..]].concat());
    assert!(numbers(&weighted, "density", Some("bandwidth"))[0] != alike[0]);
}

/// A line of the table that scipy made.
fn scipy(what: &str) -> Vec<f64> {
    let begin = format!("2,{what},");
    let mut lines = include_str!("references/scipy_kde.csv").lines();
    let line = lines.find_map(|line| line.strip_prefix(&begin)).expect("the table has it");
    line.split(',').map(|number| number.parse().expect("a number")).collect()
}

#[test]
fn covariance_weights_and_logarithm_are_those_of_scipy() {
    let folder = Folder::new("parzen-covariance");
    let [points, at] = ["points.h5", "at.h5"].map(|name| folder.file(name));
    write_h5(&points, &[("points", &scipy("samples"), &[40, 2]), ("w", &scipy("weights"), &[40])]);
    write_h5(&at, &[("points", &scipy("points"), &[12, 2])]);
    let at = format!("{at}:/points");
    let common = [&*points, "--at", &at, "--weights", "/w"];
    let expected = scipy("scott weighted");
    let turned = at_ranks(&folder, &[&common[..], &["--covariance"]].concat());
    let (density, matrix) =
        (numbers(&turned, "density", None), numbers(&turned, "density", Some("covariance")));
    let given = matrix.iter().map(|entry| format!("{entry:?}")).collect::<Vec<_>>().join(",");
    let given = format!("--covariance={given}");
    let given = numbers(&at_ranks(&folder, &[&common[..], &[&*given]].concat()), "density", None);
    let log = at_ranks(&folder, &[&common[..], &["--covariance=scott", "--log"]].concat());
    let log = numbers(&log, "log_density", None);
    assert_eq!((density.len(), given.len(), log.len()), (12, 12, 12));
    for (k, expected) in expected.iter().enumerate().filter(|(_, p)| **p > 1e-200) {
        assert_relative_eq!(density[k], expected, max_relative = 1e-12);
        assert_relative_eq!(given[k], expected, max_relative = 1e-12);
        assert_relative_eq!(log[k], expected.ln(), max_relative = 1e-12, epsilon = 1e-12);
    }
    // Where the density is 0 in numbers.
    let far = expected.iter().position(|p| *p == 0.0).expect("the table has one");
    assert!(density[far] < 1e-300 && log[far] < -700.0 && log[far].is_finite(), "{}", log[far]);
}

#[test]
fn all_widths_at_once_are_each_width_alone() {
    let folder = Folder::new("parzen-widths");
    let [points, at] = ["points.h5", "at.h5"].map(|name| folder.file(name));
    write_h5(&points, &[("points", &normal(2 * 1500, 2), &[1500, 2])]);
    write_h5(&at, &[("points", &normal(2 * 9, 3), &[9, 2])]);
    let at = format!("{at}:/points");
    let common = [&*points, "--at", &at, "--kernel", "hypercube", "--window-sweep", "0.1:4:40,0.25"];
    let counted = at_ranks(&folder, &common);
    let widths = numbers(&counted, "density", Some("windows"));
    assert_eq!((widths.len(), widths[0], widths[39], widths[40]), (41, 0.1, 4.0, 0.25));
    let counted = numbers(&counted, "density", None);
    let direct = at_ranks(&folder, &[&common[..], &["--engine", "direct"]].concat());
    assert_eq!(counted, numbers(&direct, "density", None));
    assert_eq!(counted.len(), 41 * 9);
}

#[test]
fn bad_input_is_one_error_on_all_ranks() {
    let folder = Folder::new("parzen-select-bad");
    let [h5, line, csv] = ["points.h5", "line.csv", "weights.csv"].map(|name| folder.file(name));
    let (mut bad, zero) = (vec![1.0; 6], vec![0.0; 6]);
    bad[4] = -1.0;
    let rows: Vec<f64> = normal(12, 4);
    write_h5(
        &h5,
        &[
            ("points", &rows, &[6, 2]),
            ("bad", &bad, &[6]),
            ("zero", &zero, &[6]),
            ("short", &bad[..5], &[5]),
            ("wide", &rows, &[6, 2]),
            ("none", &[], &[0, 2]),
            ("flat", &[], &[6, 0]),
        ],
    );
    std::fs::write(&line, "0,0,1\n1,2,0\n2,4,5\n3,6,1\n").expect("the temporary folder can be written");
    std::fs::write(&csv, "x,w\n1,2\n2,NaN\n").expect("the temporary folder can be written");
    let cases: [(&[&str], i32, &str); 22] = [
        (
            &[&h5, "--weights", "/bad"],
            1,
            "points.h5: the weight of row 4 is -1: it must be 0 or a positive number",
        ),
        (&[&csv, "--weights", "w", "--bandwidth", "1"], 1, "weights.csv: the weight of row 1 is NaN"),
        (&[&h5, "--weights", "/zero"], 1, "all weights are 0: no density without any"),
        (
            &[&h5, "--weights", "/short"],
            1,
            "the weights /short are 5 rows of 1 numbers; there must be one for each of 6",
        ),
        (&[&h5, "--weights", "/wide"], 1, "the weights /wide are 6 rows of 2 numbers"),
        (&[&h5, "--weights", "/w"], 1, "there is no dataset /w"),
        (&[&csv, "--weights", "v", "--bandwidth", "1"], 1, "has no column v"),
        (&[&h5, "--dataset", "/none"], 1, "there are 0 points of 2 coordinates"),
        (&[&h5, "--dataset", "/flat"], 1, "there are 6 points of 0 coordinates"),
        (&[&h5, "--bandwidth", "isj"], 1, "is for one coordinate, and these have 2"),
        (&[&h5, "--bandwidth", "nan"], 2, "a bandwidth is a positive number, not NaN"),
        (&[&h5, "--bandwidth", "inf"], 2, "a bandwidth is a positive number, not inf"),
        (&[&h5, "--bandwidth", "best"], 2, "the rules are scott, silverman, isj and cv"),
        (
            &[&line, "--columns", "0,1", "--covariance"],
            1,
            "the covariance of the points: the matrix is singular: axis 1 is determined by axis 0",
        ),
        (
            &[&h5, "--covariance=1,2,2,4"],
            1,
            "--covariance: the matrix is singular: axis 1 is determined by axis 0",
        ),
        (&[&h5, "--covariance=1,2,2"], 1, "3 numbers for 2 axes: there must be 4"),
        (&[&h5, "--covariance=1,2,3,4"], 1, "not symmetric: 2 and 3"),
        (&[&h5, "--covariance=wide"], 2, "\"wide\" is not a number; the rules are scott and silverman"),
        (
            &[&h5, "--covariance", "--engine", "spectral", "--atol", "1e-6"],
            1,
            "spectral takes no --covariance",
        ),
        (
            &[&h5, "--weights", "/short", "--log", "--engine", "spectral", "--atol", "1e-6"],
            1,
            "spectral takes no --log",
        ),
        (&[&h5, "--window-sweep", "2:1:5"], 2, "is not LOW:HIGH:COUNT, from low to high"),
        (&[&h5, "--log", "--plot", "x.png"], 2, "cannot be used with"),
    ];
    let out = folder.file("out.h5");
    for ranks in [1, 3] {
        for (args, expected, says) in cases {
            let ended = run(ranks, "parzen", &[args, &["-o", &out]].concat());
            let what = format!("{ranks} ranks, {args:?}:\n{}\n{}", ended.stdout, ended.stderr);
            assert_eq!(code(&ended), Some(expected), "{what}");
            assert_eq!(ended.stderr.matches(says).count(), 1, "{says:?}: {what}");
            assert!(!std::path::Path::new(&out).exists(), "{what}");
        }
    }
}

#[test]
fn a_file_larger_than_the_memory_is_read_in_pieces_with_the_same_result() {
    let folder = Folder::new("parzen-memory");
    let [points, at] = ["points.h5", "at.h5"].map(|name| folder.file(name));
    let rows: Vec<f64> = normal(3_000_000, 21);
    write_h5(&points, &[("points", &rows, &[3_000_000, 1])]);
    write_h5(&at, &[("points", &rows[..20], &[20, 1])]);
    drop(rows);
    let at = format!("{at}:/points");
    let peak = |memory: &[&str], out: &str| {
        let common = [&points, "--at", &at, "--engine", "direct", "--report", "json", "-o", out];
        let ended = run_well(1, &[&common[..], memory].concat());
        let report: serde_json::Value = serde_json::from_str(&ended.stdout).expect("JSON");
        report["peak_memory"]["max"].as_f64().expect("a number of bytes") / 1e6
    };
    let [whole, pieces] = ["whole.h5", "pieces.h5"].map(|name| folder.file(name));
    // 24 MB of points, which are held twice for a while.
    let (all, some) = (peak(&[], &whole), peak(&["--memory", "1M"], &pieces));
    assert!(std::fs::read(&whole).expect("written") == std::fs::read(&pieces).expect("written"));
    assert!(some + 24.0 < all, "{some} MB in pieces, {all} MB as a whole");
}
