//! Rows of a dataset in an HDF5 file, shuffled into another one with bounded memory.

use ndarray::{ArrayView, IxDyn};

use super::items::{even_block, sorted};
use super::mapped::rank_of;
use crate::comm::Sum;
use crate::error::Result;
use crate::file::{Dataset, H5Type, Number};
use crate::kernels::permutation::key;
use crate::partition::Partition;
use crate::sys::record::within;

/// Writes the rows of `from` (what shares an index of axis 0) to `to` in random order: those of
/// [`permuted`](crate::kernels::permutation::permuted), of seed and copy 0.
///
/// Each rank takes about `memory` bytes and those of a few rows. What does not fit into the memory of all ranks is made in parts, for
/// each of which `from` is read once: a dataset of ten times that memory is read about ten times, and written once.
///
/// # Collective
/// All ranks must call this, with the same arguments. Both files are open on the same ranks.
///
/// # Errors
/// On all ranks alike, when the shapes differ, the elements are not `T`, or a file cannot be read or written.
///
/// ```
/// # use rankwise::file::{File, Storage};
/// # fn main() -> std::process::ExitCode { rankwise::run(|world| {
/// # let folder = std::env::temp_dir().join(format!("rankwise-doc-rows-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// # let rows = rankwise::ndarray::Array2::from_shape_fn((4, 2), |(i, _)| i as f64);
/// use rankwise::distributed::permute::shuffle_rows;
///
/// let file = File::create(world, folder.join("points.h5"))?;
/// let points = file.create_dataset::<f64>("points", &[4, 2], &Storage::default())?;
/// # let none = rows.slice(rankwise::ndarray::s![..0, ..]);
/// points.write_rows(0, &if world.is_root() { rows.view() } else { none })?;
/// let shuffled = file.create_dataset::<f64>("shuffled", &[4, 2], &Storage::default())?;
/// shuffle_rows::<f64>(&points, &shuffled, 7, 64 << 20)?;
/// assert_eq!(shuffled.read_rows::<f64>(0..4)?[[0, 0]], 3.0); // row 3 comes first
/// file.close()?;
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok(()) }) }
/// ```
#[track_caller]
pub fn shuffle_rows<T: Number + H5Type>(
    from: &Dataset<'_>,
    to: &Dataset<'_>,
    seed: u64,
    memory: usize,
) -> Result<()> {
    let _within = within();
    let comm = from.comm();
    let shape = from.shape();
    if shape != to.shape() || shape.is_empty() {
        let problem =
            format!("rows of {} of shape {shape:?} for {} of shape {:?}", from.name(), to.name(), to.shape());
        return comm.agree(Err(problem));
    }
    let (rows, width) = (shape[0], shape[1..].iter().product::<usize>());
    if rows == 0 || width == 0 {
        return Ok(());
    }
    // A row is in a quarter of the memory when it is read, sent, received and sorted; two of the quarters grow by doubling.
    let row = width.saturating_mul(size_of::<T>()) + 32;
    let at_once = (memory / 8 / row).max(1);
    let parts = rows.div_ceil(at_once.saturating_mul(comm.size()));
    let mine = even_block(comm, rows);
    let rounds = Partition::even(rows, comm.size()).count(0).div_ceil(at_once);
    let mut first = 0;
    for part in 0..parts {
        // Of all keys, those of this part, and of them those of each rank.
        let owner = |key: u64| {
            let slot = rank_of(key, parts * comm.size());
            (slot / comm.size() == part).then_some(slot % comm.size())
        };
        let (mut keys, mut items) = (vec![], vec![]);
        for round in 0..rounds {
            let start = (mine.start + round * at_once).min(mine.end);
            let read = start..(start + at_once).min(mine.end);
            let block = from.read_rows::<T>(read.clone())?;
            let block = block.as_slice().expect("what was read is contiguous");
            let (mut keys_to, mut rows_to) = (vec![vec![]; comm.size()], vec![vec![]; comm.size()]);
            for (row, index) in block.chunks(width).zip(read) {
                let key = key(seed, 0, index as u64);
                if let Some(to) = owner(key) {
                    keys_to[to].push([key, index as u64]);
                    rows_to[to].extend_from_slice(row);
                }
            }
            let counts = |scale: usize| {
                Partition::from_counts(&keys_to.iter().map(|keys| keys.len() * scale).collect::<Vec<_>>())
            };
            let (came, blocks) = comm.all_to_all(&counts(1), &keys_to.concat())?;
            let lengths =
                Partition::from_counts(&blocks.counts().map(|count| count * width).collect::<Vec<_>>());
            items.extend(comm.all_to_all_by(&counts(width), &rows_to.concat(), &lengths)?);
            keys.extend(came);
        }
        // By place first: rounds have come one after the other from all ranks.
        let mut places: Vec<usize> = (0..keys.len()).collect();
        places.sort_unstable_by_key(|&at| keys[at][1]);
        let by_place: Vec<u64> = places.iter().map(|&at| keys[at][0]).collect();
        let order = sorted(&by_place, &places, 1);
        let block: Vec<T> =
            order.iter().flat_map(|&at| &items[at * width..(at + 1) * width]).copied().collect();
        let start = comm.exclusive_scan(&[order.len()], Sum)?[0];
        let mut dim = shape.to_vec();
        dim[0] = order.len();
        let block = ArrayView::from_shape(IxDyn(&dim), &block).expect("whole rows");
        to.write_rows(first + start, &block)?;
        first += comm.all_reduce_one(order.len(), Sum)?;
    }
    Ok(())
}
