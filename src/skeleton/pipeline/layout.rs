//! Which ranks have which stage.

/// How many ranks a stage of a pipeline gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ranks {
    /// So many; no more than there are.
    Number(usize),
    /// All that the other stages leave, at least one.
    Rest,
}

impl From<usize> for Ranks {
    fn from(number: usize) -> Self {
        Ranks::Number(number)
    }
}

/// What a stage asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Of(Ranks),
    /// The root, which is not counted for it.
    Root,
}

/// The ranks of each stage: one group after the other, and round again where there are fewer ranks than were asked for. A
/// rank is in a group once.
pub(super) fn lay_out(asked: &[Asked], size: usize) -> Vec<Vec<usize>> {
    let number = |asked: &Asked| match asked {
        Asked::Of(Ranks::Number(number)) => *number,
        _ => 0,
    };
    let rests = asked.iter().filter(|asked| **asked == Asked::Of(Ranks::Rest)).count();
    let left = size.saturating_sub(asked.iter().map(number).fold(0, usize::saturating_add));
    let (mut next, mut nth) = (0, 0);
    let group = |asked: &Asked| {
        let number = match asked {
            Asked::Root => return vec![0],
            Asked::Of(Ranks::Number(number)) => (*number).min(size),
            Asked::Of(Ranks::Rest) => {
                nth += 1;
                (left / rests + usize::from(nth <= left % rests)).max(1)
            }
        };
        let ranks = (next..next + number).map(|rank| rank % size).collect();
        next += number;
        ranks
    };
    asked.iter().map(group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_share_ranks_only_where_there_are_too_few() {
        let asked = [Asked::Of(Ranks::Number(1)), Asked::Of(Ranks::Rest), Asked::Of(Ranks::Number(1))];
        assert_eq!(lay_out(&asked, 1), [[0], [0], [0]]);
        assert_eq!(lay_out(&asked, 2), [[0], [1], [0]]);
        assert_eq!(lay_out(&asked, 3), [[0], [1], [2]]);
        assert_eq!(lay_out(&asked, 5), [vec![0], vec![1, 2, 3], vec![4]]);
        let two = [Asked::Of(Ranks::Number(1)), Asked::Of(Ranks::Rest), Asked::Of(Ranks::Rest), Asked::Root];
        assert_eq!(lay_out(&two, 6), [vec![0], vec![1, 2, 3], vec![4, 5], vec![0]]);
        let many = [Asked::Of(Ranks::Number(1)), Asked::Of(Ranks::Number(usize::MAX))];
        assert_eq!(lay_out(&many, 3), [vec![0], vec![1, 2, 0]]);
    }
}
