//! The program permute_corpus: the same bytes at any rank count and memory, those of the serial twin, and one clear error.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::common::{Folder, LIMIT, code, launch, run, side_by_side};
use rankwise::kernels::permutation::{Unit, key, permute_words, permuted};
use rankwise::testing::{Ended, run_to_end};
use xxhash_rust::xxh3::xxh3_64;

fn run_well(ranks: usize, args: &[&str]) -> Ended {
    let ended = run(ranks, "permute_corpus", args);
    assert_eq!(code(&ended), Some(0), "{ranks} ranks, {args:?}\n{}\n{}", ended.stdout, ended.stderr);
    ended
}

fn fails(ranks: usize, args: &[&str], message: &str) {
    let ended = run(ranks, "permute_corpus", args);
    assert!(
        code(&ended).is_some_and(|code| code == 1 || code == 2),
        "{args:?}: {:?}\n{}",
        ended.status,
        ended.stderr
    );
    assert!(ended.stderr.contains(message), "{args:?} should say {message:?}:\n{}", ended.stderr);
    assert!(ended.time < Duration::from_secs(20), "{args:?}: {:?}", ended.time);
}

/// The units of a text, each with its separator.
fn units(unit: Unit, text: &[u8]) -> Vec<Vec<u8>> {
    unit.split(text).map(|part| [part, unit.missing(part)].concat()).collect()
}

/// What the program is to write.
fn twin(unit: Unit, text: &[u8], seed: u64, copies: u64) -> Vec<u8> {
    let units = units(unit, text);
    (0..copies).flat_map(|copy| permuted(seed, copy, &units).concat()).collect()
}

fn read(path: &str) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn write(path: &str, bytes: &[u8]) {
    fs::write(path, bytes).expect("the temporary folder can be written");
}

/// Lines of all lengths, some of them empty or equal, the same each time.
fn lines(bytes: usize) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes + 1000);
    for number in 0.. {
        if text.len() >= bytes {
            break;
        }
        let random = key(1, 0, number);
        let len: usize = match random % 16 {
            0 => 0,
            1 => 700,
            other => 10 * other as usize,
        };
        // In pieces of 50, which all begin alike.
        let piece: [u8; 50] = std::array::from_fn(|at| b'a' + ((random >> at) % 26) as u8);
        (0..len).step_by(50).for_each(|at| text.extend_from_slice(&piece[..(len - at).min(50)]));
        text.push(b'\n');
    }
    text
}

/// The least memory that a rank takes with this MPI, as the program says of 8 ranks, of which each takes more than one alone; and
/// as much as it differs from run to run.
fn least_memory(folder: &Folder) -> u64 {
    let (input, output) = (folder.file("least.in"), folder.file("least.out"));
    write(&input, b"a\n");
    let ended = run(8, "permute_corpus", &[&input, "-o", &output, "--memory", "1M"]);
    let words = ended.stderr.split("a rank needs ").nth(1).and_then(|rest| rest.split_once('M'));
    words
        .and_then(|(number, _)| number.parse::<u64>().ok())
        .map(|least| least + 2)
        .unwrap_or_else(|| panic!("no least memory in\n{}", ended.stderr))
}

/// The number of a report.
fn figure(ended: &Ended, path: &str) -> f64 {
    let report: serde_json::Value = serde_json::from_str(&ended.stdout).expect("the report is JSON alone");
    report
        .pointer(path)
        .and_then(serde_json::Value::as_f64)
        .unwrap_or_else(|| panic!("{path} in\n{report:#}"))
}

/// These hashes never change: what is written today can be made again.
#[test]
fn the_bytes_are_the_same_for_ever_on_any_ranks_and_memory() {
    let folder = Folder::new("permute-golden");
    let (input, output) = (folder.file("in.txt"), folder.file("out.txt"));
    let text = lines(24 << 20);
    assert_eq!(xxh3_64(&text), GOLDEN_INPUT, "the input itself");
    write(&input, &text);
    let least = least_memory(&folder);
    let mut out_of_core = 0.0;
    for ranks in 1..=8 {
        let memory = match ranks % 4 {
            0 => "4G".to_owned(),
            1 => format!("{}M", least + 1),
            2 => format!("{}M", least + 9),
            _ => "1G".to_owned(),
        };
        let args =
            [&input, "-o", &output, "--copies", "2", "--seed", "7", "--memory", &memory, "--report", "json"];
        let ended = run_well(ranks, &args);
        out_of_core += figure(&ended, "/figures/out of core/value");
        let hash = xxh3_64(&read(&output));
        assert_eq!(hash, GOLDEN, "{ranks} ranks with {memory} each: {hash:#x}");
    }
    assert_eq!(out_of_core, 4.0, "half of these runs go through files");
    assert_eq!(xxh3_64(&twin(Unit::Line, &text, 7, 2)), GOLDEN);
    assert_eq!(
        folder.names(),
        ["in.txt", "least.in", "out.txt", "out.txt.manifest.json"],
        "no intermediate file is left"
    );
}
const GOLDEN_INPUT: u64 = 11_314_363_776_491_632_206;
const GOLDEN: u64 = 0x4d37_39a6_7acb_c093;

#[test]
fn memory_is_a_promise() {
    let folder = Folder::new("permute-memory");
    let (input, output) = (folder.file("in.txt"), folder.file("out.txt"));
    write(&input, &lines(60 << 20));
    let least = least_memory(&folder);
    // The last one holds the text.
    for (ranks, memory) in [(1, least + 2), (2, least + 2), (3, least + 20), (2, least + 150)] {
        let memory_arg = format!("{memory}M");
        for more in [&["--copies", "3"][..], &["--within", "words"], &["--shards", "7"]] {
            let args =
                [&[&input, "-o", &output, "--memory", &memory_arg, "--report", "json"][..], more].concat();
            let ended = run_well(ranks, &args.iter().map(|arg| &arg[..]).collect::<Vec<_>>());
            let peak = figure(&ended, "/peak_memory/max") / f64::from(1 << 20);
            assert!(peak <= memory as f64, "{ranks} ranks, {more:?}: {peak} MiB of {memory}");
        }
    }
}

#[test]
fn awkward_texts_are_permuted_as_the_twin_does() {
    let folder = Folder::new("permute-awkward");
    let long = [vec![b'x'; 50 << 20], b"\nshort\n".to_vec()].concat();
    let many = lines(200_000);
    let texts: [&[u8]; 14] = [
        b"",
        b"one\n",
        b"no newline",
        b"a\nb",
        b"\n",
        &[b'\n'; 100_000],
        b"\xff\xfe\n\x80\n\xc3\x28\nok\n",
        b"a\0b\0\0c\nd\0",
        b"dos\r\n\r\nlines\r\n",
        b"same\nsame\nsame\nother\n",
        b"p 1\nstill\n\n\n\np 2\n\r\n\np 3",
        b"\n\nleading\n\nblank\n",
        &many,
        &long,
    ];
    let numbered: Vec<_> = texts.iter().enumerate().collect();
    side_by_side(&numbered, |(number, text)| {
        let (input, output) =
            (folder.file(&format!("{number}.txt")), folder.file(&format!("{number}.out.txt")));
        write(&input, text);
        for (unit, name) in [(Unit::Line, "line"), (Unit::Nul, "nul"), (Unit::Paragraph, "paragraph")] {
            if text.len() > 1 << 20 && unit != Unit::Line {
                continue;
            }
            let expected = twin(unit, text, 3, 2);
            let ranks = 1 + (number + name.len()) % 4;
            run_well(ranks, &[&input, "-o", &output, "--unit", name, "--copies", "2", "--seed", "3"]);
            assert!(read(&output) == expected, "text {number} in {name}s on {ranks} ranks");
        }
    });
    let (input, output) = (folder.file("in.txt"), folder.file("out.txt"));
    // In little memory: longer than a buffer, but not too long; and too long.
    let least = least_memory(&folder);
    let long = [lines(30 << 20), vec![b'y'; 1 << 20], b"\n".to_vec(), vec![b'\n'; 500_000], b"end".to_vec()]
        .concat();
    write(&input, &long);
    let memory = format!("{}M", least + 4);
    run_well(3, &[&input, "-o", &output, "--memory", &memory]);
    assert!(read(&output) == twin(Unit::Line, &long, 0, 1), "long and empty lines out of core");
    let place = (30 << 20) + xxh3_64(b"") as usize % 1000;
    let too_long = [&long[..place], b"\n", &vec![b'z'; 40 << 20], b"\nend"].concat();
    write(&input, &too_long);
    let message = format!("in.txt: the unit at byte {} is longer than the memory allows", place + 1);
    fails(2, &[&input, "-o", &output, "--memory", &memory], &message);
}

#[test]
fn many_files_are_one_corpus() {
    let folder = Folder::new("permute-files");
    let output = folder.file("out.txt");
    let corpus = folder.0.join("corpus");
    fs::create_dir_all(corpus.join("b")).expect("a new folder");
    let files: [(&str, &[u8]); 5] = [
        ("a.txt", b"h\n1\n2"),
        ("b/c.txt", b"h\n"),
        ("b/d.txt", b"h"),
        ("e.txt", b"h\n3\n"),
        (".hidden", b"no\n"),
    ];
    for (name, text) in files {
        fs::write(corpus.join(name), text).expect("a new file");
    }
    let corpus = corpus.to_str().expect("our names are UTF-8");
    for ranks in [1, 2, 5] {
        run_well(ranks, &[corpus, "-o", &output, "--copies", "3"]);
        assert_eq!(read(&output), twin(Unit::Line, b"h\n1\n2\nh\nh\nh\n3\n", 0, 3));
        run_well(ranks, &[corpus, "-o", &output, "--copies", "3", "--header", "1"]);
        assert_eq!(read(&output), [b"h\n", &twin(Unit::Line, b"1\n2\n3\n", 0, 3)[..]].concat());
    }
    // Files in another order are another corpus.
    let (a, e) = (format!("{corpus}/a.txt"), format!("{corpus}/e.txt"));
    run_well(2, &[&e, &a, &e, "-o", &output]);
    assert_eq!(read(&output), twin(Unit::Line, b"h\n3\nh\n1\n2\nh\n3\n", 0, 1));
    fails(2, &[&a, "-o", &output, "--header", "4"], "a.txt: a header of 4 was asked for, and it has 3");
    write(&folder.file("other.txt"), b"g\n1\n");
    fails(
        2,
        &[&a, &folder.file("other.txt"), "-o", &output, "--header", "1"],
        "its header differs from that of",
    );
    fs::create_dir(folder.0.join("empty")).expect("a new folder");
    fails(2, &[&folder.file("empty"), "-o", &output], "there is no file in this folder");
}

/// The bytes of a dataset, by a program that is not ours; numbers begin with their lowest byte.
fn bytes(path: &str, dataset: &str) -> Vec<u8> {
    let out = format!("{path}.numbers");
    let dump = Command::new("h5dump").args(["-d", dataset, "-b", "LE", "-o", &out, path]).output();
    let dump = dump.expect("h5dump comes with hdf5-tools");
    assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    let bytes = fs::read(&out).unwrap_or_default();
    let _ = fs::remove_file(out);
    bytes
}

/// All numbers of a dataset.
fn numbers(path: &str, dataset: &str) -> Vec<u64> {
    bytes(path, dataset).as_chunks::<8>().0.iter().map(|number| u64::from_le_bytes(*number)).collect()
}

#[test]
fn every_layout_holds_the_same_text() {
    let small = lines(300_000);
    let large = lines(20 << 20);
    let least = format!("{}M", least_memory(&Folder::new("permute-layouts")) + 1);
    let cases = [(&small, 1, "1G"), (&small, 3, "1G"), (&large, 2, &least[..]), (&large, 3, "1G")];
    side_by_side(&cases, |&(text, ranks, memory)| {
        let folder = Folder::new(&format!("permute-layouts-{ranks}-{}", text.len()));
        let input = folder.file("in.txt");
        write(&input, text);
        let whole = twin(Unit::Line, text, 5, 3);
        let all = units(Unit::Line, text);
        let make = |name: &str, more: &[&str]| {
            let output = folder.file(name);
            let common = [&input, "-o", &output, "--seed", "5", "--copies", "3", "--memory", memory];
            run_well(ranks, &[&common[..], more].concat());
            run_well(2, &["--check", &format!("{output}.manifest.json")]);
            output
        };
        make("split.txt", &["--split"]);
        let parts: Vec<Vec<u8>> =
            (1..=3).map(|copy| read(&folder.file(&format!("split.{copy}.txt")))).collect();
        assert!(parts.concat() == whole, "split on {ranks} ranks");
        assert!(parts.iter().all(|part| part.len() == text.len()));

        make("shard.txt", &["--shards", "12"]);
        let parts: Vec<Vec<u8>> =
            (1..=12).map(|shard| read(&folder.file(&format!("shard.{shard:02}.txt")))).collect();
        assert!(parts.concat() == whole, "shards on {ranks} ranks");
        for part in &parts {
            assert!(
                part.ends_with(b"\n") && part.len().abs_diff(whole.len() / 12) < 3000,
                "{} bytes",
                part.len()
            );
        }

        let h5 = make("text.h5", &[]);
        assert!(bytes(&h5, "/text") == whole, "HDF5 on {ranks} ranks");
        let lengths = (0..3).flat_map(|copy| permuted(5, copy, &all)).map(|unit| unit.len() as u64);
        let offsets: Vec<u64> = [0]
            .into_iter()
            .chain(lengths.scan(0, |at, len| {
                *at += len;
                Some(*at)
            }))
            .collect();
        assert!(numbers(&h5, "/offsets") == offsets);

        let h5 = make("order.h5", &["--indices"]);
        let order: Vec<u64> = (0..3)
            .flat_map(|copy| rankwise::kernels::permutation::order(5, copy, all.len()))
            .map(|item| item as u64)
            .collect();
        assert!(numbers(&h5, "/indices") == order);

        let some = make("some.txt", &["--sample", "1000"]);
        let expected: Vec<u8> =
            (0..3).flat_map(|copy| permuted(5, copy, &all).into_iter().take(1000)).flatten().collect();
        assert!(read(&some) == expected, "sample on {ranks} ranks");

        make("few.txt", &["--sample", "100", "--shards", "4"]);
        let parts: Vec<Vec<u8>> =
            (1..=4).map(|shard| read(&folder.file(&format!("few.{shard}.txt")))).collect();
        let expected: Vec<u8> =
            (0..3).flat_map(|copy| permuted(5, copy, &all).into_iter().take(100)).flatten().collect();
        assert!(parts.concat() == expected, "shards of a sample on {ranks} ranks");

        let within = make("within.txt", &["--within", "words"]);
        let mut expected = vec![];
        for copy in 0..3 {
            (0..).zip(&all).for_each(|(index, unit)| permute_words(5, copy, index, unit, &mut expected));
        }
        assert!(read(&within) == expected, "words on {ranks} ranks");
    });
}

#[test]
fn two_texts_stay_in_step() {
    let folder = Folder::new("permute-parallel");
    let name = |name: &str| folder.file(name);
    let one: String = (0..5000).map(|line| format!("line {line}\n")).collect();
    let two: String = (0..5000).map(|line| format!("Zeile {line} {}\n", "x".repeat(line % 50))).collect();
    write(&name("en.txt"), one.as_bytes());
    write(&name("de.txt"), two.as_bytes());
    let args = [
        &name("en.txt")[..],
        "-o",
        &name("en.out"),
        "--parallel-file",
        &name("de.txt"),
        "--parallel-output",
        &name("de.out"),
    ];
    for ranks in [1, 3] {
        run_well(ranks, &args);
        let (one, two) = (read(&name("en.out")), read(&name("de.out")));
        let number =
            |line: &[u8]| String::from_utf8_lossy(line).split(' ').nth(1).map(|word| word.trim().to_owned());
        let pairs = units(Unit::Line, &one).into_iter().zip(units(Unit::Line, &two));
        assert!(pairs.into_iter().all(|(one, two)| number(&one) == number(&two)));
        let checked = run_well(2, &["--check", &name("en.out.manifest.json")]);
        assert_eq!(checked.stdout.matches("each a permutation of the input").count(), 2);
    }
    let before = read(&name("en.out"));
    write(&name("de.txt"), b"only one\n");
    fails(2, &args, "de.txt has 1 units, and the corpus 5000: they are not in step");
    assert!(read(&name("en.out")) == before, "neither of the two is replaced");
}

#[test]
fn what_is_no_permutation_is_found() {
    let folder = Folder::new("permute-check");
    let (input, output) = (folder.file("in.txt"), folder.file("out.txt"));
    let manifest = format!("{output}.manifest.json");
    write(&input, &lines(100_000));
    run_well(2, &[&input, "-o", &output, "--copies", "2"]);
    let whole = read(&output);
    // A byte that is another one, a line twice and another left out, one moved to the other copy, and bytes missing.
    let mut changed = whole.clone();
    changed[5000] ^= 1;
    let first = units(Unit::Line, &whole);
    let mut twice = first.clone();
    let equal = (1..first.len()).find(|&at| first[at].len() == first[0].len() && first[at] != first[0]);
    let equal = equal.expect("two lines have the same length");
    twice[equal] = first[0].clone();
    for text in [&changed, &twice.concat(), &whole[..whole.len() - 1].to_vec()] {
        write(&output, text);
        fails(
            3,
            &["--check", &manifest],
            if text.len() == whole.len() {
                "other units than the manifest says"
            } else {
                "bytes of text, and not"
            },
        );
    }
    write(&output, &whole);
    run_well(3, &["--check", &manifest]);
    write(&input, b"another one\n");
    fails(2, &["--check", &manifest], "in.txt: the input has 1 units");
    fs::remove_file(&input).expect("it is there");
    let ended = run_well(2, &["--check", &manifest]);
    assert!(ended.stdout.contains("in.txt is no longer there"), "{}", ended.stdout);
    write(&manifest, b"{}");
    fails(2, &["--check", &manifest], "not a manifest of permute_corpus");
    fails(2, &["--check", &folder.file("none")], "cannot open");
}

#[test]
fn an_output_is_replaced_by_a_whole_one_or_stays() {
    let folder = Folder::new("permute-faults");
    let name = |name: &str| folder.file(name);
    write(&name("in.txt"), &lines(100_000));
    write(&name("old.txt"), b"old\n");
    fs::hard_link(name("in.txt"), name("hard.txt")).expect("one file system");
    std::os::unix::fs::symlink(name("in.txt"), name("soft.txt")).expect("one file system");
    let before = folder.names();
    for (output, message) in [
        ("in.txt", "is an input: it would be replaced"),
        ("hard.txt", "is an input: it would be replaced"),
        ("soft.txt", "is an input: it would be replaced"),
        ("none/out.txt", "there is no folder"),
        (".", "it is a folder"),
    ] {
        fails(2, &[&name("in.txt"), "-o", &name(output)], message);
    }
    let (input, old) = (name("in.txt"), name("old.txt"));
    fails(2, &[&name("none.txt"), "-o", &old], "none.txt: cannot open: No such file or directory");
    fails(2, &["/dev/null", "-o", &old], "/dev/null: it is neither a regular file nor a folder");
    fails(3, &[&input, "-o", &old, "--sample", "1000000"], "in.txt: a sample of 1000000 from");
    fails(2, &[&input, "-o", &old, "--copies", "1000000000"], "bytes, and the disk has room for");
    fails(2, &[&input, "-o", &old, "--memory", "12"], "cannot be permuted in so little memory: a rank needs");
    fails(2, &[&input, "-o", &old, "--memory", "much"], "is not a size: write 256M or 4G");
    fails(2, &[&input, "-o", &old, "--indices"], "--indices writes HDF5");
    fails(2, &[&input, "-o", &name("x.h5"), "--split"], "write text");
    fails(2, &[&input, "-o", &old, "--scratch", &name("none")], "there is no folder");
    fails(2, &[&input, "-o", &old, "--parallel-file", &input], "--parallel-output");
    fails(2, &[&input], "--output");
    let inside = folder.0.to_str().expect("our names are UTF-8");
    fails(2, &[inside, "-o", &name("new.txt")], "which is an input");
    let mut permissions = fs::metadata(&old).expect("it is there").permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&old, permissions).expect("it is ours");
    fails(2, &[&input, "-o", &old], "there is a file that may not be written");
    assert_eq!(folder.names(), before, "nothing is left behind");
    assert_eq!(read(&old), b"old\n");
    assert!(read(&input) == lines(100_000));
}

#[test]
fn a_disk_that_fills_up_is_one_error() {
    let folder = Folder::new("permute-full");
    let (input, disk) = (folder.file("in.txt"), folder.file("disk"));
    write(&input, &lines(30 << 20));
    fs::create_dir(&disk).expect("a new folder");
    let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=8m", "none", &disk]).output();
    if !mount.is_ok_and(|mount| mount.status.success()) {
        println!("not run: this needs the right to mount a small disk");
        return;
    }
    let least = format!("{}M", least_memory(&folder) + 2);
    let output = folder.file("out.txt");
    let ended = [
        run(2, "permute_corpus", &[&input, "-o", &format!("{disk}/out.txt")]),
        run(2, "permute_corpus", &[&input, "-o", &output, "--scratch", &disk, "--memory", &least]),
    ];
    let left = fs::read_dir(&disk).expect("it is there").count();
    let _ = Command::new("umount").arg(&disk).status();
    assert!(ended[0].stderr.contains("out.txt: cannot write: it takes"), "{}", ended[0].stderr);
    assert!(ended[1].stderr.contains("intermediate file: No space left on device"), "{}", ended[1].stderr);
    assert!(ended.iter().all(|ended| code(ended) == Some(1)));
    assert_eq!(left, 0, "nothing is left on the disk");
    assert!(!Path::new(&output).exists());
}

#[test]
fn a_kill_leaves_the_old_output_and_the_next_run_cleans_up() {
    let folder = Folder::new("permute-kill");
    let (input, output) = (folder.file("in.txt"), folder.file("out.txt"));
    let text = lines(30 << 20);
    write(&input, &text);
    write(&output, b"old\n");
    let memory = format!("{}M", least_memory(&folder) + 4);
    let args = [&input, "-o", &output, "--memory", &memory, "--copies", "60"];
    let killer = std::thread::spawn({
        let folder = folder.0.clone();
        move || {
            // A rank in the middle of its work: it has an intermediate file with something in it.
            let deadline = Instant::now() + LIMIT;
            let scratch = folder.join(".out.txt.scratch-1.partial");
            while fs::metadata(&scratch).map_or(0, |file| file.len()) < 1 << 20 {
                assert!(Instant::now() < deadline, "no intermediate file");
                std::thread::sleep(Duration::from_millis(2));
            }
            let holder = fs::read_dir("/proc").expect("Linux").flatten().find(|process| {
                let files = fs::read_dir(process.path().join("fd")).into_iter().flatten().flatten();
                files.into_iter().any(|file| fs::read_link(file.path()).is_ok_and(|path| path == scratch))
            });
            let id = holder.expect("a rank has it open").file_name();
            let killed = Command::new("kill").arg("-9").arg(id).status();
            assert!(killed.is_ok_and(|status| status.success()));
        }
    });
    let ended = run_to_end(launch(2, "permute_corpus", &args), LIMIT);
    killer.join().expect("a rank was killed");
    assert!(ended.status.is_some_and(|status| !status.success()), "{}", ended.stderr);
    assert_eq!(read(&output), b"old\n");
    assert!(read(&input) == text);
    run_well(2, &args[..args.len() - 2]);
    assert_eq!(folder.names(), ["in.txt", "least.in", "out.txt", "out.txt.manifest.json"]);
    assert!(read(&output) == twin(Unit::Line, &text, 0, 1));
}

#[test]
fn a_real_corpus_is_permuted_four_times() {
    let Ok(corpus) = std::env::var("RANKWISE_CORPUS") else {
        println!("not run: RANKWISE_CORPUS names no corpus");
        return;
    };
    let folder = Folder::new("permute-real");
    let text = read(&corpus);
    let expected = xxh3_64(&twin(Unit::Line, &text, 7, 4));
    for ranks in [1, 2, 3, 4, 7] {
        let output = folder.file("permuted.txt");
        run_well(ranks, &[&corpus, "--copies", "4", "--seed", "7", "-o", &output]);
        assert_eq!(xxh3_64(&read(&output)), expected, "on {ranks} ranks");
        let checked = run_well(ranks, &["--check", &format!("{output}.manifest.json")]);
        assert!(checked.stdout.contains("4 copies of"), "{}", checked.stdout);
    }
}

#[test]
fn help_ends_with_examples() {
    let help = run(1, "permute_corpus", &["--help"]).stdout;
    assert!(help.contains("Examples:") && help.contains("--check permuted.txt.manifest.json"), "{help}");
    let short = run(3, "permute_corpus", &["-h"]).stdout;
    assert_eq!(short.matches("Examples: see permute_corpus --help").count(), 1, "{short}");
}
