use super::{Lesson, Run, run};

pub(super) const LESSON: Lesson = Lesson { name: "04_blocks", both: BOTH, own: OWN, a: A, b: B };

const BOTH: &[Run] = &[
    run(
        4,
        "rank 0: 0..3, length 3
rank 1: 3..6, length 3
rank 2: 6..8, length 2
rank 3: 8..10, length 2
the sum of all squares is 285
[0, 1, 4, 9, 16, 25, 36, 49, 64, 81]
the last one is on rank 3",
    ),
    run(
        4,
        "rank 0: 0..1, length 1
rank 1: 1..2, length 1
rank 2: 2..3, length 1
rank 3: 3..3, length 0
the sum of all squares is 5
[0, 1, 4]
the last one is on rank 2",
    )
    .args(&["--len", "3"]),
];

const OWN: &[Run] =
    &[run(2, "rank 0: 0..0, length 0\nrank 1: 0..0, length 0\nthe sum of all squares is 0\n[]")
        .args(&["--len", "0"])];

const A: &[Run] = &[
    run(
        4,
        "rank 0 of 10: 0..3
rank 1 of 10: 3..6
rank 2 of 10: 6..8
rank 3 of 10: 8..10
rank 0 of 8: 0..2
rank 1 of 8: 2..4
rank 2 of 8: 4..6
rank 3 of 8: 6..8
rank 0 of 3: 0..1
rank 1 of 3: 1..2
rank 2 of 3: 2..3
rank 3 of 3: 3..3",
    )
    .hint("The first len % parts blocks have one more. Where does a block begin? After rank blocks, and one more for each longer one before it."),
    run(1, "rank 0 of 10: 0..10\nrank 0 of 8: 0..8\nrank 0 of 3: 0..3"),
];

const B: &[Run] = &[
    run(3, "rank 0: mean 15\nrank 1: mean 30\nrank 2: mean 40\nall: mean 25")
        .hint("The mean of the means would be 28.33…: a block of two must count twice. Add up sums instead, and divide once."),
    run(4, "rank 0: mean 10\nrank 1: mean 20\nrank 2: nothing\nrank 3: nothing\nall: mean 15")
        .args(&["--len", "2"])
        .hint("0 divided by 0 is NaN: a rank that has nothing says so instead."),
];
