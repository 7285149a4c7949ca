use super::{Lesson, Run, run};

pub(super) const LESSON: Lesson = Lesson { name: "09_own_types", both: BOTH, own: OWN, a: A, b: B };

const BOTH: &[Run] =
    &[run(1, "mean 20.00, hottest 20 at rank 0"), run(4, "mean 22.00, hottest 24 at rank 3")];

const OWN: &[Run] = &[run(3, "mean 21.33, hottest 23 at rank 1")];

const A: &[Run] = &[
    run(4, "star 3, mass 5, at [3.0, 0.5, -1.0]")
        .hint("#[derive(Clone, Copy, Equivalence)], and world.gather(0, &[mine])?, which gives an Option."),
    run(2, "star 1, mass 4, at [1.0, 0.5, -1.0]"),
];

const B: &[Run] = &[
    run(4, "we need more memory: rank 0, rank 1, rank 2, rank 3").hint(
        "The ring of lesson 6: world.send_value(right, &letter)? and let letter: Letter = world.recv_value(left)?.",
    ),
    run(1, "we need more memory: rank 0"),
];
