//! What took long in a graph: work, and the chain of tasks that no number of ranks is faster than.

/// What took long in a graph.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Times {
    /// Seconds of work in tasks, of all ranks together.
    pub busy: f64,
    /// That by what the ranks had: 1 when all of them worked all the time.
    pub efficiency: f64,
    /// Seconds of the chain of tasks that takes longest: no number of ranks is faster.
    pub critical: f64,
    /// The tasks of this chain, by number, from first to last.
    pub path: Vec<usize>,
}

/// The longest chain, from what each task took.
pub(super) fn times(took: &[(usize, f64)], inputs: &[Vec<usize>], had: f64) -> Times {
    let mut seconds = vec![0.0; inputs.len()];
    took.iter().for_each(|&(id, time)| seconds[id] = time);
    // Each after those that it needs.
    let (mut missing, mut users) = (Vec::new(), vec![Vec::new(); inputs.len()]);
    for (id, needs) in inputs.iter().enumerate() {
        missing.push(needs.len());
        needs.iter().for_each(|&input| users[input].push(id));
    }
    let mut order: Vec<usize> = (0..inputs.len()).filter(|&id| missing[id] == 0).collect();
    let (mut ends, mut before) = (vec![0.0f64; inputs.len()], vec![None; inputs.len()]);
    let mut next = 0;
    while let Some(&id) = order.get(next) {
        next += 1;
        before[id] = inputs[id].iter().copied().max_by(|&a, &b| ends[a].total_cmp(&ends[b]));
        ends[id] = seconds[id] + before[id].map_or(0.0, |last: usize| ends[last]);
        for &user in &users[id] {
            missing[user] -= 1;
            if missing[user] == 0 {
                order.push(user);
            }
        }
    }
    let last = (0..ends.len()).max_by(|&a, &b| ends[a].total_cmp(&ends[b]));
    let mut path: Vec<usize> = std::iter::successors(last, |&id| before[id]).collect();
    path.reverse();
    let busy = seconds.iter().sum();
    Times { busy, efficiency: busy / had.max(1e-9), critical: last.map_or(0.0, |last| ends[last]), path }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_critical_path_is_the_longest_chain() {
        let inputs = [vec![], vec![], vec![0, 1], vec![1], vec![2, 3]];
        let took = [(4, 1.0), (0, 1.0), (1, 2.0), (2, 0.5), (3, 1.0)];
        let found = times(&took, &inputs, 11.0);
        assert_eq!((found.critical, found.busy, found.efficiency), (4.0, 5.5, 0.5));
        assert_eq!(found.path, [1, 3, 4]);
        // A task may need those of a subgraph, which come behind it.
        let found = times(&[(0, 1.0), (2, 3.0), (3, 1.0)], &[vec![], vec![0, 3], vec![1], vec![0]], 5.0);
        assert_eq!((found.critical, &found.path[..]), (5.0, &[0, 3, 1, 2][..]));
    }
}
