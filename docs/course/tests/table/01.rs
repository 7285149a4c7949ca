use super::{Lesson, Run, run};

pub(super) const LESSON: Lesson = Lesson { name: "01_rank_and_size", both: BOTH, own: &[], a: A, b: B };

const BOTH: &[Run] = &[
    run(1, "I am rank 0 of 1"),
    run(4, "I am rank 0 of 4\nI am rank 1 of 4\nI am rank 2 of 4\nI am rank 3 of 4").free(),
];

const A: &[Run] = &[
    run(3, "rank 0 -> rank 1\nrank 1 -> rank 2\nrank 2 -> rank 0")
        .free()
        .hint("The neighbour is one more than the rank; the remainder (%) of the division by size leads from the last to 0."),
    run(1, "rank 0 -> rank 0").hint("Who is alone in a circle is its own neighbour."),
];

const B: &[Run] = &[
    run(1, "alone").hint("size() is 1 when there is nobody else."),
    run(3, "3 ranks").hint("Only one rank may speak: if world.rank() == 0 { … }"),
];
