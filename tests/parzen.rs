//! The program parzen: the same file at any rank count, right values, and one clear error for bad input.

use std::process::Command;

use crate::common::{Folder, cities, code, make_h5, program, run};
use approx::assert_relative_eq;
use rankwise::kernels::density::{Kernel, density, normalisation};
use rankwise::testing::Ended;

/// Numbers of a standard normal distribution, the same each time.
fn normal(n: usize, mut state: u64) -> Vec<f64> {
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    };
    (0..n).map(|_| (-2.0 * uniform().ln()).sqrt() * (std::f64::consts::TAU * uniform()).cos()).collect()
}

/// Writes rows as CSV, all digits kept.
fn write_csv(path: &str, header: &str, rows: &[f64], columns: usize) {
    let lines: Vec<String> = rows
        .chunks(columns)
        .map(|row| row.iter().map(|x| format!("{x:?}")).collect::<Vec<_>>().join(","))
        .collect();
    std::fs::write(path, format!("{header}{}\n", lines.join("\n")))
        .expect("the temporary folder can be written");
}

fn run_well(ranks: usize, args: &[&str]) -> Ended {
    let ended = run(ranks, "parzen", args);
    assert_eq!(code(&ended), Some(0), "{ranks} ranks, {args:?}\n{}\n{}", ended.stdout, ended.stderr);
    ended
}

/// All numbers of a dataset, by a program that is not ours.
fn numbers(path: &str, dataset: &str) -> Vec<f64> {
    // In the folder of the test that asks: others ask at the same time.
    let out = std::path::PathBuf::from(format!("{path}.numbers"));
    let dump = Command::new("h5dump")
        .args(["-d", dataset, "-b", "NATIVE", "-o"])
        .args([out.as_os_str(), path.as_ref()])
        .output()
        .expect("h5dump comes with hdf5-tools");
    assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    let bytes = std::fs::read(&out).expect("written just now");
    let _ = std::fs::remove_file(out);
    bytes.as_chunks::<8>().0.iter().map(|number| f64::from_ne_bytes(*number)).collect()
}

/// Whether two files hold the same, bit for bit.
fn same(a: &str, b: &str) {
    let diff = Command::new("h5diff").args(["-v", a, b]).output().expect("h5diff comes with hdf5-tools");
    assert!(diff.status.success(), "{a} and {b}:\n{}", String::from_utf8_lossy(&diff.stdout));
    // Not just what is in them: the files.
    assert!(
        std::fs::read(a).expect("written") == std::fs::read(b).expect("written"),
        "{a} and {b} differ in bytes"
    );
}

#[test]
fn the_density_has_the_same_bits_at_any_rank_count() {
    let folder = Folder::new("parzen-bits");
    let points = folder.file("points.csv");
    // More than three tiles, the last one short, in one to three dimensions.
    write_csv(&points, "x,y,z\n", &normal(3 * 3300, 1), 3);
    let cases: [&[&str]; 7] = [
        &[&points, "--columns", "x", "--grid", "100"],
        &[&points, "--grid", "9x4x3", "--bandwidth", "0.3,0.4,0.5"],
        &[&points, "--columns", "y,x", "--grid", "13x7", "--bandwidth", "0.3,0.4"],
        &[&points, "--grid", "5x4x3", "--bandwidth", "silverman", "--kernel", "epanechnikov"],
        &[
            &points,
            "--columns",
            "0,2",
            "--grid",
            "3x50",
            "--window-sweep",
            "0.2,0.5,1,2,3",
            "--kernel",
            "hypercube",
        ],
        // More ranks than rows: some have nothing to do.
        &[cities(), "--grid", "2x3", "--bandwidth", "10"],
        &[cities(), "--grid", "30x20", "--bandwidth", "scott"],
    ];
    for (k, case) in cases.iter().enumerate() {
        let one = folder.file(&format!("{k}-1.h5"));
        run_well(1, &[case, &["-o", &one][..]].concat());
        for ranks in [2, 3, if k % 2 == 0 { 7 } else { 4 }] {
            let many = folder.file(&format!("{k}-{ranks}.h5"));
            let threads: &[&str] = if ranks == 2 { &["--threads", "3"] } else { &[] };
            run_well(ranks, &[case, threads, &["-o", &many][..]].concat());
            same(&one, &many);
        }
    }
}

#[test]
fn the_density_is_that_of_the_serial_twin() {
    let folder = Folder::new("parzen-twin");
    let (points, out) = (folder.file("points.csv"), folder.file("out.h5"));
    let samples = normal(2 * 1500, 2);
    write_csv(&points, "", &samples, 2);
    for (name, kernel) in [
        ("gaussian", Kernel::Gaussian),
        ("hypercube", Kernel::Hypercube),
        ("epanechnikov", Kernel::Epanechnikov),
    ] {
        let args = [
            "--grid",
            "9x8",
            "--limits",
            "-2:2,-1:3",
            "--bandwidth",
            "0.5,0.7",
            "--kernel",
            name,
            "-o",
            &out,
        ];
        run_well(3, &[&[points.as_str()], &args[..]].concat());
        let centres: Vec<f64> = (0..9)
            .flat_map(|i| {
                (0..8).flat_map(move |j| {
                    [-2.0 + 4.0 / 9.0 * (f64::from(i) + 0.5), -1.0 + 0.5 * (f64::from(j) + 0.5)]
                })
            })
            .collect();
        let twin = density(kernel, &samples, &[0.5, 0.7], &centres);
        let ours = numbers(&out, "/density");
        assert_eq!(ours.len(), twin.len());
        for (ours, twin) in ours.iter().zip(&twin) {
            assert_relative_eq!(ours, twin, max_relative = 1e-13);
        }
        assert_relative_eq!(numbers(&out, "/axis_0")[0], centres[0], max_relative = 1e-15);
    }
}

#[test]
fn closed_forms_hold() {
    let folder = Folder::new("parzen-closed");
    let (points, out) = (folder.file("points.csv"), folder.file("out.h5"));

    // One point: the kernel itself.
    write_csv(&points, "", &[0.25], 1);
    run_well(2, &[&points, "--grid", "1", "--limits", "0:1", "--bandwidth", "2", "-o", &out]);
    let expected = (-0.5f64 * 0.125 * 0.125).exp() / (2.0 * std::f64::consts::TAU.sqrt());
    assert_relative_eq!(numbers(&out, "/density")[0], expected, max_relative = 1e-14);

    // The integral over a grid that holds everything is 1.
    write_csv(&points, "", &normal(2 * 500, 3), 2);
    for (kernel, tolerance) in [("gaussian", 1e-12), ("epanechnikov", 1e-4), ("hypercube", 1e-2)] {
        let args =
            ["--grid", "400x400", "--limits", "-12:12,-12:12", "--bandwidth", "0.8", "--kernel", kernel];
        let ended = run_well(2, &[&[points.as_str(), "-o", &out, "--report", "json"], &args[..]].concat());
        let report: serde_json::Value =
            serde_json::from_str(&ended.stdout).expect("the report is JSON alone");
        let integral = report["figures"]["integral"]["value"].as_f64().expect("a number");
        assert_relative_eq!(integral, 1.0, epsilon = tolerance);
    }

    // Normal samples under Gaussian windows: on average the normal density of variance 1 + h².
    let (n, h) = (100_000, 0.5);
    write_csv(&points, "", &normal(n, 4), 1);
    run_well(3, &[&points, "--grid", "40", "--limits", "-2:2", "--bandwidth", "0.5", "-o", &out]);
    let variance: f64 = 1.0 + h * h;
    for (x, p) in numbers(&out, "/axis_0").iter().zip(numbers(&out, "/density")) {
        let exact = (-0.5 * x * x / variance).exp() / (std::f64::consts::TAU * variance).sqrt();
        // Five standard errors, of a mean of n kernels that are at most 0.8.
        assert_relative_eq!(p, exact, epsilon = 5.0 * 0.4 / (n as f64).sqrt());
    }
}

#[test]
fn headers_are_told_from_numbers() {
    let folder = Folder::new("parzen-header");
    let (points, out) = (folder.file("points.csv"), folder.file("out.h5"));
    let columns = ["--columns", "1,2"];
    for (content, columns, n) in [
        ("name,x,y\na1,0.5,0.7\na2,1,2\na3,3,4\n", &columns[..], 3),
        ("a1,0.5,0.7\na2,1,2\na3,3,4\n", &columns, 3),
        ("x,\n1,2\n3,4\n", &[], 2),
        ("\"a\nb\",c\n1,2\n3,4\n", &[], 2),
        ("# a comment\n1,2\n3,4\n", &[], 2),
        ("1;2\n3;4\n", &[], 2),
        ("x y\n1 2\n3 4\n5 6\n", &[], 3),
        ("1.5\t2\n3\t4\n", &[], 2),
    ] {
        std::fs::write(&points, content).expect("the temporary folder can be written");
        let args = ["--bandwidth", "1", "--grid", "2x2", "-o", &out, "--report", "json"];
        let ended = run_well(2, &[&[points.as_str()], columns, &args[..]].concat());
        let report: serde_json::Value =
            serde_json::from_str(&ended.stdout).expect("the report is JSON alone");
        assert_eq!(report["figures"]["samples"]["value"].as_f64(), Some(f64::from(n)), "{content}");
    }
}

#[test]
fn a_sweep_is_each_window_alone() {
    let folder = Folder::new("parzen-sweep");
    let (points, sweep, alone) =
        (folder.file("points.csv"), folder.file("sweep.h5"), folder.file("alone.h5"));
    write_csv(&points, "", &normal(2 * 300, 5), 2);
    let grid = ["--grid", "11x12", "--limits", "-3:3,-3:3"];
    for kernel in ["gaussian", "hypercube", "epanechnikov"] {
        let common = [&[points.as_str(), "--kernel", kernel], &grid[..]].concat();
        run_well(2, &[&common[..], &["--window-sweep", "0.2,0.5,1,2,4", "-o", &sweep]].concat());
        let all = numbers(&sweep, "/density");
        for (k, width) in ["0.2", "0.5", "1", "2", "4"].into_iter().enumerate() {
            run_well(2, &[&common[..], &["--bandwidth", width, "-o", &alone]].concat());
            assert_eq!(numbers(&alone, "/density"), all[k * 132..(k + 1) * 132], "{kernel}, {width}");
        }
    }
}

/// Rows as a dataset.
fn write_h5<T: hdf5::H5Type>(path: &str, name: &str, rows: &[T], shape: &[usize]) {
    make_h5(path, |file| file.new_dataset::<T>().shape(shape).create(name)?.write_raw(rows));
}

#[test]
fn points_of_another_file_are_evaluated_in_any_dimension() {
    let folder = Folder::new("parzen-at");
    let (points, at, out) = (folder.file("points.h5"), folder.file("at.h5"), folder.file("out.h5"));
    for d in [1, 2, 5] {
        let (samples, places) = (normal(50 * d, 6), normal(5 * d, 7));
        write_h5(&points, "points", &samples, &[50, d]);
        write_h5(&at, "places", &places, &[5, d]);
        let twin = density(Kernel::Gaussian, &samples, &vec![0.8; d], &places);
        for ranks in [1, 3, 7] {
            let at = format!("{at}:/places");
            run_well(ranks, &[&points, "--at", &at, "--bandwidth", "0.8", "-o", &out]);
            let ours = numbers(&out, "/density");
            assert_eq!(ours.len(), 5);
            for (ours, twin) in ours.iter().zip(&twin) {
                assert_relative_eq!(ours, twin, max_relative = 1e-13);
            }
        }
    }
    // Whole numbers are points, too.
    write_h5(&points, "points", &[1i16, 2, 3], &[3]);
    run_well(
        2,
        &[&points, "--grid", "3", "--limits", "0:6", "--kernel", "hypercube", "--bandwidth", "2", "-o", &out],
    );
    assert_eq!(numbers(&out, "/density"), [2.0 / 6.0, 2.0 / 6.0, 0.0]);
}

#[test]
fn every_engine_keeps_its_tolerance_and_its_bits() {
    let folder = Folder::new("parzen-engines");
    let (points, exact) = (folder.file("points.csv"), folder.file("exact.h5"));
    write_csv(&points, "x,y\n", &normal(2 * 3000, 5), 2);
    let common = [&*points, "--grid", "40x30", "--bandwidth", "0.2"];
    run_well(1, &[&common[..], &["--engine", "direct", "-o", &exact]].concat());
    let expected = numbers(&exact, "/density");
    // What a density whose samples are all at one place would have there.
    let greatest = 1.0 / (std::f64::consts::TAU * 0.2 * 0.2);
    let cases: [(&[&str], f64, f64, &str); 5] = [
        (&["--engine", "spectral", "--rtol", "1e-3"], 1e-3, 0.0, "by way of a grid"),
        (&["--engine", "tree"], 1e-13, 0.0, "tree"),
        (&["--engine", "tree", "--rtol", "1e-3", "--atol", "1e-6"], 1e-3, 1e-6, "tree"),
        (&["--engine", "auto", "--rtol", "1e-2"], 1e-2, 0.0, "<- chosen"),
        (&["--engine", "spectral", "--atol", "1e-8"], 0.0, 1e-8, "by way of a grid"),
    ];
    for (args, rtol, atol, explained) in cases {
        let files = [1, 2, 3].map(|ranks| {
            let file = folder.file(&format!("{ranks}.h5"));
            let ended = run_well(ranks, &[&common[..], args, &["--explain", "-o", &file]].concat());
            assert_eq!(ended.stderr.matches(explained).count().min(1), 1, "{args:?}: {}", ended.stderr);
            file
        });
        same(&files[0], &files[1]);
        same(&files[0], &files[2]);
        for (value, right) in numbers(&files[0], "/density").iter().zip(&expected) {
            let bound = rtol * right + (atol + 1e-14) * greatest;
            assert!((value - right).abs() <= bound, "{args:?}: {value} for {right}");
        }
    }
}

#[test]
fn nothing_is_beyond_a_boundary() {
    let folder = Folder::new("parzen-boundaries");
    let points = folder.file("points.csv");
    let ages: Vec<f64> = normal(500, 6).iter().map(|x| x.abs()).collect();
    write_csv(&points, "age\n", &ages, 1);
    let out = folder.file("reflected.h5");
    let args = [&*points, "--grid", "64", "--bandwidth", "0.3", "-o", &out, "--report", "text"];
    let ended = run_well(2, &[&args[..], &["--boundary", "reflect:0:inf", "--limits", "0:8"]].concat());
    assert!(ended.stdout.contains("integral"), "{}", ended.stdout);
    let sum: f64 = numbers(&out, "/density").iter().sum();
    assert_relative_eq!(sum * 8.0 / 64.0, 1.0, max_relative = 1e-3);
    let angles: Vec<f64> = normal(500, 7).iter().map(|x| (20.0 * x).rem_euclid(360.0)).collect();
    write_csv(&points, "angle\n", &angles, 1);
    let args = [&*points, "--grid", "72", "--bandwidth", "9", "-o", &out];
    // The whole turn is shown, and its two ends are neighbours.
    run_well(3, &[&args[..], &["--boundary", "periodic:0:360"]].concat());
    let turn = numbers(&out, "/density");
    assert_relative_eq!(turn.iter().sum::<f64>() * 5.0, 1.0, max_relative = 1e-9);
    assert_relative_eq!(turn[0], turn[71], max_relative = 0.05);
}

#[test]
fn single_precision_keeps_its_bound_and_its_bits() {
    let folder = Folder::new("parzen-single");
    let (points, at) = (folder.file("points.h5"), folder.file("at.h5"));
    let places = format!("{at}:/places");
    // More than two tiles, the last one short.
    for (d, n, others) in [(1, 2500, 2), (2, 2100, 3), (3, 1025, 4), (6, 700, 7)] {
        let (samples, to) = (normal(n * d, 8), normal(67 * d, 9));
        write_h5(&points, "points", &samples, &[n, d]);
        write_h5(&at, "places", &to, &[67, d]);
        for (name, kernel) in [
            ("gaussian", Kernel::Gaussian),
            ("hypercube", Kernel::Hypercube),
            ("epanechnikov", Kernel::Epanechnikov),
        ] {
            let h: Vec<f64> = (0..d).map(|axis| 0.7 + 0.2 * axis as f64).collect();
            let bandwidth = h.iter().map(f64::to_string).collect::<Vec<_>>().join(",");
            let file = |ranks: usize| folder.file(&format!("{d}-{name}-{ranks}.h5"));
            for ranks in [1, others] {
                let common =
                    [points.as_str(), "--at", &places, "--precision", "f32", "--bandwidth", &bandwidth];
                run_well(ranks, &[&common[..], &["--kernel", name, "-o", &file(ranks)]].concat());
                if ranks > 1 {
                    same(&file(1), &file(ranks));
                }
            }
            let (ours, twin) = (numbers(&file(1), "/density"), density(kernel, &samples, &h, &to));
            let factor = normalisation(kernel, &h, n);
            assert_eq!(ours.len(), 67);
            for ((ours, twin), to) in ours.iter().zip(&twin).zip(to.chunks(d)) {
                let bound: f64 = samples.chunks(d).map(|x| single_bound(kernel, x, to, &h)).sum();
                assert!((ours - twin).abs() <= factor * bound, "{kernel:?}, d = {d}: {ours} and {twin}");
            }
            assert!(ours.iter().zip(&twin).any(|(ours, twin)| ours != twin) || kernel == Kernel::Hypercube);
        }
    }
    // A grid of a product has only the one way.
    let (a, b) = (folder.file("a.h5"), folder.file("b.h5"));
    let grid = [cities(), "--grid", "12x7", "--bandwidth", "2", "--precision"];
    run_well(2, &[&grid[..], &["f64", "-o", &a]].concat());
    run_well(2, &[&grid[..], &["f32", "-o", &b]].concat());
    same(&a, &b);
}

/// How far off one term may be in single precision, the rounding of the sum with it. 5.0 in bandwidths is farther than any sample.
fn single_bound(kernel: Kernel, sample: &[f64], to: &[f64], h: &[f64]) -> f64 {
    let d = h.len() as f64;
    let u: Vec<f64> = (0..h.len()).map(|axis| (to[axis] - sample[axis]) / h[axis]).collect();
    let (r, shape) = (u.iter().map(|u| u * u).sum::<f64>().sqrt(), kernel.shape(&u));
    let farthest = 5.0 / 0.7;
    let term = 7e-7 + r * r * (d + 3.0) * 3e-8 + r * farthest * 1.2e-7;
    match kernel {
        Kernel::Gaussian => shape * (term + 4e-6),
        Kernel::Epanechnikov if r < 1.0 + 1e-5 => term + shape * 4e-6,
        Kernel::Epanechnikov => 0.0,
        Kernel::Hypercube => {
            f64::from(u.iter().any(|u| (u.abs() - 0.5).abs() < farthest * 1.2e-7)) + shape * 1e-15
        }
    }
}

/// One rank count is enough for h5py, which is not parallel here.
#[test]
fn h5py_opens_it() {
    let folder = Folder::new("parzen-h5py");
    let out = folder.file("density.h5");
    run_well(3, &[cities(), "--grid", "20x10", "--bandwidth", "5", "-o", &out]);
    let script = "import sys, h5py\n\
        f = h5py.File(sys.argv[1])\n\
        d = f['density']\n\
        print(d.shape, d.dtype, d.attrs['kernel'], list(d.attrs['bandwidth']), d.attrs['samples'], f['axis_1'].attrs['label'])";
    let python = ["/usr/bin/python3", "python3"]
        .into_iter()
        .find(|python| {
            Command::new(python)
                .args(["-c", "import h5py"])
                .output()
                .is_ok_and(|import| import.status.success())
        })
        .expect("a python3 with h5py: on Debian the package python3-h5py");
    let read = Command::new(python).args(["-c", script, &out]).output().expect("python3 runs");
    let text = String::from_utf8_lossy(&read.stdout).replace("np.float64(5.0)", "5.0");
    assert_eq!(
        text.trim(),
        "(20, 10) float64 gaussian [5.0, 5.0] 234908 latitude, degrees north (WGS 84)",
        "{}",
        String::from_utf8_lossy(&read.stderr)
    );
}

#[test]
fn pictures_are_drawn() {
    let folder = Folder::new("parzen-plot");
    let (out, plot, points) = (folder.file("d.h5"), folder.file("d.png"), folder.file("points.csv"));
    write_csv(&points, "x,y\n", &normal(2 * 200, 8), 2);
    let cases: [&[&str]; 4] = [
        &[cities(), "--grid", "36x18", "--bandwidth", "8"],
        &[&points, "--window-sweep", "0.2,0.5,1,2", "--grid", "20x20"],
        &[&points, "--columns", "x", "--bandwidth", "silverman"],
        &[&points, "--columns", "y", "--window-sweep", "0.1,0.3"],
    ];
    for case in cases {
        for ranks in [1, 3] {
            let ended = run_well(ranks, &[case, &["-o", &out, "--plot", &plot][..]].concat());
            assert_eq!(ended.stdout.matches("wrote ").count(), 2, "{}", ended.stdout);
            let image =
                png::Decoder::new(std::io::BufReader::new(std::fs::File::open(&plot).expect("drawn")));
            let mut image = image.read_info().expect("a PNG");
            let mut pixels = vec![0; image.output_buffer_size().expect("it fits")];
            let info = image.next_frame(&mut pixels).expect("a whole PNG");
            assert!(info.width >= 800 && info.height >= 400, "{} x {}", info.width, info.height);
            let mut colours: Vec<_> = pixels.chunks(info.line_size / info.width as usize).collect();
            colours.sort_unstable();
            colours.dedup();
            assert!(colours.len() > 20, "more than a blank: {} colours", colours.len());
            std::fs::remove_file(&plot).expect("drawn");
        }
    }
    assert_eq!(folder.names(), ["d.h5", "points.csv"], "nothing half done is left");
}

#[test]
fn progress_is_shown_when_asked_for_and_not_into_a_file() {
    let folder = Folder::new("parzen-progress");
    let out = folder.file("d.h5");
    let common = [cities(), "--grid", "40x20", "--bandwidth", "2", "-o", &out];
    assert_eq!(run_well(2, &common).stderr, "");
    let shown = run_well(2, &[&common[..], &["--progress", "on"]].concat()).stderr;
    assert!(shown.contains("100 %") && shown.contains("Gpairs/s"), "{shown}");
}

#[test]
fn bad_input_is_one_error_on_all_ranks_and_nothing_is_lost() {
    let folder = Folder::new("parzen-bad");
    let file = |name: &str, content: &str| {
        std::fs::write(folder.file(name), content).expect("the temporary folder can be written");
        folder.file(name)
    };
    let out = file("out.h5", "the old result");
    let (missing, text) = (folder.file("missing.h5"), file("text.h5", "these are not points\n"));
    let (nan, words) = (file("nan.csv", "1,2\n3,4\n5,NaN\n6,7\n"), file("words.csv", "x,y\n1,2\n3,four\n"));
    let (header, empty) = (file("header.csv", "x,y\n"), file("empty.csv", ""));
    let (ragged, same) = (file("ragged.csv", "1,2\n3\n"), file("same.csv", "1,2\n1,3\n1,4\n"));
    // Nobody may write there; not even root.
    let denied =
        if std::fs::File::create("/sys/kernel/x").is_err() { "/sys/kernel/d.h5" } else { "/proc/d.h5" };
    let (strings, box_of, infinite) =
        (folder.file("strings.h5"), folder.file("box.h5"), folder.file("infinite.h5"));
    write_h5(&strings, "points", &["a".parse::<hdf5::types::VarLenUnicode>().expect("text")], &[1]);
    write_h5(&box_of, "points", &[0.0; 8], &[2, 2, 2]);
    write_h5(&infinite, "points", &[0.0f32, 1.0, f32::INFINITY], &[3, 1]);
    let (none, huge, half) = (folder.file("none.h5"), folder.file("huge.h5"), folder.file("half.h5"));
    write_h5::<f64>(&none, "points", &[], &[0, 2]);
    // No chunk is stored until it is written.
    make_h5(&huge, |file| {
        file.new_dataset::<f64>().shape((1usize << 58, 2)).chunk((1 << 27, 2)).create("points").map(drop)
    });
    let (wide, three, plot) = (folder.file("wide.h5"), folder.file("three.h5"), folder.file("three.png"));
    write_h5(&wide, "points", &[0.5; 800], &[2, 400]);
    write_h5(&three, "points", &[0.5; 9], &[3, 3]);
    let (wide_at, dotted) =
        (format!("{wide}:/points"), folder.0.join("./out.h5").to_str().expect("UTF-8").to_owned());
    let mixed = file("mixed.csv", "a1,0.5,0.7\na2,1,2\n");
    let bytes = std::fs::read(cities()).expect("comes with the project");
    std::fs::write(&half, &bytes[..bytes.len() / 2]).expect("the temporary folder can be written");
    let far = file("far.csv", "0\n0.5\n3000\n");
    let bandwidth = ["--bandwidth", "1"];
    let cases: Vec<(Vec<&str>, i32, &str)> = vec![
        (vec![cities(), "--bandwidth", "-1"], 2, "a bandwidth is a positive number, not -1"),
        (vec![cities(), "--bandwidth", "0"], 2, "a bandwidth is a positive number, not 0"),
        (
            vec![cities(), "--bandwidth", "wide"],
            2,
            "\"wide\" is not a number; the rules are scott, silverman, isj and cv",
        ),
        (vec![cities(), "--grid", "720"], 1, "--grid has 1 numbers, the points have 2 coordinates"),
        (vec![cities(), "--grid", "0x5"], 2, "\"0\" is not a number of cells"),
        (
            vec![cities(), "--bandwidth", "1,2,3"],
            1,
            "--bandwidth has 3 numbers, the points have 2 coordinates",
        ),
        (
            vec![cities(), "--engine", "spectral"],
            1,
            "--engine spectral needs a tolerance: --atol 1e-9, or --rtol 1e-4",
        ),
        (
            vec![cities(), "--engine", "spectral", "--atol", "1e-9", "--kernel", "hypercube"],
            1,
            "gaussian windows only",
        ),
        (vec![cities(), "--rtol", "-1"], 2, "a tolerance is 0 or a positive number, not -1"),
        (vec![cities(), "--boundary", "reflect:0"], 2, "is not open, reflect:LOW:HIGH or periodic:LOW:HIGH"),
        (
            vec![cities(), "--boundary", "open", "--bandwidth", "1"],
            1,
            "--boundary has 1 ends, the points have 2 coordinates",
        ),
        (
            vec![cities(), "--boundary", "open,reflect:0:90", "--bandwidth", "1"],
            1,
            "axis 1 is reflected at 0 and 90, but there are samples from",
        ),
        (vec![cities(), "--limits", "1:0,0:1"], 2, "1:0 is not an interval from low to high"),
        (vec![cities(), "--grid", "1000000000x1000000000x1000000000"], 1, "--grid has 3 numbers"),
        (
            vec![cities(), "--grid", "1000000000000x1000000000", "--bandwidth", "1"],
            1,
            "no memory for a grid of",
        ),
        (vec![&missing], 1, "missing.h5: cannot open: No such file or directory"),
        (vec![&text], 1, "text.h5: not an HDF5 file; names of text files end in .csv, .txt, .tsv, .dat"),
        (vec![cities(), "--bandwidth", "1", "--plot", "x.jpg"], 1, "give it a name that ends in .png"),
        (
            vec![cities(), "--dataset", "/places"],
            1,
            "there is no dataset /places; the file has /points, /population",
        ),
        (vec![cities(), "--columns", "height"], 1, "has no column height; there are longitude, latitude"),
        (vec![&half], 1, "half.h5: cannot open (is it truncated?)"),
        (vec![&strings], 1, "/points holds text; points are numbers"),
        (vec![&box_of], 1, "/points has shape [2, 2, 2]; points are n rows of d coordinates"),
        (vec![&infinite], 1, "row 2, column 0 of the points is inf"),
        (vec![&none], 1, "there are 0 points"),
        (vec![&huge], 1, "no memory for"),
        (vec![folder.0.to_str().expect("UTF-8")], 1, "cannot open: it is a folder"),
        (vec![&wide, "--at", &wide_at, "--bandwidth", "0.1"], 1, "densities are out of the range of numbers"),
        (vec![cities(), "--bandwidth", "1e-170"], 1, "densities are out of the range of numbers"),
        (vec![&mixed], 1, "some columns of the first line are numbers, others are not"),
        (
            vec![&three, "--grid", "2x2x2", "--bandwidth", "1", "--plot", &plot],
            1,
            "--plot draws one or two coordinates",
        ),
        (
            vec![cities(), "--bandwidth", "1", "--plot", &dotted],
            1,
            "cannot be both the output and the picture",
        ),
        (vec![&nan], 1, "nan.csv: row 2, column 1 of the points is NaN"),
        (vec![&words], 1, "words.csv: line 3, column 1 (from 0): \"four\" is not a number"),
        (vec![&header], 1, "there are 0 points"),
        (vec![&empty], 1, "there are 0 points"),
        (vec![&ragged], 1, "found record with 1 fields"),
        (vec![&same], 1, "coordinate 0 of the points does not vary"),
        (vec![cities(), "--at", "nowhere"], 1, "write FILE:/DATASET"),
        (vec![&far, "--bandwidth", "1", "--precision", "f32"], 1, "single precision takes 1000 at most"),
        (vec![cities(), "--precision", "f16"], 2, "invalid value 'f16'"),
    ];
    for ranks in [1, 3] {
        for (args, expected, says) in &cases {
            check(ranks, &[args, &["-o", &out][..]].concat(), *expected, says);
        }
        check(ranks, &[&[cities(), "-o", denied], &bandwidth[..]].concat(), 1, "cannot create: in folder");
        check(
            ranks,
            &[&[cities(), "-o", cities()], &bandwidth[..]].concat(),
            1,
            "is an input: it would be replaced",
        );
        check(
            ranks,
            &[&[cities(), "-o", "/no/such/folder/d.h5"], &bandwidth[..]].concat(),
            1,
            "there is no folder",
        );
        assert_eq!(std::fs::read(&out).expect("still there"), b"the old result");
    }
    assert!(folder.names().iter().all(|name| !name.ends_with(".partial")), "{:?}", folder.names());
}

fn check(ranks: usize, args: &[&str], expected: i32, says: &str) {
    let ended = run(ranks, "parzen", args);
    let what = format!("{ranks} ranks, {args:?}, {:?}:\n{}\n{}", ended.time, ended.stdout, ended.stderr);
    assert_eq!(code(&ended), Some(expected), "{what}");
    assert_eq!(ended.stderr.matches(says).count(), 1, "{says:?}: {what}");
    assert!(ended.time.as_secs() < 30, "{what}");
    assert_eq!(ended.stdout, "", "{what}");
}

#[test]
fn help_is_a_page_with_examples() {
    let help = run_well(2, &["--help"]).stdout;
    assert_eq!(help.matches("Usage: parzen").count(), 1, "{help}");
    for words in
        ["Examples:", "mpirun -n 2 parzen", "--window-sweep", "--covariance", "--weights", "[default: scott]"]
    {
        assert!(help.contains(words), "{words}: {help}");
    }
    assert!(program("parzen").is_file());
}
