use super::{Lesson, Run, run};

pub(super) const LESSON: Lesson = Lesson { name: "14_parallel_hdf5", both: BOTH, own: OWN, a: A, b: B };

const SUMS: &str = "the columns sum to [4500.0, 4510.0, 4520.0, 4530.0, 4540.0, 4550.0] K";

const BOTH: &[Run] = &[run(1, SUMS).args(&["table.h5"]), run(4, SUMS).args(&["table.h5"])];

const OWN: &[Run] = &[
    run(3, SUMS).args(&["table.h5"]),
    // More than there are columns.
    run(7, SUMS).args(&["table.h5"]),
    run(2, "").fails(1, "name a file"),
];

const A: &[Run] = &[
    run(1, "the mean is 22.770169")
        .hint("The rows are measured.shape()[0]; read_rows gives an array, outer_iter() its rows."),
    run(5, "the mean is 22.770169")
        .hint("Add up x/e² and 1/e² on each rank, then both over all ranks, and only then divide."),
];

const B: &[Run] = &[
    run(2, "6 lines\n[(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)]")
        .hint("Storage::default().unlimited(), let mut log, and use rankwise::ndarray::array."),
    run(1, "3 lines\n[(0, 0), (1, 0), (2, 0)]"),
];
