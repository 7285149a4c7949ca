//! Lesson 16. Measuring: a part of the work that the ranks share, and a part that each does for itself.
//!
//! Run:    rankwise scaling -- target/openmpi/release/examples/16_scaling 20000000
//! Shows:  phases, their report, and the two laws of Amdahl and Gustafson
//! Next:   your own program: rankwise new

use clap::Parser;
use rankwise::prelude::*;
use rankwise::report::Phases;

/// Sums of two primes, with a table on every rank.
#[derive(Parser)]
struct Args {
    /// How far to look.
    limit: usize,
    /// Where the time went: text or json.
    #[arg(long)]
    report: Option<String>,
}

fn main() -> ExitCode {
    rankwise::run_with::<Args>(|world, Args { limit, report }| {
        let mut phases = Phases::new();

        // 1. A table of primes. Every rank makes all of it: more ranks do not make this faster.
        let is_prime = phases.time("table", || {
            let mut table = vec![true; limit + 1];
            for n in 2..=limit.isqrt() {
                if table[n] {
                    table[n * n..].iter_mut().step_by(n).for_each(|multiple| *multiple = false);
                }
            }
            table
        });

        // 2. The even numbers, shared out in blocks: two ranks need half the time.
        let evens = limit.saturating_sub(2) / 2;
        let mine = Partition::even(evens, world.size()).range(world.rank());
        let smallest = |even: usize| (2..=even / 2).find(|&p| is_prime[p] && is_prime[even - p]).unwrap_or(0);
        let sum: u64 = phases.time("search", || mine.map(|i| smallest(2 * i + 4) as u64).sum());

        // 3. Together. A rank that is early waits here for the last: that is a phase, too.
        let sum = phases.time("together", || world.all_reduce_one(sum, Sum))?;
        root_println!(world, "{:.4} is the mean smallest prime", sum as f64 / evens as f64);
        if let (Some(how), Some(measured)) = (report, phases.report(world)?) {
            println!("{}", if how == "json" { measured.json() } else { measured.text() });
        }
        Ok(())
    })
}
