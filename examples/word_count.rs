//! The most frequent words of a corpus: a pipeline that reads, counts and adds up.
//!
//! Run: mpirun -n 4 target/openmpi/release/examples/word_count docs README.md --top 5
//! Shows: `pipeline`, stages on ranks of their own, files as a source, a result that does not depend on the number of ranks.
//! Next: permute_corpus, which puts a corpus in random order.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use rankwise::prelude::*;
use rankwise::skeleton::Ranks;

/// Prints the most frequent words of text files, each with its number.
#[derive(clap::Parser)]
#[command(name = "word_count", after_help = "Example: mpirun -n 4 word_count docs README.md --top 5")]
struct Args {
    /// Files, and folders with all that is in them.
    #[arg(required = true)]
    inputs: Vec<PathBuf>,
    /// How many words are printed.
    #[arg(long, default_value_t = 10)]
    top: usize,
    /// Prints what each stage did, to standard error.
    #[arg(long)]
    report: bool,
}

fn main() -> ExitCode {
    rankwise::run_with::<Args>(|world, args| {
        // 1. One rank finds the files, all but two count, one adds up. With fewer ranks, some do several of these.
        let mut total = HashMap::<String, u64>::new();
        let report = world
            .pipeline()
            .try_stage("find", 1, || {
                Ok::<_, std::io::Error>(files(&args.inputs)?.into_iter().map(Ok::<_, String>))
            })
            .try_stage("count", Ranks::Rest, |file: PathBuf| count(&file))
            .stage("add up", 1, |counts: HashMap<String, u64>| {
                for (word, n) in counts {
                    *total.entry(word).or_default() += n;
                }
            })
            .run()?;

        // 2. The rank that has added up sends the total to the root, as the others send nothing.
        let Some(totals) = world.gather_values(0, &total)? else { return Ok(()) };
        let mut words: Vec<(String, u64)> = totals.into_iter().flatten().collect();
        words.sort_by(|(a, n), (b, m)| m.cmp(n).then_with(|| a.cmp(b)));

        // 3. The root prints.
        for (word, n) in words.iter().take(args.top) {
            println!("{n:>8} {word}");
        }
        if args.report {
            eprintln!("{report}");
        }
        Ok(())
    })
}

/// The files that are given, and those in folders, in the order of their names.
fn files(inputs: &[PathBuf]) -> std::io::Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for input in inputs {
        if input.is_dir() {
            let mut inside = std::fs::read_dir(input)?
                .map(|entry| Ok(entry?.path()))
                .collect::<std::io::Result<Vec<_>>>()?;
            inside.sort();
            all.extend(files(&inside)?);
        } else {
            all.push(input.clone());
        }
    }
    Ok(all)
}

/// How often each word is in a file: letters and apostrophes, in lower case.
fn count(file: &Path) -> Result<HashMap<String, u64>, String> {
    let text = std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let mut counts = HashMap::new();
    for word in String::from_utf8_lossy(&text).split(|c: char| !c.is_alphanumeric() && c != '\'') {
        if !word.is_empty() {
            *counts.entry(word.to_lowercase()).or_default() += 1;
        }
    }
    Ok(counts)
}
