use super::{Lesson, Run, run};

pub(super) const LESSON: Lesson = Lesson { name: "12_counter", both: BOTH, own: OWN, a: A, b: B };

const BOTH: &[Run] = &[
    run(1, "the sum of all ranks is 0\nrank 0 did 24 tasks\n24 tasks, each done once: true"),
    run(
        3,
        "the sum of all ranks is 3\nrank 0 did … tasks\nrank 1 did … tasks\nrank 2 did … tasks\n24 tasks, each done once: true",
    ),
];

const OWN: &[Run] = &[run(
    2,
    "the sum of all ranks is 1\nrank 0 did … tasks\nrank 1 did … tasks\n24 tasks, each done once: true",
)];

const A: &[Run] = &[
    run(3, "tickets [0, 1, 2, 3, 4, 5, 6, 7, 8]")
        .hint("fetch_add gives what the number was before it was changed."),
    run(1, "tickets [0, 1, 2]"),
];

const B: &[Run] = &[
    run(3, "the sum is 332833500, of 63 pieces of up to 16 numbers")
        .hint("next.fetch_add(PIECE)? gives the first number of the piece; the last piece ends at NUMBERS."),
    run(1, "the sum is 332833500, of 63 pieces of up to 16 numbers"),
];
