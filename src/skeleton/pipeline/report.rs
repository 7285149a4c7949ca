//! What a pipeline has done, stage by stage.

use std::fmt;

use crate::error::TaskErrors;

/// What a pipeline has done: the same on all ranks. Shown, it is a table.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PipelineReport {
    /// From the source to the last stage.
    pub stages: Vec<StageReport>,
    /// From start to end.
    pub seconds: f64,
    /// With [`collect_errors`](super::Staged::collect_errors): what has failed. Somebody on the root has to look at it.
    pub errors: TaskErrors,
    /// Whether it was [cancelled](super::Staged::cancel_when), so that not all items were drawn, or came through.
    pub cancelled: bool,
}

/// What a stage of a pipeline has done.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct StageReport {
    /// Its name.
    pub name: String,
    /// The ranks that had it.
    pub ranks: Vec<usize>,
    /// Items that came out of it.
    pub items: u64,
    /// Seconds of work in it, of all its ranks together.
    pub busy: f64,
    /// Seconds in which its ranks had nothing to do, in no stage, of all of them together.
    pub waiting: f64,
}

impl fmt::Display for PipelineReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let items = |stage: &StageReport| stage.items as f64 / self.seconds.max(1e-9);
        let width = self.stages.iter().map(|stage| stage.name.chars().count()).max().unwrap_or(0).max(5);
        write!(f, "{:width$}  ranks       items     items/s   busy  waiting", "stage")?;
        for stage in &self.stages {
            let whole = stage.ranks.len() as f64 * self.seconds.max(1e-9);
            write!(
                f,
                "\n{:width$}  {:>5}  {:>10}  {:>10.0}  {:>4.0}%  {:>6.0}%",
                stage.name,
                stage.ranks.len(),
                stage.items,
                items(stage),
                100.0 * stage.busy / whole,
                100.0 * stage.waiting / whole,
            )?;
        }
        write!(f, "\n{:.3} s", self.seconds)
    }
}
