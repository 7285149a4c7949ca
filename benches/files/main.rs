//! How fast files are written and read, beside C, h5py and plain pwrite.
//!
//! Run:   make bench-files                       with ARGS=--help for more
//! Shows: medians and best values of rounds in which all take turns, with their ratios; writes target/bench/files.json.
//!
//! C is compiled by h5pcc and loaded into the same processes; each round is a new start of the ranks. Reads come from the page
//! cache; before each time is taken, all that is to be written has been written. C, too, gets the hint without which ROMIO reads chunks slowly.
#![expect(unsafe_code, reason = "a library is loaded and its functions are called")]

use std::collections::BTreeMap;
use std::error::Error;
use std::ffi::{CString, c_char, c_int, c_ulong};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use clap::Parser;
use libloading::{Library, Symbol};
use ndarray::Array2;
use rankwise::file::{File, Options, Storage};
use rankwise::prelude::*;
use rankwise::testing::{launcher, run_to_end};

/// Columns of the dataset: rows of 8 KiB.
const COLUMNS: usize = 1024;
/// Rows of a chunk: 4 MiB.
const CHUNK: usize = 512;

#[derive(Parser)]
struct Args {
    /// MiB of the file.
    #[arg(long, default_value_t = 1024)]
    size: usize,
    /// Rounds.
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    /// contiguous, chunked, deflate; all if none is named. Results of several runs are put together.
    #[arg(long)]
    only: Vec<String>,
    /// Where the files are written.
    #[arg(long, default_value = "target/bench/files")]
    folder: PathBuf,
    /// A first look: one round, of 64 MiB.
    #[arg(long)]
    quick: bool,
    /// What the program itself starts.
    #[arg(long, hide = true)]
    library: Option<PathBuf>,
}

/// Seconds of each round, by case, what was done, and who did it.
type Times = BTreeMap<(String, String, String), Vec<f64>>;

fn main() -> ExitCode {
    let mut args = Args::parse();
    if args.quick {
        (args.size, args.rounds) = (64, 1);
    }
    match args.library.clone() {
        Some(library) => rankwise::run(|world| one_round(world, &args, &library)),
        None => match drive(&args) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("error: {error}");
                ExitCode::FAILURE
            }
        },
    }
}

fn storages(args: &Args) -> Vec<&str> {
    let all = ["contiguous", "chunked", "deflate"];
    all.into_iter().filter(|name| args.only.is_empty() || args.only.iter().any(|only| only == name)).collect()
}

/// Starts the rounds, and shows what they have found.
fn drive(args: &Args) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(&args.folder)?;
    let open_mpi = size_of::<mpi::ffi::MPI_Comm>() == size_of::<*const u8>();
    let mpi_name = if open_mpi { "Open MPI" } else { "MPICH" };
    let library = args.folder.canonicalize()?.join("files.so");
    let h5pcc = if open_mpi { "h5pcc.openmpi" } else { "h5pcc.mpich" };
    let h5pcc = std::env::var("H5PCC").unwrap_or_else(|_| h5pcc.into());
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/files/files.c");
    // h5pcc leaves its object file where it is called.
    let compiled = Command::new(&h5pcc)
        .current_dir(&args.folder)
        .args(["-shlib", "-O2", "-shared", "-fPIC", source, "-o"])
        .arg(&library)
        .output()
        .map_err(|error| format!("cannot start {h5pcc} ($H5PCC): {error}"))?;
    if !compiled.status.success() {
        return Err(format!("{h5pcc}: {}", String::from_utf8_lossy(&compiled.stderr)).into());
    }
    let python = concat!(env!("CARGO_MANIFEST_DIR"), "/files/files.py");
    let has_h5py = open_mpi
        && Command::new("/usr/bin/python3")
            .args(["-c", "import h5py._debian_h5py_mpi, mpi4py"])
            .output()
            .is_ok_and(|output| output.status.success());
    if !has_h5py {
        println!("skipped: h5py, which is not here for {mpi_name}");
    }
    let mut times = Times::new();
    for round in 0..args.rounds {
        let mut ours = launcher(2);
        ours.arg(std::env::current_exe()?).args([
            "--size",
            &args.size.to_string(),
            "--rounds",
            &round.to_string(),
        ]);
        ours.arg("--folder").arg(&args.folder).arg("--library").arg(&library);
        ours.args(storages(args).into_iter().flat_map(|name| ["--only", name]));
        collect(ours, "", &mut times)?;
        if has_h5py {
            let mut theirs = launcher(2);
            let numbers = [args.size * 128, COLUMNS, CHUNK].map(|number| number.to_string());
            theirs.arg("/usr/bin/python3").arg(python).arg(&args.folder).args(numbers);
            theirs.args(storages(args).into_iter().filter(|name| *name != "deflate"));
            collect(theirs, " h5py", &mut times)?;
        }
    }
    show(args, mpi_name, &times)
}

/// Runs one start of the ranks; its lines are case, what, seconds, who.
fn collect(command: Command, who: &str, times: &mut Times) -> Result<(), Box<dyn Error>> {
    let ended = run_to_end(command, Duration::from_secs(300));
    if !ended.status.is_some_and(|status| status.success()) {
        return Err(ended.stderr.into());
    }
    for line in ended.stdout.lines() {
        let line = format!("{line}{who}");
        let words: Vec<&str> = line.split(' ').collect();
        if let [case, what, seconds, who] = words[..]
            && case != "warm-up"
        {
            times.entry((case.into(), what.into(), who.into())).or_default().push(seconds.parse()?);
        }
    }
    Ok(())
}

fn median(times: &[f64]) -> f64 {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn best(times: &[f64]) -> f64 {
    times.iter().copied().fold(f64::INFINITY, f64::min)
}

/// The table, and the same as JSON.
fn show(args: &Args, mpi_name: &str, times: &Times) -> Result<(), Box<dyn Error>> {
    let size = |case: &str| if case.starts_with("deflate") { args.size / 8 } else { args.size } as f64;
    println!("{mpi_name}, 2 ranks, {} MiB, {} rounds; MiB/s, median (best)", args.size, args.rounds);
    println!("{:<26}{:<8}{:>16}{:>16}{:>16}{:>16}  ours by C", "", "", "ours", "C", "h5py", "pwrite");
    let mut rows = Vec::new();
    let mut seen = Vec::new();
    for (case, what, _) in times.keys() {
        if seen.contains(&(case, what)) {
            continue;
        }
        seen.push((case, what));
        let of = |case: &str, who: &str| times.get(&(case.to_owned(), what.clone(), who.to_owned()));
        let speed = |seconds: f64| size(case) / seconds;
        let cell = |who: &str| match of(case, who)
            .or_else(|| if who == "pwrite" { of("plain", who) } else { None })
        {
            Some(times) => format!("{:.0} ({:.0})", speed(median(times)), speed(best(times))),
            None => "-".into(),
        };
        let Some(ours) = of(case, "ours") else { continue };
        let mut peer = |name: &str, theirs: Option<&Vec<f64>>, aim: f64, by: fn(&[f64]) -> f64| {
            let ratio = theirs.map(|theirs| by(theirs) / by(ours));
            rows.push(serde_json::json!({
                "case": format!("{mpi_name}, {case}, {what}"), "ours": speed(by(ours)),
                "peer": theirs.map(|theirs| speed(by(theirs))), "peer_name": name, "unit": "MiB/s",
                "ratio": ratio, "aim": aim, "met": ratio.map(|ratio| ratio >= aim),
            }));
            ratio
        };
        let ratio = peer("C", of(case, "C"), 0.95, median);
        peer("h5py", of(case, "h5py"), 1.0, median);
        peer("pwrite (best of both)", of("plain", "pwrite"), 0.9, best);
        if case == "deflate/collective" {
            peer("ours on one rank", of("deflate/collective", "ours-on-1"), 1.8, median);
        }
        println!(
            "{case:<26}{what:<8}{:>16}{:>16}{:>16}{:>16}  {}",
            cell("ours"),
            cell("C"),
            cell("h5py"),
            cell("pwrite"),
            ratio.map_or("-".into(), |ratio| format!("{ratio:.2}"))
        );
        if let Some(alone) = of(case, "ours-on-1") {
            println!(
                "{:<34}on one rank: {:.0}; two are {:.2} times as fast",
                "",
                speed(median(alone)),
                median(alone) / median(ours)
            );
        }
    }
    // Those of other cases and of the other MPI stay.
    let path = args.folder.parent().unwrap_or(Path::new(".")).join("files.json");
    let mut all: Vec<serde_json::Value> =
        fs::read(&path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
    all.retain(|old| !rows.iter().any(|new| new["case"] == old["case"]));
    all.extend(rows);
    fs::write(&path, serde_json::to_vec_pretty(&all)?)?;
    println!("wrote {}", path.display());
    Ok(())
}

type Write = unsafe extern "C" fn(
    *const c_char,
    *const f64,
    c_ulong,
    c_ulong,
    c_ulong,
    c_ulong,
    c_int,
    c_ulong,
    c_int,
) -> c_int;
type Read = unsafe extern "C" fn(*const c_char, c_ulong, c_ulong, c_ulong, c_int) -> *mut f64;
type Free = unsafe extern "C" fn(*mut f64);

/// What a rank does in a round.
struct Bench<'a> {
    world: &'a Comm,
    path: PathBuf,
    rows: usize,
    start: usize,
    data: Array2<f64>,
}

impl Bench<'_> {
    /// The time from when all are ready until all are done, told by the root.
    ///
    /// What others have left to be written to the disk would be written at this one's cost.
    fn time(&self, case: &str, what: &str, who: &str, act: impl FnOnce() -> Outcome) -> Outcome {
        self.world.barrier()?;
        if self.world.is_root() {
            // SAFETY: it takes nothing and gives nothing.
            unsafe { libc::sync() };
        }
        self.world.barrier()?;
        let began = Instant::now();
        act()?;
        self.world.barrier()?;
        root_println!(self.world, "{case} {what} {} {who}", began.elapsed().as_secs_f64());
        Ok(())
    }

    fn remove(&self) -> Outcome {
        self.world.barrier()?;
        if self.world.is_root() {
            let _ = fs::remove_file(&self.path);
        }
        Ok(self.world.barrier()?)
    }
}

type Outcome = Result<(), Box<dyn Error>>;

fn one_round(world: &Comm, args: &Args, library: &Path) -> Outcome {
    // SAFETY: nothing runs when it is loaded; it was compiled from files.c by this program, so its functions have these types.
    let library = unsafe { Library::new(library) }?;
    // SAFETY: as above.
    let (write, read, free): (Symbol<Write>, Symbol<Read>, Symbol<Free>) = unsafe {
        (library.get(b"files_write\0")?, library.get(b"files_read\0")?, library.get(b"files_free\0")?)
    };
    let bench = |mib: usize, comm: &Comm| -> (usize, usize, Array2<f64>) {
        let rows = mib * 128;
        let mine = Partition::even(rows, comm.size()).range(comm.rank());
        // Compresses to about a half.
        let value = |(i, k): (usize, usize)| ((mine.start + i) as f64 / 7.0 + k as f64).floor() / 3.0;
        (rows, mine.start, Array2::from_shape_fn((mine.len(), COLUMNS), value))
    };
    let path = args.folder.join("bench.h5");
    let c_path = CString::new(path.as_os_str().as_bytes())?;
    for storage in storages(args) {
        let (rows, start, data) = bench(if storage == "deflate" { args.size / 8 } else { args.size }, world);
        let b = Bench { world, path: path.clone(), rows, start, data };
        let (chunk, level) = match storage {
            "contiguous" => (0, 0),
            "chunked" => (CHUNK, 0),
            _ => (CHUNK, 1),
        };
        let laid_out = || match (chunk, level) {
            (0, _) => Storage::default(),
            (_, 0) => Storage::chunks([CHUNK, COLUMNS]),
            _ => Storage::chunks([CHUNK, COLUMNS]).deflate(1),
        };
        let count = b.data.nrows();
        let ours = |comm: &Comm, data: &Array2<f64>, start: usize, together: bool, sync: bool| -> Outcome {
            let file = File::create_with(comm, &b.path, &Options::default().sync(sync))?;
            let mut x = file.create_dataset::<f64>("x", &[b.rows, COLUMNS], &laid_out())?;
            if !together {
                x = x.independent();
            }
            x.write_rows(start, data)?;
            Ok(file.close()?)
        };
        for together in [true, false] {
            if !together && level > 0 {
                continue;
            }
            let case = format!("{storage}/{}", if together { "collective" } else { "independent" });
            // In turns: who is first changes from round to round.
            let mut turns = vec!["ours", "C"];
            if level == 0 && together && chunk == 0 {
                turns.push("pwrite");
            }
            let count_of = turns.len();
            turns.rotate_left(args.rounds % count_of);
            // The first pays for what was done before, so it does not count.
            turns.insert(0, turns[0]);
            for what in ["write", "fsync", "read"] {
                for (turn, who) in turns.iter().copied().enumerate() {
                    let case = if turn == 0 { "warm-up" } else { case.as_str() };
                    if what != "read" && who != "pwrite" {
                        b.remove()?;
                    }
                    let (start_c, count_c) = (b.start as c_ulong, count as c_ulong);
                    match (who, what) {
                        ("ours", "read") => {
                            let mut found = None;
                            b.time(case, what, who, || {
                                let file = File::open(world, &b.path)?;
                                let mut x = file.dataset("x")?;
                                if !together {
                                    x = x.independent();
                                }
                                found = Some(x.read_rows::<f64>(b.start..b.start + count)?);
                                Ok(file.close()?)
                            })?;
                            assert_eq!(found.ok_or("read")?, b.data.view().into_dyn());
                        }
                        ("ours", _) => b.time(case, what, who, || {
                            ours(world, &b.data, b.start, together, what == "fsync")
                        })?,
                        ("C", "read") => {
                            let mut found = std::ptr::null_mut();
                            b.time(case, what, who, || {
                                // SAFETY: the path ends in a zero byte; the file is as long as that.
                                found = unsafe {
                                    read(
                                        c_path.as_ptr(),
                                        COLUMNS as c_ulong,
                                        start_c,
                                        count_c,
                                        c_int::from(together),
                                    )
                                };
                                Ok(())
                            })?;
                            assert!(!found.is_null());
                            // SAFETY: what files_read has given, once.
                            unsafe { free(found) };
                        }
                        ("C", _) => b.time(case, what, who, || {
                            let data = b.data.as_slice().ok_or("in one piece")?;
                            // SAFETY: the path ends in a zero byte; there are `count` rows.
                            let code = unsafe {
                                write(
                                    c_path.as_ptr(),
                                    data.as_ptr(),
                                    b.rows as c_ulong,
                                    COLUMNS as c_ulong,
                                    start_c,
                                    count_c,
                                    c_int::from(together),
                                    chunk as c_ulong,
                                    level,
                                )
                            };
                            assert!(code >= 0);
                            if what == "fsync" {
                                world.barrier()?;
                                if world.is_root() {
                                    fs::File::open(&b.path)?.sync_all()?;
                                }
                            }
                            Ok(())
                        })?,
                        _ => plain(&b, if turn == 0 { case } else { "plain" }, what)?,
                    }
                }
            }
        }
        if level > 0 {
            // The same file from one rank; the other waits.
            let alone = world.split(Some(world.rank()), 0)?.ok_or("a part")?;
            b.remove()?;
            let (_, _, all) = bench(args.size / 8, &alone);
            b.time("deflate/collective", "write", "ours-on-1", || {
                if world.is_root() { ours(&alone, &all, 0, true, false) } else { Ok(()) }
            })?;
        }
        b.remove()?;
    }
    Ok(())
}

/// The same bytes without HDF5.
fn plain(b: &Bench, case: &str, what: &str) -> Outcome {
    let bytes = b.data.as_slice().ok_or("in one piece")?;
    // SAFETY: numbers have no padding, and live as long as the array.
    let bytes = unsafe { std::slice::from_raw_parts(bytes.as_ptr().cast::<u8>(), size_of_val(bytes)) };
    let path = b.path.with_extension("raw");
    let at = (b.start * COLUMNS * 8) as u64;
    if what == "read" {
        let mut room = Vec::new();
        return b.time(case, what, "pwrite", || {
            room = vec![0u8; bytes.len()];
            Ok(fs::File::open(&path)?.read_exact_at(&mut room, at)?)
        });
    }
    if b.world.is_root() {
        let _ = fs::remove_file(&path);
        fs::File::create(&path)?;
    }
    b.time(case, what, "pwrite", || {
        let file = fs::OpenOptions::new().write(true).open(&path)?;
        file.write_all_at(bytes, at)?;
        if what == "fsync" { Ok(file.sync_all()?) } else { Ok(()) }
    })?;
    // As the others' files are removed before the next one's turn: nobody has to wait for the disk after it.
    if what == "write" && b.world.is_root() {
        fs::remove_file(&path)?;
    }
    Ok(())
}
