//! What one rank has done of a farm, and how the parts of all ranks become one result.

use super::Job;
use super::carry::Carry;
use crate::error::{Error, Result, TaskError, TaskErrors};
use crate::sys::Failure;

/// What one rank has: results, with the numbers that they belong to, and errors.
#[derive(Debug)]
pub(super) struct Local<R> {
    pub(super) results: Vec<R>,
    /// First number and length of what is in `results` one after the other.
    pub(super) runs: Vec<[u64; 2]>,
    pub(super) errors: Vec<TaskError>,
    /// How many items there are in all, as far as this rank knows.
    pub(super) total: usize,
    pub(super) cancelled: bool,
}

impl<R> Local<R> {
    pub(super) fn new() -> Self {
        Local { results: Vec::new(), runs: Vec::new(), errors: Vec::new(), total: 0, cancelled: false }
    }

    /// Keeps the result of a task.
    #[inline]
    pub(super) fn push(&mut self, index: usize, result: R) {
        self.results.push(result);
        match self.runs.last_mut() {
            Some([start, count]) if *start + *count == index as u64 => *count += 1,
            _ => self.runs.push([index as u64, 1]),
        }
    }

    /// The results with their numbers, in the order in which they came.
    pub(super) fn numbered(self) -> Vec<(usize, R)> {
        let numbers = self.runs.iter().flat_map(|&[start, count]| start as usize..(start + count) as usize);
        numbers.zip(self.results).collect()
    }
}

/// What all ranks have done together.
pub(super) struct Whole<R> {
    /// Where they are wanted: those of the tasks that succeeded, in the order of their numbers.
    pub(super) results: Option<Vec<R>>,
    /// The numbers of those, as stretches.
    pub(super) runs: Vec<[u64; 2]>,
    /// On all ranks.
    pub(super) errors: TaskErrors,
    pub(super) total: usize,
}

/// What all ranks know of a rank's part.
fn all_parts<R>(job: &Job, local: &Local<R>, packed: usize) -> Result<Vec<[usize; 6]>> {
    let Local { results: _, runs, errors, total, cancelled } = local;
    let done = runs.iter().map(|&[_, count]| count as usize).sum();
    job.comm.all_gather_one([runs.len(), done, errors.len(), *total, usize::from(*cancelled), packed])
}

/// The errors of all ranks, on all ranks; and whether the farm goes on with what it has.
fn settle<R>(job: &Job, parts: &[[usize; 6]], local: &mut Local<R>) -> Result<TaskErrors> {
    let mut errors = Vec::new();
    if parts.iter().any(|part| part[2] > 0) {
        errors = job.comm.all_gather_values(&std::mem::take(&mut local.errors))?.concat();
    }
    let failed = !errors.is_empty();
    let errors = TaskErrors::new(errors, job.comm.is_root());
    let (operation, at) = (job.call.operation, job.call.at);
    if failed && !job.runner.policy.go_on {
        return Err(Error::Tasks { operation, at, errors });
    }
    if parts.iter().any(|part| part[4] > 0) && !job.runner.policy.go_on {
        let done = parts.iter().map(|part| part[1]).sum();
        return Err(Error::Cancelled { operation, at, done });
    }
    Ok(errors)
}

/// The results of this rank as they travel. One that cannot is an error of its task, before others wait for it.
fn packed<R, C: Carry<R>>(job: &Job, local: &mut Local<R>) -> Result<C::Packed> {
    let (results, blamed) = match C::pack(std::mem::take(&mut local.results)) {
        Ok(packed) => return Ok(packed),
        Err(stuck) => stuck,
    };
    let runs = std::mem::take(&mut local.runs);
    let mut blamed = blamed.into_iter().peekable();
    let all = Local { results, runs, errors: Vec::new(), total: 0, cancelled: false };
    for (place, (number, result)) in all.numbered().into_iter().enumerate() {
        match blamed.next_if(|(at, _)| *at == place) {
            Some((_, problem)) => local.errors.push(job.runner.error(number, 0, problem, None)),
            None => local.push(number, result),
        }
    }
    C::pack(std::mem::take(&mut local.results))
        .map_err(|_| job.call.error(Failure::Argument("results cannot be encoded together".into())))
}

/// Whether all went well, and nothing else.
pub(super) fn finish_without_results<R>(job: &Job, mut local: Local<R>) -> Result<(Local<R>, TaskErrors)> {
    let parts = all_parts(job, &local, 0)?;
    let errors = settle(job, &parts, &mut local)?;
    Ok((local, errors))
}

/// The results of all ranks, on the root or on all.
pub(super) fn finish<R, C: Carry<R>>(job: &Job, mut local: Local<R>) -> Result<Whole<R>> {
    let (comm, to_all) = (job.comm, job.to_all);
    // What the root has stays where it is.
    let stays = comm.size() == 1 || comm.is_root() && !to_all;
    let first = if stays { std::mem::take(&mut local.results) } else { Vec::new() };
    let packed = packed::<R, C>(job, &mut local)?;
    let parts = all_parts(job, &local, C::len(&packed))?;
    let errors = settle(job, &parts, &mut local)?;
    let total = parts.iter().map(|part| part[3]).max().unwrap_or(0);
    let run_counts: Vec<usize> = parts.iter().map(|part| part[0]).collect();
    let blocks = crate::Partition::from_counts(&run_counts);
    let runs = if comm.size() == 1 {
        Some(std::mem::take(&mut local.runs))
    } else if to_all {
        Some(comm.all_gather_by(&blocks, &local.runs)?)
    } else {
        comm.gather_by(&blocks, 0, &local.runs)?
    };
    let lengths: Vec<usize> = parts.iter().map(|part| part[5]).collect();
    let others = C::gather(comm, &lengths, packed, to_all)?;
    let Some((runs, others)) = runs.zip(others) else {
        return Ok(Whole { results: None, runs: Vec::new(), errors, total });
    };
    let mut place = 0;
    let mut order: Vec<(u64, usize, usize)> = Vec::with_capacity(runs.len());
    for &[start, count] in &runs {
        order.push((start, place, count as usize));
        place += count as usize;
    }
    let results = if order.is_sorted() && first.is_empty() {
        others
    } else if order.is_sorted() {
        let mut all = first;
        all.extend(others);
        all
    } else {
        order.sort_unstable();
        let order: Vec<(usize, usize)> = order.iter().map(|&(_, from, count)| (from, count)).collect();
        C::in_order(first, others, &order)
    };
    let mut runs = runs;
    runs.sort_unstable();
    Ok(Whole { results: Some(results), runs, errors, total })
}
