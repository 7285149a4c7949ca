use super::{Lesson, Run, run};

pub(super) const LESSON: Lesson = Lesson { name: "15_threads", both: BOTH, own: OWN, a: A, b: B };

const ONE: &[(&str, &str)] = &[("OMP_NUM_THREADS", "1")];
const TWO: &[(&str, &str)] = &[("OMP_NUM_THREADS", "2")];
const THREE: &[(&str, &str)] = &[("OMP_NUM_THREADS", "3")];

const BOTH: &[Run] = &[
    run(1, "ranks: 1, threads of each: 2\n837799 takes 524 steps").settings(TWO),
    run(2, "ranks: 2, threads of each: 2\n837799 takes 524 steps").settings(TWO),
];

const OWN: &[Run] = &[
    run(3, "ranks: 3, threads of each: 1\n837799 takes 524 steps").settings(ONE),
    run(1, "ranks: 1, threads of each: 3\n837799 takes 524 steps").settings(THREE),
];

const A: &[Run] = &[
    run(2, "6 threads, 3 on each rank: [11429, 8572, 14285, 5714, 8572, 14285, 8572, 5714, 14285, 8572]")
        .settings(THREE)
        .hint(
            "Each thread returns its counts; add them up after join, then all_reduce does it for the ranks.",
        ),
    run(1, "1 threads, 1 on each rank: [11429, 8572, 14285, 5714, 8572, 14285, 8572, 5714, 14285, 8572]")
        .settings(ONE),
];

const B: &[Run] = &[
    run(2, "2864311 steps in 300 pieces")
        .settings(TWO)
        .hint("A piece of the numbers first..first + 100 has the starts first + 1..first + 101."),
    run(1, "2864311 steps in 300 pieces").settings(THREE),
];
