//! A pipeline that fails, or goes on until somebody ends it, as its argument says; for the tests.

use rankwise::prelude::*;
use rankwise::skeleton::Ranks;

#[derive(clap::Parser)]
#[command(name = "flow")]
struct Args {
    how: String,
    /// By which the tests find these processes.
    marker: Option<String>,
}

fn main() -> ExitCode {
    rankwise::run_with::<Args>(|world, Args { how, marker: _ }| {
        let until = if how == "endless" { u64::MAX } else { 3 };
        let fails = |n: u64| if how != "endless" && n == 1 { Err("as asked") } else { Ok(n) };
        let pipeline = world.pipeline().stage("read", 1, || 0..until).try_stage("work", Ranks::Rest, fails);
        let pipeline = pipeline.stage("write", 1, drop::<u64>);
        if how == "collected" {
            let _ = pipeline.collect_errors().run()?;
        } else {
            // Nobody looks at it.
            let _ = pipeline.run();
        }
        Ok(())
    })
}
