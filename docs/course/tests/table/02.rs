use super::{Lesson, Run, run};

pub(super) const LESSON: Lesson = Lesson { name: "02_ordered_printing", both: BOTH, own: &[], a: A, b: B };

const BOTH: &[Run] = &[
    run(
        4,
        "[0] has found 0 primes
[1] has found 4 primes
[2] has found 1 primes
[3] has found 5 primes
rank 0 of 4: []
rank 1 of 4: [5, 13, 17, 29]
rank 2 of 4: [2]
rank 3 of 4: [3, 7, 11, 19, 23]
these are the primes below 30",
    )
    .free(),
    run(
        1,
        "[0] has found 10 primes
rank 0 of 1: [2, 3, 5, 7, 11, 13, 17, 19, 23, 29]
these are the primes below 30",
    ),
];

const A: &[Run] = &[
    run(
        3,
        "rank 0: [1, 4, 7, 10], together 22
rank 1: [2, 5, 8, 11], together 26
rank 2: [3, 6, 9, 12], together 30",
    )
    .hint("Rank r begins with the number r + 1 and takes every size-th: skip and step_by. print_in_order puts the lines in order."),
    run(1, "rank 0: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], together 78"),
];

const B: &[Run] = &[
    run(4, "rank 0 is the captain\nrank 1 is sailor 1\nrank 2 is sailor 2\nrank 3 is the cook")
        .hint("The last rank is size - 1."),
    run(2, "rank 0 is the captain\nrank 1 is the cook").hint("On two ranks there is no sailor."),
    run(1, "rank 0 is the captain").hint("On one rank, rank 0 is the last, too: ask for the captain first."),
];
