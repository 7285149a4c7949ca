//! Sorts numbers: by bubble sort across ranks, as it is taught and phase by phase, or by the fastest sort there is.
//!
//! Run: mpirun -n 4 target/openmpi/release/examples/bubble_sort --random 40 --show
//! Shows: neighbours that exchange (odd-even transposition), a watcher that all ranks enter together, one program for ten types of
//!        numbers, a file that every rank writes its part of, a farm of tasks by a counter.
//! Next: src/distributed/sort/odd_even.rs, the phases; src/distributed/sort/mod.rs, the fast way.

mod arguments;
mod check;
mod history;
mod input;
mod many;
mod number;
mod output;
mod picture;
mod show;

use std::error::Error;

use arguments::{Algorithm, Args};
use history::History;
use input::{Keys, Source};
use number::Number;
use rankwise::distributed::sort::{self, Cost, Walk};
use rankwise::prelude::*;
use rankwise::progress::Line;
use rankwise::report::Phases;

fn main() -> ExitCode {
    rankwise::run_with::<Args>(|world, args| {
        world.on_root(|| args.check())?;
        if let Some(arrays) = args.many {
            return many::sort(world, &args, arrays);
        }
        // 1. Every rank reads, or draws, its own part, whatever the numbers are.
        let mut phases = Phases::new();
        match phases.time("read", || Source::new(&args).read(world))? {
            Keys::U8(keys) => sorted(world, &args, phases, keys),
            Keys::I8(keys) => sorted(world, &args, phases, keys),
            Keys::U16(keys) => sorted(world, &args, phases, keys),
            Keys::I16(keys) => sorted(world, &args, phases, keys),
            Keys::U32(keys) => sorted(world, &args, phases, keys),
            Keys::I32(keys) => sorted(world, &args, phases, keys),
            Keys::U64(keys) => sorted(world, &args, phases, keys),
            Keys::I64(keys) => sorted(world, &args, phases, keys),
            Keys::F32(keys) => sorted(world, &args, phases, keys),
            Keys::F64(keys) => sorted(world, &args, phases, keys),
        }
    })
}

fn sorted<T: Number>(
    world: &Comm,
    args: &Args,
    mut phases: Phases,
    keys: Vec<T>,
) -> Result<(), Box<dyn Error>> {
    let n = world.all_reduce_one(keys.len(), Sum)?;
    world.on_root(|| args.fits(n))?;
    let before = args.check.then(|| phases.time("check", || check::hash(world, &keys))).transpose()?;

    // 2. The sort; where someone watches, with a look at all keys after each phase.
    let mut progress = Line::new(world, "bubble_sort", args.progress);
    let (keys, work) = if args.is_watched() {
        let history = phases.time("sort", || History::of(world, args.algorithm, keys))?;
        world.on_root(|| {
            if args.show {
                show::print(&history, args.color)?;
            }
            match &args.picture {
                Some(path) => Ok(rankwise::file::write_whole(path, picture::svg(&history).as_bytes())?),
                None => Ok(()),
            }
        })?;
        (history.mine, Work::Walked(history.walk))
    } else {
        progress.say("sorting");
        phases.time("sort", || sort_by(world, args.algorithm, keys))?
    };

    // 3. Proof, and the file.
    if let Some(before) = before {
        progress.say("checking");
        phases.time("check", || check::check(world, before, &keys))?;
    }
    if let Some(path) = &args.output {
        progress.say("writing");
        phases.time("write", || output::write(world, path, &args.source_name(), &keys))?;
    }
    progress.finish();

    // 4. What happened.
    work.figures(world, n, size_of::<T>(), keys.len(), &mut phases)?;
    let report = phases.report(world)?;
    world.on_root(|| report.map_or(Ok(()), |report| args.say(n, &report)))?;
    Ok(())
}

fn sort_by<T: Number>(
    world: &Comm,
    algorithm: Algorithm,
    keys: Vec<T>,
) -> Result<(Vec<T>, Work), Box<dyn Error>> {
    Ok(match algorithm {
        Algorithm::Bubble => {
            let (keys, walk) = sort::bubble(world, keys)?;
            (keys, Work::Walked(walk))
        }
        Algorithm::OddEven => {
            let (keys, walk) = sort::odd_even(world, keys)?;
            (keys, Work::Walked(walk))
        }
        Algorithm::Sample => {
            let (keys, cost) = sort::sort_counted(world, keys)?;
            (keys, Work::Sampled(cost))
        }
    })
}

/// What the sort has cost this rank.
enum Work {
    Walked(Walk),
    Sampled(Cost),
}

impl Work {
    /// For the report, over all ranks. Collective.
    fn figures(
        &self,
        world: &Comm,
        n: usize,
        bytes: usize,
        mine: usize,
        phases: &mut Phases,
    ) -> Result<(), Box<dyn Error>> {
        let p = world.size() as f64;
        let all = |number: u64| world.all_reduce_one(number, Sum);
        let most = |number: u64| world.all_reduce_one(number, Max);
        phases.figure("keys", n as f64, "");
        let sent = match self {
            Work::Walked(walk) => {
                phases.figure("phases", walk.phases as f64, "");
                phases.figure(
                    "quiet",
                    all(walk.quiet as u64)? as f64,
                    "(a rank in a phase without a key that crosses)",
                );
                phases.figure("messages", all(walk.messages)? as f64, "");
                phases.figure("probes", all(walk.probes)? as f64, "keys sent only to be compared");
                let (comparisons, swaps) = (all(walk.comparisons)?, all(walk.bubbled.moves)?);
                if comparisons > 0 {
                    phases.figure("comparisons", comparisons as f64, "");
                    let one = n as f64 * (n as f64 - 1.0) / 2.0;
                    phases.figure("one rank's", one, "comparisons, at most, of bubble sort on one rank");
                }
                if swaps > 0 {
                    phases.figure("swaps", swaps as f64, "of neighbours in bubble sort");
                }
                walk.sent
            }
            Work::Sampled(cost) => {
                phases.figure("rounds", cost.rounds as f64, "to find where to cut");
                for (name, time) in [
                    ("local sort", cost.local),
                    ("splitters", cost.splitters),
                    ("exchange", cost.exchange),
                    ("merge", cost.merge),
                ] {
                    let longest = world.all_reduce_one(time.as_secs_f64(), Max)?;
                    phases.figure(name, longest, "s, the longest of all ranks");
                }
                cost.sent as u64
            }
        };
        let moved = all(sent)? as f64;
        phases.figure("keys moved", moved, "");
        phases.figure("bytes moved", moved * bytes as f64, "");
        let bound = n as f64 * (1.0 - 1.0 / p);
        phases.figure("bound", bound, "keys: what random input takes, n (1 - 1/p)");
        if bound > 0.0 {
            phases.figure("moved / bound", moved / bound, "");
        }
        let largest = most(mine as u64)? as f64;
        phases.figure("imbalance", if n > 0 { largest * p / n as f64 } else { 1.0 }, "largest share / mean");
        Ok(())
    }
}
