use super::{Lesson, Run, run};

pub(super) const LESSON: Lesson = Lesson { name: "10_parts_and_grids", both: BOTH, own: OWN, a: A, b: B };

const BOTH: &[Run] = &[
    run(1, "rank 0: 0 of 1 in its part, at [0, 0] on the grid, sum of its row 0"),
    run(
        4,
        "rank 0: 0 of 2 in its part, at [0, 0] on the grid, sum of its row 1
rank 1: 0 of 2 in its part, at [0, 1] on the grid, sum of its row 1
rank 2: 1 of 2 in its part, at [1, 0] on the grid, sum of its row 5
rank 3: 1 of 2 in its part, at [1, 1] on the grid, sum of its row 5",
    ),
];

const OWN: &[Run] = &[run(
    3,
    "rank 0: 0 of 2 in its part, at [0, 0] on the grid, sum of its row 0
rank 1: 0 of 1 in its part, at [1, 0] on the grid, sum of its row 1
rank 2: 1 of 2 in its part, at [2, 0] on the grid, sum of its row 2",
)];

const A: &[Run] = &[
    run(
        5,
        "rank 0 is rank 0 of 3 in half 0, whose sum is 3
rank 1 is rank 1 of 3 in half 0, whose sum is 3
rank 2 is rank 2 of 3 in half 0, whose sum is 3
rank 3 is rank 0 of 2 in half 1, whose sum is 7
rank 4 is rank 1 of 2 in half 1, whose sum is 7",
    )
    .hint("world.split(Some(number), 0)? gives an Option: None only for a rank that gives no color."),
    run(1, "rank 0 is rank 0 of 1 in half 0, whose sum is 0"),
];

const B: &[Run] = &[
    run(
        4,
        "rank 0 at [0, 0]: its neighbours sum to 5
rank 1 at [0, 1]: its neighbours sum to 9
rank 2 at [1, 0]: its neighbours sum to 9
rank 3 at [1, 1]: its neighbours sum to 5",
    )
    .hint("grid.shift(axis, by, &[mine])? for axis 0 and 1 and by 1 and -1, on all ranks; add what is Some."),
    run(
        3,
        "rank 0 at [0, 0]: its neighbours sum to 1\nrank 1 at [1, 0]: its neighbours sum to 4\nrank 2 at [2, 0]: its neighbours sum to 1",
    ),
];
