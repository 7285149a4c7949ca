use super::{Lesson, Run, run};

pub(super) const LESSON: Lesson = Lesson { name: "06_ring", both: BOTH, own: OWN, a: A, b: B };

const BOTH: &[Run] = &[
    run(1, "round 1: the sum of all ranks is 0"),
    run(4, "round 1: the sum of all ranks is 6\nround 2: the sum of all ranks is 6").args(&["--rounds", "2"]),
    run(5, "round 1: the sum of all ranks is 10"),
];

const OWN: &[Run] = &[run(3, "round 1: the sum of all ranks is 3").settings(&[("RANKWISE_SEND", "sync")])];

const A: &[Run] = &[
    run(4, "the way was [0, 3, 2, 1]").hint(
        "To the left of rank 0 is the last rank, (rank + size - 1) % size. A message may have any length, and recv takes it.",
    ),
    run(1, "the way was [0]").hint("A world of one rank sends to itself: the rules of the ring hold for it, too."),
];

const B: &[Run] = &[
    run(4, "messages from each rank: [0, 1, 2, 3]").hint(
        "let message = world.probe(Any)?; then count at message.source(), and take it: message.recv::<usize, _>()?;",
    ),
    run(1, "messages from each rank: [0]"),
];
