//! The threads of a rank share its places: each has some that follow one another. A sum depends on its place alone, so that the bits are
//! those of one thread.

use std::borrow::Cow;
use std::ops::Range;

use super::Samples;
use super::direct::for_each_stretch;
use crate::comm::{Comm, Element};
use crate::error::Result;
use crate::kernels::window_sums::TILE;
use crate::partition::Partition;

/// Pairs for which it is worth to start a thread: about a millisecond.
const PAIRS: usize = 1 << 21;

/// Which of `places` each thread has.
pub(super) fn stretches(places: usize, threads: usize) -> Vec<Range<usize>> {
    let parts = threads.clamp(1, places.max(1));
    let blocks = Partition::even(places, parts);
    (0..parts).map(|part| blocks.range(part)).collect()
}

/// Does the work of each part in a thread of its own, the first one's in this thread.
pub(super) fn each<T: Send>(parts: &mut [T], work: impl Fn(&mut T) + Sync) {
    let Some((first, others)) = parts.split_first_mut() else { return };
    std::thread::scope(|scope| {
        let work = &work;
        others.iter_mut().for_each(|part| drop(scope.spawn(move || work(part))));
        work(first);
    });
}

/// Numbers of some places, column by column.
pub(super) fn of_stretch<T: Copy>(columns: &[T], places: usize, stretch: &Range<usize>) -> Vec<T> {
    columns.chunks_exact(places.max(1)).flat_map(|column| &column[stretch.clone()]).copied().collect()
}

/// The numbers of all parts, each window by window, as one window after the other.
pub(super) fn joined<T: Copy>(parts: &[&[T]], windows: usize) -> Vec<T> {
    let of_window = |w: usize| {
        parts.iter().flat_map(move |numbers| {
            let len = numbers.len() / windows;
            &numbers[w * len..][..len]
        })
    };
    (0..windows).flat_map(of_window).copied().collect()
}

/// The places of a thread, and what it finds out about them.
struct Part<P, S> {
    places: P,
    sums: Vec<S>,
}

/// Samples and their weights, as the sums take them.
pub(super) type Own<'a, N> = (Cow<'a, [N]>, Option<Cow<'a, [N]>>);

/// Those of a piece, as they are.
pub(super) fn as_they_are(piece: &Samples) -> Result<Own<'_, f64>> {
    let weights = piece.weights.as_ref().map(|weights| Cow::Borrowed(&weights.mine[..]));
    Ok((Cow::Borrowed(&piece.tiles), weights))
}

/// Shows all tiles in global order, with their weights, to each part of the places, whose sums (how many, and what they are at first) it
/// adds to. `own` gives what this rank has of a piece. Collective.
pub(super) fn sums<N: Element<K> + Default + Sync + 'static, K, P: Send + Sync, S: Copy + Send>(
    comm: &Comm,
    samples: &Samples,
    own: impl for<'a> Fn(&'a Samples) -> Result<Own<'a, N>>,
    parts: Vec<(P, usize, S)>,
    mut progress: impl FnMut(f64),
    add: impl Fn(&P, &[N], Option<&[N]>, &mut [S]) + Sync,
) -> Result<Vec<Vec<S>>> {
    let mut parts: Vec<Part<P, S>> =
        parts.into_iter().map(|(places, count, first)| Part { places, sums: vec![first; count] }).collect();
    // A thread has the sums of one part: so many tiles are worth to start it.
    let least = parts.iter().map(|part| part.sums.len()).min().unwrap_or(0);
    let together = if parts.len() > 1 { PAIRS.div_ceil(TILE * least.max(1)) } else { 1 };
    samples.each_piece(comm, |piece, before| {
        let (mine, weights) = own(piece)?;
        let (before, here, all) = (before as f64, piece.len() as f64, samples.len() as f64);
        let so_far = |part: f64| progress((before + part * here) / all);
        for_each_stretch(comm, piece, &mine, weights.as_deref(), together, so_far, |stretch| {
            each(&mut parts, |part| {
                for (tile, weights) in stretch.tiles() {
                    add(&part.places, tile, weights, &mut part.sums);
                }
            });
        })
    })?;
    Ok(parts.into_iter().map(|part| part.sums).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_has_one_thread() {
        for (places, threads) in [(0, 4), (1, 4), (15, 3), (100, 1), (100, 3), (1000, 7), (40, 64)] {
            let all = stretches(places, threads);
            assert!(!all.is_empty() && all.len() <= threads, "{places} {threads}: {all:?}");
            assert_eq!(all.iter().cloned().flatten().collect::<Vec<_>>(), (0..places).collect::<Vec<_>>());
        }
    }

    #[test]
    fn parts_come_together_window_by_window() {
        let columns: Vec<usize> = (0..300).collect();
        let all = stretches(100, 3);
        let parts: Vec<Vec<usize>> = all.iter().map(|stretch| of_stretch(&columns, 100, stretch)).collect();
        let parts: Vec<&[usize]> = parts.iter().map(Vec::as_slice).collect();
        assert_eq!(joined(&parts, 3), columns);
    }

    #[test]
    fn all_parts_are_worked_on() {
        let mut parts = [1, 2, 3, 4];
        each(&mut parts, |part| *part *= 10);
        assert_eq!(parts, [10, 20, 30, 40]);
        each(&mut [] as &mut [i32], |_| unreachable!());
    }
}
