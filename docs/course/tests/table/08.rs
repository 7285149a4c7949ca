use super::{Lesson, Run, run};

pub(super) const LESSON: Lesson = Lesson { name: "08_overlap", both: BOTH, own: OWN, a: A, b: B };

const SUMS_OF_4: &str = "rank 0: the sum of all ranks is 6
rank 1: the sum of all ranks is 6
rank 2: the sum of all ranks is 6
rank 3: the sum of all ranks is 6";

const BOTH: &[Run] = &[
    run(1, "rank 0: the sum of all ranks is 0"),
    run(4, SUMS_OF_4),
    run(4, SUMS_OF_4).args(&["--wait-first"]),
];

const OWN: &[Run] = &[run(4, SUMS_OF_4).settings(&[("RANKWISE_SEND", "sync")])];

const A: &[Run] = &[
    run(
        3,
        "rank 0: the others sum to 3
rank 1: the others sum to 2
rank 2: the others sum to 1",
    )
    .hint("isend takes the Vec itself, without &. Push the requests into a Vec, and give that to wait_all at the end."),
    run(1, "rank 0: the others sum to 0"),
];

const B: &[Run] = &[
    run(
        3,
        "rank 0: [12, 2, 4, 6]
rank 1: [8, 10, 12, 14]
rank 2: [16, 18, 20, 10]",
    )
    .hint("The cell before a rank's first one is the last of its left neighbour, who sends it to its right with tag 1: irecv((left, 1))."),
    run(2, "rank 0: [8, 2, 4, 6]\nrank 1: [8, 10, 12, 6]")
        .hint("On two ranks both messages come from the same rank. Tag 1 goes to the right and comes from the left, tag 2 the other way."),
    run(1, "rank 0: [4, 2, 4, 2]"),
];
