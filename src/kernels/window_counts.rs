//! How many samples are in each of many cubes around a point, in one pass: the classic study of window widths.
//!
//! A sample is in the cube of width h around x where the greatest of its coordinates' distances is h / 2 at most. So one distance for
//! each pair says it for all widths: it is looked up among them, counted there, and the counts are added up at the end. Where it is,
//! its leading bits say but for a step or two. Counts are integers: exact, in any order.

use super::window_sums::TILE;

/// Leading bits of a number that are left out: 6 of its fraction stay, so that a power of two has 64 drawers.
const SHIFT: u32 = 46;

/// Widths of cubes, in order, and where to look for a distance among them.
#[derive(Debug, Clone)]
pub struct Widths {
    /// Half of each, ascending.
    halves: Vec<f64>,
    /// The place of each in the order given.
    given: Vec<usize>,
    /// The first drawer, and for each where its numbers begin among the halves.
    first: u64,
    drawers: Vec<u32>,
}

impl Widths {
    /// Widths in any order.
    ///
    /// # Panics
    /// If one is not a positive number, or there are none.
    pub fn new(widths: &[f64]) -> Self {
        assert!(
            !widths.is_empty() && widths.iter().all(|width| width.is_finite() && *width > 0.0),
            "widths are positive numbers"
        );
        let mut given: Vec<usize> = (0..widths.len()).collect();
        given.sort_by(|&a, &b| widths[a].total_cmp(&widths[b]));
        let halves: Vec<f64> = given.iter().map(|&w| 0.5 * widths[w]).collect();
        let drawer = |half: f64| half.to_bits() >> SHIFT;
        let (first, last) = (drawer(halves[0]), drawer(halves[halves.len() - 1]));
        // All halves in drawers before this one are below what is in it.
        let begin = |which| halves.partition_point(|&half| drawer(half) < which) as u32;
        let drawers = (first..=last).map(begin).collect();
        Widths { halves, given, first, drawers }
    }

    /// Number of widths.
    pub fn count(&self) -> usize {
        self.halves.len()
    }

    /// The number of halves that are less than the distance.
    #[inline(always)]
    fn below(&self, distance: f64) -> usize {
        let drawer = (distance.to_bits() >> SHIFT).saturating_sub(self.first) as usize;
        let Some(&begin) = self.drawers.get(drawer) else { return self.halves.len() };
        let mut place = begin as usize;
        while place < self.halves.len() && self.halves[place] < distance {
            place += 1;
        }
        place
    }

    /// Counts, for each point, the samples of a tile by the number of widths that are too narrow for them: adds to `steps[point]`, of
    /// which each has one number more than there are widths. `tile` and `points` hold all first coordinates, then all second ones.
    ///
    /// # Panics
    /// If the slices do not fit together.
    pub fn add_tile(&self, d: usize, tile: &[f64], points: &[f64], steps: &mut [u64]) {
        let (n, m, row) = (tile.len() / d, points.len() / d, self.count() + 1);
        assert!(n <= TILE && tile.len() == n * d && points.len() == m * d, "rows of {d} coordinates");
        assert_eq!(steps.len(), m * row, "a row of counts for each point");
        for (point, steps) in steps.chunks_exact_mut(row).enumerate() {
            let mut distances = [0.0f64; TILE];
            for axis in 0..d {
                let at = points[axis * m + point];
                for (distance, x) in distances.iter_mut().zip(&tile[axis * n..][..n]) {
                    let along = (at - x).abs();
                    *distance = if along > *distance { along } else { *distance };
                }
            }
            for distance in &distances[..n] {
                steps[self.below(*distance)] += 1;
            }
        }
    }

    /// From these counts the numbers of samples in each cube: all points for the first width given, then for the second, and so on.
    pub fn in_cubes(&self, steps: &[u64]) -> Vec<u64> {
        let row = self.count() + 1;
        let m = steps.len() / row;
        let mut counts = vec![0; m * self.count()];
        for (point, steps) in steps.chunks_exact(row).enumerate() {
            let mut inside = 0;
            for (step, w) in steps.iter().zip(&self.given) {
                inside += step;
                counts[w * m + point] = inside;
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cube_holds_its_edges() {
        let widths = Widths::new(&[2.0, 0.5, 2.0, 1e9]);
        let mut steps = vec![0; 2 * 5];
        // Distances from 0: 0, 0.25, 1, 1 + ε, 5; from 9: 9, 8.75, 8, 8 − ε, 4.
        widths.add_tile(1, &[0.0, 0.25, -1.0, 1.0 + f64::EPSILON, 5.0], &[0.0, 9.0], &mut steps);
        assert_eq!(widths.in_cubes(&steps), [3, 0, 2, 0, 3, 0, 5, 5]);
    }
}
