//! Random permutations of a corpus: any size, any number of ranks, the same bytes.
//!
//! Run: mpirun -n 4 target/openmpi/release/examples/permute_corpus brown.txt --copies 4 --seed 7 -o permuted.txt
//! Shows: one file written by all ranks, work that memory does not hold, a result that can be checked, two outputs of which both
//!        appear or none.
//! Next: src/kernels/permutation.rs, the definition; src/distributed/permute/, the two engines.

mod arguments;
mod check;
mod manifest;

use std::error::Error;
use std::time::Instant;

use arguments::{Args, Within};
use manifest::{Manifest, Part};
use rankwise::distributed::permute::{Corpus, Job, Written};
use rankwise::prelude::*;
use rankwise::progress::Line;
use rankwise::report::Phases;

fn main() -> ExitCode {
    rankwise::run_with::<Args>(|world, args| {
        if let Some(path) = &args.check {
            return check::run(world, path, &args);
        }
        let mut phases = Phases::new();
        world.on_root(|| args.check())?;

        // 1. What there is: the root looks at the files, and all hear of it.
        let (unit, header) = (args.unit.into(), args.header);
        let corpus = phases.time("open", || Corpus::open(world, &args.inputs, unit, header))?;
        let parallel = args.parallel_file.as_ref();
        let parallel =
            parallel.map(|file| Corpus::open(world, std::slice::from_ref(file), unit, header)).transpose()?;
        world.on_root(|| args.check_files(corpus.paths().chain(parallel.iter().flat_map(Corpus::paths))))?;

        // 2. The permutations, beside the place where they will be.
        let mut progress = Line::new(world, "permute_corpus", args.progress);
        let start = Instant::now();
        let written = write(world, &args, &corpus, args.output(), &mut progress)?;
        let second = match (&parallel, &args.parallel_output) {
            (Some(corpus), Some(output)) => {
                let second = write(world, &args, corpus, output, &mut progress)?;
                in_step(world, &written, &second, &args)?;
                Some(second)
            }
            _ => None,
        };
        progress.finish();
        let seconds = start.elapsed().as_secs_f64();
        for part in [Some(&written), second.as_ref()].into_iter().flatten() {
            let seconds = part.summary().seconds;
            phases.add("read", seconds.read);
            phases.add("deal", seconds.deal);
            phases.add("write", seconds.write);
        }

        // 3. Both appear, or none; then the manifest.
        let summary = phases.time("finish", || written.put_in_place(args.sync))?;
        let mut parts = vec![Part::new(&args, &corpus, args.output(), summary)];
        if let (Some(second), Some(corpus), Some(output)) = (second, &parallel, &args.parallel_output) {
            let summary = phases.time("finish", || second.put_in_place(args.sync))?;
            parts.push(Part::new(&args, corpus, output, summary));
        }
        let manifest = Manifest::new(&args, parts);
        let manifest = phases.time("finish", || manifest.with_samples(world, &args))?;
        world.on_root(|| Ok(manifest.write(&args)?))?;

        // 4. What happened.
        phases.figure("units", summary.corpus.units as f64, "");
        phases.figure("input", summary.corpus.bytes as f64, "bytes");
        phases.figure("output", summary.written_bytes as f64, "bytes");
        phases.figure("time", seconds, "s, all but start and end");
        phases.figure("rate", summary.written_bytes as f64 / seconds / 1e9, "GB/s over all ranks");
        phases.figure(
            "out of core",
            f64::from(u8::from(summary.out_of_core)),
            "(1 if memory did not hold the input)",
        );
        let report = phases.report(world)?;
        world.on_root(|| report.map_or(Ok(()), |report| args.say(&report)))?;
        Ok(())
    })
}

/// Writes the permutations of one corpus, which then only have to be put in place. Collective.
fn write<'c>(
    world: &'c Comm,
    args: &Args,
    corpus: &Corpus,
    output: &std::path::Path,
    progress: &mut Line,
) -> Result<Written<'c>, Box<dyn Error>> {
    let job = Job {
        corpus,
        seed: args.seed,
        copies: args.copies,
        sample: args.sample,
        plan: args.plan(output),
        memory: args.memory,
        scratch: args.scratch.clone(),
        sync: args.sync,
    };
    progress.restart();
    let bytes = (corpus.bytes() * args.copies) as f64;
    let mut show = |part: f64| {
        progress.part(part, |seconds| format!("{:.2} GB/s", bytes * part / seconds / 1e9));
    };
    match args.within {
        Some(Within::Words) => Ok(job.write_within(world, &mut show)?),
        None => Ok(job.write(world, &mut show)?),
    }
}

/// An error unless both corpora have as many units.
fn in_step(world: &Comm, one: &Written, other: &Written, args: &Args) -> rankwise::Result<()> {
    let (one, other) = (one.summary().corpus.units, other.summary().corpus.units);
    if one == other {
        return Ok(());
    }
    let name = args.parallel_file.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
    world.agree(Err(format!("{name} has {other} units, and the corpus {one}: they are not in step")))
}
