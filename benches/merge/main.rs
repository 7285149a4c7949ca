//! What to do with p sorted runs, as a sort across p ranks has them after its exchange? And does merging hide the exchange?
//!
//! Run:   make bench-merge        (it starts ranks of its own)
//! Shows: nanoseconds a key of several ways to merge; how much of a transfer is hidden behind work of the receiver.
#![expect(unsafe_code, reason = "a library is loaded and its functions are called")]

use std::error::Error;
use std::ffi::{c_long, c_void};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use libloading::Library;
use rand::Rng;
use rankwise::Comm;
use rankwise::comm::{Max, wait_all};
use rankwise::kernels::sorting::{Key, merge_runs, sort};
use rankwise::random::stream;
use rankwise::testing::launcher;

const KEYS: usize = 10_000_000;
const RUNS: [usize; 6] = [3, 4, 8, 16, 64, 256];
const ROUNDS: usize = 5;
const RANKS: &str = "RANKWISE_BENCH_MERGE";
/// Bytes that are to be hidden behind work.
const BYTES: usize = 64 << 20;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;
type Multiway = unsafe extern "C" fn(*const c_void, *const c_long, c_long, *mut c_void);

fn main() -> ExitCode {
    if std::env::var_os(RANKS).is_some() {
        return rankwise::run(|world| Ok(overlap(world)?));
    }
    match drive() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn drive() -> Outcome {
    let folder = target();
    std::fs::create_dir_all(&folder)?;
    let library = compile(&folder.join("multiway.so"));
    if let Err(problem) = &library {
        println!("skipped: multiway_merge of libstdc++: {problem}\n");
    }
    let library = library.ok();
    println!(
        "{KEYS} keys in p sorted runs become one: nanoseconds a key, medians of {ROUNDS} rounds in turns\n"
    );
    println!("| keys | p | ours | libstdc++'s loser tree | all sorted anew | standard library |");
    println!("|---|--:|--:|--:|--:|--:|");
    let mut cases = Vec::new();
    merges("u64", |bits| bits, library.as_ref(), &mut cases);
    merges("f64", |bits| bits as f64 - 9e18, library.as_ref(), &mut cases);
    let output = launcher(2).arg(std::env::current_exe()?).env(RANKS, "2").output()?;
    print!("\n{}", String::from_utf8_lossy(&output.stdout));
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    std::fs::write(folder.join("merge.json"), serde_json::to_string_pretty(&cases)?)?;
    Ok(())
}

/// All ways on keys of one type.
fn merges<T: Key<K> + Default, K>(
    name: &str,
    make: impl Fn(u64) -> T,
    library: Option<&Library>,
    cases: &mut Vec<serde_json::Value>,
) {
    let symbol = format!("multiway_{name}\0");
    // SAFETY: the library was compiled from multiway.cpp by this program, which has functions of this type.
    let theirs = library.and_then(|library| unsafe { library.get::<Multiway>(symbol.as_bytes()).ok() });
    for p in RUNS {
        let mut keys: Vec<T> = {
            let mut numbers = stream(1, p as u64);
            (0..KEYS).map(|_| make(numbers.next_u64())).collect()
        };
        let ends: Vec<usize> = (1..=p).map(|run| run * KEYS / p).collect();
        let starts = [0].into_iter().chain(ends.iter().copied());
        starts.zip(&ends).for_each(|(start, end)| sort(&mut keys[start..*end]));
        let c_ends: Vec<c_long> = ends.iter().map(|end| *end as c_long).collect();
        let mut to = vec![T::default(); KEYS];
        let lengths: Vec<usize> = (0..p).map(|run| (run + 1) * KEYS / p - run * KEYS / p).collect();
        let mut times = [const { Vec::new() }; 4];
        for _ in 0..ROUNDS {
            for (way, times) in times.iter_mut().enumerate() {
                if way == 1 && theirs.is_none() {
                    continue;
                }
                if way != 1 {
                    to.copy_from_slice(&keys);
                }
                // Memory that was in use before, as all the others have.
                let room = if way == 0 { keys.clone() } else { Vec::new() };
                let start = Instant::now();
                match way {
                    0 => to = merge_runs(to, room, &lengths),
                    1 => {
                        if let Some(theirs) = &theirs {
                            // SAFETY: it reads so many runs of keys of this type, and writes as many keys.
                            unsafe {
                                theirs(
                                    keys.as_ptr().cast(),
                                    c_ends.as_ptr(),
                                    p as c_long,
                                    to.as_mut_ptr().cast(),
                                );
                            }
                        }
                    }
                    2 => sort(&mut to),
                    _ => to.sort_by(T::order),
                }
                times.push(start.elapsed().as_secs_f64() * 1e9 / KEYS as f64);
                assert!(rankwise::kernels::sorting::is_sorted(&to), "way {way} does not merge {p} runs");
            }
        }
        let medians = times.map(|mut times| {
            times.sort_by(f64::total_cmp);
            times.get(times.len() / 2).copied()
        });
        let shown = medians.map(|median| median.map_or("–".into(), |ns| format!("{ns:.2}")));
        println!("| {name} | {p} | {} |", shown.join(" | "));
        let peers = ["libstdc++ multiway_merge", "all sorted anew", "slice::sort"];
        for (peer, theirs) in peers.iter().zip(&medians[1..]) {
            let ratio = theirs.zip(medians[0]).map(|(theirs, ours)| theirs / ours);
            cases.push(serde_json::json!({
                "case": format!("{name}, {p} runs"), "ours": medians[0], "peer": theirs, "peer_name": peer,
                "unit": "ns/key", "ratio": ratio, "aim": 1.0, "met": ratio.is_some_and(|ratio| ratio >= 1.0),
            }));
        }
    }
}

/// A transfer in both directions, work without any call of MPI, and both at once.
fn overlap(world: &Comm) -> rankwise::Result<()> {
    let other = 1 - world.rank();
    let (data, mut room) = (vec![1u64; BYTES / 8], vec![0u64; BYTES / 8]);
    let mut keys: Vec<u64> = data.clone();
    let mut times = [const { Vec::new() }; 3];
    for round in 0..=2 * ROUNDS {
        for (what, times) in times.iter_mut().enumerate() {
            world.barrier()?;
            let start = Instant::now();
            world.scope(|scope| {
                let mut requests = Vec::new();
                if what != 1 {
                    requests.push(scope.irecv_into(other, &mut room[..])?);
                    requests.push(scope.irecv_into((other, 1), &mut [0u64; 0][..])?);
                }
                let mut sends = Vec::new();
                if what != 1 {
                    sends.push(scope.isend(other, &data[..])?);
                    sends.push(scope.isend((other, 1), &[0u64; 0][..])?);
                }
                if what != 0 {
                    // Some milliseconds.
                    for _ in 0..4 {
                        keys.iter_mut().for_each(|key| *key = key.wrapping_mul(3).rotate_left(5));
                    }
                }
                wait_all(requests)?;
                wait_all(sends)?;
                Ok::<_, rankwise::Error>(())
            })?;
            let seconds = world.all_reduce_one(start.elapsed().as_secs_f64(), Max)?;
            if round > 0 {
                times.push(seconds);
            }
        }
    }
    let [transfer, work, both] = times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        1e3 * times[times.len() / 2]
    });
    let hidden = (transfer + work - both) / transfer.min(work);
    rankwise::root_println!(
        world,
        "Two ranks, {} MiB each way: {transfer:.1} ms; work beside it, without a call of MPI: {work:.1} ms; both at once: {both:.1} ms.\n\
         Hidden: {:.0} % of the shorter one.",
        BYTES >> 20,
        100.0 * hidden
    );
    Ok(())
}

/// The library of multiway.cpp.
fn compile(to: &Path) -> Outcome<Library> {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/merge/multiway.cpp");
    let mut command = Command::new("g++");
    command.args(["-O3", "-march=native", "-fopenmp", "-shared", "-fPIC", source, "-o"]).arg(to);
    let ended = command.output().map_err(|error| format!("cannot start g++: {error}"))?;
    if !ended.status.success() {
        return Err(format!("g++ fails:\n{}", String::from_utf8_lossy(&ended.stderr)).into());
    }
    // SAFETY: nothing runs when it is loaded.
    Ok(unsafe { Library::new(to)? })
}

/// target/bench of this build.
fn target() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    let under_mpi = target.ends_with("openmpi") || target.ends_with("mpich");
    let target = if under_mpi { target.parent().map_or(target.clone(), Path::to_owned) } else { target };
    target.join("bench")
}
