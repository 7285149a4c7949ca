//! Many independent arrays, each sorted by one rank: the classic pool exercise. Whoever is done takes the next.

use std::error::Error;

use ndarray::ArrayView2;
use rankwise::file::{File, Storage};
use rankwise::kernels::sorting;
use rankwise::prelude::*;
use rankwise::progress::Line;
use rankwise::report::Phases;

use crate::arguments::{Args, Distribution};
use crate::check;
use crate::input;

/// Sorts `arrays` random arrays. Collective.
pub(crate) fn sort(world: &Comm, args: &Args, arrays: usize) -> Result<(), Box<dyn Error>> {
    let each = args.random.unwrap_or(0);
    if args.distribution == Distribution::Normal {
        return Err("--many sorts integers: another --distribution".into());
    }
    let all = arrays.checked_mul(each).ok_or("so many numbers fit into no memory")?;
    let mut phases = Phases::new();
    let mut progress = Line::new(world, "bubble_sort", args.progress);

    // 1. A counter says which array is next. Nobody hands out, so all ranks work.
    let next = world.counter()?;
    let (mut tasks, mut keys) = (Vec::new(), Vec::new());
    let mut drawn = Vec::new();
    phases.time("sort", || -> Result<()> {
        loop {
            let task = next.fetch_add(1)? as usize;
            if task >= arrays {
                return Ok(());
            }
            progress.say_now_and_then(|| format!("array {task} of {arrays}"));
            // Array after array from one stream of keys: the same arrays, whoever sorts them.
            let mut array: Vec<u64> =
                (0..each).map(|place| input::key(args, task * each + place, all)).collect();
            if args.check {
                drawn.extend_from_slice(&array);
            }
            sorting::sort(&mut array);
            tasks.push(task);
            keys.append(&mut array);
        }
    })?;
    if args.check {
        let before = check::hash(world, &drawn)?;
        let sorted = keys.chunks(each.max(1)).all(sorting::is_sorted);
        let sorted = if sorted { Ok(()) } else { Err("an array is not sorted") };
        world.agree(sorted)?;
        if check::hash(world, &keys)? != before {
            return Err("these are not the keys that were to be sorted".into());
        }
    }

    // 2. In the order of the tasks again, in even blocks; then one file.
    if let Some(path) = &args.output {
        progress.say("writing");
        let (first, mine) = phases.time("exchange", || in_order(world, arrays, each, &tasks, &keys))?;
        phases.time("write", || -> Result<()> {
            let file = File::create(world, path)?;
            let dataset = file.create_dataset::<u64>("arrays", &[arrays, each], &Storage::default())?;
            let rows = mine.len() / each.max(1);
            let rows = ArrayView2::from_shape((rows, each), &mine).expect("whole rows");
            dataset.write_rows(first, &rows)?;
            dataset.set_attribute("input", args.source_name().as_str())?;
            file.close()
        })?;
    }
    progress.finish();

    // 3. Who has sorted how many.
    phases.figure("arrays", arrays as f64, "");
    phases.figure("keys", all as f64, "in all arrays");
    phases.figure("fewest", world.all_reduce_one(tasks.len(), Min)? as f64, "arrays on a rank");
    phases.figure("most", world.all_reduce_one(tasks.len(), Max)? as f64, "arrays on a rank");
    let report = phases.report(world)?;
    world.on_root(|| report.map_or(Ok(()), |report| args.say(all, &report)))?;
    Ok(())
}

/// This rank's block of the arrays in the order of their numbers, and the first one's number. Collective.
fn in_order(
    world: &Comm,
    arrays: usize,
    each: usize,
    tasks: &[usize],
    keys: &[u64],
) -> Result<(usize, Vec<u64>)> {
    let blocks = Partition::even(arrays, world.size());
    let mine = blocks.range(world.rank());
    // A counter only goes up, so this rank's tasks are in order, and those of one receiver are together.
    let of = |rank: usize| tasks.iter().filter(|task| blocks.range(rank).contains(task)).count();
    let counts: Vec<usize> = (0..world.size()).map(of).collect();
    let (numbers, _) = world.all_to_all(&Partition::from_counts(&counts), tasks)?;
    let counts: Vec<usize> = counts.iter().map(|count| count * each).collect();
    let (came, _) = world.all_to_all(&Partition::from_counts(&counts), keys)?;
    let mut ordered = vec![0; mine.len() * each];
    for (number, array) in numbers.iter().zip(came.chunks(each.max(1))) {
        ordered[(number - mine.start) * each..][..each].copy_from_slice(array);
    }
    Ok((mine.start, ordered))
}
