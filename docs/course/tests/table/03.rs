use super::{Lesson, Run, run};

pub(super) const LESSON: Lesson = Lesson { name: "03_collectives", both: BOTH, own: OWN, a: A, b: B };

const BOTH: &[Run] = &[
    run(
        4,
        "rank 0 has [62, 48, 55]: 165 mm, 1 wet
rank 1 has [40, 58, 71]: 169 mm, 1 wet
rank 2 has [80, 77, 60]: 217 mm, 3 wet
rank 3 has [54, 59, 66]: 179 mm, 1 wet
reduce: [730] mm in the year
rank 0: less than the most; 165 mm so far
rank 1: less than the most; 334 mm so far
rank 2: the most; 551 mm so far
rank 3: less than the most; 730 mm so far
gather: wet months of each rank [1, 1, 3, 1]",
    ),
    run(
        2,
        "rank 0 has [62, 48, 55, 40, 58, 71]: 334 mm, 2 wet
rank 1 has [80, 77, 60, 54, 59, 66]: 396 mm, 4 wet
reduce: [730] mm in the year
rank 0: less than the most; 334 mm so far
rank 1: the most; 730 mm so far
gather: wet months of each rank [2, 4]",
    ),
];

const OWN: &[Run] = &[run(
    5,
    "rank 0 has [62, 48, 55]: 165 mm, 1 wet
rank 1 has [40, 58, 71]: 169 mm, 1 wet
rank 2 has [80, 77]: 157 mm, 2 wet
rank 3 has [60, 54]: 114 mm, 1 wet
rank 4 has [59, 66]: 125 mm, 1 wet
reduce: [730] mm in the year
rank 0: less than the most; 165 mm so far
rank 1: the most; 334 mm so far
rank 2: less than the most; 491 mm so far
rank 3: less than the most; 605 mm so far
rank 4: less than the most; 730 mm so far
gather: wet months of each rank [1, 1, 2, 1, 1]",
)];

const A: &[Run] = &[
    run(4, "the mean is 3.5, and 2 of 4 are above it")
        .hint("all_reduce_one(mine, Sum) is the sum of all; it is the same on every rank. Count in the same way those that are above."),
    run(3, "the mean is 1.6666666666666667, and 1 of 3 are above it"),
    run(1, "the mean is 0, and 0 of 1 are above it").hint("The mean is not above itself."),
];

const B: &[Run] = &[
    run(3, "rank 0 has parcels 1 to 1\nrank 1 has parcels 2 to 3\nrank 2 has parcels 4 to 6").hint(
        "scan(&[parcels], Sum) counts the parcels of the ranks up to this one; its first element is the last number of this rank.",
    ),
    run(1, "rank 0 has parcels 1 to 1"),
];
