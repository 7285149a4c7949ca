use super::{Lesson, Run, run};

pub(super) const LESSON: Lesson = Lesson { name: "07_deadlock", both: BOTH, own: OWN, a: A, b: B };

const SUMS_OF_4: &str = "rank 0: the sum of all ranks is 6
rank 1: the sum of all ranks is 6
rank 2: the sum of all ranks is 6
rank 3: the sum of all ranks is 6";

const BOTH: &[Run] = &[run(1, "rank 0: the sum of all ranks is 0"), run(4, SUMS_OF_4)];

const CIRCLE: &str = "DEADLOCK: ranks wait for each other in a circle: 0 -> 1 -> 2 -> 0";

const OWN: &[Run] = &[
    run(3, "").args(&["--numbers", "1000000"]).fails(3, CIRCLE),
    run(3, "").settings(&[("RANKWISE_SEND", "sync")]).fails(3, CIRCLE),
];

const A: &[Run] = &[
    run(4, SUMS_OF_4).hint("Let even ranks send first, and odd ones receive first. What an odd rank has received must not be what it sends."),
    run(
        3,
        "rank 0: the sum of all ranks is 3
rank 1: the sum of all ranks is 3
rank 2: the sum of all ranks is 3",
    ),
];

const B: &[Run] = &[
    run(4, "rank 0 has got 3\nrank 1 has got 2\nrank 2 has got 1\nrank 3 has got 0")
        .hint("world.send_recv(partner, &mine, partner)?: to whom, what, from whom."),
    run(3, "rank 0 has got 2\nrank 1 has got 1\nrank 2 has got 0"),
];
