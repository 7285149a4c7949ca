//! Laws of arrays spread over ranks: every operation gives what plain `ndarray` gives on the whole, bit for bit.

use ndarray::{Array, Array1, Array2, Array3, ArrayView2, Axis, Dimension, Ix1, Ix2, Ix3, RemoveAxis, s};
use rankwise::array::{Boundary, DistArray, Layout, Width};
use rankwise::error::Error;
use rankwise::file::{self, File};
use rankwise::prelude::*;
use rankwise::sum::{ExactSum, Moments, Real};
use rankwise::testing::on_ranks;

/// Nothing, one, fewer than ranks, not divisible.
const LENGTHS: [usize; 4] = [0, 1, 3, 16];
const SHAPES: [[usize; 2]; 6] = [[0, 3], [3, 0], [1, 1], [2, 9], [7, 5], [9, 1]];
const CUBES: [[usize; 3]; 4] = [[2, 3, 4], [0, 2, 2], [5, 1, 3], [1, 8, 2]];

/// Some of everything: rounding, both signs, both zeros, wild exponents.
fn value(i: usize) -> f64 {
    match i % 7 {
        0 => -0.0,
        1 => 0.1 * i as f64,
        2 => -1e17 / (i + 1) as f64,
        3 => 1e-30 * i as f64,
        4 => f64::from_bits(i as u64),
        5 => 0.0,
        _ => (i as f64).sqrt() * 1e17,
    }
}

fn whole<D: Dimension>(shape: impl ndarray::IntoDimension<Dim = D>) -> Array<f64, D> {
    let mut next = 0..;
    let shape = shape.into_dimension();
    Array::from_shape_simple_fn(shape, || value(next.next().unwrap()))
}

/// Even blocks, all on the last rank along the axis, and nothing on the second.
fn partitions(len: usize, parts: usize) -> Vec<Partition> {
    let mut all_on_last = vec![0; parts];
    all_on_last[parts - 1] = len;
    let mut gap: Vec<usize> = Partition::even(len, parts).counts().collect();
    if parts > 2 {
        gap[0] += gap[1];
        gap[1] = 0;
    }
    vec![Partition::even(len, parts), Partition::from_counts(&all_on_last), Partition::from_counts(&gap)]
}

fn lines(world: &Comm, len: usize) -> Result<Vec<Layout<'_, Ix1>>> {
    let rows = Layout::rows(world, len)?;
    partitions(len, world.size()).into_iter().map(|part| rows.clone().with_partition(0, part)).collect()
}

fn planes(world: &Comm, shape: [usize; 2]) -> Result<Vec<Layout<'_, Ix2>>> {
    let tiles = Layout::grid_auto(world, shape)?;
    let dims = tiles.grid_dims();
    let uneven = partitions(shape[1], dims[1]).pop().unwrap();
    Ok(vec![
        Layout::rows(world, shape)?,
        Layout::grid(world, shape, [1, world.size()])?,
        tiles.clone(),
        Layout::grid(world, shape, [dims[1], dims[0]])?,
        tiles.with_partition(1, uneven)?.with_partition(0, partitions(shape[0], dims[0]).swap_remove(1))?,
    ])
}

fn cubes(world: &Comm, shape: [usize; 3]) -> Result<Vec<Layout<'_, Ix3>>> {
    let dims = rankwise::comm::dims_for(world.size(), 3);
    Ok(vec![
        Layout::rows(world, shape)?,
        Layout::grid(world, shape, [dims[2], dims[0], dims[1]])?,
        Layout::grid(world, shape, [dims[1], dims[2], dims[0]])?,
    ])
}

/// The same shape and the same bits.
fn same<D: Dimension>(a: &Array<f64, D>, b: &Array<f64, D>) -> bool {
    a.shape() == b.shape() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
}

#[track_caller]
fn assert_same<D: Dimension>(found: &Array<f64, D>, expected: &Array<f64, D>, what: &str) {
    assert!(same(found, expected), "{what}: {found:?} instead of {expected:?}");
}

fn round_trip<D: Dimension>(layout: &Layout<'_, D>, root: usize) -> Result<()> {
    let (world, what) = (layout.comm(), format!("{layout:?}"));
    let mut dim = D::zeros(layout.shape().len());
    dim.as_array_view_mut().assign(&ndarray::ArrayView1::from(layout.shape()));
    let all = whole(dim);
    let spread = DistArray::from_root(layout, root, (world.rank() == root).then_some(&all))?;
    let gathered = spread.gather(root)?;
    assert_eq!(gathered.is_some(), world.rank() == root, "{what}");
    if let Some(gathered) = gathered {
        assert_same(&gathered, &all, &what);
    }
    assert_same(&spread.all_gather()?, &all, &what);
    let block = layout.block();
    let mine = all.slice_each_axis(|axis| block[axis.axis.index()].clone().into());
    assert_eq!(spread.local(), mine, "{what}");
    let function = DistArray::from_fn(layout, |index| all[ndarray::IntoDimension::into_dimension(index)])?;
    assert_same(&function.local().to_owned(), &mine.to_owned(), &what);
    // Every element has one owner, which finds it.
    for (index, &x) in all.indexed_iter() {
        let owner = layout.owner(index.clone()).unwrap();
        let found = spread.get(index).map(|x| x.to_bits());
        assert_eq!(found, (owner == world.rank()).then_some(x.to_bits()), "{what}");
    }
    Ok(())
}

#[test]
fn gather_undoes_from_root() {
    on_ranks([1, 2, 3, 4, 5], |world| {
        for (k, len) in LENGTHS.into_iter().enumerate() {
            for layout in lines(world, len)? {
                round_trip(&layout, k % world.size())?;
            }
        }
        for (k, shape) in SHAPES.into_iter().enumerate() {
            for layout in planes(world, shape)? {
                round_trip(&layout, k % world.size())?;
            }
        }
        for (k, shape) in CUBES.into_iter().enumerate() {
            for layout in cubes(world, shape)? {
                round_trip(&layout, k % world.size())?;
            }
        }
        // Any order in memory, any element.
        let turned = whole([5, 4]).reversed_axes();
        let spread = DistArray::from_root(&Layout::rows(world, [4, 5])?, 0, Some(&turned))?;
        assert_same(&spread.all_gather()?, &turned, "reversed axes");
        let flags = DistArray::from_fn(&Layout::grid_auto(world, [3, 3])?, |(i, j)| (i > j, [i, j]))?;
        assert_eq!(flags.all_gather()?[[2, 1]], (true, [2, 1]));
        assert_eq!(flags.get_everywhere([1, 2])?, (false, [1, 2]));
        Ok(())
    });
}

#[test]
fn parts_are_put_together_in_rank_order() {
    on_ranks([1, 3, 4], |world| {
        let rows = |rank: usize| (rank * 2) % 5;
        let mine = Array2::from_shape_fn((rows(world.rank()), 3), |(i, j)| (world.rank(), i, j));
        let all = DistArray::from_parts(world, mine)?;
        let expected: Vec<_> = (0..world.size())
            .flat_map(|rank| (0..rows(rank)).flat_map(move |i| (0..3).map(move |j| (rank, i, j))))
            .collect();
        assert!(all.all_gather()?.into_iter().eq(expected));
        // In another order in memory, which local_mut must keep.
        let mut turned = DistArray::from_parts(world, whole([3, 2]).reversed_axes())?;
        turned.local_mut()[[1, 2]] = 9.0;
        assert_eq!(turned.all_gather()?[[1, 2]], 9.0);
        let empty = DistArray::from_parts(world, Array1::<f64>::zeros(0))?;
        assert_eq!((empty.len(), empty.sum()?), (0, 0.0));
        let error = DistArray::from_parts(world, Array2::<u8>::zeros((1, 2 + world.rank() / 2)));
        assert_eq!(error.is_err(), world.size() > 2);
        if let Err(error) = error {
            assert!(error.to_string().contains("rank 2 has rows of shape [3], rank 0 of [2]"), "{error}");
        }
        Ok(())
    });
}

#[test]
fn there_and_back_is_the_same() {
    on_ranks([1, 2, 3, 4, 5], |world| {
        let few = world.size() == 5;
        for shape in SHAPES.into_iter().take(if few { 5 } else { 6 }) {
            let (all, layouts) = (whole(shape), planes(world, shape)?);
            for from in &layouts {
                let array = DistArray::from_root(from, 0, Some(&all))?;
                for to in &layouts {
                    let there = array.redistribute(to)?;
                    let block = to.block();
                    let expected = all.slice(s![block[0].clone(), block[1].clone()]);
                    assert_same(
                        &there.local().to_owned(),
                        &expected.to_owned(),
                        &format!("{from:?} to {to:?}"),
                    );
                    let back = there.redistribute(from)?;
                    assert_same(&back.local().to_owned(), &array.local().to_owned(), "back");
                }
                let transposed = array.transpose()?;
                assert_same(&transposed.all_gather()?, &all.t().to_owned(), &format!("{from:?} transposed"));
                let twice = transposed.transpose()?;
                assert_eq!(twice.layout(), from);
                assert_same(&twice.local().to_owned(), &array.local().to_owned(), "twice");
            }
        }
        for shape in CUBES {
            let (all, layouts) = (whole(shape), cubes(world, shape)?);
            for (from, to) in [(0, 1), (1, 2), (2, 0)] {
                let array = DistArray::from_root(&layouts[from], 0, Some(&all))?;
                assert_same(&array.redistribute(&layouts[to])?.all_gather()?, &all, "3 axes");
                assert_same(&array.transpose()?.all_gather()?, &all.t().to_owned(), "3 axes");
            }
        }
        for layout in lines(world, 16)? {
            let array = DistArray::from_fn(&layout, value)?;
            assert_same(&array.redistribute(&Layout::rows(world, 16)?)?.all_gather()?, &whole(16), "1 axis");
            assert_same(&array.transpose()?.all_gather()?, &whole(16), "1 axis");
        }
        Ok(())
    });
}

fn exact<'a>(terms: impl IntoIterator<Item = &'a f64>) -> f64 {
    terms.into_iter().copied().collect::<ExactSum>().value()
}

fn moments<T: Real>(numbers: &[T]) -> Moments {
    let mut moments = Moments::new();
    moments.add_slice(numbers);
    moments
}

/// All NaN alike.
fn bits(x: impl Into<f64>) -> u64 {
    let x = x.into();
    if x.is_nan() { u64::MAX } else { x.to_bits() }
}

fn narrow(x: f64) -> f32 {
    (x * 1e-3) as f32
}

/// A NaN where any is, as NumPy; else the first of the least.
fn least(terms: &[f64]) -> f64 {
    terms.iter().copied().find(|x| x.is_nan()).unwrap_or_else(|| {
        terms.iter().copied().reduce(|least, x| if x < least { x } else { least }).unwrap()
    })
}

fn greatest(terms: &[f64]) -> f64 {
    terms
        .iter()
        .copied()
        .find(|x| x.is_nan())
        .unwrap_or_else(|| terms.iter().copied().reduce(|most, x| if x > most { x } else { most }).unwrap())
}

fn totals<D: Dimension>(layout: &Layout<'_, D>, all: &Array<f64, D>) -> Result<()> {
    let (array, what) = (DistArray::from_root(layout, 0, Some(all))?, format!("{layout:?}"));
    let terms: Vec<f64> = all.iter().copied().collect();
    let (world, of_all) = (layout.comm(), moments(&terms));
    let expected = [exact(&terms), of_all.mean(), of_all.var(0), of_all.var(1)].map(bits);
    let found = [array.sum()?, array.mean()?, array.var(0)?, array.var(1)?];
    assert_eq!(found.map(bits), expected, "{what}");
    let local = array.local();
    let mine = local.as_slice().unwrap();
    let found = [world.sum(mine)?, world.mean(mine)?, world.var(mine, 0)?, world.var(mine, 1)?];
    assert_eq!(found.map(bits), expected, "as the communicator, {what}");
    let (terms, array32): (Vec<f32>, _) =
        (terms.iter().copied().map(narrow).collect(), array.map(|x| narrow(*x)));
    let (of_all, sum) = (moments(&terms), terms.iter().copied().map(f64::from).collect::<ExactSum>());
    let expected: [f32; 3] = [sum.value_f32(), of_all.mean(), of_all.var(1)];
    assert_eq!(
        [array32.sum()?, array32.mean()?, array32.var(1)?].map(bits),
        expected.map(bits),
        "f32, {what}"
    );
    let local = array32.local();
    let mine = local.as_slice().unwrap();
    let found = [world.sum(mine)?, world.mean(mine)?, world.var(mine, 1)?];
    assert_eq!(found.map(bits), expected.map(bits), "f32 as the communicator, {what}");
    let terms: Vec<f64> = all.iter().copied().collect();
    let extremes = (!terms.is_empty()).then(|| (bits(least(&terms)), bits(greatest(&terms))));
    assert_eq!(array.min()?.zip(array.max()?).map(|(a, b)| (bits(a), bits(b))), extremes, "{what}");
    if let Some((value, index)) = array.argmax()? {
        let first = all.indexed_iter().find(|(_, x)| bits(**x) == bits(value)).unwrap().0;
        assert_eq!(index, first, "{what}");
    }
    let integers = array.map(|x| x.to_bits() as i64);
    let sum = all.iter().fold(0i64, |sum, x| sum.wrapping_add(x.to_bits() as i64));
    assert_eq!(integers.sum()?, sum, "{what}");
    // Of 53 bits and fewer, they are floats as well.
    let short = array.map(|x| x.to_bits() as i64 >> 11);
    let floats: Vec<f64> = all.iter().map(|x| (x.to_bits() as i64 >> 11) as f64).collect();
    assert_eq!(bits(short.mean()?), bits(moments(&floats).mean::<f64>()), "{what}");
    assert_eq!(bits(short.var(1)?), bits(moments(&floats).var::<f64>(1)), "{what}");
    let edges = [-1e16, -0.0, 0.0, 0.3, 0.3, 1e17, 2.0e17];
    let expected: Vec<u64> = edges
        .windows(2)
        .enumerate()
        .map(|(k, bin)| {
            let last = k == edges.len() - 2;
            all.iter().filter(|&&x| x >= bin[0] && (x < bin[1] || last && x == bin[1])).count() as u64
        })
        .collect();
    assert_eq!(array.histogram(&edges)?, expected, "{what}");
    if let Some(most) = array.max()?.filter(|most| !most.is_nan()) {
        let up_to_most = array.histogram(&[f64::NEG_INFINITY, most, most])?;
        assert_eq!(up_to_most.iter().sum::<u64>(), all.len() as u64, "the last edge is inside, {what}");
    }
    let negative = array.fold(0u32, |count, x| count + u32::from(*x < 0.0), |a, b| a + b)?;
    assert_eq!(negative as usize, all.iter().filter(|x| **x < 0.0).count(), "{what}");
    Ok(())
}

fn along_axes<D: RemoveAxis<Smaller: RemoveAxis>>(layout: &Layout<'_, D>, all: &Array<f64, D>) -> Result<()> {
    let array = DistArray::from_root(layout, 0, Some(all))?;
    for axis in 0..all.ndim() {
        let what = format!("axis {axis} of {layout:?}");
        let lanes = |f: &dyn Fn(&[f64]) -> f64| all.map_axis(Axis(axis), |lane| f(&lane.to_vec()));
        let assert_as = |found: Array<f64, D::Smaller>, f: &dyn Fn(&[f64]) -> f64| {
            assert_same(
                &found.mapv(|x| if x.is_nan() { f64::NAN } else { x }),
                &lanes(&|lane| {
                    let x = f(lane);
                    if x.is_nan() { f64::NAN } else { x }
                }),
                &what,
            );
        };
        assert_as(array.sum_axis(axis)?.all_gather()?, &|lane| exact(lane));
        assert_as(array.mean_axis(axis)?.all_gather()?, &|lane| moments(lane).mean());
        assert_as(array.var_axis(axis, 1)?.all_gather()?, &|lane| moments(lane).var(1));
        let narrowed = |lane: &[f64]| -> Vec<f32> { lane.iter().copied().map(narrow).collect() };
        let array32 = array.map(|x| narrow(*x));
        assert_as(array32.sum_axis(axis)?.all_gather()?.mapv(f64::from), &|lane| {
            narrowed(lane).into_iter().map(f64::from).collect::<ExactSum>().value_f32().into()
        });
        assert_as(array32.mean_axis(axis)?.all_gather()?.mapv(f64::from), &|lane| {
            moments(&narrowed(lane)).mean::<f32>().into()
        });
        assert_as(array32.var_axis(axis, 0)?.all_gather()?.mapv(f64::from), &|lane| {
            moments(&narrowed(lane)).var::<f32>(0).into()
        });
        let short = |x: f64| (x.to_bits() >> 40) as i32;
        let floats = |lane: &[f64]| -> Vec<f64> { lane.iter().map(|&x| short(x).into()).collect() };
        let integers = array.map(|x| short(*x));
        assert_as(integers.mean_axis(axis)?.all_gather()?, &|lane| moments(&floats(lane)).mean());
        assert_as(integers.var_axis(axis, 1)?.all_gather()?, &|lane| moments(&floats(lane)).var(1));
        if all.shape()[axis] > 0 {
            assert_as(array.min_axis(axis)?.all_gather()?, &least);
            assert_as(array.max_axis(axis)?.all_gather()?, &greatest);
        } else {
            assert!(array.min_axis(axis).unwrap_err().to_string().contains("no element along axis"));
        }
        let integers = array.map(|x| x.to_bits() as u32).sum_axis(axis)?.all_gather()?;
        let expected = all.map_axis(Axis(axis), |lane| {
            lane.iter().fold(0u32, |sum, x| sum.wrapping_add(x.to_bits() as u32))
        });
        assert_eq!(integers, expected, "{what}");
    }
    Ok(())
}

#[test]
fn reductions_do_not_show_ranks_or_layout() {
    on_ranks([1, 2, 3, 4, 5], |world| {
        for len in LENGTHS {
            for layout in lines(world, len)? {
                totals(&layout, &whole(len))?;
            }
        }
        for shape in SHAPES {
            for layout in planes(world, shape)? {
                totals(&layout, &whole(shape))?;
            }
        }
        // NaN beats all, infinities add up.
        let mut special = whole([4, 5]);
        special[[1, 3]] = f64::INFINITY;
        totals(&Layout::rows(world, [4, 5])?, &special)?;
        special[[2, 0]] = f64::NAN;
        totals(&Layout::grid_auto(world, [4, 5])?, &special)?;
        Ok(())
    });
}

#[test]
fn sums_round_once_and_know_the_sign_of_zero() {
    on_ranks([1, 3, 4], |world| {
        for layout in planes(world, [4, 3])? {
            let zeros = DistArray::from_fn(&layout, |_| -0.0)?;
            assert_eq!([zeros.sum()?, zeros.mean()?, zeros.var(0)?].map(f64::to_bits), [1 << 63, 1 << 63, 0]);
            for axis in 0..2 {
                let all = [zeros.sum_axis(axis)?, zeros.mean_axis(axis)?];
                for zeros in all {
                    assert!(zeros.all_gather()?.iter().all(|x| x.to_bits() == 1 << 63), "{layout:?}");
                }
            }
            // A hair above the middle of two `f32`; as an `f64`, it would be in the middle.
            let column = [1.0, 2f32.powi(-24), 2f32.powi(-60), 0.0];
            let next = 1.0 + f32::EPSILON;
            let array = DistArray::from_fn(&layout, |(i, j)| if j == 1 { column[i] } else { -0.0 })?;
            assert_eq!(array.sum()?, next);
            assert_eq!(array.sum_axis(0)?.all_gather()?.to_vec(), [0.0, next, 0.0]);
            assert_eq!(array.mean_axis(0)?.all_gather()?.to_vec(), [0.0, next / 4.0, 0.0]);
            // Nothing overflows on the way to a mean.
            let large = DistArray::from_fn(&layout, |_| f64::MAX)?;
            assert_eq!((large.sum()?, large.mean()?, large.var(0)?), (f64::INFINITY, f64::MAX, 0.0));
            assert_eq!(large.mean_axis(0)?.all_gather()?.to_vec(), [f64::MAX; 3]);
            // Integers for which a float is too short: as if they were not far from zero.
            let small: Vec<f64> = (0..12).map(|k| f64::from(k * k)).collect();
            let least = DistArray::from_fn(&layout, |(i, j)| i64::MIN + (3 * i + j).pow(2) as i64)?;
            let most = DistArray::from_fn(&layout, |(i, j)| u64::MAX - (3 * i + j).pow(2) as u64)?;
            for (mean, var) in [(least.mean()?, least.var(1)?), (most.mean()?, most.var(1)?)] {
                assert!(mean == -(2f64.powi(63)) || mean == 2f64.powi(64), "{mean}");
                assert_eq!(var, moments(&small).var::<f64>(1));
            }
            let expected: Vec<f64> = small.chunks(3).map(|lane| moments(lane).var(0)).collect();
            assert_eq!(least.var_axis(1, 0)?.all_gather()?.to_vec(), expected);
            assert_eq!(most.var_axis(1, 0)?.all_gather()?.to_vec(), expected);
        }
        // The mean is 2^53 + 5/6. The sum, rounded, over 6 would be 2^53 + 2.
        let terms = |i| (1i64 << 53) + if i == 4 { 5 } else { 0 };
        assert_eq!(DistArray::from_fn(&Layout::rows(world, 6)?, terms)?.mean()?, 2f64.powi(53));
        Ok(())
    });
}

#[test]
fn reductions_along_an_axis_do_not_show_ranks_or_layout() {
    on_ranks([1, 2, 3, 4, 5], |world| {
        for shape in SHAPES {
            for layout in planes(world, shape)? {
                along_axes(&layout, &whole(shape))?;
            }
        }
        for shape in CUBES {
            for layout in cubes(world, shape)?.into_iter().skip(1) {
                along_axes(&layout, &whole(shape))?;
            }
        }
        let mut special = whole([4, 5]);
        (special[[1, 3]], special[[2, 3]]) = (f64::NAN, f64::INFINITY);
        along_axes(&Layout::grid_auto(world, [4, 5])?, &special)?;
        Ok(())
    });
}

#[test]
fn many_sums_along_an_axis_go_in_rounds() {
    on_ranks([2, 3], |world| {
        let all = whole([4, 9001]);
        for layout in [Layout::rows(world, [4, 9001])?, Layout::grid_auto(world, [4, 9001])?] {
            let array = DistArray::from_root(&layout, 0, Some(&all))?;
            let sums = array.sum_axis(0)?;
            assert_same(&sums.all_gather()?, &all.map_axis(Axis(0), exact), "sums");
            assert!(sums.local().len() <= 9001usize.div_ceil(world.size()));
            let expected = all.map_axis(Axis(0), |lane| moments(&lane.to_vec()).var(0));
            assert_same(&array.var_axis(0, 0)?.all_gather()?, &expected, "variances");
        }
        Ok(())
    });
}

#[test]
fn a_long_lane_is_read_in_pieces() {
    on_ranks([1, 2], |world| {
        let all = whole([9001, 2]);
        for layout in [Layout::rows(world, [9001, 2])?, Layout::grid(world, [9001, 2], [1, world.size()])?] {
            let array = DistArray::from_root(&layout, 0, Some(&all))?;
            let of_lanes = |f: fn(&[f64]) -> f64| all.map_axis(Axis(0), |lane| f(&lane.to_vec()));
            assert_same(&array.sum_axis(0)?.all_gather()?, &of_lanes(|lane| exact(lane)), "sums");
            assert_same(&array.mean_axis(0)?.all_gather()?, &of_lanes(|lane| moments(lane).mean()), "means");
            assert_same(&array.var_axis(0, 1)?.all_gather()?, &of_lanes(|lane| moments(lane).var(1)), "var");
            let longs = array.map(|x| x.to_bits() >> 11);
            let expected = all.map_axis(Axis(0), |lane| {
                moments(&lane.iter().map(|x| (x.to_bits() >> 11) as f64).collect::<Vec<_>>()).var(1)
            });
            assert_same(&longs.var_axis(0, 1)?.all_gather()?, &expected, "of integers");
        }
        Ok(())
    });
}

/// Which element stands at an index that may be outside, found step by step.
fn outside<T>(boundary: &Boundary<T>, mut index: isize, len: usize) -> Option<usize> {
    let n = len as isize;
    while !(0..n).contains(&index) {
        index = match boundary {
            Boundary::Constant(_) => return None,
            Boundary::Periodic => index + if index < 0 { n } else { -n },
            Boundary::Nearest => index.max(0).min(n - 1),
            Boundary::Reflect if n == 1 => 0,
            Boundary::Reflect => {
                if index < 0 {
                    -index
                } else {
                    2 * (n - 1) - index
                }
            }
            Boundary::Symmetric => {
                if index < 0 {
                    -index - 1
                } else {
                    2 * n - 1 - index
                }
            }
        };
    }
    Some(index as usize)
}

fn boundaries() -> [Boundary<f64>; 5] {
    [Boundary::Periodic, Boundary::Constant(-7.5), Boundary::Nearest, Boundary::Reflect, Boundary::Symmetric]
}

fn at(all: ArrayView2<f64>, boundary: &Boundary<f64>, index: [isize; 2]) -> f64 {
    let places = [0, 1].map(|axis| outside(boundary, index[axis], all.shape()[axis]));
    match (places, boundary) {
        ([Some(i), Some(j)], _) => all[[i, j]],
        (_, Boundary::Constant(value)) => *value,
        _ => unreachable!("only a constant is nowhere"),
    }
}

#[test]
fn halos_hold_what_is_around() {
    on_ranks([1, 2, 3, 4, 5], |world| {
        let widths: &[[usize; 2]] =
            if world.size() == 5 { &[[1, 1], [4, 11]] } else { &[[0, 0], [1, 1], [2, 0], [4, 11]] };
        for shape in SHAPES {
            let all = whole(shape);
            for layout in planes(world, shape)? {
                let array = DistArray::from_root(&layout, 0, Some(&all))?;
                for boundary in boundaries() {
                    for &width in widths {
                        let halo = array.halo(width, boundary)?.into_padded();
                        let block = layout.block();
                        if array.local().is_empty() {
                            assert_eq!(halo.shape(), array.local().shape());
                            continue;
                        }
                        let start = [0, 1].map(|axis| block[axis].start as isize - width[axis] as isize);
                        let dim = (block[0].len() + 2 * width[0], block[1].len() + 2 * width[1]);
                        let expected = Array2::from_shape_fn(dim, |(i, j)| {
                            at(all.view(), &boundary, [start[0] + i as isize, start[1] + j as isize])
                        });
                        assert_same(&halo, &expected, &format!("{boundary:?} {width:?} {layout:?}"));
                    }
                }
            }
        }
        // One axis, three axes.
        for layout in lines(world, 5)? {
            let array = DistArray::from_fn(&layout, |i| i)?;
            let halo = array.halo(7, Boundary::Periodic)?.into_padded();
            let start = array.local_range(0).start;
            assert!(halo.iter().enumerate().all(|(k, &x)| x == (start + k + 3) % 5), "{halo}");
        }
        let corner = DistArray::from_fn(&Layout::grid_auto(world, [4, 4, 4])?, |(i, j, k)| (i, j, k))?;
        let (first, halo) = (corner.local_offset(), corner.halo(1, Boundary::Periodic)?);
        if let Some(&found) = halo.padded().first() {
            assert_eq!(found, ((first.0 + 3) % 4, (first.1 + 3) % 4, (first.2 + 3) % 4));
        }
        Ok(())
    });
}

#[test]
fn a_stencil_is_the_serial_stencil() {
    on_ranks([1, 2, 3, 4, 5], |world| {
        for shape in SHAPES {
            let all = whole(shape);
            for layout in planes(world, shape)? {
                let array = DistArray::from_root(&layout, 0, Some(&all))?;
                for boundary in [Boundary::Periodic, Boundary::Constant(0.25), Boundary::Reflect] {
                    let found = array.stencil([1, 2], boundary, |at| {
                        let (i, j) = at.index();
                        (at[[-1, 0]] + at[[1, -2]]) * at[[0, 2]] - at[[0, 0]] + (i * 100 + j) as f64
                    })?;
                    let expected = Array2::from_shape_fn(shape, |(i, j)| {
                        let of =
                            |k: isize, l: isize| at(all.view(), &boundary, [i as isize + k, j as isize + l]);
                        (of(-1, 0) + of(1, -2)) * of(0, 2) - of(0, 0) + (i * 100 + j) as f64
                    });
                    assert_eq!(found.layout(), &layout);
                    assert_same(&found.all_gather()?, &expected, &format!("{boundary:?} {layout:?}"));
                }
            }
        }
        Ok(())
    });
}

#[test]
fn a_stencil_of_one_or_three_axes_is_computed_once_for_each_element() {
    on_ranks([1, 2, 3, 4, 7], |world| {
        for len in [0, 1, 3, 16, 1000] {
            for layout in lines(world, len)? {
                let array = DistArray::from_fn(&layout, value)?;
                for width in [0usize, 1, 3] {
                    let (mut calls, reach) = (Vec::new(), width as isize);
                    let found = array.stencil(width, Boundary::Periodic, |at| {
                        calls.push(at.index());
                        at[reach] * 0.5 - at[-reach] / 3.0 + at[0]
                    })?;
                    calls.sort_unstable();
                    assert!(calls.into_iter().eq(array.local_range(0)), "{layout:?} {width}");
                    let of = |i: isize| value(i.rem_euclid(len.max(1) as isize) as usize);
                    let right = |i: usize| {
                        let i = i as isize;
                        of(i + reach) * 0.5 - of(i - reach) / 3.0 + of(i)
                    };
                    let expected: Array1<f64> = (0..len).map(right).collect();
                    assert_same(&found.all_gather()?, &expected, &format!("{layout:?} {width}"));
                }
            }
        }
        for shape in [[2, 3, 4], [0, 2, 2], [9, 8, 10]] {
            for layout in cubes(world, shape)? {
                let array = DistArray::from_fn(&layout, |(i, j, k)| value(i * 100 + j * 10 + k))?;
                // What it gives need not be an element, or be of any use to MPI.
                let found = array.stencil([1, 0, 2], Boundary::Constant(0.5), |at| {
                    let (i, j, k) = at.index();
                    (format!("{i} {j} {k}"), at[[-1, 0, 2]] + at[[1, 0, 0]] - at[[0, 0, -2]])
                })?;
                let of = |i: isize, j: usize, k: isize| {
                    let inside = (0..shape[0] as isize).contains(&i) && (0..shape[2] as isize).contains(&k);
                    if inside { value(i as usize * 100 + j * 10 + k as usize) } else { 0.5 }
                };
                let block = layout.block();
                let places = ndarray::indices(found.local().raw_dim()).into_iter();
                for (place, (name, result)) in places.zip(found.local()) {
                    let (i, j, k) =
                        (place.0 + block[0].start, place.1 + block[1].start, place.2 + block[2].start);
                    assert_eq!(*name, format!("{i} {j} {k}"), "{layout:?}");
                    let (i, k) = (i as isize, k as isize);
                    let right = of(i - 1, j, k + 2) + of(i + 1, j, k) - of(i, j, k - 2);
                    assert_eq!(result.to_bits(), right.to_bits(), "{name} {layout:?}");
                }
            }
        }
        Ok(())
    });
}

/// Without that, this hangs: the others send what they have only when rank 0 has begun to compute.
#[test]
fn a_stencil_computes_while_it_waits_for_the_others() {
    on_ranks([2, 3, 4, 7], |world| {
        rankwise::testing::set_checks("off");
        for on_grid in [false, true] {
            let shape = [40, 40];
            let layout = if on_grid { Layout::grid_auto(world, shape)? } else { Layout::rows(world, shape)? };
            let array = DistArray::from_fn(&layout, |(i, j)| (i * 40 + j) as u64)?;
            let begun = world.counter()?;
            while world.rank() > 0 && begun.get()? == 0 {
                std::thread::yield_now();
            }
            let mut first = true;
            let sums = array.stencil(1, Boundary::Periodic, |at| {
                if std::mem::take(&mut first) && world.rank() == 0 {
                    begun.fetch_add(1).expect("it is there");
                }
                at[[-1, 0]] + at[[1, 0]] + at[[0, -1]] + at[[0, 1]]
            })?;
            assert_eq!(sums.sum()?, 4 * (0..1600u64).sum::<u64>());
            begun.free();
        }
        Ok(())
    });
}

/// What a stencil as wide as that says when it asks for the element that far away.
fn stencil_beyond<const N: usize>(width: [usize; 2], offsets: [isize; N]) {
    on_ranks([2], |world| {
        let array = DistArray::from_fn(&Layout::rows(world, [4, 5])?, |(i, j)| (i + j) as f64)?;
        array.stencil(width, Boundary::Nearest, |at| at[offsets])?;
        Ok(())
    });
}

#[test]
#[should_panic(expected = "a stencil of width 1 along axis 0 asked for the element -2 along it: \
                           call `stencil` with a width of 2 or more")]
fn a_stencil_does_not_reach_beyond_its_width() {
    stencil_beyond([1, 2], [-2, 0]);
}

/// Where the padded block does have an element.
#[test]
#[should_panic(expected = "a stencil of width 0 along axis 1 asked for the element 1 along it")]
fn a_stencil_does_not_reach_into_the_block_beyond_its_width() {
    stencil_beyond([1, 0], [0, 1]);
}

#[test]
#[should_panic(expected = "asked for an element by 1 offsets, in an array of 2 axes")]
fn a_stencil_takes_one_offset_for_each_axis() {
    stencil_beyond([1, 1], [0]);
}

#[test]
fn maps_and_comparisons_are_those_of_the_whole() {
    on_ranks([1, 2, 4], |world| {
        for layout in planes(world, [7, 5])? {
            let array = DistArray::from_fn(&layout, |(i, j)| (i * 5 + j) as f64)?;
            let mut other = array.map(|x| x + 1e-9);
            assert!(array.abs_diff_eq(&other, 1e-6)? && !array.abs_diff_eq(&other, 1e-12)?);
            other.set([4, 3], 23.5);
            assert!(!array.abs_diff_eq(&other, 0.25)? && array.abs_diff_eq(&other, 0.5 + 1e-9)?);
            assert!(!array.relative_eq(&other, 1e-6, 0.01)? && array.relative_eq(&other, 1e-6, 0.03)?);
            assert_eq!(array.max_abs_diff(&other)?, Some((0.5, (4, 3))));
            other.set([6, 4], f64::NAN);
            let (distance, index) = array.max_abs_diff(&other)?.unwrap();
            assert!(distance.is_nan() && index == (6, 4) && !array.abs_diff_eq(&other, 1e9)?);
            other.map_in_place(|x| *x = -x.abs());
            let sum = array.zip_map(&other, |a, b| (*a, *b))?.all_gather()?;
            assert_eq!(sum[[4, 3]], (23.0, -23.5));
            let empty = DistArray::<f64, Ix2>::zeros(&Layout::rows(world, [0, 4])?)?;
            assert_eq!((empty.max_abs_diff(&empty)?, empty.abs_diff_eq(&empty, 0.0)?), (None, true));
            let debug = format!("{array:?}");
            assert!(debug.starts_with("shape [7, 5] over a grid"), "{debug}");
        }
        Ok(())
    });
}

#[test]
fn large_arrays_are_shown_by_their_edges() {
    on_ranks([1, 3, 4], |world| {
        for layout in planes(world, [40, 50])? {
            let array = DistArray::from_fn(&layout, |(i, j)| 100 * i + j)?;
            let words = array.display(world.size() - 1)?;
            assert_eq!(words.text().is_some(), world.rank() == world.size() - 1);
            if let Some(text) = words.text() {
                let row = |i: usize| {
                    let [a, b, c, d, e, f] = [0, 1, 2, 47, 48, 49].map(|j| 100 * i + j);
                    format!("[{a}, {b}, {c}, ..., {d}, {e}, {f}]")
                };
                let rows: Vec<String> = [0, 1, 2, 37, 38, 39].map(row).to_vec();
                let expected = format!(
                    "[{},\n ...,\n {}], shape=[40, 50]",
                    rows[..3].join(",\n "),
                    rows[3..].join(",\n ")
                );
                assert_eq!(text, expected);
            } else {
                assert_eq!(words.to_string(), "");
            }
        }
        let cube = DistArray::from_fn(&cubes(world, [2, 2, 2])?[1], |(i, j, k)| 4 * i + 2 * j + k)?;
        if let Some(text) = cube.display(0)?.text() {
            assert_eq!(text, "[[[0, 1],\n  [2, 3]],\n\n [[4, 5],\n  [6, 7]]]");
        }
        Ok(())
    });
}

#[test]
fn what_some_ranks_write_others_read() {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("arrays.h5");
    // Written on 2 ranks, read on the others, and the other way round.
    for (writers, readers) in [([2], [1, 3, 4]), ([3], [1, 2, 4])] {
        on_ranks(writers, |world| {
            let file = File::create(world, &path)?;
            DistArray::from_fn(&Layout::grid_auto(world, [7, 5])?, |(i, j)| value(i * 5 + j))?
                .save(&file, "plane")?;
            DistArray::from_fn(&Layout::rows(world, 0)?, |i| i as u32)?.save(&file, "nothing")?;
            let chunks = file::Storage::chunks([1, 4, 2]);
            let cube = file.create_dataset::<f64>("cube", &[1, 8, 2], &chunks)?;
            DistArray::from_root(&cubes(world, [1, 8, 2])?[1], 0, Some(&whole([1, 8, 2])))?
                .write_to(&cube)?;
            Ok(file.close()?)
        });
        on_ranks(readers, |world| {
            let file = File::open(world, &path)?;
            let plane = file.dataset("plane")?;
            assert_same(&DistArray::<f64, Ix2>::load(world, &plane)?.all_gather()?, &whole([7, 5]), "rows");
            for layout in planes(world, [7, 5])? {
                let found = DistArray::load_by(&layout, &plane)?;
                assert_same(&found.all_gather()?, &whole([7, 5]), &format!("{layout:?}"));
            }
            let cube: Array3<f64> = DistArray::load(world, &file.dataset("cube")?)?.all_gather()?;
            assert_same(&cube, &whole([1, 8, 2]), "cube");
            let nothing = DistArray::<u32, Ix1>::load(world, &file.dataset("nothing")?)?;
            assert!(nothing.is_empty());
            let error = DistArray::<f64, Ix3>::load(world, &plane).unwrap_err().to_string();
            assert!(error.contains("dataset plane has 2 axes, not 3"), "{error}");
            let error = DistArray::<f64, _>::load_by(&Layout::rows(world, [5, 7])?, &plane).unwrap_err();
            assert!(error.to_string().contains("of shape [7, 5] for an array of [5, 7]"), "{error}");
            let error = DistArray::<f32, Ix2>::load(world, &plane).unwrap_err().to_string();
            assert!(error.contains("plane holds f64, not f32"), "{error}");
            let other = world.split(Some(0), 0)?.unwrap();
            let error = DistArray::<f64, Ix2>::load(&other, &plane).unwrap_err().to_string();
            assert!(error.contains("another communicator: open it with the `Comm` of the layout"), "{error}");
            Ok(())
        });
    }
}

#[test]
fn a_mistake_is_the_same_error_on_all_ranks() {
    on_ranks([1, 3], |world| {
        let size = world.size();
        let mut said = Vec::new();
        fn note<T>(said: &mut Vec<String>, result: Result<T>, words: &str) {
            let error = result.err().unwrap_or_else(|| panic!("no error that says {words}"));
            assert!(
                matches!(error, Error::Argument { at, .. } if at.file().ends_with("arrays.rs")),
                "{error:?}"
            );
            let error = error.to_string();
            assert!(error.contains(words), "{error} does not say {words}");
            said.push(error);
        }
        let mut says = |result: Result<()>, words: &str| note(&mut said, result, words);
        let nothing = |_: DistArray<f64, Ix2>| ();
        let rows = Layout::rows(world, [4, 3])?;
        let mut array = DistArray::from_fn(&rows, |(i, j)| value(3 * i + j))?;
        let huge = usize::MAX / 2;
        says(Layout::rows(world, [huge, 3]).map(|_| ()), "more elements than can be counted");
        says(Layout::rows(world, [huge, huge, 0]).map(|_| ()), "more elements than can be counted");
        says(Layout::rows(world, [0; 0]).map(|_| ()), "a shape of 0 axes");
        says(
            Layout::grid(world, [4, 3], [2, size]).map(|_| ()),
            "for 1 ranks".replace('1', &size.to_string()).as_str(),
        );
        says(Layout::grid(world, [4, 3], [0, size]).map(|_| ()), "dims_for");
        says(Layout::grid(world, [4, 3], [huge, 3]).map(|_| ()), "dims_for");
        says(rows.clone().with_partition(2, Partition::even(4, size)).map(|_| ()), "axis 2 of an array");
        says(
            rows.clone().with_partition(0, Partition::even(5, size)).map(|_| ()),
            "a partition of 5 elements",
        );
        says(rows.clone().with_partition(0, Partition::even(4, size + 1)).map(|_| ()), "parts for axis 0");
        says(array.gather(size).map(|_| ()), "root");
        says(array.display(size).map(|_| ()), "root");
        says(DistArray::from_root(&rows, size, Some(&whole([4, 3]))).map(nothing), "root");
        says(DistArray::from_root(&rows, size - 1, None::<&Array2<f64>>).map(nothing), "has no array");
        let other = (world.rank() == size - 1).then(|| whole([3, 4]));
        says(DistArray::from_root(&rows, size - 1, other.as_ref()).map(nothing), "array of shape [3, 4]");
        says(array.sum_axis(2).map(|_| ()), "axis 2 of an array of shape [4, 3]");
        says(array.mean_axis(2).map(|_| ()), "axis 2");
        says(array.var_axis(2, 0).map(|_| ()), "axis 2");
        says(array.max_axis(2).map(|_| ()), "axis 2");
        says(array.get_everywhere([4, 0]).map(|_| ()), "index [4, 0]");
        says(array.histogram(&[1.0]).map(|_| ()), "two or more that ascend");
        says(array.histogram(&[1.0, 0.0]).map(|_| ()), "two or more that ascend");
        says(array.histogram(&[1.0, f64::NAN]).map(|_| ()), "two or more that ascend");
        says(array.halo([1, 1, 1], Boundary::Nearest).map(|_| ()), "widths [1, 1, 1]");
        says(array.halo(huge, Boundary::Nearest).map(|_| ()), "too large");
        says(array.halo(Width::All(usize::MAX), Boundary::Nearest).map(|_| ()), "too large");
        says(array.redistribute(&Layout::rows(world, [3, 4])?).map(nothing), "shapes must be the same");
        let elsewhere = world.split(Some(0), 0)?.unwrap();
        let theirs = Layout::rows(&elsewhere, [4, 3])?;
        says(array.redistribute(&theirs).map(nothing), "make both layouts from the same `Comm`");
        let theirs = DistArray::<f64, _>::zeros(&theirs)?;
        says(array.zip_map(&theirs, |_, _| ()).map(|_| ()), "make both layouts from the same `Comm`");
        let columns = DistArray::<f64, _>::zeros(&Layout::rows(world, [4, 2])?)?;
        says(array.zip_map(&columns, |_, _| ()).map(|_| ()), "redistribute one array");
        says(array.abs_diff_eq(&columns, 0.0).map(|_| ()), "redistribute one array");
        says(array.relative_eq(&columns, 0.0, 0.0).map(|_| ()), "redistribute one array");
        says(array.max_abs_diff(&columns).map(|_| ()), "redistribute one array");
        // Not there: no error, and nothing happens.
        assert!(array.get([4, 0]).is_none() && !array.set([0, 3], 1.0));
        let all = world.gather_values(0, &said)?;
        if let Some(all) = all {
            assert!(all.iter().all(|theirs| *theirs == said), "{all:?}");
        }
        // And nobody is left behind.
        assert_eq!(array.sum()?.to_bits(), exact(&whole([4, 3])).to_bits());
        Ok(())
    });
}
