//! Ranks on a grid of any number of axes, each open or closed to a ring, in row-major order: the last axis runs fastest.

use super::message::shifted_from;
use super::{Call, Comm, Element};
use crate::error::Result;
use crate::sys::point_to_point::{self, SHIFTED};
use crate::sys::{Channel, Failure, Sent};

/// The lengths of `axes` axes of a grid of `size` ranks, as close to each other as can be, the longer ones first: what
/// `MPI_Dims_create` is for, by trying all factorisations.
///
/// ```
/// use rankwise::comm::dims_for;
///
/// assert_eq!(dims_for(12, 2), [4, 3]);
/// assert_eq!(dims_for(24, 3), [4, 3, 2]);
/// assert_eq!(dims_for(7, 2), [7, 1]);
/// ```
///
/// # Panics
/// If `size` or `axes` is 0.
pub fn dims_for(size: usize, axes: usize) -> Vec<usize> {
    assert!(size > 0 && axes > 0, "a grid has at least one rank and one axis");
    /// The best with no axis longer than `longest`: that whose longest axis is shortest, and so on.
    fn best(size: usize, axes: usize, longest: usize) -> Option<Vec<usize>> {
        if axes == 1 {
            return (size <= longest).then(|| vec![size]);
        }
        // From the shortest possible first axis on; it divides the size.
        (1..=longest.min(size))
            .filter(|first| {
                size.is_multiple_of(*first) && first.checked_pow(axes as u32).is_none_or(|most| most >= size)
            })
            .find_map(|first| {
                let mut rest = best(size / first, axes - 1, first)?;
                rest.insert(0, first);
                Some(rest)
            })
    }
    best(size, axes, size).expect("size × 1 × 1 … is one")
}

/// Ranks on a grid: see [`Comm::grid`].
#[derive(Debug)]
pub struct Grid {
    comm: Comm,
    dims: Vec<usize>,
    periodic: Vec<bool>,
}

impl Comm {
    /// These ranks on a grid with axes of the lengths `dims`, of which some are `periodic`, that is, closed to a ring. Rank
    /// numbers stay, in row-major order.
    ///
    /// # Collective
    /// All ranks must call this, with the same arguments.
    ///
    /// # Errors
    /// On all ranks, when the lengths do not multiply to the number of ranks, or there is not one `periodic` for each.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// use rankwise::comm::dims_for;
    ///
    /// let grid = world.grid(&dims_for(world.size(), 2), &[true, false])?;
    /// assert_eq!(grid.rank_at(&[0, 0]), Some(0));
    /// assert_eq!(grid.neighbour(1, -1).is_none(), grid.coordinates()[1] == 0); // no rank beyond an open edge
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn grid(&self, dims: &[usize], periodic: &[bool]) -> Result<Grid> {
        self.perform(Call::collective("grid"), |comm| {
            let size = dims.iter().try_fold(1usize, |size, &dim| size.checked_mul(dim));
            if size != Some(comm.size) || dims.is_empty() {
                return Err(Failure::Argument(format!(
                    "a grid of {dims:?} for {} ranks: dims_for({0}, {}) fits",
                    comm.size,
                    dims.len().max(1)
                )));
            }
            if periodic.len() != dims.len() {
                let (flags, axes) = (periodic.len(), dims.len());
                return Err(Failure::Argument(format!("{flags} flags `periodic` for {axes} axes")));
            }
            let name = dims.iter().map(usize::to_string).collect::<Vec<_>>().join("x");
            let all = comm.split(Some(0), 0)?.ok_or_else(|| Failure::Argument("no grid".into()))?;
            let comm = self.part(all, &format!("grid {name}"))?;
            Ok(Grid { comm, dims: dims.to_vec(), periodic: periodic.to_vec() })
        })
    }
}

impl Grid {
    /// All ranks of the grid, for everything that is not about axes.
    pub fn comm(&self) -> &Comm {
        &self.comm
    }

    /// The lengths of the axes, in ranks.
    pub fn dims(&self) -> &[usize] {
        &self.dims
    }

    /// Which axes are closed to a ring.
    pub fn periodic(&self) -> &[bool] {
        &self.periodic
    }

    /// This rank's place.
    pub fn coordinates(&self) -> Vec<usize> {
        self.coordinates_of(self.comm.rank())
    }

    /// The place of `rank`.
    ///
    /// # Panics
    /// If there is no such rank.
    pub fn coordinates_of(&self, rank: usize) -> Vec<usize> {
        assert!(rank < self.comm.size(), "rank {rank} of a grid of {:?}", self.dims);
        let mut rest = rank;
        let mut place: Vec<usize> = self
            .dims
            .iter()
            .rev()
            .map(|dim| {
                let along = rest % dim;
                rest /= dim;
                along
            })
            .collect();
        place.reverse();
        place
    }

    /// The rank at a place, which may be beyond an edge: there is one if the axis is periodic.
    ///
    /// # Panics
    /// If `place` has not as many coordinates as the grid has axes.
    pub fn rank_at(&self, place: &[isize]) -> Option<usize> {
        assert_eq!(place.len(), self.dims.len(), "a place in a grid of {:?}", self.dims);
        let mut rank = 0;
        for ((&along, &dim), &periodic) in place.iter().zip(&self.dims).zip(&self.periodic) {
            let inside = (along as i128).rem_euclid(dim as i128) as usize;
            if !periodic && inside as i128 != along as i128 {
                return None;
            }
            rank = rank * dim + inside;
        }
        Some(rank)
    }

    /// The rank `by` further along `axis`; `None` beyond an open edge.
    ///
    /// # Panics
    /// If there is no such axis.
    pub fn neighbour(&self, axis: usize, by: isize) -> Option<usize> {
        let mut place: Vec<isize> = self.coordinates().into_iter().map(|along| along as isize).collect();
        // On a ring, rounds do not matter: without them nothing overflows.
        let by = if self.periodic[axis] { by % self.dims[axis] as isize } else { by };
        place[axis] = place[axis].saturating_add(by);
        self.rank_at(&place)
    }

    /// The ranks next to this one, before and after it along each axis; `None` beyond an open edge.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let ring = world.grid(&[world.size()], &[true])?;
    /// let [[before, after]] = ring.neighbours()[..] else { panic!("one axis") };
    /// assert_eq!(after, Some((world.rank() + 1) % world.size()));
    /// # assert!(before.is_some());
    /// # Ok(()) }) }
    /// ```
    pub fn neighbours(&self) -> Vec<[Option<usize>; 2]> {
        (0..self.dims.len()).map(|axis| [-1, 1].map(|by| self.neighbour(axis, by))).collect()
    }

    /// Sends `data` to the rank `by` further along `axis`, and gives what the rank as far before has sent; `None` where there
    /// is none.
    ///
    /// # Collective
    /// All ranks of the grid must call this, with the same `axis` and `by`.
    ///
    /// # Errors
    /// On all ranks, when there is no such axis.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// let row = world.grid(&[world.size()], &[false])?;
    /// let left = row.shift(0, 1, &[world.rank()])?;
    /// assert_eq!(left, world.rank().checked_sub(1).map(|left| vec![left]));
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn shift<T: Element<K>, K>(&self, axis: usize, by: isize, data: &[T]) -> Result<Option<Vec<T>>> {
        let mut call = Call::new("shift");
        if axis >= self.dims.len() {
            return Err(call.error(Failure::Argument(format!("axis {axis} of a grid of {:?}", self.dims))));
        }
        let back = if self.periodic[axis] { -(by % self.dims[axis] as isize) } else { by.saturating_neg() };
        let (to, from) = (self.neighbour(axis, by), self.neighbour(axis, back));
        if let Some(to) = to {
            call = call.to(to, SHIFTED);
        }
        if let Some(from) = from {
            call = call.from(shifted_from(from));
        }
        self.comm.perform(call, |comm| {
            let data = Sent::new(data)?;
            match (to, from) {
                (Some(to), Some(from)) => {
                    let (to, from) = ((to, SHIFTED), shifted_from(from));
                    point_to_point::send_receive_new(comm, Channel::Ours, to, data, from).map(Some)
                }
                (Some(to), None) => {
                    point_to_point::send(comm, Channel::Ours, to, SHIFTED, data)?;
                    Ok(None)
                }
                (None, Some(from)) => {
                    point_to_point::find(comm, Channel::Ours, shifted_from(from))?.receive().map(Some)
                }
                (None, None) => Ok(None),
            }
        })
    }

    /// The ranks of this rank's line along `axis`, in the order of the axis: `world/grid 2x3/axis 1`.
    ///
    /// # Collective
    /// All ranks of the grid must call this, with the same `axis`.
    ///
    /// # Errors
    /// On all ranks, when there is no such axis.
    ///
    /// ```
    /// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
    /// use rankwise::comm::dims_for;
    ///
    /// let grid = world.grid(&dims_for(world.size(), 2), &[false, false])?;
    /// let row = grid.line(1)?;
    /// assert_eq!((row.rank(), row.size()), (grid.coordinates()[1], grid.dims()[1]));
    /// # Ok(()) }) }
    /// ```
    #[track_caller]
    pub fn line(&self, axis: usize) -> Result<Comm> {
        let call = Call::collective("line");
        if axis >= self.dims.len() {
            return Err(call.error(Failure::Argument(format!("axis {axis} of a grid of {:?}", self.dims))));
        }
        let mut place: Vec<isize> = self.coordinates().into_iter().map(|along| along as isize).collect();
        let along = place[axis];
        place[axis] = 0;
        let first = self.rank_at(&place);
        self.comm.perform(call, |comm| {
            let line = comm.split(first, along as i64)?.ok_or_else(|| Failure::Argument("no line".into()))?;
            self.comm.part(line, &format!("axis {axis}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::dims_for;

    #[test]
    fn dims_multiply_to_the_size_and_are_as_equal_as_can_be() {
        for size in 1..200 {
            for axes in 1..5 {
                let dims = dims_for(size, axes);
                assert_eq!(dims.len(), axes);
                assert_eq!(dims.iter().product::<usize>(), size, "{size} in {axes}");
                assert!(dims.is_sorted_by(|a, b| a >= b), "{dims:?}");
            }
            // No other pair is closer.
            let [long, short] = dims_for(size, 2)[..] else { unreachable!() };
            for a in 1..=size {
                let b = size / a;
                assert!(
                    a * b != size || a.abs_diff(b) >= long - short,
                    "{size}: {a} x {b}, not {long} x {short}"
                );
            }
        }
        assert_eq!(dims_for(1 << 20, 3), [128, 128, 64]);
        assert_eq!(dims_for(999_983, 3), [999_983, 1, 1]);
    }
}
