use super::{Lesson, Run, run};

pub(super) const LESSON: Lesson = Lesson { name: "13_node_shared", both: BOTH, own: OWN, a: A, b: B };

const BOTH: &[Run] = &[
    run(1, "ranks: 1, tables: 1, bytes of each: 1000001\nthe hardest to 1000000: 503222 = 523 + 502699"),
    run(4, "ranks: 4, tables: 1, bytes of each: 1000001\nthe hardest to 1000000: 503222 = 523 + 502699"),
];

const OWN: &[Run] =
    &[run(3, "ranks: 3, tables: 1, bytes of each: 1000001\nthe hardest to 1000000: 503222 = 523 + 502699")];

const A: &[Run] = &[
    run(3, "made 1 times: [1729, 4104, 13832, 20683, 32832, 39312]")
        .hint("In the closure: count(ways); made += 1; Ok(())."),
    run(1, "made 1 times: [1729, 4104, 13832, 20683, 32832, 39312]"),
];

const B: &[Run] = &[
    run(3, "node 0 of 1 has 33\nall have 33, and rank 0 has 10")
        .hint("nodes.node().reduce(0, &[mine], Sum)? on all ranks; then leaders.reduce(…) on those that have leaders."),
    run(1, "node 0 of 1 has 10\nall have 10, and rank 0 has 10"),
];
