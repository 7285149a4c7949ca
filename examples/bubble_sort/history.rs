//! All keys after each phase, on the root: what is printed and drawn.

use rankwise::distributed::sort::{Step, Walk, bubble_by, odd_even_by};
use rankwise::kernels::sorting::Work;
use rankwise::prelude::*;

use crate::arguments::Algorithm;
use crate::number::Number;

/// A key with its place in the input, by which equal ones are told apart.
pub(crate) type Traced<T> = (T, u64);

/// All keys at one time.
pub(crate) struct Stage<T> {
    /// Those of rank 0, then those of rank 1, and so on.
    pub(crate) keys: Vec<Traced<T>>,
    /// For each rank, with whom it was paired in the phase before.
    pub(crate) partners: Vec<Option<usize>>,
}

/// A sort that was watched.
pub(crate) struct History<T> {
    /// This rank's share of the result.
    pub(crate) mine: Vec<T>,
    pub(crate) walk: Walk,
    pub(crate) algorithm: Algorithm,
    pub(crate) blocks: Partition,
    /// On the root: what was given, then what each rank has made of its own, then one for each phase.
    pub(crate) stages: Vec<Stage<T>>,
    /// On the root, what bubble sort has done on each rank.
    pub(crate) bubbled: Vec<Work>,
}

impl<T: Number> History<T> {
    /// Sorts, and keeps what happens. Collective.
    pub(crate) fn of(world: &Comm, algorithm: Algorithm, keys: Vec<T>) -> Result<Self> {
        let first = world.exclusive_scan(&[keys.len() as u64], Sum)?[0];
        let traced: Vec<Traced<T>> = keys.into_iter().zip(first..).collect();
        let given = world.gather(0, &traced)?.unwrap_or_default();
        let blocks = Partition::even(world.all_reduce_one(traced.len(), Sum)?, world.size());
        let mut stages = vec![Stage { keys: given, partners: vec![None; world.size()] }];
        let order = |a: &Traced<T>, b: &Traced<T>| a.0.order(&b.0);
        let watch = |step: Step<'_, Traced<T>>| {
            let keys = world.gather(0, step.block)?;
            // One more than the partner's rank, 0 for nobody.
            let partners = world.gather(0, &[step.partner.map_or(0, |rank| rank + 1)])?;
            if let (Some(keys), Some(partners)) = (keys, partners) {
                stages.push(Stage {
                    keys,
                    partners: partners.iter().map(|rank| rank.checked_sub(1)).collect(),
                });
            }
            Ok(())
        };
        let (mine, walk) = match algorithm {
            Algorithm::Bubble => bubble_by(world, traced, order, watch)?,
            _ => odd_even_by(world, traced, order, watch)?,
        };
        let Work { passes, comparisons, moves } = walk.bubbled;
        let bubbled = world.gather(0, &[(passes, comparisons, moves)])?.unwrap_or_default();
        let work = |(passes, comparisons, moves)| Work { passes, comparisons, moves };
        Ok(History {
            mine: mine.into_iter().map(|(key, _)| key).collect(),
            walk,
            algorithm,
            blocks,
            stages,
            bubbled: bubbled.into_iter().map(work).collect(),
        })
    }

    /// The rank that each key is on, by its place in the input.
    pub(crate) fn ranks(&self, stage: usize) -> Vec<usize> {
        let mut ranks = vec![0; self.blocks.len()];
        for (place, (_, index)) in self.stages[stage].keys.iter().enumerate() {
            ranks[*index as usize] = self.blocks.owner(place);
        }
        ranks
    }

    /// Pairs of neighbours that worked together before this stage.
    pub(crate) fn pairs(&self, stage: usize) -> impl Iterator<Item = (usize, usize)> + '_ {
        let partners = self.stages[stage].partners.iter().enumerate();
        partners.filter_map(|(left, partner)| Some((left, (*partner)?))).filter(|(left, right)| left < right)
    }
}
