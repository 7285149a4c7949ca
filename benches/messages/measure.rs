//! The ranks' part: every variant of a call in turn, in one process, on the same memory, and how long the slowest rank took.

use std::path::Path;
use std::time::Instant;

use mpi::traits::CommunicatorCollectives;
use rankwise::prelude::*;

use crate::c::C;
use crate::operation::{Operation, value};
use crate::record::{Record, Variant};
use crate::{Outcome, Plan, allocations, machine, ours, raw};

/// The variants that are measured here; mpi4py's are by messages.py.
const HERE: [Variant; 5] = [Variant::C, Variant::CNew, Variant::Raw, Variant::Into, Variant::Returning];

const PAGE: usize = 4096;

/// One call again and again.
pub(crate) fn repeat(times: usize, mut call: impl FnMut(usize) -> Outcome) -> Outcome {
    for i in 0..times {
        call(i)?;
    }
    Ok(())
}

/// What a rank gives and where it receives, for blocks of `count` elements. All variants use the same memory, or the places
/// of their pages would be compared.
pub(crate) struct Buffers {
    pub(crate) count: usize,
    given: Aligned,
    received: Aligned,
}

impl Buffers {
    fn new(operation: Operation, count: usize, world: &Comm) -> Self {
        let mut given = Aligned::new(operation.given(count, world.size()));
        for (i, element) in given.slice().iter_mut().enumerate() {
            *element = value(world.rank(), i);
        }
        Buffers { count, given, received: Aligned::new(operation.received(count, world.size())) }
    }

    pub(crate) fn parts(&mut self) -> (&[f64], &mut [f64]) {
        (self.given.slice(), self.received.slice())
    }

    /// Before a call that is to be checked; it touches every page, too.
    fn reset(&mut self, operation: Operation, rank: usize) {
        let (given, received) = self.parts();
        if operation == Operation::Broadcast && rank == 0 {
            received.copy_from_slice(given);
        } else {
            received.fill(f64::NAN);
        }
    }
}

/// Memory that begins with a page.
struct Aligned {
    memory: Vec<f64>,
    start: usize,
    len: usize,
}

impl Aligned {
    fn new(len: usize) -> Self {
        let memory = vec![0.0; len + PAGE / size_of::<f64>()];
        let start = memory.as_ptr().align_offset(PAGE);
        Aligned { memory, start, len }
    }

    fn slice(&mut self) -> &mut [f64] {
        &mut self.memory[self.start..self.start + self.len]
    }
}

/// Everything that is asked for, written to `path` by the root.
pub(crate) fn all(world: &Comm, plan: &Plan, library: &Path, path: &Path) -> Outcome {
    let bench = Bench { world, plan, c: C::load(library)? };
    let mut record = Record::default();
    for &operation in &plan.operations {
        bench.count_allocations(operation, &mut record)?;
        for &bytes in &plan.bytes {
            bench.measure(operation, bytes, &mut record)?;
        }
    }
    world.on_root(|| Ok(std::fs::write(path, record.to_text())?))?;
    Ok(())
}

struct Bench<'a> {
    world: &'a Comm,
    plan: &'a Plan,
    c: C,
}

impl Bench<'_> {
    fn run(
        &self,
        variant: Variant,
        operation: Operation,
        buffers: &mut Buffers,
        times: usize,
        keep: bool,
    ) -> Outcome {
        match variant {
            Variant::C => self.c.run(operation, buffers, times, false, keep),
            Variant::CNew => self.c.run(operation, buffers, times, true, keep),
            Variant::Raw => raw::into(self.world.as_mpi(), operation, buffers, times),
            Variant::Into => ours::into(self.world, operation, buffers, times),
            Variant::Returning => ours::returning(self.world, operation, buffers, times, keep),
            Variant::Upper | Variant::Lower => unreachable!("measured by messages.py"),
        }
    }

    /// One case: all variants, interleaved.
    fn measure(&self, operation: Operation, bytes: usize, record: &mut Record) -> Outcome {
        let mut buffers = Buffers::new(operation, bytes / size_of::<f64>(), self.world);
        let variants = self.that_work(operation, &mut buffers)?;
        let times = self.calls_per_sample(operation, &mut buffers)?;
        let mut order: Vec<usize> = (0..variants.len()).collect();
        let mut random = Random(1 + bytes as u64);
        let mut seconds = vec![Vec::with_capacity(self.plan.samples); variants.len()];
        let mut disturbed = vec![0u64; self.plan.samples * variants.len()];
        let mut taken = disturbed.iter_mut();
        for _ in 0..self.plan.samples {
            // Each is as often after each other one, so that what a variant leaves in the caches favours nobody.
            random.shuffle(&mut order);
            for &v in &order {
                let switches = machine::switches();
                self.run(variants[v], operation, &mut buffers, 1, false)?;
                self.world.as_mpi().barrier();
                let start = Instant::now();
                self.run(variants[v], operation, &mut buffers, times, false)?;
                seconds[v].push(start.elapsed().as_secs_f64());
                *taken.next().expect("one for each") = u64::from(machine::switches() > switches);
            }
        }
        record.samples += disturbed.len();
        record.disturbed += self.world.all_reduce(&disturbed, Max)?.into_iter().sum::<u64>() as usize;
        for (variant, mine) in variants.into_iter().zip(seconds) {
            let slowest = self.world.all_reduce(&mine, Max)?;
            let calls = (times * operation.messages()) as f64;
            let micros = slowest.into_iter().map(|seconds| seconds * 1e6 / calls).collect();
            record.add(operation, bytes, variant, micros);
        }
        Ok(())
    }

    /// Calls each variant once and looks at what it received: what is wrong is not worth a time.
    fn that_work(&self, operation: Operation, buffers: &mut Buffers) -> Outcome<Vec<Variant>> {
        let (rank, ranks, count) = (self.world.rank(), self.world.size(), buffers.count);
        let mut variants = Vec::new();
        for variant in HERE {
            buffers.reset(operation, rank);
            self.run(variant, operation, buffers, 1, true)?;
            let wrong = buffers.parts().1.iter().enumerate().find(|&(i, &element)| {
                operation.expected(rank, ranks, count, i).is_some_and(|expected| element != expected)
            });
            let checked = wrong.map_or(Ok(()), |(i, element)| {
                Err(format!(
                    "{} by {variant:?}, {count} elements: element {i} is {element}",
                    operation.name()
                ))
            });
            self.world.agree(checked)?;
            variants.push(variant);
        }
        // The broadcast's buffer is to be the same everywhere, whoever is the root.
        buffers.reset(operation, 0);
        Ok(variants)
    }

    /// So many that a sample is much longer than reading the clock and leaving the barrier; the same for all variants.
    fn calls_per_sample(&self, operation: Operation, buffers: &mut Buffers) -> Outcome<usize> {
        const TRIAL: usize = 4;
        let mut best = f64::INFINITY;
        // Some of them, or one that was disturbed would decide for all.
        for _ in 0..5 {
            let start = Instant::now();
            self.run(Variant::C, operation, buffers, TRIAL, false)?;
            let seconds = start.elapsed().as_secs_f64() / TRIAL as f64;
            best = best.min(self.world.all_reduce_one(seconds, Max)?);
            if best * 1e6 > self.plan.sample_micros {
                break;
            }
        }
        Ok((self.plan.sample_micros / (best * 1e6)).ceil().clamp(1.0, 10_000.0) as usize)
    }

    /// Allocations in 100 calls, of the rank that has most.
    fn count_allocations(&self, operation: Operation, record: &mut Record) -> Outcome {
        const CALLS: usize = 100;
        let mut buffers = Buffers::new(operation, 512, self.world);
        buffers.reset(operation, 0);
        for variant in [Variant::Raw, Variant::Into, Variant::Returning] {
            // What is made once, at the first call, does not count.
            self.run(variant, operation, &mut buffers, 1, false)?;
            let before = allocations::count();
            // One by one: the root stays, and its allocations are not shared out among all ranks.
            for _ in 0..CALLS {
                self.run(variant, operation, &mut buffers, 1, false)?;
            }
            let most = self.world.all_reduce_one(allocations::count() - before, Max)?;
            record.allocations.push((operation, variant, most as f64 / CALLS as f64));
        }
        Ok(())
    }
}

/// Marsaglia's xorshift: the same numbers on every rank.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }

    fn shuffle(&mut self, order: &mut [usize]) {
        for last in (1..order.len()).rev() {
            order.swap(last, self.below(last + 1));
        }
    }
}
