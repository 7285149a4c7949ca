use super::{Lesson, Run, run};

pub(super) const LESSON: Lesson = Lesson { name: "05_farm", both: BOTH, own: OWN, a: A, b: B };

const PRIMES: &str = "primes in the first blocks: [669, 560, 525, 508]\nprimes below 200000: 17984";

const BOTH: &[Run] = &[run(1, PRIMES), run(4, PRIMES)];

const OWN: &[Run] = &[run(3, PRIMES).args(&["--equal"])];

const A: &[Run] = &[
    run(4, "6171 takes 261 steps").hint(
        "The items are a range, 1..10_000u64, and the task is `steps`. What run gives is an Option already.",
    ),
    run(1, "6171 takes 261 steps"),
];

const B: &[Run] = &[run(
    3,
    "mean 19.75 of 4 readings
reading 2: n/a is no number
reading 4: ? is no number",
)
.hint("farm(…).collect_errors().try_run(read)? and then results().iter().flatten() for what is good, errors().iter() for the rest.")];
